//! Bidders' health: when each is looked at next, and what was seen.
//!
//! The due time lies in the second index on the RTB target's own item (the catalogue sets it at creation), so a removed
//! bidder is never due.

use app::ports::{DueCheck, Health, HealthCheck, PortResult};
use async_trait::async_trait;
use domain::bidder_hour::BidderHour;
use domain::ids::{RtbTargetId, TenantId};
use jiff::Timestamp;

use crate::Store;
use crate::bidder_hours::{KEPT, looked};
use crate::item::{Draft, body, json, parsed, text};
use crate::keys::{self, GSI2};
use crate::read::{Part, Range};
use crate::write::{Deed, Write};

#[async_trait]
impl Health for Store {
    async fn due_checks(&self, now: Timestamp, limit: u16) -> PortResult<Vec<DueCheck>> {
        const WHAT: &str = "list bidders due for a look";
        let range = Range {
            part: Part::UpTo(keys::time(now)),
            limit: Some(usize::from(limit.max(1))),
            ..Range::of_index(GSI2, keys::DUE_HEALTH.to_owned())
        };
        let items = self.query(WHAT, range).await?;
        items
            .iter()
            .map(|item| {
                Ok(DueCheck { tenant: parsed(WHAT, item, "tenant")?, rtb_target: parsed(WHAT, item, "id")? })
            })
            .collect()
    }

    async fn record_check(&self, tenant: TenantId, check: &HealthCheck, next: Timestamp) -> PortResult<()> {
        const WHAT: &str = "record a look at a bidder";
        let key = keys::health_check(tenant, check.rtb_target, check.at);
        let item = Draft::new(key, "health_check", Some(tenant))
            .with("body", json(WHAT, check)?)
            .expires(check.at.checked_add(KEPT).unwrap_or(Timestamp::MAX))
            .build();
        self.put(WHAT, item).await?;
        self.change(WHAT, looked(tenant, check)).await?;

        let id = check.rtb_target.to_string();
        let meta = keys::noun(tenant, app::ports::Kind::RtbTarget, &id);
        let due = keys::due_health(next);
        let write = Write::new(Deed::Change(meta, "SET #due_in = :due_in, #due = :due".to_owned()))
            .only_if("attribute_exists(#pk)")
            .name("#pk", "pk")
            .name("#due_in", "gsi2pk")
            .name("#due", "gsi2sk")
            .value(":due_in", text(due.pk))
            .value(":due", text(due.sk));
        // A bidder that was removed meanwhile is not due again.
        self.change(WHAT, write).await?;
        Ok(())
    }

    async fn newest_check(&self, tenant: TenantId, bidder: RtbTargetId) -> PortResult<Option<HealthCheck>> {
        const WHAT: &str = "read the newest look at a bidder";
        let range =
            Range { backwards: true, limit: Some(1), ..Range::of(keys::health_checks(tenant, bidder)) };
        self.query(WHAT, range).await?.first().map(|item| body(WHAT, item)).transpose()
    }

    async fn hours_since(
        &self,
        tenant: TenantId,
        bidder: RtbTargetId,
        since: Timestamp,
    ) -> PortResult<Vec<BidderHour>> {
        self.read_hours(tenant, bidder, since).await
    }
}
