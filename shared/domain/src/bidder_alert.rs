//! Alerts about bidders: when one is opened, and when it is closed again.
//!
//! What must stay true: too few requests say nothing, so they neither open an alert nor close one. An alert tells people and
//! changes nothing for calls: that is the breaker's work.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::bidder_hour::Requests;
use crate::ids::RtbTargetId;
use crate::validate::Problems;

/// Most requests that may be asked for before an alert says anything.
const MOST_REQUESTS: u32 = 100_000;

/// When a bidder's owner is told. Judged over the running hour and, while that has too few requests, the one before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields, default)]
#[schema(as = BidderAlertRules)]
pub struct AlertRules {
    /// More than this share of its requests fails, percent; `null`: nobody is told.
    #[schema(minimum = 1, maximum = 99, default = 50)]
    pub error_percent: Option<u8>,
    /// One answer in twenty takes longer than this share of its time-out, percent; `null`: nobody is told.
    #[schema(minimum = 1, maximum = 99, default = 90)]
    pub latency_percent: Option<u8>,
    /// Fewer requests than this say nothing.
    #[schema(minimum = 1, maximum = 100_000, default = 10)]
    pub min_requests: u32,
}

impl Default for AlertRules {
    fn default() -> Self {
        Self { error_percent: Some(50), latency_percent: Some(90), min_requests: 10 }
    }
}

/// What is wrong with a bidder.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = BidderAlertKind)]
pub enum AlertKind {
    /// Too many of its requests fail.
    ErrorRate,
    /// It answers too slowly.
    Latency,
}

impl AlertKind {
    /// Both.
    pub const ALL: [Self; 2] = [Self::ErrorRate, Self::Latency];

    /// Its word in keys and the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ErrorRate => "error_rate",
            Self::Latency => "latency",
        }
    }
}

/// What requests say of a bidder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It is as the alert says.
    Bad,
    /// It is not, or nobody wants to be told.
    Good,
    /// Too few requests to tell.
    Unknown,
}

/// The figures of an alert, as they were when it was opened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Figures {
    /// Requests that were judged.
    pub requests: u32,
    /// Those of them that failed.
    pub failed: u32,
    /// The most frequent cause.
    pub worst_cause: Option<String>,
    /// 95 % took at most so long, milliseconds, rounded down to two digits.
    pub p95_ms: Option<u32>,
    /// The bidder's time-out then, milliseconds.
    pub timeout_ms: u32,
}

/// An alert.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BidderAlert {
    /// About whom.
    pub rtb_target: RtbTargetId,
    /// Its name when the alert was opened.
    pub name: String,
    /// What is wrong.
    pub kind: AlertKind,
    /// Since when.
    pub opened_at: Timestamp,
    /// Until when; `None`: it still is.
    pub closed_at: Option<Timestamp>,
    /// What opened it.
    pub figures: Figures,
}

impl AlertRules {
    /// What there is to judge: the running hour, or with the one before it when it has too few requests by itself.
    pub fn evidence(&self, before: &Requests, running: &Requests) -> Requests {
        let mut evidence = running.clone();
        if running.asked < self.min_requests {
            evidence.add(before);
        }
        evidence
    }

    /// Whether these requests are a case for an alert. One that nobody makes requests to is none.
    pub fn judge(&self, kind: AlertKind, evidence: &Requests, timeout_ms: u32) -> Verdict {
        let limit = match kind {
            AlertKind::ErrorRate => self.error_percent,
            AlertKind::Latency => self.latency_percent,
        };
        let Some(limit) = limit.map(u64::from).filter(|_| evidence.asked > 0) else { return Verdict::Good };
        let telling = match kind {
            AlertKind::ErrorRate => evidence.asked,
            AlertKind::Latency => evidence.timed(),
        };
        if telling < self.min_requests {
            return Verdict::Unknown;
        }
        let above = match kind {
            AlertKind::ErrorRate => u64::from(evidence.failures()) * 100 > limit * u64::from(evidence.asked),
            AlertKind::Latency => evidence
                .percentile(95)
                .is_some_and(|p95| u64::from(p95) * 100 > limit * u64::from(timeout_ms)),
        };
        if above { Verdict::Bad } else { Verdict::Good }
    }

