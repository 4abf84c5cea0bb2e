//! Calls as they are shown, numbers masked for those who may not see them.

use std::collections::BTreeMap;

use app::ports::{CallRecord, Closing};
use contract::calls::{
    AttemptView, CallBidView, CallLine, ClosingView, DestinationRef, RecordingView, Verdict,
};
use domain::call::{Attempt, Call, CallStatus, Leg, step_of_attempt};
use domain::inbound::CallBid;
use domain::phone::{Destination, mask, mask_words};
use domain::routing::Via;

use super::Viewer;

/// One line of the call log.
pub fn line(call: &Call, closing: Option<&Closing>, viewer: &Viewer) -> CallLine {
    CallLine {
        id: call.id,
        campaign: call.campaign,
        number: call.number,
        to: call.to.as_str().to_owned(),
        from: caller(&call.from, viewer.sees_numbers),
        from_state: call.from_state.clone(),
        from_zip: call.from_zip.clone(),
        attribution: call.attribution.filter(|_| viewer.sees_publishers()),
        visit: call.visit.filter(|_| viewer.sees_publishers()),
        tag: call.tag.filter(|_| viewer.sees_publishers()),
        publisher: call.publisher.filter(|_| viewer.sees_publishers()),
        started_at: call.started_at,
        currency: call.currency,
        closing: closing.map(|closing| closed(closing, viewer)),
        bid: call.bid.as_ref().filter(|_| viewer.sees_publishers()).map(bid),
    }
}

/// What its visit makes known of a call. What a browser said may hold somebody's number.
pub fn tags(call: &Call, viewer: &Viewer) -> BTreeMap<String, String> {
    let all = call.tags.iter().filter(|_| viewer.sees_publishers());
    all.map(|(tag, value)| (tag.clone(), tag_value(tag, value, viewer.sees_numbers))).collect()
}

fn tag_value(tag: &str, value: &str, sees_numbers: bool) -> String {
    match tag {
        // Ids are made of digits, too.
        "Visit:Id" | "Pool:Id" => value.to_owned(),
        "Technology:IPAddress" if !sees_numbers => mask_ip(value),
        _ => words(value, sees_numbers),
    }
}

/// An internet address without what tells one visitor from their neighbours.
pub fn mask_ip(address: &str) -> String {
    let mut parts = address.split('.');
    match (parts.next(), parts.next(), parts.count()) {
        (Some(first), Some(second), 2) => format!("{first}.{second}.*.*"),
        _ => address.split_once(':').map_or_else(String::new, |(first, _)| format!("{first}:*")),
    }
}

fn bid(bid: &CallBid) -> CallBidView {
    let words = verdict(bid.verdict.code(), bid.verdict.text().to_owned());
    CallBidView { id: bid.id, amount: bid.amount, verdict: words }
}

fn closed(closing: &Closing, viewer: &Viewer) -> ClosingView {
    let books = &closing.settlement;
    let [revenue, payout, profit] = viewer.money(books.revenue, books.payout, books.profit);
    ClosingView {
        ended_at: closing.ended_at,
        status: closing.status,
        total_s: closing.total_seconds,
        connected: closing.connected,
        connected_s: closing.connected_seconds,
        converted: books.converted,
        no_conversion: books
            .no_conversion
            .filter(|_| viewer.sees_destinations())
            .map(|why| verdict(why.code(), why.text())),
        no_payout: books
            .no_payout
            .filter(|_| viewer.sees_publishers())
            .map(|why| verdict(why.code(), why.text())),
        destination_name: closing.billed_name.clone().filter(|_| viewer.sees_destinations()),
        revenue,
        payout,
        profit,
    }
}

fn verdict(code: &str, text: String) -> Verdict {
    Verdict { code: code.to_owned(), text }
}

/// A word such as `anonymous` is nobody's number and stays; anything else is masked.
fn caller(from: &str, sees_numbers: bool) -> String {
    let only_letters = !from.is_empty() && from.bytes().all(|byte| byte.is_ascii_alphabetic());
    if sees_numbers || only_letters { from.to_owned() } else { mask(from) }
}

/// The dialled destinations in order.
pub fn attempts(record: &CallRecord, viewer: &Viewer) -> Vec<AttemptView> {
    let seen = record.attempts.iter().filter(|attempt| viewer.sees_attempt(attempt));
    let mut attempts: Vec<&Attempt> = seen.collect();
    attempts.sort_by_key(|attempt| attempt.number);
    attempts
        .into_iter()
        .map(|attempt| AttemptView {
            number: attempt.number,
            destination: destination(attempt.via, &attempt.name),
            agent: attempt.agent.clone(),
            address: address(&attempt.destination, viewer.sees_numbers),
            bid: attempt.bid,
            dialled_at: attempt.dialled_at,
            status: newest_status(record, attempt.number),
        })
        .collect()
}

/// The state its leg is in. An end that somebody told of is the end, whatever arrives later.
fn newest_status(record: &CallRecord, number: u16) -> Option<CallStatus> {
    let leg = Leg::Attempt(number);
    let ended = domain::call::leg_end(leg, &record.events).map(|end| end.status);
    ended.or_else(|| record.events.iter().filter(|event| event.leg == leg).map(|event| event.status).max())
}

/// A number or SIP address, masked for those who may not see it.
pub fn address(destination: &Destination, sees_numbers: bool) -> String {
    match destination {
        _ if !sees_numbers => destination.masked(),
        Destination::Number(number) => number.as_str().to_owned(),
        Destination::Sip(uri) => uri.as_str().to_owned(),
    }
}

/// The recordings in the order in which we heard of them.
pub fn recordings(record: &CallRecord, viewer: &Viewer) -> Vec<RecordingView> {
    let seen = record.attempts.iter().filter(|attempt| viewer.sees_attempt(attempt));
    let seen: Vec<u16> = seen.map(|attempt| attempt.number).collect();
    let mut recordings: Vec<RecordingView> = record
        .recordings
        .iter()
        .map(|recording| (recorded(record, recording.attempt), recording))
        .filter(|(attempt, _)| viewer.sees_all() || seen.contains(attempt))
        .map(|(attempt, recording)| RecordingView {
            sid: recording.sid.clone(),
            attempt,
            status: recording.status.clone(),
            duration_s: recording.duration_s,
            at: recording.at,
        })
        .collect();
    recordings.sort_by(|one, other| one.at.cmp(&other.at).then_with(|| one.sid.cmp(&other.sid)));
    recordings
}

/// The attempt that a recording is of. It is told under the number of its dial's first party, but of several that rang at the
/// same time the one that was connected is heard in it.
fn recorded(record: &CallRecord, number: u16) -> u16 {
    let step = step_of_attempt(number);
    let mut parties = record.attempts.iter().filter(|attempt| attempt.step() == step);
    let talked = parties.find(|attempt| newest_status(record, attempt.number) == Some(CallStatus::Completed));
    talked.map_or(number, |attempt| attempt.number)
}

/// A target or a bidder by kind, id and name.
pub fn destination(via: Via, name: &str) -> DestinationRef {
    let (kind, id) = match via {
        Via::Target(id) => ("target", id.to_string()),
        Via::RtbTarget(id) => ("rtb_target", id.to_string()),
    };
    DestinationRef { kind: kind.to_owned(), id, name: name.to_owned() }
}

/// Somebody else's words: a bidder may repeat the caller's number in them.
pub fn words(text: &str, sees_numbers: bool) -> String {
    if sees_numbers { text.to_owned() } else { mask_words(text) }
}
