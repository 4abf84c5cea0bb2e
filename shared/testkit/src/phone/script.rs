//! What the people and machines on a simulated call do. Plain data: readable from JSON (durations in seconds),
//! so that a test, the command line and the dashboard describe a call in the same words.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::delivery::Delivery;
use super::journey::CallStatus;
use super::seconds;

/// One call to place: who calls which number, and how the caller behaves.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CallScript {
    /// The caller as Twilio would report it: E.164, `anonymous`, `sip:user@host`, anything.
    pub from: String,
    /// The number or SIP address called; it must be one of the network's numbers, or at one of its domains.
    pub to: String,
    /// The CallSid; made from the seed when absent.
    pub call_sid: Option<String>,
    /// Seeds identifiers and the order of callbacks; drawn at random when absent.
    pub seed: Option<u64>,
    /// `StirVerstat`, such as `TN-Validation-Passed-A`.
    pub stir_verstat: Option<String>,
    /// `CallerName`, sent when the number looks names up.
    pub caller_name: Option<String>,
    /// `ForwardedFrom`.
    pub forwarded_from: Option<String>,
    /// Where the caller's number is from.
    pub caller_place: Place,
    /// Where the called number is from.
    pub called_place: Place,
    /// Where a call to a SIP address comes from.
    pub sip: SipSource,
    /// How the caller behaves.
    pub caller: CallerScript,
    /// Who answers at which destination (E.164 or SIP address), for this call only; the network's own list is next.
    pub callees: BTreeMap<String, CalleeScript>,
    /// Who answers at any other destination, for this call only.
    pub default_callee: Option<CalleeScript>,
    /// Faults in the delivery of webhooks, for this call only.
    pub delivery: Option<Delivery>,
    /// How fast simulated time passes.
    pub speed: Speed,
    /// What Twilio reports when the caller hangs up before anybody answered.
    pub abandoned: Abandoned,
}

impl Default for CallScript {
    fn default() -> Self {
        Self {
            from: "+14155550100".to_owned(),
            to: String::new(),
            call_sid: None,
            seed: None,
            stir_verstat: Some("TN-Validation-Passed-A".to_owned()),
            caller_name: None,
            forwarded_from: None,
            caller_place: Place::new("SAN FRANCISCO", "CA", "94105", "US"),
            called_place: Place::new("", "", "", "US"),
            sip: SipSource::default(),
            caller: CallerScript::default(),
            callees: BTreeMap::new(),
            default_callee: None,
            delivery: None,
            speed: Speed::Instant,
            abandoned: Abandoned::default(),
        }
    }
}

impl CallScript {
    /// A call from one number to another, with everything else as usual.
    pub fn new(from: impl Into<String>, to: impl Into<String>) -> Self {
        Self { from: from.into(), to: to.into(), ..Self::default() }
    }

    /// Says who answers at a destination.
    #[must_use]
    pub fn callee(mut self, destination: impl Into<String>, script: CalleeScript) -> Self {
        self.callees.insert(destination.into(), script);
        self
    }

    /// Sets how the caller behaves.
    #[must_use]
    pub fn caller(mut self, caller: CallerScript) -> Self {
        self.caller = caller;
        self
    }

    /// Sets faults in the delivery of webhooks.
    #[must_use]
    pub fn delivery(mut self, delivery: Delivery) -> Self {
        self.delivery = Some(delivery);
        self
    }

    /// Sets the seed.
    #[must_use]
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = Some(seed);
        self
    }
}

/// How a call to a SIP address presents itself to the domain.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SipSource {
    /// The address that it comes from.
    pub ip: String,
    /// The user name it gives when it is asked.
    pub user: Option<String>,
    /// The password it gives then.
    pub password: Option<String>,
}

impl Default for SipSource {
    fn default() -> Self {
        Self { ip: "127.0.0.1".to_owned(), user: None, password: None }
    }
}

/// A place as Twilio reports it (`FromCity`, `FromState`, …); empty strings where nothing is known.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Place {
    /// City, in capitals.
    pub city: String,
    /// State or province code.
    pub state: String,
    /// Postal code.
    pub zip: String,
    /// Two-letter country code.
    pub country: String,
}

impl Place {
    /// A place from its four parts.
    pub fn new(city: &str, state: &str, zip: &str, country: &str) -> Self {
        Self { city: city.into(), state: state.into(), zip: zip.into(), country: country.into() }
    }
}

/// How the caller behaves. By default: waits for ever, talks until the other side hangs up, presses no key.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CallerScript {
    /// Hangs up this long after the call was placed, unless connected to somebody by then.
    #[serde(with = "seconds::optional")]
    pub patience: Option<Duration>,
    /// Hangs up after a conversation this long.
    #[serde(with = "seconds::optional")]
    pub talks_for: Option<Duration>,
    /// Hangs up when the call comes to this instruction.
    pub hangs_up_at: Option<HangUpAt>,
    /// What the caller does at each `<Gather>`, in order; nothing once the list is used up.
    pub gathers: Vec<Input>,
    /// How long the caller speaks at a `<Record>`; absent: ten seconds, zero: says nothing.
    #[serde(with = "seconds::optional")]
    pub message: Option<Duration>,
    /// Presses the star key this long into a conversation.
    #[serde(with = "seconds::optional")]
    pub presses_star_after: Option<Duration>,
}

