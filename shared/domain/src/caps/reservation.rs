//! What a dial has taken, and what of it goes back when the attempt's end is known.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::room::taken;
use super::{Counted, CounterId, Limit, Price, revenue_attribute};
use crate::call::{Attempt, CallStatus, Leg, LegEvent, leg_end};
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
        !converts || !self.waits_for_the_books()
    }

    fn waits_for_the_books(&self) -> bool {
        self.reservation.as_ref().is_some_and(Reservation::waits_for_the_books)
    }

    fn was_connected(&self, events: &[LegEvent]) -> bool {
        leg_end(Leg::Attempt(self.number), events).is_some_and(|end| end.status == CallStatus::Completed)
    }

    /// What became of it, as far as that is known before the books are closed; `None` as long as it is open. One attempt
    /// of a call alone converts and earns (the billed one), so where that counts the books are waited for, unless this
    /// attempt cannot be the one.
    pub fn outcome_at_its_end(&self, attempts: &[Self], events: &[LegEvent]) -> Option<Outcome> {
        leg_end(Leg::Attempt(self.number), events)?;
        let connected = self.was_connected(events);
        let known = Outcome { connected, ..Outcome::NOTHING };
        let mut others = attempts.iter().filter(|other| other.number != self.number);
        let cannot_be_billed = if connected {
            others.any(|other| other.number > self.number && other.was_connected(events))
        } else {
            self.returns_unanswered()
                || others.any(|other| other.number > self.number || other.was_connected(events))
        };
        (!self.waits_for_the_books() || cannot_be_billed).then_some(known)
    }

    /// What became of it by the call's books, which are about the attempt `billed`.
    pub fn outcome_by_the_books(
        &self,
        events: &[LegEvent],
        billed: Option<u16>,
        books: &Settlement,
    ) -> Outcome {
        let connected = self.was_connected(events);
        if billed == Some(self.number) {
            Outcome { connected, converted: books.converted, earned: books.revenue }
        } else {
            Outcome { connected, ..Outcome::NOTHING }
        }
    }
}
