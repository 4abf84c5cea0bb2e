//! A history of bids in memory.

use std::sync::Mutex;

use app::ports::{BidHistory, BidLogEntry, PortResult};
use async_trait::async_trait;
use domain::ids::{AuctionId, TenantId};
use jiff::Timestamp;

use super::locked;

/// Keeps entries as they come, each once.
#[derive(Debug, Default)]
pub struct FakeBidHistory {
    kept: Mutex<Vec<BidLogEntry>>,
}

impl FakeBidHistory {
    /// Everything that is kept.
    pub fn kept(&self) -> Vec<BidLogEntry> {
        locked(&self.kept).clone()
    }
}

#[async_trait]
impl BidHistory for FakeBidHistory {
    async fn keep(&self, entries: &[BidLogEntry]) -> PortResult<()> {
        let mut kept = locked(&self.kept);
        for entry in entries {
            if !kept.contains(entry) {
                kept.push(entry.clone());
            }
        }
        Ok(())
    }

    async fn forget(&self, tenant: TenantId, auction: AuctionId, at: Timestamp) -> PortResult<()> {
        let is_of = |entry: &BidLogEntry| (entry.tenant, entry.auction, entry.at) == (tenant, auction, at);
        locked(&self.kept).retain(|entry| !is_of(entry));
        Ok(())
    }
}
