//! What a process remembers between two questions: tags, and numbers that are probably free.
//!
//! A number from here is only a candidate: the write that leases it decides. Candidates come from a random place of the pool,
//! never the longest-free first: those who ask at the same time would all want the same one.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use domain::dni::tag::TagSetup;
use domain::geo::{Place, Said};
use domain::ids::{NumberPoolId, TenantId, TrackingTagId};
use domain::pool::{NUMBERS_PER_SHARD, NumberPool};
use jiff::Timestamp;
use tokio::time::Instant;

use crate::ports::{Leases, PoolPlace, PortResult};

/// For how long a tag is used without looking again.
const TAG_FRESH: Duration = Duration::from_secs(10);
/// Most tags and pools that are remembered; with more, all are forgotten.
const MOST: usize = 10_000;
/// For how long a candidate is believed.
const CANDIDATE_FRESH: Duration = Duration::from_secs(60);
/// Candidates that are older than this are replaced while one of them is leased, so that the next visitor does not wait for it.
const CANDIDATE_YOUNG: Duration = Duration::from_secs(5);
/// Candidates that are kept: another process may lease them first.
const KEPT: usize = 8;
/// For how long a look at the whole pool is believed. No number becomes free unforeseen in less time: what is given back or
/// hung up rests for longer, and when the others become free was read with them.
const SWEEP_FRESH: Duration = Duration::from_secs(1);
/// Random places that are looked at before the whole pool is.
const LOOKS: u8 = 2;

/// What a process remembers.
#[derive(Debug, Default)]
pub struct Memory {
    tags: Mutex<HashMap<TrackingTagId, KnownTag>>,
    pools: Mutex<HashMap<(TenantId, NumberPoolId), KnownPool>>,
}

/// Held while the table is looked at, so that one question looks for all that wait.
type KnownPool = Arc<tokio::sync::Mutex<Pool>>;

/// A tag as it was when it was read; `None`: there was none.
#[derive(Debug, Clone)]
pub(super) struct KnownTag {
    pub(super) setup: Option<Arc<TagSetup>>,
    at: Instant,
}

impl KnownTag {
    pub(super) fn is_fresh(&self) -> bool {
        self.at.elapsed() < TAG_FRESH
    }
}

/// Numbers of a pool that may be free.
#[derive(Debug, Default)]
struct Pool {
    candidates: VecDeque<(PoolPlace, Instant)>,
    /// Whether somebody is replacing the candidates.
    refilling: bool,
    swept: Option<Sweep>,
    /// Lookups that found none and are not written down yet.
    exhausted: u32,
}

/// The whole pool at one moment: its numbers that nobody talks on, the soonest free first.
#[derive(Debug)]
struct Sweep {
    at: Instant,
    coming: VecDeque<(Timestamp, PoolPlace)>,
}

fn held<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Nothing panics while it is held, and what it holds is only remembered.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Memory {
    pub(super) fn tag(&self, id: TrackingTagId) -> Option<KnownTag> {
        held(&self.tags).get(&id).cloned()
    }

    pub(super) fn note_tag(&self, id: TrackingTagId, setup: Option<Arc<TagSetup>>) -> Option<Arc<TagSetup>> {
        let mut tags = held(&self.tags);
        if tags.len() >= MOST {
            tags.clear();
        }
        tags.insert(id, KnownTag { setup: setup.clone(), at: Instant::now() });
        setup
    }

    /// Begins to look for a free number.
    pub(super) fn search(
        &self,
        tenant: TenantId,
        id: NumberPoolId,
        pool: &NumberPool,
        (now, draw): (Timestamp, u64),
        region: &str,
    ) -> Search {
        let mut pools = held(&self.pools);
        if pools.len() >= MOST {
            pools.clear();
        }
        let memory = pools.entry((tenant, id)).or_default().clone();
        let near = pool.near_visitor && !region.is_empty();
        let kept = if pool.near_visitor { NUMBERS_PER_SHARD } else { KEPT };
        let region = near.then(|| region.to_owned());
        Search {
            memory,
            tenant,
            id,
            shards: pool.shards.max(1),
            kept,
            region,
            now,
            draw,
            looks: 0,
            swept: false,
        }
    }
}

