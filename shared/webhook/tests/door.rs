//! The door with its accounts: who comes in, how often the table is asked, what happens to whoever keeps guessing.

#![expect(clippy::expect_used, reason = "a test fails by panicking, in its helpers too")]

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use app::ports::{AccountRow, Accounts, PortError, PortResult, Saved};
use app::twilio_accounts::{Directory, FRESH_FOR, KNOWN_FOR, MOST_KEPT, UNKNOWN_FOR};
use async_trait::async_trait;
use domain::audit::AuditEntry;
use domain::ids::{AccountSid, TenantId};
use http::{HeaderMap, HeaderValue, Method};
use runtime::{HttpRequest, HttpResponse};
use testkit::fakes::{FakeAccounts, FakeClock, connect_account, some_entry, test_vault};
use twilio::form::encode;
use twilio::signature::sign;
use uuid::Uuid;
use webhook::Door;
use webhook::failures::{FailedSignatures, MOST_ADDRESSES, MOST_FAILURES, Verdict};

const BASE: &str = "https://calls.example.com";
const PATH: &str = "/twilio/voice/inbound";
const OLD: &str = "0123456789abcdef0123456789abcdef";
const NEW: &str = "fedcba9876543210fedcba9876543210";

/// Accounts in memory that count how often they are asked, and can be away.
#[derive(Default)]
struct CountedAccounts {
    accounts: FakeAccounts,
    asked: AtomicUsize,
    away: AtomicBool,
}

impl CountedAccounts {
    fn take(&self) -> usize {
        self.asked.swap(0, Ordering::SeqCst)
    }
}

#[async_trait]
impl Accounts for CountedAccounts {
    async fn account(&self, account: &AccountSid) -> PortResult<Option<AccountRow>> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        if self.away.load(Ordering::SeqCst) {
            return Err(PortError::Busy { what: "look up a Twilio account" });
        }
        self.accounts.account(account).await
    }
    async fn accounts_of(&self, tenant: TenantId) -> PortResult<Vec<AccountRow>> {
        self.accounts.accounts_of(tenant).await
    }
    async fn connect_account(
        &self,
        tenant: TenantId,
        row: &AccountRow,
        entry: &AuditEntry,
    ) -> PortResult<Saved> {
        self.accounts.connect_account(tenant, row, entry).await
    }
    async fn change_account(
        &self,
        tenant: TenantId,
        row: &AccountRow,
        before: u64,
        entry: &AuditEntry,
    ) -> PortResult<Saved> {
        self.accounts.change_account(tenant, row, before, entry).await
    }
    async fn disconnect_account(
        &self,
        tenant: TenantId,
        account: &AccountSid,
        before: u64,
        entry: &AuditEntry,
    ) -> PortResult<Saved> {
        self.accounts.disconnect_account(tenant, account, before, entry).await
    }
}

struct World {
    rows: Arc<CountedAccounts>,
    clock: Arc<FakeClock>,
    door: Door,
}

fn sid(number: u32) -> AccountSid {
    format!("AC{number:032x}").parse().expect("a sid")
}

fn noted() -> AuditEntry {
    some_entry(tenant(), jiff::Timestamp::UNIX_EPOCH)
}

fn tenant() -> TenantId {
    TenantId::from_uuid(Uuid::from_u128(1))
}

impl World {
    fn new() -> Self {
        let rows: Arc<CountedAccounts> = Arc::default();
        let clock = Arc::new(FakeClock::at("2026-11-22T12:00:10Z".parse().expect("a time")));
        let directory = Directory::new(rows.clone(), test_vault(), clock.clone());
        let door = Door::new(BASE, directory, clock.clone()).expect("a door");
        Self { rows, clock, door }
    }

    async fn connect(&self, account: &AccountSid, tokens: &[&str]) {
        self.rows.accounts.disconnect_account(tenant(), account, 1, &noted()).await.expect("a write");
        connect_account(self.rows.as_ref(), test_vault().as_ref(), tenant(), account, tokens)
            .await
            .expect("connected");
    }

    /// The status with which a request is refused; 200 when it is let in. And how often the table was asked.
    async fn knock(&self, account: &AccountSid, token: &str, address: &str) -> (u16, usize) {
        let answer = self.open(account, token, address).await;
        (answer.map_or_else(|refusal| refusal.status, |()| 200), self.rows.take())
    }

