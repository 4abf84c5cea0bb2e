//! What was seen of bidders.

use std::collections::BTreeMap;
use std::sync::Mutex;

use app::ports::{BidderAlerts, DueCheck, Health, HealthCheck, OpenAlert, Page, PortResult};
use async_trait::async_trait;
use domain::bidder_alert::BidderAlert;
use domain::bidder_hour::{BidderHour, hour_of};
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

    async fn hours_since(
        &self,
        tenant: TenantId,
        bidder: RtbTargetId,
        since: Timestamp,
    ) -> PortResult<Vec<BidderHour>> {
        let checks = locked(&self.checks);
        let mut hours: BTreeMap<Timestamp, BTreeMap<u16, bool>> = BTreeMap::new();
        for (at, check) in checks.get(&(tenant, bidder)).into_iter().flatten() {
            let begins = hour_of(*at);
            let second = u16::try_from(at.duration_since(begins).as_secs()).unwrap_or(0);
            hours.entry(begins).or_default().insert(second, check.up);
        }
        let since = hours.range(hour_of(since)..);
        Ok(since
            .map(|(begins, looks)| BidderHour {
                begins: *begins,
                looks: looks.clone(),
                ..BidderHour::default()
            })
            .collect())
    }
}

/// No bidder was ever a case for an alert.
#[async_trait]
impl BidderAlerts for FakeHealth {
    async fn open_alert(&self, _: TenantId, _: &BidderAlert) -> PortResult<bool> {
        Ok(false)
    }

    async fn open_alerts(&self, _: TenantId, _: RtbTargetId) -> PortResult<Vec<OpenAlert>> {
        Ok(Vec::new())
    }

    async fn close_alert(&self, _: TenantId, _: &BidderAlert, _: Timestamp) -> PortResult<bool> {
        Ok(false)
    }

    async fn claim_telling(&self, _: TenantId, _: &BidderAlert, _: bool) -> PortResult<bool> {
        Ok(false)
    }

    async fn alerts(&self, _: TenantId, _: Option<&str>, _: u16) -> PortResult<Page<BidderAlert>> {
        Ok(Page { items: Vec::new(), next: None })
    }
}
