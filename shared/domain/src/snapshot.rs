//! The published form of a campaign: immutable, complete, so that the call path reads one thing.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::OnceLock;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::agent::Agent;
use crate::campaign::{AuctionSettings, Campaign};
use crate::caps::CounterId;
use crate::duplicates::{CallerHistory, Restrict, Restricted};
use crate::filter::{Filter, FilterSet, Tags};
use crate::group::{RingTree, TargetGroup};
use crate::ids::{
    AgentId, BuyerId, CampaignId, NumberId, PublisherId, RingTreeId, RtbTargetId, TargetGroupId, TargetId,
};
use crate::inbound::Modifier;
use crate::ledger::AfterCap;
use crate::number::Number;
use crate::partner::Buyer;
use crate::phone::E164;
use crate::plan::{Planned, Strategy, Tree};
use crate::routing::Via;
use crate::rtb_target::{NotTaken, PreparedRequest};
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
    /// The campaign. Its auction is the one that is asked first: a ring tree it names has been put in.
    pub campaign: Campaign,
    /// Its targets, also those of its groups.
    pub targets: BTreeMap<TargetId, Target>,
    /// Its bidders.
    pub rtb_targets: BTreeMap<RtbTargetId, RtbTarget>,
    /// The target groups of its plan.
    #[serde(default)]
    pub target_groups: BTreeMap<TargetGroupId, TargetGroup>,
    /// The ring trees of its plan.
    #[serde(default)]
    pub ring_trees: BTreeMap<RingTreeId, AuctionSettings>,
    /// The agents who answer its targets.
    #[serde(default)]
    pub agents: BTreeMap<AgentId, Agent>,
    /// The buyers of its destinations, as far as calls need them.
    #[serde(default)]
    pub buyers: BTreeMap<BuyerId, Buyer>,
    /// The numbers that it gives out with bids: to callers who are known, and to others.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub rtb_numbers: BTreeMap<NumberId, E164>,
    /// Made from the rest when it is first needed.
    #[serde(skip)]
    #[schema(ignore)]
    pub prepared: Prepared,
}

/// What routing makes of a snapshot once, however many calls follow. Two snapshots do not differ in it.
#[derive(Debug, Default)]
pub struct Prepared {
    filters: OnceLock<Filters>,
    requests: OnceLock<BTreeMap<RtbTargetId, PreparedRequest>>,
}

#[derive(Debug)]
struct Filters {
    set: FilterSet,
    of: HashMap<Via, usize>,
    /// Index of the first modifier's filter; the others follow in their order.
    of_modifiers: usize,
    tags: BTreeSet<String>,
}

impl Clone for Prepared {
    fn clone(&self) -> Self {
        Self::default()
    }
}
impl PartialEq for Prepared {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}
impl Eq for Prepared {}

