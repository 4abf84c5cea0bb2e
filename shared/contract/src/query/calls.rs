//! The parameters of the list of calls: a range of days, and filters that all have to hold.

use std::collections::BTreeMap;
use std::str::FromStr;

use domain::call::CallStatus;
use domain::dni::lease::Attribution;
use domain::ids::{BuyerId, CampaignId, NumberId, PublisherId, RtbTargetId, TargetId, TrackingTagId};
use domain::phone::E164;
use domain::routing::Via;
use domain::validate::{Problem, Problems};
use jiff::civil::Date;
use jiff::{Span, Timestamp, Unit};

use super::{CURSOR, LIMIT, Parameter, Takes, by_name, limit};

/// Longest span of a list of calls, days.
pub const MAX_CALL_DAYS: i32 = 366;
/// Days of calls listed when only the last day is named, or none.
pub const DEFAULT_CALL_DAYS: i64 = 7;

pub(super) const fn of(name: &'static str, about: &'static str, takes: Takes) -> Parameter {
    Parameter { name, about, takes }
}

/// An id, by its prefix.
macro_rules! id {
    ($prefix:literal) => {
        Takes::Like(
            concat!("^", $prefix, "[0-9a-f]{32}$"),
            concat!($prefix, "019abc0de1f27a3b8c4d5e6f70819203"),
        )
    };
}

pub(super) const YES_OR_NO: Takes = Takes::OneOf(&["true", "false"]);

pub(super) use id;

/// A state to look for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StatusFilter {
    /// Calls that go on.
    Open,
    /// Calls that ended so.
    Ended(CallStatus),
}

/// What the calls of a list have in common. What is known only when a call has ended (destination, buyer, conversion,
/// duration) no open call has.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CallFilter {
    /// Taken by this campaign.
    pub campaign: Option<CampaignId>,
    /// Sent by this publisher.
    pub publisher: Option<PublisherId>,
    /// The destination that the books are about: `target` or `rtb_target`.
    pub destination: Option<Via>,
    /// Paid by this buyer.
    pub buyer: Option<BuyerId>,
    /// To this number of the account, by id.
    pub number: Option<NumberId>,
    /// From a visit of this tracking tag.
    pub tag: Option<TrackingTagId>,
    /// It is so known whose visit it belongs to.
    pub attribution: Option<Attribution>,
    /// From this number.
    pub caller: Option<E164>,
    /// `open`, or the state the caller's leg ended in.
    pub status: Option<StatusFilter>,
    /// Whether the parties could talk.
    pub connected: Option<bool>,
    /// Whether it converted.
    pub converted: Option<bool>,
    /// The parties talked at least so many seconds.
    pub min_duration: Option<u32>,
    /// The parties talked at most so many seconds (none at all included).
    pub max_duration: Option<u32>,
}

/// `?from&to&limit&cursor` of the list of calls, and its filters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallsQuery {
    /// First UTC day.
    pub from: Date,
    /// Last UTC day, included.
    pub to: Date,
    /// The filters.
    pub filter: CallFilter,
    /// Everything that shapes the list, as it was given: what a cursor belongs to, whatever day it is by then.
    pub shape: String,
    /// 1 to [`super::MAX_LIMIT`].
    pub limit: u16,
    /// Where to go on.
    pub cursor: Option<String>,
}

impl CallsQuery {
    /// What it takes.
    pub const PARAMETERS: &'static [Parameter] = &[
        of("from", "The first UTC day; unless given, six days before the last.", Takes::Day),
        of(
            "to",
            "The last UTC day, included; today unless given. At most 366 days from the first.",
            Takes::Day,
        ),
        LIMIT,
        CURSOR,
        of("campaign", "Calls that this campaign took.", id!("CA")),
        of("publisher", "Calls that this publisher sent.", id!("AF")),
        of("target", "Calls whose books are about this target; not together with `rtb_target`.", id!("TA")),
        of("rtb_target", "Calls whose books are about this bidder; not together with `target`.", id!("PI")),
        of("buyer", "Calls that this buyer pays for.", id!("BU")),
        of("number", "Calls to this number of the account, by its id.", id!("PN")),
        of("tag", "Calls from visits that this tracking tag has seen.", id!("TT")),
        of(
            "attribution",
            "Calls of which it is so known whose visit they belong to.",
            Takes::OneOf(&["lease", "cool_down", "static_number", "nobody"]),
        ),
        of(
            "caller",
            "Calls from this phone number; only for those with `numbers:read`.",
            Takes::Like(r"^\+(1[2-9][0-9]{9}|[2-9][0-9]{7,14})$", "+14155550123"),
        ),
        of(
            "status",
            "`open` for calls that go on, or the state in which they ended.",
            Takes::OneOf(&["open", "completed", "busy", "failed", "no-answer", "canceled"]),
        ),
        of("connected", "Whether caller and callee could talk.", YES_OR_NO),
        of("converted", "Whether the call converted.", YES_OR_NO),
        of("min_duration", "Caller and callee talked at least so many seconds.", Takes::Count),
        of(
            "max_duration",
            "Caller and callee talked at most so many seconds, none at all included.",
            Takes::Count,
        ),
    ];

    /// Reads the parameters; without days, the [`DEFAULT_CALL_DAYS`] up to `now`.
    ///
    /// # Errors
    /// Every parameter that is unknown, repeated or out of bounds.
    pub fn read(pairs: &[(String, String)], now: Timestamp) -> Result<Self, Vec<Problem>> {
        let mut problems = Problems::new();
        let given = by_name(pairs, Self::PARAMETERS, &mut problems);
        let (from, to) = days(&given, now, &mut problems);
        let query = Self {
            from,
            to,
            filter: CallFilter::read(&given, &mut problems),
            shape: shape(&given),
            limit: limit(given.get("limit").copied(), &mut problems),
            cursor: given.get("cursor").map(|cursor| (*cursor).to_owned()),
        };
        problems.into_result().map(|()| query)
    }
}

