//! Targets that agents answer: who is available, who comes first, and that nobody has two calls at once.

use app::dial_next::DialEnded;
use app::ports::{Counters, Step};
use domain::agent::Agent;
use domain::call::{CallStatus, Leg, LegEvent, Source};
use domain::ids::{AgentId, CallId, NumberPoolId, TargetId};
use domain::phone::Destination;
use domain::snapshot::Parts;
use domain::target::Target;
use domain::voice::{DialNoun, Reply, Verb};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::world::{BUYER, POOL, STATIC_TARGET, World};

fn call(number: u32) -> CallId {
    format!("RGB{number:032x}").parse().unwrap()
}

fn agent(number: u128) -> AgentId {
    AgentId::from_uuid(Uuid::from_u128(200 + number))
}

const DESK: TargetId = TargetId::from_uuid(Uuid::from_u128(100));

/// Anna speaks Spanish and has an extension, Ben speaks Spanish and works afternoons in New York, Carla does not speak it.
async fn world(team: Value) -> World {
    let people = [
        json!({"name": "Anna", "destination": {"number": "+12025550001"}, "extension": "ww204", "skills": ["Spanish "]}),
        json!({
            "name": "Ben", "destination": {"number": "+12025550002"}, "skills": ["spanish", "roofing"],
            "hours": {"week": {"sunday": [{"from": "13:00", "to": "18:00"}]}}, "time_zone": "America/New_York"
        }),
        json!({"name": "Carla", "destination": {"number": "+12025550003"}, "skills": ["roofing"]}),
    ];
    let agents = (0..).zip(people).map(|(number, body)| {
        let agent: Agent = serde_json::from_value(body).unwrap();
        (self::agent(number), agent)
    });
    let mut desk =
        json!({"name": "Desk", "buyer": BUYER, "agents": {"members": [agent(0), agent(1), agent(2)]}});
    for (field, value) in team.as_object().unwrap() {
        desk["agents"][field] = value.clone();
    }
    let desk: Target = serde_json::from_value(desk).unwrap();
    let parts = Parts { targets: [(DESK, desk)].into(), agents: agents.collect(), ..Parts::default() };
    World::planned(json!([{"target": DESK}, {"target": STATIC_TARGET, "priority": 2}]), parts, "{}").await
}

fn rung(reply: &Reply) -> Vec<DialNoun> {
    let dials =
        reply.verbs.iter().filter_map(|verb| if let Verb::Dial(dial) = verb { Some(dial) } else { None });
    dials.flat_map(|dial| dial.nouns.clone()).collect()
}

fn numbers(reply: &Reply) -> Vec<String> {
    let number = |noun: DialNoun| match noun.destination {
        Destination::Number(number) => number.as_str()[8..].to_owned(),
        Destination::Sip(uri) => uri.as_str().to_owned(),
    };
    rung(reply).into_iter().map(number).collect()
}

async fn passed(world: &World, call: CallId) -> Vec<(String, String)> {
    let Some((_, Step::Answered(answered))) = world.record(call).await.steps.pop() else {
        panic!("no answer")
    };
    let each = answered.decisions.each.into_iter();
    each.filter_map(|decision| Some((decision.name, decision.passed?.text()))).collect()
}

fn ended(world: &World, leg: Leg) -> LegEvent {
    LegEvent {
        leg,
        status: CallStatus::Completed,
        sequence: 3,
        source: Source::Callback,
        at: world.now(),
        duration_s: Some(60),
        sid: None,
    }
}

const NOBODY: DialEnded =
    DialEnded { caller: CallStatus::InProgress, dial: CallStatus::NoAnswer, child: None, talked_s: None };

