//! What campaigns share: a change goes into every published campaign that uses it, and the last one pauses them.

use app::ports::Published;
use domain::ids::{CampaignId, TargetId};
use serde_json::{Value, json};

use crate::support::{World, bidder, campaign, target};

async fn version(world: &World, campaign: &str) -> Option<u64> {
    world.catalog.version(world.tenant, campaign.parse::<CampaignId>().unwrap()).await.unwrap()
}

async fn published_name(world: &World, campaign: &str, target: &str) -> String {
    let id: CampaignId = campaign.parse().unwrap();
    let version = world.catalog.version(world.tenant, id).await.unwrap().unwrap();
    let snapshot = world.catalog.snapshot(world.tenant, id, version).await.unwrap().unwrap();
    snapshot.targets[&target.parse::<TargetId>().unwrap()].name.clone()
}

fn warnings(answer: &Value) -> Vec<(&str, &str)> {
    answer
        .get("warnings")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .map(|warning| (warning["code"].as_str().unwrap(), warning["message"].as_str().unwrap()))
        .collect()
}

#[tokio::test]
async fn a_changed_target_is_published_in_every_campaign_that_uses_it_and_drafts_are_not() {
    let world = World::new().await;
    let own = world.set_up().await;
    let second = world.post("/api/campaigns", &campaign("Gutters", &own.target, &own.bidder)).await.id();
    let other_target = world.post("/api/targets", &target("Elsewhere")).await.id();
    let unconcerned = world.post("/api/campaigns", &campaign("Solar", &other_target, &own.bidder)).await.id();
    let unpublished = world.post("/api/campaigns", &campaign("Windows", &own.target, &own.bidder)).await.id();
    for campaign in [&own.campaign, &second, &unconcerned] {
        world.publish(campaign).await.ok(200);
    }
    let draft = json!({"version": 1, "description": "not finished", "time_limit_s": 60});
    world.patch(&format!("/api/campaigns/{second}"), &draft).await.ok(200);

    let address = format!("/api/targets/{}", own.target);
    let answer = world.patch(&address, &json!({"version": 1, "name": "Back desk"})).await.ok(200);
    assert_eq!(warnings(&answer), []);
    for campaign in [&own.campaign, &second] {
        assert_eq!(version(&world, campaign).await, Some(2));
        assert_eq!(published_name(&world, campaign, &own.target).await, "Back desk");
    }
    assert_eq!(version(&world, &unconcerned).await, Some(1));
    assert_eq!(version(&world, &unpublished).await, None);
    let snapshot = world.get(&format!("/api/campaigns/{second}/versions/2")).await.ok(200);
    assert_eq!(snapshot["campaign"]["description"], "", "the unfinished draft stayed a draft");

    // Nothing that calls depend on was changed: switching is effective without publishing.
    world.patch(&address, &json!({"version": 2, "status": "paused"})).await.ok(200);
    world.patch(&address, &json!({"version": 3, "status": "active"})).await.ok(200);
    world.patch(&address, &json!({"version": 4})).await.ok(200);
    assert_eq!(version(&world, &own.campaign).await, Some(2));
}

#[tokio::test]
async fn what_cannot_be_published_again_is_named_and_stays_as_it_was() {
    let world = World::new().await;
    let own = world.set_up().await;
    world.publish(&own.campaign).await.ok(200);
    let address = format!("/api/rtb-targets/{}", own.bidder);
    let answer = world.patch(&address, &json!({"version": 1, "currency": "EUR"})).await.ok(200);
    let warnings = warnings(&answer);
    assert_eq!((warnings.len(), warnings[0].0), (1, "not_republished"));
    assert!(warnings[0].1.contains("Roofing") && warnings[0].1.contains("EUR"), "{warnings:?}");
    assert_eq!(version(&world, &own.campaign).await, Some(1));
    let answer = world.patch(&address, &json!({"version": 2, "currency": "USD", "min_bid": 7})).await.ok(200);
    assert!(answer.get("warnings").is_none());
    assert_eq!(version(&world, &own.campaign).await, Some(2));
}

