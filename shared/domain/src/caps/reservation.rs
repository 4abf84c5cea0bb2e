//! What a dial has taken, and what of it goes back when the attempt's end is known.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::room::taken;
use super::{Counted, CounterId, Limit, Price, revenue_attribute};
use crate::call::{Attempt, Call, CallStatus, Leg, LegEvent, Standing, leg_end, standing};
use crate::ledger::{self, Conversion};
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
            counter: limit.counter.clone(),
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

impl Attempt {
    /// Whether its capacity can go back before the call is over although nobody answered: nothing is counted that such an
    /// attempt could bring as the call's last one.
    pub fn returns_unanswered(&self) -> bool {
        let converts = matches!(self.terms.conversion, Conversion::Incoming | Conversion::Dialled);
        !converts || !self.reservation.as_ref().is_some_and(Reservation::waits_for_the_books)
    }
}

/// What became of an attempt, by the same books that settle the call; `None` as long as that is open. Only one attempt of
/// a call converts and earns (the billed one), so where that counts, the end of the call is waited for, unless this
/// attempt cannot be the one.
pub fn outcome(attempt: &Attempt, call: &Call, attempts: &[Attempt], events: &[LegEvent]) -> Option<Outcome> {
    let was_connected = |attempt: &Attempt| {
        leg_end(Leg::Attempt(attempt.number), events).is_some_and(|end| end.status == CallStatus::Completed)
    };
    leg_end(Leg::Attempt(attempt.number), events)?;
    let connected = was_connected(attempt);
    let unbilled = Outcome { connected, ..Outcome::NOTHING };
    if let Standing::Concluded(conclusion) = standing(call, attempts, events) {
        let is_billed = conclusion.billed.as_ref().is_some_and(|billed| billed.number == attempt.number);
        if !is_billed {
            return Some(unbilled);
        }
        let books = ledger::settle(call, &conclusion);
        return Some(Outcome { connected, converted: books.converted, earned: books.revenue });
    }
    let waits = attempt.reservation.as_ref().is_some_and(Reservation::waits_for_the_books);
    let mut others = attempts.iter().filter(|other| other.number != attempt.number);
    let cannot_be_billed = if connected {
        others.any(|other| other.number > attempt.number && was_connected(other))
    } else {
        attempt.returns_unanswered()
            || others.any(|other| other.number > attempt.number || was_connected(other))
    };
    (!waits || cannot_be_billed).then_some(unbilled)
}
