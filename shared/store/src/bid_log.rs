//! The bid log: one item for each bidder of each auction, kept 90 days.
//!
//! Its key is made of the auction's time and id, so storing a bid again changes nothing.

use app::ports::{BidLog, BidLogEntry, PortResult};
use async_trait::async_trait;
use domain::ids::{AuctionId, RtbTargetId, TenantId};
use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp};

use crate::Store;
use crate::item::{Draft, body, json};
use crate::keys::{self, GSI1};
use crate::read::Range;

/// How long a bid is kept.
const KEPT: SignedDuration = SignedDuration::from_hours(90 * 24);

#[async_trait]
impl BidLog for Store {
    async fn store(&self, entry: &BidLogEntry) -> PortResult<()> {
        const WHAT: &str = "log a bid";
        let item = Draft::new(
            keys::bid(entry.tenant, entry.bidder, entry.at, entry.auction),
            "bid",
            Some(entry.tenant),
        )
        .with("body", json(WHAT, entry)?)
        .gsi1(keys::bid_in_auction(entry.tenant, entry.auction, entry.bidder))
        .expires(entry.at.checked_add(KEPT).unwrap_or(Timestamp::MAX))
        .build();
        self.put_new(WHAT, item).await?;
        Ok(())
    }

    async fn of_bidder(
        &self,
        tenant: TenantId,
        bidder: RtbTargetId,
        day: Date,
        limit: u16,
    ) -> PortResult<Vec<BidLogEntry>> {
        const WHAT: &str = "list a bidder's bids";
        let range = Range {
            backwards: true,
            limit: Some(usize::from(limit.max(1))),
            ..Range::of(keys::bids_of_day(tenant, bidder, day))
        };
        self.query(WHAT, range).await?.iter().map(|item| body(WHAT, item)).collect()
    }

    async fn of_auction(&self, tenant: TenantId, auction: AuctionId) -> PortResult<Vec<BidLogEntry>> {
        const WHAT: &str = "list an auction's bids";
        let range = Range::of_index(GSI1, keys::bids_of_auction(tenant, auction));
        self.query(WHAT, range).await?.iter().map(|item| body(WHAT, item)).collect()
    }
}
