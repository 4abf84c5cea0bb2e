//! Webhooks that arrive twice, late, out of order or not at all.

mod phone_support;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use phone_support::{Application, BUYER, OTHER_BUYER, call};
use testkit::phone::{CalleeScript, Delivery, Happening, Order, WebhookKind};

const EVENTS: &str =
    "statusCallback=\"BASE/leg\" statusCallbackEvent=\"initiated ringing answered completed\"";

async fn application() -> Application {
    let application = Application::start().await;
    let first =
        format!("<Dial answerOnBridge=\"true\" action=\"/next\"><Number {EVENTS}>{BUYER}</Number></Dial>");
    let second = format!(
        "<Dial answerOnBridge=\"true\" action=\"/end\"><Number {EVENTS}>{OTHER_BUYER}</Number></Dial>"
    );
    application.says("/voice", &first).says("/next", &second).says("/end", "<Hangup/>");
    application
}

fn script(delivery: Delivery) -> testkit::phone::CallScript {
    call()
        .callee(BUYER, CalleeScript::NoAnswer)
        .callee(OTHER_BUYER, CalleeScript::answers(3, 50))
        .delivery(delivery)
}

/// What arrived, in order: path, CallSid, status.
fn arrivals(application: &Application) -> Vec<(String, String, String)> {
    let all = application.arrived().into_iter().map(|request| {
        let field = |name: &str| request.field(name).unwrap_or_default().to_owned();
        (request.path.clone(), field("CallSid"), field("CallStatus"))
    });
    all.collect()
}

#[tokio::test]
async fn the_faithful_order_keeps_each_leg_in_sequence_and_is_repeatable() {
    let mut seen = Vec::new();
    for _ in 0..2 {
        let application = application().await;
        application.call(script(Delivery::default())).await;
        let mut sequences: BTreeMap<String, Vec<u32>> = BTreeMap::new();
        for request in application.arrived_at("/leg") {
            let number = request.field("SequenceNumber").unwrap().parse().unwrap();
            sequences.entry(request.field("CallSid").unwrap().to_owned()).or_default().push(number);
        }
        assert_eq!(
            sequences.values().cloned().collect::<BTreeSet<_>>(),
            BTreeSet::from([vec![0, 1, 2], vec![0, 1, 2, 3]])
        );
        seen.push(arrivals(&application));
    }
    assert_eq!(seen[0], seen[1]);
}

#[tokio::test]
async fn shuffled_copies_carry_the_same_facts_for_every_seed() {
    let mut faithful = BTreeSet::new();
    let mut orders = BTreeSet::new();
    for seed in 0..6 {
        let application = application().await;
        let order = if seed == 0 { Order::Faithful } else { Order::Shuffled };
        let delivery = Delivery { copies: 1..=5, order, seed, ..Delivery::default() };
        let journey = application.call(script(delivery)).await;
        let arrived = application.arrived_at("/leg");
        let facts: BTreeSet<_> = arrived
            .iter()
            .map(|request| {
                (
                    request.field("CallSid").unwrap().to_owned(),
                    request.field("CallStatus").unwrap().to_owned(),
                )
            })
            .collect();
        if seed == 0 {
            faithful = facts.clone();
        }
        assert_eq!(facts, faithful);
        assert!(arrived.len() > facts.len(), "some were repeated");
        let tokens: BTreeSet<_> =
            arrived.iter().map(|request| request.headers["i-twilio-idempotency-token"].clone()).collect();
        assert_eq!(tokens.len(), facts.len(), "a repeat carries the token of the original");
        orders.insert(arrivals(&application));
        assert_eq!(journey.outcome.connected.unwrap().connected_seconds, 50);
    }
    assert_eq!(orders.len(), 6);
}

#[tokio::test]
async fn everything_may_come_after_the_call() {
    let application = application().await;
    let delivery = Delivery { order: Order::AfterCall, copies: 2..=2, ..Delivery::default() };
    application.call(script(delivery)).await;
    let arrived = arrivals(&application);
    let last_action = arrived.iter().rposition(|(path, ..)| path == "/end").unwrap();
    let first_callback = arrived.iter().position(|(path, ..)| path == "/leg" || path == "/status").unwrap();
    assert!(last_action < first_callback);
    assert_eq!(application.arrived_at("/leg").len(), 14);
    assert_eq!(application.arrived_at("/status").len(), 2);
}

#[tokio::test]
async fn racing_callbacks_all_arrive_before_the_journey_is_told() {
    let application = application().await;
    let delivery = Delivery {
        order: Order::Racing,
        copies: 3..=3,
        delay: Duration::from_millis(20),
        ..Delivery::default()
    };
    let journey = application.call(script(delivery)).await;
    assert_eq!(application.arrived_at("/leg").len(), 21);
    assert_eq!(journey.callbacks().count(), 24);
}

#[tokio::test]
async fn a_lost_dial_action_ends_the_call_in_silence_but_not_as_a_failure() {
    let application = application().await;
    let delivery = Delivery { drop: BTreeSet::from([WebhookKind::DialAction]), ..Delivery::default() };
    let journey = application.call(script(delivery)).await;
    assert!(application.arrived_at("/next").is_empty());
    assert!(
        journey.happened(|what| matches!(what, Happening::WebhookLost { kind: WebhookKind::DialAction }))
    );
    assert!(!journey.outcome.failed);
    assert_eq!(application.arrived_at("/status").len(), 1);
}

#[tokio::test]
async fn actions_are_repeated_with_the_same_token_and_only_the_first_answer_counts() {
    let application = application().await;
    let delivery = Delivery { copies: 3..=3, repeat_actions: true, ..Delivery::default() };
    let journey = application.call(script(delivery)).await;
    for path in ["/voice", "/next", "/end"] {
        let arrived = application.arrived_at(path);
        assert_eq!(arrived.len(), 3, "{path}");
        assert!(arrived.iter().all(|request| request.form == arrived[0].form));
    }
    assert_eq!(journey.destinations(), [BUYER, OTHER_BUYER]);
}
