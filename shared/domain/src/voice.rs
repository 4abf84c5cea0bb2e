//! What we answer to Twilio, as intent: the words and deeds, without XML and without URLs.
//!
//! A reply is stored with its step and given again to a repeated request, so it must say everything; the `twilio` crate
//! turns it into TwiML. Limits that Twilio sets (its §3 attributes) are held by the constructors here.

use serde::{Deserialize, Serialize};

use crate::ids::{CallId, TenantId};
use crate::phone::{Destination, E164};

/// Twilio's bounds for `<Dial timeout>`, seconds.
pub const DIAL_TIMEOUT_S: std::ops::RangeInclusive<u16> = 5..=600;
/// Twilio's bounds for `<Dial timeLimit>`, seconds (four hours).
pub const TIME_LIMIT_S: std::ops::RangeInclusive<u32> = 1..=14_400;
/// Most nouns in one `<Dial>`.
pub const MAX_DIAL_NOUNS: usize = 10;

/// A whole TwiML document as intent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reply {
    /// In the order in which Twilio runs them.
    pub verbs: Vec<Verb>,
}

/// One deed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verb {
    /// Speak.
    Say(String),
    /// Stay silent for so many seconds.
    Pause(u8),
    /// Connect the caller.
    Dial(Dial),
    /// Ask another of our URLs what to do next.
    Redirect(Callback),
    /// Do not answer the call at all; only useful as the first verb.
    Reject(RejectReason),
    /// End the call.
    Hangup,
}

/// How an unanswered call is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RejectReason {
    /// The number is not in service.
    Rejected,
    /// The number is busy.
    Busy,
}

/// Connect the caller to the first of the nouns that answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dial {
    /// One to [`MAX_DIAL_NOUNS`].
    pub nouns: Vec<DialNoun>,
    /// What the callee sees; `None` passes the caller's own number on.
    pub caller_id: Option<E164>,
    /// Seconds of ringing, within [`DIAL_TIMEOUT_S`].
    pub timeout_s: u16,
    /// Longest conversation in seconds, within [`TIME_LIMIT_S`].
    pub time_limit_s: u32,
    /// Whether and how the conversation is recorded.
    pub recording: Recording,
    /// Keep the caller in ringing until the callee is there (works when the dial is the first verb).
    pub answer_on_bridge: bool,
    /// Asked when the dial has ended.
    pub action: Callback,
    /// Told when the recording is ready; present when recording is on.
    pub recording_callback: Option<Callback>,
}

/// One party to ring.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DialNoun {
    /// Number or SIP address.
    pub destination: Destination,
    /// Keys to press when a number answers (digits, `w` for half a second, `*`, `#`); ignored for SIP.
    pub send_digits: Option<String>,
    /// `X-…` headers for a SIP address; ignored for numbers.
    pub sip_headers: Vec<(String, String)>,
    /// Told about initiated, ringing, answered, completed.
    pub status_callback: Callback,
}

/// Recording of a conversation.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Recording {
    /// None.
    #[default]
    Off,
    /// From the answer, both parties mixed.
    FromAnswer,
    /// From the answer, caller on channel one and callee on channel two.
    FromAnswerDual,
}

/// One of our URLs, before it is one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Callback {
    /// The tenant stands in the path, so that a callback finds its call with one read.
    pub tenant: TenantId,
    /// The call.
    pub call: CallId,
    /// What is asked or told.
    pub to: CallbackTo,
}

/// The kinds of callback URLs. The number is the key that makes each of them once-only.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CallbackTo {
    /// Run the auction as step n.
    Auction(u16),
    /// The dial ended; decide step n.
    DialResult(u16),
    /// A leg of attempt n changed its state.
    Leg(u16),
    /// A recording of attempt n changed its state.
    Recording(u16),
}

impl Reply {
    /// Words, then goodbye: the answer when nothing better can be done.
    pub fn words_and_hangup(words: &str) -> Self {
        Self { verbs: vec![Verb::Say(words.to_owned()), Verb::Hangup] }
    }

    /// Just the end.
    pub fn hangup() -> Self {
        Self { verbs: vec![Verb::Hangup] }
    }

    /// Do not answer at all: the caller hears that the number is not in service, and nobody pays for the call.
    pub fn reject() -> Self {
        Self { verbs: vec![Verb::Reject(RejectReason::Rejected)] }
    }

    /// Go on at another of our URLs.
    pub fn redirect(to: Callback) -> Self {
        Self { verbs: vec![Verb::Redirect(to)] }
    }
}
