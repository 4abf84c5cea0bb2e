//! One simulated call from ringing to hang-up.
//!
//! What must stay true: everything about a call happens inside one future, in virtual-time order; whatever interrupts
//! the instructions (the caller hangs up, the REST API, a limit) takes effect at the next wait, and no leg is left
//! behind without a final status.

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::pin;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::sync::mpsc::UnboundedSender;

use super::clock::Clock;
use super::delivery::Outbox;
use super::dial::ActiveDial;
use super::documents::{DocumentRequest, Start};
use super::ids::Chance;
use super::journey::{CallStatus, Connection, EndedBy, Happening, Journey, JourneyEvent, WebhookKind};
use super::recorder::{Recorder, whole_seconds};
use super::script::{CallScript, Speed};
use super::state::{CallRecord, Network, NumberConfig};
use super::twiml::Address;
use super::verbs::Message;
use super::{locked, parameters};

/// The longest call an account may have unless a longer one was agreed.
const LONGEST_CALL: Duration = Duration::from_secs(14_400);

/// One call.
pub(super) struct Call {
    pub(super) network: Arc<Network>,
    pub(super) script: CallScript,
    pub(super) number: NumberConfig,
    pub(super) sid: String,
    pub(super) clock: Clock,
    pub(super) log: Recorder,
    pub(super) outbox: Mutex<Outbox>,
    pub(super) state: Mutex<CallState>,
    pub(super) dial: Mutex<Option<Arc<ActiveDial>>>,
    pub(super) legs: Mutex<Vec<Arc<super::leg::Leg>>>,
    /// The message that the caller is leaving.
    pub(super) message: Mutex<Option<Message>>,
    chance: Mutex<Chance>,
    interruption: Mutex<Option<Interruption>>,
    interrupted: Notify,
}

/// What changes while a call lasts.
#[derive(Debug)]
pub(super) struct CallState {
    pub(super) status: CallStatus,
    pub(super) answered_at: Option<Duration>,
    pub(super) ended_at: Option<Duration>,
    pub(super) ended_by: Option<EndedBy>,
    pub(super) connection: Option<Connection>,
    pub(super) ever_bridged: bool,
    pub(super) gathers_answered: usize,
    pub(super) verbs_met: BTreeMap<String, u32>,
    pub(super) fallback_used: bool,
    pub(super) failed: bool,
    /// How the last dial ended, which is what an unanswered call reports when its instructions run out.
    pub(super) last_dial: Option<CallStatus>,
}

/// Something that breaks into the instructions.
#[derive(Debug)]
pub(super) enum Interruption {
    CallerHungUp,
    TimeLimit,
    EndedByRest,
    Redirected(Redirection),
}

/// New instructions for a live call.
#[derive(Debug)]
pub(super) enum Redirection {
    Ask(Address),
    Inline(String),
}

impl Call {
    /// Prepares a call to a number; [`Call::live_through`] lets it happen.
    pub(super) fn new(
        network: Arc<Network>,
        number: NumberConfig,
        script: CallScript,
        live: Option<UnboundedSender<JourneyEvent>>,
    ) -> Arc<Self> {
        let seed = script.seed.unwrap_or_else(rand::random);
        let mut chance = Chance::new(seed);
        let sid = script.call_sid.clone().unwrap_or_else(|| chance.sid("CA"));
        let delivery = script.delivery.clone().unwrap_or_else(|| network.config.delivery.clone());
        let clock = Clock::start();
        let call = Self {
            log: Recorder::new(clock.clone(), live),
            outbox: Mutex::new(Outbox::new(delivery, seed)),
            state: Mutex::new(CallState {
                status: CallStatus::Ringing,
                answered_at: None,
                ended_at: None,
                ended_by: None,
                connection: None,
                ever_bridged: false,
                gathers_answered: 0,
                verbs_met: BTreeMap::new(),
                fallback_used: false,
                failed: false,
                last_dial: None,
            }),
            dial: Mutex::new(None),
            legs: Mutex::default(),
            message: Mutex::new(None),
            chance: Mutex::new(chance),
            interruption: Mutex::new(None),
            interrupted: Notify::new(),
            network,
            script,
            number,
            sid,
            clock,
        };
        Arc::new(call)
    }

