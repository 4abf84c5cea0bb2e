//! When a destination takes calls: seven days, breaks, exceptions and public holidays, by the clock on its wall.
//!
//! What must stay true: the wall clock alone decides. A span belongs to the day on which it starts, also when it runs past
//! midnight. A local time that does not exist (clocks go forward) is never reached, so a span that would start in it starts
//! with the first minute after it; a local time that happens twice (clocks go back) is open both times or neither time.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use jiff::civil::{Date, DateTime, Time, Weekday};
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

use crate::validate::Problems;

/// Most spans of one day, and most breaks.
pub const MAX_SPANS: usize = 10;
/// Most dates with hours of their own.
pub const MAX_EXCEPTIONS: usize = 366;
/// How far ahead the next opening is looked for. Whoever is closed for longer has no next opening.
const HORIZON_DAYS: u32 = 400;
/// Minutes of a day.
const DAY: u16 = 24 * 60;

/// A time on the wall clock, to the minute: `00:00` to `24:00`, the end of the day.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ClockTime(u16);

/// The text is not a time of day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a time of day: expected hours and minutes such as 09:00, or 24:00 for the end of the day")]
pub struct ClockTimeError;

impl FromStr for ClockTime {
    type Err = ClockTimeError;
    fn from_str(text: &str) -> Result<Self, ClockTimeError> {
        let two_digits = |part: &str| {
            let sound = part.len() == 2 && part.bytes().all(|byte| byte.is_ascii_digit());
            if sound { part.parse::<u16>().map_err(|_| ClockTimeError) } else { Err(ClockTimeError) }
        };
        let (hours, minutes) = text.split_once(':').ok_or(ClockTimeError)?;
        let (hours, minutes) = (two_digits(hours)?, two_digits(minutes)?);
        let time = Self(hours * 60 + minutes);
        if minutes < 60 && time.0 <= DAY { Ok(time) } else { Err(ClockTimeError) }
    }
}
impl TryFrom<String> for ClockTime {
    type Error = ClockTimeError;
    fn try_from(text: String) -> Result<Self, ClockTimeError> {
        text.parse()
    }
}
impl From<ClockTime> for String {
    fn from(time: ClockTime) -> Self {
        time.to_string()
    }
}
impl fmt::Display for ClockTime {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:02}:{:02}", self.0 / 60, self.0 % 60)
    }
}
impl fmt::Debug for ClockTime {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}

/// From one time to another, the first included, the last not. `22:00` to `02:00` runs past midnight, `00:00` to `24:00`
/// is the whole day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = HoursSpan)]
pub struct Span {
    /// The first minute.
    pub from: ClockTime,
    /// The minute after the last; on the next day when it is not later than `from`.
    pub to: ClockTime,
}

const WHOLE_DAY: [Span; 1] = [Span { from: ClockTime(0), to: ClockTime(DAY) }];

impl Span {
    /// Whether it holds this minute of the day on which it starts.
    const fn holds(self, minute: u16) -> bool {
        self.from.0 <= minute && (minute < self.to.0 || self.to.0 <= self.from.0)
    }

    /// Whether it still runs at this minute of the day after.
    const fn spills_over(self, minute: u16) -> bool {
        self.to.0 <= self.from.0 && minute < self.to.0
    }

    /// The minute after its last, counted from the midnight before its first.
    const fn end(self) -> u16 {
        if self.to.0 <= self.from.0 { self.to.0 + DAY } else { self.to.0 }
    }
}

/// The spans of each day of the week; a day left out is closed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields, default)]
#[schema(as = HoursWeek)]
pub struct Week {
    /// Spans that start on a Monday.
    pub monday: Vec<Span>,
    /// Spans that start on a Tuesday.
    pub tuesday: Vec<Span>,
    /// Spans that start on a Wednesday.
    pub wednesday: Vec<Span>,
    /// Spans that start on a Thursday.
    pub thursday: Vec<Span>,
    /// Spans that start on a Friday.
    pub friday: Vec<Span>,
    /// Spans that start on a Saturday.
    pub saturday: Vec<Span>,
    /// Spans that start on a Sunday.
    pub sunday: Vec<Span>,
}

impl Week {
    fn day(&self, weekday: Weekday) -> &[Span] {
        match weekday {
            Weekday::Monday => &self.monday,
            Weekday::Tuesday => &self.tuesday,
            Weekday::Wednesday => &self.wednesday,
            Weekday::Thursday => &self.thursday,
            Weekday::Friday => &self.friday,
            Weekday::Saturday => &self.saturday,
            Weekday::Sunday => &self.sunday,
        }
    }
}

