//! Whether a destination may take a call now.

use super::{Passed, Situation, Via};
use crate::caps::{Caps, CounterId, Limit, OpenWindows};
use crate::ids::{BuyerId, RtbTargetId, TargetId};
use crate::target::{RtbTarget, Status, Target};

/// What decides whether a destination may take a call.
#[derive(Debug, Clone, Copy)]
pub struct Destined<'a> {
    via: Via,
    status: Status,
    buyer: Option<BuyerId>,
    caps: &'a Caps,
    time_zone: &'a str,
    counted: bool,
}

impl<'a> Destined<'a> {
    /// A target.
    pub fn target(id: TargetId, target: &'a Target) -> Self {
        let Target { status, buyer, caps, time_zone, .. } = target;
        Self { via: Via::Target(id), status: *status, buyer: *buyer, caps, time_zone, counted: false }
    }

    /// A bidder.
    pub fn bidder(id: RtbTargetId, bidder: &'a RtbTarget) -> Self {
        let RtbTarget { status, buyer, caps, time_zone, .. } = bidder;
        Self { via: Via::RtbTarget(id), status: *status, buyer: *buyer, caps, time_zone, counted: false }
    }

    /// Whether its calls are counted even when it has no caps.
    #[must_use]
    pub const fn counted(self, counted: bool) -> Self {
        Self { counted, ..self }
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
        if !self.caps.any() && !self.counted {
            return Ok(Vec::new());
        }
        let open = OpenWindows::at(situation.now, self.time_zone);
        if let Some(full) = usage.and_then(|usage| usage.full(self.caps, &open)) {
            return Err(Passed::Cap(full));
        }
        let outdated = usage.map(|usage| usage.outdated(&open)).unwrap_or_default();
        Ok(vec![Limit { counter, caps: *self.caps, open, outdated, at: situation.now }])
    }
}

impl Situation<'_> {
    fn is_paused(&self, of: &CounterId) -> bool {
        self.usage.get(of).is_some_and(|usage| usage.paused)
    }
}
