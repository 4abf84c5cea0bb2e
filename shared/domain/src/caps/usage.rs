//! What a counter row says, and how it changes.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Caps, Counted, CounterId, OpenWindows, Reservation, Window, revenue_attribute};
use crate::breaker::Health;
use crate::money::Money;
use crate::predictive::Earned;

/// What a counter row says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Usage {
    /// Calls now.
    pub live: u32,
    /// Those of them whose price is known only when they have ended: by so many calls a cap on revenue may be exceeded.
    pub unpriced: u32,
    /// Calls ever.
    pub total: u32,
    /// Counts by window name.
    pub windows: BTreeMap<String, u32>,
    /// Revenue ever, with what is reserved.
    pub revenue_total: Money,
    /// Revenue by window name, with what is reserved.
    pub revenue: BTreeMap<String, Money>,
    /// Switched off: takes effect at once, without publishing.
    pub paused: bool,
    /// When a call was last sent there; only of counted things.
    pub last_at: Option<Timestamp>,
    /// The limits of something that is in no published campaign: they live here, and take effect at once.
    pub limits: Option<LiveLimits>,
    /// Of a destination: what it earned on the call's campaign. Only where a campaign ranks by it; kept elsewhere than the
    /// counts, and read at the same time.
    pub earned: Earned,
    /// Of a bidder: whether it works.
    pub health: Health,
}

/// Limits that are kept on the counter row itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LiveLimits {
    /// The caps.
    pub caps: Caps,
    /// Their clock: an IANA name.
    pub time_zone: String,
}

impl Usage {
    /// Calls counted in a window.
    pub fn calls(&self, window: Window, open: &OpenWindows) -> u32 {
        match (window, open.of(window)) {
            (Window::Concurrent, _) => self.live,
            (_, Some(name)) => self.windows.get(name).copied().unwrap_or(0),
            (_, None) => self.total,
        }
    }

    /// Revenue counted in a window.
    pub fn revenue(&self, window: Window, open: &OpenWindows) -> Money {
        match (window, open.of(window)) {
            (Window::Concurrent, _) => Money::ZERO,
            (_, Some(name)) => self.revenue.get(name).copied().unwrap_or(Money::ZERO),
            (_, None) => self.revenue_total,
        }
    }

    /// Windows that may go when a new one opens: all but the two newest of each kind and those open now.
    pub fn outdated(&self, open: &OpenWindows) -> Vec<String> {
        open.outdated(self.windows.keys().chain(self.revenue.keys()), [2; 3])
    }
}

impl Usage {
    /// Takes back what was taken, by attribute. A count that is not there any more stays nothing.
    pub fn give_back(&mut self, back: &BTreeMap<String, i64>) {
        for (name, amount) in back {
            let lessened = |count: u32| {
                u32::try_from(i64::from(count).saturating_sub(*amount).max(0)).unwrap_or(u32::MAX)
            };
            let lesser = |money: Money| Money::from_micros(money.micros().saturating_sub(*amount));
            match name.as_str() {
                "live" => self.live = lessened(self.live),
                "unpriced" => self.unpriced = lessened(self.unpriced),
                "total" => self.total = lessened(self.total),
                "rtotal" => self.revenue_total = lesser(self.revenue_total),
                name => {
                    if let Some(count) = self.windows.get_mut(name) {
                        *count = lessened(*count);
                    }
                    let revenue = name.strip_prefix('r').and_then(|window| self.revenue.get_mut(window));
                    if let Some(money) = revenue {
                        *money = lesser(*money);
                    }
                }
            }
        }
    }
}

/// By how much the attributes of one counter row grow; below zero they shrink.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// Which row.
    pub counter: CounterId,
    /// By attribute: calls, or micro-units of revenue.
    pub by: BTreeMap<String, i64>,
}

/// What a conversion reported after the call changes: it is counted where conversions count and revenue is capped, in the
/// windows open at `now`, whether there is room or not. `newly_converted` says whether the call had not converted before.
pub fn late_conversion(
    reservation: &Reservation,
    newly_converted: bool,
    earned: Money,
    now: Timestamp,
) -> Vec<Change> {
    let changes = reservation.taken.iter().map(|taken| {
        let open = OpenWindows::at(now, &taken.time_zone);
        let mut by = BTreeMap::new();
        for name in open.names().into_iter().chain(["total".to_owned()]) {
            if taken.price.is_some() && earned != Money::ZERO {
                by.insert(revenue_attribute(&name), earned.micros());
            }
            if taken.count == Counted::Converted && newly_converted {
                by.insert(name, 1);
            }
        }
        Change { counter: taken.counter, by }
    });
    changes.filter(|change| !change.by.is_empty()).collect()
}
