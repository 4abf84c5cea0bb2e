//! Bids that are answered with a SIP address, and the calls to it: through the real handlers, use cases and store.

use std::time::{Duration, Instant};

use app::answer_call::{Answer, NotTaken};
use app::ports::SipSetUp;
use domain::ids::TenantId;
use domain::inbound::BidVerdict;
use domain::money::Money;
use domain::routing::TurnedAway;
use domain::voice::{Reply, Verb};
use serde_json::{Value, json};
use testkit::faults::{Fault, Rule};
use uuid::Uuid;

use crate::bids::{
    ANNA, BEN, OTHER, bidding, call, dials, ping_as, rejected, talks, turned_away, verdict, with_addresses,
};
use crate::world::{NUMBER_ID, World};

const HOST: &str = "ccp-0123456789ab.sip.twilio.com";
/// As a publisher's system calls for Anna.
const FROM_ANNA: &str = "sip:+14155550100@sip.publisher.example";

fn set_up() -> SipSetUp {
    SipSetUp {
        domain: HOST.to_owned(),
        leads_here: true,
        addresses: vec!["54.172.60.0/30".parse().unwrap()],
        users: Vec::new(),
        missing: Vec::new(),
        ends: false,
    }
}

/// A world as in `bids`, whose account takes calls by SIP.
async fn with_sip(rtb: Value) -> World {
    let world = bidding(rtb).await;
    world.set_sip_up(set_up()).await;
    world
}

/// The answer to a publisher who can send calls by SIP.
async fn ping(world: &World, caller: &str) -> Value {
    let query = format!("CID={}&sipOk=yes", caller.trim_start_matches('+'));
    ping_as(world, "production", world.publisher, &query).await
}

fn address(answer: &Value) -> String {
    format!("sip:{}", answer["sipAddress"].as_str().unwrap_or_else(|| panic!("no address: {answer}")))
}

