//! Signs of a refusal in an answer, whatever its shape: words, flags, lists of errors. Any of them beats an amount beside it.

use script::answer::{Answer, Format};
use serde_json::{Map, Value};

/// Fields that say why not; nothing in them is no reason.
const REASONS: [&str; 9] = [
    "rejectreason",
    "rejectionreason",
    "reject_reason",
    "rejection_reason",
    "declinereason",
    "decline_reason",
    "error",
    "errors",
    "fault",
];
/// Fields that are false when the call is not wanted.
const FLAGS: [&str; 7] =
    ["accepted", "accept", "success", "successful", "issuccess", "is_success", "approved"];
/// Fields that say in a word how it stands.
const STATES: [&str; 4] = ["status", "result", "outcome", "decision"];
/// Such words that mean no, in small letters, joined by `_`.
const NO: [&str; 27] = [
    "error",
    "errors",
    "fail",
    "failed",
    "failure",
    "reject",
    "rejected",
    "decline",
    "declined",
    "refused",
    "denied",
    "unsuccessful",
    "unavailable",
    "no_bid",
    "nobid",
    "no_match",
    "unmatched",
    "not_matched",
    "no_target",
    "no_buyer",
    "no_buyers",
    "no_capacity",
    "closed",
    "capped",
    "duplicate",
    "blocked",
    "invalid",
];
/// Fields that say something in words when it is clear that the answer is no.
const WORDS: [&str; 6] = ["message", "reason", "msg", "description", "detail", "text"];
/// Longest text kept of a refusal, characters.
const MAX_WORDS: usize = 120;

/// A refusal in so many words, flags or lists; `None` when there is no sign of one.
pub(super) fn refusal(answer: &Answer<'_>) -> Option<String> {
    heads(&answer.tree).find_map(|head| {
        let reason = field_of(head, &REASONS, says_something).map(words_of);
        let state = || field_of(head, &STATES, means_no).map(words_of);
        let flag = || field_of(head, &FLAGS, is_false).map(|_| explanation(head).unwrap_or_default());
        reason.or_else(state).or_else(flag).map(|words| shortened(&words))
    })
}

/// Words for an answer that does not accept: of a refusal, of a plain text, of whatever explains itself.
pub(super) fn words(answer: &Answer<'_>) -> String {
    let plain = || match (&answer.format, &answer.tree) {
        (Format::Text, _) => Some(answer.text.trim().to_owned()),
        (_, Value::String(text)) => Some(text.clone()),
        _ => None,
    };
    let state = |head| field_of(head, &STATES, |value| value.is_string()).map(words_of);
    let explained = || heads(&answer.tree).find_map(|head| explanation(head).or_else(|| state(head)));
    refusal(answer).or_else(plain).or_else(explained).map(|words| shortened(&words)).unwrap_or_default()
}

/// The answer itself, and what it is wrapped in: `{"rtb": {…}}`.
fn heads(tree: &Value) -> impl Iterator<Item = &Map<String, Value>> {
    let top = tree.as_object();
    let inner = top.filter(|top| top.len() == 1).and_then(|top| top.values().next()?.as_object());
    top.into_iter().chain(inner)
}

fn field_of<'a>(
    head: &'a Map<String, Value>,
    names: &[&str],
    is_meant: impl Fn(&Value) -> bool,
) -> Option<&'a Value> {
    let named = |name: &String| {
        names.iter().any(|known| known.len() == name.len() && known.eq_ignore_ascii_case(name))
    };
    head.iter().find(|(name, value)| named(name) && is_meant(value)).map(|(_, value)| value)
}

fn says_something(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) => false,
        Value::Bool(true) => true,
        Value::Number(number) => number.as_f64() != Some(0.0),
        Value::String(text) => {
            let nothing = ["", "0", "none", "null", "false", "no", "ok", "n/a"];
            !nothing.iter().any(|word| word.eq_ignore_ascii_case(text.trim()))
        }
        Value::Array(list) => list.iter().any(says_something),
        Value::Object(map) => map.values().any(says_something),
    }
}

fn is_false(value: &Value) -> bool {
    match value {
        Value::Bool(yes) => !yes,
        Value::String(text) => ["false", "no", "n"].iter().any(|no| no.eq_ignore_ascii_case(text.trim())),
        _ => false,
    }
}

fn means_no(value: &Value) -> bool {
    let word = value.as_str().unwrap_or_default().trim().to_ascii_lowercase().replace([' ', '-'], "_");
    NO.contains(&word.as_str())
}

fn explanation(head: &Map<String, Value>) -> Option<String> {
    field_of(head, &WORDS, |value| value.as_str().is_some_and(|text| !text.trim().is_empty())).map(words_of)
}

/// The texts in a value: of `{"zip": ["is invalid"], "age": "too low"}` it is `zip: is invalid, age: too low`.
fn words_of(value: &Value) -> String {
    match value {
        Value::String(text) => text.trim().to_owned(),
        Value::Array(list) => joined(list.iter().filter(|entry| says_something(entry)).map(words_of)),
        Value::Object(map) => match explanation(map) {
            Some(words) => words,
            None => joined(
                map.iter()
                    .filter(|(_, entry)| says_something(entry))
                    .map(|(name, entry)| format!("{name}: {}", words_of(entry))),
            ),
        },
        other => other.to_string(),
    }
}

fn joined(texts: impl Iterator<Item = String>) -> String {
    texts.take(5).collect::<Vec<_>>().join(", ")
}

fn shortened(words: &str) -> String {
    words.trim().chars().filter(|character| !character.is_control()).take(MAX_WORDS).collect()
}
