//! Number pools: phone numbers that belong together. A call's filters can ask from which pool its dialled number is, so a
//! plan can be made by pool.

use serde::{Deserialize, Serialize};

use crate::partner::MAX_NOTES;
use crate::validate::{Problem, Problems, Validate};

/// Phone numbers that belong together; each number names the pool that it is in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NumberPool {
    /// Unique per tenant.
    #[schema(min_length = 1, max_length = 120)]
    pub name: String,
    /// Free text for the tenant's own people.
    #[serde(default)]
    #[schema(max_length = 2000)]
    pub notes: String,
}

impl Validate for NumberPool {
    fn validate(&self) -> Result<(), Vec<Problem>> {
        let mut problems = Problems::new();
        problems.name("name", &self.name);
        problems.text("notes", &self.notes, MAX_NOTES);
        problems.into_result()
    }
}
