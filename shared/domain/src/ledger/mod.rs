//! Who pays whom for a call, and how much: the rules, the settlement, and what changes it afterwards.
//!
//! What must stay true: a settlement is a pure function of the concluded call and of the conversion report about it, so
//! revenue − payout = profit to the micro-unit, and the entries are the call's money by construction. Whatever comes later
//! (a report, an approved adjustment) adds entries and moves the totals by exactly their sum; no entry is ever changed.
//!
//! Rounding has one name for every kind: **down to the micro-unit** (a millionth of the currency's main unit). Prices per
//! minute and shares are the only amounts that are computed; the payer keeps the remainder, which is below a micro-unit.

mod entry;
mod payout;
mod payout_caps;
mod per_minute;
mod reasons;
mod rebook;
mod settle;
mod terms;

pub use entry::{Entry, EntryKind, NoParty, Party, Source};
pub use payout::{Duplicates, Payout, PayoutAmount, PayoutOn};
pub use payout_caps::{AfterCap, Payment, PayoutCaps, PayoutCounts, PayoutLimit, adjusted, payment, refuses};
pub use per_minute::PerMinute;
pub use reasons::{NoConversion, NoPayout};
pub use rebook::{MAX_ENTRIES, Unbookable, with_adjustment, with_report};
pub use settle::{Settlement, settle};
pub use terms::{Conversion, Revenue, Terms, TimerStart};
