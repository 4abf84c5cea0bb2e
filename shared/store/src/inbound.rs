//! Being asked: addresses of publishers, bids that were given, and the log of pings.
//!
//! A bid stands up to three times: under the fingerprint of its ping, so that the same ping finds it with one read; on its
//! number under its caller, and under its own id when it has a SIP address, so that the call finds it. The rows are put in
//! one transaction, each only where nothing open stands, and the step that takes the call marks all of them as used, so
//! they never disagree: of the same ping at the same moment one gets a new bid, and a number is never promised twice for
//! one caller.

use app::ports::{
    Forgotten, InboundBids, IssuedAddress, Page, PingsOf, PortError, PortResult, Promised, Promises,
};
use async_trait::async_trait;
use aws_sdk_dynamodb::types::CancellationReason;
use domain::audit::AuditEntry;
use domain::call::Call;
use domain::ids::{AuctionId, CallId, CampaignId, InboundBidId, TenantId};
use domain::inbound::{ANY_CALLER, InboundBid, PingLine, RtbAddress, RtbId};
use domain::phone::E164;
use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp};
use tokio::time::Instant;

use crate::Store;
use crate::audit::entry_write;
use crate::failure::{Failure, PATIENT};
use crate::item::{Draft, Item, body, json, key_attributes, parsed, text};
use crate::keys::{self, GSI1};
use crate::read::{Part, Range};
use crate::write::{Deed, Write};

/// How long a line of the log is kept.
const LOG_KEPT: SignedDuration = SignedDuration::from_hours(30 * 24);
/// How long a bid is kept after its end, so that a call that comes late is told so.
const BID_KEPT: SignedDuration = SignedDuration::from_hours(24);

fn later(at: Timestamp, by: SignedDuration) -> Timestamp {
    at.checked_add(by).unwrap_or(at)
}

/// A bid as it is stored: who used it stands beside its body.
fn bid_of(what: &'static str, item: &Item) -> PortResult<InboundBid> {
    let used_by: Option<CallId> = match item.get("used_by") {
        Some(_) => Some(parsed(what, item, "used_by")?),
        None => None,
    };
    Ok(InboundBid { used_by, ..body(what, item)? })
}

/// A row of a bid.
fn draft(what: &'static str, tenant: TenantId, key: keys::Key, bid: &InboundBid) -> PortResult<Draft> {
    Ok(Draft::new(key, "inbound_bid", Some(tenant))
        .with("body", json(what, bid)?)
        .with("bid", text(bid.id.to_string()))
        .with("free_after", text(keys::time(bid.free_after())))
        .expires(later(bid.expires_at, BID_KEPT)))
}

/// Put where nothing open stands.
fn unless_open(row: Draft, bid: &InboundBid) -> Write {
    Write::new(Deed::Put(row.build()))
        .only_if("attribute_not_exists(#pk) OR #free_after <= :now OR attribute_exists(#used_by)")
        .name("#pk", "pk")
        .name("#free_after", "free_after")
        .name("#used_by", "used_by")
        .value(":now", text(keys::time(bid.given_at)))
}

/// What a call's first step writes about the bid by which it came: that it is used, once.
pub(crate) fn used_by(call: &Call) -> Vec<Write> {
    if !call.has_bid() {
        return Vec::new();
    }
    let nobody_elses = "#bid = :bid AND (attribute_not_exists(#used_by) OR #used_by = :call)";
    on_rows_of_bid(call, "SET #used_by = :call", nobody_elses)
}

/// What a later step writes that finds out that the call does not get its bid: that it is free again.
pub(crate) fn freed_by(call: &Call) -> Vec<Write> {
    on_rows_of_bid(call, "REMOVE #used_by", "#bid = :bid AND #used_by = :call")
}

fn on_rows_of_bid(call: &Call, change: &str, only_if: &str) -> Vec<Write> {
    let Some(bid) = &call.bid else { return Vec::new() };
    let (Some(id), Some(fingerprint)) = (bid.id, bid.fingerprint.as_deref()) else { return Vec::new() };
    let any = bid.any_caller.then_some(ANY_CALLER);
    let caller = any.or(call.caller_key.as_deref()).unwrap_or(ANY_CALLER);
    let of_number = bid.number.as_ref().map(|number| keys::promise(call.tenant, number, caller));
    let of_address = bid.by_sip.then(|| keys::sip_promise(id));
    let rows =
        std::iter::once(keys::inbound_bid(call.tenant, fingerprint)).chain(of_number).chain(of_address);
    let changed = |key| {
        Write::new(Deed::Change(key, change.to_owned()))
            .only_if(only_if)
            .name("#bid", "bid")
            .name("#used_by", "used_by")
            .value(":bid", text(id.to_string()))
            .value(":call", text(call.id.to_string()))
    };
    rows.map(changed).collect()
}

