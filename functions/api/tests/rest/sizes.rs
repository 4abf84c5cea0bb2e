//! How much a request may bring.

use http::header::HeaderName;

use crate::support::World;

#[tokio::test]
async fn long_queries_are_refused_everywhere() {
    let world = World::new().await;
    let long = format!("search={}", "x".repeat(8 * 1024));
    let many = vec!["a=1"; 51].join("&");
    for path in ["/api/targets", "/api/health", "/api/calls"] {
        for query in [&long, &many] {
            world.get(&format!("{path}?{query}")).await.refused(400, "invalid_query");
        }
    }
    // As many as allowed reach the reader of the query, which knows none of them.
    let most = vec!["a=1"; 50].join("&");
    let problem = world.get(&format!("/api/targets?{most}")).await.refused(400, "invalid_query");
    assert_eq!(problem["fields"][0]["rule"], "unknown_parameter");
}

#[tokio::test]
async fn a_query_that_no_url_can_hold_is_a_bad_query() {
    let world = World::new().await;
    world.get("/api/targets?search=<\u{0}>").await.refused(400, "invalid_query");
    world.get("/api/tar\u{0}gets?search=a").await.refused(404, "unknown_route");
}

#[tokio::test]
async fn headers_have_their_limit() {
    let world = World::new().await;
    let value = "x".repeat(1024);
    let names: Vec<HeaderName> = (0..17).map(|number| format!("x-{number}").parse().unwrap()).collect();
    let headers: Vec<(HeaderName, &str)> = names.into_iter().map(|name| (name, value.as_str())).collect();
    world.raw("GET", "/api/health", &headers, "").await.refused(431, "headers_too_large");
    world.raw("GET", "/api/health", &headers[..15], "").await.ok(200);
}
