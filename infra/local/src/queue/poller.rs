//! What Lambda's event source does: receives batches, invokes the function, deletes what did not fail.

use std::time::Duration;

use aws_lambda_events::sqs::{SqsBatchResponse, SqsEvent};
use serde_json::{Value, json};
use tokio::sync::watch;

use super::endpoint::md5_of;
use super::table::{QueueError, Queues, Received};
use crate::functions::Handler;
use crate::lambda::Lambda;

/// How long an empty queue is left alone, unless something arrives.
const REST: Duration = Duration::from_millis(250);

/// A queue and its consumer.
#[derive(Debug, Clone)]
pub struct Source {
    /// Logical id of the queue, which is its name here.
    pub queue: String,
    /// Logical id of the function.
    pub function: String,
    /// Messages at once.
    pub batch_size: u16,
    /// A received message stays hidden for this time.
    pub visibility: Duration,
    /// Where messages go that failed too often, and how often that is.
    pub dead_letters: Option<(String, u32)>,
}

/// Works until it is told to stop; the batch under way is finished first.
pub async fn poll(source: Source, queues: Queues, lambda: Lambda, mut stop: watch::Receiver<bool>) {
    while !*stop.borrow_and_update() {
        match work(&source, &queues, &lambda).await {
            Ok(0) => {}
            Ok(_) => continue,
            Err(error) => tracing::warn!(queue = source.queue, error = %error, "the queue could not be read"),
        }
        tokio::select! {
            () = queues.arrival(REST) => {}
            _ = stop.changed() => {}
        }
    }
}

/// One batch; how many messages it had.
async fn work(source: &Source, queues: &Queues, lambda: &Lambda) -> Result<usize, QueueError> {
    let messages = queues
        .receive(&source.queue, source.batch_size, source.visibility, source.dead_letters.as_ref())
        .await?;
    if messages.is_empty() {
        return Ok(0);
    }
    let Some(Handler::Sqs(handler)) = lambda.handler(&source.function) else {
        return Err(format!("{} consumes no queue", source.function).into());
    };
    let event: SqsEvent = serde_json::from_str(&event(&source.queue, &messages).to_string())?;
    // Without an answer the whole batch comes again.
    let Ok(answer) = lambda.run(&source.function, async move { handler(event).await }).await else {
        return Ok(messages.len());
    };
    let failed = failed_ids(&answer, messages.len());
    for message in messages.iter().filter(|message| !failed.contains(&message.id)) {
        queues.delete(&source.queue, &message.receipt).await?;
    }
    Ok(messages.len())
}

fn failed_ids(answer: &SqsBatchResponse, messages: usize) -> Vec<String> {
    let failed: Vec<String> =
        answer.batch_item_failures.iter().map(|failure| failure.item_identifier.clone()).collect();
    if !failed.is_empty() {
        tracing::info!(failed = failed.len(), messages, "some messages of a batch come again");
    }
    failed
}

/// The event in AWS's shape.
fn event(queue: &str, messages: &[Received]) -> Value {
    let record = |message: &Received| {
        json!({
            "messageId": message.id,
            "receiptHandle": message.receipt,
            "body": message.body,
            "attributes": {
                "ApproximateReceiveCount": message.receive_count.to_string(),
                "SentTimestamp": message.sent_ms.to_string(),
                "SenderId": "local",
                "ApproximateFirstReceiveTimestamp": message.first_received_ms.to_string(),
            },
            "messageAttributes": {},
            "md5OfBody": md5_of(&message.body),
            "eventSource": "aws:sqs",
            "eventSourceARN": format!("arn:aws:sqs:us-east-1:000000000000:{queue}"),
            "awsRegion": "us-east-1",
        })
    };
    json!({ "Records": messages.iter().map(record).collect::<Vec<_>>() })
}
