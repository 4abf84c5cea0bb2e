//! Calls: one partition each, in which a call, its steps, attempts, events, recordings, auctions and ledger lie in order.
//!
//! What must stay true: a step is written whole or not at all, and once; a reservation leaves `reserved` once,
//! with its counters; a call is settled once, with its ledger; a call stands in its caller's index from its beginning.
//! Each of these is one transaction.

mod books;
mod capacity;
mod closing;
mod erasing;
mod history;
mod records;
mod steps;

use app::ports::{
    CallRecord, CallSummary, Calls, Closing, DueCall, KnownCaller, Page, PortResult, RecordingEvent,
    Settling, Step, StepStart, StepWrite, Written,
};
use async_trait::async_trait;
use domain::call::{Call, LegEvent};
use domain::caps::{CounterId, Held, Outcome, Usage};
use domain::ids::{CallId, CampaignId, TenantId};
use jiff::Timestamp;
use jiff::civil::Date;
use uuid::Uuid;

use crate::Store;
use crate::counters::usage_of;
use crate::item::{Draft, Item, json};
use crate::keys;
use crate::write::PutNew;

/// Attribute of a call: the conversion report that counts for it; at the same time the marker that makes it the only one.
const REPORT: &str = "report";
/// Attribute of a settled call: how often its books were written.
const BOOKS: &str = "books";

/// What the call path asked for and cannot have; the ports have no value for it because it means a mistake, or a call
/// that is over. It is the cause inside a `PortError::Failed`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// There is no such call, or it is settled: nothing may be dialled for it any more.
    #[error("the call does not exist or is settled")]
    NotOpen,
    /// The call begins, but it exists already without this step.
    #[error("the call has begun before")]
    BegunBefore,
    /// Another worker holds the step under another token.
    #[error("another worker holds the step")]
    HeldByAnother,
    /// The attempt exists already without this step.
    #[error("the attempt exists already")]
    AttemptExists,
}

#[async_trait]
impl Calls for Store {
    async fn step(&self, tenant: TenantId, call: CallId, number: u16) -> PortResult<Option<Step>> {
        self.read_step(tenant, call, number).await
    }

    async fn caller(
        &self,
        tenant: TenantId,
        campaign: CampaignId,
        caller_key: &str,
    ) -> PortResult<KnownCaller> {
        self.read_caller(tenant, campaign, caller_key).await
    }

    async fn load(&self, tenant: TenantId, call: CallId) -> PortResult<Option<CallRecord>> {
        self.load_call(tenant, call).await
    }

    async fn start_step(
        &self,
        tenant: TenantId,
        call: CallId,
        number: u16,
        by: Uuid,
        now: Timestamp,
    ) -> PortResult<StepStart> {
        self.begin_step(tenant, call, number, by, now).await
    }

    async fn write_step(&self, write: &StepWrite) -> PortResult<Written> {
        self.put_step(write).await
    }

    async fn record_event(&self, tenant: TenantId, call: CallId, event: &LegEvent) -> PortResult<bool> {
        const WHAT: &str = "record a leg's event";
        let item = Draft::new(keys::event(tenant, call, event), "leg_event", Some(tenant));
        self.note(WHAT, item.with("body", json(WHAT, event)?).build()).await
    }

    async fn record_recording(
        &self,
        tenant: TenantId,
        call: CallId,
        event: &RecordingEvent,
    ) -> PortResult<bool> {
        const WHAT: &str = "record a recording's event";
        let key = keys::recording(tenant, call, &event.sid, &event.status);
        let item = Draft::new(key, "recording", Some(tenant)).with("body", json(WHAT, event)?);
        self.note(WHAT, item.build()).await
    }

    async fn release(
        &self,
        tenant: TenantId,
        call: CallId,
        held: &Held,
        outcome: &Outcome,
    ) -> PortResult<()> {
        self.release_held(tenant, call, held, outcome).await
    }

    async fn settle(
        &self,
        tenant: TenantId,
        call: &Call,
        closing: &Closing,
        with: &Settling,
    ) -> PortResult<bool> {
        self.settle_call(tenant, call, closing, with).await
    }

    async fn paid(&self, tenant: TenantId, row: &CounterId) -> PortResult<Usage> {
        let item = self.get("read what was paid", keys::counter(tenant, row)).await?;
        Ok(item.as_ref().map(usage_of).unwrap_or_default())
    }

    async fn due(&self, shard: u8, now: Timestamp, limit: u16) -> PortResult<Vec<DueCall>> {
        self.due_calls(shard, now, limit).await
    }

    async fn postpone(&self, tenant: TenantId, call: CallId, due_at: Timestamp) -> PortResult<()> {
        self.put_off(tenant, call, due_at).await
    }

    async fn page(
        &self,
        tenant: TenantId,
        day: Date,
        cursor: Option<&str>,
        limit: u16,
    ) -> PortResult<Page<CallSummary>> {
        self.page_of_calls(tenant, day, cursor, limit).await
    }
}

impl Store {
    /// Puts a marker; whether what it stands for must be done now. When it may be ours it counts as ours: following an
    /// event twice is harmless, leaving it alone is not.
    async fn note(&self, what: &'static str, marker: Item) -> PortResult<bool> {
        Ok(self.put_new(what, marker).await? != PutNew::Existed)
    }
}
