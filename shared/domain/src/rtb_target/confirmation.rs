//! The second step of bidders that are asked twice: first for a bid ("ping"), then, when it has won, to take the call ("post").

use serde::{Deserialize, Serialize};

use super::answer::{AnswerPaths, Reading};
use super::request::{ContentType, Form, Method};
use crate::validate::Problems;

/// How a winning bid is confirmed. The request is authenticated as the first one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Confirmation {
    /// Whether it is done.
    #[serde(default = "yes")]
    #[schema(default = true)]
    pub enabled: bool,
    /// Whether a bid that is not confirmed in time loses the call to the next one; else it is dialled all the same.
    #[serde(default = "yes")]
    #[schema(default = true)]
    pub required: bool,
    /// Where to; tokens as in the bid request, and `[tag:Bid:Id]` and `[tag:Bid:Amount]`.
    #[schema(max_length = 2000)]
    pub url: String,
    /// How.
    #[serde(default)]
    pub method: Method,
    /// What the body is written in.
    #[serde(default)]
    pub content_type: ContentType,
    /// Extra headers; values may hold tokens.
    #[serde(default)]
    pub headers: Vec<(String, String)>,
    /// The body.
    #[serde(default)]
    #[schema(max_length = 16384)]
    pub body: String,
    /// Whether it is confirmed; required.
    pub acceptance: Vec<Reading>,
    /// Where to send the call, when that is said again; else it goes where the bid said.
    #[serde(default)]
    pub destination: Vec<Reading>,
    /// Longest wait for the answer.
    #[serde(default = "one_second")]
    #[schema(minimum = 50, maximum = 5000, default = 1000)]
    pub timeout_ms: u32,
}

const fn yes() -> bool {
    true
}
const fn one_second() -> u32 {
    1_000
}

impl Confirmation {
    pub(crate) fn form(&self) -> Form<'_> {
        let Self { method, content_type, .. } = *self;
        Form { method, url: &self.url, content_type, headers: &self.headers, body: &self.body }
    }

    pub(super) fn check(&self, problems: &mut Problems) {
        self.form().check("confirmation.", problems);
        problems.within("confirmation.timeout_ms", self.timeout_ms, 50..=5_000);
        if self.acceptance.is_empty() {
            problems.add(
                "confirmation.acceptance",
                "required",
                "say where the answer tells whether it is confirmed",
            );
        }
        let chains = AnswerPaths {
            acceptance: self.acceptance.clone(),
            destination: self.destination.clone(),
            ..AnswerPaths::default()
        };
        chains.check("confirmation", problems);
    }
}
