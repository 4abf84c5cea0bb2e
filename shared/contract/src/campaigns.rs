//! A campaign's readiness and versions, and deeds to many things at once.

use std::collections::BTreeMap;

use domain::ids::{CampaignId, PublisherId, RingTreeId};
use domain::phone::E164;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::audit::ActorView;
use crate::calls::{DecisionView, DestinationRef, Verdict};
use crate::resource::Warning;

/// Whether a campaign takes calls, and what stands in the way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Readiness {
    /// The campaign.
    pub campaign: String,
    /// Whether the next call is taken.
    pub takes_calls: bool,
    /// The codes of what is missing; empty when calls are taken.
    pub blocking: Vec<String>,
    /// Everything that was looked at.
    pub checks: Vec<ReadinessCheck>,
}

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct ReadinessCheck {
    /// `active`, `published`, `unpublished_changes`, `set_up`, `bidder_currency`, `destination`, `active_destination`,
    /// `twilio_account`, `phone_number`, `number_connected` or `fallback_number`.
    pub code: String,
    /// `ok`, `warning` or `missing`.
    pub state: String,
    /// What was found.
    pub message: String,
    /// What to do; absent when all is well.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub action: Option<String>,
    /// The campaign's field it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
    /// The id of the thing it is about, when that is another one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub object: Option<String>,
}

/// Body of `POST …/route-preview`: a call that somebody thinks up. All of it may be left out.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RoutePreviewQuery {
    /// The caller, a phone number or `anonymous`.
    #[schema(max_length = 120)]
    pub from: Option<String>,
    /// The dialled number.
    pub to: Option<E164>,
    /// When; without it now. Counters are as they are now all the same.
    pub at: Option<Timestamp>,
    /// Who sent it.
    pub publisher: Option<PublisherId>,
    /// The caller's state, two letters.
    #[schema(max_length = 40)]
    pub state: Option<String>,
    /// The caller's ZIP code.
    #[schema(max_length = 20)]
    pub zip: Option<String>,
    /// The caller's country, two letters.
    #[schema(max_length = 2)]
    pub country: Option<String>,
    /// How the carrier vouches for the caller's number, as Twilio writes it.
    #[schema(max_length = 60)]
    pub verstat: Option<String>,
    /// Further tags, such as `{"User:zip": "60601"}`; at most 100.
    pub tags: BTreeMap<String, String>,
    /// Decides the draws among equals: the same seed, the same order.
    pub seed: u64,
}

/// What would become of a call. Nothing was counted, asked or dialled for it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct RoutePreview {
    /// The campaign.
    pub campaign: CampaignId,
    /// The published version it would run on; absent for a campaign that was never published: it is looked at as it is set up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<u64>,
    /// Why it would be given to nobody; then there are no steps.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub turned_away: Option<Verdict>,
    /// What would be done, in this order, each if everything before it did not work out.
    pub steps: Vec<PreviewStep>,
    /// Who would be passed over, and why; at most 50.
    pub passed: Vec<DecisionView>,
    /// How many more would be passed over, by reason code.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub more: BTreeMap<String, u32>,
}

/// One thing that would be done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct PreviewStep {
    /// `dial` or `ask`.
    pub does: String,
    /// The destinations that would be dialled: several ring at the same time.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub destinations: Vec<DestinationRef>,
    /// For how many seconds it would ring.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rings_s: Option<u16>,
    /// What each of the destinations has earned, in words, where equals are ranked by that.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub scores: Vec<String>,
    /// The ring tree that would be asked; absent for the bidders that are the campaign's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ring_tree: Option<RingTreeId>,
}

/// One publication of a campaign.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct VersionLine {
    /// Counts publications, from 1.
    pub version: u64,
    /// When.
    pub published_at: Timestamp,
    /// Who published it; with `republished`, whose change of a shared thing it was.
    pub by: ActorView,
    /// `published` by a person or program, or `republished` because a shared thing was changed.
    pub cause: String,
    /// Fingerprint of what was published.
    pub sha256: String,
    /// Whether calls run on it.
    pub current: bool,
}

/// Body of `POST …/duplicate`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Duplicate {
    /// The copy's name; without it `… (copy)`.
    #[serde(default)]
    pub name: Option<String>,
}

/// Body of `POST …/bulk`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Bulk {
    /// What is done to all of them.
    pub action: BulkAction,
    /// At most 100 ids; one that stands there twice counts once.
    pub ids: Vec<String>,
}

/// What can be done to many things at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum BulkAction {
    /// Switch off.
    Pause,
    /// Switch on.
    Activate,
    /// Put away; campaigns only.
    Archive,
    /// Remove.
    Delete,
}

/// What became of each of them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct BulkAnswer {
    /// In the order in which they were named.
    pub outcomes: Vec<BulkOutcome>,
}

/// What became of one thing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct BulkOutcome {
    /// Its id.
    pub id: String,
    /// `done` (also when it was so already) or `refused`.
    pub outcome: String,
    /// With `refused`: why, one of the codes of problem documents.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// With `refused`: why, in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// With `done`: what a person should know.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<Warning>,
}

/// Something was removed, and somebody should know what came of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Removed {
    /// What came of it.
    pub warnings: Vec<Warning>,
}
