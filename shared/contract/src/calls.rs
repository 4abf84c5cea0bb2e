//! Calls as dashboards and programs read them.
//!
//! Callers' numbers, and the destinations of bids and attempts, are masked (`555***1234`) unless the key has
//! `numbers:read`. Money is micro-units of `currency`.
//!
//! Somebody who sees only their own calls gets less: a publisher no destinations, bids, revenue and profit; a buyer no
//! publisher, payout and profit, and nothing about other buyers' destinations.

use std::collections::BTreeMap;

use domain::agent::AgentRef;
use domain::call::CallStatus;
use domain::dni::lease::Attribution;
use domain::ids::{
    AdjustmentId, AuctionId, CallId, CampaignId, InboundBidId, NumberId, PublisherId, RtbTargetId,
    TrackingTagId, VisitId,
};
use domain::money::{Currency, Money};
use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

/// A page of calls, newest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct CallsPage {
    /// The calls.
    pub items: Vec<CallLine>,
    /// Where to go on; absent when everything asked for was searched.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
    /// The earliest UTC day looked at so far. A page may be short, even empty, and still have a `next`: one request
    /// looks at a bounded number of days and of calls.
    pub searched_to: Date,
    /// With a page that ended before it was full: how far the search came, in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// One line of the call log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct CallLine {
    /// Its id.
    pub id: CallId,
    /// The campaign that took it.
    pub campaign: CampaignId,
    /// The number that was dialled: its id. Absent for a call to a SIP address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub number: Option<NumberId>,
    /// The number that was dialled, or the SIP address of a bid.
    pub to: String,
    /// The caller: a number (perhaps masked), `anonymous`, or a SIP address.
    pub from: String,
    /// Two-letter state of the caller.
    pub from_state: Option<String>,
    /// ZIP code of the caller.
    pub from_zip: Option<String>,
    /// How it is known whose visit it belongs to; not for buyers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attribution: Option<Attribution>,
    /// The visit of a page from which it came; not for buyers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub visit: Option<VisitId>,
    /// The tag that showed the number on that page; not for buyers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tag: Option<TrackingTagId>,
    /// Who sent it; not for buyers.
    pub publisher: Option<PublisherId>,
    /// When it reached us.
    pub started_at: Timestamp,
    /// Currency of its money.
    pub currency: Currency,
    /// How it ended; absent while it goes on.
    pub closing: Option<ClosingView>,
    /// The bid to a publisher's ping by which it came, or should have come; not for buyers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bid: Option<CallBidView>,
}

/// The bid by which a call came, or should have come.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct CallBidView {
    /// Which; absent when there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<InboundBidId>,
    /// How much was bid.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub amount: Option<Money>,
    /// What it means for the call: `bid_honoured`, `bid_late`, `bid_used`, `bid_unknown`, `capacity_gone`, `bid_refused`.
    pub verdict: Verdict,
}

/// How a call ended and what it was worth.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct ClosingView {
    /// When the caller's leg ended.
    pub ended_at: Timestamp,
    /// The state it ended in.
    pub status: CallStatus,
    /// First ring to end.
    pub total_s: u32,
    /// Whether caller and callee could talk.
    pub connected: bool,
    /// For how long.
    pub connected_s: u32,
    /// Whether it converted.
    pub converted: bool,
    /// Why it did not. Absent for publishers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub no_conversion: Option<Verdict>,
    /// Why the rules pay out nothing for it. Absent for buyers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub no_payout: Option<Verdict>,
    /// The destination that the books are about; not for publishers.
    pub destination_name: Option<String>,
    /// What it earned; to a buyer, what it costs. Absent for publishers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revenue: Option<Money>,
    /// What is paid for it. Absent for buyers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub payout: Option<Money>,
    /// Revenue − payout. Absent for buyers and publishers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub profit: Option<Money>,
}

/// One call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct CallDetail {
    /// What the list says of it.
    #[serde(flatten)]
    pub line: CallLine,
    /// The published version of the campaign that it ran on.
    pub campaign_version: u64,
    /// What its visit makes known of it: `User:utm_term`, `Google:Source`, `FirstTouch:url` and so on; not for buyers.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub tags: BTreeMap<String, String>,
    /// Destinations dialled, in order.
    pub attempts: Vec<AttemptView>,
    /// Recordings.
    pub recordings: Vec<RecordingView>,
}

/// A target or a bidder.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct DestinationRef {
    /// `target` or `rtb_target`.
    pub kind: String,
    /// Its id.
    pub id: String,
    /// Its name then.
    pub name: String,
}

/// One destination that was dialled.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct AttemptView {
    /// Its number within the call.
    pub number: u16,
    /// Who.
    pub destination: DestinationRef,
    /// The agent who was dialled, of a target that agents answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent: Option<AgentRef>,
    /// Where, perhaps masked.
    pub address: String,
    /// The bid, when there was one.
    pub bid: Option<Money>,
    /// When it was dialled.
    pub dialled_at: Timestamp,
    /// The newest state of its leg; absent before the first word about it.
    pub status: Option<CallStatus>,
}

