//! Ports of the management side: what tenants set up.

use std::collections::BTreeSet;

use async_trait::async_trait;
use domain::audit::{Actor, AuditEntry};
use domain::bidder_alert::BidderAlert;
use domain::bidder_hour::BidderHour;
use domain::ids::{CampaignId, RtbTargetId, TenantId};
use domain::snapshot::Snapshot;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Page, PortResult};

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
    /// Agents.
    Agent,
    /// Number pools.
    NumberPool,
    /// Blocked callers. Creating one also makes the entry that the call path looks up.
    BlockedNumber,
    /// Incoming webhooks.
    IncomingWebhook,
    /// Tracking tags. Creating one also makes what lookups read before the tenant is known.
    TrackingTag,
    /// URL parameters.
    UrlParameter,
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

/// A tenant's catalogue. `unique` is the name (or the phone number, or the blocked one) that no other thing of the kind may
/// have. Every change takes its audit entry along, in the same transaction: either both are written, or neither.
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

/// Bidders' health: the looks between calls, and what was counted hour by hour of looks and of logged bids (see
/// [`super::BidLog`]). Creating an RTB target makes it due at once.
#[async_trait]
pub trait Health: Send + Sync {
    /// Bidders due by now, oldest first.
    async fn due_checks(&self, now: Timestamp, limit: u16) -> PortResult<Vec<DueCheck>>;

    /// Stores a check, also in its hour (both are kept 31 days), and makes the bidder due again at `next`.
    async fn record_check(&self, tenant: TenantId, check: &HealthCheck, next: Timestamp) -> PortResult<()>;

    /// The newest check of a bidder; `None`: it was not looked at in the last 31 days.
    async fn newest_check(&self, tenant: TenantId, bidder: RtbTargetId) -> PortResult<Option<HealthCheck>>;

    /// The hours of a bidder from the one of an instant on, oldest first; hours in which nothing happened are left out. One
    /// small row each: a month is some 720.
    async fn hours_since(
        &self,
        tenant: TenantId,
        bidder: RtbTargetId,
        since: Timestamp,
    ) -> PortResult<Vec<BidderHour>>;
}

/// Alerts about bidders, kept 90 days after they were closed. What must stay true: of one kind a bidder has one open alert
/// at most.
#[async_trait]
pub trait BidderAlerts: Send + Sync {
    /// Opens one; `false`: one of its kind is open already.
    async fn open_alert(&self, tenant: TenantId, alert: &BidderAlert) -> PortResult<bool>;

    /// The open alerts of a bidder.
    async fn open_alerts(&self, tenant: TenantId, bidder: RtbTargetId) -> PortResult<Vec<OpenAlert>>;

    /// Closes one; `false`: somebody else has.
    async fn close_alert(&self, tenant: TenantId, alert: &BidderAlert, at: Timestamp) -> PortResult<bool>;

    /// Claims telling people of an open alert, or gives that back; `false`: somebody else claimed it.
    async fn claim_telling(&self, tenant: TenantId, alert: &BidderAlert, claim: bool) -> PortResult<bool>;

    /// A page of a tenant's alerts, newest first.
    async fn alerts(
        &self,
        tenant: TenantId,
        cursor: Option<&str>,
        limit: u16,
    ) -> PortResult<Page<BidderAlert>>;
}

/// An alert that is open, as its state says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenAlert {
    /// The alert.
    pub alert: BidderAlert,
    /// Whether somebody has told people of it, or is about to.
    pub told: bool,
}