/// Public holidays that are known by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Holidays {
    /// The eleven yearly holidays of the United States' government (5 U.S.C. 6103): the day itself, and the Friday before
    /// or the Monday after on which it is kept when it falls on a Saturday or a Sunday.
    UsFederal,
}

impl Holidays {
    /// Whether this date is one of them.
    pub fn include(self, date: Date) -> bool {
        match self {
            Self::UsFederal => us_federal(date),
        }
    }
}

fn us_federal(date: Date) -> bool {
    let nth = (date.day() + 6) / 7;
    let last_of_month = date.day() + 7 > date.days_in_month();
    let by_weekday = match (date.weekday(), date.month()) {
        // Birthday of Martin Luther King, Jr.; Washington's Birthday.
        (Weekday::Monday, 1 | 2) => nth == 3,
        // Memorial Day.
        (Weekday::Monday, 5) => last_of_month,
        // Labor Day.
        (Weekday::Monday, 9) => nth == 1,
        // Columbus Day.
        (Weekday::Monday, 10) => nth == 2,
        // Thanksgiving Day.
        (Weekday::Thursday, 11) => nth == 4,
        _ => false,
    };
    let kept_for = match date.weekday() {
        Weekday::Friday => date.tomorrow().ok(),
        Weekday::Monday => date.yesterday().ok(),
        _ => None,
    };
    by_weekday || us_federal_by_date(date) || kept_for.is_some_and(us_federal_by_date)
}

/// New Year's Day, Juneteenth, Independence Day, Veterans Day, Christmas Day.
fn us_federal_by_date(date: Date) -> bool {
    matches!((date.month(), date.day()), (1, 1) | (6, 19) | (7, 4) | (11, 11) | (12, 25))
}

/// When calls are taken, in a time zone that its owner has. Everything left out sets no rule: `{}` is always open.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Hours {
    /// The usual week; `null` is open at any time.
    pub week: Option<Week>,
    /// Times of every usual day at which no calls are taken, although a span holds them.
    #[schema(max_items = 10)]
    pub breaks: Vec<Span>,
    /// Dates with spans of their own, in place of the week's and without its breaks; an empty list is closed. They go before
    /// holidays.
    #[schema(value_type = BTreeMap<String, Vec<Span>>)]
    pub exceptions: BTreeMap<Date, Vec<Span>>,
    /// Public holidays, on which nothing opens.
    #[schema(max_items = 10)]
    pub holidays: Vec<Holidays>,
}

/// Whether calls are taken at one instant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// They are.
    Open,
    /// They are not.
    Closed {
        /// When they will be; `None` when not within the next 400 days.
        opens: Option<Timestamp>,
    },
}

/// What one date says.
struct Plan<'a> {
    spans: &'a [Span],
    breaks: &'a [Span],
}

impl Hours {
    /// Whether calls are taken at `now` where the clock shows `zone`. An unknown zone counts as UTC (saving refuses it).
    pub fn is_open(&self, now: Timestamp, zone: &str) -> bool {
        self.is_open_on(zone_named(zone).to_datetime(now))
    }

    /// Whether calls are taken when the wall clock shows this. For callers who look at many hours of one zone.
    pub fn is_open_on(&self, wall: DateTime) -> bool {
        let minute = minute_of(wall.time());
        let today = self.plan(wall.date());
        if today.spans.iter().any(|span| span.holds(minute)) && !today.pauses(minute) {
            return true;
        }
        let Ok(yesterday) = wall.date().yesterday() else { return false };
        let yesterday = self.plan(yesterday);
        yesterday.spans.iter().any(|span| span.spills_over(minute)) && !yesterday.pauses(minute)
    }

    /// As [`Hours::is_open`], with the next opening when closed: that is looked for day by day, so the call path asks for it
    /// only where it writes the reason down.
    pub fn at(&self, now: Timestamp, zone: &str) -> Standing {
        let zone = zone_named(zone);
        if self.is_open_on(zone.to_datetime(now)) {
            return Standing::Open;
        }
        Standing::Closed { opens: self.opens_after(now, &zone) }
    }