    async fn open(&self, account: &AccountSid, token: &str, address: &str) -> Result<(), HttpResponse> {
        let form = [("AccountSid", account.as_str()), ("To", "+12025550100")];
        let form = form.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let signature = sign(token, &format!("{BASE}{PATH}"), &form);
        let mut headers = HeaderMap::new();
        headers.insert("x-twilio-signature", HeaderValue::try_from(signature).expect("a header"));
        let request = HttpRequest {
            method: Method::POST,
            raw_path: PATH.to_owned(),
            raw_query: String::new(),
            headers,
            body: encode(&form).into(),
            request_id: "test".to_owned(),
            source_ip: Some(address.to_owned()),
        };
        let verified = webhook::open(&self.door, &request).await?;
        assert_eq!(verified.account, *account);
        Ok(())
    }
}

const HERE: &str = "192.0.2.1";

#[tokio::test]
async fn a_warm_door_asks_the_table_once_a_minute() {
    let world = World::new();
    world.connect(&sid(1), &[OLD, NEW]).await;
    assert_eq!(world.knock(&sid(1), OLD, HERE).await, (200, 1), "cold: one read");
    for _ in 0..20 {
        assert_eq!(world.knock(&sid(1), NEW, HERE).await, (200, 0), "warm: none");
    }
    world.clock.advance(KNOWN_FOR.as_secs() - 1);
    assert_eq!(world.knock(&sid(1), OLD, HERE).await, (200, 0));
    world.clock.advance(1);
    assert_eq!(world.knock(&sid(1), OLD, HERE).await, (200, 1));
    world.clock.advance(-30);
    assert_eq!(world.knock(&sid(1), OLD, HERE).await, (200, 1), "a clock that was set back is not trusted");
}

#[tokio::test]
async fn a_disconnected_account_is_out_after_a_minute_at_the_latest() {
    let world = World::new();
    world.connect(&sid(1), &[OLD]).await;
    assert_eq!(world.knock(&sid(1), OLD, HERE).await.0, 200);
    world.rows.disconnect_account(tenant(), &sid(1), 1, &noted()).await.expect("a write");
    world.clock.advance(KNOWN_FOR.as_secs());
    assert_eq!(world.knock(&sid(1), OLD, HERE).await.0, 403);
}

#[tokio::test]
async fn unknown_accounts_and_wrong_signatures_look_alike_and_cost_one_read_in_a_while() {
    let world = World::new();
    world.connect(&sid(1), &[OLD]).await;
    assert_eq!(world.knock(&sid(2), OLD, HERE).await, (403, 1));
    assert_eq!(world.knock(&sid(2), OLD, HERE).await, (403, 0), "still unknown, without looking");
    world.clock.advance(UNKNOWN_FOR.as_secs());
    assert_eq!(world.knock(&sid(2), OLD, HERE).await, (403, 1));

    assert_eq!(world.knock(&sid(1), NEW, HERE).await, (403, 1));
    assert_eq!(world.knock(&sid(1), NEW, HERE).await, (403, 0), "it was read just now");
    world.clock.advance(FRESH_FOR.as_secs());
    assert_eq!(world.knock(&sid(1), NEW, HERE).await, (403, 1), "has it another token by now?");
    assert_eq!(world.knock(&sid(1), OLD, HERE).await, (200, 0));
}

#[tokio::test]
async fn a_token_or_an_account_that_was_added_elsewhere_works_within_seconds() {
    let world = World::new();
    world.connect(&sid(1), &[OLD]).await;
    assert_eq!(world.knock(&sid(1), OLD, HERE).await.0, 200);
    assert_eq!(world.knock(&sid(2), OLD, HERE).await.0, 403);
    world.connect(&sid(1), &[OLD, NEW]).await;
    world.connect(&sid(2), &[OLD]).await;
    world.clock.advance(FRESH_FOR.as_secs());
    assert_eq!(world.knock(&sid(1), NEW, HERE).await, (200, 1));
    assert_eq!(world.knock(&sid(2), OLD, HERE).await, (200, 1));
}

