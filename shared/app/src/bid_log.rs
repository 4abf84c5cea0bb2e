//! Keeping what bidders were asked and answered, away from the call path.
//!
//! Storing an entry again changes nothing, so a message that failed halfway simply comes again. What it says of its bidder
//! is counted with it, once.

use std::sync::Arc;

use futures::stream::{self, StreamExt, TryStreamExt};

use crate::ports::{BidHistory, BidLog, BidLogEntry, PortResult};

/// Writes at the same time.
const AT_ONCE: usize = 8;

/// Keeps bids.
#[derive(Clone)]
pub struct KeepBids {
    /// Where they are looked up for a while.
    pub log: Arc<dyn BidLog>,
    /// Where they stay.
    pub history: Arc<dyn BidHistory>,
}

impl KeepBids {
    /// Stores the entries of one message.
    ///
    /// # Errors
    /// The first entry that could not be stored; some of the others may have been.
    pub async fn keep(&self, entries: &[BidLogEntry]) -> PortResult<()> {
        let (stored, kept) = futures::join!(self.store(entries), self.history.keep(entries));
        stored.and(kept)
    }

    async fn store(&self, entries: &[BidLogEntry]) -> PortResult<()> {
        stream::iter(entries).map(Ok).try_for_each_concurrent(AT_ONCE, |entry| self.log.store(entry)).await
    }
}
