//! Real events of the gateway, from `events/api/`, to the answer it is given back.

use std::path::PathBuf;

use api::{handle, router};
use aws_lambda_events::apigw::ApiGatewayV2httpResponse;
use aws_lambda_events::encodings::Body;
use contract::problem::{Code, ProblemDocument};
use serde_json::{Value, json};

use crate::support::World;

/// The key that the events carry.
const SAMPLE_KEY: &str = "ccp_live_0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

async fn play(world: &World, file: &str) -> (ApiGatewayV2httpResponse, Value) {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../events/api").join(file);
    let event = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let router = router(world.context.clone());
    let answer = runtime::http::answer(event, |request| handle(world.context.clone(), router, request)).await;
    let text = match &answer.body {
        Some(Body::Text(text)) => text.as_str(),
        _ => "",
    };
    let json = serde_json::from_str(text).unwrap();
    (answer, json)
}

#[tokio::test]
async fn the_health_event_is_answered() {
    let world = World::new().await;
    let (answer, json) = play(&world, "health.json").await;
    assert_eq!(answer.status_code, 200);
    assert_eq!(json["status"], "ok");
    assert_eq!(answer.headers["content-type"], "application/json");
    assert_eq!(answer.headers["x-request-id"], "U0PWBgLxIAMEPkQ=");
}

#[tokio::test]
async fn the_event_that_creates_a_target_does_so_for_those_who_have_the_key() {
    let world = World::new().await;
    let (answer, json) = play(&world, "create-target.json").await;
    assert_eq!(answer.status_code, 401);
    assert_eq!(json["code"], "unauthenticated");

    world.store_key(SAMPLE_KEY, world.tenant, &["targets:write"], None).await;
    let (answer, json) = play(&world, "create-target.json").await;
    assert_eq!(answer.status_code, 201, "{json}");
    assert_eq!(json["name"], "Front desk");
    assert_eq!(world.catalog.len(), 1);
}

#[tokio::test]
async fn what_never_reaches_the_api_is_refused_in_the_same_shape() {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../events/api/create-target.json");
    let sample: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let huge = "x".repeat(1024 * 1024 + 1);
    for (body, is_base64, code) in
        [("!", true, Code::MalformedBody), (huge.as_str(), false, Code::BodyTooLarge)]
    {
        let mut event = sample.clone();
        event["body"] = json!(body);
        event["isBase64Encoded"] = json!(is_base64);
        let event = serde_json::from_value(event).unwrap();
        let answer = runtime::http::answer(event, |_| async { panic!("a handler was asked") }).await;
        let Some(Body::Text(text)) = &answer.body else { panic!("no text") };
        let problem: ProblemDocument = serde_json::from_str(text).unwrap();
        assert_eq!((problem.code, problem.title.as_str()), (code, code.title()));
        assert_eq!((i64::from(problem.status), problem.status), (answer.status_code, code.status()));
        assert_eq!(problem.kind, ProblemDocument::type_of(code));
        assert_eq!(answer.headers["x-request-id"].to_str().unwrap(), problem.request_id);
        assert!(!problem.request_id.is_empty());
    }
}
