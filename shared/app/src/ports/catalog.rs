//! Ports of the management side: what tenants set up, and who may do so.

use std::collections::BTreeSet;

use async_trait::async_trait;
use domain::access::{Party, Role};
use domain::audit::{Actor, AuditEntry, Origin};
use domain::ids::{ApiKeyId, CampaignId, RtbTargetId, SessionId, TenantId, UserId};
use domain::snapshot::Snapshot;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::PortResult;

/// Most things of one kind that a tenant may have: lists of them are read whole.
pub const MAX_OF_A_KIND: u32 = 5_000;

/// The kinds of things in a tenant's catalogue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Campaigns.
    Campaign,
    /// Targets.
    Target,
    /// RTB targets.
    RtbTarget,
    /// Phone numbers. Creating one also claims the number itself, across all tenants.
    Number,
    /// Publishers.
    Publisher,
    /// Buyers.
    Buyer,
    /// Target groups.
    TargetGroup,
    /// Ring trees.
    RingTree,
    /// Blocked callers. Creating one also makes the entry that the call path looks up.
    BlockedNumber,
}

/// One thing in the catalogue, body as JSON of its domain type.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// Printed id.
    pub id: String,
    /// Counts changes, from 1.
    pub version: u64,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
    /// The thing.
    pub body: Value,
}

/// What became of a change to the catalogue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Saved {
    /// It is done.
    Done,
    /// Another one has this name (or this phone number is taken): nothing was written.
    Taken,
    /// Somebody changed or removed it meanwhile: nothing was written.
    Changed,
    /// The tenant has [`MAX_OF_A_KIND`] of this kind: nothing was written.
    LimitReached,
}

/// A published campaign, and what its newest version uses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InUse {
    /// Which campaign.
    pub campaign: CampaignId,
    /// Its newest version.
    pub version: u64,
    /// Printed ids, see `Snapshot::uses`.
    pub uses: BTreeSet<String>,
}

/// One version of a published campaign.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublishedVersion {
    /// Counts publications, from 1.
    pub version: u64,
    /// When.
    pub published_at: Timestamp,
    /// Fingerprint of its body.
    pub sha256: String,
    /// Who published it.
    pub by: Actor,
    /// The action of its audit entry: `campaign.published`, `campaign.republished`.
    pub action: String,
}

/// A tenant's catalogue. `unique` is the name (or the phone number, or the blocked one) that no other thing of the kind may have. Every change
/// takes its audit entry along, in the same transaction: either both are written, or neither.
#[async_trait]
pub trait Catalog: Send + Sync {
    /// One thing.
    async fn get(&self, tenant: TenantId, kind: Kind, id: &str) -> PortResult<Option<Record>>;

    /// All things of a kind (at most 5,000 a tenant), by id, which is by creation.
    async fn list(&self, tenant: TenantId, kind: Kind) -> PortResult<Vec<Record>>;

    /// A new thing; the one beyond [`MAX_OF_A_KIND`] is refused, also of many that are created at the same time.
    async fn create(
        &self,
        tenant: TenantId,
        kind: Kind,
        record: &Record,
        unique: &str,
        entry: &AuditEntry,
    ) -> PortResult<Saved>;

    /// A changed thing; `before` is what the change was made from.
    async fn replace(
        &self,
        tenant: TenantId,
        kind: Kind,
        record: &Record,
        unique: &str,
        before: (&Record, &str),
        entry: &AuditEntry,
    ) -> PortResult<Saved>;

    /// Removes a thing as it was read.
    async fn delete(
        &self,
        tenant: TenantId,
        kind: Kind,
        record: &Record,
        unique: &str,
        entry: &AuditEntry,
    ) -> PortResult<Saved>;

    /// Stores a snapshot and points to it. `Changed` when another publication got this version first.
    async fn publish(&self, tenant: TenantId, snapshot: &Snapshot, entry: &AuditEntry) -> PortResult<Saved>;

    /// Every published campaign, with what its newest version uses.
    async fn in_use(&self, tenant: TenantId) -> PortResult<Vec<InUse>>;

    /// The publications of a campaign from version `from` down, at most `limit`.
    async fn versions(
        &self,
        tenant: TenantId,
        campaign: CampaignId,
        from: u64,
        limit: u16,
    ) -> PortResult<Vec<PublishedVersion>>;
}

/// What an API key may do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApiKey {
    /// Its id.
    pub id: ApiKeyId,
    /// Whose data it opens.
    pub tenant: TenantId,
    /// For people: what it is for.
    pub name: String,
    /// Such as `calls:read`, `campaigns:write`; `*` is everything.
    pub scopes: Vec<String>,
    /// When it was made.
    pub created_at: Timestamp,
    /// Not valid from then on.
    pub expires_at: Option<Timestamp>,
}

/// One sign-in of a user. It stands under the SHA-256 of its token; the token itself is never stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Session {
    /// Its id, by which it is listed and revoked.
    pub id: SessionId,
    /// Whose account it opens.
    pub tenant: TenantId,
    /// Who signed in.
    pub user: UserId,
    /// The user's role. A change of the role ends the user's sessions in the same transaction.
    pub role: Role,
    /// Whose things a buyer or publisher sees.
    pub party: Option<Party>,
    /// When it began.
    pub created_at: Timestamp,
    /// When it was last used, to some minutes.
    pub last_used_at: Timestamp,
    /// Not valid from then on.
    pub expires_at: Timestamp,
    /// From where it began.
    pub origin: Origin,
}

/// A sign-in that is not used for so long has ended.
pub const SESSION_IDLE: SignedDuration = SignedDuration::from_hours(12);

impl Session {
    /// Whether it still signs somebody in.
    pub fn is_valid_at(&self, now: Timestamp) -> bool {
        now < self.expires_at && now.duration_since(self.last_used_at) < SESSION_IDLE
    }
}

/// Who is calling our API.
#[async_trait]
pub trait Identity: Send + Sync {
    /// The session whose token has this SHA-256 (lower-case hex); the caller compares its times.
    async fn session(&self, token_hash: &str) -> PortResult<Option<Session>>;

    /// The key whose token has this SHA-256 (lower-case hex).
    async fn api_key(&self, token_hash: &str) -> PortResult<Option<ApiKey>>;

    /// Stores a key under its token's hash.
    async fn store_api_key(&self, token_hash: &str, key: &ApiKey) -> PortResult<()>;
}

/// A bidder whose health is due to be looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DueCheck {
    /// Whose.
    pub tenant: TenantId,
    /// Which.
    pub rtb_target: RtbTargetId,
}

/// One look at a bidder.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HealthCheck {
    /// Which.
    pub rtb_target: RtbTargetId,
    /// When.
    pub at: Timestamp,
    /// Whether it answered (any status below 500).
    pub up: bool,
    /// HTTP status, when there was one.
    pub status: Option<u16>,
    /// Time to the answer, or until we gave up.
    pub latency_ms: u32,
    /// The outbound client's code, when there was no answer.
    pub failure: Option<String>,
}

/// Bidders' health. Creating an RTB target makes it due at once.
#[async_trait]
pub trait Health: Send + Sync {
    /// Bidders due by now, oldest first.
    async fn due_checks(&self, now: Timestamp, limit: u16) -> PortResult<Vec<DueCheck>>;

    /// Stores a check (kept 30 days) and makes the bidder due again at `next`.
    async fn record_check(&self, tenant: TenantId, check: &HealthCheck, next: Timestamp) -> PortResult<()>;
}
