//! Alerts about bidders: opened once, told once, closed when the bidder is good again, whoever looks and however many.

use std::sync::Arc;

use app::check_bidders::AfterLook;
use app::ports::{Act, BidLog, BidderAlerts, Credentials, Identity};
use app::watch_bidders::WatchBidders;
use domain::access::Role;
use domain::auction::Refusal;
use domain::bidder_alert::{AlertKind, BidderAlert, Figures};
use domain::ids::RtbTargetId;
use domain::people::{User, UserStatus};
use domain::rtb_target::RtbTarget;
use futures::future::join_all;
use serde_json::{Value, json};
use store::Store;
use testkit::database::TestDatabase;
use testkit::fakes::{FakeClock, FakeIdentity, FakeMailer};

use crate::bidder_hours::part;
use crate::support::*;

fn bidder() -> RtbTargetId {
    id(10)
}

fn alert(kind: AlertKind, minutes: i64) -> BidderAlert {
    let figures =
        Figures { requests: 20, failed: 14, worst_cause: None, p95_ms: Some(990), timeout_ms: 1_000 };
    BidderAlert {
        rtb_target: bidder(),
        name: "Alpine".to_owned(),
        kind,
        opened_at: after(minutes),
        closed_at: None,
        figures,
    }
}

fn done(results: &[app::ports::PortResult<bool>]) -> usize {
    results.iter().filter(|result| *result.as_ref().expect("an answer")).count()
}

#[tokio::test]
async fn of_a_kind_one_alert_is_open_at_most_and_closed_ones_stay_in_the_list() {
    let database = database().await;
    let store = database.store();
    let first = alert(AlertKind::ErrorRate, 0);
    let later = alert(AlertKind::ErrorRate, 1);
    let opening =
        (0..10).map(|index| store.open_alert(tenant(), if index % 2 == 0 { &first } else { &later }));
    assert_eq!(done(&join_all(opening).await), 1, "ten at once open one");
    let open = store.open_alerts(tenant(), bidder()).await.expect("read");
    assert!(open.len() == 1 && !open[0].told, "{open:?}");
    let opened = &open[0].alert;

    let claiming = (0..10).map(|_| store.claim_telling(tenant(), opened, true));
    assert_eq!(done(&join_all(claiming).await), 1, "one of ten tells people");
    assert!(store.open_alerts(tenant(), bidder()).await.expect("read")[0].told);
    assert!(store.claim_telling(tenant(), opened, false).await.expect("given back"));
    assert!(store.claim_telling(tenant(), opened, true).await.expect("claimed again"));

    let slow = alert(AlertKind::Latency, 2);
    assert!(store.open_alert(tenant(), &slow).await.expect("opened"), "another kind");
    assert_eq!(store.open_alerts(tenant(), bidder()).await.expect("read").len(), 2);

    let closing = (0..10).map(|_| store.close_alert(tenant(), opened, after(30)));
    assert_eq!(done(&join_all(closing).await), 1);
    assert!(!store.claim_telling(tenant(), opened, true).await.expect("an answer"), "it is over");
    let again = alert(AlertKind::ErrorRate, 60);
    assert!(store.open_alert(tenant(), &again).await.expect("opened"), "a new case");
    assert!(
        !store.close_alert(tenant(), opened, after(61)).await.expect("an answer"),
        "not the one that was closed"
    );
    assert!(!store.open_alerts(tenant(), bidder()).await.expect("read").iter().any(|open| open.told));

    let closed = BidderAlert { closed_at: Some(after(30)), ..opened.clone() };
    let page = store.alerts(tenant(), None, 2).await.expect("a page");
    assert_eq!(page.items, [again, slow], "newest first");
    let rest = store.alerts(tenant(), page.next.as_deref(), 2).await.expect("a page");
    assert_eq!((rest.items, rest.next), (vec![closed], None));
    assert!(store.alerts(id(8), None, 9).await.expect("a page").items.is_empty(), "another tenant");
}

/// A bidder that is watched, over the real table.
struct Watched {
    _database: TestDatabase,
    store: Store,
    clock: Arc<FakeClock>,
    mailer: Arc<FakeMailer>,
    watch: WatchBidders,
    bidder: RtbTarget,
    auctions: u128,
}

fn user(number: u128, role: Role, status: UserStatus) -> Act {
    let user = User {
        id: id(number),
        tenant: tenant(),
        email: format!("{}-{number}@acme.example", role.as_str()).parse().expect("an address"),
        name: "Somebody".to_owned(),
        role,
        party: None,
        status,
        second_factor: false,
        created_at: noon(),
        updated_at: noon(),
        last_sign_in_at: None,
        version: 1,
    };
    let credentials = Credentials {
        password: String::new(),
        password_number: 1,
        second_factor: None,
        begun: None,
        revision: 1,
    };
    Act::CreateUser { user, credentials }
}

impl Watched {
    async fn new(settings: Value) -> Self {
        let database = database().await;
        let store = database.store();
        let (clock, mailer) = (Arc::new(FakeClock::at(noon())), Arc::new(FakeMailer::default()));
        let identity = FakeIdentity::default();
        let people = [
            user(1, Role::Owner, UserStatus::Active),
            user(2, Role::Admin, UserStatus::Active),
            user(3, Role::Manager, UserStatus::Active),
            user(4, Role::Admin, UserStatus::Suspended),
        ];
        identity.commit(tenant(), &people, None).await.expect("people");
        let watch = WatchBidders {
            health: Arc::new(store.clone()),
            alerts: Arc::new(store.clone()),
            identity: Arc::new(identity),
            mailer: mailer.clone(),
            clock: clock.clone(),
            app_origin: "https://app.example.com".to_owned(),
        };
        let bidder = json!({
            "name": "Alpine", "url": "https://bids.example.com", "body": "{}", "timeout_ms": 1_000,
            "answer": {"acceptance": ["$.ok"], "amount": ["$.bid"]}, "alerts": settings,
        });
        let bidder = serde_json::from_value(bidder).expect("a bidder");
        Self { _database: database, store, clock, mailer, watch, bidder, auctions: 0 }
    }

