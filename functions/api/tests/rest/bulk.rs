//! The same deed to many things: each has its own outcome.

use serde_json::{Value, json};

use crate::support::{World, target};

async fn bulk(world: &World, path: &str, action: &str, ids: &[&str]) -> Vec<(String, Value)> {
    let answer =
        world.post(&format!("/api/{path}/bulk"), &json!({"action": action, "ids": ids})).await.ok(200);
    let outcomes = answer["outcomes"].as_array().unwrap().iter();
    outcomes
        .map(|outcome| {
            let code = outcome.get("code").unwrap_or(&outcome["outcome"]).as_str().unwrap().to_owned();
            assert_eq!(outcome["outcome"] == "refused", outcome.get("detail").is_some(), "{outcome}");
            (code, outcome.clone())
        })
        .collect()
}

fn codes(outcomes: &[(String, Value)]) -> Vec<&str> {
    outcomes.iter().map(|(code, _)| code.as_str()).collect()
}

#[tokio::test]
async fn each_target_is_switched_and_removed_by_itself() {
    let world = World::new().await;
    let own = world.set_up().await;
    world.publish(&own.campaign).await.ok(200);
    let free = world.post("/api/targets", &target("Free")).await.id();
    let theirs = world.send(&world.other_key, "POST", "/api/targets", Some(&target("Theirs"))).await.id();
    let ids = [own.target.as_str(), &free, &theirs, &free];

    let paused = bulk(&world, "targets", "pause", &ids).await;
    assert_eq!(codes(&paused), ["done", "done", "not_found"], "each once, in order");
    assert_eq!(paused[0].1["id"], own.target);
    assert_eq!(codes(&bulk(&world, "targets", "pause", &ids).await), ["done", "done", "not_found"]);
    for id in [&own.target, &free] {
        let shown = world.get(&format!("/api/targets/{id}")).await.ok(200);
        assert_eq!((&shown["status"], &shown["version"]), (&json!("paused"), &json!(2)));
    }
    assert_eq!(codes(&bulk(&world, "targets", "activate", &ids).await), ["done", "done", "not_found"]);
    assert_eq!(codes(&bulk(&world, "targets", "archive", &ids[..1]).await), ["invalid"]);

    let removed = bulk(&world, "targets", "delete", &ids).await;
    assert_eq!(codes(&removed), ["in_use", "done", "not_found"]);
    assert!(removed[0].1["detail"].as_str().unwrap().contains("Roofing"));
    world.get(&format!("/api/targets/{free}")).await.refused(404, "not_found");
    let theirs = world.send(&world.other_key, "GET", &format!("/api/targets/{theirs}"), None).await.ok(200);
    assert_eq!(theirs["version"], 1);
}

#[tokio::test]
async fn campaigns_are_activated_only_when_they_are_ready() {
    let world = World::new().await;
    let own = world.set_up().await;
    world.publish(&own.campaign).await.ok(200);
    let empty = world.post("/api/campaigns", &json!({"name": "Empty"})).await.id();
    let ids = [own.campaign.as_str(), &empty];
    assert_eq!(codes(&bulk(&world, "campaigns", "pause", &ids).await), ["done", "done"]);
    let activated = bulk(&world, "campaigns", "activate", &ids).await;
    assert_eq!(codes(&activated), ["done", "not_ready"]);
    assert_eq!(codes(&bulk(&world, "campaigns", "archive", &ids).await), ["done", "done"]);
    assert_eq!(codes(&bulk(&world, "campaigns", "activate", &ids).await), ["archived", "archived"]);
    assert_eq!(codes(&bulk(&world, "campaigns", "delete", &ids).await), ["in_use", "done"]);
}

#[tokio::test]
async fn the_last_destination_of_many_pauses_the_campaign_and_numbers_have_no_status() {
    let world = World::new().await;
    let own = world.set_up().await;
    world.publish(&own.campaign).await.ok(200);
    bulk(&world, "rtb-targets", "pause", &[&own.bidder]).await;
    let paused = bulk(&world, "targets", "pause", &[&own.target]).await;
    assert_eq!(paused[0].1["warnings"][0]["code"], "campaign_paused");
    assert_eq!(codes(&bulk(&world, "numbers", "pause", &[&own.number]).await), ["invalid"]);
    assert_eq!(codes(&bulk(&world, "numbers", "delete", &[&own.number]).await), ["done"]);
}

#[tokio::test]
async fn a_bad_request_does_nothing() {
    let world = World::new().await;
    let own = world.set_up().await;
    let many: Vec<String> = (0..101).map(|number| format!("TA{number:032x}")).collect();
    for (body, field) in [
        (json!({"action": "pause", "ids": []}), "ids"),
        (json!({"action": "pause", "ids": many}), "ids"),
        (json!({"action": "pause", "ids": [own.target, own.campaign]}), "ids[1]"),
        (json!({"action": "explode", "ids": [own.target]}), "action"),
        (json!({"ids": [own.target]}), "action"),
        (json!({"action": "pause", "ids": [own.target], "force": true}), "force"),
    ] {
        let problem = world.post("/api/targets/bulk", &body).await.refused(422, "invalid");
        assert_eq!(problem["fields"][0]["field"], field, "{problem}");
    }
    assert_eq!(world.get(&format!("/api/targets/{}", own.target)).await.ok(200)["version"], 1);
}
