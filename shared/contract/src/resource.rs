//! The envelope around every noun of the catalogue: who it is and which version, beside its own fields.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// A noun as the API shows it: the envelope's fields and the noun's own on one level.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Resource {
    /// Printed id.
    pub id: String,
    /// Counts changes, from 1; a change must name the version it was made from.
    pub version: u64,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
    /// What did not work although the change was stored.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<Warning>,
    /// The noun's own fields.
    #[serde(flatten)]
    pub body: Map<String, Value>,
}

/// A change was stored, but something that belongs to it did not work.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Warning {
    /// For programs.
    pub code: String,
    /// For people: what did not work, and what to do.
    pub message: String,
}
