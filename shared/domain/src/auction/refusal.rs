//! Why a bidder cannot win a call.

use serde::{Deserialize, Serialize};

use crate::money::Money;

/// Why a bidder is not among those who may win.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Refusal {
    /// It was not asked: paused, or a cap is full.
    NotAsked(crate::routing::Passed),
    /// No answer before its time-out or the deadline.
    TimedOut,
    /// The request could not be made or broke off; the outbound client's code says how.
    NotReached(String),
    /// An HTTP status other than success.
    HttpStatus(u16),
    /// Success, but nothing in it.
    EmptyAnswer,
    /// It begins like JSON or XML and is not, or is a web page.
    Malformed,
    /// It does not want the call; its own words, shortened.
    Declined(String),
    /// The answer holds no amount where it should, or one that is not a number.
    NoAmount,
    /// Below the bidder's or the tree's minimum.
    BelowMinimum(Money),
    /// Above the bidder's maximum.
    AboveMaximum(Money),
    /// Another currency than agreed.
    WrongCurrency,
    /// Neither a phone number nor a SIP address.
    InvalidDestination,
    /// Ran out before it arrived.
    Expired,
    /// Fewer valid bids than the tree demands.
    TooFewBidders,
    /// Its answer was not waited for: whatever it bid, it could not win any more.
    NotWaitedFor,
}

impl Refusal {
    /// The code of [`Refusal::NotReached`] for a secret of ours that cannot be opened: nothing of the bidder's.
    pub const NOT_AUTHENTICATED: &str = "not_authenticated";

    /// Stable code for programs and reports.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::NotAsked(passed) => passed.code(),
            Self::TimedOut => "timed_out",
            Self::NotReached(_) => "not_reached",
            Self::HttpStatus(_) => "http_status",
            Self::EmptyAnswer => "empty_answer",
            Self::Malformed => "malformed",
            Self::Declined(_) => "declined",
            Self::NoAmount => "no_amount",
            Self::BelowMinimum(_) => "below_minimum",
            Self::AboveMaximum(_) => "above_maximum",
            Self::WrongCurrency => "wrong_currency",
            Self::InvalidDestination => "invalid_destination",
            Self::Expired => "expired",
            Self::TooFewBidders => "too_few_bidders",
            Self::NotWaitedFor => "not_waited_for",
        }
    }

    /// The reason in plain words.
    pub fn text(&self) -> String {
        match self {
            Self::NotAsked(passed) => format!("not asked: {}", passed.text()),
            Self::TimedOut => "no answer in time".to_owned(),
            Self::NotReached(code) => format!("gave no usable answer: {} ({code})", cause(code)),
            Self::HttpStatus(status) => format!("answered with HTTP status {status}"),
            Self::EmptyAnswer => "answered nothing".to_owned(),
            Self::Malformed => "the answer could not be read".to_owned(),
            Self::Declined(words) if words.is_empty() => "did not accept the call".to_owned(),
            Self::Declined(words) => format!("did not accept the call: {words}"),
            Self::NoAmount => "the answer held no amount".to_owned(),
            Self::BelowMinimum(least) => format!("below the minimum of {least}"),
            Self::AboveMaximum(most) => format!("above the maximum of {most}"),
            Self::WrongCurrency => "bid in another currency".to_owned(),
            Self::InvalidDestination => "named no valid phone number or SIP address".to_owned(),
            Self::Expired => "the bid had expired when it arrived".to_owned(),
            Self::TooFewBidders => "too few valid bids".to_owned(),
            Self::NotWaitedFor => "could not win any more when the others had answered".to_owned(),
        }
    }
}

/// The outbound client's codes in plain words.
fn cause(code: &str) -> &'static str {
    match code {
        "invalid_url" | "invalid_request" => "its settings make a request that cannot be sent",
        "blocked_address" => "its address is not on the public Internet",
        "blocked_port" => "its port is not one of a web server",
        "dns_failed" => "its name was not found",
        "connect_failed" => "no connection could be made",
        "tls_failed" => "the TLS handshake failed",
        "redirect_refused" => "it sent us elsewhere, where we do not go",
        "body_too_large" => "its answer was longer than 64 KB",
        "headers_too_large" => "the head of its answer was too large",
        "unsupported_encoding" => "its answer was compressed, although a plain one was asked for",
        "connection_lost" => "the connection was lost before its answer was complete",
        "protocol_error" => "its answer was not valid HTTP",
        Refusal::NOT_AUTHENTICATED => "the secret by which it knows us could not be opened",
        _ => "it could not be asked",
    }
}
