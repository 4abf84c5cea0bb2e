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
//! the same; buying a number again finds it in the account and buys nothing.

pub mod access;
mod actors;
mod audit;
pub mod body;
mod books;
mod bulk;
pub mod calls;
mod campaigns;
pub mod context;
pub mod cookies;
pub mod cursor;
pub mod doc;
pub mod guard;
mod health;
pub mod idempotency;
mod identity;
pub mod limits;
pub mod mailer;
mod noun_docs;
mod nouns;
mod numbers;
pub mod openapi;
pub mod pages;
mod params;
mod pools;
pub mod privacy;
mod publish;
mod reference;
pub mod refusal;
pub mod routes;
mod rtb;
pub mod rtb_targets;
pub mod shape;
mod sizes;
mod twilio_account_docs;
mod twilio_accounts;
mod twilio_sip;
mod usage;
pub mod visits;

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
    let routes = reference::routes(routes);
    let routes = nouns::routes(routes);
    let routes = publish::routes(routes);
    let routes = campaigns::routes(routes);
    let routes = rtb_targets::routes(routes);
    let routes = audit::routes(routes);
    let routes = books::routes(routes);
    let routes = identity::routes(routes);
    let routes = privacy::routes(routes);
    let routes = twilio_accounts::routes(routes);
    let routes = twilio_sip::routes(routes);
    let routes = numbers::routes(routes);
    let routes = pools::routes(routes);
    let routes = usage::routes(routes);
    let routes = rtb::routes(routes);
    let routes = visits::routes(routes);
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
    let path_is_sound = http::uri::PathAndQuery::try_from(request.raw_path.as_str()).is_ok();
    let Ok(mut request) = request.into_http() else {
        let (code, part) = match path_is_sound {
            true => (Code::InvalidQuery, "query"),
            false => (Code::UnknownRoute, "path"),
        };
        let detail = format!("the {part} holds signs that a URL cannot hold");
        return Refusal::new(code, detail).into_gateway(&context, &request_id);
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
