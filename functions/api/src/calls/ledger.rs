//! The books of a call.

use std::sync::Arc;

use app::ports::CallRecord;
use axum::Json;
use axum::extract::State;
use contract::calls::{EntryView, LedgerView, Totals};
use domain::ids::CallId;
use domain::ledger::{Entry, EntryKind, Source};
use domain::money::Money;

use super::{Viewer, load};
use crate::access::{CallsRead, OwnAccess};
use crate::context::Context;
use crate::params::Named;
use crate::refusal::Refusal;

/// `GET /api/calls/{id}/ledger`.
pub async fn ledger(
    access: OwnAccess<CallsRead>,
    State(context): State<Arc<Context>>,
    Named(id): Named<CallId>,
) -> Result<Json<LedgerView>, Refusal> {
    ledger_for(&context, &Viewer::of(&access), id).await.map(Json)
}

/// The books of a call as a viewer may see them: their own lines and the sum of those.
///
/// # Errors
/// The call does not exist for them, or its lines do not add up.
pub async fn ledger_for(context: &Context, viewer: &Viewer, id: CallId) -> Result<LedgerView, Refusal> {
    let mut record = load(context, viewer, id).await?;
    record.ledger.retain(|entry| viewer.sees_entry(entry));
    record.ledger.sort_by_key(|entry| entry.number);
    Ok(LedgerView {
        settled: record.closing.is_some(),
        currency: record.call.currency,
        totals: totals(&record, viewer)?,
        entries: record.ledger.iter().map(shown).collect(),
    })
}

/// Sums of the lines themselves, not of the call: whoever compares the two checks the books.
fn totals(record: &CallRecord, viewer: &Viewer) -> Result<Totals, Refusal> {
    let sum = |kind: EntryKind| {
        let amounts = record.ledger.iter().filter(|entry| entry.kind == kind).map(|entry| entry.amount);
        amounts.into_iter().try_fold(Money::ZERO, Money::checked_add)
    };
    let overflow = || {
        tracing::error!(call = %record.call.id, "the ledger of a call does not add up within 64 bits");
        Refusal::internal()
    };
    let revenue = sum(EntryKind::Revenue).ok_or_else(overflow)?;
    let payout = sum(EntryKind::Payout).ok_or_else(overflow)?;
    let profit = revenue.checked_sub(payout).ok_or_else(overflow)?;
    let [revenue, payout, profit] = viewer.money(revenue, payout, profit);
    Ok(Totals { revenue, payout, profit })
}

/// A line as the API shows it.
pub(crate) fn shown(entry: &Entry) -> EntryView {
    let kind = match entry.kind {
        EntryKind::Revenue => "revenue",
        EntryKind::Payout => "payout",
    };
    let (source, adjustment) = match entry.source {
        Source::Settlement => ("settlement", None),
        Source::Report => ("report", None),
        Source::Adjustment(id) => ("adjustment", Some(id)),
    };
    EntryView {
        number: entry.number,
        at: entry.at,
        source: source.to_owned(),
        adjustment,
        kind: kind.to_owned(),
        party_kind: entry.party.kind().to_owned(),
        party: entry.party.id(),
        amount: entry.amount,
        currency: entry.currency,
        reason: entry.reason.clone(),
    }
}
