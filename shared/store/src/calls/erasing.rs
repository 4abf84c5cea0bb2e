//! Callers: the index of their calls, and taking them out of what is stored.
//!
//! What must stay true: the index row is written with the call and removed with the count in the proof; a body is only
//! replaced as it was read; ledger entries are never touched; what is left can still be read as what it is.

use app::ports::{Callers, ErasedCall, ErasureProof, Forgotten, PortError, PortResult};
use async_trait::async_trait;
use aws_sdk_dynamodb::types::AttributeValue;
use domain::audit::AuditEntry;
use domain::ids::{AuctionId, BlockedNumberId, CallId, TenantId};
use domain::inbound::{InboundBid, PingLine};
use domain::phone::{E164, ERASED, erase_number};
use jiff::Timestamp;
use serde_json::Value;
use tokio::time::Instant;

use crate::Store;
use crate::audit::entry_write;
use crate::failure::{Failure, PATIENT};
use crate::item::{Draft, Item, body, from_json, json, number, number_of, parsed, text, text_of};
use crate::keys::{self, GSI1, GSI2, Key};
use crate::read::{Part, Range};
use crate::write::{Deed, STAMP, Write, stamped};

const FORGET: &str = "take a caller out of the pings about them";
/// Bids and lines of pings that one request takes a caller out of, at most.
const ASKED_AT_ONCE: usize = 200;
const SCRUB: &str = "take a caller out of a call";
/// Where a field can only hold a phone number, this one takes the caller's place: no country has its code.
const NOBODY: &str = "+999000000000";
/// How often a call is read again when somebody changed it meanwhile.
const LOOKS: u8 = 3;

/// The index row of a call whose caller is known; written together with the call.
pub(super) fn index_row(call: &domain::call::Call) -> Option<Item> {
    let caller = call.caller_key.as_deref()?;
    let key = keys::call_of_caller(call.tenant, caller, call.id);
    Some(Draft::new(key, "caller_index", Some(call.tenant)).build())
}

#[async_trait]
impl Callers for Store {
    async fn calls_of(
        &self,
        tenant: TenantId,
        caller: &str,
        after: Option<CallId>,
        limit: u16,
    ) -> PortResult<Vec<CallId>> {
        const WHAT: &str = "list a caller's calls";
        let range = Range {
            part: Part::StartingWith(keys::CALL_OF_CALLER.to_owned()),
            limit: Some(usize::from(limit.max(1))),
            after: after.map(|call| crate::item::key_attributes(keys::call_of_caller(tenant, caller, call))),
            ..Range::of(keys::caller_partition(tenant, caller))
        };
        let items = self.query(WHAT, range).await?;
        let id_of = |item: &Item| {
            let sk = text_of(item, "sk").map_err(|cause| PortError::corrupt(WHAT, cause))?;
            let id = sk.strip_prefix(keys::CALL_OF_CALLER).unwrap_or_default();
            id.parse().map_err(|cause| PortError::corrupt(WHAT, cause))
        };
        items.iter().map(id_of).collect()
    }

    async fn scrub(&self, tenant: TenantId, call: CallId, number: &E164) -> PortResult<u32> {
        for _ in 0..LOOKS {
            let items = self.query(SCRUB, Range::of(keys::call_partition(tenant, call))).await?;
            let mut bids = Vec::new();
            for auction in items.iter().filter(|item| sk_of(item).starts_with(keys::AUCTION)) {
                let auction: Value = from_json(SCRUB, auction, "body")?;
                let id: Option<AuctionId> = auction["id"].as_str().and_then(|id| id.parse().ok());
                let Some(id) = id else { return Err(PortError::corrupt(SCRUB, "an auction without id")) };
                bids.extend(self.bids_of(tenant, id).await?);
            }
            if self.scrub_all(items.iter().chain(&bids), number).await? {
                return Ok(u32::try_from(bids.len()).unwrap_or(u32::MAX));
            }
        }
        Err(PortError::Busy { what: SCRUB })
    }