    /// The first open instant after a closed one. Hours open only where a span starts, a break ends, or the clocks change.
    fn opens_after(&self, now: Timestamp, zone: &TimeZone) -> Option<Timestamp> {
        let mut changes = zone.following(now).map(|change| change.timestamp()).peekable();
        let mut date = zone.to_datetime(now).date();
        for _ in 0..HORIZON_DAYS {
            let tomorrow = date.tomorrow().ok()?;
            let tomorrow_begins =
                zone.to_ambiguous_timestamp(tomorrow.to_datetime(Time::midnight())).later().ok()?;
            let plan = self.plan(date);
            let starts = plan.spans.iter().map(|span| span.from);
            let mut edges: Vec<Timestamp> = starts
                .chain(self.breaks.iter().map(|pause| pause.to))
                .filter_map(|edge| {
                    Time::new(i8::try_from(edge.0 / 60 % 24).ok()?, (edge.0 % 60) as i8, 0, 0).ok()
                })
                .map(|time| zone.to_ambiguous_timestamp(date.to_datetime(time)))
                .flat_map(|edge| [edge.earlier(), edge.later()])
                .flatten()
                .collect();
            while let Some(change) = changes.next_if(|change| *change <= tomorrow_begins) {
                edges.push(change);
            }
            edges.sort_unstable();
            let opens =
                edges.into_iter().find(|edge| now < *edge && self.is_open_on(zone.to_datetime(*edge)));
            if opens.is_some() {
                return opens;
            }
            date = tomorrow;
        }
        None
    }

    fn plan(&self, date: Date) -> Plan<'_> {
        if let Some(spans) = self.exceptions.get(&date) {
            return Plan { spans, breaks: &[] };
        }
        if self.holidays.iter().any(|holidays| holidays.include(date)) {
            return Plan { spans: &[], breaks: &[] };
        }
        let spans = self.week.as_ref().map_or(&WHOLE_DAY[..], |week| week.day(date.weekday()));
        Plan { spans, breaks: &self.breaks }
    }

    /// Rules for saving; `at` is the field of these hours.
    pub fn check(&self, at: &str, problems: &mut Problems) {
        if let Some(week) = &self.week {
            let days = [
                ("monday", &week.monday),
                ("tuesday", &week.tuesday),
                ("wednesday", &week.wednesday),
                ("thursday", &week.thursday),
                ("friday", &week.friday),
                ("saturday", &week.saturday),
                ("sunday", &week.sunday),
            ];
            for (name, spans) in days {
                check_spans(&format!("{at}.week.{name}"), spans, problems);
            }
        }
        check_spans(&format!("{at}.breaks"), &self.breaks, problems);
        problems.at_most(&format!("{at}.exceptions"), self.exceptions.len(), MAX_EXCEPTIONS);
        for (date, spans) in &self.exceptions {
            check_spans(&format!("{at}.exceptions.{date}"), spans, problems);
        }
        problems.at_most(&format!("{at}.holidays"), self.holidays.len(), 10);
    }
}

impl Plan<'_> {
    fn pauses(&self, minute: u16) -> bool {
        self.breaks.iter().any(|pause| pause.holds(minute) || pause.spills_over(minute))
    }
}

/// The reason in plain words: `closed until Mon 09:00 America/Chicago`, with the date when that is a week away or more.
pub fn closed_text(now: Timestamp, opens: Option<Timestamp>, zone: &str) -> String {
    let Some(opens) = opens else { return "closed".to_owned() };
    let known = zone_named(zone);
    let (today, opens) = (known.to_datetime(now).date(), known.to_datetime(opens));
    let days = today.until(opens.date()).map_or(0, |span| span.get_days());
    let wanted = if days < 7 { "%a %H:%M" } else { "%a %Y-%m-%d %H:%M" };
    format!("closed until {} {zone}", opens.strftime(wanted))
}

fn check_spans(at: &str, spans: &[Span], problems: &mut Problems) {
    problems.at_most(at, spans.len(), MAX_SPANS);
    for (index, span) in spans.iter().enumerate() {
        if span.from.0 == DAY || span.from == span.to {
            let words = "a span ends after it starts: the whole day is 00:00 to 24:00";
            problems.add(format!("{at}[{index}]"), "span", words);
        }
    }
    let mut ordered = spans.to_vec();
    ordered.sort_unstable_by_key(|span| span.from);
    for (one, next) in ordered.iter().zip(ordered.iter().skip(1)) {
        if next.from.0 < one.end() {
            let (first, last) = (format!("{}-{}", one.from, one.to), format!("{}-{}", next.from, next.to));
            problems.add(at, "overlap", format!("{first} and {last} overlap: join them"));
        }
    }
}

fn zone_named(name: &str) -> TimeZone {
    TimeZone::get(name).unwrap_or(TimeZone::UTC)
}

fn minute_of(time: Time) -> u16 {
    u16::from(time.hour().unsigned_abs()) * 60 + u16::from(time.minute().unsigned_abs())
}
