//! The catalogue: a tenant's things, each with the claim that keeps its name (or number) unique.
//!
//! A thing and its claim change in one transaction, and so does the count of its kind, which holds the limit exactly. The
//! claims of phone numbers and of blocked numbers are the very items the call path looks up ([`keys::number`],
//! [`keys::block`]), so these are known to the call path exactly as long as they stand in a catalogue. An RTB target is due
//! for a health check from its creation on, and a pool to be looked at. A tracking tag stands once more where lookups find it ([`crate::tags`]), and a number
//! of a pool has a row in which it is leased ([`crate::pool_rows`]); both come, change and go with the thing. The audit entry of a change is part of its transaction.

use app::ports::{
    Catalog, InUse, Kind, MAX_OF_A_KIND, PortError, PortResult, PublishedVersion, Record, Saved,
};
use async_trait::async_trait;
use aws_sdk_dynamodb::types::{CancellationReason, TransactWriteItem};
use domain::audit::AuditEntry;
use domain::blocked::{Block, BlockPattern, BlockedNumber, PatternError};
use domain::ids::{
    AgentId, BlockedNumberId, BuyerId, CampaignId, IdError, IncomingWebhookId, NumberId, NumberPoolId,
    PublisherId, RingTreeId, RtbTargetId, TargetGroupId, TargetId, TenantId, TrackingTagId, UrlParameterId,
};
use domain::number::{Number, NumberOwner};
use domain::phone::{E164, PhoneError};
use domain::snapshot::Snapshot;
use serde::Deserialize;
use tokio::time::Instant;

use crate::Store;
use crate::audit::entry_write;
use crate::failure::{Failure, PATIENT};
use crate::item::{Draft, Item, body, json, number, number_of, parsed, text, text_of};
use crate::keys::{self, GSI1, Key};
use crate::read::{Range, unusable};
use crate::write::{Deed, STAMP, Write, stamped};
use crate::{pool_rows, tags};

const NOT_AN_ID: &str = "the id is not one of this kind";

fn is_id(kind: Kind, id: &str) -> bool {
    match kind {
        Kind::Campaign => id.parse::<CampaignId>().is_ok(),
        Kind::Target => id.parse::<TargetId>().is_ok(),
        Kind::RtbTarget => id.parse::<RtbTargetId>().is_ok(),
        Kind::Number => id.parse::<NumberId>().is_ok(),
        Kind::Publisher => id.parse::<PublisherId>().is_ok(),
        Kind::Buyer => id.parse::<BuyerId>().is_ok(),
        Kind::TargetGroup => id.parse::<TargetGroupId>().is_ok(),
        Kind::RingTree => id.parse::<RingTreeId>().is_ok(),
        Kind::Agent => id.parse::<AgentId>().is_ok(),
        Kind::NumberPool => id.parse::<NumberPoolId>().is_ok(),
        Kind::BlockedNumber => id.parse::<BlockedNumberId>().is_ok(),
        Kind::IncomingWebhook => id.parse::<IncomingWebhookId>().is_ok(),
        Kind::TrackingTag => id.parse::<TrackingTagId>().is_ok(),
        Kind::UrlParameter => id.parse::<UrlParameterId>().is_ok(),
    }
}

const fn kind_word(kind: Kind) -> &'static str {
    match kind {
        Kind::Campaign => "campaign",
        Kind::Target => "target",
        Kind::RtbTarget => "rtb_target",
        Kind::Number => "number",
        Kind::Publisher => "publisher",
        Kind::Buyer => "buyer",
        Kind::TargetGroup => "target_group",
        Kind::RingTree => "ring_tree",
        Kind::Agent => "agent",
        Kind::NumberPool => "number_pool",
        Kind::BlockedNumber => "blocked_number",
        Kind::IncomingWebhook => "incoming_webhook",
        Kind::TrackingTag => "tracking_tag",
        Kind::UrlParameter => "url_parameter",
    }
}

fn record_of(what: &'static str, item: &Item) -> PortResult<Record> {
    Ok(Record {
        id: text_of(item, "id").map_err(|cause| PortError::corrupt(what, cause))?.to_owned(),
        version: number_of(item, "version").map_err(|cause| PortError::corrupt(what, cause))?,
        created_at: parsed(what, item, "created_at")?,
        updated_at: parsed(what, item, "updated_at")?,
        body: body(what, item)?,
    })
}

#[async_trait]
impl Catalog for Store {
    async fn get(&self, tenant: TenantId, kind: Kind, id: &str) -> PortResult<Option<Record>> {
        const WHAT: &str = "read the catalogue";
        if !is_id(kind, id) {
            return Ok(None);
        }
        let item = Self::get(self, WHAT, keys::noun(tenant, kind, id)).await?;
        item.map(|item| record_of(WHAT, &item)).transpose()
    }

    async fn list(&self, tenant: TenantId, kind: Kind) -> PortResult<Vec<Record>> {
        const WHAT: &str = "list the catalogue";
        let items = self.query(WHAT, Range::of_index(GSI1, keys::nouns(tenant, kind))).await?;
        items.iter().map(|item| record_of(WHAT, item)).collect()
    }

