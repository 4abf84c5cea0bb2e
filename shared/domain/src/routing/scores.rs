//! Places that are ranked by what they earned, and the reasons for it in words.

use std::collections::HashMap;
use std::sync::Arc;

use super::{Situation, Via};
use crate::plan::{Planned, Tree};
use crate::predictive::{Earned, Predictive, Record, Score, rank};
use crate::snapshot::Snapshot;

/// What the order of a plan rested on, by destination. It decides nothing any more: two decisions do not differ in it.
#[derive(Debug, Clone, Default)]
pub struct Scores(Arc<HashMap<Via, Score<Planned>>>);

impl PartialEq for Scores {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}
impl Eq for Scores {}

impl Scores {
    /// Why a destination stood where it stood among its equals; `None` when it was not ranked.
    pub fn text(&self, via: Via) -> Option<String> {
        let score = self.0.get(&via)?;
        let text = score.text();
        Some(match score.via {
            Planned::Target(_) => text,
            Planned::Group(_) => format!("its group as one: {text}"),
            Planned::Tree(_) => format!("its ring tree as one: {text}"),
        })
    }
}

/// Ranks places of one plan, and keeps the scores.
pub(super) struct Ranking<'a> {
    settings: Predictive,
    snapshot: &'a Snapshot,
    situation: &'a Situation<'a>,
    scores: HashMap<Via, Score<Planned>>,
}

impl<'a> Ranking<'a> {
    pub(super) fn new(snapshot: &'a Snapshot, situation: &'a Situation<'a>) -> Self {
        let settings = snapshot.campaign.predictive.unwrap_or_default();
        Self { settings, snapshot, situation, scores: HashMap::new() }
    }

    /// Puts equals into the order of what they earned; what is equal in that too stays as it was.
    pub(super) fn sort(&mut self, equals: &mut [Planned]) {
        let records: Vec<Record<Planned>> = equals.iter().map(|place| self.record(*place)).collect();
        let scores = rank(&self.settings, &records, self.situation.call.seed);
        for (place, score) in equals.iter_mut().zip(scores) {
            *place = score.via;
            for via in self.destinations(score.via) {
                // What is known of a target itself says more than what is known of its group.
                let own = matches!(self.scores.get(&via), Some(Score { via: Planned::Target(_), .. }));
                if !own || matches!(score.via, Planned::Target(_)) {
                    self.scores.insert(via, score);
                }
            }
        }
    }

    pub(super) fn scores(self) -> Scores {
        Scores(Arc::new(self.scores))
    }

    fn record(&self, place: Planned) -> Record<Planned> {
        let Earned { mut of_publisher, mut of_campaign } = Earned::default();
        for via in self.destinations(place) {
            if let Some(usage) = self.situation.usage.get(&via.counter()) {
                of_publisher.add(usage.earned.of_publisher);
                of_campaign.add(usage.earned.of_campaign);
            }
        }
        Record { via: place, of_publisher, of_campaign }
    }

    /// Who may be dialled in a place.
    fn destinations(&self, place: Planned) -> Vec<Via> {
        match place {
            Planned::Target(id) => vec![Via::Target(id)],
            Planned::Group(id) => {
                let members =
                    self.snapshot.target_groups.get(&id).into_iter().flat_map(|group| &group.members);
                members.map(|member| Via::Target(member.target)).collect()
            }
            Planned::Tree(id) => {
                let bidders =
                    self.snapshot.auction(Tree::Planned(id)).into_iter().flat_map(|tree| &tree.bidders);
                bidders.map(|entry| Via::RtbTarget(entry.rtb_target)).collect()
            }
        }
    }
}
