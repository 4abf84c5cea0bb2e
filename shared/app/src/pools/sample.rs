//! Looks at pools every few minutes, and notes how many of their numbers are in use.
//!
//! What must stay true: every pool that was due becomes due again, whatever was seen of it; one that cannot be looked at does not
//! stop the others.

use std::sync::Arc;

use domain::dni::lease::PoolNumber;
use domain::pool::NumberPool;
use domain::pool::usage::{IDLE_LOOKED_AT_EVERY, LOOKED_AT_EVERY, PoolCounts, Sample, USED_WITHIN};
use futures::stream::{self, StreamExt};
use jiff::{SignedDuration, Timestamp};

use crate::clock::Clock;
use crate::ports::{Catalog, DuePool, Kind, Pools, PortError, PortResult};

/// Pools looked at at the same time.
const AT_ONCE: usize = 4;
/// Pools per tick.
const PER_TICK: u16 = 200;
/// A look is due a little before its time has come, so that it is not one tick late.
const EARLY: SignedDuration = SignedDuration::from_secs(20);

/// Looks at pools.
#[derive(Clone)]
pub struct SamplePools {
    /// Their numbers, and where it is noted.
    pub pools: Arc<dyn Pools>,
    /// How they are set up.
    pub catalog: Arc<dyn Catalog>,
    /// Time.
    pub clock: Arc<dyn Clock>,
}

/// What a tick did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Sampled {
    /// Pools that are used.
    pub used: u32,
    /// Pools of which nothing was leased lately.
    pub idle: u32,
    /// Pools that could not be looked at: the next tick tries again.
    pub failed: u32,
}

impl SamplePools {
    /// Looks at every pool that is due.
    ///
    /// # Errors
    /// The due list cannot be read.
    pub async fn run(&self) -> PortResult<Sampled> {
        let due = self.pools.due_pools(self.clock.now(), PER_TICK).await?;
        let looks = due.into_iter().map(|due| self.look_at(due));
        let outcomes: Vec<_> = stream::iter(looks).buffer_unordered(AT_ONCE).collect().await;
        let mut sampled = Sampled::default();
        for outcome in outcomes {
            match outcome {
                Ok(true) => sampled.used += 1,
                Ok(false) => sampled.idle += 1,
                Err(error) => {
                    tracing::warn!(%error, "a pool could not be looked at");
                    sampled.failed += 1;
                }
            }
        }
        Ok(sampled)
    }

    /// Whether the pool is used.
    async fn look_at(&self, due: DuePool) -> PortResult<bool> {
        let record = self.catalog.get(due.tenant, Kind::NumberPool, &due.pool.to_string()).await?;
        let Some(record) = record else { return Ok(false) };
        let pool: NumberPool = serde_json::from_value(record.body)
            .map_err(|error| PortError::corrupt("read a pool that is due for a look", error))?;
        let numbers = self.pools.pool_numbers(due.tenant, due.pool, pool.shards).await?;
        let at = self.clock.now();
        let is_used = numbers.iter().any(|number| is_used(number, at));
        let counts = PoolCounts::of(&numbers, at);
        let sample = Sample { at, numbers: counts.numbers, occupied: counts.occupied() };
        let pause = if is_used { LOOKED_AT_EVERY } else { IDLE_LOOKED_AT_EVERY };
        let next = at.checked_add(pause - EARLY).unwrap_or(Timestamp::MAX);
        self.pools.record_sample(due, is_used.then_some(&sample), next).await?;
        Ok(is_used)
    }
}

/// Whether it was leased lately.
fn is_used(number: &PoolNumber, at: Timestamp) -> bool {
    number.last_shown().is_some_and(|until| at.duration_since(until) < USED_WITHIN)
}
