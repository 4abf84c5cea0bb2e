//! Number pools over the catalogue in memory: nobody ever leases anything of them.

use std::collections::BTreeSet;
use std::sync::Arc;

use app::ports::{Catalog, DuePool, Kind, PoolPlace, Pools, PortError, PortResult};
use async_trait::async_trait;
use domain::dni::lease::PoolNumber;
use domain::ids::{NumberPoolId, TenantId};
use domain::number::Number;
use domain::pool::usage::{PoolHour, Sample};
use jiff::Timestamp;

use super::FakeCatalog;

/// The numbers of the catalogue, in the pools that they name.
#[derive(Debug)]
pub struct FakePools(pub Arc<FakeCatalog>);

#[async_trait]
impl Pools for FakePools {
    async fn pool_numbers(
        &self,
        tenant: TenantId,
        pool: NumberPoolId,
        _: u16,
    ) -> PortResult<Vec<PoolNumber>> {
        let mut found = Vec::new();
        for record in self.0.list(tenant, Kind::Number).await? {
            let number: Number = serde_json::from_value(record.body)
                .map_err(|cause| PortError::corrupt("read a pool's numbers", cause))?;
            if number.pool == Some(pool) {
                found.push(PoolNumber {
                    free_after: number.unseen_from().unwrap_or_default(),
                    number: number.number,
                    shard: number.pool_shard,
                    lease: None,
                    previous: None,
                    calls: BTreeSet::new(),
                    calls_until: Timestamp::UNIX_EPOCH,
                });
            }
        }
        Ok(found)
    }

    async fn set_aside(
        &self,
        tenant: TenantId,
        place: &PoolPlace,
        now: Timestamp,
        _: Timestamp,
    ) -> PortResult<bool> {
        let numbers = self.pool_numbers(tenant, place.pool, 1).await?;
        Ok(numbers.iter().any(|number| number.number == place.number && number.is_free(now)))
    }

    async fn pool_hours(&self, _: TenantId, _: NumberPoolId, _: Timestamp) -> PortResult<Vec<PoolHour>> {
        Ok(Vec::new())
    }

    async fn due_pools(&self, _: Timestamp, _: u16) -> PortResult<Vec<DuePool>> {
        Ok(Vec::new())
    }

    async fn record_sample(&self, _: DuePool, _: Option<&Sample>, _: Timestamp) -> PortResult<()> {
        Ok(())
    }
}