/// A recording.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct RecordingView {
    /// Twilio's recording sid.
    pub sid: String,
    /// The attempt that was recorded.
    pub attempt: u16,
    /// `in-progress`, `completed`, `absent` or `failed`.
    pub status: String,
    /// Its length.
    pub duration_s: Option<u32>,
    /// When we were told.
    pub at: Timestamp,
}

/// Something we were told about a leg.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct EventView {
    /// `caller` or `destination`.
    pub leg: String,
    /// With `destination`: the attempt.
    pub attempt: Option<u16>,
    /// With `destination`: its name.
    pub name: Option<String>,
    /// The leg's state.
    pub status: CallStatus,
    /// When, by Twilio's clock when it says so.
    pub at: Timestamp,
    /// With a last state: seconds from answer to end.
    pub duration_s: Option<u32>,
    /// Who told us: `callback`, `carrier_check` or `dial_action`.
    pub source: String,
}

/// What one step decided.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct StepDecisions {
    /// The step.
    pub step: u16,
    /// When.
    pub at: Timestamp,
    /// One by one, in the order in which destinations were considered; at most 50.
    pub decisions: Vec<DecisionView>,
    /// How many more were passed over, by reason code.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub more: BTreeMap<String, u32>,
    /// Why the call was given to nobody without looking at destinations: `blocked_number`, `campaign_paused`,
    /// `publisher_paused`, `publisher_terms_paused`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub turned_away: Option<Verdict>,
}

/// What was decided about one destination.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct DecisionView {
    /// Which.
    pub destination: DestinationRef,
    /// `dialled`, or why it was passed over.
    pub code: String,
    /// The same in words.
    pub text: String,
    /// What it had earned, in words, where equals were ranked by that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub score: Option<String>,
}

/// One auction.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct AuctionView {
    /// Its id.
    pub id: AuctionId,
    /// The step that ran it.
    pub step: u16,
    /// When it began.
    pub started_at: Timestamp,
    /// The deadline that held.
    pub deadline_ms: u32,
    /// How long it took.
    pub took_ms: u32,
    /// Currency of the amounts.
    pub currency: Currency,
    /// The best valid bid's bidder; absent when nobody won.
    pub winner: Option<WinnerView>,
    /// Every bidder: the valid bids first, best first.
    pub bidders: Vec<BidderView>,
}

/// Who won.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct WinnerView {
    /// The bidder.
    pub bidder: RtbTargetId,
    /// Its name then.
    pub name: String,
    /// Its bid.
    pub amount: Money,
}

/// One bidder's part.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct BidderView {
    /// The bidder.
    pub bidder: RtbTargetId,
    /// Its name then.
    pub name: String,
    /// Place among the valid bids, from 1.
    pub rank: Option<u16>,
    /// The bid, also one that was refused, when it could be read.
    pub amount: Option<Money>,
    /// Time to its answer, or until we stopped waiting; absent when it was not asked.
    pub latency_ms: Option<u32>,
    /// Where it wanted the call, always masked.
    pub destination: Option<String>,
    /// What became of it.
    pub verdict: Verdict,
    /// What was sent and what came back, once the bid log has it; numbers masked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exchange: Option<Exchange>,
}

/// A reason.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Verdict {
    /// For programs: of a bid `won`, `valid`, or why it could not win.
    pub code: String,
    /// The same in words.
    pub text: String,
}

/// The request and the answer, shortened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Exchange {
    /// Address without query.
    pub url: String,
    /// What was sent.
    pub request: Option<String>,
    /// HTTP status of the answer.
    pub status: Option<u16>,
    /// What came back.
    pub response: Option<String>,
}

/// The books of a call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct LedgerView {
    /// Whether the call is settled; before that there are no entries.
    pub settled: bool,
    /// Currency of the totals.
    pub currency: Currency,
    /// Sums of the entries.
    pub totals: Totals,
    /// The lines.
    pub entries: Vec<EntryView>,
}

/// Sums over a ledger.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Totals {
    /// What we earn. Absent for publishers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revenue: Option<Money>,
    /// What we pay out. Absent for buyers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub payout: Option<Money>,
    /// Revenue − payout. Absent for buyers and publishers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub profit: Option<Money>,
}

/// One line of the ledger.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct EntryView {
    /// Counts the call's lines from 1.
    pub number: u16,
    /// When it was written down; of a settlement, when the call ended.
    pub at: Timestamp,
    /// `settlement`, `report` or `adjustment`.
    pub source: String,
    /// The adjustment that brought it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub adjustment: Option<AdjustmentId>,
    /// `revenue` or `payout`.
    pub kind: String,
    /// `buyer`, `target`, `rtb_target` or `publisher`.
    pub party_kind: String,
    /// The other party's id.
    pub party: String,
    /// How much.
    pub amount: Money,
    /// In which currency.
    pub currency: Currency,
    /// Why.
    pub reason: String,
}