#[async_trait]
impl Promises for Store {
    async fn promises(
        &self,
        tenant: TenantId,
        numbers: &[&E164],
        caller: Option<&str>,
    ) -> PortResult<Vec<InboundBid>> {
        const WHAT: &str = "look up what was promised on a number";
        let callers = || caller.into_iter().chain([ANY_CALLER]);
        let of = |number: &&E164| {
            callers().map(|caller| keys::promise(tenant, number, caller)).collect::<Vec<_>>()
        };
        let keys = numbers.iter().flat_map(of);
        let keys: Vec<Item> = keys.map(key_attributes).collect();
        if keys.is_empty() {
            return Ok(Vec::new());
        }
        self.get_many(WHAT, keys).await?.iter().map(|item| bid_of(WHAT, item)).collect()
    }

    async fn bid_by_sip(&self, id: InboundBidId) -> PortResult<Option<(TenantId, InboundBid)>> {
        const WHAT: &str = "look up what was promised on a SIP address";
        let Some(item) = self.get(WHAT, keys::sip_promise(id)).await? else { return Ok(None) };
        Ok(Some((parsed(WHAT, &item, "tenant")?, bid_of(WHAT, &item)?)))
    }
}

#[async_trait]
impl InboundBids for Store {
    async fn address(&self, id: &RtbId) -> PortResult<Option<RtbAddress>> {
        const WHAT: &str = "look up an address for pings";
        let item = self.get(WHAT, keys::rtb_address(id)).await?;
        item.map(|item| body(WHAT, &item)).transpose()
    }

    async fn addresses(&self, tenant: TenantId, campaign: CampaignId) -> PortResult<Vec<IssuedAddress>> {
        const WHAT: &str = "list a campaign's addresses for pings";
        let range = Range {
            part: Part::StartingWith(keys::RTB_OF_PUBLISHER.to_owned()),
            ..Range::of(keys::campaign_partition(tenant, campaign))
        };
        self.query(WHAT, range).await?.iter().map(|item| body(WHAT, item)).collect()
    }

    async fn issue(
        &self,
        address: &RtbAddress,
        new: &IssuedAddress,
        before: Option<&IssuedAddress>,
        entry: &AuditEntry,
    ) -> PortResult<bool> {
        const WHAT: &str = "give a publisher an address for pings";
        let RtbAddress { tenant, campaign, publisher } = *address;
        let lookup = Draft::new(keys::rtb_address(&new.rtb_id), "rtb_address", Some(tenant));
        let of_publisher =
            Draft::new(keys::rtb_of_publisher(tenant, campaign, publisher), "rtb_of_publisher", Some(tenant))
                .with("issued_at", text(keys::time(new.issued_at)))
                .with("body", json(WHAT, new)?)
                .build();
        let of_publisher = match before {
            None => Write::create(of_publisher),
            Some(before) => Write::new(Deed::Put(of_publisher))
                .only_if("#issued_at = :before")
                .name("#issued_at", "issued_at")
                .value(":before", text(keys::time(before.issued_at))),
        };
        let mut writes = vec![of_publisher, Write::create(lookup.with("body", json(WHAT, address)?).build())];
        writes.extend(before.map(|before| Write::new(Deed::Remove(keys::rtb_address(&before.rtb_id)))));
        writes.push(entry_write(WHAT, entry)?);
        let actions: PortResult<Vec<_>> =
            writes.into_iter().map(|write| write.into_action(WHAT, self.table())).collect();
        match self.transact(Instant::now() + PATIENT, &actions?).await {
            Ok(()) => Ok(true),
            Err(Failure::Cancelled(_)) => Ok(false),
            Err(failure) => Err(failure.into_port(WHAT)),
        }
    }

    async fn bid_of_ping(&self, tenant: TenantId, fingerprint: &str) -> PortResult<Option<InboundBid>> {
        const WHAT: &str = "look up the bid of a ping";
        let item = self.get(WHAT, keys::inbound_bid(tenant, fingerprint)).await?;
        item.map(|item| bid_of(WHAT, &item)).transpose()
    }

