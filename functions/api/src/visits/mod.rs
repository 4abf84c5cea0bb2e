//! `GET /api/visits…`: browser sessions that tracking tags have seen, and the visitors who are shown a number now.
//!
//! What must stay true: everything here is shown to a [`Viewer`]. A publisher's people find the visits of their publisher only; a
//! buyer's find none, because a visit says who sent the call.

mod detail;
mod docs;
mod list;
mod live;
mod shown;

use domain::access::Party;
use domain::dni::visit::Visit;
use domain::ids::PublisherId;

use crate::calls::Viewer;
use crate::routes::{Routes, Verb};

pub use detail::detail_for;
pub use list::list_for;
pub use live::live_for;

/// Their routes.
pub fn routes(routes: Routes) -> Routes {
    routes
        .on(Verb::Get, "/api/visits", list::list)
        .doc(docs::list)
        .on(Verb::Get, "/api/visits/live", live::live)
        .doc(docs::live)
        .on(Verb::Get, "/api/visits/{id}", detail::detail)
        .doc(docs::detail)
}

/// Whether a visit is theirs.
fn owns(viewer: &Viewer, visit: &Visit) -> bool {
    owns_of(viewer, visit.publisher)
}

/// Whether what belongs to this publisher is theirs.
fn owns_of(viewer: &Viewer, publisher: Option<PublisherId>) -> bool {
    match viewer.only {
        None => true,
        Some(Party::Publisher(own)) => publisher == Some(own),
        Some(Party::Buyer(_)) => false,
    }
}
