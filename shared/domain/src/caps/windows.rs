//! The spans over which calls are counted.
//!
//! A window's name is the UTC instant at which it starts, computed in the owner's time zone: a local hour that repeats
//! when clocks go back is two windows, and one that is skipped is none.

use std::collections::BTreeSet;

use jiff::tz::TimeZone;
use jiff::{Timestamp, Unit, ZonedRound};
use serde::{Deserialize, Serialize};

/// The spans over which calls are counted.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, utoipa::ToSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Window {
    /// Right now.
    Concurrent,
    /// The clock hour.
    Hourly,
    /// The calendar day.
    Daily,
    /// The calendar month.
    Monthly,
    /// Since the beginning.
    Total,
}

impl Window {
    /// All of them, the shortest first: the first full one is the one that is named.
    pub const ALL: [Self; 5] = [Self::Concurrent, Self::Hourly, Self::Daily, Self::Monthly, Self::Total];

    /// The word used in reasons: "daily cap 50 reached".
    pub const fn word(self) -> &'static str {
        match self {
            Self::Concurrent => "concurrent",
            Self::Hourly => "hourly",
            Self::Daily => "daily",
            Self::Monthly => "monthly",
            Self::Total => "total",
        }
    }
}

/// The names of the windows that are open at one instant, in one time zone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OpenWindows {
    /// `h` + start of the hour.
    pub hour: String,
    /// `d` + start of the day.
    pub day: String,
    /// `m` + start of the month.
    pub month: String,
}

impl OpenWindows {
    /// The windows open at `now` where the clock shows `zone`. An unknown zone counts as UTC (saving refuses it).
    pub fn at(now: Timestamp, zone: &str) -> Self {
        let zoned = now.to_zoned(TimeZone::get(zone).unwrap_or(TimeZone::UTC));
        let truncate = ZonedRound::new().smallest(Unit::Hour).mode(jiff::RoundMode::Trunc);
        let hour = zoned.round(truncate).unwrap_or_else(|_| zoned.clone()).timestamp();
        let day = zoned.start_of_day().map_or(hour, |start| start.timestamp());
        let month = zoned
            .first_of_month()
            .and_then(|first| first.start_of_day())
            .map_or(day, |start| start.timestamp());
        Self { hour: name('h', hour), day: name('d', day), month: name('m', month) }
    }

    /// The window's name; `None` for what is no window of the calendar.
    pub fn of(&self, window: Window) -> Option<&str> {
        match window {
            Window::Concurrent | Window::Total => None,
            Window::Hourly => Some(&self.hour),
            Window::Daily => Some(&self.day),
            Window::Monthly => Some(&self.month),
        }
    }

    /// The three names.
    pub fn names(&self) -> Vec<String> {
        vec![self.hour.clone(), self.day.clone(), self.month.clone()]
    }

    /// When the window that is open now ends; `None` for what never does.
    pub fn turns_at(window: Window, now: Timestamp, zone: &str) -> Option<Timestamp> {
        let zoned = now.to_zoned(TimeZone::get(zone).unwrap_or(TimeZone::UTC));
        let next = match window {
            Window::Concurrent | Window::Total => return None,
            Window::Hourly => {
                let truncate = ZonedRound::new().smallest(Unit::Hour).mode(jiff::RoundMode::Trunc);
                return zoned.round(truncate).ok()?.timestamp().checked_add(jiff::Span::new().hours(1)).ok();
            }
            Window::Daily => zoned.tomorrow().ok()?,
            Window::Monthly => zoned.last_of_month().ok()?.tomorrow().ok()?,
        };
        Some(next.start_of_day().ok()?.timestamp())
    }

    /// Of the windows known, those that may go when a new one opens: all but the newest of each kind, as many as `kept` says
    /// of hours, days and months, and those open now.
    pub(crate) fn outdated<'a>(
        &self,
        known: impl Iterator<Item = &'a String>,
        kept: [usize; 3],
    ) -> Vec<String> {
        let known: BTreeSet<&String> = known.collect();
        let mut outdated = Vec::new();
        let kinds = [('h', &self.hour), ('d', &self.day), ('m', &self.month)];
        for ((kind, current), kept) in kinds.into_iter().zip(kept) {
            let same_kind: Vec<&String> =
                known.iter().copied().filter(|name| name.starts_with(kind)).collect();
            let older_ones = same_kind.len().saturating_sub(kept);
            let older = same_kind.into_iter().take(older_ones);
            outdated.extend(older.filter(|name| *name < current).cloned());
        }
        outdated
    }
}

fn name(kind: char, start: Timestamp) -> String {
    format!("{kind}{start:.0}")
}

/// What the revenue of a window, or the `total`, is called beside its count.
pub fn revenue_attribute(count: &str) -> String {
    format!("r{count}")
}
