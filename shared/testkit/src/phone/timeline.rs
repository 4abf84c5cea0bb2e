//! A journey in words, one line per thing that happened, for people who watch a test call.

use std::fmt;

use super::journey::{EndedBy, Happening, Journey, JourneyEvent, WebhookKind};

/// One line of a timeline. Lines from elsewhere (an auction, the ledger) can be sorted in by `offset_ms`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TimelineLine {
    /// Virtual milliseconds since the call was placed.
    pub offset_ms: u64,
    /// What happened, without a line break.
    pub text: String,
}

impl fmt::Display for TimelineLine {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:>6}.{:03} s  {}", self.offset_ms / 1_000, self.offset_ms % 1_000, self.text)
    }
}

impl Journey {
    /// The whole call in words.
    pub fn timeline(&self) -> Vec<TimelineLine> {
        self.events.iter().map(JourneyEvent::line).collect()
    }
}

impl JourneyEvent {
    /// This event in words.
    pub fn line(&self) -> TimelineLine {
        TimelineLine { offset_ms: self.offset_ms, text: words(&self.what) }
    }
}

fn words(what: &Happening) -> String {
    match what {
        Happening::CallPlaced { from, to, call_sid } => format!("{from} calls {to} ({call_sid})"),
        Happening::Requested { kind, url, status, elapsed_ms } => {
            let answer = answer(*status);
            format!("asked {} at {}: {answer}, {elapsed_ms} ms", webhook(*kind), path(url))
        }
        Happening::Instructed { verbs } if verbs.is_empty() => "instructions: none".to_owned(),
        Happening::Instructed { verbs } => format!("instructions: {}", verbs.join(", ")),
        Happening::CallAnswered => "the caller's call is answered".to_owned(),
        Happening::Said { words, .. } => format!("says: {words}"),
        Happening::Played { what, .. } => format!("plays: {what}"),
        Happening::Paused { seconds } => format!("pauses {seconds} s"),
        Happening::KeysPressed { digits, .. } => format!("keys pressed: {digits}"),
        Happening::Spoke { words, .. } => format!("spoken: {words}"),
        Happening::NothingEntered { .. } => "nothing entered".to_owned(),
        Happening::Dialled { destination, caller_id, .. } => format!("dialled {destination} as {caller_id}"),
        Happening::LegAnswered { call_sid } => format!("leg {} answered", short(call_sid)),
        Happening::LegEnded { call_sid, status, sip_code, ended_by } => {
            format!("leg {} ended: {status} (SIP {sip_code}), {}", short(call_sid), by(*ended_by))
        }
        Happening::WhisperBegan { call_sid } => format!("leg {} hears the whisper", short(call_sid)),
        Happening::WhisperEnded { call_sid, accepted: true } => format!("leg {} accepts", short(call_sid)),
        Happening::WhisperEnded { call_sid, .. } => format!("leg {} does not accept", short(call_sid)),
        Happening::MachineDetected { answered_by, .. } => format!("machine detection: {answered_by}"),
        Happening::Bridged { destination, .. } => format!("connected with {destination}"),
        Happening::BridgeEnded { connected_seconds, ended_by, .. } => {
            format!("conversation over after {connected_seconds} s, {}", by(*ended_by))
        }
        Happening::RecordingBegan { .. } => "recording begins".to_owned(),
        Happening::RecordingEnded { seconds, .. } => format!("recording ends after {seconds} s"),
        Happening::CallbackDelivered { kind, subject, call_status, status } => {
            let answer = answer(*status);
            format!("told {} of {} ({call_status}): {answer}", webhook(*kind), short(subject))
        }
        Happening::WebhookLost { kind } => format!("lost on purpose: {}", webhook(*kind)),
        Happening::FallingBack { error_code, error_url } => {
            format!("error {error_code} at {}: asking the fallback address", path(error_url))
        }
        Happening::ChangedByRest { change, .. } => format!("changed through the REST API: {change}"),
        Happening::Unsupported { element, instead } => format!("<{element}> is not simulated: {instead}"),
        Happening::Warning { code, detail } => format!("warning {code}: {detail}"),
        Happening::CallFailed { code, detail } => format!("THE CALL FAILED, error {code}: {detail}"),
        Happening::CallerHungUp => "the caller hangs up".to_owned(),
        Happening::CallEnded { status, seconds, ended_by } => {
            format!("the call is over: {status}, {seconds} s, {}", by(*ended_by))
        }
    }
}

fn answer(status: Option<u16>) -> String {
    status.map_or_else(|| "no answer".to_owned(), |status| status.to_string())
}

/// The end of an identifier is enough to tell legs apart.
fn short(sid: &str) -> &str {
    sid.get(sid.len().saturating_sub(6)..).unwrap_or(sid)
}

/// An address without scheme, host and fragment.
fn path(url: &str) -> &str {
    let address = url.split_once('#').map_or(url, |(address, _)| address);
    let rest = address.split_once("://").map_or(address, |(_, rest)| rest);
    rest.find('/').and_then(|start| rest.get(start..)).unwrap_or("/")
}

fn by(who: EndedBy) -> &'static str {
    match who {
        EndedBy::Caller => "by the caller",
        EndedBy::Callee => "by the callee",
        EndedBy::Instructions => "by the instructions",
        EndedBy::TimeLimit => "by a time limit",
        EndedBy::Star => "by the star key",
        EndedBy::Rest => "through the REST API",
        EndedBy::OtherLeg => "because another leg was first",
        EndedBy::Failure => "by an error",
    }
}

/// The name of a webhook for people.
pub(super) fn webhook(kind: WebhookKind) -> &'static str {
    match kind {
        WebhookKind::IncomingCall => "incoming call",
        WebhookKind::Fallback => "fallback",
        WebhookKind::Redirect => "redirect",
        WebhookKind::GatherAction => "gather action",
        WebhookKind::DialAction => "dial action",
        WebhookKind::RecordAction => "record action",
        WebhookKind::EnqueueAction => "enqueue action",
        WebhookKind::Whisper => "whisper",
        WebhookKind::WhisperAction => "whisper action",
        WebhookKind::LegStatus => "leg status",
        WebhookKind::CallStatus => "call status",
        WebhookKind::RecordingStatus => "recording status",
        WebhookKind::AmdStatus => "machine detection status",
    }
}
