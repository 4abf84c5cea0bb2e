//! The wire of SQS (JSON protocol), as far as our adapter speaks it: sending.

use std::collections::BTreeSet;

use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{Json, Router};
use md5::{Digest as _, Md5};
use serde::Deserialize;
use serde_json::{Value, json};

use super::table::Queues;

/// SQS takes batches of up to this size.
const LARGEST_BATCH: usize = 1024 * 1024;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Batch {
    queue_url: String,
    #[serde(default)]
    entries: Vec<Entry>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Entry {
    id: String,
    message_body: String,
}

/// The endpoint. A queue's name is the last part of its URL.
pub fn router(queues: Queues) -> Router {
    Router::new().route("/", post(answer)).layer(DefaultBodyLimit::max(2 * LARGEST_BATCH)).with_state(queues)
}

async fn answer(State(queues): State<Queues>, headers: HeaderMap, body: Bytes) -> Response {
    let target = headers.get("x-amz-target").and_then(|target| target.to_str().ok()).unwrap_or_default();
    if target != "AmazonSQS.SendMessageBatch" {
        return refuse("UnsupportedOperation", "this queue only takes batches of messages");
    }
    let Ok(batch) = serde_json::from_slice::<Batch>(&body) else {
        return refuse("InvalidAddress", "the request is not a batch of messages");
    };
    if let Some((code, words)) = fault(&batch) {
        return refuse(code, words);
    }
    let queue = batch.queue_url.rsplit('/').next().unwrap_or_default();
    let (mut successful, mut failed) = (Vec::new(), Vec::new());
    for entry in batch.entries {
        match queues.send(queue, &entry.message_body).await {
            Ok(id) => successful.push(json!({
                "Id": entry.id,
                "MessageId": id,
                "MD5OfMessageBody": md5_of(&entry.message_body),
            })),
            Err(error) => {
                tracing::warn!(error = %error, "a message could not be stored");
                failed.push(failure(&entry.id));
            }
        }
    }
    let body = json!({ "Successful": successful, "Failed": failed });
    ([(header::CONTENT_TYPE, "application/x-amz-json-1.0")], body.to_string()).into_response()
}

fn failure(id: &str) -> Value {
    json!({ "Id": id, "SenderFault": false, "Code": "InternalError", "Message": "the message could not be stored" })
}

fn fault(batch: &Batch) -> Option<(&'static str, &'static str)> {
    let bytes: usize = batch.entries.iter().map(|entry| entry.message_body.len()).sum();
    let ids: BTreeSet<&str> = batch.entries.iter().map(|entry| entry.id.as_str()).collect();
    match batch.entries.len() {
        0 => Some(("EmptyBatchRequest", "there must be at least one message")),
        11.. => Some(("TooManyEntriesInBatchRequest", "a batch has at most 10 messages")),
        _ if bytes > LARGEST_BATCH => Some(("BatchRequestTooLong", "a batch has at most 1 MiB")),
        entries if ids.len() < entries => Some(("BatchEntryIdsNotDistinct", "two messages have one id")),
        _ => None,
    }
}

fn refuse(code: &str, words: &str) -> Response {
    let body = json!({ "__type": format!("com.amazonaws.sqs#{code}"), "message": words });
    (StatusCode::BAD_REQUEST, Json(body)).into_response()
}

/// As SQS states it with every message.
pub(super) fn md5_of(body: &str) -> String {
    Md5::digest(body.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect()
}
