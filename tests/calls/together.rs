//! Several destinations ring at the same time: one has the call, and no counter keeps anything of the others.

use std::collections::BTreeMap;

use app::dial_next::DialEnded;
use app::ports::{CarrierCall, Counters};
use domain::call::{CallStatus, Leg, LegEvent, Source, attempt_number};
use domain::caps::{CounterId, Usage};
use domain::group::TargetGroup;
use domain::ids::{CallId, TargetGroupId, TargetId};
use domain::phone::Destination;
use domain::snapshot::Parts;
use domain::target::Target;
use domain::voice::{Dial, Reply, Verb};
use futures::future::join_all;
use serde_json::json;
use uuid::Uuid;

use crate::world::{BUYER, Carrier, STATIC_TARGET, World};

fn call(number: u32) -> CallId {
    format!("RGB{number:032x}").parse().unwrap()
}

fn desk(number: u128) -> TargetId {
    TargetId::from_uuid(Uuid::from_u128(100 + number))
}

/// Desks that ring together, the static target behind them. All of one buyer; each desk takes so many calls at once.
async fn world(desks: u128, at_once: u32, caps: &str) -> World {
    let target = |number: u128| -> (TargetId, Target) {
        let body = json!({
            "name": format!("Desk {number}"), "buyer": BUYER, "destination": {"number": format!("+1202555{number:04}")},
            "caps": {"concurrent": at_once, "daily": 50}, "revenue": {"fixed": 20_000_000}
        });
        (desk(number), serde_json::from_value(body).unwrap())
    };
    let targets: BTreeMap<TargetId, Target> = (0..desks).map(target).collect();
    let members: Vec<_> = targets.keys().map(|id| json!({"target": id, "weight": 1})).collect();
    let group = json!({"name": "Desks", "ring": "together", "members": members});
    let group: TargetGroup = serde_json::from_value(group).unwrap();
    let id = TargetGroupId::from_uuid(Uuid::from_u128(99));
    let plan = json!([{"target_group": id}, {"target": STATIC_TARGET, "priority": 2}]);
    let parts = Parts { targets, target_groups: [(id, group)].into(), ..Parts::default() };
    World::planned(plan, parts, caps).await
}

fn dial(reply: &Reply) -> Option<&Dial> {
    reply.verbs.iter().find_map(|verb| if let Verb::Dial(dial) = verb { Some(dial) } else { None })
}

fn numbers(reply: &Reply) -> Vec<&str> {
    let nouns = dial(reply).map(|dial| dial.nouns.as_slice()).unwrap_or_default();
    nouns
        .iter()
        .map(|noun| match &noun.destination {
            Destination::Number(number) => number.as_str(),
            Destination::Sip(uri) => uri.as_str(),
        })
        .collect()
}

async fn row(world: &World, of: impl Into<CounterId>) -> Usage {
    let of = of.into();
    world.store.usage(world.tenant, std::slice::from_ref(&of)).await.unwrap().remove(&of).unwrap_or_default()
}

fn ended(world: &World, leg: Leg, status: CallStatus) -> LegEvent {
    let talked = if status == CallStatus::Completed { Some(90) } else { None };
    LegEvent {
        leg,
        status,
        sequence: 3,
        source: Source::Callback,
        at: world.now(),
        duration_s: talked,
        sid: None,
    }
}

