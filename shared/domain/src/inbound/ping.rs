//! A ping as it was sent: parameters in the query and in a body that is JSON, XML or a form.
//!
//! What must stay true: a ping means the same however it is sent; names are read without regard to case; what is beyond
//! the limits is refused whole and never read in part.

use std::collections::BTreeMap;
use std::str::FromStr;

use quick_xml::escape::resolve_predefined_entity;
use quick_xml::events::Event;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::RateLimit;
use crate::filter::Tags;
use crate::phone::E164;

/// Longest body, bytes.
pub const MAX_BODY: usize = 64 * 1024;
/// Most parameters.
const MOST: usize = 100;
/// Longest name of a parameter, bytes.
const MAX_NAME: usize = 64;
/// Longest value, bytes.
const MAX_VALUE: usize = 1_000;
/// Most objects or elements inside each other.
const MAX_DEPTH: usize = 8;

/// What an address is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = RtbEnvironment)]
pub enum Environment {
    /// Real bids.
    Production,
    /// Decided like a real bid, but with a number that does not ring.
    Test,
    /// Sample data.
    Sandbox,
}

impl Environment {
    /// As it stands in the address, in whatever case.
    pub fn of_path(text: &str) -> Option<Self> {
        [Self::Production, Self::Test, Self::Sandbox]
            .into_iter()
            .find(|environment| environment.as_str().eq_ignore_ascii_case(text))
    }

    /// As it is written.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Production => "production",
            Self::Test => "test",
            Self::Sandbox => "sandbox",
        }
    }

    /// How many requests are answered: outside of production ten a minute, unless even fewer are agreed.
    pub fn rate_limit(self, agreed: RateLimit) -> RateLimit {
        match self {
            Self::Production => agreed,
            Self::Test | Self::Sandbox => {
                RateLimit { max_requests: agreed.max_requests.min(10), ..RateLimit::default() }
            }
        }
    }
}

/// What a body says that it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BodyKind {
    /// A form.
    Form,
    /// A JSON object.
    Json,
    /// XML, whatever its root is called.
    Xml,
}

impl BodyKind {
    /// Of a `Content-Type`; without one a body is a form. `None`: of a kind that we do not read.
    pub fn of_content_type(written: &str) -> Option<Self> {
        let media_type = written.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        match media_type.as_str() {
            "" | "application/x-www-form-urlencoded" => Some(Self::Form),
            "application/json" | "text/json" => Some(Self::Json),
            "application/xml" | "text/xml" => Some(Self::Xml),
            _ => None,
        }
    }
}

/// Why a ping cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unreadable {
    /// The body is too long.
    #[error("a ping has at most 64 KB")]
    TooLong,
    /// Too many parameters, or one with a name or value that is too long.
    #[error("a ping has at most {MOST} parameters, with names of {MAX_NAME} bytes and values of {MAX_VALUE}")]
    TooMuch,
    /// Not JSON, or not an object, or objects too deep inside each other.
    #[error("the body is not a JSON object")]
    NotJson,
    /// Not XML, or elements too deep inside each other, or with a document type.
    #[error("the body is not XML that we read")]
    NotXml,
}

/// A ping.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ping {
    /// The caller, when the ping says so and it is a number.
    pub caller: Option<E164>,
    /// Whether the publisher can send the call to a SIP address.
    pub sip_ok: bool,
    /// The caller's ZIP code.
    pub zip: Option<String>,
    /// The caller's state.
    pub state: Option<String>,
    /// Every parameter, its name in lower case; also those with empty values.
    pub parameters: BTreeMap<String, String>,
}

impl Ping {
    /// Reads query and body. Of a name that stands there more than once the first value counts, the query's before the
    /// body's.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn read(query: &str, body: &[u8], kind: BodyKind) -> Result<Self, Unreadable> {
        if body.len() > MAX_BODY {
            return Err(Unreadable::TooLong);
        }
        let mut found = Found::default();
        found.form(query.as_bytes())?;
        match kind {
            _ if body.iter().all(u8::is_ascii_whitespace) => {}
            BodyKind::Form => found.form(body)?,
            BodyKind::Json => match serde_json::from_slice(body) {
                Ok(object @ Value::Object(_)) => found.json(None, object, 0)?,
                _ => return Err(Unreadable::NotJson),
            },
            BodyKind::Xml => found.xml(body)?,
        }
        Ok(Self::of(found.0))
    }

    fn of(parameters: BTreeMap<String, String>) -> Self {
        let first = |names: &[&str]| {
            let mut values = names.iter().filter_map(|name| parameters.get(*name));
            values.find(|value| !value.is_empty()).cloned()
        };
        let is_yes = |text: String| ["yes", "true", "1", "y"].contains(&text.to_ascii_lowercase().as_str());
        Self {
            caller: first(&["cid", "callerid", "caller_id"]).and_then(|text| number(&text)),
            sip_ok: first(&["sipok"]).is_some_and(is_yes),
            zip: first(&["zipcode", "zip", "zip_code"]),
            state: first(&["state"]),
            parameters,
        }
    }

    /// What filters and modifiers compare besides what they know of the caller: each parameter is a tag `User:<name>`.
    pub fn add_to(&self, tags: &mut Tags) {
        for (name, value) in &self.parameters {
            tags.set("User", name, value);
        }
    }

    /// Whether the parameter of this tag was sent, be it empty.
    pub fn has_sent(&self, tag: &str) -> bool {
        let name = tag.split_once(':').filter(|(category, _)| category.eq_ignore_ascii_case("user"));
        name.is_some_and(|(_, name)| self.parameters.contains_key(&name.to_ascii_lowercase()))
    }
}

