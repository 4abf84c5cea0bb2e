//! Bids that pass on what our own bidders would pay: from the publisher's ping, through their auction, to the call's books.

use std::time::{Duration, Instant};

use app::ports::{AskedFor, Counters};
use domain::auction::BidRequest;
use domain::ids::RtbTargetId;
use domain::inbound::BidVerdict;
use domain::money::Money;
use domain::phone::Destination;
use domain::routing::{Passed, TurnedAway};
use domain::snapshot::Parts;
use domain::voice::{Reply, Verb};
use serde_json::{Value, json};
use testkit::faults::{Fault, Rule};
use uuid::Uuid;

use crate::bids::{
    ANNA, BEN, call, dials, ping, ping_as, rejected, talks, turned_away, verdict, with_addresses,
};
use crate::world::{NUMBER_ID, STATIC_TARGET, World};

fn id(number: u128) -> RtbTargetId {
    RtbTargetId::from_uuid(Uuid::from_u128(number))
}

/// A bidder at this path, which ends in what it bids.
fn bidder(path: &str, differs: Value) -> Value {
    let mut body = json!({
        "name": format!("Bidder {path}"), "url": format!("https://bidder.example.com{path}"), "body": "{}",
        "answer": {"acceptance": ["$.accepted"], "amount": ["$.bidAmount"], "destination": ["$.phoneNumber"]},
        "caps": {}
    });
    for (field, value) in differs.as_object().into_iter().flatten() {
        body[field] = value.clone();
    }
    body
}

/// The campaign's own settings of a pass-through with 20 % margin, which differ in these fields; and its bidders, 4 and on,
/// who stand before the static target, which pays 20.
fn campaign(rtb: Value, bidders: Vec<Value>) -> (Value, Parts) {
    let mut settings = json!({
        "numbers": [NUMBER_ID],
        "pass_through": {"max_bid": 100_000_000, "margin": {"percent": 2_000}, "deadline_ms": 400}
    });
    for (field, value) in rtb.as_object().into_iter().flatten() {
        match field.as_str() {
            "stale" | "pays_on" => settings[field] = value.clone(),
            _ => settings["pass_through"][field] = value.clone(),
        }
    }
    let ids = (4..).map(id);
    let rtb_targets = ids.zip(bidders).map(|(id, body)| (id, serde_json::from_value(body).unwrap()));
    let parts = Parts { rtb_targets: rtb_targets.collect(), ..Parts::default() };
    let entries: Vec<Value> = parts.rtb_targets.keys().map(|id| json!({"rtb_target": id})).collect();
    (json!({"rtb": settings, "caps": {}, "auction": {"bidders": entries}}), parts)
}

async fn world(rtb: Value, bidders: Vec<Value>) -> World {
    let (campaign, parts) = campaign(rtb, bidders);
    let world = World::with_parts(campaign, parts).await;
    with_addresses(&world).await;
    world
}

fn forty_and_thirty() -> Vec<Value> {
    vec![bidder("/30", json!({})), bidder("/40", json!({}))]
}

fn sent(world: &World) -> Vec<BidRequest> {
    world.asked.lock().unwrap().clone()
}

fn dialled(reply: &Reply) -> Option<String> {
    let Verb::Dial(dial) = &reply.verbs[0] else { return None };
    let Destination::Number(number) = &dial.nouns[0].destination else { return None };
    Some(number.as_str().to_owned())
}

/// Who was passed over at a step, and why.
async fn passed(world: &World, step: usize) -> Vec<(String, Option<Passed>)> {
    let record = world.record(call(1)).await;
    let app::ports::Step::Answered(answered) = &record.steps[step].1 else { panic!("not answered") };
    answered.decisions.each.iter().map(|decision| (decision.name.clone(), decision.passed.clone())).collect()
}

fn margin(pays: i32) -> Option<Passed> {
    let (pays, bid, least) = (Some(Money::from_units(pays)), Money::from_units(32), Money::ZERO);
    Some(Passed::Margin { pays, bid, least })
}

