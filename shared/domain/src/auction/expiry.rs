//! How long a bid is good, in the ways in which bidders say it.

use jiff::{SignedDuration, Timestamp};
use script::Value;
use script::decimal::Decimal;
use serde_json::Value as Json;

/// Seconds that are left.
const SECONDS: [&str; 8] = [
    "expireinseconds",
    "expiresinseconds",
    "expiresinsec",
    "expiresin",
    "expires_in",
    "expires_in_seconds",
    "expire_in_seconds",
    "ttl",
];
/// An instant, in seconds or milliseconds since 1970.
const EPOCHS: [&str; 3] = ["bidexpireepoch", "expireepoch", "expires_epoch"];
/// An instant in words.
const DATES: [&str; 6] =
    ["bidexpiredt", "expires_at", "expiresat", "expireat", "expiration", "bid_expires_at"];

/// Longest time that is believed.
const MOST_SECONDS: i64 = 86_400;
/// Numbers below are seconds since 1970, from there on milliseconds: as seconds it is the year 5138, as milliseconds 1973.
const MILLISECONDS_FROM: i64 = 100_000_000_000;
/// Numbers below are seconds that are left, from there on an instant: three years, or the year 1973.
const INSTANT_FROM: i64 = 100_000_000;

/// What a chain found: seconds that are left, an instant as a number or in words.
pub(super) fn of_value(value: &Value<'_>, received_at: Timestamp) -> Option<Timestamp> {
    match whole(value) {
        Some(number) if number < INSTANT_FROM => after(number, received_at),
        Some(number) => epoch(number),
        None => date(&value.text()?),
    }
}

/// The earliest of what the usual fields say, wherever they stand: at the top, or inside what wraps everything.
pub(super) fn of_usual_fields(tree: &Json, received_at: Timestamp) -> Option<Timestamp> {
    let top = tree.as_object()?;
    let inner = top.values().next().filter(|_| top.len() == 1).and_then(Json::as_object);
    let fields = top.iter().chain(inner.into_iter().flatten());
    let read = |(name, value): (&String, &Json)| {
        let is_of = |names: &[&str]| {
            names.iter().any(|known| known.len() == name.len() && known.eq_ignore_ascii_case(name))
        };
        let value = || Value::from(value);
        if is_of(&SECONDS) {
            after(whole(&value())?, received_at)
        } else if is_of(&EPOCHS) {
            epoch(whole(&value())?)
        } else if is_of(&DATES) {
            let value = value();
            match whole(&value) {
                Some(number) => epoch(number),
                None => date(&value.text()?),
            }
        } else {
            None
        }
    };
    fields.filter_map(read).min()
}

/// A whole number, also one in a text; of a fraction the whole part.
fn whole(value: &Value<'_>) -> Option<i64> {
    Decimal::parse(value.text()?.trim())?.micros().map(|micros| micros.div_euclid(1_000_000))
}

fn after(seconds: i64, received_at: Timestamp) -> Option<Timestamp> {
    let seconds = SignedDuration::from_secs(seconds.clamp(-MOST_SECONDS, MOST_SECONDS));
    received_at.checked_add(seconds).ok()
}

fn epoch(number: i64) -> Option<Timestamp> {
    if number < MILLISECONDS_FROM {
        Timestamp::from_second(number).ok()
    } else {
        Timestamp::from_millisecond(number).ok()
    }
}

/// `3/1/2021 9:49:08 PM +00:00`, or as ISO 8601 writes it with its zone. Without a zone it is no instant.
fn date(text: &str) -> Option<Timestamp> {
    let text = text.trim();
    let iso = text.parse::<Timestamp>();
    iso.ok().or_else(|| jiff::fmt::strtime::parse("%m/%d/%Y %I:%M:%S %p %:z", text).ok()?.to_timestamp().ok())
}
