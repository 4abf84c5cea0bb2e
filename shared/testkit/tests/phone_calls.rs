//! Whole calls: what is dialled, who is connected, what everybody is told.

mod phone_support;

use std::time::{Duration, Instant};

use phone_support::{Application, BUYER, CALLER, NUMBER, OTHER_BUYER, call};
use testkit::phone::{
    CallStatus, CalleeScript, CallerScript, EndedBy, HangUpAt, Happening, Input, WebhookKind,
};

fn dial(nouns: &str) -> String {
    format!("<Dial answerOnBridge=\"true\" timeout=\"20\" action=\"BASE/result\">{nouns}</Dial>")
}

#[tokio::test]
async fn a_conversation_of_95_seconds_takes_no_time_and_is_reported_in_full() {
    let application = Application::start().await;
    let noun = format!(
        "<Number statusCallback=\"BASE/leg\" statusCallbackEvent=\"initiated ringing answered completed\">{BUYER}</Number>"
    );
    application.says("/voice", &dial(&noun)).says("/result", "<Hangup/>");
    let began = Instant::now();
    let journey = application.call(call().callee(BUYER, CalleeScript::answers(4, 95))).await;
    assert!(began.elapsed() < Duration::from_secs(3), "took {:?}", began.elapsed());

    let connected = journey.outcome.connected.clone().unwrap();
    assert_eq!((connected.destination.as_str(), connected.connected_seconds), (BUYER, 95));
    assert_eq!(connected.ended_by, EndedBy::Callee);
    assert_eq!((journey.outcome.status, journey.outcome.seconds), (CallStatus::Completed, 95));
    assert!(!journey.outcome.failed && !journey.outcome.fallback_used);
    assert_eq!(journey.warnings(), []);

    let legs = application.arrived_at("/leg");
    let told: Vec<_> = legs
        .iter()
        .map(|request| (request.field("SequenceNumber").unwrap(), request.field("CallStatus").unwrap()))
        .collect();
    assert_eq!(told, [("0", "initiated"), ("1", "ringing"), ("2", "in-progress"), ("3", "completed")]);
    let last = legs.last().unwrap();
    for (name, value) in [
        ("ParentCallSid", journey.call_sid.as_str()),
        ("CallSid", journey.legs[0].call_sid.as_str()),
        ("CallDuration", "95"),
        ("Duration", "2"),
        ("SipResponseCode", "200"),
        ("Direction", "outbound-dial"),
        ("CallbackSource", "call-progress-events"),
        ("From", CALLER),
        ("Called", BUYER),
        ("ApiVersion", "2010-04-01"),
    ] {
        assert_eq!(last.field(name), Some(value), "{name}");
    }
    assert!(last.field("Timestamp").unwrap().ends_with(" +0000"));

    let action = &application.arrived_at("/result")[0];
    for (name, value) in [
        ("DialCallStatus", "completed"),
        ("DialCallDuration", "95"),
        ("DialBridged", "true"),
        ("DialCallSid", journey.legs[0].call_sid.as_str()),
        ("CallStatus", "in-progress"),
        ("Direction", "inbound"),
        ("Caller", CALLER),
        ("Called", NUMBER),
        ("FromZip", "94105"),
        ("StirVerstat", "TN-Validation-Passed-A"),
    ] {
        assert_eq!(action.field(name), Some(value), "{name}");
    }
    let status = application.arrived_at("/status");
    assert_eq!(status.len(), 1);
    assert_eq!(status[0].field("CallDuration"), Some("95"));
    assert_eq!(status[0].field("CallStatus"), Some("completed"));
    assert!(journey.timeline().iter().any(|line| line.text.contains(&format!("connected with {BUYER}"))));
}

#[tokio::test]
async fn a_busy_buyer_leads_to_the_next_one_by_the_action_while_the_caller_still_hears_ringing() {
    let application = Application::start().await;
    application
        .says("/voice", "<Redirect>BASE/auction</Redirect>")
        .says("/auction", &dial(&format!("<Number>{BUYER}</Number>")))
        .says("/result", &format!("<Dial answerOnBridge=\"true\" action=\"BASE/second\"><Sip>sip:{}@example.test?X-Bid=7</Sip></Dial>", "sales"))
        .says("/second", "<Hangup/>");
    let script = call()
        .callee(BUYER, CalleeScript::busy())
        .callee("sip:sales@example.test", CalleeScript::answers(2, 30));
    let journey = application.call(script).await;
    assert_eq!(journey.warnings(), []);
    let first = &application.arrived_at("/result")[0];
    assert_eq!(first.field("DialCallStatus"), Some("busy"));
    assert_eq!(first.field("DialBridged"), Some("false"));
    assert_eq!(first.field("CallStatus"), Some("ringing"));
    assert_eq!(first.field("DialCallDuration"), None);
    let second = &application.arrived_at("/second")[0];
    assert_eq!(second.field("DialCallStatus"), Some("completed"));
    assert_eq!(second.field("DialSipResponseCode"), Some("200"));
    assert_eq!(journey.destinations(), [BUYER, "sip:sales@example.test?X-Bid=7"]);
    assert_eq!(journey.legs[0].sip_code, 486);
    assert_eq!(journey.outcome.connected.unwrap().connected_seconds, 30);
}

