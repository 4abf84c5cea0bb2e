//! Which elements and attributes voice TwiML has, and which values they take.
//!
//! A document that breaks this grammar is still followed, as Twilio does, but every breach is reported as the
//! warning 12200. Verbs that the simulator does not play are in the table too: they are lawful.

use super::twiml::{DIAL_NOUNS, Method};

/// The documented attributes of an element, or `None` when voice TwiML has no such element.
pub(super) fn attributes(element: &str) -> Option<&'static [&'static str]> {
    Some(match element {
        "Response" | "Hangup" | "Leave" | "Echo" => &[],
        "Say" => &["voice", "language", "loop"],
        "Play" => &["loop", "digits"],
        "Pause" => &["length"],
        "Redirect" => &["method"],
        "Reject" => &["reason"],
        "Gather" => GATHER,
        "Record" => RECORD,
        "Dial" => DIAL,
        "Number" | "Sim" | "Application" | "WhatsApp" => NUMBER,
        "Sip" => SIP,
        "Client" => &["url", "method", "statusCallback", "statusCallbackEvent", "statusCallbackMethod"],
        "Identity" => &[],
        "Parameter" => &["name", "value"],
        "Conference" => CONFERENCE,
        "Queue" => &["url", "method", "reservationSid", "postWorkActivitySid"],
        "Enqueue" => &["action", "method", "waitUrl", "waitUrlMethod", "maxQueueSize", "workflowSid"],
        _ => return None,
    })
}

const GATHER: &[&str] = &[
    "action",
    "actionOnEmptyResult",
    "bargeIn",
    "debug",
    "enhanced",
    "finishOnKey",
    "hints",
    "input",
    "language",
    "maxSpeechTime",
    "method",
    "numDigits",
    "partialResultCallback",
    "partialResultCallbackMethod",
    "profanityFilter",
    "speechModel",
    "speechTimeout",
    "timeout",
];
const RECORD: &[&str] = &[
    "action",
    "finishOnKey",
    "maxLength",
    "method",
    "playBeep",
    "recordingConfigurationId",
    "recordingStatusCallback",
    "recordingStatusCallbackEvent",
    "recordingStatusCallbackMethod",
    "timeout",
    "transcribe",
    "transcribeCallback",
    "trim",
];
const DIAL: &[&str] = &[
    "action",
    "answerOnBridge",
    "callReason",
    "callerId",
    "events",
    "hangupOnStar",
    "method",
    "record",
    "recordingConfigurationId",
    "recordingStatusCallback",
    "recordingStatusCallbackEvent",
    "recordingStatusCallbackMethod",
    "recordingTrack",
    "referMethod",
    "referUrl",
    "ringTone",
    "sequential",
    "timeLimit",
    "timeout",
    "trim",
];
const NUMBER: &[&str] = &[
    "amdStatusCallback",
    "amdStatusCallbackMethod",
    "byoc",
    "machineDetection",
    "machineDetectionSilenceTimeout",
    "machineDetectionSpeechEndThreshold",
    "machineDetectionSpeechThreshold",
    "machineDetectionTimeout",
    "method",
    "sendDigits",
    "statusCallback",
    "statusCallbackEvent",
    "statusCallbackMethod",
    "url",
];
const SIP: &[&str] = &[
    "amdStatusCallback",
    "amdStatusCallbackMethod",
    "machineDetection",
    "machineDetectionSilenceTimeout",
    "machineDetectionSpeechEndThreshold",
    "machineDetectionSpeechThreshold",
    "machineDetectionTimeout",
    "method",
    "password",
    "statusCallback",
    "statusCallbackEvent",
    "statusCallbackMethod",
    "url",
    "username",
];
const CONFERENCE: &[&str] = &[
    "beep",
    "coach",
    "endConferenceOnExit",
    "eventCallbackUrl",
    "jitterBufferSize",
    "maxParticipants",
    "muted",
    "participantLabel",
    "record",
    "recordingStatusCallback",
    "recordingStatusCallbackEvent",
    "recordingStatusCallbackMethod",
    "region",
    "startConferenceOnEnter",
    "statusCallback",
    "statusCallbackEvent",
    "statusCallbackMethod",
    "trim",
    "waitMethod",
    "waitUrl",
];

/// Whether `child` may stand directly inside `parent`. What stands inside `<Say>` is speech markup and not looked at.
pub(super) fn may_contain(parent: &str, child: &str) -> bool {
    match parent {
        "Response" => is_verb(child),
        "Gather" => matches!(child, "Say" | "Play" | "Pause"),
        "Dial" => DIAL_NOUNS.contains(&child),
        "Client" => matches!(child, "Identity" | "Parameter"),
        "Say" => true,
        _ => false,
    }
}

