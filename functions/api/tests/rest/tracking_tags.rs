//! Tracking tags and URL parameters: what they take, what they refer to, and what is shown to everybody.

use serde_json::{Value, json};

use crate::support::{SetUp, World};

async fn pool(world: &World) -> String {
    world.post("/api/number-pools", &json!({"name": "Search ads"})).await.id()
}

fn tag(name: &str, own: &SetUp, shows: Value) -> Value {
    json!({"name": name, "campaign": own.campaign, "publisher": own.publisher, "shows": shows})
}

/// The tag with one field in place of what it was.
fn with(tag: &Value, field: &str, value: Value) -> Value {
    let mut tag = tag.clone();
    tag[field] = value;
    tag
}

#[tokio::test]
async fn a_tag_comes_back_with_its_defaults() {
    let world = World::new().await;
    let own = world.set_up().await;
    let pool = pool(&world).await;
    let body = tag("Landing page", &own, json!({"pool": pool}));
    let created = world.post("/api/tracking-tags", &body).await.ok(201);
    assert!(created["id"].as_str().unwrap().starts_with("TT"), "{created}");
    assert_eq!(created["status"], "active");
    assert_eq!(created["refuse_bots"], true);
    assert_eq!(created["default_number"], json!(null));
    assert_eq!(created["replace"], json!({"selectors": [], "numbers": [], "shadow": false}));
    let address = format!("/api/tracking-tags/{}", created["id"].as_str().unwrap());
    let paused = world.patch(&address, &json!({"version": 1, "status": "paused"})).await.ok(200);
    assert_eq!((&paused["status"], &paused["version"]), (&json!("paused"), &json!(2)));
    world.delete(&address).await.ok(204);
}

#[tokio::test]
async fn what_a_tag_names_exists_and_stays() {
    let world = World::new().await;
    let own = world.set_up().await;
    let pool = pool(&world).await;
    let nowhere = format!("NU{}", "0".repeat(32));
    let lost = tag("Lost", &own, json!({"pool": nowhere}));
    let problem = world.post("/api/tracking-tags", &lost).await.refused(422, "invalid");
    assert_eq!(
        (&problem["fields"][0]["field"], &problem["fields"][0]["rule"]),
        (&json!("shows.pool"), &json!("exists"))
    );

    let body = tag("Landing page", &own, json!({"pool": pool}));
    let of_pool = world.post("/api/tracking-tags", &body).await.id();
    let fixed =
        world.post("/api/tracking-tags", &tag("Banner", &own, json!({"number": own.number}))).await.id();
    for (path, id, users) in [
        ("number-pools", &pool, vec![("Landing page", &of_pool)]),
        ("numbers", &own.number, vec![("Banner", &fixed)]),
        ("publishers", &own.publisher, vec![("Landing page", &of_pool), ("Banner", &fixed)]),
    ] {
        let problem = world.delete(&format!("/api/{path}/{id}")).await.refused(409, "in_use");
        let mut used_by = problem["used_by"].as_array().unwrap().clone();
        used_by.sort_by_key(|user| user["id"].to_string());
        let mut expected: Vec<Value> = users
            .into_iter()
            .map(|(name, id)| json!({"kind": "tracking_tag", "id": id, "name": name}))
            .collect();
        expected.sort_by_key(|user| user["id"].to_string());
        assert_eq!(used_by, expected, "{path}");
    }
    let problem = world.delete(&format!("/api/campaigns/{}", own.campaign)).await.refused(409, "in_use");
    assert!(problem["used_by"].as_array().unwrap().iter().any(|user| user["name"] == "Banner"), "{problem}");
}

