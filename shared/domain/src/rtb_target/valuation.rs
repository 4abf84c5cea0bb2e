//! What a bid counts when bids are ranked. The price stays the bid: whoever wins pays what it bid, never what it counted.

use serde::{Deserialize, Serialize};

use crate::geo::{Place, Places};
use crate::money::Money;
use crate::validate::Problems;

/// Most multipliers of one bidder.
const MAX_MULTIPLIERS: usize = 100;
/// Most per cent of itself that a bid may count.
const MAX_PERCENT: u16 = 1_000;

/// How a bidder's bids are valued against those of others.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum BidStrategy {
    /// A bid counts what it is.
    #[default]
    AsBid,
    /// It counts so many per cent of itself: 80 for a bidder that pays for four of five calls, 120 for one that is to be
    /// preferred.
    Percent(u16),
    /// It always counts this much: for a bidder that pays an agreed price, whatever it bids.
    Fixed(Money),
}

/// What a bid counts for callers of some places, on top of the strategy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct GeoMultiplier {
    /// The places: a caller must be in each list that has entries. One whose place is not known is in none.
    pub places: Places,
    /// Per cent of what it would count otherwise.
    #[schema(minimum = 0, maximum = 1000)]
    pub percent: u16,
}

/// What a bid of a bidder with these settings counts for a caller there, never less than nothing. The first multiplier whose
/// places hold the caller counts.
pub(super) fn value_of(
    strategy: BidStrategy,
    multipliers: &[GeoMultiplier],
    bid: Money,
    place: &Place,
) -> Money {
    let percent_of = |amount: Money, percent: u16| amount.share(u32::from(percent) * 100);
    let counted = match strategy {
        BidStrategy::AsBid => bid,
        BidStrategy::Percent(percent) => percent_of(bid, percent),
        BidStrategy::Fixed(amount) => amount,
    };
    match multipliers.iter().find(|multiplier| multiplier.places.hold(place)) {
        Some(multiplier) => percent_of(counted, multiplier.percent),
        None => counted,
    }
}

pub(super) fn check(strategy: BidStrategy, multipliers: &[GeoMultiplier], problems: &mut Problems) {
    match strategy {
        BidStrategy::AsBid => {}
        BidStrategy::Percent(percent) => {
            problems.within("bid_strategy.percent", percent, 1..=MAX_PERCENT);
        }
        BidStrategy::Fixed(amount) if amount <= Money::ZERO => {
            problems.add("bid_strategy.fixed", "range", "what its bids count is more than nothing");
        }
        BidStrategy::Fixed(_) => {}
    }
    problems.at_most("geo_multipliers", multipliers.len(), MAX_MULTIPLIERS);
    for (index, multiplier) in multipliers.iter().enumerate() {
        let at = format!("geo_multipliers[{index}]");
        problems.within(&format!("{at}.percent"), multiplier.percent, 0..=MAX_PERCENT);
        multiplier.places.check(&format!("{at}.places"), problems);
        if multiplier.places == Places::default() {
            problems.add(format!("{at}.places"), "required", "name at least one place");
        }
    }
}
