//! Whatever is sent, the answer is a problem that says what is wrong, and never our fault.

use api::all_routes;
use domain::seed::Dice;
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use serde_json::{Value, json};

use crate::calls::archived_call;
use crate::support::{Answer, World, bidder, campaign, target};

async fn send_json(world: &World, method: &str, address: &str, body: Vec<u8>) -> Answer {
    let bearer = format!("Bearer {}", world.key);
    let headers = [(AUTHORIZATION, bearer.as_str()), (CONTENT_TYPE, "application/json")];
    world.raw(method, address, &headers, body).await
}

#[tokio::test]
async fn bodies_that_are_no_json_objects_are_refused() {
    let world = World::new().await;
    let own = world.set_up().await;
    let deep = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    let item = format!("/api/targets/{}", own.target);
    for (method, address) in [("POST", "/api/targets"), ("PATCH", item.as_str())] {
        for body in [
            "",
            "{",
            "null",
            "[]",
            "\"text\"",
            "{\"name\": \"a\",}",
            "{\"name\": NaN}",
            "{} {}",
            "\u{feff}{}",
            "{\"name\": \"\\ud800\"}",
            "{\"name\": 1e999999}",
            &format!("{{\"a\": {}}}", deep(32)),
            &format!("{{\"a\": {}}}", deep(50_000)),
            &deep(100_000),
        ] {
            send_json(&world, method, address, body.as_bytes().to_vec()).await.refused(400, "malformed_body");
        }
        send_json(&world, method, address, b"{\"name\": \"\xff\"}".to_vec())
            .await
            .refused(400, "malformed_body");
    }
}

#[tokio::test]
async fn depth_is_counted_outside_of_strings() {
    let world = World::new().await;
    let mut body = target("Desk");
    body["name"] = json!("[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[\\\"{{{{");
    world.post("/api/targets", &body).await.ok(201);
}

#[tokio::test]
async fn large_bodies_are_refused() {
    let world = World::new().await;
    let body = |size: usize| format!("{{\"name\": \"{}\"}}", "x".repeat(size - 12)).into_bytes();
    assert_eq!(body(256 * 1024).len(), 256 * 1024);
    send_json(&world, "POST", "/api/targets", body(256 * 1024)).await.refused(422, "invalid");
    send_json(&world, "POST", "/api/targets", body(256 * 1024 + 1)).await.refused(413, "body_too_large");
}

#[tokio::test]
async fn other_content_types_are_refused() {
    let world = World::new().await;
    let bearer = format!("Bearer {}", world.key);
    for content_type in ["", "text/plain", "application/x-www-form-urlencoded", "application/jsonp", "\u{e9}"]
    {
        let headers = [(AUTHORIZATION, bearer.as_str()), (CONTENT_TYPE, content_type)];
        let body = target("Desk").to_string();
        world.raw("POST", "/api/targets", &headers, body).await.refused(415, "unsupported_media_type");
    }
    let headers = [(AUTHORIZATION, bearer.as_str())];
    let answer = world.raw("POST", "/api/targets", &headers, "{}").await;
    answer.refused(415, "unsupported_media_type");
    assert!(world.catalog.is_empty());
}

#[tokio::test]
async fn methods_that_an_address_does_not_take_are_refused() {
    let world = World::new().await;
    for (method, address, allowed) in [
        ("PUT", "/api/targets", "GET,HEAD,POST"),
        ("DELETE", "/api/targets", "GET,HEAD,POST"),
        ("POST", "/api/calls", "GET,HEAD"),
        ("GET", "/api/campaigns/x/publish", "POST"),
        ("OPTIONS", "/api/health", "GET,HEAD"),
        ("BREW", "/api/health", "GET,HEAD"),
    ] {
        let answer = world.send(&world.key, method, address, None).await;
        answer.refused(405, "method_not_allowed");
        assert_eq!(answer.headers["allow"], allowed, "{method} {address}");
    }
}

#[tokio::test]
async fn addresses_that_do_not_exist_are_refused() {
    let world = World::new().await;
    for address in [
        "/",
        "/api",
        "/api/",
        "/api/targets/",
        "/api/target",
        "/api/calls/x/y",
        "/api/%2e%2e/health",
        "//api/health",
        "/api/targets/%2f%2f/x",
        "/api/<script>",
        "/api/ /",
        "no slash",
    ] {
        world.send(&world.key, "GET", address, None).await.refused(404, "unknown_route");
    }
}

#[tokio::test]
async fn head_says_what_get_would_without_a_body() {
    let world = World::new().await;
    assert_eq!(world.raw("HEAD", "/api/health", &[], "").await.text, "");
    let refused = world.raw("HEAD", "/api/targets", &[], "").await;
    assert_eq!((refused.status, refused.text.as_str()), (401, ""));
}

