//! Calls that are over, and the bids made for them: for what reads calls. Whatever writes calls is tested on the table.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use app::ports::{
    BidLog, BidLogEntry, CallRecord, CallSummary, Calls, Closing, DueCall, KnownCaller, Page, PortError,
    PortResult, RecordingEvent, Settling, Step, StepStart, StepWrite, Written,
};
use async_trait::async_trait;
use domain::adjustment::Adjustment;
use domain::call::{Call, LegEvent};
use domain::caps::{CounterId, Held, Outcome, Usage};
use domain::ids::{AdjustmentId, AuctionId, CallId, CampaignId, RtbTargetId, TenantId};
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use uuid::Uuid;

use super::locked;

/// Calls in memory, for reading; their books can be written. Writing calls through the port is an error.
#[derive(Debug, Default)]
pub struct CallArchive {
    pub(super) calls: Mutex<HashMap<(TenantId, CallId), CallRecord>>,
    pub(super) adjustments: Mutex<HashMap<(TenantId, AdjustmentId), Adjustment>>,
    pages_read: AtomicUsize,
}

impl CallArchive {
    /// Puts a call in.
    pub fn insert(&self, record: CallRecord) {
        locked(&self.calls).insert((record.call.tenant, record.call.id), record);
    }

    /// How often a page of calls was read.
    pub fn pages_read(&self) -> usize {
        self.pages_read.load(Ordering::SeqCst)
    }
}

fn read_only<T>(what: &'static str) -> PortResult<T> {
    Err(PortError::failed(what, "the archive of calls is for reading"))
}

fn day_of(at: Timestamp) -> Date {
    at.to_zoned(TimeZone::UTC).date()
}

#[async_trait]
impl Calls for CallArchive {
    async fn step(&self, tenant: TenantId, call: CallId, number: u16) -> PortResult<Option<Step>> {
        let calls = locked(&self.calls);
        let steps = calls.get(&(tenant, call)).map(|record| record.steps.as_slice()).unwrap_or_default();
        Ok(steps.iter().find(|(is, _)| *is == number).map(|(_, step)| step.clone()))
    }

    async fn caller(&self, _: TenantId, _: CampaignId, _: &str) -> PortResult<KnownCaller> {
        Ok(KnownCaller::default())
    }

    async fn load(&self, tenant: TenantId, call: CallId) -> PortResult<Option<CallRecord>> {
        Ok(locked(&self.calls).get(&(tenant, call)).cloned())
    }

    async fn page(
        &self,
        tenant: TenantId,
        day: Date,
        cursor: Option<&str>,
        limit: u16,
    ) -> PortResult<Page<CallSummary>> {
        self.pages_read.fetch_add(1, Ordering::SeqCst);
        let calls = locked(&self.calls);
        let place = |call: &Call| format!("{:.9}/{}", call.started_at, call.id);
        let mut found: Vec<&CallRecord> = calls
            .values()
            .filter(|record| record.call.tenant == tenant && day_of(record.call.started_at) == day)
            .filter(|record| cursor.is_none_or(|cursor| place(&record.call).as_str() < cursor))
            .collect();
        found.sort_by_key(|record| std::cmp::Reverse(place(&record.call)));
        let limit = usize::from(limit);
        let more = found.len() > limit;
        found.truncate(limit);
        let next = found.last().filter(|_| more).map(|record| place(&record.call));
        let items = found.into_iter().map(|record| CallSummary {
            call: Call::clone(&record.call),
            closing: record.closing.clone(),
            place: place(&record.call),
        });
        Ok(Page { items: items.collect(), next })
    }

    async fn start_step(
        &self,
        _: TenantId,
        _: CallId,
        _: u16,
        _: Uuid,
        _: Timestamp,
    ) -> PortResult<StepStart> {
        read_only("start a step")
    }

    async fn write_step(&self, _: &StepWrite) -> PortResult<Written> {
        read_only("write a step")
    }

    async fn record_event(&self, _: TenantId, _: CallId, _: &LegEvent) -> PortResult<bool> {
        read_only("note an event")
    }

    async fn record_recording(&self, _: TenantId, _: CallId, _: &RecordingEvent) -> PortResult<bool> {
        read_only("note a recording")
    }

    async fn release(&self, _: TenantId, _: CallId, _: &Held, _: &Outcome) -> PortResult<()> {
        read_only("give capacity back")
    }

    async fn paid(&self, _: TenantId, _: &CounterId) -> PortResult<Usage> {
        Ok(Usage::default())
    }

    async fn settle(&self, _: TenantId, _: &Call, _: &Closing, _: &Settling) -> PortResult<bool> {
        read_only("settle a call")
    }

    async fn due(&self, _: u8, _: Timestamp, _: u16) -> PortResult<Vec<DueCall>> {
        Ok(Vec::new())
    }

    async fn postpone(&self, _: TenantId, _: CallId, _: Timestamp) -> PortResult<()> {
        read_only("postpone a call")
    }
}

/// Logged bids in memory.
#[derive(Debug, Default)]
pub struct BidShelf(Mutex<Vec<Arc<BidLogEntry>>>);

impl BidShelf {
    fn find(&self, wanted: impl Fn(&BidLogEntry) -> bool) -> Vec<BidLogEntry> {
        let mut found: Vec<BidLogEntry> = locked(&self.0)
            .iter()
            .filter(|entry| wanted(entry))
            .map(|entry| BidLogEntry::clone(entry))
            .collect();
        found.sort_by_key(|entry| std::cmp::Reverse(entry.at));
        found
    }
}

#[async_trait]
impl BidLog for BidShelf {
    async fn store(&self, entry: &BidLogEntry) -> PortResult<()> {
        let mut entries = locked(&self.0);
        entries.retain(|other| (other.auction, other.bidder) != (entry.auction, entry.bidder));
        entries.push(Arc::new(entry.clone()));
        Ok(())
    }

    async fn of_bidder(
        &self,
        tenant: TenantId,
        bidder: RtbTargetId,
        day: Date,
        limit: u16,
    ) -> PortResult<Vec<BidLogEntry>> {
        let mut found =
            self.find(|entry| entry.tenant == tenant && entry.bidder == bidder && day_of(entry.at) == day);
        found.truncate(usize::from(limit));
        Ok(found)
    }

    async fn of_auction(&self, tenant: TenantId, auction: AuctionId) -> PortResult<Vec<BidLogEntry>> {
        Ok(self.find(|entry| entry.tenant == tenant && entry.auction == auction))
    }
}
