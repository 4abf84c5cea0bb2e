//! Where an answer says what: ordered chains of paths, patterns and expressions.

use std::borrow::Cow;
use std::sync::OnceLock;

use script::Value;
use script::answer::Answer;
use script::expression::Expression;
use script::json_path::JsonPath;
use script::pattern::Pattern;
use serde::{Deserialize, Serialize};

use crate::validate::Problems;

/// Most ways of finding one thing.
const MAX_CHAIN: usize = 8;
/// Most patterns of one bidder: each holds memory of its own once it is used.
const MAX_PATTERNS: usize = 10;

/// Where in an answer a bidder says what. Each is an ordered chain: the first that finds a value counts. Paths and expressions
/// read JSON, XML (what stands inside the root element) and forms alike.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct AnswerPaths {
    /// Whether the call is accepted; required. Yes is `true`, a word such as `accepted`, or an amount above 0; of a pattern
    /// without a group, that it matches.
    pub acceptance: Vec<Reading>,
    /// The bid.
    pub amount: Vec<Reading>,
    /// Where to send the call.
    pub destination: Vec<Reading>,
    /// Seconds after which the call is payable.
    pub call_length: Vec<Reading>,
    /// Currency of the bid; the bidder's own when not found.
    pub currency: Vec<Reading>,
    /// What the bidder calls its bid, for the confirmation.
    pub bid_id: Vec<Reading>,
    /// How long the bid is good: seconds, or an instant. Without it the usual fields are looked for (`expireInSeconds`,
    /// `bidExpireEpoch`, `bidExpireDT`, `expires_at`).
    pub expires: Vec<Reading>,
}

impl AnswerPaths {
    /// Every chain with the name of its field.
    pub fn chains(&self) -> [(&'static str, &[Reading]); 7] {
        [
            ("acceptance", &self.acceptance),
            ("amount", &self.amount),
            ("destination", &self.destination),
            ("call_length", &self.call_length),
            ("currency", &self.currency),
            ("bid_id", &self.bid_id),
            ("expires", &self.expires),
        ]
    }

    /// Rules for saving what stands in the chains; `at` is this field.
    pub(super) fn check(&self, at: &str, problems: &mut Problems) {
        let chains = self.chains();
        for (name, chain) in chains {
            let field = format!("{at}.{name}");
            problems.at_most(&field, chain.len(), MAX_CHAIN);
            for (index, reading) in chain.iter().enumerate() {
                if let Err((rule, words)) = reading.check() {
                    problems.add(format!("{field}[{index}]"), rule, words);
                }
            }
        }
        let is_pattern = |reading: &&Reading| matches!(reading.written, Written::Regex(_));
        let patterns = chains.iter().flat_map(|(_, chain)| chain.iter()).filter(is_pattern).count();
        if patterns > MAX_PATTERNS {
            let words = format!("at most {MAX_PATTERNS} patterns in all, these are {patterns}");
            problems.add(at, "count", words);
        }
    }
}

/// One way of finding a value: `{"json_path": "$.bid"}`, `{"regex": "bid=([0-9.]+)"}` or `{"expression": "json.price * 0.9"}`; a
/// plain text is a JSONPath. It is made ready when it is first used, once for all calls of a published campaign.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(from = "Given", into = "Written")]
pub struct Reading {
    written: Written,
    ready: OnceLock<Option<Ready>>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
enum Written {
    /// A path in JSON, XML or a form, such as `$.bid.amount`.
    JsonPath(String),
    /// A pattern in the body's text; its group is the value, without one all that it matches.
    Regex(String),
    /// An expression over the answer, such as `json.status == "success"`.
    Expression(String),
}

#[derive(Deserialize, utoipa::ToSchema)]
#[serde(untagged, expecting = "expected a JSONPath as text, or one of json_path, regex and expression")]
enum Given {
    /// A JSONPath.
    Path(String),
    /// One of the three languages.
    One(Written),
}

#[derive(Debug, Clone)]
enum Ready {
    JsonPath(JsonPath),
    Regex(Pattern),
    Expression(Expression),
}

impl From<Given> for Reading {
    fn from(given: Given) -> Self {
        match given {
            Given::Path(path) => Self::new(Written::JsonPath(path)),
            Given::One(written) => Self::new(written),
        }
    }
}
impl From<Reading> for Written {
    fn from(reading: Reading) -> Self {
        reading.written
    }
}
impl PartialEq for Reading {
    fn eq(&self, other: &Self) -> bool {
        self.written == other.written
    }
}
impl Eq for Reading {}

impl utoipa::PartialSchema for Reading {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
        Given::schema()
    }
}
impl utoipa::ToSchema for Reading {
    fn name() -> Cow<'static, str> {
        Cow::Borrowed("AnswerReading")
    }
    fn schemas(schemas: &mut Vec<(String, utoipa::openapi::RefOr<utoipa::openapi::schema::Schema>)>) {
        schemas.push((Written::name().into_owned(), <Written as utoipa::PartialSchema>::schema()));
    }
}

