//! What a published campaign sends calls to: which things it uses, and whether any of them takes calls now.

use std::collections::BTreeSet;

use crate::caps::CounterId;
use crate::snapshot::Snapshot;

impl Snapshot {
    /// The printed ids of everything shared that this snapshot holds a copy of, or that decides whether its destinations
    /// take calls. When one of them changes, the campaign is published again.
    pub fn uses(&self) -> BTreeSet<String> {
        let targets = self.targets.keys().map(ToString::to_string);
        let bidders = self.rtb_targets.keys().map(ToString::to_string);
        targets.chain(bidders).collect()
    }

    /// How many of its destinations take calls now, and how many it has.
    pub fn live_destinations(&self, is_paused: &dyn Fn(&CounterId) -> bool) -> (usize, usize) {
        let targets = self.targets.keys().map(|id| CounterId::from(*id));
        let bidders = self.rtb_targets.keys().map(|id| CounterId::from(*id));
        let live = targets.chain(bidders).filter(|flag| !is_paused(flag)).count();
        (live, self.targets.len() + self.rtb_targets.len())
    }

    /// Whether calls would run the same on both: everything but version and time is equal.
    pub fn runs_like(&self, other: &Self) -> bool {
        let same_label =
            Self { version: self.version, published_at: self.published_at, ..other.clone() };
        *self == same_label
    }
}
