//! A dial has ended: the next valid bid, the next target, or goodbye; also for a caller whose conversation was too short,
//! when the campaign says so.
//!
//! Idempotency: the step. The next destination is tried only while the caller is still there. The dial's own word never
//! settles a call; the legs' status callbacks do.

use std::sync::Arc;

use domain::call::{Attempt, CallStatus, Leg, LegEvent, Source, leg_end};
use domain::campaign::Recovery;
use domain::caps::ReservationState;
use domain::ids::{AccountSid, CallId, CallSid, TenantId};
use domain::routing::Decisions;
use domain::voice::Reply;
use tokio::time::Instant;

use crate::clock::Clock;
use crate::close_call;
use crate::place::{self, ANSWER_WITHIN, Placing, SoFar, StepAnswer};
use crate::ports::{CallRecord, Calls, Counters, PortResult, Published, Step};
use crate::run_auction::call_context;

/// What Twilio says about a dial that has ended.
#[derive(Debug, Clone)]
pub struct DialEnded {
    /// State of the caller's leg.
    pub caller: CallStatus,
    /// How the dial ended.
    pub dial: CallStatus,
    /// The leg that was dialled, when there was one.
    pub child: Option<CallSid>,
    /// Seconds that leg was answered, as the dial says.
    pub talked_s: Option<u32>,
}

/// Decides what comes after a dial.
#[derive(Clone)]
pub struct DialNext {
    /// The campaign as published.
    pub published: Arc<dyn Published>,
    /// Counters and live flags.
    pub counters: Arc<dyn Counters>,
    /// The call.
    pub calls: Arc<dyn Calls>,
    /// Time and ids.
    pub clock: Arc<dyn Clock>,
}

impl DialNext {
    /// Answers the step after a dial. `account` is the one whose token signed the request.
    pub async fn decide(
        &self,
        tenant: TenantId,
        call: CallId,
        account: &AccountSid,
        step: u16,
        ended: &DialEnded,
    ) -> PortResult<StepAnswer> {
        let Some(record) = self.calls.load(tenant, call).await? else { return Ok(StepAnswer::UnknownCall) };
        if record.call.account_sid != *account {
            return Ok(StepAnswer::WrongAccount);
        }
        if let Some((_, Step::Answered(earlier))) = record.steps.iter().find(|(number, _)| *number == step) {
            return Ok(StepAnswer::Reply(earlier.reply.clone()));
        }
        self.note_leg_that_never_was(&record, step, ended).await?;

        let caller_is_gone = ended.caller.is_terminal()
            || record.closing.is_some()
            || leg_end(Leg::Caller, &record.events).is_some();
        if caller_is_gone {
            return Ok(StepAnswer::Reply(Reply::hangup()));
        }
        self.answer(&record, step, ended).await.map(StepAnswer::Reply)
    }

    async fn answer(&self, record: &CallRecord, step: u16, ended: &DialEnded) -> PortResult<Reply> {
        let (snapshot, usage) = call_context(&*self.published, &*self.counters, &record.call).await?;
        let was_connected = matches!(ended.dial, CallStatus::Completed | CallStatus::InProgress);
        let so_far = SoFar::of(record);
        let still_reserved = dialled_before(record, step).filter(|attempt| {
            let held = attempt.reservation.as_ref();
            held.is_some_and(|reservation| reservation.state == ReservationState::Reserved)
        });
        let placing = Placing {
            call: Arc::clone(&record.call),
            begins: false,
            step,
            started_by: None,
            snapshot: &snapshot,
            usage: &usage,
            asked: &so_far.asked,
            tried: &so_far.tried,
            caller: None,
            gives_back: still_reserved.filter(|_| !was_connected).cloned(),
            auction: None,
            answer_by: Instant::now() + ANSWER_WITHIN,
        };
        let sent_on =
            snapshot.campaign.recovery.is_some_and(|recovery| is_recovered(record, recovery, step, ended));
        if was_connected && !sent_on {
            let now = self.clock.now();
            return place::finish(&*self.calls, &placing, Reply::hangup(), Decisions::default(), now).await;
        }
        place::place(&*self.calls, &*self.clock, placing).await
    }

    /// A dial that names no child never rang anywhere: no status callback will come, so this is its end.
    async fn note_leg_that_never_was(
        &self,
        record: &CallRecord,
        step: u16,
        ended: &DialEnded,
    ) -> PortResult<()> {
        let Some(attempt) = dialled_before(record, step) else {
            return Ok(());
        };
        if ended.child.is_some() || !ended.dial.is_terminal() {
            return Ok(());
        }
        let event = LegEvent {
            leg: Leg::Attempt(attempt.number),
            status: ended.dial,
            sequence: 0,
            source: Source::DialAction,
            at: self.clock.now(),
            duration_s: None,
            sid: None,
        };
        self.calls.record_event(record.call.tenant, record.call.id, &event).await?;
        let caller_has_ended = leg_end(Leg::Caller, &record.events).is_some();
        if caller_has_ended {
            close_call::close_if_over(&*self.calls, record.call.tenant, record.call.id).await?;
        }
        Ok(())
    }
}

/// Whether a caller who was connected is sent on, because the conversation was too short. The callee's leg says how long it
/// was; the dial's own word counts until that is told.
pub fn is_recovered(record: &CallRecord, recovery: Recovery, step: u16, ended: &DialEnded) -> bool {
    let talked = |attempt: &Attempt| {
        let end = leg_end(Leg::Attempt(attempt.number), &record.events)?;
        (end.status == CallStatus::Completed).then_some(end.answered_seconds)
    };
    let last = dialled_before(record, step);
    let Some(talked_s) = last.and_then(talked).or(ended.talked_s) else { return false };
    let earlier = record.attempts.iter().filter(|attempt| attempt.number + 1 < step);
    let sent_on_before = earlier.filter(|attempt| talked(attempt).is_some()).count();
    talked_s < u32::from(recovery.shorter_than_s) && sent_on_before < usize::from(recovery.attempts)
}

/// The attempt whose dial this step answers.
fn dialled_before(record: &CallRecord, step: u16) -> Option<&Attempt> {
    let dialled_by = step.checked_sub(1)?;
    record.attempts.iter().find(|attempt| attempt.number == dialled_by)
}
