//! Rows of pools as a test puts them, for what only reads them and notes calls on them.

use std::collections::BTreeMap;
use std::sync::Mutex;

use app::ports::{Leased, Leases, PoolPlace, PortError, PortResult};
use async_trait::async_trait;
use domain::dni::lease::{Lease, PoolNumber, later};
use domain::ids::{CallId, NumberPoolId, TenantId, VisitId};
use domain::phone::E164;
use jiff::{SignedDuration, Timestamp};

use super::locked;

/// Keeps rows. Nothing can be leased.
#[derive(Debug, Default)]
pub struct PoolRows {
    rows: Mutex<BTreeMap<(TenantId, NumberPoolId, u16, E164), PoolNumber>>,
}

impl PoolRows {
    /// Puts a row.
    pub fn put(&self, tenant: TenantId, pool: NumberPoolId, row: PoolNumber) {
        locked(&self.rows).insert((tenant, pool, row.shard, row.number.clone()), row);
    }

    /// A row as it is.
    pub fn row(&self, tenant: TenantId, place: &PoolPlace) -> Option<PoolNumber> {
        locked(&self.rows).get(&key(tenant, place)).cloned()
    }
}

fn key(tenant: TenantId, place: &PoolPlace) -> (TenantId, NumberPoolId, u16, E164) {
    (tenant, place.pool, place.shard, place.number.clone())
}

fn nothing_to_lease<T>() -> PortResult<T> {
    Err(PortError::failed("lease a number", "these rows are for reading"))
}

#[async_trait]
impl Leases for PoolRows {
    async fn candidates(
        &self,
        _: TenantId,
        _: NumberPoolId,
        _: u16,
        _: Timestamp,
    ) -> PortResult<Vec<PoolPlace>> {
        nothing_to_lease()
    }

    async fn numbers(
        &self,
        tenant: TenantId,
        pool: NumberPoolId,
        shards: u16,
    ) -> PortResult<Vec<PoolNumber>> {
        let rows = locked(&self.rows);
        let own =
            rows.iter().filter(|((of, its, shard, _), _)| (*of, *its) == (tenant, pool) && *shard < shards);
        Ok(own.map(|(_, row)| row.clone()).collect())
    }

    async fn take(&self, _: TenantId, _: &PoolPlace, _: &Lease, _: Timestamp) -> PortResult<Leased> {
        nothing_to_lease()
    }

    async fn renew(&self, _: TenantId, _: &PoolPlace, _: &Lease, _: Timestamp) -> PortResult<Leased> {
        nothing_to_lease()
    }

    async fn take_over(&self, _: TenantId, _: &PoolPlace, _: &Lease, _: &PoolNumber) -> PortResult<Leased> {
        nothing_to_lease()
    }

    async fn release(
        &self,
        _: TenantId,
        _: &PoolPlace,
        _: (VisitId, Timestamp),
        _: Timestamp,
    ) -> PortResult<bool> {
        nothing_to_lease()
    }

    async fn ring(
        &self,
        tenant: TenantId,
        place: &PoolPlace,
        call: CallId,
        until: Timestamp,
    ) -> PortResult<Option<PoolNumber>> {
        let mut rows = locked(&self.rows);
        let Some(row) = rows.get_mut(&key(tenant, place)) else { return Ok(None) };
        let before = row.clone();
        row.calls.insert(call);
        row.calls_until = until;
        Ok(Some(before))
    }

    async fn hang_up(
        &self,
        tenant: TenantId,
        place: &PoolPlace,
        call: CallId,
        ended_at: Timestamp,
    ) -> PortResult<()> {
        let mut rows = locked(&self.rows);
        let Some(row) = rows.get_mut(&key(tenant, place)) else { return Ok(()) };
        if row.calls.remove(&call) {
            let delay = row.lease.as_ref().map_or(0, |lease| lease.delay_s);
            row.free_after = row.free_after.max(later(ended_at, SignedDuration::from_secs(delay.into())));
        }
        Ok(())
    }

    async fn note_exhausted(&self, _: TenantId, _: NumberPoolId, _: Timestamp, _: u32) -> PortResult<()> {
        nothing_to_lease()
    }
}
