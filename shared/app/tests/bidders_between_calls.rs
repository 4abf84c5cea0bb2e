//! Bidders between calls: every one that is due is looked at and becomes due again; logged bids are all kept.

#![expect(clippy::expect_used, clippy::panic, reason = "a test fails by panicking, in its helpers too")]

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use app::bid_log::KeepBids;
use app::check_bidders::{AfterLook, CheckBidders, Checked};
use app::clock::Clock;
use app::ports::{
    BidHistory, BidLog, BidLogEntry, BidderAnswer, Bidders, Catalog, DueCheck, Health, HealthCheck, InUse,
    Kind, NoAnswer, PortError, PortResult, PublishedVersion, Record, Saved,
};
use async_trait::async_trait;
use domain::auction::{BidRequest, BidderResult};
use domain::audit::AuditEntry;
use domain::bidder_hour::BidderHour;
use domain::ids::{AuctionId, CampaignId, RtbTargetId, TenantId};
use domain::rtb_target::RtbTarget;
use domain::snapshot::Snapshot;
use jiff::{SignedDuration, Timestamp};
use serde_json::json;
use tokio::time::Instant;
use uuid::Uuid;

const NOW: &str = "2026-11-22T10:00:00Z";

struct Fixed;

impl Clock for Fixed {
    fn now(&self) -> Timestamp {
        NOW.parse().expect("a time")
    }
    fn new_id(&self) -> Uuid {
        Uuid::now_v7()
    }
}

fn tenant() -> TenantId {
    TenantId::from_uuid(Uuid::from_u128(1))
}

fn id(number: u128) -> RtbTargetId {
    RtbTargetId::from_uuid(Uuid::from_u128(number))
}

/// Health, catalogue and bidders in one: bidder `n` lives at `https://n.example.com/…`.
#[derive(Default)]
struct World {
    due: Vec<u128>,
    gone: Vec<u128>,
    /// Answers by bidder; those that are not here time out.
    answers: BTreeMap<u128, u16>,
    cannot_be_noted: Vec<u128>,
    noted: Mutex<Vec<(TenantId, HealthCheck, Timestamp)>>,
    asked: Mutex<Vec<String>>,
    at_once: AtomicUsize,
    most_at_once: AtomicUsize,
}

fn not_asked<T>() -> PortResult<T> {
    Err(PortError::Busy { what: "nobody asks for this here" })
}

#[async_trait]
impl Health for World {
    async fn due_checks(&self, now: Timestamp, limit: u16) -> PortResult<Vec<DueCheck>> {
        assert_eq!(now, Fixed.now());
        let due = self.due.iter().take(usize::from(limit));
        Ok(due.map(|number| DueCheck { tenant: tenant(), rtb_target: id(*number) }).collect())
    }
    async fn record_check(&self, tenant: TenantId, check: &HealthCheck, next: Timestamp) -> PortResult<()> {
        if self.cannot_be_noted.iter().any(|number| id(*number) == check.rtb_target) {
            return Err(PortError::Busy { what: "record a look" });
        }
        self.noted.lock().expect("whole").push((tenant, check.clone(), next));
        Ok(())
    }
    async fn newest_check(&self, _: TenantId, _: RtbTargetId) -> PortResult<Option<HealthCheck>> {
        not_asked()
    }
    async fn hours_since(&self, _: TenantId, _: RtbTargetId, _: Timestamp) -> PortResult<Vec<BidderHour>> {
        not_asked()
    }
}

#[async_trait]
impl AfterLook for World {
    async fn looked(&self, of: TenantId, bidder: RtbTargetId, settings: &RtbTarget) -> PortResult<()> {
        assert_eq!((of, settings.name.as_str()), (tenant(), "A bidder"));
        let noted = self.noted.lock().expect("whole");
        assert!(noted.iter().any(|(_, check, _)| check.rtb_target == bidder), "the look comes first");
        Ok(())
    }
}

