//! The bid log: one item for each bidder of each auction, kept 90 days.
//!
//! Its key is made of the auction's time and id, so storing a bid again changes nothing; what it says of its bidder is
//! counted in the bidder's hour in the same transaction, so it is counted once.

use app::ports::{BidLog, BidLogEntry, PortResult};
use async_trait::async_trait;
use domain::bidder_hour::Outcome;
use domain::ids::{AuctionId, RtbTargetId, TenantId};
use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp};
use tokio::time::Instant;

use crate::Store;
use crate::bidder_hours::counted;
use crate::failure::{Failure, PATIENT};
use crate::item::{Draft, body, json};
use crate::keys::{self, GSI1};
use crate::read::Range;
use crate::write::Write;

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
        let Some(outcome) = Outcome::of(&entry.result) else {
            return self.put_new(WHAT, item).await.map(drop);
        };
        let counted = counted(entry.tenant, entry.bidder, entry.at, &outcome);
        let actions =
            [Write::create(item).into_action(WHAT, self.table())?, counted.into_action(WHAT, self.table())?];
        match self.transact(Instant::now() + PATIENT, &actions).await {
            // Nothing else has a condition: it is stored already.
            Ok(()) | Err(Failure::Cancelled(_)) => Ok(()),
            Err(failure) => Err(failure.into_port(WHAT)),
        }
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
