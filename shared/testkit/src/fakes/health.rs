//! What was seen of bidders.

use std::collections::BTreeMap;
use std::sync::Mutex;

use app::ports::{DueCheck, Health, HealthCheck, PortResult};
use async_trait::async_trait;
use domain::ids::{RtbTargetId, TenantId};
use jiff::Timestamp;

use super::locked;

/// Looks in memory; nobody is ever due.
#[derive(Debug, Default)]
pub struct FakeHealth {
    checks: Mutex<BTreeMap<(TenantId, RtbTargetId), BTreeMap<Timestamp, HealthCheck>>>,
}

#[async_trait]
impl Health for FakeHealth {
    async fn due_checks(&self, _: Timestamp, _: u16) -> PortResult<Vec<DueCheck>> {
        Ok(Vec::new())
    }

    async fn record_check(&self, tenant: TenantId, check: &HealthCheck, _: Timestamp) -> PortResult<()> {
        let mut checks = locked(&self.checks);
        checks.entry((tenant, check.rtb_target)).or_default().insert(check.at, check.clone());
        Ok(())
    }

    async fn newest_check(&self, tenant: TenantId, bidder: RtbTargetId) -> PortResult<Option<HealthCheck>> {
        let checks = locked(&self.checks);
        Ok(checks.get(&(tenant, bidder)).and_then(|checks| checks.values().next_back().cloned()))
    }

    async fn checks_since(
        &self,
        tenant: TenantId,
        bidder: RtbTargetId,
        since: Timestamp,
    ) -> PortResult<Vec<HealthCheck>> {
        let checks = locked(&self.checks);
        let of_bidder = checks.get(&(tenant, bidder)).into_iter();
        Ok(of_bidder.flat_map(|checks| checks.range(since..)).map(|(_, check)| check.clone()).collect())
    }
}
