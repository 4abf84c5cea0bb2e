//! Reads TwiML into verbs with a conforming XML parser.
//!
//! What Twilio refuses is an error here (not XML, or the root is not `<Response>`: 12100). What Twilio only warns
//! about, such as unknown attributes, wrong nesting or wrong values (12200), is listed and the document is followed.

use std::time::Duration;

use roxmltree::{Document as Xml, Node};
use serde::{Deserialize, Serialize};

use super::grammar;

/// What may stand inside `<Dial>`.
pub(super) const DIAL_NOUNS: &[&str] =
    &["Number", "Sip", "Client", "Conference", "Queue", "Sim", "Application", "WhatsApp"];

/// Most destinations one `<Dial>` may ring.
const MOST_NOUNS: usize = 10;

/// How a webhook is requested.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Method {
    /// Parameters in the query.
    Get,
    /// Parameters as a form.
    #[default]
    Post,
}

impl Method {
    /// The word on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
        }
    }
}

/// A document that can be followed.
#[derive(Debug, Clone, Default)]
pub(super) struct Instructions {
    pub(super) verbs: Vec<Verb>,
    /// Breaches of the grammar, each worth a warning 12200.
    pub(super) breaches: Vec<String>,
}

/// An address to ask, with its method.
#[derive(Debug, Clone)]
pub(super) struct Address {
    pub(super) url: String,
    pub(super) method: Method,
}

/// One instruction.
#[derive(Debug, Clone)]
pub(super) enum Verb {
    Say { words: String, times: u32 },
    Play { sound: String, times: u32 },
    Tones(String),
    Pause(Duration),
    Gather(Gather),
    Dial(Box<Dial>),
    Record(Record),
    Redirect(Address),
    Reject { busy: bool },
    Hangup,
    Enqueue { action: Option<Address> },
    Unsupported(String),
}

impl Verb {
    /// The element's name.
    pub(super) fn name(&self) -> &str {
        match self {
            Self::Say { .. } => "Say",
            Self::Play { .. } | Self::Tones(_) => "Play",
            Self::Pause(_) => "Pause",
            Self::Gather(_) => "Gather",
            Self::Dial(_) => "Dial",
            Self::Record(_) => "Record",
            Self::Redirect(_) => "Redirect",
            Self::Reject { .. } => "Reject",
            Self::Hangup => "Hangup",
            Self::Enqueue { .. } => "Enqueue",
            Self::Unsupported(name) => name,
        }
    }
}

#[derive(Debug, Clone)]
pub(super) struct Gather {
    pub(super) prompt: Vec<Verb>,
    pub(super) action: Option<Address>,
    pub(super) keys: bool,
    pub(super) speech: bool,
    pub(super) digits: Option<usize>,
    pub(super) finish_on: Option<char>,
    pub(super) timeout: Duration,
    pub(super) action_on_empty: bool,
}

#[derive(Debug, Clone)]
pub(super) struct Record {
    pub(super) action: Option<Address>,
    pub(super) longest: Duration,
    pub(super) silence: Duration,
    pub(super) status: Subscription,
}

/// A callback address and the events it wants.
#[derive(Debug, Clone, Default)]
pub(super) struct Subscription {
    pub(super) address: Option<Address>,
    pub(super) events: Vec<String>,
}

impl Subscription {
    pub(super) fn wants(&self, event: &str) -> Option<&Address> {
        self.address.as_ref().filter(|_| self.events.iter().any(|wanted| wanted == event))
    }
}

#[derive(Debug, Clone)]
pub(super) struct Dial {
    pub(super) action: Option<Address>,
    pub(super) answer_on_bridge: bool,
    pub(super) caller_id: Option<String>,
    pub(super) hang_up_on_star: bool,
    pub(super) recording: Option<DialRecording>,
    pub(super) sequential: bool,
    pub(super) timeout: Duration,
    pub(super) time_limit: Duration,
    pub(super) nouns: Vec<Noun>,
    /// Conferences, queues and the like: the element names.
    pub(super) unsupported: Vec<String>,
}

