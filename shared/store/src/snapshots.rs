//! Published bodies that this process has read: bounded, and each fetched once however many ask at the same time.
//!
//! A published version never changes, so an entry is right for ever; the least recently used one goes when it is full.

use std::collections::HashMap;
use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use domain::ids::{CampaignId, TenantId};
use domain::snapshot::Snapshot;
use tokio::sync::Mutex as FetchLock;

/// Most bodies held.
const CAPACITY: usize = 256;
/// Fetches of different versions that may run at the same time; more would wait for each other.
const LANES: usize = 32;

/// A published version.
pub(crate) type Version = (TenantId, CampaignId, u64);

/// The bodies.
pub(crate) struct Snapshots {
    held: Mutex<Held>,
    lanes: Vec<FetchLock<()>>,
}

#[derive(Default)]
struct Held {
    entries: HashMap<Version, Entry>,
    uses: u64,
}

struct Entry {
    snapshot: Arc<Snapshot>,
    last_use: u64,
}

impl Default for Snapshots {
    fn default() -> Self {
        Self { held: Mutex::default(), lanes: (0..LANES).map(|_| FetchLock::new(())).collect() }
    }
}

impl Snapshots {
    /// A version's body, when it is here.
    pub(crate) fn get(&self, version: &Version) -> Option<Arc<Snapshot>> {
        let mut held = self.held();
        held.uses += 1;
        let now = held.uses;
        let entry = held.entries.get_mut(version)?;
        entry.last_use = now;
        Some(entry.snapshot.clone())
    }

    /// The newest body of a campaign that is here.
    pub(crate) fn newest(&self, tenant: TenantId, campaign: CampaignId) -> Option<Arc<Snapshot>> {
        let held = self.held();
        let of_campaign = held.entries.iter().filter(|((t, c, _), _)| (*t, *c) == (tenant, campaign));
        of_campaign.max_by_key(|((.., version), _)| *version).map(|(_, entry)| entry.snapshot.clone())
    }

    /// Keeps a body.
    pub(crate) fn insert(&self, version: Version, snapshot: Arc<Snapshot>) {
        let mut held = self.held();
        held.uses += 1;
        let last_use = held.uses;
        held.entries.insert(version, Entry { snapshot, last_use });
        if held.entries.len() > CAPACITY {
            let oldest =
                held.entries.iter().min_by_key(|(_, entry)| entry.last_use).map(|(version, _)| *version);
            oldest.and_then(|version| held.entries.remove(&version));
        }
    }

    /// Whoever holds this may fetch the version; the others wait, then find it in the cache.
    pub(crate) async fn fetching(&self, version: &Version) -> tokio::sync::MutexGuard<'_, ()> {
        let hash = BuildHasherDefault::<DefaultHasher>::default().hash_one(version);
        let lane = usize::try_from(hash % self.lanes.len() as u64).unwrap_or(0);
        self.lanes[lane].lock().await
    }

    fn held(&self) -> MutexGuard<'_, Held> {
        // A panic while it was held cannot leave it half changed in a way that matters.
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
