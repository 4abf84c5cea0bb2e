//! `<Dial>`: rings destinations at once or in turn, connects the first that is ready, tells the action how it went.
//!
//! With `answerOnBridge` a call that is not answered yet keeps ringing until somebody is connected; without it the
//! caller's call is answered when dialling begins. With an action, verbs after the `<Dial>` never run.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::stream::{FuturesUnordered, StreamExt};

use super::call::Call;
use super::documents::{Document, DocumentRequest, Trouble};
use super::journey::{CallStatus, EndedBy, Happening, WebhookKind};
use super::leg::Leg;
use super::locked;
use super::parameters;
use super::recording::Recording;
use super::script::CalleeScript;
use super::twiml::{Address, Dial, Noun};
use super::verbs::{Next, resolved};

/// A `<Dial>` under way.
#[derive(Debug)]
pub(super) struct ActiveDial {
    pub(super) verb: Dial,
    action: Option<Address>,
    legs: Mutex<Vec<Arc<Leg>>>,
    pub(super) recording: Mutex<Option<Recording>>,
    pub(super) last_ended: Mutex<Option<Arc<Leg>>>,
}

/// How a `<Dial>` went.
#[derive(Debug)]
pub(super) struct DialResult {
    pub(super) status: CallStatus,
    pub(super) bridged: bool,
    /// The leg that was connected, else the one that ended last.
    pub(super) leg: Option<Arc<Leg>>,
}

impl ActiveDial {
    /// The request that tells how it went.
    pub(super) fn action_request(&self, call: &Call, result: &DialResult) -> Option<DocumentRequest> {
        let address = self.action.clone()?;
        let extra = parameters::dial_result(call, self, result);
        Some(DocumentRequest { kind: WebhookKind::DialAction, address, extra })
    }

    /// Starts the recording, if one is wanted from this moment on.
    pub(super) fn begin_recording(&self, call: &Arc<Call>, ringing: bool) {
        let Some(wish) = self.verb.recording.as_ref().filter(|wish| wish.from_ringing == ringing) else {
            return;
        };
        let mut recording = locked(&self.recording);
        if recording.is_none() {
            *recording = Some(Recording::begin(call, "DialVerb", wish.dual, wish.status.clone()));
        }
    }

    /// Ends the recording, if there is one.
    pub(super) fn end_recording(&self, call: &Arc<Call>) {
        let bridged = locked(&self.legs).iter().any(|leg| leg.was_bridged());
        if let Some(recording) = locked(&self.recording).as_mut() {
            recording.end(call, !bridged);
        }
    }
}

impl Call {
    /// Performs a `<Dial>`.
    pub(super) async fn dial(
        self: &Arc<Self>,
        document: &Document,
        verb: &Dial,
    ) -> Result<Option<Next>, Trouble> {
        let action = verb.action.as_ref().map(|action| resolved(document, Some(action))).transpose()?;
        if !verb.answer_on_bridge {
            self.answer();
        }
        for element in &verb.unsupported {
            self.skip(element, "counted as a dial that failed");
        }
        let dial = Arc::new(ActiveDial {
            verb: verb.clone(),
            action,
            legs: Mutex::default(),
            recording: Mutex::default(),
            last_ended: Mutex::default(),
        });
        *locked(&self.dial) = Some(dial.clone());
        dial.begin_recording(self, true);
        let ready = if verb.sequential {
            self.ring_in_turn(&dial, document).await
        } else {
            self.ring_at_once(&dial, document).await
        };
        if let Some(leg) = &ready {
            Box::pin(self.converse(&dial, leg)).await;
        }
        locked(&self.dial).take();
        let result = self.conclude(&dial, EndedBy::Instructions);
        Ok(dial.action_request(self, &result).map(Next::Ask))
    }

    async fn ring_in_turn(self: &Arc<Self>, dial: &Arc<ActiveDial>, document: &Document) -> Option<Arc<Leg>> {
        for noun in &dial.verb.nouns {
            let leg = self.leg(dial, document, noun);
            if self.attempt(dial, &leg).await {
                return Some(leg);
            }
        }
        None
    }

