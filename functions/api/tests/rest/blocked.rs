//! Blocked callers: set up, found, and shown to those who may see numbers.

use app::ports::BlockedCallers;
use domain::blocked::BlockPattern;
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::support::World;

/// Whether a call from this number would be refused now.
async fn is_blocked(world: &World, from: &str, at: &str) -> bool {
    let at: Timestamp = at.parse().unwrap();
    let blocks = world.catalog.blocks(world.tenant, &BlockPattern::of_caller(from)).await.unwrap();
    blocks.iter().any(|block| block.holds(at))
}

#[tokio::test]
async fn a_block_holds_until_it_ends_and_no_longer() {
    let world = World::new().await;
    let body = json!({"number": "+1415555", "reason": "robocalls", "expires_at": "2026-11-22T13:00:00Z"});
    let created = world.post("/api/blocked-numbers", &body).await.ok(201);
    assert!(created["id"].as_str().unwrap().starts_with("BL"));
    assert_eq!(created["number"], "+1415555");
    assert!(is_blocked(&world, "+14155550123", "2026-11-22T12:59:59Z").await);
    assert!(!is_blocked(&world, "+14155550123", "2026-11-22T13:00:00Z").await);
    assert!(!is_blocked(&world, "+14165550123", "2026-11-22T12:00:00Z").await);
    assert!(!is_blocked(&world, "anonymous", "2026-11-22T12:00:00Z").await);

    let address = format!("/api/blocked-numbers/{}", created["id"].as_str().unwrap());
    world.clock.advance(7_200);
    let past = json!({"version": 1, "expires_at": "2026-11-22T13:30:00Z"});
    world.patch(&address, &past).await.refused(422, "invalid");
    world.patch(&address, &json!({"version": 1, "reason": "still robocalls"})).await.ok(200);
    world.patch(&address, &json!({"version": 2, "expires_at": null})).await.ok(200);
    assert!(is_blocked(&world, "+14155550123", "2030-01-01T00:00:00Z").await);
    world.delete(&address).await.ok(204);
    assert!(!is_blocked(&world, "+14155550123", "2026-11-22T14:00:00Z").await);
}

#[tokio::test]
async fn each_number_is_blocked_once() {
    let world = World::new().await;
    for number in ["anonymous", "+1415", "+14155550123"] {
        world.post("/api/blocked-numbers", &json!({"number": number})).await.ok(201);
        let problem =
            world.post("/api/blocked-numbers", &json!({"number": number})).await.refused(409, "taken");
        assert_eq!(problem["fields"][0]["field"], "number");
    }
    let theirs = json!({"number": "anonymous"});
    world.send(&world.other_key, "POST", "/api/blocked-numbers", Some(&theirs)).await.ok(201);
}

fn numbers(page: &Value) -> Vec<&str> {
    page["items"].as_array().unwrap().iter().map(|item| item["number"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn blocked_numbers_are_found_by_their_beginning() {
    let world = World::new().await;
    for number in ["+14155550123", "+1415", "+442079460123", "anonymous"] {
        world.post("/api/blocked-numbers", &json!({"number": number})).await.ok(201);
    }
    let all = world.get("/api/blocked-numbers").await.ok(200);
    assert_eq!(numbers(&all), ["+1415", "+14155550123", "+442079460123", "anonymous"]);
    for (search, found) in [
        ("%2B1415", vec!["+1415", "+14155550123"]),
        ("%2B44", vec!["+442079460123"]),
        ("anon", vec!["anonymous"]),
        ("%2B49", vec![]),
    ] {
        let page = world.get(&format!("/api/blocked-numbers?search={search}")).await.ok(200);
        assert_eq!(numbers(&page), found, "{search}");
    }
}

#[tokio::test]
async fn without_the_right_to_see_numbers_no_answer_gives_one_away() {
    let world = World::new().await;
    let scopes = ["blocked_numbers:read", "blocked_numbers:write"];
    let key = world.new_key(world.tenant, &scopes, None).await;
    let path = "/api/blocked-numbers";
    let mut answers = Vec::new();
    for number in ["+14155550123", "+14155550124", "+1415", "anonymous"] {
        let created = world.send(&key, "POST", path, Some(&json!({"number": number}))).await;
        let one = format!("{path}/{}", created.id());
        answers.push(created);
        answers.push(world.send(&key, "GET", &one, None).await);
        let patch = json!({"version": 1, "reason": "x"});
        answers.push(world.send(&key, "PATCH", &one, Some(&patch)).await);
    }
    let all = world.send(&key, "GET", path, None).await;
    assert_eq!(numbers(&all.ok(200)), ["+1415", "415***0123", "415***0124", "anonymous"]);
    answers.push(all);
    for answer in &answers {
        assert!((200..300).contains(&answer.status), "{answer:?}");
        assert!(!answer.text.contains("5550123") && !answer.text.contains("5550124"), "{answer:?}");
    }

    // Neither a hit nor a cursor tells more than the list shows.
    for search in ["5550123", "%2B14155550123", "%2B1415555"] {
        let page = world.send(&key, "GET", &format!("{path}?search={search}"), None).await.ok(200);
        assert_eq!(page["items"], json!([]), "{search}");
    }
    let found = world.send(&key, "GET", &format!("{path}?search=415***0123"), None).await.ok(200);
    assert_eq!(numbers(&found), ["415***0123"]);
    let first = world.send(&key, "GET", &format!("{path}?limit=2"), None).await.ok(200);
    let cursor = first["next"].as_str().unwrap();
    let position: Value = contract::page::decode(cursor).unwrap();
    assert!(!position.to_string().contains("4155550123"), "{position}");
    let rest = world.send(&key, "GET", &format!("{path}?limit=2&cursor={cursor}"), None).await.ok(200);
    assert_eq!(numbers(&rest), ["415***0124", "anonymous"]);
}
