//! Closes what nobody closed: calls whose last callback never came, every minute.
//!
//! Idempotency: closing and settling a call is once-only, whoever does it.

use std::sync::Arc;

use app::close_overdue::CloseOverdue;
use runtime::{Cause, Tick};

/// What the handler needs.
pub struct Context {
    /// The use case.
    pub close_overdue: CloseOverdue,
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
    if swept.failed == 0 {
        Ok(())
    } else {
        Err(format!("{} overdue calls could not be looked at", swept.failed).into())
    }
}
