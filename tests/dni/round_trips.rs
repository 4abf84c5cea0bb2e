//! How often a visitor waits for the table: counted on a paused clock, where nothing takes time but a round trip.

use std::sync::Arc;
use std::time::Duration;

use app::lease_number::{LeaseNumber, Memory, Visitor};
use app::ports::{Leased, Leases, PoolPlace, PortResult};
use async_trait::async_trait;
use domain::dni::lease::{Lease, PoolNumber};
use domain::ids::{CallId, NumberPoolId, TenantId, VisitId};
use domain::pool::NUMBERS_PER_SHARD;
use futures::stream::{FuturesUnordered, StreamExt as _};
use jiff::Timestamp;
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use serde_json::json;
use testkit::database::TestDatabase;
use testkit::fakes::{FakeLeases, FakeVisits, test_vault};
use testkit::faults::FaultProxy;
use tokio::time::Instant;

use crate::world::{NoTags, RuntimeClock, number, pool_id, question, setup, tenant};

/// One round trip.
const TRIP: Duration = Duration::from_millis(10);
/// Seconds from a lease to when its number is free again: idle limit and closed-browser delay.
const HELD_S: f64 = 330.0;

/// The numbers, a round trip away.
struct Far(FakeLeases);

#[async_trait]
impl Leases for Far {
    async fn candidates(
        &self,
        of: TenantId,
        pool: NumberPoolId,
        shard: u16,
        now: Timestamp,
    ) -> PortResult<Vec<PoolPlace>> {
        // What is read is as old as the way back is long.
        let found = self.0.candidates(of, pool, shard, now).await;
        tokio::time::sleep(TRIP).await;
        found
    }

    async fn numbers(&self, of: TenantId, pool: NumberPoolId, shards: u16) -> PortResult<Vec<PoolNumber>> {
        let found = self.0.numbers(of, pool, shards).await;
        tokio::time::sleep(TRIP).await;
        found
    }

    async fn take(
        &self,
        of: TenantId,
        place: &PoolPlace,
        lease: &Lease,
        now: Timestamp,
    ) -> PortResult<Leased> {
        let taken = self.0.take(of, place, lease, now).await;
        tokio::time::sleep(TRIP).await;
        taken
    }

    async fn renew(
        &self,
        of: TenantId,
        place: &PoolPlace,
        lease: &Lease,
        now: Timestamp,
    ) -> PortResult<Leased> {
        tokio::time::sleep(TRIP).await;
        self.0.renew(of, place, lease, now).await
    }

    async fn take_over(
        &self,
        of: TenantId,
        place: &PoolPlace,
        lease: &Lease,
        seen: &PoolNumber,
    ) -> PortResult<Leased> {
        tokio::time::sleep(TRIP).await;
        self.0.take_over(of, place, lease, seen).await
    }

    async fn release(
        &self,
        of: TenantId,
        place: &PoolPlace,
        lease: (VisitId, Timestamp),
        now: Timestamp,
    ) -> PortResult<bool> {
        tokio::time::sleep(TRIP).await;
        self.0.release(of, place, lease, now).await
    }

    async fn ring(
        &self,
        of: TenantId,
        place: &PoolPlace,
        call: CallId,
        until: Timestamp,
    ) -> PortResult<Option<PoolNumber>> {
        self.0.ring(of, place, call, until).await
    }

    async fn hang_up(
        &self,
        of: TenantId,
        place: &PoolPlace,
        call: CallId,
        ended_at: Timestamp,
    ) -> PortResult<()> {
        self.0.hang_up(of, place, call, ended_at).await
    }

    async fn note_exhausted(
        &self,
        of: TenantId,
        pool: NumberPoolId,
        at: Timestamp,
        lookups: u32,
    ) -> PortResult<()> {
        self.0.note_exhausted(of, pool, at, lookups).await
    }
}

