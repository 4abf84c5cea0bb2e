//! The catalogue and the published campaigns.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use app::ports::{
    BlockedCallers, Catalog, InUse, Kind, MAX_OF_A_KIND, PortError, PortResult, Published, PublishedVersion,
    Record, Saved,
};
use async_trait::async_trait;
use domain::audit::{Actor, AuditEntry};
use domain::blocked::{Block, BlockPattern, BlockedNumber};
use domain::ids::{CampaignId, IdError, TenantId};
use domain::snapshot::Snapshot;

use super::{FakeDesk, locked};

/// Things and publications in memory.
#[derive(Debug, Default)]
pub struct FakeCatalog {
    shelves: Mutex<Shelves>,
    desk: Arc<FakeDesk>,
}

#[derive(Debug, Default)]
struct Shelves {
    things: HashMap<(TenantId, Kind, String), Record>,
    /// Who has a name; a number's is the same for all tenants.
    claims: HashMap<(Option<TenantId>, Kind, String), String>,
    published: HashMap<(TenantId, CampaignId), Vec<Arc<Snapshot>>>,
    /// Who published each of them, and by which deed.
    publishers: HashMap<(TenantId, CampaignId), Vec<(Actor, String)>>,
    /// Somebody else's change, made between the next read and the next write.
    overtaken: bool,
    /// As if there were as many things of every kind as there may be.
    full: bool,
}

impl FakeCatalog {
    /// A catalogue whose changes stand in this audit log.
    pub fn noting_in(desk: Arc<FakeDesk>) -> Self {
        Self { desk, ..Self::default() }
    }

    /// The next write finds that somebody else was faster.
    pub fn overtake_next_write(&self) {
        locked(&self.shelves).overtaken = true;
    }

    /// Whether there is room for nothing more, from now on.
    pub fn be_full(&self, full: bool) {
        locked(&self.shelves).full = full;
    }

    /// How many things there are, of all tenants and kinds.
    pub fn len(&self) -> usize {
        locked(&self.shelves).things.len()
    }

    /// Whether there is nothing.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

fn claim(tenant: TenantId, kind: Kind, unique: &str) -> (Option<TenantId>, Kind, String) {
    ((kind != Kind::Number).then_some(tenant), kind, unique.to_owned())
}

impl Shelves {
    fn is_current(&mut self, tenant: TenantId, kind: Kind, record: &Record) -> bool {
        let stored = self.things.get(&(tenant, kind, record.id.clone()));
        !std::mem::take(&mut self.overtaken) && stored.is_some_and(|stored| stored.version == record.version)
    }
}

#[async_trait]
impl Catalog for FakeCatalog {
    async fn get(&self, tenant: TenantId, kind: Kind, id: &str) -> PortResult<Option<Record>> {
        Ok(locked(&self.shelves).things.get(&(tenant, kind, id.to_owned())).cloned())
    }

    async fn list(&self, tenant: TenantId, kind: Kind) -> PortResult<Vec<Record>> {
        let shelves = locked(&self.shelves);
        let own = shelves.things.iter().filter(|((of, is, _), _)| *of == tenant && *is == kind);
        let mut found: Vec<Record> = own.map(|(_, record)| record.clone()).collect();
        found.sort_by(|one, other| one.id.cmp(&other.id));
        Ok(found)
    }

    async fn create(
        &self,
        tenant: TenantId,
        kind: Kind,
        record: &Record,
        unique: &str,
        entry: &AuditEntry,
    ) -> PortResult<Saved> {
        let mut shelves = locked(&self.shelves);
        let key = (tenant, kind, record.id.clone());
        if shelves.things.contains_key(&key) {
            return Ok(Saved::Changed);
        }
        if shelves.claims.contains_key(&claim(tenant, kind, unique)) {
            return Ok(Saved::Taken);
        }
        let of_the_kind = shelves.things.keys().filter(|(of, is, _)| *of == tenant && *is == kind).count();
        if shelves.full || of_the_kind >= MAX_OF_A_KIND as usize {
            return Ok(Saved::LimitReached);
        }
        shelves.claims.insert(claim(tenant, kind, unique), record.id.clone());
        shelves.things.insert(key, record.clone());
        self.desk.enter(entry);
        Ok(Saved::Done)
    }

    async fn replace(
        &self,
        tenant: TenantId,
        kind: Kind,
        record: &Record,
        unique: &str,
        (before, unique_before): (&Record, &str),
        entry: &AuditEntry,
    ) -> PortResult<Saved> {
        let mut shelves = locked(&self.shelves);
        if !shelves.is_current(tenant, kind, before) {
            return Ok(Saved::Changed);
        }
        if unique != unique_before {
            if shelves.claims.contains_key(&claim(tenant, kind, unique)) {
                return Ok(Saved::Taken);
            }
            shelves.claims.remove(&claim(tenant, kind, unique_before));
            shelves.claims.insert(claim(tenant, kind, unique), record.id.clone());
        }
        shelves.things.insert((tenant, kind, record.id.clone()), record.clone());
        self.desk.enter(entry);
        Ok(Saved::Done)
    }