    /// The whole call.
    pub(super) async fn live_through(self: &Arc<Self>) -> Journey {
        self.register();
        if !self.drive(Box::pin(self.proceed())).await {
            self.log.note(Happening::CallFailed { code: 0, detail: "nothing left to wait for".to_owned() });
            locked(&self.state).failed = true;
            self.close(EndedBy::Failure);
        }
        loop {
            self.clock.quiet().await;
            let Some(callback) = locked(&self.outbox).next(true) else { break };
            self.deliver(callback).await;
        }
        self.forget();
        self.journey()
    }

    /// Follows instructions, through interruptions, to the end.
    async fn proceed(self: &Arc<Self>) {
        let from = self.script.from.clone();
        let (to, call_sid) = (self.script.to.clone(), self.sid.clone());
        self.log.note(Happening::CallPlaced { from, to, call_sid });
        let address = Address { url: self.number.voice_url.clone(), method: self.number.voice_method };
        let mut next = Redirection::Ask(address);
        let mut kind = WebhookKind::IncomingCall;
        loop {
            let instructions = match &next {
                Redirection::Ask(address) => {
                    self.follow(Start::Ask(DocumentRequest::plain(kind, address.clone())))
                }
                Redirection::Inline(twiml) => self.follow(Start::Inline(twiml.clone())),
            };
            let instructions = Box::pin(instructions);
            let interruption = tokio::select! {
                biased;
                ended_by = instructions => {
                    self.close(ended_by);
                    return;
                }
                interruption = self.interruption() => interruption,
            };
            match interruption {
                Interruption::Redirected(redirection) => {
                    self.abandon_verb(EndedBy::Rest);
                    next = redirection;
                    kind = WebhookKind::Redirect;
                }
                Interruption::CallerHungUp => return Box::pin(self.caller_left()).await,
                Interruption::TimeLimit => return self.cut_off(EndedBy::TimeLimit),
                Interruption::EndedByRest => return self.cut_off(EndedBy::Rest),
            }
        }
    }

    /// Lets a future run in virtual time. False when it can never end, because nobody waits for anything.
    async fn drive(self: &Arc<Self>, work: impl Future<Output = ()>) -> bool {
        let mut work = pin!(work);
        loop {
            tokio::select! {
                biased;
                () = &mut work => return true,
                () = self.clock.quiet() => {}
            }
            let callback = locked(&self.outbox).next(false);
            if let Some(callback) = callback {
                self.deliver(callback).await;
                continue;
            }
            let Some(wait) = self.clock.until_next() else { return false };
            if let Speed::Times(times) = self.script.speed {
                tokio::select! {
                    biased;
                    () = &mut work => return true,
                    () = tokio::time::sleep(wait / times.max(1)) => {}
                }
            }
            self.clock.jump();
        }
    }

    /// Resolves when something breaks into the instructions.
    async fn interruption(&self) -> Interruption {
        loop {
            if let Some(interruption) = locked(&self.interruption).take() {
                return interruption;
            }
            let bridged = || locked(&self.state).ever_bridged;
            let patience = self.script.caller.patience.filter(|_| !bridged());
            tokio::select! {
                biased;
                () = self.interrupted.notified() => {}
                () = self.clock.sleep_until(LONGEST_CALL) => return Interruption::TimeLimit,
                () = self.clock.sleep_until(patience.unwrap_or(LONGEST_CALL)) => {
                    if !bridged() {
                        return Interruption::CallerHungUp;
                    }
                }
            }
        }
    }

    /// Breaks into the instructions at the next wait.
    pub(super) fn interrupt(&self, interruption: Interruption) {
        *locked(&self.interruption) = Some(interruption);
        self.interrupted.notify_one();
    }

    /// The caller hangs up; nothing after this point happens.
    pub(super) async fn caller_hangs_up(&self) -> std::convert::Infallible {
        self.interrupt(Interruption::CallerHungUp);
        std::future::pending().await
    }

