//! Sessions: how long they last, how many there are, how they end.
//!
//! What must stay true: a token is new at every sign-in and at every change of what one proves oneself with; beginning a
//! session stands in one commit with a step that depends on the user's [`crate::ports::Standing`].

use domain::audit::{By, Origin};
use domain::ids::{SessionId, TenantId, UserId};
use domain::people::User;
use jiff::{SignedDuration, Timestamp};

use super::{Done, Refused, Tools, notes};
use crate::ports::{Act, ApiKey, Identity, KeptKey, KeptSession, Person, PortResult, Session};
use crate::secret::Secret;

/// Tokens of sessions begin so.
pub const SESSION_PREFIX: &str = "ccp_session_";
/// A session ends after so long, however much it is used.
pub const LIFETIME: SignedDuration = SignedDuration::from_hours(14 * 24);
/// Sessions of one person; beginning one more ends the oldest.
pub const MOST: usize = 20;
/// A use is noted when the last noted one is so long ago.
pub const NOTED_EVERY: SignedDuration = SignedDuration::from_mins(10);

/// Somebody is signed in.
#[derive(Debug, Clone)]
pub struct SignedIn {
    /// For their browser alone; shown once.
    pub token: Secret,
    /// The session.
    pub session: Session,
    /// Who.
    pub user: User,
}

/// A session that is not stored yet.
pub(super) fn fresh(tools: &Tools<'_>, user: &User, origin: &Origin) -> PortResult<(Secret, KeptSession)> {
    let (token, token_hash) = super::new_token(SESSION_PREFIX)?;
    let now = tools.clock.now();
    let session = Session {
        id: SessionId::from_uuid(tools.clock.new_id()),
        tenant: user.tenant,
        user: user.id,
        role: user.role,
        party: user.party,
        created_at: now,
        last_used_at: now,
        expires_at: now.saturating_add(LIFETIME).unwrap_or(now),
        origin: origin.clone(),
    };
    Ok((token, KeptSession { token_hash, session }))
}

fn end(kept: &KeptSession) -> Act {
    Act::EndSession { user: kept.session.user, session: kept.session.id, token_hash: kept.token_hash.clone() }
}

/// Ends every session.
pub(super) fn end_all(person: &Person) -> Vec<Act> {
    person.sessions.iter().map(end).collect()
}

/// Begins one more session of a person who stands as they were read, and ends those that are over or too many.
pub(super) fn begin(person: &Person, kept: KeptSession, now: Timestamp) -> Vec<Act> {
    let (mut good, over): (Vec<&KeptSession>, Vec<&KeptSession>) =
        person.sessions.iter().partition(|kept| kept.session.is_valid_at(now));
    good.sort_by_key(|kept| std::cmp::Reverse((kept.session.created_at, kept.session.id)));
    let mut steps: Vec<Act> = over.into_iter().chain(good.into_iter().skip(MOST - 1)).map(end).collect();
    steps.push(Act::CountSignIn { user: person.user.id, before: person.standing(), at: now });
    steps.push(Act::BeginSession(kept));
    steps
}

/// One's own sessions that still sign in, newest first.
///
/// # Errors
/// The port failed.
pub async fn list(tools: &Tools<'_>, tenant: TenantId, user: UserId) -> Done<Vec<Session>> {
    let now = tools.clock.now();
    let person = tools.person(tenant, user).await?;
    let mut sessions: Vec<Session> = person
        .sessions
        .into_iter()
        .map(|kept| kept.session)
        .filter(|session| session.is_valid_at(now))
        .collect();
    sessions.sort_by_key(|session| std::cmp::Reverse((session.created_at, session.id)));
    Ok(sessions)
}

/// Ends one of one's own sessions; also the one that asks.
///
/// # Errors
/// There is no such session, or the port failed.
pub async fn revoke(
    tools: &Tools<'_>,
    by: &By,
    tenant: TenantId,
    user: UserId,
    session: SessionId,
) -> Done<()> {
    let person = tools.person(tenant, user).await?;
    let kept = person.sessions.iter().find(|kept| kept.session.id == session).ok_or(Refused::NotFound)?;
    let entry = notes::entry(tools, tenant, by, "session.revoked", session, Vec::new());
    tools.commit(tenant, &[end(kept)], Some(&entry)).await?;
    Ok(())
}

/// Ends all of one's own sessions but the one that asks; how many.
///
/// # Errors
/// The port failed.
pub async fn revoke_others(
    tools: &Tools<'_>,
    by: &By,
    tenant: TenantId,
    user: UserId,
    own: SessionId,
) -> Done<usize> {
    let person = tools.person(tenant, user).await?;
    let steps: Vec<Act> = person.sessions.iter().filter(|kept| kept.session.id != own).map(end).collect();
    if !steps.is_empty() {
        let changes = vec![notes::set("sessions", steps.len())];
        let entry = notes::entry(tools, tenant, by, "session.others_revoked", user, changes);
        tools.commit(tenant, &steps, Some(&entry)).await?;
    }
    Ok(steps.len())
}

/// Notes that a session is used, at most every [`NOTED_EVERY`].
///
/// # Errors
/// The port failed; the session is good all the same.
pub async fn note_use(
    identity: &dyn Identity,
    token_hash: &str,
    session: &Session,
    now: Timestamp,
) -> PortResult<()> {
    if now.duration_since(session.last_used_at) < NOTED_EVERY {
        return Ok(());
    }
    let kept = KeptSession { token_hash: token_hash.to_owned(), session: session.clone() };
    identity.touch_session(session.tenant, &kept, now).await
}

/// Notes that an API key is used, at most every [`NOTED_EVERY`].
///
/// # Errors
/// The port failed; the key is good all the same.
pub async fn note_key_use(
    identity: &dyn Identity,
    token_hash: &str,
    key: &ApiKey,
    now: Timestamp,
) -> PortResult<()> {
    if key.last_used_at.is_some_and(|at| now.duration_since(at) < NOTED_EVERY) {
        return Ok(());
    }
    let kept = KeptKey { token_hash: token_hash.to_owned(), key: key.clone() };
    identity.touch_api_key(key.tenant, &kept, now).await
}
