//! The REST API: tenants set up campaigns, targets, RTB targets and phone numbers, publish, and read their calls.
//!
//! What must stay true:
//!
//! * The tenant comes from the API key, never from the request. What belongs to another tenant does not exist: 404.
//! * A handler that names no permission does not compile: see [`routes`].
//! * Every refusal is a problem document (RFC 9457) with a code from [`contract::problem::Code`]; whatever is sent, a
//!   client's mistake is a 4xx.
//! * Callers' numbers are masked unless the key has `numbers:read`.
//!
//! Idempotency: reading changes nothing; a change names the version it was made from, so the repeated one is refused with
//! `version_conflict`; a repeated creation is refused because the name is taken; publishing again is a new version of
//! the same; buying a number again finds it in the account and buys nothing.

pub mod access;
mod body;
mod calls;
pub mod context;
mod cursor;
mod health;
mod nouns;
mod numbers;
pub mod pages;
mod params;
mod publish;
pub mod refusal;
pub mod routes;

use std::sync::Arc;

use axum::Router;
use axum::body::to_bytes;
use contract::problem::Code;
use runtime::{HttpRequest, HttpResponse};
use tower::ServiceExt as _;

use refusal::{Refusal, RequestId};

pub use context::Context;

/// The largest answer we give; far above a page of calls.
const LARGEST_ANSWER: usize = 5 * 1024 * 1024;

/// Every route with its permission, in one place.
pub fn all_routes() -> routes::Routes {
    let routes = health::routes(routes::Routes::new());
    let routes = nouns::routes(routes);
    let routes = publish::routes(routes);
    let routes = numbers::routes(routes);
    calls::routes(routes)
}

/// The API over its context.
pub fn router(context: Arc<Context>) -> Router {
    all_routes().into_router(context)
}

/// Answers one request from the gateway.
pub async fn handle(context: Arc<Context>, router: Router, request: HttpRequest) -> HttpResponse {
    let request_id = RequestId::given(&request.request_id, context.clock.as_ref());
    let Ok(mut request) = request.into_http() else {
        let detail = "the path or the query holds signs that a URL cannot hold";
        return Refusal::new(Code::UnknownRoute, detail).into_gateway(&context, &request_id);
    };
    request.extensions_mut().insert(request_id.clone());
    // A router cannot fail: its error type has no values.
    let Ok(response) = router.oneshot(request.map(axum::body::Body::from)).await;
    let (parts, body) = response.into_parts();
    match to_bytes(body, LARGEST_ANSWER).await {
        Ok(body) => HttpResponse::from_http(parts, body),
        Err(error) => {
            tracing::error!(error = %error, "an answer could not be put together");
            Refusal::internal().into_gateway(&context, &request_id)
        }
    }
}
