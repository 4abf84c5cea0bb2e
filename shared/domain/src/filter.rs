//! Filters: what a call's tags must say before a destination may have it.
//!
//! A tag is a category and a name, written `User:zip`; names are found, and values compared, without regard to case. A tag
//! with an empty value counts as missing. What must stay true: of a missing tag every comparison is false, so `not` makes it
//! true. `FilterSet` decides exactly as the filters read, only faster.

mod number;
mod set;

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

use regex::{Regex, RegexBuilder};
use serde::{Deserialize, Serialize};

use crate::validate::Problems;
pub use set::{Failed, FailedPredicate, FilterSet, Look};

/// Most groups inside each other.
pub const MAX_DEPTH: usize = 4;
/// Most predicates of one filter.
pub const MAX_PREDICATES: usize = 100;
/// Most patterns of one filter: each holds memory of its own once it is used.
pub const MAX_PATTERNS: usize = 10;
/// Most values of one list.
pub const MAX_LIST: usize = 1_000;
/// Longest value or pattern, characters.
pub const MAX_VALUE: usize = 200;
/// Longest tag name with its category, bytes.
const MAX_TAG_NAME: usize = 128;
/// Largest pattern once compiled, and largest memory of its search, bytes.
const PATTERN_BYTES: usize = 1 << 18;

/// Text as it is compared.
pub(crate) fn folded(text: &str) -> Cow<'_, str> {
    if text.chars().any(|character| !character.is_ascii() || character.is_ascii_uppercase()) {
        Cow::Owned(text.to_lowercase())
    } else {
        Cow::Borrowed(text)
    }
}

/// What a tag is called: `Category:Name`, for example `User:zip` or `InboundNumber:State`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct TagName(String);

/// The text names no tag.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a tag: expected a category and a name such as User:zip, of letters, digits, spaces, _ - and .")]
pub struct TagNameError;

impl TagName {
    /// As it is written.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}
impl TryFrom<String> for TagName {
    type Error = TagNameError;
    fn try_from(text: String) -> Result<Self, TagNameError> {
        let sound = |part: &str| {
            part.starts_with(|first: char| first.is_ascii_alphanumeric())
                && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || b" _-.".contains(&byte))
        };
        let parts_sound = text.split_once(':').is_some_and(|(category, name)| sound(category) && sound(name));
        if parts_sound && text.len() <= MAX_TAG_NAME { Ok(Self(text)) } else { Err(TagNameError) }
    }
}
impl From<TagName> for String {
    fn from(name: TagName) -> Self {
        name.0
    }
}
impl fmt::Display for TagName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// What is known about one call, by tag. A copy shares the tags until one of both is changed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tags(Arc<BTreeMap<String, String>>);

impl Tags {
    /// None yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets a tag, in place of what it was; an empty value removes it.
    pub fn set(&mut self, category: &str, name: &str, value: &str) {
        let mut tag = String::with_capacity(category.len() + 1 + name.len());
        tag.push_str(category);
        tag.push(':');
        tag.push_str(name);
        if tag.is_ascii() {
            tag.make_ascii_lowercase();
        } else {
            tag = tag.to_lowercase();
        }
        let tags = Arc::make_mut(&mut self.0);
        if value.is_empty() {
            tags.remove(&tag);
        } else {
            tags.insert(tag, value.to_owned());
        }
    }

    /// The value of a tag, written `User:zip`.
    pub fn get(&self, tag: &str) -> Option<&str> {
        self.0.get(folded(tag).as_ref()).map(String::as_str)
    }

    /// Every tag in lower case, with its value.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(tag, value)| (tag.as_str(), value.as_str()))
    }
}

/// How a tag's value is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = FilterComparison)]
pub enum Comparison {
    /// The same text. Numbers are text here: ZIP code `01234` is not `1234`.
    Equals,
    /// The value stands somewhere in it.
    Contains,
    /// It begins with the value.
    BeginsWith,
    /// Greater than the value: as numbers when the value is one (a tag that is none is not greater), else in the order of
    /// the text, as dates like `2026-11-22` are.
    Greater,
    /// Less than the value, in the same way.
    Less,
    /// One of the values.
    InList,
    /// There at all; takes no value.
    Exists,
    /// The pattern matches somewhere in it (syntax of the `regex` crate, without regard to case).
    Regex,
}

/// A value as somebody writes it: text, or a number that is read as its digits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "WrittenValue", into = "String")]
pub struct Value(String);

#[derive(Deserialize, utoipa::ToSchema)]
#[serde(untagged, expecting = "expected text or a number")]
enum WrittenValue {
    /// Text.
    Text(String),
    /// A number, read as its digits.
    #[schema(value_type = f64)]
    Number(serde_json::Number),
}

