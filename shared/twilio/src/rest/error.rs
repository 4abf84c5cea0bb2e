//! What can go wrong between us and Twilio's REST API.

use std::fmt;

use serde::Deserialize;

/// A REST operation failed. No message shows a phone number, a URL or a token.
#[derive(Debug, thiserror::Error)]
pub enum RestError {
    /// The configured base address is none.
    #[error("Twilio's API base must be an http(s) URL without query")]
    Base,
    /// The HTTP client could not be made.
    #[error("could not set up the HTTP client for Twilio's API")]
    Client(#[source] reqwest::Error),
    /// No answer: refused, broken off, or out of time.
    #[error("no answer from Twilio's API ({doing})")]
    Transport {
        /// What was attempted.
        doing: &'static str,
        /// The cause, without its URL.
        #[source]
        source: reqwest::Error,
    },
    /// Twilio answered with an error.
    #[error("Twilio's API refused ({doing}): {refusal}")]
    Refused {
        /// What was attempted.
        doing: &'static str,
        /// Twilio's reason.
        refusal: Refusal,
    },
    /// The answer is not the JSON that Twilio documents.
    #[error("Twilio's API answered in an unknown form ({doing})")]
    Form {
        /// What was attempted.
        doing: &'static str,
        /// The cause.
        #[source]
        source: serde_json::Error,
    },
    /// A field of the answer holds what we do not know.
    #[error("Twilio's API answered with an unknown {field} ({doing})")]
    Field {
        /// What was attempted.
        doing: &'static str,
        /// The field's name.
        field: &'static str,
    },
    /// The answer is larger than anything we ask for.
    #[error("Twilio's API answered with too much ({doing})")]
    TooLarge {
        /// What was attempted.
        doing: &'static str,
    },
}

/// An error answer of the API.
#[derive(Clone, PartialEq, Eq)]
pub struct Refusal {
    /// HTTP status.
    pub status: u16,
    /// Twilio's error code, if the answer had one.
    pub code: Option<u32>,
    /// Twilio's words; they may quote a phone number, so they are never printed.
    pub message: String,
}

impl RestError {
    /// Twilio does not know what was asked for.
    pub fn is_not_found(&self) -> bool {
        matches!(self, Self::Refused { refusal, .. } if refusal.status == 404 || refusal.code == Some(20404))
    }

    /// Twilio surely did nothing: it was not reached, or had too many requests at once (20429: not processed).
    pub fn is_not_done(&self) -> bool {
        match self {
            Self::Transport { source, .. } => source.is_connect(),
            Self::Refused { refusal, .. } => refusal.is_throttled(),
            _ => false,
        }
    }

    /// Whether Twilio did it is not known: the answer was lost, or is one that we cannot read.
    pub fn is_lost(&self) -> bool {
        match self {
            Self::Transport { .. } => !self.is_not_done(),
            Self::Refused { refusal, .. } => refusal.status >= 500,
            Self::Form { .. } | Self::TooLarge { .. } => true,
            Self::Base | Self::Client(_) | Self::Field { .. } => false,
        }
    }

    /// The same request may succeed a little later: no answer, too many requests (20429), or Twilio's own trouble.
    pub fn is_passing(&self) -> bool {
        match self {
            Self::Transport { .. } => true,
            Self::Refused { refusal, .. } => refusal.is_throttled() || refusal.status >= 500,
            _ => false,
        }
    }
}

impl Refusal {
    /// Asking again would be refused again.
    pub fn is_final(&self) -> bool {
        (400..500).contains(&self.status) && !self.is_throttled()
    }

    /// Too many requests at once: not processed.
    pub fn is_throttled(&self) -> bool {
        self.status == 429 || self.code == Some(20429)
    }

    /// Reads an error answer; a body in another form still gives its status.
    pub(super) fn read(status: u16, body: &[u8]) -> Self {
        #[derive(Default, Deserialize)]
        struct Answer {
            code: Option<u32>,
            message: Option<String>,
        }
        let answer: Answer = serde_json::from_slice(body).unwrap_or_default();
        Self { status, code: answer.code, message: answer.message.unwrap_or_default() }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "HTTP {}", self.status)?;
        match self.code {
            Some(code) => write!(formatter, ", code {code}"),
            None => Ok(()),
        }
    }
}

impl fmt::Debug for Refusal {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}
