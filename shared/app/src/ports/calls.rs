//! Ports of the call path: numbers, published campaigns, counters, calls.

use std::collections::HashMap;
use std::sync::Arc;

use async_trait::async_trait;
use domain::auction::Auction;
use domain::blocked::{Block, BlockPattern};
use domain::breaker::Health;
use domain::call::{Attempt, Call, CallStatus, Conclusion, LegEvent};
use domain::caps::{CapReached, CounterId, Held, Joint, Limit, LiveLimits, Outcome, Usage};
use domain::conversion_report::ConversionReport;
use domain::duplicates::{CallerHistory, Reached};
use domain::ids::{AccountSid, BuyerId, CallId, CampaignId, PublisherId, RtbTargetId, TenantId};
use domain::ledger::{Entry, Payment, Settlement};
use domain::number::NumberOwner;
use domain::phone::E164;
use domain::predictive::{Earned, Lesson};
use domain::routing::{Decisions, Via};
use domain::snapshot::Snapshot;
use domain::voice::Reply;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::PortResult;

/// Dialled number → whose it is.
#[async_trait]
pub trait Numbers: Send + Sync {
    /// One read.
    async fn owner(&self, number: &E164) -> PortResult<Option<NumberOwner>>;
}

/// Published campaigns.
#[async_trait]
pub trait Published: Send + Sync {
    /// The newest published version of a campaign; one read.
    async fn version(&self, tenant: TenantId, campaign: CampaignId) -> PortResult<Option<u64>>;

    /// A version's body. Immutable, so an adapter caches it; `None` when it was never published.
    async fn snapshot(
        &self,
        tenant: TenantId,
        campaign: CampaignId,
        version: u64,
    ) -> PortResult<Option<Arc<Snapshot>>>;

    /// The newest body in the cache, without any round trip. It may be out of date: compare its version.
    fn cached(&self, tenant: TenantId, campaign: CampaignId) -> Option<Arc<Snapshot>>;
}

/// Callers that a tenant refuses.
#[async_trait]
pub trait BlockedCallers: Send + Sync {
    /// The blocks under these patterns (at most 16), in one batch; also those that have expired.
    async fn blocks(&self, tenant: TenantId, patterns: &[BlockPattern]) -> PortResult<Vec<Block>>;
}

/// Counters of capped things, and live flags.
#[async_trait]
pub trait Counters: Send + Sync {
    /// Rows of many things in one batch; a thing without a row is missing from the answer.
    async fn usage(&self, tenant: TenantId, of: &[CounterId]) -> PortResult<HashMap<CounterId, Usage>>;

    /// What the destinations of a campaign earned in the months that count at an instant (see
    /// [`domain::predictive::months`]), from a publisher's calls and from all; one without a call then is missing. May be a
    /// second old.
    async fn earned(
        &self,
        tenant: TenantId,
        campaign: CampaignId,
        publisher: Option<PublisherId>,
        at: Timestamp,
    ) -> PortResult<HashMap<Via, Earned>>;

    /// Whether the look at a bidder that failed is ours: nobody has moved its time since it was `seen`.
    async fn claim_look(
        &self,
        tenant: TenantId,
        bidder: RtbTargetId,
        seen: Timestamp,
        until: Timestamp,
    ) -> PortResult<bool>;

    /// Notes whether a bidder works.
    async fn note_health(&self, tenant: TenantId, bidder: RtbTargetId, health: &Health) -> PortResult<()>;

    /// Switches a thing off or on, at once.
    async fn set_paused(&self, tenant: TenantId, of: &CounterId, paused: bool) -> PortResult<()>;

    /// Sets the limits of a thing that is in no published campaign, at once; `None` is unlimited.
    async fn set_limits(
        &self,
        tenant: TenantId,
        of: &CounterId,
        limits: Option<&LiveLimits>,
    ) -> PortResult<()>;
}

/// The answer to one action webhook, kept so that a repeat gets the same.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answered {
    /// What we told Twilio.
    pub reply: Reply,
    /// What was decided, with reasons.
    pub decisions: Decisions,
    /// When.
    pub at: Timestamp,
    /// Whether a caller who had been connected is sent on by it: see [`domain::campaign::Recovery`].
    #[serde(default)]
    pub recovers: bool,
}

/// A step as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Somebody works on it since then.
    Started {
        /// Who: a token made by the worker.
        by: uuid::Uuid,
        /// Since when.
        at: Timestamp,
    },
    /// It has its answer.
    Answered(Box<Answered>),
}