    async fn forget(
        &self,
        tenant: TenantId,
        caller: &str,
        call: CallId,
        erased: ErasedCall,
    ) -> PortResult<bool> {
        const WHAT: &str = "note that a call was erased";
        let gone = Write::new(Deed::Remove(keys::call_of_caller(tenant, caller, call)))
            .only_if("attribute_exists(#pk)")
            .name("#pk", "pk");
        let set = "ADD #calls :one, #recordings :recordings, #bids :bids".to_owned();
        let counted = Write::new(Deed::Change(keys::erasure_proof(tenant, caller), set))
            .name("#calls", "calls")
            .name("#recordings", "recordings")
            .name("#bids", "bids")
            .value(":one", number(1))
            .value(":recordings", number(erased.recordings))
            .value(":bids", number(erased.bids));
        let actions = [gone.into_action(WHAT, self.table())?, counted.into_action(WHAT, self.table())?];
        match self.transact(Instant::now() + PATIENT, &actions).await {
            Ok(()) => Ok(true),
            Err(Failure::Cancelled(_)) => Ok(false),
            Err(failure) => Err(failure.into_port(WHAT)),
        }
    }

    async fn forget_caller(&self, tenant: TenantId, caller: &str) -> PortResult<()> {
        const WHAT: &str = "forget a caller";
        let range = Range {
            part: Part::StartingWith(keys::CALLER_ON_CAMPAIGN.to_owned()),
            ..Range::of(keys::caller_partition(tenant, caller))
        };
        for item in self.query(WHAT, range).await? {
            let key = Key { pk: pk_of(&item).to_owned(), sk: sk_of(&item).to_owned() };
            let gone = [Write::new(Deed::Remove(key)).into_action(WHAT, self.table())?];
            self.transact(Instant::now() + PATIENT, &gone)
                .await
                .map_err(|failure| failure.into_port(WHAT))?;
        }
        Ok(())
    }

    async fn note_request(&self, tenant: TenantId, caller: &str, entry: &AuditEntry) -> PortResult<()> {
        const WHAT: &str = "note who asked for an erasure";
        let set = format!(
            "SET {STAMP}, #caller = :caller, #by = :by, #last = :at, #first = if_not_exists(#first, :at)"
        );
        let write = Write::new(Deed::Change(keys::erasure_proof(tenant, caller), set))
            .name("#caller", "caller")
            .name("#by", "asked_by")
            .name("#last", "last_at")
            .name("#first", "first_at")
            .value(":caller", text(caller))
            .value(":by", text(entry.actor.to_string()))
            .value(":at", text(entry.at.to_string()));
        let actions = [
            stamped(write, "erasure", tenant).into_action(WHAT, self.table())?,
            entry_write(WHAT, entry)?.into_action(WHAT, self.table())?,
        ];
        let noted = self.transact(Instant::now() + PATIENT, &actions).await;
        noted.map_err(|failure| failure.into_port(WHAT))
    }

    async fn note_unblocked(&self, tenant: TenantId, caller: &str, entry: BlockedNumberId) -> PortResult<()> {
        // A set of ids: noting one again changes nothing.
        let add = Deed::Change(keys::erasure_proof(tenant, caller), "ADD #unblocked :entry".to_owned());
        let write = Write::new(add)
            .name("#unblocked", "unblocked")
            .value(":entry", AttributeValue::Ss(vec![entry.to_string()]));
        self.change("note that a caller was taken off the block list", write).await?;
        Ok(())
    }

    async fn proof(&self, tenant: TenantId, caller: &str) -> PortResult<Option<ErasureProof>> {
        const WHAT: &str = "read the proof of an erasure";
        let Some(item) = self.get(WHAT, keys::erasure_proof(tenant, caller)).await? else { return Ok(None) };
        let by = text_of(&item, "asked_by").map_err(|cause| PortError::corrupt(WHAT, cause))?;
        let time = |name| parsed::<Timestamp>(WHAT, &item, name);
        // Nothing was counted yet under a name that is not there.
        let count = |name| number_of(&item, name).unwrap_or(0);
        Ok(Some(ErasureProof {
            caller: caller.to_owned(),
            first_at: time("first_at")?,
            last_at: time("last_at")?,
            by: by.to_owned(),
            calls: count("calls"),
            recordings: count("recordings"),
            bids: count("bids"),
            unblocked: item
                .get("unblocked")
                .and_then(|entries| entries.as_ss().ok())
                .map_or(0, |entries| u32::try_from(entries.len()).unwrap_or(u32::MAX)),
        }))
    }
}

impl Store {
    async fn bids_of(&self, tenant: TenantId, auction: AuctionId) -> PortResult<Vec<Item>> {
        self.query(SCRUB, Range::of_index(GSI1, keys::bids_of_auction(tenant, auction))).await
    }

