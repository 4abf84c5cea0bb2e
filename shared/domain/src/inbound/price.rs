//! What a bid comes to: a base, and modifiers in their order.

use serde::{Deserialize, Serialize};

use super::Agreed;
use crate::filter::Filter;
use crate::money::Money;
use crate::validate::Problems;

/// Micro-units in a cent.
const CENT: i64 = 10_000;

/// Changes the bid for pings whose tags say so.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = BidModifier)]
pub struct Modifier {
    /// Which pings. The ping's own parameters are tags of the category `User`. `{"all": []}`, the default, is every one.
    #[serde(default)]
    pub when: Filter,
    /// What happens.
    pub then: Then,
}

/// What a modifier does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = BidModification)]
pub enum Then {
    /// Adds this much; below zero it takes away.
    Add(Money),
    /// Multiplies by so many hundredths of a percent: 12,500 is a quarter more.
    Multiply(u32),
    /// The bid is this much.
    Override(Money),
    /// No bid.
    Reject,
}

impl Modifier {
    pub(super) fn check(&self, at: &str, highest: Money, problems: &mut Problems) {
        self.when.check(&format!("{at}.when"), problems);
        match self.then {
            Then::Add(amount) if amount.micros().unsigned_abs() > highest.micros().unsigned_abs() => {
                problems.add(format!("{at}.then.add"), "range", format!("at most {highest}"));
            }
            Then::Override(amount) if !(Money::ZERO..=highest).contains(&amount) => {
                problems.add(format!("{at}.then.override"), "range", format!("an amount of 0 to {highest}"));
            }
            Then::Multiply(points) => {
                problems.within(&format!("{at}.then.multiply"), points, 0..=1_000_000);
            }
            Then::Add(_) | Then::Override(_) | Then::Reject => {}
        }
    }
}

/// Whole cents, half a cent upwards: bids are spoken in cents.
pub(super) fn to_cents(amount: Money) -> Money {
    let cents = amount.micros().saturating_add(CENT / 2).div_euclid(CENT);
    Money::from_micros(cents.saturating_mul(CENT))
}

/// The base after the modifiers that apply, within the least and the highest bid.
pub(super) fn modified<'a>(
    base: Money,
    agreed: &Agreed<'_>,
    modifiers: impl Iterator<Item = &'a Modifier>,
) -> Money {
    let amount = modifiers.fold(base, |amount, modifier| match modifier.then {
        Then::Add(more) => amount.checked_add(more).unwrap_or(amount),
        Then::Multiply(points) => amount.share(points),
        Then::Override(other) => other,
        Then::Reject => amount,
    });
    let amount = to_cents(amount).max(agreed.min_bid);
    agreed.max_bid.map_or(amount, |max| amount.min(max)).max(Money::ZERO)
}
