//! A call and a campaign without a database: what benchmarks of single parts need around them.

use std::collections::HashMap;
use std::sync::Arc;

use app::ports::{
    BidLogEntry, CallRecord, CallSummary, Calls, Closing, Counters, DueCall, KnownCaller, Limiter, Outbox,
    Page, PortResult, Published, RecordingEvent, Settling, Step, StepStart, StepWrite, Written,
};
use async_trait::async_trait;
use domain::call::{Call, LegEvent};
use domain::caps::{CounterId, Held, LiveLimits, Outcome, Usage};
use domain::ids::{CallId, CampaignId, PublisherId, RtbTargetId, TargetId, TenantId};
use domain::predictive::Earned;
use domain::routing::Via;
use domain::snapshot::{Parts, Snapshot};
use jiff::Timestamp;
use jiff::civil::Date;
use serde_json::{Value, json};
use uuid::Uuid;

/// A call that has just come in.
pub fn call() -> Call {
    let value = json!({
        "id": "RGB1f0c5e8b7a2d4c6f9e3b1a0d8c7f6e5d",
        "tenant": "AC0190a1b2c3d47e5f8a9b0c1d2e3f4a5b",
        "account_sid": "AC00000000000000000000000000000001",
        "campaign": "CA0190a1b2c3d67e5f8a9b0c1d2e3f4a5b",
        "snapshot_version": 1,
        "to": "+18335550100",
        "number": "PN0190a1b2c3da7e5f8a9b0c1d2e3f4a5b",
        "from": "+14155550100",
        "from_state": "CA",
        "from_zip": "94105",
        "started_at": "2026-11-22T10:15:00Z",
        "seed": 7,
        "currency": "USD",
        "publisher": null,
        "payout": {"on": "converted", "amount": {"fixed": 1_000_000}},
    });
    serde_json::from_value(value).expect("a call")
}

/// A bidder at this address.
pub fn bidder(name: &str, url: &str) -> Value {
    json!({
        "name": name, "url": url, "timeout_ms": 5_000,
        "body": "{\"CID\":\"[tag:InboundNumber:Number]\",\"zip\":\"[tag:InboundNumber:Zip]\"}",
        "answer": {
            "acceptance": ["$.accepted"], "amount": ["$.bidAmount", "$.bid"],
            "destination": ["$.phoneNumber", "$.sipAddress"], "call_length": ["$.requiredDuration"],
        },
    })
}

/// A published campaign with these bidders and targets.
pub fn campaign(deadline_ms: u32, bidders: Vec<Value>, targets: Vec<(Value, u16, u16)>) -> Snapshot {
    let bidder_id = |index: usize| RtbTargetId::from_uuid(Uuid::from_u128(0xb1d_0000 + index as u128));
    let target_id = |index: usize| TargetId::from_uuid(Uuid::from_u128(0x7a6_0000 + index as u128));
    let tree: Vec<Value> = (0..bidders.len()).map(|index| json!({"rtb_target": bidder_id(index)})).collect();
    let plan: Vec<Value> = targets
        .iter()
        .enumerate()
        .map(|(index, (_, priority, weight))| {
            json!({"target": target_id(index), "priority": priority, "weight": weight})
        })
        .collect();
    let campaign = json!({
        "name": "Emergency plumbing", "status": "active", "plan": plan,
        "auction": {"bidders": tree, "deadline_ms": deadline_ms},
    });
    let read = |value: Value| serde_json::from_value(value).expect("a target");
    let snapshot = Snapshot::compile(
        call().campaign,
        1,
        call().started_at,
        serde_json::from_value(campaign).expect("a campaign"),
        Parts {
            targets: targets
                .into_iter()
                .enumerate()
                .map(|(index, (body, _, _))| (target_id(index), read(body)))
                .collect(),
            rtb_targets: bidders
                .into_iter()
                .enumerate()
                .map(|(index, body)| (bidder_id(index), serde_json::from_value(body).expect("a bidder")))
                .collect(),
            ..Parts::default()
        },
    );
    snapshot.expect("a campaign that can be published")
}

/// A database of one call and one campaign that answers at once. Each auction finds the call as it was at its arrival.
pub struct Memory {
    /// The campaign.
    pub snapshot: Arc<Snapshot>,
    /// The call.
    pub call: Arc<Call>,
}

impl Memory {
    /// With this campaign.
    pub fn new(snapshot: Snapshot) -> Self {
        Self { snapshot: Arc::new(snapshot), call: Arc::new(call()) }
    }
}