    /// `false`: somebody changed one of them since it was read.
    async fn scrub_all(&self, items: impl Iterator<Item = &Item>, number: &E164) -> PortResult<bool> {
        let mut whole = true;
        for item in items {
            if let Some(write) = scrubbed(item, number)? {
                whole &= self.change(SCRUB, write).await?;
            }
        }
        Ok(whole)
    }

    /// The first that publishers said of a caller, the oldest first.
    async fn asked_about(&self, tenant: TenantId, caller: &str) -> PortResult<Vec<Item>> {
        let range =
            Range { limit: Some(ASKED_AT_ONCE), ..Range::of_index(GSI2, keys::asked_about(tenant, caller)) };
        self.query(FORGET, range).await
    }

    /// See [`app::ports::InboundBids::auctions_about`].
    pub(crate) async fn auctions_asked_about(
        &self,
        tenant: TenantId,
        caller: &str,
        before: Timestamp,
    ) -> PortResult<Vec<(AuctionId, Timestamp)>> {
        let mut auctions = Vec::new();
        for item in self.asked_about(tenant, caller).await?.iter().filter(|item| is_ping(item)) {
            let line: PingLine = body(FORGET, item)?;
            if line.at < before {
                auctions.extend(line.auctions.iter().map(|auction| (*auction, line.at)));
            }
        }
        Ok(auctions)
    }

    /// See [`app::ports::InboundBids::forget_bids`]. An item leaves the index last, so what was begun is found again.
    pub(crate) async fn forget_asked_about(
        &self,
        tenant: TenantId,
        caller: &str,
        number: &E164,
        before: Timestamp,
    ) -> PortResult<Forgotten> {
        let items = self.asked_about(tenant, caller).await?;
        let before = keys::time(before);
        let mut bids = 0;
        let older = |item: &&Item| text_of(item, "gsi2sk").is_ok_and(|at| at < before.as_str());
        let waiting = items.iter().any(|item| !older(&item));
        for item in items.iter().filter(older) {
            if is_ping(item) {
                self.forget_ping(tenant, item, number).await?;
            } else if self.remove_bid(tenant, item).await? {
                bids += 1;
            }
        }
        Ok(Forgotten { bids, complete: !waiting && items.len() < ASKED_AT_ONCE })
    }

    async fn forget_ping(&self, tenant: TenantId, item: &Item, number: &E164) -> PortResult<()> {
        let line: PingLine = body(FORGET, item)?;
        for auction in &line.auctions {
            let logged = self.bids_of(tenant, *auction).await?;
            if !self.scrub_all(logged.iter(), number).await? {
                return Err(PortError::Busy { what: FORGET });
            }
        }
        let key = Key { pk: pk_of(item).to_owned(), sk: sk_of(item).to_owned() };
        let clean = Write::new(Deed::Change(key, "SET #body = :clean REMOVE #of, #at".to_owned()))
            .only_if("attribute_exists(#pk)")
            .name("#pk", "pk")
            .name("#body", "body")
            .name("#of", "gsi2pk")
            .name("#at", "gsi2sk")
            .value(":clean", json(FORGET, &PingLine { caller: None, ..line })?);
        // A line whose time was over has gone by itself.
        self.change(FORGET, clean).await?;
        Ok(())
    }

    /// Removes a bid from its number, its SIP address and its ping, unless another one has taken its place. `false`: it was not there.
    async fn remove_bid(&self, tenant: TenantId, item: &Item) -> PortResult<bool> {
        let bid: InboundBid = body(FORGET, item)?;
        let on_number = bid.number.as_ref().map(|number| keys::promise(tenant, number, bid.caller()));
        let of_ping = keys::inbound_bid(tenant, &bid.fingerprint);
        let mut was_there = false;
        let on_address = bid.sip.is_some().then(|| keys::sip_promise(bid.id));
        for key in on_number.into_iter().chain(on_address).chain([of_ping]) {
            let gone = Write::new(Deed::Remove(key))
                .only_if("#bid = :bid")
                .name("#bid", "bid")
                .value(":bid", text(bid.id.to_string()));
            let gone = [gone.into_action(FORGET, self.table())?];
            was_there = match self.transact(Instant::now() + PATIENT, &gone).await {
                Ok(()) => true,
                Err(Failure::Cancelled(_)) => false,
                Err(failure) => return Err(failure.into_port(FORGET)),
            };
        }
        Ok(was_there)
    }
}

fn pk_of(item: &Item) -> &str {
    text_of(item, "pk").unwrap_or_default()
}