/// What a campaign names, as it is set up now.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Parts {
    /// The targets of its plan and of its groups.
    pub targets: BTreeMap<TargetId, Target>,
    /// The bidders of its auction and of its ring trees.
    pub rtb_targets: BTreeMap<RtbTargetId, RtbTarget>,
    /// The groups of its plan.
    pub target_groups: BTreeMap<TargetGroupId, TargetGroup>,
    /// The ring trees it names.
    pub ring_trees: BTreeMap<RingTreeId, RingTree>,
    /// The agents who answer those targets.
    pub agents: BTreeMap<AgentId, Agent>,
    /// The buyers of those targets and bidders.
    pub buyers: BTreeMap<BuyerId, Buyer>,
    /// The numbers that it gives out with bids.
    pub numbers: BTreeMap<NumberId, Number>,
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
        let ring_trees: BTreeMap<RingTreeId, AuctionSettings> = campaign
            .plan
            .iter()
            .filter_map(|entry| match entry.to {
                Planned::Tree(id) => Some((id, parts.ring_trees.get(&id)?.auction())),
                Planned::Target(_) | Planned::Group(_) => None,
            })
            .collect();
        check_bidders(&campaign, &parts, &ring_trees, &mut problems);
        check_rtb_numbers(campaign_id, &campaign, &parts, &mut problems);
        let nobody_asked =
            campaign.auction.bidders.is_empty() && ring_trees.values().all(|tree| tree.bidders.is_empty());
        let nowhere = places == 0 && nobody_asked;
        let problems = problems.into_vec();
        if nowhere && problems.is_empty() {
            let mut problems = Problems::new();
            problems.add("plan", "required", "add a target or a bidder: the campaign could not place a call");
            return Err(problems.into_vec());
        }
        if !problems.is_empty() {
            return Err(problems);
        }
        let Parts { targets, rtb_targets, target_groups, agents, buyers, numbers, .. } = parts;
        let given_out: BTreeSet<NumberId> = campaign
            .rtb
            .iter()
            .flat_map(|rtb| rtb.numbers.iter().chain(&rtb.exclusive_numbers))
            .copied()
            .collect();
        let numbers = numbers.into_iter().filter(|(id, _)| given_out.contains(id));
        let rtb_numbers = numbers.map(|(id, number)| (id, number.number)).collect();
        let buyers = buyers.into_iter().map(|(id, buyer)| (id, buyer.for_calls())).collect();
        Ok(Self {
            campaign_id,
            version,
            published_at,
            campaign,
            targets,
            rtb_targets,
            target_groups,
            ring_trees,
            agents,
            buyers,
            rtb_numbers,
            prepared: Prepared::default(),
        })
    }

    /// The rows of a call whatever its destination: live flags and caps of the campaign, of the publisher, and of what was
    /// agreed between them.
    pub fn counters_of_call(campaign: CampaignId, publisher: Option<PublisherId>) -> Vec<CounterId> {
        let publishers = publisher
            .into_iter()
            .flat_map(|publisher| [publisher.into(), CounterId::Terms(campaign, publisher)]);
        std::iter::once(campaign.into()).chain(publishers).collect()
    }

    /// The rows the call path looks at when it chooses: caps and live flags of every destination and of their buyers.
    pub fn counters(&self) -> BTreeSet<CounterId> {
        let targets = self.planned_targets();
        let trees = || std::iter::once(&self.campaign.auction).chain(self.ring_trees.values());
        let bidders = || trees().flat_map(|tree| &tree.bidders).map(|entry| entry.rtb_target);
        let buyers_of_targets = targets.iter().filter_map(|id| self.targets.get(id)?.buyer);
        let buyers_of_bidders = bidders().filter_map(|id| self.rtb_targets.get(&id)?.buyer);
        let agents = targets.iter().filter_map(|id| self.targets.get(id)?.agents.as_ref());
        let agents = agents.flat_map(|team| &team.members).map(|id| CounterId::from(*id));
        targets
            .iter()
            .map(|id| CounterId::from(*id))
            .chain(agents)
            .chain(bidders().map(CounterId::from))
            .chain(buyers_of_targets.chain(buyers_of_bidders).map(CounterId::from))
            .collect()
    }

    /// The row of what a publisher was paid, where its calls are not taken once a cap on that is reached.
    pub fn payouts_that_refuse(&self, publisher: Option<PublisherId>) -> Option<CounterId> {
        let publisher = publisher?;
        let terms = self.campaign.publishers.get(&publisher)?;
        let refuses = terms.after_cap == AfterCap::RefuseCalls && terms.payout_caps.any();
        refuses.then_some(CounterId::Paid(self.campaign_id, publisher))
    }

    /// Whether its places, or those of a group, are ranked by what they earned.
    pub fn ranks_by_earnings(&self) -> bool {
        let groups = self.target_groups.values().map(|group| group.strategy);
        groups.chain([self.campaign.strategy]).any(|strategy| strategy == Strategy::Predictive)
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
                Planned::Tree(_) => {}
            }
        }
        targets
    }

    /// The filters of its destinations, ready for any number of calls.
    pub fn filters(&self) -> &FilterSet {
        &self.prepared().set
    }

    /// The index of a destination's filter among [`Self::filters`].
    pub fn filter_of(&self, via: Via) -> Option<usize> {
        self.prepared().of.get(&via).copied()
    }

    /// How a bidder is asked, its templates read; `None` for one it does not have.
    pub fn prepared_request(&self, bidder: RtbTargetId) -> Option<&PreparedRequest> {
        let requests = self.prepared.requests.get_or_init(|| {
            self.rtb_targets.iter().map(|(id, bidder)| (*id, bidder.form().prepared())).collect()
        });
        requests.get(&bidder)
    }

    fn prepared(&self) -> &Filters {
        self.prepared.filters.get_or_init(|| {
            let of_targets = self.targets.iter().map(|(id, target)| (Via::Target(*id), &target.filter));
            let of_bidders =
                self.rtb_targets.iter().map(|(id, bidder)| (Via::RtbTarget(*id), &bidder.filter));
            let all = of_targets.chain(of_bidders);
            let present: Vec<(Via, &Filter)> =
                all.filter_map(|(via, filter)| Some((via, filter.as_ref()?))).collect();
            let modifiers = || self.modifiers().iter().map(|modifier| &modifier.when);
            let filters = || present.iter().map(|(_, filter)| *filter).chain(modifiers());
            Filters {
                set: FilterSet::compile(filters()),
                of: present.iter().enumerate().map(|(index, (via, _))| (*via, index)).collect(),
                of_modifiers: present.len(),
                tags: filters().flat_map(Filter::tags).collect(),
            }
        })
    }

    fn modifiers(&self) -> &[Modifier] {
        self.campaign.rtb.as_ref().map_or(&[], |rtb| &rtb.modifiers)
    }

    /// The modifiers of bids that apply to these tags, in their order.
    pub fn modifiers_for(&self, tags: &Tags) -> Vec<&Modifier> {
        let Filters { set, of_modifiers, .. } = self.prepared();
        let look = set.look(tags);
        let applies = |(index, modifier)| look.passes(of_modifiers + index).is_ok().then_some(modifier);
        self.modifiers().iter().enumerate().filter_map(applies).collect()
    }

    /// Whether any filter asks for this tag, written in lower case.
    pub fn asks_for(&self, tag: &str) -> bool {
        self.prepared().tags.contains(tag)
    }

    /// Whether bids are given out with this number.
    pub fn gives_out(&self, number: NumberId) -> bool {
        self.rtb_numbers.contains_key(&number)
    }

    /// The numbers of a list, as they are dialled.
    pub fn dialled<'a>(&'a self, list: &'a [NumberId]) -> Vec<&'a E164> {
        list.iter().filter_map(|id| self.rtb_numbers.get(id)).collect()
    }

    /// The destinations that do not take this caller again, for a call that begins at `now`.
    pub fn not_again(&self, history: &CallerHistory, now: Timestamp) -> Vec<(Via, Restricted)> {
        let targets = self.targets.iter().map(|(id, target)| (Via::Target(*id), target.restrict_duplicates));
        let bidders =
            self.rtb_targets.iter().map(|(id, bidder)| (Via::RtbTarget(*id), bidder.restrict_duplicates));
        let restricted =
            |(via, restrict): (Via, Option<Restrict>)| Some((via, restrict?.takes(via, history, now).err()?));
        targets.chain(bidders).filter_map(restricted).collect()
    }

    /// The bidders that are not offered this caller, for a call that begins at `now`.
    pub fn too_often(&self, history: &CallerHistory, now: Timestamp) -> Vec<(RtbTargetId, NotTaken)> {
        let refused = |(id, bidder): (&RtbTargetId, &RtbTarget)| {
            Some((*id, bidder.takes_caller(Some(history), now).err()?))
        };
        self.rtb_targets.iter().filter_map(refused).collect()
    }

    /// A buyer of its destinations.
    pub fn buyer(&self, id: Option<BuyerId>) -> Option<&Buyer> {
        self.buyers.get(&id?)
    }

    /// Whether an auction comes before the plan.
    pub fn has_auction(&self) -> bool {
        !self.campaign.auction.bidders.is_empty()
    }

    /// Who is asked, and by which rules; `None` when there is nobody to ask.
    pub fn auction(&self, tree: Tree) -> Option<&AuctionSettings> {
        let settings = match tree {
            Tree::First => Some(&self.campaign.auction),
            Tree::Planned(id) => self.ring_trees.get(&id),
        };
        settings.filter(|settings| !settings.bidders.is_empty())
    }
}

