//! A call's life: what we wrote down about it, what Twilio told us, and when it is over.
//!
//! Callbacks arrive twice, late and in any order, so nothing here depends on order: the state is folded from the *set* of
//! events. A call closes when the caller's leg has ended **and** every attempt we dialled has ended.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::agent::AgentRef;
use crate::campaign::Campaign;
use crate::caps::Reservation;
use crate::dni::lease::Attribution;
use crate::dni::visit::click_id_of;
use crate::duplicates::{Restricted, Verdict};
use crate::ids::{
    AccountSid, CallId, CallSid, CampaignId, NumberId, NumberPoolId, PublisherId, RtbTargetId, TenantId,
    TrackingTagId, VisitId,
};
use crate::inbound::{BidVerdict, CallBid, PassedOn};
use crate::ledger::{Payout, PayoutLimit, Terms};
use crate::money::{Currency, Money};
use crate::phone::{Called, Destination, E164};
use crate::routing::Via;
use crate::rtb_target::NotTaken;

/// Twilio's call status. Only moves forward; the last five are terminal.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, utoipa::ToSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum CallStatus {
    /// Waiting to be dialled.
    Queued,
    /// Being dialled.
    Initiated,
    /// Ringing.
    Ringing,
    /// Answered.
    InProgress,
    /// Answered and over.
    Completed,
    /// The callee was busy.
    Busy,
    /// Could not be connected.
    Failed,
    /// Nobody answered in time.
    NoAnswer,
    /// Ended before it was answered.
    Canceled,
}

impl CallStatus {
    /// Twilio's spelling.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Initiated => "initiated",
            Self::Ringing => "ringing",
            Self::InProgress => "in-progress",
            Self::Completed => "completed",
            Self::Busy => "busy",
            Self::Failed => "failed",
            Self::NoAnswer => "no-answer",
            Self::Canceled => "canceled",
        }
    }

    /// Whether nothing more can happen.
    pub const fn is_terminal(self) -> bool {
        matches!(self, Self::Completed | Self::Busy | Self::Failed | Self::NoAnswer | Self::Canceled)
    }
}

/// Not one of Twilio's call states.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a call status that Twilio documents")]
pub struct UnknownStatus;

impl FromStr for CallStatus {
    type Err = UnknownStatus;
    fn from_str(text: &str) -> Result<Self, UnknownStatus> {
        Ok(match text {
            "queued" => Self::Queued,
            "initiated" => Self::Initiated,
            "ringing" => Self::Ringing,
            // `answered` is what a Dial action says of a conference.
            "in-progress" | "answered" => Self::InProgress,
            "completed" => Self::Completed,
            "busy" => Self::Busy,
            "failed" => Self::Failed,
            "no-answer" => Self::NoAnswer,
            "canceled" => Self::Canceled,
            _ => return Err(UnknownStatus),
        })
    }
}
impl fmt::Display for CallStatus {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

/// A call as it began, with what its books need frozen from the published campaign.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Call {
    /// From Twilio's CallSid.
    pub id: CallId,
    /// Whose.
    pub tenant: TenantId,
    /// The Twilio account it came through.
    pub account_sid: AccountSid,
    /// The campaign that took it.
    pub campaign: CampaignId,
    /// The published version it runs on, to its end.
    pub snapshot_version: u64,
    /// The number that was dialled, or the SIP address of a bid.
    pub to: Called,
    /// The number's id; `None` for a call to a SIP address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub number: Option<NumberId>,
    /// The pool it is in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pool: Option<NumberPoolId>,
    /// The partition of the pool that its number's leases are written in.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub pool_shard: u16,
    /// How it is known whose visit it belongs to; `None` for a call to a SIP address, and for calls from before this was kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attribution: Option<Attribution>,
    /// The visit of a page from which it came.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub visit: Option<VisitId>,
    /// The tag that showed the number on that page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tag: Option<TrackingTagId>,
    /// What the visit makes known of it, by tag: see [`crate::dni::call_tags`].
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub tags: BTreeMap<String, String>,
    /// The caller as Twilio wrote it: mostly E.164, but also `anonymous` or a SIP address. Of a caller who called a SIP
    /// address of ours it is the number in their own address, if there is one.
    pub from: String,
    /// Two-letter state of the caller, when Twilio knows it.
    #[serde(default)]
    pub from_state: Option<String>,
    /// ZIP code of the caller, when Twilio knows it.
    #[serde(default)]
    pub from_zip: Option<String>,
    /// Country of the caller, two letters, when Twilio knows it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from_country: Option<String>,
    /// How the carrier vouches for the caller's number, as Twilio writes it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verstat: Option<String>,
    /// What the campaign makes of it when the caller called before; decided once, when the call begins.
    #[serde(default, skip_serializing_if = "Verdict::is_first")]
    pub repeat: Verdict,
    /// Destinations that do not take this caller again.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub not_again: Vec<(Via, Restricted)>,
    /// Bidders that are not offered this caller, who called too often.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub too_often: Vec<(RtbTargetId, NotTaken)>,
    /// Keyed hash of the caller's number, by which their calls are found again; `None` when there is no number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub caller_key: Option<String>,
    /// Seconds since the same caller's last call on this campaign began; `None` for the first, and without a number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub previous_call_s: Option<u64>,
    /// When it reached us.
    pub started_at: Timestamp,
    /// Decides every draw of this call; stored so that decisions can be replayed.
    pub seed: u64,
    /// Currency of its books.
    pub currency: Currency,
    /// Who is paid.
    pub publisher: Option<PublisherId>,
    /// What they are paid.
    pub payout: Payout,
    /// Most that they are paid on the campaign.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub payout_limit: Option<PayoutLimit>,
    /// The bid by which it came, or should have come.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bid: Option<CallBid>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it with a reference")]
const fn is_zero(number: &u16) -> bool {
    *number == 0
}

impl Call {
    /// The caller's number, when it is one.
    pub fn caller(&self) -> Option<E164> {
        self.from.parse().ok()
    }

