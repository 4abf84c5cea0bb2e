//! What calls teach about destinations: over which span records count, and what one call adds to them.
//!
//! What must stay true: a call is counted when it is settled, in the very transaction that settles it, and what it earns
//! later (a conversion reported afterwards, an approved adjustment) is added to the same month. So what the records say was
//! earned is what the books say, to the micro-unit, as far as calls are counted at all: see [`MAX_LESSONS`].

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

use super::Counts;
use crate::call::{Attempt, LegEvent};
use crate::ledger::Settlement;
use crate::money::Money;
use crate::routing::Via;

/// Most destinations that one call counts for: the one its books are about, then those that answered, then the others in the
/// order in which they were dialled. It keeps a settlement within what one transaction may hold.
pub const MAX_LESSONS: usize = 30;

/// What a destination's calls of one campaign came to **in this calendar month and the last one** (UTC, by the call's end).
/// What is older is forgotten: a destination is ranked by its last four to nine weeks.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Earned {
    /// Those that the call's own publisher sent.
    pub of_publisher: Counts,
    /// All of them.
    pub of_campaign: Counts,
}

/// What a call adds to the record of one destination.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lesson {
    /// Which.
    pub via: Via,
    /// In which month: its first day.
    pub month: Date,
    /// What is added. The revenue may be below nothing: what an adjustment takes back.
    pub counts: Counts,
}

/// The month to which a call belongs that ended then: its first day, UTC.
pub fn month_of(at: Timestamp) -> Date {
    at.to_zoned(TimeZone::UTC).date().first_of_month()
}

/// The months whose calls count at an instant: this one and the last.
pub fn months(now: Timestamp) -> [Date; 2] {
    let this = month_of(now);
    [this, this.yesterday().map_or(this, Date::first_of_month)]
}

/// What a call teaches when its books are closed: each destination was dialled, some were connected, and the one that the
/// books are about (`billed`) may have converted and earned. A destination stands in it once.
pub fn lessons(
    attempts: &[Attempt],
    events: &[LegEvent],
    billed: Option<u16>,
    books: &Settlement,
    ended_at: Timestamp,
) -> Vec<Lesson> {
    let month = month_of(ended_at);
    let mut known: Vec<(&Attempt, bool)> =
        attempts.iter().map(|attempt| (attempt, attempt.was_connected(events))).collect();
    known.sort_by_key(|(attempt, connected)| (billed != Some(attempt.number), !connected, attempt.number));
    let mut lessons: Vec<Lesson> = Vec::new();
    for (attempt, connected) in known {
        // Several agents may have been rung for one target: the first in this order says what became of it.
        if lessons.iter().any(|lesson| lesson.via == attempt.via) {
            continue;
        }
        let is_billed = billed == Some(attempt.number);
        let counts = Counts {
            dialled: 1,
            connected: connected.into(),
            converted: (is_billed && books.converted).into(),
            revenue: if is_billed { books.revenue } else { Money::ZERO },
        };
        lessons.push(Lesson { via: attempt.via, month, counts });
    }
    lessons.truncate(MAX_LESSONS);
    lessons
}

/// What a settled call teaches anew when its books move; nothing when its revenue and its conversion stay.
pub fn correction(
    via: Option<Via>,
    ended_at: Timestamp,
    before: &Settlement,
    after: &Settlement,
) -> Option<Lesson> {
    let counts = Counts {
        converted: u64::from(after.converted && !before.converted),
        revenue: Money::from_micros(after.revenue.micros().saturating_sub(before.revenue.micros())),
        ..Counts::default()
    };
    let via = via.filter(|_| counts != Counts::default())?;
    Some(Lesson { via, month: month_of(ended_at), counts })
}
