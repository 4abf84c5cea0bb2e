//! An answer's body as one tree, whatever it is written in: JSON, XML, a form, or plain text.
//!
//! What the body looks like decides, not what its headers say: those are often wrong. What must stay true: reading takes time
//! and memory linear in the body, and a body that was cut off is never half an answer.

use std::borrow::Cow;
use std::sync::OnceLock;

use quick_xml::events::{BytesStart, Event};
use quick_xml::reader::Reader;
use serde_json::{Map, Value as Json};

/// Elements inside each other, at most; JSON has its own limit of 128.
const MAX_DEPTH: usize = 64;

/// What a body is written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// JSON.
    Json,
    /// XML: the tree is what stands inside the root element, whatever that is called.
    Xml,
    /// `name=value&name=value`.
    Form,
    /// Plain text: the tree is `null`.
    Text,
}

/// An answer that could be read.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer<'a> {
    /// HTTP status.
    pub status: u16,
    headers: &'a [(String, String)],
    /// The same as a tree: made when an expression asks for it, which few do.
    header_tree: OnceLock<Map<String, Json>>,
    /// What it is written in.
    pub format: Format,
    /// Its body as a tree.
    pub tree: Json,
    /// Its body as text.
    pub text: Cow<'a, str>,
}

/// The body is broken JSON or XML, a web page, or no text at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("neither JSON, XML, a form nor plain text")]
pub struct Unreadable;

impl<'a> Answer<'a> {
    /// Reads a complete answer.
    ///
    /// # Errors
    /// The body begins like JSON or XML and is not, or is no text at all.
    pub fn read(status: u16, headers: &'a [(String, String)], body: &'a [u8]) -> Result<Self, Unreadable> {
        let text = decoded(body);
        let (format, tree) = tree_of(&text)?;
        Ok(Self { status, headers, header_tree: OnceLock::new(), format, tree, text })
    }

    /// Its headers; names in lower case.
    pub fn headers(&self) -> &Map<String, Json> {
        let named =
            |(name, value): &(String, String)| (name.to_ascii_lowercase(), Json::from(value.as_str()));
        self.header_tree.get_or_init(|| self.headers.iter().map(named).collect())
    }

    /// The tree when the body is written in this, else `null`.
    pub(crate) fn tree_in(&self, format: Format) -> &Json {
        if self.format == format { &self.tree } else { &Json::Null }
    }
}

/// UTF-8, or UTF-16 with its mark; what is neither is replaced.
fn decoded(body: &[u8]) -> Cow<'_, str> {
    let wide = |from: fn([u8; 2]) -> u16, bytes: &[u8]| {
        let units: Vec<u16> =
            bytes.chunks_exact(2).filter_map(|pair| pair.try_into().ok()).map(from).collect();
        Cow::Owned(String::from_utf16_lossy(&units))
    };
    match body {
        [0xff, 0xfe, rest @ ..] => wide(u16::from_le_bytes, rest),
        [0xfe, 0xff, rest @ ..] => wide(u16::from_be_bytes, rest),
        [0xef, 0xbb, 0xbf, rest @ ..] => text_of(rest),
        _ => text_of(body),
    }
}

/// What is not UTF-8 is replaced. Looking first is many times quicker when all of it is.
fn text_of(bytes: &[u8]) -> Cow<'_, str> {
    str::from_utf8(bytes).map_or_else(|_| String::from_utf8_lossy(bytes), Cow::Borrowed)
}

fn tree_of(text: &str) -> Result<(Format, Json), Unreadable> {
    let trimmed = text.trim();
    if trimmed.starts_with('<') {
        return xml(trimmed).map(|tree| (Format::Xml, tree)).ok_or(Unreadable);
    }
    match serde_json::from_str(trimmed) {
        Ok(tree) => Ok((Format::Json, tree)),
        Err(_) if trimmed.starts_with(['{', '[', '"']) => Err(Unreadable),
        Err(_) => match form(trimmed) {
            Some(tree) => Ok((Format::Form, tree)),
            None if is_words(trimmed) => Ok((Format::Text, Json::Null)),
            None => Err(Unreadable),
        },
    }
}

/// Whether it is text that a person or a program wrote, and not just any bytes.
fn is_words(text: &str) -> bool {
    let is_strange =
        |sign: char| sign == char::REPLACEMENT_CHARACTER || (sign.is_control() && !sign.is_whitespace());
    !text.contains(is_strange)
}

