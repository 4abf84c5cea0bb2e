//! When a cap is full that holds for the call whatever its destination, no destination is tried, and the reason names it.

use app::dial_next::DialEnded;
use app::ports::{Counters, Step};
use domain::call::{CallStatus, Leg, LegEvent, Source};
use domain::caps::{Caps, CounterId, LiveLimits, Usage};
use domain::ids::CallId;
use domain::ledger::Payout;
use domain::routing::Decisions;
use domain::voice::{Reply, Verb};

use crate::world::World;

fn call(number: u32) -> CallId {
    format!("RGB{number:032x}").parse().unwrap()
}

async fn decisions(world: &World, call: CallId) -> Decisions {
    match world.record(call).await.steps.pop() {
        Some((_, Step::Answered(answered))) => answered.decisions,
        other => panic!("no answer: {other:?}"),
    }
}

fn dials(reply: &Reply) -> bool {
    reply.verbs.iter().any(|verb| matches!(verb, Verb::Dial(_)))
}

async fn row(world: &World, of: &CounterId) -> Usage {
    world.store.usage(world.tenant, std::slice::from_ref(of)).await.unwrap().remove(of).unwrap_or_default()
}

#[tokio::test]
async fn a_full_campaign_tries_nobody_and_owes_nothing() {
    for auction in [false, true] {
        let world = World::with_caps(auction, "{}", r#"{"concurrent": 5}"#).await;
        for number in 1..=5 {
            let reply = world.incoming(call(number)).await;
            let reply = if auction { world.auction(call(number), 1).await } else { reply };
            assert!(dials(&reply));
        }
        let reply = world.incoming(call(6)).await;
        assert!(!reply.verbs.iter().any(|verb| matches!(verb, Verb::Dial(_) | Verb::Redirect(_))));
        let decisions = decisions(&world, call(6)).await;
        assert!(decisions.each.is_empty(), "{decisions:?}");
        let why = decisions.turned_away.expect("a reason");
        assert_eq!(
            (why.code(), why.text()),
            ("campaign_cap_reached", "the campaign's concurrent cap 5 reached".to_owned())
        );
        assert_eq!(world.record(call(6)).await.call.payout, Payout::default());
        assert_eq!(row(&world, &world.campaign.into()).await.live, 5);
    }
}

#[tokio::test]
async fn a_publishers_cap_holds_at_once_and_over_all_its_campaigns() {
    let world = World::new(false).await;
    let caps = Caps { hourly: Some(1), ..Caps::default() };
    let limits = LiveLimits { caps, time_zone: "America/New_York".to_owned() };
    world.store.set_limits(world.tenant, &world.publisher.into(), Some(&limits)).await.unwrap();
    assert!(dials(&world.incoming(call(1)).await));
    assert!(!dials(&world.incoming(call(2)).await));
    let why = decisions(&world, call(2)).await.turned_away.expect("a reason");
    assert_eq!(why.text(), "the publisher's hourly cap 1 reached");
    world.store.set_limits(world.tenant, &world.publisher.into(), None).await.unwrap();
    assert!(dials(&world.incoming(call(3)).await));
}

/// The winning bidder and the static target are of one buyer, who takes one call at a time: the call that fails over does
/// not stand in its own way, and another call is told whose cap it is.
#[tokio::test]
async fn a_call_that_fails_over_within_its_buyer_does_not_stand_in_its_own_way() {
    let world = World::with_caps(true, r#"{"concurrent": 1}"#, "{}").await;
    world.incoming(call(1)).await;
    assert!(dials(&world.auction(call(1), 1).await));
    // The second call finds the buyer full, and goes to the other bidder, who has none.
    world.incoming(call(2)).await;
    assert!(dials(&world.auction(call(2), 1).await));
    let record = world.record(call(2)).await;
    let refused = record.auctions[0].results.iter().filter_map(|result| result.refusal.as_ref());
    let reasons: Vec<String> = refused.map(|refusal| refusal.text()).collect();
    assert_eq!(reasons, ["not asked: its buyer's concurrent cap 1 reached"]);

    // The buyer's bidder and the other one do not answer; then the buyer's target is dialled.
    let busy =
        DialEnded { caller: CallStatus::InProgress, dial: CallStatus::Busy, child: None, talked_s: None };
    assert!(dials(&world.dial_result(call(1), 2, &busy).await));
    assert!(dials(&world.dial_result(call(1), 3, &busy).await));
    assert_eq!(row(&world, &world.buyer.into()).await.live, 1);
    let ended = |leg| LegEvent {
        leg,
        status: CallStatus::NoAnswer,
        sequence: 3,
        source: Source::Callback,
        at: world.now(),
        duration_s: None,
        sid: None,
    };
    world.told(call(1), &ended(Leg::Attempt(3))).await;
    world.told(call(1), &ended(Leg::Caller)).await;
    assert_eq!(row(&world, &world.buyer.into()).await.live, 0);
}

/// Two calls are sent to the auction while there is room for one: the second asks nobody and is told so, in words.
#[tokio::test]
async fn a_campaign_that_fills_on_the_way_to_the_auction_asks_nobody() {
    let world = World::with_caps(true, "{}", r#"{"concurrent": 1}"#).await;
    for number in [1, 2] {
        let reply = world.incoming(call(number)).await;
        assert!(matches!(reply.verbs.as_slice(), [Verb::Redirect(_)]), "{reply:?}");
    }
    assert!(dials(&world.auction(call(1), 1).await));
    let reply = world.auction(call(2), 1).await;
    assert_eq!(reply, Reply::words_and_hangup(app::place::NOBODY_FREE));
    let record = world.record(call(2)).await;
    assert!(record.auctions.is_empty());
    let why = decisions(&world, call(2)).await.turned_away.expect("a reason");
    assert_eq!(why.text(), "the campaign's concurrent cap 1 reached");
    // The same again for the same request.
    assert_eq!(world.auction(call(2), 1).await, reply);
}
