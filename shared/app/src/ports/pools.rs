//! Port of number pools: what their numbers do, and how they were used.

use async_trait::async_trait;
use domain::dni::lease::PoolNumber;
use domain::ids::{NumberPoolId, TenantId};
use domain::pool::usage::{PoolHour, Sample};
use jiff::Timestamp;

use super::{PoolPlace, PortResult};

/// A pool that is to be looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DuePool {
    /// Whose.
    pub tenant: TenantId,
    /// Which.
    pub pool: NumberPoolId,
}

/// Number pools. Creating one makes it due to be looked at; what is seen is kept by the hour, for 400 days.
#[async_trait]
pub trait Pools: Send + Sync {
    /// Every number of a pool, in no order, strongly consistent.
    async fn pool_numbers(
        &self,
        tenant: TenantId,
        pool: NumberPoolId,
        shards: u16,
    ) -> PortResult<Vec<PoolNumber>>;

    /// Keeps a number that is free from being leased until then; `false`: it is not free, or not in the pool.
    async fn set_aside(
        &self,
        tenant: TenantId,
        place: &PoolPlace,
        now: Timestamp,
        until: Timestamp,
    ) -> PortResult<bool>;

    /// The hours of a pool from the one of an instant on, oldest first; hours in which nothing was seen are left out.
    async fn pool_hours(
        &self,
        tenant: TenantId,
        pool: NumberPoolId,
        since: Timestamp,
    ) -> PortResult<Vec<PoolHour>>;

    /// Pools due by now, those that waited longest first.
    async fn due_pools(&self, now: Timestamp, limit: u16) -> PortResult<Vec<DuePool>>;

    /// Notes what was seen, if anything is worth noting, and makes the pool due again at `next`. Noting the same again changes
    /// nothing; a pool that was removed meanwhile is not due again.
    async fn record_sample(&self, due: DuePool, sample: Option<&Sample>, next: Timestamp) -> PortResult<()>;
}
