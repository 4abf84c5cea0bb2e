//! Whose calls a bidder is asked for: places, sub-ids, callers who call often, and how often it may be asked.
//!
//! Hours, caps, filters and repeated callers are common to all destinations and decided with them.

use serde::{Deserialize, Serialize};

use crate::duplicates::{CallerHistory, MAX_CALLS, MAX_WINDOW_S};
use crate::geo::{OutOfArea, Place, PlaceKind, Position, Unknown};
use crate::validate::Problems;
use jiff::Timestamp;

/// Most entries of a list of sub-ids.
const MAX_SUB_IDS: usize = 1_000;
/// Longest sub-id, characters.
const MAX_SUB_ID: usize = 120;
/// Most requests that a limit may name.
const MAX_RATE: u32 = 1_000_000;

/// How often a bidder is asked at most; a limit left out does not hold. Windows are those of the clock: a minute begins at
/// its first second.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RateLimits {
    /// Requests in one minute.
    #[schema(minimum = 1, maximum = 1000000)]
    pub per_minute: Option<u32>,
    /// Requests in one hour.
    #[schema(minimum = 1, maximum = 1000000)]
    pub per_hour: Option<u32>,
    /// Requests on one day, UTC.
    #[schema(minimum = 1, maximum = 1000000)]
    pub per_day: Option<u32>,
}

/// How often a bidder was asked in the windows that are open now, this request not counted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Asked {
    /// In this minute.
    pub minute: u32,
    /// In this hour.
    pub hour: u32,
    /// On this day.
    pub day: u32,
}

/// A window of a rate limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RateWindow {
    /// A minute.
    Minute,
    /// An hour.
    Hour,
    /// A day.
    Day,
}

impl RateLimits {
    /// Whether any holds.
    pub const fn any(&self) -> bool {
        self.per_minute.is_some() || self.per_hour.is_some() || self.per_day.is_some()
    }

    /// The windows that are limited and open at this instant: which, the limit, when it began and when it ends.
    pub fn windows(
        &self,
        now: Timestamp,
    ) -> impl Iterator<Item = (RateWindow, u32, Timestamp, Timestamp)> + use<> {
        let limits = [
            (RateWindow::Minute, self.per_minute, 60),
            (RateWindow::Hour, self.per_hour, 3_600),
            (RateWindow::Day, self.per_day, 86_400),
        ];
        limits.into_iter().filter_map(move |(window, limit, seconds)| {
            let begins = now.as_second() - now.as_second().rem_euclid(seconds);
            let at = |second| Timestamp::from_second(second).ok();
            Some((window, limit?, at(begins)?, at(begins + seconds)?))
        })
    }

    /// The first limit that leaves no room for one more request, and how many it is.
    pub fn reached(&self, asked: Asked) -> Option<(RateWindow, u32)> {
        let limits = [
            (RateWindow::Minute, self.per_minute, asked.minute),
            (RateWindow::Hour, self.per_hour, asked.hour),
            (RateWindow::Day, self.per_day, asked.day),
        ];
        limits.into_iter().find_map(|(window, limit, asked)| {
            limit.filter(|limit| asked >= *limit).map(|limit| (window, limit))
        })
    }

    pub(super) fn check(&self, at: &str, problems: &mut Problems) {
        let limits =
            [("per_minute", self.per_minute), ("per_hour", self.per_hour), ("per_day", self.per_day)];
        for (name, limit) in limits {
            if let Some(limit) = limit {
                problems.within(&format!("{at}.{name}"), limit, 1..=MAX_RATE);
            }
        }
    }
}

impl RateWindow {
    /// Stable code for keys and programs.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Minute => "minute",
            Self::Hour => "hour",
            Self::Day => "day",
        }
    }
}

/// Which sources of a publisher it buys from, by the publisher's own word for them. Case does not matter.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct SubIds {
    /// When it has entries: only these; a call without a sub-id is none of them.
    #[schema(max_items = 1000)]
    pub allow: Vec<String>,
    /// None of these; a call without a sub-id is none of them either.
    #[schema(max_items = 1000)]
    pub deny: Vec<String>,
}

