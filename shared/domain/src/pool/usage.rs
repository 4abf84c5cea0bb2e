//! How a pool's numbers are used: now, and by the hour.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::erlang::Load;
use crate::dni::lease::PoolNumber;

/// What a number of a pool does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = PoolNumberState)]
pub enum Standing {
    /// It may be leased.
    Free,
    /// A visitor is shown it.
    Shown,
    /// Nobody is shown it any more, but calls to it are still the last visitor's.
    Resting,
    /// Somebody is on the phone with it.
    OnCall,
}

impl PoolNumber {
    /// What it does at this moment, and until when, if nothing happens.
    pub fn standing(&self, now: Timestamp) -> (Standing, Option<Timestamp>) {
        if !self.calls.is_empty() && now <= self.calls_until {
            return (Standing::OnCall, Some(self.calls_until));
        }
        match &self.lease {
            Some(lease) if self.is_shown(now) => (Standing::Shown, Some(lease.until)),
            _ if self.is_free(now) => (Standing::Free, None),
            _ => (Standing::Resting, Some(self.free_after)),
        }
    }

    /// When it was last shown; `None`: never since it came into the pool.
    pub fn last_shown(&self) -> Option<Timestamp> {
        self.lease.as_ref().map(|lease| lease.until)
    }
}

/// How many numbers of a pool do what.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[schema(as = PoolCounts)]
pub struct PoolCounts {
    /// All of them.
    pub numbers: u32,
    /// Those that may be leased.
    pub free: u32,
    /// Those that a visitor is shown.
    pub shown: u32,
    /// Those that rest after a visitor.
    pub resting: u32,
    /// Those that somebody is on the phone with.
    pub on_call: u32,
}

impl PoolCounts {
    /// Counts them.
    pub fn of<'a>(numbers: impl IntoIterator<Item = &'a PoolNumber>, now: Timestamp) -> Self {
        let mut counts = Self::default();
        for number in numbers {
            counts.numbers += 1;
            let of_these = match number.standing(now).0 {
                Standing::Free => &mut counts.free,
                Standing::Shown => &mut counts.shown,
                Standing::Resting => &mut counts.resting,
                Standing::OnCall => &mut counts.on_call,
            };
            *of_these += 1;
        }
        counts
    }

    /// Those that cannot be leased.
    pub const fn occupied(&self) -> u32 {
        self.numbers.saturating_sub(self.free)
    }
}

/// One look at a pool.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sample {
    /// When.
    pub at: Timestamp,
    /// How many numbers it had.
    pub numbers: u32,
    /// How many of them could not be leased.
    pub occupied: u32,
}

/// One UTC hour of a pool.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PoolHour {
    /// When the hour began.
    pub begins: Timestamp,
    /// By the minute of the hour in which it was looked: how many numbers could not be leased.
    pub occupied: BTreeMap<u8, u32>,
    /// How many numbers the pool had at the last look.
    pub numbers: u32,
    /// Lookups that found no number free.
    pub exhausted: u32,
}

impl PoolHour {
    /// How many numbers could not be leased on average, hundredths of a number; `None` without a look.
    pub fn mean_hundredths(&self) -> Option<u64> {
        let sum: u64 = self.occupied.values().map(|occupied| u64::from(*occupied)).sum();
        (sum * 100).checked_div(self.occupied.len() as u64)
    }

    /// The most at one look.
    pub fn peak(&self) -> Option<u32> {
        self.occupied.values().max().copied()
    }

    /// The traffic of the hour, as far as it was served.
    pub fn load(&self) -> Option<Load> {
        self.mean_hundredths().map(|hundredths| Load::of_thousandths(hundredths * 10))
    }

    /// The hour with the most traffic.
    pub fn busiest(hours: &[Self]) -> Option<&Self> {
        hours.iter().filter(|hour| !hour.occupied.is_empty()).max_by_key(|hour| hour.mean_hundredths())
    }
}

/// Time between two looks at a pool that is used.
pub const LOOKED_AT_EVERY: SignedDuration = SignedDuration::from_mins(5);
/// Time between two looks at a pool of which nothing was leased lately.
pub const IDLE_LOOKED_AT_EVERY: SignedDuration = SignedDuration::from_mins(15);
/// A pool is used as long as something of it was leased in this time.
pub const USED_WITHIN: SignedDuration = SignedDuration::from_hours(1);
