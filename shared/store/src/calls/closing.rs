//! The end of attempts and calls: capacity goes back once, a call is settled once, and open calls are due some time.
//!
//! None of this gives up early: a call that is over keeps nobody waiting, and what is left undone must be done by
//! housekeeping.

use app::ports::{Closing, DueCall, PortResult, Release, Settling};
use aws_sdk_dynamodb::types::{AttributeValue, CancellationReason};
use domain::call::Call;
use domain::caps::{Held, Outcome};
use domain::duplicates::News;
use domain::ids::{CallId, TenantId};
use jiff::Timestamp;
use tokio::time::Instant;

use super::books::entry_write;
use super::capacity::{changes, pays};
use super::history;
use super::steps::reservation_moves;
use crate::Store;
use crate::earned;
use crate::failure::{Failure, PATIENT};
use crate::item::{body, json, number, parsed, text};
use crate::keys::{self, GSI2, Key};
use crate::read::{Part, Range};
use crate::write::{Deed, Write};

/// An open call's due time moves, and its count of attempts grows by those `dialled` in the same write: a settlement that
/// was computed without them does not go through. `judged`: the call as its bid was judged only now; the same holds for it.
pub(super) fn due_moves(
    key: Key,
    due: Key,
    due_at: Timestamp,
    dialled: u8,
    judged: Option<AttributeValue>,
) -> Write {
    let set = "SET #due_at = :due_at, #due_in = :due_in, #due = :due, #attempts = #attempts + :dialled";
    let Some(body) = judged else { return moved(key, set.to_owned(), due, due_at, dialled) };
    moved(key, format!("{set}, #body = :body, #judged = :judged"), due, due_at, dialled)
        .name("#body", "body")
        .name("#judged", JUDGED)
        .value(":body", body)
        .value(":judged", AttributeValue::Bool(true))
}

/// Stands on a call whose bid was judged after its first step.
const JUDGED: &str = "judged";

fn moved(key: Key, set: String, due: Key, due_at: Timestamp, dialled: u8) -> Write {
    Write::new(Deed::Change(key, set))
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
    pub(super) async fn release_held(
        &self,
        tenant: TenantId,
        call: CallId,
        held: &Held,
        outcome: &Outcome,
    ) -> PortResult<()> {
        const WHAT: &str = "give capacity back";
        let mut actions =
            vec![reservation_moves(tenant, call, held.by, outcome.state()).into_action(WHAT, self.table())?];
        for change in changes(&[], [(&held.reservation, outcome)]) {
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
        with: &Settling,
    ) -> PortResult<bool> {
        const WHAT: &str = "settle a call";
        let set = "SET #settled = :yes, #closing = :closing, #books = :first REMOVE #due_at, #due_in, #due";
        let report =
            if closing.reported { "attribute_exists(#report)" } else { "attribute_not_exists(#report)" };
        let open = "attribute_exists(#pk) AND attribute_not_exists(#settled)";
        // Books of a call that has its bid are those of a call that still has it.
        let as_judged = if call.has_bid() { " AND attribute_not_exists(#judged)" } else { "" };
        let mut closes = Write::new(Deed::Change(keys::call(tenant, call.id), set.to_owned()))
            .only_if(format!("{open} AND #attempts = :attempts AND {report}{as_judged}"))
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
        if call.has_bid() {
            closes = closes.name("#judged", JUDGED);
        }
        let mut writes = vec![closes];
        for Release { held, outcome } in &with.releases {
            writes.push(reservation_moves(tenant, call.id, held.by, outcome.state()));
        }
        writes.extend(with.payment.as_ref().map(|payment| pays(tenant, payment)));
        let with_call_and_reservations = writes.len();
        if let Some(caller) = call.caller_key.as_deref() {
            let known = self.read_caller(tenant, call.campaign, caller).await?;
            let connected = closing.reached();
            let converted = connected.filter(|_| closing.settlement.converted);
            let news = News::Ended { connected, converted };
            writes.extend(history::learns(call, &known, news)?);
        }
        let learns = writes.len() > with_call_and_reservations;
        let given = with.releases.iter().map(|release| (&release.held.reservation, &release.outcome));
        writes.extend(changes(&[], given).iter().map(|change| change.write(tenant)));
        for entry in &closing.settlement.entries {
            writes.push(entry_write(WHAT, tenant, call.id, entry)?);
        }
        writes.extend(with.lessons.iter().flat_map(|lesson| earned::learns(call, lesson)));
        let actions: PortResult<Vec<_>> =
            writes.into_iter().map(|write| write.into_action(WHAT, self.table())).collect();
        let actions = actions?;
        match self.transact(Instant::now() + PATIENT, &actions).await {
            Ok(()) => Ok(true),
            Err(Failure::Cancelled(reasons)) => {
                let failed = |reason: &CancellationReason| reason.code() == Some("ConditionalCheckFailed");
                let (before, after) = reasons.split_at(with_call_and_reservations.min(reasons.len()));
                // Another call of the same caller has changed what is known of them: look again.
                if learns && after.first().is_some_and(failed) && !before.iter().any(failed) {
                    return Ok(false);
                }
                // The call, the attempt or the row of what was paid is there: it was settled or given back before, or somebody
                // has dialled, reported or been paid since we looked.
                let there = before.iter().any(|reason| reason.item().is_some());
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
        let write = due_moves(keys::call(tenant, call), keys::due_closing(call, due_at), due_at, 0, None);
        // A call that was settled meanwhile is not due any more.
        self.change("put a call's due time off", write).await?;
        Ok(())
    }
}