    /// So many auctions began now, and this came of asking the bidder.
    async fn asked(&mut self, times: u32, latency_ms: u32, refusal: Option<Refusal>) {
        use app::clock::Clock as _;
        for _ in 0..times {
            self.auctions += 1;
            let mut entry = part(self.auctions, 0, latency_ms, refusal.clone());
            entry.at = self.clock.now();
            self.store.store(&entry).await.expect("stored");
        }
    }

    /// Several look at the same moment.
    async fn looked(&self) {
        let looks = (0..4).map(|_| self.watch.looked(tenant(), bidder(), &self.bidder));
        join_all(looks).await.into_iter().for_each(|looked| looked.expect("looked"));
    }

    async fn open(&self) -> Vec<AlertKind> {
        let open = self.store.open_alerts(tenant(), bidder()).await.expect("read");
        open.iter().map(|open| open.alert.kind).collect()
    }

    fn mails(&self) -> Vec<(String, String)> {
        let mails = self.mailer.sent();
        mails.iter().map(|mail| (mail.to.as_str().to_owned(), mail.subject.clone())).collect()
    }
}

#[tokio::test]
async fn a_bidder_that_fails_is_told_once_to_owners_and_admins_and_closed_when_it_is_back() {
    let mut watched = Watched::new(json!({})).await;
    watched.asked(9, 30, Some(Refusal::HttpStatus(503))).await;
    watched.looked().await;
    assert_eq!(watched.open().await, [], "nine requests say nothing");
    watched.asked(1, 12, Some(Refusal::NotReached("tls_failed".to_owned()))).await;
    watched.looked().await;
    assert_eq!(watched.open().await, [AlertKind::ErrorRate]);
    let subject = "Bidder Alpine does not answer as it should";
    let told = ["owner-1@acme.example", "admin-2@acme.example"].map(|to| (to.to_owned(), subject.to_owned()));
    assert_eq!(watched.mails(), told);
    let text = watched.mailer.sent()[0].text.clone();
    assert!(text.contains("10 of 10 requests failed, most often by http_503"), "{text}");

    watched.clock.advance(300);
    watched.asked(5, 100, None).await;
    watched.looked().await;
    assert_eq!(watched.open().await, [AlertKind::ErrorRate], "ten of fifteen failed");
    assert_eq!(watched.mails().len(), 2, "told once");
    watched.asked(5, 100, None).await;
    watched.looked().await;
    assert_eq!(watched.open().await, [], "half of them is not more than half");
    let list = watched.store.alerts(tenant(), None, 10).await.expect("a list").items;
    assert!(list.len() == 1 && list[0].closed_at == Some(after(5)), "{list:?}");

    // Two hours later it fails again: another case, another mail.
    watched.clock.advance(7_200);
    watched.asked(10, 30, Some(Refusal::Malformed)).await;
    watched.looked().await;
    assert_eq!((watched.open().await.len(), watched.mails().len()), (1, 4));
    // Nobody asks it any more: nobody is harmed.
    watched.clock.advance(7_200);
    watched.looked().await;
    assert_eq!(watched.open().await, []);
    assert_eq!(watched.mails().len(), 4);
}

#[tokio::test]
async fn an_alert_survives_the_turn_of_the_hour_until_there_is_enough_to_say_otherwise() {
    let mut watched = Watched::new(json!({})).await;
    watched.clock.advance(3_540);
    watched.asked(20, 30, Some(Refusal::HttpStatus(500))).await;
    watched.looked().await;
    watched.clock.advance(120);
    watched.asked(3, 100, None).await;
    watched.looked().await;
    assert_eq!(watched.open().await, [AlertKind::ErrorRate], "three answers of a new hour are not enough");
    watched.asked(7, 100, None).await;
    watched.looked().await;
    assert_eq!(watched.open().await, []);
    assert_eq!(watched.mails().len(), 2);
}

#[tokio::test]
async fn a_slow_bidder_is_told_by_its_own_time_out_and_settings() {
    let mut watched = Watched::new(json!({})).await;
    watched.asked(20, 905, None).await;
    watched.looked().await;
    assert_eq!(watched.open().await, []);
    watched.asked(20, 960, None).await;
    watched.looked().await;
    assert_eq!(watched.open().await, [AlertKind::Latency]);
    assert_eq!(watched.mails()[0].1, "Bidder Alpine is slow");

    let mut relaxed = Watched::new(json!({"latency_percent": null})).await;
    relaxed.asked(40, 990, None).await;
    relaxed.looked().await;
    assert_eq!(relaxed.open().await, []);
    let mut strict = Watched::new(json!({"latency_percent": 20, "min_requests": 3})).await;
    strict.asked(3, 250, None).await;
    strict.looked().await;
    assert_eq!(strict.open().await, [AlertKind::Latency]);
}

#[tokio::test]
async fn a_mail_that_could_not_be_sent_is_sent_at_the_next_look() {
    let mut watched = Watched::new(json!({})).await;
    watched.asked(10, 30, Some(Refusal::Malformed)).await;
    watched.mailer.be_down(true);
    watched.looked().await;
    assert_eq!((watched.open().await.len(), watched.mails().len()), (1, 0), "opened all the same");
    watched.mailer.be_down(false);
    watched.looked().await;
    watched.looked().await;
    assert_eq!(watched.mails().len(), 2);
}
