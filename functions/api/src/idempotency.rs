//! `Idempotency-Key`: a POST that is sent again with the same key is done once, and gets the same answer.
//!
//! What must stay true:
//!
//! * A key belongs to one credential's account and to one request (method, address, body), of which a keyed hash is kept:
//!   a plain one of a body with a password or a phone number could be guessed.
//! * The kept answer is sealed, because it may hold a token that is shown once; so is its cookie, without which a repeated
//!   change of the password would sign the browser out.
//! * An answer that says we failed is not kept, so that the next try is a real one.
//! * Nothing is kept of requests about callers ([`crate::routes::Routes::unkept`]). Erasing a caller would have to find the
//!   answers with their number among all that are kept; and those requests are done once without a key: a number is
//!   blocked once (`taken`), and what is erased stays so.
//!
//! Kept for a day.

use app::api_keys::hash;
use app::ports::{KeptAnswer, OnceStart};
use app::secret::Secret;
use axum::body::{Body, to_bytes};
use axum::extract::Request;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use contract::problem::Code;
use domain::ids::TenantId;
use http::header::{CONTENT_TYPE, HeaderName, HeaderValue, LOCATION, SET_COOKIE};
use http::{Method, StatusCode};
use jiff::SignedDuration;

use crate::access::Principal;
use crate::body::MAX_BODY;
use crate::context::Context;
use crate::refusal::Refusal;

/// The request's header.
pub const KEY: HeaderName = HeaderName::from_static("idempotency-key");
/// On an answer that was kept from the first time.
pub const REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");
/// Longest key, characters.
pub const MAX_KEY: usize = 255;
const KEPT: SignedDuration = SignedDuration::from_hours(24);
/// Longer than any request of ours lasts.
const PATIENCE_S: u32 = 60;
/// Larger answers are not kept; no POST gives one.
const MAX_KEPT: usize = 200 * 1024;
const PURPOSE: &str = "kept_answer";
const COOKIE_PURPOSE: &str = "kept_cookie";

/// Does the request, or gives the answer it had.
pub async fn once(context: &Context, principal: &Principal, request: Request, next: Next) -> Response {
    let Some(key) = request.headers().get(KEY).filter(|_| *request.method() == Method::POST) else {
        return next.run(request).await;
    };
    let sound =
        |key: &&str| (1..=MAX_KEY).contains(&key.len()) && key.bytes().all(|byte| byte.is_ascii_graphic());
    let Some(key) = key.to_str().ok().filter(sound) else {
        let detail = format!("an Idempotency-Key has 1 to {MAX_KEY} visible characters, for example a UUID");
        return Refusal::new(Code::InvalidHeader, detail).into_response();
    };
    let name = record_name(principal, key);
    match keep(context, principal.tenant, &name, request, next).await {
        Ok(response) => response,
        Err(refusal) => refusal.into_response(),
    }
}

/// Whose key it is stands in the record's name, so that nobody meets another's.
fn record_name(principal: &Principal, key: &str) -> String {
    format!("api#{}#{}", principal.tenant, hash(&format!("{}\n{key}", principal.id())))
}

async fn keep(
    context: &Context,
    tenant: TenantId,
    name: &str,
    request: Request,
    next: Next,
) -> Result<Response, Refusal> {
    let (parts, body) = request.into_parts();
    let too_large = |_| Refusal::new(Code::BodyTooLarge, format!("a body has at most {MAX_BODY} bytes"));
    let body = to_bytes(body, MAX_BODY).await.map_err(too_large)?;
    let whole = format!("{}\n{}\n{}", parts.method, parts.uri, STANDARD.encode(&body));
    let fingerprint = context.vault.pseudonym(tenant, &hash(&whole)).await?;
    let now = context.clock.now();
    match context.once.start(name, &fingerprint, now, PATIENCE_S, now + KEPT).await? {
        OnceStart::Ours => {}
        OnceStart::Running => {
            let detail = "the first request with this Idempotency-Key has not ended: ask again in a second";
            return Err(Refusal::new(Code::InProgress, detail));
        }
        OnceStart::Different => {
            let detail =
                "this Idempotency-Key was used with another address or body: a new request needs a new key";
            return Err(Refusal::new(Code::KeyReused, detail));
        }
        OnceStart::Done(answer) => return replay(context, tenant, &answer).await,
    }
    let response = next.run(Request::from_parts(parts, Body::from(body))).await;
    if response.status().is_server_error() || response.status() == StatusCode::TOO_MANY_REQUESTS {
        context.once.forget(name, &fingerprint).await?;
        return Ok(response);
    }
    // A refusal is written by the outermost layer, and is the same the next time: nothing to keep.
    if response.status().is_client_error() {
        context.once.forget(name, &fingerprint).await?;
        return Ok(response);
    }
    let (parts, body) = response.into_parts();
    let body = to_bytes(body, MAX_KEPT).await.map_err(|error| {
        tracing::error!(error = %error, "an answer could not be kept");
        Refusal::internal()
    })?;
    let text =
        |name| parts.headers.get(name).and_then(|value: &HeaderValue| value.to_str().ok()).map(str::to_owned);
    let cookie = match text(SET_COOKIE) {
        Some(cookie) => Some(context.vault.seal(tenant, COOKIE_PURPOSE, &Secret::new(cookie)).await?),
        None => None,
    };
    let answer = KeptAnswer {
        status: parts.status.as_u16(),
        content_type: text(CONTENT_TYPE).unwrap_or_default(),
        location: text(LOCATION),
        cookie,
        body: context.vault.seal(tenant, PURPOSE, &Secret::new(STANDARD.encode(&body))).await?,
    };
    context.once.finish(name, &fingerprint, &answer).await?;
    Ok(Response::from_parts(parts, Body::from(body)))
}

async fn replay(context: &Context, tenant: TenantId, answer: &KeptAnswer) -> Result<Response, Refusal> {
    let body = context.vault.open(tenant, PURPOSE, &answer.body).await?;
    let body = STANDARD.decode(body.expose()).map_err(|error| {
        tracing::error!(error = %error, "a kept answer cannot be read");
        Refusal::internal()
    })?;
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::OK);
    let headers = response.headers_mut();
    if let Ok(content_type) = HeaderValue::from_str(&answer.content_type) {
        headers.insert(CONTENT_TYPE, content_type);
    }
    if let Some(location) = answer.location.as_deref().and_then(|text| HeaderValue::from_str(text).ok()) {
        headers.insert(LOCATION, location);
    }
    if let Some(sealed) = &answer.cookie {
        let cookie = context.vault.open(tenant, COOKIE_PURPOSE, sealed).await?;
        if let Ok(cookie) = HeaderValue::from_str(cookie.expose()) {
            headers.insert(SET_COOKIE, cookie);
        }
    }
    headers.insert(REPLAYED, HeaderValue::from_static("true"));
    Ok(response)
}
