//! One dialled leg: from being placed to its final status.
//!
//! What must stay true: a leg ends exactly once, and its `completed` callback is the last one in its sequence.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::Notify;

use super::call::Call;
use super::dial::ActiveDial;
use super::dial_rules::Refusal;
use super::journey::{CallStatus, Connection, EndedBy, Happening, WebhookKind};
use super::locked;
use super::parameters;
use super::recorder::whole_seconds;
use super::recording::Recording;
use super::script::{AnsweredBy, Answering, CalleeScript, Input};
use super::twiml::Noun;

/// Twilio rings this much longer than a `<Dial>` asks for.
const TIMEOUT_MARGIN: Duration = Duration::from_secs(5);
/// SIP: the caller's side gave up.
const GAVE_UP: u16 = 487;

/// A dialled leg.
#[derive(Debug)]
pub(super) struct Leg {
    pub(super) sid: String,
    /// With absolute addresses.
    pub(super) noun: Noun,
    pub(super) caller_id: String,
    pub(super) script: CalleeScript,
    /// Why it cannot even be placed.
    pub(super) refusal: Option<Refusal>,
    state: Mutex<LegState>,
    asked_to_end: Notify,
}

#[derive(Debug)]
struct LegState {
    status: CallStatus,
    next_sequence: u32,
    answered_at: Option<Duration>,
    bridged_at: Option<Duration>,
    ended_at: Option<Duration>,
    sip_code: u16,
    inputs_used: usize,
    detection: Option<Detection>,
}

/// What answering-machine detection will find, and when.
#[derive(Debug, Clone)]
struct Detection {
    answered_by: &'static str,
    due: Duration,
    took: Duration,
}

impl Leg {
    pub(super) fn new(
        sid: String,
        noun: Noun,
        caller_id: String,
        script: CalleeScript,
        refusal: Option<Refusal>,
    ) -> Self {
        Self {
            sid,
            noun,
            caller_id,
            script,
            refusal,
            state: Mutex::new(LegState {
                status: CallStatus::Queued,
                next_sequence: 0,
                answered_at: None,
                bridged_at: None,
                ended_at: None,
                sip_code: 0,
                inputs_used: 0,
                detection: None,
            }),
            asked_to_end: Notify::new(),
        }
    }

    pub(super) fn status(&self) -> CallStatus {
        locked(&self.state).status
    }

    pub(super) fn sip_code(&self) -> u16 {
        locked(&self.state).sip_code
    }

    pub(super) fn was_placed(&self) -> bool {
        self.status() != CallStatus::Queued
    }

    pub(super) fn was_answered(&self) -> bool {
        locked(&self.state).answered_at.is_some()
    }

    pub(super) fn was_bridged(&self) -> bool {
        locked(&self.state).bridged_at.is_some()
    }

    pub(super) fn answered_at(&self) -> Duration {
        locked(&self.state).answered_at.unwrap_or_default()
    }

    /// Time from answer to end, whisper included.
    pub(super) fn talked(&self) -> Duration {
        let state = locked(&self.state);
        let (Some(answered), Some(ended)) = (state.answered_at, state.ended_at) else {
            return Duration::ZERO;
        };
        ended.saturating_sub(answered)
    }

    /// The number of the next status callback.
    pub(super) fn next_sequence(&self) -> u32 {
        let mut state = locked(&self.state);
        state.next_sequence += 1;
        state.next_sequence - 1
    }

    /// What the callee does at the next `<Gather>` of the whisper.
    pub(super) fn next_input(&self) -> Option<Input> {
        let CalleeScript::Answers(answering) = &self.script else { return None };
        let mut state = locked(&self.state);
        state.inputs_used += 1;
        answering.whisper.get(state.inputs_used - 1).cloned()
    }

    /// The REST API wants this leg to end.
    pub(super) fn ask_to_end(&self) {
        self.asked_to_end.notify_one();
    }

    /// Resolves when the REST API wants this leg to end.
    pub(super) async fn asked_to_end(&self) {
        self.asked_to_end.notified().await;
    }

    pub(super) fn bridge_at(&self, moment: Duration) {
        locked(&self.state).bridged_at = Some(moment);
    }

    fn set_status(&self, status: CallStatus) {
        locked(&self.state).status = status;
    }
}

impl Call {
    /// Places a leg and waits until it is ready to be connected. False when it ended instead.
    pub(super) async fn attempt(self: &Arc<Self>, dial: &Arc<ActiveDial>, leg: &Arc<Leg>) -> bool {
        let ready = tokio::select! {
            biased;
            ready = Box::pin(self.ring(dial, leg)) => ready,
            () = leg.asked_to_end() => {
                self.drop_leg(dial, leg, EndedBy::Rest);
                false
            }
        };
        if !ready {
            *locked(&dial.last_ended) = Some(leg.clone());
        }
        ready
    }