#[tokio::test]
async fn a_caller_who_hangs_up_while_it_rings_cancels_the_leg_and_the_action_still_arrives() {
    let application = Application::start().await;
    let noun = format!("<Number statusCallback=\"BASE/leg\">{BUYER}</Number>");
    application.says("/voice", &dial(&noun));
    let script = call().callee(BUYER, CalleeScript::NoAnswer);
    let caller = CallerScript { patience: Some(Duration::from_secs(8)), ..CallerScript::default() };
    let journey = application.call(script.caller(caller)).await;
    assert_eq!(journey.outcome.ended_by, EndedBy::Caller);
    assert!(!journey.outcome.answered && journey.outcome.connected.is_none());
    let leg = &application.arrived_at("/leg")[0];
    assert_eq!((leg.field("CallStatus"), leg.field("SipResponseCode")), (Some("canceled"), Some("487")));
    assert_eq!(leg.field("SequenceNumber"), Some("0"));
    let action = &application.arrived_at("/result")[0];
    assert_eq!(action.field("CallStatus"), Some("completed"));
    assert_eq!(action.field("DialCallStatus"), Some("canceled"));
    assert_eq!(application.arrived_at("/status")[0].field("CallDuration"), Some("0"));
}

#[tokio::test]
async fn a_caller_who_hangs_up_in_conversation_ends_it() {
    let application = Application::start().await;
    application.says("/voice", &dial(&format!("<Number>{BUYER}</Number>")));
    let caller = CallerScript { talks_for: Some(Duration::from_secs(12)), ..CallerScript::default() };
    let journey = application.call(call().callee(BUYER, CalleeScript::answers(1, 95)).caller(caller)).await;
    let connected = journey.outcome.connected.unwrap();
    assert_eq!((connected.connected_seconds, connected.ended_by), (12, EndedBy::Caller));
    let action = &application.arrived_at("/result")[0];
    assert_eq!((action.field("CallStatus"), action.field("DialBridged")), (Some("completed"), Some("true")));
}

#[tokio::test]
async fn a_whisper_connects_only_whom_it_lets_through() {
    let application = Application::start().await;
    let noun = format!("<Number url=\"BASE/whisper\">{BUYER}</Number>");
    application
        .says("/voice", &dial(&noun))
        .says("/whisper", "<Gather numDigits=\"1\" action=\"BASE/accept\"><Say>A call from Main Street. Press one.</Say></Gather><Hangup/>")
        .on("/accept", |request| match request.field("Digits") {
            Some("1") => phone_support::Answer::twiml(""),
            _ => phone_support::Answer::twiml("<Hangup/>"),
        })
        .says("/result", "<Hangup/>");
    let accepted =
        application.call(call().callee(BUYER, CalleeScript::answers_and_presses(3, "1", 60))).await;
    assert_eq!(accepted.outcome.connected.clone().unwrap().connected_seconds, 60);
    let whisper = &application.arrived_at("/whisper")[0];
    assert_eq!(whisper.field("CallSid"), Some(accepted.legs[0].call_sid.as_str()));
    assert_eq!(whisper.field("ParentCallSid"), Some(accepted.call_sid.as_str()));
    assert_eq!(
        (whisper.field("Direction"), whisper.field("CallStatus")),
        (Some("outbound-dial"), Some("in-progress"))
    );
    assert_eq!(application.arrived_at("/accept")[0].field("FinishedOnKey"), Some(""));
    assert!(accepted.legs[0].seconds >= 62, "the whisper counts for the leg: {}", accepted.legs[0].seconds);
    assert_eq!(accepted.outcome.seconds, 60, "but the caller is answered when connected");
    assert_eq!(application.arrived_at("/result")[0].field("DialBridged"), Some("true"));

    for refusing in [CalleeScript::answers_and_presses(3, "2", 60), CalleeScript::answers(3, 60)] {
        let refused = application.call(call().callee(BUYER, refusing)).await;
        assert!(refused.outcome.connected.is_none());
        assert_eq!(refused.legs[0].status, CallStatus::Completed);
        let action = application.arrived_at("/result").pop().unwrap();
        assert_eq!(
            (action.field("DialBridged"), action.field("DialCallStatus")),
            (Some("false"), Some("completed"))
        );
    }
}

