//! What the tests are about: a tenant, calls, steps, limits; all made from small numbers.

use std::sync::Arc;

use app::ports::{Answered, Closing, StepWrite};
use domain::audit::AuditEntry;
use domain::call::{Attempt, Call, CallStatus, Leg, LegEvent, Source};
use domain::caps::{CapOwner, Caps, CounterId, Held, Limit, OpenWindows, Price, Reservation};
use domain::duplicates::Verdict;
use domain::ids::{CallId, CampaignId, Id, Noun, NumberId, PublisherId, TargetId, TenantId};
use domain::ledger::{Conversion, Entry, EntryKind, Party, Payout, Revenue, Settlement, Terms};
use domain::money::{Currency, Money};
use domain::phone::Destination;
use domain::routing::{Decisions, Via};
use domain::voice::Reply;
use jiff::{SignedDuration, Timestamp};
use store::Store;
use testkit::database::TestDatabase;
use testkit::faults::{Fault, FaultProxy, Rule};
use uuid::Uuid;

/// Draws of the fault layer.
pub const SEED: u64 = 20_261_122;

pub fn id<N: Noun>(number: u128) -> Id<N> {
    Id::from_uuid(Uuid::from_u128(number))
}

pub fn tenant() -> TenantId {
    id(7)
}

pub fn target() -> TargetId {
    id(70)
}

pub fn at(text: &str) -> Timestamp {
    text.parse().expect("a timestamp")
}

pub fn noon() -> Timestamp {
    at("2026-11-22T12:00:00Z")
}

pub fn after(minutes: i64) -> Timestamp {
    noon() + SignedDuration::from_mins(minutes)
}

/// The audit entry of a change whose entry does not matter.
pub fn noted() -> AuditEntry {
    testkit::fakes::some_entry(tenant(), noon())
}

pub fn call_id(number: u32) -> CallId {
    format!("RGB{number:032x}").parse().expect("a call id")
}

/// A call that began `number` milliseconds after noon.
pub fn call(number: u32) -> Arc<Call> {
    call_at(number, noon() + SignedDuration::from_millis(i64::from(number)))
}

pub fn call_at(number: u32, started_at: Timestamp) -> Arc<Call> {
    Arc::new(Call {
        too_often: Vec::new(),
        pool: None,
        id: call_id(number),
        tenant: tenant(),
        account_sid: format!("AC{:032x}", 1).parse().expect("a sid"),
        campaign: id::<domain::ids::CampaignNoun>(3),
        snapshot_version: 1,
        to: "+14155550100".parse().expect("a number"),
        number: Some(NumberId::from_uuid(Uuid::from_u128(4))),
        from: "+14155550123".to_owned(),
        from_state: Some("CA".to_owned()),
        from_zip: None,
        from_country: None,
        verstat: None,
        repeat: Verdict::First,
        not_again: Vec::new(),
        pool_shard: 0,
        attribution: None,
        visit: None,
        tag: None,
        tags: Default::default(),
        caller_key: None,
        previous_call_s: None,
        started_at,
        seed: u64::MAX - u64::from(number),
        currency: Currency::USD,
        publisher: Some(PublisherId::from_uuid(Uuid::from_u128(5))),
        payout: Payout::default(),
        payout_limit: None,
        bid: None,
    })
}

pub fn campaign() -> CampaignId {
    id(3)
}

pub fn answered(words: &str) -> Answered {
    Answered {
        reply: Reply::words_and_hangup(words),
        decisions: Decisions::default(),
        at: noon(),
        recovers: false,
    }
}

/// The first step of a call, which creates it and dials nobody.
pub fn first_step(call: &Arc<Call>, words: &str) -> StepWrite {
    StepWrite {
        call: call.clone(),
        begins: true,
        caller: None,
        number: 0,
        started_by: None,
        answered: answered(words),
        attempts: Vec::new(),
        joints: Vec::new(),
        limits: Vec::new(),
        gives_back: Vec::new(),
        auction: None,
        due_at: after(60),
    }
}

/// A later step that dials nobody.
pub fn next_step(call: &Arc<Call>, number: u16, words: &str) -> StepWrite {
    StepWrite { begins: false, number, due_at: after(60 + i64::from(number)), ..first_step(call, words) }
}

