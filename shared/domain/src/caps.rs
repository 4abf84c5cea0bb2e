//! Caps: how many calls a destination may take at once, per hour, day, month and for ever.
//!
//! A window's name is the UTC instant at which it starts, computed in the owner's time zone: a local hour that repeats
//! when clocks go back is two windows. Counters exist only for things that have a cap.

use std::collections::BTreeMap;

use jiff::tz::TimeZone;
use jiff::{Timestamp, Unit, ZonedRound};
use serde::{Deserialize, Serialize};

use crate::ids::{BuyerId, CampaignId, PublisherId, RtbTargetId, TargetId};
use crate::validate::Problems;

/// Limits of one thing; `None` is unlimited.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Caps {
    /// Calls at the same time.
    pub concurrent: Option<u32>,
    /// Calls per clock hour.
    pub hourly: Option<u32>,
    /// Calls per calendar day.
    pub daily: Option<u32>,
    /// Calls per calendar month.
    pub monthly: Option<u32>,
    /// Calls ever.
    pub total: Option<u32>,
}

/// The spans over which calls are counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
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

impl Caps {
    /// Whether anything is limited at all.
    pub const fn any(&self) -> bool {
        self.concurrent.is_some()
            || self.hourly.is_some()
            || self.daily.is_some()
            || self.monthly.is_some()
            || self.total.is_some()
    }

    /// The cap of one window.
    pub const fn of(&self, window: Window) -> Option<u32> {
        match window {
            Window::Concurrent => self.concurrent,
            Window::Hourly => self.hourly,
            Window::Daily => self.daily,
            Window::Monthly => self.monthly,
            Window::Total => self.total,
        }
    }

    /// Rules for saving: a cap of zero would be a pause in disguise.
    pub fn check(&self, problems: &mut Problems) {
        for window in [Window::Concurrent, Window::Hourly, Window::Daily, Window::Monthly, Window::Total] {
            if self.of(window) == Some(0) {
                let field = format!("caps.{}", window.word());
                problems.add(
                    field,
                    "minimum",
                    "a cap is at least 1; pause the destination to stop its calls",
                );
            }
        }
    }
}

/// Names the counter row of a limited thing, or of one that can be paused (its printed id).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct CounterId(String);

impl CounterId {
    /// The printed id inside.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Live flag of what was agreed with one publisher on one campaign.
    pub fn terms(campaign: CampaignId, publisher: PublisherId) -> Self {
        Self(format!("{campaign}#{publisher}"))
    }
}
impl From<PublisherId> for CounterId {
    fn from(id: PublisherId) -> Self {
        Self(id.to_string())
    }
}
impl From<BuyerId> for CounterId {
    fn from(id: BuyerId) -> Self {
        Self(id.to_string())
    }
}
impl From<CampaignId> for CounterId {
    fn from(id: CampaignId) -> Self {
        Self(id.to_string())
    }
}
impl From<TargetId> for CounterId {
    fn from(id: TargetId) -> Self {
        Self(id.to_string())
    }
}
impl From<RtbTargetId> for CounterId {
    fn from(id: RtbTargetId) -> Self {
        Self(id.to_string())
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
}

fn name(kind: char, start: Timestamp) -> String {
    format!("{kind}{start:.0}")
}

/// What a counter row says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Usage {
    /// Calls now.
    pub live: u32,
    /// Calls ever.
    pub total: u32,
    /// Counts by window name.
    pub windows: BTreeMap<String, u32>,
    /// Switched off: takes effect at once, without publishing.
    pub paused: bool,
    /// When a call was last sent there; only of counted things.
    pub last_at: Option<Timestamp>,
}

/// A cap that is full.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct CapReached {
    /// Over which span.
    pub window: Window,
    /// The cap.
    pub cap: u32,
}

impl Usage {
    /// The first cap that has no room left. A look only: the exact answer is the conditional write that reserves.
    pub fn full(&self, caps: &Caps, open: &OpenWindows) -> Option<CapReached> {
        let count = |window: &str| self.windows.get(window).copied().unwrap_or(0);
        let counts = [
            (Window::Concurrent, self.live),
            (Window::Hourly, count(&open.hour)),
            (Window::Daily, count(&open.day)),
            (Window::Monthly, count(&open.month)),
            (Window::Total, self.total),
        ];
        counts.into_iter().find_map(|(window, count)| {
            caps.of(window).filter(|cap| count >= *cap).map(|cap| CapReached { window, cap })
        })
    }

    /// Windows that may go when a new one opens: all but the two newest of each kind and those open now.
    pub fn outdated(&self, open: &OpenWindows) -> Vec<String> {
        let mut outdated = Vec::new();
        for (kind, current) in [('h', &open.hour), ('d', &open.day), ('m', &open.month)] {
            let same_kind: Vec<&String> = self.windows.keys().filter(|name| name.starts_with(kind)).collect();
            let keep_from = same_kind.len().saturating_sub(2);
            outdated.extend(
                same_kind[..keep_from].iter().filter(|name| **name < current).map(|name| (*name).clone()),
            );
        }
        outdated
    }
}

/// Everything needed to take one unit of a limited thing, exactly.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limit {
    /// Whose counter.
    pub counter: CounterId,
    /// Its caps.
    pub caps: Caps,
    /// The windows open now.
    pub open: OpenWindows,
    /// Windows the same write removes.
    pub outdated: Vec<String>,
    /// When.
    pub at: Timestamp,
}

/// What was taken, so that exactly this can be given back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reservation {
    /// The counters and the windows each was counted in.
    pub taken: Vec<Taken>,
    /// Moves exactly once, from reserved to one of the others.
    pub state: ReservationState,
}

/// One counter of a reservation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Taken {
    /// Whose counter.
    pub counter: CounterId,
    /// Window names that were increased, besides `live` and `total`.
    pub windows: Vec<String>,
}

/// The life of a reservation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReservationState {
    /// The call may still be connected.
    Reserved,
    /// It was connected and is over: the windows keep the count, `live` was given back.
    Confirmed,
    /// It was never connected: everything was given back.
    Returned,
}

impl Reservation {
    /// What taking these limits records.
    pub fn of(limits: &[Limit]) -> Self {
        let taken = limits
            .iter()
            .map(|limit| Taken {
                counter: limit.counter.clone(),
                windows: vec![limit.open.hour.clone(), limit.open.day.clone(), limit.open.month.clone()],
            })
            .collect();
        Self { taken, state: ReservationState::Reserved }
    }
}
