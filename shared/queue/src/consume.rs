//! The way out of the queue: a batch, message by message, with each one's own fate.

use std::fmt::Write as _;
use std::future::Future;

use aws_lambda_events::sqs::{BatchItemFailure, SqsBatchResponse, SqsEvent, SqsMessage};
use futures::future::join_all;

use crate::message::Message;

/// Gives each message of a batch to `work`, all at the same time, and names those that failed so that only they come
/// again. A message that is not ours fails too. A failure is logged here, once, without the message's text.
pub async fn process_batch<F, Fut, E>(event: SqsEvent, work: F) -> SqsBatchResponse
where
    F: Fn(Message) -> Fut,
    Fut: Future<Output = Result<(), E>>,
    E: std::error::Error,
{
    let outcomes = event.records.iter().map(|record| process(record, &work));
    let failed = join_all(outcomes).await.into_iter().flatten();
    let mut response = SqsBatchResponse::default();
    response.batch_item_failures = failed
        .map(|id| {
            let mut failure = BatchItemFailure::default();
            failure.item_identifier = id;
            failure
        })
        .collect();
    response
}

/// The message's id, if it failed.
async fn process<F, Fut, E>(record: &SqsMessage, work: &F) -> Option<String>
where
    F: Fn(Message) -> Fut,
    Fut: Future<Output = Result<(), E>>,
    E: std::error::Error,
{
    let id = record.message_id.clone().unwrap_or_default();
    let failure = match Message::decode(record.body.as_deref().unwrap_or_default()) {
        Ok(message) => work(message).await.err().map(|error| chain(&error)),
        Err(error) => Some(chain(&error)),
    };
    let error = failure?;
    let received = record.attributes.get("ApproximateReceiveCount").map_or("?", String::as_str);
    tracing::warn!(message_id = id, received, error, "a message failed and comes again");
    Some(id)
}

fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let written = write!(text, ": {error}");
        debug_assert!(written.is_ok(), "a String takes everything");
        cause = error.source();
    }
    text
}