impl SubIds {
    fn takes(&self, sub_id: Option<&str>) -> Result<(), NotTaken> {
        let is_in = |list: &[String]| {
            sub_id.is_some_and(|sub_id| {
                list.iter().any(|entry| entry.trim().to_lowercase() == sub_id.trim().to_lowercase())
            })
        };
        let refused = |denied| Err(NotTaken::SubId { sub_id: sub_id.map(str::to_owned), denied });
        if is_in(&self.deny) {
            return refused(true);
        }
        if !self.allow.is_empty() && !is_in(&self.allow) {
            return refused(false);
        }
        Ok(())
    }

    pub(super) fn check(&self, at: &str, problems: &mut Problems) {
        for (name, list) in [("allow", &self.allow), ("deny", &self.deny)] {
            problems.at_most(&format!("{at}.{name}"), list.len(), MAX_SUB_IDS);
            for (index, entry) in list.iter().enumerate() {
                let length = entry.trim().chars().count();
                if !(1..=MAX_SUB_ID).contains(&length) || entry.chars().any(char::is_control) {
                    problems.add(
                        format!("{at}.{name}[{index}]"),
                        "length",
                        "a sub-id has 1 to 120 characters",
                    );
                }
            }
        }
    }
}

/// Callers who called this campaign too often are not offered to it. A caller without a number is always the first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CallerLimit {
    /// With so many earlier calls a caller is not offered any more.
    #[schema(minimum = 1, maximum = 20)]
    pub calls: u16,
    /// Seconds for which an earlier call counts.
    #[schema(minimum = 1, maximum = 316224000)]
    pub window_s: u32,
}

impl CallerLimit {
    fn takes(self, history: Option<&CallerHistory>, now: Timestamp) -> Result<(), NotTaken> {
        let window = jiff::SignedDuration::from_secs(i64::from(self.window_s));
        let since = now.checked_sub(window).unwrap_or(Timestamp::MIN);
        let calls = history.map_or(0, |history| history.calls_between(since, now));
        if calls >= usize::from(self.calls) {
            return Err(NotTaken::CallsTooOften { calls: self.calls, window_s: self.window_s });
        }
        Ok(())
    }

    pub(super) fn check(self, at: &str, problems: &mut Problems) {
        let most = u16::try_from(MAX_CALLS).unwrap_or(u16::MAX);
        problems.within(&format!("{at}.calls"), self.calls, 1..=most);
        problems.within(&format!("{at}.window_s"), self.window_s, 1..=MAX_WINDOW_S);
    }
}

/// Only callers near a place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = GeoRadius)]
pub struct Radius {
    /// Its middle.
    pub around: Position,
    /// Miles around it.
    #[schema(minimum = 1, maximum = 3000)]
    pub miles: u16,
    /// What becomes of callers of whom we do not know where on the map they are.
    #[serde(default)]
    pub unknown: Unknown,
}

impl Radius {
    fn takes(&self, position: Option<Position>) -> Result<(), NotTaken> {
        match position {
            Some(position) if self.around.miles_to(position) <= f64::from(self.miles) => Ok(()),
            Some(_) => Err(NotTaken::TooFar { miles: self.miles }),
            None if self.unknown == Unknown::Allow => Ok(()),
            None => Err(NotTaken::NowhereKnown),
        }
    }

    pub(super) fn check(&self, at: &str, problems: &mut Problems) {
        problems.within(&format!("{at}.miles"), self.miles, 1..=3_000);
        if !(-90.0..=90.0).contains(&f64::from(self.around.latitude)) {
            problems.add(
                format!("{at}.around.latitude"),
                "range",
                "a latitude is between -90 and 90 degrees",
            );
        }
    }
}

/// What a bidder's own rules look at.
#[derive(Debug, Clone, Copy)]
pub struct Prospect<'a> {
    /// Where the caller is.
    pub place: &'a Place,
    /// Where on the map.
    pub position: Option<Position>,
    /// The publisher's own word for where the call came from.
    pub sub_id: Option<&'a str>,
    /// The caller's earlier calls to this campaign; `None` without a number.
    pub history: Option<&'a CallerHistory>,
    /// How often the bidder was asked.
    pub asked: Asked,
    /// When the call began.
    pub now: Timestamp,
}

