//! Every route of the table, with every kind of key: a route that is added is tested by being added.

use api::access::SCOPES;
use api::all_routes;
use api::routes::{Route, Verb};
use serde_json::{Value, json};

use crate::calls::archived_call;
use crate::support::{FOR_SALE, SetUp, World, bidder, campaign, target};

/// The route's path with ids of things that exist.
fn address(route: &Route, own: &SetUp, call: &str) -> String {
    let id = match route.path {
        path if path.starts_with("/api/campaigns") => &own.campaign,
        path if path.starts_with("/api/targets") => &own.target,
        path if path.starts_with("/api/rtb-targets") => &own.bidder,
        path if path.starts_with("/api/numbers") => &own.number,
        path if path.starts_with("/api/calls") => call,
        path => {
            assert!(!path.contains('{'), "say here which thing {path} is about");
            ""
        }
    };
    let query = match route.path {
        "/api/numbers/available" | "/api/numbers/importable" => format!("?account_sid={}", own.account),
        _ => String::new(),
    };
    format!("{}{query}", route.path.replace("{id}", id))
}

/// A body that the route would take from the thing's owner.
fn good_body(route: &Route, world: &World, own: &SetUp) -> Option<Value> {
    match (route.verb, route.path) {
        (Verb::Patch, "/api/numbers/{id}") => Some(json!({"version": 1, "campaign": null})),
        (Verb::Patch, _) => Some(json!({"version": 1, "name": "Renamed"})),
        (Verb::Post, "/api/campaigns") => Some(campaign("Another", &own.target, &own.bidder)),
        (Verb::Post, "/api/targets") => Some(target("Another")),
        (Verb::Post, "/api/rtb-targets") => Some(bidder("Another")),
        (Verb::Post, "/api/numbers") => Some(world.number("+18335550177", None)),
        (Verb::Post, "/api/numbers/buy") => Some(world.number(FOR_SALE, None)),
        (Verb::Post, "/api/numbers/import") => {
            Some(json!({"account_sid": own.account, "numbers": ["+18335550178"]}))
        }
        (Verb::Post, "/api/numbers/verify") => Some(json!({})),
        (Verb::Post, "/api/numbers/{id}/assign") => Some(json!({"version": 1, "campaign": null})),
        (Verb::Post, "/api/numbers/{id}/release") => Some(json!({"confirm": "+18335550100"})),
        _ => None,
    }
}

fn guarded() -> Vec<(Route, &'static str)> {
    all_routes().table().iter().filter_map(|route| Some((*route, route.scope?))).collect()
}

#[tokio::test]
async fn only_health_is_for_everybody() {
    let routes = all_routes();
    let open: Vec<&str> =
        routes.table().iter().filter(|route| route.scope.is_none()).map(|route| route.path).collect();
    assert_eq!(open, ["/api/health"]);
    let world = World::new().await;
    let health = world.raw("GET", "/api/health", &[], "").await.ok(200);
    assert_eq!(health["status"], "ok");
    assert!(health["version"].as_str().is_some_and(|version| version.split('.').count() == 3));
}

#[tokio::test]
async fn every_scope_of_the_table_is_a_known_one() {
    for (route, scope) in guarded() {
        assert!(SCOPES.contains(&scope), "{} {}", route.path, scope);
    }
    assert_eq!(guarded().len(), 35);
}

#[tokio::test]
async fn without_a_key_every_route_answers_401_and_says_how() {
    let world = World::new().await;
    let own = world.set_up().await;
    let call = archived_call(&world, world.tenant);
    for (route, _) in guarded() {
        let answer = world.raw(route.verb.as_str(), &address(&route, &own, &call), &[], "").await;
        answer.refused(401, "unauthenticated");
        assert_eq!(answer.headers["www-authenticate"], "Bearer realm=\"api\"", "{}", route.path);
    }
}

#[tokio::test]
async fn a_wrong_or_expired_key_is_refused_on_every_route() {
    let world = World::new().await;
    let own = world.set_up().await;
    let call = archived_call(&world, world.tenant);
    let expired = world.expired_key().await;
    let unknown = app::api_keys::new_token().unwrap();
    let too_long = format!("ccp_live_{}", "a".repeat(400));
    for (route, _) in guarded() {
        for key in [expired.as_str(), &unknown, "ccp_live_", "sk_live_0123", &too_long] {
            let body = good_body(&route, &world, &own);
            let answer =
                world.send(key, route.verb.as_str(), &address(&route, &own, &call), body.as_ref()).await;
            answer.refused(401, "unauthenticated");
            let challenge = answer.headers["www-authenticate"].to_str().unwrap();
            assert!(challenge.contains("invalid_token"), "{} {challenge}", route.path);
        }
    }
    assert_eq!(world.catalog.len(), 4);
}

