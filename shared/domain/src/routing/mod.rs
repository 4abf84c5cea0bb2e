//! Who gets the call next: one walk along the campaign's plan, with its groups, and its ring trees with the bids that are
//! still good.
//!
//! Everything considered leaves a decision with a reason. Draws among equals come from the call's seed, so the same call
//! gets the same order at every step and a decision can be replayed.

mod admission;
mod decision;
mod eligible;
mod order;
mod scores;
mod tags;

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

pub use self::admission::{recognise, switched_off, turned_away};
pub use self::decision::{Decision, Decisions, MAX_DECISIONS, Passed, TurnedAway};
pub use self::eligible::{Destined, Sight};
pub use self::order::{Parties, Party, Place, order, ranked_order};
pub use self::scores::Scores;
pub use self::tags::{place_of, tags};
use crate::agent::AgentRef;
use crate::auction::Bid;
use crate::call::{Call, seconds_between};
use crate::campaign::{AuctionSettings, BidderEntry};
use crate::caps::{CapReached, CounterId, Limit, Price, Usage};
use crate::filter::Tags;
use crate::ids::{AgentId, RtbTargetId, TargetId};
use crate::ledger::Terms;
use crate::money::Money;
use crate::phone::{Called, Destination, E164};
use crate::plan::Tree;
use crate::snapshot::Snapshot;
use crate::target::{CallerIdPolicy, DialSettings};
use crate::voice::{DIAL_TIMEOUT_S, MAX_DIAL_NOUNS, Recording};

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
    /// The agent who is dialled, of a target that agents answer.
    pub agent: Option<AgentRef>,
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
    /// Whether its bidder is asked to confirm the bid first.
    pub to_confirm: bool,
}

impl Candidate {
    /// What it pays.
    pub fn price(&self) -> Price {
        Price::of(self.terms.revenue, self.bid)
    }

    /// How a decision names it: `Front desk`, `Front desk: Anna`.
    pub fn called(&self) -> Cow<'_, str> {
        named(&self.name, self.agent.as_ref().map(|agent| agent.name.as_str()))
    }
}

fn named<'a>(target: &'a str, agent: Option<&str>) -> Cow<'a, str> {
    agent.map_or(Cow::Borrowed(target), |agent| Cow::Owned(format!("{target}: {agent}")))
}

/// A destination that a call has dialled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tried {
    /// Which.
    pub via: Via,
    /// The agent who was dialled there.
    pub agent: Option<AgentId>,
}

impl From<Via> for Tried {
    fn from(via: Via) -> Self {
        Self { via, agent: None }
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
    pub tried: &'a [Tried],
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
    /// Dial this destination; or several, which ring at the same time: at most [`MAX_DIAL_NOUNS`].
    Dial(Vec<Candidate>),
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
    /// Of the place that the walk has come to, those who ring together and are not looked at yet.
    together: <Parties as IntoIterator>::IntoIter,
    /// Targets that were passed over, whoever of their agents was to be dialled.
    passed: HashSet<TargetId>,
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
        Self {
            snapshot,
            situation,
            sight,
            places: places.into_iter(),
            together: Parties::new().into_iter(),
            passed: HashSet::new(),
            bids: [].iter(),
            ringing_s,
            decisions,
        }
    }

