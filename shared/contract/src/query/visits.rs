//! The parameters of the lists of visits: a range of days, and filters that all have to hold.

use std::collections::BTreeMap;

use domain::ids::{CampaignId, NumberPoolId, PublisherId, TrackingTagId};
use domain::phone::E164;
use domain::validate::{Problem, Problems};
use jiff::Timestamp;
use jiff::civil::Date;

use super::calls::{YES_OR_NO, days, id, number, of, parsed, shape, yes_or_no};
use super::{CURSOR, LIMIT, MAX_SEARCH, Parameter, Takes, by_name, limit};

/// Parameters of a visit are asked for by their names behind this.
const PARAM: &str = "param.";
/// Most of them in one question.
const MAX_PARAMS: usize = 10;

/// What the visits of a list have in common.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct VisitFilter {
    /// Of this tag.
    pub tag: Option<TrackingTagId>,
    /// Of this campaign.
    pub campaign: Option<CampaignId>,
    /// Of this publisher.
    pub publisher: Option<PublisherId>,
    /// Shown this number last.
    pub number: Option<E164>,
    /// Whether calls to their number are theirs.
    pub attributed: Option<bool>,
    /// Parameters with these values, without regard to case.
    pub params: BTreeMap<String, String>,
    /// In an address of a page, a parameter or the city, in lower case.
    pub text: Option<String>,
}

/// `?from&to&limit&cursor` of the list of visits, and its filters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VisitsQuery {
    /// First UTC day.
    pub from: Date,
    /// Last UTC day, included.
    pub to: Date,
    /// The filters.
    pub filter: VisitFilter,
    /// Everything that shapes the list, as it was given.
    pub shape: String,
    /// 1 to [`super::MAX_LIMIT`].
    pub limit: u16,
    /// Where to go on.
    pub cursor: Option<String>,
}

impl VisitsQuery {
    /// What it takes.
    pub const PARAMETERS: &'static [Parameter] = &[
        of("from", "The first UTC day; unless given, six days before the last.", Takes::Day),
        of(
            "to",
            "The last UTC day, included; today unless given. At most 366 days from the first.",
            Takes::Day,
        ),
        LIMIT,
        CURSOR,
        of("tag", "Visits that this tracking tag has seen.", id!("TT")),
        of("campaign", "Visits of this campaign's tags.", id!("CA")),
        of("publisher", "Visits of this publisher's tags.", id!("AF")),
        of(
            "number",
            "Visits that were last shown this phone number; only for those with `numbers:read`.",
            Takes::Like(r"^\+(1[2-9][0-9]{9}|[2-9][0-9]{7,14})$", "+14155550123"),
        ),
        of("attributed", "Whether calls to the number are the visit's own.", YES_OR_NO),
        of("q", "Text in an address of a page, a parameter or the city.", Takes::Text(MAX_SEARCH)),
        of("param.utm_source", PARAM_WORDS, Takes::Text(MAX_VALUE)),
        of("param.utm_medium", PARAM_WORDS, Takes::Text(MAX_VALUE)),
        of("param.utm_campaign", PARAM_WORDS, Takes::Text(MAX_VALUE)),
        of("param.utm_term", PARAM_WORDS, Takes::Text(MAX_VALUE)),
        of("param.utm_content", PARAM_WORDS, Takes::Text(MAX_VALUE)),
        of("param.clickid", PARAM_WORDS, Takes::Text(MAX_VALUE)),
    ];

    /// Reads the parameters; without days, the last ones up to `now`.
    ///
    /// # Errors
    /// Every parameter that is unknown, repeated or out of bounds.
    pub fn read(pairs: &[(String, String)], now: Timestamp) -> Result<Self, Vec<Problem>> {
        let mut problems = Problems::new();
        let (asked, others): (Vec<_>, Vec<_>) =
            pairs.iter().cloned().partition(|(name, _)| name.starts_with(PARAM));
        let given = by_name(&others, Self::PARAMETERS, &mut problems);
        let params = params(&asked, &mut problems);
        let (from, to) = days(&given, now, &mut problems);
        let mut shape = shape(&given);
        shape.extend(params.iter().map(|(name, value)| format!("{PARAM}{name}={value}\n")));
        let query = Self {
            from,
            to,
            filter: VisitFilter {
                tag: parsed(&given, "tag", &mut problems),
                campaign: parsed(&given, "campaign", &mut problems),
                publisher: parsed(&given, "publisher", &mut problems),
                number: number(&given, "number", &mut problems),
                attributed: yes_or_no(&given, "attributed", &mut problems),
                params,
                text: text(&given, &mut problems),
            },
            shape,
            limit: limit(given.get("limit").copied(), &mut problems),
            cursor: given.get("cursor").map(|cursor| (*cursor).to_owned()),
        };
        problems.into_result().map(|()| query)
    }
}

/// Longest value that is asked for, characters.
const MAX_VALUE: usize = 512;
const PARAM_WORDS: &str = "Visits with this value of the parameter, without regard to case; any other parameter is asked for in the same way.";

fn params(asked: &[(String, String)], problems: &mut Problems) -> BTreeMap<String, String> {
    let mut params = BTreeMap::new();
    for (field, value) in asked {
        let shown: String = field.chars().take(80).collect();
        let name = field.strip_prefix(PARAM).unwrap_or_default();
        if name.is_empty() {
            problems.add(shown, "unknown_parameter", "name the visit's parameter: param.utm_source");
        } else if value.chars().count() > MAX_VALUE {
            problems.add(shown, "length", format!("at most {MAX_VALUE} characters"));
        } else if params.insert(name.to_owned(), value.to_lowercase()).is_some() {
            problems.add(shown, "repeated", "give this parameter once");
        }
    }
    problems.at_most("param", params.len(), MAX_PARAMS);
    params
}

fn text(given: &BTreeMap<&str, &str>, problems: &mut Problems) -> Option<String> {
    let text = given.get("q").map(|text| text.trim()).filter(|text| !text.is_empty())?;
    if text.chars().count() > MAX_SEARCH {
        problems.add("q", "length", format!("at most {MAX_SEARCH} characters"));
    }
    Some(text.to_lowercase())
}

/// `?tag&pool` of the visitors who are shown a number now.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct LiveQuery {
    /// Of this tag.
    pub tag: Option<TrackingTagId>,
    /// Of this pool's numbers.
    pub pool: Option<NumberPoolId>,
}

impl LiveQuery {
    /// What it takes.
    pub const PARAMETERS: &'static [Parameter] = &[
        of("tag", "Visitors of this tracking tag's pages.", id!("TT")),
        of("pool", "Visitors who are shown a number of this pool.", id!("NU")),
    ];

    /// Reads the parameters.
    ///
    /// # Errors
    /// Every parameter that is unknown, repeated or no id.
    pub fn read(pairs: &[(String, String)]) -> Result<Self, Vec<Problem>> {
        let mut problems = Problems::new();
        let given = by_name(pairs, Self::PARAMETERS, &mut problems);
        let query =
            Self { tag: parsed(&given, "tag", &mut problems), pool: parsed(&given, "pool", &mut problems) };
        problems.into_result().map(|()| query)
    }
}