impl CallFilter {
    /// Whether every call is meant.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    fn read(given: &BTreeMap<&str, &str>, problems: &mut Problems) -> Self {
        let target: Option<TargetId> = parsed(given, "target", problems);
        let bidder: Option<RtbTargetId> = parsed(given, "rtb_target", problems);
        if target.is_some() && bidder.is_some() {
            let words = "a call has one destination in its books: give target or rtb_target";
            problems.add("rtb_target", "one_of", words);
        }
        let filter = Self {
            campaign: parsed(given, "campaign", problems),
            publisher: parsed(given, "publisher", problems),
            destination: target.map(Via::Target).or(bidder.map(Via::RtbTarget)),
            buyer: parsed(given, "buyer", problems),
            number: parsed(given, "number", problems),
            tag: parsed(given, "tag", problems),
            attribution: attribution(given, problems),
            caller: number(given, "caller", problems),
            status: status(given, problems),
            connected: yes_or_no(given, "connected", problems),
            converted: yes_or_no(given, "converted", problems),
            min_duration: seconds(given, "min_duration", problems),
            max_duration: seconds(given, "max_duration", problems),
        };
        if filter.min_duration.zip(filter.max_duration).is_some_and(|(least, most)| least > most) {
            problems.add("min_duration", "range", "it is above max_duration");
        }
        filter
    }
}

/// The range of days; without one, the [`DEFAULT_CALL_DAYS`] up to `now`.
pub(super) fn days(given: &BTreeMap<&str, &str>, now: Timestamp, problems: &mut Problems) -> (Date, Date) {
    let today = now.to_zoned(jiff::tz::TimeZone::UTC).date();
    let to = day("to", given.get("to").copied(), problems).unwrap_or(today);
    let from = day("from", given.get("from").copied(), problems)
        .unwrap_or_else(|| to.saturating_sub(Span::new().days(DEFAULT_CALL_DAYS - 1)));
    if from > to {
        problems.add("from", "range", format!("the first day, {from}, comes after the last, {to}"));
    }
    if from.until((Unit::Day, to)).is_ok_and(|span| span.get_days() >= MAX_CALL_DAYS) {
        problems.add("from", "range", format!("ask for at most {MAX_CALL_DAYS} days at once"));
    }
    (from, to)
}

/// All parameters but those that say where and how much; names cannot hold `=` or a line's end, so no two lists look
/// alike.
pub(super) fn shape(given: &BTreeMap<&str, &str>) -> String {
    let shaping = given.iter().filter(|(name, _)| !["limit", "cursor"].contains(name));
    shaping.map(|(name, value)| format!("{name}={value}\n")).collect()
}

pub(super) fn parsed<T>(given: &BTreeMap<&str, &str>, name: &str, problems: &mut Problems) -> Option<T>
where
    T: FromStr,
    T::Err: std::fmt::Display,
{
    match given.get(name)?.parse() {
        Ok(value) => Some(value),
        Err(error) => {
            problems.add(name, "format", error.to_string());
            None
        }
    }
}

/// A `+` in a query means a space, and people forget to write it as `%2B`: both are understood.
pub(super) fn number(given: &BTreeMap<&str, &str>, name: &str, problems: &mut Problems) -> Option<E164> {
    let text = given.get(name)?;
    let number = match text.strip_prefix(' ') {
        Some(rest) => format!("+{rest}").parse(),
        None => text.parse(),
    };
    match number {
        Ok(number) => Some(number),
        Err(error) => {
            problems.add(name, "format", format!("{error}"));
            None
        }
    }
}

fn status(given: &BTreeMap<&str, &str>, problems: &mut Problems) -> Option<StatusFilter> {
    let text = *given.get("status")?;
    if text == "open" {
        return Some(StatusFilter::Open);
    }
    match text.parse::<CallStatus>() {
        Ok(status) if status.is_terminal() => Some(StatusFilter::Ended(status)),
        _ => {
            problems.add("status", "choice", "open, completed, busy, failed, no-answer or canceled");
            None
        }
    }
}

fn attribution(given: &BTreeMap<&str, &str>, problems: &mut Problems) -> Option<Attribution> {
    match *given.get("attribution")? {
        "lease" => Some(Attribution::Lease),
        "cool_down" => Some(Attribution::CoolDown),
        "static_number" => Some(Attribution::StaticNumber),
        "nobody" => Some(Attribution::Nobody),
        _ => {
            problems.add("attribution", "choice", "lease, cool_down, static_number or nobody");
            None
        }
    }
}

pub(super) fn yes_or_no(given: &BTreeMap<&str, &str>, name: &str, problems: &mut Problems) -> Option<bool> {
    match *given.get(name)? {
        "true" => Some(true),
        "false" => Some(false),
        _ => {
            problems.add(name, "choice", "true or false");
            None
        }
    }
}

fn seconds(given: &BTreeMap<&str, &str>, name: &str, problems: &mut Problems) -> Option<u32> {
    let text = *given.get(name)?;
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    match text.parse() {
        Ok(seconds) if digits => Some(seconds),
        _ => {
            problems.add(name, "range", "a whole number of seconds");
            None
        }
    }
}

pub(crate) fn day(field: &str, text: Option<&str>, problems: &mut Problems) -> Option<Date> {
    let text = text?;
    // Exactly one spelling: the parser itself also takes times and zones.
    match text.parse::<Date>() {
        Ok(day) if day.to_string() == text => Some(day),
        _ => {
            problems.add(field, "day", "a UTC day such as 2026-11-22");
            None
        }
    }
}
