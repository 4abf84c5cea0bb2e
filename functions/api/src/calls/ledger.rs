//! The books of a call.

use std::sync::Arc;

use app::ports::CallRecord;
use axum::Json;
use axum::extract::State;
use contract::calls::{EntryView, LedgerView, Totals};
use domain::ids::CallId;
use domain::ledger::{Entry, EntryKind, Party};
use domain::money::Money;
use domain::routing::Via;

use super::load;
use crate::access::{Access, CallsRead};
use crate::context::Context;
use crate::params::Named;
use crate::refusal::Refusal;

/// `GET /api/calls/{id}/ledger`.
pub async fn ledger(
    access: Access<CallsRead>,
    State(context): State<Arc<Context>>,
    Named(id): Named<CallId>,
) -> Result<Json<LedgerView>, Refusal> {
    let mut record = load(&context, access.tenant, id).await?;
    record.ledger.sort_by_key(|entry| entry.number);
    totals(&record).map(|totals| {
        Json(LedgerView {
            settled: record.closing.is_some(),
            currency: record.call.currency,
            totals,
            entries: record.ledger.iter().map(shown).collect(),
        })
    })
}

/// Sums of the lines themselves, not of the call: whoever compares the two checks the books.
fn totals(record: &CallRecord) -> Result<Totals, Refusal> {
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
    Ok(Totals { revenue, payout, profit })
}

fn shown(entry: &Entry) -> EntryView {
    let (party_kind, party) = match entry.party {
        Party::Buyer(id) => ("buyer", id.to_string()),
        Party::Destination(Via::Target(id)) => ("target", id.to_string()),
        Party::Destination(Via::RtbTarget(id)) => ("rtb_target", id.to_string()),
        Party::Publisher(id) => ("publisher", id.to_string()),
    };
    let kind = match entry.kind {
        EntryKind::Revenue => "revenue",
        EntryKind::Payout => "payout",
    };
    EntryView {
        number: entry.number,
        kind: kind.to_owned(),
        party_kind: party_kind.to_owned(),
        party,
        amount: entry.amount,
        currency: entry.currency,
        reason: entry.reason.clone(),
    }
}
