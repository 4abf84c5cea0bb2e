//! Closes and settles a call as soon as everything about it has ended.
//!
//! May run any number of times, in any process: capacity goes back once per attempt, settling happens once, both by
//! conditional writes. The number of a pool is left before the books are closed: whoever finds them open comes again.

use domain::call::{Call, CallStatus, Conclusion, Leg, Standing, standing};
use domain::caps::Held;
use domain::ids::{CallId, TenantId};
use domain::ledger::{self, Payment};
use domain::money::Money;
use domain::predictive::lessons;
use jiff::Timestamp;

use crate::ports::{
    CallRecord, Calls, Closing, Leases, PoolPlace, PortError, PortResult, PostbackQueue, Release, Settling,
};
use crate::trail::Chain;

/// How often a look is repeated when somebody dialled between looking and settling.
const LOOKS: u8 = 3;

/// What a call's end touches.
#[derive(Clone, Copy)]
pub struct Tools<'a> {
    /// The calls.
    pub calls: &'a dyn Calls,
    /// The numbers of pools.
    pub leases: &'a dyn Leases,
    /// Where it is noted that trackers are to be told.
    pub postbacks: &'a dyn PostbackQueue,
}

/// Gives back the capacity of attempts whose outcome is known, and settles the call if it is over. `true` when the call is
/// settled now, by us or by somebody else.
pub async fn close_if_over(tools: &Tools<'_>, tenant: TenantId, call: CallId) -> PortResult<bool> {
    let calls = tools.calls;
    for _ in 0..LOOKS {
        let Some(record) = calls.load(tenant, call).await? else { return Ok(false) };
        give_back(calls, &record).await?;
        if let Some(closing) = &record.closing {
            leave_number(tools.leases, &record.call, closing.ended_at).await?;
            return Ok(true);
        }
        let Standing::Concluded(conclusion) = standing(&record.call, &record.attempts, &record.events) else {
            return Ok(false);
        };
        leave_number(tools.leases, &record.call, conclusion.ended_at).await?;
        let mut closing = closing(&record, &conclusion);
        let payment = payment(calls, &record.call, &mut closing).await?;
        let (billed, books) = (closing.billed_attempt, &closing.settlement);
        let lessons = lessons(&record.attempts, &record.events, billed, books, closing.ended_at);
        let with = Settling { releases: releases(&record, &closing), payment, lessons };
        if calls.settle(tenant, &record.call, &closing, &with).await? {
            // Its click id may have come later than the call.
            if record.call.tag.is_some() {
                note_for_trackers(tools.postbacks, &record.call).await;
            }
            return Ok(true);
        }
    }
    Err(PortError::Busy { what: "settle a call" })
}

/// Lets go of a pool's number: it rests from the call's end on. Doing it again does nothing.
///
/// # Errors
/// The row could not be written.
pub async fn leave_number(leases: &dyn Leases, call: &Call, ended_at: Timestamp) -> PortResult<()> {
    let (Some(pool), Some(number)) = (call.pool, call.to.number()) else { return Ok(()) };
    let place = PoolPlace { pool, shard: call.pool_shard, number: number.clone() };
    leases.hang_up(call.tenant, &place, call.id, ended_at).await
}

/// Has a call's trackers told what is new of it. That it could not be noted never touches the call.
pub async fn note_for_trackers(postbacks: &dyn PostbackQueue, call: &Call) {
    if let Err(error) = postbacks.look_at(call.tenant, call.id).await {
        tracing::error!(call = %call.id, error = %Chain(&error), "a tracker is not told of a call");
    }
}

/// Whether caller and destination can or could talk.
pub fn is_connected(record: &CallRecord) -> bool {
    let talks = |status| matches!(status, CallStatus::InProgress | CallStatus::Completed);
    record.events.iter().any(|event| event.leg != Leg::Caller && talks(event.status))
}

fn closing(record: &CallRecord, conclusion: &Conclusion) -> Closing {
    Closing {
        ended_at: conclusion.ended_at,
        status: conclusion.status,
        total_seconds: conclusion.total_seconds,
        connected: conclusion.connected,
        connected_seconds: conclusion.connected_seconds,
        attempts: u16::try_from(record.attempts.len()).unwrap_or(u16::MAX),
        billed_attempt: conclusion.billed.as_ref().map(|attempt| attempt.number),
        billed_name: conclusion.billed.as_ref().map(|attempt| attempt.name.clone()),
        billed_via: conclusion.billed.as_ref().map(|attempt| attempt.via),
        buyer: conclusion.billed.as_ref().and_then(|attempt| attempt.terms.buyer),
        connected_at: conclusion.connected_at,
        seconds_from_incoming: conclusion.seconds_from_incoming,
        seconds_from_dial: conclusion.seconds_from_dial,
        reported: record.report.is_some(),
        settlement: ledger::settle(&record.call, conclusion, record.report.as_ref()),
    }
}

/// What the payout takes of a cap on the publisher's payouts. Where there is no room for it, the books pay nothing; where
/// somebody takes the room meanwhile, the settlement does not go through, and we look again.
async fn payment(calls: &dyn Calls, call: &Call, closing: &mut Closing) -> PortResult<Option<Payment>> {
    let Some(row) = call.paid_row().filter(|_| closing.settlement.payout > Money::ZERO) else {
        return Ok(None);
    };
    let paid = calls.paid(call.tenant, &row).await?;
    match ledger::payment(call, closing.settlement.payout, true, closing.ended_at, &paid) {
        Ok(payment) => Ok(payment),
        Err(full) => {
            closing.settlement = closing.settlement.clone().unpaid(full);
            Ok(None)
        }
    }
}

/// Gives back what is known not to be needed before the books are closed.
async fn give_back(calls: &dyn Calls, record: &CallRecord) -> PortResult<()> {
    for held in Held::all(&record.attempts, &record.joints) {
        if let Some(outcome) = held.outcome_at_its_end(&record.attempts, &record.events) {
            calls.release(record.call.tenant, record.call.id, &held, &outcome).await?;
        }
    }
    Ok(())
}

/// The others go back with the books, so that what is counted is what is booked, whatever is reported meanwhile.
fn releases(record: &CallRecord, closing: &Closing) -> Vec<Release> {
    let CallRecord { attempts, joints, events, .. } = record;
    let mut waiting = Held::all(attempts, joints);
    waiting.retain(|held| held.outcome_at_its_end(attempts, events).is_none());
    let release = |held: Held| {
        let (billed, books) = (closing.billed_attempt, &closing.settlement);
        Release { outcome: held.outcome_by_the_books(attempts, events, billed, books), held }
    };
    waiting.into_iter().map(release).collect()
}
