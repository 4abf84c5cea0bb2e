//! The queue between the call path and work that is done later.
//!
//! Delivery is at least once and in no order, so each kind of message names what makes it harmless to repeat
//! (see [`Message`]). What must stay true: a message that cannot be read is never dropped here; it fails, comes again, and
//! ends in the dead-letter queue where somebody looks at it.

mod consume;
mod message;
mod outbox;

pub use consume::process_batch;
pub use message::{CallToTell, LONGEST_BODY, Message, MessageError};
pub use outbox::SqsOutbox;
