//! `GET /api/calls…`: the call log, and one call with its events, decisions, auctions and books.

mod auction;
mod decisions;
mod detail;
mod docs;
mod events;
mod ledger;
mod list;
mod shown;

use app::ports::CallRecord;
use domain::ids::{CallId, TenantId};

use crate::context::Context;
use crate::refusal::Refusal;
use crate::routes::{Routes, Verb};

/// Their routes.
pub fn routes(routes: Routes) -> Routes {
    routes
        .on(Verb::Get, "/api/calls", list::list)
        .doc(docs::list)
        .on(Verb::Get, "/api/calls/{id}", detail::detail)
        .doc(docs::detail)
        .on(Verb::Get, "/api/calls/{id}/events", events::events)
        .doc(docs::events)
        .on(Verb::Get, "/api/calls/{id}/decisions", decisions::decisions)
        .doc(docs::decisions)
        .on(Verb::Get, "/api/calls/{id}/auction", auction::auction)
        .doc(docs::auction)
        .on(Verb::Get, "/api/calls/{id}/ledger", ledger::ledger)
        .doc(docs::ledger)
}

async fn load(context: &Context, tenant: TenantId, id: CallId) -> Result<CallRecord, Refusal> {
    context.calls.load(tenant, id).await?.ok_or_else(Refusal::not_found)
}