#[async_trait]
impl Published for Memory {
    async fn version(&self, _: TenantId, _: CampaignId) -> PortResult<Option<u64>> {
        Ok(Some(1))
    }

    async fn snapshot(&self, _: TenantId, _: CampaignId, _: u64) -> PortResult<Option<Arc<Snapshot>>> {
        Ok(Some(Arc::clone(&self.snapshot)))
    }

    fn cached(&self, _: TenantId, _: CampaignId) -> Option<Arc<Snapshot>> {
        Some(Arc::clone(&self.snapshot))
    }
}

#[async_trait]
impl Limiter for Memory {
    async fn count(&self, _: &str, _: Timestamp, _: Timestamp) -> PortResult<u64> {
        Ok(1)
    }

    async fn take_back(&self, _: &str, _: Timestamp) -> PortResult<()> {
        Ok(())
    }
}

#[async_trait]
impl Counters for Memory {
    async fn usage(&self, _: TenantId, _: &[CounterId]) -> PortResult<HashMap<CounterId, Usage>> {
        Ok(HashMap::new())
    }

    async fn earned(
        &self,
        _: TenantId,
        _: CampaignId,
        _: Option<PublisherId>,
        _: Timestamp,
    ) -> PortResult<HashMap<Via, Earned>> {
        Ok(HashMap::new())
    }

    async fn claim_look(&self, _: TenantId, _: RtbTargetId, _: Timestamp, _: Timestamp) -> PortResult<bool> {
        Ok(true)
    }

    async fn note_health(&self, _: TenantId, _: RtbTargetId, _: &domain::breaker::Health) -> PortResult<()> {
        Ok(())
    }

    async fn set_paused(&self, _: TenantId, _: &CounterId, _: bool) -> PortResult<()> {
        Ok(())
    }

    async fn set_limits(&self, _: TenantId, _: &CounterId, _: Option<&LiveLimits>) -> PortResult<()> {
        Ok(())
    }
}

#[async_trait]
impl Outbox for Memory {
    async fn log_bids(&self, _: &[BidLogEntry]) -> PortResult<()> {
        Ok(())
    }
}

#[async_trait]
impl Calls for Memory {
    async fn step(&self, _: TenantId, _: CallId, _: u16) -> PortResult<Option<Step>> {
        Ok(None)
    }

    async fn caller(&self, _: TenantId, _: CampaignId, _: &str) -> PortResult<KnownCaller> {
        Ok(KnownCaller::default())
    }

    async fn load(&self, _: TenantId, _: CallId) -> PortResult<Option<CallRecord>> {
        Ok(Some(CallRecord {
            call: Arc::clone(&self.call),
            closing: None,
            steps: Vec::new(),
            attempts: Vec::new(),
            joints: Vec::new(),
            events: Vec::new(),
            recordings: Vec::new(),
            auctions: Vec::new(),
            ledger: Vec::new(),
            report: None,
            books: 0,
        }))
    }

    async fn start_step(
        &self,
        _: TenantId,
        _: CallId,
        _: u16,
        _: Uuid,
        _: Timestamp,
    ) -> PortResult<StepStart> {
        Ok(StepStart::Ours)
    }

    async fn write_step(&self, _: &StepWrite) -> PortResult<Written> {
        Ok(Written::Done)
    }

    async fn record_event(&self, _: TenantId, _: CallId, _: &LegEvent) -> PortResult<bool> {
        Ok(true)
    }

    async fn record_recording(&self, _: TenantId, _: CallId, _: &RecordingEvent) -> PortResult<bool> {
        Ok(true)
    }

    async fn release(&self, _: TenantId, _: CallId, _: &Held, _: &Outcome) -> PortResult<()> {
        Ok(())
    }

    async fn paid(&self, _: TenantId, _: &CounterId) -> PortResult<Usage> {
        Ok(Usage::default())
    }

    async fn settle(&self, _: TenantId, _: &Call, _: &Closing, _: &Settling) -> PortResult<bool> {
        Ok(true)
    }

    async fn due(&self, _: u8, _: Timestamp, _: u16) -> PortResult<Vec<DueCall>> {
        Ok(Vec::new())
    }

    async fn postpone(&self, _: TenantId, _: CallId, _: Timestamp) -> PortResult<()> {
        Ok(())
    }

    async fn page(&self, _: TenantId, _: Date, _: Option<&str>, _: u16) -> PortResult<Page<CallSummary>> {
        Ok(Page { items: Vec::new(), next: None })
    }
}