#[tokio::test]
async fn several_numbers_ring_at_once_and_the_first_is_connected() {
    let application = Application::start().await;
    let nouns = format!("<Number statusCallback=\"BASE/leg\">{BUYER}</Number><Number>{OTHER_BUYER}</Number>");
    application.says("/voice", &dial(&nouns)).says("/result", "<Hangup/>");
    let script =
        call().callee(BUYER, CalleeScript::answers(9, 10)).callee(OTHER_BUYER, CalleeScript::answers(5, 10));
    let journey = application.call(script).await;
    assert_eq!(journey.outcome.connected.unwrap().destination, OTHER_BUYER);
    assert_eq!(journey.legs[0].status, CallStatus::Canceled);
    assert_eq!(application.arrived_at("/leg")[0].field("CallStatus"), Some("canceled"));
}

#[tokio::test]
async fn sequential_numbers_ring_in_turn_until_the_timeout_of_each() {
    let application = Application::start().await;
    let nouns = format!("<Number>{BUYER}</Number><Number>{OTHER_BUYER}</Number>");
    application
        .says("/voice", &format!("<Dial sequential=\"true\" timeout=\"10\">{nouns}</Dial><Say>Bye</Say>"));
    let script =
        call().callee(BUYER, CalleeScript::NoAnswer).callee(OTHER_BUYER, CalleeScript::answers(2, 10));
    let journey = application.call(script).await;
    assert_eq!(journey.legs[0].status, CallStatus::NoAnswer);
    assert_eq!(journey.legs[1].status, CallStatus::Completed);
    assert_eq!(
        journey.outcome.seconds,
        15 + 2 + 10 + 1,
        "answered at once; without an action the next verb runs"
    );
}

#[tokio::test]
async fn a_time_limit_ends_the_conversation_and_the_action_goes_on() {
    let application = Application::start().await;
    application
        .says("/voice", &format!("<Dial timeLimit=\"30\" action=\"/result\"><Number>{BUYER}</Number></Dial>"))
        .says("/result", "<Say>Time is up</Say>");
    let journey = application.call(call().callee(BUYER, CalleeScript::answers(1, 95))).await;
    let connected = journey.outcome.connected.unwrap();
    assert_eq!((connected.connected_seconds, connected.ended_by), (30, EndedBy::TimeLimit));
    assert_eq!(journey.outcome.ended_by, EndedBy::Instructions);
}

#[tokio::test]
async fn keys_and_words_are_gathered() {
    let application = Application::start().await;
    application
        .says("/voice", "<Gather numDigits=\"1\" action=\"/one\"><Say>Press</Say></Gather><Say>Nothing</Say>")
        .says("/one", "<Gather finishOnKey=\"#\" action=\"/many\"/>")
        .says("/many", "<Gather input=\"dtmf speech\" action=\"/words\"/>")
        .says("/words", "<Gather timeout=\"3\" actionOnEmptyResult=\"true\" action=\"/empty\"/>")
        .says("/empty", "<Gather timeout=\"3\" action=\"/never\"/><Say>Nothing was entered.</Say>");
    let caller = CallerScript {
        gathers: vec![
            Input::keys("57"),
            Input::keys("94105#"),
            Input::Speech { words: "new roof".to_owned(), confidence: 93 },
        ],
        ..CallerScript::default()
    };
    let journey = application.call(call().caller(caller)).await;
    assert_eq!(application.arrived_at("/one")[0].field("Digits"), Some("5"));
    let many = &application.arrived_at("/many")[0];
    assert_eq!((many.field("Digits"), many.field("FinishedOnKey")), (Some("94105"), Some("#")));
    let words = &application.arrived_at("/words")[0];
    assert_eq!((words.field("SpeechResult"), words.field("Confidence")), (Some("new roof"), Some("0.93")));
    assert_eq!(application.arrived_at("/empty")[0].field("Digits"), Some(""));
    assert!(application.arrived_at("/never").is_empty());
    assert!(
        journey.happened(
            |what| matches!(what, Happening::Said { words, .. } if words.starts_with("Nothing was"))
        )
    );
    assert_eq!(journey.warnings(), []);
}

#[tokio::test]
async fn a_recording_is_announced_and_belongs_to_the_parent() {
    let application = Application::start().await;
    application.says(
        "/voice",
        &format!(
            "<Dial record=\"record-from-answer-dual\" recordingStatusCallback=\"BASE/recording\" \
             recordingStatusCallbackEvent=\"in-progress completed absent\" action=\"BASE/result\">\
             <Number>{BUYER}</Number></Dial>"
        ),
    );
    let journey = application.call(call().callee(BUYER, CalleeScript::answers(2, 40))).await;
    let told = application.arrived_at("/recording");
    let states: Vec<_> = told.iter().map(|request| request.field("RecordingStatus").unwrap()).collect();
    assert_eq!(states, ["in-progress", "completed"]);
    assert_eq!(told[1].field("CallSid"), Some(journey.call_sid.as_str()));
    assert_eq!(
        (told[1].field("RecordingDuration"), told[1].field("RecordingChannels")),
        (Some("40"), Some("2"))
    );
    assert_eq!((told[1].field("RecordingSource"), told[1].field("Direction")), (Some("DialVerb"), None));
    assert_eq!(application.arrived_at("/result")[0].field("RecordingUrl"), told[1].field("RecordingUrl"));

    let silent = application.call(call().callee(BUYER, CalleeScript::busy())).await;
    assert!(silent.outcome.connected.is_none());
    assert_eq!(application.arrived_at("/recording").len(), 2, "nothing answered, nothing recorded");
}

