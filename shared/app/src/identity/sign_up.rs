//! Opening an account.
//!
//! What must stay true: nothing is opened before somebody followed the link that was sent to the address, and the password
//! is chosen by whoever did; so nobody occupies an address that is not theirs, and the answer is the same for an address
//! that is known.

use domain::audit::Actor;
use domain::email::EmailAddress;
use domain::ids::{TenantId, UserId};
use domain::people::{Account, AccountSettings, User, UserStatus};
use domain::validate::{Problems, Validate as _};
use jiff::SignedDuration;

use super::lockout::{self, Limit, attempt};
use super::sessions::{self, SignedIn};
use super::{Done, ONCE_PREFIX, Refused, Tools, Tries, Visitor, mails, notes, password};
use crate::ports::{Act, Credentials, OneTimeToken, TokenUse};
use crate::secret::Secret;

/// How long the link works.
pub const LINK_LIFETIME: SignedDuration = SignedDuration::from_hours(24);

/// Who wants an account, and how it shall be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignUp {
    /// Where the link is sent.
    pub email: EmailAddress,
    /// What the person is called.
    pub name: String,
    /// The account's settings.
    pub settings: AccountSettings,
}

/// Sends a link with which the account is opened; to an address that is known, a mail that says so.
///
/// # Errors
/// Broken rules, too many of them, or a port failed.
pub async fn ask(tools: &Tools<'_>, visitor: &Visitor, sign_up: SignUp) -> Done<()> {
    let mut problems = Problems::new();
    problems.name("name", &sign_up.name);
    let settings = sign_up.settings.validate().err().unwrap_or_default();
    for problem in settings {
        let field = if problem.field == "name" { "account_name" } else { problem.field.as_str() };
        problems.add(field, &problem.rule, problem.message);
    }
    problems.into_result().map_err(Refused::Invalid)?;
    attempt(tools, vec![Limit::mail_from(visitor)]).await?;
    super::evenly(tools, send(tools, sign_up)).await
}

async fn send(tools: &Tools<'_>, sign_up: SignUp) -> Done<()> {
    let email = sign_up.email.clone();
    if !lockout::silently(tools, Limit::mail_to(email.as_str())).await? {
        return Ok(());
    }
    if tools.identity.owner_of_email(&email).await?.is_some() {
        return mails::already_known(tools, &email).await;
    }
    let secret = prepare(tools, TenantId::from_uuid(tools.clock.new_id()), sign_up).await?;
    mails::confirm_sign_up(tools, &email, &secret).await
}

/// Keeps what was asked for; the answer is the token that [`confirm`] takes to open the account under this id. It is what
/// the link carries; a program that makes an account without mail, such as the local platform's demo, confirms it itself.
///
/// # Errors
/// A port failed.
pub async fn prepare(tools: &Tools<'_>, tenant: TenantId, sign_up: SignUp) -> Done<Secret> {
    let SignUp { email, name, settings } = sign_up;
    let (secret, token_hash) = super::new_token(ONCE_PREFIX)?;
    let now = tools.clock.now();
    let token = OneTimeToken {
        tenant,
        used_for: TokenUse::SignUp { email, name, settings },
        expires_at: now.saturating_add(LINK_LIFETIME).unwrap_or(now),
    };
    tools.commit(tenant, &[Act::PutToken { token_hash, token }], None).await?;
    Ok(secret)
}

/// Opens the account, with its owner signed in.
///
/// # Errors
/// The link is not good any more, the password is not good enough, the address has an account meanwhile; or a port failed.
pub async fn confirm(
    tools: &Tools<'_>,
    visitor: &Visitor,
    token: &Secret,
    new_password: &Secret,
) -> Done<SignedIn> {
    let (found, token_hash) = tools.good_token(token).await?;
    let TokenUse::SignUp { email, name, settings } = found.used_for else {
        return Err(Refused::TokenInvalid.into());
    };
    password::check("password", new_password, &[email.as_str(), &name, &settings.name])?;
    let now = tools.clock.now();
    let account = Account { id: found.tenant, settings, created_at: now, updated_at: now, version: 1 };
    let user = User {
        id: UserId::from_uuid(tools.clock.new_id()),
        tenant: account.id,
        email,
        name,
        role: domain::access::Role::Owner,
        party: None,
        status: UserStatus::Active,
        second_factor: false,
        created_at: now,
        updated_at: now,
        last_sign_in_at: Some(now),
        version: 1,
    };
    let credentials = first_credentials(tools.passwords.hash(new_password).await?);
    let (secret, session) = sessions::fresh(tools, &user, &visitor.by.origin)?;
    let steps = [
        Act::UseToken { token_hash },
        Act::CreateAccount(account.clone()),
        Act::CreateUser { user: user.clone(), credentials },
        Act::BeginSession(session.clone()),
    ];
    let by = domain::audit::By { actor: Actor::User(user.id), origin: visitor.by.origin.clone() };
    let changes = vec![
        notes::set("owner", user.id),
        notes::set("email", notes::recognisable(tools, account.id, &user.email).await?),
        notes::set("currency", account.settings.currency),
        notes::set("time_zone", &account.settings.time_zone),
    ];
    let entry = notes::entry(tools, account.id, &by, "account.opened", account.id, changes);
    let mut tries = Tries::new();
    loop {
        tries.next("open an account").await?;
        if tools.commit(account.id, &steps, Some(&entry)).await? {
            return Ok(SignedIn { token: secret, session: session.session, user });
        }
        // Somebody else used the link at the same moment.
        tools.good_token(token).await?;
    }
}

/// What a new person proves themselves with.
pub(super) fn first_credentials(password: String) -> Credentials {
    Credentials { password, password_number: 1, second_factor: None, begun: None, revision: 1 }
}
