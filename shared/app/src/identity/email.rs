//! Signing in with another address: confirmed at the new one, told to the old one.

use domain::audit::{Actor, By, Change};
use domain::email::EmailAddress;
use domain::ids::{TenantId, UserId};
use domain::people::{User, UserStatus};
use domain::validate::Problem;
use jiff::SignedDuration;

use super::lockout::{self, Limit};
use super::password::{next_version, prove};
use super::{Done, ONCE_PREFIX, Refused, Tools, Tries, Visitor, mails, notes};
use crate::ports::{Act, OneTimeToken, TokenUse};
use crate::secret::Secret;

/// How long the link works.
pub const LINK_LIFETIME: SignedDuration = SignedDuration::from_hours(1);

/// Sends a link to the new address, and word to the old one.
///
/// # Errors
/// The password is wrong, it is the same address, too many attempts; or a port failed.
pub async fn ask(
    tools: &Tools<'_>,
    by: &By,
    tenant: TenantId,
    user: UserId,
    to: &EmailAddress,
    password: &Secret,
) -> Done<()> {
    let person = tools.person(tenant, user).await?;
    prove(tools, &person, password).await?;
    let from = person.user.email;
    if from == *to {
        let message = "this is the address you sign in with already".to_owned();
        let problem = Problem { field: "email".to_owned(), rule: "same".to_owned(), message };
        return Err(Refused::Invalid(vec![problem]).into());
    }
    if !lockout::silently(tools, Limit::mail_to(to.as_str())).await? {
        return Ok(());
    }
    let (secret, token_hash) = super::new_token(ONCE_PREFIX)?;
    let now = tools.clock.now();
    let token = OneTimeToken {
        tenant,
        used_for: TokenUse::ChangeEmail {
            user,
            from: from.clone(),
            to: to.clone(),
            password_number: person.credentials.password_number,
        },
        expires_at: now.saturating_add(LINK_LIFETIME).unwrap_or(now),
    };
    let changes = vec![notes::set("email", notes::recognisable(tools, tenant, to).await?)];
    let entry = notes::entry(tools, tenant, by, "user.email_change_asked", user, changes);
    tools.commit(tenant, &[Act::PutToken { token_hash, token }], Some(&entry)).await?;
    mails::confirm_email(tools, to, &secret).await?;
    mails::email_asked(tools, &from, to).await
}

/// The link at the new address was followed: from now on it signs in.
///
/// # Errors
/// The link is not good any more, or the address signs in elsewhere; or a port failed.
pub async fn confirm(tools: &Tools<'_>, visitor: &Visitor, token: &Secret) -> Done<()> {
    let (found, token_hash) = tools.good_token(token).await?;
    let TokenUse::ChangeEmail { user, from, to, password_number } = found.used_for else {
        return Err(Refused::TokenInvalid.into());
    };
    let tenant = found.tenant;
    let by = By { actor: Actor::User(user), origin: visitor.by.origin.clone() };
    let change = Change {
        before: notes::set("email", notes::recognisable(tools, tenant, &from).await?).after,
        ..notes::set("email", notes::recognisable(tools, tenant, &to).await?)
    };
    let entry = notes::entry(tools, tenant, &by, "user.email_changed", user, vec![change]);
    let mut tries = Tries::new();
    loop {
        tries.next("change an address").await?;
        let person = tools.identity.person(tenant, user).await?.ok_or(Refused::TokenInvalid)?;
        let fits = person.user.email == from
            && person.credentials.password_number == password_number
            && person.user.status == UserStatus::Active;
        if !fits {
            return Err(Refused::TokenInvalid.into());
        }
        let after = User { email: to.clone(), ..next_version(tools, &person.user) };
        let steps = [
            Act::UseToken { token_hash: token_hash.clone() },
            Act::MoveEmail { user, from: from.clone(), to: to.clone() },
            Act::ChangeUser { user: after, before: person.standing() },
        ];
        if tools.commit(tenant, &steps, Some(&entry)).await? {
            return mails::email_changed(tools, &from).await;
        }
    }
}