/// Looks whether the plan leads to targets that exist; how many places it has.
fn check_plan(campaign: &Campaign, parts: &Parts, problems: &mut Problems) -> usize {
    let mut places = 0;
    for (index, entry) in campaign.plan.iter().enumerate() {
        let field = format!("plan[{index}].{}", entry.to.field());
        match entry.to {
            Planned::Target(target) => {
                places += places_of(target, parts, &field, problems);
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
                let members = group.members.iter().map(|member| member.target);
                places += members.map(|id| places_of(id, parts, &field, problems)).sum::<usize>();
                let missing =
                    group.members.iter().filter(|member| !parts.targets.contains_key(&member.target));
                for member in missing {
                    let message =
                        format!("the group {} names {}, which does not exist", group.name, member.target);
                    problems.add(field.as_str(), "exists", message);
                }
            }
            Planned::Tree(id) if !parts.ring_trees.contains_key(&id) => {
                let message = format!("there is no ring tree {id}: remove it from the plan");
                problems.add(field, "exists", message);
            }
            Planned::Tree(_) => {}
        }
    }
    if places > MAX_PLACES {
        let message =
            format!("with its groups the plan has {places} places, at most {MAX_PLACES} are possible");
        problems.add("plan", "count", message);
    }
    places
}

/// A target's place, or one for each of its agents, who must be there.
fn places_of(id: TargetId, parts: &Parts, field: &str, problems: &mut Problems) -> usize {
    let target = parts.targets.get(&id);
    let Some((target, team)) = target.and_then(|target| Some((target, target.agents.as_ref()?))) else {
        return 1;
    };
    for agent in team.members.iter().filter(|agent| !parts.agents.contains_key(*agent)) {
        let message = format!("the target {} names the agent {agent}, who does not exist", target.name);
        problems.add(field, "exists", message);
    }
    team.members.len()
}

