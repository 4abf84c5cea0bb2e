//! A price per minute, with the steps in which time is billed.

use serde::{Deserialize, Serialize};

use crate::money::Money;
use crate::validate::Problems;

/// Longest first step and longest further step, seconds.
const MAX_STEP_S: u16 = 3_600;

/// So much for each connected minute. The first `first_s` seconds are billed whole, then every begun `step_s`: 1/1 is by
/// the second, 30/6 and 60/60 are the trade's usual ones. A call without connected seconds costs nothing. The amount is
/// rounded down to the micro-unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PerMinute {
    /// The price of sixty seconds.
    pub price: Money,
    /// Seconds billed at least.
    #[serde(default = "one")]
    #[schema(minimum = 1, maximum = 3600, default = 1)]
    pub first_s: u16,
    /// Seconds in which it goes on.
    #[serde(default = "one")]
    #[schema(minimum = 1, maximum = 3600, default = 1)]
    pub step_s: u16,
}

const fn one() -> u16 {
    1
}

impl PerMinute {
    /// By the second.
    pub const fn by_the_second(price: Money) -> Self {
        Self { price, first_s: 1, step_s: 1 }
    }

    /// The seconds that are billed for so many connected ones.
    pub fn billed_seconds(&self, connected_seconds: u32) -> u32 {
        let first = u32::from(self.first_s);
        let further = connected_seconds.saturating_sub(first);
        match connected_seconds {
            0 => 0,
            _ if further == 0 => first,
            _ => {
                let step = u32::from(self.step_s.max(1));
                first.saturating_add(further.div_ceil(step).saturating_mul(step))
            }
        }
    }

    /// What so many connected seconds cost, rounded down to the micro-unit.
    pub fn price_of(&self, connected_seconds: u32) -> Money {
        self.price.per_minute(self.billed_seconds(connected_seconds))
    }

    /// How an amount came about, in plain words.
    pub fn words(&self, connected_seconds: u32) -> String {
        let Self { price, first_s, step_s } = self;
        let billed = self.billed_seconds(connected_seconds);
        format!(
            "{connected_seconds} s connected, billed as {billed} s ({first_s}/{step_s}) at {price} a minute, rounded down"
        )
    }

    /// Rules for saving; `at` is its own field.
    pub(super) fn check(&self, at: &str, problems: &mut Problems) {
        if self.price < Money::ZERO {
            problems.add(format!("{at}.price"), "range", "a price is not negative");
        }
        problems.within(&format!("{at}.first_s"), self.first_s, 1..=MAX_STEP_S);
        problems.within(&format!("{at}.step_s"), self.step_s, 1..=MAX_STEP_S);
    }
}
