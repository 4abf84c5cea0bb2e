//! A campaign's readiness and versions, and deeds to many things at once.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::audit::ActorView;
use crate::resource::Warning;

/// Whether a campaign takes calls, and what stands in the way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
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
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
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

/// One publication of a campaign.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
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
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Duplicate {
    /// The copy's name; without it `… (copy)`.
    #[serde(default)]
    pub name: Option<String>,
}

/// Body of `POST …/bulk`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Bulk {
    /// What is done to all of them.
    pub action: BulkAction,
    /// At most 100 ids; one that stands there twice counts once.
    pub ids: Vec<String>,
}

/// What can be done to many things at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
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
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BulkAnswer {
    /// In the order in which they were named.
    pub outcomes: Vec<BulkOutcome>,
}

/// What became of one thing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
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
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Removed {
    /// What came of it.
    pub warnings: Vec<Warning>,
}
