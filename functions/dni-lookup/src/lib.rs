//! A phone number for each visitor of a page: `web/dni/PROTOCOL.md`.
//!
//! `POST /dni/lookup` and `POST /dni/release` are the number script's; `GET /dni/call/{tag}` and `GET /dni/visit/{tag}.gif` are
//! for pages without script: a link that dials, and a picture that notes the visit.
//!
//! Idempotency: a number's row. Whoever asks again with their lease keeps their number, and only the latest lease of a number
//! can be released. What must stay true: a page is never answered with a failure of ours, and nothing of a visitor is logged.

mod visitor;

use std::sync::Arc;

use app::lease_number::LeaseNumber;
use domain::dni::question::{MAX_BODY, NoQuestion, Question, Shown};
use domain::dni::tag::TagSetup;
use domain::ids::{TrackingTagId, VisitId};
use http::header::{
    ACCESS_CONTROL_ALLOW_ORIGIN, CACHE_CONTROL, COOKIE, LOCATION, ORIGIN, REFERER, SET_COOKIE, VARY,
};
use http::{HeaderValue, Method};
use runtime::run::Chain;
use runtime::{HttpRequest, HttpResponse};
use serde::Deserialize;
use serde_json::json;

pub use visitor::visitor;

/// The cookie by which a page without script knows its visitor; on our own host only.
const COOKIE_NAME: &str = "ccp_visit";
/// Seconds for which it is kept.
const COOKIE_AGE_S: u32 = 90 * 86_400;
/// The smallest picture there is.
const PIXEL: &[u8] = b"GIF89a\x01\0\x01\0\x80\0\0\0\0\0\xff\xff\xff!\xf9\x04\x01\0\0\0\0,\0\0\0\0\x01\0\x01\0\0\x02\x02D\x01\0;";

/// What the handler needs.
pub struct Context {
    /// The use case.
    pub lease_number: LeaseNumber,
}

/// Answers one request.
pub async fn handle(context: Arc<Context>, request: HttpRequest) -> HttpResponse {
    let path: Vec<&str> = request.segments().skip(1).collect();
    let answer = match (&request.method, path.as_slice()) {
        (&Method::POST, ["lookup"]) => look_up(&context, &request).await,
        (&Method::POST, ["release"]) => release(&context, &request).await,
        (&Method::GET, ["call", tag]) => call(&context, &request, tag).await,
        (&Method::GET, ["visit", picture]) => picture_of_visit(&context, &request, picture).await,
        _ => HttpResponse::problem(404, "not_found", "nothing is here"),
    };
    answer.with_header(CACHE_CONTROL, HeaderValue::from_static("no-store"))
}

/// The tag of a request, if its page may ask.
enum Asked {
    Tag(Arc<TagSetup>),
    /// Our table is down, and this process never saw the tag.
    Unknowable,
    Refused(HttpResponse),
}

async fn asked(context: &Context, request: &HttpRequest, id: TrackingTagId) -> Asked {
    match context.lease_number.tag(id).await {
        Ok(None) => Asked::Refused(unknown_tag()),
        Ok(Some(setup)) if setup.allows(request.header(ORIGIN.as_str())) => Asked::Tag(setup),
        Ok(Some(_)) => Asked::Refused(HttpResponse::problem(
            403,
            "origin_not_allowed",
            "this site is not among the allowed origins of the tracking tag",
        )),
        Err(error) => {
            tracing::error!(error = %Chain(&error), "a tracking tag could not be read");
            Asked::Unknowable
        }
    }
}

fn unknown_tag() -> HttpResponse {
    HttpResponse::problem(404, "unknown_tag", "there is no tracking tag of this id")
}