    async fn delete(
        &self,
        tenant: TenantId,
        kind: Kind,
        record: &Record,
        unique: &str,
        entry: &AuditEntry,
    ) -> PortResult<Saved> {
        let mut shelves = locked(&self.shelves);
        if !shelves.is_current(tenant, kind, record) {
            return Ok(Saved::Changed);
        }
        shelves.claims.remove(&claim(tenant, kind, unique));
        shelves.things.remove(&(tenant, kind, record.id.clone()));
        self.desk.enter(entry);
        Ok(Saved::Done)
    }

    async fn publish(&self, tenant: TenantId, snapshot: &Snapshot, entry: &AuditEntry) -> PortResult<Saved> {
        let mut shelves = locked(&self.shelves);
        let overtaken = std::mem::take(&mut shelves.overtaken);
        let versions = shelves.published.entry((tenant, snapshot.campaign_id)).or_default();
        if overtaken || snapshot.version != versions.len() as u64 + 1 {
            return Ok(Saved::Changed);
        }
        versions.push(Arc::new(snapshot.clone()));
        let by = (entry.actor, entry.action.clone());
        shelves.publishers.entry((tenant, snapshot.campaign_id)).or_default().push(by);
        self.desk.enter(entry);
        Ok(Saved::Done)
    }

    async fn in_use(&self, tenant: TenantId) -> PortResult<Vec<InUse>> {
        let shelves = locked(&self.shelves);
        let own = shelves.published.iter().filter(|((of, _), _)| *of == tenant);
        let newest = own.filter_map(|((_, campaign), versions)| Some((*campaign, versions.last()?)));
        let mut found: Vec<InUse> = newest
            .map(|(campaign, snapshot)| InUse { campaign, version: snapshot.version, uses: snapshot.uses() })
            .collect();
        found.sort_by_key(|one| one.campaign);
        Ok(found)
    }

    async fn versions(
        &self,
        tenant: TenantId,
        campaign: CampaignId,
        from: u64,
        limit: u16,
    ) -> PortResult<Vec<PublishedVersion>> {
        let shelves = locked(&self.shelves);
        let key = (tenant, campaign);
        let snapshots = shelves.published.get(&key).into_iter().flatten();
        let publishers = shelves.publishers.get(&key).into_iter().flatten();
        let mut found: Vec<PublishedVersion> = snapshots
            .zip(publishers)
            .filter(|(snapshot, _)| snapshot.version <= from)
            .map(|(snapshot, (by, action))| PublishedVersion {
                version: snapshot.version,
                published_at: snapshot.published_at,
                sha256: format!("{:064x}", snapshot.version),
                by: *by,
                action: action.clone(),
            })
            .collect();
        found.reverse();
        found.truncate(usize::from(limit));
        Ok(found)
    }
}

#[async_trait]
impl Published for FakeCatalog {
    async fn version(&self, tenant: TenantId, campaign: CampaignId) -> PortResult<Option<u64>> {
        Ok(self.cached(tenant, campaign).map(|snapshot| snapshot.version))
    }

    async fn snapshot(
        &self,
        tenant: TenantId,
        campaign: CampaignId,
        version: u64,
    ) -> PortResult<Option<Arc<Snapshot>>> {
        let shelves = locked(&self.shelves);
        let versions = shelves.published.get(&(tenant, campaign));
        Ok(versions
            .and_then(|versions| versions.iter().find(|snapshot| snapshot.version == version).cloned()))
    }

    fn cached(&self, tenant: TenantId, campaign: CampaignId) -> Option<Arc<Snapshot>> {
        locked(&self.shelves).published.get(&(tenant, campaign)).and_then(|versions| versions.last().cloned())
    }
}

#[async_trait]
impl BlockedCallers for FakeCatalog {
    async fn blocks(&self, tenant: TenantId, patterns: &[BlockPattern]) -> PortResult<Vec<Block>> {
        const WHAT: &str = "look a caller up in the block list";
        let mut blocks = Vec::new();
        for record in self.list(tenant, Kind::BlockedNumber).await? {
            let blocked: BlockedNumber =
                serde_json::from_value(record.body).map_err(|cause| PortError::corrupt(WHAT, cause))?;
            if patterns.contains(&blocked.number) {
                let id = record.id.parse().map_err(|cause: IdError| PortError::corrupt(WHAT, cause))?;
                blocks.push(Block { blocked_number: id, expires_at: blocked.expires_at });
            }
        }
        Ok(blocks)
    }
}
