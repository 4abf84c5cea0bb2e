//! The published form of a campaign: immutable, complete, so that the call path reads one thing.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::campaign::Campaign;
use crate::caps::CounterId;
use crate::ids::{CampaignId, RtbTargetId, TargetId};
use crate::target::{RtbTarget, Target};
use crate::validate::{Problem, Problems};

/// A campaign and everything it sends calls to, as of one moment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Snapshot {
    /// Whose.
    pub campaign_id: CampaignId,
    /// Counts publications, from 1.
    pub version: u64,
    /// When it was published.
    pub published_at: Timestamp,
    /// The campaign.
    pub campaign: Campaign,
    /// Its targets.
    pub targets: BTreeMap<TargetId, Target>,
    /// Its bidders.
    pub rtb_targets: BTreeMap<RtbTargetId, RtbTarget>,
}

impl Snapshot {
    /// Puts a snapshot together; missing destinations are problems that name them.
    pub fn compile(
        campaign_id: CampaignId,
        version: u64,
        published_at: Timestamp,
        campaign: Campaign,
        targets: BTreeMap<TargetId, Target>,
        rtb_targets: BTreeMap<RtbTargetId, RtbTarget>,
    ) -> Result<Self, Vec<Problem>> {
        let mut problems = Problems::new();
        for (index, entry) in campaign.plan.iter().enumerate() {
            if !targets.contains_key(&entry.target) {
                let message = format!("there is no target {}: remove it from the plan", entry.target);
                problems.add(format!("plan[{index}].target"), "exists", message);
            }
        }
        for (index, entry) in campaign.auction.bidders.iter().enumerate() {
            match rtb_targets.get(&entry.rtb_target) {
                None => {
                    let message =
                        format!("there is no RTB target {}: remove it from the list", entry.rtb_target);
                    problems.add(format!("auction.bidders[{index}].rtb_target"), "exists", message);
                }
                Some(bidder) if bidder.currency != campaign.currency => problems.add(
                    format!("auction.bidders[{index}].rtb_target"),
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
        if campaign.plan.is_empty() && campaign.auction.bidders.is_empty() {
            problems.add("plan", "required", "add a target or a bidder: the campaign could not place a call");
        }
        problems.into_result()?;
        Ok(Self { campaign_id, version, published_at, campaign, targets, rtb_targets })
    }

    /// The counter rows the call path looks at: capped destinations, and every destination's live flag.
    pub fn counters(&self) -> BTreeSet<CounterId> {
        let targets = self.campaign.plan.iter().map(|entry| CounterId::from(entry.target));
        let bidders = self.campaign.auction.bidders.iter().map(|entry| CounterId::from(entry.rtb_target));
        targets.chain(bidders).collect()
    }

    /// Whether an auction comes first.
    pub fn has_auction(&self) -> bool {
        !self.campaign.auction.bidders.is_empty()
    }
}
