//! Bidders through the API: every setting comes back, a secret never does, and what would be sent can be looked at.

use app::ports::{Catalog, Kind};
use serde_json::{Value, json};

use crate::support::World;

fn bidder(more: Value) -> Value {
    let mut body = json!({
        "name": "Alpha",
        "url": "https://bids.example.com/ping?c=[tag:User:click]",
        "body": "{\"n\": \"[tag:InboundNumber:Number]\", \"s\": \"[tag:InboundNumber:State]\", \"city\": \"[tag:Geo:City]\"}",
        "answer": {"acceptance": ["$.accepted"], "amount": ["$.bid"], "destination": ["$.number"]},
    });
    for (field, value) in more.as_object().unwrap() {
        body[field] = value.clone();
    }
    body
}

async fn stored(world: &World, id: &str) -> Value {
    let record = world.catalog.get(world.tenant, Kind::RtbTarget, id).await.unwrap();
    record.unwrap().body["authentication"].clone()
}

#[tokio::test]
async fn every_setting_comes_back_as_it_was_given() {
    let world = World::new().await;
    let settings = json!({
        "method": "PUT",
        "content_type": "xml",
        "body": "<r>[tag:InboundNumber:State]</r>",
        "retries": 2,
        "answer": {
            "acceptance": [{"regex": "yes"}, {"expression": "json.ok"}],
            "amount": [{"json_path": "$.bid"}],
            "destination": [{"json_path": "$.number"}],
            "bid_id": [{"json_path": "$.id"}],
            "expires": [{"json_path": "$.left"}],
        },
        "confirmation": {"url": "https://bids.example.com/post/[tag:Bid:Id]", "method": "PUT", "body": "{}",
            "acceptance": [{"json_path": "$.ok"}], "required": false, "timeout_ms": 700},
        "bid_strategy": {"percent": 80},
        "geo_multipliers": [{"places": {"states": ["NY"]}, "percent": 120}],
        "rate_limits": {"per_minute": 60, "per_hour": 1000, "per_day": 10000},
        "geo": {"allow": {"states": ["NY", "NJ"], "zips": ["100"]}, "deny": {"area_codes": ["917"]}, "unknown": "allow"},
        "radius": {"around": {"latitude": 40.7128, "longitude": -74.006}, "miles": 25, "unknown": "refuse"},
        "sub_ids": {"allow": ["fb-7"], "deny": ["fb-8"]},
        "caller_history": {"calls": 3, "window_s": 86400},
        "alerts": {"error_percent": 30, "latency_percent": null, "min_requests": 50},
    });
    let made = world.post("/api/rtb-targets", &bidder(settings.clone())).await.ok(201);
    let read = world.get(&format!("/api/rtb-targets/{}", made["id"].as_str().unwrap())).await.ok(200);
    for (field, given) in settings.as_object().unwrap() {
        contains(field, &read[field], given);
    }
}

#[tokio::test]
async fn alerts_have_good_defaults_and_limits_that_make_sense() {
    let world = World::new().await;
    let usual = world.post("/api/rtb-targets", &bidder(json!({}))).await.ok(201);
    let expected = json!({"error_percent": 50, "latency_percent": 90, "min_requests": 10});
    assert_eq!(usual["alerts"], expected);
    for (field, wrong) in
        [("error_percent", 0), ("error_percent", 100), ("latency_percent", 100), ("min_requests", 0)]
    {
        let given = bidder(json!({"name": "Other", "alerts": {field: wrong}}));
        let refused = world.post("/api/rtb-targets", &given).await.refused(422, "invalid");
        assert_eq!(refused["fields"][0]["field"], format!("alerts.{field}"), "{refused}");
    }
}

/// What was given stands in what came back; more may stand there.
fn contains(field: &str, found: &Value, given: &Value) {
    match given {
        Value::Object(given) => {
            given.iter().for_each(|(name, given)| contains(&format!("{field}.{name}"), &found[name], given))
        }
        Value::Array(given) => {
            assert_eq!(found.as_array().map(Vec::len), Some(given.len()), "{field}");
            given
                .iter()
                .enumerate()
                .for_each(|(at, given)| contains(&format!("{field}[{at}]"), &found[at], given));
        }
        _ => assert_eq!(found, given, "{field}"),
    }
}