/// The first step of a call, which dials a target and takes its capacity.
pub fn dialling(call: &Arc<Call>, limits: Vec<Limit>) -> StepWrite {
    StepWrite { attempts: vec![attempt(0, &limits)], limits, ..first_step(call, "dialling") }
}

pub fn attempt(number: u16, limits: &[Limit]) -> Attempt {
    Attempt {
        number,
        via: Via::Target(target()),
        name: "a target".to_owned(),
        agent: None,
        destination: Destination::Number("+14155550199".parse().expect("a number")),
        bid: None,
        terms: Terms { revenue: Revenue::None, conversion: Conversion::Connected, buyer: None },
        reservation: (!limits.is_empty()).then(|| Reservation::of(limits)),
        dialled_at: noon(),
    }
}

pub fn counter() -> CounterId {
    target().into()
}

pub fn limit(caps: Caps, now: Timestamp) -> Limit {
    limit_of(CapOwner::Destination, counter(), caps, None, now)
}

/// What a call takes of a thing in UTC; `price` when its revenue is capped.
pub fn limit_of(
    owner: CapOwner,
    counter: CounterId,
    caps: Caps,
    price: Option<Price>,
    now: Timestamp,
) -> Limit {
    let open = OpenWindows::at(now, "UTC");
    Limit { owner, counter, caps, time_zone: "UTC".to_owned(), open, outdated: Vec::new(), at: now, price }
}

pub fn leg_event(leg: Leg, status: CallStatus, sequence: u32) -> LegEvent {
    LegEvent { leg, status, sequence, source: Source::Callback, at: noon(), duration_s: None, sid: None }
}

/// A closing with revenue and payout.
pub fn closing() -> Closing {
    let entry = |number, kind, party, amount| Entry {
        number,
        at: after(3),
        source: domain::ledger::Source::Settlement,
        kind,
        party,
        amount,
        currency: Currency::USD,
        reason: "a test".to_owned(),
    };
    let (revenue, payout) = (Money::from_micros(56_060_001), Money::from_micros(30_000_000));
    Closing {
        ended_at: after(3),
        status: CallStatus::Completed,
        total_seconds: 180,
        connected: true,
        connected_seconds: 95,
        attempts: 0,
        billed_attempt: Some(0),
        billed_name: Some("a target".to_owned()),
        billed_via: Some(Via::Target(target())),
        buyer: None,
        connected_at: Some(after(1)),
        seconds_from_incoming: 180,
        seconds_from_dial: 120,
        reported: false,
        settlement: Settlement {
            converted: true,
            no_conversion: None,
            revenue,
            payout,
            no_payout: None,
            profit: revenue.checked_sub(payout).expect("fits"),
            entries: vec![
                entry(1, EntryKind::Revenue, Party::Destination(Via::Target(target())), revenue),
                entry(2, EntryKind::Payout, Party::Publisher(id(5)), payout),
            ],
        },
    }
}

/// Closes a call that is over.
pub async fn close_if_over(store: &Store, tenant: TenantId, call: CallId) -> app::ports::PortResult<bool> {
    let postbacks = testkit::fakes::FakePostbacks::default();
    let tools = app::close_call::Tools { calls: store, leases: store, postbacks: &postbacks };
    app::close_call::close_if_over(&tools, tenant, call).await
}

/// A table, and a way to it on which things go wrong.
pub struct Troubled {
    pub database: TestDatabase,
    pub proxy: FaultProxy,
    /// Goes through the proxy.
    pub store: Store,
}

pub async fn database() -> TestDatabase {
    TestDatabase::start().await.expect("a database")
}

pub async fn troubled(rules: &[Rule]) -> Troubled {
    let database = database().await;
    let proxy = FaultProxy::before(&database.endpoint(), SEED).await.expect("a proxy");
    for rule in rules {
        proxy.inject(rule.clone());
    }
    let store = TestDatabase::store_through(&proxy.endpoint());
    Troubled { database, proxy, store }
}

/// What a busy table does: a fifth of all transactions in conflict, a tenth of all requests throttled.
pub fn a_busy_table() -> [Rule; 2] {
    [Rule::percent(20, Fault::TransactionConflict), Rule::percent(10, Fault::TableThrottled)]
}

/// What an attempt holds, as far as this is told to the store.
pub fn held(attempt: &Attempt) -> Held {
    Held::by_attempt(attempt).expect("it holds something")
}
