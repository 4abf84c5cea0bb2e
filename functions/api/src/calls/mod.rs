//! `GET /api/calls…`: the call log, and one call with its events, decisions, auctions and books.
//!
//! What must stay true: everything here is shown to a [`Viewer`], and each part asks it what may be seen. Somebody limited
//! to one party finds only that party's calls; the others do not exist for them.

mod auction;
mod decisions;
mod detail;
mod docs;
mod events;
mod filter;
mod ledger;
mod list;
mod shown;
mod viewer;

use app::ports::CallRecord;
use domain::ids::CallId;

use crate::context::Context;
use crate::refusal::Refusal;
use crate::routes::{Routes, Verb};

pub use auction::auction_for;
pub(crate) use auction::bidder;
pub use decisions::{decision, decisions_for};
pub use detail::detail_for;
pub use events::events_for;
pub use ledger::ledger_for;
pub(crate) use ledger::shown as entry_view;
pub use list::list_for;
pub use shown::destination;
pub(crate) use shown::{address, line as line_view, mask_ip, words};
pub use viewer::Viewer;

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

async fn load(context: &Context, viewer: &Viewer, id: CallId) -> Result<CallRecord, Refusal> {
    let found = context.calls.load(viewer.tenant, id).await?;
    found.filter(|record| viewer.owns(&record.call, record.closing.as_ref())).ok_or_else(Refusal::not_found)
}
