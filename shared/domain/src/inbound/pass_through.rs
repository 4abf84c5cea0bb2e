//! Passing on what our own bidders would pay, less a margin.
//!
//! The arithmetic, and what a call by such a bid must know. What must stay true: unless a loss is allowed, what is bid and
//! the least margin together are never more than what is earned, neither when the bid is made nor wherever the call goes.

use serde::{Deserialize, Serialize};

use super::price::to_cents;
use crate::caps::Price;
use crate::ledger::{Conversion, PayoutOn, TimerStart};
use crate::money::Money;
use crate::routing::{Passed, Via};
use crate::validate::Problems;

/// Bounds of [`PassThrough::deadline_ms`].
const DEADLINE_MS: std::ops::RangeInclusive<u32> = 50..=5_000;

/// Bid what our own bidders would pay, less a margin. Amounts are micro-units.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PassThrough {
    /// No bid is higher.
    pub max_bid: Money,
    /// Whether a modified bid may be more than what is earned.
    #[serde(default)]
    pub allow_loss: bool,
    /// What we keep.
    pub margin: Margin,
    /// What we keep at least, after all modifiers.
    #[serde(default)]
    pub min_margin: Money,
    /// Seconds that a call must last at least to earn the bid; 0: what the bidder asks for.
    #[serde(default)]
    #[schema(maximum = 14400)]
    pub min_duration_s: u32,
    /// How long all bidders together may take while the publisher waits, milliseconds. Publishers mostly wait two seconds.
    #[serde(default = "usual_deadline")]
    #[schema(minimum = 50, maximum = 5000, default = 700)]
    pub deadline_ms: u32,
}

const fn usual_deadline() -> u32 {
    700
}

/// What a bid was made of: what one of our own destinations would pay.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct PassedOn {
    /// Who would pay. When the call comes, it is tried first.
    pub via: Via,
    /// How much.
    pub earned: Money,
    /// What must be left of what a destination pays when the bid is taken off; `None`: a loss is allowed.
    pub least_margin: Option<Money>,
}

impl PassedOn {
    /// Whether a destination at this price may take a call that was bid for with this amount.
    ///
    /// # Errors
    /// Too little would be left, or nobody knows yet how much.
    pub fn lets_pass(&self, price: Price, bid: Money) -> Result<(), Passed> {
        let Some(least) = self.least_margin else { return Ok(()) };
        let pays = match price {
            Price::Known(pays) => Some(pays),
            Price::Unknown => None,
        };
        let left = pays.and_then(|pays| pays.checked_sub(bid));
        if left.is_some_and(|left| left >= least) {
            return Ok(());
        }
        Err(Passed::Margin { pays, bid, least })
    }
}

/// What we keep of what is earned.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Margin {
    /// A share, in hundredths of a percent.
    Percent(u32),
    /// This much.
    Amount(Money),
}

impl PassThrough {
    /// The bid before it is modified, in whole cents: 56.06 less 20 % is 44.85. `None` when nothing is left.
    pub fn base(&self, earned: Money) -> Option<Money> {
        let left = match self.margin {
            Margin::Percent(points) => earned.share(10_000_u32.saturating_sub(points)),
            Margin::Amount(kept) => earned.checked_sub(kept)?,
        };
        self.within(to_cents(left), earned)
    }

    /// What may be bid of a modified bid; `None` when the margin is not kept, or nothing is left.
    pub fn within(&self, modified: Money, earned: Money) -> Option<Money> {
        let bid = modified.min(self.max_bid);
        let margin = earned.checked_sub(bid)?;
        let kept = self.allow_loss || (margin >= Money::ZERO && margin >= self.min_margin);
        (bid > Money::ZERO && kept).then_some(bid)
    }

    /// What must be left of what a destination pays when the bid is taken off; `None`: a loss is allowed.
    pub fn least_margin(&self) -> Option<Money> {
        (!self.allow_loss).then_some(self.min_margin)
    }

    /// What earns the bid: so many seconds, if the campaign or whoever would pay asks for them; else the campaign's `usual`.
    pub(super) fn pays_on(&self, usual: PayoutOn, asked: Conversion) -> PayoutOn {
        match asked {
            _ if self.min_duration_s > 0 => {
                PayoutOn::Length { seconds: self.min_duration_s, from: TimerStart::Connect }
            }
            Conversion::Length { seconds, from } => PayoutOn::Length { seconds, from },
            Conversion::Reported => PayoutOn::Converted,
            Conversion::Incoming | Conversion::Dialled | Conversion::Connected => usual,
        }
    }

    pub(super) fn check(&self, at: &str, highest: Money, problems: &mut Problems) {
        for (name, amount) in [("max_bid", self.max_bid), ("min_margin", self.min_margin)] {
            if !(Money::ZERO..=highest).contains(&amount) {
                problems.add(format!("{at}.{name}"), "range", format!("an amount of 0 to {highest}"));
            }
        }
        match self.margin {
            Margin::Percent(points) => {
                problems.within(&format!("{at}.margin.percent"), points, 0..=10_000);
            }
            Margin::Amount(kept) if !(Money::ZERO..=highest).contains(&kept) => {
                problems.add(format!("{at}.margin.amount"), "range", format!("an amount of 0 to {highest}"));
            }
            Margin::Amount(_) => {}
        }
        problems.within(&format!("{at}.min_duration_s"), self.min_duration_s, 0..=14_400);
        problems.within(&format!("{at}.deadline_ms"), self.deadline_ms, DEADLINE_MS);
    }
}
