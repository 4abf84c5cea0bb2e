//! Personal values in texts: found generously, shown masked.
//!
//! A log that lives for years must not hold a caller's number because somebody wrote it into a description. So whatever may
//! be a phone number (seven digits and more, however they are grouped) or an e-mail address is masked; that an invoice
//! number is masked with them does no harm. Ids, whole times and IPv4 addresses are known and stay.

use std::collections::BTreeSet;
use std::net::Ipv4Addr;

use jiff::Timestamp;
use jiff::civil::Date;
use serde_json::Value;

use super::secrets::without_secrets;
use crate::phone::mask;

/// Digits from which a run is taken for a phone number.
const NUMBER_DIGITS: usize = 7;
/// Signs that may stand between two digits of one number.
const GAP: usize = 4;

/// Every text in a value, at any depth, that holds something personal: what a keyed hash is needed of before
/// [`super::changes`] is called.
pub fn personal_values(value: &Value) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    collect(value, &mut found);
    found
}

fn collect(value: &Value, found: &mut BTreeSet<String>) {
    match value {
        Value::String(text) => {
            if masked(&without_secrets(text)).is_some() {
                found.insert(text.clone());
            }
        }
        Value::Array(items) => items.iter().for_each(|item| collect(item, found)),
        Value::Object(fields) => fields.values().for_each(|field| collect(field, found)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// The text with every phone number and e-mail address masked; `None` when it holds none.
pub(super) fn masked(text: &str) -> Option<String> {
    if is_time(text) {
        return None;
    }
    let addresses = addresses(text);
    let mut shown = String::with_capacity(text.len());
    let mut found = !addresses.is_empty();
    let mut rest_from = 0;
    for address in addresses {
        found |= mask_numbers(&text[rest_from..address.start], &mut shown);
        if !(shown.ends_with("sip:") || shown.ends_with("sips:")) {
            let first = text[address.start..].chars().next().filter(|sign| sign.is_alphabetic());
            shown.extend(first);
        }
        shown.push_str("***@");
        mask_numbers(&text[address.domain..address.end], &mut shown);
        rest_from = address.end;
    }
    found |= mask_numbers(&text[rest_from..], &mut shown);
    found.then_some(shown)
}

fn is_time(text: &str) -> bool {
    let is_date = || text.parse::<Date>().is_ok_and(|date| date.to_string() == text);
    text.len() <= 40 && (text.parse::<Timestamp>().is_ok() || is_date())
}

/// Where an e-mail (or SIP) address stands in a text.
struct Address {
    start: usize,
    domain: usize,
    end: usize,
}

fn addresses(text: &str) -> Vec<Address> {
    let mut found: Vec<Address> = Vec::new();
    let signs = text.match_indices('@').map(|(at, sign)| (at, at + sign.len()));
    let encoded = text.match_indices("%40").map(|(at, sign)| (at, at + sign.len()));
    let mut ats: Vec<(usize, usize)> = signs.chain(encoded).collect();
    ats.sort_unstable();
    for (at, domain) in ats {
        let floor = found.last().map_or(0, |previous| previous.end);
        if floor > domain {
            continue;
        }
        let floor = floor.min(at);
        let before = &text[floor..at];
        let local = before.len() - before.trim_end_matches(is_local).len();
        let after = &text[domain..];
        let length = after.len() - after.trim_start_matches(is_domain).len();
        let length = after[..length].trim_end_matches(['.', '-']).len();
        if !after.starts_with(char::is_alphanumeric) || length == 0 {
            continue;
        }
        let address = Address { start: at - local, domain, end: domain + length };
        match found.last_mut() {
            // `a@b@c`: one long address, whatever it is.
            Some(previous) if previous.end == at || (local > 0 && address.start == previous.end) => {
                (previous.domain, previous.end) = (address.domain, address.end);
            }
            _ if local > 0 => found.push(address),
            _ => {}
        }
    }
    found
}

fn is_local(sign: char) -> bool {
    sign.is_alphanumeric() || ".!#$%&'*+/=?^_`{|}~-".contains(sign)
}

fn is_domain(sign: char) -> bool {
    sign.is_alphanumeric() || sign == '-' || sign == '.'
}

/// Writes the text with its phone numbers masked; whether there were any.
fn mask_numbers(text: &str, shown: &mut String) -> bool {
    let mut found = false;
    let mut rest = text;
    let mut before = None;
    while let Some(sign) = rest.chars().next() {
        let id = if before.is_some_and(char::is_alphanumeric) { 0 } else { id_at(rest) };
        if id > 0 {
            shown.push_str(&rest[..id]);
            before = rest[..id].chars().next_back();
            rest = &rest[id..];
            continue;
        }
        let run = if sign.is_numeric() || sign == '+' || sign == '(' { run_at(rest) } else { 0 };
        if run == 0 {
            shown.push(sign);
            before = Some(sign);
            rest = &rest[sign.len_utf8()..];
            continue;
        }
        let (written, after) = rest.split_at(run);
        let digits = digits_of(written);
        if digits >= NUMBER_DIGITS && written.parse::<Ipv4Addr>().is_err() {
            shown.push_str(&mask(written));
            found = true;
        } else {
            shown.push_str(written);
        }
        before = written.chars().next_back();
        rest = after;
    }
    found
}

/// The length of one of our ids, or Twilio's, at the beginning: two or three capitals and 32 hexadecimal digits.
fn id_at(text: &str) -> usize {
    let bytes = text.as_bytes();
    let capitals = bytes.iter().take_while(|byte| byte.is_ascii_uppercase()).count();
    let hex = |byte: &&u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(*byte);
    let digits = bytes.iter().skip(capitals).take_while(hex).count();
    let length = capitals + digits;
    let ends = text.get(length..).is_none_or(|rest| !rest.starts_with(char::is_alphanumeric));
    if (2..=3).contains(&capitals) && digits == 32 && ends { length } else { 0 }
}

/// The length of a run of digits with the signs that group them, from its first sign to its last digit; 0 without a digit.
fn run_at(text: &str) -> usize {
    let (mut at, mut end, mut gap) = (0, 0, 0);
    while let Some(sign) = text[at..].chars().next() {
        let encoded = sign == '%' && encoded_group(&text[at..]);
        if encoded {
            at += 3;
            gap += 1;
        } else if sign.is_numeric() {
            at += sign.len_utf8();
            (end, gap) = (at, 0);
        } else if groups(sign) {
            at += sign.len_utf8();
            gap += 1;
        } else {
            break;
        }
        if gap > GAP {
            break;
        }
    }
    end
}

/// The digits of a run, without those of percent signs.
fn digits_of(run: &str) -> usize {
    let mut digits = 0;
    let mut rest = run;
    while let Some(sign) = rest.chars().next() {
        let skip = if sign == '%' && encoded_group(rest) { 3 } else { sign.len_utf8() };
        digits += usize::from(sign.is_numeric());
        rest = &rest[skip..];
    }
    digits
}

/// Whether a percent sign writes a sign that groups digits: space, `(`, `)`, `+`, `-`, `.`, `/`.
fn encoded_group(text: &str) -> bool {
    let code = text.get(1..3).unwrap_or_default().to_ascii_lowercase();
    ["20", "28", "29", "2b", "2d", "2e", "2f"].contains(&code.as_str())
}

fn groups(sign: char) -> bool {
    sign.is_whitespace()
        || "+-.()/_*·•".contains(sign)
        || ('\u{2010}'..='\u{2015}').contains(&sign)
        || "\u{2212}\u{200b}\u{200e}\u{202a}\u{202c}".contains(sign)
}
