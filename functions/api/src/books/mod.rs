//! Money after the rules have spoken: reported conversions, adjustments, and the ledger of a party.
//!
//! What must stay true: a buyer's person sees and disputes its own calls only, and of an adjustment neither payouts nor
//! names; a publisher's sees its own ledger.

mod adjustments;
mod conversions;
mod docs;
mod ledger;

use app::books::Tools;

use crate::context::Context;
use crate::routes::{Routes, Verb};

/// Their routes.
pub fn routes(routes: Routes) -> Routes {
    routes
        .on(Verb::Post, "/api/calls/{id}/conversion", conversions::report)
        .doc(docs::report)
        .on(Verb::Get, "/api/incoming-webhooks/{id}/url", conversions::url)
        .doc(docs::url)
        .on(Verb::Post, "/api/calls/{id}/adjustments", adjustments::request)
        .doc(docs::request)
        .on(Verb::Get, "/api/adjustments", adjustments::list)
        .doc(docs::list)
        .on(Verb::Get, "/api/adjustments/{id}", adjustments::get)
        .doc(docs::get)
        .on(Verb::Post, "/api/adjustments/{id}/approve", adjustments::approve)
        .doc(docs::approve)
        .on(Verb::Post, "/api/adjustments/{id}/reject", adjustments::reject)
        .doc(docs::reject)
        .on(Verb::Get, "/api/ledger", ledger::ledger)
        .doc(docs::ledger)
}

/// The deeds' tools.
fn tools(context: &Context) -> Tools<'_> {
    Tools { calls: context.calls.as_ref(), books: context.books.as_ref(), clock: context.clock.as_ref() }
}
