//! An HTTP request as API Gateway (HTTP API, payload version 2.0) hands it over, and the answer to it.
//!
//! What must stay true: path and query stay as the client wrote them, because Twilio signs them; the body is the exact
//! bytes; what cannot be read is answered here (400, 413) and never reaches a handler; one log line per request, with the
//! route and without path, query, headers or body.

use std::future::Future;
use std::time::Instant;

use aws_lambda_events::apigw::{ApiGatewayV2httpRequest, ApiGatewayV2httpResponse};
use aws_lambda_events::encodings::Body;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method};

/// Larger bodies are refused: what we are sent is a form or a small document.
pub const MAX_BODY_BYTES: usize = 1024 * 1024;

const XML: &str = "text/xml; charset=utf-8";
const TEXT: &str = "text/plain; charset=utf-8";
const JSON: &str = "application/json";
const PROBLEM: &str = "application/problem+json";

/// A request.
#[derive(Clone)]
pub struct HttpRequest {
    /// `GET`, `POST`, …
    pub method: Method,
    /// The path as received, still encoded; begins with `/`.
    pub raw_path: String,
    /// The query as received, without `?`; empty when there is none.
    pub raw_query: String,
    /// Names in lower case. Repeated headers come joined by commas; cookies are back in `cookie`.
    pub headers: HeaderMap,
    /// The exact bytes.
    pub body: Bytes,
    /// The gateway's id of the request.
    pub request_id: String,
    /// The client's address, as the gateway saw it.
    pub source_ip: Option<String>,
}

impl std::fmt::Debug for HttpRequest {
    /// Without anything the client wrote, except for the method.
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("HttpRequest")
            .field("method", &self.method)
            .field("body_bytes", &self.body.len())
            .field("request_id", &self.request_id)
            .finish_non_exhaustive()
    }
}

/// Why an event is no request we read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unreadable {
    /// The body claims to be base64 and is not.
    #[error("the body is not valid base64")]
    Base64,
    /// Longer than [`MAX_BODY_BYTES`].
    #[error("the body is longer than {MAX_BODY_BYTES} bytes")]
    TooLarge,
}

impl HttpRequest {
    /// Reads a gateway's event.
    ///
    /// # Errors
    /// [`Unreadable`]: the body is too long or not what it claims to be.
    pub fn from_event(event: ApiGatewayV2httpRequest) -> Result<Self, Unreadable> {
        let body = decode_body(event.body, event.is_base64_encoded)?;
        let mut headers = event.headers;
        let cookies = event.cookies.unwrap_or_default().join("; ");
        if let Ok(cookies) = HeaderValue::try_from(cookies)
            && !cookies.is_empty()
        {
            headers.insert(http::header::COOKIE, cookies);
        }
        let http = event.request_context.http;
        Ok(Self {
            method: http.method,
            raw_path: event.raw_path.filter(|path| !path.is_empty()).unwrap_or_else(|| "/".to_owned()),
            raw_query: event.raw_query_string.unwrap_or_default(),
            headers,
            body,
            request_id: event.request_context.request_id.unwrap_or_default(),
            source_ip: http.source_ip,
        })
    }

    /// A header's value, when it is there and plain text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// The segments of the path between its slashes, still encoded.
    pub fn segments(&self) -> impl Iterator<Item = &str> {
        self.raw_path.split('/').filter(|segment| !segment.is_empty())
    }

    /// The same request as the `http` crate has it, for a router.
    ///
    /// # Errors
    /// Path and query do not make a URI.
    pub fn into_http(self) -> Result<http::Request<Bytes>, http::Error> {
        let separator = if self.raw_query.is_empty() { "" } else { "?" };
        let uri = format!("{}{separator}{}", self.raw_path, self.raw_query);
        let mut request = http::Request::builder().method(self.method).uri(uri).body(self.body)?;
        *request.headers_mut() = self.headers;
        Ok(request)
    }
}

fn decode_body(body: Option<String>, is_base64: bool) -> Result<Bytes, Unreadable> {
    let Some(body) = body else { return Ok(Bytes::new()) };
    // Four letters hold three bytes; refuse before decoding.
    if body.len() > if is_base64 { MAX_BODY_BYTES.div_ceil(3) * 4 } else { MAX_BODY_BYTES } {
        return Err(Unreadable::TooLarge);
    }
    if !is_base64 {
        return Ok(Bytes::from(body));
    }
    let bytes = STANDARD.decode(body).map_err(|_| Unreadable::Base64)?;
    if bytes.len() > MAX_BODY_BYTES { Err(Unreadable::TooLarge) } else { Ok(Bytes::from(bytes)) }
}

/// An answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HttpResponse {
    /// HTTP status.
    pub status: u16,
    /// `Content-Type`; none is sent when it is empty.
    pub content_type: String,
    /// The body.
    pub body: Bytes,
    /// Further headers.
    pub headers: HeaderMap,
}

impl HttpResponse {
    /// An answer of any type.
    pub fn new(status: u16, content_type: impl Into<String>, body: impl Into<Bytes>) -> Self {
        Self { status, content_type: content_type.into(), body: body.into(), headers: HeaderMap::new() }
    }

