//! Tells trackers what became of the calls of their clicks (queue consumer).
//!
//! Idempotency: each kind of postback of a call is marked when it was told, so a message that comes again tells only what is
//! missing. What a tracker does not take comes again with its message, and ends in the dead-letter queue.

use std::sync::Arc;

use app::ports::{PortError, PortResult};
use app::tell_trackers::TellTrackers;
use aws_lambda_events::sqs::{SqsBatchResponse, SqsEvent};
use queue::{CallToTell, Message, process_batch};

/// What the handler needs.
pub struct Context {
    /// The use case.
    pub tell_trackers: TellTrackers,
}

/// Works through one batch; the messages it names come again.
pub async fn handle(context: Arc<Context>, event: SqsEvent) -> SqsBatchResponse {
    process_batch(event, async |message| -> PortResult<()> {
        match message {
            Message::Postbacks(CallToTell { tenant, call }) => context.tell_trackers.tell(tenant, call).await,
            Message::Bids(_) => Err(PortError::failed("tell a tracker", "this is another queue's message")),
        }
    })
    .await
}
