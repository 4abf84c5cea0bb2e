//! A ring tree's auction, decided purely: what each bidder is asked, what its answer means, who wins.
//!
//! First price. Ties: priority, then weight, then speed, then id. The absence of a refusal is never taken for acceptance.

mod amount;
mod answer;
mod asking;
mod contest;
mod expiry;
mod explain;
mod refusal;
mod signs;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::ids::{AuctionId, CallId, RtbTargetId};
use crate::money::Money;
use crate::phone::Destination;
use crate::plan::Tree;
use crate::routing::Asked;

pub use crate::rtb_target::BidRequest;
pub use answer::{Answer, read_answer, read_confirmation};
pub use asking::{About, Bidder, address, confirmation_request, facts, facts_of_call, request};
pub use contest::{Ceiling, is_decided, rank};
pub use explain::{Explanation, Found, explain};
pub use refusal::Refusal;

/// A valid bid.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bid {
    /// Whose.
    pub bidder: RtbTargetId,
    /// How much, in the campaign's currency: what is paid.
    pub amount: Money,
    /// What it counts among other bids; `None` is the amount.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub counts: Option<Money>,
    /// What the bidder calls it, when the answer says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bid_id: Option<String>,
    /// Where to send the call.
    pub destination: Destination,
    /// Connected seconds from which the call is payable, when the answer says so.
    pub call_length_s: Option<u32>,
    /// Good until then; `None` is for the call's whole set-up.
    pub expires_at: Option<Timestamp>,
    /// Place in the tree: lower first among equal bids.
    pub priority: u16,
    /// Place in the tree: higher first among equal bids of one priority.
    pub weight: u16,
    /// How long the answer took.
    pub latency_ms: u32,
    /// Whether the bidder confirmed it when it was asked again; `None`: it was not asked again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confirmed: Option<bool>,
}

/// What became of one bidder.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BidderResult {
    /// Who.
    pub bidder: RtbTargetId,
    /// Its name then.
    pub name: String,
    /// Time until its answer, or until we stopped waiting; `None` when it was not asked.
    pub latency_ms: Option<u32>,
    /// The bid, also one that was refused, when it could be read.
    pub amount: Option<Money>,
    /// Where it wanted the call, masked.
    pub destination: Option<String>,
    /// `None`: a valid bid.
    pub refusal: Option<Refusal>,
}

/// One ring-tree run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Auction {
    /// Its id.
    pub id: AuctionId,
    /// For which call.
    pub call: CallId,
    /// The step that ran it.
    pub step: u16,
    /// Who was asked.
    #[serde(default)]
    pub tree: Tree,
    /// When it began.
    pub started_at: Timestamp,
    /// The deadline that held.
    pub deadline_ms: u32,
    /// How long it took.
    pub took_ms: u32,
    /// Every bidder of the tree.
    pub results: Vec<BidderResult>,
    /// The valid bids, best first.
    pub ranking: Vec<Bid>,
}

/// Bids that are kept of an auction whose call is not there yet.
const KEPT: usize = 10;

impl Auction {
    /// As routing looks at it.
    pub fn asked(&self) -> Asked<'_> {
        Asked { tree: self.tree, bids: &self.ranking }
    }

    /// What is kept of it until its call comes: the best bids, and those who made them.
    #[must_use]
    pub fn kept(&self) -> Self {
        let ranking: Vec<Bid> = self.ranking.iter().take(KEPT).cloned().collect();
        let made = |result: &&BidderResult| ranking.iter().any(|bid| bid.bidder == result.bidder);
        let results = self.results.iter().filter(made).cloned().collect();
        Self { results, ranking, ..self.clone() }
    }
}

impl Bid {
    /// What it counts among other bids.
    pub fn counted(&self) -> Money {
        self.counts.unwrap_or(self.amount)
    }
}
