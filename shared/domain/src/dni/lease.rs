//! Whose a pool's number is: the row that every lease, renewal and release of it writes.
//!
//! What must stay true: a number is leased again only after `free_after`, which is never before any end that was signed for
//! it plus the closed-browser delay, nor while a call on it lasts. The clocks of two machines may differ by up to
//! [`SKEW`]: the delay (30 s at least) is longer than that and than the 20 s for which a browser may still show what it
//! has given back.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::ids::{CallId, CampaignId, PublisherId, TrackingTagId, VisitId};
use crate::phone::E164;

/// How far two machines' clocks may be apart.
pub const SKEW: SignedDuration = SignedDuration::from_secs(3);

/// A number of a pool as it is leased.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PoolNumber {
    /// The number.
    pub number: E164,
    /// The partition in which its leases are written; fixed for as long as it is in the pool.
    pub shard: u16,
    /// Its latest lease, also one that has ended; `None` before the first.
    pub lease: Option<Lease>,
    /// The lease before that, and until when calls were its visitor's.
    pub previous: Option<(Lease, Timestamp)>,
    /// It may be leased again after this.
    pub free_after: Timestamp,
    /// Calls on it that have not closed.
    pub calls: BTreeSet<CallId>,
    /// Until when those are believed.
    pub calls_until: Timestamp,
}

/// Who was shown a number, and for how long.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lease {
    /// The visit.
    pub visit: VisitId,
    /// The tag that leased it.
    pub tag: TrackingTagId,
    /// The tag's campaign then.
    pub campaign: CampaignId,
    /// The tag's publisher then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub publisher: Option<PublisherId>,
    /// Since when.
    pub since: Timestamp,
    /// The latest end that was signed; after a release, when that arrived.
    pub until: Timestamp,
    /// The pool's closed-browser delay then, seconds.
    pub delay_s: u32,
}

impl Lease {
    /// When its number may be leased again.
    pub fn free_after(&self) -> Timestamp {
        later(self.until, SignedDuration::from_secs(self.delay_s.into()))
    }
}

/// How it is known whose visit a call belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Attribution {
    /// The visitor was shown the number when they called.
    Lease,
    /// The number was resting: whoever was shown it last has called.
    CoolDown,
    /// The number is fixed: of its tag the campaign and the publisher are known, and no visit.
    StaticNumber,
    /// The number of a pool, but nobody's just then.
    Nobody,
}

impl PoolNumber {
    /// Whether it may be leased to anybody.
    pub fn is_free(&self, now: Timestamp) -> bool {
        self.free_after < now && (self.calls.is_empty() || self.calls_until < now)
    }

    /// Whether somebody is shown it.
    pub fn is_shown(&self, now: Timestamp) -> bool {
        self.lease.as_ref().is_some_and(|lease| now <= lease.until)
    }

    /// Whose a call is that began at this moment.
    pub fn holder(&self, at: Timestamp) -> (Option<&Lease>, Attribution) {
        match &self.lease {
            // The machine that leased it may be ahead of the one that took the call.
            Some(lease) if later(at, SKEW) < lease.since => match &self.previous {
                Some((previous, free_after)) if at <= *free_after => (Some(previous), Attribution::CoolDown),
                _ => (None, Attribution::Nobody),
            },
            Some(lease) if at <= lease.until => (Some(lease), Attribution::Lease),
            Some(lease) if at <= self.free_after || !self.calls.is_empty() && at <= self.calls_until => {
                (Some(lease), Attribution::CoolDown)
            }
            _ => (None, Attribution::Nobody),
        }
    }
}

/// A time later; the last there is when that is beyond it.
pub fn later(at: Timestamp, by: SignedDuration) -> Timestamp {
    at.checked_add(by).unwrap_or(Timestamp::MAX)
}