    async fn promise(&self, tenant: TenantId, bid: &InboundBid) -> PortResult<Promised> {
        const WHAT: &str = "promise a bid";
        let mut of_ping = draft(WHAT, tenant, keys::inbound_bid(tenant, &bid.fingerprint), bid)?;
        if let Some(caller) = &bid.caller_key {
            of_ping = of_ping.gsi2(keys::asked_about_at(tenant, caller, bid.given_at, bid.id));
        }
        let mut actions = vec![unless_open(of_ping, bid).into_action(WHAT, self.table())?];
        if let Some(number) = &bid.number {
            let promise = draft(WHAT, tenant, keys::promise(tenant, number, bid.caller()), bid)?;
            actions.push(unless_open(promise, bid).into_action(WHAT, self.table())?);
        }
        if bid.sip.is_some() {
            let promise = draft(WHAT, tenant, keys::sip_promise(bid.id), bid)?;
            actions.push(unless_open(promise, bid).into_action(WHAT, self.table())?);
        }
        let reasons = match self.transact(Instant::now() + PATIENT, &actions).await {
            Ok(()) => return Ok(Promised::Done),
            Err(Failure::Cancelled(reasons)) => reasons,
            Err(failure) => return Err(failure.into_port(WHAT)),
        };
        let failed = |reason: &&CancellationReason| reason.code() == Some("ConditionalCheckFailed");
        match reasons.first().filter(failed) {
            Some(reason) => {
                let there = match reason.item() {
                    Some(item) => bid_of(WHAT, item)?,
                    None => {
                        let there = self.bid_of_ping(tenant, &bid.fingerprint).await?;
                        there.ok_or(PortError::Busy { what: WHAT })?
                    }
                };
                Ok(Promised::Before(Box::new(there)))
            }
            None => Ok(Promised::NumberTaken),
        }
    }

    async fn log_ping(&self, tenant: TenantId, caller: Option<&str>, line: &PingLine) -> PortResult<()> {
        const WHAT: &str = "log a ping";
        let mut item = Draft::new(keys::ping(tenant, line.publisher, line.at, line.id), "ping", Some(tenant))
            .with("body", json(WHAT, line)?)
            .gsi1(keys::ping_of_campaign(tenant, line.campaign, line.at, line.id))
            .expires(later(line.at, LOG_KEPT));
        if let Some(caller) = caller {
            item = item.gsi2(keys::asked_about_at(tenant, caller, line.at, line.id));
        }
        self.put(WHAT, item.build()).await
    }

    async fn pings(
        &self,
        tenant: TenantId,
        of: PingsOf,
        day: Date,
        cursor: Option<&str>,
        limit: u16,
    ) -> PortResult<Page<PingLine>> {
        const WHAT: &str = "list pings";
        let place = |line: &PingLine| keys::ping_place(line.at, line.id);
        let (index, partition) = match of {
            PingsOf::Campaign(campaign) => (Some(GSI1), keys::pings_of_campaign(tenant, campaign, day)),
            PingsOf::Publisher(publisher) => (None, keys::pings_of_publisher(tenant, publisher, day)),
        };
        let wanted = usize::from(limit.max(1));
        // The place of the last line on a page is the inclusive end of the next one, and is left out there.
        let range = Range {
            index,
            part: cursor.map_or(Part::All, |last| Part::UpTo(last.to_owned())),
            backwards: true,
            limit: Some(wanted + 1 + usize::from(cursor.is_some())),
            ..Range::of(partition)
        };
        let found: PortResult<Vec<PingLine>> =
            self.query(WHAT, range).await?.iter().map(|item| body(WHAT, item)).collect();
        let mut items: Vec<PingLine> =
            found?.into_iter().filter(|line| cursor != Some(place(line).as_str())).collect();
        let more = items.len() > wanted;
        items.truncate(wanted);
        let next = items.last().filter(|_| more).map(place);
        Ok(Page { items, next })
    }

    async fn auctions_about(
        &self,
        tenant: TenantId,
        caller: &str,
        before: Timestamp,
    ) -> PortResult<Vec<(AuctionId, Timestamp)>> {
        self.auctions_asked_about(tenant, caller, before).await
    }

    async fn forget_bids(
        &self,
        tenant: TenantId,
        caller: &str,
        number: &E164,
        before: Timestamp,
    ) -> PortResult<Forgotten> {
        self.forget_asked_about(tenant, caller, number, before).await
    }
}