/// Looks whether the numbers that are given out with bids are there, and lead to this campaign.
fn check_rtb_numbers(id: CampaignId, campaign: &Campaign, parts: &Parts, problems: &mut Problems) {
    let Some(rtb) = &campaign.rtb else { return };
    for (list, numbers) in [("numbers", &rtb.numbers), ("exclusive_numbers", &rtb.exclusive_numbers)] {
        for (index, number) in numbers.iter().enumerate() {
            let field = format!("rtb.{list}[{index}]");
            match parts.numbers.get(number) {
                None => {
                    problems.add(
                        field,
                        "exists",
                        format!("there is no number {number}: remove it from the list"),
                    );
                }
                Some(found) if found.campaign != Some(id) => {
                    let words =
                        format!("{} does not lead to this campaign: assign it first", found.number.as_str());
                    problems.add(field, "campaign", words);
                }
                Some(_) => {}
            }
        }
    }
}

/// Looks whether the bidders exist and bid in the campaign's currency.
fn check_bidders(
    campaign: &Campaign,
    parts: &Parts,
    ring_trees: &BTreeMap<RingTreeId, AuctionSettings>,
    problems: &mut Problems,
) {
    for (index, entry) in campaign.auction.bidders.iter().enumerate() {
        let field = match campaign.ring_tree {
            Some(_) => "ring_tree".to_owned(),
            None => format!("auction.bidders[{index}].rtb_target"),
        };
        check_bidder(campaign, parts, entry.rtb_target, field, problems);
    }
    for (index, entry) in campaign.plan.iter().enumerate() {
        let Planned::Tree(id) = entry.to else { continue };
        for bidder in ring_trees.get(&id).into_iter().flat_map(|tree| &tree.bidders) {
            check_bidder(campaign, parts, bidder.rtb_target, format!("plan[{index}].ring_tree"), problems);
        }
    }
}

fn check_bidder(campaign: &Campaign, parts: &Parts, id: RtbTargetId, field: String, problems: &mut Problems) {
    match parts.rtb_targets.get(&id) {
        None => {
            problems.add(field, "exists", format!("there is no RTB target {id}: remove it from the list"));
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
