//! What is wrong is told with its field, its rule and what would be right.

use serde_json::{Value, json};

use crate::support::{World, bidder, target};

async fn problem_of(path: &str, body: Value) -> (String, String, String) {
    let world = World::new().await;
    let problem = world.post(path, &body).await.refused(422, "invalid");
    let text = |name: &str| problem["fields"][0][name].as_str().unwrap().to_owned();
    (text("field"), text("rule"), text("message"))
}

fn with(mut body: Value, pointer: &str, value: Value) -> Value {
    let (parent, name) = pointer.rsplit_once('/').unwrap();
    let parent = body.pointer_mut(parent).unwrap();
    parent.as_object_mut().unwrap().insert(name.to_owned(), value);
    body
}

#[tokio::test]
async fn broken_fields_are_named() {
    let target = || target("Front desk");
    let bidder = || bidder("Bidder");
    for (path, body, field, rule) in [
        ("/api/targets", with(target(), "/colour", json!("red")), "colour", "unknown_field"),
        ("/api/targets", with(target(), "/caps/weekly", json!(3)), "caps.weekly", "unknown_field"),
        ("/api/targets", with(target(), "/id", json!("TA1")), "id", "unknown_field"),
        ("/api/targets", json!({"name": "x"}), "destination", "required"),
        ("/api/targets", with(target(), "/caps/daily", json!("ten")), "caps.daily", "type"),
        ("/api/targets", with(target(), "/caps/daily", json!(-1)), "caps.daily", "range"),
        ("/api/targets", with(target(), "/caps/daily", json!(0)), "caps.daily", "minimum"),
        ("/api/targets", with(target(), "/status", json!("asleep")), "status", "choice"),
        ("/api/targets", with(target(), "/name", json!("")), "name", "length"),
        ("/api/targets", with(target(), "/name", json!("x".repeat(121))), "name", "length"),
        ("/api/targets", with(target(), "/time_zone", json!("Mars/Base")), "time_zone", "time_zone"),
        (
            "/api/targets",
            with(target(), "/destination", json!({"number": "911"})),
            "destination.number",
            "format",
        ),
        ("/api/targets", with(target(), "/revenue", json!({"fixed": 12.5})), "revenue.fixed", "type"),
        ("/api/targets", with(target(), "/revenue", json!({"fixed": -1})), "revenue", "range"),
        ("/api/targets", with(target(), "/dial", json!({"timeout_s": 601})), "dial.timeout_s", "range"),
        ("/api/rtb-targets", with(bidder(), "/url", json!("http://bids.example.com/")), "url", "address"),
        ("/api/rtb-targets", with(bidder(), "/url", json!("https://169.254.169.254/")), "url", "address"),
        ("/api/rtb-targets", with(bidder(), "/url", json!("https://localhost/")), "url", "address"),
        ("/api/rtb-targets", with(bidder(), "/url", json!("https://127.0.0.1:9998/")), "url", "address"),
        ("/api/rtb-targets", with(bidder(), "/body", json!("{")), "body", "json"),
        ("/api/rtb-targets", with(bidder(), "/answer/amount", json!(["["])), "answer.amount[0]", "json_path"),
        ("/api/campaigns", json!({"name": "x", "plan": [{"target": "TA1"}]}), "plan[0].target", "format"),
        ("/api/campaigns", json!({"name": "x", "plan": {}}), "plan", "type"),
        ("/api/campaigns", json!({"name": "x", "plan": [{"priority": 2}]}), "plan[0]", "one_of"),
        ("/api/campaigns", json!({"name": "x", "publishers": {"AF1": {}}}), "publishers.AF1", "format"),
        ("/api/publishers", json!({"name": "x", "contact_email": "nobody"}), "contact_email", "format"),
        ("/api/publishers", json!({"name": "x", "notes": "n".repeat(2_001)}), "notes", "length"),
        ("/api/buyers", json!({"name": "x", "notes": "\u{7}"}), "notes", "characters"),
        ("/api/buyers", json!({"status": "active"}), "name", "required"),
        (
            "/api/target-groups",
            json!({"name": "x", "members": [{"weight": 1}]}),
            "members[0].target",
            "required",
        ),
        ("/api/ring-trees", json!({"name": "x", "deadline_ms": 9_000}), "deadline_ms", "range"),
        ("/api/ring-trees", json!({"name": "x", "min_revenue": -1}), "min_revenue", "range"),
        ("/api/blocked-numbers", json!({"number": "4155550100"}), "number", "format"),
        ("/api/blocked-numbers", json!({"number": "+14155550100123456"}), "number", "format"),
        ("/api/blocked-numbers", json!({"reason": "x"}), "number", "required"),
        (
            "/api/blocked-numbers",
            json!({"number": "+1415", "expires_at": "2026-11-22T12:00:00Z"}),
            "expires_at",
            "future",
        ),
        ("/api/numbers", json!({"number": "+18335550100", "account_sid": "x"}), "account_sid", "format"),
    ] {
        let found = problem_of(path, body.clone()).await;
        assert_eq!((found.0.as_str(), found.1.as_str()), (field, rule), "{body} {}", found.2);
    }
}

#[tokio::test]
async fn a_fraction_of_money_is_explained() {
    let body = with(target("Front desk"), "/revenue", json!({"fixed": 12.5}));
    let (_, _, message) = problem_of("/api/targets", body).await;
    assert!(message.contains("12500000"), "{message}");
}

#[tokio::test]
async fn all_broken_rules_are_told_at_once() {
    let world = World::new().await;
    let body = json!({
        "name": " ", "url": "https://10.0.0.1/bid", "body": "{}", "answer": {}, "timeout_ms": 1, "min_bid": -5
    });
    let problem = world.post("/api/rtb-targets", &body).await.refused(422, "invalid");
    let fields: Vec<&str> =
        problem["fields"].as_array().unwrap().iter().map(|field| field["field"].as_str().unwrap()).collect();
    assert_eq!(
        fields,
        ["name", "answer.acceptance", "answer.amount", "destination", "timeout_ms", "min_bid", "url"]
    );
    assert_eq!(problem["detail"], "7 rules are broken; see fields");
}

#[tokio::test]
async fn tokens_in_an_address_do_not_hide_it() {
    let world = World::new().await;
    let good =
        with(bidder("A"), "/url", json!("https://bids.example.com/[tag:User:site id]?zip=[tag:Geo:ZipCode]"));
    world.post("/api/rtb-targets", &good).await.ok(201);
    let exempt = with(bidder("B"), "/url", json!("http://127.0.0.1:9999/good"));
    world.post("/api/rtb-targets", &exempt).await.ok(201);
    let bad = with(bidder("C"), "/url", json!("https://10.0.0.7/?zip=[tag:Geo:ZipCode]"));
    world.post("/api/rtb-targets", &bad).await.refused(422, "invalid");
}
