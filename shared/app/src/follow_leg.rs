//! Twilio tells us how a leg or a recording is doing.
//!
//! Idempotency: the stored event is its own marker. A repeated terminal event still looks whether the call can close, so
//! a crash between the two costs nothing but a repetition.

use std::sync::Arc;

use domain::call::{CallStatus, Leg, LegEvent, leg_end, step_of_attempt};
use domain::ids::{AccountSid, CallId, TenantId};
use domain::phone::E164;
use jiff::SignedDuration;

use crate::clock::Clock;
use crate::close_call;
use crate::ports::{CallRecord, Calls, Leases, Numbers, PortResult, PostbackQueue, RecordingEvent};

/// When the caller has left, whatever was dialled ends within moments.
const LOOK_SOON: SignedDuration = SignedDuration::from_mins(2);

/// Follows legs and recordings.
#[derive(Clone)]
pub struct FollowLeg {
    /// Whose number it is.
    pub numbers: Arc<dyn Numbers>,
    /// The call.
    pub calls: Arc<dyn Calls>,
    /// The numbers of pools.
    pub leases: Arc<dyn Leases>,
    /// Where it is noted that trackers are to be told.
    pub postbacks: Arc<dyn PostbackQueue>,
    /// Time.
    pub clock: Arc<dyn Clock>,
}

/// What became of a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Followed {
    /// Noted (or known already).
    Noted,
    /// We know no such call.
    UnknownCall,
    /// The account that signed does not own the call.
    WrongAccount,
}

/// Whether others ring at the same time whose end nobody has told us.
fn rang_with_others(record: &CallRecord, leg: Leg) -> bool {
    let Leg::Attempt(number) = leg else { return false };
    record.attempts.iter().any(|other| {
        other.number != number
            && other.step() == step_of_attempt(number)
            && leg_end(Leg::Attempt(other.number), &record.events).is_none()
    })
}

impl FollowLeg {
    /// A leg that we dialled, or the caller's, changed its state. `account` is the one whose token signed.
    pub async fn leg(
        &self,
        tenant: TenantId,
        call: CallId,
        account: &AccountSid,
        event: &LegEvent,
    ) -> PortResult<Followed> {
        let Some(record) = self.calls.load(tenant, call).await? else { return Ok(Followed::UnknownCall) };
        if record.call.account_sid != *account {
            return Ok(Followed::WrongAccount);
        }
        self.calls.record_event(tenant, call, event).await?;
        let now = self.clock.now();
        let soon = now.checked_add(LOOK_SOON).unwrap_or(now);
        if event.status == CallStatus::InProgress && rang_with_others(&record, event.leg) {
            // Those who rang with it are cancelled, and of a leg that was only queued nobody tells us: they shall not be held
            // for as long as this conversation lasts.
            self.calls.postpone(tenant, call, soon).await?;
        }
        let has_click = record.call.tag.is_some() && record.call.click_id().is_some();
        if event.status == CallStatus::InProgress && event.leg != Leg::Caller && has_click {
            close_call::note_for_trackers(&*self.postbacks, &record.call).await;
        }
        if event.status.is_terminal() {
            let closed = close_call::close_if_over(&self.closing(), tenant, call).await?;
            if !closed && event.leg == Leg::Caller {
                // Something that we dialled has not ended, and perhaps never began: look soon, not hours later.
                self.calls.postpone(tenant, call, soon).await?;
            }
        }
        Ok(Followed::Noted)
    }

    /// The caller's leg ended; told per number, so the number says whose call it is.
    pub async fn caller(
        &self,
        number: &E164,
        call: CallId,
        account: &AccountSid,
        event: &LegEvent,
    ) -> PortResult<Followed> {
        let Some(owner) = self.numbers.owner(number).await? else { return Ok(Followed::UnknownCall) };
        self.leg(owner.tenant, call, account, event).await
    }

    /// A recording changed its state.
    pub async fn recording(
        &self,
        tenant: TenantId,
        call: CallId,
        account: &AccountSid,
        event: &RecordingEvent,
    ) -> PortResult<Followed> {
        let Some(record) = self.calls.load(tenant, call).await? else { return Ok(Followed::UnknownCall) };
        if record.call.account_sid != *account {
            return Ok(Followed::WrongAccount);
        }
        self.calls.record_recording(tenant, call, event).await?;
        Ok(Followed::Noted)
    }

    fn closing(&self) -> close_call::Tools<'_> {
        close_call::Tools { calls: &*self.calls, leases: &*self.leases, postbacks: &*self.postbacks }
    }
}