async fn look_up(context: &Context, request: &HttpRequest) -> HttpResponse {
    let question = match Question::read(&request.body) {
        Ok(question) => question,
        Err(error) => return unreadable(error),
    };
    let setup = match asked(context, request, question.tag).await {
        Asked::Tag(setup) => setup,
        // The page keeps the number that stands in it.
        Asked::Unknowable => return open_to_all(HttpResponse::json(200, r#"{"number":null,"lease":null}"#)),
        Asked::Refused(refusal) => return refusal,
    };
    let answer = if question.values_only {
        if let Err(error) = context.lease_number.learn(&setup, &question).await {
            tracing::warn!(error = %Chain(&error), "what a page told of its visit could not be kept");
        }
        HttpResponse::json(200, "{}")
    } else {
        json_of(&context.lease_number.answer(&setup, &question, visitor(request)).await)
    };
    with_origin(answer, &setup, request)
}

fn json_of(shown: &Shown) -> HttpResponse {
    match serde_json::to_string(shown) {
        Ok(text) => HttpResponse::json(200, text),
        Err(error) => {
            tracing::error!(%error, "an answer could not be written");
            HttpResponse::json(200, r#"{"number":null,"lease":null}"#)
        }
    }
}

/// What a page sends when it is left.
#[derive(Deserialize)]
struct Release {
    tag: TrackingTagId,
    lease: String,
}

/// Nobody waits for the answer: a beacon's is thrown away.
async fn release(context: &Context, request: &HttpRequest) -> HttpResponse {
    if request.body.len() > MAX_BODY {
        return unreadable(NoQuestion::TooLong);
    }
    let Ok(Release { tag, lease }) = serde_json::from_slice(&request.body) else {
        return HttpResponse::problem(400, "malformed_body", "send {\"tag\": \"TT…\", \"lease\": \"…\"}");
    };
    let setup = match asked(context, request, tag).await {
        Asked::Tag(setup) => setup,
        Asked::Unknowable => return HttpResponse::problem(503, "busy", "try again in a moment"),
        Asked::Refused(refusal) => return refusal,
    };
    match context.lease_number.release(&setup, &lease).await {
        Ok(released) => {
            with_origin(HttpResponse::json(200, json!({ "released": released }).to_string()), &setup, request)
        }
        Err(error) => {
            tracing::warn!(error = %Chain(&error), "a number could not be released");
            HttpResponse::problem(503, "busy", "try again in a moment")
        }
    }
}

/// A link of a page without script: leads to a number of the visitor's own.
async fn call(context: &Context, request: &HttpRequest, tag: &str) -> HttpResponse {
    let (setup, shown) = match without_script(context, request, tag).await {
        Ok(found) => found,
        Err(refusal) => return refusal,
    };
    let number = shown
        .number
        .or_else(|| setup.tag.default_number.clone())
        .or_else(|| setup.tag.replace.numbers.first().cloned());
    let Some(number) = number else {
        return HttpResponse::problem(
            404,
            "no_number",
            "the tracking tag has no number to call: give it a default number",
        );
    };
    match HeaderValue::try_from(format!("tel:{}", number.as_str())) {
        Ok(location) => with_cookie(HttpResponse::empty(302), shown.visit).with_header(LOCATION, location),
        Err(_) => unknown_tag(),
    }
}

/// A picture in a page without script: notes the visit, so that the link's call is known by its campaign.
async fn picture_of_visit(context: &Context, request: &HttpRequest, picture: &str) -> HttpResponse {
    let Some(tag) = picture.strip_suffix(".gif") else { return unknown_tag() };
    match without_script(context, request, tag).await {
        Ok((_, shown)) => with_cookie(HttpResponse::new(200, "image/gif", PIXEL), shown.visit),
        Err(refusal) => refusal,
    }
}

async fn without_script(
    context: &Context,
    request: &HttpRequest,
    tag: &str,
) -> Result<(Arc<TagSetup>, Shown), HttpResponse> {
    let Ok(id) = tag.parse::<TrackingTagId>() else { return Err(unknown_tag()) };
    let setup = match asked(context, request, id).await {
        Asked::Tag(setup) => setup,
        Asked::Unknowable => return Err(HttpResponse::problem(503, "busy", "try again in a moment")),
        Asked::Refused(refusal) => return Err(refusal),
    };
    let page = request.header(REFERER.as_str()).unwrap_or_default();
    let query = form_urlencoded::parse(request.raw_query.as_bytes());
    let pairs = query.map(|(name, value)| (name.into_owned(), value.into_owned()));
    let question = Question::without_script(id, visit_of(request), page, pairs);
    let shown = context.lease_number.answer(&setup, &question, visitor(request)).await;
    Ok((setup, shown))
}

fn visit_of(request: &HttpRequest) -> Option<VisitId> {
    let cookies = request.header(COOKIE.as_str())?;
    let mut cookies = cookies.split(';').filter_map(|cookie| cookie.trim().split_once('='));
    cookies.find(|(name, _)| *name == COOKIE_NAME)?.1.parse().ok()
}

fn with_cookie(answer: HttpResponse, visit: VisitId) -> HttpResponse {
    let cookie = format!(
        "{COOKIE_NAME}={visit}; Max-Age={COOKIE_AGE_S}; Path=/dni/; Secure; HttpOnly; SameSite=None; Partitioned"
    );
    match HeaderValue::try_from(cookie) {
        Ok(cookie) => answer.with_header(SET_COOKIE, cookie),
        Err(_) => answer,
    }
}

/// A browser shows an answer to the page only if the page's origin stands in it.
fn with_origin(answer: HttpResponse, setup: &TagSetup, request: &HttpRequest) -> HttpResponse {
    if setup.tag.allowed_origins.is_empty() {
        return open_to_all(answer);
    }
    // It was compared with the allowed ones before.
    let Some(origin) = request.headers.get(ORIGIN) else { return answer };
    answer
        .with_header(ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone())
        .with_header(VARY, HeaderValue::from_static("Origin"))
}

fn open_to_all(answer: HttpResponse) -> HttpResponse {
    answer.with_header(ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"))
}

fn unreadable(error: NoQuestion) -> HttpResponse {
    let (status, code) = match error {
        NoQuestion::TooLong => (413, "body_too_large"),
        NoQuestion::NotAnObject => (400, "malformed_body"),
        NoQuestion::NoTag => (422, "invalid"),
    };
    HttpResponse::problem(status, code, &error.to_string())
}