/// The point in the instructions where a caller hangs up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HangUpAt {
    /// Element name: `Say`, `Play`, `Gather`, `Dial`, `Redirect`, …
    pub verb: String,
    /// Which time it is met, from 1.
    #[serde(default = "first")]
    pub occurrence: u32,
}

fn first() -> u32 {
    1
}

/// What somebody does when asked for keys or words.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Input {
    /// Nothing at all.
    Silence,
    /// Presses keys, the first one `after` the prompt begins and the others at once.
    Keys {
        /// `0`–`9`, `*`, `#`.
        digits: String,
        /// How long after the prompt begins.
        #[serde(with = "seconds", default)]
        after: Duration,
    },
    /// Says words.
    Speech {
        /// What Twilio understands.
        words: String,
        /// How sure Twilio is, in percent.
        confidence: u8,
    },
}

impl Input {
    /// Presses keys two seconds into the prompt.
    pub fn keys(digits: impl Into<String>) -> Self {
        Self::Keys { digits: digits.into(), after: Duration::from_secs(2) }
    }
}

/// How somebody who is called behaves.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum CalleeScript {
    /// A person or machine that answers.
    Answers(Answering),
    /// The line is busy (SIP 486).
    Busy {
        /// How long until that is known.
        #[serde(with = "seconds", default)]
        after: Duration,
    },
    /// Rings until somebody gives up.
    NoAnswer,
    /// The person declines (SIP 603).
    Declines {
        /// How long it rings first.
        #[serde(with = "seconds", default)]
        after: Duration,
    },
    /// The network or the far end refuses the call.
    Fails {
        /// The SIP answer, such as 404 or 503.
        sip_code: u16,
        /// How long until that is known.
        #[serde(with = "seconds", default)]
        after: Duration,
    },
}

/// Somebody who answers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Answering {
    /// How long it rings first.
    #[serde(with = "seconds")]
    pub after: Duration,
    /// Hangs up after a conversation this long; absent: talks until the caller hangs up.
    #[serde(with = "seconds::optional")]
    pub talks_for: Option<Duration>,
    /// Who it is, as answering-machine detection finds it.
    pub answered_by: AnsweredBy,
    /// What is done at each `<Gather>` of a whisper, in order.
    pub whisper: Vec<Input>,
    /// Hangs up this long into the whisper.
    #[serde(with = "seconds::optional")]
    pub hangs_up_in_whisper_after: Option<Duration>,
}

impl Default for Answering {
    fn default() -> Self {
        Self {
            after: Duration::from_secs(4),
            talks_for: Some(Duration::from_secs(95)),
            answered_by: AnsweredBy::Human,
            whisper: Vec::new(),
            hangs_up_in_whisper_after: None,
        }
    }
}

impl Default for CalleeScript {
    fn default() -> Self {
        Self::Answers(Answering::default())
    }
}

impl CalleeScript {
    /// Answers after some seconds, talks for some seconds, then hangs up.
    pub fn answers(after_seconds: u64, talks_for_seconds: u64) -> Self {
        Self::Answers(Answering {
            after: Duration::from_secs(after_seconds),
            talks_for: Some(Duration::from_secs(talks_for_seconds)),
            ..Answering::default()
        })
    }

    /// Answers after some seconds, presses these keys at the whisper's first question, talks, then hangs up.
    pub fn answers_and_presses(after_seconds: u64, keys: &str, talks_for_seconds: u64) -> Self {
        Self::Answers(Answering {
            after: Duration::from_secs(after_seconds),
            talks_for: Some(Duration::from_secs(talks_for_seconds)),
            whisper: vec![Input::keys(keys)],
            ..Answering::default()
        })
    }

    /// A voicemail machine that answers after some seconds and records for some seconds.
    pub fn voicemail(after_seconds: u64, records_for_seconds: u64) -> Self {
        Self::Answers(Answering {
            after: Duration::from_secs(after_seconds),
            talks_for: Some(Duration::from_secs(records_for_seconds)),
            answered_by: AnsweredBy::Machine,
            ..Answering::default()
        })
    }

    /// A busy line, known after one second.
    pub fn busy() -> Self {
        Self::Busy { after: Duration::from_secs(1) }
    }

    /// A call refused with this SIP answer after one second.
    pub fn fails(sip_code: u16) -> Self {
        Self::Fails { sip_code, after: Duration::from_secs(1) }
    }
}

/// Who answered, as answering-machine detection finds it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AnsweredBy {
    /// A person.
    Human,
    /// A voicemail machine that ends its greeting with a beep.
    Machine,
    /// A fax machine.
    Fax,
    /// Detection could not tell.
    Unknown,
}

/// How fast simulated waits pass in reality.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Speed {
    /// They take no time.
    #[default]
    Instant,
    /// So many times faster than real; 1 is real time.
    Times(u32),
}

/// What Twilio reports when a caller hangs up before anybody answered. Reports of the real service differ, so a
/// product must not depend on it: run it with each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Abandoned {
    /// The caller's own call.
    pub call: CallStatus,
    /// A leg that was still ringing.
    pub leg: CallStatus,
}

impl Default for Abandoned {
    fn default() -> Self {
        Self { call: CallStatus::Completed, leg: CallStatus::Canceled }
    }
}
