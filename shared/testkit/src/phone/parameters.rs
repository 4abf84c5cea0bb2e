//! The parameters of each webhook, named and filled as Twilio does (all PascalCase, unknown places as empty strings,
//! `Caller` and `Called` repeating `From` and `To`).

use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::call::Call;
use super::dial::{ActiveDial, DialResult};
use super::journey::CallStatus;
use super::leg::Leg;
use super::locked;
use super::recorder::whole_seconds;
use super::recording::Recording;
use super::rest_sip::host as host_of;
use super::script::Place;
use super::twiml::NounKind;

/// Names and values in the order sent.
pub(super) type Parameters = Vec<(String, String)>;

const API_VERSION: &str = "2010-04-01";

/// Adds a parameter.
pub(super) fn put(parameters: &mut Parameters, name: &str, value: impl Into<String>) {
    parameters.push((name.to_owned(), value.into()));
}

/// A moment as RFC 2822 has it, in GMT: `Tue, 01 Nov 2016 01:59:13 +0000`.
pub(super) fn rfc2822(moment: Timestamp) -> String {
    moment.to_zoned(TimeZone::UTC).strftime("%a, %d %b %Y %H:%M:%S +0000").to_string()
}

/// The common set for the caller's call.
pub(super) fn of_caller(call: &Call) -> Parameters {
    let script = &call.script;
    let mut parameters = Parameters::new();
    put(&mut parameters, "AccountSid", &call.network.config.account_sid);
    put(&mut parameters, "ApiVersion", API_VERSION);
    put(&mut parameters, "CallSid", &call.sid);
    put(&mut parameters, "CallStatus", call.status().as_str());
    put(&mut parameters, "CallToken", call_token(call));
    put(&mut parameters, "Direction", "inbound");
    put_side(&mut parameters, ["From", "Caller"], &script.from, &script.caller_place);
    put_side(&mut parameters, ["To", "Called"], &script.to, &script.called_place);
    let by_sip = script.to.starts_with("sip:");
    if let Some(verdict) = script.stir_verstat.as_ref().filter(|_| !by_sip) {
        put(&mut parameters, "StirVerstat", verdict);
    }
    if let Some(number) = &script.forwarded_from {
        put(&mut parameters, "ForwardedFrom", number);
    }
    if let Some(name) = script.caller_name.as_ref().filter(|_| call.number.voice_caller_id_lookup) {
        put(&mut parameters, "CallerName", name);
    }
    if let Some(address) = script.from.strip_prefix("sip:") {
        let host = address.split_once('@').map_or(address, |(_, host)| host);
        let called = host_of(&script.to).unwrap_or_else(|| host.split([';', ':']).next().unwrap_or_default());
        put(&mut parameters, "SipDomain", called);
        put(&mut parameters, "SipCallId", sip_call_id(&call.sid));
        put(&mut parameters, "SipSourceIp", &script.sip.ip);
    }
    parameters
}

/// The common set for a dialled leg.
pub(super) fn of_leg(call: &Call, leg: &Leg) -> Parameters {
    let unknown = Place::default();
    let from_caller = leg.caller_id == call.script.from;
    let place = if from_caller { &call.script.caller_place } else { &unknown };
    let mut parameters = Parameters::new();
    put(&mut parameters, "AccountSid", &call.network.config.account_sid);
    put(&mut parameters, "ApiVersion", API_VERSION);
    put(&mut parameters, "CallSid", &leg.sid);
    put(&mut parameters, "ParentCallSid", &call.sid);
    put(&mut parameters, "CallStatus", leg.status().as_str());
    put(&mut parameters, "Direction", "outbound-dial");
    put_side(&mut parameters, ["From", "Caller"], &leg.caller_id, place);
    put_side(&mut parameters, ["To", "Called"], &leg.noun.destination, &unknown);
    if leg.noun.kind == NounKind::Sip {
        put(&mut parameters, "SipCallId", sip_call_id(&leg.sid));
    }
    parameters
}

/// What a leg's status callback adds to the common set.
pub(super) fn leg_status(
    call: &Call,
    leg: &Leg,
    status: CallStatus,
    recording: Option<&Recording>,
) -> Parameters {
    let mut parameters = of_leg(call, leg);
    for (name, value) in &mut parameters {
        if name == "CallStatus" {
            status.as_str().clone_into(value);
        }
    }
    put_progress(&mut parameters, call, leg.next_sequence());
    if status.is_terminal() {
        put_durations(&mut parameters, leg.talked());
        put(&mut parameters, "SipResponseCode", leg.sip_code().to_string());
    }
    if let Some(recording) = recording.filter(|_| status == CallStatus::Completed) {
        put(&mut parameters, "RecordingSid", &recording.sid);
        put(&mut parameters, "RecordingUrl", recording.url(call));
        put(&mut parameters, "RecordingDuration", recording.seconds(call).to_string());
    }
    parameters
}

