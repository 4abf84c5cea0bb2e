//! What a publisher earns for a call: what earns it, how much, and whether a caller who called before counts again.

use serde::{Deserialize, Serialize};

use super::{PerMinute, TimerStart};
use crate::money::Money;
use crate::validate::Problems;

/// What a publisher earns for a call.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Payout {
    /// What earns it.
    pub on: PayoutOn,
    /// How much.
    pub amount: PayoutAmount,
    /// Whether a call of somebody who called this campaign before earns it.
    pub duplicates: Duplicates,
}

/// What earns a payout.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum PayoutOn {
    /// Every call.
    Incoming,
    /// Connected calls.
    Connected,
    /// Converted calls.
    #[default]
    Converted,
    /// Connected calls that lasted long enough.
    Length {
        /// Seconds needed.
        seconds: u32,
        /// What they are counted from.
        #[serde(default)]
        from: TimerStart,
    },
}

/// How much a payout is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum PayoutAmount {
    /// Nothing.
    #[default]
    None,
    /// This much a call.
    Fixed(Money),
    /// So much for each connected minute.
    PerMinute(PerMinute),
    /// A share of the revenue, rounded down to the micro-unit.
    Share {
        /// Hundredths of a percent.
        basis_points: u32,
        /// Never less (when earned at all).
        #[serde(default)]
        min: Option<Money>,
        /// Never more.
        #[serde(default)]
        max: Option<Money>,
    },
}

/// Whether calls of somebody who called the same campaign before are paid out.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Duplicates {
    /// Like any other call.
    #[default]
    PayAll,
    /// Never.
    Never,
    /// When the caller's last call began at least so many seconds before this one.
    After(u64),
}

impl Duplicates {
    /// Whether a call is paid whose caller's last call on the campaign began so many seconds before; `None` for the first.
    pub const fn pays(self, previous_call_s: Option<u64>) -> bool {
        match (self, previous_call_s) {
            (Self::PayAll, _) | (_, None) => true,
            (Self::Never, Some(_)) => false,
            (Self::After(needed), Some(since)) => since >= needed,
        }
    }
}

impl Payout {
    /// Rules for saving; `at` is the payout's own field.
    pub fn check(&self, at: &str, problems: &mut Problems) {
        let field = &format!("{at}.amount");
        match self.amount {
            PayoutAmount::Fixed(amount) if amount < Money::ZERO => {
                problems.add(field, "range", "a payout is not negative");
            }
            PayoutAmount::PerMinute(price) => price.check(&format!("{field}.per_minute"), problems),
            PayoutAmount::Share { basis_points, min, max } => {
                problems.within(&format!("{field}.share.basis_points"), basis_points, 0..=10_000);
                if min.zip(max).is_some_and(|(min, max)| max < min) {
                    problems.add(field, "range", "the highest payout is below the lowest");
                }
                if min.is_some_and(|min| min < Money::ZERO) {
                    problems.add(field, "range", "a payout is not negative");
                }
                if max.is_some_and(|max| max < Money::ZERO) {
                    problems.add(field, "range", "a payout is not negative");
                }
            }
            PayoutAmount::None | PayoutAmount::Fixed(_) => {}
        }
    }

    /// How much it is for so much revenue and so many connected seconds, when it is earned.
    pub(super) fn amount_of(&self, revenue: Money, connected_seconds: u32) -> Money {
        match self.amount {
            PayoutAmount::None => Money::ZERO,
            PayoutAmount::Fixed(amount) => amount,
            PayoutAmount::PerMinute(price) => price.price_of(connected_seconds),
            PayoutAmount::Share { basis_points, min, max } => {
                let share = revenue.share(basis_points);
                let at_least = min.map_or(share, |min| share.max(min));
                max.map_or(at_least, |max| at_least.min(max))
            }
        }
    }

    /// How the amount came about, in plain words.
    pub(super) fn words(&self, connected_seconds: u32) -> String {
        match self.amount {
            PayoutAmount::None => "no payout".to_owned(),
            PayoutAmount::Fixed(_) => "fixed payout".to_owned(),
            PayoutAmount::PerMinute(price) => price.words(connected_seconds),
            PayoutAmount::Share { basis_points, min, max } => {
                let share = format!(
                    "{}.{:02} % of the revenue, rounded down",
                    basis_points / 100,
                    basis_points % 100
                );
                let least = min.map_or_else(String::new, |min| format!(", at least {min}"));
                let most = max.map_or_else(String::new, |max| format!(", at most {max}"));
                share + &least + &most
            }
        }
    }
}
