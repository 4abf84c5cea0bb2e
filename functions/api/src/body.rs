//! Reading JSON bodies, with limits: type, size, depth.

use axum::body::{HttpBody as _, to_bytes};
use axum::extract::{FromRequest, Request};
use contract::problem::Code;
use http::HeaderMap;
use http::header::CONTENT_TYPE;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::refusal::Refusal;

/// Largest body in bytes.
pub const MAX_BODY: usize = 256 * 1024;
/// Objects and lists inside each other, at most.
pub const MAX_DEPTH: usize = 32;

/// A JSON body of one shape; no body at all is an empty object.
pub struct Body<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Body<T> {
    type Rejection = Refusal;

    async fn from_request(request: Request, state: &S) -> Result<Self, Refusal> {
        let nothing = request.headers().get(CONTENT_TYPE).is_none() && request.body().is_end_stream();
        let object = if nothing { Map::new() } else { JsonObject::from_request(request, state).await?.0 };
        let read = app::catalog::body::read(Value::Object(object));
        read.map(Self).map_err(|fields| Refusal::fields(Code::Invalid, fields))
    }
}

/// A JSON object as it was sent.
pub struct JsonObject(pub Map<String, Value>);

impl<S: Send + Sync> FromRequest<S> for JsonObject {
    type Rejection = Refusal;

    async fn from_request(request: Request, _state: &S) -> Result<Self, Refusal> {
        if !is_json(request.headers()) {
            let detail = "send the body as content-type application/json (changes also as application/merge-patch+json)";
            return Err(Refusal::new(Code::UnsupportedMediaType, detail));
        }
        let too_large = || Refusal::new(Code::BodyTooLarge, format!("a body has at most {MAX_BODY} bytes"));
        let body = to_bytes(request.into_body(), MAX_BODY).await.map_err(|_| too_large())?;
        parse(&body).map(Self)
    }
}

/// A JSON object from the bytes of a body that is not too large.
///
/// # Errors
/// Not JSON, not an object, or too deep.
pub fn parse(body: &[u8]) -> Result<Map<String, Value>, Refusal> {
    if is_too_deep(body) {
        let detail = format!("at most {MAX_DEPTH} objects and lists inside each other");
        return Err(Refusal::new(Code::MalformedBody, detail));
    }
    match serde_json::from_slice(body) {
        Ok(Value::Object(object)) => Ok(object),
        Ok(_) => Err(Refusal::new(Code::MalformedBody, "the body must be a JSON object")),
        Err(error) => {
            let detail = format!("not JSON: line {}, column {}", error.line(), error.column());
            Err(Refusal::new(Code::MalformedBody, detail))
        }
    }
}

fn is_json(headers: &HeaderMap) -> bool {
    let announced = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let media_type = announced.split(';').next().unwrap_or_default().trim();
    ["application/json", "application/merge-patch+json"]
        .iter()
        .any(|json| media_type.eq_ignore_ascii_case(json))
}

/// Counts brackets outside of strings, before anything is built from the body.
fn is_too_deep(body: &[u8]) -> bool {
    let (mut depth, mut in_string, mut escaped) = (0_usize, false, false);
    for byte in body {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_string => escaped = true,
            b'"' => in_string = !in_string,
            b'{' | b'[' if !in_string => depth += 1,
            b'}' | b']' if !in_string => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth > MAX_DEPTH {
            return true;
        }
    }
    false
}
