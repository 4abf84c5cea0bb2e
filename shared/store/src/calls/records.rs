//! Reading calls: one with everything that belongs to it, or a day's calls page by page.

use std::sync::Arc;

use app::ports::{CallRecord, CallSummary, Closing, Page, PortError, PortResult};
use domain::call::{Attempt, Call};
use domain::caps::Joint;
use domain::conversion_report::ConversionReport;
use domain::ids::{CallId, TenantId};
use jiff::Timestamp;
use jiff::civil::Date;

use super::steps::{state_of, step_of};
use crate::Store;
use crate::item::{Item, body, from_json, key_attributes, number_of, text, text_of};
use crate::keys::{self, GSI1};
use crate::read::{Range, unusable};

const LOAD: &str = "load a call";
const LIST: &str = "list a day's calls";

impl Store {
    pub(super) async fn load_call(&self, tenant: TenantId, call: CallId) -> PortResult<Option<CallRecord>> {
        let items = self.query(LOAD, Range::of(keys::call_partition(tenant, call))).await?;
        let is_meta = |item: &&Item| text_of(item, "sk").is_ok_and(|sk| sk == keys::META);
        let Some(meta) = items.iter().find(is_meta) else { return Ok(None) };
        let mut record = CallRecord {
            call: Arc::new(body(LOAD, meta)?),
            closing: closing_of(LOAD, meta)?,
            steps: Vec::new(),
            attempts: Vec::new(),
            joints: Vec::new(),
            events: Vec::new(),
            recordings: Vec::new(),
            auctions: Vec::new(),
            ledger: Vec::new(),
            report: report_of(meta)?,
            books: books_of(meta)?,
        };
        for item in &items {
            add(&mut record, item)?;
        }
        Ok(Some(record))
    }

    pub(super) async fn page_of_calls(
        &self,
        tenant: TenantId,
        day: Date,
        cursor: Option<&str>,
        limit: u16,
    ) -> PortResult<Page<CallSummary>> {
        let after = cursor.map(|cursor| place_of(tenant, day, cursor)).transpose()?;
        let limit = usize::from(limit.max(1));
        let range = Range {
            backwards: true,
            // One more shows whether there is another page.
            limit: Some(limit + 1),
            after,
            ..Range::of_index(GSI1, keys::calls_of_day(tenant, day))
        };
        let items = self.query(LIST, range).await?;
        let summaries: PortResult<Vec<CallSummary>> = items.iter().take(limit).map(summary).collect();
        let summaries = summaries?;
        let more = items.len() > limit;
        let next = summaries.last().filter(|_| more).map(|last| last.place.clone());
        Ok(Page { items: summaries, next })
    }
}

fn summary(meta: &Item) -> PortResult<CallSummary> {
    let call: Call = body(LIST, meta)?;
    let place = cursor_of(&call);
    Ok(CallSummary { call, closing: closing_of(LIST, meta)?, place })
}

fn closing_of(what: &'static str, meta: &Item) -> PortResult<Option<Closing>> {
    if meta.contains_key("closing") { from_json(what, meta, "closing").map(Some) } else { Ok(None) }
}

fn report_of(meta: &Item) -> PortResult<Option<ConversionReport>> {
    if meta.contains_key(super::REPORT) { from_json(LOAD, meta, super::REPORT).map(Some) } else { Ok(None) }
}

/// How often its books were written; none of an open call.
fn books_of(meta: &Item) -> PortResult<u32> {
    if !meta.contains_key(super::BOOKS) {
        return Ok(0);
    }
    number_of(meta, super::BOOKS).map_err(|cause| PortError::corrupt(LOAD, cause))
}

/// Sorts an item of a call's partition into its record. Kinds that are not known yet are left out.
fn add(record: &mut CallRecord, item: &Item) -> PortResult<()> {
    let sk = text_of(item, "sk").map_err(|cause| PortError::corrupt(LOAD, cause))?;
    if let Some(number) = sk.strip_prefix(keys::STEP) {
        let number =
            number.parse().map_err(|cause: std::num::ParseIntError| PortError::corrupt(LOAD, cause))?;
        record.steps.push((number, step_of(LOAD, item)?));
    } else if sk.starts_with(keys::ATTEMPT) {
        let mut attempt: Attempt = body(LOAD, item)?;
        if let Some((reservation, state)) = attempt.reservation.as_mut().zip(state_of(LOAD, item)?) {
            reservation.state = state;
        }
        record.attempts.push(attempt);
    } else if sk.starts_with(keys::JOINT) {
        let mut joint: Joint = body(LOAD, item)?;
        if let Some(state) = state_of(LOAD, item)? {
            joint.reservation.state = state;
        }
        record.joints.push(joint);
    } else if sk.starts_with(keys::EVENT) {
        record.events.push(body(LOAD, item)?);
    } else if sk.starts_with(keys::RECORDING) {
        record.recordings.push(body(LOAD, item)?);
    } else if sk.starts_with(keys::AUCTION) {
        record.auctions.push(body(LOAD, item)?);
    } else if sk.starts_with(keys::LEDGER) {
        record.ledger.push(body(LOAD, item)?);
    }
    Ok(())
}

/// A page ends after this call: its start in microseconds and its id, which is all that its place in the index needs.
fn cursor_of(last: &Call) -> String {
    format!("{}-{}", last.started_at.as_microsecond(), last.id)
}

fn place_of(tenant: TenantId, day: Date, cursor: &str) -> PortResult<Item> {
    let parts = || {
        let (started_at, call) = cursor.split_once('-')?;
        let started_at = Timestamp::from_microsecond(started_at.parse().ok()?).ok()?;
        Some((started_at, call.parse::<CallId>().ok()?))
    };
    let in_day = |(started_at, call)| (call, keys::call_in_day(tenant, started_at, call));
    let (call, in_day) = parts()
        .map(in_day)
        .filter(|(_, place)| place.pk == keys::calls_of_day(tenant, day))
        .ok_or_else(|| unusable(LIST, "the cursor is not one of this day's"))?;
    let mut place = key_attributes(keys::call(tenant, call));
    place.insert(format!("{GSI1}pk"), text(in_day.pk));
    place.insert(format!("{GSI1}sk"), text(in_day.sk));
    Ok(place)
}
