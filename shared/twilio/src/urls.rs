//! Our own URLs, as Twilio is given them.
//!
//! State travels in path segments of `[A-Za-z0-9_-]`; there is never a query, so that the URL rebuilt from a request is byte
//! for byte the URL that Twilio signed. What must stay true: [`parse_path`] undoes [`path`]; a path has exactly one spelling;
//! the base is written exactly as configured, host letters included.

use domain::voice::{Callback, CallbackTo};

/// Where a call to one of our numbers arrives (VoiceUrl).
pub const INBOUND_PATH: &str = "/twilio/voice/inbound";
/// Where the end of a caller's leg is told (the number's StatusCallback).
pub const STATUS_PATH: &str = "/twilio/voice/status";
/// How Twilio connects to a URL that drives a call: 2 s to connect, 6 s to read, 12 s in all, one repeat after a failed
/// connection or a 5xx. Twilio neither sends nor signs it.
pub const CONNECTION_OVERRIDE: &str = "#ct=2000&rt=6000&tt=12000&rc=1&rp=ct,5xx";

const CALLS_PATH: &str = "/twilio/voice/";
/// Longest base, so that a document of ten nouns stays far below Twilio's 64 kB.
const MAX_BASE: usize = 512;

/// The public base URL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Urls {
    base: String,
}

/// The public base URL cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BaseUrlError {
    /// Neither `http://` nor `https://`.
    #[error("the public base URL must start with https:// (or http://)")]
    Scheme,
    /// An empty host, one with a user, or one with letters that Twilio refuses in callbacks (an underscore, for one).
    #[error(
        "the public base URL needs a plain host name (letters, digits, dots, hyphens) and at most a port"
    )]
    Host,
    /// A query, a fragment, or a path with other signs than letters, digits, `-`, `_` and `/`.
    #[error("the public base URL may have a path of letters, digits, - and _, but no query and no fragment")]
    Path,
    /// Longer than 512 characters.
    #[error("the public base URL is too long")]
    TooLong,
}

impl Urls {
    /// Takes the base URL; a slash at its end is dropped.
    ///
    /// # Errors
    /// A base from which Twilio could not call us back with a signature that holds.
    pub fn new(public_base_url: &str) -> Result<Self, BaseUrlError> {
        let base = public_base_url.trim_end_matches('/');
        if base.len() > MAX_BASE {
            return Err(BaseUrlError::TooLong);
        }
        let after_scheme = base
            .strip_prefix("https://")
            .or_else(|| base.strip_prefix("http://"))
            .ok_or(BaseUrlError::Scheme)?;
        let (authority, path) =
            after_scheme.split_at(after_scheme.find(['/', '?', '#']).unwrap_or(after_scheme.len()));
        if !is_authority(authority) {
            return Err(BaseUrlError::Host);
        }
        let plain = |segment: &str| !segment.is_empty() && segment.bytes().all(is_path_byte);
        let sound = match path.strip_prefix('/') {
            Some(segments) => segments.split('/').all(plain),
            None => path.is_empty(),
        };
        if !sound {
            return Err(BaseUrlError::Path);
        }
        Ok(Self { base: base.to_owned() })
    }

    /// The URL as Twilio is given it; one that drives the call carries [`CONNECTION_OVERRIDE`].
    pub fn callback(&self, callback: &Callback) -> String {
        let drives_the_call = match callback.to {
            CallbackTo::Auction(_) | CallbackTo::DialResult(_) => CONNECTION_OVERRIDE,
            CallbackTo::Leg(_) | CallbackTo::Recording(_) => "",
        };
        format!("{}{}{drives_the_call}", self.base, path(callback))
    }

    /// A number's VoiceUrl, with [`CONNECTION_OVERRIDE`].
    pub fn voice_url(&self) -> String {
        format!("{}{INBOUND_PATH}{CONNECTION_OVERRIDE}", self.base)
    }

    /// A number's StatusCallback.
    pub fn status_url(&self) -> String {
        format!("{}{STATUS_PATH}", self.base)
    }

    /// The URL that Twilio signed, from the request's raw path and raw query (both undecoded).
    pub fn signed_url(&self, raw_path: &str, raw_query: &str) -> String {
        let mark = if raw_query.is_empty() { "" } else { "?" };
        format!("{}{raw_path}{mark}{raw_query}", self.base)
    }
}

/// The path of a callback below the base.
pub fn path(callback: &Callback) -> String {
    let (kind, number) = match callback.to {
        CallbackTo::Auction(step) => ("auction", step),
        CallbackTo::DialResult(step) => ("dial-result", step),
        CallbackTo::Leg(attempt) => ("leg", attempt),
        CallbackTo::Recording(attempt) => ("recording", attempt),
    };
    format!("{CALLS_PATH}{}/{}/{kind}/{number}", callback.tenant, callback.call)
}

/// The callback with this path, if it is one of ours in its one spelling.
pub fn parse_path(path: &str) -> Option<Callback> {
    let mut segments = path.strip_prefix(CALLS_PATH)?.split('/');
    let tenant = segments.next()?.parse().ok()?;
    let call = segments.next()?.parse().ok()?;
    let kind = segments.next()?;
    let number = canonical_number(segments.next()?)?;
    if segments.next().is_some() {
        return None;
    }
    let to = match kind {
        "auction" => CallbackTo::Auction(number),
        "dial-result" => CallbackTo::DialResult(number),
        "leg" => CallbackTo::Leg(number),
        "recording" => CallbackTo::Recording(number),
        _ => return None,
    };
    Some(Callback { tenant, call, to })
}

fn canonical_number(text: &str) -> Option<u16> {
    text.parse().ok().filter(|number: &u16| number.to_string() == text)
}

fn is_path_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_'
}

/// A host name, an IPv4 address or an IPv6 literal in brackets, with or without a port.
fn is_authority(authority: &str) -> bool {
    if let Some(literal) = authority.strip_prefix('[') {
        let Some((address, port)) = literal.split_once(']') else { return false };
        return address.parse::<std::net::Ipv6Addr>().is_ok() && (port.is_empty() || is_port(port));
    }
    let (host, port) = authority.split_at(authority.find(':').unwrap_or(authority.len()));
    let label = |label: &str| {
        !label.is_empty()
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    host.split('.').all(label) && (port.is_empty() || is_port(port))
}

/// `:` and a port number.
fn is_port(text: &str) -> bool {
    text.strip_prefix(':')
        .and_then(|digits| digits.parse::<u16>().ok().filter(|port| port.to_string() == digits))
        .is_some()
}
