//! Port of being asked: addresses for pings, bids that were given, the log of pings.

use async_trait::async_trait;
use domain::audit::AuditEntry;
use domain::ids::{AuctionId, CampaignId, InboundBidId, PublisherId, TenantId};
use domain::inbound::{InboundBid, PingLine, RtbAddress, RtbId};
use domain::phone::E164;
use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use super::{Page, PortResult};

/// An address that a publisher has.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct IssuedAddress {
    /// Its secret part.
    pub rtb_id: RtbId,
    /// Who pings there.
    pub publisher: PublisherId,
    /// Since when.
    pub issued_at: Timestamp,
}

/// What became of a promise.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Promised {
    /// It stands.
    Done,
    /// The same ping has a bid that is open: this one. Nothing was written.
    Before(Box<InboundBid>),
    /// The number is promised for this caller: nothing was written.
    NumberTaken,
}

/// What was taken out of a caller's pings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Forgotten {
    /// Bids that were removed.
    pub bids: u32,
    /// Whether nothing is left.
    pub complete: bool,
}

/// Whose pings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PingsOf {
    /// A campaign's.
    Campaign(CampaignId),
    /// A publisher's.
    Publisher(PublisherId),
}

/// What was promised on numbers and SIP addresses: all that the call path needs.
#[async_trait]
pub trait Promises: Send + Sync {
    /// A tenant's promises on these numbers for a caller, and for any; one batch. Also those that have expired.
    async fn promises(
        &self,
        tenant: TenantId,
        numbers: &[&E164],
        caller: Option<&str>,
    ) -> PortResult<Vec<InboundBid>>;

    /// The bid of a SIP address, and whose it is; one read. Also one that has expired. `None` when no bid promised such an
    /// address, or none that is still kept.
    async fn bid_by_sip(&self, id: InboundBidId) -> PortResult<Option<(TenantId, InboundBid)>>;
}

/// Addresses, bids and the log of pings.
#[async_trait]
pub trait InboundBids: Promises {
    /// Whose an address is; one read.
    async fn address(&self, id: &RtbId) -> PortResult<Option<RtbAddress>>;

    /// The addresses of a campaign's publishers.
    async fn addresses(&self, tenant: TenantId, campaign: CampaignId) -> PortResult<Vec<IssuedAddress>>;

    /// Gives a publisher an address, in place of the one it had, which leads nowhere from then on. `false` when it had
    /// another one meanwhile: nothing was written.
    async fn issue(
        &self,
        address: &RtbAddress,
        new: &IssuedAddress,
        before: Option<&IssuedAddress>,
        entry: &AuditEntry,
    ) -> PortResult<bool>;

    /// The last bid that pings with this fingerprint were given, open or not; one read.
    async fn bid_of_ping(&self, tenant: TenantId, fingerprint: &str) -> PortResult<Option<InboundBid>>;

    /// Promises a bid, unless the same ping has one that is open, or its number is promised for its caller: of many at the
    /// same time one.
    async fn promise(&self, tenant: TenantId, bid: &InboundBid) -> PortResult<Promised>;

    /// Writes a line of the log; kept for 30 days. By the keyed hash of the caller it is found when they are to be erased.
    async fn log_ping(&self, tenant: TenantId, caller: Option<&str>, line: &PingLine) -> PortResult<()>;

    /// The pings of one UTC day, newest first.
    async fn pings(
        &self,
        tenant: TenantId,
        of: PingsOf,
        day: Date,
        cursor: Option<&str>,
        limit: u16,
    ) -> PortResult<Page<PingLine>>;

    /// The auctions for pings about a caller that came before then, and when each began: of the first lines that
    /// [`Self::forget_bids`] takes the caller out of.
    async fn auctions_about(
        &self,
        tenant: TenantId,
        caller: &str,
        before: Timestamp,
    ) -> PortResult<Vec<(AuctionId, Timestamp)>>;

    /// Takes a caller out of what publishers said of them before then: removes the bids that were given for them, and takes
    /// them out of the lines of their pings and of the bid log that belongs to those. A bounded amount; may be repeated.
    async fn forget_bids(
        &self,
        tenant: TenantId,
        caller: &str,
        number: &E164,
        before: Timestamp,
    ) -> PortResult<Forgotten>;
}
