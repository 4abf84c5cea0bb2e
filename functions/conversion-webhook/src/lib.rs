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

use app::books::{NewReport, Reported, Tools, report_conversion};
use app::clock::Clock;
use app::incoming_webhooks::{active, read_token};
use app::ports::{Books, Calls, Catalog, Limiter, PortResult, PostbackQueue, Vault};
use domain::conversion_report::{ConversionReport, Effect, Reporter};
use domain::ids::{CallId, IncomingWebhookId, TenantId};
use domain::incoming_webhook::{IncomingWebhook, Reading};
use domain::validate::Problem;
use http::header::{ALLOW, RETRY_AFTER};
use http::{HeaderValue, Method};
use jiff::{SignedDuration, Timestamp};
use runtime::run::Chain;
use runtime::{HttpRequest, HttpResponse};
use serde_json::{Value, json};

/// Reports of one tenant in a minute.
pub const PER_MINUTE: u64 = 1_000;

/// What the handler needs.
pub struct Context {
    /// Knows which tokens are ours.
    pub vault: Arc<dyn Vault>,
    /// Counts reports.
    pub limiter: Arc<dyn Limiter>,
    /// The webhooks.
    pub catalog: Arc<dyn Catalog>,
    /// The calls.
    pub calls: Arc<dyn Calls>,
    /// Their books.
    pub books: Arc<dyn Books>,
    /// Where it is noted that trackers are to be told.
    pub postbacks: Arc<dyn PostbackQueue>,
    /// Time and new ids.
    pub clock: Arc<dyn Clock>,
}

/// Answers one request.
pub async fn handle(context: Arc<Context>, request: HttpRequest) -> HttpResponse {
    if request.method != Method::GET && request.method != Method::POST {
        let refusal = HttpResponse::problem(405, "method_not_allowed", "report by GET or POST");
        return refusal.with_header(ALLOW, HeaderValue::from_static("GET, POST"));
    }
    match answer(&context, &request).await {
        Ok(answer) => answer,
        Err(error) => {
            tracing::error!(error = %Chain(&error), "a conversion report could not be worked on");
            HttpResponse::problem(503, "busy", "try again in a moment")
                .with_header(RETRY_AFTER, HeaderValue::from_static("1"))
        }
    }
}

async fn answer(context: &Context, request: &HttpRequest) -> PortResult<HttpResponse> {
    let presented = request.segments().nth(1).unwrap_or_default();
    let Some((tenant, id)) = read_token(context.vault.as_ref(), presented).await? else {
        return Ok(unknown_webhook());
    };
    if let Some(retry_after_s) = too_many(context, tenant).await? {
        let words = format!("more than {PER_MINUTE} reports in a minute: go on in {retry_after_s} seconds");
        let refusal = HttpResponse::problem(429, "rate_limited", &words);
        return Ok(refusal.with_header(RETRY_AFTER, HeaderValue::from(retry_after_s)));
    }
    let Some(webhook) = active(context.catalog.as_ref(), tenant, id).await? else {
        return Ok(unknown_webhook());
    };
    let parameters = match parameters::read(request) {
        Ok(parameters) => parameters,
        Err(refusal) => return Ok(refusal),
    };
    match webhook.read(&parameters) {
        Ok(reading) => told(context, tenant, id, &webhook, reading).await,
        Err(problems) => Ok(invalid(&problems)),
    }
}

/// Seconds until the tenant may go on, when it has sent too much in this minute.
///
/// # Errors
/// It could not be counted.
pub async fn too_many(context: &Context, tenant: TenantId) -> PortResult<Option<u32>> {
    let now = context.clock.now();
    let second = now.as_second();
    let start = Timestamp::from_second(second - second.rem_euclid(60)).unwrap_or(now);
    let ends = start.checked_add(SignedDuration::from_mins(2)).unwrap_or(start);
    let count = context.limiter.count(&format!("hook:{tenant}"), start, ends).await?;
    let left = u32::try_from(60 - second.rem_euclid(60)).unwrap_or(60);
    Ok((count > PER_MINUTE).then_some(left))
}