#[tokio::test(flavor = "multi_thread")]
async fn the_bid_is_what_the_best_bidder_pays_less_the_margin_and_the_call_goes_to_it_at_once() {
    let world = world(json!({}), forty_and_thirty()).await;
    let answer = ping(&world, ANNA).await;
    assert_eq!(answer["bidAmount"], 32, "{answer}");
    assert_eq!(sent(&world).len(), 2);

    let reply = world.incoming_from(call(1), ANNA).await;
    assert_eq!(dialled(&reply).as_deref(), Some("+12025550140"), "{reply:?}");
    assert_eq!(sent(&world).len(), 2, "nobody is asked again");
    talks(&world, call(1), 40).await;
    let record = world.record(call(1)).await;
    let books = record.closing.expect("closed").settlement;
    assert_eq!((books.revenue, books.payout), (Money::from_units(40), Money::from_units(32)));
    assert_eq!(record.auctions.len(), 1, "the auction of the ping is the call's");
    let logged = world.logged.lock().unwrap().clone();
    assert!(logged.len() == 2 && logged.iter().all(|entry| entry.asked_for == AskedFor::Ping), "{logged:?}");
    assert!(
        logged.iter().all(|entry| entry.auction == record.auctions[0].id),
        "the log is found by the call"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_goes_to_nobody_who_leaves_less_than_the_margin() {
    let world = world(json!({}), forty_and_thirty()).await;
    ping(&world, ANNA).await;
    world.store.set_paused(world.tenant, &id(5).into(), true).await.unwrap();
    assert_eq!(world.incoming_from(call(1), ANNA).await, rejected());
    assert_eq!(
        passed(&world, 0).await,
        [
            ("Bidder /40".to_owned(), Some(Passed::Paused)),
            ("Bidder /30".to_owned(), margin(30)),
            ("Static target".to_owned(), margin(20)),
        ]
    );
    let words = margin(30).unwrap().text();
    assert_eq!(words, "it pays 30.00: too little for a margin of 0.00 on the bid of 32.00");
    assert_eq!(verdict(&world, call(1)).await, Some(BidVerdict::CapacityGone));
}

#[tokio::test(flavor = "multi_thread")]
async fn where_a_loss_is_allowed_the_call_goes_to_the_next() {
    let world = world(json!({"allow_loss": true}), forty_and_thirty()).await;
    assert_eq!(ping(&world, ANNA).await["bidAmount"], 32);
    world.store.set_paused(world.tenant, &id(5).into(), true).await.unwrap();
    assert_eq!(dialled(&world.incoming_from(call(1), ANNA).await).as_deref(), Some("+12025550130"));
}

#[tokio::test(flavor = "multi_thread")]
async fn when_the_promised_bidder_does_not_answer_the_margin_still_holds() {
    let world = world(
        json!({"min_margin": 3_000_000}),
        vec![bidder("/30", json!({})), bidder("/36", json!({})), bidder("/40", json!({}))],
    )
    .await;
    ping(&world, ANNA).await;
    assert_eq!(dialled(&world.incoming_from(call(1), ANNA).await).as_deref(), Some("+12025550140"));
    let ended = |dial| app::dial_next::DialEnded {
        caller: domain::call::CallStatus::InProgress,
        dial,
        child: None,
        talked_s: None,
    };
    let busy = ended(domain::call::CallStatus::Busy);
    let reply = world.dial_result(call(1), 1, &busy).await;
    assert_eq!(dialled(&reply).as_deref(), Some("+12025550136"), "4.00 are left of it");
    let reply = world.dial_result(call(1), 2, &busy).await;
    assert_eq!(dialled(&reply), None, "of 30.00 nothing would be left: {reply:?}");
    assert_eq!(
        verdict(&world, call(1)).await,
        Some(BidVerdict::Honoured),
        "it was dialled: there was capacity"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn when_no_bid_is_good_any_more_bidders_are_asked_again() {
    let world = world(json!({}), vec![bidder("/brief/40", json!({}))]).await;
    assert_eq!(ping(&world, ANNA).await["bidAmount"], 32);
    world.clock.advance(30);
    let reply = world.incoming_from(call(1), ANNA).await;
    assert!(matches!(reply.verbs[0], Verb::Redirect(_)), "{reply:?}");
    assert_eq!(dialled(&world.auction(call(1), 1).await).as_deref(), Some("+12025550140"));
    assert_eq!(sent(&world).len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bidder_that_wants_to_be_asked_twice_confirms_when_the_call_comes_and_not_before() {
    for (says, goes_to) in [("yes", Some("+12025550140")), ("no", None)] {
        let confirmation = json!({
            "enabled": true, "required": true, "url": format!("https://bidder.example.com/confirm/{says}"),
            "body": "{}", "acceptance": [{"json_path": "$.accepted"}]
        });
        let world = world(json!({}), vec![bidder("/40", json!({"confirmation": confirmation}))]).await;
        assert_eq!(ping(&world, ANNA).await["bidAmount"], 32);
        assert_eq!(sent(&world).len(), 1, "a ping confirms nothing");
        let reply = world.incoming_from(call(1), ANNA).await;
        assert!(matches!(reply.verbs[0], Verb::Redirect(_)), "{reply:?}");
        let reply = world.auction(call(1), 1).await;
        assert_eq!(dialled(&reply).as_deref(), goes_to, "{says}: {reply:?}");
        assert_eq!(sent(&world).len(), 2, "{says}");
        if says == "no" {
            assert_eq!(reply, rejected());
            assert_eq!(verdict(&world, call(1)).await, Some(BidVerdict::CapacityGone));
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_publisher_waits_for_no_bidder_longer_than_the_campaign_says() {
    let slow = vec![bidder("/slow/90", json!({"timeout_ms": 5_000})), bidder("/30", json!({}))];
    let world = world(json!({"deadline_ms": 150}), slow).await;
    let began = Instant::now();
    assert_eq!(ping(&world, ANNA).await["bidAmount"], 24);
    assert!(began.elapsed() < Duration::from_secs(1), "{:?}", began.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_test_asks_bidders_and_leaves_no_trace() {
    let limited = vec![bidder("/40", json!({"rate_limits": {"per_minute": 1}}))];
    let world = world(json!({}), limited).await;
    for _ in 0..3 {
        let answer = ping_as(&world, "test", world.publisher, "CID=14155550100").await;
        assert_eq!(answer["bidAmount"], 32, "{answer}");
    }
    assert!(world.logged.lock().unwrap().is_empty());
    assert_eq!(ping(&world, ANNA).await["bidAmount"], 32, "the place in its limit is still free");
    assert_eq!(ping(&world, BEN).await["bidAmount"], 16, "and is taken now: what the static target pays");
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_calls_with_one_bid_only_one_goes_where_it_was_promised() {
    for rule in ["reject", "route_normally"] {
        let world = world(json!({"stale": rule}), forty_and_thirty()).await;
        ping(&world, ANNA).await;
        let (one, other) =
            futures::join!(world.incoming_from(call(1), ANNA), world.incoming_from(call(2), ANNA));
        let dialling = [&one, &other].iter().filter(|reply| dials(reply)).count();
        assert_eq!(dialling, 1, "{rule}: {one:?} {other:?}");
        let second = if dials(&one) { 2 } else { 1 };
        assert_eq!(verdict(&world, call(second)).await, Some(BidVerdict::Used));
        let record = world.record(call(second)).await;
        assert!(record.auctions.is_empty(), "what was promised is the other one's");
        if rule == "reject" {
            let away = turned_away(&world, call(second)).await;
            assert_eq!(away, Some(TurnedAway::StaleBid(BidVerdict::Used)));
        } else {
            let reply = world.auction(call(second), 1).await;
            assert!(dials(&reply), "an ordinary call has its own auction: {reply:?}");
            assert_eq!(sent(&world).len(), 4);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_target_pays_is_passed_on_too_and_that_target_comes_first() {
    let (mut campaign, parts) = campaign(json!({}), Vec::new());
    // Its margin must be kept: the bid is 16.00 of 20.00.
    campaign["plan"] = json!([{"target": STATIC_TARGET}]);
    let world = World::with_parts(campaign, parts).await;
    with_addresses(&world).await;
    assert_eq!(ping(&world, ANNA).await["bidAmount"], 16);
    assert_eq!(dialled(&world.incoming_from(call(1), ANNA).await).as_deref(), Some("+12025550199"));
    talks(&world, call(1), 40).await;
    let books = world.record(call(1)).await.closing.expect("closed").settlement;
    assert_eq!((books.revenue, books.payout), (Money::from_units(20), Money::from_units(16)));
}

/// In round trips one after the other: the address and the published version are read, then everything else at once, then the
/// number's owner, the promise and the line of the log. Bidders that limit requests cost one more; a call that comes with an
/// auction costs one more than another, for the counters of whom it may dial.
#[tokio::test(flavor = "multi_thread")]
async fn round_trips_of_a_ping_and_of_its_call() {
    for (limits, of_ping) in [(json!({}), 6), (json!({"per_minute": 100}), 7)] {
        let (campaign, parts) = campaign(json!({}), vec![bidder("/40", json!({"rate_limits": limits}))]);
        let (world, proxy) = World::with_parts_behind_faults(campaign, parts).await;
        world.leave_pool().await;
        with_addresses(&world).await;
        ping(&world, BEN).await;
        world.incoming_from(call(9), BEN).await;
        proxy.inject(Rule::always(Fault::Delay(Duration::from_millis(120))));
        let since = Instant::now();
        assert_eq!(ping(&world, ANNA).await["bidAmount"], 32);
        assert_eq!(proxy.sequential_rounds(since), of_ping, "{:#?}", proxy.seen());
        let since = Instant::now();
        assert!(dials(&world.incoming_from(call(1), ANNA).await));
        assert_eq!(proxy.sequential_rounds(since), 4, "{:#?}", proxy.seen());
    }
}
