//! What is owed by and to a party in a month: the lines, and their sums.
//!
//! The sums are made from the lines themselves when the first page is read, so they cannot disagree with them. A month that
//! is too long for that is shown without sums.

use std::collections::BTreeMap;
use std::sync::Arc;

use app::ports::LedgerLine;
use axum::Json;
use axum::extract::State;
use contract::books::{LedgerLineView, LedgerQuery, MonthTotal, PartyLedger};
use contract::problem::Code;
use domain::access;
use domain::ids::TenantId;
use domain::ledger::{EntryKind, Party};
use domain::money::Money;

use crate::access::{LedgerRead, OwnAccess};
use crate::calls::entry_view;
use crate::context::Context;
use crate::cursor;
use crate::params::Params;
use crate::refusal::Refusal;

/// Lines of one read when a month is summed.
const CHUNK: u16 = 2_000;
/// Most reads for the sums of a month: 100,000 lines.
const READS: usize = 50;

/// `GET /api/ledger`.
pub async fn ledger(
    access: OwnAccess<LedgerRead>,
    State(context): State<Arc<Context>>,
    Params(params): Params,
) -> Result<Json<PartyLedger>, Refusal> {
    let query = LedgerQuery::read(&params).map_err(|fields| Refusal::fields(Code::InvalidQuery, fields))?;
    let own = match access.only {
        None => true,
        Some(access::Party::Buyer(buyer)) => query.party == Party::Buyer(buyer),
        Some(access::Party::Publisher(publisher)) => query.party == Party::Publisher(publisher),
    };
    if !own {
        return Err(Refusal::not_found());
    }
    let name = format!("ledger {:?} {}", query.party, query.month);
    let from: Option<String> =
        query.cursor.as_deref().map(|text| cursor::open(access.tenant, &name, text)).transpose()?;
    let (tenant, party, month) = (access.tenant, query.party, query.month);
    let page = context.books.ledger_of(tenant, party, month, from.as_deref(), query.limit).await?;
    let totals = match from {
        Some(_) => None,
        None => totals(&context, tenant, &query).await?,
    };
    let line = |line: LedgerLine| LedgerLineView { call: line.call, entry: entry_view(&line.entry) };
    Ok(Json(PartyLedger {
        party: party.id(),
        month: month.strftime("%Y-%m").to_string(),
        totals,
        items: page.items.into_iter().map(line).collect(),
        next: page.next.and_then(|place| cursor::seal(tenant, &name, place)),
    }))
}

/// The sums of a month by currency; `None` when it has too many lines.
async fn totals(
    context: &Context,
    tenant: TenantId,
    query: &LedgerQuery,
) -> Result<Option<Vec<MonthTotal>>, Refusal> {
    let mut sums: BTreeMap<&'static str, MonthTotal> = BTreeMap::new();
    let mut from: Option<String> = None;
    for _ in 0..READS {
        let page = context.books.ledger_of(tenant, query.party, query.month, from.as_deref(), CHUNK).await?;
        for LedgerLine { entry, .. } in page.items {
            let nothing = || MonthTotal {
                currency: entry.currency,
                revenue: Money::ZERO,
                payout: Money::ZERO,
                lines: 0,
            };
            let sum = sums.entry(entry.currency.code()).or_insert_with(nothing);
            let side = match entry.kind {
                EntryKind::Revenue => &mut sum.revenue,
                EntryKind::Payout => &mut sum.payout,
            };
            *side = side.checked_add(entry.amount).ok_or_else(Refusal::internal)?;
            sum.lines += 1;
        }
        from = page.next;
        if from.is_none() {
            return Ok(Some(sums.into_values().collect()));
        }
    }
    Ok(None)
}
