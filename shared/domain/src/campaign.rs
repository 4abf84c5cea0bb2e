//! The campaign: the centre at which numbers, routing and money meet.

use serde::{Deserialize, Serialize};

use crate::ids::{RtbTargetId, TargetId};
use crate::ledger::Payout;
use crate::money::{Currency, Money};
use crate::phone::E164;
use crate::validate::{Problem, Problems, Validate};
use crate::voice::{Recording, TIME_LIMIT_S};

/// Longest time an auction may take while a caller waits, milliseconds. Larger stored values are clamped.
pub const MAX_DEADLINE_MS: u32 = 3_500;

/// Where a campaign is in its life.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CampaignStatus {
    /// Being set up; takes no calls.
    #[default]
    Draft,
    /// Takes calls.
    Active,
    /// Takes no calls for now.
    Paused,
    /// Over; kept for the reports.
    Archived,
}

/// Why the platform paused a campaign.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PausedReason {
    /// None of its destinations takes calls any more.
    NoActiveDestination,
}

/// A campaign.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Campaign {
    /// Unique per tenant.
    pub name: String,
    /// Free text.
    #[serde(default)]
    pub description: String,
    /// Draft, active, paused or archived.
    #[serde(default)]
    pub status: CampaignStatus,
    /// Set when the platform paused it, gone when it is active again; nobody else writes it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub paused_reason: Option<PausedReason>,
    /// Clock of its reports.
    #[serde(default = "utc")]
    pub time_zone: String,
    /// Currency of its books.
    #[serde(default)]
    pub currency: Currency,
    /// Bidders asked first; none means no auction.
    #[serde(default)]
    pub auction: AuctionSettings,
    /// Targets tried after the auction, or without one.
    #[serde(default)]
    pub plan: Vec<PlanEntry>,
    /// Recording of conversations.
    #[serde(default)]
    pub recording: Recording,
    /// Longest conversation, seconds.
    #[serde(default = "default_time_limit")]
    pub time_limit_s: u32,
    /// What callees see when the caller's number cannot be shown. Defaults to the number that was dialled.
    #[serde(default)]
    pub default_caller_id: Option<E164>,
    /// Where callers go when our servers cannot answer.
    #[serde(default)]
    pub fallback_number: Option<E164>,
    /// What publishers earn.
    #[serde(default)]
    pub payout: Payout,
}

/// The default ring tree of a campaign.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AuctionSettings {
    /// Who is asked.
    pub bidders: Vec<BidderEntry>,
    /// One absolute deadline for everything, milliseconds; clamped to [`MAX_DEADLINE_MS`] on a call.
    pub deadline_ms: u32,
    /// Valid bids below are not taken.
    pub min_revenue: Money,
    /// Fewer valid bids than this and nobody wins.
    pub min_bidders: u16,
}

impl Default for AuctionSettings {
    fn default() -> Self {
        Self { bidders: Vec::new(), deadline_ms: 1_000, min_revenue: Money::ZERO, min_bidders: 1 }
    }
}

impl AuctionSettings {
    /// The deadline that holds on a call.
    pub fn deadline_on_call_ms(&self) -> u32 {
        self.deadline_ms.clamp(50, MAX_DEADLINE_MS)
    }
}

/// A bidder's place in the tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BidderEntry {
    /// The bidder.
    pub rtb_target: RtbTargetId,
    /// Breaks ties: lower first.
    #[serde(default = "one")]
    pub priority: u16,
    /// Breaks ties after priority: higher first.
    #[serde(default = "default_weight")]
    pub weight: u16,
}

/// A target's place in the plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlanEntry {
    /// The target.
    pub target: TargetId,
    /// Lower first.
    #[serde(default = "one")]
    pub priority: u16,
    /// Share among equals, proportional.
    #[serde(default = "default_weight")]
    pub weight: u16,
}

const fn one() -> u16 {
    1
}
const fn default_weight() -> u16 {
    100
}
fn utc() -> String {
    "UTC".to_owned()
}
const fn default_time_limit() -> u32 {
    7_200
}

impl Validate for Campaign {
    fn validate(&self) -> Result<(), Vec<Problem>> {
        let mut problems = Problems::new();
        problems.name("name", &self.name);
        problems.at_most("description", self.description.len(), 2_000);
        problems.time_zone("time_zone", &self.time_zone);
        problems.within("time_limit_s", self.time_limit_s, TIME_LIMIT_S);
        problems.within("auction.deadline_ms", self.auction.deadline_ms, 50..=5_000);
        if self.auction.min_revenue < Money::ZERO {
            problems.add("auction.min_revenue", "range", "the least revenue is not negative");
        }
        problems.at_most("auction.bidders", self.auction.bidders.len(), 50);
        problems.at_most("plan", self.plan.len(), 1_000);
        for (index, entry) in self.auction.bidders.iter().enumerate() {
            check_place(&mut problems, &format!("auction.bidders[{index}]"), entry.priority, entry.weight);
            if self.auction.bidders[..index].iter().any(|earlier| earlier.rtb_target == entry.rtb_target) {
                let field = format!("auction.bidders[{index}].rtb_target");
                problems.add(field, "duplicate", format!("{} stands in the list twice", entry.rtb_target));
            }
        }
        for (index, entry) in self.plan.iter().enumerate() {
            check_place(&mut problems, &format!("plan[{index}]"), entry.priority, entry.weight);
            if self.plan[..index].iter().any(|earlier| earlier.target == entry.target) {
                let field = format!("plan[{index}].target");
                problems.add(field, "duplicate", format!("{} stands in the plan twice", entry.target));
            }
        }
        self.payout.check(&mut problems);
        problems.into_result()
    }
}

fn check_place(problems: &mut Problems, field: &str, priority: u16, weight: u16) {
    problems.within(&format!("{field}.priority"), priority, 1..=1_000);
    problems.within(&format!("{field}.weight"), weight, 1..=10_000);
}