    async fn ring(self: &Arc<Self>, dial: &Arc<ActiveDial>, leg: &Arc<Leg>) -> bool {
        leg.set_status(CallStatus::Initiated);
        self.register_leg(leg);
        let (destination, caller_id) = (leg.noun.destination.clone(), leg.caller_id.clone());
        self.log.note(Happening::Dialled { call_sid: leg.sid.clone(), destination, caller_id });
        self.progress(leg, CallStatus::Initiated, None);
        if let Some(refusal) = &leg.refusal {
            self.log.warn(refusal.code, refusal.detail.clone());
            self.end_leg(dial, leg, CallStatus::Failed, refusal.sip_code, EndedBy::Failure);
            return false;
        }
        let limit = dial.verb.timeout + TIMEOUT_MARGIN;
        let (after, sip_code) = match &leg.script {
            CalleeScript::Answers(answering) => (answering.after, 200),
            CalleeScript::Busy { after } => (*after, 486),
            CalleeScript::Declines { after } => (*after, 603),
            CalleeScript::Fails { sip_code, after } => (*after, *sip_code),
            CalleeScript::NoAnswer => (Duration::MAX, GAVE_UP),
        };
        if matches!(
            leg.script,
            CalleeScript::Answers(_) | CalleeScript::NoAnswer | CalleeScript::Declines { .. }
        ) {
            leg.set_status(CallStatus::Ringing);
            self.amend(&leg.sid, |record| record.status = CallStatus::Ringing);
            self.progress(leg, CallStatus::Ringing, None);
        }
        if after > limit {
            self.clock.sleep(limit).await;
            self.end_leg(dial, leg, CallStatus::NoAnswer, GAVE_UP, EndedBy::TimeLimit);
            return false;
        }
        self.clock.sleep(after).await;
        let CalleeScript::Answers(answering) = &leg.script else {
            self.end_leg(dial, leg, status_of(sip_code), sip_code, EndedBy::Callee);
            return false;
        };
        self.leg_answers(dial, leg, answering).await
    }

    /// The callee picks up: digits, recording, detection, whisper.
    async fn leg_answers(
        self: &Arc<Self>,
        dial: &Arc<ActiveDial>,
        leg: &Arc<Leg>,
        answering: &Answering,
    ) -> bool {
        let now = self.clock.now();
        {
            let mut state = locked(&leg.state);
            state.answered_at = Some(now);
            state.status = CallStatus::InProgress;
            state.sip_code = 200;
            state.detection = detection(&leg.noun, answering.answered_by, now);
        }
        self.amend(&leg.sid, |record| record.status = CallStatus::InProgress);
        self.log.note(Happening::LegAnswered { call_sid: leg.sid.clone() });
        self.progress(leg, CallStatus::InProgress, None);
        dial.begin_recording(self, false);
        if let Some(digits) = &leg.noun.send_digits {
            self.log.note(Happening::KeysPressed { call_sid: self.sid.clone(), digits: digits.clone() });
            self.clock.sleep(Duration::from_millis(500) * u32::try_from(digits.len()).unwrap_or(1)).await;
        }
        let synchronous = leg.noun.amd_status.is_none();
        let found = locked(&leg.state).detection.clone().filter(|_| synchronous);
        if let Some(found) = &found {
            self.clock.sleep_until(found.due).await;
            self.report_detection(leg);
        }
        let Some(address) = leg.noun.whisper.clone() else { return true };
        let answered_by = found.map(|found| found.answered_by);
        let whisper = self.whisper(leg, address, answered_by, answering.hangs_up_in_whisper_after);
        let ended_by = Box::pin(self.detecting(leg, whisper)).await;
        let accepted = ended_by.is_none();
        self.log.note(Happening::WhisperEnded { call_sid: leg.sid.clone(), accepted });
        if let Some(ended_by) = ended_by {
            self.end_leg(dial, leg, CallStatus::Completed, 200, ended_by);
        }
        accepted
    }

    /// Does something during which answering-machine detection may come to its finding.
    pub(super) async fn detecting<T>(self: &Arc<Self>, leg: &Arc<Leg>, work: impl Future<Output = T>) -> T {
        let mut work = std::pin::pin!(work);
        let due = locked(&leg.state).detection.as_ref().map(|detection| detection.due);
        if let Some(due) = due {
            tokio::select! {
                biased;
                output = &mut work => return output,
                () = self.clock.sleep_until(due) => self.report_detection(leg),
            }
        }
        work.await
    }