fn sk_of(item: &Item) -> &str {
    text_of(item, "sk").unwrap_or_default()
}

/// The change that takes the caller out of an item; `None` when nothing of them is in it.
fn scrubbed(item: &Item, number: &E164) -> PortResult<Option<Write>> {
    let sk = sk_of(item);
    let is_bid = text_of(item, "kind").is_ok_and(|kind| kind == "bid");
    if sk.starts_with(keys::LEDGER) || !item.contains_key("body") {
        return Ok(None);
    }
    let body: Value = from_json(SCRUB, item, "body")?;
    if !body.is_object() {
        return Err(PortError::corrupt(SCRUB, "a body that is no object"));
    }
    let mut clean = body.clone();
    let own_number = clean.get("to").cloned();
    scrub_value(&mut clean, number);
    if sk == keys::META {
        // What was dialled is the tenant's own number, whoever called it.
        clean["to"] = own_number.unwrap_or_default();
        clean["from"] = ERASED.into();
        clean["from_zip"] = Value::Null;
        if let Some(call) = clean.as_object_mut() {
            call.remove("caller_key");
            // What their browser said, and which one it was.
            call.remove("tags");
            call.remove("visit");
        }
        if let Some(bid) = clean.get_mut("bid").and_then(Value::as_object_mut) {
            // What the publisher said of them: its parameters, and what it made the state of.
            bid.remove("tags");
            bid.insert("fingerprint".to_owned(), Value::Null);
            clean["from_state"] = Value::Null;
        }
    }
    if sk.starts_with(keys::RECORDING) {
        clean["url"] = Value::Null;
    }
    if is_bid {
        // Templates may have put more than the number into them: a ZIP code, a name.
        for text in ["request", "response"] {
            if clean[text].is_string() {
                clean[text] = ERASED.into();
            }
        }
    }
    let closing: Option<Value> =
        if item.contains_key("closing") { Some(from_json(SCRUB, item, "closing")?) } else { None };
    let mut clean_closing = closing.clone();
    if let Some(closing) = &mut clean_closing {
        scrub_value(closing, number);
    }
    if clean == body && clean_closing == closing {
        return Ok(None);
    }
    let old = text_of(item, "body").map_err(|cause| PortError::corrupt(SCRUB, cause))?;
    let key = Key { pk: pk_of(item).to_owned(), sk: sk.to_owned() };
    let set = match clean_closing {
        Some(_) => "SET #body = :clean, #closing = :closing",
        None => "SET #body = :clean",
    };
    // The closing moves with the books: one that was written since it was read is read again.
    let (condition, closing_was) = match text_of(item, "closing") {
        Ok(closing) => ("#body = :old AND #closing = :closing_was", Some(text(closing))),
        Err(_) => ("#body = :old", None),
    };
    let write = Write::new(Deed::Change(key, set.to_owned()))
        .only_if(condition)
        .name("#body", "body")
        .value(":clean", json(SCRUB, &clean)?)
        .value(":old", text(old));
    Ok(Some(match clean_closing {
        Some(closing) => {
            let write = write.name("#closing", "closing").value(":closing", json(SCRUB, &closing)?);
            closing_was.into_iter().fold(write, |write, was| write.value(":closing_was", was))
        }
        None => write,
    }))
}

/// Every text of a body. Ids and times are made of digits too, but never of somebody's number.
fn scrub_value(value: &mut Value, number: &E164) {
    match value {
        Value::String(text) if text == number.as_str() => NOBODY.clone_into(text),
        Value::String(text) if is_id(text) || text.parse::<Timestamp>().is_ok() => {}
        Value::String(text) => {
            if let Some(clean) = erase_number(text, number) {
                *text = clean;
            }
            let masked = number.masked();
            if text.contains(&masked) {
                *text = text.replace(&masked, ERASED);
            }
        }
        Value::Array(list) => list.iter_mut().for_each(|inner| scrub_value(inner, number)),
        Value::Object(map) => map.values_mut().for_each(|inner| scrub_value(inner, number)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// Two or three capitals and 32 hexadecimal digits: an id of ours or of Twilio's.
fn is_id(text: &str) -> bool {
    let hex = text.trim_start_matches(|letter: char| letter.is_ascii_uppercase());
    (2..=3).contains(&(text.len() - hex.len()))
        && hex.len() == 32
        && hex.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
}

fn is_ping(item: &Item) -> bool {
    text_of(item, "kind").is_ok_and(|kind| kind == "ping")
}
