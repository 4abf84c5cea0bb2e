//! Who gets the call next: one walk along the campaign's plan, with its groups, and its ring trees with the bids that are
//! still good.
//!
//! Everything considered leaves a decision with a reason. Draws among equals come from the call's seed, so the same call
//! gets the same order at every step and a decision can be replayed.

mod decision;
mod eligible;
mod order;
mod scores;
mod tags;

use std::collections::HashMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

pub use self::decision::{Decision, Decisions, MAX_DECISIONS, Passed, TurnedAway};
pub use self::eligible::{Destined, Sight};
pub use self::order::{Place, order, ranked_order};
pub use self::scores::Scores;
pub use self::tags::{place_of, tags};
use crate::auction::Bid;
use crate::call::{Call, seconds_between};
use crate::caps::{CapReached, CounterId, Limit, Price, Usage};
use crate::filter::Tags;
use crate::ids::{RtbTargetId, TargetId};
use crate::ledger::Terms;
use crate::money::Money;
use crate::phone::{Destination, E164};
use crate::plan::Tree;
use crate::snapshot::Snapshot;
use crate::target::{CallerIdPolicy, DialSettings};
use crate::voice::{DIAL_TIMEOUT_S, Recording};

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
    /// The auctions this call has had, with what they brought.
    pub asked: &'a [Asked<'a>],
    /// What filters compare, see [`tags`].
    pub tags: Tags,
}

/// An auction that is over.
#[derive(Debug, Clone, Copy)]
pub struct Asked<'a> {
    /// Who was asked.
    pub tree: Tree,
    /// The valid bids, best first.
    pub bids: &'a [Bid],
}

/// What to do next for a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stop {
    /// Dial this destination.
    Dial(Box<Candidate>),
    /// Ask these bidders, who were not asked yet.
    Ask(Tree),
}

/// Goes along the plan from its beginning: each stop is the next best thing to do, if what came before did not work out.
/// A destination is looked at when the walk comes to it, not earlier.
#[derive(Debug)]
pub struct Walk<'a> {
    snapshot: &'a Snapshot,
    situation: &'a Situation<'a>,
    sight: Sight<'a>,
    places: std::vec::IntoIter<Place>,
    bids: std::slice::Iter<'a, Bid>,
    /// How long the next destination may ring, when there is a limit.
    ringing_s: Option<u16>,
    /// What was passed over so far, and why.
    pub decisions: Decisions,
}

impl<'a> Walk<'a> {
    /// At the beginning of the plan.
    pub fn new(snapshot: &'a Snapshot, situation: &'a Situation<'a>) -> Self {
        let ringing_s = snapshot.campaign.give_up_after_s.map(|most| {
            let spent = seconds_between(situation.call.started_at, situation.now);
            u16::try_from(u32::from(most).saturating_sub(spent)).unwrap_or(most)
        });
        let mut sight = Sight::new(snapshot, situation);
        let full = sight.of_the_call(Price::Known(Money::ZERO)).err();
        // When a cap is full that holds for the call whatever its destination, nobody is looked at.
        let (places, scores) =
            if full.is_some() { Default::default() } else { ranked_order(snapshot, situation) };
        let decisions = Decisions { turned_away: full.map(TurnedAway::Cap), scores, ..Decisions::default() };
        Self { snapshot, situation, sight, places: places.into_iter(), bids: [].iter(), ringing_s, decisions }
    }

    /// What was decided when this candidate is dialled: nobody behind it was needed.
    pub fn dialling(&self, chosen: &Candidate) -> Decisions {
        let mut decisions = self.decisions.clone();
        decisions.note(chosen.via, &chosen.name, None);
        for bid in self.bids.clone() {
            if let Some(bidder) = self.snapshot.rtb_targets.get(&bid.bidder) {
                decisions.note(Via::RtbTarget(bid.bidder), &bidder.name, Some(Passed::NotNeeded));
            }
        }
        for place in self.places.clone() {
            if let Place::Target { id, .. } = place
                && let Some(target) = self.snapshot.targets.get(&id)
            {
                decisions.note(Via::Target(id), &target.name, Some(Passed::NotNeeded));
            }
        }
        decisions
    }

