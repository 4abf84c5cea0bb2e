//! Looking whether bidders answer at all, between calls.
//!
//! A look is a request without a bid request in it, so no bidder mistakes it for a call. What must stay true: every bidder
//! that was due becomes due again, whatever its look showed; one that cannot be noted down does not stop the others.

use std::time::Duration;

use domain::ids::RtbTargetId;
use domain::target::RtbTarget;
use domain::tokens::{Facts, Template};
use futures::stream::{self, StreamExt};
use jiff::{SignedDuration, Timestamp};
use tokio::time::Instant;

use crate::clock::Clock;
use crate::ports::{Bidders, Catalog, DueCheck, Health, HealthCheck, Kind, PortError, PortResult};

/// Looks at the same time.
const AT_ONCE: usize = 20;
/// One look takes at most so long.
const PATIENCE: Duration = Duration::from_secs(5);
/// Bidders per tick: with every one of them silent this is 50 seconds of work.
const PER_TICK: u16 = 200;
/// Time between two looks at one bidder, less its own few seconds: it must be due when the next tick comes.
const INTERVAL: SignedDuration = SignedDuration::from_mins(5);
/// The least and the most of those seconds.
const EARLY_S: (u64, u64) = (10, 40);

/// What a tick did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Checked {
    /// Bidders that answered.
    pub up: u32,
    /// Bidders that did not, or with a failure of theirs.
    pub down: u32,
    /// Bidders that were due and no longer exist.
    pub gone: u32,
}

/// Looks at every bidder that is due.
///
/// # Errors
/// The due list cannot be read; or, once all others are done, the first bidder whose look could not be noted down.
pub async fn check_bidders(
    health: &dyn Health,
    catalog: &dyn Catalog,
    bidders: &dyn Bidders,
    clock: &dyn Clock,
) -> PortResult<Checked> {
    let due = health.due_checks(clock.now(), PER_TICK).await?;
    let looks = due.iter().map(|due| check(due, health, catalog, bidders, clock));
    let outcomes: Vec<_> = stream::iter(looks).buffer_unordered(AT_ONCE).collect().await;

    let mut checked = Checked::default();
    let mut first_error = None;
    for outcome in outcomes {
        match outcome {
            Ok(Some(true)) => checked.up += 1,
            Ok(Some(false)) => checked.down += 1,
            Ok(None) => checked.gone += 1,
            Err(error) => first_error = first_error.or(Some(error)),
        }
    }
    first_error.map_or(Ok(checked), Err)
}

/// Whether the bidder is up; `None` when there is no such bidder any more.
async fn check(
    due: &DueCheck,
    health: &dyn Health,
    catalog: &dyn Catalog,
    bidders: &dyn Bidders,
    clock: &dyn Clock,
) -> PortResult<Option<bool>> {
    let id = due.rtb_target.to_string();
    let Some(record) = catalog.get(due.tenant, Kind::RtbTarget, &id).await? else { return Ok(None) };
    let bidder: RtbTarget = serde_json::from_value(record.body)
        .map_err(|error| PortError::corrupt("read a bidder whose health is due", error))?;
    let url = Template::parse(&bidder.url).render_url(&Facts::default());
    let at = clock.now();
    let started = Instant::now();
    let answer = bidders.probe(&url, started + PATIENCE).await;
    let check = match answer {
        Ok(answer) => HealthCheck {
            rtb_target: due.rtb_target,
            at,
            up: answer.status < 500,
            status: Some(answer.status),
            latency_ms: milliseconds(answer.elapsed),
            failure: None,
        },
        Err(no_answer) => HealthCheck {
            rtb_target: due.rtb_target,
            at,
            up: false,
            status: None,
            latency_ms: milliseconds(started.elapsed()),
            failure: Some(no_answer.code),
        },
    };
    health.record_check(due.tenant, &check, next_look(due.rtb_target, at)).await?;
    Ok(Some(check.up))
}

/// Bidders made together are spread by their ids, always by the same seconds.
fn next_look(bidder: RtbTargetId, now: Timestamp) -> Timestamp {
    let (least, most) = EARLY_S;
    let spread = bidder.uuid().as_u64_pair().1 % (most - least + 1);
    let early = SignedDuration::from_secs(i64::try_from(least + spread).unwrap_or(0));
    now.checked_add(INTERVAL - early).unwrap_or(Timestamp::MAX)
}

fn milliseconds(duration: Duration) -> u32 {
    u32::try_from(duration.as_millis()).unwrap_or(u32::MAX)
}