    fn report_detection(self: &Arc<Self>, leg: &Arc<Leg>) {
        let Some(found) = locked(&leg.state).detection.take() else { return };
        let answered_by = found.answered_by.to_owned();
        self.amend(&leg.sid, |record| record.answered_by = Some(answered_by.clone()));
        self.log.note(Happening::MachineDetected { call_sid: leg.sid.clone(), answered_by });
        if let Some(address) = &leg.noun.amd_status {
            let fields = parameters::amd_status(self, leg, found.answered_by, found.took);
            self.call_back(WebhookKind::AmdStatus, &leg.sid, address, fields);
        }
    }

    /// Ends a leg from this side, whatever it is doing.
    pub(super) fn drop_leg(self: &Arc<Self>, dial: &ActiveDial, leg: &Arc<Leg>, ended_by: EndedBy) {
        if leg.was_answered() {
            return self.end_leg(dial, leg, CallStatus::Completed, 200, ended_by);
        }
        let status =
            if ended_by == EndedBy::Caller { self.script.abandoned.leg } else { CallStatus::Canceled };
        self.end_leg(dial, leg, status, GAVE_UP, ended_by);
    }

    /// Gives a leg its final status, once.
    pub(super) fn end_leg(
        self: &Arc<Self>,
        dial: &ActiveDial,
        leg: &Arc<Leg>,
        status: CallStatus,
        sip_code: u16,
        ended_by: EndedBy,
    ) {
        let now = self.clock.now();
        let bridged_at = {
            let mut state = locked(&leg.state);
            if state.ended_at.is_some() || state.status == CallStatus::Queued {
                return;
            }
            state.ended_at = Some(now);
            state.status = status;
            state.sip_code = sip_code;
            state.detection = None;
            state.bridged_at
        };
        let call_sid = leg.sid.clone();
        if let Some(bridged_at) = bridged_at {
            let connected_seconds = whole_seconds(now.saturating_sub(bridged_at));
            let destination = leg.noun.destination.clone();
            self.log.note(Happening::BridgeEnded { call_sid: call_sid.clone(), connected_seconds, ended_by });
            locked(&self.state).connection =
                Some(Connection { call_sid: call_sid.clone(), destination, connected_seconds, ended_by });
            dial.end_recording(self);
        }
        self.amend(&leg.sid, |record| {
            record.status = status;
            record.ended = Some(self.clock.moment(now));
            record.seconds = whole_seconds(leg.talked());
        });
        self.log.note(Happening::LegEnded { call_sid, status, sip_code, ended_by });
        let recording = locked(&dial.recording).clone().filter(|_| bridged_at.is_some());
        self.progress(leg, status, recording.as_ref());
    }

    /// Tells the leg's status callback, if it wants to know.
    fn progress(self: &Arc<Self>, leg: &Arc<Leg>, status: CallStatus, recording: Option<&Recording>) {
        let event = match status {
            CallStatus::Initiated => "initiated",
            CallStatus::Ringing => "ringing",
            CallStatus::InProgress => "answered",
            _ => "completed",
        };
        let Some(address) = leg.noun.status.wants(event) else { return };
        let fields = parameters::leg_status(self, leg, status, recording);
        self.call_back(WebhookKind::LegStatus, &leg.sid, address, fields);
    }
}

/// How Twilio names the outcome of a SIP answer.
fn status_of(sip_code: u16) -> CallStatus {
    match sip_code {
        486 | 600 | 603 => CallStatus::Busy,
        408 | 480 | 487 => CallStatus::NoAnswer,
        _ => CallStatus::Failed,
    }
}

/// What detection will find, if it was asked for.
fn detection(noun: &Noun, answered_by: AnsweredBy, now: Duration) -> Option<Detection> {
    let to_the_end = noun.machine_detection.as_deref()? == "DetectMessageEnd";
    let (answered_by, milliseconds) = match (answered_by, to_the_end) {
        (AnsweredBy::Human, _) => ("human", 2_410),
        (AnsweredBy::Machine, false) => ("machine_start", 3_180),
        (AnsweredBy::Machine, true) => ("machine_end_beep", 11_640),
        (AnsweredBy::Fax, _) => ("fax", 4_020),
        (AnsweredBy::Unknown, _) => ("unknown", 30_000),
    };
    let took = Duration::from_millis(milliseconds);
    Some(Detection { answered_by, due: now + took, took })
}
