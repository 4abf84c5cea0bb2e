//! Caps: how many calls, and how much revenue, a thing may take at once, per hour, day, month and for ever.
//!
//! Five things are capped: a destination, its buyer (over all of the buyer's destinations), the campaign, the publisher,
//! and the publisher on one campaign. One dial takes room in all of them or in none. What must stay true: reserved +
//! counted ≤ cap, whoever dials at the same time; what was taken goes back once, to exactly the windows it was taken from.
//!
//! - [`counter_id`]: whose row it is;
//! - [`windows`]: which hour, day and month are open, in the owner's time zone;
//! - [`room`]: what a dial must find free, and which cap is full;
//! - [`reservation`]: what was taken, and what of it goes back when the attempt's end is known;
//! - [`usage`]: what a counter row says.

use serde::{Deserialize, Serialize};

use crate::money::{Currency, Money};
use crate::validate::Problems;

mod counter_id;
mod reservation;
mod room;
mod usage;
mod windows;

pub use counter_id::{CounterId, CounterIdError};
pub use reservation::{Held, Holder, Joint, Outcome, Reservation, ReservationState, Shares, Taken};
pub use room::{CapOwner, CapReached, Capped, Expected, Limit, Measure, Price};
pub use usage::{Change, LiveLimits, Usage, late_conversion};
pub use windows::{OpenWindows, Window, revenue_attribute};

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
    /// Which calls the hour, the day, the month and the total count.
    pub count: Counted,
    /// The same for what its calls earn.
    pub revenue: RevenueCaps,
}

/// Which calls stay counted. Every call counts while it is dialled and talked: a cap holds at any moment.
#[derive(
    Debug,
    Clone,
    Copy,
    Default,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    utoipa::ToSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Counted {
    /// Those that were connected.
    #[default]
    Connected,
    /// Those that converted.
    Converted,
}

/// Most revenue of one thing; `None` is unlimited. A fixed price or a bid is reserved when the call is dialled; a price
/// that is known only afterwards is added when the call has ended, so it may go beyond by the calls that are live when
/// the cap is reached.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RevenueCaps {
    /// Per clock hour.
    pub hourly: Option<Money>,
    /// Per calendar day.
    pub daily: Option<Money>,
    /// Per calendar month.
    pub monthly: Option<Money>,
    /// Ever.
    pub total: Option<Money>,
    /// In which currency; calls whose books are in another one are not counted here.
    pub currency: Currency,
}

impl RevenueCaps {
    /// Whether anything is limited at all.
    pub const fn any(&self) -> bool {
        self.hourly.is_some() || self.daily.is_some() || self.monthly.is_some() || self.total.is_some()
    }

    /// The cap of one window. Revenue has no "right now".
    pub const fn of(&self, window: Window) -> Option<Money> {
        match window {
            Window::Concurrent => None,
            Window::Hourly => self.hourly,
            Window::Daily => self.daily,
            Window::Monthly => self.monthly,
            Window::Total => self.total,
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
            || self.revenue.any()
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

    /// Rules for saving; `at` is the field of the caps. A cap of zero would be a pause in disguise.
    pub fn check(&self, at: &str, problems: &mut Problems) {
        const ZERO: &str = "a cap is at least 1; pause it to stop its calls";
        for window in Window::ALL {
            if self.of(window) == Some(0) {
                problems.add(format!("{at}.{}", window.word()), "minimum", ZERO);
            }
            if self.revenue.of(window).is_some_and(|cap| cap <= Money::ZERO) {
                let words = "a cap on revenue is above zero; pause it to stop its calls";
                problems.add(format!("{at}.revenue.{}", window.word()), "minimum", words);
            }
        }
    }
}
