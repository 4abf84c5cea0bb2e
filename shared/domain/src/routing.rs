//! Who gets the call next: the bids that are still good, then the campaign's plan with its groups.
//!
//! Everything considered leaves a decision with a reason. The draw among equals comes from the call's seed, so the same
//! call gets the same order at every step and a decision can be replayed.

use std::collections::{BTreeMap, HashMap, HashSet};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::auction::Bid;
use crate::call::Call;
use crate::campaign::{PlanEntry, Planned};
use crate::caps::{CapReached, Caps, CounterId, Limit, OpenWindows, Usage};
use crate::group::TargetGroup;
use crate::ids::{BuyerId, RtbTargetId, TargetGroupId, TargetId};
use crate::ledger::Terms;
use crate::money::Money;
use crate::phone::{Destination, E164};
use crate::seed::Dice;
use crate::snapshot::Snapshot;
use crate::target::{CallerIdPolicy, DialSettings, RtbTarget, Status, Target};
use crate::voice::Recording;

/// Most individual decisions kept with one step; the rest is counted by reason.
pub const MAX_DECISIONS: usize = 50;

/// A destination, whatever its kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Via {
    /// A target of the plan.
    Target(TargetId),
    /// A bidder.
    RtbTarget(RtbTargetId),
}

impl Via {
    /// The counter row of the destination.
    pub fn counter(self) -> CounterId {
        match self {
            Self::Target(id) => id.into(),
            Self::RtbTarget(id) => id.into(),
        }
    }
}

/// A destination that may be dialled now, and everything needed to do it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// Which.
    pub via: Via,
    /// Its name.
    pub name: String,
    /// Where.
    pub destination: Destination,
    /// The bid, when there was one.
    pub bid: Option<Money>,
    /// What is agreed.
    pub terms: Terms,
    /// How it is dialled.
    pub dial: DialSettings,
    /// Capacity to take first, of everything that is capped.
    pub limits: Vec<Limit>,
}

/// Why a destination was passed over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Passed {
    /// Switched off.
    Paused,
    /// Its buyer is switched off.
    BuyerPaused,
    /// Tried before in this call.
    AlreadyTried,
    /// A cap is full.
    Cap(CapReached),
    /// Its counter was too busy to say; not the same as full.
    BusyCounter,
    /// Its bid ran out.
    BidExpired,
    /// Another one came first.
    NotNeeded,
}

impl Passed {
    /// Stable code for programs and filters.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Paused => "paused",
            Self::BuyerPaused => "buyer_paused",
            Self::AlreadyTried => "already_tried",
            Self::Cap(_) => "cap_reached",
            Self::BusyCounter => "busy_counter",
            Self::BidExpired => "bid_expired",
            Self::NotNeeded => "not_needed",
        }
    }

    /// The reason in plain words.
    pub fn text(&self) -> String {
        match self {
            Self::Paused => "paused".to_owned(),
            Self::BuyerPaused => "its buyer is paused".to_owned(),
            Self::AlreadyTried => "already tried in this call".to_owned(),
            Self::Cap(full) => format!("{} cap {} reached", full.window.word(), full.cap),
            Self::BusyCounter => "its counter was busy".to_owned(),
            Self::BidExpired => "its bid had expired".to_owned(),
            Self::NotNeeded => "another destination came first".to_owned(),
        }
    }
}

/// What was decided about one destination.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decision {
    /// Which.
    pub via: Via,
    /// Its name then.
    pub name: String,
    /// `None`: it was dialled.
    pub passed: Option<Passed>,
}

/// Why a call was given to nobody at all, without looking at destinations.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TurnedAway {
    /// The caller is on the block list.
    BlockedNumber,
    /// The campaign takes no calls.
    CampaignPaused,
    /// The publisher's calls are not taken.
    PublisherPaused,
    /// The campaign does not take this publisher's calls.
    PublisherTermsPaused,
}

impl TurnedAway {
    /// Stable code for programs and filters.
    pub const fn code(self) -> &'static str {
        match self {
            Self::BlockedNumber => "blocked_number",
            Self::CampaignPaused => "campaign_paused",
            Self::PublisherPaused => "publisher_paused",
            Self::PublisherTermsPaused => "publisher_terms_paused",
        }
    }

    /// The reason in plain words.
    pub const fn text(self) -> &'static str {
        match self {
            Self::BlockedNumber => "the caller is blocked",
            Self::CampaignPaused => "the campaign takes no calls",
            Self::PublisherPaused => "the publisher is paused",
            Self::PublisherTermsPaused => "the publisher is paused on this campaign",
        }
    }
}

