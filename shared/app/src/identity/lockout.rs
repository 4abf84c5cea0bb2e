//! Counting attempts, so that guessing is slow.
//!
//! What must stay true: an attempt is counted before it is judged, in one write, so that of fifty at once no more than the
//! limit are judged; who guessed right is not counted after all; a counter that does not answer lets nobody through. Names
//! of counters hold hashes, no addresses.

use jiff::Timestamp;

use super::{Done, Refused, Tools, Visitor};
use crate::api_keys;

const QUARTER_HOUR: i64 = 15 * 60;
const HOUR: i64 = 60 * 60;

/// How often something may be tried in a window.
#[derive(Debug, Clone)]
pub(super) struct Limit {
    name: String,
    most: u64,
    window_s: i64,
}

fn named(what: &str, of: &str) -> String {
    let hash = api_keys::hash(of);
    format!("try#{what}#{}", hash.get(..32).unwrap_or(&hash))
}

fn address(visitor: &Visitor) -> String {
    visitor.address.map_or_else(|| "unknown".to_owned(), |address| address.to_string())
}

impl Limit {
    /// Sign-ins with one address: 10 failures in 15 minutes.
    pub(super) fn sign_in(email: &str) -> Self {
        Self { name: named("sign-in", email), most: 10, window_s: QUARTER_HOUR }
    }

    /// Sign-ins from one network address: 50 failures in 15 minutes.
    pub(super) fn sign_in_from(visitor: &Visitor) -> Self {
        Self { name: named("sign-in-from", &address(visitor)), most: 50, window_s: QUARTER_HOUR }
    }

    /// Codes and passwords of somebody whose first step succeeded: 10 failures in 15 minutes.
    pub(super) fn proof(what: &str, user: domain::ids::UserId) -> Self {
        Self { name: named(what, &user.to_string()), most: 10, window_s: QUARTER_HOUR }
    }

    /// Mails that somebody unknown makes us send, from one network address: 20 an hour.
    pub(super) fn mail_from(visitor: &Visitor) -> Self {
        Self { name: named("mail-from", &address(visitor)), most: 20, window_s: HOUR }
    }

    /// Mails that somebody makes us send to one address: 5 an hour.
    pub(super) fn mail_to(email: &str) -> Self {
        Self { name: named("mail-to", email), most: 5, window_s: HOUR }
    }

    fn window(&self, now: Timestamp) -> (Timestamp, Timestamp) {
        let begin = now.as_second() - now.as_second().rem_euclid(self.window_s);
        let at = |second| Timestamp::from_second(second).unwrap_or(now);
        (at(begin), at(begin + self.window_s))
    }
}

/// Attempts that were counted.
pub(super) struct Attempt(Vec<(Limit, Timestamp)>);

/// Counts an attempt against all of these.
pub(super) async fn attempt(tools: &Tools<'_>, limits: Vec<Limit>) -> Done<Attempt> {
    let now = tools.clock.now();
    let counts = limits.iter().map(|limit| {
        let (begin, end) = limit.window(now);
        async move { tools.limiter.count(&limit.name, begin, end).await }
    });
    let counts = futures::future::try_join_all(counts).await?;
    let locked = limits.iter().zip(counts).filter(|(limit, count)| *count > limit.most);
    let wait = locked.map(|(limit, _)| limit.window(now).1.as_second() - now.as_second()).max();
    if let Some(seconds) = wait {
        let retry_after_s = u32::try_from(seconds.max(1)).unwrap_or(u32::MAX);
        return Err(Refused::Locked { retry_after_s }.into());
    }
    Ok(Attempt(limits.into_iter().map(|limit| (limit.window(now).0, limit)).map(|(at, l)| (l, at)).collect()))
}

impl Attempt {
    /// It was right: not counted after all.
    pub(super) async fn succeeded(self, tools: &Tools<'_>) -> Done<()> {
        let back = self.0.iter().map(|(limit, window)| tools.limiter.take_back(&limit.name, *window));
        futures::future::try_join_all(back).await?;
        Ok(())
    }
}

/// Counts something that is silently not done when it was done too often; whether it may be done.
pub(super) async fn silently(tools: &Tools<'_>, limit: Limit) -> Done<bool> {
    let (begin, end) = limit.window(tools.clock.now());
    Ok(tools.limiter.count(&limit.name, begin, end).await? <= limit.most)
}
