//! Performs the verbs of a document, one after the other, for the caller.
//!
//! Speaking, playing, gathering, recording and queueing answer the call; `<Pause>`, `<Redirect>`, `<Reject>` and
//! `<Hangup>` do not, and `<Dial>` only when it says so (see [`super::dial`]).

use std::sync::Arc;
use std::time::Duration;

use super::call::Call;
use super::documents::{Document, DocumentRequest, Trouble};
use super::journey::{CallStatus, EndedBy, Happening, WebhookKind};
use super::leg::Leg;
use super::locked;
use super::parameters::{Parameters, put};
use super::recording::Recording;
use super::script::Input;
use super::twiml::{Address, Gather, Record, Verb};

/// How long a sound file plays; files are not fetched.
const SOUND: Duration = Duration::from_secs(5);
/// How long a word takes to say.
const WORD: Duration = Duration::from_millis(400);
/// How long a tone takes.
const TONE: Duration = Duration::from_millis(500);
/// Stands for a loop without end; the call's own limit is shorter or the same.
const ENDLESS: Duration = Duration::from_secs(14_400);
/// How long the caller speaks at a `<Record>` unless the script says otherwise.
const MESSAGE: Duration = Duration::from_secs(10);
/// An instruction's address cannot be resolved.
const BAD_ADDRESS: u32 = 11_100;

/// How a call goes on after a document.
#[derive(Debug)]
pub(super) enum Next {
    /// By asking for another.
    Ask(DocumentRequest),
    /// Not at all.
    End(EndedBy),
}

/// A message that the caller is leaving.
#[derive(Debug)]
pub(super) struct Message {
    recording: Recording,
    action: Address,
}

impl Call {
    /// Follows a document to its end, or to the verb that leads elsewhere.
    pub(super) async fn obey(self: &Arc<Self>, document: &Document) -> Result<Next, Trouble> {
        for verb in &document.instructions.verbs {
            self.meet(verb.name()).await;
            if let Some(next) = Box::pin(self.perform(document, verb)).await? {
                return Ok(next);
            }
        }
        Ok(Next::End(EndedBy::Instructions))
    }

    /// Counts the verbs met; at the one the script names, the caller hangs up. (At a `<Record>`: after speaking.)
    async fn meet(&self, verb: &str) {
        let occurrence = {
            let mut state = locked(&self.state);
            let count = state.verbs_met.entry(verb.to_owned()).or_default();
            *count += 1;
            *count
        };
        let point = self.script.caller.hangs_up_at.as_ref();
        let here = point.is_some_and(|point| point.verb == verb && point.occurrence == occurrence);
        if here && verb != "Record" {
            self.caller_hangs_up().await;
        }
    }

    async fn perform(self: &Arc<Self>, document: &Document, verb: &Verb) -> Result<Option<Next>, Trouble> {
        match verb {
            Verb::Say { .. } | Verb::Play { .. } | Verb::Tones(_) => {
                self.answer();
                self.sound(&self.sid, verb).await;
            }
            Verb::Pause(length) => {
                self.log.note(Happening::Paused { seconds: length.as_secs() });
                self.clock.sleep(*length).await;
            }
            Verb::Gather(gather) => {
                self.answer();
                let Some(extra) = self.gather(None, gather).await else { return Ok(None) };
                let address = resolved(document, gather.action.as_ref())?;
                return Ok(Some(Next::Ask(DocumentRequest {
                    kind: WebhookKind::GatherAction,
                    address,
                    extra,
                })));
            }
            Verb::Dial(dial) => return Box::pin(self.dial(document, dial)).await,
            Verb::Record(record) => return self.record(document, record).await,
            Verb::Redirect(address) => {
                let address = resolved(document, Some(address))?;
                return Ok(Some(Next::Ask(DocumentRequest::plain(WebhookKind::Redirect, address))));
            }
            Verb::Reject { busy } => {
                let mut state = locked(&self.state);
                if state.answered_at.is_none() {
                    state.status = if *busy { CallStatus::Busy } else { CallStatus::NoAnswer };
                }
                return Ok(Some(Next::End(EndedBy::Instructions)));
            }
            Verb::Hangup => return Ok(Some(Next::End(EndedBy::Instructions))),
            Verb::Enqueue { action } => return self.enqueue(document, action.as_ref()),
            Verb::Unsupported(name) => self.skip(name, "skipped"),
        }
        Ok(None)
    }