/// Everything one step writes, in one transaction.
#[derive(Debug, Clone)]
pub struct StepWrite {
    /// The call as it began. Creates the call when `begins` is set; see [`Self::rejudges`], too.
    pub call: Arc<Call>,
    /// Step 0: the call itself is created, once.
    pub begins: bool,
    /// The step's number.
    pub number: u16,
    /// The token under which the step was started; `None` when it must not exist yet.
    pub started_by: Option<uuid::Uuid>,
    /// The answer.
    pub answered: Answered,
    /// What the caller's history learns: that this call began. Only with [`Self::begins`].
    pub caller: Option<KnownCaller>,
    /// The attempts this answer dials, which ring at the same time, with their reservations already described.
    pub attempts: Vec<Attempt>,
    /// What they take together, described too.
    pub joints: Vec<Joint>,
    /// Capacity to take for all of it: one conditional update for each counter.
    pub limits: Vec<Limit>,
    /// What goes back whole, because an earlier dial failed.
    pub gives_back: Vec<Held>,
    /// The auction this step ran.
    pub auction: Option<Arc<Auction>>,
    /// When somebody must look whether the call has closed.
    pub due_at: Timestamp,
}

impl StepWrite {
    /// Whether a later step has found out that nobody can take the call for which there was a bid: then the call is written
    /// anew, as it is paid now, and its bid can be used again.
    pub fn rejudges(&self) -> bool {
        !self.begins && self.call.lost_its_bid()
    }
}

/// What is known of a caller on a campaign, and as of which change of it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct KnownCaller {
    /// Their calls; nothing when they never called.
    pub history: CallerHistory,
    /// Counts its changes; 0 when nothing is stored.
    pub revision: u64,
}

/// What became of a write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Written {
    /// It is done.
    Done,
    /// The step has an answer already (a repeat, or somebody took over): nothing was written, use that one.
    Repeated(Box<Answered>),
    /// A cap is full: nothing was written.
    Full(CapReached),
    /// The call is settled: nothing was written, nobody is there to talk to.
    Over,
    /// The bid by which the call comes was used by another call meanwhile: nothing was written.
    BidGone,
    /// A counter was too busy for as long as we may wait: nothing was written. Not the same as full.
    Busy,
}

/// What became of starting a step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StepStart {
    /// It is ours.
    Ours,
    /// It exists.
    Theirs(Step),
}

/// A recording's state, as reported.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordingEvent {
    /// Twilio's recording sid (`RE…`).
    pub sid: String,
    /// The attempt it belongs to.
    pub attempt: u16,
    /// `in-progress`, `completed`, `absent` or `failed`.
    pub status: String,
    /// Where Twilio keeps it.
    pub url: Option<String>,
    /// Its length.
    pub duration_s: Option<u32>,
    /// When we were told.
    pub at: Timestamp,
}

/// How a closed call stands in the lists and the books.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Closing {
    /// When the caller's leg ended.
    pub ended_at: Timestamp,
    /// Its terminal state.
    pub status: CallStatus,
    /// Seconds from first ring to end.
    pub total_seconds: u32,
    /// Whether the parties could talk.
    pub connected: bool,
    /// For how long.
    pub connected_seconds: u32,
    /// Attempts that were dialled, all of them over. Settling fails when there are more by then.
    pub attempts: u16,
    /// The attempt the books are about.
    pub billed_attempt: Option<u16>,
    /// Its destination's name.
    pub billed_name: Option<String>,
    /// Its destination. Kept here so that a list finds a destination's calls without their attempts.
    #[serde(default)]
    pub billed_via: Option<Via>,
    /// Who pays for it.
    #[serde(default)]
    pub buyer: Option<BuyerId>,
    /// Since when the parties could talk.
    #[serde(default)]
    pub connected_at: Option<Timestamp>,
    /// Seconds from the call's start to the end of the billed attempt.
    #[serde(default)]
    pub seconds_from_incoming: u32,
    /// Seconds from dialling the billed attempt to its end.
    #[serde(default)]
    pub seconds_from_dial: u32,
    /// Whether a conversion report is in the settlement. Settling fails when there is another one by then.
    #[serde(default)]
    pub reported: bool,
    /// The money, as it stands now; entries are stored beside it.
    pub settlement: Settlement,
}

/// Capacity that goes back, and what became of what held it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Release {
    /// What was held.
    pub held: Held,
    /// What stays counted.
    pub outcome: Outcome,
}

/// What a settlement brings besides the books, in the same transaction.
#[derive(Debug, Clone, Default)]
pub struct Settling {
    /// Attempts whose capacity waited for the books.
    pub releases: Vec<Release>,
    /// The payout, where a cap must have room for it.
    pub payment: Option<Payment>,
    /// What the call teaches about the destinations it was dialled to.
    pub lessons: Vec<Lesson>,
}

impl Closing {
    /// Where and when the parties could talk, for the caller's history.
    pub fn reached(&self) -> Option<Reached> {
        self.connected_at.zip(self.billed_via).map(|(at, via)| Reached { at, via })
    }

    /// What the call was settled from, as it was then: later events do not change it.
    pub fn conclusion(&self, attempts: &[Attempt]) -> Conclusion {
        let billed = attempts.iter().find(|attempt| Some(attempt.number) == self.billed_attempt);
        Conclusion {
            status: self.status,
            ended_at: self.ended_at,
            total_seconds: self.total_seconds,
            connected: self.connected,
            connected_at: self.connected_at,
            connected_seconds: self.connected_seconds,
            seconds_from_incoming: self.seconds_from_incoming,
            seconds_from_dial: self.seconds_from_dial,
            billed: billed.cloned(),
        }
    }
}

