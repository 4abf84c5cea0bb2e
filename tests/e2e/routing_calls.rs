//! Whole calls about who gets the call: failover, buyers at their cap, hours, callers who ring again, conversations that were
//! too short. Run against any deployment; the books are looked at each time.

use std::time::Duration;

use serde_json::{Value, json};
use testkit::phone::{CalleeScript, Journey};

use crate::scene::{Deployment, STATIC_TARGET, Scene, shown};
use crate::whole_calls::books;

const DESK: &str = "+12025550151";
const SPARE: &str = "+12025550152";

/// All of them.
pub async fn all(deployment: &Deployment) {
    the_next_in_the_plan_is_dialled_until_somebody_answers(deployment).await;
    a_buyer_at_its_cap_gets_no_call(deployment).await;
    a_closed_target_is_passed_over_and_says_until_when(deployment).await;
    a_caller_who_rings_again_reaches_who_they_talked_to(deployment).await;
    a_conversation_that_was_too_short_goes_to_the_next_target(deployment).await;
    agents_ring_together_and_the_first_who_answers_has_the_call(deployment).await;
}

/// A further target, worth 10.00 when it converts after 30 seconds; with these fields.
async fn target(scene: &Scene<'_>, name: &str, number: &str, more: Value) -> String {
    let mut body = json!({
        "name": format!("{name} {}", scene.number), "destination": {"number": number},
        "revenue": {"fixed": 10_000_000}, "conversion": {"length": {"seconds": 30, "from": "connect"}},
    });
    for (field, value) in more.as_object().into_iter().flatten() {
        body[field] = value.clone();
    }
    scene.deployment.create("/api/targets", body).await
}

/// The campaign's plan, one priority after the other, published.
async fn plan(scene: &Scene<'_>, targets: &[&str], more: Value) {
    let places = targets.iter().enumerate();
    let places: Vec<Value> =
        places.map(|(place, target)| json!({"target": target, "priority": place + 1})).collect();
    let mut change = json!({"plan": places});
    for (field, value) in more.as_object().into_iter().flatten() {
        change[field] = value.clone();
    }
    scene.change(&format!("/api/campaigns/{}", scene.campaign), change).await;
    let publish = format!("/api/campaigns/{}/publish", scene.campaign);
    scene.deployment.ok("POST", &publish, None).await;
}

/// Codes and words of the decisions of a call's first step.
async fn first_decisions(scene: &Scene<'_>, journey: &Journey) -> Vec<(String, String)> {
    let steps = scene.read(journey, "/decisions").await;
    let decisions = steps["items"][0]["decisions"].as_array().unwrap().iter();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    decisions.map(|decision| (text(&decision["code"]), text(&decision["text"]))).collect()
}

pub async fn the_next_in_the_plan_is_dialled_until_somebody_answers(deployment: &Deployment) {
    let scene = deployment.scene(&[]).await;
    let desk = target(&scene, "Desk", DESK, json!({})).await;
    let spare = target(&scene, "Spare", SPARE, json!({})).await;
    plan(&scene, &[&scene.target, &desk, &spare], json!({})).await;
    let script = scene
        .script(301)
        .callee(STATIC_TARGET, CalleeScript::busy())
        .callee(DESK, CalleeScript::fails(503))
        .callee(SPARE, CalleeScript::answers(2, 95));
    let journey = scene.call(script).await;
    assert_eq!(journey.destinations(), [STATIC_TARGET, DESK, SPARE], "{}", shown(&journey));
    assert_eq!(books(&scene, &journey).await, (10_000_000, 6_000_000, 4_000_000));
}

pub async fn a_buyer_at_its_cap_gets_no_call(deployment: &Deployment) {
    let scene = deployment.scene(&[]).await;
    let desk = target(&scene, "Desk", DESK, json!({})).await;
    scene.change(&format!("/api/buyers/{}", scene.buyer), json!({"caps": {"daily": 1}})).await;
    plan(&scene, &[&scene.target, &desk], json!({})).await;
    let answers = |seed| {
        let script = scene.script(seed).callee(STATIC_TARGET, CalleeScript::answers(2, 95));
        script.callee(DESK, CalleeScript::answers(2, 95))
    };
    let first = scene.call(answers(311)).await;
    assert_eq!(first.destinations(), [STATIC_TARGET], "{}", shown(&first));
    assert_eq!(books(&scene, &first).await, (20_000_000, 12_000_000, 8_000_000));
    let second = scene.call(answers(312)).await;
    assert_eq!(second.destinations(), [DESK], "{}", shown(&second));
    assert_eq!(books(&scene, &second).await, (10_000_000, 6_000_000, 4_000_000));
    let passed = &first_decisions(&scene, &second).await[0];
    assert_eq!(passed, &("cap_reached".to_owned(), "its buyer's daily cap 1 reached".to_owned()));
}

