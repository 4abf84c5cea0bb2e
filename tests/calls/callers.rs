//! Callers who are refused, and partners who are paused: from the first ring to the books.

use app::dial_next::DialEnded;
use app::place::NOBODY_FREE;
use app::ports::{Catalog, Counters, Kind, Record, Step};
use domain::call::{CallStatus, Leg, LegEvent, Source};
use domain::caps::CounterId;
use domain::ids::{BlockedNumberId, CallId};
use domain::money::Money;
use domain::routing::TurnedAway;
use domain::screening::Refusal;
use domain::voice::{RejectReason, Reply, Verb};
use jiff::SignedDuration;
use serde_json::{Value, json};
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
    world.clock.advance(57);
    assert_eq!(world.incoming_from(call(1), CALLER).await, rejected());
    world.clock.advance(3);
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
    let terms = CounterId::Terms(world.campaign, world.publisher);
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

/// The story of a call that is connected to the static target for so many seconds, up to its settlement.
async fn connected(world: &World, number: u32, seconds: u32) {
    let reply = world.incoming(call(number)).await;
    assert!(matches!(reply.verbs[0], Verb::Dial(_)), "{reply:?}");
    let leg = |status, sequence, duration_s| LegEvent {
        leg: Leg::Attempt(0),
        status,
        sequence,
        source: Source::Callback,
        at: world.now(),
        duration_s,
        sid: None,
    };
    world.told(call(number), &leg(CallStatus::InProgress, 2, None)).await;
    world.clock.advance(u64::from(seconds));
    world.told(call(number), &leg(CallStatus::Completed, 3, Some(seconds))).await;
    ends(world, call(number), CallStatus::Completed).await;
    assert!(world.record(call(number)).await.closing.is_some_and(|closing| closing.connected));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_caller_who_rings_again_at_once_is_spam_and_a_repeat_of_the_webhook_is_not() {
    let world = World::new(false).await;
    let first = world.incoming(call(1)).await;
    world.clock.advance(1);
    assert_eq!(world.incoming(call(1)).await, first, "Twilio asked again");
    assert_eq!(world.incoming(call(2)).await, rejected());
    let why = turned_away(&world, call(2)).await;
    assert_eq!(why, Some(TurnedAway::Screened(Refusal::Spam { since_s: 1 })));
    world.clock.advance(2);
    assert!(matches!(world.incoming(call(3)).await.verbs[0], Verb::Dial(_)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_duplicate_of_a_converted_call_is_refused_until_its_window_is_over() {
    let rule =
        json!({"duplicates": {"window_s": 3_600, "counts": "previously_converted", "action": "refuse"}});
    let world = World::differing(rule, Value::Null).await;
    connected(&world, 1, 10).await;
    world.clock.advance(60);
    connected(&world, 2, 45).await;
    world.clock.advance(60);
    assert_eq!(world.incoming(call(3)).await, rejected());
    assert_eq!(turned_away(&world, call(3)).await, Some(TurnedAway::Duplicate));
    world.clock.advance(3_600);
    assert!(matches!(world.incoming(call(4)).await.verbs[0], Verb::Dial(_)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_target_does_not_take_a_caller_again_whom_it_talked_to() {
    let world = World::differing(
        Value::Null,
        json!({"restrict_duplicates": {"after": "connected", "window_s": 86_400}}),
    )
    .await;
    connected(&world, 1, 45).await;
    world.clock.advance(60);
    let reply = world.incoming(call(2)).await;
    assert_eq!(reply, Reply::words_and_hangup(NOBODY_FREE));
    let record = world.record(call(2)).await;
    let Step::Answered(answered) = &record.steps[0].1 else { panic!("not answered") };
    let reason = answered.decisions.each[0].passed.as_ref().unwrap();
    assert_eq!(reason.code(), "duplicate_caller");
    assert!(matches!(world.incoming_from(call(3), "+14155550177").await.verbs[0], Verb::Dial(_)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_caller_whose_conversation_was_too_short_is_sent_on_and_nobody_is_dialled_twice() {
    let world = World::differing(json!({"recovery": {"shorter_than_s": 20}}), Value::Null).await;
    for (number, talked, answer) in
        [(1, 19, Reply::words_and_hangup(NOBODY_FREE)), (2, 20, Reply::hangup()), (3, 300, Reply::hangup())]
    {
        world.clock.advance(60);
        assert!(matches!(world.incoming(call(number)).await.verbs[0], Verb::Dial(_)));
        let ended = DialEnded {
            caller: CallStatus::InProgress,
            dial: CallStatus::Completed,
            child: Some(call(100 + number).sid()),
            talked_s: Some(talked),
        };
        assert_eq!(world.dial_result(call(number), 1, &ended).await, answer, "{talked} s");
        assert_eq!(world.dial_result(call(number), 1, &ended).await, answer, "a repeat");
        assert_eq!(world.record(call(number)).await.attempts.len(), 1);
    }
}
