//! The REST API: tenants set up campaigns, targets, RTB targets and phone numbers, publish, and read their calls.
//!
//! What must stay true:
//!
//! * The tenant comes from the credential, never from the request. What belongs to another tenant does not exist: 404.
//! * A handler that names no permission does not compile: see [`routes`].
//! * Every refusal is a problem document (RFC 9457) with a code from [`contract::problem::Code`]; whatever is sent, a
//!   client's mistake is a 4xx.
//! * Callers' numbers are masked unless the credential has `numbers:read`.
//!
//! Idempotency: reading changes nothing; a change names the version it was made from, so the repeated one is refused with
//! `version_conflict`; a repeated creation is refused because the name is taken; publishing again is a new version of
//! the same.

pub mod access;
pub mod body;
pub mod calls;
pub mod context;
pub mod cookies;
pub mod cursor;
pub mod guard;
mod health;
pub mod idempotency;
mod identity;
pub mod limits;
pub mod mailer;
mod nouns;
pub mod pages;
mod params;
pub mod privacy;
mod publish;
pub mod refusal;
pub mod routes;
mod twilio_accounts;

use std::sync::Arc;

use axum::Router;
use axum::body::to_bytes;
use contract::problem::Code;
use runtime::{HttpRequest, HttpResponse};
use tower::ServiceExt as _;

use guard::ClientAddress;
use refusal::{Refusal, RequestId};

pub use context::Context;

/// The largest answer we give; far above a page of calls.
const LARGEST_ANSWER: usize = 5 * 1024 * 1024;

/// Every route with its permission, in one place.
pub fn all_routes() -> routes::Routes {
    let routes = health::routes(routes::Routes::new());
    let routes = nouns::routes(routes);
    let routes = publish::routes(routes);
    let routes = identity::routes(routes);
    let routes = privacy::routes(routes);
    let routes = twilio_accounts::routes(routes);
    calls::routes(routes)
}

/// The API over its context.
pub fn router(context: Arc<Context>) -> Router {
    all_routes().into_router(context)
}

/// Answers one request from the gateway.
pub async fn handle(context: Arc<Context>, router: Router, request: HttpRequest) -> HttpResponse {
    let request_id = RequestId::given(&request.request_id, context.clock.as_ref());
    let address = ClientAddress(request.source_ip.as_deref().and_then(|text| text.parse().ok()));
    let Ok(mut request) = request.into_http() else {
        let detail = "the path or the query holds signs that a URL cannot hold";
        return Refusal::new(Code::UnknownRoute, detail).into_gateway(&context, &request_id);
    };
    request.extensions_mut().insert(request_id.clone());
    request.extensions_mut().insert(address);
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
