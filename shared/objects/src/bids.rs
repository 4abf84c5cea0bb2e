//! The history of bids: a file of JSON lines for each message about an auction (mostly one), which stays when the table's
//! rows have gone.
//!
//! A file is named by tenant, day, auction and its first bidder, so that Athena reads a tenant's days without the others, a message that comes
//! again puts the same file again, and what is known of an erased caller's auctions is removed without looking for it.

use std::collections::BTreeMap;
use std::io::Write as _;

use app::ports::{BidHistory, BidLogEntry, PortError, PortResult};
use async_trait::async_trait;
use domain::ids::{AuctionId, TenantId};
use flate2::Compression;
use flate2::write::GzEncoder;
use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::{Kind, Objects};

const KEEP: &str = "keep bids for good";
const LINES: Kind =
    Kind { content_type: "application/x-ndjson", encoding: Some("gzip"), cache_control: None };

/// The history of bids at a place.
#[derive(Debug, Clone)]
pub struct BidArchive(Objects);

impl BidArchive {
    /// At this place.
    pub const fn new(objects: Objects) -> Self {
        Self(objects)
    }
}

/// How the names of an auction's files begin: `bids/tenant=AC…/day=2026-11-22/AU…`; the day is the UTC day on which it began.
fn beginning(tenant: TenantId, auction: AuctionId, at: Timestamp) -> String {
    let day = at.to_zoned(TimeZone::UTC).date();
    format!("bids/tenant={tenant}/day={day}/{auction}")
}

fn lines(entries: &[&BidLogEntry]) -> PortResult<Vec<u8>> {
    let mut file = GzEncoder::new(Vec::new(), Compression::default());
    for entry in entries {
        serde_json::to_writer(&mut file, entry).map_err(|cause| PortError::failed(KEEP, cause))?;
        file.write_all(b"\n").map_err(|cause| PortError::failed(KEEP, cause))?;
    }
    file.finish().map_err(|cause| PortError::failed(KEEP, cause))
}

#[async_trait]
impl BidHistory for BidArchive {
    async fn keep(&self, entries: &[BidLogEntry]) -> PortResult<()> {
        let mut auctions: BTreeMap<String, Vec<&BidLogEntry>> = BTreeMap::new();
        for entry in entries {
            auctions.entry(beginning(entry.tenant, entry.auction, entry.at)).or_default().push(entry);
        }
        for (beginning, entries) in auctions {
            let Some(first) = entries.first() else { continue };
            let name = format!("{beginning}-{}.jsonl.gz", first.bidder);
            self.0.put(&name, LINES, lines(&entries)?).await?;
        }
        Ok(())
    }

    async fn forget(&self, tenant: TenantId, auction: AuctionId, at: Timestamp) -> PortResult<()> {
        self.0.remove(&beginning(tenant, auction, at)).await
    }
}