#[tokio::test]
async fn parameters_of_lists_are_checked() {
    let world = World::new().await;
    for (query, field) in [
        ("limit=-1", "limit"),
        ("limit=99999999999", "limit"),
        ("limit=", "limit"),
        ("sort=colour", "sort"),
        ("order=name", "order"),
        ("search=a&search=b", "search"),
    ] {
        for path in ["campaigns", "targets", "rtb-targets", "numbers"] {
            let problem = world.get(&format!("/api/{path}?{query}")).await.refused(400, "invalid_query");
            assert_eq!(problem["fields"][0]["field"], field);
        }
    }
    let long = "x".repeat(101);
    world.get(&format!("/api/targets?search={long}")).await.refused(400, "invalid_query");
}

#[tokio::test]
async fn broken_ports_are_our_fault_and_say_nothing_of_our_insides() {
    let world = World::new().await;
    let own = world.set_up().await;
    world.counters.be_busy(true);
    let patch = json!({"version": 1, "status": "paused"});
    let answer = world.patch(&format!("/api/targets/{}", own.target), &patch).await;
    answer.refused(503, "busy");
    assert!(!answer.text.contains("switch"), "{}", answer.text);
}

/// Good bodies with one place replaced by something strange, and with bytes changed: ten thousand of them.
#[tokio::test]
async fn strange_bodies_never_are_our_fault() {
    let world = World::new().await;
    let own = world.set_up().await;
    let bodies = [
        ("/api/targets", target("Strange")),
        ("/api/rtb-targets", bidder("Strange")),
        ("/api/campaigns", campaign("Strange", &own.target, &own.bidder)),
        ("/api/numbers", world.number("+18335550166", Some(&own.campaign))),
    ];
    let mut dice = Dice::new(20_261_122);
    for round in 0..10_000_u32 {
        let (path, body) = &bodies[dice.below(4) as usize];
        let mut body = body.clone();
        replace_somewhere(&mut body, &mut dice);
        let mut bytes = body.to_string().into_bytes();
        if round % 3 == 0 {
            let place = dice.below(bytes.len() as u64) as usize;
            bytes[place] = dice.roll() as u8;
        }
        let shown = String::from_utf8_lossy(&bytes).into_owned();
        let answer = send_json(&world, "POST", path, bytes).await;
        assert!(answer.status < 500, "{path} {shown} {}", answer.text);
        if answer.status != 201 {
            answer.problem();
        }
    }
}

fn replace_somewhere(value: &mut Value, dice: &mut Dice) {
    let go_deeper = dice.below(3) > 0;
    match value {
        Value::Object(map) if go_deeper && !map.is_empty() => {
            let at = dice.below(map.len() as u64) as usize;
            if let Some(inner) = map.values_mut().nth(at) {
                return replace_somewhere(inner, dice);
            }
        }
        Value::Array(list) if go_deeper && !list.is_empty() => {
            let at = dice.below(list.len() as u64) as usize;
            return replace_somewhere(&mut list[at], dice);
        }
        _ => {}
    }
    let strange = [
        json!(null),
        json!(true),
        json!(-1),
        json!(u64::MAX),
        json!(i64::MIN),
        json!(0.5),
        json!(1e300),
        json!(""),
        json!("\u{0}"),
        json!("\u{202e}abc"),
        json!("x".repeat(5_000)),
        json!([]),
        json!([[[[]]]]),
        json!({}),
        json!({"": {"": null}}),
        json!(["a", 1, null, {}]),
        json!({"number": "+12025550101", "sip": "sip:a@b.c"}),
        json!("$..*"),
        json!("[tag:User:x]"),
    ];
    *value = strange[dice.below(strange.len() as u64) as usize].clone();
}

#[tokio::test]
async fn strange_addresses_never_are_our_fault() {
    let world = World::new().await;
    archived_call(&world, world.tenant);
    let routes = all_routes();
    let parts =
        ["%", "%zz", "%00", "'", "\"", "{id}", "?", "#", "..", "~", "\u{2603}", "a b", "//", "&=&", "%F0%9F"];
    let mut dice = Dice::new(7);
    for _ in 0..5_000 {
        let route = routes.table()[dice.below(routes.table().len() as u64) as usize];
        let strange = |dice: &mut Dice| parts[dice.below(parts.len() as u64) as usize];
        let path = route.path.replace("{id}", strange(&mut dice));
        let address = format!("{path}?{}={}", strange(&mut dice), strange(&mut dice));
        let answer = world.send(&world.key, route.verb.as_str(), &address, Some(&json!({}))).await;
        assert!(answer.status < 500, "{address} {}", answer.text);
        if answer.status >= 400 {
            answer.problem();
        }
    }
}
