//! What we were told about a call's legs, in the order in which it happened.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use contract::calls::EventView;
use contract::page::Page;
use domain::call::{Leg, LegEvent, Source};
use domain::ids::CallId;

use super::{Viewer, load};
use crate::access::{CallsRead, OwnAccess};
use crate::context::Context;
use crate::params::Named;
use crate::refusal::Refusal;

/// `GET /api/calls/{id}/events`.
pub async fn events(
    access: OwnAccess<CallsRead>,
    State(context): State<Arc<Context>>,
    Named(id): Named<CallId>,
) -> Result<Json<Page<EventView>>, Refusal> {
    events_for(&context, &Viewer::of(&access), id).await.map(Json)
}

/// A call's events as a viewer may see them: those of the caller's leg, and of legs whose destination is theirs to see.
///
/// # Errors
/// The call does not exist for them.
pub async fn events_for(context: &Context, viewer: &Viewer, id: CallId) -> Result<Page<EventView>, Refusal> {
    let mut record = load(context, viewer, id).await?;
    record.attempts.retain(|attempt| viewer.sees_attempt(attempt));
    let seen: Vec<u16> = record.attempts.iter().map(|attempt| attempt.number).collect();
    record.events.retain(|event| match event.leg {
        Leg::Caller => true,
        Leg::Attempt(number) => viewer.sees_all() || seen.contains(&number),
    });
    record.events.sort_by_key(|event| (event.at, event.leg, event.sequence, event.status));
    let name = |number: u16| {
        let attempt = record.attempts.iter().find(|attempt| attempt.number == number);
        attempt.map(|attempt| attempt.name.clone())
    };
    let items = record.events.iter().map(|event| shown(event, name)).collect();
    Ok(Page { items, next: None })
}

fn shown(event: &LegEvent, name: impl Fn(u16) -> Option<String>) -> EventView {
    let attempt = match event.leg {
        Leg::Caller => None,
        Leg::Attempt(number) => Some(number),
    };
    let source = match event.source {
        Source::Callback => "callback",
        Source::CarrierCheck => "carrier_check",
        Source::DialAction => "dial_action",
    };
    EventView {
        leg: if attempt.is_some() { "destination" } else { "caller" }.to_owned(),
        attempt,
        name: attempt.and_then(name),
        status: event.status,
        at: event.at,
        duration_s: event.duration_s,
        source: source.to_owned(),
    }
}
