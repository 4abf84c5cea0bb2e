//! Adjustments: what a call's books should be moved by, asked for by somebody, decided by somebody.
//!
//! What must stay true: an adjustment is decided once; only an approved one touches the books, and then by exactly its
//! amounts. Who asked may also approve, if their role includes both: small accounts have one person. Both names stay with
//! the adjustment and in the audit log. A buyer's person can only ask (a *dispute*), only about the buyer's own calls and
//! only for less revenue.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::audit::Actor;
use crate::ids::{AdjustmentId, BuyerId, CallId, TenantId};
use crate::money::{Currency, Money};
use crate::validate::Problems;

/// Longest reason or note, characters.
pub const MAX_WORDS: usize = 500;
/// The largest amount by which a call is adjusted: a million of the currency's main unit.
pub const MAX_AMOUNT: Money = Money::from_units(1_000_000);

/// Where an adjustment is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum AdjustmentStatus {
    /// Asked for.
    Requested,
    /// In the books.
    Approved,
    /// Refused.
    Rejected,
}

impl AdjustmentStatus {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Requested, Self::Approved, Self::Rejected];

    /// As it is written.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Requested => "requested",
            Self::Approved => "approved",
            Self::Rejected => "rejected",
        }
    }
}

/// Who decided, when, and what they said.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decided {
    /// When.
    pub at: Timestamp,
    /// Who.
    pub by: Actor,
    /// What they said; may be empty.
    pub note: String,
}

/// A correction of one call's money.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Adjustment {
    /// Its id.
    pub id: AdjustmentId,
    /// Whose.
    pub tenant: TenantId,
    /// Which call.
    pub call: CallId,
    /// By how much the call's revenue moves; may be negative, zero leaves it.
    pub revenue: Money,
    /// By how much its payout moves.
    pub payout: Money,
    /// Currency of the call's books.
    pub currency: Currency,
    /// Why.
    pub reason: String,
    /// The buyer whose dispute it is.
    #[serde(default)]
    pub disputed_by: Option<BuyerId>,
    /// When it was asked for.
    pub requested_at: Timestamp,
    /// Who asked.
    pub requested_by: Actor,
    /// Where it stands.
    pub status: AdjustmentStatus,
    /// The decision.
    #[serde(default)]
    pub decided: Option<Decided>,
}

impl Adjustment {
    /// The rules for what is asked.
    pub fn check(&self, problems: &mut Problems) {
        if self.reason.trim().is_empty() {
            problems.add("reason", "required", "say why: whoever decides reads it");
        }
        problems.text("reason", &self.reason, MAX_WORDS);
        if self.revenue == Money::ZERO && self.payout == Money::ZERO {
            problems.add("revenue", "required", "say by how much revenue or payout moves");
        }
        for (field, amount) in [("revenue", self.revenue), ("payout", self.payout)] {
            if amount.micros().unsigned_abs() > MAX_AMOUNT.micros().unsigned_abs() {
                problems.add(field, "range", format!("at most {MAX_AMOUNT}, up or down"));
            }
        }
        if self.disputed_by.is_some() {
            if self.revenue >= Money::ZERO {
                problems.add("revenue", "range", "a dispute asks for less: give a negative amount");
            }
            if self.payout != Money::ZERO {
                problems.add("payout", "not_yours", "a dispute is about what the call costs: leave this out");
            }
        }
    }

    /// As it is decided.
    #[must_use]
    pub fn decided(&self, status: AdjustmentStatus, decided: Decided) -> Self {
        Self { status, decided: Some(decided), ..self.clone() }
    }
}