impl Reading {
    const fn new(written: Written) -> Self {
        Self { written, ready: OnceLock::new() }
    }

    /// A path.
    pub fn json_path(path: &str) -> Self {
        Self::new(Written::JsonPath(path.to_owned()))
    }

    /// An expression.
    pub fn expression(expression: &str) -> Self {
        Self::new(Written::Expression(expression.to_owned()))
    }

    /// A pattern.
    pub fn regex(pattern: &str) -> Self {
        Self::new(Written::Regex(pattern.to_owned()))
    }

    /// As it is written.
    pub fn source(&self) -> &str {
        match &self.written {
            Written::JsonPath(source) | Written::Regex(source) | Written::Expression(source) => source,
        }
    }

    fn check(&self) -> Result<(), (&'static str, String)> {
        match &self.written {
            Written::JsonPath(path) => {
                JsonPath::parse(path).map(drop).map_err(|error| ("json_path", error.to_string()))
            }
            Written::Regex(pattern) => {
                Pattern::parse(pattern).map(drop).map_err(|error| ("regex", error.to_string()))
            }
            Written::Expression(expression) => {
                Expression::parse(expression).map(drop).map_err(|error| ("expression", error.to_string()))
            }
        }
    }

    fn ready(&self) -> Option<&Ready> {
        let made = self.ready.get_or_init(|| match &self.written {
            Written::JsonPath(path) => JsonPath::parse(path).ok().map(Ready::JsonPath),
            Written::Regex(pattern) => Pattern::parse(pattern).ok().map(Ready::Regex),
            Written::Expression(expression) => Expression::parse(expression).ok().map(Ready::Expression),
        });
        made.as_ref()
    }

    /// What it finds; nothing is `None`.
    ///
    /// # Errors
    /// An expression has no value for this answer; in words. On a call that is as good as finding nothing.
    pub fn find<'a>(&'a self, answer: &'a Answer<'_>) -> Result<Option<Value<'a>>, String> {
        let found = match self.ready() {
            None => None,
            Some(Ready::JsonPath(path)) => path.first(&answer.tree).map(Value::from),
            Some(Ready::Regex(pattern)) => {
                pattern.first(&answer.text).map(|text| Value::Text(Cow::Borrowed(text)))
            }
            Some(Ready::Expression(expression)) => {
                Some(expression.evaluate(answer).map_err(|error| error.to_string())?)
            }
        };
        Ok(found.filter(|value| !value.is_null()))
    }

    /// Whether finding something is itself the answer: a pattern that names no part of what it matches.
    pub(crate) fn matching_is_yes(&self) -> bool {
        matches!(self.ready(), Some(Ready::Regex(pattern)) if !pattern.has_group())
    }
}

/// The first value of a chain, and what found it.
pub(crate) fn first<'a>(chain: &'a [Reading], answer: &'a Answer<'_>) -> Option<(&'a Reading, Value<'a>)> {
    chain.iter().find_map(|reading| Some((reading, reading.find(answer).ok().flatten()?)))
}
