//! Things that campaigns share: target groups, and ring trees.
//!
//! A campaign names them; publishing puts what they hold then into the campaign's snapshot.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::campaign::{AuctionSettings, BidderEntry};
use crate::ids::TargetId;
use crate::money::Money;
use crate::plan::{Strategy, check_place, default_weight, one};
use crate::validate::{Problem, Problems, Validate};

/// Most targets of a group.
pub const MAX_MEMBERS: usize = 1_000;

/// Targets that stand in a plan as one: the plan draws the group, the group draws the order of its members.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TargetGroup {
    /// Unique per tenant.
    #[schema(min_length = 1, max_length = 120)]
    pub name: String,
    /// Each target once.
    #[serde(default)]
    #[schema(max_items = 1000)]
    pub members: Vec<Member>,
    /// Who comes first among members of one priority.
    #[serde(default)]
    pub strategy: Strategy,
    /// Whether members of one priority ring one after the other or at the same time.
    #[serde(default)]
    pub ring: Ring,
}

/// How several destinations ring.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Ring {
    /// The next one when the one before did not answer.
    #[default]
    OneByOne,
    /// At the same time, up to ten at once: the first who answers has the call. Time-out, recording and what the callee sees
    /// are those of the first of them.
    Together,
}

/// A target's place in its group.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Member {
    /// The target.
    pub target: TargetId,
    /// Lower first.
    #[serde(default = "one")]
    #[schema(minimum = 1, maximum = 1000, default = 1)]
    pub priority: u16,
    /// Share among equals, proportional.
    #[serde(default = "default_weight")]
    #[schema(minimum = 1, maximum = 10000, default = 100)]
    pub weight: u16,
}

impl Validate for TargetGroup {
    fn validate(&self) -> Result<(), Vec<Problem>> {
        let mut problems = Problems::new();
        problems.name("name", &self.name);
        problems.at_most("members", self.members.len(), MAX_MEMBERS);
        let mut known = BTreeSet::new();
        for (index, member) in self.members.iter().enumerate() {
            check_place(&mut problems, &format!("members[{index}]"), member.priority, member.weight);
            if !known.insert(member.target) {
                let field = format!("members[{index}].target");
                problems.add(field, "duplicate", format!("{} stands in the group twice", member.target));
            }
        }
        problems.into_result()
    }
}

/// Bidders that are asked together, for several campaigns.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RingTree {
    /// Unique per tenant.
    #[schema(min_length = 1, max_length = 120)]
    pub name: String,
    /// Who is asked.
    #[serde(default)]
    #[schema(max_items = 50)]
    pub bidders: Vec<BidderEntry>,
    /// One absolute deadline for everything, milliseconds.
    #[serde(default = "default_deadline")]
    #[schema(minimum = 50, maximum = 5000, default = 1000)]
    pub deadline_ms: u32,
    /// Valid bids below are not taken.
    #[serde(default)]
    pub min_revenue: Money,
    /// Fewer valid bids than this and nobody wins.
    #[serde(default = "one")]
    pub min_bidders: u16,
}

fn default_deadline() -> u32 {
    AuctionSettings::default().deadline_ms
}

impl RingTree {
    /// The auction that it makes on a call.
    pub fn auction(&self) -> AuctionSettings {
        AuctionSettings {
            bidders: self.bidders.clone(),
            deadline_ms: self.deadline_ms,
            min_revenue: self.min_revenue,
            min_bidders: self.min_bidders,
        }
    }
}

impl Validate for RingTree {
    fn validate(&self) -> Result<(), Vec<Problem>> {
        let mut problems = Problems::new();
        problems.name("name", &self.name);
        self.auction().check("", &mut problems);
        problems.into_result()
    }
}
