//! Callers who are refused: one item for each blocked number, written with the catalogue's record.

use std::collections::BTreeSet;

use app::ports::{BlockedCallers, PortResult};
use async_trait::async_trait;
use domain::blocked::{Block, BlockPattern};
use domain::ids::TenantId;

use crate::Store;
use crate::item::{Item, body, key_attributes};
use crate::keys;

#[async_trait]
impl BlockedCallers for Store {
    async fn blocks(&self, tenant: TenantId, patterns: &[BlockPattern]) -> PortResult<Vec<Block>> {
        const WHAT: &str = "look a caller up in the block list";
        let patterns: BTreeSet<&BlockPattern> = patterns.iter().collect();
        let keys: Vec<Item> =
            patterns.into_iter().map(|pattern| key_attributes(keys::block(tenant, pattern))).collect();
        self.get_many(WHAT, keys).await?.iter().map(|item| body(WHAT, item)).collect()
    }
}
