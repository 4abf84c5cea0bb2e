//! Create, read, change.

use serde_json::json;

use crate::support::{NOW, World, bidder, campaign, target};

#[tokio::test]
async fn a_created_thing_comes_back_with_its_defaults_and_its_address() {
    let world = World::new().await;
    let answer = world.post("/api/targets", &target("Front desk")).await;
    let created = answer.ok(201);
    let id = created["id"].as_str().unwrap();
    assert!(id.starts_with("TA") && id.len() == 34);
    assert_eq!(answer.headers["location"], format!("/api/targets/{id}"));
    assert_eq!(answer.headers["cache-control"], "no-store");
    assert_eq!(created["version"], 1);
    assert_eq!(created["created_at"], NOW);
    assert_eq!(created["status"], "active");
    assert_eq!(created["revenue"], json!({"fixed": 25_000_000}));
    assert_eq!(created["dial"]["timeout_s"], 20);
    assert_eq!(world.get(&format!("/api/targets/{id}")).await.ok(200), created);
}

#[tokio::test]
async fn each_noun_is_created_and_read() {
    let world = World::new().await;
    let own = world.set_up().await;
    for (path, id, field, value) in [
        ("campaigns", &own.campaign, "name", "Roofing"),
        ("targets", &own.target, "name", "Front desk"),
        ("rtb-targets", &own.bidder, "name", "Good bidder"),
        ("numbers", &own.number, "number", "+18335550100"),
        ("publishers", &own.publisher, "name", "Search Partners"),
        ("buyers", &own.buyer, "name", "Alpine"),
        ("target-groups", &own.group, "name", "Desks"),
        ("ring-trees", &own.tree, "name", "Everybody"),
        ("blocked-numbers", &own.blocked, "number", "+14155550199"),
    ] {
        assert_eq!(world.get(&format!("/api/{path}/{id}")).await.ok(200)[field], value);
    }
}

#[tokio::test]
async fn a_patch_changes_what_it_names_and_null_resets() {
    let world = World::new().await;
    let id = world.post("/api/targets", &target("Front desk")).await.id();
    world.clock.advance(60);
    let address = format!("/api/targets/{id}");
    let patch = json!({"version": 1, "caps": {"daily": null, "hourly": 5}, "dial": {"timeout_s": 35}});
    let changed = world.patch(&address, &patch).await.ok(200);
    assert_eq!(changed["version"], 2);
    assert_eq!(changed["updated_at"], "2026-11-22T12:01:00Z");
    assert_eq!(changed["created_at"], NOW);
    assert_eq!(changed["caps"]["daily"], json!(null));
    assert_eq!(changed["caps"]["hourly"], 5);
    assert_eq!(changed["dial"]["timeout_s"], 35);
    assert_eq!(changed["name"], "Front desk");
    let reset = world.patch(&address, &json!({"version": 2, "dial": null})).await.ok(200);
    assert_eq!(reset["dial"]["timeout_s"], 20);
    assert_eq!(world.get(&address).await.ok(200), reset);
}

#[tokio::test]
async fn a_patch_that_switches_an_alternative_clears_the_other() {
    let world = World::new().await;
    let id = world.post("/api/targets", &target("Front desk")).await.id();
    let address = format!("/api/targets/{id}");
    let both = json!({"version": 1, "destination": {"sip": "sip:desk@example.com"}});
    let problem = world.patch(&address, &both).await.refused(422, "invalid");
    assert_eq!(problem["fields"][0]["field"], "destination");
    assert_eq!(problem["fields"][0]["rule"], "one_of");
    let switch = json!({"version": 1, "destination": {"number": null, "sip": "sip:desk@example.com"}});
    let changed = world.patch(&address, &switch).await.ok(200);
    assert_eq!(changed["destination"], json!({"sip": "sip:desk@example.com"}));
}

#[tokio::test]
async fn a_patch_from_an_old_version_is_refused_and_changes_nothing() {
    let world = World::new().await;
    let id = world.post("/api/targets", &target("Front desk")).await.id();
    let address = format!("/api/targets/{id}");
    world.patch(&address, &json!({"version": 1, "name": "Desk"})).await.ok(200);
    let problem =
        world.patch(&address, &json!({"version": 1, "name": "Other"})).await.refused(409, "version_conflict");
    assert_eq!(problem["current_version"], 2);
    assert_eq!(world.get(&address).await.ok(200)["name"], "Desk");
}

#[tokio::test]
async fn of_two_patches_at_the_same_time_one_is_refused() {
    let world = World::new().await;
    let id = world.post("/api/targets", &target("Front desk")).await.id();
    world.catalog.overtake_next_write();
    let patch = json!({"version": 1, "name": "Desk"});
    world.patch(&format!("/api/targets/{id}"), &patch).await.refused(409, "version_conflict");
}

