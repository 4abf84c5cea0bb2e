//! Signing in and out.
//!
//! What must stay true: an unknown address costs the same verification and gets the same answer as a wrong password; an
//! attempt is counted before it is judged; the session begins with the role that the user has at that moment.

use domain::access::Role;
use domain::audit::{Actor, By};
use domain::email::EmailAddress;
use domain::ids::{SessionId, TenantId, UserId};
use domain::people::UserStatus;
use jiff::{SignedDuration, Timestamp};

use super::lockout::{Limit, attempt};
use super::sessions::{self, SignedIn};
use super::{Done, ONCE_PREFIX, Refused, Tools, Tries, Visitor, notes, totp};
use crate::ports::{Act, Credentials, OneTimeToken, Person, TokenUse};
use crate::secret::Secret;

/// How long the second step may take.
pub const SECOND_STEP_LIFETIME: SignedDuration = SignedDuration::from_mins(5);

/// What became of the first step.
#[derive(Debug, Clone)]
pub enum SignIn {
    /// Signed in.
    Done(Box<SignedIn>),
    /// The password was right; a code of the second factor is asked next.
    SecondStep {
        /// Goes with the code. Good for nothing else.
        token: Secret,
        /// Not good from then on.
        expires_at: Timestamp,
    },
}

/// The first step: address and password.
///
/// # Errors
/// They are wrong, too many attempts, or a port failed.
pub async fn sign_in(tools: &Tools<'_>, visitor: &Visitor, email: &str, password: &Secret) -> Done<SignIn> {
    let email = email.trim().to_ascii_lowercase();
    let limits = vec![Limit::sign_in(&email), Limit::sign_in_from(visitor)];
    let attempt = attempt(tools, limits).await?;
    let person = find(tools, &email).await?;
    let hash = person.as_ref().map_or(tools.passwords.nobodys(), |person| &person.credentials.password);
    let right = tools.passwords.verify(password, hash).await?;
    let Some(person) = &person else {
        // Takes the place of the note below, so that time does not tell.
        tools.identity.account(nobody().0).await?;
        return Err(Refused::WrongCredentials.into());
    };
    if !right || person.user.status != UserStatus::Active {
        let entry = notes::entry(
            tools,
            person.user.tenant,
            &visitor.by,
            "session.refused",
            person.user.id,
            Vec::new(),
        );
        tools.audit.note(&entry).await?;
        return Err(Refused::WrongCredentials.into());
    }
    attempt.succeeded(tools).await?;
    if person.credentials.second_factor.is_some() {
        return ask_second_step(tools, person).await;
    }
    let hash = hash.to_owned();
    let renewed =
        if tools.passwords.is_outdated(&hash) { Some(tools.passwords.hash(password).await?) } else { None };
    let proof = move |person: &Person| {
        let credentials = &person.credentials;
        if credentials.password != hash || credentials.second_factor.is_some() {
            return Err(Refused::WrongCredentials);
        }
        let Some(password) = renewed.clone() else { return Ok(Vec::new()) };
        Ok(vec![changed(person, Credentials { password, ..credentials.clone() })])
    };
    begin(tools, visitor, person.user.tenant, person.user.id, proof)
        .await
        .map(|signed_in| SignIn::Done(Box::new(signed_in)))
}

/// The ids of nobody: reading them takes as long as reading somebody.
fn nobody() -> (TenantId, UserId) {
    (TenantId::from_uuid(uuid::Uuid::nil()), UserId::from_uuid(uuid::Uuid::nil()))
}

async fn find(tools: &Tools<'_>, email: &str) -> Done<Option<Person>> {
    let owner = match email.parse::<EmailAddress>() {
        Ok(email) => tools.identity.owner_of_email(&email).await?,
        Err(_) => None,
    };
    let (tenant, user) = owner.unwrap_or_else(nobody);
    Ok(tools.identity.person(tenant, user).await?.filter(|_| owner.is_some()))
}

/// Credentials with their next revision, from what was read.
pub(super) fn changed(person: &Person, credentials: Credentials) -> Act {
    let before = person.credentials.revision;
    let credentials = Credentials { revision: before + 1, ..credentials };
    Act::ChangeCredentials { user: person.user.id, credentials, before }
}

async fn ask_second_step(tools: &Tools<'_>, person: &Person) -> Done<SignIn> {
    let (secret, token_hash) = super::new_token(ONCE_PREFIX)?;
    let now = tools.clock.now();
    let expires_at = now.saturating_add(SECOND_STEP_LIFETIME).unwrap_or(now);
    let token = OneTimeToken {
        tenant: person.user.tenant,
        used_for: TokenUse::SecondStep {
            user: person.user.id,
            password_number: person.credentials.password_number,
        },
        expires_at,
    };
    tools.commit(person.user.tenant, &[Act::PutToken { token_hash, token }], None).await?;
    Ok(SignIn::SecondStep { token: secret, expires_at })
}