/// A call as the use case is told of it: whom it is from is a number by then.
async fn calls(world: &World, number: u32, from: &str, to: &str) -> Reply {
    match world.try_incoming_at(call(number), from, to, world.tenant).await.unwrap() {
        Answer::Taken(reply) => reply,
        other => panic!("the call was not taken: {other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_to_the_address_of_its_bid_pays_the_bid() {
    let world = with_sip(json!({})).await;
    let answer = ping(&world, ANNA).await;
    let id = answer["bidId"].as_str().unwrap();
    assert_eq!(answer["sipAddress"], format!("{id}@{HOST}"), "{answer}");
    assert_eq!(answer.get("phoneNumber"), None, "whoever can do SIP is given no number: {answer}");

    let reply = calls(&world, 1, ANNA, &address(&answer)).await;
    let Verb::Dial(dial) = &reply.verbs[0] else { panic!("{reply:?}") };
    let shown = dial.caller_id.as_ref().map(|number| number.as_str());
    assert_eq!(shown, Some(world.number.as_str()), "Twilio shows nothing else for a call that came by SIP");
    talks(&world, call(1), 40).await;
    let record = world.record(call(1)).await;
    assert_eq!((record.call.to.as_str(), record.call.number), (address(&answer).as_str(), None));
    assert_eq!(record.call.publisher, Some(world.publisher));
    assert_eq!(verdict(&world, call(1)).await, Some(BidVerdict::Honoured));
    let books = record.closing.expect("closed").settlement;
    assert_eq!((books.revenue, books.payout), (Money::from_units(20), Money::from_units(10)));
}

#[tokio::test(flavor = "multi_thread")]
async fn no_address_is_given_before_somebody_is_let_in_or_after_the_domain_ends() {
    let nobody = SipSetUp { addresses: Vec::new(), ..set_up() };
    let elsewhere = SipSetUp { leads_here: false, ..set_up() };
    let ending = SipSetUp { ends: true, ..set_up() };
    for not_offered in [None, Some(nobody), Some(elsewhere), Some(ending)] {
        let world = bidding(json!({})).await;
        if let Some(set_up) = not_offered.clone() {
            world.set_sip_up(set_up).await;
        }
        let answer = ping(&world, ANNA).await;
        assert_eq!(answer.get("sipAddress"), None, "{not_offered:?}: {answer}");
        assert_eq!(answer["phoneNumber"], world.number.as_str());

        let world = bidding(json!({"sip_only": true})).await;
        if let Some(set_up) = not_offered {
            world.set_sip_up(set_up).await;
        }
        assert_eq!(ping(&world, ANNA).await["rejectReason"], "No capacity (Code: 1003)");
    }
    let world = with_sip(json!({"sip_only": true})).await;
    let answer = ping_as(&world, "production", world.publisher, "CID=14155550100").await;
    assert_eq!((answer.get("phoneNumber"), answer["bidAmount"].as_i64()), (None, Some(10)), "{answer}");
    assert!(answer["sipAddress"].is_string());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bid_that_is_not_good_for_the_call_follows_the_rule_for_stale_ones() {
    for (rule, routed) in [("reject", false), ("route_normally", true)] {
        let world = with_sip(json!({"stale": rule})).await;
        let expect = |reply: Reply, number: u32, reason: BidVerdict| {
            let world = &world;
            async move {
                assert_eq!(dials(&reply), routed, "{rule}: {reply:?}");
                assert_eq!(reply == rejected(), !routed);
                assert_eq!(verdict(world, call(number)).await, Some(reason), "{rule}");
                let away = turned_away(world, call(number)).await;
                assert_eq!(away, (!routed).then_some(TurnedAway::StaleBid(reason)), "{rule}");
            }
        };
        let to = address(&ping(&world, ANNA).await);
        expect(calls(&world, 1, BEN, &to).await, 1, BidVerdict::WrongCaller).await;
        expect(calls(&world, 2, "anonymous", &to).await, 2, BidVerdict::WrongCaller).await;
        assert!(dials(&calls(&world, 3, ANNA, &to).await), "the bid is still there for whom it was given");
        expect(calls(&world, 4, ANNA, &to).await, 4, BidVerdict::Used).await;
        let late = address(&ping(&world, BEN).await);
        world.clock.advance(60);
        expect(calls(&world, 5, BEN, &late).await, 5, BidVerdict::Late).await;
        assert_eq!(world.record(call(5)).await.call.publisher, Some(world.publisher));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_of_no_bid_is_told_so_in_words() {
    let world = with_sip(json!({})).await;
    for user in ["RTB00000000000000000000000000000001", "sales", "RTB1"] {
        let to = format!("sip:{user}@{HOST}");
        let answer = world.try_incoming_at(call(1), ANNA, &to, world.tenant).await.unwrap();
        let Answer::NotTaken(reply, why) = answer else { panic!("{answer:?}") };
        assert_eq!(why, NotTaken::UnknownBid, "{user}");
        assert!(matches!(reply.verbs[..], [Verb::Say(_), Verb::Hangup]), "{reply:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bid_is_no_use_to_another_tenants_account() {
    let world = with_sip(json!({})).await;
    let to = address(&ping(&world, ANNA).await);
    let stranger = TenantId::from_uuid(Uuid::from_u128(666));
    let answer = world.try_incoming_at(call(1), ANNA, &to, stranger).await.unwrap();
    assert_eq!(answer, Answer::WrongAccount);
    assert!(dials(&calls(&world, 2, ANNA, &to).await), "nor is it used up");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bid_with_a_number_and_an_address_is_used_once_whichever_is_called() {
    for by_number_first in [true, false] {
        let world = with_sip(json!({})).await;
        let answer = ping_as(&world, "production", world.publisher, "CID=14155550100").await;
        assert_eq!(answer["phoneNumber"], world.number.as_str(), "{answer}");
        assert_eq!(answer["warnings"][0]["code"], 205, "SIP is preferred");
        let to = address(&answer);
        if by_number_first {
            assert!(dials(&world.incoming_from(call(1), ANNA).await));
            assert_eq!(calls(&world, 2, ANNA, &to).await, rejected());
        } else {
            assert!(dials(&calls(&world, 1, ANNA, &to).await));
            assert_eq!(world.incoming_from(call(2), ANNA).await, rejected());
        }
        assert_eq!(verdict(&world, call(1)).await, Some(BidVerdict::Honoured));
        assert_eq!(verdict(&world, call(2)).await, Some(BidVerdict::Used));
        let next = ping(&world, ANNA).await;
        assert_ne!(next["bidId"], answer["bidId"], "and not given again");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_calls_at_the_same_moment_one_has_the_bid() {
    let world = with_sip(json!({})).await;
    let to = address(&ping(&world, ANNA).await);
    let replies = futures::future::join_all((1..=6).map(|number| calls(&world, number, ANNA, &to))).await;
    assert_eq!(replies.iter().filter(|reply| dials(reply)).count(), 1, "{replies:#?}");
    assert_eq!(calls(&world, 1, ANNA, &to).await, replies[0], "a repeat of the webhook is the same call");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_caller_a_bid_by_sip_needs_no_number_and_serves_whoever_calls() {
    let world = with_sip(json!({"numbers": []})).await;
    let query = "zip=94105&publisherInboundCallId=1&sipOk=true";
    let answer = ping_as(&world, "production", world.publisher, query).await;
    assert!(dials(&calls(&world, 1, BEN, &address(&answer)).await));
    let record = world.record(call(1)).await;
    assert_eq!(record.call.from_zip.as_deref(), Some("94105"));
    assert_eq!(verdict(&world, call(1)).await, Some(BidVerdict::Honoured));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_warm_call_by_sip_is_answered_in_as_many_round_trips_as_one_to_a_number() {
    let rtb = json!({"base_bid": 10_000_000, "pays_on": "connected", "numbers": [NUMBER_ID]});
    let (world, proxy) = World::differing_behind_faults(json!({"rtb": rtb, "caps": {}})).await;
    with_addresses(&world).await;
    world.set_sip_up(set_up()).await;
    let callers: Vec<String> = (0..4).map(|number| format!("+141555502{number:02}")).collect();
    let mut addresses = Vec::new();
    for caller in &callers {
        addresses.push(address(&ping(&world, caller).await));
    }
    proxy.inject(Rule::always(Fault::Delay(Duration::from_millis(120))));
    for (number, (caller, to)) in (1..).zip(callers.iter().zip(&addresses)) {
        let since = Instant::now();
        assert!(dials(&calls(&world, number, caller, to).await));
        if number > 1 {
            assert_eq!(proxy.sequential_rounds(since), 3, "{:#?}", proxy.seen());
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn twilios_webhooks_about_a_call_by_sip_are_understood() {
    let world = with_sip(json!({})).await;
    let to = address(&ping(&world, ANNA).await);
    // A carrier on the way may have written it all in small letters.
    let written = to.to_ascii_lowercase();
    let (path, ringing) = (twilio::urls::INBOUND_PATH, [("CallStatus", "ringing")]);
    let inbound = world.voice_inbound().await;
    let request = world.told_by_twilio(path, call(1), FROM_ANNA, &written, &ringing);
    let mut forged = world.told_by_twilio(path, call(1), FROM_ANNA, &written, &ringing);
    forged.headers.insert("x-twilio-signature", "AAAAAAAAAAAAAAAAAAAAAAAAAAA=".parse().unwrap());
    assert_eq!(voice_inbound::handle(inbound.clone(), forged).await.status, 403);
    let answer = voice_inbound::handle(inbound, request).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    assert!(String::from_utf8_lossy(&answer.body).contains("<Dial"), "{answer:?}");
    assert_eq!(verdict(&world, call(1)).await, Some(BidVerdict::Honoured));
    assert_eq!(world.record(call(1)).await.call.from, ANNA);

    // The end of the caller's leg is told by the domain, not by a number.
    let ended = [("CallStatus", "canceled"), ("SequenceNumber", "0"), ("CallDuration", "0")];
    let request = world.told_by_twilio(twilio::urls::STATUS_PATH, call(1), FROM_ANNA, &written, &ended);
    assert_eq!(voice_status::handle(world.voice_status(), request).await.status, 204);
    let events = world.record(call(1)).await.events;
    assert_eq!(events.len(), 1, "{events:?}");
    let unknown = world.told_by_twilio(twilio::urls::STATUS_PATH, call(9), FROM_ANNA, &written, &ended);
    assert_eq!(voice_status::handle(world.voice_status(), unknown).await.status, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn another_publisher_is_paid_for_its_own_bid_only() {
    let world = with_sip(json!({})).await;
    let first = ping(&world, ANNA).await;
    let other = ping_as(&world, "production", OTHER, "CID=14155550100&sipOk=yes").await;
    assert_eq!(other["bidAmount"], 10, "addresses are never taken: {other}");
    calls(&world, 1, ANNA, &address(&other)).await;
    assert_eq!(world.record(call(1)).await.call.publisher, Some(OTHER));
    assert!(dials(&calls(&world, 2, ANNA, &address(&first)).await), "the other promise still stands");
}