    /// Plays a verb that only makes sound, to the caller or to the callee of a whisper.
    pub(super) async fn sound(&self, call_sid: &str, verb: &Verb) {
        self.announce(call_sid, verb);
        self.clock.sleep(length(verb)).await;
    }

    fn announce(&self, call_sid: &str, verb: &Verb) {
        let call_sid = call_sid.to_owned();
        self.log.note(match verb {
            Verb::Say { words, .. } => Happening::Said { call_sid, words: words.clone() },
            Verb::Play { sound, .. } => Happening::Played { call_sid, what: sound.clone() },
            Verb::Tones(digits) => Happening::Played { call_sid, what: format!("tones {digits}") },
            _ => Happening::Paused { seconds: length(verb).as_secs() },
        });
    }

    /// Asks the caller, or the callee of a whisper, for keys or words. What was entered, or `None`.
    pub(super) async fn gather(&self, leg: Option<&Arc<Leg>>, gather: &Gather) -> Option<Parameters> {
        let call_sid = leg.map_or(&self.sid, |leg| &leg.sid).clone();
        let input = match leg {
            Some(leg) => leg.next_input(),
            None => self.next_input(),
        };
        let began = self.clock.now();
        for verb in &gather.prompt {
            self.announce(&call_sid, verb);
        }
        let prompt = gather.prompt.iter().map(length).sum::<Duration>();
        let patience = prompt.saturating_add(gather.timeout);
        let mut entered = Parameters::new();
        match input {
            Some(Input::Keys { digits, after }) if gather.keys && after <= patience => {
                self.clock.sleep_until(began + after).await;
                self.log.note(Happening::KeysPressed { call_sid: call_sid.clone(), digits: digits.clone() });
                let keys = Keys::read(&digits, gather);
                if !keys.complete {
                    self.clock.sleep(gather.timeout).await;
                }
                if !keys.digits.is_empty() {
                    put(&mut entered, "Digits", keys.digits);
                    put(&mut entered, "FinishedOnKey", keys.finished_on);
                    return Some(entered);
                }
            }
            Some(Input::Speech { words, confidence }) if gather.speech => {
                self.clock.sleep(prompt.saturating_add(saying(&words))).await;
                self.log.note(Happening::Spoke { call_sid, words: words.clone() });
                put(&mut entered, "SpeechResult", words);
                put(&mut entered, "Confidence", share(confidence));
                return Some(entered);
            }
            _ => self.clock.sleep_until(began + patience).await,
        }
        self.log.note(Happening::NothingEntered { call_sid });
        if !gather.action_on_empty {
            return None;
        }
        put(&mut entered, "Digits", "");
        Some(entered)
    }

    fn next_input(&self) -> Option<Input> {
        let mut state = locked(&self.state);
        state.gathers_answered += 1;
        self.script.caller.gathers.get(state.gathers_answered - 1).cloned()
    }

