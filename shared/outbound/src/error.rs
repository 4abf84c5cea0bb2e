//! Why a call to a tenant's URL gave no answer: a closed list, because these causes are data. They are stored in
//! the auction's log, counted, and shown to the tenant by [`OutboundError::code`].
//!
//! What must stay true: codes never change their meaning, and no text carries a path, query, header value, body
//! or credential. A cause that comes from a library is kept as `source`.

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

/// The library error behind a failure; shared so that a failure can be stored and returned.
pub type Cause = Arc<dyn Error + Send + Sync>;

/// Why there is no usable answer.
#[derive(Clone, Debug, thiserror::Error)]
pub enum OutboundError {
    /// The URL cannot be called at all: not absolute http(s), user name in it, no proper host.
    #[error("the URL cannot be called: {reason}")]
    InvalidUrl {
        /// What is wrong with it.
        reason: &'static str,
    },
    /// The method or a header may not be sent.
    #[error("the request cannot be sent: {reason}")]
    InvalidRequest {
        /// What is wrong with it.
        reason: &'static str,
    },
    /// The host is, or resolves to, something that is not on the public Internet.
    #[error("{host} may not be called: {reason}")]
    BlockedAddress {
        /// Host of the URL.
        host: String,
        /// Which rule refused it.
        reason: &'static str,
    },
    /// The port belongs to something that is not a web server.
    #[error("port {port} may not be called")]
    BlockedPort {
        /// Port of the URL.
        port: u16,
    },
    /// The host's name could not be resolved.
    #[error("looking up {host} failed")]
    DnsFailed {
        /// Host of the URL.
        host: String,
        /// The resolver's error.
        source: Cause,
    },
    /// No address of the host accepted a connection.
    #[error("connecting to {host}:{port} failed")]
    ConnectFailed {
        /// Host of the URL.
        host: String,
        /// Port of the URL.
        port: u16,
        /// The last address's error.
        source: Cause,
    },
    /// The TLS handshake failed: certificate, protocol version, or the peer gave up.
    #[error("the TLS handshake with {host}:{port} failed")]
    TlsFailed {
        /// Host of the URL.
        host: String,
        /// Port of the URL.
        port: u16,
        /// The handshake's error.
        source: Cause,
    },
    /// The deadline passed before the answer was complete.
    #[error("no complete answer within {} ms", after.as_millis())]
    TimedOut {
        /// Time from the start of the call to its end.
        after: Duration,
    },
    /// The answer points elsewhere (3xx). We never go there.
    #[error("the answer is a redirect ({status}), which is not followed")]
    RedirectRefused {
        /// HTTP status.
        status: u16,
    },
    /// The body is longer than we read.
    #[error("the answer's body is longer than {limit} bytes")]
    BodyTooLarge {
        /// Most bytes that are read.
        limit: usize,
    },
    /// The head has too many lines or bytes.
    #[error("the answer's head is larger than {limit} bytes or {} lines", crate::limits::RESPONSE_HEADERS)]
    HeadersTooLarge {
        /// Most bytes of names and values that are read.
        limit: usize,
    },
    /// The body is compressed, although we asked for it plain.
    #[error("the answer is encoded, although a plain one was asked for")]
    UnsupportedEncoding,
    /// The connection ended in the middle of the exchange.
    #[error("the connection was lost before the answer was complete")]
    ConnectionLost {
        /// The transport's error.
        source: Cause,
    },
    /// What came back is not HTTP/1.
    #[error("the answer is not valid HTTP/1")]
    ProtocolError {
        /// The parser's error.
        source: Cause,
    },
}

impl OutboundError {
    /// The stable word for this cause, for logs, metrics, stored verdicts and API answers.
    pub fn code(&self) -> &'static str {
        match self {
            OutboundError::InvalidUrl { .. } => "invalid_url",
            OutboundError::InvalidRequest { .. } => "invalid_request",
            OutboundError::BlockedAddress { .. } => "blocked_address",
            OutboundError::BlockedPort { .. } => "blocked_port",
            OutboundError::DnsFailed { .. } => "dns_failed",
            OutboundError::ConnectFailed { .. } => "connect_failed",
            OutboundError::TlsFailed { .. } => "tls_failed",
            OutboundError::TimedOut { .. } => "timed_out",
            OutboundError::RedirectRefused { .. } => "redirect_refused",
            OutboundError::BodyTooLarge { .. } => "body_too_large",
            OutboundError::HeadersTooLarge { .. } => "headers_too_large",
            OutboundError::UnsupportedEncoding => "unsupported_encoding",
            OutboundError::ConnectionLost { .. } => "connection_lost",
            OutboundError::ProtocolError { .. } => "protocol_error",
        }
    }

    /// True when no byte of the request left us and a second attempt may do better: the caller may retry without
    /// asking twice. A failed TLS handshake is not among them: a bad certificate stays bad for the length of a call.
    pub fn is_connect(&self) -> bool {
        matches!(self, OutboundError::DnsFailed { .. } | OutboundError::ConnectFailed { .. })
    }

    /// True when we refused before connecting anywhere: the configuration must change, a retry is pointless.
    pub fn is_refusal(&self) -> bool {
        matches!(
            self,
            OutboundError::InvalidUrl { .. }
                | OutboundError::InvalidRequest { .. }
                | OutboundError::BlockedAddress { .. }
                | OutboundError::BlockedPort { .. }
        )
    }
}

/// The client could not be built; only wrong [`crate::OutboundOptions`] or a broken TLS library cause it.
#[derive(Debug, thiserror::Error)]
#[error("building the outbound client: {what}")]
pub struct OutboundSetupError {
    pub(crate) what: &'static str,
    pub(crate) source: tokio_rustls::rustls::Error,
}
