//! Live flags.

use std::collections::HashMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use app::ports::{Counters, PortError, PortResult};
use async_trait::async_trait;
use domain::caps::{CounterId, LiveLimits, Usage};
use domain::ids::{CampaignId, PublisherId, RtbTargetId, TenantId};
use domain::predictive::Earned;
use domain::routing::Via;
use jiff::Timestamp;

use super::locked;

/// Rows of counters in memory; only what is set changes here.
#[derive(Debug, Default)]
pub struct FakeCounters {
    rows: Mutex<HashMap<(TenantId, CounterId), Usage>>,
    busy: AtomicBool,
}

impl FakeCounters {
    /// Whether it is too busy to answer, from now on.
    pub fn be_busy(&self, busy: bool) {
        self.busy.store(busy, Ordering::SeqCst);
    }

    /// Whether the thing is switched off.
    pub fn is_paused(&self, tenant: TenantId, of: &CounterId) -> bool {
        locked(&self.rows).get(&(tenant, *of)).is_some_and(|usage| usage.paused)
    }

    /// What its row says.
    pub fn row(&self, tenant: TenantId, of: &CounterId) -> Usage {
        locked(&self.rows).get(&(tenant, *of)).cloned().unwrap_or_default()
    }

    /// Makes its row say this.
    pub fn set_row(&self, tenant: TenantId, of: &CounterId, usage: Usage) {
        locked(&self.rows).insert((tenant, *of), usage);
    }

    fn answer(&self, what: &'static str) -> PortResult<()> {
        if self.busy.load(Ordering::SeqCst) { Err(PortError::Busy { what }) } else { Ok(()) }
    }
}

#[async_trait]
impl Counters for FakeCounters {
    async fn usage(&self, tenant: TenantId, of: &[CounterId]) -> PortResult<HashMap<CounterId, Usage>> {
        self.answer("read counters")?;
        let rows = locked(&self.rows);
        let row = |id: &CounterId| rows.get(&(tenant, *id)).map(|usage| (*id, usage.clone()));
        Ok(of.iter().filter_map(row).collect())
    }

    async fn earned(
        &self,
        _: TenantId,
        _: CampaignId,
        _: Option<PublisherId>,
        _: Timestamp,
    ) -> PortResult<HashMap<Via, Earned>> {
        self.answer("read what destinations earned")?;
        Ok(HashMap::new())
    }

    async fn claim_look(&self, _: TenantId, _: RtbTargetId, _: Timestamp, _: Timestamp) -> PortResult<bool> {
        Ok(true)
    }

    async fn note_health(&self, _: TenantId, _: RtbTargetId, _: &domain::breaker::Health) -> PortResult<()> {
        Ok(())
    }

    async fn set_paused(&self, tenant: TenantId, of: &CounterId, paused: bool) -> PortResult<()> {
        self.answer("switch a destination")?;
        locked(&self.rows).entry((tenant, *of)).or_default().paused = paused;
        Ok(())
    }

    async fn set_limits(
        &self,
        tenant: TenantId,
        of: &CounterId,
        limits: Option<&LiveLimits>,
    ) -> PortResult<()> {
        self.answer("set live limits")?;
        locked(&self.rows).entry((tenant, *of)).or_default().limits = limits.cloned();
        Ok(())
    }
}