    /// The same call, not paid by its bid but by the campaign's usual terms, and why.
    #[must_use]
    pub fn without_bid(&self, why: BidVerdict, campaign: &Campaign) -> Self {
        let bid = self.bid.clone().map(|bid| CallBid { verdict: why, ..bid });
        Self { bid, payout: campaign.payout_for(self.publisher), ..self.clone() }
    }

    /// Whether it came by a bid that its publisher earns.
    pub fn has_bid(&self) -> bool {
        self.bid.as_ref().is_some_and(CallBid::is_honoured)
    }

    /// Whether nobody could take it although it came by a bid.
    pub fn lost_its_bid(&self) -> bool {
        self.bid.as_ref().is_some_and(|bid| bid.verdict == BidVerdict::CapacityGone)
    }

    /// What its bid was made of, and how much it is; `None` where no margin is to be kept.
    pub fn passed_on(&self) -> Option<(PassedOn, Money)> {
        let bid = self.bid.as_ref().filter(|bid| bid.is_honoured())?;
        Some((bid.passed_on?, bid.amount?))
    }

    /// The click in RedTrack that its visit came from.
    pub fn click_id(&self) -> Option<&str> {
        click_id_of(|name| self.tags.get(&format!("User:{name}")).map(String::as_str))
    }

    /// The number by which a caller is found again: of a SIP address that begins with one, too.
    pub fn caller_number(&self) -> Option<E164> {
        crate::phone::number_of_caller(&self.from)
    }
}

/// Steps count up to here: a call that comes so far is told that nobody is free.
pub const LAST_STEP: u16 = 4_999;
/// Between the numbers of two parties that ring at the same time: more than there are steps.
const PARTY: u16 = LAST_STEP + 1;

/// The number of an attempt: the step whose answer dials it. Of several that ring at the same time the first has the step's,
/// and the others one of their own beyond all steps.
pub const fn attempt_number(step: u16, party: u16) -> u16 {
    party.saturating_mul(PARTY).saturating_add(step)
}

/// The step whose answer dialled the attempt of this number.
pub const fn step_of_attempt(number: u16) -> u16 {
    number % PARTY
}

/// One destination we asked Twilio to dial.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attempt {
    /// See [`attempt_number`].
    pub number: u16,
    /// Target or bidder.
    pub via: Via,
    /// Its name then.
    pub name: String,
    /// The agent who is dialled, of a target that agents answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent: Option<AgentRef>,
    /// Where.
    pub destination: Destination,
    /// The bid, when there was one.
    pub bid: Option<Money>,
    /// What was agreed.
    pub terms: Terms,
    /// Capacity held for it; `None` when nothing is capped.
    pub reservation: Option<Reservation>,
    /// When we answered with the dial.
    pub dialled_at: Timestamp,
}

impl Attempt {
    /// The step whose answer dialled it.
    pub const fn step(&self) -> u16 {
        step_of_attempt(self.number)
    }

    /// Later steps are after earlier ones; of a step that nobody answered, its first party is the one the books are about.
    pub(crate) const fn place(&self) -> (u16, Reverse<u16>) {
        (self.step(), Reverse(self.number))
    }
}

/// Which leg of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Leg {
    /// The caller's.
    Caller,
    /// The one dialled by attempt n.
    Attempt(u16),
}