/// Everything a step decided, bounded.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decisions {
    /// Up to [`MAX_DECISIONS`], in the order in which destinations were considered.
    pub each: Vec<Decision>,
    /// How many more, by reason code.
    #[serde(default)]
    pub more: BTreeMap<String, u32>,
    /// Why nobody was considered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub turned_away: Option<TurnedAway>,
}

impl Decisions {
    /// Notes one decision.
    pub fn note(&mut self, via: Via, name: &str, passed: Option<Passed>) {
        if self.each.len() < MAX_DECISIONS || passed.is_none() {
            self.each.push(Decision { via, name: name.to_owned(), passed });
        } else if let Some(reason) = passed {
            *self.more.entry(reason.code().to_owned()).or_default() += 1;
        }
    }
}

/// What the choice depends on besides the campaign.
#[derive(Debug)]
pub struct Situation<'a> {
    /// The call.
    pub call: &'a Call,
    /// The instant.
    pub now: Timestamp,
    /// Counters and live flags; a missing row means nothing counted and not paused.
    pub usage: &'a HashMap<CounterId, Usage>,
    /// Destinations this call has dialled.
    pub tried: &'a [Via],
}

/// The destinations to try now, best first, and why the others are not among them. Bids come before the plan.
pub fn candidates(
    snapshot: &Snapshot,
    bids: &[Bid],
    situation: &Situation<'_>,
) -> (Vec<Candidate>, Decisions) {
    let mut found = Vec::new();
    let mut decisions = Decisions::default();
    for bid in bids {
        let Some(bidder) = snapshot.rtb_targets.get(&bid.bidder) else { continue };
        let via = Via::RtbTarget(bid.bidder);
        let expired = bid.expires_at.is_some_and(|at| at <= situation.now);
        let verdict = if expired {
            Err(Passed::BidExpired)
        } else {
            Destined::bidder(bid.bidder, bidder).eligible(situation)
        };
        match verdict {
            Err(reason) => decisions.note(via, &bidder.name, Some(reason)),
            Ok(limits) => found.push(Candidate {
                via,
                name: bidder.name.clone(),
                destination: bid.destination.clone(),
                bid: Some(bid.amount),
                terms: Terms::of_bidder(
                    bidder,
                    bid.call_length_s,
                    snapshot.buyer(bidder.buyer),
                    &snapshot.campaign,
                ),
                dial: bidder.dial.clone(),
                limits,
            }),
        }
    }
    for id in plan_order(&snapshot.campaign.plan, &snapshot.target_groups, situation.call.seed) {
        let Some(target) = snapshot.targets.get(&id) else { continue };
        let via = Via::Target(id);
        match Destined::target(id, target).eligible(situation) {
            Err(reason) => decisions.note(via, &target.name, Some(reason)),
            Ok(limits) => found.push(Candidate {
                via,
                name: target.name.clone(),
                destination: target.destination.clone(),
                bid: None,
                terms: Terms::of_target(target, snapshot.buyer(target.buyer), &snapshot.campaign),
                dial: target.dial.clone(),
                limits,
            }),
        }
    }
    (found, decisions)
}

/// What decides whether a destination may take a call.
#[derive(Debug, Clone, Copy)]
pub struct Destined<'a> {
    via: Via,
    status: Status,
    buyer: Option<BuyerId>,
    caps: &'a Caps,
    time_zone: &'a str,
}

impl<'a> Destined<'a> {
    /// A target.
    pub fn target(id: TargetId, target: &'a Target) -> Self {
        let Target { status, buyer, caps, time_zone, .. } = target;
        Self { via: Via::Target(id), status: *status, buyer: *buyer, caps, time_zone }
    }

    /// A bidder.
    pub fn bidder(id: RtbTargetId, bidder: &'a RtbTarget) -> Self {
        let RtbTarget { status, buyer, caps, time_zone, .. } = bidder;
        Self { via: Via::RtbTarget(id), status: *status, buyer: *buyer, caps, time_zone }
    }