/// Begins a session of somebody whose `proof` still holds for what is stored now; it may add steps.
async fn begin(
    tools: &Tools<'_>,
    visitor: &Visitor,
    tenant: TenantId,
    user: UserId,
    proof: impl Fn(&Person) -> Result<Vec<Act>, Refused>,
) -> Done<SignedIn> {
    let by = By { actor: Actor::User(user), origin: visitor.by.origin.clone() };
    let mut tries = Tries::new();
    loop {
        tries.next("sign somebody in").await?;
        let person = tools.identity.person(tenant, user).await?.ok_or(Refused::WrongCredentials)?;
        if person.user.status != UserStatus::Active {
            return Err(Refused::WrongCredentials.into());
        }
        let mut steps = proof(&person)?;
        let (token, kept) = sessions::fresh(tools, &person.user, &by.origin)?;
        let session = kept.session.clone();
        steps.extend(sessions::begin(&person, kept, tools.clock.now()));
        let entry = notes::entry(tools, tenant, &by, "session.began", session.id, Vec::new());
        if tools.commit(tenant, &steps, Some(&entry)).await? {
            return Ok(SignedIn { token, session, user: person.user });
        }
    }
}

/// The second step: a code of the authenticator app, or a recovery code.
///
/// # Errors
/// The token is not good any more, the code is wrong or used, too many attempts; or a port failed.
pub async fn second_step(tools: &Tools<'_>, visitor: &Visitor, token: &Secret, code: &str) -> Done<SignedIn> {
    let (found, token_hash) = tools.good_token(token).await?;
    let TokenUse::SecondStep { user, password_number } = found.used_for else {
        return Err(Refused::TokenInvalid.into());
    };
    let attempt =
        attempt(tools, vec![Limit::proof("second-step", user), Limit::sign_in_from(visitor)]).await?;
    let by = By { actor: Actor::User(user), origin: visitor.by.origin.clone() };
    let mut tries = Tries::new();
    loop {
        tries.next("sign somebody in").await?;
        let person = tools.identity.person(found.tenant, user).await?.ok_or(Refused::TokenInvalid)?;
        let stale = person.credentials.password_number != password_number;
        if stale || person.user.status != UserStatus::Active {
            return Err(Refused::TokenInvalid.into());
        }
        let Some((credentials, action)) = proven(tools, &person, code).await? else {
            let entry = notes::entry(tools, found.tenant, &visitor.by, "session.refused", user, Vec::new());
            tools.audit.note(&entry).await?;
            return Err(Refused::WrongCode.into());
        };
        let (secret, kept) = sessions::fresh(tools, &person.user, &by.origin)?;
        let session = kept.session.clone();
        let mut steps = vec![Act::UseToken { token_hash: token_hash.clone() }, changed(&person, credentials)];
        steps.extend(sessions::begin(&person, kept, tools.clock.now()));
        let entry = notes::entry(tools, found.tenant, &by, action, session.id, Vec::new());
        if tools.commit(found.tenant, &steps, Some(&entry)).await? {
            attempt.succeeded(tools).await?;
            return Ok(SignedIn { token: secret, session, user: person.user });
        }
    }
}

/// The credentials after this code was taken, and what the audit log says; `None` when the code is wrong or was used.
async fn proven(tools: &Tools<'_>, person: &Person, code: &str) -> Done<Option<(Credentials, &'static str)>> {
    let credentials = &person.credentials;
    let factor = credentials.second_factor.as_ref().ok_or(Refused::TokenInvalid)?;
    let seed = tools.vault.open(person.user.tenant, super::second_factor::PURPOSE, &factor.seed).await?;
    let mut factor = factor.clone();
    let action = if let Some(step) = totp::step_of(&seed, code, tools.clock.now(), factor.last_step)? {
        factor.last_step = step;
        "session.began"
    } else {
        let hash = totp::recovery_hash(person.user.id, code);
        let Some(place) = factor.recovery.iter().position(|stored| *stored == hash) else { return Ok(None) };
        factor.recovery.remove(place);
        "session.began_with_recovery_code"
    };
    Ok(Some((Credentials { second_factor: Some(factor), ..credentials.clone() }, action)))
}

/// Ends the session that asks.
///
/// # Errors
/// A port failed.
pub async fn sign_out(
    tools: &Tools<'_>,
    by: &By,
    tenant: TenantId,
    user: UserId,
    session: SessionId,
    token_hash: &str,
) -> Done<()> {
    let step = Act::EndSession { user, session, token_hash: token_hash.to_owned() };
    let entry = notes::entry(tools, tenant, by, "session.ended", session, Vec::new());
    tools.commit(tenant, &[step], Some(&entry)).await?;
    Ok(())
}

/// The role that decides how far somebody may go with other people's roles. A key has no role: it acts as an admin.
pub fn authority(role: Option<Role>) -> Role {
    role.unwrap_or(Role::Admin)
}
