//! Writes a [`Reply`] as TwiML.
//!
//! What must stay true of every document, whatever the reply holds: it is well-formed XML 1.0 with nothing illegal in it, it
//! is smaller than Twilio's 64 kB, every URL is absolute, and every number is within Twilio's bounds (held by the domain
//! already; clamped here once more, because a document that Twilio refuses ends the call). Verbs that Twilio can never reach,
//! because one before them takes the call elsewhere or ends it, are not written.

use std::fmt::Write as _;

use domain::phone::Destination;
use domain::voice::{
    DIAL_TIMEOUT_S, Dial, DialNoun, MAX_DIAL_NOUNS, Recording, RejectReason, Reply, TIME_LIMIT_S, Verb,
};

use crate::url_forms::encode;
use crate::urls::Urls;

/// The content type of every answer to Twilio.
pub const CONTENT_TYPE: &str = "text/xml; charset=utf-8";
/// Largest document in bytes (Twilio's 11750).
pub const MAX_DOCUMENT: usize = 64_000;
/// Longest text of one `<Say>` in bytes (Twilio's 13521, basic voices).
pub const MAX_SAY: usize = 4096;
/// The headers of a SIP address, percent-encoded and joined, stay below this many bytes.
pub const MAX_SIP_HEADERS: usize = 1024;

const HEAD: &str = r#"<?xml version="1.0" encoding="UTF-8"?>"#;
const LEG_EVENTS: &str = "initiated ringing answered completed";
const RECORDING_EVENTS: &str = "completed absent";

/// The answer to a callback that wants none.
pub fn empty() -> String {
    format!("{HEAD}<Response/>")
}

/// The document for this reply.
pub fn write(reply: &Reply, urls: &Urls) -> String {
    let mut lead_in = Vec::new();
    for verb in reply.verbs.iter().take_while(|verb| !leaves(verb)) {
        let mut element = String::new();
        write_verb(&mut element, verb, urls, false);
        if !element.is_empty() {
            lead_in.push(element);
        }
    }
    let mut ending = String::new();
    if let Some(verb) = reply.verbs.iter().find(|verb| leaves(verb)) {
        write_verb(&mut ending, verb, urls, lead_in.is_empty());
    }
    if lead_in.is_empty() && ending.is_empty() {
        return empty();
    }
    ending.push_str("</Response>");

    let mut document = format!("{HEAD}<Response>");
    for element in lead_in {
        // The ending is always kept: it says what becomes of the caller.
        if document.len() + element.len() + ending.len() > MAX_DOCUMENT {
            break;
        }
        document.push_str(&element);
    }
    document + &ending
}

/// Does Twilio never run what stands after this verb? (A Dial always has an action here, and the action's answer goes on.)
fn leaves(verb: &Verb) -> bool {
    match verb {
        Verb::Say(_) | Verb::Pause(_) => false,
        Verb::Dial(_) | Verb::Redirect(_) | Verb::Reject(_) | Verb::Hangup => true,
    }
}

fn write_verb(out: &mut String, verb: &Verb, urls: &Urls, is_first: bool) {
    match verb {
        Verb::Say(text) => {
            let text = clip(text, MAX_SAY);
            if !text.trim().is_empty() {
                element(out, "Say", &[], &text);
            }
        }
        Verb::Pause(seconds) => bare(out, "Pause", &[("length", &seconds.max(&1).to_string())]),
        Verb::Dial(dial) => write_dial(out, dial, urls, is_first),
        Verb::Redirect(callback) => element(out, "Redirect", &[("method", "POST")], &urls.callback(callback)),
        Verb::Reject(RejectReason::Rejected) => bare(out, "Reject", &[("reason", "rejected")]),
        Verb::Reject(RejectReason::Busy) => bare(out, "Reject", &[("reason", "busy")]),
        Verb::Hangup => bare(out, "Hangup", &[]),
    }
}

fn write_dial(out: &mut String, dial: &Dial, urls: &Urls, is_first: bool) {
    let action = urls.callback(&dial.action);
    if dial.nouns.is_empty() {
        // Twilio has nobody to ring; whoever decides after a dial decides now.
        return element(out, "Redirect", &[("method", "POST")], &action);
    }
    let timeout = dial.timeout_s.clamp(*DIAL_TIMEOUT_S.start(), *DIAL_TIMEOUT_S.end()).to_string();
    let time_limit = dial.time_limit_s.clamp(*TIME_LIMIT_S.start(), *TIME_LIMIT_S.end()).to_string();
    let record = match dial.recording {
        Recording::Off => None,
        Recording::FromAnswer => Some("record-from-answer"),
        Recording::FromAnswerDual => Some("record-from-answer-dual"),
    };
    let recording_callback =
        dial.recording_callback.as_ref().filter(|_| record.is_some()).map(|callback| urls.callback(callback));

    let mut attributes = vec![("action", action.as_str()), ("method", "POST")];
    // After words or silence the call is answered, and there is no ringing to keep the caller in.
    if dial.answer_on_bridge && is_first {
        attributes.push(("answerOnBridge", "true"));
    }
    if let Some(caller_id) = &dial.caller_id {
        attributes.push(("callerId", caller_id.as_str()));
    }
    attributes.push(("timeout", &timeout));
    attributes.push(("timeLimit", &time_limit));
    if let Some(record) = record {
        attributes.push(("record", record));
    }
    if let Some(url) = &recording_callback {
        attributes.push(("recordingStatusCallback", url));
        attributes.push(("recordingStatusCallbackMethod", "POST"));
        attributes.push(("recordingStatusCallbackEvent", RECORDING_EVENTS));
    }
    open(out, "Dial", &attributes);
    out.push('>');
    for noun in dial.nouns.iter().take(MAX_DIAL_NOUNS) {
        write_noun(out, noun, urls);
    }
    out.push_str("</Dial>");
}

