//! A dial has ended: the next valid bid, the next target, or goodbye; also for a caller whose conversation was too short,
//! when the campaign says so.
//!
//! Idempotency: the step. The next destination is tried only while the caller is still there. The dial's own word never
//! settles a call; the legs' status callbacks do.

use std::sync::Arc;

use domain::call::{Attempt, CallStatus, Leg, LegEvent, Source, leg_end};
use domain::campaign::Recovery;
use domain::caps::Held;
use domain::ids::{AccountSid, CallId, CallSid, TenantId};
use domain::routing::Decisions;
use domain::voice::Reply;
use tokio::time::Instant;

use crate::clock::Clock;
use crate::close_call;
use crate::place::{self, ANSWER_WITHIN, Placing, SoFar, StepAnswer};
use crate::ports::{CallRecord, Calls, Counters, Leases, PortResult, PostbackQueue, Published, Step};
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
    /// The numbers of pools.
    pub leases: Arc<dyn Leases>,
    /// Where it is noted that trackers are to be told.
    pub postbacks: Arc<dyn PostbackQueue>,
    /// Time and ids.
    pub clock: Arc<dyn Clock>,
}

impl DialNext {
    fn closing(&self) -> close_call::Tools<'_> {
        close_call::Tools { calls: &*self.calls, leases: &*self.leases, postbacks: &*self.postbacks }
    }

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
        self.note_legs_that_never_were(&record, step, ended).await?;

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
        let mut gives_back = Held::all(&record.attempts, &record.joints);
        gives_back.retain(|held| !was_connected && step.checked_sub(1).is_some_and(|by| held.is_of_step(by)));
        let recovers = was_connected && is_recovered(record, snapshot.campaign.recovery, step, ended);
        let placing = Placing {
            call: Arc::clone(&record.call),
            begins: false,
            step,
            started_by: None,
            snapshot: &snapshot,
            usage: &usage,
            asked: &so_far.asked,
            tried: &so_far.tried,
            tags: None,
            caller: None,
            gives_back,
            recovers,
            auction: None,
            answer_by: Instant::now() + ANSWER_WITHIN,
        };
        if was_connected && !recovers {
            let now = self.clock.now();
            return place::finish(&*self.calls, &placing, Reply::hangup(), Decisions::default(), now).await;
        }
        place::place(&*self.calls, &*self.clock, placing).await
    }

    /// A dial that names no child never rang anywhere: no status callback will come for what nobody told us of, so this is
    /// its end.
    async fn note_legs_that_never_were(
        &self,
        record: &CallRecord,
        step: u16,
        ended: &DialEnded,
    ) -> PortResult<()> {
        if ended.child.is_some() || !ended.dial.is_terminal() {
            return Ok(());
        }
        let mut noted = false;
        for attempt in dialled_before(record, step) {
            let leg = Leg::Attempt(attempt.number);
            if dialled_before(record, step).count() > 1 && record.events.iter().any(|event| event.leg == leg)
            {
                continue;
            }
            let event = LegEvent {
                leg,
                status: ended.dial,
                sequence: 0,
                source: Source::DialAction,
                at: self.clock.now(),
                duration_s: None,
                sid: None,
            };
            self.calls.record_event(record.call.tenant, record.call.id, &event).await?;
            noted = true;
        }
        let caller_has_ended = leg_end(Leg::Caller, &record.events).is_some();
        if noted && caller_has_ended {
            close_call::close_if_over(&self.closing(), record.call.tenant, record.call.id).await?;
        }
        Ok(())
    }
}

/// Whether a caller who was connected is sent on, because the conversation was too short. The callee's leg says how long it
/// was; the dial's own word counts until that is told.
fn is_recovered(record: &CallRecord, recovery: Option<Recovery>, step: u16, ended: &DialEnded) -> bool {
    let Some(recovery) = recovery else { return false };
    let ends = dialled_before(record, step)
        .filter_map(|attempt| leg_end(Leg::Attempt(attempt.number), &record.events));
    let told = ends.filter(|end| end.status == CallStatus::Completed).map(|end| end.answered_seconds).max();
    let Some(talked_s) = told.or(ended.talked_s) else { return false };
    let sent_on = |step: &&(u16, Step)| matches!(&step.1, Step::Answered(answered) if answered.recovers);
    recovery.sends_on(talked_s, record.steps.iter().filter(sent_on).count())
}

/// The attempts whose dial this step answers.
fn dialled_before(record: &CallRecord, step: u16) -> impl Iterator<Item = &Attempt> {
    record.attempts.iter().filter(move |attempt| Some(attempt.step()) == step.checked_sub(1))
}
