//! Whether a destination may take a call now.

use jiff::civil::DateTime;
use jiff::tz::TimeZone;

use super::{Passed, Situation, Via};
use crate::agent::Agent;
use crate::caps::{CapOwner, CapReached, Capped, Caps, CounterId, Expected, Limit, OpenWindows, Price};
use crate::duplicates::Verdict;
use crate::filter::Look;
use crate::hours::{Hours, Standing, closed_text};
use crate::ids::{AgentId, BuyerId, RtbTargetId, TargetId};
use crate::snapshot::Snapshot;
use crate::target::{RtbTarget, Status, Target};

/// Everything eligibility looks at. What is the same for many destinations (the clock of a time zone, a filter's
/// comparison) is found out once.
#[derive(Debug)]
pub struct Sight<'a> {
    snapshot: &'a Snapshot,
    situation: &'a Situation<'a>,
    look: Look<'a>,
    zones: Vec<Zone<'a>>,
}

/// What time it is somewhere.
#[derive(Debug)]
struct Zone<'a> {
    name: &'a str,
    wall: DateTime,
    open: OpenWindows,
}

impl<'a> Sight<'a> {
    /// For one call at one instant.
    pub fn new(snapshot: &'a Snapshot, situation: &'a Situation<'a>) -> Self {
        let look = snapshot.filters().look(&situation.tags);
        Self { snapshot, situation, look, zones: Vec::new() }
    }

    fn zone(&mut self, name: &'a str) -> &Zone<'a> {
        let known = self.zones.iter().position(|zone| zone.name == name);
        let index = known.unwrap_or_else(|| {
            let now = self.situation.now;
            let wall = TimeZone::get(name).unwrap_or(TimeZone::UTC).to_datetime(now);
            self.zones.push(Zone { name, wall, open: OpenWindows::at(now, name) });
            self.zones.len() - 1
        });
        #[expect(clippy::indexing_slicing, reason = "the index was found or made a line above")]
        &self.zones[index]
    }

    /// What a dial at this price takes of something that is limited, or counted in any case.
    fn room(&mut self, capped: Capped<'a>, price: Price, counted: bool) -> Result<Option<Limit>, CapReached> {
        if !capped.caps.any() && !counted {
            return Ok(None);
        }
        let Situation { usage, now, call, .. } = self.situation;
        let usage = usage.get(&capped.counter);
        let expected = Expected { price, currency: call.currency };
        let open = &self.zone(capped.time_zone).open;
        capped.take(usage, *now, open, expected).map(Some)
    }

    /// The capacity that a call takes whatever its destination: of its campaign, of its publisher, and of what was agreed
    /// with the publisher on the campaign.
    ///
    /// # Errors
    /// The cap that is full: nobody can be dialled at that price.
    pub fn of_the_call(&mut self, price: Price) -> Result<Vec<Limit>, CapReached> {
        let Snapshot { campaign_id, campaign, .. } = self.snapshot;
        let situation = self.situation;
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
            let counter = CounterId::Terms(*campaign_id, publisher);
            Some(Capped { owner: CapOwner::PublisherTerms, counter, caps: &terms.caps, time_zone: clock })
        });
        let mut limits = Vec::new();
        for capped in [Some(of_campaign), live, agreed].into_iter().flatten() {
            limits.extend(self.room(capped, price, false)?);
        }
        Ok(limits)
    }

    /// Whether an agent may take the call: what it takes of theirs. They are counted in any case: whose last call is longest
    /// ago is asked by it.
    ///
    /// # Errors
    /// Why they are passed over.
    pub(super) fn agent(&mut self, id: AgentId, agent: &'a Agent, in_words: bool) -> Result<Limit, Passed> {
        let Agent { caps, time_zone, hours, .. } = agent;
        let counter = CounterId::from(id);
        if self.situation.tried.iter().any(|tried| tried.agent == Some(id)) {
            return Err(Passed::AlreadyTried);
        }
        if self.is_paused(&counter) {
            return Err(Passed::Away);
        }
        if !self.is_open(hours.as_ref(), time_zone) {
            return Err(Passed::Closed(self.closed(hours.as_ref(), time_zone, in_words)));
        }
        let Situation { usage, now, call, .. } = self.situation;
        let usage = usage.get(&counter);
        let expected = Expected { price: Price::Unknown, currency: call.currency };
        let open = &self.zone(time_zone).open;
        let capped = Capped { owner: CapOwner::Destination, counter, caps, time_zone };
        capped.take(usage, *now, open, expected).map_err(Passed::Cap)
    }

    fn is_open(&mut self, hours: Option<&Hours>, zone: &'a str) -> bool {
        hours.is_none_or(|hours| hours.is_open_on(self.zone(zone).wall))
    }

    fn is_paused(&self, of: &CounterId) -> bool {
        self.situation.usage.get(of).is_some_and(|usage| usage.paused)
    }

    /// When hours that are closed open again, in words; looking for it takes longer than all the rest.
    fn closed(&self, hours: Option<&Hours>, zone: &str, in_words: bool) -> String {
        let now = self.situation.now;
        match hours.filter(|_| in_words).map(|hours| hours.at(now, zone)) {
            Some(Standing::Closed { opens }) => closed_text(now, opens, zone),
            Some(Standing::Open) | None => String::new(),
        }
    }
}

