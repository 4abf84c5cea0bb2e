//! Conversion reports of customers' systems: `GET` and `POST /hook/{token}`, with query, form or JSON.
//!
//! Idempotency: the report that is kept with the call is its own marker; the same report again is answered as the first
//! was. What must stay true: a token that is nobody's costs no read of the table; a tenant that sends too much is told so
//! before its webhook is read; nothing of a token, an address or a body is logged.
//!
//! Answers: 200 with what the report did, also when it says that it is no conversion (then nothing is written, and a later
//! report may still convert the call); 404 for an unknown or paused webhook and for an unknown call; 409 when another
//! report counts already; 410 after thirty days; 422 with the fields that cannot be read; 429 above the limit.

mod parameters;

use std::sync::Arc;

use app::incoming_webhooks::{active, read_token};
use app::ports::PortResult;
use http::header::{ALLOW, RETRY_AFTER};
use http::{HeaderValue, Method};
use reports::{Reports, invalid, unknown_webhook};
use runtime::run::Chain;
use runtime::{HttpRequest, HttpResponse};

/// Answers one request.
pub async fn handle(reports: Arc<Reports>, request: HttpRequest) -> HttpResponse {
    if request.method != Method::GET && request.method != Method::POST {
        let refusal = HttpResponse::problem(405, "method_not_allowed", "report by GET or POST");
        return refusal.with_header(ALLOW, HeaderValue::from_static("GET, POST"));
    }
    match answer(&reports, &request).await {
        Ok(answer) => answer,
        Err(error) => {
            tracing::error!(error = %Chain(&error), "a conversion report could not be worked on");
            HttpResponse::problem(503, "busy", "try again in a moment")
                .with_header(RETRY_AFTER, HeaderValue::from_static("1"))
        }
    }
}

async fn answer(reports: &Reports, request: &HttpRequest) -> PortResult<HttpResponse> {
    let presented = request.segments().nth(1).unwrap_or_default();
    let Some((tenant, id)) = read_token(reports.vault.as_ref(), presented).await? else {
        return Ok(unknown_webhook());
    };
    if let Some(refusal) = reports.too_many(tenant).await? {
        return Ok(refusal);
    }
    let Some(webhook) = active(reports.catalog.as_ref(), tenant, id).await? else {
        return Ok(unknown_webhook());
    };
    let parameters = match parameters::read(request) {
        Ok(parameters) => parameters,
        Err(refusal) => return Ok(refusal),
    };
    match webhook.read(&parameters) {
        Ok(reading) => reports.told(tenant, id, &webhook, reading).await,
        Err(problems) => Ok(invalid(&problems)),
    }
}
