//! What a dial has taken, and what of it goes back when the attempt's end is known.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::room::taken;
use super::{Counted, CounterId, Limit, Price, revenue_attribute};
use crate::call::{Attempt, CallStatus, Leg, LegEvent, leg_end, step_of_attempt};
use crate::ledger::{Conversion, Settlement};
use crate::money::Money;

/// What was taken, so that exactly this can be given back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reservation {
    /// The counters and the windows each was counted in.
    pub taken: Vec<Taken>,
    /// Moves exactly once, from reserved to one of the others.
    pub state: ReservationState,
}

/// One counter of a reservation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Taken {
    /// Whose counter.
    pub counter: CounterId,
    /// Window names that were increased, besides `live` and `total`.
    pub windows: Vec<String>,
    /// Which calls stay counted.
    #[serde(default)]
    pub count: Counted,
    /// What was taken of its revenue; `None` when that is not counted.
    #[serde(default)]
    pub price: Option<Price>,
    /// Its clock, for what is counted after the call.
    #[serde(default = "utc")]
    pub time_zone: String,
}

fn utc() -> String {
    "UTC".to_owned()
}

/// The life of a reservation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReservationState {
    /// The call may still be connected.
    Reserved,
    /// It was connected or converted, and is over: what counts stays, the rest was given back.
    Confirmed,
    /// It was neither: everything was given back.
    Returned,
}

/// What became of an attempt.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Outcome {
    /// Whether the parties could talk.
    pub connected: bool,
    /// Whether the call converted by it.
    pub converted: bool,
    /// What the call earned by it.
    pub earned: Money,
}

impl Outcome {
    /// Nobody answered: all of it goes back.
    pub const NOTHING: Self = Self { connected: false, converted: false, earned: Money::ZERO };

    /// The reservation's state then.
    pub const fn state(&self) -> ReservationState {
        if self.connected || self.converted {
            ReservationState::Confirmed
        } else {
            ReservationState::Returned
        }
    }

    const fn keeps(&self, count: Counted) -> bool {
        match count {
            Counted::Connected => self.connected,
            Counted::Converted => self.converted,
        }
    }
}

impl Reservation {
    /// What taking these limits records.
    pub fn of(limits: &[Limit]) -> Self {
        let taken = limits.iter().map(Taken::of).collect();
        Self { taken, state: ReservationState::Reserved }
    }

    /// Whether the books decide what goes back, and not the connection alone.
    fn waits_for_the_books(&self) -> bool {
        self.taken.iter().any(|taken| taken.count == Counted::Converted || taken.price.is_some())
    }
}

impl Taken {
    fn of(limit: &Limit) -> Self {
        Self {
            counter: limit.counter,
            windows: limit.open.names(),
            count: limit.caps.count,
            price: limit.price,
            time_zone: limit.time_zone.clone(),
        }
    }

    /// What goes back, by attribute; below zero where more was earned than reserved.
    pub fn gives_back(&self, outcome: &Outcome) -> BTreeMap<String, i64> {
        let mut back = taken(&self.windows, self.price);
        for name in self.windows.iter().map(String::as_str).chain(["total"]) {
            if outcome.keeps(self.count) {
                back.remove(name);
            }
            if let Some(reserved) = back.get_mut(&revenue_attribute(name)) {
                *reserved = reserved.saturating_sub(outcome.earned.micros());
            }
        }
        back.retain(|_, amount| *amount != 0);
        back
    }
}

/// Capacity that attempts which ring at the same time take together, once: of their campaign, say. One of them is answered
/// at most, so it counts as one call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Joint {
    /// Counts those of a step, numbered like attempts.
    pub number: u16,
    /// The numbers of its attempts.
    pub attempts: Vec<u16>,
    /// What was taken.
    pub reservation: Reservation,
}

/// How the capacity of parties that ring at the same time is taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shares {
    /// What each party takes by itself, in their order.
    pub own: Vec<Vec<Limit>>,
    /// What several take together, and which.
    pub joint: Vec<(Vec<usize>, Vec<Limit>)>,
}

impl Shares {
    /// Of what each party would take if it rang alone. A counter that several of them need is taken once, at the highest of
    /// their prices.
    pub fn of(parties: Vec<Vec<Limit>>) -> Self {
        let mut needed: BTreeMap<CounterId, (Vec<usize>, Limit)> = BTreeMap::new();
        for (index, limit) in parties
            .iter()
            .enumerate()
            .flat_map(|(index, limits)| limits.iter().map(move |limit| (index, limit)))
        {
            let (parties, taken) = needed.entry(limit.counter).or_insert_with(|| (Vec::new(), limit.clone()));
            parties.push(index);
            if limit.price.map(Price::reserved) > taken.price.map(Price::reserved) {
                taken.price = limit.price;
            }
        }
        let mut own = vec![Vec::new(); parties.len()];
        let mut joint: BTreeMap<Vec<usize>, Vec<Limit>> = BTreeMap::new();
        for (parties, limit) in needed.into_values() {
            match parties.as_slice() {
                [one] => {
                    if let Some(own) = own.get_mut(*one) {
                        own.push(limit);
                    }
                }
                _ => joint.entry(parties).or_default().push(limit),
            }
        }
        Self { own, joint: joint.into_iter().collect() }
    }
}