    /// After the caller hung up: legs end, the pending action is still told, its answer no longer matters.
    async fn caller_left(self: &Arc<Self>) {
        self.log.note(Happening::CallerHungUp);
        let dial = locked(&self.dial).take();
        let result = dial.as_ref().map(|dial| self.conclude(dial, EndedBy::Caller));
        let message = locked(&self.message).take();
        let recorded = message.map(|message| self.finish_message(message, "hangup"));
        self.close(EndedBy::Caller);
        if let (Some(dial), Some(result)) = (dial, result)
            && let Some(request) = dial.action_request(self, &result)
        {
            self.tell(&request).await;
        }
        if let Some(request) = recorded {
            self.tell(&request).await;
        }
    }

    /// Requests an action whose answer is of no consequence; that it came is in the journey.
    async fn tell(self: &Arc<Self>, request: &DocumentRequest) {
        let _ = self.fetch(None, request).await;
    }

    /// Ends the call from outside, without asking anybody.
    fn cut_off(self: &Arc<Self>, ended_by: EndedBy) {
        self.abandon_verb(ended_by);
        self.close(ended_by);
    }

    /// Ends whatever verb is under way; its action is not asked.
    fn abandon_verb(self: &Arc<Self>, ended_by: EndedBy) {
        let dial = locked(&self.dial).take();
        if let Some(dial) = dial {
            self.conclude(&dial, ended_by);
        }
        let message = locked(&self.message).take();
        if let Some(message) = message {
            self.finish_message(message, "");
        }
    }

    /// The caller's call becomes an answered one, if it is not yet.
    pub(super) fn answer(&self) {
        let mut state = locked(&self.state);
        if state.answered_at.is_some() {
            return;
        }
        state.answered_at = Some(self.clock.now());
        state.status = CallStatus::InProgress;
        drop(state);
        self.log.note(Happening::CallAnswered);
        self.amend(&self.sid, |record| record.status = CallStatus::InProgress);
    }

    /// Gives the call its final status and tells the number's status callback.
    fn close(self: &Arc<Self>, ended_by: EndedBy) {
        let mut state = locked(&self.state);
        if state.ended_at.is_some() {
            return;
        }
        state.ended_at = Some(self.clock.now());
        state.ended_by = Some(ended_by);
        state.status = match (state.status, ended_by) {
            (status, _) if status.is_terminal() => status,
            (CallStatus::InProgress, _) => CallStatus::Completed,
            (_, EndedBy::Caller) => self.script.abandoned.call,
            (_, EndedBy::Failure) => CallStatus::Failed,
            (_, EndedBy::Instructions) => state.last_dial.unwrap_or(CallStatus::Completed),
            _ => CallStatus::Completed,
        };
        let status = state.status;
        drop(state);
        let seconds = whole_seconds(self.answered_for());
        self.amend(&self.sid, |record| {
            record.status = status;
            record.ended = Some(self.clock.moment(self.clock.now()));
            record.seconds = seconds;
        });
        self.log.note(Happening::CallEnded { status, seconds, ended_by });
        if !self.number.status_callback.is_empty() {
            let method = self.number.status_callback_method;
            let address = Address { url: self.number.status_callback.clone(), method };
            let fields = parameters::call_status(self);
            self.call_back(WebhookKind::CallStatus, &self.sid, &address, fields);
        }
    }

    pub(super) fn status(&self) -> CallStatus {
        locked(&self.state).status
    }

    /// Time from answer to end, or to now.
    pub(super) fn answered_for(&self) -> Duration {
        let state = locked(&self.state);
        let end = state.ended_at.unwrap_or_else(|| self.clock.now());
        state.answered_at.map_or(Duration::ZERO, |since| end.saturating_sub(since))
    }

    pub(super) fn new_sid(&self, prefix: &str) -> String {
        locked(&self.chance).sid(prefix)
    }

    pub(super) fn new_token(&self) -> String {
        locked(&self.chance).token()
    }

    pub(super) fn amend(&self, sid: &str, change: impl FnOnce(&mut CallRecord)) {
        self.network.amend(sid, self.clock.moment(self.clock.now()), change);
    }
}
