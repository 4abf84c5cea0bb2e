//! The order in which the places of a plan are tried.

use std::collections::{HashMap, HashSet};

use smallvec::{SmallVec, smallvec};

use super::scores::{Ranking, Scores};
use super::{Asked, Situation, Via};
use crate::caps::CounterId;
use crate::duplicates::Verdict;
use crate::group::{Ring, TargetGroup};
use crate::ids::{AgentId, TargetId};
use crate::plan::{Planned, Strategy, Tree};
use crate::seed::Dice;
use crate::snapshot::Snapshot;

/// Somebody who may be dialled: a target, or one of the agents who answer it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Party {
    /// Which target.
    pub target: TargetId,
    /// Which of its agents; `None` when it has a destination of its own, or no agent with its skills.
    pub agent: Option<AgentId>,
    /// Whether its calls are counted although nothing may limit them: the strategy that put it here needs that.
    pub counted: bool,
}

/// Those who ring at the same time: mostly one, and a plan may have a thousand places.
pub type Parties = SmallVec<[Party; 1]>;

/// What is tried in one place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// These, who ring at the same time.
    Parties(Parties),
    /// Whoever bids.
    Tree(Tree),
}

/// The places in the order in which they are tried, see [`ranked_order`].
pub fn order(snapshot: &Snapshot, situation: &Situation<'_>) -> Vec<Place> {
    ranked_order(snapshot, situation).0
}

/// The places in the order in which they are tried, each target and tree once: for a caller who shall reach the target that
/// they had before, that target; for a call by a bid that passes on what a destination pays, that one; the bidders that are
/// asked first, then the plan by priority; equals by the plan's strategy; in a group's place its targets, ordered among
/// themselves by the group's. What a strategy leaves equal is drawn by weight from the call's seed, so equal input gives an
/// equal order. With the scores of those that were ranked by what they earned.
pub fn ranked_order(snapshot: &Snapshot, situation: &Situation<'_>) -> (Vec<Place>, Scores) {
    let mut dice = Dice::new(situation.call.seed);
    let plan = &snapshot.campaign.plan;
    let strategy = snapshot.campaign.strategy;
    let rank = |to: &Planned| match to {
        Planned::Target(id) => standing(strategy, snapshot, situation, *id),
        Planned::Group(id) => {
            let members = snapshot.target_groups.get(id).into_iter().flat_map(|group| &group.members);
            members.map(|member| standing(strategy, snapshot, situation, member.target)).min().unwrap_or(0)
        }
        // Bidders say themselves whether they have room.
        Planned::Tree(_) => 0,
    };
    let mut ranking = Ranking::new(snapshot, situation);
    let entries = plan.iter().map(|entry| (entry.to, entry.priority, entry.weight)).collect();
    let mut places: Vec<Place> = vec![Place::Tree(Tree::First)];
    places.reserve(plan.len());
    let mut known = HashSet::with_capacity(plan.len());
    let counted = strategy.counts();
    for to in ordered(entries, strategy, rank, &mut dice, &mut ranking) {
        match to {
            Planned::Target(id) if known.insert(id) => {
                places.extend(parties(snapshot, situation, id, counted).into_iter().map(Place::Parties));
            }
            Planned::Target(_) => {}
            Planned::Tree(id) => places.push(Place::Tree(Tree::Planned(id))),
            Planned::Group(id) => {
                let Some(group) = snapshot.target_groups.get(&id) else { continue };
                let members = members_in_order(group, snapshot, situation, &mut dice, &mut ranking);
                let counted = counted || group.strategy.counts();
                let fresh = members.into_iter().filter(|id| known.insert(*id));
                let fresh: Vec<TargetId> = fresh.collect();
                let of = |id: &TargetId| parties(snapshot, situation, *id, counted);
                match group.ring {
                    Ring::OneByOne => places.extend(fresh.iter().flat_map(of).map(Place::Parties)),
                    Ring::Together => {
                        let together = of_one_priority(group, &fresh);
                        let rung = |ids: &[TargetId]| ids.iter().flat_map(of).flatten().collect();
                        places.extend(together.into_iter().map(rung).map(Place::Parties));
                    }
                }
            }
        }
    }
    if let Verdict::Prefer(Via::Target(before)) = situation.call.repeat {
        prefer(&mut places, before);
    }
    match situation.call.passed_on().map(|(passed_on, _)| passed_on.via) {
        Some(Via::Target(would_pay)) => prefer(&mut places, would_pay),
        Some(Via::RtbTarget(would_pay)) => {
            let bid = |asked: &&Asked<'_>| asked.bids.iter().any(|bid| bid.bidder == would_pay);
            if let Some(Asked { tree, .. }) = situation.asked.iter().find(bid) {
                // Sorting is stable: the others stay in their order.
                places.sort_by_key(|place| *place != Place::Tree(*tree));
            }
        }
        None => {}
    }
    (places, ranking.scores())
}