    /// Whether it may take a call now; the capacity to take first, of everything that is capped.
    ///
    /// # Errors
    /// Why it is passed over.
    pub fn eligible(&self, situation: &Situation<'_>) -> Result<Vec<Limit>, Passed> {
        if situation.tried.contains(&self.via) {
            return Err(Passed::AlreadyTried);
        }
        let counter = self.via.counter();
        let usage = situation.usage.get(&counter);
        if self.status == Status::Paused || usage.is_some_and(|usage| usage.paused) {
            return Err(Passed::Paused);
        }
        if self.buyer.is_some_and(|buyer| situation.is_paused(&buyer.into())) {
            return Err(Passed::BuyerPaused);
        }
        if !self.caps.any() {
            return Ok(Vec::new());
        }
        let open = OpenWindows::at(situation.now, self.time_zone);
        if let Some(full) = usage.and_then(|usage| usage.full(self.caps, &open)) {
            return Err(Passed::Cap(full));
        }
        let outdated = usage.map(|usage| usage.outdated(&open)).unwrap_or_default();
        Ok(vec![Limit { counter, caps: *self.caps, open, outdated }])
    }
}

impl Situation<'_> {
    fn is_paused(&self, of: &CounterId) -> bool {
        self.usage.get(of).is_some_and(|usage| usage.paused)
    }
}

/// The targets of a plan in the order in which they are tried, each once: by priority, equals drawn by weight from the
/// seed; in a group's place its targets, ordered in the same way among themselves.
pub fn plan_order(
    plan: &[PlanEntry],
    groups: &BTreeMap<TargetGroupId, TargetGroup>,
    seed: u64,
) -> Vec<TargetId> {
    let mut dice = Dice::new(seed);
    let entries = plan.iter().map(|entry| (entry.to, entry.priority, entry.weight)).collect();
    let mut ordered = Vec::with_capacity(plan.len());
    for to in drawn(entries, &mut dice) {
        match to {
            Planned::Target(target) => ordered.push(target),
            Planned::Group(id) => {
                let members = groups.get(&id).into_iter().flat_map(|group| &group.members);
                let members = members.map(|member| (member.target, member.priority, member.weight)).collect();
                ordered.extend(drawn(members, &mut dice));
            }
        }
    }
    let mut known = HashSet::with_capacity(ordered.len());
    ordered.retain(|target| known.insert(*target));
    ordered
}

/// Things with priority and weight: lower priorities first, equals drawn by weight.
fn drawn<T: Copy + Ord>(mut places: Vec<(T, u16, u16)>, dice: &mut Dice) -> Vec<T> {
    places.sort_by_key(|(what, priority, _)| (*priority, *what));
    let mut ordered = Vec::with_capacity(places.len());
    for equals in places.chunk_by(|(_, one, _), (_, other, _)| one == other) {
        let mut equals: Vec<(T, u64)> =
            equals.iter().map(|(what, _, weight)| (*what, u64::from(*weight))).collect();
        while !equals.is_empty() {
            let total: u64 = equals.iter().map(|(_, weight)| weight).sum();
            let mut drawn = dice.below(total);
            let index = equals.iter().position(|(_, weight)| {
                let hit = drawn < *weight;
                drawn = drawn.saturating_sub(*weight);
                hit
            });
            ordered.push(equals.remove(index.unwrap_or(0)).0);
        }
    }
    ordered
}

/// What the callee sees. A caller without a phone number, and a SIP caller, fall back to the campaign's default.
pub fn caller_id(policy: &CallerIdPolicy, call: &Call, campaign_default: Option<&E164>) -> Option<E164> {
    let default = || Some(campaign_default.unwrap_or(&call.to).clone());
    match policy {
        CallerIdPolicy::Passthrough if call.caller().is_some() => None,
        CallerIdPolicy::Passthrough | CallerIdPolicy::CampaignDefault => default(),
        CallerIdPolicy::Fixed(number) => Some(number.clone()),
    }
}

/// Recording of this attempt: the destination's word, else the campaign's.
pub fn recording(dial: &DialSettings, campaign: Recording) -> Recording {
    dial.recording.unwrap_or(campaign)
}
