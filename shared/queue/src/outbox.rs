//! The way into the queues: the `Outbox` and `PostbackQueue` ports over SQS.
//!
//! What must stay true: `Ok` means that SQS has every message. SQS takes a batch in parts, so what it refused for a passing
//! reason is sent again; a message may therefore arrive twice.

use std::time::Duration;

use app::ports::{BidLogEntry, Outbox, PortError, PortResult, PostbackQueue};
use async_trait::async_trait;
use aws_config::SdkConfig;
use aws_sdk_sqs::Client;
use aws_sdk_sqs::types::{BatchResultErrorEntry, SendMessageBatchRequestEntry};
use domain::ids::{CallId, TenantId};

use crate::message::{CallToTell, LONGEST_BODY, Message};

const MOST_PER_BATCH: usize = 10;
const ATTEMPTS: u32 = 3;
const FIRST_PAUSE: Duration = Duration::from_millis(40);

/// Sends to one queue. Clones share connections.
#[derive(Debug, Clone)]
pub struct SqsOutbox {
    client: Client,
    queue_url: String,
}

/// SQS did not take a message.
#[derive(Debug, thiserror::Error)]
enum NotTaken {
    /// The entry's own fault: sending it again would not help.
    #[error("SQS refuses a message for good ({code})")]
    Refused { code: String },
    /// Refused every time.
    #[error("SQS did not take a message in {ATTEMPTS} attempts ({code})")]
    GivenUp { code: String },
    /// The request could not be put together.
    #[error("the request cannot be put together")]
    Request(#[source] aws_sdk_sqs::error::BuildError),
}

impl SqsOutbox {
    /// For one queue.
    pub fn connect(config: &SdkConfig, queue_url: impl Into<String>) -> Self {
        Self { client: Client::new(config), queue_url: queue_url.into() }
    }

    /// Opens a connection, without sending anything.
    ///
    /// # Errors
    /// SQS does not answer, or not to us.
    pub async fn warm_up(&self) -> PortResult<()> {
        let what = "reach a queue";
        // An empty batch is the only harmless question that the sender's permission allows. SQS refuses it, and by that
        // has answered.
        match self.client.send_message_batch().queue_url(&self.queue_url).send().await {
            Err(error) if error.as_service_error().is_none() => Err(PortError::failed(what, error)),
            _ => Ok(()),
        }
    }

    async fn send_all(&self, bodies: Vec<String>) -> PortResult<()> {
        for batch in batches(bodies) {
            self.send_batch(batch).await?;
        }
        Ok(())
    }

    async fn send_batch(&self, mut bodies: Vec<String>) -> PortResult<()> {
        let what = "hand a message to a queue";
        let mut pause = FIRST_PAUSE;
        for attempt in 1..=ATTEMPTS {
            let mut request = self.client.send_message_batch().queue_url(&self.queue_url);
            for (index, body) in bodies.iter().enumerate() {
                let entry = SendMessageBatchRequestEntry::builder().id(index.to_string()).message_body(body);
                let entry =
                    entry.build().map_err(|error| PortError::failed(what, NotTaken::Request(error)))?;
                request = request.entries(entry);
            }
            let answer = request.send().await.map_err(|error| PortError::failed(what, error))?;
            let Some(first) = answer.failed().first() else { return Ok(()) };
            if let Some(hopeless) = answer.failed().iter().find(|failed| failed.sender_fault()) {
                return Err(PortError::failed(what, NotTaken::Refused { code: hopeless.code().to_owned() }));
            }
            if attempt == ATTEMPTS {
                return Err(PortError::failed(what, NotTaken::GivenUp { code: first.code().to_owned() }));
            }
            bodies = refused(bodies, answer.failed());
            tokio::time::sleep(pause).await;
            pause *= 2;
        }
        Ok(())
    }
}

/// The bodies whose ids (their positions) SQS names as failed.
fn refused(bodies: Vec<String>, failed: &[BatchResultErrorEntry]) -> Vec<String> {
    let named = |index: usize| failed.iter().any(|entry| entry.id() == index.to_string());
    bodies.into_iter().enumerate().filter(|(index, _)| named(*index)).map(|(_, body)| body).collect()
}

/// At most ten bodies and [`LONGEST_BODY`] bytes in a batch.
fn batches(bodies: Vec<String>) -> Vec<Vec<String>> {
    let mut batches: Vec<Vec<String>> = Vec::new();
    let mut length = 0;
    for body in bodies {
        length += body.len();
        match batches.last_mut() {
            Some(batch) if batch.len() < MOST_PER_BATCH && length <= LONGEST_BODY => batch.push(body),
            _ => {
                length = body.len();
                batches.push(vec![body]);
            }
        }
    }
    batches
}

#[async_trait]
impl Outbox for SqsOutbox {
    async fn log_bids(&self, entries: &[BidLogEntry]) -> PortResult<()> {
        let bodies = Message::encode_bids(entries)
            .map_err(|error| PortError::failed("write bids for the bid-log queue", error))?;
        self.send_all(bodies).await
    }
}

#[async_trait]
impl PostbackQueue for SqsOutbox {
    async fn look_at(&self, tenant: TenantId, call: CallId) -> PortResult<()> {
        let body = Message::encode_postbacks(CallToTell { tenant, call })
            .map_err(|error| PortError::failed("write a message for the postback queue", error))?;
        self.send_all(vec![body]).await
    }
}
