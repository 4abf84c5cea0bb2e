//! Conversion reports of customers' systems, by whichever address they come: `/hook/{token}` and `/dni/events/{tag}/conversion`.
//!
//! What must stay true: the report that is kept with the call is its own marker, and the same report again is answered as the
//! first was; one limit holds for all addresses of a tenant.

use std::sync::Arc;

use app::books::{NewReport, Reported, Tools, report_conversion};
use app::clock::Clock;
use app::ports::{Books, Calls, Catalog, Limiter, PortResult, PostbackQueue, Vault};
use domain::conversion_report::{ConversionReport, Effect, Reporter};
use domain::ids::{CallId, IncomingWebhookId, TenantId};
use domain::incoming_webhook::{IncomingWebhook, Reading};
use domain::validate::Problem;
use http::HeaderValue;
use http::header::RETRY_AFTER;
use jiff::{SignedDuration, Timestamp};
use runtime::HttpResponse;
use runtime::run::Chain;
use serde_json::{Value, json};

/// Reports of one tenant in a minute.
pub const PER_MINUTE: u64 = 1_000;

/// What takes reports.
pub struct Reports {
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

impl Reports {
    /// The refusal of a tenant that has sent too much in this minute.
    ///
    /// # Errors
    /// It could not be counted.
    pub async fn too_many(&self, tenant: TenantId) -> PortResult<Option<HttpResponse>> {
        let now = self.clock.now();
        let second = now.as_second();
        let start = Timestamp::from_second(second - second.rem_euclid(60)).unwrap_or(now);
        let ends = start.checked_add(SignedDuration::from_mins(2)).unwrap_or(start);
        let count = self.limiter.count(&format!("hook:{tenant}"), start, ends).await?;
        if count <= PER_MINUTE {
            return Ok(None);
        }
        let left = u32::try_from(60 - second.rem_euclid(60)).unwrap_or(60);
        let words = format!("more than {PER_MINUTE} reports in a minute: go on in {left} seconds");
        let refusal = HttpResponse::problem(429, "rate_limited", &words);
        Ok(Some(refusal.with_header(RETRY_AFTER, HeaderValue::from(left))))
    }

    /// Does what a report says, and answers it.
    ///
    /// # Errors
    /// A port failed, or the call's books were too busy.
    pub async fn told(
        &self,
        tenant: TenantId,
        id: IncomingWebhookId,
        webhook: &IncomingWebhook,
        reading: Reading,
    ) -> PortResult<HttpResponse> {
        let Reading { call, fires, revenue } = reading;
        if !fires {
            let record = self.calls.load(tenant, call).await?;
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
            Tools { calls: self.calls.as_ref(), books: self.books.as_ref(), clock: self.clock.as_ref() };
        Ok(match report_conversion(&tools, tenant, new, None).await? {
            Reported::Counts(report) => {
                if let Err(error) = self.postbacks.look_at(tenant, call).await {
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