impl Value {
    /// As it is compared, before its case is folded.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}
impl From<WrittenValue> for Value {
    fn from(written: WrittenValue) -> Self {
        match written {
            WrittenValue::Text(text) => Self(text),
            WrittenValue::Number(number) => Self(number.to_string()),
        }
    }
}
impl From<Value> for String {
    fn from(value: Value) -> Self {
        value.0
    }
}
impl utoipa::PartialSchema for Value {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
        WrittenValue::schema()
    }
}
impl utoipa::ToSchema for Value {
    fn name() -> Cow<'static, str> {
        Cow::Borrowed("FilterValue")
    }
}

/// What a tag is compared with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(untagged, expecting = "expected text, a number, or a list of them")]
#[schema(as = FilterOperand)]
pub enum Operand {
    /// One value.
    One(Value),
    /// Several, for `in_list`.
    List(Vec<Value>),
}

impl Operand {
    fn values(&self) -> &[Value] {
        match self {
            Self::One(value) => std::slice::from_ref(value),
            Self::List(values) => values,
        }
    }
}

/// One comparison: `{"tag": "User:zip", "is": "in_list", "value": ["10001", "10002"]}`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Predicate {
    /// Which tag.
    pub tag: TagName,
    /// How.
    pub is: Comparison,
    /// With what; `None` for `exists`.
    pub value: Option<Operand>,
}

/// What a call's tags must say: one comparison, or `{"all": […]}`, `{"any": […]}`, `{"not": …}` of filters. The default, `all`
/// of nothing, lets every call pass.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "WrittenFilter", into = "WrittenFilter")]
pub enum Filter {
    /// Every one of these.
    All(Vec<Filter>),
    /// At least one of these.
    Any(Vec<Filter>),
    /// Not this.
    Not(Box<Filter>),
    /// A comparison.
    Is(Predicate),
}

impl Default for Filter {
    fn default() -> Self {
        Self::All(Vec::new())
    }
}

/// Exactly one of `all`, `any`, `not` and `tag`; `is` and `value` go with `tag`.
#[derive(Default, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields, default)]
struct WrittenFilter {
    /// Every one of these.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(no_recursion)]
    all: Option<Vec<Filter>>,
    /// At least one of these.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(no_recursion)]
    any: Option<Vec<Filter>>,
    /// Not this.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(no_recursion)]
    not: Option<Box<Filter>>,
    /// The tag that is compared.
    #[serde(skip_serializing_if = "Option::is_none")]
    tag: Option<TagName>,
    /// How it is compared.
    #[serde(skip_serializing_if = "Option::is_none")]
    is: Option<Comparison>,
    /// With what: one value, a list for `in_list`, nothing for `exists`.
    #[serde(skip_serializing_if = "Option::is_none")]
    value: Option<Operand>,
}

/// A filter says one thing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("give exactly one of all, any, not, and tag together with is")]
pub struct NotOneFilter;

impl TryFrom<WrittenFilter> for Filter {
    type Error = NotOneFilter;
    fn try_from(written: WrittenFilter) -> Result<Self, NotOneFilter> {
        Ok(match written {
            WrittenFilter { all: Some(filters), any: None, not: None, tag: None, is: None, value: None } => {
                Self::All(filters)
            }
            WrittenFilter { all: None, any: Some(filters), not: None, tag: None, is: None, value: None } => {
                Self::Any(filters)
            }
            WrittenFilter { all: None, any: None, not: Some(filter), tag: None, is: None, value: None } => {
                Self::Not(filter)
            }
            WrittenFilter { all: None, any: None, not: None, tag: Some(tag), is: Some(is), value } => {
                Self::Is(Predicate { tag, is, value })
            }
            _ => return Err(NotOneFilter),
        })
    }
}
impl From<Filter> for WrittenFilter {
    fn from(filter: Filter) -> Self {
        match filter {
            Filter::All(filters) => Self { all: Some(filters), ..Self::default() },
            Filter::Any(filters) => Self { any: Some(filters), ..Self::default() },
            Filter::Not(filter) => Self { not: Some(filter), ..Self::default() },
            Filter::Is(Predicate { tag, is, value }) => {
                Self { tag: Some(tag), is: Some(is), value, ..Self::default() }
            }
        }
    }
}
impl utoipa::PartialSchema for Filter {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
        WrittenFilter::schema()
    }
}
impl utoipa::ToSchema for Filter {
    fn schemas(schemas: &mut Vec<(String, utoipa::openapi::RefOr<utoipa::openapi::schema::Schema>)>) {
        WrittenFilter::schemas(schemas);
    }
}

impl Filter {
    /// Rules for saving; `at` is the field of this filter.
    pub fn check(&self, at: &str, problems: &mut Problems) {
        let mut found = Found::default();
        let top_lets_all_pass = *self == Self::default();
        if !top_lets_all_pass {
            self.look_into(at, 0, &mut found, problems);
        }
        if found.too_deep {
            let words = format!("at most {MAX_DEPTH} groups inside each other");
            problems.add(at, "depth", words);
        }
        if found.predicates > MAX_PREDICATES {
            let words = format!("at most {MAX_PREDICATES} comparisons, this filter has {}", found.predicates);
            problems.add(at, "count", words);
        }
        if found.patterns > MAX_PATTERNS {
            let words = format!("at most {MAX_PATTERNS} patterns, this filter has {}", found.patterns);
            problems.add(at, "count", words);
        }
    }