    /// The candidate, or nothing and a decision that says why.
    fn judge(
        &mut self,
        via: Via,
        name: &str,
        verdict: Result<Vec<Limit>, Passed>,
        candidate: impl FnOnce(Vec<Limit>) -> Candidate,
    ) -> Option<Stop> {
        let in_time = self.ringing_s.is_none_or(|left| left >= *DIAL_TIMEOUT_S.start());
        match verdict.and_then(|limits| if in_time { Ok(limits) } else { Err(Passed::OutOfTime) }) {
            Ok(limits) => {
                let mut candidate = candidate(limits);
                if let Some(left) = self.ringing_s {
                    candidate.dial.timeout_s = candidate.dial.timeout_s.min(left);
                }
                Some(Stop::Dial(Box::new(candidate)))
            }
            Err(reason) => {
                self.decisions.note(via, name, Some(reason));
                None
            }
        }
    }

    fn bid(&mut self, bid: &'a Bid) -> Option<Stop> {
        let bidder = self.snapshot.rtb_targets.get(&bid.bidder)?;
        let via = Via::RtbTarget(bid.bidder);
        let buyer = self.snapshot.buyer(bidder.buyer);
        let terms = Terms::of_bidder(bidder, bid.call_length_s, buyer, &self.snapshot.campaign);
        let verdict = if bid.expires_at.is_some_and(|at| at <= self.situation.now) {
            Err(Passed::BidExpired)
        } else {
            let in_words = self.decisions.has_room();
            let price = Price::of(terms.revenue, Some(bid.amount));
            Destined::bidder(bid.bidder, bidder).eligible(&mut self.sight, price, in_words)
        };
        self.judge(via, &bidder.name, verdict, |limits| Candidate {
            via,
            name: bidder.name.clone(),
            destination: bid.destination.clone(),
            bid: Some(bid.amount),
            terms,
            dial: bidder.dial.clone(),
            limits,
        })
    }

    fn target(&mut self, id: TargetId, counted: bool) -> Option<Stop> {
        let target = self.snapshot.targets.get(&id)?;
        let via = Via::Target(id);
        let in_words = self.decisions.has_room();
        let terms = Terms::of_target(target, self.snapshot.buyer(target.buyer), &self.snapshot.campaign);
        let price = Price::of(terms.revenue, None);
        let destined = Destined::target(id, target).counted(counted);
        let verdict = destined.eligible(&mut self.sight, price, in_words);
        self.judge(via, &target.name, verdict, |limits| Candidate {
            via,
            name: target.name.clone(),
            destination: target.destination.clone(),
            bid: None,
            terms,
            dial: target.dial.clone(),
            limits,
        })
    }
}

impl Iterator for Walk<'_> {
    type Item = Stop;

    fn next(&mut self) -> Option<Stop> {
        loop {
            while let Some(bid) = self.bids.next() {
                if let Some(stop) = self.bid(bid) {
                    return Some(stop);
                }
            }
            match self.places.next()? {
                Place::Target { id, counted } => {
                    if let Some(stop) = self.target(id, counted) {
                        return Some(stop);
                    }
                }
                Place::Tree(tree) => match self.situation.asked.iter().find(|asked| asked.tree == tree) {
                    Some(asked) => self.bids = asked.bids.iter(),
                    None if self.snapshot.auction(tree).is_some() => return Some(Stop::Ask(tree)),
                    None => {}
                },
            }
        }
    }
}

/// The capacity that a call takes whatever its destination, see [`Sight::of_the_call`].
///
/// # Errors
/// The cap that is full.
pub fn call_limits(
    snapshot: &Snapshot,
    situation: &Situation<'_>,
    price: Price,
) -> Result<Vec<Limit>, CapReached> {
    Sight::new(snapshot, situation).of_the_call(price)
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
