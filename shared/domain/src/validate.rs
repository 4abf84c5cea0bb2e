//! Problems found in what somebody wants to save: the field, the rule, and what to do about it.

use serde::{Deserialize, Serialize};

/// One broken rule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Problem {
    /// Path of the field, for example `caps.daily` or `bidders[2].weight`.
    pub field: String,
    /// Stable name of the rule, for programs.
    pub rule: String,
    /// What is wrong and what would be right, for people.
    pub message: String,
}

/// Collects problems so that a user sees all of them at once.
#[derive(Debug, Default)]
pub struct Problems(Vec<Problem>);

impl Problems {
    /// None yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Notes a broken rule.
    pub fn add(&mut self, field: impl Into<String>, rule: &str, message: impl Into<String>) {
        self.0.push(Problem { field: field.into(), rule: rule.to_owned(), message: message.into() });
    }

    /// A name has 1 to 120 characters and no control characters.
    pub fn name(&mut self, field: &str, name: &str) {
        let length = name.chars().count();
        if length == 0 || length > 120 || name.trim().is_empty() {
            self.add(field, "length", format!("a name has 1 to 120 characters, this one has {length}"));
        }
        if name.chars().any(char::is_control) {
            self.add(field, "characters", "a name has no control characters");
        }
    }

    /// A whole number within bounds.
    pub fn within<N: PartialOrd + std::fmt::Display>(
        &mut self,
        field: &str,
        value: N,
        bounds: std::ops::RangeInclusive<N>,
    ) {
        if !bounds.contains(&value) {
            self.add(field, "range", format!("{value} is outside {} to {}", bounds.start(), bounds.end()));
        }
    }

    /// Free text has at most so many characters, and none that cannot be shown.
    pub fn text(&mut self, field: &str, text: &str, most: usize) {
        let length = text.chars().count();
        if length > most {
            self.add(field, "length", format!("at most {most} characters, this text has {length}"));
        }
        if text.chars().any(|character| character.is_control() && !"\r\n\t".contains(character)) {
            self.add(field, "characters", "a text has no control characters besides line breaks and tabs");
        }
    }

    /// A list has at most so many entries.
    pub fn at_most(&mut self, field: &str, length: usize, most: usize) {
        if length > most {
            self.add(field, "count", format!("at most {most} entries, this list has {length}"));
        }
    }

    /// An IANA time zone that we know.
    pub fn time_zone(&mut self, field: &str, name: &str) {
        if jiff::tz::TimeZone::get(name).is_err() {
            self.add(
                field,
                "time_zone",
                format!("'{name}' is not a time zone name such as America/New_York"),
            );
        }
    }

    /// Everything that was found; empty when all is well.
    pub fn into_vec(self) -> Vec<Problem> {
        self.0
    }

    /// `Ok` when nothing was found.
    pub fn into_result(self) -> Result<(), Vec<Problem>> {
        if self.0.is_empty() { Ok(()) } else { Err(self.0) }
    }
}

/// Something a tenant saves.
pub trait Validate {
    /// Every broken rule at once.
    fn validate(&self) -> Result<(), Vec<Problem>>;
}
