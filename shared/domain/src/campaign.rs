//! The campaign: the centre at which numbers, routing and money meet.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::ids::{PublisherId, RingTreeId, RtbTargetId, TargetGroupId, TargetId};
use crate::ledger::{Conversion, Payout, Revenue};
use crate::money::{Currency, Money};
use crate::phone::E164;
use crate::target::Status;
use crate::validate::{Problem, Problems, Validate};
use crate::voice::{Recording, TIME_LIMIT_S};

/// Longest time an auction may take while a caller waits, milliseconds. Larger stored values are clamped.
pub const MAX_DEADLINE_MS: u32 = 3_500;
/// Most publishers with terms of their own on one campaign.
pub const MAX_PUBLISHERS: usize = 1_000;

/// Where a campaign is in its life.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
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
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum PausedReason {
    /// None of its destinations takes calls any more.
    NoActiveDestination,
}

/// A campaign.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Campaign {
    /// Unique per tenant.
    #[schema(min_length = 1, max_length = 120)]
    pub name: String,
    /// Free text.
    #[serde(default)]
    #[schema(max_length = 2000)]
    pub description: String,
    /// Draft, active, paused or archived.
    #[serde(default)]
    pub status: CampaignStatus,
    /// Set when the platform paused it, gone when it is active again; nobody else writes it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub paused_reason: Option<PausedReason>,
    /// Clock of its reports: an IANA name such as `America/New_York`.
    #[serde(default = "utc")]
    #[schema(default = "UTC")]
    pub time_zone: String,
    /// Currency of its books.
    #[serde(default)]
    pub currency: Currency,
    /// Bidders asked first; none means no auction.
    #[serde(default)]
    pub auction: AuctionSettings,
    /// The ring tree that is asked instead of bidders of its own.
    #[serde(default)]
    pub ring_tree: Option<RingTreeId>,
    /// Targets and target groups tried after the auction, or without one.
    #[serde(default)]
    #[schema(max_items = 1000)]
    pub plan: Vec<PlanEntry>,
    /// Recording of conversations.
    #[serde(default)]
    pub recording: Recording,
    /// Longest conversation, seconds.
    #[serde(default = "default_time_limit")]
    #[schema(minimum = 1, maximum = 14400, default = 7200)]
    pub time_limit_s: u32,
    /// What callees see when the caller's number cannot be shown. Defaults to the number that was dialled.
    #[serde(default)]
    pub default_caller_id: Option<E164>,
    /// Where callers go when our servers cannot answer.
    #[serde(default)]
    pub fallback_number: Option<E164>,
    /// What a converted call is worth, where neither the target nor its buyer says so.
    #[serde(default)]
    pub revenue: Option<Revenue>,
    /// When a call counts as converted, where neither the destination nor its buyer says so.
    #[serde(default)]
    pub conversion: Option<Conversion>,
    /// What publishers earn.
    #[serde(default)]
    pub payout: Payout,
    /// What is agreed with single publishers; all others have the campaign's own terms.
    #[serde(default)]
    pub publishers: BTreeMap<PublisherId, PublisherTerms>,
}

impl Campaign {
    /// What a call of this publisher pays out.
    pub fn payout_for(&self, publisher: Option<PublisherId>) -> Payout {
        let terms = publisher.and_then(|publisher| self.publishers.get(&publisher));
        terms.and_then(|terms| terms.payout).unwrap_or(self.payout)
    }
}

/// What is agreed with one publisher on one campaign.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct PublisherTerms {
    /// What it earns; `None` is what the campaign pays.
    pub payout: Option<Payout>,
    /// Whether the campaign takes its calls; effective at once.
    pub status: Status,
}

/// Who is asked for bids, and by which rules: a campaign's own, or a ring tree's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct AuctionSettings {
    /// Who is asked.
    #[schema(max_items = 50)]
    pub bidders: Vec<BidderEntry>,
    /// One absolute deadline for everything, milliseconds; on a call at most 3,500.
    #[schema(minimum = 50, maximum = 5000)]
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

    /// Rules for saving; `at` comes before the names of the fields.
    pub fn check(&self, at: &str, problems: &mut Problems) {
        problems.within(&format!("{at}deadline_ms"), self.deadline_ms, 50..=5_000);
        if self.min_revenue < Money::ZERO {
            problems.add(format!("{at}min_revenue"), "range", "the least revenue is not negative");
        }
        problems.at_most(&format!("{at}bidders"), self.bidders.len(), 50);
        let mut known = BTreeSet::new();
        for (index, entry) in self.bidders.iter().enumerate() {
            check_place(problems, &format!("{at}bidders[{index}]"), entry.priority, entry.weight);
            if !known.insert(entry.rtb_target) {
                let field = format!("{at}bidders[{index}].rtb_target");
                problems.add(field, "duplicate", format!("{} stands in the list twice", entry.rtb_target));
            }
        }
    }
}

