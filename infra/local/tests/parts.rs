//! The parts of the platform by themselves: template, routes, events, queue.

#![expect(clippy::expect_used, reason = "a test fails by panicking, in its helpers too")]

use std::sync::Arc;
use std::time::Duration;

use app::clock::{Clock, SystemClock};
use axum::body::Bytes;
use axum::http::{HeaderMap, HeaderValue, Method, Uri};
use local_platform::event::{Arrived, answer, as_lambda_reads_it, event};
use local_platform::queue::Queues;
use local_platform::routes::{Found, Routes};
use local_platform::template::{Event, TEMPLATE, Template, TemplateError};
use runtime::{HttpRequest, HttpResponse};
use serde_json::{Value, json};
use testkit::database::EmbeddedDatabase;

fn template() -> Template {
    Template::parse(TEMPLATE).expect("the template of this repository")
}

#[test]
fn every_function_has_a_trigger_and_is_given_what_all_need() {
    let template = template();
    assert_eq!(template.functions.len(), 12);
    for (id, function) in &template.functions {
        assert!(!function.events.is_empty(), "{id} is never called");
        for variable in ["TABLE_NAME", "STAGE", "PUBLIC_BASE_URL", "AWS_LC_SYS_NO_JITTER_ENTROPY"] {
            assert!(function.variables.contains(variable), "{id} is not given {variable}");
        }
    }
}

#[test]
fn routes_queue_and_schedules_are_read_from_the_template() {
    let template = template();
    let routes: Vec<(String, String)> =
        Routes::of(&template).listed().map(|(route, function)| (route, function.to_owned())).collect();
    for (route, function) in [
        ("POST /twilio/voice/inbound", "VoiceInbound"),
        ("POST /twilio/voice/{tenant}/{call}/auction/{step}", "RtbAuction"),
        ("POST /twilio/voice/{tenant}/{call}/dial-result/{step}", "VoiceDialResult"),
        ("POST /twilio/voice/status", "VoiceStatus"),
        ("POST /twilio/voice/{tenant}/{call}/leg/{attempt}", "VoiceStatus"),
        ("POST /twilio/voice/{tenant}/{call}/recording/{attempt}", "VoiceStatus"),
        ("GET /hook/{token}", "ConversionWebhook"),
        ("POST /hook/{token}", "ConversionWebhook"),
        ("POST /dni/lookup", "DniLookup"),
        ("POST /dni/release", "DniLookup"),
        ("GET /dni/call/{tag}", "DniLookup"),
        ("GET /dni/visit/{picture}", "DniLookup"),
        ("GET /v1/{environment}/{rtb}", "RtbInbound"),
        ("POST /v1/{environment}/{rtb}", "RtbInbound"),
        ("ANY /api/{proxy+}", "Api"),
    ] {
        assert!(
            routes.contains(&(route.to_owned(), function.to_owned())),
            "{route} is missing in {routes:?}"
        );
    }
    let sqs = Event::Sqs { queue: "BidLogQueue".to_owned(), batch_size: 10 };
    assert_eq!(template.functions["BidLog"].events, [sqs]);
    assert_eq!(template.queues["BidLogQueue"].dead_letters, Some(("BidLogDeadLetters".to_owned(), 5)));
    let every = |function: &str| match template.functions[function].events.as_slice() {
        [Event::Schedule { every, .. }] => *every,
        other => panic!("{other:?}"),
    };
    assert_eq!(every("RtbHealth"), Duration::from_secs(300));
    assert_eq!(every("Housekeeping"), Duration::from_secs(60));
}

#[test]
fn simulators_are_no_part_of_what_is_deployed() {
    let routes = Routes::of(&template());
    for path in ["/_sim/rtb/accept", "/_sim/calls", "/_sim/numbers"] {
        assert_eq!(routes.find("POST", path), None, "{path}");
    }
    assert!(!TEMPLATE.contains("_sim"));
}

