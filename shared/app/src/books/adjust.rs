//! Adjustments: asked for, then approved or rejected.
//!
//! Idempotency: an adjustment leaves `requested` once. The same decision by the same person again is answered with what is
//! stored; anybody else's is refused and told who decided what.

use std::sync::Arc;

use domain::adjustment::{Adjustment, AdjustmentStatus, Decided, MAX_WORDS};
use domain::audit::By;
use domain::ids::{AdjustmentId, BuyerId, CallId, TenantId};
use domain::ledger::{Entry, Settlement, Unbookable, adjusted, with_adjustment};
use domain::money::Money;
use domain::phone::mask_words;
use domain::predictive::correction;
use domain::validate::{Problem, Problems};

use super::{LOOKS, Tools, set};
use crate::ports::{CallRecord, Closing, PortError, PortResult, Rebooked};

/// What is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// About which call.
    pub call: CallId,
    /// By how much the revenue moves.
    pub revenue: Money,
    /// By how much the payout moves.
    pub payout: Money,
    /// Why. Phone numbers in it are masked before it is stored: the ledger holds none.
    pub reason: String,
    /// The buyer whose dispute it is; only its own calls exist for it.
    pub disputed_by: Option<BuyerId>,
}

/// What is decided.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    /// Approve, or reject.
    pub approve: bool,
    /// What is said with it; may be empty.
    pub note: String,
}

/// Why an adjustment was not requested, or not decided. Nothing was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unadjusted {
    /// There is no such call or adjustment.
    NotFound,
    /// Broken rules.
    Invalid(Vec<Problem>),
    /// The call is still going on: it has no books yet.
    Open,
    /// It was decided before.
    Decided(Box<Adjustment>),
    /// The call's books cannot be moved so.
    Unbookable(Unbookable),
}

/// What these deeds come to.
pub type Outcome = PortResult<Result<Adjustment, Unadjusted>>;

/// Asks for an adjustment. It must fit the books as they stand now; when it is approved they are looked at again.
///
/// # Errors
/// A port failed.
pub async fn request(tools: &Tools<'_>, tenant: TenantId, by: &By, wanted: Wanted) -> Outcome {
    const WHAT: &str = "request an adjustment";
    let found = tools.calls.load(tenant, wanted.call).await?;
    let Some(record) = found.filter(|record| owns(wanted.disputed_by, record)) else {
        return Ok(Err(Unadjusted::NotFound));
    };
    let adjustment = Adjustment {
        id: AdjustmentId::from_uuid(tools.clock.new_id()),
        tenant,
        call: wanted.call,
        revenue: wanted.revenue,
        payout: wanted.payout,
        currency: record.call.currency,
        reason: mask_words(wanted.reason.trim()),
        disputed_by: wanted.disputed_by,
        requested_at: tools.clock.now(),
        requested_by: by.actor,
        status: AdjustmentStatus::Requested,
        decided: None,
    };
    let mut problems = Problems::new();
    adjustment.check(&mut problems);
    if let Err(problems) = problems.into_result() {
        return Ok(Err(Unadjusted::Invalid(problems)));
    }
    let Some(closing) = &record.closing else { return Ok(Err(Unadjusted::Open)) };
    if let Err(why) = moved(&record, closing, &adjustment, adjustment.requested_at) {
        return Ok(Err(Unadjusted::Unbookable(why)));
    }
    let changes = vec![
        set("revenue", adjustment.revenue),
        set("payout", adjustment.payout),
        set("reason", &adjustment.reason),
    ];
    let entry =
        tools.noted(tenant, by, "adjustment.requested", (adjustment.id.to_string(), wanted.call), changes);
    if tools.books.request_adjustment(&adjustment, &entry).await? {
        return Ok(Ok(adjustment));
    }
    Err(PortError::failed(WHAT, "its new id is taken"))
}

/// Whose the call must be: a buyer's is one whose books are about one of its destinations.
fn owns(buyer: Option<BuyerId>, record: &CallRecord) -> bool {
    buyer.is_none() || record.closing.as_ref().is_some_and(|closing| closing.buyer == buyer)
}

/// Approves or rejects an adjustment.
///
/// # Errors
/// A port failed, or the call's books were too busy.
pub async fn decide(
    tools: &Tools<'_>,
    tenant: TenantId,
    by: &By,
    id: AdjustmentId,
    decision: &Decision,
) -> Outcome {
    let mut problems = Problems::new();
    problems.text("note", &decision.note, MAX_WORDS);
    if let Err(problems) = problems.into_result() {
        return Ok(Err(Unadjusted::Invalid(problems)));
    }
    let (status, deed) = match decision.approve {
        true => (AdjustmentStatus::Approved, "adjustment.approved"),
        false => (AdjustmentStatus::Rejected, "adjustment.rejected"),
    };
    for _ in 0..LOOKS {
        let Some(adjustment) = tools.books.adjustment(tenant, id).await? else {
            return Ok(Err(Unadjusted::NotFound));
        };
        if adjustment.status != AdjustmentStatus::Requested {
            let ours = adjustment.decided.as_ref().is_some_and(|decided| decided.by == by.actor);
            let same = ours && adjustment.status == status;
            return Ok(if same { Ok(adjustment) } else { Err(Unadjusted::Decided(Box::new(adjustment))) });
        }
        let at = tools.clock.now();
        let note = mask_words(decision.note.trim());
        let decided = adjustment.decided(status, Decided { at, by: by.actor, note: note.clone() });
        let books = if decision.approve {
            let Some(record) = tools.calls.load(tenant, adjustment.call).await? else {
                return Ok(Err(Unadjusted::NotFound));
            };
            let Some(closing) = &record.closing else { return Ok(Err(Unadjusted::Open)) };
            match moved(&record, closing, &adjustment, at) {
                Ok((settlement, entries)) => {
                    let lesson =
                        correction(closing.billed_via, closing.ended_at, &closing.settlement, &settlement);
                    let lesson = lesson.map(|lesson| (Arc::clone(&record.call), lesson));
                    let closing = Closing { settlement, ..closing.clone() };
                    let counted = adjusted(&record.call, adjustment.payout, at).into_iter().collect();
                    let (call, books, payment) = (adjustment.call, record.books, None);
                    Some(Rebooked { call, books, closing, entries, counted, payment, lesson })
                }
                Err(why) => return Ok(Err(Unadjusted::Unbookable(why))),
            }
        } else {
            None
        };
        let changes = vec![set("status", status), set("note", &note)];
        let entry = tools.noted(tenant, by, deed, (id.to_string(), adjustment.call), changes);
        if tools.books.decide_adjustment(&decided, books.as_ref(), &entry).await? {
            return Ok(Ok(decided));
        }
    }
    Err(PortError::Busy { what: "decide an adjustment" })
}

fn moved(
    record: &CallRecord,
    closing: &Closing,
    adjustment: &Adjustment,
    at: jiff::Timestamp,
) -> Result<(Settlement, Vec<Entry>), Unbookable> {
    let conclusion = closing.conclusion(&record.attempts);
    with_adjustment(&closing.settlement, &record.call, &conclusion, adjustment, at)
}