/// Puts a target before all others; one that would ring together with others rings without them then.
fn prefer(places: &mut Vec<Place>, before: TargetId) {
    let mut preferred = Vec::new();
    for place in places.iter_mut() {
        if let Place::Parties(parties) = place {
            let (of_that, others): (Parties, Parties) =
                parties.iter().copied().partition(|party| party.target == before);
            *parties = others;
            preferred.push(Place::Parties(of_that));
        }
    }
    preferred.append(places);
    preferred.retain(|place| !matches!(place, Place::Parties(parties) if parties.is_empty()));
    *places = preferred;
}

/// Who is dialled for a target: itself, or those of its agents who have its skills, the one first whose last call is longest
/// ago. Those of one list ring at the same time.
fn parties(
    snapshot: &Snapshot,
    situation: &Situation<'_>,
    target: TargetId,
    counted: bool,
) -> SmallVec<[Parties; 1]> {
    let itself = Party { target, agent: None, counted };
    let team = || snapshot.targets.get(&target)?.agents.as_ref();
    let Some(team) = (!snapshot.agents.is_empty()).then(team).flatten() else {
        return smallvec![smallvec![itself]];
    };
    let can = |id: &&AgentId| snapshot.agents.get(*id).is_some_and(|agent| agent.can(&team.skills));
    let mut agents: Vec<AgentId> = team.members.iter().filter(can).copied().collect();
    agents.sort_by_cached_key(|id| (last_call(situation, &(*id).into()), *id));
    let of = |id: AgentId| Party { agent: Some(id), ..itself };
    match team.ring {
        _ if agents.is_empty() => smallvec![smallvec![itself]],
        Ring::OneByOne => agents.into_iter().map(|id| smallvec![of(id)]).collect(),
        Ring::Together => smallvec![agents.into_iter().map(of).collect()],
    }
}

/// When something had its last call, to the microsecond; 0 when it never had one.
fn last_call(situation: &Situation<'_>, of: &CounterId) -> u64 {
    let last = situation.usage.get(of).and_then(|usage| usage.last_at);
    last.map_or(0, |last| u64::try_from(last.as_microsecond()).unwrap_or(0).saturating_add(1))
}

/// Members who are in their order, those of one priority together.
fn of_one_priority<'a>(group: &TargetGroup, in_order: &'a [TargetId]) -> Vec<&'a [TargetId]> {
    let priorities: HashMap<TargetId, u16> =
        group.members.iter().map(|member| (member.target, member.priority)).collect();
    in_order.chunk_by(|one, other| priorities.get(one) == priorities.get(other)).collect()
}

fn members_in_order(
    group: &TargetGroup,
    snapshot: &Snapshot,
    situation: &Situation<'_>,
    dice: &mut Dice,
    ranking: &mut Ranking<'_>,
) -> Vec<TargetId> {
    let places = group.members.iter();
    let places = places.map(|member| (Planned::Target(member.target), member.priority, member.weight));
    let rank = |place: &Planned| match place {
        Planned::Target(id) => standing(group.strategy, snapshot, situation, *id),
        Planned::Group(_) | Planned::Tree(_) => 0,
    };
    let members = ordered(places.collect(), group.strategy, rank, dice, ranking);
    let target = |place| if let Planned::Target(id) = place { Some(id) } else { None };
    members.into_iter().filter_map(target).collect()
}