#[async_trait]
impl Catalog for World {
    async fn get(&self, of: TenantId, kind: Kind, printed: &str) -> PortResult<Option<Record>> {
        assert_eq!((of, kind), (tenant(), Kind::RtbTarget));
        let number = printed.parse::<RtbTargetId>().expect("an id").uuid().as_u128();
        if self.gone.contains(&number) {
            return Ok(None);
        }
        let body = json!({
            "name": "A bidder",
            "url": format!("https://{number}.example.com/bid?state=[tag:InboundNumber:State]"),
            "body": "{}",
            "answer": {"acceptance": ["$.ok"], "amount": ["$.bid"]},
        });
        let at = Fixed.now();
        Ok(Some(Record { id: printed.to_owned(), version: 1, created_at: at, updated_at: at, body }))
    }
    async fn list(&self, _: TenantId, _: Kind) -> PortResult<Vec<Record>> {
        not_asked()
    }
    async fn create(&self, _: TenantId, _: Kind, _: &Record, _: &str, _: &AuditEntry) -> PortResult<Saved> {
        not_asked()
    }
    async fn replace(
        &self,
        _: TenantId,
        _: Kind,
        _: &Record,
        _: &str,
        _: (&Record, &str),
        _: &AuditEntry,
    ) -> PortResult<Saved> {
        not_asked()
    }
    async fn delete(&self, _: TenantId, _: Kind, _: &Record, _: &str, _: &AuditEntry) -> PortResult<Saved> {
        not_asked()
    }
    async fn publish(&self, _: TenantId, _: &Snapshot, _: &AuditEntry) -> PortResult<Saved> {
        not_asked()
    }
    async fn in_use(&self, _: TenantId) -> PortResult<Vec<InUse>> {
        not_asked()
    }
    async fn versions(
        &self,
        _: TenantId,
        _: CampaignId,
        _: u64,
        _: u16,
    ) -> PortResult<Vec<PublishedVersion>> {
        not_asked()
    }
}

#[async_trait]
impl Bidders for World {
    async fn ask(&self, _: &BidRequest, _: Instant) -> Result<BidderAnswer, NoAnswer> {
        panic!("a look is not a bid request");
    }
    async fn probe(&self, url: &str, deadline: Instant) -> Result<BidderAnswer, NoAnswer> {
        let patience = deadline - Instant::now();
        assert!(patience > Duration::from_secs(4) && patience <= Duration::from_secs(5), "{patience:?}");
        let now = self.at_once.fetch_add(1, Ordering::SeqCst) + 1;
        self.most_at_once.fetch_max(now, Ordering::SeqCst);
        tokio::time::sleep(Duration::from_millis(2)).await;
        self.at_once.fetch_sub(1, Ordering::SeqCst);
        self.asked.lock().expect("whole").push(url.to_owned());
        let number =
            url.trim_start_matches("https://").split('.').next().and_then(|number| number.parse().ok());
        match self.answers.get(&number.expect("a number")) {
            Some(status) => Ok(BidderAnswer {
                status: *status,
                headers: Vec::new(),
                body: Vec::new(),
                elapsed: Duration::from_millis(7),
            }),
            None => Err(NoAnswer { code: "timed_out".to_owned(), before_sending: false }),
        }
    }
}

async fn check(world: &Arc<World>) -> PortResult<Checked> {
    let work = CheckBidders {
        health: world.clone(),
        catalog: world.clone(),
        bidders: world.clone(),
        then: world.clone(),
        clock: Arc::new(Fixed),
    };
    work.run().await
}

#[tokio::test]
async fn whatever_a_look_shows_is_noted_and_the_bidder_is_due_at_the_next_tick() {
    let answers = BTreeMap::from([(10, 200), (11, 404), (12, 500)]);
    let world =
        Arc::new(World { due: vec![10, 11, 12, 13, 14], gone: vec![14], answers, ..World::default() });
    assert_eq!(check(&world).await.expect("looked"), Checked { up: 2, down: 2, gone: 1 });
    let mut noted = world.noted.lock().expect("whole").clone();
    noted.sort_by_key(|(_, check, _)| check.rtb_target);
    let seen: Vec<_> =
        noted.iter().map(|(_, check, _)| (check.up, check.status, check.failure.as_deref())).collect();
    let expected = [
        (true, Some(200), None),
        (true, Some(404), None),
        (false, Some(500), None),
        (false, None, Some("timed_out")),
    ];
    assert_eq!(seen, expected);
    for (_, check, next) in &noted {
        let left = next.duration_since(check.at);
        assert!(left >= SignedDuration::from_secs(260) && left <= SignedDuration::from_secs(290), "{left}");
    }
    let again = noted[0].2;
    let other = Arc::new(World { due: vec![10], ..World::default() });
    check(&other).await.expect("looked");
    assert_eq!(other.noted.lock().expect("whole")[0].2, again, "the same bidder, the same spread");
    let asked = world.asked.lock().expect("whole").clone();
    assert!(asked.contains(&"https://10.example.com/bid?state=".to_owned()), "{asked:?}");
}