    /// TwiML.
    pub fn xml(body: impl Into<Bytes>) -> Self {
        Self::new(200, XML, body)
    }

    /// Words.
    pub fn text(status: u16, words: impl Into<Bytes>) -> Self {
        Self::new(status, TEXT, words)
    }

    /// JSON that is written already.
    pub fn json(status: u16, body: impl Into<Bytes>) -> Self {
        Self::new(status, JSON, body)
    }

    /// A problem (RFC 9457) of the glue's own: a stable code and what is wrong.
    pub fn problem(status: u16, code: &str, detail: &str) -> Self {
        let title = http::StatusCode::from_u16(status).ok().and_then(|status| status.canonical_reason());
        let body = serde_json::json!({
            "type": "about:blank",
            "title": title.unwrap_or("Error"),
            "status": status,
            "code": code,
            "detail": detail,
        });
        Self::new(status, PROBLEM, body.to_string())
    }

    /// No body.
    pub fn empty(status: u16) -> Self {
        Self::new(status, "", Bytes::new())
    }

    /// With one more header; a second one of the same name stands beside the first.
    #[must_use]
    pub fn with_header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.append(name, value);
        self
    }

    /// The answer that a router gave, its body read.
    pub fn from_http(parts: http::response::Parts, body: Bytes) -> Self {
        let mut headers = parts.headers;
        let content_type = headers.remove(http::header::CONTENT_TYPE);
        let content_type = content_type.and_then(|value| value.to_str().ok().map(str::to_owned));
        headers.remove(http::header::CONTENT_LENGTH);
        Self { status: parts.status.as_u16(), content_type: content_type.unwrap_or_default(), body, headers }
    }

    /// The answer as the gateway wants it: text as it is, anything else in base64, cookies by themselves.
    pub fn into_event(self) -> ApiGatewayV2httpResponse {
        let mut headers = HeaderMap::new();
        if let Ok(content_type) = HeaderValue::try_from(&self.content_type)
            && !content_type.is_empty()
        {
            headers.insert(http::header::CONTENT_TYPE, content_type);
        }
        let mut cookies = Vec::new();
        for (name, value) in &self.headers {
            match value.to_str() {
                Ok(text) if name == http::header::SET_COOKIE => cookies.push(text.to_owned()),
                Ok(text) => {
                    // Payload 2.0 knows one value per name; HTTP lets a list be joined.
                    let joined = headers
                        .get(name)
                        .and_then(|earlier: &HeaderValue| earlier.to_str().ok())
                        .map(|earlier| format!("{earlier}, {text}"));
                    if let Ok(value) = HeaderValue::try_from(joined.as_deref().unwrap_or(text)) {
                        headers.insert(name.clone(), value);
                    }
                }
                Err(_) => {
                    tracing::warn!(header = %name, "a header of the answer is not plain text and was left out")
                }
            }
        }
        let (body, is_base64) = match String::from_utf8(self.body.into()) {
            Ok(text) => (Body::Text(text), false),
            Err(error) => (Body::Binary(error.into_bytes()), true),
        };
        let mut event = ApiGatewayV2httpResponse::default();
        event.status_code = i64::from(self.status);
        event.headers = headers;
        event.body = Some(body);
        event.is_base64_encoded = is_base64;
        event.cookies = cookies;
        event
    }
}

/// The refusal of a request that reaches no handler, as the API's handlers would have written it: the same members, with a
/// code and title of the API's list (its tests compare).
fn unread(status: u16, code: &str, title: &str, why: Unreadable, request_id: &str) -> HttpResponse {
    #[expect(
        clippy::disallowed_methods,
        reason = "what cannot be read reaches no handler, and so no clock of one"
    )]
    let now = jiff::Timestamp::now();
    let body = serde_json::json!({
        "type": format!("urn:callcenter-pro:problem:{code}"),
        "title": title,
        "status": status,
        "detail": why.to_string(),
        "code": code,
        "timestamp": now,
        "request_id": request_id,
    });
    let answer = HttpResponse::new(status, PROBLEM, body.to_string());
    match HeaderValue::try_from(request_id) {
        Ok(value) if !value.is_empty() => answer.with_header(HeaderName::from_static("x-request-id"), value),
        _ => answer,
    }
}

/// From event to answer: the way of every request, on Lambda, on the local platform and in tests.
pub async fn answer<F, Fut>(event: ApiGatewayV2httpRequest, handler: F) -> ApiGatewayV2httpResponse
where
    F: FnOnce(HttpRequest) -> Fut,
    Fut: Future<Output = HttpResponse>,
{
    let started = Instant::now();
    let route = event.route_key.clone().unwrap_or_default();
    let request_id = event.request_context.request_id.clone().unwrap_or_default();
    let response = match HttpRequest::from_event(event) {
        Ok(request) => handler(request).await,
        Err(unreadable @ Unreadable::TooLarge) => {
            unread(413, "body_too_large", "The body is too large", unreadable, &request_id)
        }
        Err(unreadable @ Unreadable::Base64) => {
            unread(400, "malformed_body", "The body cannot be read", unreadable, &request_id)
        }
    };
    let took_ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
    tracing::info!(route, request = request_id, status = response.status, took_ms, "answered");
    response.into_event()
}