/// What decides whether a destination may take a call.
#[derive(Debug, Clone, Copy)]
pub struct Destined<'a> {
    via: Via,
    status: Status,
    buyer: Option<BuyerId>,
    caps: &'a Caps,
    time_zone: &'a str,
    hours: Option<&'a Hours>,
    counted: bool,
}

impl<'a> Destined<'a> {
    /// A target.
    pub fn target(id: TargetId, target: &'a Target) -> Self {
        let Target { status, buyer, caps, time_zone, hours, .. } = target;
        let (status, buyer, hours) = (*status, *buyer, hours.as_ref());
        Self { via: Via::Target(id), status, buyer, caps, time_zone, hours, counted: false }
    }

    /// A bidder.
    pub fn bidder(id: RtbTargetId, bidder: &'a RtbTarget) -> Self {
        let RtbTarget { status, buyer, caps, time_zone, hours, .. } = bidder;
        let (status, buyer, hours) = (*status, *buyer, hours.as_ref());
        Self { via: Via::RtbTarget(id), status, buyer, caps, time_zone, hours, counted: false }
    }

    /// Whether its calls are counted even when it has no caps.
    #[must_use]
    pub const fn counted(self, counted: bool) -> Self {
        Self { counted, ..self }
    }

    /// Whether it may take a call at this price now; the capacity to take first, its own, its buyer's and the call's.
    /// `in_words`: whether somebody reads the reason.
    ///
    /// # Errors
    /// Why it is passed over.
    pub fn eligible(
        &self,
        sight: &mut Sight<'a>,
        price: Price,
        in_words: bool,
    ) -> Result<Vec<Limit>, Passed> {
        let situation = sight.situation;
        if situation.tried.contains(&self.via.into()) {
            return Err(Passed::AlreadyTried);
        }
        let counter = self.via.counter();
        if self.status == Status::Paused || sight.is_paused(&counter) {
            return Err(Passed::Paused);
        }
        if self.buyer.is_some_and(|buyer| sight.is_paused(&buyer.into())) {
            return Err(Passed::BuyerPaused);
        }
        self.takes_caller(situation)?;
        if !sight.is_open(self.hours, self.time_zone) {
            return Err(Passed::Closed(sight.closed(self.hours, self.time_zone, in_words)));
        }
        let buyer = self.buyer.and_then(|id| Some((id, sight.snapshot.buyers.get(&id)?)));
        if let Some((_, buyer)) = buyer
            && !sight.is_open(buyer.hours.as_ref(), &buyer.time_zone)
        {
            let words = sight.closed(buyer.hours.as_ref(), &buyer.time_zone, in_words);
            return Err(Passed::BuyerClosed(words));
        }
        if let Some(filter) = sight.snapshot.filter_of(self.via)
            && let Err(failed) = sight.look.passes(filter)
        {
            return Err(Passed::Filtered(if in_words { failed.text() } else { String::new() }));
        }
        let Self { caps, time_zone, .. } = *self;
        let own = Capped { owner: CapOwner::Destination, counter, caps, time_zone };
        let mut limits = Vec::new();
        limits.extend(sight.room(own, price, self.counted).map_err(Passed::Cap)?);
        if let Some((id, buyer)) = buyer {
            let (caps, time_zone) = (&buyer.caps, buyer.time_zone.as_str());
            let buyers = Capped { owner: CapOwner::Buyer, counter: id.into(), caps, time_zone };
            limits.extend(sight.room(buyers, price, false).map_err(Passed::Cap)?);
        }
        limits.extend(sight.of_the_call(price).map_err(Passed::Cap)?);
        Ok(limits)
    }

    /// Whether it takes this caller again.
    fn takes_caller(&self, situation: &Situation<'_>) -> Result<(), Passed> {
        let again = situation.call.not_again.iter().find(|(via, _)| *via == self.via);
        if let Some((_, restricted)) = again {
            return Err(Passed::NotAgain(*restricted));
        }
        match situation.call.repeat {
            Verdict::Avoid(via) if via == self.via => Err(Passed::SameAsBefore),
            _ => Ok(()),
        }
    }
}
