//! URL parameters: parameters of landing pages that every tag of the tenant keeps, and the tags that they become on a call.

use serde::{Deserialize, Serialize};

use super::tag::check_parameter;
use crate::filter::TagName;
use crate::partner::MAX_NOTES;
use crate::tokens;
use crate::validate::{Problem, Problems, Validate};

/// A parameter of landing pages that every tag keeps.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct UrlParameter {
    /// As it stands in the page's address, upper and lower case as there. Unique per tenant.
    #[schema(min_length = 1, max_length = 64)]
    pub name: String,
    /// The tag that a call has it as, such as `User:sub_id`. `null`: `User:` and the name.
    #[serde(default)]
    pub reports_as: Option<TagName>,
    /// Free text for the tenant's own people.
    #[serde(default)]
    #[schema(max_length = 2000)]
    pub notes: String,
}

impl UrlParameter {
    /// The tag that it becomes when nothing else is said: `None` where no tag can have this name.
    pub fn usual_tag(&self) -> Option<TagName> {
        format!("User:{}", self.name).try_into().ok()
    }
}

impl Validate for UrlParameter {
    fn validate(&self) -> Result<(), Vec<Problem>> {
        let mut problems = Problems::new();
        check_parameter("name", &self.name, &mut problems);
        match self.reports_as.clone().or_else(|| self.usual_tag()) {
            None => problems.add(
                "reports_as",
                "required",
                "no tag can have this name, which begins with a sign: say what it reports as, for example User:sub_id",
            ),
            Some(tag) if !tokens::is_own_tag(tag.as_str()) => problems.add(
                "reports_as",
                "category",
                "the platform fills the tags of this category: choose one of your own, for example User:sub_id",
            ),
            Some(_) => {}
        }
        problems.text("notes", &self.notes, MAX_NOTES);
        problems.into_result()
    }
}