    async fn create(
        &self,
        tenant: TenantId,
        kind: Kind,
        record: &Record,
        unique: &str,
        entry: &AuditEntry,
    ) -> PortResult<Saved> {
        const WHAT: &str = "create in the catalogue";
        if !is_id(kind, &record.id) {
            return Err(unusable(WHAT, NOT_AN_ID));
        }
        let mut thing = Draft::new(keys::noun(tenant, kind, &record.id), kind_word(kind), Some(tenant))
            .with("id", text(&record.id))
            .with("version", number(record.version))
            .with("created_at", text(record.created_at.to_string()))
            .with("updated_at", text(record.updated_at.to_string()))
            .with("body", json(WHAT, &record.body)?)
            .gsi1(keys::noun_in_list(tenant, kind, &record.id));
        if kind == Kind::RtbTarget {
            thing = thing.gsi2(keys::due_health(record.created_at));
        }
        if kind == Kind::NumberPool {
            thing = thing.gsi2(keys::due_pool(record.created_at));
        }
        let claim = Claim { tenant, kind, record, unique };
        let mut writes = vec![
            Write::create(thing.build()),
            claim.make(WHAT)?,
            one_more(tenant, kind),
            entry_write(WHAT, entry)?,
        ];
        writes.extend(companions(WHAT, tenant, kind, (None, Some(record)))?);
        self.save(WHAT, &self.actions(WHAT, writes)?, &[Saved::Changed, Saved::Taken, Saved::LimitReached])
            .await
    }

    async fn replace(
        &self,
        tenant: TenantId,
        kind: Kind,
        record: &Record,
        unique: &str,
        before: (&Record, &str),
        entry: &AuditEntry,
    ) -> PortResult<Saved> {
        const WHAT: &str = "change the catalogue";
        let (before, unique_before) = before;
        if !is_id(kind, &record.id) || before.id != record.id {
            return Err(unusable(WHAT, NOT_AN_ID));
        }
        let set = "SET #version = :version, #updated_at = :updated_at, #body = :body";
        let thing = Write::new(Deed::Change(keys::noun(tenant, kind, &record.id), set.to_owned()))
            .only_if("#version = :before")
            .name("#version", "version")
            .name("#updated_at", "updated_at")
            .name("#body", "body")
            .value(":before", number(before.version))
            .value(":version", number(record.version))
            .value(":updated_at", text(record.updated_at.to_string()))
            .value(":body", json(WHAT, &record.body)?);
        let mut writes = vec![thing];
        let mut verdicts = vec![Saved::Changed];

        let claim = Claim { tenant, kind, record, unique };
        if unique != unique_before {
            let old = Claim { tenant, kind, record: before, unique: unique_before };
            writes.extend([claim.make(WHAT)?, old.give_up(WHAT)?]);
            verdicts.extend([Saved::Taken, Saved::Changed]);
        } else if claim.is_looked_up() {
            writes.push(claim.renew(WHAT)?);
            verdicts.push(Saved::Changed);
        }
        writes.push(entry_write(WHAT, entry)?);
        writes.extend(companions(WHAT, tenant, kind, (Some(before), Some(record)))?);
        self.save(WHAT, &self.actions(WHAT, writes)?, &verdicts).await
    }

    async fn delete(
        &self,
        tenant: TenantId,
        kind: Kind,
        record: &Record,
        unique: &str,
        entry: &AuditEntry,
    ) -> PortResult<Saved> {
        const WHAT: &str = "remove from the catalogue";
        if !is_id(kind, &record.id) {
            return Ok(Saved::Changed);
        }
        let thing = Write::new(Deed::Remove(keys::noun(tenant, kind, &record.id)))
            .only_if("#version = :before")
            .name("#version", "version")
            .value(":before", number(record.version));
        let claim = Claim { tenant, kind, record, unique };
        let mut writes = vec![thing, claim.give_up(WHAT)?, one_less(tenant, kind), entry_write(WHAT, entry)?];
        writes.extend(companions(WHAT, tenant, kind, (Some(record), None))?);
        self.save(WHAT, &self.actions(WHAT, writes)?, &[Saved::Changed, Saved::Changed]).await
    }

    async fn publish(&self, tenant: TenantId, snapshot: &Snapshot, entry: &AuditEntry) -> PortResult<Saved> {
        self.publish_snapshot(tenant, snapshot, entry).await
    }

    async fn in_use(&self, tenant: TenantId) -> PortResult<Vec<InUse>> {
        self.campaigns_in_use(tenant).await
    }

    async fn versions(
        &self,
        tenant: TenantId,
        campaign: CampaignId,
        from: u64,
        limit: u16,
    ) -> PortResult<Vec<PublishedVersion>> {
        self.published_versions(tenant, campaign, from, limit).await
    }
}