/// The number's status callback, sent once at the end.
pub(super) fn call_status(call: &Call) -> Parameters {
    let mut parameters = of_caller(call);
    put_progress(&mut parameters, call, 0);
    put_durations(&mut parameters, call.answered_for());
    parameters
}

/// What a dial action adds to the caller's common set.
pub(super) fn dial_result(call: &Call, dial: &ActiveDial, result: &DialResult) -> Parameters {
    let mut parameters = Parameters::new();
    put(&mut parameters, "DialCallStatus", result.status.as_str());
    put(&mut parameters, "DialBridged", if result.bridged { "true" } else { "false" });
    if let Some(leg) = &result.leg {
        put(&mut parameters, "DialCallSid", &leg.sid);
        if leg.was_answered() {
            put(&mut parameters, "DialCallDuration", whole_seconds(leg.talked()).to_string());
        }
        if leg.noun.kind == NounKind::Sip {
            put(&mut parameters, "DialSipCallId", sip_call_id(&leg.sid));
            put(&mut parameters, "DialSipResponseCode", leg.sip_code().to_string());
        }
    }
    if let Some(recording) = locked(&dial.recording).as_ref() {
        put(&mut parameters, "RecordingUrl", recording.url(call));
    }
    parameters
}

/// A recording's status callback: not the common set, and always about the caller's call.
pub(super) fn recording_status(call: &Call, recording: &Recording, status: &str) -> Parameters {
    let mut parameters = Parameters::new();
    put(&mut parameters, "AccountSid", &call.network.config.account_sid);
    put(&mut parameters, "CallSid", &call.sid);
    put(&mut parameters, "RecordingSid", &recording.sid);
    put(&mut parameters, "RecordingUrl", recording.url(call));
    put(&mut parameters, "RecordingStatus", status);
    if status == "completed" {
        put(&mut parameters, "RecordingDuration", recording.seconds(call).to_string());
    }
    put(&mut parameters, "RecordingChannels", if recording.dual { "2" } else { "1" });
    put(&mut parameters, "RecordingTrack", "both");
    put(&mut parameters, "RecordingStartTime", rfc2822(call.clock.moment(recording.began)));
    put(&mut parameters, "RecordingSource", recording.source);
    parameters
}

/// What answering-machine detection reports.
pub(super) fn amd_status(call: &Call, leg: &Leg, answered_by: &str, took: Duration) -> Parameters {
    let mut parameters = Parameters::new();
    put(&mut parameters, "AccountSid", &call.network.config.account_sid);
    put(&mut parameters, "CallSid", &leg.sid);
    put(&mut parameters, "AnsweredBy", answered_by);
    put(&mut parameters, "MachineDetectionDuration", took.as_millis().to_string());
    parameters
}

fn put_side(parameters: &mut Parameters, names: [&str; 2], number: &str, place: &Place) {
    let unknown = Place::default();
    let place = if number.starts_with("sip:") { &unknown } else { place };
    for name in names {
        put(parameters, name, number);
        put(parameters, &format!("{name}City"), &place.city);
        put(parameters, &format!("{name}State"), &place.state);
        put(parameters, &format!("{name}Zip"), &place.zip);
        put(parameters, &format!("{name}Country"), &place.country);
    }
}

fn put_progress(parameters: &mut Parameters, call: &Call, sequence: u32) {
    put(parameters, "CallbackSource", "call-progress-events");
    put(parameters, "SequenceNumber", sequence.to_string());
    put(parameters, "Timestamp", rfc2822(call.clock.moment(call.clock.now())));
}

/// Seconds, and the minutes that are billed for them.
fn put_durations(parameters: &mut Parameters, duration: Duration) {
    let seconds = whole_seconds(duration);
    put(parameters, "CallDuration", seconds.to_string());
    put(parameters, "Duration", seconds.div_ceil(60).to_string());
}

/// What Twilio lets a later outbound call show as proof of this one; opaque to us.
fn call_token(call: &Call) -> String {
    format!("{{\"parentCallInfoToken\":\"{}\",\"identityHeaderTokens\":[]}}", call.sid)
}

fn sip_call_id(sid: &str) -> String {
    format!("{}@127.0.0.1", sid.to_lowercase())
}
