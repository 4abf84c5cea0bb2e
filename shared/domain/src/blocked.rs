//! Callers who are refused: a number, everybody whose number begins with some digits, or everybody who withholds theirs.
//!
//! What must stay true: a caller is refused exactly if a block that has not expired names one of [`BlockPattern::of_caller`].
//! A blocked number is a person's: debug prints, and answers to those who may not see numbers, hold it masked.

use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::ids::BlockedNumberId;
use crate::phone::mask;
use crate::validate::{Problem, Problems, Validate};

/// Most digits of a phone number, and so of a prefix.
pub const MAX_DIGITS: usize = 15;
/// Longest reason, characters.
pub const MAX_REASON: usize = 500;
/// The word for callers without a number.
pub const ANONYMOUS: &str = "anonymous";
/// A beginning of fewer digits names nobody: it is shown to everybody.
const NAMES_SOMEBODY: usize = 7;
/// What carriers and SIP servers write instead of a number that is withheld.
const WITHHELD: [&str; 6] = [ANONYMOUS, "private", "restricted", "unavailable", "unknown", "withheld"];

/// How some carriers write ANONYMOUS: on a telephone's keys, like a number.
const WITHHELD_ON_KEYS: &str = "+266696687";

/// Whether a caller, as Twilio writes them, withholds their number, in any of the ways in which carriers say so.
pub fn is_withheld(from: &str) -> bool {
    let user = ["sip:", "sips:"].iter().find_map(|scheme| from.strip_prefix(scheme)).unwrap_or(from);
    user.split(['@', ';']).next() == Some(WITHHELD_ON_KEYS) || is_nobody(name_in(from))
}

/// What identifies a caller in what Twilio wrote: all of it, or the user part of a SIP address.
fn name_in(from: &str) -> &str {
    let address = ["sip:", "sips:"].iter().find_map(|scheme| from.strip_prefix(scheme));
    address.map_or(from, |address| address.split(['@', ';']).next().unwrap_or_default()).trim()
}

fn is_nobody(name: &str) -> bool {
    name.is_empty() || WITHHELD.iter().any(|word| name.eq_ignore_ascii_case(word))
}

/// Which callers: `+` and the first 1 to 15 digits of their number, or [`ANONYMOUS`].
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct BlockPattern(String);

/// The text does not say which callers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "expected + and 1 to {MAX_DIGITS} digits, the whole number or its beginning, or the word {ANONYMOUS}"
)]
pub struct PatternError;

impl BlockPattern {
    /// As it is written.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The form for those who may not see numbers.
    pub fn masked(&self) -> String {
        match self.0.strip_prefix('+') {
            Some(digits) if digits.len() >= NAMES_SOMEBODY => mask(digits),
            _ => self.0.clone(),
        }
    }

    /// Every pattern that blocks this caller, as Twilio writes them: all beginnings of their number, shortest first; the
    /// word for those who withhold it; nothing for other addresses. At most [`MAX_DIGITS`].
    pub fn of_caller(from: &str) -> Vec<Self> {
        let name = name_in(from);
        if let Some(digits) = name.strip_prefix('+')
            && (1..=MAX_DIGITS).contains(&digits.len())
            && digits.bytes().all(|byte| byte.is_ascii_digit())
        {
            return (1..=digits.len()).map(|length| Self(format!("+{}", &digits[..length]))).collect();
        }
        if is_nobody(name) { vec![Self(ANONYMOUS.to_owned())] } else { Vec::new() }
    }
}

impl FromStr for BlockPattern {
    type Err = PatternError;
    fn from_str(text: &str) -> Result<Self, PatternError> {
        text.to_owned().try_into()
    }
}
impl TryFrom<String> for BlockPattern {
    type Error = PatternError;
    fn try_from(text: String) -> Result<Self, PatternError> {
        let is_prefix = text.strip_prefix('+').is_some_and(|digits| {
            (1..=MAX_DIGITS).contains(&digits.len())
                && digits.bytes().all(|byte| byte.is_ascii_digit())
                && !digits.starts_with('0')
        });
        if is_prefix || text == ANONYMOUS { Ok(Self(text)) } else { Err(PatternError) }
    }
}
impl From<BlockPattern> for String {
    fn from(pattern: BlockPattern) -> String {
        pattern.0
    }
}
impl fmt::Debug for BlockPattern {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.masked())
    }
}

/// A blocked number as the tenant keeps it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct BlockedNumber {
    /// Which callers; unique per tenant.
    pub number: BlockPattern,
    /// Why, for the tenant's own people.
    #[serde(default)]
    #[schema(max_length = 500)]
    pub reason: String,
    /// From then on the callers are taken again; `None` blocks them until it is removed.
    #[serde(default)]
    pub expires_at: Option<Timestamp>,
}

impl BlockedNumber {
    /// Whether it holds at this instant.
    pub fn holds(&self, now: Timestamp) -> bool {
        is_before(now, self.expires_at)
    }
}

fn is_before(now: Timestamp, end: Option<Timestamp>) -> bool {
    end.is_none_or(|end| now < end)
}

impl Validate for BlockedNumber {
    fn validate(&self) -> Result<(), Vec<Problem>> {
        let mut problems = Problems::new();
        problems.text("reason", &self.reason, MAX_REASON);
        problems.into_result()
    }
}

/// What the call path knows of a blocked number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Block {
    /// Which record says so.
    pub blocked_number: BlockedNumberId,
    /// Until then, exclusively.
    pub expires_at: Option<Timestamp>,
}

impl Block {
    /// Whether it holds at this instant. Stored blocks stay after their end, so this is always asked.
    pub fn holds(&self, now: Timestamp) -> bool {
        is_before(now, self.expires_at)
    }
}
