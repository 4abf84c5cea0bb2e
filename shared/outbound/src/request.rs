//! What is sent. Templates and header lists are the tenant's, so they pass a check before they become a request.
//!
//! What must stay true: the message's framing, its host and its connection handling are ours alone.

use bytes::Bytes;
use http::header::{ACCEPT_ENCODING, HeaderName, HeaderValue, USER_AGENT};
use http::{Method, Request, Uri};
use http_body_util::Full;

use crate::error::OutboundError;

/// Methods a tenant may choose.
const METHODS: [Method; 6] =
    [Method::GET, Method::POST, Method::PUT, Method::PATCH, Method::DELETE, Method::HEAD];

/// Sent unless the tenant sets another one.
const OUR_USER_AGENT: &str = concat!("callcenter-pro/", env!("CARGO_PKG_VERSION"));

/// Headers that belong to the connection, the framing or the answer's encoding.
const RESERVED_HEADERS: [&str; 13] = [
    "accept-encoding",
    "connection",
    "content-length",
    "expect",
    "host",
    "http2-settings",
    "keep-alive",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// A call to a tenant's URL, with all templates already filled in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OutboundRequest {
    /// `GET`, `POST`, `PUT`, `PATCH`, `DELETE` or `HEAD`.
    pub method: String,
    /// Absolute http or https URL.
    pub url: String,
    /// Names and values; a name may repeat.
    pub headers: Vec<(String, String)>,
    /// The body as it goes out; empty for none.
    pub body: Vec<u8>,
}

/// The same, of somebody who keeps it.
pub(crate) struct Outgoing<'a> {
    pub(crate) method: &'a str,
    pub(crate) url: &'a str,
    pub(crate) headers: &'a [(String, String)],
    pub(crate) body: Bytes,
}

/// Checks a header when it is saved: it can be written as HTTP, and it is not one of ours to set.
///
/// # Errors
/// `invalid_request`.
pub fn check_header(name: &str, value: &str) -> Result<(), OutboundError> {
    read_header(name, value).map(|_| ())
}

fn read_header(name: &str, value: &str) -> Result<(HeaderName, HeaderValue), OutboundError> {
    let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| invalid("a header name is not valid"))?;
    if RESERVED_HEADERS.contains(&name.as_str()) {
        return Err(invalid("a header is set that only the connection may set"));
    }
    let value = HeaderValue::from_str(value).map_err(|_| invalid("a header value is not valid"))?;
    Ok((name, value))
}

/// The request as the HTTP library takes it. `target` is the URL that was judged.
pub(crate) fn build(outgoing: Outgoing<'_>, target: Uri) -> Result<Request<Full<Bytes>>, OutboundError> {
    let Outgoing { method, headers, body, .. } = outgoing;
    let method = METHODS
        .into_iter()
        .find(|known| known.as_str().eq_ignore_ascii_case(method))
        .ok_or_else(|| invalid("the method is not one that may be used"))?;

    let mut request = Request::new(Full::new(body));
    *request.method_mut() = method;
    *request.uri_mut() = target;
    let sent = request.headers_mut();
    for (name, value) in headers {
        let (name, value) = read_header(name, value)?;
        sent.append(name, value);
    }
    sent.entry(USER_AGENT).or_insert(HeaderValue::from_static(OUR_USER_AGENT));
    sent.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
    Ok(request)
}

fn invalid(reason: &'static str) -> OutboundError {
    OutboundError::InvalidRequest { reason }
}