/// Who told us. When several tell of the same leg's end, the first in this order is believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// A status callback.
    Callback,
    /// We asked Twilio.
    CarrierCheck,
    /// The answer to a `<Dial>` that named no child call: the only word about a leg that never came to be.
    DialAction,
}

/// One thing we were told about a leg. The set of these is the truth about a call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LegEvent {
    /// Which leg.
    pub leg: Leg,
    /// Its state then.
    pub status: CallStatus,
    /// Twilio's sequence number within the leg; 0 when there is none.
    pub sequence: u32,
    /// Who told us.
    pub source: Source,
    /// When it happened, by Twilio's clock when it says so.
    pub at: Timestamp,
    /// Seconds from answer to end; only with a terminal state.
    pub duration_s: Option<u32>,
    /// Twilio's id of the leg.
    pub sid: Option<CallSid>,
}

/// How one leg ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LegEnd {
    /// Terminal state.
    pub status: CallStatus,
    /// When.
    pub at: Timestamp,
    /// Seconds the leg was answered; 0 when it never was.
    pub answered_seconds: u32,
}

/// How a leg ended, if the events say that it did.
pub fn leg_end(leg: Leg, events: &[LegEvent]) -> Option<LegEnd> {
    let of_leg = || events.iter().filter(|event| event.leg == leg);
    let end = of_leg()
        .filter(|event| event.status.is_terminal())
        .min_by_key(|event| (event.source, event.sequence, event.status, event.at))?;
    let answered_seconds = match (end.status, end.duration_s) {
        (CallStatus::Completed, Some(seconds)) => seconds,
        (CallStatus::Completed, None) => of_leg()
            .filter(|event| event.status == CallStatus::InProgress)
            .map(|event| event.at)
            .min()
            .map_or(0, |answered| seconds_between(answered, end.at)),
        _ => 0,
    };
    Some(LegEnd { status: end.status, at: end.at, answered_seconds })
}

fn answered_at(end: &LegEnd) -> Timestamp {
    end.at.checked_sub(SignedDuration::from_secs(i64::from(end.answered_seconds))).unwrap_or(end.at)
}

/// Whole seconds from one instant to another, never negative.
pub fn seconds_between(from: Timestamp, to: Timestamp) -> u32 {
    u32::try_from(to.as_second().saturating_sub(from.as_second())).unwrap_or(0)
}

/// Where a call stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Standing {
    /// Something has not ended yet.
    Open,
    /// Everything has ended.
    Concluded(Box<Conclusion>),
}

/// A call that is over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Conclusion {
    /// Terminal state of the caller's leg.
    pub status: CallStatus,
    /// When the caller's leg ended.
    pub ended_at: Timestamp,
    /// Seconds from the first ring to the end.
    pub total_seconds: u32,
    /// Whether caller and callee could talk.
    pub connected: bool,
    /// Since when; `None` when they could not.
    pub connected_at: Option<Timestamp>,
    /// Seconds they could; 0 when they could not.
    pub connected_seconds: u32,
    /// Seconds from the call's start to the end of the billed attempt.
    pub seconds_from_incoming: u32,
    /// Seconds from dialling the billed attempt to its end.
    pub seconds_from_dial: u32,
    /// The attempt the books are about: the connected one, else the last one dialled.
    pub billed: Option<Attempt>,
}

/// Folds what we know into where the call stands. The order of `attempts` and `events` and repetitions in them do not
/// matter.
pub fn standing(call: &Call, attempts: &[Attempt], events: &[LegEvent]) -> Standing {
    let Some(caller) = leg_end(Leg::Caller, events) else { return Standing::Open };
    let mut ends = Vec::with_capacity(attempts.len());
    for attempt in attempts {
        match leg_end(Leg::Attempt(attempt.number), events) {
            Some(end) => ends.push((attempt, end)),
            None => return Standing::Open,
        }
    }
    let billed = ends
        .iter()
        .max_by_key(|(attempt, end)| (end.status == CallStatus::Completed, attempt.place()))
        .copied();
    let connected = billed.is_some_and(|(_, end)| end.status == CallStatus::Completed);
    Standing::Concluded(Box::new(Conclusion {
        status: caller.status,
        ended_at: caller.at,
        total_seconds: seconds_between(call.started_at, caller.at),
        connected,
        connected_at: billed.filter(|_| connected).map(|(_, end)| answered_at(&end)),
        seconds_from_incoming: billed.map_or(0, |(_, end)| seconds_between(call.started_at, end.at)),
        connected_seconds: billed.map_or(0, |(_, end)| end.answered_seconds),
        seconds_from_dial: billed.map_or(0, |(attempt, end)| seconds_between(attempt.dialled_at, end.at)),
        billed: billed.map(|(attempt, _)| attempt.clone()),
    }))
}
