//! The adapter against a stand-in for SQS that refuses parts of batches; the consumer's answers to batches.

#![expect(clippy::expect_used, clippy::panic, reason = "a test fails by panicking, in its helpers too")]

use std::sync::{Arc, Mutex};

use app::ports::{BidLogEntry, Outbox};
use aws_config::{BehaviorVersion, Region};
use aws_lambda_events::sqs::SqsEvent;
use axum::extract::State;
use axum::routing::post;
use axum::{Json, Router};
use queue::{Message, SqsOutbox, process_batch};
use serde_json::{Value, json};

/// What the stand-in shall do with the entries of a request, and what it was sent.
#[derive(Clone, Default)]
struct StandIn(Arc<Mutex<Played>>);

#[derive(Default)]
struct Played {
    /// Per request: which positions are refused, and whether that is the sender's fault.
    refusals: Vec<(Vec<usize>, bool)>,
    /// Bodies per request.
    requests: Vec<Vec<String>>,
}

async fn send_message_batch(State(stand_in): State<StandIn>, Json(request): Json<Value>) -> Json<Value> {
    let mut played = stand_in.0.lock().expect("whole");
    let entries = request["Entries"].as_array().cloned().unwrap_or_default();
    let bodies =
        entries.iter().map(|entry| entry["MessageBody"].as_str().expect("a body").to_owned()).collect();
    let (refused, fault) = played.refusals.get(played.requests.len()).cloned().unwrap_or_default();
    played.requests.push(bodies);
    let (mut successful, mut failed) = (Vec::new(), Vec::new());
    for (index, entry) in entries.iter().enumerate() {
        if refused.contains(&index) {
            failed.push(
                json!({"Id": entry["Id"], "SenderFault": fault, "Code": "InternalError", "Message": "no"}),
            );
        } else {
            successful.push(json!({"Id": entry["Id"], "MessageId": "m", "MD5OfMessageBody": "d"}));
        }
    }
    Json(json!({ "Successful": successful, "Failed": failed }))
}

async fn outbox(refusals: Vec<(Vec<usize>, bool)>) -> (SqsOutbox, StandIn) {
    let stand_in = StandIn::default();
    stand_in.0.lock().expect("whole").refusals = refusals;
    let router = Router::new().route("/", post(send_message_batch)).with_state(stand_in.clone());
    let router = router
        .layer(axum::extract::DefaultBodyLimit::disable())
        .layer(axum::middleware::map_request(as_json));
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.expect("a port");
    let endpoint = format!("http://{}", listener.local_addr().expect("an address"));
    tokio::spawn(async move { axum::serve(listener, router).await });
    let config = aws_config::defaults(BehaviorVersion::latest())
        .region(Region::new("us-east-1"))
        .test_credentials()
        .endpoint_url(&endpoint)
        .load()
        .await;
    (SqsOutbox::connect(&config, format!("{endpoint}/000000000000/bid-log")), stand_in)
}

async fn as_json(mut request: axum::extract::Request) -> axum::extract::Request {
    request.headers_mut().insert("content-type", axum::http::HeaderValue::from_static("application/json"));
    request.extensions_mut().clear();
    *request.uri_mut() = axum::http::Uri::from_static("/");
    request
}

fn entries(count: usize, bytes: usize) -> Vec<BidLogEntry> {
    let event = std::fs::read_to_string("../../events/bid-log/three-bidders.json").expect("the sample event");
    let event: SqsEvent = serde_json::from_str(&event).expect("an event");
    let body = event.records[0].body.as_deref().expect("a body");
    let Ok(Message::Bids(sample)) = Message::decode(body) else { panic!("the sample is not bids") };
    let numbered = |index: usize| BidLogEntry {
        response: Some(format!("{index} {}", "x".repeat(bytes))),
        ..sample[0].clone()
    };
    (0..count).map(numbered).collect()
}

fn sent(stand_in: &StandIn) -> Vec<usize> {
    stand_in.0.lock().expect("whole").requests.iter().map(Vec::len).collect()
}

#[tokio::test]
async fn bids_of_an_auction_go_out_in_one_request() {
    let (outbox, stand_in) = outbox(Vec::new()).await;
    outbox.log_bids(&entries(6, 500)).await.expect("taken");
    assert_eq!(sent(&stand_in), [1]);
    outbox.log_bids(&[]).await.expect("nothing to do");
    assert_eq!(sent(&stand_in), [1]);
}

#[tokio::test]
async fn many_large_bids_are_split_and_none_is_lost() {
    let (outbox, stand_in) = outbox(Vec::new()).await;
    let entries = entries(40, 60_000);
    outbox.log_bids(&entries).await.expect("taken");
    let requests = &stand_in.0.lock().expect("whole").requests;
    assert!(requests.len() > 5, "{}", requests.len());
    let mut arrived = Vec::new();
    for body in requests.iter().flatten() {
        assert!(body.len() <= queue::LONGEST_BODY);
        let Ok(Message::Bids(bids)) = Message::decode(body) else { panic!("not ours") };
        arrived.extend(bids);
    }
    assert_eq!(arrived, entries);
}

#[tokio::test]
async fn what_sqs_refuses_for_now_is_sent_again_alone() {
    let (outbox, stand_in) = outbox(vec![(vec![0], false), (vec![0], false)]).await;
    outbox.log_bids(&entries(2, 10)).await.expect("taken at the third attempt");
    let requests = stand_in.0.lock().expect("whole").requests.clone();
    assert_eq!(requests.len(), 3);
    assert_eq!(requests[0], requests[2]);
}

#[tokio::test]
async fn what_sqs_refuses_for_good_or_every_time_is_an_error() {
    let (first, stand_in) = outbox(vec![(vec![0], true)]).await;
    assert!(first.log_bids(&entries(1, 10)).await.is_err());
    assert_eq!(sent(&stand_in), [1]);
    let (second, stand_in) = outbox(vec![(vec![0], false); 3]).await;
    assert!(second.log_bids(&entries(1, 10)).await.is_err());
    assert_eq!(sent(&stand_in), [1, 1, 1]);
}

#[tokio::test]
async fn only_the_messages_that_failed_come_again() {
    let good = Message::encode_bids(&entries(1, 10)).expect("written").remove(0);
    let poor = Message::encode_bids(&entries(2, 10)).expect("written").remove(0);
    let record = |id: &str, body: &str| json!({"messageId": id, "body": body});
    let event = json!({"Records": [record("a", &good), record("b", &poor), record("c", "not ours"), record("d", &good)]});
    let event: SqsEvent = serde_json::from_value(event).expect("an event");
    let response = process_batch(event, async |message| match message {
        Message::Bids(bids) if bids.len() == 1 => Ok(()),
        _ => Err(std::io::Error::other("no room")),
    })
    .await;
    let json = serde_json::to_value(response).expect("what Lambda sends");
    assert_eq!(json, json!({"batchItemFailures": [{"itemIdentifier": "b"}, {"itemIdentifier": "c"}]}));
}
