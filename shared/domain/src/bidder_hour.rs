//! How a bidder did in one hour: the looks between calls, and every request of an auction. Small, whatever happened in it, so
//! that a month is read in one go; hours are summed for the uptime and judged for alerts.

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::auction::{BidderResult, Refusal};

/// One UTC hour of a bidder.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BidderHour {
    /// When the hour began.
    pub begins: Timestamp,
    /// Looks between calls by the second of the hour: whether it was up.
    pub looks: BTreeMap<u16, bool>,
    /// Requests of auctions that began in this hour.
    pub requests: Requests,
}

/// Requests to a bidder and what came of them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Requests {
    /// All of them.
    pub asked: u32,
    /// Those without an answer that can be used, by cause: `timed_out`, `malformed`, `http_503`, a code of the outbound
    /// client.
    pub failed: BTreeMap<String, u32>,
    /// Those that were answered or given up at their time-out, by how long they took: see [`rounded`].
    pub took: BTreeMap<u32, u32>,
}

/// What one request says of a bidder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// Why there is no usable answer; `None`: there is one. A refusal is one, too.
    pub failure: Option<String>,
    /// How long it took, milliseconds, [`rounded`]; `None` when that says nothing of the bidder's speed.
    pub took_ms: Option<u32>,
}

/// The UTC hour of an instant.
pub fn hour_of(at: Timestamp) -> Timestamp {
    let second = at.as_second();
    Timestamp::from_second(second - second.rem_euclid(3_600)).unwrap_or(at)
}

/// Milliseconds with two digits that count, rounded down: 87 is 80, 1,234 is 1,200. Of these there are few enough to be
/// counted one by one.
pub fn rounded(milliseconds: u32) -> u32 {
    let step = 10_u32.pow(milliseconds.checked_ilog10().unwrap_or(0).saturating_sub(1).max(1));
    milliseconds / step * step
}

impl Outcome {
    /// What a bidder's part in an auction says of it; `None`: nothing, because it was not asked, not waited for, or could
    /// not be asked by a fault of ours.
    pub fn of(result: &BidderResult) -> Option<Self> {
        let failure = match &result.refusal {
            Some(Refusal::NotAsked(_) | Refusal::NotWaitedFor) => return None,
            Some(Refusal::NotReached(code)) if code == Refusal::NOT_AUTHENTICATED => return None,
            Some(Refusal::NotReached(code)) => Some(code.clone()),
            Some(refusal @ (Refusal::TimedOut | Refusal::Malformed)) => Some(refusal.code().to_owned()),
            Some(Refusal::HttpStatus(status)) => Some(format!("http_{status}")),
            _ => None,
        };
        let tells_speed = failure.is_none() || result.refusal == Some(Refusal::TimedOut);
        let took_ms = result.latency_ms.filter(|_| tells_speed).map(rounded);
        Some(Self { failure, took_ms })
    }
}

impl Requests {
    /// Counts one more.
    pub fn count(&mut self, outcome: Outcome) {
        let mut failed = BTreeMap::new();
        failed.extend(outcome.failure.map(|cause| (cause, 1)));
        let mut took = BTreeMap::new();
        took.extend(outcome.took_ms.map(|milliseconds| (milliseconds, 1)));
        self.add(&Self { asked: 1, failed, took });
    }

    /// Adds those of another hour.
    pub fn add(&mut self, other: &Self) {
        self.asked = self.asked.saturating_add(other.asked);
        for (cause, count) in &other.failed {
            let sum = self.failed.entry(cause.clone()).or_default();
            *sum = sum.saturating_add(*count);
        }
        for (milliseconds, count) in &other.took {
            let sum = self.took.entry(*milliseconds).or_default();
            *sum = sum.saturating_add(*count);
        }
    }

    /// How many failed.
    pub fn failures(&self) -> u32 {
        self.failed.values().fold(0, |sum, count| sum.saturating_add(*count))
    }