/// Does what a report says, and answers it.
///
/// # Errors
/// A port failed, or the call's books were too busy.
pub async fn told(
    context: &Context,
    tenant: TenantId,
    id: IncomingWebhookId,
    webhook: &IncomingWebhook,
    reading: Reading,
) -> PortResult<HttpResponse> {
    let Reading { call, fires, revenue } = reading;
    if !fires {
        let record = context.calls.load(tenant, call).await?;
        let own = |campaign| webhook.campaign.is_none_or(|only| only == campaign);
        let known = record.is_some_and(|record| own(record.call.campaign));
        let words = "noted: this is no conversion; a later report may still convert the call";
        return Ok(match known {
            true => said(200, &json!({"result": "no_conversion", "call": call, "detail": words})),
            false => unknown_call(),
        });
    }
    let new = NewReport { call, campaign: webhook.campaign, by: Reporter::Webhook(id), revenue };
    let tools =
        Tools { calls: context.calls.as_ref(), books: context.books.as_ref(), clock: context.clock.as_ref() };
    Ok(match report_conversion(&tools, tenant, new, None).await? {
        Reported::Counts(report) => {
            if let Err(error) = context.postbacks.look_at(tenant, call).await {
                tracing::error!(error = %Chain(&error), "a tracker is not told of a conversion");
            }
            counts(call, &report)
        }
        Reported::UnknownCall => unknown_call(),
        Reported::Before(report) => before(&report),
        Reported::TooLate => {
            HttpResponse::problem(410, "too_late", "the call was connected more than thirty days ago")
        }
    })
}

fn said(status: u16, body: &Value) -> HttpResponse {
    HttpResponse::json(status, body.to_string())
}

/// Depends on the report alone, so a repetition is answered as the first one was.
fn counts(call: CallId, report: &ConversionReport) -> HttpResponse {
    let (result, detail) = match report.effect {
        Effect::Converted => ("converted", "the call is converted".to_owned()),
        Effect::Held => ("held", "the call goes on: the report counts when it is settled".to_owned()),
        Effect::NotConverted(why) => {
            ("noted", format!("noted, but by what is agreed the call does not convert: {}", why.text()))
        }
    };
    let mut body = json!({"result": result, "call": call, "reported_at": report.at, "detail": detail});
    if let Some(revenue) = report.revenue {
        body["revenue"] = revenue.to_string().into();
    }
    if let Effect::NotConverted(why) = report.effect {
        body["reason"] = why.code().into();
    }
    said(200, &body)
}

fn before(report: &ConversionReport) -> HttpResponse {
    let amount = report.revenue.map(|amount| amount.to_string());
    let with =
        amount.as_ref().map_or_else(|| "without an amount".to_owned(), |amount| format!("with {amount}"));
    let detail = format!(
        "this call was reported at {:.0} {with}; a correction is an adjustment, made in the account",
        report.at
    );
    let refusal = HttpResponse::problem(409, "reported_before", &detail);
    more(refusal, &json!({"reported_at": report.at, "revenue": amount}))
}

/// The answer to a secret that is nobody's.
pub fn unknown_webhook() -> HttpResponse {
    HttpResponse::problem(404, "unknown_webhook", "there is no such webhook, or it is paused")
}

/// The answer to a report about a call that is not there.
pub fn unknown_call() -> HttpResponse {
    HttpResponse::problem(404, "unknown_call", "there is no such call here")
}

/// The answer to a report that cannot be read.
pub fn invalid(problems: &[Problem]) -> HttpResponse {
    let detail = match problems {
        [one] => format!("{}: {}", one.field, one.message),
        many => format!("{} rules are broken; see fields", many.len()),
    };
    more(HttpResponse::problem(422, "invalid", &detail), &json!({"fields": problems}))
}

/// A problem with further members.
fn more(refusal: HttpResponse, members: &Value) -> HttpResponse {
    let Ok(Value::Object(mut body)) = serde_json::from_slice(&refusal.body) else { return refusal };
    body.extend(members.as_object().cloned().unwrap_or_default());
    HttpResponse { body: Value::Object(body).to_string().into(), ..refusal }
}