#[test]
fn an_event_that_is_not_understood_stops_the_start() {
    let with = |event: &str| {
        format!(
            "Resources:\n  F:\n    Type: AWS::Serverless::Function\n    Properties:\n      Events:\n        E: {event}\n"
        )
    };
    for event in [
        "{ Type: S3, Properties: {} }",
        "{ Type: HttpApi, Properties: { Method: GET, Path: !Sub \"/${X}\" } }",
        "{ Type: ScheduleV2, Properties: { ScheduleExpression: cron(0 12 * * ? *) } }",
        "{ Type: SQS, Properties: { Queue: arn:aws:sqs:x } }",
    ] {
        let error = Template::parse(&with(event)).expect_err(event);
        assert!(matches!(&error, TemplateError::Part { place, .. } if place == "F.Events.E"), "{error}");
    }
}

fn routes(list: &[(&str, &str)]) -> Routes {
    let mut text = "Resources:\n".to_owned();
    for (index, (method, path)) in list.iter().enumerate() {
        text += &format!(
            "  F{index}:\n    Type: AWS::Serverless::Function\n    Properties:\n      Events:\n        E: {{ Type: HttpApi, Properties: {{ Method: {method}, Path: \"{path}\" }} }}\n"
        );
    }
    Routes::of(&Template::parse(&text).expect("a template"))
}

#[test]
fn the_most_specific_route_wins() {
    let routes = routes(&[
        ("ANY", "/a/{rest+}"),
        ("POST", "/a/{one}"),
        ("POST", "/a/b"),
        ("ANY", "/a/b"),
        ("POST", "/a/{one}/c"),
    ]);
    let found = |method: &str, path: &str| routes.find(method, path).map(|found| found.function.to_owned());
    assert_eq!(found("POST", "/a/b").as_deref(), Some("F2"));
    assert_eq!(found("GET", "/a/b").as_deref(), Some("F3"));
    assert_eq!(found("POST", "/a/x").as_deref(), Some("F1"));
    assert_eq!(found("POST", "/a/x/c").as_deref(), Some("F4"));
    assert_eq!(found("POST", "/a/x/d").as_deref(), Some("F0"));
    assert_eq!(found("GET", "/a/x/y/z").as_deref(), Some("F0"));
    assert_eq!(found("POST", "/a"), None);
    assert_eq!(found("POST", "/b/a"), None);
    let rest = routes.find("GET", "/a/x%20y/z").expect("a route");
    assert_eq!(rest.route_key, "ANY /a/{rest+}");
    assert_eq!(rest.path_parameters["rest"], "x y/z");
    assert_eq!(routes.find("POST", "/a/a+b").expect("a route").path_parameters["one"], "a+b");
}

fn arrive(method: &str, uri: &str, headers: &[(&'static str, &'static str)], body: &[u8]) -> Value {
    let mut map = HeaderMap::new();
    for (name, value) in headers {
        map.append(*name, HeaderValue::from_static(value));
    }
    let routes = Routes::of(&template());
    let uri: Uri = uri.parse().expect("a URI");
    let found: Found<'_> = routes.find(method, uri.path()).expect("a route");
    let arrived = Arrived {
        method: &Method::from_bytes(method.as_bytes()).expect("a method"),
        uri: &uri,
        headers: &map,
        body: &Bytes::copy_from_slice(body),
        peer: ([192, 0, 2, 1], 999).into(),
        at: "2026-11-22T10:15:00.120Z".parse().expect("a time"),
        request_id: "abc",
    };
    serde_json::from_str(&event(&arrived, &found)).expect("JSON")
}

