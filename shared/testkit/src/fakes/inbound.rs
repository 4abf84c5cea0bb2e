//! Addresses for pings, promises and the log of pings, in memory.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use app::ports::{Forgotten, InboundBids, IssuedAddress, Page, PingsOf, PortResult, Promised, Promises};
use async_trait::async_trait;
use domain::audit::AuditEntry;
use domain::ids::{AuctionId, CampaignId, InboundBidId, TenantId};
use domain::inbound::{ANY_CALLER, InboundBid, PingLine, RtbAddress, RtbId};
use domain::phone::E164;
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use super::{FakeDesk, locked};

type Issued = HashMap<String, (RtbAddress, IssuedAddress)>;

/// Bids by the fingerprint of their ping, and by number and caller.
#[derive(Default)]
struct Kept {
    of_pings: HashMap<(TenantId, String), InboundBid>,
    on_numbers: HashMap<(TenantId, E164, String), InboundBid>,
}

/// Addresses, promises and pings.
#[derive(Default)]
pub struct FakeInboundBids {
    desk: Arc<FakeDesk>,
    issued: Mutex<Issued>,
    promised: Mutex<Kept>,
    pings: Mutex<Vec<Pinged>>,
}

struct Pinged {
    tenant: TenantId,
    caller: Option<String>,
    line: PingLine,
}

/// A line's place in the log; callers do not look into it.
fn place(line: &PingLine) -> (i128, InboundBidId) {
    (line.at.as_nanosecond(), line.id)
}

/// Whether another promise may take its place.
fn is_free(there: Option<&InboundBid>, new: &InboundBid) -> bool {
    there.is_none_or(|there| there.used_by.is_some() || there.free_after() <= new.given_at)
}

impl FakeInboundBids {
    /// Writes its audit entries there.
    pub fn noting_in(desk: Arc<FakeDesk>) -> Self {
        Self { desk, ..Self::default() }
    }
}

#[async_trait]
impl Promises for FakeInboundBids {
    async fn promises(
        &self,
        tenant: TenantId,
        numbers: &[&E164],
        caller: Option<&str>,
    ) -> PortResult<Vec<InboundBid>> {
        let promised = locked(&self.promised);
        let callers = || caller.into_iter().chain([ANY_CALLER]);
        let on = |number: &E164, caller: &str| {
            promised.on_numbers.get(&(tenant, number.clone(), caller.to_owned())).cloned()
        };
        Ok(numbers.iter().flat_map(|number| callers().filter_map(|caller| on(number, caller))).collect())
    }

    async fn bid_by_sip(&self, _: InboundBidId) -> PortResult<Option<(TenantId, InboundBid)>> {
        Ok(None)
    }
}

#[async_trait]
impl InboundBids for FakeInboundBids {
    async fn address(&self, id: &RtbId) -> PortResult<Option<RtbAddress>> {
        Ok(locked(&self.issued).get(id.expose()).map(|(address, _)| *address))
    }

    async fn addresses(&self, tenant: TenantId, campaign: CampaignId) -> PortResult<Vec<IssuedAddress>> {
        let issued = locked(&self.issued);
        let own = issued.values().filter(|(of, _)| of.tenant == tenant && of.campaign == campaign);
        let mut own: Vec<IssuedAddress> = own.map(|(_, issued)| issued.clone()).collect();
        own.sort_by_key(|issued| issued.publisher);
        Ok(own)
    }

    async fn issue(
        &self,
        address: &RtbAddress,
        new: &IssuedAddress,
        before: Option<&IssuedAddress>,
        entry: &AuditEntry,
    ) -> PortResult<bool> {
        let mut issued = locked(&self.issued);
        let there = issued.iter().find(|(_, (of, _))| of == address).map(|(id, _)| id.clone());
        if there.as_deref() != before.map(|before| before.rtb_id.expose()) {
            return Ok(false);
        }
        if let Some(there) = there {
            issued.remove(&there);
        }
        issued.insert(new.rtb_id.expose().to_owned(), (*address, new.clone()));
        self.desk.enter(entry);
        Ok(true)
    }

    async fn bid_of_ping(&self, tenant: TenantId, fingerprint: &str) -> PortResult<Option<InboundBid>> {
        Ok(locked(&self.promised).of_pings.get(&(tenant, fingerprint.to_owned())).cloned())
    }