/// It is Sunday, seven in the morning in New York.
#[tokio::test]
async fn an_agent_takes_one_call_at_a_time_and_the_longest_idle_comes_first() {
    let world = world(json!({})).await;
    let reply = world.incoming_from(call(1), "+14155550101").await;
    assert_eq!(numbers(&reply), ["0001"]);
    assert_eq!(rung(&reply)[0].send_digits.as_deref(), Some("ww204"));
    world.clock.advance(1);
    // Anna talks, and Ben is not there yet.
    assert_eq!(numbers(&world.incoming_from(call(2), "+14155550102").await), ["0003"]);
    // All agents are busy: the next place of the plan.
    assert_eq!(numbers(&world.incoming_from(call(3), "+14155550103").await), ["0199"]);
    let said =
        ["closed until Sun 13:00 America/New_York", "concurrent cap 1 reached", "concurrent cap 1 reached"];
    let names = ["Desk: Ben", "Desk: Anna", "Desk: Carla"];
    let expected: Vec<(String, String)> =
        names.into_iter().zip(said).map(|(name, said)| (name.to_owned(), said.to_owned())).collect();
    assert_eq!(passed(&world, call(3)).await, expected);
    // Anna and Carla are free again; Anna's last call is longer ago.
    for number in [1, 2] {
        world.told(call(number), &ended(&world, Leg::Attempt(0))).await;
        world.told(call(number), &ended(&world, Leg::Caller)).await;
    }
    assert_eq!(numbers(&world.incoming_from(call(4), "+14155550104").await), ["0001"]);
    let record = world.record(call(4)).await;
    assert_eq!(record.attempts[0].agent.as_ref().map(|agent| agent.name.as_str()), Some("Anna"));
    // She does not answer; nobody rings her twice in one call.
    assert_eq!(numbers(&world.dial_result(call(4), 1, &NOBODY).await), ["0003"]);
    assert_eq!(numbers(&world.dial_result(call(4), 2, &NOBODY).await), ["0199"]);
}

#[tokio::test]
async fn only_agents_with_the_skills_are_rung_and_away_is_effective_at_once() {
    let world = world(json!({"skills": ["SPANISH"], "ring": "together"})).await;
    world.clock.advance(6 * 3_600);
    assert_eq!(numbers(&world.incoming_from(call(1), "+14155550101").await), ["0001", "0002"]);
    world.dial_result(call(1), 1, &NOBODY).await;
    world.store.set_paused(world.tenant, &agent(0).into(), true).await.unwrap();
    assert_eq!(numbers(&world.incoming_from(call(2), "+14155550102").await), ["0002"]);
    assert_eq!(
        passed(&world, call(2)).await,
        [
            ("Desk: Anna".to_owned(), "away".to_owned()),
            ("Static target".to_owned(), "another destination came first".to_owned())
        ]
    );
}

/// A plan by pool: each target takes the calls of its own pool's numbers.
#[tokio::test]
async fn a_filter_asks_from_which_pool_the_dialled_number_is() {
    let other = NumberPoolId::from_uuid(Uuid::from_u128(11));
    let of_pool = |(number, pool): (u128, NumberPoolId)| -> (TargetId, Target) {
        let body = json!({
            "name": format!("Desk {number}"), "destination": {"number": format!("+1202555{number:04}")},
            "filter": {"tag": "DialedNumber:Pool", "is": "equals", "value": pool}
        });
        (TargetId::from_uuid(Uuid::from_u128(300 + number)), serde_json::from_value(body).unwrap())
    };
    let targets: std::collections::BTreeMap<_, _> = [(1, other), (2, POOL)].map(of_pool).into();
    let plan: Vec<Value> = targets.keys().map(|id| json!({"target": id})).collect();
    let world = World::planned(json!(plan), Parts { targets, ..Parts::default() }, "{}").await;
    assert_eq!(numbers(&world.incoming(call(1)).await), ["0002"]);
}

#[tokio::test]
async fn a_skill_that_nobody_has_is_told() {
    let world = world(json!({"skills": ["welsh"]})).await;
    assert_eq!(numbers(&world.incoming(call(1)).await), ["0199"]);
    let said = ("Desk".to_owned(), "none of its agents has the skills that it asks for".to_owned());
    assert_eq!(passed(&world, call(1)).await, [said]);
}
