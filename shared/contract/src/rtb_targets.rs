//! What a bidder would be sent, and what an answer of it would mean.

use std::collections::BTreeMap;

use domain::ids::{CampaignId, RtbTargetId};
use domain::money::Money;
use domain::phone::Destination;
use domain::rtb_target::profiles::Profile;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::calls::Verdict;
use crate::campaigns::RoutePreviewQuery;

/// Body of `POST …/preview`: a call that somebody thinks up, and an answer that somebody pastes. All of it may be left out.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RtbPreviewQuery {
    /// The call; the tag `Publisher:SubId` stands for the publisher's sub-id.
    pub call: RoutePreviewQuery,
    /// The campaign it comes in on; without one the campaign's tokens are empty.
    pub campaign: Option<CampaignId>,
    /// An answer to be read.
    pub answer: Option<SampleAnswer>,
}

/// An answer of a bidder's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SampleAnswer {
    /// HTTP status.
    #[serde(default = "ok")]
    #[schema(minimum = 100, maximum = 599, default = 200)]
    pub status: u16,
    /// Its headers.
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    /// The body as it came, at most 64 KB.
    #[serde(default)]
    #[schema(max_length = 65536)]
    pub body: String,
}

const fn ok() -> u16 {
    200
}

/// What would be sent, and what the answer means. Nothing was sent.
#[derive(Debug, Clone, PartialEq, Serialize, utoipa::ToSchema)]
pub struct RtbPreview {
    /// The bidder.
    pub rtb_target: RtbTargetId,
    /// Why its places, sub-ids or limits would keep it from being asked; absent: they would not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub not_asked: Option<Verdict>,
    /// The exact request, except that secrets are hidden.
    pub request: PreviewRequest,
    /// Tokens that are empty for this call.
    pub unresolved: Vec<String>,
    /// What the answer means; absent without one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub answer: Option<AnswerPreview>,
}

/// A request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct PreviewRequest {
    /// HTTP method.
    pub method: String,
    /// Address.
    pub url: String,
    /// Names and values; secrets are `***`.
    pub headers: Vec<(String, String)>,
    /// Body.
    pub body: String,
}

/// What an answer means.
#[derive(Debug, Clone, PartialEq, Serialize, utoipa::ToSchema)]
pub struct AnswerPreview {
    /// `bid` or `refused`.
    pub verdict: String,
    /// With `refused`: why.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refusal: Option<Verdict>,
    /// The bid, also a refused one, when it can be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub amount: Option<Money>,
    /// What it counts among other bids.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub counts: Option<Money>,
    /// Where the call would go.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub destination: Option<Destination>,
    /// Seconds from which the call would be payable.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub call_length_s: Option<u32>,
    /// What the bidder calls its bid.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bid_id: Option<String>,
    /// How long it is good.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Timestamp>,
    /// The request that would confirm it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub confirmation: Option<PreviewRequest>,
    /// What it is written in: `json`, `xml`, `form` or `text`; absent when it cannot be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub format: Option<String>,
    /// The tree in which paths and expressions look.
    pub tree: Value,
    /// What each path, pattern and expression finds, in order.
    pub found: Vec<FoundView>,
}

/// What one path, pattern or expression finds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct FoundView {
    /// The chain: `amount`.
    pub field: String,
    /// The path, pattern or expression.
    pub source: String,
    /// What it finds, as text; absent is nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
    /// Why an expression has no value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// Ready-made settings for the platforms that bidders use.
#[derive(Debug, Clone, PartialEq, Serialize, utoipa::ToSchema)]
pub struct Profiles {
    /// All of them.
    pub items: Vec<Profile>,
}
