//! Visits, and what trackers are to be told, in memory.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;

use app::ports::{PortResult, PostbackQueue, Visits};
use async_trait::async_trait;
use domain::dni::visit::{Learned, Visit};
use domain::ids::{CallId, TenantId, VisitId};
use jiff::civil::Date;

use super::locked;

/// Keeps visits.
#[derive(Debug, Default)]
pub struct FakeVisits {
    visits: Mutex<BTreeMap<(TenantId, VisitId), Visit>>,
    calls: Mutex<BTreeMap<(TenantId, VisitId), BTreeSet<CallId>>>,
}

impl FakeVisits {
    /// Says that a call belongs to a visit.
    pub fn called(&self, tenant: TenantId, visit: VisitId, call: CallId) {
        locked(&self.calls).entry((tenant, visit)).or_default().insert(call);
    }
}

#[async_trait]
impl Visits for FakeVisits {
    async fn begin(&self, tenant: TenantId, visit: &Visit) -> PortResult<()> {
        locked(&self.visits).entry((tenant, visit.id)).or_insert_with(|| visit.clone());
        Ok(())
    }

    async fn learn(&self, tenant: TenantId, visit: VisitId, learned: &Learned) -> PortResult<bool> {
        let mut visits = locked(&self.visits);
        let found = visits.get_mut(&(tenant, visit));
        Ok(found.map(|visit| visit.learn(learned.clone())).is_some())
    }

    async fn visit(&self, tenant: TenantId, visit: VisitId) -> PortResult<Option<Visit>> {
        Ok(locked(&self.visits).get(&(tenant, visit)).cloned())
    }

    async fn visits(&self, tenant: TenantId, visits: &[VisitId]) -> PortResult<Vec<Visit>> {
        let all = locked(&self.visits);
        Ok(visits.iter().filter_map(|visit| all.get(&(tenant, *visit)).cloned()).collect())
    }

    async fn visit_of_click(&self, tenant: TenantId, click: &str) -> PortResult<Option<Visit>> {
        let all = locked(&self.visits);
        let mut of_click =
            all.iter().filter(|((of, _), visit)| *of == tenant && visit.click_id() == Some(click));
        Ok(of_click.next_back().map(|(_, visit)| visit.clone()))
    }

    async fn calls_of_visit(&self, tenant: TenantId, visit: VisitId) -> PortResult<Vec<CallId>> {
        let calls = locked(&self.calls);
        Ok(calls.get(&(tenant, visit)).into_iter().flatten().copied().collect())
    }

    async fn forget_visit(&self, tenant: TenantId, visit: VisitId) -> PortResult<()> {
        locked(&self.visits).remove(&(tenant, visit));
        Ok(())
    }

    async fn visits_of_day(
        &self,
        tenant: TenantId,
        day: Date,
        after: Option<VisitId>,
        limit: u16,
    ) -> PortResult<Vec<Visit>> {
        let all = locked(&self.visits);
        let of_day = all.iter().rev().filter(|((of, id), _)| *of == tenant && Visit::day_of(*id) == day);
        let older = of_day.filter(|((_, id), _)| after.is_none_or(|after| *id < after));
        Ok(older.take(usize::from(limit.max(1))).map(|(_, visit)| visit.clone()).collect())
    }
}

/// Keeps which calls were to be looked at.
#[derive(Debug, Default)]
pub struct FakePostbacks {
    noted: Mutex<Vec<(TenantId, CallId)>>,
}

impl FakePostbacks {
    /// The calls, as often as they were noted.
    pub fn noted(&self) -> Vec<CallId> {
        locked(&self.noted).iter().map(|(_, call)| *call).collect()
    }
}

#[async_trait]
impl PostbackQueue for FakePostbacks {
    async fn look_at(&self, tenant: TenantId, call: CallId) -> PortResult<()> {
        locked(&self.noted).push((tenant, call));
        Ok(())
    }
}
