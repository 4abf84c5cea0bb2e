//! Addresses for pings and the log of pings, in memory. Promises are the table's business.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use app::ports::{InboundBids, IssuedAddress, Page, PingsOf, PortResult, Promised, Promises};
use async_trait::async_trait;
use domain::audit::AuditEntry;
use domain::ids::{CampaignId, InboundBidId, TenantId};
use domain::inbound::{InboundBid, PingLine, RtbAddress, RtbId};
use domain::phone::E164;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use super::{FakeDesk, locked};

type Issued = HashMap<String, (RtbAddress, IssuedAddress)>;

/// Addresses and pings.
#[derive(Default)]
pub struct FakeInboundBids {
    desk: Arc<FakeDesk>,
    issued: Mutex<Issued>,
    pings: Mutex<Vec<(TenantId, PingLine)>>,
}

impl FakeInboundBids {
    /// Writes its audit entries there.
    pub fn noting_in(desk: Arc<FakeDesk>) -> Self {
        Self { desk, ..Self::default() }
    }
}

#[async_trait]
impl Promises for FakeInboundBids {
    async fn promises(&self, _: &[&E164], _: Option<&str>) -> PortResult<Vec<InboundBid>> {
        Ok(Vec::new())
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

    async fn bid_of_ping(&self, _: TenantId, _: &str) -> PortResult<Option<InboundBid>> {
        Ok(None)
    }

    async fn promise(&self, _: TenantId, _: &InboundBid) -> PortResult<Promised> {
        Ok(Promised::Done)
    }

    async fn log_ping(&self, tenant: TenantId, line: &PingLine) -> PortResult<()> {
        locked(&self.pings).push((tenant, line.clone()));
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
        let wanted = pings.iter().rev().filter(|(owner, line)| {
            let whose = match of {
                PingsOf::Campaign(campaign) => line.campaign == campaign,
                PingsOf::Publisher(publisher) => line.publisher == publisher,
            };
            *owner == tenant && whose && line.at.to_zoned(TimeZone::UTC).date() == day
        });
        let skipped = cursor.and_then(|text| text.parse().ok()).unwrap_or(0_usize);
        let all: Vec<PingLine> = wanted.map(|(_, line)| line.clone()).collect();
        let items: Vec<PingLine> = all.iter().skip(skipped).take(usize::from(limit)).cloned().collect();
        let end = skipped + items.len();
        Ok(Page { items, next: (end < all.len()).then(|| end.to_string()) })
    }
}
