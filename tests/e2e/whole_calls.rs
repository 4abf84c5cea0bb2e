//! Whole calls, as caller, bidder, callee and bookkeeper see them. Run against any deployment.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::{Value, json};
use testkit::bidders::Scenario;
use testkit::phone::{
    CallScript, CalleeScript, CallerScript, Delivery, EndedBy, Journey, Order, WebhookKind,
};

use crate::scene::{Bidder, Deployment, STATIC_TARGET, Scene, shown, verdicts};

const BEST: &str = "+12025550141";
const SECOND: &str = "+12025550142";

/// Two good bidders, one beyond the deadline, one that refuses, one with a wrong number, one malformed.
pub const SIX: [Bidder; 6] = [
    Bidder {
        name: "Second",
        scenario: Scenario::Accept,
        wishes: "amount=31.25&number=%2B12025550142&min_duration=60",
    },
    Bidder {
        name: "Best",
        scenario: Scenario::Accept,
        wishes: "amount=42.123456&number=%2B12025550141&min_duration=60",
    },
    Bidder { name: "Slow", scenario: Scenario::Slow, wishes: "amount=99&delay_ms=3000" },
    Bidder { name: "Refusing", scenario: Scenario::Reject, wishes: "" },
    Bidder { name: "Wrong", scenario: Scenario::InvalidNumber, wishes: "amount=80" },
    Bidder { name: "Malformed", scenario: Scenario::Malformed, wishes: "" },
];

/// Everything, in the order in which a failure is easiest to understand.
pub async fn all(deployment: &Deployment) {
    without_bidders_the_static_target_is_dialled(deployment).await;
    a_changed_target_is_effective_for_the_next_call(deployment).await;
    the_better_of_six_bids_wins_and_the_books_are_right(deployment).await;
    when_the_winner_is_busy_the_second_bid_is_dialled(deployment).await;
    without_a_valid_bid_the_static_target_is_dialled(deployment).await;
    a_caller_who_hangs_up_is_not_routed_again(deployment).await;
    when_nobody_answers_the_caller_hears_words(deployment).await;
    callbacks_in_any_number_and_order_change_nothing(deployment).await;
    an_unknown_number_gets_words(deployment).await;
    a_sip_bid_is_dialled(deployment).await;
    odd_callers_are_served(deployment).await;
    hostile_bidders_lose(deployment).await;
    a_blocked_caller_is_refused_and_earns_nobody_anything(deployment).await;
    a_paused_partner_is_off_for_the_next_call(deployment).await;
    a_shared_ring_tree_and_a_target_group_take_calls(deployment).await;
    crate::routing_calls::all(deployment).await;
}

fn micros(value: &Value) -> i64 {
    value.as_i64().unwrap_or_else(|| panic!("not an amount: {value}"))
}

/// The books of a call: totals, and that entries, totals and call agree to the micro-unit.
pub async fn books(scene: &Scene<'_>, journey: &Journey) -> (i64, i64, i64) {
    let closing = scene.closing(journey).await;
    let ledger = scene.read(journey, "/ledger").await;
    assert_eq!(ledger["settled"], true);
    let sum = |kind: &str| -> i64 {
        let entries = ledger["entries"].as_array().unwrap().iter();
        entries.filter(|entry| entry["kind"] == kind).map(|entry| micros(&entry["amount"])).sum()
    };
    let (revenue, payout) = (sum("revenue"), sum("payout"));
    for place in [&ledger["totals"], &closing] {
        assert_eq!(micros(&place["revenue"]), revenue, "{place}");
        assert_eq!(micros(&place["payout"]), payout, "{place}");
        assert_eq!(micros(&place["profit"]), revenue - payout, "{place}");
    }
    (revenue, payout, revenue - payout)
}

pub async fn without_bidders_the_static_target_is_dialled(deployment: &Deployment) {
    let scene = deployment.scene(&[]).await;
    let script = scene.script(1).callee(STATIC_TARGET, CalleeScript::answers(4, 95));
    let journey = scene.call(script).await;
    let connected = journey.outcome.connected.as_ref().unwrap_or_else(|| panic!("{}", shown(&journey)));
    assert_eq!((connected.destination.as_str(), connected.connected_seconds), (STATIC_TARGET, 95));
    let closing = scene.closing(&journey).await;
    assert_eq!(closing["connected_s"], 95);
    assert_eq!(books(&scene, &journey).await, (20_000_000, 12_000_000, 8_000_000));
    let call = scene.read(&journey, "").await;
    assert_eq!(call["recordings"][0]["status"], "completed", "{call}");
}