    /// Rings all; the first that is ready (answered, and past its whisper) wins, the others are dropped.
    async fn ring_at_once(self: &Arc<Self>, dial: &Arc<ActiveDial>, document: &Document) -> Option<Arc<Leg>> {
        let legs: Vec<_> = dial.verb.nouns.iter().map(|noun| self.leg(dial, document, noun)).collect();
        let mut attempts = FuturesUnordered::new();
        for leg in legs.clone() {
            attempts.push(async move { self.attempt(dial, &leg).await.then_some(leg) });
        }
        let mut winner = None;
        while let Some(ready) = attempts.next().await {
            if ready.is_some() {
                winner = ready;
                break;
            }
        }
        drop(attempts);
        let winner = winner?;
        for other in legs.iter().filter(|leg| leg.sid != winner.sid) {
            self.drop_leg(dial, other, EndedBy::OtherLeg);
        }
        Some(winner)
    }

    fn leg(&self, dial: &ActiveDial, document: &Document, noun: &Noun) -> Arc<Leg> {
        let mut noun = noun.clone();
        for address in [&mut noun.whisper, &mut noun.status.address, &mut noun.amd_status] {
            let Some(given) = address.take() else { continue };
            match resolved(document, Some(&given)) {
                Ok(absolute) => *address = Some(absolute),
                Err(trouble) => self.log.warn(trouble.code, trouble.detail),
            }
        }
        let script = self.network.callee(&self.script, &noun.destination);
        let (caller_id, refusal) = match self.caller_id(&dial.verb, &noun) {
            Ok(caller_id) => (caller_id, self.refusal(&noun)),
            Err(refusal) => (dial.verb.caller_id.clone().unwrap_or_default(), Some(refusal)),
        };
        let leg = Arc::new(Leg::new(self.new_sid("CA"), noun, caller_id, script, refusal));
        locked(&dial.legs).push(leg.clone());
        leg
    }

    /// The conversation, until somebody or something ends it.
    async fn converse(self: &Arc<Self>, dial: &Arc<ActiveDial>, leg: &Arc<Leg>) {
        self.answer();
        let now = self.clock.now();
        leg.bridge_at(now);
        locked(&self.state).ever_bridged = true;
        let destination = leg.noun.destination.clone();
        self.log.note(Happening::Bridged { call_sid: leg.sid.clone(), destination });
        let (moment, by) = self.end_of_conversation(dial, leg, now);
        let conversation = async {
            tokio::select! {
                biased;
                () = leg.asked_to_end() => EndedBy::Rest,
                () = self.clock.sleep_until(moment) => by,
            }
        };
        let ended_by = self.detecting(leg, conversation).await;
        if ended_by == EndedBy::Caller {
            self.caller_hangs_up().await;
        }
        if ended_by == EndedBy::Star {
            self.log.note(Happening::KeysPressed { call_sid: self.sid.clone(), digits: "*".to_owned() });
        }
        self.end_leg(dial, leg, CallStatus::Completed, 200, ended_by);
    }

    /// What ends the conversation first, and when. The time limit counts from the callee's answer.
    fn end_of_conversation(&self, dial: &ActiveDial, leg: &Leg, now: Duration) -> (Duration, EndedBy) {
        let mut first = (leg.answered_at() + dial.verb.time_limit, EndedBy::TimeLimit);
        let callee = match &leg.script {
            CalleeScript::Answers(answering) => answering.talks_for,
            _ => None,
        };
        let star = self.script.caller.presses_star_after.filter(|_| dial.verb.hang_up_on_star);
        let others = [
            (callee, EndedBy::Callee),
            (self.script.caller.talks_for, EndedBy::Caller),
            (star, EndedBy::Star),
        ];
        for (length, ended_by) in others {
            let Some(length) = length else { continue };
            if now + length < first.0 {
                first = (now + length, ended_by);
            }
        }
        first
    }

    /// Ends whatever is left of a dial and says how it went.
    pub(super) fn conclude(self: &Arc<Self>, dial: &Arc<ActiveDial>, ended_by: EndedBy) -> DialResult {
        let legs = locked(&dial.legs).clone();
        for leg in legs.iter().filter(|leg| leg.was_placed() && !leg.status().is_terminal()) {
            self.drop_leg(dial, leg, ended_by);
            *locked(&dial.last_ended) = Some(leg.clone());
        }
        dial.end_recording(self);
        let connected = legs.iter().find(|leg| leg.was_bridged()).cloned();
        let bridged = connected.is_some();
        let leg = connected.or_else(|| locked(&dial.last_ended).clone());
        let status = leg.as_ref().map_or(CallStatus::Failed, |leg| leg.status());
        locked(&self.state).last_dial = Some(status);
        DialResult { status, bridged, leg }
    }
}