#[tokio::test]
async fn other_ways_to_sign_in_are_no_keys() {
    let world = World::new().await;
    let basic = format!("Basic {}", world.key);
    for header in ["", "Bearer", basic.as_str(), &world.key, "Bearer\u{e9}"] {
        let answer = world.raw("GET", "/api/targets", &[(http::header::AUTHORIZATION, header)], "").await;
        answer.refused(401, "unauthenticated");
    }
}

#[tokio::test]
async fn every_scope_but_the_right_one_is_not_enough() {
    let world = World::new().await;
    let own = world.set_up().await;
    let call = archived_call(&world, world.tenant);
    for (route, scope) in guarded() {
        let others: Vec<&str> =
            SCOPES.iter().copied().filter(|other| *other != scope && *other != "*").collect();
        let key = world.new_key(world.tenant, &others, None).await;
        let body = good_body(&route, &world, &own);
        let answer =
            world.send(&key, route.verb.as_str(), &address(&route, &own, &call), body.as_ref()).await;
        let problem = answer.refused(403, "missing_scope");
        assert!(problem["detail"].as_str().unwrap().contains(scope), "{problem}");
    }
    assert_eq!(world.catalog.len(), 4);
}

#[tokio::test]
async fn the_right_scope_alone_is_enough() {
    for (route, scope) in guarded() {
        let world = World::new().await;
        let own = world.set_up().await;
        let call = archived_call(&world, world.tenant);
        let key = world.new_key(world.tenant, &[scope], None).await;
        let body = good_body(&route, &world, &own);
        let answer =
            world.send(&key, route.verb.as_str(), &address(&route, &own, &call), body.as_ref()).await;
        let in_use = route.verb == Verb::Delete && answer.status == 409;
        assert!(in_use || (200..300).contains(&answer.status), "{} {answer:?}", route.path);
    }
}

#[tokio::test]
async fn another_tenants_things_do_not_exist() {
    let world = World::new().await;
    let own = world.set_up().await;
    let call = archived_call(&world, world.tenant);
    let things = ["campaigns", "targets", "rtb-targets", "numbers"];
    let mut before = Vec::new();
    for thing in things {
        before.push(world.get(&format!("/api/{thing}")).await.ok(200));
    }
    for (route, _) in guarded().into_iter().filter(|(route, _)| route.path.contains("{id}")) {
        let body = good_body(&route, &world, &own);
        let address = address(&route, &own, &call);
        world
            .send(&world.other_key, route.verb.as_str(), &address, body.as_ref())
            .await
            .refused(404, "not_found");
    }
    for (thing, before) in things.iter().zip(before) {
        let theirs = world.send(&world.other_key, "GET", &format!("/api/{thing}"), None).await.ok(200);
        assert_eq!(theirs["items"], json!([]), "{thing}");
        assert_eq!(world.get(&format!("/api/{thing}")).await.ok(200), before);
    }
    let calls = world.send(&world.other_key, "GET", "/api/calls", None).await.ok(200);
    assert_eq!(calls["items"], json!([]));
}

#[tokio::test]
async fn nobody_refers_to_another_tenants_things() {
    let world = World::new().await;
    let own = world.set_up().await;
    let campaign = campaign("Mine", &own.target, &own.bidder);
    let problem =
        world.send(&world.other_key, "POST", "/api/campaigns", Some(&campaign)).await.refused(422, "invalid");
    let fields: Vec<&str> =
        problem["fields"].as_array().unwrap().iter().map(|field| field["field"].as_str().unwrap()).collect();
    assert_eq!(fields, ["plan[0].target", "auction.bidders[0].rtb_target"]);

    let number = world.number("+18335550123", Some(&own.campaign));
    let problem =
        world.send(&world.other_key, "POST", "/api/numbers", Some(&number)).await.refused(422, "invalid");
    assert_eq!(problem["fields"][0]["field"], "account_sid");
    assert_eq!(problem["fields"][1]["field"], "campaign");
}

#[tokio::test]
async fn a_number_is_taken_across_tenants_and_a_name_is_not() {
    let world = World::new().await;
    world.set_up().await;
    let number = json!({
        "number": "+18335550100", "account_sid": crate::support::account(world.other), "campaign": null
    });
    let problem =
        world.send(&world.other_key, "POST", "/api/numbers", Some(&number)).await.refused(409, "taken");
    assert_eq!(problem["fields"][0]["field"], "number");
    world.send(&world.other_key, "POST", "/api/targets", Some(&target("Front desk"))).await.ok(201);
}