#[tokio::test]
async fn a_page_would_break_over_these_so_they_are_refused() {
    let world = World::new().await;
    let own = world.set_up().await;
    let good = tag("Landing page", &own, json!({"pool": pool(&world).await}));
    let selectors =
        |selector: &str| ("replace", json!({"selectors": [selector]}), "replace.selectors[0]", "selector");
    let origin = |origin: &str| ("allowed_origins", json!([origin]), "allowed_origins[0]", "origin");
    let keep = |name: &str, rule| ("keep", json!([name]), "keep[0]", rule);
    for (field, value, at, rule) in [
        selectors(""),
        selectors(".phone)"),
        selectors(".phone]"),
        selectors(":is(.phone"),
        selectors("a[href^='tel:]"),
        selectors(":is(.a])"),
        selectors(".phone { color: red }"),
        selectors("<script>"),
        origin("https://www.example.com/"),
        origin("https://www.example.com:443"),
        origin("http://www.example.com:80"),
        origin("HTTPS://www.example.com"),
        origin("https://Example.com"),
        origin("https://*.example.com"),
        origin("www.example.com"),
        origin("ftp://www.example.com"),
        origin("null"),
        keep("url", "reserved"),
        keep("referrer", "reserved"),
        keep("at", "reserved"),
        keep("sub id", "parameter"),
        keep("", "parameter"),
        keep("sub&id", "parameter"),
        ("replace", json!({"selectors": vec![".a"; 21]}), "replace.selectors", "count"),
        ("keep", json!(vec!["a"; 21]), "keep", "count"),
    ] {
        let problem = world.post("/api/tracking-tags", &with(&good, field, value.clone())).await;
        let problem = problem.refused(422, "invalid");
        assert_eq!(
            (&problem["fields"][0]["field"], &problem["fields"][0]["rule"]),
            (&json!(at), &json!(rule)),
            "{value}"
        );
    }
    let both = with(&good, "shows", json!({"pool": format!("NU{}", "0".repeat(32)), "number": own.number}));
    world.post("/api/tracking-tags", &both).await.refused(422, "invalid");
}

#[tokio::test]
async fn these_are_taken() {
    let world = World::new().await;
    let own = world.set_up().await;
    let mut body = tag("Landing page", &own, json!({"pool": pool(&world).await}));
    body["replace"] = json!({
        "selectors": [".phone", "a[href^='tel:']", ":is(h1, h2) > .number:not([data-own=\")\"])"],
        "numbers": ["+12025550180"],
        "shadow": true,
    });
    body["allowed_origins"] =
        json!(["https://www.example.com", "http://localhost:3000", "https://a-b.example:8443"]);
    body["keep"] = json!(["sub_id", "aff-1", "x.y", "URL"]);
    let created = world.post("/api/tracking-tags", &body).await.ok(201);
    for field in ["replace", "allowed_origins", "keep"] {
        assert_eq!(created[field], body[field]);
    }
}

#[tokio::test]
async fn a_number_that_everybody_is_shown_stands_in_no_pool() {
    let world = World::new().await;
    let own = world.set_up().await;
    let pool = pool(&world).await;
    let number = format!("/api/numbers/{}", own.number);
    let fixed = tag("Banner", &own, json!({"number": own.number}));
    let id = world.post("/api/tracking-tags", &fixed).await.id();
    let banner = format!("/api/tracking-tags/{id}");

    let problem = world.patch(&number, &json!({"version": 1, "pool": pool})).await.refused(409, "in_use");
    assert_eq!(problem["used_by"], json!([{"kind": "tracking_tag", "id": id, "name": "Banner"}]));
    // A paused tag shows nothing.
    world.patch(&banner, &json!({"version": 1, "status": "paused"})).await.ok(200);
    let entered = world.patch(&number, &json!({"version": 1, "pool": pool})).await.ok(200);
    assert_eq!(entered["pool"], json!(pool));
    for (path, method, body, at) in [
        (banner.as_str(), "PATCH", json!({"version": 2, "status": "active"}), "shows.number"),
        ("/api/tracking-tags", "POST", with(&fixed, "name", json!("Another")), "shows.number"),
        (
            "/api/tracking-tags",
            "POST",
            with(&tag("Third", &own, json!({"pool": pool})), "default_number", json!("+18335550100")),
            "default_number",
        ),
        (
            "/api/number-pools",
            "POST",
            json!({"name": "Two", "overflow": {"number": "+18335550100"}}),
            "overflow.number",
        ),
    ] {
        let problem = world.send(&world.key, method, path, Some(&body)).await.refused(422, "invalid");
        assert_eq!(
            (&problem["fields"][0]["field"], &problem["fields"][0]["rule"]),
            (&json!(at), &json!("in_pool"))
        );
    }

    world.patch(&number, &json!({"version": 2, "pool": null})).await.ok(200);
    world.patch(&banner, &json!({"version": 2, "status": "active"})).await.ok(200);
    world.delete(&banner).await.ok(204);
    for (path, body, kind) in [
        (
            "/api/tracking-tags",
            with(&tag("Third", &own, json!({"pool": pool})), "default_number", json!("+18335550100")),
            "tracking_tag",
        ),
        ("/api/number-pools", json!({"name": "Two", "overflow": {"number": "+18335550100"}}), "number_pool"),
    ] {
        let id = world.post(path, &body).await.id();
        let problem = world.patch(&number, &json!({"version": 3, "pool": pool})).await.refused(409, "in_use");
        assert_eq!(
            (&problem["used_by"][0]["kind"], &problem["used_by"][0]["id"]),
            (&json!(kind), &json!(id))
        );
        world.delete(&format!("{path}/{id}")).await.ok(204);
    }
    world.patch(&number, &json!({"version": 3, "pool": pool})).await.ok(200);
}

