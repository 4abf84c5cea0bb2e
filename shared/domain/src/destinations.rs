//! What a published campaign sends calls to: which things it uses, and whether any of them takes calls now.

use std::collections::BTreeSet;

use crate::caps::CounterId;
use crate::ids::BuyerId;
use crate::snapshot::Snapshot;

impl Snapshot {
    /// The printed ids of everything shared that this snapshot holds a copy of, or that decides whether its destinations
    /// take calls. When one of them changes, the campaign is published again.
    pub fn uses(&self) -> BTreeSet<String> {
        let mut uses = BTreeSet::new();
        uses.extend(self.targets.keys().map(ToString::to_string));
        uses.extend(self.rtb_targets.keys().map(ToString::to_string));
        uses.extend(self.target_groups.keys().map(ToString::to_string));
        let trees = self.campaign.ring_tree.iter().chain(self.ring_trees.keys());
        uses.extend(trees.map(ToString::to_string));
        uses.extend(self.destinations().filter_map(|(_, buyer)| buyer).map(|buyer| buyer.to_string()));
        uses
    }

    /// How many of its destinations take calls now, and how many it has. One takes none when it is paused itself, and when
    /// its buyer is.
    pub fn live_destinations(&self, is_paused: &dyn Fn(&CounterId) -> bool) -> (usize, usize) {
        let is_live = |(own, buyer): &(CounterId, Option<BuyerId>)| {
            !is_paused(own) && !buyer.is_some_and(|buyer| is_paused(&buyer.into()))
        };
        (self.destinations().filter(is_live).count(), self.destinations().count())
    }

    /// The flag of each destination, and its buyer.
    fn destinations(&self) -> impl Iterator<Item = (CounterId, Option<BuyerId>)> {
        let targets = self.targets.iter().map(|(id, target)| (CounterId::from(*id), target.buyer));
        let bidders = self.rtb_targets.iter().map(|(id, bidder)| (CounterId::from(*id), bidder.buyer));
        targets.chain(bidders)
    }

    /// Whether calls would run the same on both: everything but version and time is equal.
    pub fn runs_like(&self, other: &Self) -> bool {
        let same_label = Self { version: self.version, published_at: self.published_at, ..other.clone() };
        *self == same_label
    }
}
