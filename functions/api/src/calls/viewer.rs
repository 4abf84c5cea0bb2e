//! Who looks at calls, and what of them is theirs to see.
//!
//! What must stay true: a publisher sees payouts and nothing of destinations, bids, revenue and profit; a buyer sees
//! revenue (its cost) and its own destinations, and nothing of publishers, payouts, profit and other bidders.

use app::ports::Closing;
use domain::access::Party;
use domain::call::{Attempt, Call};
use domain::ids::TenantId;
use domain::ledger;
use domain::money::Money;

use crate::access::OwnAccess;

/// Somebody who reads calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Viewer {
    /// Whose calls.
    pub tenant: TenantId,
    /// Whether callers' numbers are shown whole.
    pub sees_numbers: bool,
    /// Only the calls of this party; `None` sees the whole account.
    pub only: Option<Party>,
}

impl Viewer {
    /// Who asks. An API key sees the whole account.
    pub const fn of<P>(access: &OwnAccess<P>) -> Self {
        Self { tenant: access.tenant, sees_numbers: access.sees_numbers, only: access.only }
    }

    /// Whether the call is theirs. A buyer's is the call whose books are about one of its destinations, so it has none
    /// that goes on.
    pub fn owns(&self, call: &Call, closing: Option<&Closing>) -> bool {
        match self.only {
            None => true,
            Some(Party::Publisher(publisher)) => call.publisher == Some(publisher),
            Some(Party::Buyer(buyer)) => closing.is_some_and(|closing| closing.buyer == Some(buyer)),
        }
    }

    /// Whether an attempt and the destination that it dialled may be seen.
    pub fn sees_attempt(&self, attempt: &Attempt) -> bool {
        match self.only {
            None => true,
            Some(Party::Publisher(_)) => false,
            Some(Party::Buyer(buyer)) => attempt.terms.buyer == Some(buyer),
        }
    }

    /// Whether a line of the ledger is about them.
    pub fn sees_entry(&self, entry: &ledger::Entry) -> bool {
        match self.only {
            None => true,
            Some(Party::Publisher(publisher)) => entry.party == ledger::Party::Publisher(publisher),
            Some(Party::Buyer(buyer)) => entry.party == ledger::Party::Buyer(buyer),
        }
    }

    /// Whether they see the whole account.
    pub const fn sees_all(&self) -> bool {
        self.only.is_none()
    }

    /// Whether publishers are named to them.
    pub const fn sees_publishers(&self) -> bool {
        !matches!(self.only, Some(Party::Buyer(_)))
    }

    /// Whether destinations are named to them.
    pub const fn sees_destinations(&self) -> bool {
        !matches!(self.only, Some(Party::Publisher(_)))
    }

    /// Revenue, payout and profit, as far as they are theirs.
    pub fn money(&self, revenue: Money, payout: Money, profit: Money) -> [Option<Money>; 3] {
        match self.only {
            None => [Some(revenue), Some(payout), Some(profit)],
            Some(Party::Buyer(_)) => [Some(revenue), None, None],
            Some(Party::Publisher(_)) => [None, Some(payout), None],
        }
    }
}