#[test]
fn a_form_arrives_as_api_gateway_sends_it() {
    let path = "/twilio/voice/AC1/RGB2/leg/3";
    let form = "application/x-www-form-urlencoded; charset=utf-8";
    let headers = [
        ("content-type", form),
        ("host", "voice.example.com"),
        ("x-a", "1"),
        ("x-a", "2"),
        ("user-agent", "T"),
    ];
    let event = arrive("POST", path, &headers, b"CallSid=CA1&From=%2B1");
    assert_eq!(event["version"], "2.0");
    assert_eq!(event["routeKey"], "POST /twilio/voice/{tenant}/{call}/leg/{attempt}");
    assert_eq!(event["rawPath"], path);
    assert_eq!(event["rawQueryString"], "");
    assert_eq!(event["pathParameters"], json!({"tenant": "AC1", "call": "RGB2", "attempt": "3"}));
    assert_eq!(event["isBase64Encoded"], true, "a form is not text to the gateway");
    assert_eq!(event["headers"]["x-a"], "1,2");
    assert_eq!(event["requestContext"]["stage"], "$default");
    assert_eq!(event["requestContext"]["http"]["sourceIp"], "192.0.2.1");
    assert_eq!(event["requestContext"]["time"], "22/Nov/2026:10:15:00 +0000");
    assert_eq!(event["requestContext"]["domainPrefix"], "voice");
    let read = as_lambda_reads_it(&event.to_string()).expect("an event");
    let request = HttpRequest::from_event(read).expect("a request");
    assert_eq!(&request.body[..], b"CallSid=CA1&From=%2B1");
    assert_eq!(request.raw_path, path);
    assert_eq!(request.header("user-agent"), Some("T"));
}

#[test]
fn json_arrives_as_text_and_cookies_and_queries_apart() {
    let headers = [("content-type", "application/json"), ("cookie", "a=1; b=2")];
    let event = arrive("PATCH", "/api/targets/TA1?x=1&y=%20&x=2", &headers, b"{\"a\":1}");
    assert_eq!(event["routeKey"], "ANY /api/{proxy+}");
    assert_eq!(event["body"], "{\"a\":1}");
    assert_eq!(event["isBase64Encoded"], false);
    assert_eq!(event["cookies"], json!(["a=1", "b=2"]));
    assert_eq!(event["headers"].get("cookie"), None);
    assert_eq!(event["rawQueryString"], "x=1&y=%20&x=2");
    assert_eq!(event["queryStringParameters"], json!({"x": "1,2", "y": " "}));
    let empty = arrive("GET", "/api/health", &[], b"");
    assert!(empty.get("body").is_none() && empty.get("queryStringParameters").is_none());
    assert!(as_lambda_reads_it(&empty.to_string()).is_ok());
}

#[tokio::test]
async fn answers_come_back_with_their_bytes_and_cookies() {
    let bytes = vec![0xFF, 0x00, 0x10];
    let response = HttpResponse::new(201, "application/octet-stream", bytes.clone())
        .with_header(http::header::SET_COOKIE, HeaderValue::from_static("a=1"))
        .with_header(http::header::SET_COOKIE, HeaderValue::from_static("b=2"));
    let http = answer(&response.into_event());
    assert_eq!(http.status(), 201);
    assert_eq!(http.headers()["content-type"], "application/octet-stream");
    assert_eq!(http.headers().get_all("set-cookie").iter().count(), 2);
    let body = axum::body::to_bytes(http.into_body(), 100).await.expect("a body");
    assert_eq!(&body[..], &bytes);
}

/// A clock that tests move.
struct TestClock(std::sync::Mutex<jiff::Timestamp>);

impl TestClock {
    fn advance(&self, seconds: i64) {
        let mut now = self.0.lock().expect("whole");
        *now = now.checked_add(jiff::SignedDuration::from_secs(seconds)).expect("a time");
    }
}

impl Clock for TestClock {
    fn now(&self) -> jiff::Timestamp {
        *self.0.lock().expect("whole")
    }
    fn new_id(&self) -> uuid::Uuid {
        SystemClock.new_id()
    }
}

const HIDDEN: Duration = Duration::from_secs(30);

async fn queues(database: &EmbeddedDatabase) -> (Queues, Arc<TestClock>) {
    let clock = Arc::new(TestClock(std::sync::Mutex::new("2026-11-22T10:00:00Z".parse().expect("a time"))));
    let config = runtime::aws::config_for_stand_in(&database.endpoint()).await.expect("a configuration");
    (Queues::open(&config, clock.clone()).await.expect("open"), clock)
}

