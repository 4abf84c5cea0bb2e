//! The record of one simulated call: everything that happened, in the order it happened in virtual time.

use std::fmt;
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// A call's state, in Twilio's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CallStatus {
    /// Accepted, not yet placed.
    Queued,
    /// Being placed.
    Initiated,
    /// Ringing.
    Ringing,
    /// Answered.
    InProgress,
    /// Answered and over.
    Completed,
    /// The far end was busy.
    Busy,
    /// Could not be connected.
    Failed,
    /// Rang and was not answered.
    NoAnswer,
    /// Ended before it was answered, by this side.
    Canceled,
}

impl CallStatus {
    /// The word that Twilio sends.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Initiated => "initiated",
            Self::Ringing => "ringing",
            Self::InProgress => "in-progress",
            Self::Completed => "completed",
            Self::Busy => "busy",
            Self::Failed => "failed",
            Self::NoAnswer => "no-answer",
            Self::Canceled => "canceled",
        }
    }

    /// Whether nothing can follow.
    pub fn is_terminal(self) -> bool {
        !matches!(self, Self::Queued | Self::Initiated | Self::Ringing | Self::InProgress)
    }
}

impl fmt::Display for CallStatus {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

/// The purpose of a webhook request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WebhookKind {
    /// A call reached a number: its VoiceUrl.
    IncomingCall,
    /// The number's VoiceFallbackUrl.
    Fallback,
    /// The target of a `<Redirect>`, or of a redirect through the REST API.
    Redirect,
    /// A `<Gather>`'s action, the caller's.
    GatherAction,
    /// A `<Dial>`'s action.
    DialAction,
    /// A `<Record>`'s action.
    RecordAction,
    /// An `<Enqueue>`'s action.
    EnqueueAction,
    /// The document a callee hears before being connected.
    Whisper,
    /// A `<Gather>`'s action inside a whisper.
    WhisperAction,
    /// A dialled leg's status callback.
    LegStatus,
    /// The number's status callback at the end of a call.
    CallStatus,
    /// A recording's status callback.
    RecordingStatus,
    /// The finding of answering-machine detection.
    AmdStatus,
}

impl WebhookKind {
    /// Whether the answer is a document that is followed, as opposed to a mere notification.
    pub fn is_action(self) -> bool {
        !matches!(self, Self::LegStatus | Self::CallStatus | Self::RecordingStatus | Self::AmdStatus)
    }
}

/// Who or what ended a call or a conversation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EndedBy {
    /// The caller hung up.
    Caller,
    /// The person called hung up.
    Callee,
    /// The instructions came to an end or said so.
    Instructions,
    /// A time limit.
    TimeLimit,
    /// The star key, where `hangupOnStar` allows it.
    Star,
    /// The REST API.
    Rest,
    /// Another leg answered first.
    OtherLeg,
    /// An error.
    Failure,
}

/// A moment of the journey.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct JourneyEvent {
    /// Virtual milliseconds since the call was placed.
    pub offset_ms: u64,
    /// The same as a moment in virtual time.
    pub at: Timestamp,
    /// What happened.
    #[serde(flatten)]
    pub what: Happening,
}

/// What happened at a moment of the journey.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
#[expect(missing_docs, reason = "the fields are named after what they hold; the variants say the rest")]
pub enum Happening {
    /// The caller dialled the number.
    CallPlaced { from: String, to: String, call_sid: String },
    /// A webhook that is answered with instructions was requested; `status` is absent when no answer came.
    Requested { kind: WebhookKind, url: String, status: Option<u16>, elapsed_ms: u64 },
    /// Instructions were accepted; the element names of the verbs.
    Instructed { verbs: Vec<String> },
    /// The caller's call counts as answered from here.
    CallAnswered,
    /// The caller, or the callee of a whisper, hears words.
    Said { call_sid: String, words: String },
    /// The caller, or the callee of a whisper, hears a sound file or tones.
    Played { call_sid: String, what: String },
    /// Silence.
    Paused { seconds: u64 },
    /// Keys were pressed (or sent by the network); `call_sid` is whose.
    KeysPressed { call_sid: String, digits: String },
    /// Words were spoken into a `<Gather>`.
    Spoke { call_sid: String, words: String },
    /// A `<Gather>` ended without input.
    NothingEntered { call_sid: String },
    /// A leg was started.
    Dialled { call_sid: String, destination: String, caller_id: String },
    /// A leg answered.
    LegAnswered { call_sid: String },
    /// A leg is over.
    LegEnded { call_sid: String, status: CallStatus, sip_code: u16, ended_by: EndedBy },
    /// The callee begins to hear the whisper.
    WhisperBegan { call_sid: String },
    /// The whisper ended; when not accepted, the leg was hung up.
    WhisperEnded { call_sid: String, accepted: bool },
    /// What answering-machine detection found.
    MachineDetected { call_sid: String, answered_by: String },
    /// Caller and callee are connected.
    Bridged { call_sid: String, destination: String },
    /// They no longer are.
    BridgeEnded { call_sid: String, connected_seconds: u64, ended_by: EndedBy },
    /// A recording began.
    RecordingBegan { recording_sid: String },
    /// A recording ended.
    RecordingEnded { recording_sid: String, seconds: u64 },
    /// A status callback was delivered; `status` is absent when no answer came.
    CallbackDelivered { kind: WebhookKind, subject: String, call_status: String, status: Option<u16> },
    /// A webhook was lost on purpose.
    WebhookLost { kind: WebhookKind },
    /// Instructions could not be had or understood; the fallback address is asked next.
    FallingBack { error_code: u32, error_url: String },
    /// The REST API changed the call.
    ChangedByRest { call_sid: String, change: String },
    /// Something in the instructions that the simulator does not play; what it did instead.
    Unsupported { element: String, instead: String },
    /// Something Twilio would put into its debugger, with its error code.
    Warning { code: u32, detail: String },
    /// The caller heard "application error": nobody answered with instructions that could be followed.
    CallFailed { code: u32, detail: String },
    /// The caller hung up.
    CallerHungUp,
    /// The call is over.
    CallEnded { status: CallStatus, seconds: u64, ended_by: EndedBy },
}

