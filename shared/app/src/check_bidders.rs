//! Looking whether bidders answer at all, between calls.
//!
//! A look is a request without a bid request in it, so no bidder mistakes it for a call. What must stay true: every bidder
//! that was due becomes due again, whatever its look showed; one that cannot be noted down does not stop the others.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use domain::ids::{RtbTargetId, TenantId};
use domain::rtb_target::RtbTarget;
use domain::tokens::{Place, Template};
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

/// Looks at bidders.
#[derive(Clone)]
pub struct CheckBidders {
    /// Who is due, and what was seen.
    pub health: Arc<dyn Health>,
    /// Where a bidder is asked.
    pub catalog: Arc<dyn Catalog>,
    /// The way to it.
    pub bidders: Arc<dyn Bidders>,
    /// What is done with each that was looked at.
    pub then: Arc<dyn AfterLook>,
    /// Time.
    pub clock: Arc<dyn Clock>,
}

/// What is done with a bidder that was looked at.
#[async_trait]
pub trait AfterLook: Send + Sync {
    /// Does it.
    async fn looked(&self, tenant: TenantId, id: RtbTargetId, bidder: &RtbTarget) -> PortResult<()>;
}

impl CheckBidders {
    /// Looks at every bidder that is due.
    ///
    /// # Errors
    /// The due list cannot be read; or, once all others are done, the first bidder whose look could not be noted down, or
    /// with which could not be done what is done then.
    pub async fn run(&self) -> PortResult<Checked> {
        let due = self.health.due_checks(self.clock.now(), PER_TICK).await?;
        let looks = due.into_iter().map(|due| self.look_at(due));
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
    async fn look_at(&self, due: DueCheck) -> PortResult<Option<bool>> {
        let id = due.rtb_target.to_string();
        let record = self.catalog.get(due.tenant, Kind::RtbTarget, &id).await?;
        let Some(record) = record else { return Ok(None) };
        let bidder: RtbTarget = serde_json::from_value(record.body)
            .map_err(|error| PortError::corrupt("read a bidder whose health is due", error))?;
        let url = Template::parse(&bidder.url).probe(Place::Url, "");

        let at = self.clock.now();
        let started = Instant::now();
        let answer = self.bidders.probe(&url, started + PATIENCE).await;
        let check = HealthCheck {
            rtb_target: due.rtb_target,
            at,
            up: answer.as_ref().is_ok_and(|answer| answer.status < 500),
            status: answer.as_ref().ok().map(|answer| answer.status),
            latency_ms: milliseconds(answer.as_ref().map_or(started.elapsed(), |answer| answer.elapsed)),
            failure: answer.err().map(|no_answer| no_answer.code),
        };
        self.health.record_check(due.tenant, &check, next_look(due.rtb_target, at)).await?;
        self.then.looked(due.tenant, due.rtb_target, &bidder).await?;
        Ok(Some(check.up))
    }
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
