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
use crate::caps::{CapOwner, CapReached, Capped, Caps, CounterId, Expected, Limit, Price, Usage};
use crate::group::TargetGroup;
use crate::ids::{BuyerId, RtbTargetId, TargetGroupId, TargetId};
use crate::ledger::{Conversion, Revenue, Terms, TimerStart};
use crate::money::Money;
use crate::partner::Buyer;
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
            Self::Cap(full) => full.text(),
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
    /// A cap is full that holds for the call whatever its destination.
    Cap(CapReached),
}

impl TurnedAway {
    /// Stable code for programs and filters.
    pub const fn code(self) -> &'static str {
        match self {
            Self::BlockedNumber => "blocked_number",
            Self::CampaignPaused => "campaign_paused",
            Self::PublisherPaused => "publisher_paused",
            Self::PublisherTermsPaused => "publisher_terms_paused",
            Self::Cap(full) => match full.owner {
                CapOwner::Publisher | CapOwner::PublisherTerms => "publisher_cap_reached",
                _ => "campaign_cap_reached",
            },
        }
    }

    /// The reason in plain words.
    pub fn text(self) -> String {
        match self {
            Self::BlockedNumber => "the caller is blocked".to_owned(),
            Self::CampaignPaused => "the campaign takes no calls".to_owned(),
            Self::PublisherPaused => "the publisher is paused".to_owned(),
            Self::PublisherTermsPaused => "the publisher is paused on this campaign".to_owned(),
            Self::Cap(full) => full.text(),
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
    if let Err(full) = call_limits(snapshot, situation, Price::Known(Money::ZERO)) {
        decisions.turned_away = Some(TurnedAway::Cap(full));
        return (found, decisions);
    }
    // What the call itself takes comes with the capacity of each destination, because it depends on the price.
    let all_limits = |destined: Destined<'_>, price| {
        let mut limits = destined.eligible(situation, price)?;
        limits.extend(call_limits(snapshot, situation, price).map_err(Passed::Cap)?);
        Ok(limits)
    };
    for bid in bids {
        let Some(bidder) = snapshot.rtb_targets.get(&bid.bidder) else { continue };
        let via = Via::RtbTarget(bid.bidder);
        let expired = bid.expires_at.is_some_and(|at| at <= situation.now);
        let verdict = if expired {
            Err(Passed::BidExpired)
        } else {
            all_limits(Destined::bidder(snapshot, bid.bidder, bidder), Price::Known(bid.amount))
        };
        match verdict {
            Err(reason) => decisions.note(via, &bidder.name, Some(reason)),
            Ok(limits) => found.push(Candidate {
                via,
                name: bidder.name.clone(),
                destination: bid.destination.clone(),
                bid: Some(bid.amount),
                terms: Terms {
                    revenue: Revenue::WinningBid,
                    conversion: bid.call_length_s.map_or(bidder.conversion, |seconds| Conversion::Length {
                        seconds,
                        from: TimerStart::Connect,
                    }),
                    buyer: bidder.buyer,
                },
                dial: bidder.dial.clone(),
                limits,
            }),
        }
    }
    for id in plan_order(&snapshot.campaign.plan, &snapshot.target_groups, situation.call.seed) {
        let Some(target) = snapshot.targets.get(&id) else { continue };
        let via = Via::Target(id);
        match all_limits(Destined::target(snapshot, id, target), Price::of(target.revenue, None)) {
            Err(reason) => decisions.note(via, &target.name, Some(reason)),
            Ok(limits) => found.push(Candidate {
                via,
                name: target.name.clone(),
                destination: target.destination.clone(),
                bid: None,
                terms: Terms { revenue: target.revenue, conversion: target.conversion, buyer: target.buyer },
                dial: target.dial.clone(),
                limits,
            }),
        }
    }
    (found, decisions)
}

