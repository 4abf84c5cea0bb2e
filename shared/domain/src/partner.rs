//! Whom a tenant does business with: publishers, who send calls, and buyers, who pay for them.
//!
//! What must stay true: pausing one is effective at once and needs no publishing. A paused publisher's calls are not taken;
//! a paused buyer's targets and bidders are passed over. The caps of both hold over all that is theirs.

use serde::{Deserialize, Serialize};

use crate::caps::{Caps, LiveLimits};
use crate::email::EmailAddress;
use crate::hours::Hours;
use crate::ledger::{Conversion, Revenue};
use crate::target::{Status, utc};
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
    /// Limits on its calls, over all campaigns; effective at once.
    #[serde(default)]
    pub caps: Caps,
    /// Clock for the caps: an IANA name such as `America/New_York`.
    #[serde(default = "utc")]
    #[schema(default = "UTC")]
    pub time_zone: String,
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
    /// When it takes calls, whatever its targets and bidders say; `None` is always.
    #[serde(default)]
    pub hours: Option<Hours>,
    /// Limits on its calls, over all of its targets and bidders.
    #[serde(default)]
    pub caps: Caps,
    /// Clock of its hours and caps: an IANA name such as `America/New_York`.
    #[serde(default = "utc")]
    #[schema(default = "UTC")]
    pub time_zone: String,
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

impl Publisher {
    /// What the call path must know of it at once: a publisher is in no published campaign.
    pub fn live_limits(&self) -> Option<LiveLimits> {
        self.caps.any().then(|| LiveLimits { caps: self.caps, time_zone: self.time_zone.clone() })
    }
}

impl Validate for Publisher {
    fn validate(&self) -> Result<(), Vec<Problem>> {
        check(&self.name, &self.notes, &self.caps, &self.time_zone).into_result()
    }
}

impl Validate for Buyer {
    fn validate(&self) -> Result<(), Vec<Problem>> {
        let mut problems = check(&self.name, &self.notes, &self.caps, &self.time_zone);
        if let Some(hours) = &self.hours {
            hours.check("hours", &mut problems);
        }
        if let Some(revenue) = &self.revenue {
            revenue.check("revenue", &mut problems);
        }
        problems.into_result()
    }
}

fn check(name: &str, notes: &str, caps: &Caps, time_zone: &str) -> Problems {
    let mut problems = Problems::new();
    problems.name("name", name);
    problems.text("notes", notes, MAX_NOTES);
    caps.check("caps", &mut problems);
    problems.time_zone("time_zone", time_zone);
    problems
}
