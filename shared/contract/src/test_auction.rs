//! An auction that is tried out: who was sent what, what came back, and who would get the call.

use std::collections::BTreeMap;

use domain::ids::{CampaignId, RingTreeId, RtbTargetId};
use domain::money::{Currency, Money};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::calls::{DecisionView, Verdict};
use crate::campaigns::{PreviewStep, RoutePreviewQuery};
use crate::rtb_targets::PreviewRequest;

/// Body of `POST …/test-auction`. All of it may be left out.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct TestAuctionQuery {
    /// The call that somebody thinks up.
    pub call: RoutePreviewQuery,
    /// A ring tree of the campaign's; without it the auction that such a call comes to first.
    pub ring_tree: Option<RingTreeId>,
    /// For how long answers are waited for, milliseconds; without it as long as on a call.
    #[schema(minimum = 50, maximum = 5000)]
    pub deadline_ms: Option<u32>,
}

/// What came of it. The bidders were really asked; nothing was spent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct TestAuction {
    /// The campaign.
    pub campaign: CampaignId,
    /// The published version it ran on; absent for a campaign that was never published: it is tried as it is set up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<u64>,
    /// Why such a call would be given to nobody; then nobody was asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub turned_away: Option<Verdict>,
    /// The auction; absent when such a call comes to none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub auction: Option<TestedAuction>,
    /// What would be done with the call, in this order, each if everything before it did not work out.
    pub steps: Vec<PreviewStep>,
    /// Who would be passed over, and why; at most 50.
    pub passed: Vec<DecisionView>,
    /// How many more would be passed over, by reason code.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub more: BTreeMap<String, u32>,
    /// What a call does and this did not, in words.
    pub not_done: Vec<String>,
}

/// The auction that was tried.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct TestedAuction {
    /// The ring tree in the plan; absent for the bidders that are asked before it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ring_tree: Option<RingTreeId>,
    /// For how long answers were waited for, milliseconds.
    pub deadline_ms: u32,
    /// How long it took: everybody is heard to the end, while a call goes on as soon as the winner is known.
    pub took_ms: u32,
    /// What bids are in.
    pub currency: Currency,
    /// Who would win; absent: nobody.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub winner: Option<TestedWinner>,
    /// Every bidder, those with a valid bid first, best first.
    pub bidders: Vec<TestedBidder>,
}

/// Who would win.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct TestedWinner {
    /// The bidder.
    pub bidder: RtbTargetId,
    /// Its name.
    pub name: String,
    /// Its bid.
    pub amount: Money,
    /// What would be dialled: a phone number or a SIP address, masked for those who may not see numbers.
    pub destination: String,
    /// Whether it would be asked to confirm the bid first.
    pub to_confirm: bool,
}

/// One bidder's part.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct TestedBidder {
    /// The bidder.
    pub bidder: RtbTargetId,
    /// Its name.
    pub name: String,
    /// Whether it was asked; if not, `verdict` says why.
    pub asked: bool,
    /// What became of it: `won`, `valid`, or why it could not win.
    pub verdict: Verdict,
    /// Place among the valid bids, from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rank: Option<u16>,
    /// The bid, also one that was refused, when it could be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub amount: Option<Money>,
    /// What a valid bid counts among the others.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub counts: Option<Money>,
    /// Seconds from which the call would be payable, when the answer says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub call_length_s: Option<u32>,
    /// How long the bid is good, when the answer says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Timestamp>,
    /// Time to its answer, or until we stopped waiting.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub latency_ms: Option<u32>,
    /// Where it wanted the call, always masked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub destination: Option<String>,
    /// What it was sent: secrets and the values of headers of your own are `***`, numbers masked for those who may not see
    /// them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request: Option<PreviewRequest>,
    /// HTTP status of its answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// Its answer, shortened to 4 KB, numbers masked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answer: Option<String>,
}