/// A bidder's place in the tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct BidderEntry {
    /// The bidder.
    pub rtb_target: RtbTargetId,
    /// Breaks ties: lower first.
    #[serde(default = "one")]
    #[schema(minimum = 1, maximum = 1000, default = 1)]
    pub priority: u16,
    /// Breaks ties after priority: higher first.
    #[serde(default = "default_weight")]
    #[schema(minimum = 1, maximum = 10000, default = 100)]
    pub weight: u16,
}

/// A place in the plan: `{"target": …}` or `{"target_group": …}`, with priority and weight.
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
}

/// A place in the plan: exactly one of `target` and `target_group`.
#[derive(Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
struct WrittenEntry {
    /// One target.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    target: Option<TargetId>,
    /// The targets of a group, in the group's order.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    target_group: Option<TargetGroupId>,
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

/// A plan entry names a target or a group, and not both.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("give exactly one of target and target_group")]
pub struct NotOneOf;

impl TryFrom<WrittenEntry> for PlanEntry {
    type Error = NotOneOf;
    fn try_from(written: WrittenEntry) -> Result<Self, NotOneOf> {
        let to = match (written.target, written.target_group) {
            (Some(target), None) => Planned::Target(target),
            (None, Some(group)) => Planned::Group(group),
            _ => return Err(NotOneOf),
        };
        Ok(Self { to, priority: written.priority, weight: written.weight })
    }
}
impl From<PlanEntry> for WrittenEntry {
    fn from(entry: PlanEntry) -> Self {
        let (target, target_group) = match entry.to {
            Planned::Target(target) => (Some(target), None),
            Planned::Group(group) => (None, Some(group)),
        };
        Self { target, target_group, priority: entry.priority, weight: entry.weight }
    }
}
impl Planned {
    /// The field of a plan entry that names it.
    pub const fn field(self) -> &'static str {
        match self {
            Self::Target(_) => "target",
            Self::Group(_) => "target_group",
        }
    }
}
impl std::fmt::Display for Planned {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Target(id) => id.fmt(formatter),
            Self::Group(id) => id.fmt(formatter),
        }
    }
}

pub(crate) const fn one() -> u16 {
    1
}
pub(crate) const fn default_weight() -> u16 {
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
        self.auction.check("auction.", &mut problems);
        if self.ring_tree.is_some() && self.auction != AuctionSettings::default() {
            let words =
                "a campaign has an auction of its own or names a ring tree: set auction or ring_tree to null";
            problems.add("ring_tree", "one_of", words);
        }
        problems.at_most("plan", self.plan.len(), 1_000);
        let mut known = BTreeSet::new();
        for (index, entry) in self.plan.iter().enumerate() {
            check_place(&mut problems, &format!("plan[{index}]"), entry.priority, entry.weight);
            if !known.insert(entry.to) {
                let field = format!("plan[{index}].{}", entry.to.field());
                problems.add(field, "duplicate", format!("{} stands in the plan twice", entry.to));
            }
        }
        if let Some(revenue) = &self.revenue {
            revenue.check("revenue", &mut problems);
        }
        self.payout.check("payout", &mut problems);
        problems.at_most("publishers", self.publishers.len(), MAX_PUBLISHERS);
        for (publisher, terms) in &self.publishers {
            if let Some(payout) = terms.payout {
                payout.check(&format!("publishers.{publisher}.payout"), &mut problems);
            }
        }
        problems.into_result()
    }
}

pub(crate) fn check_place(problems: &mut Problems, field: &str, priority: u16, weight: u16) {
    problems.within(&format!("{field}.priority"), priority, 1..=1_000);
    problems.within(&format!("{field}.weight"), weight, 1..=10_000);
}