fn write_noun(out: &mut String, noun: &DialNoun, urls: &Urls) {
    let status_callback = urls.callback(&noun.status_callback);
    let mut attributes = vec![
        ("statusCallback", status_callback.as_str()),
        ("statusCallbackMethod", "POST"),
        ("statusCallbackEvent", LEG_EVENTS),
    ];
    match &noun.destination {
        Destination::Number(number) => {
            let digits = noun.send_digits.as_deref().map(keys).unwrap_or_default();
            if !digits.is_empty() {
                attributes.push(("sendDigits", &digits));
            }
            element(out, "Number", &attributes, number.as_str());
        }
        Destination::Sip(uri) => {
            let headers = sip_headers(&noun.sip_headers);
            let mark = if headers.is_empty() { "" } else { "?" };
            element(out, "Sip", &attributes, &format!("{}{mark}{headers}", uri.as_str()));
        }
    }
}

/// The keys Twilio can press; what else was configured is left out.
fn keys(text: &str) -> String {
    /// A dialled extension with waits is far shorter.
    const MOST_KEYS: usize = 256;
    text.chars()
        .filter(|key| key.is_ascii_digit() || matches!(key, 'A'..='D' | 'w' | 'W' | '#' | '*'))
        .take(MOST_KEYS)
        .collect()
}

/// `X-a=…&X-b=…`, percent-encoded; headers with other names, and those that no longer fit, are left out. Controls are taken
/// out of values: decoded at the other end, a line break would start another header.
fn sip_headers(headers: &[(String, String)]) -> String {
    let mut joined = String::new();
    for (name, value) in headers {
        let named = name.len() > 2
            && name.as_bytes()[..2].eq_ignore_ascii_case(b"X-")
            && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
        if !named {
            continue;
        }
        let value: String = value.chars().filter(|letter| !letter.is_control()).collect();
        let value = encode(&value, |byte| byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte));
        let separator = usize::from(!joined.is_empty());
        if joined.len() + separator + name.len() + 1 + value.len() < MAX_SIP_HEADERS {
            if separator == 1 {
                joined.push('&');
            }
            let _ = write!(joined, "{name}={value}");
        }
    }
    joined
}

/// The legal characters of a text, cut to so many bytes.
fn clip(text: &str, most: usize) -> String {
    let mut clipped = String::new();
    for letter in text.chars().filter(|letter| is_xml_char(*letter)) {
        if clipped.len() + letter.len_utf8() > most {
            break;
        }
        clipped.push(letter);
    }
    clipped
}

fn element(out: &mut String, name: &str, attributes: &[(&str, &str)], text: &str) {
    open(out, name, attributes);
    out.push('>');
    escape(out, text, false);
    out.push_str("</");
    out.push_str(name);
    out.push('>');
}

fn bare(out: &mut String, name: &str, attributes: &[(&str, &str)]) {
    open(out, name, attributes);
    out.push_str("/>");
}

/// `<Name a="…"`, without its end.
fn open(out: &mut String, name: &str, attributes: &[(&str, &str)]) {
    out.push('<');
    out.push_str(name);
    for (attribute, value) in attributes {
        out.push(' ');
        out.push_str(attribute);
        out.push_str("=\"");
        escape(out, value, true);
        out.push('"');
    }
}

/// Writes text so that a reader gets it back unchanged, less the characters that XML 1.0 cannot hold.
fn escape(out: &mut String, text: &str, in_attribute: bool) {
    for letter in text.chars().filter(|letter| is_xml_char(*letter)) {
        match letter {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' if in_attribute => out.push_str("&quot;"),
            // A reader turns these into spaces or line feeds unless they are written as references.
            '\t' if in_attribute => out.push_str("&#9;"),
            '\n' if in_attribute => out.push_str("&#10;"),
            '\r' => out.push_str("&#13;"),
            other => out.push(other),
        }
    }
}

/// The production `Char` of XML 1.0.
fn is_xml_char(letter: char) -> bool {
    matches!(letter, '\t' | '\n' | '\r' | ' '..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..='\u{10ffff}')
}
