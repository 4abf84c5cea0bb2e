//! Who asks, how often, and from where.

use app::ports::SESSION_IDLE;
use domain::access::{Grant, Party, Permission, Role};
use domain::ids::BuyerId;
use http::header::{
    ACCESS_CONTROL_REQUEST_HEADERS, ACCESS_CONTROL_REQUEST_METHOD, CONTENT_TYPE, COOKIE, ORIGIN,
};
use uuid::Uuid;

use crate::support::{APP_ORIGIN, OWN_PAGES, World, target};

#[tokio::test]
async fn a_cookie_signs_in_for_reading_and_its_role_decides() {
    let world = World::new().await;
    world.set_up().await;
    for role in Role::ALL {
        let cookie = world.sign_in(role, None);
        let answer = world.raw("GET", "/api/targets", &[(COOKIE, &cookie)], "").await;
        match role.grant(Permission::TargetsRead) {
            Grant::All => drop(answer.ok(200)),
            Grant::Own | Grant::No => {
                let problem = answer.refused(403, "not_permitted");
                assert!(problem["detail"].as_str().unwrap().contains(role.as_str()), "{problem}");
            }
        }
    }
}

#[tokio::test]
async fn a_change_by_cookie_comes_from_our_own_pages() {
    let world = World::new().await;
    let cookie = world.sign_in(Role::Owner, None);
    let body = target("Front desk").to_string();
    let json = (CONTENT_TYPE, "application/json");
    let own = (ORIGIN, APP_ORIGIN);
    let header = (OWN_PAGES, "1");
    for headers in [
        vec![(COOKIE, cookie.as_str()), json.clone()],
        vec![(COOKIE, &cookie), json.clone(), own.clone()],
        vec![(COOKIE, &cookie), json.clone(), header.clone()],
        vec![(COOKIE, &cookie), json.clone(), header.clone(), (ORIGIN, "https://evil.example")],
        vec![(COOKIE, &cookie), json.clone(), header.clone(), (ORIGIN, "null")],
    ] {
        world.raw("POST", "/api/targets", &headers, body.clone()).await.refused(403, "cross_site");
    }
    assert!(world.catalog.is_empty());
    world.raw("POST", "/api/targets", &[(COOKIE, &cookie), json, own, header], body).await.ok(201);
}

#[tokio::test]
async fn a_sign_in_ends_by_time_and_by_rest() {
    let world = World::new().await;
    let cookie = world.sign_in(Role::Owner, None);
    world.raw("GET", "/api/targets", &[(COOKIE, &cookie)], "").await.ok(200);
    world.clock.advance(SESSION_IDLE.as_secs());
    let answer = world.raw("GET", "/api/targets", &[(COOKIE, &cookie)], "").await;
    answer.refused(401, "unauthenticated");
}

#[tokio::test]
async fn two_cookies_of_our_name_are_none() {
    let world = World::new().await;
    let cookie = format!("{}; __Host-ccp_session=planted", world.sign_in(Role::Owner, None));
    world.raw("GET", "/api/targets", &[(COOKIE, &cookie)], "").await.refused(401, "unauthenticated");
    // The name without TLS counts for nothing where there is TLS.
    let plain = world.sign_in(Role::Owner, None).replace("__Host-", "");
    world.raw("GET", "/api/targets", &[(COOKIE, &plain)], "").await.refused(401, "unauthenticated");
}

#[tokio::test]
async fn whoever_sees_only_their_own_gets_nothing_else() {
    let world = World::new().await;
    let buyer = Party::Buyer(BuyerId::from_uuid(Uuid::from_u128(7)));
    for party in [None, Some(buyer)] {
        let cookie = world.sign_in(Role::Buyer, party);
        for path in ["/api/targets", "/api/campaigns", "/api/numbers"] {
            world.raw("GET", path, &[(COOKIE, &cookie)], "").await.refused(403, "not_permitted");
        }
    }
}

#[tokio::test]
async fn requests_are_counted_and_the_answer_says_how_many_are_left() {
    let world = World::with_limit(3).await;
    for left in ["2", "1", "0"] {
        let answer = world.get("/api/targets").await;
        assert_eq!(answer.status, 200);
        assert_eq!(answer.headers["x-ratelimit-limit"], "3");
        assert_eq!(answer.headers["x-ratelimit-remaining"], left);
        assert_eq!(answer.headers["x-ratelimit-reset"], "60");
    }
    let counted = world.desk.counted();
    world.clock.advance(15);
    for _ in 0..20 {
        let answer = world.get("/api/targets").await;
        answer.refused(429, "rate_limited");
        assert_eq!(
            (&answer.headers["retry-after"], &answer.headers["x-ratelimit-remaining"]),
            (&"45".parse().unwrap(), &"0".parse().unwrap())
        );
    }
    // One write found it full; after that this process knows.
    assert_eq!(world.desk.counted(), counted + 1);
    // Another credential has a count of its own, and the next minute begins anew.
    world.send(&world.other_key, "GET", "/api/targets", None).await.ok(200);
    world.clock.advance(45);
    world.get("/api/targets").await.ok(200);
}

#[tokio::test]
async fn guesses_at_credentials_are_counted_by_address() {
    let world = World::with_limit(5).await;
    for _ in 0..5 {
        let guess = app::api_keys::new_token().unwrap();
        world.send(&guess, "GET", "/api/targets", None).await.refused(401, "unauthenticated");
    }
    let guess = app::api_keys::new_token().unwrap();
    world.send(&guess, "GET", "/api/targets", None).await.refused(429, "rate_limited");
    // Who has a good credential is not held up by a guesser behind the same address.
    world.get("/api/targets").await.ok(200);
}

#[tokio::test]
async fn health_has_a_limit_of_its_own() {
    let world = World::new().await;
    for _ in 0..10 {
        world.raw("GET", "/api/health", &[], "").await.ok(200);
    }
    world.raw("GET", "/api/health", &[], "").await.refused(429, "rate_limited");
    world.get("/api/targets").await.ok(200);
}

#[tokio::test]
async fn every_answer_has_the_headers_of_a_safe_one() {
    let world = World::new().await;
    for path in ["/api/health", "/api/targets", "/api/nothing-here"] {
        let answer = world.get(path).await;
        assert_eq!(answer.headers["x-content-type-options"], "nosniff");
        assert_eq!(answer.headers["content-security-policy"], "default-src 'none'; frame-ancestors 'none'");
        assert_eq!(answer.headers["cache-control"], "no-store");
        assert!(answer.headers.contains_key("strict-transport-security"));
        assert!(!answer.headers.contains_key("access-control-allow-origin"));
    }
}

#[tokio::test]
async fn no_other_site_is_ever_let_in() {
    let world = World::new().await;
    for path in ["/api/health", "/api/targets", "/api/docs", "/api/nothing-here"] {
        for method in ["OPTIONS", "GET", "POST"] {
            let preflight = [
                (ORIGIN, "https://evil.example"),
                (ACCESS_CONTROL_REQUEST_METHOD, "POST"),
                (ACCESS_CONTROL_REQUEST_HEADERS, "authorization,x-ccp-request"),
            ];
            let answer = world.raw(method, path, &preflight, "").await;
            assert!(method != "OPTIONS" || answer.status >= 400, "{path} {}", answer.status);
            let allowing = answer.headers.keys().find(|name| name.as_str().starts_with("access-control-"));
            assert_eq!(allowing, None, "{method} {path}");
        }
    }
}
