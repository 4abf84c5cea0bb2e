//! Bidders that do not work are left alone: after failures in a row nobody waits for them any more, and from time to time
//! one auction looks whether they are back.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

/// So many failures in a row, and a bidder is not asked any more.
pub const OPENS_AFTER: u32 = 5;
/// After so long one auction asks it again.
pub const STAYS_OPEN: SignedDuration = SignedDuration::from_secs(30);

/// Whether a bidder works.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Health {
    /// Failures since it last answered.
    pub failures: u32,
    /// When it is asked again, if it failed too often.
    pub retry_at: Option<Timestamp>,
}

/// Whether a bidder is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ask {
    /// It is.
    Yes,
    /// By one auction, to see whether it is back: by the one that moves this instant on.
    ToLook(Timestamp),
    /// Not before then.
    Not(Timestamp),
}

impl Health {
    /// Whether it is asked now.
    pub fn asks(&self, now: Timestamp) -> Ask {
        match self.retry_at {
            None => Ask::Yes,
            Some(at) if at <= now => Ask::ToLook(at),
            Some(at) => Ask::Not(at),
        }
    }

    /// What is noted after it was asked; `None`: nothing new. Any answer is one, also a refusal.
    #[must_use]
    pub fn after(&self, answered: bool, now: Timestamp) -> Option<Self> {
        if answered {
            return (*self != Self::default()).then(Self::default);
        }
        let failures = self.failures.saturating_add(1);
        let retry_at = (failures >= OPENS_AFTER).then(|| look_after(now));
        Some(Self { failures, retry_at })
    }
}

/// When the next look is due, after one or after a failure at this instant.
pub fn look_after(now: Timestamp) -> Timestamp {
    now.checked_add(STAYS_OPEN).unwrap_or(now)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn five_failures_in_a_row_open_it_and_one_answer_closes_it() {
        let now: Timestamp = "2026-11-22T12:00:00Z".parse().unwrap();
        let later = |seconds| now + SignedDuration::from_secs(seconds);
        let mut health = Health::default();
        assert_eq!(health.after(true, now), None, "nothing new of a bidder that works");
        for failures in 1..5 {
            health = health.after(false, now).unwrap();
            assert_eq!((health.failures, health.asks(now)), (failures, Ask::Yes));
        }
        health = health.after(false, now).unwrap();
        assert_eq!(health.asks(later(29)), Ask::Not(later(30)));
        assert_eq!(health.asks(later(30)), Ask::ToLook(later(30)));
        // The look fails: again half a minute.
        health = health.after(false, later(30)).unwrap();
        assert_eq!(health.asks(later(59)), Ask::Not(later(60)));
        assert_eq!(health.after(true, later(60)), Some(Health::default()));
    }
}
