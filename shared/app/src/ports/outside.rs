//! Ports to the outside: bidders, the queue, the pages on the CDN.

use std::time::Duration;

use async_trait::async_trait;
use domain::auction::{BidRequest, BidderResult};
use domain::ids::{AuctionId, CallId, CampaignId, RtbTargetId, TenantId};
use domain::phone::E164;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use super::PortResult;

/// A bidder's answer as it came in, at most 64 KB.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BidderAnswer {
    /// HTTP status.
    pub status: u16,
    /// Names and values.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
    /// Time to its last byte.
    pub elapsed: Duration,
}

/// Nobody answered.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no answer: {code}")]
pub struct NoAnswer {
    /// The outbound client's stable code, for example `timed_out`, `blocked_address`.
    pub code: String,
    /// Nothing was sent yet, so asking again is safe.
    pub before_sending: bool,
}

/// Asks bidders over HTTP: the only way out to addresses that tenants name.
#[async_trait]
pub trait Bidders: Send + Sync {
    /// Asks one bidder as the request says; gives up at the deadline. Dropping the future abandons the connection.
    async fn ask(&self, request: &BidRequest, deadline: Instant) -> Result<BidderAnswer, NoAnswer>;

    /// Looks whether an address answers at all, without a bid request (an HTTP HEAD).
    async fn probe(&self, url: &str, deadline: Instant) -> Result<BidderAnswer, NoAnswer>;
}

/// Tells trackers of calls over HTTP.
#[async_trait]
pub trait Trackers: Send + Sync {
    /// Asks an address (`GET`); the HTTP status of the answer. Gives up at the deadline.
    async fn tell(&self, url: &str, deadline: Instant) -> Result<u16, NoAnswer>;
}

/// What bidders were asked for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AskedFor {
    /// A caller who waits.
    #[default]
    Call,
    /// A publisher's ping; the call comes later, if it comes.
    Ping,
}

/// One bidder's part in one auction, for the bid log. Phone numbers in the texts are masked before it is made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BidLogEntry {
    /// Whose.
    pub tenant: TenantId,
    /// Which auction.
    pub auction: AuctionId,
    /// For which call; an id of nobody's when it was asked for a ping.
    pub call: CallId,
    /// What it was asked for.
    #[serde(default)]
    pub asked_for: AskedFor,
    /// Of which campaign.
    pub campaign: CampaignId,
    /// Which bidder.
    pub bidder: RtbTargetId,
    /// When the auction began.
    pub at: Timestamp,
    /// Address without query.
    pub url: String,
    /// What was sent, shortened; `None` when it was not asked.
    pub request: Option<String>,
    /// HTTP status of the answer.
    pub status: Option<u16>,
    /// What came back, shortened.
    pub response: Option<String>,
    /// Verdict with amount, latency and reason.
    pub result: BidderResult,
    /// Whether its bid ranked first.
    pub won: bool,
}

/// The way to work that is done later.
#[async_trait]
pub trait Outbox: Send + Sync {
    /// Hands bids over to be logged; at least once.
    async fn log_bids(&self, entries: &[BidLogEntry]) -> PortResult<()>;
}

/// Where logged bids are kept.
#[async_trait]
pub trait BidLog: Send + Sync {
    /// Stores one, and counts it in its bidder's hour, in one transaction; storing it again changes nothing.
    async fn store(&self, entry: &BidLogEntry) -> PortResult<()>;

    /// The bids of one bidder on one UTC day, newest first.
    async fn of_bidder(
        &self,
        tenant: TenantId,
        bidder: RtbTargetId,
        day: jiff::civil::Date,
        limit: u16,
    ) -> PortResult<Vec<BidLogEntry>>;

    /// The bids of one auction.
    async fn of_auction(&self, tenant: TenantId, auction: AuctionId) -> PortResult<Vec<BidLogEntry>>;
}

/// Where logged bids stay when [`BidLog`] has forgotten them.
#[async_trait]
pub trait BidHistory: Send + Sync {
    /// Keeps the entries of one message; keeping them again changes nothing.
    async fn keep(&self, entries: &[BidLogEntry]) -> PortResult<()>;

    /// Removes what is kept of an auction that began then.
    async fn forget(&self, tenant: TenantId, auction: AuctionId, at: Timestamp) -> PortResult<()>;
}

/// The static documents Twilio reads when we cannot answer.
#[async_trait]
pub trait FallbackPages: Send + Sync {
    /// Writes the document of a number (TwiML).
    async fn write(&self, number: &E164, document: &str) -> PortResult<()>;

    /// The document of a number; `None` when there is none.
    async fn read(&self, number: &E164) -> PortResult<Option<String>>;

    /// Writes the document that is read when a number has none.
    async fn write_default(&self, document: &str) -> PortResult<()>;
}
