//! Pools' numbers in memory, leased by the same rules as in the table.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use app::ports::{Leased, Leases, PoolPlace, PortResult};
use async_trait::async_trait;
use domain::dni::lease::{Lease, PoolNumber, later};
use domain::ids::{CallId, NumberPoolId, TenantId, VisitId};
use domain::phone::E164;
use jiff::{SignedDuration, Timestamp};

use super::locked;

/// Rows that a look for candidates reads, as in the table.
const LOOKED_AT: usize = 48;

type Place = (TenantId, NumberPoolId, u16, E164);

/// Keeps every pool's numbers.
#[derive(Debug, Default)]
pub struct FakeLeases {
    rows: Mutex<BTreeMap<Place, PoolNumber>>,
    /// How often each thing was done.
    pub done: LeaseCounts,
    drawn: AtomicU64,
}

/// Requests to the table.
#[derive(Debug, Default)]
pub struct LeaseCounts {
    /// Reads of a part of a pool.
    pub looks: AtomicU64,
    /// Reads of a whole pool.
    pub sweeps: AtomicU64,
    /// Writes, also those that were refused.
    pub writes: AtomicU64,
    /// Lookups that found no number free.
    pub exhausted: AtomicU64,
}

impl FakeLeases {
    /// Puts a number into a pool.
    pub fn add(&self, tenant: TenantId, place: &PoolPlace) {
        let row = PoolNumber {
            number: place.number.clone(),
            shard: place.shard,
            lease: None,
            previous: None,
            free_after: Timestamp::UNIX_EPOCH,
            calls: std::collections::BTreeSet::new(),
            calls_until: Timestamp::UNIX_EPOCH,
        };
        locked(&self.rows).insert(key(tenant, place), row);
    }

    /// A number as it is.
    pub fn row(&self, tenant: TenantId, place: &PoolPlace) -> Option<PoolNumber> {
        locked(&self.rows).get(&key(tenant, place)).cloned()
    }

    fn write(
        &self,
        (tenant, place): (TenantId, &PoolPlace),
        lease: &Lease,
        may: impl FnOnce(&PoolNumber) -> bool,
        anew: bool,
    ) -> Leased {
        self.done.writes.fetch_add(1, Ordering::Relaxed);
        let mut rows = locked(&self.rows);
        let Some(row) = rows.get_mut(&key(tenant, place)) else { return Leased::Lost };
        if !may(row) {
            return match &row.lease {
                Some(theirs) if theirs == lease => Leased::Done,
                Some(theirs) if theirs.visit == lease.visit && theirs.until >= lease.until => {
                    Leased::Longer(theirs.clone())
                }
                _ => Leased::Lost,
            };
        }
        if anew {
            row.previous = row.lease.take().map(|previous| (previous, row.free_after));
            row.calls.clear();
            row.calls_until = Timestamp::UNIX_EPOCH;
        }
        row.free_after = lease.free_after();
        row.lease = Some(lease.clone());
        Leased::Done
    }
}

fn key(tenant: TenantId, place: &PoolPlace) -> Place {
    (tenant, place.pool, place.shard, place.number.clone())
}

#[async_trait]
impl Leases for FakeLeases {
    async fn candidates(
        &self,
        tenant: TenantId,
        pool: NumberPoolId,
        shard: u16,
        now: Timestamp,
    ) -> PortResult<Vec<PoolPlace>> {
        self.done.looks.fetch_add(1, Ordering::Relaxed);
        let rows = locked(&self.rows);
        let all = rows.iter().filter(|((of, its, at, _), _)| (*of, *its, *at) == (tenant, pool, shard));
        let all: Vec<&PoolNumber> = all.map(|(_, row)| row).collect();
        // Far apart one after the other, the same in each run.
        let drawn = self.drawn.fetch_add(1, Ordering::Relaxed).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32;
        let start = usize::try_from(drawn).unwrap_or_default() % all.len().max(1);
        let page = all.iter().cycle().skip(start).take(LOOKED_AT.min(all.len()));
        let free = page.filter(|row| row.is_free(now));
        Ok(free.map(|row| PoolPlace { pool, shard, number: row.number.clone() }).collect())
    }

    async fn numbers(
        &self,
        tenant: TenantId,
        pool: NumberPoolId,
        shards: u16,
    ) -> PortResult<Vec<PoolNumber>> {
        self.done.sweeps.fetch_add(1, Ordering::Relaxed);
        let rows = locked(&self.rows);
        let all =
            rows.iter().filter(|((of, its, shard, _), _)| (*of, *its) == (tenant, pool) && *shard < shards);
        Ok(all.map(|(_, row)| row.clone()).collect())
    }

    async fn take(
        &self,
        tenant: TenantId,
        place: &PoolPlace,
        lease: &Lease,
        now: Timestamp,
    ) -> PortResult<Leased> {
        Ok(self.write((tenant, place), lease, |row| row.is_free(now), true))
    }

    async fn renew(
        &self,
        tenant: TenantId,
        place: &PoolPlace,
        lease: &Lease,
        _now: Timestamp,
    ) -> PortResult<Leased> {
        let mine = |row: &PoolNumber| {
            row.lease.as_ref().is_some_and(|held| held.visit == lease.visit && held.until <= lease.until)
        };
        Ok(self.write((tenant, place), lease, mine, false))
    }

    async fn take_over(
        &self,
        tenant: TenantId,
        place: &PoolPlace,
        lease: &Lease,
        seen: &PoolNumber,
    ) -> PortResult<Leased> {
        let until = |row: &PoolNumber| row.lease.as_ref().map(|lease| lease.until);
        let as_seen = |row: &PoolNumber| {
            until(row) == until(seen) && (row.calls.is_empty() || row.calls_until < lease.since)
        };
        Ok(self.write((tenant, place), lease, as_seen, true))
    }

    async fn release(
        &self,
        tenant: TenantId,
        place: &PoolPlace,
        (visit, until): (VisitId, Timestamp),
        now: Timestamp,
    ) -> PortResult<bool> {
        self.done.writes.fetch_add(1, Ordering::Relaxed);
        let mut rows = locked(&self.rows);
        let Some(row) = rows.get_mut(&key(tenant, place)) else { return Ok(false) };
        let latest = row.lease.as_mut().filter(|lease| (lease.visit, lease.until) == (visit, until));
        let Some(lease) = latest.filter(|lease| lease.until > now) else { return Ok(false) };
        lease.until = now;
        row.free_after = lease.free_after();
        Ok(true)
    }

    async fn ring(
        &self,
        tenant: TenantId,
        place: &PoolPlace,
        call: CallId,
        until: Timestamp,
    ) -> PortResult<Option<PoolNumber>> {
        self.done.writes.fetch_add(1, Ordering::Relaxed);
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
        self.done.writes.fetch_add(1, Ordering::Relaxed);
        let mut rows = locked(&self.rows);
        let Some(row) = rows.get_mut(&key(tenant, place)) else { return Ok(()) };
        if row.calls.remove(&call) {
            let delay = row.lease.as_ref().map_or(0, |lease| lease.delay_s);
            row.free_after = row.free_after.max(later(ended_at, SignedDuration::from_secs(delay.into())));
        }
        Ok(())
    }

    async fn note_exhausted(
        &self,
        _tenant: TenantId,
        _pool: NumberPoolId,
        _at: Timestamp,
        lookups: u32,
    ) -> PortResult<()> {
        self.done.exhausted.fetch_add(lookups.into(), Ordering::Relaxed);
        Ok(())
    }
}
