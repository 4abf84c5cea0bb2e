//! A call that came by a bid and that nobody can take any more, found out at a later step: what becomes of the bid, and what
//! the books pay, in whatever order things are told.

use app::dial_next::DialEnded;
use domain::call::{CallStatus, Leg, LegEvent, Source};
use domain::ids::{CallId, RtbTargetId};
use domain::inbound::BidVerdict;
use domain::money::Money;
use domain::snapshot::Parts;
use jiff::SignedDuration;
use serde_json::json;
use uuid::Uuid;

use crate::bids::{ANNA, call, dials, ping, rejected, verdict, with_addresses};
use crate::world::{NUMBER_ID, STATIC_TARGET, World};

/// A world whose campaign bids 10 for every call that comes in, with a bidder that does not answer before its target. By its
/// usual terms a call pays 3.
async fn bidding_with_an_auction(stale: &str) -> World {
    let bidder = RtbTargetId::from_uuid(Uuid::from_u128(4));
    let body = json!({
        "name": "Bidder", "url": "https://bidder.example.com/dead/40", "body": "{}", "caps": {},
        "answer": {"acceptance": ["$.accepted"], "amount": ["$.bidAmount"], "destination": ["$.phoneNumber"]},
    });
    let rtb = json!({"base_bid": 10_000_000, "pays_on": "incoming", "numbers": [NUMBER_ID], "stale": stale});
    let campaign = json!({
        "rtb": rtb, "caps": {}, "auction": {"bidders": [{"rtb_target": bidder}]},
        "payout": {"on": "incoming", "amount": {"fixed": 3_000_000}}
    });
    let rtb_targets = [(bidder, serde_json::from_value(body).unwrap())].into();
    let world = World::with_parts(campaign, Parts { rtb_targets, ..Parts::default() }).await;
    with_addresses(&world).await;
    world
}

/// The caller has left.
async fn leaves(world: &World, call: CallId) {
    let event = LegEvent {
        leg: Leg::Caller,
        status: CallStatus::Completed,
        sequence: 3,
        source: Source::Callback,
        at: world.now() + SignedDuration::from_secs(5),
        duration_s: Some(0),
        sid: None,
    };
    world.told(call, &event).await;
}

async fn payout(world: &World, call: CallId) -> Money {
    world.record(call).await.closing.expect("closed").settlement.payout
}

async fn pause_target(world: &World, paused: bool) {
    let target = STATIC_TARGET.into();
    app::ports::Counters::set_paused(&*world.store, world.tenant, &target, paused).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn capacity_that_turns_out_to_be_gone_after_an_auction_is_the_bids_end_too() {
    for (rule, paid) in [("reject", Money::ZERO), ("route_normally", Money::from_units(3))] {
        let world = bidding_with_an_auction(rule).await;
        ping(&world, ANNA).await;
        world.incoming_from(call(1), ANNA).await;
        assert_eq!(verdict(&world, call(1)).await, Some(BidVerdict::Honoured), "nobody knows yet");
        pause_target(&world, true).await;
        let reply = world.auction(call(1), 1).await;
        assert_eq!(reply == rejected(), rule == "reject", "{reply:?}");
        assert_eq!(world.auction(call(1), 1).await, reply, "a repeat");
        assert_eq!(verdict(&world, call(1)).await, Some(BidVerdict::CapacityGone));
        for _ in 0..2 {
            leaves(&world, call(1)).await;
        }
        assert_eq!(payout(&world, call(1)).await, paid, "{rule}");

        pause_target(&world, false).await;
        world.incoming_from(call(2), ANNA).await;
        assert_eq!(verdict(&world, call(2)).await, Some(BidVerdict::Honoured), "the bid was not used up");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_caller_who_leaves_before_anybody_was_looked_for_came_by_the_bid() {
    let world = bidding_with_an_auction("reject").await;
    ping(&world, ANNA).await;
    world.incoming_from(call(1), ANNA).await;
    pause_target(&world, true).await;
    leaves(&world, call(1)).await;
    world.auction(call(1), 1).await;
    leaves(&world, call(1)).await;
    assert_eq!(verdict(&world, call(1)).await, Some(BidVerdict::Honoured));
    assert_eq!(payout(&world, call(1)).await, Money::from_units(10));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bid_whose_destination_did_not_answer_stays_honoured() {
    let world = bidding_with_an_auction("reject").await;
    ping(&world, ANNA).await;
    world.incoming_from(call(1), ANNA).await;
    assert!(dials(&world.auction(call(1), 1).await));
    let busy =
        DialEnded { caller: CallStatus::InProgress, dial: CallStatus::Busy, child: None, talked_s: None };
    let reply = world.dial_result(call(1), 2, &busy).await;
    assert!(!dials(&reply) && reply != rejected(), "words: {reply:?}");
    leaves(&world, call(1)).await;
    assert_eq!(verdict(&world, call(1)).await, Some(BidVerdict::Honoured));
    assert_eq!(payout(&world, call(1)).await, Money::from_units(10));
}

/// The step that finds nobody and the callbacks that end the call meet in every way, also at the same moment: what the call
/// says of its bid and what its books pay are the same story.
#[tokio::test(flavor = "multi_thread")]
async fn the_bid_and_the_books_agree_however_step_and_callbacks_meet() {
    let world = bidding_with_an_auction("reject").await;
    for number in 1..=24 {
        let (id, caller) = (call(number), format!("+141555503{number:02}"));
        ping(&world, &caller).await;
        world.incoming_from(id, &caller).await;
        pause_target(&world, true).await;
        let later = |by: u32| tokio::time::sleep(std::time::Duration::from_millis((by * 3).into()));
        futures::join!(
            async {
                later(number % 5).await;
                world.auction(id, 1).await;
            },
            async {
                later(number % 7).await;
                leaves(&world, id).await;
            },
            async {
                later(number % 3).await;
                leaves(&world, id).await;
            },
        );
        leaves(&world, id).await;
        let agreed = match verdict(&world, id).await {
            Some(BidVerdict::Honoured) => Money::from_units(10),
            Some(BidVerdict::CapacityGone) => Money::ZERO,
            other => panic!("{other:?}"),
        };
        assert_eq!(payout(&world, id).await, agreed, "call {number}");
        pause_target(&world, false).await;
    }
}
