//! Looks whether the bidders answer, every five minutes, and tells people of those that do not do as they should.
//!
//! Idempotency: a look is an entry of its own in the bidder's history; one more does no harm. An alert is opened, told and
//! closed by whoever claims that in the table.

use std::sync::Arc;

use app::check_bidders::CheckBidders;
use runtime::{Cause, Tick};

/// What the handler needs.
pub struct Context {
    /// The use case.
    pub check_bidders: CheckBidders,
}

/// Works at one tick.
///
/// # Errors
/// The table cannot be read or written; the next tick tries again.
pub async fn handle(context: Arc<Context>, _tick: Tick) -> Result<(), Cause> {
    let checked = context.check_bidders.run().await?;
    tracing::info!(up = checked.up, down = checked.down, gone = checked.gone, "bidders looked at");
    Ok(())
}
