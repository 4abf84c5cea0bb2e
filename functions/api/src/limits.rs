//! Counting requests: so many a minute for each credential, or for each address when there is none.
//!
//! What must stay true: one write for a counted request, made while the credential is looked up; a request over the limit
//! costs no write in the process that has seen the limit reached; a counter that does not answer stops nobody.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use app::ports::Limiter;
use http::HeaderMap;
use http::header::{HeaderName, HeaderValue, RETRY_AFTER};
use jiff::Timestamp;

/// Requests a minute that `GET /api/health` takes from one address.
pub const HEALTH_PER_MINUTE: u32 = 10;
const WINDOW_S: i64 = 60;
/// Keys remembered as used up, at most.
const REMEMBERED: usize = 10_000;

const LIMIT: HeaderName = HeaderName::from_static("x-ratelimit-limit");
const REMAINING: HeaderName = HeaderName::from_static("x-ratelimit-remaining");
const RESET: HeaderName = HeaderName::from_static("x-ratelimit-reset");

/// Who is counted: `name` tells credentials and addresses apart and holds no secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Counted {
    /// The counter's name.
    pub name: String,
    /// How many a minute.
    pub per_minute: u32,
}

/// How a counter stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    /// How many a minute.
    pub limit: u32,
    /// How many are left until the reset.
    pub remaining: u32,
    /// Seconds to the next minute.
    pub reset_s: u32,
    /// This request is one too many.
    pub exceeded: bool,
}

/// Counts.
pub struct Limits {
    limiter: Arc<dyn Limiter>,
    /// Used up until then.
    over: Mutex<HashMap<String, Timestamp>>,
}

impl Limits {
    /// Counts with this.
    pub fn new(limiter: Arc<dyn Limiter>) -> Self {
        Self { limiter, over: Mutex::new(HashMap::new()) }
    }

    /// Counts a request; `None` when the counter does not answer.
    pub async fn count(&self, counted: &Counted, now: Timestamp) -> Option<Standing> {
        let second = now.as_second();
        let begin = second - second.rem_euclid(WINDOW_S);
        let window = Timestamp::from_second(begin).ok()?;
        let ends = Timestamp::from_second(begin + WINDOW_S).ok()?;
        let standing = |used: u64| Standing {
            limit: counted.per_minute,
            remaining: counted.per_minute.saturating_sub(u32::try_from(used).unwrap_or(u32::MAX)),
            reset_s: u32::try_from(begin + WINDOW_S - second).unwrap_or(1).max(1),
            exceeded: used > u64::from(counted.per_minute),
        };
        if self.is_over(&counted.name, now) {
            return Some(standing(u64::MAX));
        }
        match self.limiter.count(&counted.name, window, ends).await {
            Ok(used) => {
                let standing = standing(used);
                if standing.exceeded {
                    self.remember(&counted.name, ends, now);
                }
                Some(standing)
            }
            Err(error) => {
                tracing::warn!(error = %runtime::run::Chain(&error), "a request could not be counted");
                None
            }
        }
    }

    fn is_over(&self, name: &str, now: Timestamp) -> bool {
        let over = self.over.lock().unwrap_or_else(PoisonError::into_inner);
        over.get(name).is_some_and(|until| now < *until)
    }

    fn remember(&self, name: &str, until: Timestamp, now: Timestamp) {
        let mut over = self.over.lock().unwrap_or_else(PoisonError::into_inner);
        if over.len() >= REMEMBERED {
            over.retain(|_, until| now < *until);
        }
        if over.len() < REMEMBERED {
            over.insert(name.to_owned(), until);
        }
    }
}

impl Standing {
    /// Says it in the answer's headers.
    pub fn write(&self, headers: &mut HeaderMap) {
        headers.insert(LIMIT, HeaderValue::from(self.limit));
        headers.insert(REMAINING, HeaderValue::from(self.remaining));
        headers.insert(RESET, HeaderValue::from(self.reset_s));
        if self.exceeded {
            headers.insert(RETRY_AFTER, HeaderValue::from(self.reset_s));
        }
    }
}
