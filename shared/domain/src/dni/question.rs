//! What a browser asks, and what it is answered: `web/dni/PROTOCOL.md`.
//!
//! A question is read leniently: what is too long is cut, what has the wrong shape is passed over, and only a question
//! without a tag is none. A page must not break because of a parameter.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::tag::{Replace, TagSetup};
use super::visit::{MAX_NAME, MAX_PARAMS, MAX_URL, MAX_VALUE, PageSeen, Params, cut};
use crate::ids::{TrackingTagId, VisitId};
use crate::phone::E164;

/// Largest body of a question, bytes.
pub const MAX_BODY: usize = 64 * 1024;
/// Longest lease token, bytes.
const MAX_TOKEN: usize = 400;

/// What a browser asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    /// The tag of the page.
    pub tag: TrackingTagId,
    /// The visit, once it has begun.
    pub visit: Option<VisitId>,
    /// The lease at hand, also one that has ended.
    pub lease: Option<String>,
    /// The page's address.
    pub url: String,
    /// Where its visitor came from.
    pub referrer: String,
    /// Everything kept.
    pub params: Params,
    /// The first touch.
    pub first: Params,
    /// The latest touch.
    pub last: Params,
    /// Whether it only tells, and wants no number.
    pub values_only: bool,
}

/// The body is no question.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NoQuestion {
    /// Longer than [`MAX_BODY`].
    #[error("the question is too long")]
    TooLong,
    /// Not a JSON object.
    #[error("a question is a JSON object")]
    NotAnObject,
    /// It names no tag.
    #[error("tag: the id of a tracking tag (TT…) is missing")]
    NoTag,
}

impl Question {
    /// Reads a question.
    ///
    /// # Errors
    /// It is none.
    pub fn read(body: &[u8]) -> Result<Self, NoQuestion> {
        if body.len() > MAX_BODY {
            return Err(NoQuestion::TooLong);
        }
        let Ok(Value::Object(fields)) = serde_json::from_slice(body) else {
            return Err(NoQuestion::NotAnObject);
        };
        let text = |name: &str| fields.get(name).and_then(Value::as_str);
        let page = fields.get("page").and_then(Value::as_object);
        let of_page = |name: &str| page.and_then(|page| page.get(name)).and_then(Value::as_str);
        Ok(Self {
            tag: text("tag").and_then(|tag| tag.parse().ok()).ok_or(NoQuestion::NoTag)?,
            visit: text("visit").and_then(|visit| visit.parse().ok()),
            lease: text("lease").filter(|lease| lease.len() <= MAX_TOKEN).map(str::to_owned),
            url: clean(of_page("url").unwrap_or_default(), MAX_URL),
            referrer: clean(of_page("referrer").unwrap_or_default(), MAX_URL),
            params: params(fields.get("params"), MAX_VALUE),
            first: params(fields.get("first"), MAX_URL),
            last: params(fields.get("last"), MAX_URL),
            values_only: fields.get("values_only") == Some(&Value::Bool(true)),
        })
    }

    /// A question of a page without script: nothing but parameters, which are its visit's only touch.
    pub fn without_script(
        tag: TrackingTagId,
        visit: Option<VisitId>,
        url: &str,
        query: impl Iterator<Item = (String, String)>,
    ) -> Self {
        let pairs: Map<String, Value> = query.map(|(name, value)| (name, Value::String(value))).collect();
        let params = params(Some(&Value::Object(pairs)), MAX_VALUE);
        let url = clean(url, MAX_URL);
        let mut touch = params.clone();
        if !url.is_empty() {
            touch.insert("url".to_owned(), url.clone());
        }
        Self {
            tag,
            visit,
            lease: None,
            url,
            referrer: String::new(),
            params,
            first: touch.clone(),
            last: touch,
            values_only: false,
        }
    }

    /// The page it was asked on.
    pub fn page(&self, at: Timestamp) -> Option<PageSeen> {
        (!self.url.is_empty()).then(|| PageSeen {
            url: self.url.clone(),
            referrer: self.referrer.clone(),
            at,
        })
    }
}

/// Without control characters, and not longer than so many characters.
fn clean(text: &str, most: usize) -> String {
    text.chars().filter(|character| !character.is_control()).take(most).collect()
}

/// Parameters as they are kept: what has the wrong shape is passed over, what is too long is cut.
pub fn params(given: Option<&Value>, most: usize) -> Params {
    let Some(Value::Object(given)) = given else { return Params::new() };
    let text = |value: &Value| match value {
        Value::String(text) => Some(clean(text, most)),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(flag) => Some(flag.to_string()),
        _ => None,
    };
    let sound = |name: &&String| {
        !name.is_empty() && name.chars().count() <= MAX_NAME && !name.chars().any(char::is_control)
    };
    let named = given.iter().filter(|(name, _)| sound(name));
    let mut params: Params = named
        .filter_map(|(name, value)| Some((name.clone(), text(value).filter(|value| !value.is_empty())?)))
        .take(MAX_PARAMS)
        .collect();
    cut(&mut params);
    params
}

/// What a browser is answered. The platform's times are milliseconds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[schema(as = NumberShown)]
pub struct Shown {
    /// The visit.
    pub visit: VisitId,
    /// The signed lease; `None`: nothing is leased.
    pub lease: Option<String>,
    /// The number to be shown; `None`: the one that stands in the page.
    pub number: Option<E164>,
    /// As people of its country write it.
    pub display: Option<String>,
    /// For how long it may be shown, from the moment the question left the browser.
    pub ttl_ms: u64,
    /// When to ask again.
    pub renew_ms: u64,
    /// Whether a call to it is this visit's.
    pub attributed: bool,
    /// What is replaced.
    pub replace: Replacing,
}

/// What is replaced in the page, and which of its parameters are kept.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Replacing {
    /// Elements, numbers, shadow roots.
    #[serde(flatten)]
    pub replace: Replace,
    /// Parameters that are kept beside those that always are.
    pub keep: Vec<String>,
}

impl Replacing {
    /// What a tag replaces and keeps.
    pub fn of(setup: &TagSetup) -> Self {
        Self {
            replace: setup.tag.replace.clone(),
            keep: setup.kept().into_iter().map(str::to_owned).collect(),
        }
    }
}

/// A number as people of its country write it; as it is, of other countries.
pub fn display(number: &E164) -> String {
    let Some(national) = number.nanp() else { return number.as_str().to_owned() };
    match (national.get(..3), national.get(3..6), national.get(6..)) {
        (Some(area), Some(exchange), Some(line)) => format!("({area}) {exchange}-{line}"),
        _ => number.as_str().to_owned(),
    }
}
