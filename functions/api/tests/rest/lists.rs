//! Lists: order, search, pages.

use serde_json::Value;

use crate::support::{World, bidder, target};

fn names(page: &Value) -> Vec<String> {
    let items = page["items"].as_array().unwrap();
    items.iter().map(|item| item["name"].as_str().unwrap().to_owned()).collect()
}

async fn with_targets(names: &[&str]) -> World {
    let world = World::new().await;
    for name in names {
        world.post("/api/targets", &target(name)).await.ok(201);
        world.clock.advance(1);
    }
    world
}

#[tokio::test]
async fn lists_are_sorted_by_name_without_regard_to_case() {
    let world = with_targets(&["delta", "Alpha", "charlie", "Bravo"]).await;
    let page = world.get("/api/targets").await.ok(200);
    assert_eq!(names(&page), ["Alpha", "Bravo", "charlie", "delta"]);
    assert!(page.get("next").is_none());
    let backwards = world.get("/api/targets?sort=-name").await.ok(200);
    assert_eq!(names(&backwards), ["delta", "charlie", "Bravo", "Alpha"]);
    let newest = world.get("/api/targets?sort=-created_at").await.ok(200);
    assert_eq!(names(&newest), ["Bravo", "charlie", "Alpha", "delta"]);
}

#[tokio::test]
async fn search_finds_parts_of_names_and_numbers() {
    let world = with_targets(&["Roof east", "Roof west", "Siding"]).await;
    assert_eq!(names(&world.get("/api/targets?search=ROOF").await.ok(200)), ["Roof east", "Roof west"]);
    assert_eq!(names(&world.get("/api/targets?search=%20west+").await.ok(200)), ["Roof west"]);
    assert_eq!(names(&world.get("/api/targets?search=%E2%98%83").await.ok(200)), Vec::<String>::new());
    world.post("/api/numbers", &world.number("+18335550100", None)).await.ok(201);
    let found = world.get("/api/numbers?search=5550100").await.ok(200);
    assert_eq!(found["items"][0]["number"], "+18335550100");
}

#[tokio::test]
async fn pages_follow_each_other_without_gap_or_repetition() {
    let all: Vec<String> = (0..23).map(|number| format!("Target {number:02}")).collect();
    let world = with_targets(&all.iter().map(String::as_str).collect::<Vec<_>>()).await;
    for sort in ["name", "-name", "created_at", "-updated_at"] {
        let mut seen = Vec::new();
        let mut cursor = String::new();
        loop {
            let page = world.get(&format!("/api/targets?limit=5&sort={sort}{cursor}")).await.ok(200);
            seen.extend(names(&page));
            match page["next"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => break,
            }
        }
        if sort.starts_with('-') {
            seen.reverse();
        }
        assert_eq!(seen, all, "{sort}");
    }
}

#[tokio::test]
async fn what_comes_and_goes_between_pages_neither_hides_nor_repeats_the_others() {
    let world = with_targets(&["A", "B", "C", "D"]).await;
    let first = world.get("/api/targets?limit=2").await.ok(200);
    let id = first["items"][1]["id"].as_str().unwrap().to_owned();
    world.delete(&format!("/api/targets/{id}")).await.ok(204);
    world.post("/api/targets", &target("AA")).await.ok(201);
    let cursor = first["next"].as_str().unwrap();
    let second = world.get(&format!("/api/targets?limit=2&cursor={cursor}")).await.ok(200);
    assert_eq!(names(&second), ["C", "D"]);
}

#[tokio::test]
async fn a_cursor_holds_only_where_it_came_from() {
    let world = with_targets(&["A", "B", "C"]).await;
    let first = world.get("/api/targets?limit=1").await.ok(200);
    let next = first["next"].as_str().unwrap().to_owned();
    let changed: String = next.chars().rev().collect();
    for address in [
        format!("/api/targets?limit=1&sort=-name&cursor={next}"),
        format!("/api/targets?limit=1&search=a&cursor={next}"),
        format!("/api/campaigns?limit=1&cursor={next}"),
        format!("/api/calls?cursor={next}"),
        format!("/api/targets?cursor={changed}"),
        "/api/targets?cursor=".to_owned(),
        "/api/targets?cursor=%00".to_owned(),
        format!("/api/targets?cursor={}", "A".repeat(5000)),
    ] {
        world.get(&address).await.refused(400, "invalid_cursor");
    }
    let theirs = world.send(&world.other_key, "GET", &format!("/api/targets?cursor={next}"), None).await;
    theirs.refused(400, "invalid_cursor");
}

#[tokio::test]
async fn a_page_of_very_large_things_ends_early_and_goes_on() {
    let world = World::new().await;
    let headers: Vec<(String, &str)> =
        (0..20).map(|number| (format!("X-{number}-{}", "a".repeat(12_000)), "1")).collect();
    for number in 0..30 {
        let mut body = bidder(&format!("Bidder {number:02}"));
        body["headers"] = serde_json::json!(headers);
        world.post("/api/rtb-targets", &body).await.ok(201);
    }
    let first = world.get("/api/rtb-targets?limit=200").await.ok(200);
    let next = first["next"].as_str().unwrap();
    let second = world.get(&format!("/api/rtb-targets?limit=200&cursor={next}")).await.ok(200);
    let third = second["next"].as_str().unwrap();
    let third = world.get(&format!("/api/rtb-targets?limit=200&cursor={third}")).await.ok(200);
    let mut seen = names(&first);
    seen.extend(names(&second));
    seen.extend(names(&third));
    assert_eq!(seen, (0..30).map(|number| format!("Bidder {number:02}")).collect::<Vec<_>>());
    assert_eq!(third.get("next"), None);
}
