//! Callers who are refused, and partners who are paused: from the first ring to the books.

use app::ports::{Catalog, Counters, Kind, Record, Step};
use domain::call::{CallStatus, Leg, LegEvent, Source};
use domain::caps::CounterId;
use domain::ids::{BlockedNumberId, CallId};
use domain::money::Money;
use domain::routing::TurnedAway;
use domain::voice::{RejectReason, Reply, Verb};
use jiff::SignedDuration;
use serde_json::json;
use testkit::fakes::some_entry;
use uuid::Uuid;

use crate::world::World;

const CALLER: &str = "+14155550100";

fn call(number: u32) -> CallId {
    format!("RGB{number:032x}").parse().unwrap()
}

fn rejected() -> Reply {
    Reply { verbs: vec![Verb::Reject(RejectReason::Rejected)] }
}

/// Blocks these callers for so many seconds.
async fn block(world: &World, number: u128, pattern: &str, seconds: i64) {
    let record = Record {
        id: BlockedNumberId::from_uuid(Uuid::from_u128(number)).to_string(),
        version: 1,
        created_at: world.now(),
        updated_at: world.now(),
        body: json!({"number": pattern, "expires_at": world.now() + SignedDuration::from_secs(seconds)}),
    };
    let entry = some_entry(world.tenant, record.created_at);
    world.store.create(world.tenant, Kind::BlockedNumber, &record, pattern, &entry).await.unwrap();
}

async fn turned_away(world: &World, call: CallId) -> Option<TurnedAway> {
    let record = world.record(call).await;
    let Step::Answered(answered) = &record.steps[0].1 else { panic!("not answered") };
    assert!(answered.decisions.each.is_empty() || answered.decisions.turned_away.is_none());
    answered.decisions.turned_away
}

/// The caller's leg has ended as Twilio tells it.
async fn ends(world: &World, call: CallId, status: CallStatus) {
    let event = LegEvent {
        leg: Leg::Caller,
        status,
        sequence: 0,
        source: Source::Callback,
        at: world.now() + SignedDuration::from_secs(3),
        duration_s: (status == CallStatus::Completed).then_some(3),
        sid: None,
    };
    world.told(call, &event).await;
    world.told(call, &event).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_blocked_caller_is_refused_recorded_and_settled_for_nothing() {
    for auction in [false, true] {
        let world = World::new(auction).await;
        block(&world, 1, "+1415555", 60).await;
        assert_eq!(world.incoming_from(call(1), CALLER).await, rejected());
        assert_eq!(world.incoming_from(call(1), CALLER).await, rejected(), "and so is a repeat");
        assert_eq!(turned_away(&world, call(1)).await, Some(TurnedAway::BlockedNumber));
        assert!(world.usage().await.iter().all(|usage| usage.live == 0 && usage.total == 0));

        ends(&world, call(1), CallStatus::NoAnswer).await;
        let record = world.record(call(1)).await;
        let closing = record.closing.expect("the call has closed");
        assert_eq!((closing.connected, closing.attempts), (false, 0));
        assert_eq!((closing.settlement.revenue, closing.settlement.payout), (Money::ZERO, Money::ZERO));
        assert!(closing.settlement.entries.is_empty());
        assert_eq!(record.call.from, CALLER, "who called is kept");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_block_is_over_when_its_time_is_up_although_it_is_still_stored() {
    let world = World::new(false).await;
    block(&world, 1, CALLER, 60).await;
    block(&world, 2, "+1415", 10).await;
    world.clock.advance(59);
    assert_eq!(world.incoming_from(call(1), CALLER).await, rejected());
    world.clock.advance(1);
    let reply = world.incoming_from(call(2), CALLER).await;
    assert!(matches!(reply.verbs[0], Verb::Dial(_)), "{reply:?}");
    assert_eq!(world.incoming_from(call(1), CALLER).await, rejected(), "an answer that was given stands");
}

#[tokio::test(flavor = "multi_thread")]
async fn only_those_who_are_named_are_refused() {
    let world = World::new(false).await;
    for (number, pattern) in [(1, "+14155550101"), (2, "+1416"), (3, "+442079460123")] {
        block(&world, number, pattern, 60).await;
    }
    for (number, from) in [(1, CALLER), (2, "anonymous"), (3, "sip:alice@example.com"), (4, "+44207946012")] {
        let reply = world.incoming_from(call(number), from).await;
        assert!(matches!(reply.verbs[0], Verb::Dial(_)), "{from}: {reply:?}");
    }
    block(&world, 4, "anonymous", 60).await;
    for (number, from) in
        [(11, "anonymous"), (12, ""), (13, "Restricted"), (14, "+14155550101"), (15, "+14165550100")]
    {
        assert_eq!(world.incoming_from(call(number), from).await, rejected(), "{from}");
    }
    let reply = world.incoming_from(call(16), CALLER).await;
    assert!(matches!(reply.verbs[0], Verb::Dial(_)), "{reply:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_paused_publishers_calls_are_not_taken_and_pay_nobody() {
    let world = World::new(true).await;
    let terms = CounterId::terms(world.campaign, world.publisher);
    for (number, flag, why) in [
        (1, world.publisher.into(), TurnedAway::PublisherPaused),
        (3, terms, TurnedAway::PublisherTermsPaused),
        (5, world.campaign.into(), TurnedAway::CampaignPaused),
    ] {
        world.store.set_paused(world.tenant, &flag, true).await.unwrap();
        let reply = world.incoming(call(number)).await;
        assert!(matches!(reply.verbs.as_slice(), [Verb::Say(_), Verb::Hangup]), "{reply:?}");
        assert_eq!(turned_away(&world, call(number)).await, Some(why));
        ends(&world, call(number), CallStatus::Completed).await;
        let closing = world.record(call(number)).await.closing.expect("the call has closed");
        assert!(closing.settlement.entries.is_empty());

        world.store.set_paused(world.tenant, &flag, false).await.unwrap();
        let reply = world.incoming(call(number + 1)).await;
        assert!(matches!(reply.verbs[0], Verb::Redirect(_)), "{reply:?}");
        assert_eq!(turned_away(&world, call(number + 1)).await, None);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_paused_buyers_bidder_is_not_asked_and_its_target_not_dialled() {
    let world = World::new(true).await;
    world.store.set_paused(world.tenant, &world.buyer.into(), true).await.unwrap();
    world.incoming(call(1)).await;
    let reply = world.auction(call(1), 1).await;
    let Verb::Dial(dial) = &reply.verbs[0] else { panic!("{reply:?}") };
    assert_eq!(dial.nouns[0].destination.masked(), "202***0130", "the bidder that another buyer pays for");
    let record = world.record(call(1)).await;
    let verdict = |name: &str| {
        let results = &record.auctions[0].results;
        let result = results.iter().find(|result| result.name == name).unwrap();
        result.refusal.as_ref().map(|refusal| refusal.code())
    };
    assert_eq!((verdict("Bidder 40"), verdict("Bidder 30")), (Some("buyer_paused"), None));

    let static_only = World::new(false).await;
    static_only.store.set_paused(static_only.tenant, &static_only.buyer.into(), true).await.unwrap();
    let reply = static_only.incoming(call(1)).await;
    assert!(matches!(reply.verbs.as_slice(), [Verb::Say(_), Verb::Hangup]), "{reply:?}");
    let record = static_only.record(call(1)).await;
    let Step::Answered(answered) = &record.steps[0].1 else { panic!("not answered") };
    let codes: Vec<&str> =
        answered.decisions.each.iter().map(|one| one.passed.as_ref().unwrap().code()).collect();
    assert_eq!(codes, ["buyer_paused"]);
}