/// A request that was sent, with all its parameters. A callback delivered three times appears three times.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SentRequest {
    /// Virtual milliseconds since the call was placed, when it was sent.
    pub offset_ms: u64,
    /// What for.
    pub kind: WebhookKind,
    /// Address as configured, fragment included.
    pub url: String,
    /// `GET` or `POST`.
    pub method: String,
    /// All parameters, in the order sent.
    pub parameters: Vec<(String, String)>,
    /// HTTP status of the answer, if one came.
    pub status: Option<u16>,
    /// Twilio's error code, if the answer was missing or not acceptable.
    pub error_code: Option<u32>,
    /// How many attempts were made.
    pub attempts: u32,
    /// Real milliseconds until the answer was complete.
    pub elapsed_ms: u64,
}

impl SentRequest {
    /// The value of a parameter.
    pub fn parameter(&self, name: &str) -> Option<&str> {
        self.parameters.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }
}

/// A document received in answer to a webhook.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReceivedDocument {
    /// Virtual milliseconds since the call was placed.
    pub offset_ms: u64,
    /// What had been asked.
    pub kind: WebhookKind,
    /// The call or leg it is for.
    pub call_sid: String,
    /// Where it came from, without fragment.
    pub url: String,
    /// HTTP status.
    pub status: u16,
    /// `Content-Type`.
    pub content_type: String,
    /// The body as received.
    pub xml: String,
}

/// How a dialled leg went.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LegOutcome {
    /// The leg's CallSid.
    pub call_sid: String,
    /// The number or SIP address dialled.
    pub destination: String,
    /// What the callee saw as the caller.
    pub caller_id: String,
    /// Its last state.
    pub status: CallStatus,
    /// SIP answer; 200 once answered.
    pub sip_code: u16,
    /// Whole seconds from answer to end, whisper included.
    pub seconds: u64,
    /// Whether caller and callee were connected.
    pub bridged: bool,
}

/// The conversation that took place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Connection {
    /// The leg's CallSid.
    pub call_sid: String,
    /// The number or SIP address that was connected.
    pub destination: String,
    /// Whole seconds from bridge to end.
    pub connected_seconds: u64,
    /// Who ended it.
    pub ended_by: EndedBy,
}

/// How the call went, in one glance.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outcome {
    /// The caller's call: its last state.
    pub status: CallStatus,
    /// Whether it was answered.
    pub answered: bool,
    /// Whole seconds from answer to end.
    pub seconds: u64,
    /// Who ended it.
    pub ended_by: EndedBy,
    /// The last conversation, if there was one.
    pub connected: Option<Connection>,
    /// Whether instructions came from the fallback address at any time.
    pub fallback_used: bool,
    /// Whether the caller heard "application error".
    pub failed: bool,
}

/// A whole call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Journey {
    /// The caller's CallSid.
    pub call_sid: String,
    /// The account of the number.
    pub account_sid: String,
    /// The caller.
    pub from: String,
    /// The number called.
    pub to: String,
    /// When the call was placed.
    pub started_at: Timestamp,
    /// Everything that happened, in order.
    pub events: Vec<JourneyEvent>,
    /// Every request sent, in the order of their answers.
    pub requests: Vec<SentRequest>,
    /// Every document received.
    pub documents: Vec<ReceivedDocument>,
    /// Every leg dialled, in order.
    pub legs: Vec<LegOutcome>,
    /// How it went.
    pub outcome: Outcome,
}

impl Journey {
    /// The requests of one kind.
    pub fn requests_of(&self, kind: WebhookKind) -> impl Iterator<Item = &SentRequest> {
        self.requests.iter().filter(move |request| request.kind == kind)
    }

    /// The status callbacks delivered, repeats included.
    pub fn callbacks(&self) -> impl Iterator<Item = &SentRequest> {
        self.requests.iter().filter(|request| !request.kind.is_action())
    }

    /// Everything that Twilio would have put into its debugger: codes and words.
    pub fn warnings(&self) -> Vec<(u32, &str)> {
        let mut found = Vec::new();
        for event in &self.events {
            if let Happening::Warning { code, detail } | Happening::CallFailed { code, detail } = &event.what
            {
                found.push((*code, detail.as_str()));
            }
        }
        found
    }

    /// Whether anything of this description happened.
    pub fn happened(&self, description: impl Fn(&Happening) -> bool) -> bool {
        self.events.iter().any(|event| description(&event.what))
    }

    /// The destinations dialled, in order.
    pub fn destinations(&self) -> Vec<&str> {
        self.legs.iter().map(|leg| leg.destination.as_str()).collect()
    }
}

/// Whole milliseconds, for offsets.
pub(super) fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