/// A call with all that is known of it.
#[derive(Debug, Clone)]
pub struct CallRecord {
    /// As it began.
    pub call: Arc<Call>,
    /// How it ended; `None` while open.
    pub closing: Option<Closing>,
    /// Steps by number.
    pub steps: Vec<(u16, Step)>,
    /// Attempts by number.
    pub attempts: Vec<Attempt>,
    /// What attempts took together.
    pub joints: Vec<Joint>,
    /// What we were told about legs.
    pub events: Vec<LegEvent>,
    /// Recordings.
    pub recordings: Vec<RecordingEvent>,
    /// Auctions by step.
    pub auctions: Vec<Auction>,
    /// The ledger entries.
    pub ledger: Vec<Entry>,
    /// The conversion report that counts for it.
    pub report: Option<ConversionReport>,
    /// Counts the writes to its books: 0 while it is open, 1 when it is settled.
    pub books: u32,
}

/// One line of a list of calls.
#[derive(Debug, Clone)]
pub struct CallSummary {
    /// As it began.
    pub call: Call,
    /// How it ended; `None` while open.
    pub closing: Option<Closing>,
    /// Its place in the list: as a cursor, it goes on after this call. So a reader who leaves calls out can end a page
    /// anywhere.
    pub place: String,
}

/// A page of something, newest first.
#[derive(Debug, Clone)]
pub struct Page<T> {
    /// The items.
    pub items: Vec<T>,
    /// Give this back to go on; `None` at the end.
    pub next: Option<String>,
}

/// A call that should have closed by now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DueCall {
    /// Whose.
    pub tenant: TenantId,
    /// Which.
    pub call: CallId,
    /// Its Twilio account.
    pub account_sid: AccountSid,
}

/// Calls and everything that belongs to them.
#[async_trait]
pub trait Calls: Send + Sync {
    /// One step; one read.
    async fn step(&self, tenant: TenantId, call: CallId, number: u16) -> PortResult<Option<Step>>;

    /// What is known of a caller on a campaign, by the keyed hash of their number; one read.
    async fn caller(
        &self,
        tenant: TenantId,
        campaign: CampaignId,
        caller_key: &str,
    ) -> PortResult<KnownCaller>;

    /// Everything about a call in one consistent read; `None` when there is no such call.
    async fn load(&self, tenant: TenantId, call: CallId) -> PortResult<Option<CallRecord>>;

    /// Marks a step as being worked on, if nobody has.
    async fn start_step(
        &self,
        tenant: TenantId,
        call: CallId,
        number: u16,
        by: uuid::Uuid,
        now: Timestamp,
    ) -> PortResult<StepStart>;

    /// Writes a step with everything it brings, or nothing.
    async fn write_step(&self, write: &StepWrite) -> PortResult<Written>;

    /// Notes what we were told about a leg; `false` when it was known. The item is its own marker.
    async fn record_event(&self, tenant: TenantId, call: CallId, event: &LegEvent) -> PortResult<bool>;

    /// Notes what we were told about a recording; `false` when it was known.
    async fn record_recording(
        &self,
        tenant: TenantId,
        call: CallId,
        event: &RecordingEvent,
    ) -> PortResult<bool>;

    /// Moves a reservation out of `reserved`, exactly once, and gives back what its outcome does not keep: see
    /// [`domain::caps::Taken::gives_back`]. Doing it again does nothing.
    async fn release(&self, tenant: TenantId, call: CallId, held: &Held, outcome: &Outcome)
    -> PortResult<()>;

    /// What a publisher was paid, by its [`Call::paid_row`]; one consistent read.
    async fn paid(&self, tenant: TenantId, row: &CounterId) -> PortResult<Usage>;

    /// Closes and settles in one transaction with all that belongs to it, and removes the due work. `false` when the call was
    /// settled before, has more attempts than the closing counts, another conversion report than it was computed with, one
    /// of the releases was made before, or a cap has no room for the payout any more: look again.
    async fn settle(
        &self,
        tenant: TenantId,
        call: &Call,
        closing: &Closing,
        with: &Settling,
    ) -> PortResult<bool>;

    /// Calls whose due time has passed, oldest first, from one of [`DUE_SHARDS`] shards.
    async fn due(&self, shard: u8, now: Timestamp, limit: u16) -> PortResult<Vec<DueCall>>;

    /// Puts a call's due time off.
    async fn postpone(&self, tenant: TenantId, call: CallId, due_at: Timestamp) -> PortResult<()>;

    /// Calls that began on one UTC day, newest first.
    async fn page(
        &self,
        tenant: TenantId,
        day: jiff::civil::Date,
        cursor: Option<&str>,
        limit: u16,
    ) -> PortResult<Page<CallSummary>>;
}

/// Due work is spread over this many keys.
pub const DUE_SHARDS: u8 = 8;
