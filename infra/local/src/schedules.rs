//! What EventBridge Scheduler does: invokes functions at the intervals of the template.
//!
//! A tick that is missed because the one before still runs is not made up for.

use std::time::Duration;

use app::clock::{Clock, SystemClock};
use runtime::{Cause, Tick};
use serde_json::json;
use tokio::sync::watch;
use tokio::time::{MissedTickBehavior, interval};

use crate::functions::Handler;
use crate::lambda::Lambda;

/// Ticks until it is told to stop; the first one at once.
pub async fn keep(function: String, every: Duration, lambda: Lambda, mut stop: watch::Receiver<bool>) {
    let mut ticks = interval(every);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = ticks.tick() => {
                // The function has said what went wrong; the next tick tries again.
                drop(tick(&function, &lambda).await);
            }
            _ = stop.changed() => return,
        }
    }
}

/// One tick, with the scheduler's event.
///
/// # Errors
/// There is no such function, or its work failed.
pub async fn tick(function: &str, lambda: &Lambda) -> Result<(), Cause> {
    let Some(Handler::Schedule(handler)) = lambda.handler(function) else {
        return Err(format!("{function} has no schedule").into());
    };
    let clock = SystemClock;
    let event = json!({
        "version": "0",
        "id": clock.new_id().to_string(),
        "detail-type": "Scheduled Event",
        "source": "aws.scheduler",
        "account": "000000000000",
        "time": clock.now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
        "region": "us-east-1",
        "resources": [format!("arn:aws:scheduler:us-east-1:000000000000:schedule/default/{function}")],
        "detail": "{}",
    });
    lambda.run(function, handler(Tick::from_event(&event))).await?
}