#[tokio::test]
async fn only_we_write_where_a_number_stands() {
    let world = World::new().await;
    let own = world.set_up().await;
    let pool = pool(&world).await;
    for (path, field, value) in [
        (format!("/api/number-pools/{pool}"), "shards", json!(3)),
        (format!("/api/numbers/{}", own.number), "pool_shard", json!(1)),
        (format!("/api/numbers/{}", own.number), "left_pool_at", json!("2026-11-22T12:00:00Z")),
    ] {
        let problem = world.patch(&path, &json!({"version": 1, field: value})).await.refused(422, "invalid");
        assert_eq!(
            (&problem["fields"][0]["field"], &problem["fields"][0]["rule"]),
            (&json!(field), &json!("read_only"))
        );
    }
}

#[tokio::test]
async fn a_url_parameter_reports_as_a_tag_of_ones_own() {
    let world = World::new().await;
    let created = world.post("/api/url-parameters", &json!({"name": "sub_id"})).await.ok(201);
    assert!(created["id"].as_str().unwrap().starts_with("UP"), "{created}");
    assert_eq!(created["reports_as"], "User:sub_id");
    let address = format!("/api/url-parameters/{}", created["id"].as_str().unwrap());
    let named = world.patch(&address, &json!({"version": 1, "reports_as": "User:Network id"})).await.ok(200);
    assert_eq!(named["reports_as"], "User:Network id");
    let reset = world.patch(&address, &json!({"version": 2, "reports_as": null})).await.ok(200);
    assert_eq!(reset["reports_as"], "User:sub_id");
    world.post("/api/url-parameters", &json!({"name": "sub_id"})).await.refused(409, "taken");
    world.post("/api/url-parameters", &json!({"name": "SUB_ID"})).await.ok(201);
    world.post("/api/url-parameters", &json!({"name": "_id", "reports_as": "User:id"})).await.ok(201);
    for (body, field, rule) in [
        (json!({"name": "referrer"}), "name", "reserved"),
        (json!({"name": "two words"}), "name", "parameter"),
        (json!({"name": "_x"}), "reports_as", "required"),
        (json!({"name": "a", "reports_as": "InboundNumber:State"}), "reports_as", "category"),
        (json!({"name": "a", "reports_as": "Campaign:Name"}), "reports_as", "category"),
        (json!({"name": "a", "reports_as": "zip"}), "reports_as", "type"),
    ] {
        let problem = world.post("/api/url-parameters", &body).await.refused(422, "invalid");
        let found = problem["fields"].as_array().unwrap().iter().find(|problem| problem["field"] == field);
        assert!(found.is_some_and(|found| found["rule"] == rule || rule == "type"), "{body}: {problem}");
    }
    world.delete(&address).await.ok(204);
}
