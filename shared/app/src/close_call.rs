//! Closes and settles a call as soon as everything about it has ended.
//!
//! May run any number of times, in any process: capacity goes back once per attempt, settling happens once, both by
//! conditional writes.

use domain::call::{Call, Conclusion, Standing, standing};
use domain::caps::Held;
use domain::ids::{CallId, TenantId};
use domain::ledger::{self, Payment};
use domain::money::Money;
use domain::predictive::lessons;

use crate::ports::{CallRecord, Calls, Closing, PortError, PortResult, Release, Settling};

/// How often a look is repeated when somebody dialled between looking and settling.
const LOOKS: u8 = 3;

/// Gives back the capacity of attempts whose outcome is known, and settles the call if it is over. `true` when the call is
/// settled now, by us or by somebody else.
pub async fn close_if_over(calls: &dyn Calls, tenant: TenantId, call: CallId) -> PortResult<bool> {
    for _ in 0..LOOKS {
        let Some(record) = calls.load(tenant, call).await? else { return Ok(false) };
        give_back(calls, &record).await?;
        if record.closing.is_some() {
            return Ok(true);
        }
        let Standing::Concluded(conclusion) = standing(&record.call, &record.attempts, &record.events) else {
            return Ok(false);
        };
        let mut closing = closing(&record, &conclusion);
        let payment = payment(calls, &record.call, &mut closing).await?;
        let (billed, books) = (closing.billed_attempt, &closing.settlement);
        let lessons = lessons(&record.attempts, &record.events, billed, books, closing.ended_at);
        let with = Settling { releases: releases(&record, &closing), payment, lessons };
        if calls.settle(tenant, &record.call, &closing, &with).await? {
            return Ok(true);
        }
    }
    Err(PortError::Busy { what: "settle a call" })
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
