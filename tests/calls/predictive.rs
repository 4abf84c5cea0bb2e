//! Whole calls in a campaign that ranks by what its destinations earned.

use std::time::{Duration, Instant};

use app::ports::{Counters, Step};
use domain::call::{CallStatus, Leg, LegEvent, Source};
use domain::ids::{CallId, TargetId};
use domain::money::Money;
use domain::routing::{Decision, Via};
use domain::snapshot::Parts;
use serde_json::json;
use testkit::faults::{Fault, Rule};
use uuid::Uuid;

use crate::world::World;

pub fn call(number: u32) -> CallId {
    format!("RGB{number:032x}").parse().unwrap()
}

/// A call is answered where it is sent to, lasts a minute, and is settled. Who was dialled.
pub async fn lived_through(world: &World, call: CallId) -> Decision {
    world.incoming(call).await;
    let record = world.record(call).await;
    let attempt = record.attempts.first().expect("somebody was dialled");
    let told = |leg, status, sequence, duration_s| LegEvent {
        leg,
        status,
        sequence,
        source: Source::Callback,
        at: world.now(),
        duration_s,
        sid: None,
    };
    world.told(call, &told(Leg::Attempt(attempt.number), CallStatus::InProgress, 2, None)).await;
    world.clock.advance(60);
    world.told(call, &told(Leg::Attempt(attempt.number), CallStatus::Completed, 3, Some(60))).await;
    world.told(call, &told(Leg::Caller, CallStatus::Completed, 3, Some(60))).await;
    assert!(world.record(call).await.closing.is_some());
    let Some((_, Step::Answered(answered))) = record.steps.into_iter().next() else { panic!("no answer") };
    answered.decisions.each.into_iter().find(|decision| decision.passed.is_none()).expect("a destination")
}

#[tokio::test]
async fn as_soon_as_a_destination_has_earned_more_it_is_dialled_first_and_the_log_says_why() {
    let second = TargetId::from_uuid(Uuid::from_u128(10));
    let body = json!({
        "name": "Second target", "destination": {"number": "+12025550188"}, "revenue": {"fixed": 5_000_000}
    });
    let parts =
        Parts { targets: [(second, serde_json::from_value(body).unwrap())].into(), ..Parts::default() };
    let target = TargetId::from_uuid(Uuid::from_u128(3));
    let campaign = json!({
        "strategy": "predictive", "predictive": {"minimum_calls": 1, "training_requirement": -10, "new_targets": 10},
        "plan": [{"target": second}, {"target": target}]
    });
    let world = World::with_parts(campaign, parts).await;
    // Of nobody anything is known: weights decide. Then the other one is put forward as a new target.
    let mut tried = Vec::new();
    for number in 1..=2 {
        let decision = lived_through(&world, call(number)).await;
        assert!(decision.score.is_some(), "{decision:?}");
        tried.push(decision.name);
    }
    tried.sort();
    assert_eq!(tried, ["Second target", "Static target"]);
    for earned_over in 1..4 {
        let number = 2 + earned_over;
        let decision = lived_through(&world, call(number)).await;
        assert_eq!(decision.via, Via::Target(target), "call {number}");
        let words = format!("earned 20.00 per dialled call over {earned_over} calls");
        assert_eq!(decision.score, Some(words));
    }
    let earned =
        world.store.earned(world.tenant, world.campaign, Some(world.publisher), world.now()).await.unwrap();
    let of_target = earned[&Via::Target(target)].of_publisher;
    assert_eq!((of_target.dialled, of_target.connected, of_target.converted), (4, 4, 4));
    assert_eq!(of_target.revenue, Money::from_units(80));
}

#[tokio::test]
async fn what_was_earned_two_months_ago_is_forgotten() {
    let world = World::differing(json!({"strategy": "predictive"}), json!({})).await;
    lived_through(&world, call(1)).await;
    let known = async || {
        let earned = world.store.earned(world.tenant, world.campaign, None, world.now()).await;
        earned.unwrap().values().map(|earned| earned.of_campaign.dialled).sum::<u64>()
    };
    assert_eq!(known().await, 1);
    // From 22 November to the last second of December, and then into January.
    world.clock.advance(39 * 24 * 3_600 + 12 * 3_600 - 61);
    assert_eq!(known().await, 1);
    world.clock.advance(1);
    assert_eq!(known().await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn looking_at_what_was_earned_costs_no_further_round_trip() {
    let (world, proxy) = World::differing_behind_faults(json!({"strategy": "predictive"})).await;
    world.leave_pool().await;
    proxy.inject(Rule::always(Fault::Delay(Duration::from_millis(120))));
    world.incoming(call(1)).await;
    for number in 2..5 {
        let since = Instant::now();
        world.incoming(call(number)).await;
        assert_eq!(proxy.sequential_rounds(since), 3, "{:#?}", proxy.seen());
    }
}