#[tokio::test]
async fn a_publication_that_came_in_between_is_built_upon() {
    let world = World::new().await;
    let own = world.set_up().await;
    world.publish(&own.campaign).await.ok(200);
    let address = format!("/api/targets/{}", own.target);
    world.patch(&address, &json!({"version": 1, "name": "One"})).await.ok(200);
    assert_eq!(version(&world, &own.campaign).await, Some(2));
    assert_eq!(published_name(&world, &own.campaign, &own.target).await, "One");
}

#[tokio::test]
async fn a_campaign_without_an_active_destination_is_paused_and_the_change_says_so() {
    let world = World::new().await;
    let own = world.set_up().await;
    world.publish(&own.campaign).await.ok(200);
    let pause = json!({"version": 1, "status": "paused"});
    let first = world.patch(&format!("/api/rtb-targets/{}", own.bidder), &pause).await.ok(200);
    assert_eq!(warnings(&first), [], "one destination is left");
    let last = world.patch(&format!("/api/targets/{}", own.target), &pause).await.ok(200);
    let told = warnings(&last);
    assert_eq!((told.len(), told[0].0), (1, "campaign_paused"));
    assert!(told[0].1.contains("Roofing"), "{told:?}");

    let address = format!("/api/campaigns/{}", own.campaign);
    let paused = world.get(&address).await.ok(200);
    assert_eq!(
        (&paused["status"], &paused["paused_reason"]),
        (&json!("paused"), &json!("no_active_destination"))
    );
    let flag = own.campaign.parse::<CampaignId>().unwrap().into();
    assert!(world.counters.is_paused(world.tenant, &flag));
    let log = world.get("/api/audit-log?actor=system").await.ok(200);
    assert_eq!(log["items"][0]["action"], "campaign.paused");
    assert_eq!(
        log["items"][0]["origin"]["request_id"], "JKJaXmPLvHcESHA=",
        "by which request it came to that"
    );

    // The reason is the platform's: it can be sent back, but not be changed, and goes when the campaign is active.
    let version = paused["version"].as_u64().unwrap();
    let none = json!({"version": version, "paused_reason": null});
    world.patch(&address, &none).await.refused(422, "invalid");
    let same = json!({"version": version, "paused_reason": "no_active_destination", "description": "x"});
    world.patch(&address, &same).await.ok(200);
    world
        .patch(&format!("/api/targets/{}", own.target), &json!({"version": 2, "status": "active"}))
        .await
        .ok(200);
    let active = world.send(&world.key, "POST", &format!("{address}/activate"), None).await.ok(200);
    assert_eq!((&active["status"], active.get("paused_reason")), (&json!("active"), None));
    assert!(!world.counters.is_paused(world.tenant, &flag));
}

#[tokio::test]
async fn a_deleted_last_destination_pauses_what_was_published_with_it() {
    let world = World::new().await;
    let target_id = world.post("/api/targets", &target("Front desk")).await.id();
    let bidder = world.post("/api/rtb-targets", &bidder("Unused")).await.id();
    let mut body = campaign("Roofing", &target_id, &bidder);
    body["auction"] = json!({});
    let campaign = world.post("/api/campaigns", &body).await.id();
    world.publish(&campaign).await.ok(200);
    world.patch(&format!("/api/campaigns/{campaign}"), &json!({"version": 1, "plan": []})).await.ok(200);
    let removed = world.delete(&format!("/api/targets/{target_id}")).await.ok(200);
    assert_eq!(warnings(&removed)[0].0, "campaign_paused");
    assert_eq!(world.get(&format!("/api/campaigns/{campaign}")).await.ok(200)["status"], "paused");
    assert_eq!(world.delete(&format!("/api/rtb-targets/{bidder}")).await.status, 204);
}

#[tokio::test]
async fn a_campaign_that_is_not_active_stays_as_it_is() {
    let world = World::new().await;
    let own = world.set_up().await;
    world.publish(&own.campaign).await.ok(200);
    let address = format!("/api/campaigns/{}", own.campaign);
    world.patch(&address, &json!({"version": 1, "status": "draft"})).await.ok(200);
    for (path, id) in [("targets", &own.target), ("rtb-targets", &own.bidder)] {
        let pause = json!({"version": 1, "status": "paused"});
        let answer = world.patch(&format!("/api/{path}/{id}"), &pause).await.ok(200);
        assert_eq!(warnings(&answer), []);
    }
    assert_eq!(world.get(&address).await.ok(200)["status"], "draft");
}

