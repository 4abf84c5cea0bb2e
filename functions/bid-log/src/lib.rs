//! Keeps what the bidders were asked and answered, and counts it in their hours (queue consumer).
//!
//! Idempotency: an entry is stored under its auction and bidder and counted in the same transaction, and the file of a
//! message has its name from what is in it, so a message that comes again changes nothing.

use std::sync::Arc;

use app::bid_log::KeepBids;
use app::ports::{PortError, PortResult};
use aws_lambda_events::sqs::{SqsBatchResponse, SqsEvent};
use queue::{Message, process_batch};

/// What the handler needs.
pub struct Context {
    /// The use case.
    pub keep_bids: KeepBids,
}

/// Works through one batch; the messages it names come again.
pub async fn handle(context: Arc<Context>, event: SqsEvent) -> SqsBatchResponse {
    process_batch(event, async |message| -> PortResult<()> {
        match message {
            Message::Bids(entries) => context.keep_bids.keep(&entries).await,
            Message::Postbacks(_) => Err(PortError::failed("keep bids", "this is another queue's message")),
        }
    })
    .await
}
