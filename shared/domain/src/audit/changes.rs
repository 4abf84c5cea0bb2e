//! What became different between two states of a thing, field by field, fit for the log.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::Change;
use super::personal::masked;
use super::secrets::{HIDDEN, is_secret, without_secrets};

/// Most changes of one entry; the rest is counted.
pub const MAX_CHANGES: usize = 200;
/// Most bytes of all changes of one entry, as JSON; the rest is counted.
pub const MAX_BYTES: usize = 16 * 1024;
/// Characters of a text that are kept.
const MAX_TEXT: usize = 1_000;
/// Characters of a path that are kept.
const MAX_PATH: usize = 300;

/// A step from a thing to one of its parts.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Segment {
    /// A field.
    Name(String),
    /// A place in a list.
    Index(usize),
}

/// The leaves that differ, in the order of their paths, lists compared place by place; and how many more there are beyond
/// [`MAX_CHANGES`] and [`MAX_BYTES`]. `null`, an empty list and an empty object are the same as nothing.
///
/// A text that holds something personal is shown masked, followed by ` #` and what `recognise` makes of the whole text: a
/// keyed hash of each of [`super::personal_values`]. Secrets become `***`, on both sides.
pub fn changes(before: &Value, after: &Value, recognise: &dyn Fn(&str) -> String) -> (Vec<Change>, u32) {
    let (old, new) = (leaves(before), leaves(after));
    let paths: BTreeSet<&Vec<Segment>> = old.keys().chain(new.keys()).collect();
    let (mut kept, mut bytes, mut more) = (Vec::new(), 0, 0_u32);
    for path in paths {
        let (was, is) = (old.get(path), new.get(path));
        if was == is {
            continue;
        }
        if more > 0 || kept.len() == MAX_CHANGES {
            more = more.saturating_add(1);
            continue;
        }
        let show = |leaf: &&Value| shown(path, leaf, recognise);
        let change = Change { field: written(path), before: was.map(show), after: is.map(show) };
        let size = serde_json::to_string(&change).map_or(MAX_BYTES, |json| json.len() + 1);
        if bytes + size > MAX_BYTES {
            more = 1;
            continue;
        }
        bytes += size;
        kept.push(change);
    }
    (kept, more)
}

/// A name as the log shows it: masked when it is a number or holds one.
pub fn shown_name(name: &str) -> String {
    masked(name).unwrap_or_else(|| name.to_owned())
}

fn leaves(value: &Value) -> BTreeMap<Vec<Segment>, &Value> {
    let mut found = BTreeMap::new();
    walk(value, &mut Vec::new(), &mut found);
    found
}

fn walk<'a>(value: &'a Value, path: &mut Vec<Segment>, found: &mut BTreeMap<Vec<Segment>, &'a Value>) {
    match value {
        Value::Null => {}
        Value::Object(fields) => {
            for (name, field) in fields {
                path.push(Segment::Name(name.clone()));
                walk(field, path, found);
                path.pop();
            }
        }
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                path.push(Segment::Index(index));
                walk(item, path, found);
                path.pop();
            }
        }
        Value::Bool(_) | Value::Number(_) | Value::String(_) => drop(found.insert(path.clone(), value)),
    }
}

fn shown(path: &[Segment], leaf: &Value, recognise: &dyn Fn(&str) -> String) -> Value {
    if is_secret(path) {
        return Value::String(HIDDEN.to_owned());
    }
    let Value::String(text) = leaf else { return leaf.clone() };
    let plain = without_secrets(text);
    Value::String(match masked(&plain) {
        Some(masked) => format!("{} #{}", cut(&masked, MAX_TEXT), recognise(text)),
        None => cut(&plain, MAX_TEXT),
    })
}

fn cut(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        None => text.to_owned(),
        Some((end, _)) => format!("{}… ({} characters)", &text[..end], text.chars().count()),
    }
}

/// The path as validation messages write it: `plan[2].target`. A name of other signs stands in brackets and quotes.
fn written(path: &[Segment]) -> String {
    let mut text = String::new();
    for segment in path {
        match segment {
            Segment::Index(index) => text.push_str(&format!("[{index}]")),
            Segment::Name(name) if is_plain(name) => {
                if !text.is_empty() {
                    text.push('.');
                }
                text.push_str(name);
            }
            Segment::Name(name) => text.push_str(&format!("[{}]", Value::String(shown_name(name)))),
        }
    }
    cut(&text, MAX_PATH)
}

/// A field of ours, or an id: both are never personal.
fn is_plain(name: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
    !name.is_empty() && name.bytes().all(plain) && masked(name).is_none()
}
