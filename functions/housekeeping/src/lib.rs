//! Every minute: closes what nobody closed, calls whose last callback never came; and looks at the number pools that are due.
//!
//! Idempotency: closing and settling a call is once-only, whoever does it; a look at a pool is named by its minute.

use std::sync::Arc;

use app::close_overdue::CloseOverdue;
use app::pools::{SamplePools, Sampled};
use runtime::{Cause, Tick};

/// What the handler needs.
pub struct Context {
    /// Closes calls.
    pub close_overdue: CloseOverdue,
    /// Looks at pools.
    pub sample_pools: SamplePools,
}

/// Works at one tick.
///
/// # Errors
/// Something due could not be looked at; it was put off, and a later tick tries again.
pub async fn handle(context: Arc<Context>, _tick: Tick) -> Result<(), Cause> {
    let swept = context.close_overdue.run().await;
    if swept.closed + swept.still_going + swept.failed > 0 {
        tracing::info!(
            closed = swept.closed,
            still_going = swept.still_going,
            failed = swept.failed,
            "overdue calls looked at"
        );
    }
    // Calls come first: a pool that is looked at a minute later harms nobody.
    let sampled = context.sample_pools.run().await?;
    if sampled != Sampled::default() {
        tracing::info!(used = sampled.used, idle = sampled.idle, failed = sampled.failed, "pools looked at");
    }
    match (swept.failed, sampled.failed) {
        (0, 0) => Ok(()),
        (0, failed) => Err(format!("{failed} pools could not be looked at").into()),
        (failed, _) => Err(format!("{failed} overdue calls could not be looked at").into()),
    }
}
