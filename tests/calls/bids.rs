//! From a publisher's ping to the books of the call that it brings: through the real handlers, use cases and store.

use std::collections::BTreeSet;
use std::sync::Arc;

use app::answer_ping::AnswerPing;
use app::ports::{InboundBids, IssuedAddress, PingsOf, Step};
use app::secret::Secret;
use domain::call::{CallStatus, Leg, LegEvent, Source};
use domain::ids::{CallId, PublisherId};
use domain::inbound::{BidVerdict, Reject, RtbAddress, RtbId};
use domain::money::Money;
use domain::routing::TurnedAway;
use domain::voice::{RejectReason, Reply, Verb};
use http::{HeaderMap, Method};
use jiff::SignedDuration;
use runtime::HttpRequest;
use serde_json::{Value, json};
use testkit::fakes::{some_entry, test_vault};
use uuid::Uuid;

use crate::world::{NUMBER_ID, STATIC_TARGET, World};

pub const ANNA: &str = "+14155550100";
pub const BEN: &str = "+14155550101";
pub const OTHER: PublisherId = PublisherId::from_uuid(Uuid::from_u128(88));

pub fn call(number: u32) -> CallId {
    format!("RGB{number:032x}").parse().unwrap()
}

pub fn rejected() -> Reply {
    Reply { verbs: vec![Verb::Reject(RejectReason::Rejected)] }
}

pub fn dials(reply: &Reply) -> bool {
    matches!(reply.verbs[0], Verb::Dial(_))
}

/// A world whose campaign bids 10 for a connected call on its only number; its settings differ in these fields.
pub async fn bidding(rtb: Value) -> World {
    bidding_for(rtb, json!({"caps": {}})).await
}

pub async fn bidding_for(differs: Value, target: Value) -> World {
    let mut rtb = json!({"base_bid": 10_000_000, "pays_on": "connected", "numbers": [NUMBER_ID]});
    for (field, value) in differs.as_object().into_iter().flatten() {
        rtb[field] = value.clone();
    }
    let world = World::differing(json!({"rtb": rtb, "caps": {}}), target).await;
    with_addresses(&world).await;
    world
}

/// An address for pings for each publisher.
pub async fn with_addresses(world: &World) {
    for publisher in [world.publisher, OTHER] {
        let (tenant, campaign) = (world.tenant, world.campaign);
        let address = RtbAddress { tenant, campaign, publisher };
        let new = IssuedAddress { rtb_id: rtb_id(publisher), publisher, issued_at: world.now() };
        let entry = some_entry(tenant, world.now());
        assert!(world.store.issue(&address, &new, None, &entry).await.unwrap());
    }
}

pub fn rtb_id(publisher: PublisherId) -> RtbId {
    publisher.uuid().as_simple().to_string().try_into().unwrap()
}

pub fn function(world: &World) -> Arc<rtb_inbound::Context> {
    let store = world.store.clone();
    Arc::new(rtb_inbound::Context {
        once: store.clone(),
        answer_ping: AnswerPing {
            bidders: world.bidders(),
            outbox: world.outbox(),
            accounts: store.clone(),
            bids: store.clone(),
            published: store.clone(),
            counters: store.clone(),
            blocked: store.clone(),
            calls: store.clone(),
            numbers: store.clone(),
            limiter: store,
            vault: test_vault(),
            clock: world.clock.clone(),
        },
    })
}

pub fn request(environment: &str, publisher: PublisherId, query: &str) -> HttpRequest {
    HttpRequest {
        method: Method::GET,
        raw_path: format!("/v1/{environment}/{}.json", rtb_id(publisher).expose()),
        raw_query: query.to_owned(),
        headers: HeaderMap::new(),
        body: Default::default(),
        request_id: "test".to_owned(),
        source_ip: None,
    }
}

pub async fn ping_as(world: &World, environment: &str, publisher: PublisherId, query: &str) -> Value {
    let answer = rtb_inbound::handle(function(world), request(environment, publisher, query)).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    serde_json::from_slice(&answer.body).unwrap()
}

