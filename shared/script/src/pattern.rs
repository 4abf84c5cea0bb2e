//! Regular expressions over an answer's text, bounded in size; they run in time linear in the text.

use regex::{Regex, RegexBuilder};

/// Longest pattern, characters.
pub const MAX_LENGTH: usize = 256;
/// Largest pattern once compiled, and largest memory of its search, bytes.
const COMPILED_BYTES: usize = 1 << 18;

/// A checked pattern.
#[derive(Debug, Clone)]
pub struct Pattern(Regex);

/// Why a pattern was refused when it was saved.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PatternError {
    /// It is empty or longer than [`MAX_LENGTH`].
    #[error("a pattern has 1 to {MAX_LENGTH} characters, this one has {0}")]
    Length(usize),
    /// It has more than one group, so that it is not clear which is meant.
    #[error("a pattern has at most one group in brackets, the value; write the others as (?:…)")]
    Groups,
    /// It would take too much memory.
    #[error("the pattern is too large once it is worked out: repeat less")]
    TooLarge,
    /// The grammar does not accept it.
    #[error("not a pattern: {0}")]
    Syntax(String),
}

impl Pattern {
    /// Checks a pattern in the syntax of the `regex` crate.
    ///
    /// # Errors
    /// Why it cannot be used.
    pub fn parse(source: &str) -> Result<Self, PatternError> {
        let length = source.chars().count();
        if length == 0 || length > MAX_LENGTH {
            return Err(PatternError::Length(length));
        }
        let mut builder = RegexBuilder::new(source);
        let regex = builder.size_limit(COMPILED_BYTES).dfa_size_limit(COMPILED_BYTES).build();
        let regex = regex.map_err(|error| match error {
            regex::Error::CompiledTooBig(_) => PatternError::TooLarge,
            other => PatternError::Syntax(last_line(&other.to_string())),
        })?;
        if regex.captures_len() > 2 {
            return Err(PatternError::Groups);
        }
        Ok(Self(regex))
    }

    /// Whether the pattern names a part of what it matches.
    pub fn has_group(&self) -> bool {
        self.0.captures_len() == 2
    }

    /// The first match: its group when there is one, else all of it.
    pub fn first<'a>(&self, text: &'a str) -> Option<&'a str> {
        let found = self.0.captures(text)?;
        let part = if self.has_group() { found.get(1) } else { found.get(0) };
        part.map(|part| part.as_str())
    }
}

/// The library draws the place in several lines; the last one says what is wrong.
fn last_line(message: &str) -> String {
    message.lines().last().unwrap_or_default().trim_start_matches("error: ").to_owned()
}
