//! Passwords: changed by who knows the old one, reset by who reads the mail.
//!
//! What must stay true: a new password ends every session and makes every link that was sent before worthless.

use domain::audit::{Actor, By};
use domain::email::EmailAddress;
use domain::ids::{TenantId, UserId};
use domain::people::{User, UserStatus};
use jiff::SignedDuration;

use super::lockout::{self, Limit, attempt};
use super::sessions::{self, SignedIn};
use super::sign_in::changed;
use super::{Done, ONCE_PREFIX, Refused, Tools, Tries, Visitor, mails, notes};
use crate::ports::{Act, Credentials, OneTimeToken, Person, TokenUse};
use crate::secret::Secret;

/// How long the link works.
pub const LINK_LIFETIME: SignedDuration = SignedDuration::from_hours(1);

/// Refuses a password that is not good enough.
pub(super) fn check(field: &str, password: &Secret, known: &[&str]) -> Result<(), Refused> {
    domain::password::weakness(field, password.expose(), known)
        .map_or(Ok(()), |problem| Err(Refused::WeakPassword(problem)))
}

/// Asks somebody who is signed in for their password once more. Attempts are counted.
pub(super) async fn prove(tools: &Tools<'_>, person: &Person, password: &Secret) -> Done<()> {
    let attempt = attempt(tools, vec![Limit::proof("password", person.user.id)]).await?;
    if !tools.passwords.verify(password, &person.credentials.password).await? {
        return Err(Refused::WrongPassword.into());
    }
    attempt.succeeded(tools).await
}

async fn known_names(tools: &Tools<'_>, user: &User) -> Done<Vec<String>> {
    let account = tools.identity.account(user.tenant).await?;
    let mut names = vec![user.email.as_str().to_owned(), user.name.clone()];
    names.extend(account.map(|account| account.settings.name));
    Ok(names)
}

async fn check_new(tools: &Tools<'_>, user: &User, password: &Secret) -> Done<()> {
    let names = known_names(tools, user).await?;
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    Ok(check("password", password, &names)?)
}

/// The user as they are after a change, from what was read.
pub(super) fn next_version(tools: &Tools<'_>, user: &User) -> User {
    User { version: user.version + 1, updated_at: tools.clock.now(), ..user.clone() }
}

/// What a new password writes: it, and the end of every session.
fn renewal(tools: &Tools<'_>, person: &Person, password: String) -> (User, Vec<Act>) {
    let user = next_version(tools, &person.user);
    let credentials = Credentials {
        password,
        password_number: person.credentials.password_number + 1,
        begun: None,
        ..person.credentials.clone()
    };
    let mut steps = sessions::end_all(person);
    steps.push(changed(person, credentials));
    steps.push(Act::ChangeUser { user: user.clone(), before: person.standing() });
    (user, steps)
}

/// Sets a new password for somebody who knows the old one. Every session ends; the one that asks begins anew.
///
/// # Errors
/// The old password is wrong, the new one is not good enough, too many attempts; or a port failed.
pub async fn change(
    tools: &Tools<'_>,
    by: &By,
    tenant: TenantId,
    user: UserId,
    old: &Secret,
    new: &Secret,
) -> Done<SignedIn> {
    let person = tools.person(tenant, user).await?;
    prove(tools, &person, old).await?;
    check_new(tools, &person.user, new).await?;
    let proven = person.credentials.password;
    let hash = tools.passwords.hash(new).await?;
    let mut tries = Tries::new();
    loop {
        tries.next("change a password").await?;
        let person = tools.person(tenant, user).await?;
        if person.credentials.password != proven {
            return Err(Refused::WrongPassword.into());
        }
        let (user, mut steps) = renewal(tools, &person, hash.clone());
        let (token, kept) = sessions::fresh(tools, &user, &by.origin)?;
        let session = kept.session.clone();
        steps.push(Act::BeginSession(kept));
        let entry = notes::entry(tools, tenant, by, "user.password_changed", user.id, Vec::new());
        if tools.commit(tenant, &steps, Some(&entry)).await? {
            mails::password_changed(tools, &user.email).await?;
            return Ok(SignedIn { token, session, user });
        }
    }
}

/// Sends a link with which a new password is set, if the address signs in. The answer is the same if not.
///
/// # Errors
/// Too many of them, or a port failed.
pub async fn ask_reset(tools: &Tools<'_>, visitor: &Visitor, email: &EmailAddress) -> Done<()> {
    attempt(tools, vec![Limit::mail_from(visitor)]).await?;
    super::evenly(tools, send_reset(tools, visitor, email)).await
}

async fn send_reset(tools: &Tools<'_>, visitor: &Visitor, email: &EmailAddress) -> Done<()> {
    if !lockout::silently(tools, Limit::mail_to(email.as_str())).await? {
        return Ok(());
    }
    let Some((tenant, user)) = tools.identity.owner_of_email(email).await? else { return Ok(()) };
    let Some(person) = tools.identity.person(tenant, user).await? else { return Ok(()) };
    if person.user.status != UserStatus::Active {
        return Ok(());
    }
    let (secret, token_hash) = super::new_token(ONCE_PREFIX)?;
    let now = tools.clock.now();
    let token = OneTimeToken {
        tenant,
        used_for: TokenUse::ResetPassword {
            user,
            email: email.clone(),
            password_number: person.credentials.password_number,
        },
        expires_at: now.saturating_add(LINK_LIFETIME).unwrap_or(now),
    };
    let entry = notes::entry(tools, tenant, &visitor.by, "user.password_reset_asked", user, Vec::new());
    tools.commit(tenant, &[Act::PutToken { token_hash, token }], Some(&entry)).await?;
    if let Err(error) = mails::reset_password(tools, email, &secret).await {
        // An error would tell that the address is known.
        tracing::error!(error = ?error, "the mail with which a password is reset was not sent");
    }
    Ok(())
}

/// Sets a new password for whoever has the link. Every session ends.
///
/// # Errors
/// The link is not good any more, the password is not good enough; or a port failed.
pub async fn reset(tools: &Tools<'_>, visitor: &Visitor, token: &Secret, new: &Secret) -> Done<()> {
    let (found, token_hash) = tools.good_token(token).await?;
    let TokenUse::ResetPassword { user, email, password_number } = found.used_for else {
        return Err(Refused::TokenInvalid.into());
    };
    let tenant = found.tenant;
    let mut hash = None;
    let by = By { actor: Actor::User(user), origin: visitor.by.origin.clone() };
    let mut tries = Tries::new();
    loop {
        tries.next("reset a password").await?;
        let person = tools.identity.person(tenant, user).await?.ok_or(Refused::TokenInvalid)?;
        let fits = person.user.email == email
            && person.credentials.password_number == password_number
            && person.user.status == UserStatus::Active;
        if !fits {
            return Err(Refused::TokenInvalid.into());
        }
        let hash = match &hash {
            Some(hash) => String::clone(hash),
            None => {
                check_new(tools, &person.user, new).await?;
                hash.insert(tools.passwords.hash(new).await?).clone()
            }
        };
        let (changed, mut steps) = renewal(tools, &person, hash);
        steps.push(Act::UseToken { token_hash: token_hash.clone() });
        let entry = notes::entry(tools, tenant, &by, "user.password_reset", user, Vec::new());
        if tools.commit(tenant, &steps, Some(&entry)).await? {
            return mails::password_changed(tools, &changed.email).await;
        }
    }
}
