//! The local queue: SQS as far as our adapter and an event source use it.
//!
//! What must stay true: a message that was taken is in the table before its sender is told so, and is there after the process
//! was killed; one that was received and not deleted comes again after its visibility time-out, and after too many times it
//! goes to the dead letters. Its table is beside the product's, in the same database, reached without the fault layer.

mod endpoint;
mod poller;
mod table;

pub use endpoint::router;
pub use poller::{Source, poll};
pub use table::{DeadLetter, QueueError, Queues, Received};
