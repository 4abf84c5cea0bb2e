//! Alerts about bidders: one row for each, and one for each kind that says which is open. Opening and closing change both
//! in one transaction, so of a kind a bidder has one open alert at most.

use app::ports::{BidderAlerts, OpenAlert, Page, PortError, PortResult};
use async_trait::async_trait;
use aws_sdk_dynamodb::types::AttributeValue;
use domain::bidder_alert::{AlertKind, BidderAlert};
use domain::ids::{RtbTargetId, TenantId};
use jiff::{SignedDuration, Timestamp};
use tokio::time::Instant;

use crate::Store;
use crate::failure::{Failure, PATIENT};
use crate::item::{Draft, Item, body, json, key_attributes, number, parsed, text, text_of};
use crate::keys::{self, GSI1};
use crate::read::{Part, Range};
use crate::write::{Deed, STAMP, Write, stamped};

/// How long an alert is kept once it is closed.
const KEPT: SignedDuration = SignedDuration::from_hours(90 * 24);

const OPENED_AT: &str = "opened_at";
const CLOSED_AT: &str = "closed_at";
const TOLD: &str = "told";

/// A change of which alert is open, if it is this one.
fn change_open(tenant: TenantId, alert: &BidderAlert, update: &str) -> Write {
    let key = keys::open_alert(tenant, alert.rtb_target, alert.kind);
    Write::new(Deed::Change(key, update.to_owned()))
        .only_if("#opened_at = :opened_at")
        .name("#opened_at", OPENED_AT)
        .value(":opened_at", text(keys::time(alert.opened_at)))
}

/// The body is the alert as it was opened; when it was closed stands beside it.
fn alert_of(what: &'static str, item: &Item) -> PortResult<BidderAlert> {
    let closed_at = match item.contains_key(CLOSED_AT) {
        true => Some(parsed(what, item, CLOSED_AT)?),
        false => None,
    };
    Ok(BidderAlert { closed_at, ..body(what, item)? })
}

impl Store {
    /// Both writes or none; `false` when the conditions did not hold.
    async fn both(&self, what: &'static str, writes: [Write; 2]) -> PortResult<bool> {
        let actions: PortResult<Vec<_>> =
            writes.into_iter().map(|write| write.into_action(what, self.table())).collect();
        match self.transact(Instant::now() + PATIENT, &actions?).await {
            Ok(()) => Ok(true),
            Err(Failure::Cancelled(_)) => Ok(false),
            Err(failure) => Err(failure.into_port(what)),
        }
    }
}

#[async_trait]
impl BidderAlerts for Store {
    async fn open_alert(&self, tenant: TenantId, alert: &BidderAlert) -> PortResult<bool> {
        const WHAT: &str = "open an alert about a bidder";
        let BidderAlert { rtb_target, kind, opened_at, .. } = *alert;
        let update = format!("SET {STAMP}, #opened_at = :opened_at, #body = :body REMOVE #told");
        let open = Write::new(Deed::Change(keys::open_alert(tenant, rtb_target, kind), update))
            .only_if("attribute_not_exists(#opened_at)")
            .name("#opened_at", OPENED_AT)
            .name("#body", "body")
            .name("#told", TOLD)
            .value(":opened_at", text(keys::time(opened_at)))
            .value(":body", json(WHAT, alert)?);
        let item = Draft::new(keys::alert(tenant, rtb_target, kind, opened_at), "bidder_alert", Some(tenant))
            .with("body", json(WHAT, alert)?)
            .gsi1(keys::alert_in_list(tenant, rtb_target, kind, opened_at))
            .build();
        self.both(WHAT, [stamped(open, "open_bidder_alert", tenant), Write::create(item)]).await
    }

    async fn open_alerts(&self, tenant: TenantId, bidder: RtbTargetId) -> PortResult<Vec<OpenAlert>> {
        const WHAT: &str = "read the open alerts of a bidder";
        let keys = AlertKind::ALL.map(|kind| key_attributes(keys::open_alert(tenant, bidder, kind)));
        let items = self.get_many(WHAT, keys.to_vec()).await?;
        let open = items.iter().filter(|item| item.contains_key(OPENED_AT));
        open.map(|item| Ok(OpenAlert { alert: alert_of(WHAT, item)?, told: item.contains_key(TOLD) }))
            .collect()
    }

    async fn close_alert(&self, tenant: TenantId, alert: &BidderAlert, at: Timestamp) -> PortResult<bool> {
        const WHAT: &str = "close an alert about a bidder";
        let ends = at.checked_add(KEPT).unwrap_or(Timestamp::MAX);
        let open = change_open(tenant, alert, "REMOVE #opened_at, #told, #body")
            .name("#told", TOLD)
            .name("#body", "body");
        let key = keys::alert(tenant, alert.rtb_target, alert.kind, alert.opened_at);
        let update = "SET #closed_at = :at, #expires_at = :expires_at, #ttl = :ttl";
        let closed = Write::new(Deed::Change(key, update.to_owned()))
            .only_if("attribute_exists(#pk)")
            .name("#pk", "pk")
            .name("#closed_at", CLOSED_AT)
            .name("#expires_at", "expires_at")
            .name("#ttl", "ttl")
            .value(":at", text(keys::time(at)))
            .value(":expires_at", text(keys::time(ends)))
            .value(":ttl", number(ends.as_second()));
        self.both(WHAT, [open, closed]).await
    }

    async fn claim_telling(&self, tenant: TenantId, alert: &BidderAlert, claim: bool) -> PortResult<bool> {
        const WHAT: &str = "claim telling people of an alert";
        let write = if claim {
            change_open(tenant, alert, "SET #told = :told")
                .only_if("#opened_at = :opened_at AND attribute_not_exists(#told)")
                .value(":told", AttributeValue::Bool(true))
        } else {
            change_open(tenant, alert, "REMOVE #told")
        };
        self.change(WHAT, write.name("#told", TOLD)).await
    }

    async fn alerts(
        &self,
        tenant: TenantId,
        cursor: Option<&str>,
        limit: u16,
    ) -> PortResult<Page<BidderAlert>> {
        const WHAT: &str = "list the alerts about bidders";
        let range = Range {
            backwards: true,
            limit: Some(usize::from(limit) + 1),
            // A cursor is the place of the first alert of its page.
            part: cursor.map_or(Part::All, |cursor| Part::UpTo(cursor.to_owned())),
            ..Range::of_index(GSI1, keys::alerts(tenant))
        };
        let mut items = self.query(WHAT, range).await?;
        let more = items.len() > usize::from(limit);
        let beyond = if more { items.pop() } else { None };
        let next = beyond.map(|item| text_of(&item, "gsi1sk").map(str::to_owned)).transpose();
        Ok(Page {
            items: items.iter().map(|item| alert_of(WHAT, item)).collect::<PortResult<_>>()?,
            next: next.map_err(|cause| PortError::corrupt(WHAT, cause))?,
        })
    }
}
