//! The lines of the ledger.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::ids::{AdjustmentId, BuyerId, PublisherId};
use crate::money::{Currency, Money};
use crate::routing::Via;

/// Which side of the books an entry stands on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EntryKind {
    /// A buyer owes us.
    Revenue,
    /// We owe a publisher.
    Payout,
}

/// The other party of an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Party {
    /// A buyer.
    Buyer(BuyerId),
    /// A destination whose buyer was never named.
    Destination(Via),
    /// A publisher.
    Publisher(PublisherId),
}

impl Party {
    /// Its printed id.
    pub fn id(self) -> String {
        match self {
            Self::Buyer(id) => id.to_string(),
            Self::Publisher(id) => id.to_string(),
            Self::Destination(Via::Target(id)) => id.to_string(),
            Self::Destination(Via::RtbTarget(id)) => id.to_string(),
        }
    }

    /// What it is, for programs.
    pub const fn kind(self) -> &'static str {
        match self {
            Self::Buyer(_) => "buyer",
            Self::Publisher(_) => "publisher",
            Self::Destination(Via::Target(_)) => "target",
            Self::Destination(Via::RtbTarget(_)) => "rtb_target",
        }
    }
}

/// There is no party with this id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected the id of a publisher (AF…), a buyer (BU…), a target (TA…) or an RTB target (PI…)")]
pub struct NoParty;

impl std::str::FromStr for Party {
    type Err = NoParty;
    fn from_str(text: &str) -> Result<Self, NoParty> {
        let publisher = text.parse().map(Self::Publisher).ok();
        let buyer = || text.parse().map(Self::Buyer).ok();
        let target = || text.parse().map(|id| Self::Destination(Via::Target(id))).ok();
        let bidder = || text.parse().map(|id| Self::Destination(Via::RtbTarget(id))).ok();
        publisher.or_else(buyer).or_else(target).or_else(bidder).ok_or(NoParty)
    }
}

/// What an entry came from.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// The settlement, when the call closed.
    #[default]
    Settlement,
    /// A conversion report that came after it.
    Report,
    /// An approved adjustment.
    Adjustment(AdjustmentId),
}

/// One line of the ledger; never changed, never removed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// Counts the call's entries from 1.
    pub number: u16,
    /// When it was written down: it belongs to this month. Of a settlement, when the call ended.
    pub at: Timestamp,
    /// What it came from.
    #[serde(default)]
    pub source: Source,
    /// Revenue or payout.
    pub kind: EntryKind,
    /// With whom.
    pub party: Party,
    /// How much. Negative only in an adjustment; all entries of a call together never are.
    pub amount: Money,
    /// In which currency.
    pub currency: Currency,
    /// Why, in plain words.
    pub reason: String,
}
