//! The audit log: who did what, found again, and nobody's number in it.

use app::clock::Clock;
use domain::audit::AuditEntry;
use http::header::{AUTHORIZATION, CONTENT_TYPE, USER_AGENT};
use jiff::SignedDuration;
use serde_json::{Value, json};
use testkit::fakes::some_entry;

use crate::support::{World, bidder, target};

async fn actions(world: &World, query: &str) -> Vec<String> {
    let page = world.get(&format!("/api/audit-log{query}")).await.ok(200);
    assert!(page.get("next").is_none(), "{page}");
    let items = page["items"].as_array().unwrap().iter();
    items.map(|item| item["action"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn every_change_is_told_with_who_what_before_after_when_and_from_where() {
    let world = World::new().await;
    let id = world.post("/api/targets", &target("Front desk")).await.id();
    let address = format!("/api/targets/{id}");
    let bearer = format!("Bearer {}", world.key);
    let headers =
        [(AUTHORIZATION, bearer.as_str()), (CONTENT_TYPE, "application/json"), (USER_AGENT, "curl/8.1")];
    let patch = json!({"version": 1, "caps": {"daily": 60}, "destination": {"number": "+12025550177"}});
    world.raw("PATCH", &address, &headers, patch.to_string()).await.ok(200);

    let page = world.get("/api/audit-log").await.ok(200);
    let entry = &page["items"][0];
    assert_eq!(entry["action"], "target.updated");
    assert_eq!((&entry["object"], &entry["name"]), (&json!(id), &json!("Front desk")));
    assert_eq!(
        entry["actor"],
        json!({"kind": "api_key", "id": "KY00000000000000000000000000000009", "name": "a test"})
    );
    assert_eq!(entry["origin"], json!({"agent": "curl/8.1", "request_id": "JKJaXmPLvHcESHA="}));
    assert_eq!(entry["at"], crate::support::NOW);
    let changes = entry["changes"].as_array().unwrap();
    assert_eq!(changes[0], json!({"field": "caps.daily", "before": 50, "after": 60}));
    assert_eq!(changes[1]["field"], "destination.number");
    let (before, after) = (changes[1]["before"].as_str().unwrap(), changes[1]["after"].as_str().unwrap());
    assert!(before.starts_with("202***0101 #") && after.starts_with("202***0177 #"), "{entry}");
    assert_ne!(before.split_once('#').unwrap().1, after.split_once('#').unwrap().1);
    assert_eq!(changes.len(), 2, "{entry}");

    // The same number is recognised again, in another thing.
    world.post("/api/targets", &target("Back desk")).await.ok(201);
    let page = world.get("/api/audit-log").await.ok(200);
    assert!(page["items"][0].to_string().contains(before), "{page}");
    assert!(!page.to_string().contains("2025550101"), "{page}");
}

#[tokio::test]
async fn what_is_refused_is_not_told() {
    let world = World::new().await;
    let own = world.set_up().await;
    let before = actions(&world, "").await;
    world.post("/api/targets", &target("Front desk")).await.refused(409, "taken");
    world
        .patch(&format!("/api/targets/{}", own.target), &json!({"version": 7}))
        .await
        .refused(409, "version_conflict");
    world.delete(&format!("/api/targets/{}", own.target)).await.refused(409, "in_use");
    world.catalog.overtake_next_write();
    world.delete(&format!("/api/numbers/{}", own.number)).await.refused(409, "version_conflict");
    world.patch(&format!("/api/targets/{}", own.target), &json!({"version": 1})).await.ok(200);
    assert_eq!(actions(&world, "").await, before);
}

#[tokio::test]
async fn phone_numbers_as_names_and_bidders_secrets_are_hidden() {
    let world = World::new().await;
    let own = world.set_up().await;
    let secret = json!({"version": 1, "headers": [["Authorization", "Bearer s3cret"]]});
    world.patch(&format!("/api/rtb-targets/{}", own.bidder), &secret).await.ok(200);
    world.delete(&format!("/api/numbers/{}", own.number)).await.ok(204);
    let page = world.get("/api/audit-log?action=phone_number").await.ok(200);
    assert_eq!(page["items"][0]["action"], "phone_number.deleted");
    assert_eq!(page["items"][0]["name"], "833***0100");
    let told = world.get("/api/audit-log").await.text;
    // With its sign: the sids of the fake network are made of the number's digits.
    for hidden in ["s3cret", "+18335550100", "2025550101", "2025550180"] {
        assert!(!told.contains(hidden), "{hidden}: {told}");
    }
    assert!(told.contains("Authorization"));
}

#[tokio::test]
async fn entries_are_found_by_object_actor_and_action() {
    let world = World::new().await;
    let own = world.set_up().await;
    world.publish(&own.campaign).await.ok(200);
    let pause = json!({"version": 1, "status": "paused"});
    world.patch(&format!("/api/rtb-targets/{}", own.bidder), &pause).await.ok(200);
    world.patch(&format!("/api/targets/{}", own.target), &pause).await.ok(200);

    let of = |object: &String| format!("?object={object}");
    assert_eq!(actions(&world, &of(&own.target)).await, ["target.updated", "target.created"]);
    assert_eq!(actions(&world, "?action=rtb_target").await, ["rtb_target.updated", "rtb_target.created"]);
    assert_eq!(actions(&world, "?action=target.created").await, ["target.created"]);
    assert_eq!(actions(&world, "?actor=system&action=campaign").await, ["campaign.paused"]);
    let key = "?actor=KY00000000000000000000000000000009&action=campaign";
    assert_eq!(actions(&world, key).await, ["campaign.published", "campaign.created"]);
    assert_eq!(actions(&world, "?month=2026-10").await, [] as [&str; 0]);
    assert_eq!(actions(&world, "?month=2026-11").await, actions(&world, "").await);
    assert_eq!(
        world.get("/api/audit-log?month=2026-10").await.ok(200)["searched_to"],
        "2026-10-01T00:00:00Z"
    );
    let theirs = world.send(&world.other_key, "GET", "/api/audit-log", None).await.ok(200);
    assert_eq!(theirs["items"], json!([]));
}

#[tokio::test]
async fn pages_follow_each_other_and_a_rare_filter_stops_at_its_budget() {
    let world = World::new().await;
    let first = world.post("/api/rtb-targets", &bidder("The first")).await.id();
    for second in 1..=2_300 {
        let at = world.clock.now() + SignedDuration::from_secs(second);
        let action = "target.updated".to_owned();
        world.desk.enter(&AuditEntry { action, ..some_entry(world.tenant, at) });
    }
    let page = world.get(&format!("/api/audit-log?object={first}")).await.ok(200);
    assert_eq!(page["items"], json!([]));
    assert!(page["searched_to"].as_str().unwrap() > crate::support::NOW);
    let next = page["next"].as_str().unwrap();
    let page = world.get(&format!("/api/audit-log?object={first}&cursor={next}")).await.ok(200);
    assert_eq!(page["items"][0]["action"], "rtb_target.created");
    assert_eq!((page.get("next"), &page["searched_to"]), (None, &json!("2026-11-01T00:00:00Z")));
    world.get(&format!("/api/audit-log?cursor={next}")).await.refused(400, "invalid_cursor");

    let mut seen = std::collections::BTreeSet::new();
    let (mut cursor, mut pages) = (String::new(), 0);
    loop {
        let page =
            world.get(&format!("/api/audit-log?action=target.updated&limit=170{cursor}")).await.ok(200);
        for item in page["items"].as_array().unwrap() {
            assert!(seen.insert(item["id"].as_str().unwrap().to_owned()), "twice: {item}");
        }
        pages += 1;
        let Some(next) = page.get("next").and_then(Value::as_str) else { break };
        cursor = format!("&cursor={next}");
    }
    assert_eq!((seen.len(), pages), (2_300, 14));
}

#[tokio::test]
async fn the_query_says_what_is_wrong_with_it() {
    let world = World::new().await;
    for (query, field) in [
        ("month=2026-13", "month"),
        ("month=2026-1", "month"),
        ("month=november", "month"),
        ("limit=0", "limit"),
        ("actor=", "actor"),
        ("who=me", "who"),
    ] {
        let problem = world.get(&format!("/api/audit-log?{query}")).await.refused(400, "invalid_query");
        assert_eq!(problem["fields"][0]["field"], field);
    }
}
