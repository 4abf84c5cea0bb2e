//! Whether bidders work.

use std::collections::BTreeMap;

use domain::bidder_alert::AlertKind;
use domain::ids::RtbTargetId;
use domain::validate::{Problem, Problems};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::query::{Parameter, Takes, by_name};

/// Longest time of an uptime, hours: as long as looks are kept.
pub const MAX_HOURS: u16 = 720;
/// Unless asked otherwise.
const DEFAULT_HOURS: u16 = 24;

/// One bidder.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct BidderHealth {
    /// The bidder.
    pub rtb_target: RtbTargetId,
    /// Its name.
    pub name: String,
    /// What the newest look showed; absent when it was not looked at in the last 31 days.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub check: Option<CheckView>,
    /// What auctions make of it.
    pub breaker: BreakerView,
}

/// One look at a bidder, between calls: a request (HTTP HEAD) without a call in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct CheckView {
    /// When.
    pub at: Timestamp,
    /// Whether it answered, with any status below 500.
    pub up: bool,
    /// HTTP status, when it answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// Time to the answer, or until we gave up.
    pub latency_ms: u32,
    /// Why there was no answer: `timed_out`, `blocked_address` and so on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<String>,
}

/// Whether auctions ask it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct BreakerView {
    /// `closed`: it is asked. `open`: it failed five times in a row and is left alone. `half_open`: the next auction looks
    /// whether it is back.
    pub state: String,
    /// Failures in auctions since it last answered.
    pub failures: u32,
    /// When it is asked again, if it is left alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_at: Option<Timestamp>,
}

/// How much of a time a bidder answered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Uptime {
    /// The bidder.
    pub rtb_target: RtbTargetId,
    /// For how many hours.
    pub hours: u16,
    /// From when.
    pub from: Timestamp,
    /// To when.
    pub to: Timestamp,
    /// Looks that were made.
    pub checks: u32,
    /// Looks that found it up.
    pub up: u32,
    /// Their share in hundredths of a percent, rounded down: 9895 is 98.95 %. Null without a look.
    #[schema(minimum = 0, maximum = 10000)]
    pub up_basis_points: Option<u32>,
    /// The longest time for which it was seen to be down, seconds; null without a look.
    pub longest_outage_s: Option<u64>,
    /// What auctions met, counted by the hour: from the hour on in which this time begins.
    pub requests: RequestsView,
}

/// Requests to a bidder and what came of them. A refusal is an answer; who was not waited for is not counted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[schema(as = BidderRequests)]
pub struct RequestsView {
    /// All of them.
    pub asked: u32,
    /// Those with an answer that can be used.
    pub answered: u32,
    /// Their share in hundredths of a percent, rounded down; null without a request.
    #[schema(minimum = 0, maximum = 10000)]
    pub answered_basis_points: Option<u32>,
    /// The others, by cause: `timed_out`, `malformed`, `http_503`, `tls_failed` and so on.
    pub failed: BTreeMap<String, u32>,
    /// Half of them took at most so long, milliseconds, rounded down to two digits; null when none tells.
    pub p50_ms: Option<u32>,
    /// 95 % of them took at most so long.
    pub p95_ms: Option<u32>,
}

/// An alert about a bidder.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[schema(as = BidderAlert)]
pub struct AlertView {
    /// The bidder.
    pub rtb_target: RtbTargetId,
    /// Its name when the alert was opened.
    pub name: String,
    /// What is wrong: too many of its requests fail, or it answers too slowly.
    pub kind: AlertKind,
    /// The same in words, with the figures that opened it.
    pub text: String,
    /// Since when.
    pub opened_at: Timestamp,
    /// Until when; null: it still is.
    pub closed_at: Option<Timestamp>,
}

/// `?hours` of an uptime.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UptimeQuery {
    /// 1 to [`MAX_HOURS`].
    pub hours: u16,
}

impl UptimeQuery {
    /// What it takes.
    pub const PARAMETERS: &'static [Parameter] = &[Parameter {
        name: "hours",
        about: "For how many hours, up to now.",
        takes: Takes::Whole(1, MAX_HOURS, DEFAULT_HOURS),
    }];

    /// Reads the parameters.
    ///
    /// # Errors
    /// Every parameter that is unknown, repeated or out of bounds.
    pub fn read(pairs: &[(String, String)]) -> Result<Self, Vec<Problem>> {
        let mut problems = Problems::new();
        let given = by_name(pairs, Self::PARAMETERS, &mut problems);
        let hours = match given.get("hours").map(|text| text.parse()) {
            None => DEFAULT_HOURS,
            Some(Ok(hours)) if (1..=MAX_HOURS).contains(&hours) => hours,
            Some(_) => {
                problems.add("hours", "range", format!("a whole number from 1 to {MAX_HOURS}"));
                DEFAULT_HOURS
            }
        };
        problems.into_result().map(|()| Self { hours })
    }
}