#[tokio::test]
async fn voicemail_is_recorded_and_hanging_up_finishes_it() {
    let application = Application::start().await;
    application.says("/voice", "<Say>Leave a message.</Say><Record action=\"/message\" maxLength=\"60\"/>");
    let caller = CallerScript {
        message: Some(Duration::from_secs(17)),
        hangs_up_at: Some(HangUpAt { verb: "Record".to_owned(), occurrence: 1 }),
        ..CallerScript::default()
    };
    let journey = application.call(call().caller(caller)).await;
    let message = &application.arrived_at("/message")[0];
    assert_eq!((message.field("RecordingDuration"), message.field("Digits")), (Some("17"), Some("hangup")));
    assert_eq!(message.field("CallStatus"), Some("completed"));
    assert_eq!(journey.outcome.ended_by, EndedBy::Caller);
}

#[tokio::test]
async fn answering_machine_detection_reports_apart() {
    let application = Application::start().await;
    application.says(
        "/voice",
        &format!(
            "<Dial><Number machineDetection=\"Enable\" amdStatusCallback=\"BASE/amd\">{BUYER}</Number></Dial>"
        ),
    );
    let journey = application.call(call().callee(BUYER, CalleeScript::voicemail(6, 20))).await;
    let found = &application.arrived_at("/amd")[0];
    assert_eq!(
        (found.field("AnsweredBy"), found.field("MachineDetectionDuration")),
        (Some("machine_start"), Some("3180"))
    );
    assert_eq!(found.field("CallSid"), Some(journey.legs[0].call_sid.as_str()));
}

#[tokio::test]
async fn a_rejected_call_is_never_answered() {
    let application = Application::start().await;
    application.says("/voice", "<Reject reason=\"busy\"/>");
    let journey = application.call(call()).await;
    assert_eq!((journey.outcome.status, journey.outcome.answered), (CallStatus::Busy, false));
    assert_eq!(application.arrived_at("/status")[0].field("CallStatus"), Some("busy"));
}

#[tokio::test]
async fn a_caller_may_hang_up_while_we_are_thinking() {
    let application = Application::start().await;
    application.on("/voice", |_| {
        phone_support::Answer::twiml("<Say>Too late</Say>").after(Duration::from_millis(600))
    });
    let caller = CallerScript { patience: Some(Duration::from_millis(200)), ..CallerScript::default() };
    let journey = application.call(call().caller(caller)).await;
    assert_eq!(journey.outcome.ended_by, EndedBy::Caller);
    assert_eq!(journey.requests_of(WebhookKind::IncomingCall).count(), 1, "the request is not torn down");
    assert!(!journey.happened(|what| matches!(what, Happening::Said { .. })));
}

#[tokio::test]
async fn caller_id_must_be_of_the_call_or_of_the_account() {
    let application = Application::start().await;
    application.says("/voice", &format!("<Dial callerId=\"+19995550199\"><Number>{BUYER}</Number></Dial>"));
    let refused = application.call(call()).await;
    assert_eq!(refused.legs[0].status, CallStatus::Failed);
    assert_eq!(refused.warnings()[0].0, 13_214);
    application.says("/voice", &format!("<Dial callerId=\"{NUMBER}\"><Number>{BUYER}</Number></Dial>"));
    let shown = application.call(call()).await;
    assert_eq!((shown.legs[0].caller_id.as_str(), shown.legs[0].bridged), (NUMBER, true));
}

#[tokio::test]
async fn breaches_of_the_grammar_are_warned_about_and_unsupported_verbs_said() {
    let application = Application::start().await;
    application.says(
        "/voice",
        "<Say colour=\"red\">Hello</Say><Dial timeout=\"1\"><Conference>room</Conference></Dial><Connect/><Frob/>",
    );
    let journey = application.call(call()).await;
    let codes: Vec<u32> = journey.warnings().iter().map(|(code, _)| *code).collect();
    assert_eq!(codes, [12_200; 4]);
    let skipped = |name: &str| {
        journey.happened(|what| matches!(what, Happening::Unsupported { element, .. } if element == name))
    };
    assert!(skipped("Conference") && skipped("Connect"));
    assert!(!journey.outcome.failed);
}
