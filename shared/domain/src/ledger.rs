//! Who pays whom for a call, and how much: the rules and the settlement.
//!
//! A settlement is a pure function of the concluded call, so the sum of its entries is the call's money by construction:
//! revenue − payout = profit, to the micro-unit.

use serde::{Deserialize, Serialize};

use crate::call::{Call, Conclusion};
use crate::ids::{BuyerId, PublisherId};
use crate::money::{Currency, Money};
use crate::routing::Via;
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
    /// This much for each connected minute, by the second, rounded down to the micro-unit.
    PerMinute(Money),
    /// What the bidder bid.
    WinningBid,
}

impl Revenue {
    /// Prices are not negative.
    pub fn check(&self, problems: &mut Problems) {
        if let Self::Fixed(amount) | Self::PerMinute(amount) = self
            && *amount < Money::ZERO
        {
            problems.add("revenue", "range", "a price is not negative");
        }
    }
}

/// When a call counts as converted.
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
        from: TimerStart,
    },
}

/// What a call's length is counted from.
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

/// What a publisher earns for a call.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Payout {
    /// What earns it.
    pub on: PayoutOn,
    /// How much.
    pub amount: PayoutAmount,
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
    /// Calls connected at least so many seconds.
    Length(u32),
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
    /// This much for each connected minute, by the second, rounded down.
    PerMinute(Money),
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

impl Payout {
    /// Rules for saving; `at` is the payout's own field.
    pub fn check(&self, at: &str, problems: &mut Problems) {
        let field = &format!("{at}.amount");
        match self.amount {
            PayoutAmount::Fixed(amount) | PayoutAmount::PerMinute(amount) if amount < Money::ZERO => {
                problems.add(field, "range", "a payout is not negative");
            }
            PayoutAmount::Share { basis_points, min, max } => {
                problems.within(&format!("{field}.share.basis_points"), basis_points, 0..=10_000);
                if min.zip(max).is_some_and(|(min, max)| max < min) {
                    problems.add(field, "range", "the highest payout is below the lowest");
                }
                if min.is_some_and(|min| min < Money::ZERO) {
                    problems.add(field, "range", "a payout is not negative");
                }
            }
            _ => {}
        }
    }
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

/// Which side of the books an entry stands on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EntryKind {
    /// A buyer owes us.
    Revenue,
    /// We owe a publisher.
    Payout,
}

/// The other party of an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Party {
    /// A buyer.
    Buyer(BuyerId),
    /// A destination whose buyer was never named.
    Destination(Via),
    /// A publisher.
    Publisher(PublisherId),
}

/// One line of the ledger; never changed, never removed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// Counts the call's entries from 1.
    pub number: u16,
    /// Revenue or payout.
    pub kind: EntryKind,
    /// With whom.
    pub party: Party,
    /// How much; never negative for these kinds.
    pub amount: Money,
    /// In which currency.
    pub currency: Currency,
    /// Why, in plain words.
    pub reason: String,
}

/// The books of one call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Settlement {
    /// Whether the call converted.
    pub converted: bool,
    /// What we earn.
    pub revenue: Money,
    /// What we pay out.
    pub payout: Money,
    /// Revenue − payout.
    pub profit: Money,
    /// The lines that say so; lines of nothing are left out.
    pub entries: Vec<Entry>,
}

/// Settles a concluded call.
pub fn settle(call: &Call, conclusion: &Conclusion) -> Settlement {
    let billed = conclusion.billed.as_ref();
    let converted = billed.is_some_and(|attempt| is_converted(&attempt.terms.conversion, conclusion));
    let mut entries = Vec::new();

    let revenue = match billed {
        Some(attempt) if converted => price(attempt.terms.revenue, attempt.bid, conclusion.connected_seconds),
        _ => Money::ZERO,
    };
    if let Some(attempt) = billed
        && revenue > Money::ZERO
    {
        entries.push(Entry {
            number: 1,
            kind: EntryKind::Revenue,
            party: attempt.terms.buyer.map_or(Party::Destination(attempt.via), Party::Buyer),
            amount: revenue,
            currency: call.currency,
            reason: revenue_reason(attempt.terms.revenue, conclusion.connected_seconds),
        });
    }

    let payout =
        call.publisher.map_or(Money::ZERO, |_| payout_of(&call.payout, converted, revenue, conclusion));
    if let Some(publisher) = call.publisher
        && payout > Money::ZERO
    {
        entries.push(Entry {
            number: u16::try_from(entries.len()).unwrap_or(u16::MAX).saturating_add(1),
            kind: EntryKind::Payout,
            party: Party::Publisher(publisher),
            amount: payout,
            currency: call.currency,
            reason: payout_reason(&call.payout),
        });
    }

    let profit = revenue.checked_sub(payout).unwrap_or(Money::ZERO);
    Settlement { converted, revenue, payout, profit, entries }
}

fn is_converted(rule: &Conversion, conclusion: &Conclusion) -> bool {
    match *rule {
        Conversion::Incoming | Conversion::Dialled => true,
        Conversion::Connected => conclusion.connected,
        Conversion::Length { seconds, from } => {
            conclusion.connected
                && match from {
                    TimerStart::Incoming => conclusion.total_seconds >= seconds,
                    TimerStart::Dial => conclusion.seconds_from_dial >= seconds,
                    TimerStart::Connect => conclusion.connected_seconds >= seconds,
                }
        }
    }
}

fn price(revenue: Revenue, bid: Option<Money>, connected_seconds: u32) -> Money {
    match revenue {
        Revenue::None => Money::ZERO,
        Revenue::Fixed(amount) => amount,
        Revenue::PerMinute(amount) => amount.per_minute(connected_seconds),
        Revenue::WinningBid => bid.unwrap_or(Money::ZERO),
    }
}

fn payout_of(payout: &Payout, converted: bool, revenue: Money, conclusion: &Conclusion) -> Money {
    let earned = match payout.on {
        PayoutOn::Incoming => true,
        PayoutOn::Connected => conclusion.connected,
        PayoutOn::Converted => converted,
        PayoutOn::Length(seconds) => conclusion.connected && conclusion.connected_seconds >= seconds,
    };
    if !earned {
        return Money::ZERO;
    }
    match payout.amount {
        PayoutAmount::None => Money::ZERO,
        PayoutAmount::Fixed(amount) => amount,
        PayoutAmount::PerMinute(amount) => amount.per_minute(conclusion.connected_seconds),
        PayoutAmount::Share { basis_points, min, max } => {
            let share = revenue.share(basis_points);
            let at_least = min.map_or(share, |min| share.max(min));
            max.map_or(at_least, |max| at_least.min(max))
        }
    }
}

fn revenue_reason(revenue: Revenue, connected_seconds: u32) -> String {
    match revenue {
        Revenue::None => "no price".to_owned(),
        Revenue::Fixed(_) => "fixed price of a converted call".to_owned(),
        Revenue::PerMinute(amount) => format!("{connected_seconds} s connected at {amount} a minute"),
        Revenue::WinningBid => "the winning bid".to_owned(),
    }
}

fn payout_reason(payout: &Payout) -> String {
    match payout.amount {
        PayoutAmount::None => "no payout".to_owned(),
        PayoutAmount::Fixed(_) => "fixed payout".to_owned(),
        PayoutAmount::PerMinute(amount) => format!("connected time at {amount} a minute"),
        PayoutAmount::Share { basis_points, .. } => {
            format!("{}.{:02} % of the revenue", basis_points / 100, basis_points % 100)
        }
    }
}