/// Whether the element is a voice verb that Twilio knows.
pub(super) fn is_verb(element: &str) -> bool {
    matches!(
        element,
        "Connect"
            | "Dial"
            | "Echo"
            | "Enqueue"
            | "Gather"
            | "Hangup"
            | "Leave"
            | "Pause"
            | "Pay"
            | "Play"
            | "Prompt"
            | "Record"
            | "Redirect"
            | "Refer"
            | "Reject"
            | "Say"
            | "Sms"
            | "Start"
            | "Stop"
            | "Siprec"
            | "Stream"
            | "Transcription"
            | "Recording"
    )
}

/// What is wrong with an attribute's value, if anything.
pub(super) fn objection(element: &str, attribute: &str, value: &str) -> Option<String> {
    let allowed: &[&str] = match (element, attribute) {
        (_, "method" | "waitMethod" | "waitUrlMethod" | "referMethod") => &["GET", "POST"],
        (_, name) if name.ends_with("Method") => &["GET", "POST"],
        ("Dial", "record") => &[
            "do-not-record",
            "record-from-answer",
            "record-from-ringing",
            "record-from-answer-dual",
            "record-from-ringing-dual",
            "true",
            "false",
        ],
        (_, "recordingTrack") => &["both", "inbound", "outbound"],
        (_, "trim") => &["do-not-trim", "trim-silence"],
        ("Reject", "reason") => &["rejected", "busy"],
        ("Gather", "input") => &["dtmf", "speech", "dtmf speech"],
        (_, "machineDetection") => &["Enable", "DetectMessageEnd"],
        ("Dial", "answerOnBridge" | "hangupOnStar" | "sequential") => &["true", "false"],
        ("Gather", "actionOnEmptyResult" | "profanityFilter" | "bargeIn" | "enhanced" | "debug") => {
            &["true", "false"]
        }
        ("Record", "playBeep" | "transcribe") => &["true", "false"],
        _ => return number_objection(element, attribute, value),
    };
    (!allowed.contains(&value)).then(|| format!("{element} {attribute}: not one of {}", allowed.join(", ")))
}

fn number_objection(element: &str, attribute: &str, value: &str) -> Option<String> {
    let (least, most) = match (element, attribute) {
        ("Dial", "timeout") => (5, 600),
        ("Dial", "timeLimit") => (1, 86_400),
        ("Gather", "timeout" | "maxSpeechTime" | "numDigits") => (1, 86_400),
        ("Pause", "length") => (0, 86_400),
        ("Say" | "Play", "loop") => (0, 1_000),
        ("Record", "timeout" | "maxLength") => (0, 86_400),
        (_, "machineDetectionTimeout") => (3, 60),
        (_, "machineDetectionSpeechThreshold") => (1_000, 6_000),
        (_, "machineDetectionSpeechEndThreshold") => (500, 5_000),
        (_, "machineDetectionSilenceTimeout") => (2_000, 10_000),
        _ => return word_list_objection(element, attribute, value),
    };
    let lawful = value.parse::<u64>().is_ok_and(|number| (least..=most).contains(&number));
    (!lawful).then(|| format!("{element} {attribute}: not a whole number from {least} to {most}"))
}

fn word_list_objection(element: &str, attribute: &str, value: &str) -> Option<String> {
    let known: &[&str] = match (element, attribute) {
        ("Number" | "Sip" | "Client", "statusCallbackEvent") => {
            &["initiated", "ringing", "answered", "completed"]
        }
        ("Dial" | "Record", "recordingStatusCallbackEvent") => &["in-progress", "completed", "absent"],
        ("Gather", "finishOnKey") => {
            let lawful = value.is_empty() || (value.len() == 1 && is_keypad(value));
            return (!lawful).then(|| "Gather finishOnKey: not one key".to_owned());
        }
        ("Number", "sendDigits") | ("Play", "digits") => {
            let lawful = value.chars().all(|key| is_key(key) || matches!(key, 'A'..='D' | 'w' | 'W'));
            return (!lawful).then(|| format!("{element} {attribute}: not keys"));
        }
        _ => return None,
    };
    let stray = value.split_whitespace().find(|word| !known.contains(word))?;
    Some(format!("{element} {attribute}: {stray} is not one of {}", known.join(", ")))
}

fn is_keypad(value: &str) -> bool {
    value.chars().all(is_key)
}

fn is_key(key: char) -> bool {
    key.is_ascii_digit() || matches!(key, '*' | '#')
}

/// The method an attribute names; Twilio's default is POST.
pub(super) fn method(value: Option<&str>) -> Method {
    match value {
        Some("GET") => Method::Get,
        _ => Method::Post,
    }
}
