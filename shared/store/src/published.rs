//! Published campaigns: a pointer to the newest version, and for each version one record and its body in chunks.
//!
//! A body is JSON, compressed with zstd, in chunks of at most 300 KB. Publishing writes the chunks first; then the record
//! (absent before) and the pointer (one version behind) in one transaction. So whoever sees a version finds its whole
//! body, a version has one body for ever, and of two publications that race for a version one gets `Changed`. The body's
//! SHA-256 is checked at every read from the table. Beside the pointer stands what the version uses, so that a change of a
//! shared thing finds the campaigns it concerns; it is an item of its own because the call path reads the pointer.

use std::sync::Arc;

use app::ports::{InUse, PortError, PortResult, Published, PublishedVersion, Saved};
use async_trait::async_trait;
use domain::audit::AuditEntry;
use domain::ids::{CampaignId, TenantId};
use domain::snapshot::Snapshot;
use futures::future::try_join_all;
use sha2::{Digest, Sha256};
use tokio::time::Instant;

use crate::Store;
use crate::audit::entry_write;
use crate::failure::{Failure, PATIENT};
use crate::item::{
    Draft, Item, body, bytes, bytes_of, from_json, json, number, number_of, parsed, text, text_of,
};
use crate::keys::{self, GSI1};
use crate::read::{Part, Range};
use crate::write::{Deed, Write};

/// Largest chunk, bytes: an item may have 400 KB with everything.
const CHUNK: usize = 300 * 1024;
/// Records read at the same time, at most.
const PARALLEL: usize = 16;
/// Compression that is quick and good enough; the call path only decompresses.
const LEVEL: i32 = 3;

/// A published body does not match its record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the published body does not match its fingerprint: publish the campaign again")]
pub struct NotWhole;

#[async_trait]
impl Published for Store {
    async fn version(&self, tenant: TenantId, campaign: CampaignId) -> PortResult<Option<u64>> {
        const WHAT: &str = "look up a campaign's published version";
        let Some(item) = self.get(WHAT, keys::published(tenant, campaign)).await? else { return Ok(None) };
        number_of(&item, "version").map(Some).map_err(|cause| PortError::corrupt(WHAT, cause))
    }

    async fn snapshot(
        &self,
        tenant: TenantId,
        campaign: CampaignId,
        version: u64,
    ) -> PortResult<Option<Arc<Snapshot>>> {
        let key = (tenant, campaign, version);
        if let Some(snapshot) = self.snapshots().get(&key) {
            return Ok(Some(snapshot));
        }
        let _fetching = self.snapshots().fetching(&key).await;
        if let Some(snapshot) = self.snapshots().get(&key) {
            return Ok(Some(snapshot));
        }
        let Some(snapshot) = self.read_snapshot(tenant, campaign, version).await? else { return Ok(None) };
        let snapshot = Arc::new(snapshot);
        self.snapshots().insert(key, snapshot.clone());
        Ok(Some(snapshot))
    }

    fn cached(&self, tenant: TenantId, campaign: CampaignId) -> Option<Arc<Snapshot>> {
        self.snapshots().newest(tenant, campaign)
    }
}

impl Store {
    async fn read_snapshot(
        &self,
        tenant: TenantId,
        campaign: CampaignId,
        version: u64,
    ) -> PortResult<Option<Snapshot>> {
        const WHAT: &str = "read a published campaign";
        let range = Range {
            part: Part::StartingWith(keys::publication_prefix(version)),
            ..Range::of(keys::campaign_partition(tenant, campaign))
        };
        let items = self.query(WHAT, range).await?;
        let record_key = keys::publication(tenant, campaign, version);
        let is_record = |item: &&Item| text_of(item, "sk").is_ok_and(|sk| sk == record_key.sk);
        let Some(record) = items.iter().find(is_record) else { return Ok(None) };

        let sha256 = text_of(record, "sha256").map_err(|cause| PortError::corrupt(WHAT, cause))?;
        let mut compressed = Vec::new();
        // Chunks of a publication that lost the race for this version have another fingerprint.
        for chunk in items.iter().filter(|item| text_of(item, "sha256").is_ok_and(|of| of == sha256)) {
            if let Ok(part) = bytes_of(chunk, "bytes") {
                compressed.extend_from_slice(part);
            }
        }
        if fingerprint(&compressed) != sha256 {
            return Err(PortError::corrupt(WHAT, NotWhole));
        }
        let json =
            zstd::decode_all(compressed.as_slice()).map_err(|cause| PortError::corrupt(WHAT, cause))?;
        serde_json::from_slice(&json).map(Some).map_err(|cause| PortError::corrupt(WHAT, cause))
    }