/// The search of one question.
pub(super) struct Search {
    memory: KnownPool,
    tenant: TenantId,
    id: NumberPoolId,
    shards: u16,
    kept: usize,
    region: Option<String>,
    now: Timestamp,
    draw: u64,
    looks: u8,
    swept: bool,
}

/// A number to try.
pub(super) struct Candidate {
    /// The number.
    pub(super) place: PoolPlace,
    /// Whether the candidates are to be replaced meanwhile, by [`Search::refill`].
    pub(super) refills: bool,
}

impl Search {
    /// The next number to try; `None`: every number of the pool is taken. Whoever looks into the table does so for all that
    /// wait.
    pub(super) async fn next(&mut self, leases: &dyn Leases) -> PortResult<Option<Candidate>> {
        let memory = self.memory.clone();
        let mut pool = memory.lock().await;
        loop {
            if let Some(candidate) = pool.candidate(self.region.as_deref()) {
                return Ok(Some(candidate));
            }
            if let Some(sweep) = pool.swept.as_mut().filter(|sweep| sweep.at.elapsed() < SWEEP_FRESH) {
                return Ok(sweep.free(self.now).map(|place| Candidate { place, refills: false }));
            }
            if self.looks < LOOKS {
                let found = self.look(leases).await?;
                pool.fill(found, self.kept);
            } else {
                let at = Instant::now();
                let mut numbers = leases.numbers(self.tenant, self.id, self.shards).await?;
                numbers.retain(|number| number.calls.is_empty() || number.calls_until < self.now);
                numbers.sort_by_key(|number| number.free_after);
                let coming = numbers.into_iter().map(|number| {
                    let place = PoolPlace { pool: self.id, shard: number.shard, number: number.number };
                    (number.free_after, place)
                });
                pool.swept = Some(Sweep { at, coming: coming.collect() });
                self.swept = true;
            }
        }
    }

    /// Replaces the candidates, while `taken` is being leased. What fails here fails again for the next visitor, and is told then.
    pub(super) async fn refill(&mut self, leases: &dyn Leases, taken: &PoolPlace) {
        let found = self.look(leases).await;
        let mut pool = self.memory.lock().await;
        pool.refilling = false;
        if let Ok(mut found) = found {
            found.retain(|place| place != taken);
            pool.fill(found, self.kept);
        }
    }

    async fn look(&mut self, leases: &dyn Leases) -> PortResult<Vec<PoolPlace>> {
        // Another partition each time.
        let shard = self.draw.wrapping_add(self.looks.into()) % u64::from(self.shards);
        self.looks += 1;
        let shard = u16::try_from(shard).unwrap_or_default();
        leases.candidates(self.tenant, self.id, shard, self.now).await
    }

    /// Notes that no number was found; how many such lookups are to be written down now, if this one looked at the whole pool.
    pub(super) async fn exhausted(&self) -> Option<u32> {
        let mut pool = self.memory.lock().await;
        pool.exhausted = pool.exhausted.saturating_add(1);
        self.swept.then(|| std::mem::take(&mut pool.exhausted))
    }
}

impl Pool {
    /// A candidate that is still believed; rather one of this state.
    fn candidate(&mut self, region: Option<&str>) -> Option<Candidate> {
        self.candidates.retain(|(_, found)| found.elapsed() < CANDIDATE_FRESH);
        let near = region.and_then(|region| {
            self.candidates.iter().position(|(place, _)| state_of(place).as_deref() == Some(region))
        });
        let (place, found) = self.candidates.remove(near.unwrap_or_default())?;
        let refills = !self.refilling && (self.candidates.is_empty() || found.elapsed() >= CANDIDATE_YOUNG);
        self.refilling |= refills;
        Some(Candidate { place, refills })
    }

    fn fill(&mut self, mut found: Vec<PoolPlace>, kept: usize) {
        found.truncate(kept);
        // Whoever was at it may have been cut off by their deadline.
        self.refilling = false;
        let now = Instant::now();
        self.candidates = found.into_iter().map(|place| (place, now)).collect();
    }
}

impl Sweep {
    fn free(&mut self, now: Timestamp) -> Option<PoolPlace> {
        self.coming.pop_front_if(|(free_after, _)| *free_after < now).map(|(_, place)| place)
    }
}

/// The state that a number's area code belongs to.
fn state_of(place: &PoolPlace) -> Option<String> {
    Place::of(place.number.as_str(), Said::default()).state.map(|state| state.as_str().to_owned())
}
