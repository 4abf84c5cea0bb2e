//! Webhooks as Twilio writes them, and as it never should.

use std::error::Error;

use domain::call::CallStatus;
use twilio::form::Form;
use twilio::webhook::{
    DialEnded, Direction, InboundCall, LegStatus, NumberStatus, RecordingState, RecordingStatus,
    WebhookError, account_sid,
};

type Checked = Result<(), Box<dyn Error>>;

const ACCOUNT: &str = "AC00000000000000000000000000000000";
const CALL: &str = "CA00000000000000000000000000000001";
const CHILD: &str = "CA00000000000000000000000000000002";

/// The common parameters of a US caller on a toll-free number.
fn inbound(status: &str) -> Vec<(String, String)> {
    let list = [
        ("AccountSid", ACCOUNT),
        ("ApiVersion", "2010-04-01"),
        ("CallSid", CALL),
        ("CallStatus", status),
        ("CallToken", "{}"),
        ("Called", "+18335550100"),
        ("CalledCity", ""),
        ("Caller", "+14155550100"),
        ("CallerCity", "SAN FRANCISCO"),
        ("Direction", "inbound"),
        ("From", "+14155550100"),
        ("FromCity", "SAN FRANCISCO"),
        ("FromCountry", "US"),
        ("FromState", "CA"),
        ("FromZip", "94105"),
        ("StirVerstat", "TN-Validation-Passed-A"),
        ("To", "+18335550100"),
        ("ToCity", ""),
        ("ToCountry", "US"),
        ("SipHeader_X-Source", "partner"),
    ];
    list.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

fn with(mut pairs: Vec<(String, String)>, changes: &[(&str, &str)]) -> Form {
    for (name, value) in changes {
        pairs.retain(|(known, _)| known != name);
        pairs.push(((*name).to_owned(), (*value).to_owned()));
    }
    Form::from(pairs)
}

fn leg(changes: &[(&str, &str)]) -> Form {
    let list =
        [("AccountSid", ACCOUNT), ("CallSid", CHILD), ("ParentCallSid", CALL), ("CallStatus", "completed")];
    with(list.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(), changes)
}

#[test]
fn an_inbound_call_is_read_whole() -> Checked {
    let form = with(inbound("ringing"), &[]);
    let call = InboundCall::from_form(&form)?;
    assert_eq!(call.call_sid.as_str(), CALL);
    assert_eq!(call.account_sid, account_sid(&form)?);
    assert_eq!(call.call_status, CallStatus::Ringing);
    assert_eq!(call.direction, Direction::Inbound);
    assert_eq!(call.caller().map(String::from).as_deref(), Some("+14155550100"));
    assert_eq!(call.called().map(String::from).as_deref(), Some("+18335550100"));
    assert_eq!(call.from_place.city.as_deref(), Some("SAN FRANCISCO"));
    assert_eq!(call.from_place.zip.as_deref(), Some("94105"));
    assert_eq!(call.to_place.city, None, "an empty parameter is an absent one");
    assert_eq!(call.stir_verstat.as_deref(), Some("TN-Validation-Passed-A"));
    let rest: Vec<&str> = call.rest.keys().map(String::as_str).collect();
    assert_eq!(rest, ["ApiVersion", "CallToken", "SipHeader_X-Source"]);
    Ok(())
}

#[test]
fn a_caller_need_not_have_a_number() -> Checked {
    for from in [
        "anonymous",
        "unknown",
        "",
        "client:anna",
        "sip:anna@example.com",
        "+266696687",
        "+7378742833",
        "+2562533",
    ] {
        let call = InboundCall::from_form(&with(inbound("ringing"), &[("From", from)]))?;
        assert_eq!(call.caller(), None, "{from}");
        assert_eq!(call.from, from);
    }
    let sip = InboundCall::from_form(&with(inbound("ringing"), &[("To", "sip:bid-1@x.sip.twilio.com")]))?;
    assert_eq!(sip.called(), None);
    Ok(())
}

#[test]
fn what_cannot_be_read_names_its_parameter_and_no_value() {
    let missing = |parameter| Err(WebhookError::Missing { parameter });
    for name in ["CallSid", "AccountSid", "CallStatus", "To", "Direction"] {
        let read = InboundCall::from_form(&with(inbound("ringing"), &[(name, "")])).map(|_| ());
        assert_eq!(read, missing(name), "{name}");
    }
    for (name, value) in [
        ("CallSid", "CA1"),
        ("CallSid", "RE00000000000000000000000000000001"),
        ("AccountSid", "+14155550100"),
        ("CallStatus", "+14155550100"),
        ("Direction", "+14155550100"),
    ] {
        let read = InboundCall::from_form(&with(inbound("ringing"), &[(name, value)])).map(|_| ());
        assert!(
            matches!(read, Err(WebhookError::Invalid { parameter, .. }) if parameter == name),
            "{name}: {read:?}"
        );
        let shown = read.map_err(|error| error.to_string()).err().unwrap_or_default();
        assert!(shown.contains(name) && !shown.contains("4155550100"), "{shown}");
    }
}

#[test]
fn debug_output_masks_numbers() -> Checked {
    let form = with(inbound("completed"), &[]);
    for shown in
        [format!("{:?}", InboundCall::from_form(&form)?), format!("{:?}", NumberStatus::from_form(&form)?)]
    {
        assert!(!shown.contains("4155550100") && !shown.contains("8335550100"), "{shown}");
        assert!(shown.contains("415***0100"), "{shown}");
    }
    Ok(())
}

#[test]
fn a_dial_that_was_bridged_and_ended() -> Checked {
    let ended = DialEnded::from_form(&with(
        inbound("in-progress"),
        &[
            ("DialCallSid", CHILD),
            ("DialCallStatus", "completed"),
            ("DialCallDuration", "95"),
            ("DialBridged", "true"),
            ("RecordingUrl", "https://api.twilio.com/x"),
        ],
    ))?;
    assert_eq!(ended.call_status, CallStatus::InProgress);
    assert_eq!(ended.dial_call_status, CallStatus::Completed);
    assert_eq!(ended.dial_call_sid.as_ref().map(|sid| sid.as_str()), Some(CHILD));
    assert_eq!(ended.dial_call_duration, Some(95));
    assert_eq!(ended.dial_bridged, Some(true));
    assert_eq!(ended.recording_url.as_deref(), Some("https://api.twilio.com/x"));
    Ok(())
}

#[test]
fn a_dial_that_failed_says_little() -> Checked {
    for (word, status) in [
        ("busy", CallStatus::Busy),
        ("no-answer", CallStatus::NoAnswer),
        ("failed", CallStatus::Failed),
        ("canceled", CallStatus::Canceled),
        ("answered", CallStatus::InProgress),
    ] {
        let form = with(inbound("completed"), &[("DialCallStatus", word), ("DialSipResponseCode", "486")]);
        let ended = DialEnded::from_form(&form)?;
        assert_eq!(ended.dial_call_status, status);
        assert_eq!((ended.dial_call_sid, ended.dial_call_duration, ended.dial_bridged), (None, None, None));
        assert_eq!(ended.sip_response_code, Some(486));
    }
    for unknown in ["ringing", "queued", "over"] {
        let read = DialEnded::from_form(&with(inbound("completed"), &[("DialCallStatus", unknown)]));
        assert!(matches!(read, Err(WebhookError::Invalid { parameter: "DialCallStatus", .. })), "{unknown}");
    }
    let read = DialEnded::from_form(&with(inbound("completed"), &[]));
    assert_eq!(read, Err(WebhookError::Missing { parameter: "DialCallStatus" }));
    Ok(())
}

#[test]
fn a_leg_says_when_how_long_and_in_which_order() -> Checked {
    let status = LegStatus::from_form(&leg(&[
        ("CallDuration", "95"),
        ("Duration", "2"),
        ("Timestamp", "Tue, 01 Nov 2016 01:59:13 +0000"),
        ("CallbackSource", "call-progress-events"),
        ("SequenceNumber", "3"),
        ("SipResponseCode", "200"),
    ]))?;
    assert_eq!(status.call_sid.as_str(), CHILD);
    assert_eq!(status.parent_call_sid.as_ref().map(|sid| sid.as_str()), Some(CALL));
    assert_eq!(status.status, CallStatus::Completed);
    assert_eq!(status.duration_s, Some(95), "seconds, not the minutes of Duration");
    assert_eq!(status.timestamp, Some("2016-11-01T01:59:13Z".parse()?));
    assert_eq!((status.sequence, status.sip_response_code), (Some(3), Some(200)));
    Ok(())
}

#[test]
fn every_documented_status_is_known() -> Checked {
    for word in [
        "queued",
        "initiated",
        "ringing",
        "in-progress",
        "completed",
        "busy",
        "failed",
        "no-answer",
        "canceled",
    ] {
        assert_eq!(LegStatus::from_form(&leg(&[("CallStatus", word)]))?.status.as_str(), word);
    }
    Ok(())
}

#[test]
fn a_leg_with_an_unreadable_figure_is_refused() {
    for (name, value) in [
        ("CallDuration", "long"),
        ("CallDuration", "-5"),
        ("SequenceNumber", "1.5"),
        ("SipResponseCode", "70000"),
        ("Timestamp", "yesterday"),
        ("ParentCallSid", "x"),
    ] {
        let read = LegStatus::from_form(&leg(&[(name, value)]));
        assert!(matches!(read, Err(WebhookError::Invalid { parameter, .. }) if parameter == name), "{name}");
    }
}

#[test]
fn the_caller_s_own_end_names_both_numbers() -> Checked {
    let form = with(inbound("no-answer"), &[("CallDuration", "0"), ("SequenceNumber", "0")]);
    let status = NumberStatus::from_form(&form)?;
    assert_eq!(status.leg.status, CallStatus::NoAnswer);
    assert_eq!(status.leg.parent_call_sid, None);
    assert_eq!((status.leg.duration_s, status.leg.sequence), (Some(0), Some(0)));
    assert_eq!((status.from.as_str(), status.to.as_str()), ("+14155550100", "+18335550100"));
    Ok(())
}

#[test]
fn a_recording_is_read_in_each_state() -> Checked {
    let recording = |changes: &[(&str, &str)]| {
        let list = [
            ("AccountSid", ACCOUNT),
            ("CallSid", CALL),
            ("RecordingSid", "RE00000000000000000000000000000001"),
            ("RecordingUrl", "https://api.twilio.com/2010-04-01/x"),
            ("RecordingStatus", "completed"),
            ("RecordingDuration", "95"),
            ("RecordingChannels", "2"),
            ("RecordingStartTime", "Sun, 22 Nov 2026 07:57:36 +0000"),
            ("RecordingSource", "DialVerb"),
        ];
        with(list.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(), changes)
    };
    let ready = RecordingStatus::from_form(&recording(&[]))?;
    assert_eq!(ready.state, RecordingState::Completed);
    assert_eq!((ready.duration_s, ready.channels), (Some(95), Some(2)));
    assert_eq!(ready.start_time, Some("2026-11-22T07:57:36Z".parse()?));
    for (word, state) in [
        ("in-progress", RecordingState::InProgress),
        ("absent", RecordingState::Absent),
        ("failed", RecordingState::Failed),
    ] {
        let form = recording(&[("RecordingStatus", word), ("RecordingDuration", "-1"), ("RecordingUrl", "")]);
        let read = RecordingStatus::from_form(&form)?;
        assert_eq!((read.state, read.duration_s, read.recording_url), (state, None, None));
    }
    for (name, value) in
        [("RecordingSid", "RE1"), ("RecordingStatus", "paused"), ("RecordingChannels", "two")]
    {
        let read = RecordingStatus::from_form(&recording(&[(name, value)]));
        assert!(matches!(read, Err(WebhookError::Invalid { parameter, .. }) if parameter == name), "{name}");
    }
    Ok(())
}
