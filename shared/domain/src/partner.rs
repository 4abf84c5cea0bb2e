//! Whom a tenant does business with: publishers, who send calls, and buyers, who pay for them.
//!
//! What must stay true: pausing one is effective at once and needs no publishing. A paused publisher's calls are not taken;
//! a paused buyer's targets and bidders are passed over.

use serde::{Deserialize, Serialize};

use crate::email::EmailAddress;
use crate::ledger::{Conversion, Revenue};
use crate::target::Status;
use crate::validate::{Problem, Problems, Validate};

/// Longest notes about a partner, characters.
pub const MAX_NOTES: usize = 2_000;

/// Who sends traffic.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Publisher {
    /// Unique per tenant.
    #[schema(min_length = 1, max_length = 120)]
    pub name: String,
    /// Whether its calls are taken.
    #[serde(default)]
    pub status: Status,
    /// Whom to write to.
    #[serde(default)]
    pub contact_email: Option<EmailAddress>,
    /// Free text for the tenant's own people.
    #[serde(default)]
    #[schema(max_length = 2000)]
    pub notes: String,
}

/// Who pays for calls.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Buyer {
    /// Unique per tenant.
    #[schema(min_length = 1, max_length = 120)]
    pub name: String,
    /// Whether its targets and bidders get calls.
    #[serde(default)]
    pub status: Status,
    /// Whom to write to.
    #[serde(default)]
    pub contact_email: Option<EmailAddress>,
    /// Free text for the tenant's own people.
    #[serde(default)]
    #[schema(max_length = 2000)]
    pub notes: String,
    /// What a converted call is worth to it, where its targets say nothing themselves.
    #[serde(default)]
    pub revenue: Option<Revenue>,
    /// When a call counts as converted, where its targets and bidders say nothing themselves.
    #[serde(default)]
    pub conversion: Option<Conversion>,
}

impl Buyer {
    /// What calls need of it: without the contact and the notes, which nobody wants in every published version, and as
    /// active, because its live flag alone says whether it is paused.
    #[must_use]
    pub fn for_calls(self) -> Self {
        Self { status: Status::Active, contact_email: None, notes: String::new(), ..self }
    }
}

impl Validate for Publisher {
    fn validate(&self) -> Result<(), Vec<Problem>> {
        checked(&self.name, &self.notes).into_result()
    }
}

impl Validate for Buyer {
    fn validate(&self) -> Result<(), Vec<Problem>> {
        let mut problems = checked(&self.name, &self.notes);
        if let Some(revenue) = &self.revenue {
            revenue.check("revenue", &mut problems);
        }
        problems.into_result()
    }
}

fn checked(name: &str, notes: &str) -> Problems {
    let mut problems = Problems::new();
    problems.name("name", name);
    problems.text("notes", notes, MAX_NOTES);
    problems
}