pub async fn ping(world: &World, caller: &str) -> Value {
    ping_as(world, "production", world.publisher, &format!("CID={}", caller.trim_start_matches('+'))).await
}

async fn secret(world: &World) -> Secret {
    let (vault, id) = (test_vault(), rtb_id(world.publisher));
    app::rtb_addresses::secret(vault.as_ref(), world.tenant, &id).await.unwrap()
}

pub async fn verdict(world: &World, call: CallId) -> Option<BidVerdict> {
    world.record(call).await.call.bid.as_ref().map(|bid| bid.verdict)
}

pub async fn turned_away(world: &World, call: CallId) -> Option<TurnedAway> {
    let record = world.record(call).await;
    let Step::Answered(answered) = &record.steps[0].1 else { panic!("not answered") };
    answered.decisions.turned_away
}

/// The call is talked through for so many seconds and closes.
pub async fn talks(world: &World, call: CallId, seconds: u32) {
    let event = |leg, duration_s| LegEvent {
        leg,
        status: CallStatus::Completed,
        sequence: 3,
        source: Source::Callback,
        at: world.now() + SignedDuration::from_secs(seconds.into()),
        duration_s: Some(duration_s),
        sid: None,
    };
    world.told(call, &event(Leg::Attempt(0), seconds)).await;
    world.told(call, &event(Leg::Caller, seconds + 5)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_by_its_bid_pays_the_bid() {
    let world = bidding(json!({})).await;
    let answer = ping(&world, ANNA).await;
    assert_eq!(answer["bidAmount"], 10, "{answer}");
    assert_eq!(answer["phoneNumber"], world.number.as_str());
    assert_eq!(answer["expireInSeconds"], 60);
    assert!(
        world.usage().await.iter().all(|usage| usage.live == 0 && usage.total == 0),
        "a ping takes no capacity"
    );

    world.clock.advance(59);
    assert!(dials(&world.incoming_from(call(1), ANNA).await));
    talks(&world, call(1), 40).await;
    let record = world.record(call(1)).await;
    let bid = record.call.bid.clone().expect("a bid");
    assert_eq!(bid.id.unwrap().to_string(), answer["bidId"].as_str().unwrap());
    assert_eq!((bid.verdict, bid.amount), (BidVerdict::Honoured, Some(Money::from_units(10))));
    let books = record.closing.expect("closed").settlement;
    assert_eq!((books.revenue, books.payout), (Money::from_units(20), Money::from_units(10)));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_bids_terms_decide_whether_it_is_paid() {
    let world = bidding(json!({"pays_on": {"length": {"seconds": 90}}})).await;
    ping(&world, ANNA).await;
    world.incoming_from(call(1), ANNA).await;
    talks(&world, call(1), 40).await;
    let books = world.record(call(1)).await.closing.expect("closed").settlement;
    assert_eq!((books.revenue, books.payout), (Money::from_units(20), Money::ZERO));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_comes_late_is_refused_or_routed_normally_as_the_campaign_says() {
    for (rule, routed) in [("reject", false), ("route_normally", true)] {
        let world = bidding(json!({"stale": rule})).await;
        ping(&world, ANNA).await;
        world.clock.advance(60);
        let reply = world.incoming_from(call(1), ANNA).await;
        assert_eq!(dials(&reply), routed, "{rule}: {reply:?}");
        assert_eq!(reply == rejected(), !routed);
        assert_eq!(verdict(&world, call(1)).await, Some(BidVerdict::Late));
        let away = turned_away(&world, call(1)).await;
        assert_eq!(away, (!routed).then_some(TurnedAway::StaleBid(BidVerdict::Late)));
        if routed {
            talks(&world, call(1), 40).await;
            let books = world.record(call(1)).await.closing.expect("closed").settlement;
            assert_eq!(books.payout, Money::from_units(12), "the campaign's 60 % of 20, not the bid");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_caller_without_a_bid_is_a_stale_one_on_a_number_for_bids() {
    let world = bidding(json!({})).await;
    ping(&world, ANNA).await;
    assert_eq!(world.incoming_from(call(1), BEN).await, rejected(), "the wrong caller");
    assert_eq!(world.incoming_from(call(2), "anonymous").await, rejected(), "no caller");
    assert_eq!(verdict(&world, call(1)).await, Some(BidVerdict::Unknown));
    assert!(dials(&world.incoming_from(call(3), ANNA).await), "the bid is still there for whom it was given");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_ping_again_gets_the_same_bid_until_it_ends_or_is_used() {
    let world = bidding(json!({})).await;
    let first = ping(&world, ANNA).await;
    assert_eq!(first.get("warnings"), None, "{first}");
    world.clock.advance(21);
    let again = ping(&world, ANNA).await;
    assert_eq!((&again["bidId"], &again["expireInSeconds"]), (&first["bidId"], &json!(39)));
    assert_eq!(again["warnings"][0]["code"], 230);
    assert_eq!(again["bidExpireEpoch"], first["bidExpireEpoch"]);

    world.incoming_from(call(1), ANNA).await;
    let used = ping(&world, ANNA).await;
    assert_ne!(used["bidId"], first["bidId"], "a bid that was used is not given again");
    world.clock.advance(60);
    let late = ping(&world, ANNA).await;
    assert_ne!(late["bidId"], used["bidId"], "nor one that has ended");
    assert_eq!(late["expireInSeconds"], 60);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bid_is_used_once() {
    let world = bidding(json!({})).await;
    ping(&world, ANNA).await;
    let first = world.incoming_from(call(1), ANNA).await;
    assert!(dials(&first));
    assert_eq!(world.incoming_from(call(2), ANNA).await, rejected());
    assert_eq!(verdict(&world, call(2)).await, Some(BidVerdict::Used));
    assert_eq!(world.incoming_from(call(1), ANNA).await, first, "a repeat of the webhook is the same call");
}

#[tokio::test(flavor = "multi_thread")]
async fn of_calls_at_the_same_moment_one_has_the_bid() {
    for (rule, routed) in [("reject", false), ("route_normally", true)] {
        let world = bidding(json!({"stale": rule})).await;
        ping(&world, ANNA).await;
        let calls = (1..=6).map(|number| world.incoming_from(call(number), ANNA));
        let replies = futures::future::join_all(calls).await;
        let mut honoured = 0;
        for (number, reply) in (1..).zip(&replies) {
            match verdict(&world, call(number)).await {
                Some(BidVerdict::Honoured) => honoured += 1,
                Some(BidVerdict::Used) => assert_eq!(dials(reply), routed, "{rule}: {reply:?}"),
                other => panic!("{rule}: {other:?}"),
            }
        }
        assert_eq!(honoured, 1, "{rule}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn same_pings_at_the_same_moment_get_one_bid() {
    let world = bidding(json!({})).await;
    let answers = futures::future::join_all((0..12).map(|_| ping(&world, ANNA))).await;
    let ids: BTreeSet<&str> = answers.iter().map(|answer| answer["bidId"].as_str().unwrap()).collect();
    assert_eq!(ids.len(), 1, "{answers:#?}");
    assert!(answers.iter().all(|answer| answer["bidAmount"] == 10));
}

#[tokio::test(flavor = "multi_thread")]
async fn one_number_serves_many_callers_each_with_a_promise_of_their_own() {
    let world = bidding(json!({})).await;
    let callers: Vec<String> = (0..12).map(|number| format!("+141555502{number:02}")).collect();
    let answers = futures::future::join_all(callers.iter().map(|caller| ping(&world, caller))).await;
    let ids: BTreeSet<&str> = answers.iter().map(|answer| answer["bidId"].as_str().unwrap()).collect();
    assert_eq!(ids.len(), callers.len());
    for (number, (caller, answer)) in (1..).zip(callers.iter().zip(&answers)) {
        assert_eq!(answer["phoneNumber"], world.number.as_str());
        world.incoming_from(call(number), caller).await;
        let bid = world.record(call(number)).await.call.bid.clone().expect("a bid");
        assert_eq!(bid.id.unwrap().to_string(), answer["bidId"].as_str().unwrap());
        assert_eq!(bid.verdict, BidVerdict::Honoured);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_number_is_promised_to_one_publisher_for_one_caller() {
    let world = bidding(json!({})).await;
    let first = ping(&world, ANNA).await;
    let other = ping_as(&world, "production", OTHER, "CID=14155550100").await;
    assert_eq!(other["rejectReason"], "No capacity (Code: 1003)", "there is one number only: {other}");
    let another_caller = ping_as(&world, "production", OTHER, "CID=14155550101").await;
    assert_eq!(another_caller["bidAmount"], 10);

    world.incoming_from(call(1), ANNA).await;
    world.incoming_from(call(2), BEN).await;
    let publishers =
        [world.record(call(1)).await, world.record(call(2)).await].map(|record| record.call.publisher);
    assert_eq!(
        publishers,
        [Some(world.publisher), Some(OTHER)],
        "whoever was given the bid is paid; {first}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_paused_publisher_is_refused_although_the_number_is_anothers() {
    let world = bidding(json!({})).await;
    ping_as(&world, "production", OTHER, "CID=14155550101").await;
    app::ports::Counters::set_paused(&*world.store, world.tenant, &OTHER.into(), true).await.unwrap();
    let reply = world.incoming_from(call(1), BEN).await;
    assert!(!dials(&reply));
    assert_eq!(turned_away(&world, call(1)).await, Some(TurnedAway::PublisherPaused));
    assert_eq!(verdict(&world, call(1)).await, Some(BidVerdict::Refused));
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_caller_a_bid_has_a_number_of_its_own_which_rests_afterwards() {
    let world = bidding(json!({"numbers": [], "exclusive_numbers": [NUMBER_ID]})).await;
    let ask = |id: u32| {
        let (world, query) = (&world, format!("zip=94105&publisherInboundCallId={id}"));
        async move { ping_as(world, "production", world.publisher, &query).await }
    };
    let answers = futures::future::join_all((0..8).map(ask)).await;
    let given = answers.iter().filter(|answer| answer["bidAmount"] == 10).count();
    assert_eq!(given, 1, "{answers:#?}");
    world.clock.advance(119);
    assert_eq!(ask(20).await["rejectReason"], "No capacity (Code: 1003)", "the number rests for a minute");
    world.clock.advance(1);
    let next = ask(21).await;
    assert_eq!(next["bidAmount"], 10);
    assert_eq!(next["warnings"][0]["code"], 200);
    assert!(dials(&world.incoming_from(call(1), BEN).await), "whoever calls");
    assert_eq!(verdict(&world, call(1)).await, Some(BidVerdict::Honoured));
    assert_eq!(ask(22).await["bidAmount"], 10, "a number whose bid was used is free");
}

#[tokio::test(flavor = "multi_thread")]
async fn capacity_that_is_gone_when_the_call_comes_is_the_bids_end() {
    for rule in ["reject", "route_normally"] {
        let world = bidding_for(json!({"stale": rule}), json!({"caps": {"concurrent": 1}})).await;
        ping(&world, ANNA).await;
        ping(&world, BEN).await;
        assert!(dials(&world.incoming_from(call(1), BEN).await));
        let reply = world.incoming_from(call(2), ANNA).await;
        assert!(!dials(&reply), "{reply:?}");
        assert_eq!(reply == rejected(), rule == "reject", "{reply:?}");
        assert_eq!(verdict(&world, call(2)).await, Some(BidVerdict::CapacityGone));
        assert_eq!(ping(&world, "+14155550102").await["rejectReason"], "No capacity (Code: 1003)");

        talks(&world, call(1), 40).await;
        assert!(
            dials(&world.incoming_from(call(3), ANNA).await),
            "a caller who tries again still has the bid"
        );
        assert_eq!(verdict(&world, call(3)).await, Some(BidVerdict::Honoured));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_target_that_asks_for_a_tag_of_the_ping_takes_the_call_that_the_ping_brings() {
    let filter = json!({"tag": "User:plan", "is": "equals", "value": "gold"});
    let world = bidding_for(json!({}), json!({"caps": {}, "filter": filter})).await;
    let blue = ping_as(&world, "production", world.publisher, "CID=14155550101&plan=blue").await;
    assert_eq!(blue["rejectReason"], "Final capacity check (Code: 1006)");
    ping_as(&world, "production", world.publisher, "CID=14155550100&Plan=GOLD&zip=94105").await;
    assert!(dials(&world.incoming_from(call(1), ANNA).await));
    assert_eq!(world.record(call(1)).await.call.from_zip.as_deref(), Some("94105"));
}

#[tokio::test(flavor = "multi_thread")]
async fn pings_beyond_the_limit_are_refused_exactly() {
    let world = bidding(json!({"rate_limit": {"max_requests": 5}})).await;
    let callers = (0..12).map(|number| format!("+141555502{number:02}"));
    let asked = callers.map(|caller| {
        let world = &world;
        async move { ping(world, &caller).await }
    });
    let answers = futures::future::join_all(asked).await;
    let given = answers.iter().filter(|answer| answer["bidAmount"] == 10).count();
    assert_eq!(given, 5, "{answers:#?}");
    assert!(answers.iter().all(|answer| {
        answer["bidAmount"] == 10 || answer["rejectReason"] == "Rate-limited (Code: 1024)"
    }));
    world.clock.advance(60);
    assert_eq!(ping(&world, BEN).await["bidAmount"], 10, "the next minute");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_test_gives_no_number_that_rings_and_promises_nothing() {
    let world = bidding(json!({"stale": "reject"})).await;
    for (environment, code) in [("test", 220), ("SANDBOX", 222)] {
        let answer = ping_as(&world, environment, world.publisher, "CID=14155550100").await;
        assert_eq!(answer["phoneNumber"], "+12025550100", "{answer}");
        assert_eq!(answer["warnings"][0]["code"], code);
    }
    assert_eq!(world.incoming_from(call(1), ANNA).await, rejected());
    assert_eq!(verdict(&world, call(1)).await, Some(BidVerdict::Unknown));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_ordinary_number_takes_ordinary_calls() {
    let world = World::differing(json!({}), json!({})).await;
    assert!(dials(&world.incoming_from(call(1), ANNA).await));
    assert_eq!(verdict(&world, call(1)).await, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_ping_stands_in_the_log_without_the_callers_number() {
    let world = bidding(json!({})).await;
    ping(&world, ANNA).await;
    world.clock.advance(1);
    ping(&world, ANNA).await;
    app::ports::Counters::set_paused(&*world.store, world.tenant, &STATIC_TARGET.into(), true).await.unwrap();
    world.clock.advance(1);
    ping_as(&world, "production", OTHER, "CID=14155550101&zip=94105").await;
    let day = world.now().to_zoned(jiff::tz::TimeZone::UTC).date();
    let list = |of, cursor: Option<String>, limit| {
        let world = &world;
        async move { world.store.pings(world.tenant, of, day, cursor.as_deref(), limit).await.unwrap() }
    };
    let all = list(PingsOf::Campaign(world.campaign), None, 10).await;
    let seen: Vec<_> = all.items.iter().map(|line| (line.cached, line.rejected, line.amount)).collect();
    let ten = Some(Money::from_units(10));
    assert_eq!(seen, [(false, Some(Reject::NoCapacity), None), (true, None, ten), (false, None, ten)]);
    assert_eq!(all.items[0].why.as_deref(), Some("paused"));
    assert_eq!(all.items[0].parameters, ["cid", "zip"]);
    assert_eq!(all.items[0].caller.as_deref(), Some("415***0101"));
    let text = serde_json::to_string(&all.items).unwrap();
    assert!(!text.contains("4155550101") && !text.contains("94105"), "{text}");

    assert_eq!(list(PingsOf::Publisher(OTHER), None, 10).await.items.len(), 1);
    let first = list(PingsOf::Publisher(world.publisher), None, 1).await;
    let second = list(PingsOf::Publisher(world.publisher), first.next.clone(), 1).await;
    assert!(first.items[0].cached && !second.items[0].cached && second.next.is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_must_prove_themselves_is_refused_before_the_ping_is_read() {
    let world = bidding(json!({"authentication": "bearer"})).await;
    let secret = secret(&world).await;
    let send = |header: Option<String>| {
        let mut request = request("production", world.publisher, "CID=14155550100");
        if let Some(header) = header {
            request.headers.insert("authorization", header.parse().unwrap());
        }
        rtb_inbound::handle(function(&world), request)
    };
    assert_eq!(send(None).await.status, 401);
    assert_eq!(send(Some("Bearer wrong".to_owned())).await.status, 403);
    assert_eq!(send(Some(format!("Bearer {}", secret.expose()))).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signature_covers_the_very_bytes_and_is_good_once() {
    let world = bidding(json!({"authentication": "hmac"})).await;
    let secret = secret(&world).await;
    let now = world.now().as_second();
    let send = |at: i64, signed: &str, sent: &str, query: &str| {
        let mut request = request("production", world.publisher, query);
        request.method = Method::POST;
        request.body = sent.to_owned().into();
        request.headers.insert("content-type", "application/json".parse().unwrap());
        request.headers.insert("x-rtb-timestamp", at.to_string().parse().unwrap());
        let signature = rtb_inbound::proof::sign(secret.expose(), &at.to_string(), signed.as_bytes());
        request.headers.insert("x-rtb-signature", signature.parse().unwrap());
        let answering = rtb_inbound::handle(function(&world), request);
        async move { answering.await.status }
    };
    let body = r#"{"CID":"14155550100"}"#;
    assert_eq!(send(now, body, r#"{"CID": "14155550100"}"#, "").await, 403, "respaced");
    assert_eq!(send(now - 301, body, body, "").await, 401, "too old");
    assert_eq!(send(now + 301, body, body, "").await, 401, "too new");
    assert_eq!(send(now, body, body, "plan=gold").await, 401, "a query that nobody signed");
    assert_eq!(send(now, body, body, "").await, 200);
    assert_eq!(send(now, body, body, "").await, 403, "again");
    assert_eq!(send(now - 299, body, body, "").await, 200);
}

#[test]
fn a_signature_is_made_as_written() {
    let body = br#"{"CID":"15557779999","zipcode":"12345"}"#;
    let signature = rtb_inbound::proof::sign("test-secret", "1700000000", body);
    assert_eq!(signature, "7FDcfv0IGWOudgkMy8v/m808fM7Wat3r7OSFl+zu460=");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_address_takes_the_place_of_the_one_before() {
    let world = bidding(json!({})).await;
    let (tenant, campaign, publisher) = (world.tenant, world.campaign, world.publisher);
    let issued = world.store.addresses(tenant, campaign).await.unwrap();
    assert_eq!(issued.len(), 2);
    let before = issued.iter().find(|issued| issued.publisher == publisher).unwrap();
    world.clock.advance(1);
    let address = RtbAddress { tenant, campaign, publisher };
    let rtb_id: RtbId = "ab".repeat(16).try_into().unwrap();
    let new = IssuedAddress { rtb_id: rtb_id.clone(), publisher, issued_at: world.now() };
    let entry = some_entry(tenant, world.now());
    assert!(world.store.issue(&address, &new, Some(before), &entry).await.unwrap());
    let late = IssuedAddress { rtb_id: "cd".repeat(16).try_into().unwrap(), ..new.clone() };
    let entry = some_entry(tenant, world.now());
    assert!(!world.store.issue(&address, &late, Some(before), &entry).await.unwrap(), "somebody was faster");

    let old = rtb_inbound::handle(function(&world), request("production", publisher, "")).await;
    assert_eq!(old.status, 404);
    assert_eq!(world.store.address(&rtb_id).await.unwrap(), Some(address));
}