/// Where a target stands among equals; smaller comes first.
fn standing(strategy: Strategy, snapshot: &Snapshot, situation: &Situation<'_>, id: TargetId) -> u64 {
    let usage = || situation.usage.get(&id.into());
    match strategy {
        Strategy::Weighted | Strategy::Predictive => 0,
        Strategy::RoundRobin => last_call(situation, &id.into()),
        Strategy::LeastBusy => usage().map_or(0, |usage| usage.live.into()),
        Strategy::Capacity => {
            let Some(cap) = snapshot.targets.get(&id).and_then(|target| target.caps.concurrent) else {
                return 0;
            };
            let free = cap.saturating_sub(usage().map_or(0, |usage| usage.live));
            u64::from(u32::MAX - free).saturating_add(1)
        }
    }
}

/// Places with priority and weight: lower priorities first, equals by rank, and those of one rank drawn by weight.
fn ordered(
    mut places: Vec<(Planned, u16, u16)>,
    strategy: Strategy,
    rank: impl Fn(&Planned) -> u64,
    dice: &mut Dice,
    ranking: &mut Ranking<'_>,
) -> Vec<Planned> {
    places.sort_unstable_by_key(|(what, priority, _)| (*priority, *what));
    let mut result = Vec::with_capacity(places.len());
    for equals in places.chunk_by(|(_, one, _), (_, other, _)| one == other) {
        let begin = result.len();
        let weights: Vec<u64> = equals.iter().map(|(_, _, weight)| u64::from(*weight)).collect();
        result.extend(Draw::new(weights, dice).filter_map(|index| equals.get(index)).map(|(what, ..)| *what));
        let Some(drawn) = result.get_mut(begin..) else { continue };
        if strategy.counts() {
            drawn.sort_by_cached_key(&rank);
        } else if strategy == Strategy::Predictive {
            ranking.sort(drawn);
        }
    }
    result
}

/// Draws indexes without putting them back, each with a chance proportional to its weight. A Fenwick tree of the weights
/// that are left makes a draw logarithmic: a plan may hold a thousand equals.
struct Draw<'a> {
    /// `tree[i]` is the sum of the weights that end at index `i`, as many as the lowest set bit of `i + 1` says.
    tree: Vec<u64>,
    weights: Vec<u64>,
    left: usize,
    total: u64,
    dice: &'a mut Dice,
}

impl<'a> Draw<'a> {
    fn new(weights: Vec<u64>, dice: &'a mut Dice) -> Self {
        let mut tree = weights.clone();
        for index in 0..tree.len() {
            let parent = index | (index + 1);
            let own = tree.get(index).copied().unwrap_or(0);
            if let Some(parent) = tree.get_mut(parent) {
                *parent += own;
            }
        }
        let (left, total) = (weights.len(), weights.iter().sum());
        Self { tree, weights, left, total, dice }
    }

    /// The index whose weight covers `point`, counted over the weights that are left.
    fn covering(&self, mut point: u64) -> usize {
        let mut before = 0;
        let mut width = self.tree.len().checked_ilog2().map_or(0, |bits| 1 << bits);
        while width > 0 {
            if let Some(sum) = self.tree.get(before + width - 1)
                && *sum <= point
            {
                point -= sum;
                before += width;
            }
            width /= 2;
        }
        before
    }

    fn remove(&mut self, index: usize) {
        let weight = self.weights.get_mut(index).map(std::mem::take).unwrap_or(0);
        self.total -= weight;
        self.left -= 1;
        let mut index = index;
        while let Some(sum) = self.tree.get_mut(index) {
            *sum -= weight;
            index |= index + 1;
        }
    }
}

impl Iterator for Draw<'_> {
    type Item = usize;

    fn next(&mut self) -> Option<usize> {
        if self.left == 0 {
            return None;
        }
        let point = self.dice.below(self.total);
        let index = self.covering(point);
        self.remove(index);
        Some(index)
    }
}
