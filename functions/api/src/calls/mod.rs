//! `GET /api/calls…`: the call log, and one call with its events, decisions, auctions and books.

mod auction;
mod decisions;
mod detail;
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
        .on(Verb::Get, "/api/calls/{id}", detail::detail)
        .on(Verb::Get, "/api/calls/{id}/events", events::events)
        .on(Verb::Get, "/api/calls/{id}/decisions", decisions::decisions)
        .on(Verb::Get, "/api/calls/{id}/auction", auction::auction)
        .on(Verb::Get, "/api/calls/{id}/ledger", ledger::ledger)
}

async fn load(context: &Context, tenant: TenantId, id: CallId) -> Result<CallRecord, Refusal> {
    context.calls.load(tenant, id).await?.ok_or_else(Refusal::not_found)
}
