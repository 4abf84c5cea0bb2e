//! A POST that is sent again with its key is done once.

use http::header::{AUTHORIZATION, CONTENT_TYPE, HeaderName};
use serde_json::{Value, json};

use crate::support::{Answer, World, target};

const KEY: HeaderName = HeaderName::from_static("idempotency-key");

async fn post(world: &World, token: &str, key: &str, path: &str, body: &Value) -> Answer {
    let bearer = format!("Bearer {token}");
    let headers = [(AUTHORIZATION, bearer.as_str()), (CONTENT_TYPE, "application/json"), (KEY, key)];
    world.raw("POST", path, &headers, body.to_string()).await
}

#[tokio::test]
async fn the_second_time_gets_the_first_answer() {
    let world = World::new().await;
    let body = target("Front desk");
    let first = post(&world, &world.key, "one", "/api/targets", &body).await;
    assert!(first.headers.get("idempotency-replayed").is_none());
    let second = post(&world, &world.key, "one", "/api/targets", &body).await;
    assert_eq!(second.headers["idempotency-replayed"], "true");
    assert_eq!((second.status, &second.text), (201, &first.text));
    assert_eq!(second.headers["location"], first.headers["location"]);
    assert_eq!(second.content_type, first.content_type);
    assert_eq!(world.catalog.len(), 1);
    // Without the key it is a request of its own.
    world.post("/api/targets", &body).await.refused(409, "taken");
}

#[tokio::test]
async fn a_key_belongs_to_one_request() {
    let world = World::new().await;
    post(&world, &world.key, "one", "/api/targets", &target("Front desk")).await.ok(201);
    post(&world, &world.key, "one", "/api/targets", &target("Back desk")).await.refused(422, "key_reused");
    post(&world, &world.key, "one", "/api/buyers", &target("Front desk")).await.refused(422, "key_reused");
    assert_eq!(world.catalog.len(), 1);
}

#[tokio::test]
async fn a_key_belongs_to_one_credential() {
    let world = World::new().await;
    let body = target("Front desk");
    let first = post(&world, &world.key, "one", "/api/targets", &body).await.id();
    let theirs = post(&world, &world.other_key, "one", "/api/targets", &body).await.id();
    assert_ne!(first, theirs);
}

#[tokio::test]
async fn what_was_refused_may_be_tried_again() {
    let world = World::new().await;
    let mut body = target("Front desk");
    body["caps"] = json!({"daily": -1});
    post(&world, &world.key, "one", "/api/targets", &body).await.refused(422, "invalid");
    post(&world, &world.key, "one", "/api/targets", &target("Front desk")).await.ok(201);
    world.counters.be_busy(true);
    let mut paused = target("Back desk");
    paused["status"] = json!("paused");
    post(&world, &world.key, "two", "/api/targets", &paused).await.refused(503, "busy");
    world.counters.be_busy(false);
    post(&world, &world.key, "two", "/api/targets", &paused).await.ok(201);
}

#[tokio::test]
async fn whoever_may_not_do_it_any_more_gets_no_kept_answer() {
    let world = World::new().await;
    let token = world.new_key(world.tenant, &["targets:write"], None).await;
    let body = target("Front desk");
    post(&world, &token, "one", "/api/targets", &body).await.ok(201);
    world.store_key(&token, world.tenant, &["targets:read"], None).await;
    post(&world, &token, "one", "/api/targets", &body).await.refused(403, "missing_scope");
}

#[tokio::test]
async fn a_key_is_visible_text_of_a_sensible_length() {
    let world = World::new().await;
    for key in ["", "with space", "\u{e9}", &"x".repeat(256)] {
        post(&world, &world.key, key, "/api/targets", &target("A")).await.refused(400, "invalid_header");
    }
    assert!(world.catalog.is_empty());
}

#[tokio::test]
async fn after_a_day_the_key_is_free() {
    let world = World::new().await;
    post(&world, &world.key, "one", "/api/targets", &target("Front desk")).await.ok(201);
    world.clock.advance(24 * 3600);
    post(&world, &world.key, "one", "/api/targets", &target("Back desk")).await.ok(201);
}
