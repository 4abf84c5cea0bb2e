//! Ports of dynamic number insertion: the tags, the leases of pools' numbers, and the visits.

use async_trait::async_trait;
use domain::dni::lease::{Lease, PoolNumber};
use domain::dni::redtrack::PostbackType;
use domain::dni::tag::TagSetup;
use domain::dni::visit::{Learned, Visit};
use domain::ids::{CallId, NumberPoolId, TenantId, TrackingTagId, VisitId};
use domain::phone::E164;
use jiff::Timestamp;
use jiff::civil::Date;

use super::PortResult;

/// Tracking tags, as lookups need them.
#[async_trait]
pub trait Tags: Send + Sync {
    /// The tag with what it names: two round trips one after the other. `None`: there is no such tag.
    async fn tag(&self, id: TrackingTagId) -> PortResult<Option<TagSetup>>;
}

/// A number of a pool, by the partition that its leases are written in.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct PoolPlace {
    /// The pool.
    pub pool: NumberPoolId,
    /// The partition.
    pub shard: u16,
    /// The number.
    pub number: E164,
}

/// What became of a lease.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Leased {
    /// It is as it was asked for.
    Done,
    /// The same visit has it until later, from another machine: nothing was written. This is the lease.
    Longer(Lease),
    /// It is somebody else's, or not in the pool any more: nothing was written.
    Lost,
}

/// The leases of pools' numbers. Every write is one conditional update of one row; none waits longer than its caller does.
#[async_trait]
pub trait Leases: Send + Sync {
    /// Numbers of one partition that seem free, from a random place on: one eventually consistent read of a part of it.
    async fn candidates(
        &self,
        tenant: TenantId,
        pool: NumberPoolId,
        shard: u16,
        now: Timestamp,
    ) -> PortResult<Vec<PoolPlace>>;

    /// Every number of a pool, strongly consistent.
    async fn numbers(&self, tenant: TenantId, pool: NumberPoolId, shards: u16)
    -> PortResult<Vec<PoolNumber>>;

    /// Leases a number that is free.
    async fn take(
        &self,
        tenant: TenantId,
        place: &PoolPlace,
        lease: &Lease,
        now: Timestamp,
    ) -> PortResult<Leased>;

    /// Lengthens the lease of a number that this visit was shown last and nobody else since, also when that lease has ended.
    async fn renew(
        &self,
        tenant: TenantId,
        place: &PoolPlace,
        lease: &Lease,
        now: Timestamp,
    ) -> PortResult<Leased>;

    /// Leases a number that is not free, if it is still as it was seen.
    async fn take_over(
        &self,
        tenant: TenantId,
        place: &PoolPlace,
        lease: &Lease,
        seen: &PoolNumber,
    ) -> PortResult<Leased>;

    /// Ends a lease early, if it is the latest that was signed for the number; `false`: it is not, or would not end earlier.
    async fn release(
        &self,
        tenant: TenantId,
        place: &PoolPlace,
        lease: (VisitId, Timestamp),
        now: Timestamp,
    ) -> PortResult<bool>;

    /// Notes that a call rings on a number, which keeps it from being leased to others; the number as it was just before, so
    /// that what a forgotten call left on it is seen to be outdated. `None`: it is not in the pool. Noting it again changes
    /// nothing.
    async fn ring(
        &self,
        tenant: TenantId,
        place: &PoolPlace,
        call: CallId,
        until: Timestamp,
    ) -> PortResult<Option<PoolNumber>>;

    /// Notes that the call is over: the number rests for the lease's delay from then on. Noting it again changes nothing.
    async fn hang_up(
        &self,
        tenant: TenantId,
        place: &PoolPlace,
        call: CallId,
        ended_at: Timestamp,
    ) -> PortResult<()>;

    /// Adds to what is known of a pool's hours: lookups that found no number free.
    async fn note_exhausted(
        &self,
        tenant: TenantId,
        pool: NumberPoolId,
        at: Timestamp,
        lookups: u32,
    ) -> PortResult<()>;
}

/// Browser sessions, by the UTC day on which they began.
#[async_trait]
pub trait Visits: Send + Sync {
    /// Stores a visit that begins. Doing it again puts the same.
    async fn begin(&self, tenant: TenantId, visit: &Visit) -> PortResult<()>;

    /// Adds what is told of a visit; `false`: there is none of this id.
    async fn learn(&self, tenant: TenantId, visit: VisitId, learned: &Learned) -> PortResult<bool>;

    /// One visit.
    async fn visit(&self, tenant: TenantId, visit: VisitId) -> PortResult<Option<Visit>>;

    /// Of these, the visits that are there, in no order; no id twice.
    async fn visits(&self, tenant: TenantId, visits: &[VisitId]) -> PortResult<Vec<Visit>>;

    /// The latest visit that came from a click; eventually consistent.
    async fn visit_of_click(&self, tenant: TenantId, click: &str) -> PortResult<Option<Visit>>;

    /// The calls of a visit, the first ones first.
    async fn calls_of_visit(&self, tenant: TenantId, visit: VisitId) -> PortResult<Vec<CallId>>;

    /// Removes a visit with everything that is known of it. Doing it again does nothing.
    async fn forget_visit(&self, tenant: TenantId, visit: VisitId) -> PortResult<()>;

    /// Those of a UTC day, the newest first; at most so many, after the one given.
    async fn visits_of_day(
        &self,
        tenant: TenantId,
        day: Date,
        after: Option<VisitId>,
        limit: u16,
    ) -> PortResult<Vec<Visit>>;
}

/// What trackers are to be told of calls is looked at later, away from the call.
#[async_trait]
pub trait PostbackQueue: Send + Sync {
    /// Has a call looked at: whatever its trackers are to be told by then is told, each once. At least once, in no order.
    async fn look_at(&self, tenant: TenantId, call: CallId) -> PortResult<()>;
}

/// Whether something that happens once is ours to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Turn {
    /// Nobody did it: it is ours.
    Ours,
    /// Somebody is at it.
    Theirs,
    /// It was done.
    Done,
}

/// What trackers were told, once for each call and kind.
#[async_trait]
pub trait PostbackMarks: Send + Sync {
    /// Takes a postback of a call on; one that somebody took on before `stale` and never told of is free again.
    async fn take_on(
        &self,
        tenant: TenantId,
        call: CallId,
        kind: PostbackType,
        now: Timestamp,
        stale: Timestamp,
    ) -> PortResult<Turn>;

    /// Notes that it was sent.
    async fn note_sent(
        &self,
        tenant: TenantId,
        call: CallId,
        kind: PostbackType,
        now: Timestamp,
    ) -> PortResult<()>;

    /// Notes that it was not: it is anybody's again.
    async fn give_up(&self, tenant: TenantId, call: CallId, kind: PostbackType) -> PortResult<()>;
}
