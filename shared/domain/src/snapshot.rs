//! The published form of a campaign: immutable, complete, so that the call path reads one thing.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::campaign::{Campaign, Planned};
use crate::caps::CounterId;
use crate::group::{RingTree, TargetGroup};
use crate::ids::{BuyerId, CampaignId, RingTreeId, RtbTargetId, TargetGroupId, TargetId};
use crate::partner::Buyer;
use crate::target::{RtbTarget, Target};
use crate::validate::{Problem, Problems};

/// Most places of a plan, those within its groups counted one by one: the whole plan is gone through while a caller waits.
pub const MAX_PLACES: usize = 1_000;

/// A campaign and everything it sends calls to, as of one moment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Snapshot {
    /// Whose.
    pub campaign_id: CampaignId,
    /// Counts publications, from 1.
    pub version: u64,
    /// When it was published.
    pub published_at: Timestamp,
    /// The campaign. Its auction is the one that runs: a ring tree it names has been put in.
    pub campaign: Campaign,
    /// Its targets, also those of its groups.
    pub targets: BTreeMap<TargetId, Target>,
    /// Its bidders.
    pub rtb_targets: BTreeMap<RtbTargetId, RtbTarget>,
    /// The target groups of its plan.
    #[serde(default)]
    pub target_groups: BTreeMap<TargetGroupId, TargetGroup>,
    /// The buyers of its destinations, as far as calls need them.
    #[serde(default)]
    pub buyers: BTreeMap<BuyerId, Buyer>,
}

/// What a campaign names, as it is set up now.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Parts {
    /// The targets of its plan and of its groups.
    pub targets: BTreeMap<TargetId, Target>,
    /// The bidders of its auction, or of its ring tree.
    pub rtb_targets: BTreeMap<RtbTargetId, RtbTarget>,
    /// The groups of its plan.
    pub target_groups: BTreeMap<TargetGroupId, TargetGroup>,
    /// The ring tree it names.
    pub ring_trees: BTreeMap<RingTreeId, RingTree>,
    /// The buyers of those targets and bidders.
    pub buyers: BTreeMap<BuyerId, Buyer>,
}

impl Snapshot {
    /// Puts a snapshot together; what is missing are problems that name it.
    ///
    /// # Errors
    /// Every reason why the campaign could not place calls.
    pub fn compile(
        campaign_id: CampaignId,
        version: u64,
        published_at: Timestamp,
        mut campaign: Campaign,
        parts: Parts,
    ) -> Result<Self, Vec<Problem>> {
        let mut problems = Problems::new();
        let places = check_plan(&campaign, &parts, &mut problems);
        if let Some(id) = campaign.ring_tree {
            match parts.ring_trees.get(&id) {
                Some(tree) => campaign.auction = tree.auction(),
                None => {
                    problems.add("ring_tree", "exists", format!("there is no ring tree {id}: take it out"))
                }
            }
        }
        check_bidders(&campaign, &parts, &mut problems);
        let nowhere = places == 0 && campaign.auction.bidders.is_empty();
        let problems = problems.into_vec();
        if nowhere && problems.is_empty() {
            let mut problems = Problems::new();
            problems.add("plan", "required", "add a target or a bidder: the campaign could not place a call");
            return Err(problems.into_vec());
        }
        if !problems.is_empty() {
            return Err(problems);
        }
        let Parts { targets, rtb_targets, target_groups, buyers, .. } = parts;
        let buyers = buyers.into_iter().map(|(id, buyer)| (id, buyer.for_calls())).collect();
        Ok(Self { campaign_id, version, published_at, campaign, targets, rtb_targets, target_groups, buyers })
    }

    /// The rows the call path looks at when it chooses: capped destinations, and the live flags of every destination and
    /// of their buyers.
    pub fn counters(&self) -> BTreeSet<CounterId> {
        let targets = self.planned_targets();
        let bidders = || self.campaign.auction.bidders.iter().map(|entry| entry.rtb_target);
        let buyers_of_targets = targets.iter().filter_map(|id| self.targets.get(id)?.buyer);
        let buyers_of_bidders = bidders().filter_map(|id| self.rtb_targets.get(&id)?.buyer);
        targets
            .iter()
            .map(|id| CounterId::from(*id))
            .chain(bidders().map(CounterId::from))
            .chain(buyers_of_targets.chain(buyers_of_bidders).map(CounterId::from))
            .collect()
    }

    fn planned_targets(&self) -> BTreeSet<TargetId> {
        let members = |group: &TargetGroupId| {
            self.target_groups
                .get(group)
                .into_iter()
                .flat_map(|group| &group.members)
                .map(|member| member.target)
        };
        let mut targets = BTreeSet::new();
        for entry in &self.campaign.plan {
            match entry.to {
                Planned::Target(target) => {
                    targets.insert(target);
                }
                Planned::Group(group) => targets.extend(members(&group)),
            }
        }
        targets
    }

    /// A buyer of its destinations.
    pub fn buyer(&self, id: Option<BuyerId>) -> Option<&Buyer> {
        self.buyers.get(&id?)
    }

    /// Whether an auction comes first.
    pub fn has_auction(&self) -> bool {
        !self.campaign.auction.bidders.is_empty()
    }
}

/// Looks whether the plan leads to targets that exist; how many places it has.
fn check_plan(campaign: &Campaign, parts: &Parts, problems: &mut Problems) -> usize {
    let mut places = 0;
    for (index, entry) in campaign.plan.iter().enumerate() {
        let field = format!("plan[{index}].{}", entry.to.field());
        match entry.to {
            Planned::Target(target) => {
                places += 1;
                if !parts.targets.contains_key(&target) {
                    let message = format!("there is no target {target}: remove it from the plan");
                    problems.add(field, "exists", message);
                }
            }
            Planned::Group(id) => {
                let Some(group) = parts.target_groups.get(&id) else {
                    let message = format!("there is no target group {id}: remove it from the plan");
                    problems.add(field, "exists", message);
                    continue;
                };
                places += group.members.len();
                let missing =
                    group.members.iter().filter(|member| !parts.targets.contains_key(&member.target));
                for member in missing {
                    let message =
                        format!("the group {} names {}, which does not exist", group.name, member.target);
                    problems.add(field.as_str(), "exists", message);
                }
            }
        }
    }
    if places > MAX_PLACES {
        let message =
            format!("with its groups the plan has {places} places, at most {MAX_PLACES} are possible");
        problems.add("plan", "count", message);
    }
    places
}

/// Looks whether the bidders exist and bid in the campaign's currency.
fn check_bidders(campaign: &Campaign, parts: &Parts, problems: &mut Problems) {
    for (index, entry) in campaign.auction.bidders.iter().enumerate() {
        let field = match campaign.ring_tree {
            Some(_) => "ring_tree".to_owned(),
            None => format!("auction.bidders[{index}].rtb_target"),
        };
        match parts.rtb_targets.get(&entry.rtb_target) {
            None => {
                let message = format!("there is no RTB target {}: remove it from the list", entry.rtb_target);
                problems.add(field, "exists", message);
            }
            Some(bidder) if bidder.currency != campaign.currency => problems.add(
                field,
                "currency",
                format!(
                    "{} bids in {} but the campaign keeps its books in {}",
                    bidder.name,
                    bidder.currency.code(),
                    campaign.currency.code()
                ),
            ),
            Some(_) => {}
        }
    }
}
