//! Who gets the call next: the bids that are still good, then the campaign's plan.
//!
//! Everything considered leaves a decision with a reason. The draw among equals comes from the call's seed, so the same
//! call gets the same order at every step and a decision can be replayed.

use std::collections::HashMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::auction::Bid;
use crate::call::Call;
use crate::campaign::PlanEntry;
use crate::caps::{CapReached, Caps, CounterId, Limit, OpenWindows, Usage};
use crate::ids::{RtbTargetId, TargetId};
use crate::ledger::{Conversion, Revenue, Terms, TimerStart};
use crate::money::Money;
use crate::phone::{Destination, E164};
use crate::seed::Dice;
use crate::snapshot::Snapshot;
use crate::target::{CallerIdPolicy, DialSettings, Status};
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
    /// Capacity to take first; `None` when it has no caps.
    pub limit: Option<Limit>,
}

/// Why a destination was passed over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Passed {
    /// Switched off.
    Paused,
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

/// Everything a step decided, bounded.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decisions {
    /// Up to [`MAX_DECISIONS`], in the order in which destinations were considered.
    pub each: Vec<Decision>,
    /// How many more, by reason code.
    #[serde(default)]
    pub more: std::collections::BTreeMap<String, u32>,
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
            eligible(via, bidder.status, &bidder.caps, &bidder.time_zone, situation)
        };
        match verdict {
            Err(reason) => decisions.note(via, &bidder.name, Some(reason)),
            Ok(limit) => found.push(Candidate {
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
                limit,
            }),
        }
    }
    for entry in plan_order(&snapshot.campaign.plan, situation.call.seed) {
        let Some(target) = snapshot.targets.get(&entry.target) else { continue };
        let via = Via::Target(entry.target);
        match eligible(via, target.status, &target.caps, &target.time_zone, situation) {
            Err(reason) => decisions.note(via, &target.name, Some(reason)),
            Ok(limit) => found.push(Candidate {
                via,
                name: target.name.clone(),
                destination: target.destination.clone(),
                bid: None,
                terms: Terms { revenue: target.revenue, conversion: target.conversion, buyer: target.buyer },
                dial: target.dial.clone(),
                limit,
            }),
        }
    }
    (found, decisions)
}

/// Whether a destination may take a call now; `Ok` carries the capacity to take first.
pub fn eligible(
    via: Via,
    status: Status,
    caps: &Caps,
    time_zone: &str,
    situation: &Situation<'_>,
) -> Result<Option<Limit>, Passed> {
    if situation.tried.contains(&via) {
        return Err(Passed::AlreadyTried);
    }
    let counter = via.counter();
    let usage = situation.usage.get(&counter);
    if status == Status::Paused || usage.is_some_and(|usage| usage.paused) {
        return Err(Passed::Paused);
    }
    if !caps.any() {
        return Ok(None);
    }
    let open = OpenWindows::at(situation.now, time_zone);
    if let Some(full) = usage.and_then(|usage| usage.full(caps, &open)) {
        return Err(Passed::Cap(full));
    }
    let outdated = usage.map(|usage| usage.outdated(&open)).unwrap_or_default();
    Ok(Some(Limit { counter, caps: *caps, open, outdated }))
}

/// The plan in the order in which its targets are tried: by priority, equals drawn by weight from the seed.
pub fn plan_order(plan: &[PlanEntry], seed: u64) -> Vec<PlanEntry> {
    let mut dice = Dice::new(seed);
    let mut remaining: Vec<PlanEntry> = plan.to_vec();
    remaining.sort_by_key(|entry| (entry.priority, entry.target));
    let mut ordered = Vec::with_capacity(remaining.len());
    for group in remaining.chunk_by_mut(|one, other| one.priority == other.priority) {
        let mut group = group.to_vec();
        while !group.is_empty() {
            let total: u64 = group.iter().map(|entry| u64::from(entry.weight)).sum();
            let mut drawn = dice.below(total);
            let index = group.iter().position(|entry| {
                let weight = u64::from(entry.weight);
                let hit = drawn < weight;
                drawn = drawn.saturating_sub(weight);
                hit
            });
            ordered.push(group.remove(index.unwrap_or(0)));
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