    /// The tags that it compares, in lower case.
    pub fn tags(&self) -> BTreeSet<String> {
        match self {
            Self::All(filters) | Self::Any(filters) => filters.iter().flat_map(Self::tags).collect(),
            Self::Not(filter) => filter.tags(),
            Self::Is(predicate) => [folded(predicate.tag.as_str()).into_owned()].into(),
        }
    }

    fn look_into(&self, at: &str, groups: usize, found: &mut Found, problems: &mut Problems) {
        found.too_deep |= groups > MAX_DEPTH;
        let (name, inner) = match self {
            Self::All(filters) => ("all", filters),
            Self::Any(filters) => ("any", filters),
            Self::Not(filter) => {
                return filter.look_into(&format!("{at}.not"), groups + 1, found, problems);
            }
            Self::Is(predicate) => {
                found.predicates += 1;
                found.patterns += usize::from(predicate.is == Comparison::Regex);
                // A filter that is far too long anyway is not told about every single comparison.
                if found.predicates <= MAX_PREDICATES {
                    predicate.check(at, problems);
                }
                return;
            }
        };
        if inner.is_empty() {
            problems.add(format!("{at}.{name}"), "count", "a group has at least one filter in it");
        }
        for (index, filter) in inner.iter().enumerate() {
            filter.look_into(&format!("{at}.{name}[{index}]"), groups + 1, found, problems);
        }
    }
}

#[derive(Default)]
struct Found {
    predicates: usize,
    patterns: usize,
    too_deep: bool,
}

impl Predicate {
    fn check(&self, at: &str, problems: &mut Problems) {
        let at = format!("{at}.value");
        match (self.is, &self.value) {
            (Comparison::Exists, None) => {}
            (Comparison::Exists, Some(_)) => problems.add(&at, "value", "exists takes no value"),
            (Comparison::InList, Some(Operand::List(values))) => {
                problems.at_most(&at, values.len(), MAX_LIST);
                if values.is_empty() {
                    problems.add(&at, "count", "a list has at least one value");
                }
                for (index, value) in values.iter().take(MAX_LIST).enumerate() {
                    value.check(&format!("{at}[{index}]"), problems);
                }
            }
            (Comparison::InList, _) => problems.add(&at, "value", "in_list takes a list of values"),
            (Comparison::Regex, Some(Operand::One(value))) => {
                value.check(&at, problems);
                if value.0.chars().count() <= MAX_VALUE
                    && let Err(error) = compiled(&value.0)
                {
                    problems.add(&at, "pattern", pattern_words(&error));
                }
            }
            (_, Some(Operand::One(value))) => value.check(&at, problems),
            _ => problems.add(&at, "value", "this comparison takes one value"),
        }
    }

    /// What the tag must be like, after `needs tag User:zip`.
    fn words(&self, negated: bool) -> String {
        let values = self.value.as_ref().map_or(&[][..], Operand::values);
        let first = values.first().map_or("", Value::as_str);
        let must = if negated { "not to" } else { "to" };
        match self.is {
            Comparison::Equals => format!("{must} be '{first}'"),
            Comparison::Contains => format!("{must} contain '{first}'"),
            Comparison::BeginsWith => format!("{must} begin with '{first}'"),
            Comparison::Greater => format!("{must} be greater than {first}"),
            Comparison::Less => format!("{must} be less than {first}"),
            Comparison::InList if values.len() == 1 => format!("{must} be '{first}'"),
            Comparison::InList => format!("{must} be one of {} values", values.len()),
            Comparison::Exists => format!("{must} be there"),
            Comparison::Regex => format!("{must} match the pattern {first}"),
        }
    }
}

impl Value {
    fn check(&self, at: &str, problems: &mut Problems) {
        problems.text(at, &self.0, MAX_VALUE);
        if self.0.is_empty() {
            problems.add(at, "length", "a value has at least one character: use exists and not");
        }
    }
}

/// A pattern, bounded in the memory that it and its search may take. Searching takes time in proportion to the text.
fn compiled(pattern: &str) -> Result<Regex, regex::Error> {
    RegexBuilder::new(pattern)
        .case_insensitive(true)
        .size_limit(PATTERN_BYTES)
        .dfa_size_limit(PATTERN_BYTES)
        .build()
}

fn pattern_words(error: &regex::Error) -> String {
    match error {
        regex::Error::CompiledTooBig(_) => "this pattern takes too much memory: make it simpler".to_owned(),
        // The library draws an arrow over several lines; its last says what is wrong.
        other => {
            let words = other.to_string();
            let last = words.lines().last().unwrap_or_default();
            format!("not a pattern: {}", last.trim_start_matches("error: "))
        }
    }
}