pub async fn a_changed_target_is_effective_for_the_next_call(deployment: &Deployment) {
    let scene = deployment.scene(&[]).await;
    let journey = scene.call(scene.script(41).callee(STATIC_TARGET, CalleeScript::answers(2, 40))).await;
    assert_eq!(journey.destinations(), [STATIC_TARGET], "{}", shown(&journey));

    // Nobody publishes: the change of the shared target does it by itself.
    let address = format!("/api/targets/{}", scene.target);
    let moved = json!({"version": 1, "destination": {"number": SECOND}});
    let answer = deployment.ok("PATCH", &address, Some(&moved)).await;
    assert_eq!(answer.get("warnings"), None, "{answer}");
    let journey = scene.call(scene.script(42).callee(SECOND, CalleeScript::answers(2, 40))).await;
    assert_eq!(journey.destinations(), [SECOND], "{}", shown(&journey));

    // The last destination goes, and the campaign with it.
    let off = json!({"version": 2, "status": "paused"});
    let answer = deployment.ok("PATCH", &address, Some(&off)).await;
    assert_eq!(answer["warnings"][0]["code"], "campaign_paused", "{answer}");
    let journey = scene.call(scene.script(43)).await;
    assert_eq!(journey.destinations(), [] as [&str; 0], "{}", shown(&journey));
}