/// Round trips that each new visitor waited for, with so many processes at a pool of so many numbers of which `occupied` are
/// taken on average. Arrivals are random and independent of each other.
async fn waits(processes: usize, numbers: u32, occupied: f64) -> (Vec<u32>, u64) {
    let far = Arc::new(Far(FakeLeases::default()));
    let shards = u16::try_from(numbers.div_ceil(u32::try_from(NUMBERS_PER_SHARD).unwrap())).unwrap();
    for index in 0..numbers {
        let shard = u16::try_from(index).unwrap() % shards;
        far.0.add(tenant(), &PoolPlace { pool: pool_id(), shard, number: number(index) });
    }
    let clock = Arc::new(RuntimeClock::new(7));
    let processes: Vec<LeaseNumber> = (0..processes)
        .map(|_| LeaseNumber {
            tags: Arc::new(NoTags),
            leases: far.clone(),
            visits: Arc::new(FakeVisits::default()),
            vault: test_vault(),
            clock: clock.clone(),
            memory: Arc::new(Memory::default()),
            patience: Duration::from_secs(10),
        })
        .collect();
    let setup = setup(shards, &json!({}));
    let mut chance = StdRng::seed_from_u64(u64::from(numbers));
    let per_second = f64::from(numbers) * occupied / HELD_S;
    let mut at = 0.0;
    let mut visits = FuturesUnordered::new();
    // Twice the time it takes to fill the pool; the second half is counted.
    while at < 4.0 * HELD_S {
        at -= (1.0 - chance.random::<f64>()).ln() / per_second;
        let process = &processes[chance.random_range(0..processes.len())];
        let setup = &setup;
        visits.push(async move {
            tokio::time::sleep(Duration::from_secs_f64(at)).await;
            let began = Instant::now();
            let shown = process.answer(setup, &question(None, None), Visitor::default()).await;
            let waited = began.elapsed();
            assert!(shown.attributed, "no number at {at}");
            (at > 2.0 * HELD_S).then(|| u32::try_from(waited.as_millis() / TRIP.as_millis()).unwrap())
        });
    }
    let mut waits = Vec::new();
    while let Some(waited) = visits.next().await {
        waits.extend(waited);
    }
    waits.sort_unstable();
    let sweeps = far.0.done.sweeps.load(std::sync::atomic::Ordering::Relaxed);
    (waits, sweeps)
}

#[tokio::test(start_paused = true)]
async fn a_new_visitor_waits_for_little_more_than_one_round_trip() {
    for (processes, numbers) in [(2, 100), (5, 100), (2, 500), (5, 500), (20, 1_000), (20, 2_000)] {
        let (waits, sweeps) = waits(processes, numbers, 0.8).await;
        let mean = f64::from(waits.iter().sum::<u32>()) / waits.len() as f64;
        let p99 = waits[waits.len() * 99 / 100];
        let most = waits[waits.len() - 1];
        eprintln!(
            "{processes} processes, {numbers} numbers: mean {mean:.2}, p99 {p99}, most {most}, sweeps {sweeps}, of {}",
            waits.len()
        );
        assert!(mean <= 1.6 && p99 <= 5, "{processes} processes, {numbers} numbers: mean {mean}, p99 {p99}");
    }
}

#[tokio::test]
async fn a_lookup_writes_its_lease_and_its_visit_one_by_one() {
    let database = TestDatabase::start().await.unwrap();
    for index in 0..8 {
        let place = PoolPlace { pool: pool_id(), shard: 0, number: number(index) };
        database.pool_row(tenant(), &place).await.unwrap();
    }
    let proxy = FaultProxy::before(&database.endpoint(), 1).await.unwrap();
    let store = Arc::new(TestDatabase::store_through(&proxy.endpoint()));
    let process = LeaseNumber {
        tags: Arc::new(NoTags),
        leases: store.clone(),
        visits: store,
        vault: test_vault(),
        clock: Arc::new(RuntimeClock::new(7)),
        memory: Arc::new(Memory::default()),
        patience: Duration::from_secs(10),
    };
    let setup = setup(1, &json!({}));
    let counted = || {
        ["Query", "UpdateItem", "PutItem", "GetItem", "TransactWriteItems"]
            .map(|operation| proxy.count(operation))
    };
    let shown = process.answer(&setup, &question(None, None), Visitor::default()).await;
    assert!(shown.attributed);
    assert_eq!(counted(), [1, 1, 1, 0, 0], "a look for numbers, the lease, the visit");
    let other = process.answer(&setup, &question(None, None), Visitor::default()).await;
    assert!(other.attributed);
    assert_eq!(counted(), [1, 2, 2, 0, 0], "the other numbers are remembered");
    let again = question(Some(shown.visit), shown.lease.as_deref());
    assert!(process.answer(&setup, &again, Visitor::default()).await.attributed);
    assert_eq!(counted()[1], 3, "a renewal is one write");
    process.learn(&setup, &again).await.unwrap();
    assert_eq!(counted()[4], 0, "what is told later is no transaction either");
    assert_eq!(
        proxy.seen().len(),
        counted().iter().sum::<usize>(),
        "and nothing else is asked: {:?}",
        proxy.seen()
    );
}