#[tokio::test]
async fn a_changed_group_or_ring_tree_is_published_with_those_who_came_new_into_it() {
    let world = World::new().await;
    let own = world.set_up().await;
    let body = json!({
        "name": "Shared", "status": "active",
        "plan": [{"target_group": own.group}], "ring_tree": own.tree
    });
    let campaign = world.post("/api/campaigns", &body).await.id();
    let second = world.post("/api/targets", &target("Second")).await.id();
    let members = |version: u64, ids: &[&String]| {
        let members: Vec<Value> = ids.iter().map(|id| json!({"target": id})).collect();
        json!({"version": version, "members": members})
    };
    let group = format!("/api/target-groups/{}", own.group);
    let now = world.get(&group).await.ok(200)["version"].as_u64().unwrap();
    world.patch(&group, &members(now, &[&own.target])).await.ok(200);
    world.publish(&campaign).await.ok(200);

    world.patch(&group, &members(now + 1, &[&own.target, &second])).await.ok(200);
    assert_eq!(version(&world, &campaign).await, Some(2));
    assert_eq!(published_name(&world, &campaign, &second).await, "Second");
    world.patch(&format!("/api/targets/{second}"), &json!({"version": 1, "name": "Third"})).await.ok(200);
    assert_eq!(published_name(&world, &campaign, &second).await, "Third");

    let tree = format!("/api/ring-trees/{}", own.tree);
    let now = world.get(&tree).await.ok(200)["version"].as_u64().unwrap();
    world.patch(&tree, &json!({"version": now, "deadline_ms": 900})).await.ok(200);
    assert_eq!(version(&world, &campaign).await, Some(4));
    let snapshot = world.get(&format!("/api/campaigns/{campaign}/versions/4")).await.ok(200);
    assert_eq!(snapshot["campaign"]["auction"]["deadline_ms"], 900);
    let ready = world.get(&format!("/api/campaigns/{campaign}/readiness")).await.ok(200);
    let changes = ready["checks"].as_array().unwrap().iter().find(|one| one["code"] == "unpublished_changes");
    assert_eq!(changes.unwrap()["state"], "ok", "{ready}");
    world.post(&format!("/api/campaigns/{campaign}/versions/1/restore"), &json!({})).await.ok(200);
}

#[tokio::test]
async fn an_emptied_group_and_a_paused_buyer_pause_the_campaign() {
    let world = World::new().await;
    let buyer = world.post("/api/buyers", &json!({"name": "The only one"})).await.id();
    let mut body = target("Theirs");
    body["buyer"] = json!(buyer);
    let theirs = world.post("/api/targets", &body).await.id();
    let group =
        world.post("/api/target-groups", &json!({"name": "G", "members": [{"target": theirs}]})).await.id();
    let body = json!({"name": "Shared", "status": "active", "plan": [{"target_group": group}]});
    let campaign = world.post("/api/campaigns", &body).await.id();
    world.publish(&campaign).await.ok(200);
    let address = format!("/api/campaigns/{campaign}");
    let activate = format!("{address}/activate");

    let paused = world
        .patch(&format!("/api/buyers/{buyer}"), &json!({"version": 1, "status": "paused"}))
        .await
        .ok(200);
    assert_eq!(warnings(&paused)[0].0, "campaign_paused");
    assert_eq!(world.get(&address).await.ok(200)["paused_reason"], "no_active_destination");
    world.post(&activate, &json!({})).await.refused(409, "not_ready");
    world.patch(&format!("/api/buyers/{buyer}"), &json!({"version": 2, "status": "active"})).await.ok(200);
    world.post(&activate, &json!({})).await.ok(200);

    let emptied = world
        .patch(&format!("/api/target-groups/{group}"), &json!({"version": 1, "members": []}))
        .await
        .ok(200);
    let told: Vec<&str> = warnings(&emptied).into_iter().map(|(code, _)| code).collect();
    assert_eq!(told, ["campaign_paused"]);
    assert_eq!(world.get(&address).await.ok(200)["status"], "paused");
}
