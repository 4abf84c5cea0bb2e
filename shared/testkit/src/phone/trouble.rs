//! What goes wrong with REST requests on demand: refused for now, answers lost, purchases refused.
//!
//! What must stay true: a request that is refused for now was not carried out; one whose answer is lost was.

use std::sync::Arc;
use std::sync::Mutex;

use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::http::Method;
use axum::middleware::Next;
use axum::response::Response;
use futures::stream;

use super::locked;
use super::rest_answers::{self as answers, Refused};
use super::state::Network;

/// What is still to go wrong.
#[derive(Debug, Default)]
pub(super) struct Trouble(Mutex<Pending>);

#[derive(Debug, Default)]
struct Pending {
    busy: u32,
    lost: u32,
    purchases: Option<(u16, u32)>,
}

impl Trouble {
    pub(super) fn be_busy(&self, requests: u32) {
        locked(&self.0).busy = requests;
    }

    pub(super) fn lose_answers(&self, requests: u32) {
        locked(&self.0).lost = requests;
    }

    pub(super) fn refuse_purchases(&self, refusal: Option<(u16, u32)>) {
        locked(&self.0).purchases = refusal;
    }

    pub(super) fn of_purchase(&self) -> Option<Refused> {
        let (status, code) = locked(&self.0).purchases?;
        Some(Refused::new(status, code, "The purchase is refused"))
    }

    fn takes_busy(&self) -> bool {
        take(&mut locked(&self.0).busy)
    }

    fn takes_lost(&self) -> bool {
        take(&mut locked(&self.0).lost)
    }
}

fn take(counter: &mut u32) -> bool {
    let due = *counter > 0;
    *counter = counter.saturating_sub(1);
    due
}

/// Stands before every REST request.
pub(super) async fn interfere(State(network): State<Arc<Network>>, request: Request, next: Next) -> Response {
    if network.trouble.takes_busy() {
        return answers::refused(&Refused::new(429, 20_429, "Too many requests"));
    }
    let changes = request.method() != Method::GET;
    let response = next.run(request).await;
    if changes && response.status().is_success() && network.trouble.takes_lost() {
        // The connection breaks off before the answer is whole.
        let broken = stream::once(async { Err::<Bytes, _>(std::io::Error::other("the answer is lost")) });
        return Response::new(Body::from_stream(broken));
    }
    response
}
