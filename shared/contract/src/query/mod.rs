//! Query parameters: which exist, what they may say, and their limits.
//!
//! Read from decoded pairs. An unknown name is refused, not ignored, so that a misspelt filter never returns everything;
//! all problems are told at once. What is read and what is documented is one list of [`Parameter`]s, so that the two
//! cannot disagree.

mod calls;
mod visits;

use std::collections::BTreeMap;

use domain::validate::{Problem, Problems};

pub use visits::{LiveQuery, VisitFilter, VisitsQuery};

pub use calls::{CallFilter, CallsQuery, DEFAULT_CALL_DAYS, MAX_CALL_DAYS, StatusFilter};

/// Items on a page unless asked otherwise.
pub const DEFAULT_LIMIT: u16 = 50;
/// Most items on a page.
pub const MAX_LIMIT: u16 = 200;
/// Longest search text, characters.
pub const MAX_SEARCH: usize = 100;

/// One query parameter: its name for whoever reads it, its meaning for whoever reads about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Parameter {
    /// As it is written.
    pub name: &'static str,
    /// What it does, in a sentence.
    pub about: &'static str,
    /// What it may say.
    pub takes: Takes,
}

/// What a query parameter may say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Takes {
    /// A whole number from the first to the second, the third unless given.
    Whole(u16, u16, u16),
    /// So many characters at most.
    Text(usize),
    /// What `next` of the page before said.
    Cursor,
    /// A whole number from 0.
    Count,
    /// One of these.
    OneOf(&'static [&'static str]),
    /// A UTC day.
    Day,
    /// Text of this form, with an example.
    Like(&'static str, &'static str),
    /// The same, and it must be given.
    Needed(&'static str, &'static str),
}

pub(crate) use calls::day;

/// How many items.
pub const LIMIT: Parameter = Parameter {
    name: "limit",
    about: "Most items on the page.",
    takes: Takes::Whole(1, MAX_LIMIT, DEFAULT_LIMIT),
};
/// Where to go on.
pub const CURSOR: Parameter = Parameter {
    name: "cursor",
    about: "Where to go on: `next` of the page before, unchanged, with the same other parameters.",
    takes: Takes::Cursor,
};

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
    /// What it takes.
    pub const PARAMETERS: &'static [Parameter] = &[
        LIMIT,
        CURSOR,
        Parameter {
            name: "search",
            about: "Only items whose name (phone numbers: whose number) holds this, without regard to case.",
            takes: Takes::Text(MAX_SEARCH),
        },
        Parameter {
            name: "sort",
            about: "The order, `name` unless given; with a leading - backwards.",
            takes: Takes::OneOf(&["name", "-name", "created_at", "-created_at", "updated_at", "-updated_at"]),
        },
    ];

    /// Reads the parameters.
    ///
    /// # Errors
    /// Every parameter that is unknown, repeated or out of bounds.
    pub fn read(pairs: &[(String, String)]) -> Result<Self, Vec<Problem>> {
        let mut problems = Problems::new();
        let given = by_name(pairs, Self::PARAMETERS, &mut problems);
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

/// `?limit&cursor` of a list that has neither order nor filter.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PageQuery {
    /// 1 to [`MAX_LIMIT`].
    pub limit: u16,
    /// Where to go on.
    pub cursor: Option<String>,
}

impl PageQuery {
    /// What it takes.
    pub const PARAMETERS: &'static [Parameter] = &[LIMIT, CURSOR];

    /// Reads the parameters.
    ///
    /// # Errors
    /// Every parameter that is unknown, repeated or out of bounds.
    pub fn read(pairs: &[(String, String)]) -> Result<Self, Vec<Problem>> {
        let mut problems = Problems::new();
        let given = by_name(pairs, Self::PARAMETERS, &mut problems);
        let limit = limit(given.get("limit").copied(), &mut problems);
        let cursor = given.get("cursor").map(|cursor| (*cursor).to_owned());
        problems.into_result().map(|()| Self { limit, cursor })
    }
}

pub(crate) fn by_name<'a>(
    pairs: &'a [(String, String)],
    known: &[Parameter],
    problems: &mut Problems,
) -> BTreeMap<&'a str, &'a str> {
    let mut given = BTreeMap::new();
    for (name, value) in pairs {
        let shown: String = name.chars().take(64).collect();
        if !known.iter().any(|parameter| parameter.name == name) {
            let names: Vec<&str> = known.iter().map(|parameter| parameter.name).collect();
            let message = format!("'{shown}' is not a parameter here; known are {}", names.join(", "));
            problems.add(shown, "unknown_parameter", message);
        } else if given.insert(name.as_str(), value.as_str()).is_some() {
            problems.add(shown, "repeated", "give this parameter once");
        }
    }
    given
}

pub(crate) fn limit(text: Option<&str>, problems: &mut Problems) -> u16 {
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