    pub(crate) fn check(&self, at: &str, problems: &mut Problems) {
        for (name, percent) in
            [("error_percent", self.error_percent), ("latency_percent", self.latency_percent)]
        {
            if let Some(percent) = percent {
                problems.within(&format!("{at}.{name}"), u32::from(percent), 1..=99);
            }
        }
        problems.within(&format!("{at}.min_requests"), self.min_requests, 1..=MOST_REQUESTS);
    }
}

impl Figures {
    /// Those of these requests.
    pub fn of(evidence: &Requests, timeout_ms: u32) -> Self {
        Self {
            requests: evidence.asked,
            failed: evidence.failures(),
            worst_cause: evidence.worst_cause().map(str::to_owned),
            p95_ms: evidence.percentile(95),
            timeout_ms,
        }
    }
}

impl BidderAlert {
    /// What is wrong, in one sentence.
    pub fn text(&self) -> String {
        let Figures { requests, failed, worst_cause, p95_ms, timeout_ms } = &self.figures;
        match self.kind {
            AlertKind::ErrorRate => {
                let cause =
                    worst_cause.as_ref().map_or_else(String::new, |cause| format!(", most often by {cause}"));
                format!("{failed} of {requests} requests failed{cause}")
            }
            AlertKind::Latency => {
                let p95 = p95_ms.unwrap_or(0);
                format!(
                    "one in twenty of {requests} requests took {p95} ms or longer, and its time-out is {timeout_ms} ms"
                )
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bidder_hour::Outcome;

    /// So many requests that failed, and so many that took this long.
    fn requests(failed: u32, answered: u32, took_ms: u32) -> Requests {
        let mut requests = Requests::default();
        for _ in 0..failed {
            requests.count(Outcome { failure: Some("tls_failed".to_owned()), took_ms: None });
        }
        for _ in 0..answered {
            requests.count(Outcome { failure: None, took_ms: Some(took_ms) });
        }
        requests
    }

    fn errors(failed: u32, answered: u32) -> Verdict {
        AlertRules::default().judge(AlertKind::ErrorRate, &requests(failed, answered, 100), 1_000)
    }

    #[test]
    fn more_than_half_of_at_least_ten_requests_is_a_case() {
        assert_eq!(errors(6, 4), Verdict::Bad);
        assert_eq!(errors(5, 5), Verdict::Good, "half is not more than half");
        assert_eq!(errors(9, 0), Verdict::Unknown, "nine say nothing");
        assert_eq!(errors(0, 9), Verdict::Unknown, "neither way");
        assert_eq!(errors(0, 0), Verdict::Good, "nobody is harmed");
    }

    #[test]
    fn one_answer_in_twenty_close_to_the_time_out_is_a_case() {
        let slow = |slow: u32| {
            let mut requests = requests(0, 100 - slow, 100);
            requests.add(&super::tests::requests(0, slow, 910));
            AlertRules::default().judge(AlertKind::Latency, &requests, 1_000)
        };
        assert_eq!((slow(5), slow(6)), (Verdict::Good, Verdict::Bad));
        let mut failing = requests(90, 0, 0);
        failing.add(&requests(0, 9, 990));
        let few = AlertRules::default().judge(AlertKind::Latency, &failing, 1_000);
        assert_eq!(
            few,
            Verdict::Unknown,
            "nine that tell how long they took say nothing, however many there are besides"
        );
        let exactly = AlertRules::default().judge(AlertKind::Latency, &requests(0, 20, 900), 1_000);
        assert_eq!(exactly, Verdict::Good, "90 % is not more than 90 %");
    }

    #[test]
    fn who_does_not_want_to_be_told_is_not() {
        let rules = AlertRules { error_percent: None, ..AlertRules::default() };
        assert_eq!(rules.judge(AlertKind::ErrorRate, &requests(99, 0, 0), 1_000), Verdict::Good);
        let sooner = AlertRules { error_percent: Some(10), min_requests: 1, ..AlertRules::default() };
        assert_eq!(sooner.judge(AlertKind::ErrorRate, &requests(1, 8, 0), 1_000), Verdict::Bad);
    }

    #[test]
    fn an_hour_that_has_only_begun_is_judged_with_the_one_before_it() {
        let rules = AlertRules::default();
        let (bad, good) = (requests(20, 0, 0), requests(0, 12, 100));
        assert_eq!(rules.evidence(&bad, &requests(0, 3, 100)).asked, 23);
        assert_eq!(rules.evidence(&bad, &good), good, "what was an hour ago is over");
    }
}