/// What holds capacity of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Holder {
    /// An attempt, by its number.
    Attempt(u16),
    /// Attempts together, by the number of their [`Joint`].
    Joint(u16),
}

/// Capacity that is held, and for what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Held {
    /// What holds it.
    pub by: Holder,
    /// What was taken.
    pub reservation: Reservation,
    /// The attempts for which it was taken.
    attempts: Vec<u16>,
    /// Whether the call may convert by one of these although nobody answers it.
    converts_unanswered: bool,
}

impl Held {
    /// What an attempt holds by itself; `None` when that is nothing.
    pub fn by_attempt(attempt: &Attempt) -> Option<Self> {
        let reservation = attempt.reservation.clone()?;
        let (by, attempts) = (Holder::Attempt(attempt.number), vec![attempt.number]);
        Some(Self { by, reservation, attempts, converts_unanswered: attempt.converts_unanswered() })
    }

    /// What a call's attempts hold, each by itself and together, as far as nothing of it went back yet.
    pub fn all(attempts: &[Attempt], joints: &[Joint]) -> Vec<Self> {
        let of_joint = |joint: &Joint| {
            let mut members = attempts.iter().filter(|attempt| joint.attempts.contains(&attempt.number));
            Self {
                by: Holder::Joint(joint.number),
                reservation: joint.reservation.clone(),
                attempts: joint.attempts.clone(),
                converts_unanswered: members.any(Attempt::converts_unanswered),
            }
        };
        let held = attempts.iter().filter_map(Self::by_attempt).chain(joints.iter().map(of_joint));
        held.filter(|held| held.reservation.state == ReservationState::Reserved).collect()
    }

    /// Whether it is held for what this step dialled.
    pub fn is_of_step(&self, step: u16) -> bool {
        self.attempts.iter().any(|number| step_of_attempt(*number) == step)
    }

    /// Whether it can go back before the call is over although nobody answered: nothing is counted that such an attempt could
    /// bring as the call's last one.
    pub fn returns_unanswered(&self) -> bool {
        !self.converts_unanswered || !self.reservation.waits_for_the_books()
    }

    fn is_for(&self, attempt: &Attempt) -> bool {
        self.attempts.contains(&attempt.number)
    }

    fn is_connected(&self, attempts: &[Attempt], events: &[LegEvent]) -> bool {
        attempts.iter().any(|attempt| self.is_for(attempt) && attempt.was_connected(events))
    }

    /// What became of it, as far as that is known before the books are closed; `None` as long as it is open. One attempt
    /// of a call alone converts and earns (the billed one), so where that counts the books are waited for, unless none of
    /// these can be the one.
    pub fn outcome_at_its_end(&self, attempts: &[Attempt], events: &[LegEvent]) -> Option<Outcome> {
        let mine = || attempts.iter().filter(|attempt| self.is_for(attempt));
        if mine().any(|attempt| leg_end(Leg::Attempt(attempt.number), events).is_none()) {
            return None;
        }
        let connected = self.is_connected(attempts, events);
        let known = Outcome { connected, ..Outcome::NOTHING };
        let last = mine().map(Attempt::place).max()?;
        let mut others = attempts.iter().filter(|attempt| !self.is_for(attempt));
        let cannot_be_billed = if connected {
            others.any(|other| other.place() > last && other.was_connected(events))
        } else {
            self.returns_unanswered()
                || others.any(|other| other.place() > last || other.was_connected(events))
        };
        (!self.reservation.waits_for_the_books() || cannot_be_billed).then_some(known)
    }

    /// What became of it by the call's books, which are about the attempt `billed`.
    pub fn outcome_by_the_books(
        &self,
        attempts: &[Attempt],
        events: &[LegEvent],
        billed: Option<u16>,
        books: &Settlement,
    ) -> Outcome {
        let connected = self.is_connected(attempts, events);
        if billed.is_some_and(|billed| self.attempts.contains(&billed)) {
            Outcome { connected, converted: books.converted, earned: books.revenue }
        } else {
            Outcome { connected, ..Outcome::NOTHING }
        }
    }
}

impl Attempt {
    fn converts_unanswered(&self) -> bool {
        matches!(self.terms.conversion, Conversion::Incoming | Conversion::Dialled)
    }

    /// Whether the parties could talk, as far as its leg's end says so.
    pub(crate) fn was_connected(&self, events: &[LegEvent]) -> bool {
        leg_end(Leg::Attempt(self.number), events).is_some_and(|end| end.status == CallStatus::Completed)
    }
}
