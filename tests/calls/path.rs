//! The call path's round trips, counted; what it does when the table is away; who answers when the first worker dies.

use std::time::{Duration, Instant};

use app::ports::{Calls, StepStart};
use domain::ids::CallId;
use domain::voice::Verb;
use testkit::faults::{Fault, Rule};
use uuid::Uuid;

use crate::world::World;

fn call(number: u32) -> CallId {
    format!("RGB{number:032x}").parse().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_warm_call_is_answered_in_three_round_trips_with_caps_on_and_one_to_a_pools_number_in_four() {
    for (auction, in_pool) in [(false, false), (true, false), (false, true), (true, true)] {
        let (world, proxy) = World::behind_faults(auction).await;
        match in_pool {
            true => world.put_pool_row().await,
            false => world.leave_pool().await,
        }
        // Answers overlap on a fast machine; slow ones show what waits for what. Longer than a loaded machine takes to
        // write the requests of one round, one after the other.
        proxy.inject(Rule::always(Fault::Delay(Duration::from_millis(120))));
        world.incoming(call(1)).await;
        for number in 2..6 {
            let since = Instant::now();
            world.incoming(call(number)).await;
            let rounds = proxy.sequential_rounds(since);
            let expected = if in_pool { 4 } else { 3 };
            assert_eq!(rounds, expected, "auction: {auction}, in a pool: {in_pool}; {:#?}", proxy.seen());
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_door_costs_a_warm_call_no_round_trip_and_a_cold_one_a_single_one() {
    let (world, proxy) = World::behind_faults(false).await;
    world.leave_pool().await;
    proxy.inject(Rule::always(Fault::Delay(Duration::from_millis(20))));
    world.incoming(call(1)).await;
    let function = world.voice_inbound().await;
    for (number, expected) in [(2, 4), (3, 3), (4, 3)] {
        let since = Instant::now();
        let answer = voice_inbound::handle(function.clone(), world.webhook(call(number))).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        assert_eq!(proxy.sequential_rounds(since), expected, "call {number}; {:#?}", proxy.seen());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repeated_call_gets_its_answer_and_writes_nothing() {
    let (world, proxy) = World::behind_faults(false).await;
    let first = world.incoming(call(1)).await;
    let writes = proxy.count("TransactWriteItems");
    for _ in 0..3 {
        assert_eq!(world.incoming(call(1)).await, first);
    }
    assert_eq!(proxy.count("TransactWriteItems"), writes);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_its_table_a_call_fails_fast_so_that_twilio_takes_the_fallback() {
    let (world, proxy) = World::behind_faults(false).await;
    world.incoming(call(1)).await;
    proxy.begin_outage();
    let began = Instant::now();
    assert!(world.try_incoming(call(2)).await.is_err());
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}: Twilio reads for six seconds", began.elapsed());
    proxy.heal();
    world.incoming(call(2)).await;
}

/// One in five transactions conflicts, one in ten requests is throttled: every call is still answered.
#[tokio::test(flavor = "multi_thread")]
async fn a_struggling_table_loses_no_call() {
    let (world, proxy) = World::behind_faults(true).await;
    proxy.inject(Rule::percent(20, Fault::TransactionConflict));
    proxy.inject(Rule::percent(10, Fault::Throttled));
    // Three destinations take five calls at a time each.
    for number in 1..=15 {
        world.incoming(call(number)).await;
        let reply = world.auction(call(number), 1).await;
        assert!(matches!(reply.verbs[0], Verb::Dial(_)), "{reply:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn when_the_auctions_worker_dies_a_repeat_takes_the_static_route() {
    let world = World::new(true).await;
    world.incoming(call(1)).await;
    let dead = Uuid::from_u128(99);
    let started = world.store.start_step(world.tenant, call(1), 1, dead, world.now()).await.unwrap();
    assert_eq!(started, StepStart::Ours);
    world.clock.advance(4);

    let reply = world.auction(call(1), 1).await;
    let Verb::Dial(dial) = &reply.verbs[0] else { panic!("{reply:?}") };
    assert_eq!(dial.nouns[0].destination.masked(), "202***0199", "the static target");
    assert_eq!(world.auction(call(1), 1).await, reply, "and that answer stands");
}

#[tokio::test(flavor = "multi_thread")]
async fn two_requests_for_one_auction_get_one_answer() {
    let world = World::new(true).await;
    world.incoming(call(1)).await;
    let (one, other) = futures::join!(world.auction(call(1), 1), world.auction(call(1), 1));
    assert_eq!(one, other);
    assert_eq!(world.record(call(1)).await.attempts.len(), 1);
}
