//! The second factor: begun with the password, on after its first code, off with the password.
//!
//! What must stay true: the seed is shown once and stored sealed; switching it on or off ends every session in the same
//! commit, and the one that asks begins anew.

use domain::audit::By;
use domain::ids::{TenantId, UserId};
use domain::people::User;
use jiff::SignedDuration;

use super::lockout::{Limit, attempt};
use super::password::{next_version, prove};
use super::sessions::{self, SignedIn};
use super::sign_in::changed;
use super::{Done, Refused, Tools, Tries, mails, notes, totp};
use crate::ports::{Act, BegunFactor, Credentials, Person, SecondFactor};
use crate::secret::Secret;

/// What seeds are sealed for.
pub const PURPOSE: &str = "totp_seed";
/// How long one that was begun waits for its first code.
pub const BEGUN_LIFETIME: SignedDuration = SignedDuration::from_mins(15);

const ALREADY_ON: &str = "the second factor is on already: switch it off first";
const NOT_ON: &str = "the second factor is not on";
const NOT_BEGUN: &str = "no second factor waits for its first code: begin again";

/// What is shown once of a second factor that was begun.
#[derive(Debug, Clone)]
pub struct Begun {
    /// The seed, in base32.
    pub seed: Secret,
    /// The same for a picture that apps read.
    pub uri: Secret,
}

/// Begins one. Nothing changes for signing in until [`confirm`].
///
/// # Errors
/// The password is wrong, one is on already; or a port failed.
pub async fn begin(
    tools: &Tools<'_>,
    by: &By,
    tenant: TenantId,
    user: UserId,
    password: &Secret,
) -> Done<Begun> {
    let person = tools.person(tenant, user).await?;
    prove(tools, &person, password).await?;
    let seed = totp::new_seed()?;
    let sealed = tools.vault.seal(tenant, PURPOSE, &seed).await?;
    let now = tools.clock.now();
    let begun = BegunFactor { seed: sealed, expires_at: now.saturating_add(BEGUN_LIFETIME).unwrap_or(now) };
    let entry = notes::entry(tools, tenant, by, "user.second_factor_begun", user, Vec::new());
    let mut tries = Tries::new();
    loop {
        tries.next("begin a second factor").await?;
        let person = tools.person(tenant, user).await?;
        if person.credentials.second_factor.is_some() {
            return Err(Refused::State(ALREADY_ON).into());
        }
        let credentials = Credentials { begun: Some(begun.clone()), ..person.credentials.clone() };
        if tools.commit(tenant, &[changed(&person, credentials)], Some(&entry)).await? {
            let uri = Secret::new(totp::uri(&seed, person.user.email.as_str()));
            return Ok(Begun { seed, uri });
        }
    }
}

/// Switches it on, with the first code of the app. Gives the recovery codes, which are shown once.
///
/// # Errors
/// None was begun or too long ago, the code is wrong, too many attempts; or a port failed.
pub async fn confirm(
    tools: &Tools<'_>,
    by: &By,
    tenant: TenantId,
    user: UserId,
    code: &str,
) -> Done<(SignedIn, Vec<Secret>)> {
    let attempt = attempt(tools, vec![Limit::proof("second-factor", user)]).await?;
    let recovery = totp::new_recovery_codes()?;
    let mut tries = Tries::new();
    loop {
        tries.next("switch a second factor on").await?;
        let person = tools.person(tenant, user).await?;
        if person.credentials.second_factor.is_some() {
            return Err(Refused::State(ALREADY_ON).into());
        }
        let begun = person.credentials.begun.as_ref().filter(|begun| tools.clock.now() < begun.expires_at);
        let begun = begun.ok_or(Refused::State(NOT_BEGUN))?;
        let seed = tools.vault.open(tenant, PURPOSE, &begun.seed).await?;
        let step = totp::step_of(&seed, code, tools.clock.now(), 0)?.ok_or(Refused::WrongCode)?;
        let hashes = recovery.iter().map(|code| totp::recovery_hash(user, code.expose())).collect();
        let factor = SecondFactor { seed: begun.seed.clone(), last_step: step, recovery: hashes };
        if let Some(signed_in) = switch(tools, by, &person, Some(factor)).await? {
            attempt.succeeded(tools).await?;
            mails::second_factor_changed(tools, &signed_in.user.email, true).await?;
            return Ok((signed_in, recovery));
        }
    }
}

/// Switches it off.
///
/// # Errors
/// The password is wrong, it is not on; or a port failed.
pub async fn disable(
    tools: &Tools<'_>,
    by: &By,
    tenant: TenantId,
    user: UserId,
    password: &Secret,
) -> Done<SignedIn> {
    let person = tools.person(tenant, user).await?;
    prove(tools, &person, password).await?;
    let mut tries = Tries::new();
    loop {
        tries.next("switch a second factor off").await?;
        let person = tools.person(tenant, user).await?;
        if person.credentials.second_factor.is_none() {
            return Err(Refused::State(NOT_ON).into());
        }
        if let Some(signed_in) = switch(tools, by, &person, None).await? {
            mails::second_factor_changed(tools, &signed_in.user.email, false).await?;
            return Ok(signed_in);
        }
    }
}

/// Switches, ends every session, begins a new one; `None` when the person is not as they were read.
async fn switch(
    tools: &Tools<'_>,
    by: &By,
    person: &Person,
    factor: Option<SecondFactor>,
) -> Done<Option<SignedIn>> {
    let on = factor.is_some();
    let tenant = person.user.tenant;
    let user = User { second_factor: on, ..next_version(tools, &person.user) };
    let (token, kept) = sessions::fresh(tools, &user, &by.origin)?;
    let session = kept.session.clone();
    let mut steps = sessions::end_all(person);
    let credentials = Credentials { second_factor: factor, begun: None, ..person.credentials.clone() };
    steps.push(changed(person, credentials));
    steps.push(Act::ChangeUser { user: user.clone(), before: person.standing() });
    steps.push(Act::BeginSession(kept));
    let mut changes = Vec::new();
    notes::change(&mut changes, "second_factor", Some(!on), Some(on));
    let entry = notes::entry(tools, tenant, by, "user.second_factor_changed", user.id, changes);
    let done = tools.commit(tenant, &steps, Some(&entry)).await?;
    Ok(done.then_some(SignedIn { token, session, user }))
}
