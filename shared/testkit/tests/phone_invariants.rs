//! Whatever people do and however webhooks are delivered: a call ends, and so does each of its legs, and everybody is
//! told exactly once (copies apart).

#![expect(clippy::unwrap_used, reason = "a broken harness should stop the test")]

mod phone_support;

use std::collections::BTreeSet;
use std::time::Duration;

use phone_support::{Application, BUYER, OTHER_BUYER, call};
use testkit::phone::{
    Answering, CallScript, CalleeScript, CallerScript, Delivery, HangUpAt, Input, Order, WebhookKind,
};

/// A deterministic choice: the `index`-th of a list, round and round.
fn pick<T: Clone>(list: &[T], index: u64) -> T {
    list[usize::try_from(index).unwrap() % list.len()].clone()
}

fn script(seed: u64) -> CallScript {
    let seconds = |number: u64| Some(Duration::from_secs(number));
    let callees = [
        CalleeScript::answers(3, 20),
        CalleeScript::answers_and_presses(3, "1", 20),
        CalleeScript::answers_and_presses(2, "9", 20),
        CalleeScript::busy(),
        CalleeScript::NoAnswer,
        CalleeScript::Declines { after: Duration::from_secs(6) },
        CalleeScript::fails(503),
        CalleeScript::voicemail(5, 12),
        CalleeScript::Answers(Answering { hangs_up_in_whisper_after: seconds(1), ..Answering::default() }),
        CalleeScript::Answers(Answering { talks_for: None, ..Answering::default() }),
    ];
    let at = |verb: &str| Some(HangUpAt { verb: verb.to_owned(), occurrence: 1 });
    let callers = [
        CallerScript::default(),
        CallerScript { patience: seconds(4), ..CallerScript::default() },
        CallerScript { talks_for: seconds(7), ..CallerScript::default() },
        CallerScript { gathers: vec![Input::keys("1")], ..CallerScript::default() },
        CallerScript { hangs_up_at: at("Record"), ..CallerScript::default() },
        CallerScript { hangs_up_at: at("Dial"), ..CallerScript::default() },
        CallerScript { presses_star_after: seconds(3), ..CallerScript::default() },
    ];
    let orders = [Order::Faithful, Order::Shuffled, Order::AfterCall, Order::Racing];
    let delivery = Delivery { copies: 1..=3, order: pick(&orders, seed), seed, ..Delivery::default() };
    let script = call().seed(seed).caller(pick(&callers, seed / 2)).delivery(delivery);
    script.callee(BUYER, pick(&callees, seed)).callee(OTHER_BUYER, pick(&callees, seed / 10 + seed))
}

async fn application(sequential: bool) -> Application {
    let application = Application::start().await;
    let events = "statusCallback=\"BASE/leg\" statusCallbackEvent=\"initiated ringing answered completed\"";
    let amd = "machineDetection=\"DetectMessageEnd\" amdStatusCallback=\"BASE/amd\"";
    let nouns = format!(
        "<Number {events} {amd} url=\"BASE/whisper\">{BUYER}</Number><Number {events}>{OTHER_BUYER}</Number>"
    );
    let dial = format!(
        "<Dial answerOnBridge=\"true\" hangupOnStar=\"true\" timeout=\"15\" timeLimit=\"3600\" sequential=\"{sequential}\" \
         record=\"record-from-answer\" recordingStatusCallback=\"BASE/recording\" action=\"BASE/result\">{nouns}</Dial>"
    );
    application
        .says("/voice", &dial)
        .says(
            "/whisper",
            "<Gather numDigits=\"1\" action=\"BASE/accept\"><Say>Press one</Say></Gather><Hangup/>",
        )
        .on("/accept", |request| {
            let refused = request.field("Digits") != Some("1");
            phone_support::Answer::twiml(if refused { "<Hangup/>" } else { "" })
        })
        .on("/result", |request| {
            let bridged = request.field("DialBridged") == Some("true");
            phone_support::Answer::twiml(if bridged {
                ""
            } else {
                "<Record action=\"/message\" maxLength=\"20\"/>"
            })
        })
        .says("/message", "<Hangup/>");
    application
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_call_and_every_leg_ends_and_is_told_about() {
    for seed in 0..120_u64 {
        let application = application(seed % 3 == 0).await;
        let journey = application.call(script(seed)).await;
        assert!(!journey.outcome.failed, "seed {seed}: {:?}", journey.warnings());
        assert_eq!(journey.warnings(), [], "seed {seed}");
        assert!(journey.outcome.status.is_terminal(), "seed {seed}");
        assert!(journey.legs.iter().all(|leg| leg.status.is_terminal()), "seed {seed}: {:?}", journey.legs);
        assert!(journey.legs.iter().filter(|leg| leg.bridged).count() <= 1, "seed {seed}");
        assert_eq!(
            journey.outcome.connected.is_some(),
            journey.legs.iter().any(|leg| leg.bridged),
            "seed {seed}"
        );
        assert!(journey.events.is_sorted_by_key(|event| event.offset_ms), "seed {seed}");
        for leg in &journey.legs {
            let last = journey.requests_of(WebhookKind::LegStatus).filter(|request| {
                let of_this = request.parameter("CallSid") == Some(&leg.call_sid);
                of_this && request.parameter("CallStatus") == Some(leg.status.as_str())
            });
            let tokens: BTreeSet<_> = last.map(|request| request.parameter("SequenceNumber")).collect();
            assert_eq!(tokens.len(), 1, "seed {seed}: the end of leg {} is told once", leg.call_sid);
        }
        let ends = journey.requests_of(WebhookKind::CallStatus).collect::<Vec<_>>();
        assert!(
            !ends.is_empty() && ends.iter().all(|end| end.parameters == ends[0].parameters),
            "seed {seed}"
        );
        let actions = journey.requests_of(WebhookKind::DialAction).count();
        assert_eq!(actions, usize::from(!journey.legs.is_empty()), "seed {seed}");
    }
}
