//! A campaign's plan: who stands in it, in which place, and who comes first among equals.
//!
//! Lower priorities come first. Equals are drawn by weight from the call's seed, or ordered by how busy they are; see
//! [`Strategy`].

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::ids::{RingTreeId, TargetGroupId, TargetId};
use crate::validate::Problems;

/// Most places of a campaign's plan.
const MAX_ENTRIES: usize = 1_000;

/// Who comes first among places of one priority.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Strategy {
    /// Drawn by weight: a place of weight 20 comes first twice as often as one of weight 10.
    #[default]
    Weighted,
    /// The one whose last call is longest ago; one that never had a call before all others.
    RoundRobin,
    /// The one with the fewest live calls.
    LeastBusy,
    /// The one with the most room below its concurrent cap; one without such a cap before all others.
    Capacity,
    /// The one that earned most for each dialled call, see the campaign's `predictive`. A group and a ring tree count as one:
    /// what all their targets, or bidders, earned together.
    Predictive,
}

impl Strategy {
    /// Whether it looks at counters, so that its destinations are counted even when nothing limits them.
    pub const fn counts(self) -> bool {
        !matches!(self, Self::Weighted | Self::Predictive)
    }
}

/// A place in the plan: `{"target": …}`, `{"target_group": …}` or `{"ring_tree": …}`, with priority and weight.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "WrittenEntry", into = "WrittenEntry")]
pub struct PlanEntry {
    /// Who stands there.
    pub to: Planned,
    /// Lower first.
    pub priority: u16,
    /// Share among equals, proportional.
    pub weight: u16,
}

/// Who may stand in a plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Planned {
    /// One target.
    Target(TargetId),
    /// The targets of a group, in the group's order.
    Group(TargetGroupId),
    /// The bidders of a ring tree: they are asked when the plan comes to it.
    Tree(RingTreeId),
}

/// A place in the plan: exactly one of `target`, `target_group` and `ring_tree`.
#[derive(Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
struct WrittenEntry {
    /// One target.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    target: Option<TargetId>,
    /// The targets of a group, in the group's order.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    target_group: Option<TargetGroupId>,
    /// The bidders of a ring tree: they are asked when the plan comes to it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    ring_tree: Option<RingTreeId>,
    /// Lower first.
    #[serde(default = "one")]
    #[schema(minimum = 1, maximum = 1000, default = 1)]
    priority: u16,
    /// Share among equals, proportional.
    #[serde(default = "default_weight")]
    #[schema(minimum = 1, maximum = 10000, default = 100)]
    weight: u16,
}

impl utoipa::PartialSchema for PlanEntry {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
        WrittenEntry::schema()
    }
}
impl utoipa::ToSchema for PlanEntry {
    fn schemas(schemas: &mut Vec<(String, utoipa::openapi::RefOr<utoipa::openapi::schema::Schema>)>) {
        WrittenEntry::schemas(schemas);
    }
}

/// Which bidders an auction asks.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Tree {
    /// Those that are asked before the plan: the campaign's own, or those of the ring tree it names.
    #[default]
    First,
    /// Those of a ring tree in the plan.
    Planned(RingTreeId),
}

/// A plan entry names one of them, and no more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("give exactly one of target, target_group and ring_tree")]
pub struct NotOneOf;

impl TryFrom<WrittenEntry> for PlanEntry {
    type Error = NotOneOf;
    fn try_from(written: WrittenEntry) -> Result<Self, NotOneOf> {
        let to = match (written.target, written.target_group, written.ring_tree) {
            (Some(target), None, None) => Planned::Target(target),
            (None, Some(group), None) => Planned::Group(group),
            (None, None, Some(tree)) => Planned::Tree(tree),
            _ => return Err(NotOneOf),
        };
        Ok(Self { to, priority: written.priority, weight: written.weight })
    }
}
impl From<PlanEntry> for WrittenEntry {
    fn from(entry: PlanEntry) -> Self {
        let PlanEntry { to, priority, weight } = entry;
        let nobody = Self { target: None, target_group: None, ring_tree: None, priority, weight };
        match to {
            Planned::Target(target) => Self { target: Some(target), ..nobody },
            Planned::Group(group) => Self { target_group: Some(group), ..nobody },
            Planned::Tree(tree) => Self { ring_tree: Some(tree), ..nobody },
        }
    }
}
impl Planned {
    /// The field of a plan entry that names it.
    pub const fn field(self) -> &'static str {
        match self {
            Self::Target(_) => "target",
            Self::Group(_) => "target_group",
            Self::Tree(_) => "ring_tree",
        }
    }
}
impl std::fmt::Display for Planned {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Target(id) => id.fmt(formatter),
            Self::Group(id) => id.fmt(formatter),
            Self::Tree(id) => id.fmt(formatter),
        }
    }
}

/// Rules for saving a plan; `first` is the ring tree that is asked before it.
pub(crate) fn check(plan: &[PlanEntry], first: Option<RingTreeId>, problems: &mut Problems) {
    problems.at_most("plan", plan.len(), MAX_ENTRIES);
    let mut known: BTreeSet<Planned> = first.map(Planned::Tree).into_iter().collect();
    for (index, entry) in plan.iter().enumerate() {
        check_place(problems, &format!("plan[{index}]"), entry.priority, entry.weight);
        if !known.insert(entry.to) {
            let field = format!("plan[{index}].{}", entry.to.field());
            let asked_first = first.map(Planned::Tree) == Some(entry.to);
            let words =
                if asked_first { "is asked before the plan already" } else { "stands in the plan twice" };
            problems.add(field, "duplicate", format!("{} {words}", entry.to));
        }
    }
}

/// Rules for a place; `field` is the place's own.
pub(crate) fn check_place(problems: &mut Problems, field: &str, priority: u16, weight: u16) {
    problems.within(&format!("{field}.priority"), priority, 1..=1_000);
    problems.within(&format!("{field}.weight"), weight, 1..=10_000);
}

pub(crate) const fn one() -> u16 {
    1
}
pub(crate) const fn default_weight() -> u16 {
    100
}
