//! What a call is worth to us and when it counts: agreed with a target, its buyer or for a whole campaign.

use serde::{Deserialize, Serialize};

use super::PerMinute;
use crate::campaign::Campaign;
use crate::ids::BuyerId;
use crate::money::Money;
use crate::partner::Buyer;
use crate::target::{RtbTarget, Target};
use crate::validate::Problems;

/// What a converted call is worth to us.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Revenue {
    /// Nothing.
    #[default]
    None,
    /// This much a call.
    Fixed(Money),
    /// So much for each connected minute.
    PerMinute(PerMinute),
    /// What the bidder bid.
    WinningBid,
    /// What the conversion report says; nothing until one comes.
    Reported,
}

impl Revenue {
    /// Rules for what is agreed with somebody who makes no bid; `at` is its own field.
    pub fn check(&self, at: &str, problems: &mut Problems) {
        match self {
            Self::Fixed(amount) if *amount < Money::ZERO => {
                problems.add(at, "range", "a price is not negative");
            }
            Self::PerMinute(price) => price.check(&format!("{at}.per_minute"), problems),
            Self::WinningBid => {
                let words = "only an RTB target makes a bid: choose a fixed, per-minute or reported price";
                problems.add(at, "no_bid", words);
            }
            Self::None | Self::Fixed(_) | Self::Reported => {}
        }
    }
}

/// When a call counts as converted. Only a call that was sent to a destination can convert: nobody else would pay for it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Conversion {
    /// When it came in.
    Incoming,
    /// When a destination was dialled.
    Dialled,
    /// When it was connected.
    #[default]
    Connected,
    /// When it lasted long enough.
    Length {
        /// Seconds needed.
        seconds: u32,
        /// What they are counted from.
        #[serde(default)]
        from: TimerStart,
    },
    /// When a conversion report says so.
    Reported,
}

/// What a call's length is counted from. It always ends with the conversation.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum TimerStart {
    /// The moment the call reached us.
    Incoming,
    /// The moment the destination was dialled.
    Dial,
    /// The moment the parties could talk.
    #[default]
    Connect,
}

/// What was agreed for one attempt, frozen when it was dialled.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Terms {
    /// What a converted call is worth.
    pub revenue: Revenue,
    /// When it counts as converted.
    pub conversion: Conversion,
    /// Who pays.
    pub buyer: Option<BuyerId>,
}

impl Terms {
    /// The terms of a target: its own, else its buyer's, else the campaign's, each of the two rules by itself. Without any,
    /// a call converts when it is connected and is worth nothing.
    pub fn of_target(target: &Target, buyer: Option<&Buyer>, campaign: &Campaign) -> Self {
        let revenue = target.revenue.or(buyer.and_then(|buyer| buyer.revenue)).or(campaign.revenue);
        Self {
            revenue: revenue.unwrap_or_default(),
            conversion: conversion(target.conversion, buyer, campaign),
            buyer: target.buyer,
        }
    }

    /// The terms of a bidder: its own static revenue, else the bid. It converts after the call length that its answer
    /// names, else by its own rule, else its buyer's, else the campaign's.
    pub fn of_bidder(
        bidder: &RtbTarget,
        call_length_s: Option<u32>,
        buyer: Option<&Buyer>,
        campaign: &Campaign,
    ) -> Self {
        let named = call_length_s.map(|seconds| Conversion::Length { seconds, from: TimerStart::Connect });
        Self {
            revenue: bidder.revenue.unwrap_or(Revenue::WinningBid),
            conversion: conversion(named.or(bidder.conversion), buyer, campaign),
            buyer: bidder.buyer,
        }
    }
}

fn conversion(own: Option<Conversion>, buyer: Option<&Buyer>, campaign: &Campaign) -> Conversion {
    own.or(buyer.and_then(|buyer| buyer.conversion)).or(campaign.conversion).unwrap_or_default()
}
