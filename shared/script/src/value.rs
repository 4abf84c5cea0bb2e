//! What reading an answer finds: one kind of value, whether a path, a pattern or an expression found it.

use std::borrow::Cow;

use serde_json::Value as Json;

use crate::decimal::Decimal;

/// A value in an answer, or made of some.
#[derive(Debug, Clone, PartialEq)]
pub enum Value<'a> {
    /// Nothing: JSON's `null`, and whatever is not there.
    Null,
    /// Yes or no.
    Bool(bool),
    /// A number.
    Number(Decimal),
    /// Text; also a number too large to be reckoned with, as it is written.
    Text(Cow<'a, str>),
    /// A list of the answer.
    List(&'a [Json]),
    /// An object of the answer.
    Object(&'a serde_json::Map<String, Json>),
    /// Parts of a text that was split.
    Parts(Vec<Cow<'a, str>>),
}

impl<'a> From<&'a Json> for Value<'a> {
    fn from(json: &'a Json) -> Self {
        match json {
            Json::Null => Self::Null,
            Json::Bool(yes) => Self::Bool(*yes),
            Json::Number(number) => {
                let text = number.to_string();
                Decimal::parse(&text).map_or(Self::Text(Cow::Owned(text)), Self::Number)
            }
            Json::String(text) => Self::Text(Cow::Borrowed(text)),
            Json::Array(list) => Self::List(list),
            Json::Object(object) => Self::Object(object),
        }
    }
}

impl Value<'_> {
    /// Whether there is nothing.
    pub const fn is_null(&self) -> bool {
        matches!(self, Self::Null)
    }

    /// The text of a text or a number.
    pub fn text(&self) -> Option<Cow<'_, str>> {
        match self {
            Self::Text(text) => Some(Cow::Borrowed(text)),
            Self::Number(number) => Some(Cow::Owned(number.to_string())),
            _ => None,
        }
    }

    /// What it is, for people.
    pub(crate) const fn kind(&self) -> &'static str {
        match self {
            Self::Null => "nothing",
            Self::Bool(_) => "true or false",
            Self::Number(_) => "a number",
            Self::Text(_) => "text",
            Self::List(_) | Self::Parts(_) => "a list",
            Self::Object(_) => "an object",
        }
    }

    /// As somebody reads it who tries an expression out: texts as they are, lists and objects as JSON.
    pub fn shown(&self) -> String {
        match self {
            Self::Null => "null".to_owned(),
            Self::Bool(yes) => yes.to_string(),
            Self::Number(number) => number.to_string(),
            Self::Text(text) => text.clone().into_owned(),
            Self::List(list) => Json::Array(list.to_vec()).to_string(),
            Self::Object(object) => Json::Object((*object).clone()).to_string(),
            Self::Parts(parts) => {
                Json::from(parts.iter().map(|part| part.as_ref()).collect::<Vec<_>>()).to_string()
            }
        }
    }
}
