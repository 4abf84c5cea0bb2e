//! Publishers' pings: `GET` and `POST /v1/{production|test|sandbox}/{rtbId}.{json|xml}`.
//!
//! Idempotency: the fingerprint of the ping; the same ping again gets the same bid until that has expired or was used. What
//! must stay true: an address of nobody costs one read; who must prove itself is refused before the ping is read; nothing of
//! an address, a caller or a body is logged.
//!
//! Answers: 200 with a bid or a reason for none; 404 for an unknown address; 401 and 403 where the publisher's system must
//! prove itself and does not; 400, 413 and 415 for a body that cannot be read.

pub mod proof;

use std::sync::Arc;

use app::answer_ping::{AnswerPing, Asked};
use app::ports::{Once, PortResult};
use app::rtb_addresses;
use domain::inbound::{Authentication, BodyKind, Environment, Format, InboundRtb, Ping, RtbId, Unreadable};
use http::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderValue, Method};
use runtime::run::Chain;
use runtime::{HttpRequest, HttpResponse};

/// What the handler needs.
pub struct Context {
    /// Remembers signatures, so that each is good once.
    pub once: Arc<dyn Once>,
    /// The use case.
    pub answer_ping: AnswerPing,
}

/// Answers one request.
pub async fn handle(context: Arc<Context>, request: HttpRequest) -> HttpResponse {
    if request.method != Method::GET && request.method != Method::POST {
        let refusal = HttpResponse::problem(405, "method_not_allowed", "ping by GET or POST");
        return refusal.with_header(ALLOW, HeaderValue::from_static("GET, POST"));
    }
    match answer(&context, &request).await {
        Ok(answer) => answer.with_header(CACHE_CONTROL, HeaderValue::from_static("no-store")),
        Err(error) => {
            tracing::error!(error = %Chain(&error), "a ping could not be answered");
            HttpResponse::problem(503, "busy", "try again in a moment")
                .with_header(RETRY_AFTER, HeaderValue::from_static("1"))
        }
    }
}

async fn answer(context: &Context, request: &HttpRequest) -> PortResult<HttpResponse> {
    let Some((environment, id, format)) = place(request) else { return Ok(unknown()) };
    let Some(asked) = context.answer_ping.asked(&id).await? else { return Ok(unknown()) };
    if let Some(refusal) = unproven(context, request, &asked, &id).await? {
        return Ok(refusal);
    }
    let announced = request.header(CONTENT_TYPE.as_str()).unwrap_or_default();
    let Some(kind) = BodyKind::of_content_type(announced) else {
        let words = "send a form, JSON (application/json) or XML (application/xml)";
        return Ok(HttpResponse::problem(415, "unsupported_media_type", words));
    };
    let ping = match Ping::read(&request.raw_query, &request.body, kind) {
        Ok(ping) => ping,
        Err(error) => return Ok(unreadable(error)),
    };
    let answer = context.answer_ping.answer(&asked, environment, &ping).await?;
    let text = answer.render(format, settings(&asked).is_some_and(|rtb| rtb.earlier_names));
    Ok(match format {
        Format::Json => HttpResponse::json(200, text),
        Format::Xml => HttpResponse::xml(text),
    })
}

fn settings(asked: &Asked) -> Option<&InboundRtb> {
    asked.snapshot.as_ref()?.campaign.rtb.as_ref()
}

/// What stands in the path; `None` when it is no address of ours.
fn place(request: &HttpRequest) -> Option<(Environment, RtbId, Format)> {
    let mut segments = request.segments().skip(1);
    let environment = Environment::of_path(segments.next()?)?;
    let (id, ending) = segments.next()?.rsplit_once('.')?;
    let format = match ending.to_ascii_lowercase().as_str() {
        "json" => Format::Json,
        "xml" => Format::Xml,
        _ => return None,
    };
    Some((environment, RtbId::try_from(id.to_owned()).ok()?, format))
}

/// The refusal, when the publisher's system must prove itself and does not.
async fn unproven(
    context: &Context,
    request: &HttpRequest,
    asked: &Asked,
    id: &RtbId,
) -> PortResult<Option<HttpResponse>> {
    let way = settings(asked).map(|rtb| rtb.authentication).unwrap_or_default();
    if way == Authentication::None {
        return Ok(None);
    }
    let use_case = &context.answer_ping;
    let secret = rtb_addresses::secret(use_case.vault.as_ref(), asked.address.tenant, id).await?;
    let now = use_case.clock.now();
    let outcome = match way {
        Authentication::Bearer => proof::bearer(request, &secret),
        _ => match proof::signature(request, &secret, now) {
            Ok(signature) => proof::first_use(context.once.as_ref(), id, &signature, now).await?,
            Err(refused) => Err(refused),
        },
    };
    Ok(outcome.err().map(|(status, words)| {
        let code = if status == 401 { "unauthenticated" } else { "forbidden" };
        HttpResponse::problem(status, code, words)
    }))
}

fn unknown() -> HttpResponse {
    HttpResponse::problem(404, "unknown_rtb_id", "RTB ID not found or inactive")
}

fn unreadable(error: Unreadable) -> HttpResponse {
    let (status, code) = match error {
        Unreadable::TooLong => (413, "body_too_large"),
        Unreadable::TooMuch => (422, "invalid"),
        Unreadable::NotJson | Unreadable::NotXml => (400, "malformed_body"),
    };
    HttpResponse::problem(status, code, &error.to_string())
}