/// Why a bidder is not asked for a call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NotTaken {
    /// The caller's place.
    Place {
        /// What is wrong with it.
        why: OutOfArea,
        /// The place; empty when it is not known.
        place: String,
    },
    /// Further from the middle than this.
    TooFar {
        /// The radius.
        miles: u16,
    },
    /// It is not known where on the map the caller is.
    NowhereKnown,
    /// The publisher's source.
    SubId {
        /// Which; `None`: the call names none.
        sub_id: Option<String>,
        /// It is in the list of those that are refused; else it is missing in the list of the only ones.
        denied: bool,
    },
    /// The caller called too often.
    CallsTooOften {
        /// The limit.
        calls: u16,
        /// Within so many seconds.
        window_s: u32,
    },
    /// It was asked as often as it may be.
    RateReached {
        /// In which window.
        window: RateWindow,
        /// The limit.
        most: u32,
    },
}

impl NotTaken {
    /// Stable code for programs and reports.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Place { .. } | Self::TooFar { .. } | Self::NowhereKnown => "bidder_geo",
            Self::SubId { .. } => "bidder_sub_id",
            Self::CallsTooOften { .. } => "bidder_caller_history",
            Self::RateReached { .. } => "bidder_rate_limit",
        }
    }

    /// The reason in plain words.
    pub fn text(&self) -> String {
        match self {
            Self::Place { why: OutOfArea::Denied(_), place } => format!("its geo list refuses {place}"),
            Self::Place { why: OutOfArea::NotAllowed(_), place } => {
                format!("its geo list does not include {place}")
            }
            Self::Place { why: why @ OutOfArea::Unknown(_), .. } => format!("its geo list: {}", why.text()),
            Self::TooFar { miles } => format!("the caller is more than {miles} miles away"),
            Self::NowhereKnown => "it is not known how far away the caller is".to_owned(),
            Self::SubId { sub_id: None, .. } => {
                "its list of sub-ids does not include calls without one".to_owned()
            }
            Self::SubId { sub_id: Some(sub_id), denied: true } => {
                format!("its list of sub-ids refuses {sub_id}")
            }
            Self::SubId { sub_id: Some(sub_id), denied: false } => {
                format!("its list of sub-ids does not include {sub_id}")
            }
            Self::CallsTooOften { calls, window_s } => {
                format!("the caller called {calls} times or more within {window_s} seconds")
            }
            Self::RateReached { window, most } => {
                format!("it was asked {most} times this {}, the most it allows", window.code())
            }
        }
    }
}

impl super::RtbTarget {
    /// Whether it is offered callers with this history.
    ///
    /// # Errors
    /// They called too often.
    pub fn takes_caller(&self, history: Option<&CallerHistory>, now: Timestamp) -> Result<(), NotTaken> {
        self.caller_history.map_or(Ok(()), |limit| limit.takes(history, now))
    }

    /// Whether its own rules let it be asked for a call. Asking costs, so the rate is looked at last.
    ///
    /// # Errors
    /// Why not.
    pub fn takes(&self, prospect: &Prospect<'_>) -> Result<(), NotTaken> {
        self.geo.takes(prospect.place).map_err(|why| {
            let place = prospect.place;
            let kind = match why {
                OutOfArea::Denied(kind) | OutOfArea::NotAllowed(kind) | OutOfArea::Unknown(kind) => kind,
            };
            let place = match kind {
                PlaceKind::Country => place.country.map(|country| country.to_string()),
                PlaceKind::State => place.state.map(|state| state.as_str().to_owned()),
                PlaceKind::Zip => place.zip.clone(),
                PlaceKind::AreaCode => place.area_code.map(String::from),
            };
            NotTaken::Place { why, place: place.unwrap_or_default() }
        })?;
        if let Some(radius) = &self.radius {
            radius.takes(prospect.position)?;
        }
        self.sub_ids.takes(prospect.sub_id)?;
        self.takes_caller(prospect.history, prospect.now)?;
        match self.rate_limits.reached(prospect.asked) {
            Some((window, most)) => Err(NotTaken::RateReached { window, most }),
            None => Ok(()),
        }
    }
}