#[tokio::test]
async fn a_patch_without_a_version_says_so() {
    let world = World::new().await;
    let id = world.post("/api/targets", &target("Front desk")).await.id();
    let address = format!("/api/targets/{id}");
    for (patch, rule) in [
        (json!({"name": "Desk"}), "required"),
        (json!({"name": "Desk", "version": "1"}), "type"),
        (json!({"name": "Desk", "version": -1}), "type"),
        (json!({"name": "Desk", "version": null}), "type"),
    ] {
        let problem = world.patch(&address, &patch).await.refused(422, "invalid");
        assert_eq!(problem["fields"][0]["field"], "version");
        assert_eq!(problem["fields"][0]["rule"], rule);
    }
}

#[tokio::test]
async fn a_patch_that_changes_nothing_keeps_the_version() {
    let world = World::new().await;
    let id = world.post("/api/targets", &target("Front desk")).await.id();
    let patch = json!({"version": 1, "name": "Front desk"});
    assert_eq!(world.patch(&format!("/api/targets/{id}"), &patch).await.ok(200)["version"], 1);
}

#[tokio::test]
async fn names_are_unique_and_free_again_after_a_rename() {
    let world = World::new().await;
    let first = world.post("/api/targets", &target("One")).await.id();
    let second = world.post("/api/targets", &target("Two")).await.id();
    let problem = world.post("/api/targets", &target("One")).await.refused(409, "taken");
    assert_eq!(problem["fields"][0]["field"], "name");
    world
        .patch(&format!("/api/targets/{second}"), &json!({"version": 1, "name": "One"}))
        .await
        .refused(409, "taken");
    world.patch(&format!("/api/targets/{first}"), &json!({"version": 1, "name": "Three"})).await.ok(200);
    world.post("/api/targets", &target("One")).await.ok(201);
    world.post("/api/rtb-targets", &bidder("One")).await.ok(201);
}

#[tokio::test]
async fn a_number_stays_the_number_it_is() {
    let world = World::new().await;
    let id = world.post("/api/numbers", &world.number("+18335550100", None)).await.id();
    let patch = json!({"version": 1, "number": "+18335550101"});
    let problem = world.patch(&format!("/api/numbers/{id}"), &patch).await.refused(422, "invalid");
    assert_eq!(problem["fields"][0]["rule"], "fixed");
}

#[tokio::test]
async fn patches_cannot_make_a_thing_grow_without_end() {
    let world = World::new().await;
    let own = world.set_up().await;
    let headers: Vec<(String, &str)> =
        (0..20).map(|number| (format!("X-{number}-{}", "a".repeat(12_500)), "1")).collect();
    let address = format!("/api/rtb-targets/{}", own.bidder);
    let answer = world.patch(&address, &json!({"version": 1, "headers": headers})).await;
    assert_eq!(answer.status, 200, "{}", &answer.text[..answer.text.len().min(300)]);
    let body = format!("{{\"note\": \"{}\"}}", "b".repeat(16_000));
    let problem = world.patch(&address, &json!({"version": 2, "body": body})).await.refused(422, "invalid");
    assert_eq!(problem["fields"][0]["rule"], "size");
}

#[tokio::test]
async fn merge_patch_has_its_own_content_type_too() {
    let world = World::new().await;
    let own = world.set_up().await;
    let bearer = format!("Bearer {}", world.key);
    let headers = [
        (http::header::AUTHORIZATION, bearer.as_str()),
        (http::header::CONTENT_TYPE, "application/merge-patch+json; charset=utf-8"),
    ];
    let address = format!("/api/campaigns/{}", own.campaign);
    let answer = world.raw("PATCH", &address, &headers, r#"{"version": 1, "status": "paused"}"#).await;
    assert_eq!(answer.ok(200)["status"], "paused");
}

#[tokio::test]
async fn what_there_is_no_room_for_is_refused_with_a_code_of_its_own() {
    let world = World::new().await;
    let own = world.set_up().await;
    world.catalog.be_full(true);
    for path in ["/api/publishers", "/api/buyers", "/api/target-groups", "/api/ring-trees"] {
        let problem = world.post(path, &json!({"name": "One more"})).await.refused(409, "limit_reached");
        assert!(problem["detail"].as_str().unwrap().contains("5000"), "{problem}");
    }
    let rename = json!({"version": 1, "name": "Renamed"});
    world.patch(&format!("/api/buyers/{}", own.buyer), &rename).await.ok(200);
    world.catalog.be_full(false);
    world.post("/api/publishers", &json!({"name": "One more"})).await.ok(201);
}

#[tokio::test]
async fn a_campaign_refers_to_things_that_exist() {
    let world = World::new().await;
    let own = world.set_up().await;
    let nowhere = format!("TA{}", "0".repeat(32));
    let problem = world
        .post("/api/campaigns", &campaign("Siding", &nowhere, &own.bidder))
        .await
        .refused(422, "invalid");
    assert_eq!(
        problem["fields"],
        json!([{
            "field": "plan[0].target", "rule": "exists", "message": format!("there is no target {nowhere}")
        }])
    );
}
