//! Query parameters: which exist, what they may say, and their limits.
//!
//! Read from decoded pairs. An unknown name is refused, not ignored, so that a misspelt filter never returns everything;
//! all problems are told at once.

use std::collections::BTreeMap;

use domain::validate::{Problem, Problems};
use jiff::civil::Date;
use jiff::{Span, Timestamp, Unit};

/// Items on a page unless asked otherwise.
pub const DEFAULT_LIMIT: u16 = 50;
/// Most items on a page.
pub const MAX_LIMIT: u16 = 200;
/// Longest search text, characters.
pub const MAX_SEARCH: usize = 100;
/// Longest span of a list of calls, days.
pub const MAX_CALL_DAYS: i32 = 366;
/// Days of calls listed when only the last day is named, or none.
pub const DEFAULT_CALL_DAYS: i64 = 7;

/// The orders of a list of nouns.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum SortBy {
    /// By name (numbers: by the number), without regard to case.
    #[default]
    Name,
    /// By creation.
    CreatedAt,
    /// By last change.
    UpdatedAt,
}

/// `?limit&cursor&search&sort` of a list of nouns.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ListQuery {
    /// 1 to [`MAX_LIMIT`].
    pub limit: u16,
    /// Where to go on.
    pub cursor: Option<String>,
    /// Part of the name, without regard to case.
    pub search: Option<String>,
    /// The order: `name`, `created_at`, `updated_at`.
    pub sort: SortBy,
    /// `-name` and so on: backwards.
    pub descending: bool,
}

impl ListQuery {
    /// Reads the parameters.
    ///
    /// # Errors
    /// Every parameter that is unknown, repeated or out of bounds.
    pub fn read(pairs: &[(String, String)]) -> Result<Self, Vec<Problem>> {
        let mut problems = Problems::new();
        let given = by_name(pairs, &["limit", "cursor", "search", "sort"], &mut problems);
        let search = given.get("search").copied().map(str::trim).filter(|text| !text.is_empty());
        if search.is_some_and(|text| text.chars().count() > MAX_SEARCH) {
            problems.add("search", "length", format!("at most {MAX_SEARCH} characters"));
        }
        let (sort, descending) = sort(given.get("sort").copied(), &mut problems);
        let query = Self {
            limit: limit(given.get("limit").copied(), &mut problems),
            cursor: given.get("cursor").map(|cursor| (*cursor).to_owned()),
            search: search.map(str::to_owned),
            sort,
            descending,
        };
        problems.into_result().map(|()| query)
    }
}

/// `?from&to&limit&cursor` of the list of calls.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallsQuery {
    /// First UTC day.
    pub from: Date,
    /// Last UTC day, included.
    pub to: Date,
    /// The two as they were given: what a cursor belongs to, whatever day it is by then.
    pub given: (Option<Date>, Option<Date>),
    /// 1 to [`MAX_LIMIT`].
    pub limit: u16,
    /// Where to go on.
    pub cursor: Option<String>,
}

impl CallsQuery {
    /// Reads the parameters; without days, the [`DEFAULT_CALL_DAYS`] up to `now`.
    ///
    /// # Errors
    /// Every parameter that is unknown, repeated or out of bounds.
    pub fn read(pairs: &[(String, String)], now: Timestamp) -> Result<Self, Vec<Problem>> {
        let mut problems = Problems::new();
        let given = by_name(pairs, &["from", "to", "limit", "cursor"], &mut problems);
        let today = now.to_zoned(jiff::tz::TimeZone::UTC).date();
        let days = ["from", "to"].map(|name| day(name, given.get(name).copied(), &mut problems));
        let to = days[1].unwrap_or(today);
        let from = days[0].unwrap_or_else(|| to.saturating_sub(Span::new().days(DEFAULT_CALL_DAYS - 1)));
        if from > to {
            problems.add("from", "range", format!("the first day, {from}, comes after the last, {to}"));
        }
        if from.until((Unit::Day, to)).is_ok_and(|span| span.get_days() >= MAX_CALL_DAYS) {
            problems.add("from", "range", format!("ask for at most {MAX_CALL_DAYS} days at once"));
        }
        let query = Self {
            from,
            to,
            given: (days[0], days[1]),
            limit: limit(given.get("limit").copied(), &mut problems),
            cursor: given.get("cursor").map(|cursor| (*cursor).to_owned()),
        };
        problems.into_result().map(|()| query)
    }
}

pub(crate) fn by_name<'a>(
    pairs: &'a [(String, String)],
    known: &[&str],
    problems: &mut Problems,
) -> BTreeMap<&'a str, &'a str> {
    let mut given = BTreeMap::new();
    for (name, value) in pairs {
        let shown: String = name.chars().take(64).collect();
        if !known.contains(&name.as_str()) {
            let message = format!("'{shown}' is not a parameter here; known are {}", known.join(", "));
            problems.add(shown, "unknown_parameter", message);
        } else if given.insert(name.as_str(), value.as_str()).is_some() {
            problems.add(shown, "repeated", "give this parameter once");
        }
    }
    given
}

fn limit(text: Option<&str>, problems: &mut Problems) -> u16 {
    let Some(text) = text else { return DEFAULT_LIMIT };
    match text.parse() {
        Ok(limit) if (1..=MAX_LIMIT).contains(&limit) => limit,
        _ => {
            problems.add("limit", "range", format!("a whole number from 1 to {MAX_LIMIT}"));
            DEFAULT_LIMIT
        }
    }
}

fn sort(text: Option<&str>, problems: &mut Problems) -> (SortBy, bool) {
    let Some(text) = text else { return (SortBy::Name, false) };
    let (word, descending) = text.strip_prefix('-').map_or((text, false), |word| (word, true));
    let by = match word {
        "name" => SortBy::Name,
        "created_at" => SortBy::CreatedAt,
        "updated_at" => SortBy::UpdatedAt,
        _ => {
            problems.add("sort", "choice", "name, created_at or updated_at, with a leading - for backwards");
            SortBy::Name
        }
    };
    (by, descending)
}

fn day(field: &str, text: Option<&str>, problems: &mut Problems) -> Option<Date> {
    let text = text?;
    // Exactly one spelling: the parser itself also takes times and zones.
    match text.parse::<Date>() {
        Ok(day) if day.to_string() == text => Some(day),
        _ => {
            problems.add(field, "day", "a UTC day such as 2026-11-22");
            None
        }
    }
}
