//! Visits: browser sessions, by the UTC day on which they began, kept 90 days.
//!
//! What must stay true: what several questions of one browser tell at the same moment is all kept, because each writes only over
//! the revision that it read; a visit that begins again does not lose what was learned since.

use app::ports::{PortError, PortResult, Visits};
use async_trait::async_trait;
use domain::dni::visit::{Learned, Visit};
use domain::ids::{CallId, IdError, TenantId, VisitId};
use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp};
use tokio::time::Instant;

use crate::Store;
use crate::failure::PATIENT;
use crate::item::{Draft, Item, body, json, key_attributes, number, number_of, text_of};
use crate::keys::{self, CALL_OF_VISIT, GSI1};
use crate::read::{Part, Range};
use crate::write::{Deed, Write};

/// How long a visit is kept, and what says which calls are its.
const KEPT: SignedDuration = SignedDuration::from_hours(90 * 24);
/// Attribute: counts the writes.
const REVISION: &str = "revision";

fn item_of(what: &'static str, tenant: TenantId, visit: &Visit, revision: u64) -> PortResult<Item> {
    let mut item = Draft::new(keys::visit(tenant, visit.id), "visit", Some(tenant))
        .with("body", json(what, visit)?)
        .with(REVISION, number(revision))
        .expires(kept_until(visit.started_at));
    if let Some(click) = visit.click_id() {
        item = item.gsi1(keys::visit_of_click(tenant, click, visit.id));
    }
    Ok(item.build())
}

fn kept_until(at: Timestamp) -> Timestamp {
    at.checked_add(KEPT).unwrap_or(Timestamp::MAX)
}

/// What a call's first step writes so that its visit finds it.
pub(crate) fn call_of_visit(call: &domain::call::Call) -> Option<Write> {
    let key = keys::call_of_visit(call.tenant, call.visit?, call.started_at, call.id);
    let item = Draft::new(key, "call_of_visit", Some(call.tenant)).expires(kept_until(call.started_at));
    Some(Write::new(Deed::Put(item.build())))
}

#[async_trait]
impl Visits for Store {
    async fn begin(&self, tenant: TenantId, visit: &Visit) -> PortResult<()> {
        const WHAT: &str = "store a visit that begins";
        self.put_new(WHAT, item_of(WHAT, tenant, visit, 1)?).await.map(drop)
    }

    async fn learn(&self, tenant: TenantId, visit: VisitId, learned: &Learned) -> PortResult<bool> {
        const WHAT: &str = "add to a visit";
        let deadline = Instant::now() + PATIENT;
        loop {
            let Some(item) = self.get(WHAT, keys::visit(tenant, visit)).await? else { return Ok(false) };
            let before: Visit = body(WHAT, &item)?;
            let revision: u64 =
                number_of(&item, REVISION).map_err(|cause| PortError::corrupt(WHAT, cause))?;
            let mut after = before.clone();
            after.learn(learned.clone());
            if after == before {
                return Ok(true);
            }
            let put = Write::new(Deed::Put(item_of(WHAT, tenant, &after, revision.saturating_add(1))?))
                .only_if("#revision = :revision")
                .name("#revision", REVISION)
                .value(":revision", number(revision));
            if self.put_if(WHAT, put).await? {
                return Ok(true);
            }
            // Another question was faster: what it told is kept, and this comes to it.
            if Instant::now() >= deadline {
                return Err(PortError::Busy { what: WHAT });
            }
        }
    }

    async fn visit(&self, tenant: TenantId, visit: VisitId) -> PortResult<Option<Visit>> {
        const WHAT: &str = "read a visit";
        let item = self.get(WHAT, keys::visit(tenant, visit)).await?;
        item.map(|item| body(WHAT, &item)).transpose()
    }

    async fn visits(&self, tenant: TenantId, visits: &[VisitId]) -> PortResult<Vec<Visit>> {
        const WHAT: &str = "read visits";
        let keys = visits.iter().map(|visit| key_attributes(keys::visit(tenant, *visit))).collect();
        self.get_many(WHAT, keys).await?.iter().map(|item| body(WHAT, item)).collect()
    }

    async fn visit_of_click(&self, tenant: TenantId, click: &str) -> PortResult<Option<Visit>> {
        const WHAT: &str = "find the visit of a click";
        let range = Range {
            backwards: true,
            limit: Some(1),
            ..Range::of_index(GSI1, keys::visits_of_click(tenant, click))
        };
        self.query(WHAT, range).await?.first().map(|item| body(WHAT, item)).transpose()
    }

    async fn calls_of_visit(&self, tenant: TenantId, visit: VisitId) -> PortResult<Vec<CallId>> {
        const WHAT: &str = "list a visit's calls";
        let range = Range {
            part: Part::StartingWith(CALL_OF_VISIT.to_owned()),
            ..Range::of(keys::visit_partition(tenant, visit))
        };
        let call = |item: &Item| -> PortResult<CallId> {
            let sk = text_of(item, "sk").map_err(|cause| PortError::corrupt(WHAT, cause))?;
            let id = sk.rsplit('#').next().unwrap_or_default();
            id.parse().map_err(|cause: IdError| PortError::corrupt(WHAT, cause))
        };
        self.query(WHAT, range).await?.iter().map(call).collect()
    }

    async fn forget_visit(&self, tenant: TenantId, visit: VisitId) -> PortResult<()> {
        const WHAT: &str = "forget a visit";
        let gone = Write::new(Deed::Remove(keys::visit(tenant, visit))).into_action(WHAT, self.table())?;
        let removed = self.transact(Instant::now() + PATIENT, &[gone]).await;
        removed.map_err(|failure| failure.into_port(WHAT))
    }

    async fn visits_of_day(
        &self,
        tenant: TenantId,
        day: Date,
        after: Option<VisitId>,
        limit: u16,
    ) -> PortResult<Vec<Visit>> {
        const WHAT: &str = "list a day's visits";
        let range = Range {
            backwards: true,
            limit: Some(usize::from(limit.max(1))),
            after: after.map(|visit| key_attributes(keys::visit_in_day(tenant, day, visit))),
            ..Range::of(keys::visits_of_day(tenant, day))
        };
        self.query(WHAT, range).await?.iter().map(|item| body(WHAT, item)).collect()
    }
}