    async fn promise(&self, tenant: TenantId, bid: &InboundBid) -> PortResult<Promised> {
        let mut promised = locked(&self.promised);
        let of_ping = (tenant, bid.fingerprint.clone());
        let there = promised.of_pings.get(&of_ping);
        if let Some(there) = there.filter(|there| !is_free(Some(there), bid)) {
            return Ok(Promised::Before(Box::new(there.clone())));
        }
        if let Some(number) = &bid.number {
            let on_number = (tenant, number.clone(), bid.caller().to_owned());
            if !is_free(promised.on_numbers.get(&on_number), bid) {
                return Ok(Promised::NumberTaken);
            }
            promised.on_numbers.insert(on_number, bid.clone());
        }
        promised.of_pings.insert(of_ping, bid.clone());
        Ok(Promised::Done)
    }

    async fn log_ping(&self, tenant: TenantId, caller: Option<&str>, line: &PingLine) -> PortResult<()> {
        let caller = caller.map(str::to_owned);
        locked(&self.pings).push(Pinged { tenant, caller, line: line.clone() });
        Ok(())
    }

    async fn pings(
        &self,
        tenant: TenantId,
        of: PingsOf,
        day: Date,
        cursor: Option<&str>,
        limit: u16,
    ) -> PortResult<Page<PingLine>> {
        let pings = locked(&self.pings);
        let wanted = pings.iter().filter(|pinged| pinged.tenant == tenant).map(|pinged| &pinged.line);
        let wanted = wanted.filter(|line| {
            let whose = match of {
                PingsOf::Campaign(campaign) => line.campaign == campaign,
                PingsOf::Publisher(publisher) => line.publisher == publisher,
            };
            whose && line.at.to_zoned(TimeZone::UTC).date() == day
        });
        let mut all: Vec<PingLine> = wanted.cloned().collect();
        all.sort_by_key(|line| std::cmp::Reverse(place(line)));
        let skipped = cursor.and_then(|text| text.parse().ok()).unwrap_or(0_usize);
        let items: Vec<PingLine> = all.iter().skip(skipped).take(usize::from(limit)).cloned().collect();
        let end = skipped + items.len();
        Ok(Page { items, next: (end < all.len()).then(|| end.to_string()) })
    }

    async fn auctions_about(
        &self,
        tenant: TenantId,
        caller: &str,
        before: Timestamp,
    ) -> PortResult<Vec<(AuctionId, Timestamp)>> {
        let pings = locked(&self.pings);
        let theirs = pings.iter().filter(|pinged| {
            pinged.tenant == tenant && pinged.caller.as_deref() == Some(caller) && pinged.line.at < before
        });
        let auctions = |line: &PingLine| line.auctions.iter().map(|id| (*id, line.at)).collect::<Vec<_>>();
        Ok(theirs.flat_map(|pinged| auctions(&pinged.line)).collect())
    }

    async fn forget_bids(
        &self,
        tenant: TenantId,
        caller: &str,
        _: &E164,
        before: Timestamp,
    ) -> PortResult<Forgotten> {
        let mut promised = locked(&self.promised);
        let is_theirs = |of: TenantId, bid: &InboundBid| {
            of == tenant && bid.caller_key.as_deref() == Some(caller) && bid.given_at < before
        };
        let all = promised.of_pings.len();
        promised.of_pings.retain(|(of, _), bid| !is_theirs(*of, bid));
        let forgotten = all - promised.of_pings.len();
        promised.on_numbers.retain(|(of, ..), bid| !is_theirs(*of, bid));
        let mut pings = locked(&self.pings);
        let mut waiting = promised
            .of_pings
            .iter()
            .any(|((of, _), bid)| *of == tenant && bid.caller_key.as_deref() == Some(caller));
        let theirs = pings
            .iter_mut()
            .filter(|pinged| pinged.tenant == tenant && pinged.caller.as_deref() == Some(caller));
        for pinged in theirs {
            if pinged.line.at < before {
                pinged.caller = None;
                pinged.line.caller = None;
            } else {
                waiting = true;
            }
        }
        Ok(Forgotten { bids: u32::try_from(forgotten).unwrap_or(u32::MAX), complete: !waiting })
    }
}