#[tokio::test]
async fn a_message_comes_again_until_it_is_deleted_by_its_newest_receipt() {
    let database = EmbeddedDatabase::in_memory().await.expect("a database");
    let (queues, clock) = queues(&database).await;
    let id = queues.send("q", "one").await.expect("sent");
    let first = queues.receive("q", 10, HIDDEN, None).await.expect("received").remove(0);
    assert_eq!((first.id.as_str(), first.body.as_str(), first.receive_count), (id.as_str(), "one", 1));
    assert!(queues.receive("q", 10, HIDDEN, None).await.expect("received").is_empty(), "it is hidden");

    clock.advance(31);
    let second = queues.receive("q", 10, HIDDEN, None).await.expect("received").remove(0);
    assert_eq!((second.receive_count, second.first_received_ms), (2, first.first_received_ms));
    queues.delete("q", &first.receipt).await.expect("no harm");
    assert_eq!(queues.length("q").await.expect("a length"), 1, "an old receipt deletes nothing");
    queues.delete("q", &second.receipt).await.expect("deleted");
    assert_eq!(queues.length("q").await.expect("a length"), 0);
}

#[tokio::test]
async fn what_failed_too_often_is_put_aside() {
    let database = EmbeddedDatabase::in_memory().await.expect("a database");
    let (queues, clock) = queues(&database).await;
    let redrive = ("dead".to_owned(), 3);
    queues.send("q", "bad").await.expect("sent");
    for count in 1..=3 {
        let received = queues.receive("q", 10, HIDDEN, Some(&redrive)).await.expect("received");
        assert_eq!(received[0].receive_count, count);
        clock.advance(31);
    }
    assert!(queues.receive("q", 10, HIDDEN, Some(&redrive)).await.expect("received").is_empty());
    assert_eq!(queues.length("q").await.expect("a length"), 0);
    let letters = queues.dead_letters("dead").await.expect("read");
    assert_eq!((letters[0].body.as_str(), letters[0].receive_count), ("bad", 3));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_consumers_never_get_the_same_message() {
    let database = EmbeddedDatabase::in_memory().await.expect("a database");
    let (queues, _) = queues(&database).await;
    for number in 0..30 {
        queues.send("q", &number.to_string()).await.expect("sent");
    }
    // A receive may come back empty because another consumer was faster, so each goes on until all is received.
    let left = std::sync::atomic::AtomicUsize::new(30);
    let consumer = async || {
        let mut got: Vec<String> = Vec::new();
        while left.load(std::sync::atomic::Ordering::SeqCst) > 0 {
            let some = queues.receive("q", 4, HIDDEN, None).await.expect("received");
            left.fetch_sub(some.len(), std::sync::atomic::Ordering::SeqCst);
            got.extend(some.into_iter().map(|message| message.id));
        }
        got
    };
    let (one, two, three) = tokio::join!(consumer(), consumer(), consumer());
    let mut all: Vec<String> = [one, two, three].concat();
    all.sort();
    all.dedup();
    assert_eq!(all.len(), 30, "a message was received twice");
}

#[tokio::test]
async fn messages_survive_the_end_of_the_database() {
    let folder = std::env::temp_dir().join(format!("callcenter-queue-{}", SystemClock.new_id().simple()));
    std::fs::create_dir_all(&folder).expect("a folder");
    let file = folder.join("q.db");
    let database = EmbeddedDatabase::on_file(&file, 0).await.expect("a database");
    let (before, _) = queues(&database).await;
    before.send("q", "kept").await.expect("sent");
    drop(database);
    let database = EmbeddedDatabase::on_file(&file, 0).await.expect("a database");
    let (after, _) = queues(&database).await;
    let received = after.receive("q", 10, HIDDEN, None).await.expect("received");
    assert_eq!(received[0].body, "kept");
    drop(std::fs::remove_dir_all(folder));
}
