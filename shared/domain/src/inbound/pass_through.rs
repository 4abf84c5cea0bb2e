//! Passing on what our own bidders would pay, less a margin.
//!
//! Only the arithmetic is here. What must stay true: unless a loss is allowed, what is bid and the least margin together
//! are never more than what is earned.

use serde::{Deserialize, Serialize};

use super::price::to_cents;
use crate::money::Money;
use crate::validate::Problems;

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
    }
}