#[derive(Debug, Clone)]
pub(super) struct DialRecording {
    pub(super) from_ringing: bool,
    pub(super) dual: bool,
    pub(super) status: Subscription,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NounKind {
    Number,
    Sip,
    Client,
}

/// A destination to ring.
#[derive(Debug, Clone)]
pub(super) struct Noun {
    pub(super) kind: NounKind,
    pub(super) destination: String,
    pub(super) whisper: Option<Address>,
    pub(super) send_digits: Option<String>,
    pub(super) status: Subscription,
    pub(super) machine_detection: Option<String>,
    pub(super) amd_status: Option<Address>,
}

/// Reads a document. The error says why it is not TwiML at all.
pub(super) fn read(text: &str) -> Result<Instructions, String> {
    let xml = Xml::parse(text).map_err(|error| format!("not well-formed XML: {error}"))?;
    let root = xml.root_element();
    if root.tag_name().name() != "Response" {
        return Err(format!("the root element is <{}>, not <Response>", root.tag_name().name()));
    }
    let mut instructions = Instructions::default();
    check(root, &mut instructions.breaches);
    for element in root.children().filter(Node::is_element) {
        instructions.verbs.push(verb(element, &mut instructions.breaches));
    }
    Ok(instructions)
}

/// Lists breaches of the grammar in an element and everything inside it.
fn check(element: Node<'_, '_>, breaches: &mut Vec<String>) {
    let name = element.tag_name().name();
    match grammar::attributes(name) {
        Some(known) => {
            for attribute in element.attributes() {
                if !known.contains(&attribute.name()) {
                    breaches.push(format!("{name} has no attribute {}", attribute.name()));
                } else if let Some(breach) = grammar::objection(name, attribute.name(), attribute.value()) {
                    breaches.push(breach);
                }
            }
        }
        None if grammar::is_verb(name) => return,
        None => breaches.push(format!("<{name}> is not an element of voice TwiML")),
    }
    if name == "Say" {
        return;
    }
    for child in element.children().filter(Node::is_element) {
        if !grammar::may_contain(name, child.tag_name().name()) {
            breaches.push(format!("<{}> does not belong into <{name}>", child.tag_name().name()));
        }
        check(child, breaches);
    }
}

fn verb(element: Node<'_, '_>, breaches: &mut Vec<String>) -> Verb {
    let loops = || count(element, "loop", 1);
    match element.tag_name().name() {
        "Say" => Verb::Say { words: text(element), times: loops() },
        "Play" => match element.attribute("digits") {
            Some(digits) => Verb::Tones(digits.to_owned()),
            None => Verb::Play { sound: text(element), times: loops() },
        },
        "Pause" => Verb::Pause(seconds(element, "length", 1, 0, 86_400)),
        "Gather" => Verb::Gather(gather(element, breaches)),
        "Dial" => Verb::Dial(Box::new(dial(element, breaches))),
        "Record" => Verb::Record(Record {
            action: address(element, "action", "method"),
            longest: seconds(element, "maxLength", 3_600, 1, 86_400),
            silence: seconds(element, "timeout", 5, 0, 86_400),
            status: recording_subscription(element),
        }),
        "Redirect" => Verb::Redirect(Address {
            url: text(element),
            method: grammar::method(element.attribute("method")),
        }),
        "Reject" => Verb::Reject { busy: element.attribute("reason") == Some("busy") },
        "Hangup" => Verb::Hangup,
        "Enqueue" => Verb::Enqueue { action: address(element, "action", "method") },
        other => Verb::Unsupported(other.to_owned()),
    }
}

fn gather(element: Node<'_, '_>, breaches: &mut Vec<String>) -> Gather {
    let input = element.attribute("input").unwrap_or("dtmf");
    let finish_on = element.attribute("finishOnKey").unwrap_or("#");
    Gather {
        prompt: element.children().filter(Node::is_element).map(|child| verb(child, breaches)).collect(),
        action: address(element, "action", "method"),
        keys: input.split_whitespace().any(|word| word == "dtmf"),
        speech: input.split_whitespace().any(|word| word == "speech"),
        digits: element.attribute("numDigits").and_then(|number| number.parse().ok()),
        finish_on: finish_on.chars().next(),
        timeout: seconds(element, "timeout", 5, 1, 86_400),
        action_on_empty: element.attribute("actionOnEmptyResult") == Some("true"),
    }
}

fn dial(element: Node<'_, '_>, breaches: &mut Vec<String>) -> Dial {
    let flag = |name: &str| element.attribute(name) == Some("true");
    let mut dial = Dial {
        action: address(element, "action", "method"),
        answer_on_bridge: flag("answerOnBridge"),
        caller_id: element.attribute("callerId").map(str::to_owned),
        hang_up_on_star: flag("hangupOnStar"),
        recording: recording(element),
        sequential: flag("sequential"),
        timeout: seconds(element, "timeout", 30, 5, 600),
        time_limit: seconds(element, "timeLimit", 14_400, 1, 14_400),
        nouns: Vec::new(),
        unsupported: Vec::new(),
    };
    for child in element.children().filter(Node::is_element) {
        match child.tag_name().name() {
            "Number" => dial.nouns.push(noun(child, NounKind::Number)),
            "Sip" => dial.nouns.push(noun(child, NounKind::Sip)),
            "Client" => dial.nouns.push(noun(child, NounKind::Client)),
            other => dial.unsupported.push(other.to_owned()),
        }
    }
    let bare = own_text(element);
    if !bare.is_empty() {
        dial.nouns.push(Noun { destination: bare, ..noun(element, NounKind::Number) }.without_attributes());
    }
    if dial.nouns.len() > MOST_NOUNS {
        breaches.push(format!("Dial has more than {MOST_NOUNS} destinations; the others are not rung"));
        dial.nouns.truncate(MOST_NOUNS);
    }
    dial
}

impl Noun {
    /// A number written directly inside `<Dial>` has no settings of its own.
    fn without_attributes(self) -> Self {
        Self {
            whisper: None,
            send_digits: None,
            status: Subscription::default(),
            machine_detection: None,
            amd_status: None,
            ..self
        }
    }
}

fn noun(element: Node<'_, '_>, kind: NounKind) -> Noun {
    Noun {
        kind,
        destination: text(element),
        whisper: address(element, "url", "method"),
        send_digits: element.attribute("sendDigits").map(str::to_owned),
        status: Subscription {
            address: address(element, "statusCallback", "statusCallbackMethod"),
            events: words(element, "statusCallbackEvent", "completed"),
        },
        machine_detection: element.attribute("machineDetection").map(str::to_owned),
        amd_status: address(element, "amdStatusCallback", "amdStatusCallbackMethod"),
    }
}

fn recording(element: Node<'_, '_>) -> Option<DialRecording> {
    let wish = element.attribute("record")?;
    if matches!(wish, "do-not-record" | "false") {
        return None;
    }
    Some(DialRecording {
        from_ringing: wish.starts_with("record-from-ringing"),
        dual: wish.ends_with("-dual"),
        status: recording_subscription(element),
    })
}

fn recording_subscription(element: Node<'_, '_>) -> Subscription {
    Subscription {
        address: address(element, "recordingStatusCallback", "recordingStatusCallbackMethod"),
        events: words(element, "recordingStatusCallbackEvent", "completed"),
    }
}

fn address(element: Node<'_, '_>, name: &str, method: &str) -> Option<Address> {
    let url = element.attribute(name)?;
    Some(Address { url: url.to_owned(), method: grammar::method(element.attribute(method)) })
}

fn words(element: Node<'_, '_>, name: &str, default: &str) -> Vec<String> {
    element.attribute(name).unwrap_or(default).split_whitespace().map(str::to_owned).collect()
}

fn seconds(element: Node<'_, '_>, name: &str, default: u64, least: u64, most: u64) -> Duration {
    let number = element.attribute(name).and_then(|value| value.parse().ok()).unwrap_or(default);
    Duration::from_secs(number.clamp(least, most))
}

fn count(element: Node<'_, '_>, name: &str, default: u32) -> u32 {
    element.attribute(name).and_then(|value| value.parse().ok()).unwrap_or(default)
}

/// All text inside an element, its children's included, with runs of white space made one space.
fn text(element: Node<'_, '_>) -> String {
    let pieces = element.descendants().filter_map(|node| node.text().filter(|_| node.is_text()));
    pieces.collect::<Vec<_>>().join(" ").split_whitespace().collect::<Vec<_>>().join(" ")
}

fn own_text(element: Node<'_, '_>) -> String {
    let pieces = element.children().filter_map(|node| node.text().filter(|_| node.is_text()));
    pieces.collect::<Vec<_>>().join(" ").split_whitespace().collect::<Vec<_>>().join(" ")
}
