//! Who is ahead, and when nobody who has not answered can win any more.

use super::Bid;
use crate::campaign::BidderEntry;
use crate::geo::Place;
use crate::ids::RtbTargetId;
use crate::money::Money;
use crate::rtb_target::{BidStrategy, RtbTarget};

/// What a bid is ranked by; the greater comes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Rank {
    counted: Money,
    priority: std::cmp::Reverse<u16>,
    weight: u16,
    latency_ms: std::cmp::Reverse<u32>,
    bidder: std::cmp::Reverse<RtbTargetId>,
}

impl Rank {
    fn of(bid: &Bid) -> Self {
        Self {
            counted: bid.counted(),
            priority: std::cmp::Reverse(bid.priority),
            weight: bid.weight,
            latency_ms: std::cmp::Reverse(bid.latency_ms),
            bidder: std::cmp::Reverse(bid.bidder),
        }
    }
}

/// Orders valid bids, best first: by what they count, then priority, weight, speed and id.
pub fn rank(mut bids: Vec<Bid>) -> Vec<Bid> {
    bids.sort_by_key(|bid| std::cmp::Reverse(Rank::of(bid)));
    bids
}

/// The best that a bidder can still bid; `None`: there is no telling.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ceiling(Option<Rank>);

impl Ceiling {
    /// Of a bidder that has not answered, for a caller there. Its answer may turn out as quick as any: the clocks of two
    /// requests are not compared.
    pub fn of(entry: &BidderEntry, bidder: &RtbTarget, caller: &Place) -> Self {
        let most = match bidder.bid_strategy {
            BidStrategy::Fixed(_) => Some(Money::ZERO),
            BidStrategy::AsBid | BidStrategy::Percent(_) => bidder.max_bid,
        };
        Self(most.map(|most| Rank {
            counted: bidder.value_of(most, caller),
            priority: std::cmp::Reverse(entry.priority),
            weight: entry.weight,
            latency_ms: std::cmp::Reverse(0),
            bidder: std::cmp::Reverse(entry.rtb_target),
        }))
    }
}

/// Whether the winner is known: there are as many valid bids as the auction demands, and none of those who have not answered
/// can be ahead of the best.
pub fn is_decided<'a>(
    bids: impl Iterator<Item = &'a Bid>,
    min_bidders: u16,
    mut outstanding: impl Iterator<Item = Ceiling>,
) -> bool {
    let (count, best) =
        bids.fold((0_usize, None), |(count, best), bid| (count + 1, best.max(Some(Rank::of(bid)))));
    let Some(best) = best.filter(|_| count >= usize::from(min_bidders)) else { return false };
    outstanding.all(|Ceiling(ceiling)| ceiling.is_some_and(|ceiling| ceiling < best))
}
