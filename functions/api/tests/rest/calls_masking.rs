//! Callers' numbers are for those who may see them.

use crate::calls::{CALLER, archived_call, call_id, record};
use crate::support::World;

const PARTS: [&str; 6] = ["", "/events", "/decisions", "/auction", "/ledger", "?"];

/// Everything the API says about the call, the log included.
async fn everything(world: &World, key: &str, id: &str) -> String {
    let mut all = String::new();
    for part in PARTS {
        let address = if part == "?" { "/api/calls".to_owned() } else { format!("/api/calls/{id}{part}") };
        let answer = world.send(key, "GET", &address, None).await;
        answer.ok(200);
        all.push_str(&answer.text);
    }
    all
}

#[tokio::test]
async fn without_the_right_to_see_numbers_none_is_shown() {
    let world = World::new().await;
    let id = archived_call(&world, world.tenant);
    let key = world.new_key(world.tenant, &["calls:read"], None).await;
    let all = everything(&world, &key, &id).await;
    for number in [CALLER, "4155550123", "555-0123", "+12025550111", "+12025550112"] {
        assert!(!all.contains(number), "{number} in {all}");
    }
    for masked in ["\"from\":\"415***0123\"", "202***0111", "415***0123 was sold 3 times in 24 hours"] {
        assert!(all.contains(masked), "{masked} not in {all}");
    }
    assert!(all.contains("\"to\":\"+18335550100\""), "the tenant's own number is no secret to it");
}

#[tokio::test]
async fn with_the_right_numbers_are_whole() {
    let world = World::new().await;
    let id = archived_call(&world, world.tenant);
    for scopes in [["calls:read", "numbers:read"], ["*", "*"]] {
        let key = world.new_key(world.tenant, &scopes, None).await;
        let all = everything(&world, &key, &id).await;
        assert!(all.contains(&format!("\"from\":\"{CALLER}\"")));
        assert!(all.contains("+1 (415) 555-0123 was sold 3 times"));
        assert!(all.contains("\"address\":\"+12025550112\""));
    }
}

#[tokio::test]
async fn callers_that_are_no_numbers_are_handled() {
    let world = World::new().await;
    let key = world.new_key(world.tenant, &["calls:read"], None).await;
    for (number, from, shown) in [
        (1, "anonymous", "anonymous"),
        (2, "sip:alice@example.com", "***"),
        (3, "", "***"),
        (4, "+442079460123", "442***0123"),
        (5, "12345", "***"),
    ] {
        let mut record = record(world.tenant, number, "2026-11-22T09:00:00Z");
        let mut call = domain::call::Call::clone(&record.call);
        call.from = from.to_owned();
        record.call = std::sync::Arc::new(call);
        world.calls.insert(record);
        let answer = world.send(&key, "GET", &format!("/api/calls/{}", call_id(number)), None).await;
        assert_eq!(answer.ok(200)["from"], shown);
    }
}