#[tokio::test]
async fn a_secret_is_sealed_and_never_shown_again() {
    let world = World::new().await;
    for (kind, settings) in [
        ("api_key", json!({"header": "X-Key", "value": "hunter2"})),
        ("bearer", json!({"token": "hunter2"})),
        ("basic", json!({"username": "us", "password": "hunter2"})),
        ("hmac", json!({"secret": "hunter2"})),
    ] {
        let given = bidder(json!({"name": kind, "authentication": {kind: settings}}));
        let made = world.post("/api/rtb-targets", &given).await.ok(201);
        let id = made["id"].as_str().unwrap().to_owned();
        let address = format!("/api/rtb-targets/{id}");
        let sealed = stored(&world, &id).await.to_string();
        assert!(sealed.contains("\"sealed\":\"v1.") && !sealed.contains("hunter2"), "{sealed}");
        let read = world.get(&address).await.ok(200);
        let listed = world.get("/api/rtb-targets").await.ok(200);
        for shown in [&made, &read, &listed] {
            let shown = shown.to_string();
            assert!(!shown.contains("hunter2") && !shown.contains("v1."), "{shown}");
        }
        // Sent back as it was shown, it stays; another one takes its place.
        let back =
            json!({"version": 1, "name": format!("{kind} again"), "authentication": read["authentication"]});
        world.patch(&address, &back).await.ok(200);
        assert_eq!(stored(&world, &id).await.to_string(), sealed, "{kind}");
        let field = match kind {
            "api_key" => "value",
            "bearer" => "token",
            "basic" => "password",
            _ => "secret",
        };
        world
            .patch(&address, &json!({"version": 2, "authentication": {kind: {field: "other"}}}))
            .await
            .ok(200);
        assert_ne!(stored(&world, &id).await.to_string(), sealed, "{kind}");
    }
    let noted = world.get("/api/audit-log").await.text;
    assert!(!noted.contains("hunter2") && !noted.contains("\"v1."), "the audit log holds a secret: {noted}");
}

#[tokio::test]
async fn a_sealed_text_is_not_taken_from_outside() {
    let world = World::new().await;
    let sealed = bidder(json!({"authentication": {"bearer": {"token": {"sealed": "v1.1.abc"}}}}));
    let refused = world.post("/api/rtb-targets", &sealed).await.refused(422, "invalid");
    assert_eq!(refused["fields"][0]["field"], "authentication.bearer.token", "{refused}");
    let set = bidder(json!({"authentication": {"bearer": {"token": {"set": true}}}}));
    let refused = world.post("/api/rtb-targets", &set).await.refused(422, "invalid");
    assert_eq!(refused["fields"][0]["rule"], "required", "{refused}");
}

#[tokio::test]
async fn a_preview_shows_the_request_and_what_an_answer_means() {
    let world = World::new().await;
    let settings = json!({
        "authentication": {"hmac": {"secret": "hunter2"}},
        "geo": {"allow": {"states": ["TX"]}},
        "confirmation": {"url": "https://bids.example.com/post/[tag:Bid:Id]", "body": "{}", "acceptance": ["$.ok"]},
        "answer": {"acceptance": ["$.accepted"], "amount": [{"expression": "json.bid * 0.9"}], "destination": ["$.number"],
            "bid_id": ["$.id"]},
    });
    let id = world.post("/api/rtb-targets", &bidder(settings)).await.id();
    let address = format!("/api/rtb-targets/{id}/preview");
    let call = json!({"from": "+12125550147", "state": "NY", "tags": {"User:click": "a b"}});
    let answer =
        json!({"body": "{\"accepted\": true, \"bid\": 20, \"number\": \"+12025550123\", \"id\": \"b/1\"}"});
    let made = world.post(&address, &json!({"call": call, "answer": answer})).await.ok(200);
    assert_eq!(made["request"]["method"], "POST");
    assert_eq!(made["request"]["url"], "https://bids.example.com/ping?c=a%20b");
    assert_eq!(made["request"]["body"], r#"{"n": "212***0147", "s": "NY", "city": ""}"#);
    let headers = made["request"]["headers"].to_string();
    assert!(headers.contains(r#"["X-RTB-Signature","***"]"#), "{headers}");
    assert_eq!(made["unresolved"], json!(["[tag:Geo:City]"]));
    assert_eq!(made["not_asked"]["text"], "its geo list does not include NY");
    let meant = &made["answer"];
    assert_eq!((&meant["verdict"], &meant["amount"]), (&json!("bid"), &json!(18_000_000)), "{meant}");
    assert_eq!(meant["confirmation"]["url"], "https://bids.example.com/post/b%2F1");
    assert!(meant["found"].to_string().contains("json.bid * 0.9"), "{meant}");

    let refused = json!({"answer": {"status": 200, "body": "{\"accepted\": true, \"bid\": \"x\"}"}});
    let meant = &world.post(&address, &refused).await.ok(200)["answer"];
    assert_eq!(meant["refusal"]["code"], "no_amount", "{meant}");
    assert_eq!(meant["found"][1]["error"], "* takes a number, and was given text", "{meant}");
    let refused = world
        .post(&address, &json!({"call": {"tags": {"zip": "1"}}, "answer": {"status": 99}}))
        .await
        .refused(422, "invalid");
    assert_eq!(refused["fields"][0]["field"], "call.tags.zip", "{refused}");
}

#[tokio::test]
async fn profiles_can_be_saved_as_they_are() {
    let world = World::new().await;
    let profiles = world.get("/api/rtb-targets/profiles").await.ok(200);
    assert_eq!(profiles["items"].as_array().unwrap().len(), 5);
    for profile in profiles["items"].as_array().unwrap() {
        world.post("/api/rtb-targets", &profile["settings"]).await.ok(201);
    }
}
