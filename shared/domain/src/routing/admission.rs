//! Whether a call is given to anybody at all, before destinations are looked at.

use std::collections::HashMap;

use super::{Situation, TurnedAway, call_limits, place_of};
use crate::call::{Call, seconds_between};
use crate::caps::{CapReached, CounterId, Price, Usage};
use crate::duplicates::{self, CallerHistory, Verdict};
use crate::filter::Tags;
use crate::ledger;
use crate::money::Money;
use crate::screening::{Arrival, screen};
use crate::snapshot::Snapshot;

/// Notes on a call that begins what is known of its caller: decided once, from what happened before it began.
pub fn recognise(call: &mut Call, snapshot: &Snapshot, history: &CallerHistory) {
    let last_call = history.last_call_before(call.started_at);
    call.previous_call_s = last_call.map(|at| seconds_between(at, call.started_at).into());
    call.repeat = duplicates::judge(&snapshot.campaign.duplicates, history, call.started_at);
    call.not_again = snapshot.not_again(history, call.started_at);
    call.too_often = snapshot.too_often(history, call.started_at);
}

/// Whether the campaign, the publisher, or the publisher on the campaign is paused.
pub fn switched_off(call: &Call, usage: &HashMap<CounterId, Usage>) -> Option<TurnedAway> {
    let paused = |of: CounterId| usage.get(&of).is_some_and(|row| row.paused);
    if paused(call.campaign.into()) {
        return Some(TurnedAway::CampaignPaused);
    }
    let publisher = call.publisher?;
    if paused(publisher.into()) {
        return Some(TurnedAway::PublisherPaused);
    }
    paused(CounterId::Terms(call.campaign, publisher)).then_some(TurnedAway::PublisherTermsPaused)
}

/// Why a call that begins, and whose caller is recognised, is given to nobody. Live flags alone decide about pauses, so that
/// pausing and activating work at once, without publishing. `blocked`: whether the block list names the caller.
pub fn turned_away(
    call: &Call,
    snapshot: &Snapshot,
    usage: &HashMap<CounterId, Usage>,
    blocked: bool,
) -> Option<TurnedAway> {
    if blocked {
        return Some(TurnedAway::BlockedNumber);
    }
    if let Some(off) = switched_off(call, usage) {
        return Some(off);
    }
    let arrival = Arrival {
        from: &call.from,
        to: call.to.number(),
        verstat: call.verstat.as_deref(),
        place: &place_of(call),
        since_last_call_s: call.previous_call_s.map(|seconds| u32::try_from(seconds).unwrap_or(u32::MAX)),
    };
    if let Err(refusal) = screen(&snapshot.campaign.screening, &arrival) {
        return Some(TurnedAway::Screened(refusal));
    }
    if call.repeat == Verdict::Refuse {
        return Some(TurnedAway::Duplicate);
    }
    // A cap that holds for the call whatever its destination: when it is full, nobody is asked for a bid either.
    let now = call.started_at;
    let situation = Situation { call, now, usage, tried: &[], asked: &[], tags: Tags::new() };
    let full = call_limits(snapshot, &situation, Price::Known(Money::ZERO)).err();
    full.or_else(|| payout_cap(call, snapshot, usage)).map(TurnedAway::Cap)
}

/// The cap on what the publisher is paid that is reached, where its calls are not taken then.
fn payout_cap(call: &Call, snapshot: &Snapshot, usage: &HashMap<CounterId, Usage>) -> Option<CapReached> {
    let row = snapshot.payouts_that_refuse(call.publisher)?;
    ledger::refuses(call, usage.get(&row), call.started_at)
}