    async fn record(self: &Arc<Self>, document: &Document, record: &Record) -> Result<Option<Next>, Trouble> {
        self.answer();
        let hangs_up = self.script.caller.hangs_up_at.as_ref().is_some_and(|point| point.verb == "Record");
        let spoken = self.script.caller.message.unwrap_or(MESSAGE).min(record.longest);
        if spoken.is_zero() && !hangs_up {
            self.clock.sleep(record.silence).await;
            return Ok(None);
        }
        let action = resolved(document, record.action.as_ref())?;
        let recording = Recording::begin(self, "RecordVerb", false, record.status.clone());
        *locked(&self.message) = Some(Message { recording, action });
        self.clock.sleep(spoken).await;
        if hangs_up {
            self.caller_hangs_up().await;
        }
        self.clock.sleep(record.silence.min(record.longest.saturating_sub(spoken))).await;
        let message = locked(&self.message).take();
        Ok(message.map(|message| Next::Ask(self.finish_message(message, ""))))
    }

    /// Ends a message; `digits` says what ended it (`hangup` when the caller did).
    pub(super) fn finish_message(self: &Arc<Self>, mut message: Message, digits: &str) -> DocumentRequest {
        message.recording.end(self, false);
        let mut extra = Parameters::new();
        put(&mut extra, "RecordingUrl", message.recording.url(self));
        put(&mut extra, "RecordingSid", &message.recording.sid);
        put(&mut extra, "RecordingDuration", message.recording.seconds(self).to_string());
        put(&mut extra, "Digits", digits);
        DocumentRequest { kind: WebhookKind::RecordAction, address: message.action, extra }
    }

    /// Queues hold nobody here: the caller leaves the queue at once, as when Twilio cannot enqueue.
    fn enqueue(&self, document: &Document, action: Option<&Address>) -> Result<Option<Next>, Trouble> {
        self.answer();
        self.skip("Enqueue", "left at once with QueueResult=system-error");
        let Some(action) = action else { return Ok(None) };
        let address = resolved(document, Some(action))?;
        let mut extra = Parameters::new();
        put(&mut extra, "QueueResult", "system-error");
        put(&mut extra, "QueueSid", self.new_sid("QU"));
        put(&mut extra, "QueueTime", "0");
        Ok(Some(Next::Ask(DocumentRequest { kind: WebhookKind::EnqueueAction, address, extra })))
    }

    /// Says that something is not simulated.
    pub(super) fn skip(&self, element: &str, instead: &str) {
        self.log.note(Happening::Unsupported { element: element.to_owned(), instead: instead.to_owned() });
    }
}

/// An address in a document, made absolute.
pub(super) fn resolved(document: &Document, address: Option<&Address>) -> Result<Address, Trouble> {
    document.resolve(address).map_err(|detail| Trouble::new(BAD_ADDRESS, detail, &document.address.url))
}

/// Keys as a `<Gather>` understands them.
struct Keys {
    digits: String,
    finished_on: String,
    complete: bool,
}

impl Keys {
    fn read(pressed: &str, gather: &Gather) -> Self {
        let mut digits = String::new();
        for key in pressed.chars() {
            if Some(key) == gather.finish_on {
                return Self { digits, finished_on: key.to_string(), complete: true };
            }
            digits.push(key);
            if Some(digits.len()) == gather.digits {
                return Self { digits, finished_on: String::new(), complete: true };
            }
        }
        Self { digits, finished_on: String::new(), complete: false }
    }
}

/// How long a verb that makes sound takes.
fn length(verb: &Verb) -> Duration {
    let (once, times) = match verb {
        Verb::Say { words, times } => (saying(words), *times),
        Verb::Play { times, .. } => (SOUND, *times),
        Verb::Tones(digits) => (TONE * u32::try_from(digits.len()).unwrap_or(1), 1),
        Verb::Pause(length) => (*length, 1),
        _ => return Duration::ZERO,
    };
    if times == 0 { ENDLESS } else { once.saturating_mul(times) }
}

fn saying(words: &str) -> Duration {
    let count = u32::try_from(words.split_whitespace().count()).unwrap_or(u32::MAX);
    WORD.saturating_mul(count).max(Duration::from_secs(1))
}

/// Percent as a share of one: `0.93`.
fn share(percent: u8) -> String {
    if percent >= 100 { "1.0".to_owned() } else { format!("0.{percent:02}") }
}
