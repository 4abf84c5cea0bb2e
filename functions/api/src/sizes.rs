//! How much a request may bring beside its body: before anything of it is looked at.

use axum::extract::Request;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use contract::problem::Code;

use crate::refusal::Refusal;

/// Longest query, bytes as received.
pub const MAX_QUERY: usize = 8 * 1024;
/// Most query parameters.
pub const MAX_PARAMETERS: usize = 50;
/// Names and values of all headers together, bytes. (The gateway in front stops at 10 KB by itself.)
pub const MAX_HEADERS: usize = 16 * 1024;

/// The layer around everything.
pub async fn check(request: Request, next: Next) -> Response {
    match refusal(&request) {
        Some(refusal) => refusal.into_response(),
        None => next.run(request).await,
    }
}

fn refusal(request: &Request) -> Option<Refusal> {
    let headers: usize =
        request.headers().iter().map(|(name, value)| name.as_str().len() + value.as_bytes().len()).sum();
    if headers > MAX_HEADERS {
        let detail = format!("all headers together have at most {MAX_HEADERS} bytes");
        return Some(Refusal::new(Code::HeadersTooLarge, detail));
    }
    let query = request.uri().query().unwrap_or_default();
    if query.len() > MAX_QUERY {
        return Some(Refusal::new(Code::InvalidQuery, format!("a query has at most {MAX_QUERY} bytes")));
    }
    if query.split('&').count() > MAX_PARAMETERS {
        let detail = format!("a query has at most {MAX_PARAMETERS} parameters");
        return Some(Refusal::new(Code::InvalidQuery, detail));
    }
    None
}
