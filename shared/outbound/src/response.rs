//! What comes back, read with a hostile sender in mind.
//!
//! What must stay true: everything is bounded before it is stored ([`crate::limits`]), nothing is decompressed, and
//! an answer that is refused is dropped unread, which closes its connection.

use std::error::Error;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use http::header::{CONTENT_ENCODING, HeaderMap, HeaderValue, TRANSFER_ENCODING};
use http::{Response, StatusCode};
use http_body_util::BodyExt;
use hyper::body::{Body, Incoming};
use hyper_util::client::legacy;

use crate::connector::ConnectFault;
use crate::error::OutboundError;
use crate::limits;
use crate::meter::WireLimitExceeded;

/// A complete answer. Any status but 3xx: what a 404 means is the caller's to say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutboundResponse {
    /// HTTP status.
    pub status: u16,
    /// Names in lower case, values as text (bytes that are not UTF-8 are replaced), at most
    /// [`limits::RESPONSE_HEADERS`] lines and [`limits::RESPONSE_HEADER_BYTES`] bytes.
    pub headers: Vec<(String, String)>,
    /// At most [`limits::RESPONSE_BODY_BYTES`].
    pub body: Vec<u8>,
    /// From the start of the call to the last byte.
    pub elapsed: Duration,
}

/// Status, headers and body of an answer that passes all limits; `elapsed` is the caller's to fill in.
pub(crate) async fn read(response: Response<Incoming>) -> Result<OutboundResponse, OutboundError> {
    let (head, body) = response.into_parts();
    check_status(head.status)?;
    let headers = read_headers(&head.headers)?;
    check_encoding(&head.headers)?;
    let body = read_body(body).await?;
    Ok(OutboundResponse { status: head.status.as_u16(), headers, body, elapsed: Duration::ZERO })
}

fn check_status(status: StatusCode) -> Result<(), OutboundError> {
    if status.is_redirection() {
        return Err(OutboundError::RedirectRefused { status: status.as_u16() });
    }
    if status.is_informational() {
        let error = io::Error::new(io::ErrorKind::InvalidData, "another protocol was offered");
        return Err(OutboundError::ProtocolError { source: Arc::new(error) });
    }
    Ok(())
}

fn read_headers(headers: &HeaderMap) -> Result<Vec<(String, String)>, OutboundError> {
    let bytes: usize = headers.iter().map(|(name, value)| name.as_str().len() + value.len()).sum();
    if headers.len() > limits::RESPONSE_HEADERS || bytes > limits::RESPONSE_HEADER_BYTES {
        return Err(headers_too_large());
    }
    let text = |value: &HeaderValue| match value.to_str() {
        Ok(ascii) => ascii.to_owned(),
        Err(_) => String::from_utf8_lossy(value.as_bytes()).into_owned(),
    };
    Ok(headers.iter().map(|(name, value)| (name.as_str().to_owned(), text(value))).collect())
}

/// Only `identity` content, framed by length, by `chunked`, or by the end of the connection.
fn check_encoding(headers: &HeaderMap) -> Result<(), OutboundError> {
    let only = |name, wanted: &str| {
        headers.get_all(name).iter().all(|value| value.as_bytes().eq_ignore_ascii_case(wanted.as_bytes()))
    };
    if only(CONTENT_ENCODING, "identity") && only(TRANSFER_ENCODING, "chunked") {
        return Ok(());
    }
    Err(OutboundError::UnsupportedEncoding)
}

async fn read_body(mut body: Incoming) -> Result<Vec<u8>, OutboundError> {
    let limit = limits::RESPONSE_BODY_BYTES;
    // An announced length above the limit is refused before the first byte is read.
    let announced = usize::try_from(body.size_hint().lower()).unwrap_or(usize::MAX);
    if announced > limit {
        return Err(OutboundError::BodyTooLarge { limit });
    }
    let mut bytes = Vec::with_capacity(announced);
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame.map_err(body_fault)?.into_data() else { continue };
        if bytes.len() + data.len() > limit {
            return Err(OutboundError::BodyTooLarge { limit });
        }
        bytes.extend_from_slice(&data);
    }
    Ok(bytes)
}

/// The cause of a failure before the body.
pub(crate) fn head_fault(error: legacy::Error) -> OutboundError {
    if let Some(ConnectFault(fault)) = find(&error) {
        return fault.clone();
    }
    let Some(cause) = find::<hyper::Error>(&error) else {
        return OutboundError::ConnectionLost { source: Arc::new(error) };
    };
    if cause.is_parse_too_large() || is_wire_limit(cause) {
        return headers_too_large();
    }
    if cause.is_parse() {
        return OutboundError::ProtocolError { source: Arc::new(error) };
    }
    OutboundError::ConnectionLost { source: Arc::new(error) }
}

fn body_fault(error: hyper::Error) -> OutboundError {
    if is_wire_limit(&error) {
        return OutboundError::BodyTooLarge { limit: limits::RESPONSE_BODY_BYTES };
    }
    // The library reports a broken chunk as an I/O error of this kind.
    let broken = |cause: &io::Error| {
        cause.kind() == io::ErrorKind::InvalidInput || cause.kind() == io::ErrorKind::InvalidData
    };
    if find::<io::Error>(&error).is_some_and(broken) {
        return OutboundError::ProtocolError { source: Arc::new(error) };
    }
    OutboundError::ConnectionLost { source: Arc::new(error) }
}

fn headers_too_large() -> OutboundError {
    OutboundError::HeadersTooLarge { limit: limits::RESPONSE_HEADER_BYTES }
}

fn is_wire_limit(error: &hyper::Error) -> bool {
    // An I/O error hides what it wraps from `source`, so it is asked directly.
    find::<io::Error>(error).and_then(io::Error::get_ref).is_some_and(|inner| inner.is::<WireLimitExceeded>())
}

/// The first error of type `T` in the chain.
fn find<'a, T: Error + 'static>(error: &'a (dyn Error + 'static)) -> Option<&'a T> {
    let mut next = Some(error);
    while let Some(current) = next {
        if let Some(found) = current.downcast_ref::<T>() {
            return Some(found);
        }
        next = current.source();
    }
    None
}
