//! A conversion report: somebody tells us, after the fact, that a call was worth something.
//!
//! What must stay true: one report counts per call; the same report again changes nothing and is answered as the first one
//! was; it must come within thirty days of the call's connection. What it does to the books is the agreed rule's to say: a
//! rule `reported` converts by it, a price `reported` is its amount, and under any other rule it changes nothing.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::audit::Actor;
use crate::ids::IncomingWebhookId;
use crate::ledger::NoConversion;
use crate::money::Money;
use crate::validate::Problems;

/// How long after a call was connected its conversion can be reported.
pub const REPORTABLE_FOR: SignedDuration = SignedDuration::from_hours(30 * 24);

/// The largest revenue that is believed: a million of the currency's main unit. More is a mistake in the sender's units.
pub const MAX_REVENUE: Money = Money::from_units(1_000_000);

/// Who reported.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reporter {
    /// A customer's system, through an incoming webhook.
    Webhook(IncomingWebhookId),
    /// A person who is signed in, or a program with an API key.
    Account(Actor),
}

/// What a report did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Effect {
    /// The call is still going on: the report counts when it is settled.
    Held,
    /// The call is converted.
    Converted,
    /// The report is noted, but by the agreed rule the call does not convert.
    NotConverted(NoConversion),
}

/// The report that counts for a call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConversionReport {
    /// When it came.
    pub at: Timestamp,
    /// From whom.
    pub by: Reporter,
    /// The revenue it names; only a price `reported` uses it.
    pub revenue: Option<Money>,
    /// What it did then.
    pub effect: Effect,
}

impl ConversionReport {
    /// Whether another report says the same: from the same source, with the same amount.
    pub fn says(&self, by: Reporter, revenue: Option<Money>) -> bool {
        self.by == by && self.revenue == revenue
    }
}

/// Whether a call can still be reported at `now`. It counts from the connection; of a call that was never connected, from
/// its end.
pub fn is_in_time(connected_at: Option<Timestamp>, ended_at: Timestamp, now: Timestamp) -> bool {
    now.duration_since(connected_at.unwrap_or(ended_at)) <= REPORTABLE_FOR
}

/// Rules for the revenue of a report; `field` is where it stood.
pub fn check_revenue(field: &str, revenue: Option<Money>, problems: &mut Problems) {
    if revenue.is_some_and(|revenue| revenue < Money::ZERO) {
        problems.add(field, "range", "revenue is not negative: what was reported too high is adjusted");
    }
    if revenue.is_some_and(|revenue| revenue > MAX_REVENUE) {
        problems.add(field, "range", format!("at most {MAX_REVENUE}: is this in cents or micro-units?"));
    }
}
