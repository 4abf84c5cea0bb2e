//! What publishing a campaign answers.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::resource::Warning;

/// A campaign was published.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Publication {
    /// The campaign.
    pub campaign: String,
    /// The version that calls run on from now on; counts publications, from 1.
    pub version: u64,
    /// When.
    pub published_at: Timestamp,
    /// Whether it takes calls: only an active campaign does.
    pub takes_calls: bool,
    /// What became of each of its phone numbers.
    pub numbers: Vec<PublishedNumber>,
    /// What a person should know: it takes no calls, a number could not be connected.
    pub warnings: Vec<Warning>,
}

/// One number of a published campaign.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct PublishedNumber {
    /// Its id.
    pub id: String,
    /// The number itself, E.164.
    pub number: String,
    /// `routed`, `not_in_account` or `failed`.
    pub outcome: String,
    /// With `failed`: why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Whether the document that callers hear when we cannot answer was written.
    pub fallback_written: bool,
}
