//! The audit log as the API shows it.

use domain::audit::Change;
use domain::validate::{Problem, Problems};
use jiff::Timestamp;
use jiff::civil::{Date, date};
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

use crate::query::{CURSOR, LIMIT, Parameter, Takes, by_name, limit};

/// Longest text of a filter, characters.
const MAX_FILTER: usize = 100;

/// One entry.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct AuditLine {
    /// Its id.
    pub id: String,
    /// When, UTC.
    pub at: Timestamp,
    /// Who.
    pub actor: ActorView,
    /// From where.
    pub origin: OriginView,
    /// What, as `noun.deed`: `target.updated`, `campaign.published`.
    pub action: String,
    /// The id of the thing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub object: Option<String>,
    /// Its name then; a phone number is masked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// What became different. Personal values are masked and followed by `#` and a keyed hash, secrets are `***`.
    pub changes: Vec<Change>,
    /// How many more changes there were.
    pub more: u32,
}

/// Who acted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct ActorView {
    /// `user`, `api_key`, `system` or `visitor`.
    pub kind: String,
    /// The user's or the key's id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// Its name, when it is still known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
}

/// From where.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct OriginView {
    /// The network of the client's address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub network: Option<String>,
    /// What the client calls itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent: Option<String>,
    /// The request's id.
    pub request_id: String,
}

/// A page of the audit log, newest first.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct AuditPage {
    /// The entries.
    pub items: Vec<AuditLine>,
    /// Where to go on; absent at the end of the month.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
    /// Everything of the month from here on was looked at.
    pub searched_to: Timestamp,
}

/// `?month&limit&cursor&object&actor&action` of the audit log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditQuery {
    /// The first day of the UTC month.
    pub month: Date,
    /// 1 to [`crate::query::MAX_LIMIT`].
    pub limit: u16,
    /// Where to go on.
    pub cursor: Option<String>,
    /// Only this thing's entries, by its id.
    pub object: Option<String>,
    /// Only what this user or key did, by its id; or `system`, or `visitor`.
    pub actor: Option<String>,
    /// Only this action; a noun alone (`campaign`) is all of its actions.
    pub action: Option<String>,
}

impl AuditQuery {
    /// What it takes.
    pub const PARAMETERS: &'static [Parameter] = &[
        Parameter {
            name: "month",
            about: "The UTC month; the present one unless given.",
            takes: Takes::Like("^[0-9]{4}-(0[1-9]|1[0-2])$", "2026-11"),
        },
        LIMIT,
        CURSOR,
        Parameter {
            name: "object",
            about: "Only entries about this thing, by its id.",
            takes: Takes::Text(MAX_FILTER),
        },
        Parameter {
            name: "actor",
            about: "Only what this user or API key did, by its id; or `system`, or `visitor`.",
            takes: Takes::Text(MAX_FILTER),
        },
        Parameter {
            name: "action",
            about: "Only this action, such as `campaign.published`; a noun alone (`campaign`) is all of its actions.",
            takes: Takes::Text(MAX_FILTER),
        },
    ];

    /// Reads the parameters; without a month, the one of `now`.
    ///
    /// # Errors
    /// Every parameter that is unknown, repeated or out of bounds.
    pub fn read(pairs: &[(String, String)], now: Timestamp) -> Result<Self, Vec<Problem>> {
        let mut problems = Problems::new();
        let given = by_name(pairs, Self::PARAMETERS, &mut problems);
        let today = now.to_zoned(TimeZone::UTC).date();
        let month = match given.get("month") {
            None => today.first_of_month(),
            Some(text) => month_of(text).unwrap_or_else(|| {
                problems.add("month", "month", "a UTC month such as 2026-11");
                today.first_of_month()
            }),
        };
        let mut filter = |name: &str| {
            let text = given.get(name).copied()?;
            if text.is_empty() || text.chars().count() > MAX_FILTER {
                problems.add(name, "length", format!("1 to {MAX_FILTER} characters"));
            }
            Some(text.to_owned())
        };
        let (object, actor, action) = (filter("object"), filter("actor"), filter("action"));
        let cursor = given.get("cursor").map(|cursor| (*cursor).to_owned());
        let limit = limit(given.get("limit").copied(), &mut problems);
        problems.into_result().map(|()| Self { month, limit, cursor, object, actor, action })
    }
}

/// The first day of a UTC month such as `2026-11`.
pub(crate) fn month_of(text: &str) -> Option<Date> {
    let (year, number) = text.split_once('-')?;
    let (year, number): (i16, i8) = (year.parse().ok()?, number.parse().ok()?);
    let sound = (2_000..=9_998).contains(&year) && (1..=12).contains(&number);
    // Exactly one spelling.
    (sound && text == format!("{year:04}-{number:02}")).then(|| date(year, number, 1))
}