#[tokio::test]
async fn one_that_cannot_be_noted_does_not_stop_the_others() {
    let world = Arc::new(World { due: vec![1, 2, 3], cannot_be_noted: vec![2], ..World::default() });
    assert!(check(&world).await.is_err());
    assert_eq!(world.noted.lock().expect("whole").len(), 2);
}

#[tokio::test]
async fn at_most_twenty_are_looked_at_at_the_same_time() {
    let world = Arc::new(World { due: (1..=90).collect(), ..World::default() });
    assert_eq!(check(&world).await.expect("looked").down, 90);
    assert_eq!(world.most_at_once.load(Ordering::SeqCst), 20);
}

#[derive(Default)]
struct Log {
    kept: Mutex<Vec<RtbTargetId>>,
    fails: bool,
}

#[async_trait]
impl BidLog for Log {
    async fn store(&self, entry: &BidLogEntry) -> PortResult<()> {
        if self.fails {
            return Err(PortError::Busy { what: "store a bid" });
        }
        self.kept.lock().expect("whole").push(entry.bidder);
        Ok(())
    }
    async fn of_bidder(
        &self,
        _: TenantId,
        _: RtbTargetId,
        _: jiff::civil::Date,
        _: u16,
    ) -> PortResult<Vec<BidLogEntry>> {
        not_asked()
    }
    async fn of_auction(&self, _: TenantId, _: AuctionId) -> PortResult<Vec<BidLogEntry>> {
        not_asked()
    }
}

fn entry(number: u128) -> BidLogEntry {
    let bidder = id(number);
    BidLogEntry {
        tenant: tenant(),
        auction: AuctionId::from_uuid(Uuid::from_u128(5)),
        call: "RGB1f0c5e8b7a2d4c6f9e3b1a0d8c7f6e5d".parse().expect("an id"),
        asked_for: Default::default(),
        campaign: "CA0190a1b2c3d67e5f8a9b0c1d2e3f4a5b".parse().expect("an id"),
        bidder,
        at: Fixed.now(),
        url: "https://bids.example.com".to_owned(),
        request: None,
        status: None,
        response: None,
        result: BidderResult {
            bidder,
            name: "A bidder".to_owned(),
            latency_ms: None,
            amount: None,
            destination: None,
            refusal: None,
        },
        won: false,
    }
}

/// Counts what stays.
#[derive(Default)]
struct History {
    kept: Mutex<usize>,
    fails: bool,
}

#[async_trait]
impl BidHistory for History {
    async fn keep(&self, entries: &[BidLogEntry]) -> PortResult<()> {
        if self.fails {
            return Err(PortError::Busy { what: "keep bids" });
        }
        *self.kept.lock().expect("whole") += entries.len();
        Ok(())
    }

    async fn forget(&self, _: TenantId, _: AuctionId, _: Timestamp) -> PortResult<()> {
        unreachable!("nothing is forgotten here")
    }
}

#[tokio::test]
async fn every_bid_of_a_message_is_kept_and_a_failure_is_told() {
    let log = Arc::new(Log::default());
    let entries: Vec<_> = (1..=30).map(entry).collect();
    let history = Arc::new(History::default());
    KeepBids { log: log.clone(), history: history.clone() }.keep(&entries).await.expect("kept");
    assert_eq!(*history.kept.lock().expect("whole"), entries.len());
    let mut kept = log.kept.lock().expect("whole").clone();
    kept.sort();
    assert_eq!(kept, entries.iter().map(|entry| entry.bidder).collect::<Vec<_>>());
    let failing = Arc::new(Log { fails: true, ..Log::default() });
    let failing = KeepBids { log: failing, history: history.clone() };
    assert!(failing.keep(&entries).await.is_err());
    failing.keep(&[]).await.expect("nothing to do");
    let full = Arc::new(History { fails: true, ..History::default() });
    assert!(KeepBids { log, history: full }.keep(&entries).await.is_err());
}