/// A caller id as publishers write it: with or without `+`; ten digits are a number of North America.
pub(super) fn number(text: &str) -> Option<E164> {
    let separators = [' ', '-', '(', ')', '.'];
    let digits: String = text.trim().chars().filter(|sign| !separators.contains(sign)).collect();
    let plain = digits.strip_prefix('+').unwrap_or(&digits);
    let e164 = match plain.len() {
        10 if plain.len() == digits.len() => format!("+1{plain}"),
        _ => format!("+{plain}"),
    };
    E164::from_str(&e164).ok()
}

#[derive(Default)]
struct Found(BTreeMap<String, String>);

impl Found {
    fn add(&mut self, name: &str, value: &str) -> Result<(), Unreadable> {
        let (name, value) = (name.trim().to_lowercase(), value.trim());
        if name.is_empty() {
            return Ok(());
        }
        if name.len() > MAX_NAME || value.len() > MAX_VALUE {
            return Err(Unreadable::TooMuch);
        }
        self.0.entry(name).or_insert_with(|| value.to_owned());
        if self.0.len() > MOST { Err(Unreadable::TooMuch) } else { Ok(()) }
    }

    fn form(&mut self, text: &[u8]) -> Result<(), Unreadable> {
        url::form_urlencoded::parse(text).try_for_each(|(name, value)| self.add(&name, &value))
    }

    /// A value inside an object goes by its own name; lists say nothing.
    fn json(&mut self, name: Option<&str>, value: Value, depth: usize) -> Result<(), Unreadable> {
        let name_or_none = name.unwrap_or_default();
        match value {
            Value::Object(_) if depth >= MAX_DEPTH => Err(Unreadable::NotJson),
            Value::Object(members) => {
                members.into_iter().try_for_each(|(name, value)| self.json(Some(&name), value, depth + 1))
            }
            Value::String(text) => self.add(name_or_none, &text),
            Value::Number(number) => self.add(name_or_none, &number.to_string()),
            Value::Bool(truth) => self.add(name_or_none, if truth { "true" } else { "false" }),
            Value::Null => self.add(name_or_none, ""),
            Value::Array(_) => Ok(()),
        }
    }

    /// Elements without elements in them are parameters.
    fn xml(&mut self, body: &[u8]) -> Result<(), Unreadable> {
        let text = std::str::from_utf8(body).map_err(|_| Unreadable::NotXml)?;
        let mut reader = quick_xml::Reader::from_str(text.trim_start_matches('\u{feff}'));
        // Of each open element its name, its text, and whether another one is in it.
        let mut open: Vec<(String, String, bool)> = Vec::new();
        let mut roots = 0;
        loop {
            match reader.read_event().map_err(|_| Unreadable::NotXml)? {
                Event::Start(tag) => {
                    if let Some((_, _, has_inner)) = open.last_mut() {
                        *has_inner = true;
                    } else {
                        roots += 1;
                    }
                    open.push((tag.local_name().as_ref().to_owned(), String::new(), false));
                    if open.len() > MAX_DEPTH || roots > 1 {
                        return Err(Unreadable::NotXml);
                    }
                }
                Event::Empty(tag) => match open.last_mut() {
                    Some((_, _, has_inner)) => {
                        *has_inner = true;
                        self.add(tag.local_name().as_ref(), "")?;
                    }
                    None => roots += 1,
                },
                Event::End(_) => {
                    let (name, text, has_inner) = open.pop().ok_or(Unreadable::NotXml)?;
                    if !open.is_empty() && !has_inner {
                        self.add(&name, &text)?;
                    }
                }
                Event::Text(text) => {
                    if let Some((_, held, _)) = open.last_mut() {
                        held.push_str(&text.xml10_content());
                    }
                }
                Event::CData(text) => {
                    if let Some((_, held, _)) = open.last_mut() {
                        held.push_str(&text.xml10_content());
                    }
                }
                Event::GeneralRef(reference) => {
                    let letter = reference.resolve_char_ref().map_err(|_| Unreadable::NotXml)?;
                    let known = || resolve_predefined_entity(&reference).map(str::to_owned);
                    let text = letter.map(String::from).or_else(known).ok_or(Unreadable::NotXml)?;
                    if let Some((_, held, _)) = open.last_mut() {
                        held.push_str(&text);
                    }
                }
                Event::Decl(_) | Event::Comment(_) | Event::PI(_) => {}
                // Entities of its own would be a way to make a little into a lot.
                Event::DocType(_) => return Err(Unreadable::NotXml),
                Event::Eof if open.is_empty() && roots == 1 => return Ok(()),
                Event::Eof => return Err(Unreadable::NotXml),
            }
        }
    }
}