/// The capacity that a call takes whatever its destination: of its campaign, of its publisher, and of what was agreed
/// with the publisher on the campaign.
///
/// # Errors
/// The cap that is full: nobody can be dialled at that price.
pub fn call_limits(
    snapshot: &Snapshot,
    situation: &Situation<'_>,
    price: Price,
) -> Result<Vec<Limit>, CapReached> {
    let Snapshot { campaign_id, campaign, .. } = snapshot;
    let clock = campaign.time_zone.as_str();
    let of_campaign = Capped {
        owner: CapOwner::Campaign,
        counter: (*campaign_id).into(),
        caps: &campaign.caps,
        time_zone: clock,
    };
    let publisher = situation.call.publisher;
    let live = publisher.and_then(|publisher| {
        let counter = CounterId::from(publisher);
        let limits = situation.usage.get(&counter)?.limits.as_ref()?;
        let owner = CapOwner::Publisher;
        Some(Capped { owner, counter, caps: &limits.caps, time_zone: &limits.time_zone })
    });
    let agreed = publisher.and_then(|publisher| {
        let terms = campaign.publishers.get(&publisher)?;
        let counter = CounterId::terms(*campaign_id, publisher);
        Some(Capped { owner: CapOwner::PublisherTerms, counter, caps: &terms.caps, time_zone: clock })
    });
    let mut limits = Vec::new();
    for capped in [Some(of_campaign), live, agreed].into_iter().flatten() {
        limits.extend(situation.room(capped, price)?);
    }
    Ok(limits)
}

/// What decides whether a destination may take a call.
#[derive(Debug, Clone, Copy)]
pub struct Destined<'a> {
    via: Via,
    status: Status,
    buyer: Option<(BuyerId, Option<&'a Buyer>)>,
    caps: &'a Caps,
    time_zone: &'a str,
}

impl<'a> Destined<'a> {
    /// A target.
    pub fn target(snapshot: &'a Snapshot, id: TargetId, target: &'a Target) -> Self {
        let Target { status, caps, time_zone, .. } = target;
        let buyer = target.buyer.map(|buyer| (buyer, snapshot.buyers.get(&buyer)));
        Self { via: Via::Target(id), status: *status, buyer, caps, time_zone }
    }

    /// A bidder.
    pub fn bidder(snapshot: &'a Snapshot, id: RtbTargetId, bidder: &'a RtbTarget) -> Self {
        let RtbTarget { status, caps, time_zone, .. } = bidder;
        let buyer = bidder.buyer.map(|buyer| (buyer, snapshot.buyers.get(&buyer)));
        Self { via: Via::RtbTarget(id), status: *status, buyer, caps, time_zone }
    }

    /// Whether it may take a call at this price now; the capacity to take first, its own and its buyer's.
    ///
    /// # Errors
    /// Why it is passed over.
    pub fn eligible(&self, situation: &Situation<'_>, price: Price) -> Result<Vec<Limit>, Passed> {
        if situation.tried.contains(&self.via) {
            return Err(Passed::AlreadyTried);
        }
        let counter = self.via.counter();
        if self.status == Status::Paused || situation.is_paused(&counter) {
            return Err(Passed::Paused);
        }
        if self.buyer.is_some_and(|(buyer, _)| situation.is_paused(&buyer.into())) {
            return Err(Passed::BuyerPaused);
        }
        let own =
            Capped { owner: CapOwner::Destination, counter, caps: self.caps, time_zone: self.time_zone };
        let buyers = self.buyer.and_then(|(id, buyer)| {
            let Buyer { caps, time_zone, .. } = buyer?;
            Some(Capped { owner: CapOwner::Buyer, counter: id.into(), caps, time_zone })
        });
        let mut limits = Vec::new();
        for capped in std::iter::once(own).chain(buyers) {
            limits.extend(situation.room(capped, price).map_err(Passed::Cap)?);
        }
        Ok(limits)
    }
}

impl Situation<'_> {
    fn room(&self, capped: Capped<'_>, price: Price) -> Result<Option<Limit>, CapReached> {
        let usage = self.usage.get(&capped.counter);
        capped.room(usage, self.now, Expected { price, currency: self.call.currency })
    }

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
