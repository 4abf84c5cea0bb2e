//! What other systems report about visits: `POST /dni/events/{tag}/session|conversion|quality`.
//!
//! `session` adds parameters to a visit, also when it came before its click id; `quality` keeps what somebody thinks of it under
//! `quality_…`; both need the tag's id and a visit or click id, which nobody can guess, and change nothing but what is known of that
//! visit. `conversion` moves money: it needs the secret of an incoming webhook, as `Authorization: Bearer` or `?token=`, and is the
//! same report as one to `/hook/{token}`, by the same rules. What must stay true: no amount is ever made up.

mod event;

use std::sync::Arc;

use app::incoming_webhooks::{active, read_token};
use app::ports::{PortResult, Tags, Visits};
use domain::dni::tag::TagSetup;
use domain::dni::visit::{Learned, Params, Visit};
use domain::ids::{CallId, TenantId, TrackingTagId};
use domain::incoming_webhook::Reading;
use domain::validate::Problems;
use event::Event;
use http::header::{ALLOW, AUTHORIZATION, RETRY_AFTER};
use http::{HeaderValue, Method};
use reports::{Reports, invalid, unknown_call, unknown_webhook};
use runtime::run::Chain;
use runtime::{HttpRequest, HttpResponse};
use serde_json::json;

/// What the handler needs.
pub struct Context {
    /// The tags.
    pub tags: Arc<dyn Tags>,
    /// The visits.
    pub visits: Arc<dyn Visits>,
    /// What takes conversion reports.
    pub reports: Reports,
}

/// Answers one request.
pub async fn handle(context: Arc<Context>, request: HttpRequest) -> HttpResponse {
    if request.method != Method::POST {
        let refusal = HttpResponse::problem(405, "method_not_allowed", "report by POST");
        return refusal.with_header(ALLOW, HeaderValue::from_static("POST"));
    }
    answer(&context, &request).await.unwrap_or_else(|error| {
        tracing::error!(error = %Chain(&error), "an event of a visit could not be worked on");
        HttpResponse::problem(503, "busy", "try again in a moment")
            .with_header(RETRY_AFTER, HeaderValue::from_static("1"))
    })
}

async fn answer(context: &Context, request: &HttpRequest) -> PortResult<HttpResponse> {
    let mut segments = request.segments().skip(2);
    let tag = segments.next().and_then(|id| id.parse::<TrackingTagId>().ok());
    let kind = segments.next().unwrap_or_default();
    let setup = match tag {
        Some(tag) => context.tags.tag(tag).await?,
        None => None,
    };
    let Some(setup) = setup else {
        return Ok(HttpResponse::problem(404, "unknown_tag", "there is no such tracking tag"));
    };
    if let Some(refusal) = context.reports.too_many(setup.tenant).await? {
        return Ok(refusal);
    }
    let event = match Event::read(request) {
        Ok(event) => event,
        Err(refusal) => return Ok(refusal),
    };
    match kind {
        "session" => learned(context, &setup, &event, event.params.clone()).await,
        "quality" => learned(context, &setup, &event, event.as_quality()).await,
        "conversion" => converted(context, &setup, request, &event).await,
        _ => Ok(HttpResponse::problem(404, "unknown_event", "session, conversion or quality")),
    }
}

/// Adds to what is known of a visit.
async fn learned(
    context: &Context,
    setup: &TagSetup,
    event: &Event,
    params: Params,
) -> PortResult<HttpResponse> {
    let Some(visit) = visit_of(context, setup, event).await? else { return Ok(unknown_visit()) };
    let at = context.reports.clock.now();
    let brings_click = visit.click_id().is_none() && event.click.is_some();
    let learned = Learned { at, params, ..Learned::default() };
    if !context.visits.learn(setup.tenant, visit.id, &learned).await? {
        return Ok(unknown_visit());
    }
    if brings_click {
        // Calls that came before their click id: their tracker is told now.
        for call in context.visits.calls_of_visit(setup.tenant, visit.id).await? {
            context.reports.postbacks.look_at(setup.tenant, call).await?;
        }
    }
    Ok(HttpResponse::json(200, json!({"result": "noted", "visit": visit.id}).to_string()))
}

/// The visit that an event is about: the one it names, else the latest that came from its click. Only one of this tag.
async fn visit_of(context: &Context, setup: &TagSetup, event: &Event) -> PortResult<Option<Visit>> {
    let found = match (event.visit, &event.click) {
        (Some(visit), _) => context.visits.visit(setup.tenant, visit).await?,
        (None, Some(click)) => context.visits.visit_of_click(setup.tenant, click).await?,
        (None, None) => None,
    };
    Ok(found.filter(|visit| visit.tag == setup.id))
}

async fn converted(
    context: &Context,
    setup: &TagSetup,
    request: &HttpRequest,
    event: &Event,
) -> PortResult<HttpResponse> {
    let presented = secret(request);
    let owner = match &presented {
        Some(presented) => read_token(context.reports.vault.as_ref(), presented).await?,
        None => None,
    };
    let Some((tenant, id)) = owner.filter(|(tenant, _)| *tenant == setup.tenant) else {
        return Ok(unknown_webhook());
    };
    let Some(webhook) = active(context.reports.catalog.as_ref(), tenant, id).await? else {
        return Ok(unknown_webhook());
    };
    let revenue = match event.sum() {
        Ok(revenue) => revenue,
        Err(problems) => return Ok(invalid(&problems)),
    };
    let Some(call) = call_of(context, setup, event).await? else { return Ok(unknown_call()) };
    if let Some(refusal) = other_currency(context, tenant, call, event).await? {
        return Ok(refusal);
    }
    let reading = Reading { call, fires: event.converts(), revenue };
    context.reports.told(tenant, id, &webhook, reading).await
}

/// The secret of an incoming webhook: in a header, or in the query for systems that can only be given an address.
fn secret(request: &HttpRequest) -> Option<String> {
    let header = request.header(AUTHORIZATION.as_str()).and_then(|value| value.strip_prefix("Bearer "));
    let query = || {
        form_urlencoded::parse(request.raw_query.as_bytes())
            .find_map(|(name, value)| (name == "token").then(|| value.into_owned()))
    };
    header.map(|token| token.trim().to_owned()).or_else(query)
}

/// The call that an event is about: the one it names, else the latest of its visit.
async fn call_of(context: &Context, setup: &TagSetup, event: &Event) -> PortResult<Option<CallId>> {
    if event.call.is_some() {
        return Ok(event.call);
    }
    let Some(visit) = visit_of(context, setup, event).await? else { return Ok(None) };
    Ok(context.visits.calls_of_visit(setup.tenant, visit.id).await?.last().copied())
}

/// An amount counts in the call's currency; one in another is refused, and never converted.
async fn other_currency(
    context: &Context,
    tenant: TenantId,
    call: CallId,
    event: &Event,
) -> PortResult<Option<HttpResponse>> {
    let Some(named) = event.params.get("currency") else { return Ok(None) };
    let Some(record) = context.reports.calls.load(tenant, call).await? else {
        return Ok(Some(unknown_call()));
    };
    let own = record.call.currency.code();
    if named.eq_ignore_ascii_case(own) {
        return Ok(None);
    }
    let mut problems = Problems::new();
    problems.add("currency", "currency", format!("the books of this call are kept in {own}"));
    Ok(Some(invalid(&problems.into_vec())))
}

fn unknown_visit() -> HttpResponse {
    let words = "no visit of this tag has this id or click id";
    HttpResponse::problem(404, "unknown_visit", words)
}