impl Store {
    /// Does all of it; a condition that did not hold gives the verdict that belongs to its action, the first one wins.
    pub(crate) async fn save(
        &self,
        what: &'static str,
        actions: &[TransactWriteItem],
        verdicts: &[Saved],
    ) -> PortResult<Saved> {
        match self.transact(Instant::now() + PATIENT, actions).await {
            Ok(()) => Ok(Saved::Done),
            Err(Failure::Cancelled(reasons)) => {
                let failed = |reason: &CancellationReason| reason.code() == Some("ConditionalCheckFailed");
                let verdict = reasons.iter().zip(verdicts).find(|(reason, _)| failed(reason));
                Ok(verdict.map_or(Saved::Changed, |(_, verdict)| verdict.clone()))
            }
            Err(failure) => Err(failure.into_port(what)),
        }
    }
}

/// What stands beside a thing and changes with it: it was the first record, and is the second.
fn companions(
    what: &'static str,
    tenant: TenantId,
    kind: Kind,
    (before, after): (Option<&Record>, Option<&Record>),
) -> PortResult<Vec<Write>> {
    match kind {
        Kind::TrackingTag => tags::companions(what, tenant, (before, after)),
        Kind::Number => {
            let number = |record: &Record| {
                Number::deserialize(&record.body).map_err(|cause| PortError::failed(what, cause))
            };
            let (before, after) = (before.map(number).transpose()?, after.map(number).transpose()?);
            Ok(pool_rows::moves(tenant, before.as_ref(), after.as_ref()))
        }
        _ => Ok(Vec::new()),
    }
}

/// Counts a creation, if there is room for it.
fn one_more(tenant: TenantId, kind: Kind) -> Write {
    let write = Write::new(Deed::Change(keys::count(tenant, kind), format!("SET {STAMP} ADD #things :one")))
        .only_if("attribute_not_exists(#things) OR #things < :most")
        .name("#things", "things")
        .value(":one", number(1))
        .value(":most", number(MAX_OF_A_KIND));
    stamped(write, "count", tenant)
}

/// Counts a removal.
fn one_less(tenant: TenantId, kind: Kind) -> Write {
    let write = Write::new(Deed::Change(keys::count(tenant, kind), format!("SET {STAMP} ADD #things :less")))
        .name("#things", "things")
        .value(":less", number(-1));
    stamped(write, "count", tenant)
}

/// What keeps a name, or a number, from being given twice.
struct Claim<'a> {
    tenant: TenantId,
    kind: Kind,
    record: &'a Record,
    unique: &'a str,
}

impl Claim<'_> {
    /// Whether the call path reads it, so that it says more than whose it is.
    fn is_looked_up(&self) -> bool {
        matches!(self.kind, Kind::Number | Kind::BlockedNumber)
    }

    fn key(&self, what: &'static str) -> PortResult<Key> {
        Ok(match self.kind {
            Kind::Number => {
                let number: Result<E164, PhoneError> = self.unique.parse();
                keys::number(&number.map_err(|cause| PortError::failed(what, cause))?)
            }
            Kind::BlockedNumber => {
                let pattern: Result<BlockPattern, PatternError> = self.unique.parse();
                keys::block(self.tenant, &pattern.map_err(|cause| PortError::failed(what, cause))?)
            }
            _ => keys::name_claim(self.tenant, self.kind, self.unique),
        })
    }

    fn item(&self, what: &'static str) -> PortResult<Item> {
        let draft =
            Draft::new(self.key(what)?, "claim", Some(self.tenant)).with("owner", text(&self.record.id));
        Ok(match self.kind {
            Kind::Number => draft.with("body", json(what, &self.owner(what)?)?).build(),
            Kind::BlockedNumber => draft.with("body", json(what, &self.block(what)?)?).build(),
            _ => draft.build(),
        })
    }

    fn owner(&self, what: &'static str) -> PortResult<NumberOwner> {
        let number =
            Number::deserialize(&self.record.body).map_err(|cause| PortError::failed(what, cause))?;
        Ok(NumberOwner {
            tenant: self.tenant,
            number_id: self.record.id.parse().map_err(|cause: IdError| PortError::failed(what, cause))?,
            account_sid: number.account_sid,
            campaign: number.campaign,
            publisher: number.publisher,
            pool: number.pool,
            shard: number.pool_shard,
        })
    }

    fn block(&self, what: &'static str) -> PortResult<Block> {
        let blocked =
            BlockedNumber::deserialize(&self.record.body).map_err(|cause| PortError::failed(what, cause))?;
        Ok(Block {
            blocked_number: self
                .record
                .id
                .parse()
                .map_err(|cause: IdError| PortError::failed(what, cause))?,
            expires_at: blocked.expires_at,
        })
    }

    /// Takes it, if nobody has it.
    fn make(&self, what: &'static str) -> PortResult<Write> {
        Ok(Write::create(self.item(what)?))
    }

    /// Writes it again, if it is ours.
    fn renew(&self, what: &'static str) -> PortResult<Write> {
        Ok(self.if_ours(Write::new(Deed::Put(self.item(what)?))))
    }

    /// Gives it up, if it is ours.
    fn give_up(&self, what: &'static str) -> PortResult<Write> {
        Ok(self.if_ours(Write::new(Deed::Remove(self.key(what)?))))
    }

    fn if_ours(&self, write: Write) -> Write {
        write.only_if("#owner = :owner").name("#owner", "owner").value(":owner", text(&self.record.id))
    }
}