#[tokio::test]
async fn made_up_accounts_do_not_fill_the_memory_nor_push_out_the_known_ones() {
    let (rows, clock) =
        (Arc::<CountedAccounts>::default(), Arc::new(FakeClock::at(jiff::Timestamp::UNIX_EPOCH)));
    let directory = Directory::new(rows.clone(), test_vault(), clock);
    connect_account(rows.as_ref(), test_vault().as_ref(), tenant(), &sid(0), &[OLD])
        .await
        .expect("connected");
    assert!(directory.tokens(&sid(0)).await.expect("an answer").is_some());
    for number in 1..=u32::try_from(2 * MOST_KEPT).expect("small") {
        assert!(directory.tokens(&sid(number)).await.expect("an answer").is_none());
        assert!(directory.kept_accounts() <= MOST_KEPT);
    }
    rows.take();
    assert!(directory.tokens(&sid(0)).await.expect("an answer").is_some());
    assert_eq!(rows.take(), 0, "the known one is still there");
}

#[tokio::test]
async fn when_the_table_is_away_twilio_is_told_to_ask_again() {
    let world = World::new();
    world.connect(&sid(1), &[OLD]).await;
    world.rows.away.store(true, Ordering::SeqCst);
    assert_eq!(world.knock(&sid(1), OLD, HERE).await.0, 503);
    world.rows.away.store(false, Ordering::SeqCst);
    assert_eq!(world.knock(&sid(1), OLD, HERE).await.0, 200, "the failure was not kept");
    world.rows.away.store(true, Ordering::SeqCst);
    assert_eq!(world.knock(&sid(1), OLD, HERE).await, (200, 0), "and a warm door needs no table");
}

#[tokio::test]
async fn a_sealed_token_in_another_accounts_row_opens_nothing() {
    let world = World::new();
    let mut row = connect_account(world.rows.as_ref(), test_vault().as_ref(), tenant(), &sid(1), &[OLD])
        .await
        .expect("a row");
    row.account_sid = sid(2);
    world.rows.connect_account(tenant(), &row, &noted()).await.expect("a write");
    assert_eq!(world.knock(&sid(2), OLD, HERE).await.0, 503);
}

#[tokio::test]
async fn whoever_fails_a_thousand_times_in_a_minute_is_told_to_wait_and_nobody_else_is() {
    let world = World::new();
    world.connect(&sid(1), &[OLD]).await;
    for _ in 0..MOST_FAILURES {
        assert_eq!(world.knock(&sid(1), NEW, HERE).await.0, 403);
    }
    let refusal = world.open(&sid(1), NEW, HERE).await.expect_err("too many");
    assert_eq!(refusal.status, 429);
    assert_eq!(refusal.headers["retry-after"], "50", "until the minute ends");
    world.rows.take();
    for _ in 0..10 {
        assert_eq!(world.knock(&sid(1), OLD, HERE).await, (200, 0), "what Twilio signed is let in");
        assert_eq!(world.knock(&sid(1), NEW, HERE).await, (429, 0), "nothing is read or written for it");
        assert_eq!(world.knock(&sid(1), NEW, "192.0.2.2").await.0, 403);
    }
    world.clock.advance(50);
    assert_eq!(world.knock(&sid(1), NEW, HERE).await.0, 403, "a new minute");
}

#[test]
fn one_failure_of_a_window_is_the_first_that_is_too_many() {
    let failures =
        FailedSignatures::new(Arc::new(FakeClock::at("2026-11-22T12:00:59Z".parse().expect("a time"))));
    let verdicts: Vec<Verdict> = (0..MOST_FAILURES + 3).map(|_| failures.count(HERE)).collect();
    let first = verdicts.iter().filter(|verdict| matches!(verdict, Verdict::TooMany { first: true, .. }));
    assert_eq!(first.count(), 1);
    assert_eq!(verdicts[1_000], Verdict::TooMany { retry_after_s: 1, first: true });
    assert_eq!(verdicts[1_001], Verdict::TooMany { retry_after_s: 1, first: false });
}

#[test]
fn addresses_beyond_the_bound_are_refused_without_being_counted() {
    let failures = FailedSignatures::new(Arc::new(FakeClock::at(jiff::Timestamp::UNIX_EPOCH)));
    for number in 0..MOST_ADDRESSES {
        failures.count(&number.to_string());
    }
    for _ in 0..=MOST_FAILURES {
        assert_eq!(failures.count("one more"), Verdict::Refuse);
    }
    for _ in 1..MOST_FAILURES {
        assert_eq!(failures.count("7"), Verdict::Refuse);
    }
    assert!(matches!(failures.count("7"), Verdict::TooMany { .. }), "those inside are counted on");
}
