//! What moves the books of a settled call: a conversion report that came later, an approved adjustment.
//!
//! What must stay true: the totals move by exactly the sum of the new lines, and neither revenue nor payout of a call falls
//! below nothing. A report moves them by what the settlement would have been with it, less what it was without, so it does
//! not matter whether it came before or after the call closed, nor what was adjusted in between.

use jiff::Timestamp;

use super::settle::payer;
use super::{Entry, EntryKind, NoPayout, Party, Settlement, Source, settle};
use crate::adjustment::Adjustment;
use crate::call::{Call, Conclusion};
use crate::caps::CapReached;
use crate::conversion_report::ConversionReport;
use crate::money::{Currency, Money};

/// Most lines of one call; an adjustment that would need more is refused.
pub const MAX_ENTRIES: usize = 100;

/// Why the books of a call cannot be moved so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unbookable {
    /// The call's revenue or payout would fall below nothing.
    BelowZero(EntryKind),
    /// There is nobody with whom such a line could be: no destination was dialled, or no publisher sent the call.
    Nobody(EntryKind),
    /// The call has [`MAX_ENTRIES`] lines.
    TooMany,
    /// The amounts do not fit into 64 bits of micro-units.
    TooLarge,
}

/// A line that is to be written.
struct Line {
    kind: EntryKind,
    party: Party,
    amount: Money,
    reason: String,
}

/// The settlement with the lines that a later report brings, and those lines. `full`: the cap that has no room for what it
/// adds to the payout; that is not paid then. A call whose payout a cap has refused before stays without one.
///
/// # Errors
/// The amounts do not fit.
pub fn with_report(
    stored: &Settlement,
    call: &Call,
    conclusion: &Conclusion,
    report: &ConversionReport,
    full: Option<CapReached>,
) -> Result<(Settlement, Vec<Entry>), Unbookable> {
    let full = stored.payout_cap().or(full);
    let (without, with) = (settle(call, conclusion, None), settle(call, conclusion, Some(report)));
    let mut lines = Vec::new();
    let paid = |entry: &Entry| full.is_none() || entry.kind != EntryKind::Payout;
    for entry in with.entries.into_iter().filter(paid) {
        let before = match entry.kind {
            EntryKind::Revenue => without.revenue,
            EntryKind::Payout => without.payout,
        };
        let amount = entry.amount.checked_sub(before).ok_or(Unbookable::TooLarge)?;
        let Entry { kind, party, reason, .. } = entry;
        lines.push(Line {
            kind,
            party,
            amount,
            reason: format!("{reason}; reported after the call had closed"),
        });
    }
    let mut settlement = stored.clone();
    settlement.converted = with.converted;
    settlement.no_conversion = with.no_conversion;
    let capped = full.filter(|_| stored.payout == Money::ZERO && with.payout > Money::ZERO);
    settlement.no_payout = capped.map(NoPayout::PayoutCap).or(with.no_payout);
    written(settlement, lines, Source::Report, call.currency, report.at)
}

/// The settlement with the lines of an adjustment that is approved at `at`, and those lines.
///
/// # Errors
/// The call's money would fall below nothing, or there is nobody with whom such a line could be.
pub fn with_adjustment(
    stored: &Settlement,
    call: &Call,
    conclusion: &Conclusion,
    adjustment: &Adjustment,
    at: Timestamp,
) -> Result<(Settlement, Vec<Entry>), Unbookable> {
    let billed = conclusion.billed.as_ref();
    let payer = billed.map(|attempt| payer(attempt.terms.buyer, attempt.via));
    let payee = call.publisher.map(Party::Publisher);
    let wanted =
        [(EntryKind::Revenue, adjustment.revenue, payer), (EntryKind::Payout, adjustment.payout, payee)];
    let mut lines = Vec::new();
    for (kind, amount, party) in wanted {
        if amount == Money::ZERO {
            continue;
        }
        let party = party.ok_or(Unbookable::Nobody(kind))?;
        lines.push(Line { kind, party, amount, reason: format!("adjustment: {}", adjustment.reason) });
    }
    written(stored.clone(), lines, Source::Adjustment(adjustment.id), call.currency, at)
}

fn written(
    mut settlement: Settlement,
    lines: Vec<Line>,
    source: Source,
    currency: Currency,
    at: Timestamp,
) -> Result<(Settlement, Vec<Entry>), Unbookable> {
    let mut entries = Vec::new();
    for Line { kind, party, amount, reason } in lines {
        if amount == Money::ZERO {
            continue;
        }
        let total = match kind {
            EntryKind::Revenue => &mut settlement.revenue,
            EntryKind::Payout => &mut settlement.payout,
        };
        *total = total.checked_add(amount).ok_or(Unbookable::TooLarge)?;
        if *total < Money::ZERO {
            return Err(Unbookable::BelowZero(kind));
        }
        let number = settlement.entries.len() + 1;
        if number > MAX_ENTRIES {
            return Err(Unbookable::TooMany);
        }
        let number = u16::try_from(number).map_err(|_| Unbookable::TooMany)?;
        let entry = Entry { number, at, source, kind, party, amount, currency, reason };
        settlement.entries.push(entry.clone());
        entries.push(entry);
    }
    settlement.profit = settlement.revenue.checked_sub(settlement.payout).ok_or(Unbookable::TooLarge)?;
    Ok((settlement, entries))
}