    /// How many were answered.
    pub fn answered(&self) -> u32 {
        self.asked.saturating_sub(self.failures())
    }

    /// How many tell how long they took.
    pub fn timed(&self) -> u32 {
        self.took.values().fold(0, |sum, count| sum.saturating_add(*count))
    }

    /// The most frequent cause of failure.
    pub fn worst_cause(&self) -> Option<&str> {
        self.failed.iter().max_by_key(|(_, count)| **count).map(|(cause, _)| cause.as_str())
    }

    /// So many percent (1 to 100) took at most so long, milliseconds, rounded down; `None` when none tells how long it took.
    pub fn percentile(&self, percent: u8) -> Option<u32> {
        let wanted = (u64::from(self.timed()) * u64::from(percent)).div_ceil(100).max(1);
        let mut seen = 0;
        self.took.iter().find_map(|(milliseconds, count)| {
            seen += u64::from(*count);
            (seen >= wanted).then_some(*milliseconds)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::RtbTargetId;
    use crate::routing::Passed;

    fn result(latency_ms: u32, refusal: Option<Refusal>) -> BidderResult {
        BidderResult {
            bidder: RtbTargetId::from_uuid(uuid::Uuid::nil()),
            name: "Alpine".to_owned(),
            latency_ms: Some(latency_ms),
            amount: None,
            destination: None,
            refusal,
        }
    }

    fn outcome(refusal: Option<Refusal>) -> Option<(Option<String>, Option<u32>)> {
        Outcome::of(&result(87, refusal)).map(|outcome| (outcome.failure, outcome.took_ms))
    }

    #[test]
    fn milliseconds_keep_two_digits() {
        let all = [0, 9, 10, 87, 99, 100, 909, 910, 999, 1_000, 1_234, 4_999, 5_000];
        let rounded: Vec<u32> = all.into_iter().map(rounded).collect();
        assert_eq!(rounded, [0, 0, 10, 80, 90, 100, 900, 910, 990, 1_000, 1_200, 4_900, 5_000]);
        let different: std::collections::BTreeSet<u32> = (0..=5_000).map(super::rounded).collect();
        assert_eq!(different.len(), 141);
    }

    #[test]
    fn a_refusal_is_an_answer_and_who_was_not_asked_says_nothing() {
        assert_eq!(outcome(None), Some((None, Some(80))));
        assert_eq!(outcome(Some(Refusal::Declined(String::new()))), Some((None, Some(80))));
        assert_eq!(outcome(Some(Refusal::Expired)), Some((None, Some(80))));
        for (refusal, cause, took) in [
            (Refusal::TimedOut, "timed_out", Some(80)),
            (Refusal::Malformed, "malformed", None),
            (Refusal::HttpStatus(401), "http_401", None),
            (Refusal::NotReached("tls_failed".to_owned()), "tls_failed", None),
        ] {
            assert_eq!(outcome(Some(refusal)), Some((Some(cause.to_owned()), took)));
        }
        for refusal in [
            Refusal::NotAsked(Passed::NotWorking),
            Refusal::NotWaitedFor,
            Refusal::NotReached(Refusal::NOT_AUTHENTICATED.to_owned()),
        ] {
            assert_eq!(outcome(Some(refusal)), None);
        }
    }

    #[test]
    fn a_percentile_is_what_so_many_took_at_most() {
        let mut requests = Requests::default();
        assert_eq!(requests.percentile(95), None);
        for milliseconds in 1..=100 {
            requests.count(Outcome { failure: None, took_ms: Some(milliseconds * 10) });
        }
        requests.count(Outcome { failure: Some("tls_failed".to_owned()), took_ms: None });
        assert_eq!((requests.percentile(50), requests.percentile(95)), (Some(500), Some(950)));
        assert_eq!((requests.percentile(1), requests.percentile(100)), (Some(10), Some(1_000)));
        assert_eq!((requests.asked, requests.failures(), requests.answered()), (101, 1, 100));
    }
}
