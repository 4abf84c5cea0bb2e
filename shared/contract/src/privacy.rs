//! Erasing a caller: what is asked, and what was done.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// The body of `POST /api/privacy/erase-caller`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct EraseCaller {
    /// The caller's number in E.164, for example `+14155550100`.
    pub number: String,
    /// The same number once more: it cannot be undone.
    pub confirm: String,
}

/// What was done. One request does a bounded part: repeat it until `complete`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct ErasureView {
    /// Whether nothing of the caller is left.
    pub complete: bool,
    /// Calls that this request erased.
    pub calls_erased: u32,
    /// Calls that go on or ended less than ten minutes ago; they are left for a later request.
    pub calls_waiting: u32,
    /// What to do next, in words.
    pub note: String,
    /// What is kept as proof, of all requests for this caller.
    pub proof: ProofView,
}

/// The proof. It names the caller by a keyed hash only.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct ProofView {
    /// Keyed hash of the number.
    pub caller: String,
    /// When it was asked for first.
    pub first_at: Timestamp,
    /// When it was asked for last.
    pub last_at: Timestamp,
    /// The id of the user or API key that asked last.
    pub by: String,
    /// Calls erased so far.
    pub calls: u32,
    /// Recordings removed so far.
    pub recordings: u32,
    /// Logged bids whose texts were removed so far.
    pub bids: u32,
    /// Entries removed from the block list.
    pub unblocked: u32,
}