    /// Stores a body and points to it; see the head of this module.
    pub(crate) async fn publish_snapshot(
        &self,
        tenant: TenantId,
        snapshot: &Snapshot,
        entry: &AuditEntry,
    ) -> PortResult<Saved> {
        const WHAT: &str = "publish a campaign";
        let (campaign, version) = (snapshot.campaign_id, snapshot.version);
        let plain = serde_json::to_vec(snapshot).map_err(|cause| PortError::failed(WHAT, cause))?;
        let compressed =
            zstd::encode_all(plain.as_slice(), LEVEL).map_err(|cause| PortError::failed(WHAT, cause))?;
        let sha256 = fingerprint(&compressed);
        let chunks = compressed.chunks(CHUNK);
        let count = chunks.len();
        for (index, chunk) in chunks.enumerate() {
            let key = keys::chunk(tenant, campaign, version, &sha256, index);
            let item = Draft::new(key, "snapshot_chunk", Some(tenant))
                .with("sha256", text(&sha256))
                .with("bytes", bytes(chunk.to_vec()));
            self.put(WHAT, item.build()).await?;
        }

        let described = |draft: Draft| {
            draft
                .with("version", number(version))
                .with("sha256", text(&sha256))
                .with("chunks", number(count))
                .with("published_at", text(keys::time(snapshot.published_at)))
        };
        let record = Draft::new(keys::publication(tenant, campaign, version), "publication", Some(tenant))
            .with("by", json(WHAT, &entry.actor)?)
            .with("action", text(&entry.action));
        let uses = Draft::new(keys::in_use(tenant, campaign), "uses", Some(tenant))
            .with("version", number(version))
            .with("campaign", text(campaign.to_string()))
            .with("body", json(WHAT, &snapshot.uses())?)
            .gsi1(keys::in_use_in_list(tenant, campaign));
        let pointer = Draft::new(keys::published(tenant, campaign), "published", Some(tenant));
        let pointer = Write::new(Deed::Put(described(pointer).build())).name("#version", "version");
        let pointer = match version.checked_sub(1) {
            None | Some(0) => pointer.only_if("attribute_not_exists(#version)"),
            Some(previous) => pointer.only_if("#version = :previous").value(":previous", number(previous)),
        };
        let actions = [
            Write::create(described(record).build()).into_action(WHAT, self.table())?,
            pointer.into_action(WHAT, self.table())?,
            Write::new(Deed::Put(uses.build())).into_action(WHAT, self.table())?,
            entry_write(WHAT, entry)?.into_action(WHAT, self.table())?,
        ];
        match self.transact(Instant::now() + PATIENT, &actions).await {
            Ok(()) => Ok(Saved::Done),
            Err(Failure::Cancelled(_)) => Ok(Saved::Changed),
            Err(failure) => Err(failure.into_port(WHAT)),
        }
    }

    /// Every published campaign of a tenant, with what it uses.
    pub(crate) async fn campaigns_in_use(&self, tenant: TenantId) -> PortResult<Vec<InUse>> {
        const WHAT: &str = "look up what published campaigns use";
        let items = self.query(WHAT, Range::of_index(GSI1, keys::in_use_of(tenant))).await?;
        let read = |item: &Item| {
            Ok(InUse {
                campaign: parsed(WHAT, item, "campaign")?,
                version: number_of(item, "version").map_err(|cause| PortError::corrupt(WHAT, cause))?,
                uses: body(WHAT, item)?,
            })
        };
        items.iter().map(read).collect()
    }

    /// The publications of a campaign, newest first. Versions have no gaps, so each is read by its key: a range would read
    /// their bodies, too.
    pub(crate) async fn published_versions(
        &self,
        tenant: TenantId,
        campaign: CampaignId,
        from: u64,
        limit: u16,
    ) -> PortResult<Vec<PublishedVersion>> {
        const WHAT: &str = "list the versions of a campaign";
        let last = from.saturating_sub(u64::from(limit));
        let wanted: Vec<u64> = (last + 1..=from).rev().collect();
        let mut found = Vec::with_capacity(wanted.len());
        for some in wanted.chunks(PARALLEL) {
            let reads =
                some.iter().map(|version| self.get(WHAT, keys::publication(tenant, campaign, *version)));
            for item in try_join_all(reads).await?.into_iter().flatten() {
                found.push(PublishedVersion {
                    version: number_of(&item, "version").map_err(|cause| PortError::corrupt(WHAT, cause))?,
                    published_at: parsed(WHAT, &item, "published_at")?,
                    sha256: text_of(&item, "sha256")
                        .map_err(|cause| PortError::corrupt(WHAT, cause))?
                        .to_owned(),
                    by: from_json(WHAT, &item, "by")?,
                    action: text_of(&item, "action")
                        .map_err(|cause| PortError::corrupt(WHAT, cause))?
                        .to_owned(),
                });
            }
        }
        Ok(found)
    }
}

fn fingerprint(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}