pub async fn a_closed_target_is_passed_over_and_says_until_when(deployment: &Deployment) {
    let scene = deployment.scene(&[]).await;
    let closed = json!({"hours": {"week": {
        "monday": [], "tuesday": [], "wednesday": [], "thursday": [], "friday": [], "saturday": [], "sunday": [],
    }}});
    let desk = target(&scene, "Closed desk", DESK, closed).await;
    plan(&scene, &[&desk, &scene.target], json!({})).await;
    let script = scene.script(321).callee(STATIC_TARGET, CalleeScript::answers(2, 95));
    let journey = scene.call(script.callee(DESK, CalleeScript::answers(2, 95))).await;
    assert_eq!(journey.destinations(), [STATIC_TARGET], "{}", shown(&journey));
    assert_eq!(books(&scene, &journey).await, (20_000_000, 12_000_000, 8_000_000));
    assert_eq!(first_decisions(&scene, &journey).await[0].0, "closed");
}

pub async fn a_caller_who_rings_again_reaches_who_they_talked_to(deployment: &Deployment) {
    let scene = deployment.scene(&[]).await;
    let desk = target(&scene, "Desk", DESK, json!({})).await;
    let rule = json!({"duplicates": {"counts": "previously_connected", "action": "original_target"}});
    plan(&scene, &[&scene.target, &desk], rule).await;
    let script = scene.script(331).callee(STATIC_TARGET, CalleeScript::busy());
    let first = scene.call(script.callee(DESK, CalleeScript::answers(0, 95))).await;
    assert_eq!(first.destinations(), [STATIC_TARGET, DESK], "{}", shown(&first));
    assert_eq!(books(&scene, &first).await, (10_000_000, 6_000_000, 4_000_000));
    // Conversations take no time here; what began in the same second is not "before".
    tokio::time::sleep(Duration::from_secs(2)).await;
    let answers = scene.script(332).callee(STATIC_TARGET, CalleeScript::answers(2, 95));
    let again = scene.call(answers.callee(DESK, CalleeScript::answers(0, 95))).await;
    assert_eq!(again.destinations(), [DESK], "{}", shown(&again));
    assert_eq!(books(&scene, &again).await, (10_000_000, 6_000_000, 4_000_000));
}

pub async fn a_conversation_that_was_too_short_goes_to_the_next_target(deployment: &Deployment) {
    let scene = deployment.scene(&[]).await;
    let desk = target(&scene, "Desk", DESK, json!({})).await;
    plan(&scene, &[&scene.target, &desk], json!({"recovery": {"shorter_than_s": 20}})).await;
    let script = scene.script(341).callee(STATIC_TARGET, CalleeScript::answers(2, 8));
    let journey = scene.call(script.callee(DESK, CalleeScript::answers(2, 95))).await;
    assert_eq!(journey.destinations(), [STATIC_TARGET, DESK], "{}", shown(&journey));
    assert_eq!(books(&scene, &journey).await, (10_000_000, 6_000_000, 4_000_000));
}

/// Anna and Ben ring at the same time, and Ben is quicker: the call is his, and both are free for the next one.
pub async fn agents_ring_together_and_the_first_who_answers_has_the_call(deployment: &Deployment) {
    let scene = deployment.scene(&[]).await;
    let mut agents = Vec::new();
    for (name, number) in [("Anna", DESK), ("Ben", SPARE)] {
        let body = json!({"name": format!("{name} {}", scene.number), "destination": {"number": number}});
        agents.push(deployment.create("/api/agents", body).await);
    }
    let team = json!({"destination": null, "agents": {"members": agents, "ring": "together"}});
    let desk = target(&scene, "Team", DESK, team).await;
    plan(&scene, &[&desk, &scene.target], json!({})).await;
    for seed in [351, 352] {
        let script = scene.script(seed).callee(DESK, CalleeScript::answers(9, 20));
        let journey = scene.call(script.callee(SPARE, CalleeScript::answers(2, 95))).await;
        let mut rung = journey.destinations();
        rung.sort_unstable();
        let decided = first_decisions(&scene, &journey).await;
        assert_eq!(rung, [DESK, SPARE], "{seed} {decided:?} {}", shown(&journey));
        assert_eq!(books(&scene, &journey).await, (10_000_000, 6_000_000, 4_000_000));
        let call = scene.read(&journey, "").await;
        let attempts = call["attempts"].as_array().unwrap();
        let talked: Vec<&str> = attempts
            .iter()
            .filter(|attempt| attempt["status"] == "completed")
            .map(|attempt| attempt["agent"]["name"].as_str().unwrap())
            .collect();
        assert_eq!(talked, [format!("Ben {}", scene.number)]);
    }
}
