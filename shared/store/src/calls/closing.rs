//! The end of attempts and calls: capacity goes back once, a call is settled once, and open calls are due some time.
//!
//! None of this gives up early: a call that is over keeps nobody waiting, and what is left undone must be done by
//! housekeeping.

use app::ports::{Closing, DueCall, PortError, PortResult};
use aws_sdk_dynamodb::types::AttributeValue;
use domain::call::{Attempt, Call};
use domain::caps::ReservationState;
use domain::ids::{CallId, TenantId};
use jiff::Timestamp;
use tokio::time::Instant;

use super::Refused;
use super::books::entry_write;
use super::capacity::{Returns, changes};
use super::steps::reservation_moves;
use crate::Store;
use crate::failure::{Failure, PATIENT};
use crate::item::{body, json, number, parsed, text};
use crate::keys::{self, GSI2, Key};
use crate::read::{Part, Range};
use crate::write::{Deed, Write};

/// An open call's due time moves, and its count of attempts grows by those `dialled` in the same write: a settlement that
/// was computed without them does not go through.
pub(super) fn due_moves(key: Key, due: Key, due_at: Timestamp, dialled: u8) -> Write {
    let set = "SET #due_at = :due_at, #due_in = :due_in, #due = :due, #attempts = #attempts + :dialled";
    Write::new(Deed::Change(key, set.to_owned()))
        .only_if("attribute_exists(#pk) AND attribute_not_exists(#settled)")
        .name("#pk", "pk")
        .name("#settled", "settled")
        .name("#due_at", "due_at")
        .name("#due_in", "gsi2pk")
        .name("#due", "gsi2sk")
        .name("#attempts", "attempts")
        .value(":dialled", number(dialled))
        .value(":due_at", text(due_at.to_string()))
        .value(":due_in", text(due.pk))
        .value(":due", text(due.sk))
}

impl Store {
    pub(super) async fn release_attempt(
        &self,
        tenant: TenantId,
        call: CallId,
        attempt: &Attempt,
        to: ReservationState,
    ) -> PortResult<()> {
        const WHAT: &str = "give an attempt's capacity back";
        let returns = match to {
            ReservationState::Confirmed => Returns::Live,
            ReservationState::Returned => Returns::Everything,
            ReservationState::Reserved => return Err(PortError::failed(WHAT, Refused::BackToReserved)),
        };
        let Some(reservation) = &attempt.reservation else { return Ok(()) };
        if reservation.state != ReservationState::Reserved {
            return Ok(());
        }
        let mut actions = vec![reservation_moves(tenant, call, attempt, to).into_action(WHAT, self.table())?];
        for change in changes(&[], &reservation.taken, returns) {
            actions.push(change.write(tenant).into_action(WHAT, self.table())?);
        }
        match self.transact(Instant::now() + PATIENT, &actions).await {
            // The only condition is the reservation's: somebody moved it before.
            Ok(()) | Err(Failure::Cancelled(_)) => Ok(()),
            Err(failure) => Err(failure.into_port(WHAT)),
        }
    }

    pub(super) async fn settle_call(
        &self,
        tenant: TenantId,
        call: &Call,
        closing: &Closing,
    ) -> PortResult<bool> {
        const WHAT: &str = "settle a call";
        let set = "SET #settled = :yes, #closing = :closing, #books = :first REMOVE #due_at, #due_in, #due";
        let report =
            if closing.reported { "attribute_exists(#report)" } else { "attribute_not_exists(#report)" };
        let open = "attribute_exists(#pk) AND attribute_not_exists(#settled)";
        let closes = Write::new(Deed::Change(keys::call(tenant, call.id), set.to_owned()))
            .only_if(format!("{open} AND #attempts = :attempts AND {report}"))
            .name("#report", super::REPORT)
            .name("#books", super::BOOKS)
            .value(":first", number(1))
            .name("#pk", "pk")
            .name("#settled", "settled")
            .name("#attempts", "attempts")
            .name("#closing", "closing")
            .name("#due_at", "due_at")
            .name("#due_in", "gsi2pk")
            .name("#due", "gsi2sk")
            .value(":yes", AttributeValue::Bool(true))
            .value(":attempts", number(closing.attempts))
            .value(":closing", json(WHAT, closing)?);
        let mut actions = vec![closes.into_action(WHAT, self.table())?];
        for entry in &closing.settlement.entries {
            actions.push(entry_write(WHAT, tenant, call.id, entry)?.into_action(WHAT, self.table())?);
        }
        match self.transact(Instant::now() + PATIENT, &actions).await {
            Ok(()) => Ok(true),
            Err(Failure::Cancelled(reasons)) => {
                // The call is there: it was settled before, or somebody has dialled or reported since we looked.
                let there = reasons.first().and_then(|reason| reason.item()).is_some();
                if there { Ok(false) } else { Err(Failure::Cancelled(reasons).into_port(WHAT)) }
            }
            Err(failure) => Err(failure.into_port(WHAT)),
        }
    }

    pub(super) async fn due_calls(&self, shard: u8, now: Timestamp, limit: u16) -> PortResult<Vec<DueCall>> {
        const WHAT: &str = "list calls that should have closed";
        let range = Range {
            part: Part::UpTo(keys::time(now)),
            limit: Some(usize::from(limit.max(1))),
            ..Range::of_index(GSI2, keys::due_closings(shard))
        };
        let items = self.query(WHAT, range).await?;
        // The index may lag behind the settlement.
        let open = items.iter().filter(|item| !item.contains_key("settled"));
        open.map(|item| {
            let call: Call = body(WHAT, item)?;
            Ok(DueCall {
                tenant: parsed(WHAT, item, "tenant")?,
                call: call.id,
                account_sid: call.account_sid,
            })
        })
        .collect()
    }

    pub(super) async fn put_off(&self, tenant: TenantId, call: CallId, due_at: Timestamp) -> PortResult<()> {
        let write = due_moves(keys::call(tenant, call), keys::due_closing(call, due_at), due_at, 0);
        // A call that was settled meanwhile is not due any more.
        self.change("put a call's due time off", write).await?;
        Ok(())
    }
}
