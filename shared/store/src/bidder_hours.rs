//! How bidders did, one row an hour: `asked`, one count for each cause of failure (`f#timed_out`), one for each rounded
//! time (`t#900`), and each look by its second (`k#0312`). A row grows with what is different in it, not with what
//! happened: a few hundred bytes for one that is asked all the time.
//!
//! Counts change in the transaction that stores the logged bid; a look is named by its second, so noting it again changes
//! nothing.

use app::ports::{HealthCheck, PortError, PortResult};
use aws_sdk_dynamodb::types::AttributeValue;
use domain::bidder_hour::{BidderHour, Outcome, Requests, hour_of};
use domain::ids::{RtbTargetId, TenantId};
use jiff::{SignedDuration, Timestamp};

use crate::Store;
use crate::item::{Item, number, parsed};
use crate::keys;
use crate::read::{Part, Range};
use crate::write::{Write, hour_row};

/// How long looks and hours are kept: a day longer than the longest uptime that can be asked for.
pub(crate) const KEPT: SignedDuration = SignedDuration::from_hours(31 * 24);

const KIND: &str = "bidder_hour";
const ASKED: &str = "asked";
const FAILED: &str = "f#";
const TOOK: &str = "t#";
const LOOK: &str = "k#";

/// A change of the row of an instant's hour, which may be its first.
fn change(tenant: TenantId, bidder: RtbTargetId, at: Timestamp, clause: &str) -> Write {
    let begins = hour_of(at);
    hour_row((tenant, KIND), keys::bidder_hour(tenant, bidder, begins), (begins, KEPT), clause)
}

/// Counts a request.
pub(crate) fn counted(tenant: TenantId, bidder: RtbTargetId, at: Timestamp, outcome: &Outcome) -> Write {
    let mut clause = " ADD #asked :one".to_owned();
    let mut names = vec![("#asked", ASKED.to_owned())];
    if let Some(cause) = &outcome.failure {
        clause.push_str(", #failed :one");
        names.push(("#failed", format!("{FAILED}{cause}")));
    }
    if let Some(milliseconds) = outcome.took_ms {
        clause.push_str(", #took :one");
        names.push(("#took", format!("{TOOK}{milliseconds}")));
    }
    let write = change(tenant, bidder, at, &clause).value(":one", number(1));
    names.into_iter().fold(write, |write, (placeholder, name)| write.name(placeholder, name))
}

/// Notes a look.
pub(crate) fn looked(tenant: TenantId, check: &HealthCheck) -> Write {
    let second = check.at.as_second().rem_euclid(3_600);
    change(tenant, check.rtb_target, check.at, ", #look = :up")
        .name("#look", format!("{LOOK}{second:04}"))
        .value(":up", AttributeValue::Bool(check.up))
}

/// What a row says. A count below zero would be a mistake of ours and reads as zero.
fn hour(what: &'static str, item: &Item) -> PortResult<BidderHour> {
    let mut hour = BidderHour { begins: parsed(what, item, "sk")?, ..BidderHour::default() };
    let Requests { asked, failed, took } = &mut hour.requests;
    for (name, value) in item {
        let count = || value.as_n().ok().and_then(|digits| digits.parse().ok()).unwrap_or(0);
        let unreadable = |cause| PortError::corrupt(what, cause);
        if name == ASKED {
            *asked = count();
        } else if let Some(cause) = name.strip_prefix(FAILED) {
            failed.insert(cause.to_owned(), count());
        } else if let Some(milliseconds) = name.strip_prefix(TOOK) {
            took.insert(milliseconds.parse().map_err(unreadable)?, count());
        } else if let Some(second) = name.strip_prefix(LOOK) {
            let up = value.as_bool().is_ok_and(|up| *up);
            hour.looks.insert(second.parse().map_err(unreadable)?, up);
        }
    }
    Ok(hour)
}

impl Store {
    pub(crate) async fn read_hours(
        &self,
        tenant: TenantId,
        bidder: RtbTargetId,
        since: Timestamp,
    ) -> PortResult<Vec<BidderHour>> {
        const WHAT: &str = "read the hours of a bidder";
        let part = Part::From(keys::time(hour_of(since)));
        let range = Range { part, ..Range::of(keys::bidder_hours(tenant, bidder)) };
        self.query(WHAT, range).await?.iter().map(|item| hour(WHAT, item)).collect()
    }
}