#[tokio::test]
async fn the_one_who_answers_has_the_call_and_the_others_are_free() {
    let world = world(3, 1, r#"{"concurrent": 1, "daily": 10}"#).await;
    let reply = world.incoming(call(1)).await;
    assert_eq!(numbers(&reply).len(), 3);
    let record = world.record(call(1)).await;
    let attempts: Vec<u16> = record.attempts.iter().map(|attempt| attempt.number).collect();
    assert_eq!(attempts, [0, 1, 2].map(|party| attempt_number(0, party)));
    // All ring, and it is one call of the buyer's and of the campaign's.
    for number in 0..3 {
        assert_eq!(row(&world, desk(number)).await.live, 1);
    }
    assert_eq!(row(&world, BUYER).await.live, 1);
    assert_eq!(row(&world, world.campaign).await.live, 1);

    let [first, second, third] = [0, 1, 2].map(|index| record.attempts[index].clone());
    world.told(call(1), &ended(&world, Leg::Attempt(first.number), CallStatus::Canceled)).await;
    world.told(call(1), &ended(&world, Leg::Attempt(third.number), CallStatus::NoAnswer)).await;
    let live = |via| {
        row(
            &world,
            match via {
                domain::routing::Via::Target(id) => id,
                other => panic!("{other:?}"),
            },
        )
    };
    assert_eq!(
        (live(first.via).await.live, live(second.via).await.live, live(third.via).await.live),
        (0, 1, 0)
    );
    assert_eq!(live(first.via).await.total, 0);
    assert_eq!(row(&world, BUYER).await.live, 1, "the conversation goes on");

    world.clock.advance(90);
    for _ in 0..2 {
        world.told(call(1), &ended(&world, Leg::Attempt(second.number), CallStatus::Completed)).await;
        world.told(call(1), &ended(&world, Leg::Caller, CallStatus::Completed)).await;
    }
    let record = world.record(call(1)).await;
    let closing = record.closing.expect("the call is settled");
    assert_eq!((closing.billed_attempt, closing.connected_seconds), (Some(second.number), 90));
    assert_eq!(closing.billed_name.as_deref(), Some(second.name.as_str()));
    for of in [CounterId::from(BUYER), world.campaign.into(), second.via.counter()] {
        let row = row(&world, of).await;
        assert_eq!((row.live, row.total), (0, 1), "{of:?}");
    }
}

#[tokio::test]
async fn when_nobody_answers_all_of_it_goes_back_and_the_next_is_dialled() {
    let world = world(12, 1, r#"{"concurrent": 1}"#).await;
    let ten = numbers(&world.incoming(call(1)).await).len();
    let no_answer =
        DialEnded { caller: CallStatus::InProgress, dial: CallStatus::NoAnswer, child: None, talked_s: None };
    // Ten may ring at once; then the other two do, and then the next place of the plan.
    let reply = world.dial_result(call(1), 1, &no_answer).await;
    assert_eq!((ten, numbers(&reply).len()), (10, 2));
    // Whichever comes again gets the same answer.
    assert_eq!(world.dial_result(call(1), 1, &no_answer).await, reply);
    let reply = world.dial_result(call(1), 2, &no_answer).await;
    assert_eq!(numbers(&reply), ["+12025550199"]);
    for number in 0..12 {
        let row = row(&world, desk(number)).await;
        assert_eq!((row.live, row.total, row.windows.values().sum::<u32>()), (0, 0, 0));
    }
    assert_eq!(row(&world, BUYER).await.live, 1);
    world.told(call(1), &ended(&world, Leg::Attempt(2), CallStatus::Busy)).await;
    world.told(call(1), &ended(&world, Leg::Caller, CallStatus::Completed)).await;
    assert_eq!(row(&world, BUYER).await.live, 0);
    assert_eq!(world.record(call(1)).await.attempts.len(), 13);
    assert!(world.record(call(1)).await.closing.is_some());
}

/// Twilio tells us nothing of a leg that it cancelled before it was dialled: it is asked soon, not when the call is over.
#[tokio::test]
async fn those_who_were_cancelled_silently_are_free_while_the_conversation_goes_on() {
    let world = world(2, 1, "{}").await;
    world.incoming(call(1)).await;
    let attempts = world.record(call(1)).await.attempts;
    let target = |index: usize| attempts[index].via.counter();
    let answered = LegEvent {
        sid: Some(format!("CA{:032x}", 2).parse().unwrap()),
        ..ended(&world, Leg::Attempt(attempts[0].number), CallStatus::InProgress)
    };
    world.told(call(1), &answered).await;
    let child = |number: u32, to: &Destination, status| CarrierCall {
        sid: format!("CA{number:032x}").parse().unwrap(),
        status,
        to: match to {
            Destination::Number(number) => number.as_str().to_owned(),
            Destination::Sip(uri) => uri.as_str().to_owned(),
        },
        duration_s: None,
        started_at: None,
        ended_at: None,
    };
    world.clock.advance(121);
    let parent = child(1, &attempts[0].destination, CallStatus::InProgress);
    let children = vec![
        child(2, &attempts[0].destination, CallStatus::InProgress),
        child(3, &attempts[1].destination, CallStatus::Canceled),
    ];
    world.sweep(Carrier { parent: Some(parent), children }).await;
    assert_eq!((row(&world, target(0)).await.live, row(&world, target(1)).await.live), (1, 0));
    assert!(world.record(call(1)).await.closing.is_none());
}

/// Callers at the same moment, more than there is room for: no desk has more than it takes, nobody's room is lost, and a
/// crash in between is repaired by housekeeping.
#[tokio::test]
async fn many_callers_at_once_never_take_more_than_there_is() {
    let callers = 24;
    let world = world(4, 3, r#"{"concurrent": 9}"#).await;
    let incoming = (1..=callers).map(|number| {
        let world = &world;
        async move { world.incoming_from(call(number), &format!("+1415555{number:04}")).await }
    });
    let replies = join_all(incoming).await;
    let dialled = replies.iter().filter(|reply| dial(reply).is_some()).count();
    assert!((1..=9).contains(&dialled), "{dialled} calls at a cap of 9");
    assert_eq!(usize::try_from(row(&world, world.campaign).await.live).unwrap(), dialled);
    let mut rung = BTreeMap::<String, u32>::new();
    for number in replies.iter().flat_map(numbers) {
        *rung.entry(number.to_owned()).or_default() += 1;
    }
    for number in 0..4 {
        let live = row(&world, desk(number)).await.live;
        assert!(live <= 3);
        assert_eq!(rung.get(&format!("+1202555{number:04}")).copied().unwrap_or(0), live);
    }
    // Nobody tells us anything any more: Twilio does not know the legs.
    world.clock.advance(24 * 3_600);
    world.sweep(Carrier::default()).await;
    world.sweep(Carrier::default()).await;
    for number in 0..4 {
        assert_eq!(row(&world, desk(number)).await.live, 0);
    }
    assert_eq!(row(&world, BUYER).await.live, 0);
    assert_eq!(row(&world, world.campaign).await.live, 0);
}
