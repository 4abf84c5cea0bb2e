//! Whole calls of a publisher who is paid up to a cap.

use app::ports::Step;
use domain::ids::PublisherId;
use domain::routing::TurnedAway;
use domain::voice::Verb;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::predictive::{call, lived_through};
use crate::world::World;

async fn paying_once(after_cap: &str) -> World {
    let publisher = PublisherId::from_uuid(Uuid::from_u128(8));
    let terms = json!({
        "payout": {"on": "converted", "amount": {"fixed": 12_000_000}},
        "payout_caps": {"payouts": {"total": 1}}, "after_cap": after_cap
    });
    let campaign = json!({"publishers": {publisher.to_string(): terms}});
    let world = World::differing(campaign, Value::Null).await;
    lived_through(&world, call(1)).await;
    world
}

async fn no_payout(world: &World, number: u32) -> Option<String> {
    let closing = world.record(call(number)).await.closing.expect("it is settled");
    closing.settlement.no_payout.map(|why| why.text())
}

const REACHED: &str = "the publisher's total cap of 1 payout on this campaign reached";

#[tokio::test]
async fn a_call_beyond_the_cap_is_taken_earns_its_revenue_and_pays_nothing() {
    let world = paying_once("pay_nothing").await;
    assert_eq!(no_payout(&world, 1).await, None);
    lived_through(&world, call(2)).await;
    assert_eq!(no_payout(&world, 2).await.as_deref(), Some(REACHED));
    let books = world.record(call(2)).await.closing.expect("it is settled").settlement;
    assert_eq!(
        (books.revenue.to_string(), books.payout.to_string()),
        ("20.00".to_owned(), "0.00".to_owned())
    );
}

#[tokio::test]
async fn where_agreed_a_call_beyond_the_cap_is_not_taken_and_the_log_says_why() {
    let world = paying_once("refuse_calls").await;
    let reply = world.incoming(call(2)).await;
    assert!(!reply.verbs.iter().any(|verb| matches!(verb, Verb::Dial(_))), "{reply:?}");
    let Some((_, Step::Answered(answered))) = world.record(call(2)).await.steps.pop() else {
        panic!("no answer")
    };
    let why: TurnedAway = answered.decisions.turned_away.expect("a reason");
    assert_eq!((why.code(), why.text()), ("payout_cap", REACHED.to_owned()));
}