pub async fn the_better_of_six_bids_wins_and_the_books_are_right(deployment: &Deployment) {
    let scene = deployment.scene(&SIX).await;
    let journey = scene.call(scene.script(2).callee(BEST, CalleeScript::answers(3, 95))).await;
    assert_eq!(journey.destinations(), [BEST], "{}", shown(&journey));
    // 42.123456, of which 60 % is 25.2740736: rounded down to the micro-unit for the payee.
    assert_eq!(books(&scene, &journey).await, (42_123_456, 25_274_073, 16_849_383));

    let auctions = scene.read(&journey, "/auction").await;
    let auction = &auctions["items"][0];
    let expected = [
        ("Best", "won"),
        ("Malformed", "malformed"),
        ("Refusing", "declined"),
        ("Second", "valid"),
        ("Slow", "timed_out"),
        ("Wrong", "invalid_destination"),
    ];
    let expected = expected.map(|(name, code)| (name.to_owned(), code.to_owned()));
    assert_eq!(verdicts(auction), expected, "{auction}");
    assert_eq!(auction["winner"]["amount"], 42_123_456);
    let took = auction["took_ms"].as_u64().unwrap();
    assert!(
        (800..2_000).contains(&took),
        "waited for the deadline of 800 ms and not for the slow one: {took}"
    );

    // The log of requests and answers follows through the queue; no number in it is whole.
    let mut logged = Value::Null;
    for _ in 0..100 {
        logged = scene.read(&journey, "/auction").await;
        let bidders = logged["items"][0]["bidders"].as_array().unwrap();
        if bidders.iter().all(|bidder| !bidder["exchange"].is_null()) {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let bidders = logged["items"][0]["bidders"].as_array().unwrap();
    assert!(
        bidders.iter().all(|bidder| !bidder["exchange"].is_null()),
        "every bidder is in the log: {logged}"
    );
    let text = logged.to_string();
    assert!(!text.contains("4155550100") && !text.contains("2025550141"), "numbers are masked: {text}");

    let decisions = scene.read(&journey, "/decisions").await.to_string();
    assert!(decisions.contains("dialled"), "{decisions}");
    let events = scene.read(&journey, "/events").await.to_string();
    assert!(events.contains("in-progress") && events.contains("completed"), "{events}");
}

pub async fn when_the_winner_is_busy_the_second_bid_is_dialled(deployment: &Deployment) {
    let scene = deployment.scene(&SIX).await;
    let script =
        scene.script(3).callee(BEST, CalleeScript::busy()).callee(SECOND, CalleeScript::answers(3, 59));
    let journey = scene.call(script).await;
    assert_eq!(journey.destinations(), [BEST, SECOND], "{}", shown(&journey));
    // The second bid asks for 60 seconds; 59 were talked.
    assert_eq!(books(&scene, &journey).await, (0, 0, 0));

    let script =
        scene.script(4).callee(BEST, CalleeScript::fails(503)).callee(SECOND, CalleeScript::answers(3, 60));
    let journey = scene.call(script).await;
    assert_eq!(books(&scene, &journey).await, (31_250_000, 18_750_000, 12_500_000));
}

pub async fn without_a_valid_bid_the_static_target_is_dialled(deployment: &Deployment) {
    let scene = deployment.scene(&SIX[2..]).await;
    let script = scene.script(5).callee(STATIC_TARGET, CalleeScript::answers(2, 31));
    let journey = scene.call(script).await;
    assert_eq!(journey.destinations(), [STATIC_TARGET], "{}", shown(&journey));
    assert_eq!(books(&scene, &journey).await, (20_000_000, 12_000_000, 8_000_000));
}

pub async fn a_caller_who_hangs_up_is_not_routed_again(deployment: &Deployment) {
    let scene = deployment.scene(&SIX).await;
    let caller = CallerScript { patience: Some(Duration::from_secs(8)), ..CallerScript::default() };
    let script = scene.script(6).callee(BEST, CalleeScript::NoAnswer).caller(caller);
    let journey = scene.call(script).await;
    assert_eq!(journey.destinations(), [BEST], "nobody else rang: {}", shown(&journey));
    assert_eq!(journey.outcome.ended_by, EndedBy::Caller);
    let closing = scene.closing(&journey).await;
    assert_eq!(closing["connected"], false);
    assert_eq!(books(&scene, &journey).await, (0, 0, 0));
}

pub async fn when_nobody_answers_the_caller_hears_words(deployment: &Deployment) {
    let scene = deployment.scene(&SIX).await;
    let mut script = scene.script(7);
    script.default_callee = Some(CalleeScript::NoAnswer);
    let journey = scene.call(script).await;
    assert_eq!(journey.destinations(), [BEST, SECOND, STATIC_TARGET], "{}", shown(&journey));
    assert!(shown(&journey).contains("nobody is available"), "{}", shown(&journey));
    assert_eq!(books(&scene, &journey).await, (0, 0, 0));
}

pub async fn callbacks_in_any_number_and_order_change_nothing(deployment: &Deployment) {
    let scene = deployment.scene(&SIX).await;
    let disorder = [
        Delivery {
            copies: 1..=5,
            order: Order::Shuffled,
            repeat_actions: true,
            seed: 1,
            ..Delivery::default()
        },
        Delivery { copies: 1..=3, order: Order::AfterCall, seed: 2, ..Delivery::default() },
        Delivery { copies: 1..=4, order: Order::Racing, seed: 3, ..Delivery::default() },
        Delivery {
            drop: BTreeSet::from([WebhookKind::DialAction]),
            order: Order::Shuffled,
            seed: 4,
            ..Delivery::default()
        },
    ];
    for (seed, delivery) in (80_u64..).zip(disorder) {
        let script = scene.script(seed).callee(BEST, CalleeScript::answers(3, 95)).delivery(delivery);
        let journey = scene.call(script).await;
        assert_eq!(
            books(&scene, &journey).await,
            (42_123_456, 25_274_073, 16_849_383),
            "{}",
            shown(&journey)
        );
        let closing = scene.closing(&journey).await;
        assert_eq!(closing["connected_s"], 95);
    }
}

pub async fn an_unknown_number_gets_words(deployment: &Deployment) {
    let stranger = "+18339999999";
    let voice_url = format!("{}/twilio/voice/inbound", deployment.base_url);
    deployment.phone.set_number(testkit::phone::NumberConfig::new(stranger, voice_url));
    let journey = deployment.phone.place_call(CallScript::new("+14155550100", stranger)).await;
    assert!(!journey.outcome.failed, "{}", shown(&journey));
    assert!(shown(&journey).contains("not in service"), "{}", shown(&journey));
}

pub async fn a_sip_bid_is_dialled(deployment: &Deployment) {
    let bidders = [Bidder { name: "Sip", scenario: Scenario::AcceptSip, wishes: "amount=12.5" }];
    let scene = deployment.scene(&bidders).await;
    let mut script = scene.script(9);
    script.default_callee = Some(CalleeScript::answers(2, 200));
    let journey = scene.call(script).await;
    assert!(journey.destinations()[0].starts_with("sip:"), "{}", shown(&journey));
    assert_eq!(books(&scene, &journey).await.0, 12_500_000);
}

/// Withheld numbers and SIP callers: the campaign's number is shown, nothing breaks.
pub async fn odd_callers_are_served(deployment: &Deployment) {
    let scene = deployment.scene_with(&SIX[..2], json!({"default_caller_id": null})).await;
    for (seed, from) in (90_u64..).zip(["anonymous", "+266696687", "sip:alice@example.com", "client:bob", ""])
    {
        let mut script = scene.script(seed).callee(BEST, CalleeScript::answers(3, 95));
        script.from = from.to_owned();
        let journey = scene.call(script).await;
        assert_eq!(journey.destinations(), [BEST], "{from}: {}", shown(&journey));
        assert_eq!(journey.legs[0].caller_id, scene.number, "{from}: {}", shown(&journey));
    }
}

/// Every call pays the publisher here, answered or not: a blocked one must not.
pub async fn a_blocked_caller_is_refused_and_earns_nobody_anything(deployment: &Deployment) {
    let every_call = json!({"payout": {"on": "incoming", "amount": {"fixed": 1_000_000}}});
    let scene = deployment.scene_with(&SIX[..2], every_call).await;
    let caller = format!("+1212555{:04}", scene.number[8..].parse::<u64>().unwrap() % 10_000);
    let call_of = |seed: u64, from: &str| {
        let mut script = scene.script(seed).callee(BEST, CalleeScript::answers(3, 95));
        script.from = from.to_owned();
        script
    };
    for (seed, pattern) in (120_u64..).zip([caller.as_str(), &caller[..11], "anonymous"]) {
        let from = if pattern == "anonymous" { pattern } else { &caller };
        let block = json!({"number": pattern, "reason": "robocalls"});
        let id = deployment.create("/api/blocked-numbers", block).await;

        let journey = scene.call(call_of(seed, from)).await;
        assert!(journey.destinations().is_empty(), "{pattern}: {}", shown(&journey));
        assert!(!journey.outcome.answered, "{pattern}: {}", shown(&journey));
        assert_eq!(journey.requests_of(WebhookKind::IncomingCall).count(), 1, "{}", shown(&journey));
        assert_eq!(books(&scene, &journey).await, (0, 0, 0), "{pattern}");
        let decisions = scene.read(&journey, "/decisions").await;
        assert_eq!(decisions["items"][0]["turned_away"]["code"], "blocked_number", "{decisions}");
        assert_eq!(decisions["items"][0]["decisions"], json!([]), "{decisions}");

        deployment.ok("DELETE", &format!("/api/blocked-numbers/{id}"), None).await;
        let journey = scene.call(call_of(seed + 10, from)).await;
        assert_eq!(journey.destinations(), [BEST], "{pattern}: {}", shown(&journey));
        assert_eq!(books(&scene, &journey).await, (42_123_456, 1_000_000, 41_123_456), "{pattern}");
    }
}

pub async fn a_paused_partner_is_off_for_the_next_call(deployment: &Deployment) {
    let scene = deployment.scene(&SIX[..2]).await;
    scene.change(&format!("/api/rtb-targets/{}", scene.bidders[1]), json!({"buyer": scene.buyer})).await;
    deployment.ok("POST", &format!("/api/campaigns/{}/publish", scene.campaign), None).await;
    let answering = |seed: u64| {
        let script = scene.script(seed).callee(SECOND, CalleeScript::answers(3, 95));
        script.callee(BEST, CalleeScript::answers(3, 95))
    };
    assert_eq!(scene.call(answering(140)).await.destinations(), [BEST]);

    let buyer = format!("/api/buyers/{}", scene.buyer);
    scene.change(&buyer, json!({"status": "paused"})).await;
    let journey = scene.call(answering(141)).await;
    assert_eq!(journey.destinations(), [SECOND], "{}", shown(&journey));
    let auctions = scene.read(&journey, "/auction").await;
    let verdict = ("Best".to_owned(), "buyer_paused".to_owned());
    assert!(verdicts(&auctions["items"][0]).contains(&verdict), "{auctions}");

    let publisher = format!("/api/publishers/{}", scene.publisher);
    scene.change(&publisher, json!({"status": "paused"})).await;
    let journey = scene.call(answering(142)).await;
    assert!(journey.destinations().is_empty(), "{}", shown(&journey));
    assert_eq!(books(&scene, &journey).await, (0, 0, 0));
    let decisions = scene.read(&journey, "/decisions").await;
    assert_eq!(decisions["items"][0]["turned_away"]["code"], "publisher_paused", "{decisions}");

    scene.change(&buyer, json!({"status": "active"})).await;
    scene.change(&publisher, json!({"status": "active"})).await;
    assert_eq!(scene.call(answering(143)).await.destinations(), [BEST]);
}

/// The campaign has nothing of its own: bidders come from a tree, targets from a group, the payout from the publisher's
/// terms.
pub async fn a_shared_ring_tree_and_a_target_group_take_calls(deployment: &Deployment) {
    let scene = deployment.scene(&SIX[..2]).await;
    let bidders: Vec<Value> = scene.bidders.iter().map(|id| json!({"rtb_target": id})).collect();
    let tree = json!({"name": format!("Tree {}", scene.number), "bidders": bidders, "deadline_ms": 800});
    let tree = deployment.create("/api/ring-trees", tree).await;
    let members = json!([{"target": scene.target}]);
    let group = json!({"name": format!("Group {}", scene.number), "members": members});
    let group = deployment.create("/api/target-groups", group).await;
    let shared = json!({
        "auction": null, "ring_tree": tree, "plan": [{"target_group": group}],
        "publishers": {&scene.publisher: {"payout": {"on": "connected", "amount": {"fixed": 7_000_000}}}},
    });
    scene.change(&format!("/api/campaigns/{}", scene.campaign), shared).await;
    deployment.ok("POST", &format!("/api/campaigns/{}/publish", scene.campaign), None).await;

    let by_bid = scene.call(scene.script(160).callee(BEST, CalleeScript::answers(3, 95))).await;
    assert_eq!(by_bid.destinations(), [BEST], "{}", shown(&by_bid));
    assert_eq!(books(&scene, &by_bid).await, (42_123_456, 7_000_000, 35_123_456));

    let busy = scene
        .script(161)
        .callee(BEST, CalleeScript::busy())
        .callee(SECOND, CalleeScript::busy())
        .callee(STATIC_TARGET, CalleeScript::answers(3, 95));
    let by_group = scene.call(busy).await;
    assert_eq!(by_group.destinations(), [BEST, SECOND, STATIC_TARGET], "{}", shown(&by_group));
    assert_eq!(books(&scene, &by_group).await, (20_000_000, 7_000_000, 13_000_000));

    let path = format!("/api/target-groups/{group}");
    let (status, problem) = deployment.api("DELETE", &path, None).await;
    assert_eq!((status, &problem["used_by"][0]["id"]), (409, &json!(scene.campaign)), "{problem}");
}

pub async fn hostile_bidders_lose(deployment: &Deployment) {
    let hostile = [
        Bidder { name: "Hanging", scenario: Scenario::Hang, wishes: "" },
        Bidder { name: "Dripping", scenario: Scenario::Drip, wishes: "amount=90" },
        Bidder { name: "Huge", scenario: Scenario::Huge, wishes: "" },
        Bidder { name: "Redirecting", scenario: Scenario::Redirect, wishes: "" },
        Bidder { name: "Garbage", scenario: Scenario::Garbage, wishes: "" },
        Bidder { name: "Honest", scenario: Scenario::Accept, wishes: "amount=5&number=%2B12025550141" },
    ];
    let scene = deployment.scene(&hostile).await;
    let journey = scene.call(scene.script(10).callee(BEST, CalleeScript::answers(3, 95))).await;
    assert_eq!(journey.destinations(), [BEST], "{}", shown(&journey));
    let auctions = scene.read(&journey, "/auction").await;
    let auction = &auctions["items"][0];
    let took = auction["took_ms"].as_u64().unwrap();
    assert!(took < 2_000, "the auction ended at its deadline of 800 ms: {took}");
    for bidder in auction["bidders"].as_array().unwrap() {
        let code = bidder["verdict"]["code"].as_str().unwrap();
        let name = bidder["name"].as_str().unwrap().split(' ').next().unwrap();
        let expected = match name {
            "Honest" => "won",
            "Hanging" | "Dripping" => "timed_out",
            "Garbage" => "malformed",
            _ => "not_reached",
        };
        assert_eq!(code, expected, "{bidder}");
    }
}
