//! Status and recording callbacks: notes what Twilio tells us, closes and settles calls that are over.
//!
//! Idempotency: the stored event (leg, sequence, status) is its own marker; closing and settling are once-only writes.
//! Answers 204 to what was noted, and 503 when it was not: Twilio may repeat it, and housekeeping asks if it does not.

use std::sync::Arc;

use app::follow_leg::{FollowLeg, Followed};
use app::ports::{PortResult, RecordingEvent};
use domain::call::{Leg, LegEvent, Source};
use domain::ids::{AccountSid, CallId};
use domain::voice::{Callback, CallbackTo};
use runtime::run::Chain;
use runtime::{HttpRequest, HttpResponse};
use twilio::door::Verified;
use twilio::urls::{self, STATUS_PATH};
use twilio::webhook::{LegStatus, NumberStatus, RecordingState, RecordingStatus};
use webhook::Door;

/// What the handler needs.
pub struct Context {
    /// Lets signed requests in.
    pub door: Door,
    /// The use case.
    pub follow_leg: FollowLeg,
}

/// Answers one request.
pub async fn handle(context: Arc<Context>, request: HttpRequest) -> HttpResponse {
    let verified = match webhook::open(&context.door, &request).await {
        Ok(verified) => verified,
        Err(refusal) => return refusal,
    };
    let followed = if request.raw_path == STATUS_PATH {
        caller_ended(&context, &verified).await
    } else {
        match urls::parse_path(&request.raw_path) {
            Some(callback) => told(&context, &verified, callback).await,
            None => Err(webhook::unknown_path()),
        }
    };
    match followed {
        Ok(Followed::Noted) => HttpResponse::empty(204),
        Ok(Followed::UnknownCall) => webhook::unknown_call(),
        Ok(Followed::WrongAccount) => webhook::wrong_account(),
        Err(refusal) => refusal,
    }
}

async fn caller_ended(context: &Context, verified: &Verified) -> Result<Followed, HttpResponse> {
    let status = NumberStatus::from_form(&verified.form).map_err(|error| webhook::malformed(&error))?;
    let call = CallId::from_sid(&status.leg.call_sid);
    let event = leg_event(context, Leg::Caller, &status.leg);
    let followed = match status.to.parse() {
        Ok(number) => context.follow_leg.caller(&number, call, &verified.account, &event).await,
        // The SIP address of a bid: nothing but the account says whose call it is.
        Err(_) => context.follow_leg.leg(verified.tenant, call, &verified.account, &event).await,
    };
    noted(call, followed)
}

async fn told(context: &Context, verified: &Verified, callback: Callback) -> Result<Followed, HttpResponse> {
    let Callback { tenant, call, to } = callback;
    match to {
        CallbackTo::Leg(attempt) => {
            let status = LegStatus::from_form(&verified.form).map_err(|error| webhook::malformed(&error))?;
            if status.parent_call_sid.as_ref().is_some_and(|parent| *parent != call.sid()) {
                return Err(webhook::wrong_call());
            }
            let event = leg_event(context, Leg::Attempt(attempt), &status);
            noted(call, context.follow_leg.leg(tenant, call, &verified.account, &event).await)
        }
        CallbackTo::Recording(attempt) => {
            let status =
                RecordingStatus::from_form(&verified.form).map_err(|error| webhook::malformed(&error))?;
            if status.call_sid != call.sid() {
                return Err(webhook::wrong_call());
            }
            let event = recording_event(context, attempt, status);
            let account: &AccountSid = &verified.account;
            noted(call, context.follow_leg.recording(tenant, call, account, &event).await)
        }
        CallbackTo::Auction(_) | CallbackTo::DialResult(_) => Err(webhook::unknown_path()),
    }
}

fn noted(call: CallId, followed: PortResult<Followed>) -> Result<Followed, HttpResponse> {
    followed.map_err(|error| {
        tracing::error!(%call, error = %Chain(&error), "report about a call could not be noted");
        webhook::unavailable()
    })
}

fn leg_event(context: &Context, leg: Leg, status: &LegStatus) -> LegEvent {
    LegEvent {
        leg,
        status: status.status,
        sequence: status.sequence.unwrap_or(0),
        source: Source::Callback,
        at: status.timestamp.unwrap_or_else(|| context.follow_leg.clock.now()),
        duration_s: status.duration_s.filter(|_| status.status.is_terminal()),
        sid: Some(status.call_sid.clone()),
    }
}

fn recording_event(context: &Context, attempt: u16, status: RecordingStatus) -> RecordingEvent {
    let state = match status.state {
        RecordingState::InProgress => "in-progress",
        RecordingState::Completed => "completed",
        RecordingState::Absent => "absent",
        RecordingState::Failed => "failed",
    };
    RecordingEvent {
        sid: status.recording_sid,
        attempt,
        status: state.to_owned(),
        url: status.recording_url,
        duration_s: status.duration_s,
        at: context.follow_leg.clock.now(),
    }
}
