//! Events of API Gateway become requests, answers become what it wants; what cannot be read never reaches a handler.

#![expect(clippy::expect_used, reason = "a test fails by panicking, in its helpers too")]

use aws_lambda_events::apigw::{ApiGatewayV2httpRequest, ApiGatewayV2httpResponse};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::HeaderValue;
use http::header::{CACHE_CONTROL, SET_COOKIE, VARY};
use runtime::http::{MAX_BODY_BYTES, answer};
use runtime::{HttpRequest, HttpResponse};
use serde_json::{Value, json};

fn event(body: Option<&str>, is_base64: bool) -> ApiGatewayV2httpRequest {
    let event = json!({
        "version": "2.0",
        "routeKey": "POST /twilio/voice/inbound",
        "rawPath": "/twilio/voice/inbound",
        "rawQueryString": "a=1&b=%20x",
        "cookies": ["one=1", "two=2"],
        "headers": {
            "content-type": "application/x-www-form-urlencoded; charset=utf-8",
            "x-twilio-signature": "c2ln",
        },
        "requestContext": {
            "accountId": "123456789012",
            "apiId": "abc",
            "domainName": "voice.example.com",
            "domainPrefix": "voice",
            "http": {
                "method": "POST",
                "path": "/twilio/voice/inbound",
                "protocol": "HTTP/1.1",
                "sourceIp": "192.0.2.1",
                "userAgent": "TwilioProxy/1.1",
            },
            "requestId": "JKJaXmPLvHcESHA=",
            "routeKey": "POST /twilio/voice/inbound",
            "stage": "$default",
            "time": "22/Nov/2026:10:15:00 +0000",
            "timeEpoch": 1_795_342_500_000_i64,
        },
        "body": body,
        "isBase64Encoded": is_base64,
    });
    serde_json::from_value(event).expect("a real event")
}

async fn answered(event: ApiGatewayV2httpRequest) -> (ApiGatewayV2httpResponse, Value) {
    let response =
        answer(event, async |request| HttpResponse::text(200, request.body.len().to_string())).await;
    let json = serde_json::to_value(&response).expect("what Lambda sends");
    (response, json)
}

#[test]
fn path_query_headers_and_bytes_are_those_of_the_client() {
    let encoded = STANDARD.encode(b"CallSid=CA1&From=%2B1415");
    let request = HttpRequest::from_event(event(Some(&encoded), true)).expect("readable");
    assert_eq!(request.method, "POST");
    assert_eq!(request.raw_path, "/twilio/voice/inbound");
    assert_eq!(request.raw_query, "a=1&b=%20x");
    assert_eq!(request.header("X-Twilio-Signature"), Some("c2ln"));
    assert_eq!(request.header("cookie"), Some("one=1; two=2"));
    assert_eq!(&request.body[..], b"CallSid=CA1&From=%2B1415");
    assert_eq!(request.request_id, "JKJaXmPLvHcESHA=");
    assert_eq!(request.source_ip.as_deref(), Some("192.0.2.1"));
    assert_eq!(request.segments().collect::<Vec<_>>(), ["twilio", "voice", "inbound"]);
    let shown = format!("{request:?}");
    assert!(!shown.contains("1415") && !shown.contains("c2ln"), "{shown}");
    let http = request.into_http().expect("a URI");
    assert_eq!(http.uri(), "/twilio/voice/inbound?a=1&b=%20x");
}

#[test]
fn a_body_may_be_plain_or_missing() {
    assert_eq!(&HttpRequest::from_event(event(Some("a=b"), false)).expect("readable").body[..], b"a=b");
    assert!(HttpRequest::from_event(event(None, false)).expect("readable").body.is_empty());
}

#[tokio::test]
async fn bodies_up_to_the_limit_reach_the_handler_and_no_larger_one() {
    for is_base64 in [false, true] {
        for (bytes, status) in [(MAX_BODY_BYTES, 200), (MAX_BODY_BYTES + 1, 413), (3 * MAX_BODY_BYTES, 413)] {
            let body = "x".repeat(bytes);
            let body = if is_base64 { STANDARD.encode(body) } else { body };
            let (response, json) = answered(event(Some(&body), is_base64)).await;
            assert_eq!(response.status_code, status, "{bytes} bytes, base64 {is_base64}");
            if status == 413 {
                let problem: Value =
                    serde_json::from_str(json["body"].as_str().expect("text")).expect("a problem");
                assert_eq!(problem["code"], "body_too_large");
                assert_eq!(json["headers"]["content-type"], "application/problem+json");
            }
        }
    }
}

#[tokio::test]
async fn broken_base64_is_a_bad_request() {
    let (response, _) = answered(event(Some("%%%"), true)).await;
    assert_eq!(response.status_code, 400);
}

#[tokio::test]
async fn answers_have_the_shape_that_the_gateway_wants() {
    let response = HttpResponse::xml("<Response/>")
        .with_header(CACHE_CONTROL, HeaderValue::from_static("no-store"))
        .with_header(VARY, HeaderValue::from_static("accept"))
        .with_header(VARY, HeaderValue::from_static("origin"))
        .with_header(SET_COOKIE, HeaderValue::from_static("a=1"))
        .with_header(SET_COOKIE, HeaderValue::from_static("b=2"));
    let json = serde_json::to_value(response.into_event()).expect("what Lambda sends");
    assert_eq!(json["statusCode"], 200);
    assert_eq!(json["body"], "<Response/>");
    assert_eq!(json["isBase64Encoded"], false);
    assert_eq!(json["headers"]["content-type"], "text/xml; charset=utf-8");
    assert_eq!(json["headers"]["cache-control"], "no-store");
    assert_eq!(json["headers"]["vary"], "accept, origin");
    assert_eq!(json["cookies"], json!(["a=1", "b=2"]));

    let bytes = HttpResponse::new(200, "application/octet-stream", vec![0xFF, 0x00]);
    let json = serde_json::to_value(bytes.into_event()).expect("what Lambda sends");
    assert_eq!(json["isBase64Encoded"], true);
    assert_eq!(json["body"], STANDARD.encode([0xFF, 0x00]));
}

#[test]
fn a_routers_answer_keeps_its_type_and_loses_its_length() {
    let answer = http::Response::builder()
        .status(201)
        .header("content-type", "application/json")
        .header("content-length", "2")
        .header("location", "/api/v1/campaigns/CA1");
    let (parts, ()) = answer.body(()).expect("an answer").into_parts();
    let response = HttpResponse::from_http(parts, "{}".into());
    assert_eq!((response.status, response.content_type.as_str()), (201, "application/json"));
    assert_eq!(response.headers.len(), 1);
}