    /// What was decided when these candidates are dialled: nobody behind them was needed.
    pub fn dialling(&self, chosen: &[Candidate]) -> Decisions {
        let mut decisions = self.decisions.clone();
        for candidate in chosen {
            decisions.note(candidate.via, &candidate.called(), None);
        }
        for bid in self.bids.clone() {
            if let Some(bidder) = self.snapshot.rtb_targets.get(&bid.bidder) {
                decisions.note(Via::RtbTarget(bid.bidder), &bidder.name, Some(Passed::NotNeeded));
            }
        }
        let of_place = |place| match place {
            Place::Parties(parties) => parties,
            Place::Tree(_) => Parties::new(),
        };
        for party in self.together.clone().chain(self.places.clone().flat_map(of_place)) {
            if let Some(target) = self.snapshot.targets.get(&party.target) {
                let agent = party.agent.and_then(|id| self.snapshot.agents.get(&id));
                let name = named(&target.name, agent.map(|agent| agent.name.as_str()));
                decisions.note(Via::Target(party.target), &name, Some(Passed::NotNeeded));
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
    ) -> Option<Candidate> {
        match verdict.and_then(|limits| if self.in_time() { Ok(limits) } else { Err(Passed::OutOfTime) }) {
            Ok(limits) => {
                let mut candidate = candidate(limits);
                if let Some((passed_on, bid)) = self.situation.call.passed_on()
                    && let Err(reason) = passed_on.lets_pass(candidate.price(), bid)
                {
                    self.decisions.note(via, name, Some(reason));
                    return None;
                }
                if let Some(left) = self.ringing_s {
                    candidate.dial.timeout_s = candidate.dial.timeout_s.min(left);
                }
                Some(candidate)
            }
            Err(reason) => {
                self.decisions.note(via, name, Some(reason));
                None
            }
        }
    }

    /// Whether a destination can still ring long enough to be answered.
    fn in_time(&self) -> bool {
        self.ringing_s.is_none_or(|left| left >= *DIAL_TIMEOUT_S.start())
    }

    /// Whether bidders are asked now; when the time is over, nobody they name could be dialled.
    fn asks(&mut self, settings: &AuctionSettings) -> bool {
        if self.in_time() {
            return true;
        }
        for BidderEntry { rtb_target, .. } in &settings.bidders {
            if let Some(bidder) = self.snapshot.rtb_targets.get(rtb_target) {
                self.decisions.note(Via::RtbTarget(*rtb_target), &bidder.name, Some(Passed::OutOfTime));
            }
        }
        false
    }

    fn bid(&mut self, bid: &'a Bid) -> Option<Candidate> {
        let bidder = self.snapshot.rtb_targets.get(&bid.bidder)?;
        let via = Via::RtbTarget(bid.bidder);
        let buyer = self.snapshot.buyer(bidder.buyer);
        let terms = Terms::of_bidder(bidder, bid.call_length_s, buyer, &self.snapshot.campaign);
        let confirmation = bidder.confirmation.as_ref().filter(|confirmation| confirmation.enabled);
        let verdict = if bid.expires_at.is_some_and(|at| at <= self.situation.now) {
            Err(Passed::BidExpired)
        } else if bid.confirmed == Some(false)
            && confirmation.is_some_and(|confirmation| confirmation.required)
        {
            Err(Passed::NotConfirmed)
        } else {
            let in_words = self.decisions.has_room();
            let price = Price::of(terms.revenue, Some(bid.amount));
            Destined::bidder(bid.bidder, bidder).eligible(&mut self.sight, price, in_words)
        };
        self.judge(via, &bidder.name, verdict, |limits| Candidate {
            via,
            name: bidder.name.clone(),
            agent: None,
            to_confirm: confirmation.is_some() && bid.confirmed.is_none(),
            destination: bid.destination.clone(),
            bid: Some(bid.amount),
            terms,
            dial: bidder.dial.clone(),
            limits,
        })
    }

    fn party(&mut self, party: Party) -> Option<Candidate> {
        let Party { target: id, agent, counted } = party;
        let target = self.snapshot.targets.get(&id)?;
        if agent.is_some() && self.passed.contains(&id) {
            return None;
        }
        let via = Via::Target(id);
        let in_words = self.decisions.has_room();
        let terms = Terms::of_target(target, self.snapshot.buyer(target.buyer), &self.snapshot.campaign);
        let price = Price::of(terms.revenue, None);
        let mut verdict =
            Destined::target(id, target).counted(counted).eligible(&mut self.sight, price, in_words);
        let agent = agent.and_then(|id| Some((id, self.snapshot.agents.get(&id)?)));
        // Of a team whose target is closed, full or paused nobody is looked at.
        if verdict.is_err() && agent.is_some() {
            self.passed.insert(id);
        } else if let (Ok(limits), Some((id, agent))) = (&mut verdict, agent) {
            match self.sight.agent(id, agent, in_words) {
                Ok(own) => limits.push(own),
                Err(reason) => {
                    self.decisions.note(via, &named(&target.name, Some(&agent.name)), Some(reason));
                    return None;
                }
            }
        }
        let destination = agent.map(|(_, agent)| &agent.destination).or(target.destination.as_ref());
        let Some(destination) = destination else {
            self.decisions.note(via, &target.name, Some(Passed::NoAgent));
            return None;
        };
        self.judge(via, &target.name, verdict, |limits| {
            let mut dial = target.dial.clone();
            if let Some(keys) = agent.and_then(|(_, agent)| agent.extension.clone()) {
                dial.send_digits = Some(keys);
            }
            Candidate {
                via,
                name: target.name.clone(),
                agent: agent.map(|(id, agent)| AgentRef { id, name: agent.name.clone() }),
                destination: destination.clone(),
                bid: None,
                terms,
                dial,
                limits,
                to_confirm: false,
            }
        })
    }

    /// Of those who ring together the next, as many as may.
    fn ring(&mut self) -> Option<Stop> {
        let mut parties: Vec<Candidate> = Vec::new();
        while parties.len() < MAX_DIAL_NOUNS
            && let Some(party) = self.together.next()
        {
            // Who answers two of the targets rings once.
            let rings =
                |other: &Candidate| other.agent.as_ref().is_some_and(|agent| Some(agent.id) == party.agent);
            if !parties.iter().any(rings) {
                parties.extend(self.party(party));
            }
        }
        (!parties.is_empty()).then_some(Stop::Dial(parties))
    }
}

impl Iterator for Walk<'_> {
    type Item = Stop;

    fn next(&mut self) -> Option<Stop> {
        loop {
            while let Some(bid) = self.bids.next() {
                if let Some(candidate) = self.bid(bid) {
                    return Some(Stop::Dial(vec![candidate]));
                }
            }
            if let Some(stop) = self.ring() {
                return Some(stop);
            }
            match self.places.next()? {
                Place::Parties(parties) => self.together = parties.into_iter(),
                Place::Tree(tree) => match self.situation.asked.iter().find(|asked| asked.tree == tree) {
                    Some(asked) => self.bids = asked.bids.iter(),
                    None => {
                        if let Some(settings) = self.snapshot.auction(tree)
                            && self.asks(settings)
                        {
                            return Some(Stop::Ask(tree));
                        }
                    }
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

/// What the callee sees; `None`: the caller's number. A caller without a phone number falls back to the campaign's default.
///
/// A call that came by SIP may show neither its caller's number nor what was called, except to a SIP address: only a number
/// of the Twilio account. Then it falls back to the campaign's default, else to a number that the campaign gives out with
/// bids; without either, Twilio dials no phone number.
pub fn caller_id(
    policy: &CallerIdPolicy,
    call: &Call,
    snapshot: &Snapshot,
    destination: &Destination,
) -> Option<E164> {
    let given_out = || snapshot.rtb_numbers.values().next();
    let fallback = || call.to.number().or_else(given_out).cloned();
    let default = || snapshot.campaign.default_caller_id.clone().or_else(fallback);
    match (policy, &call.to, destination) {
        (CallerIdPolicy::Passthrough, Called::Sip(_), Destination::Sip(_)) => call.caller().or_else(default),
        (CallerIdPolicy::Passthrough, Called::Sip(_), Destination::Number(_)) => default(),
        (CallerIdPolicy::Passthrough, Called::Number(_), _) if call.caller().is_some() => None,
        (CallerIdPolicy::Passthrough | CallerIdPolicy::CampaignDefault, ..) => default(),
        (CallerIdPolicy::Fixed(number), ..) => Some(number.clone()),
    }
}

/// Recording of this attempt: the destination's word, else the campaign's.
pub fn recording(dial: &DialSettings, campaign: Recording) -> Recording {
    dial.recording.unwrap_or(campaign)
}