/// A form's fields; of a name that stands twice, a list.
fn form(text: &str) -> Option<Json> {
    let looks_right = text.split('&').all(|pair| {
        let name = pair.split_once('=').map(|(name, _)| name);
        name.is_some_and(|name| {
            !name.is_empty()
                && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-.[]%".contains(&byte))
        })
    });
    if !looks_right || text.contains(char::is_whitespace) {
        return None;
    }
    let mut fields = Map::new();
    for (name, value) in form_urlencoded::parse(text.as_bytes()) {
        put(&mut fields, name.into_owned(), Json::from(value.into_owned()));
    }
    Some(Json::Object(fields))
}

/// Adds a field; the second of a name makes it a list.
fn put(fields: &mut Map<String, Json>, name: String, value: Json) {
    match fields.get_mut(&name) {
        None => {
            fields.insert(name, value);
        }
        Some(Json::Array(list)) => list.push(value),
        Some(single) => {
            let first = single.take();
            *single = Json::Array(vec![first, value]);
        }
    }
}

/// An element under construction.
#[derive(Default)]
struct Element {
    name: String,
    fields: Map<String, Json>,
    text: String,
}

impl Element {
    /// Attributes become fields `@name`, text beside fields `#text`; an element with neither is `null`.
    fn tree(mut self) -> Json {
        let text = self.text.trim();
        if self.fields.is_empty() {
            return if text.is_empty() { Json::Null } else { Json::from(text) };
        }
        if !text.is_empty() {
            self.fields.insert("#text".to_owned(), Json::from(text));
        }
        Json::Object(self.fields)
    }
}

/// What stands inside the root element; `None` for what is not well-formed, for document types (whose entities grow), and for
/// web pages.
fn xml(text: &str) -> Option<Json> {
    let mut reader = Reader::from_str(text);
    let mut open: Vec<Element> = Vec::new();
    let mut root = None;
    loop {
        match reader.read_event().ok()? {
            Event::Start(start) => {
                if root.is_some() || open.len() >= MAX_DEPTH {
                    return None;
                }
                open.push(opened(&start, open.is_empty())?);
            }
            Event::Empty(start) => {
                let element = opened(&start, open.is_empty())?;
                close(element, &mut open, &mut root)?;
            }
            Event::End(_) => {
                let element = open.pop()?;
                close(element, &mut open, &mut root)?;
            }
            Event::Text(text) => append(&mut open, &text)?,
            Event::CData(text) => append(&mut open, &text)?,
            Event::GeneralRef(reference) => {
                let character = match reference.resolve_char_ref().ok()? {
                    Some(character) => character.to_string(),
                    None => quick_xml::escape::resolve_predefined_entity(&reference)?.to_owned(),
                };
                append(&mut open, &character)?;
            }
            Event::DocType(_) => return None,
            Event::Decl(_) | Event::PI(_) | Event::Comment(_) => {}
            Event::Eof => return if open.is_empty() { root } else { None },
        }
    }
}

fn opened(start: &BytesStart<'_>, is_root: bool) -> Option<Element> {
    let name = local(start.name().as_ref()).to_owned();
    if is_root && name.eq_ignore_ascii_case("html") {
        return None;
    }
    let mut element = Element { name, ..Element::default() };
    // Looking for attributes that stand twice would take time that grows with the square of their number.
    for attribute in start.attributes().with_checks(false) {
        let attribute = attribute.ok()?;
        let name = attribute.key.as_ref();
        if name.starts_with("xmlns") {
            continue;
        }
        let value = quick_xml::escape::unescape(&attribute.value).ok()?.into_owned();
        put(&mut element.fields, format!("@{}", local(name)), Json::from(value));
    }
    Some(element)
}

/// A name without its prefix.
fn local(name: &str) -> &str {
    name.rsplit(':').next().unwrap_or(name)
}

fn close(element: Element, open: &mut [Element], root: &mut Option<Json>) -> Option<()> {
    let name = element.name.clone();
    let tree = element.tree();
    match open.last_mut() {
        Some(parent) => put(&mut parent.fields, name, tree),
        None if root.is_none() => *root = Some(tree),
        None => return None,
    }
    Some(())
}

/// Text outside the root element must be blank.
fn append(open: &mut [Element], text: &str) -> Option<()> {
    match open.last_mut() {
        Some(element) => element.text.push_str(text),
        None if text.trim().is_empty() => {}
        None => return None,
    }
    Some(())
}
