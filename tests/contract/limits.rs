//! Request windows, once-only requests and the audit log: the same for the adapter and for the fake.

use std::sync::Arc;

use app::ports::{Audit, KeptAnswer, Limiter, Once, OnceStart, Sealed};
use domain::audit::{Actor, AuditEntry, Origin};
use futures::future::join_all;
use jiff::SignedDuration;
use testkit::database::TestDatabase;
use testkit::fakes::FakeDesk;

use crate::support::{after, id, noon, tenant};

trait Desk: Limiter + Once + Audit {}
impl<D: Limiter + Once + Audit> Desk for D {}

/// The adapter on the embedded database, and the fake.
async fn desks() -> (TestDatabase, [Arc<dyn Desk>; 2]) {
    let database = TestDatabase::start().await.expect("a database");
    let store = Arc::new(database.store());
    (database, [store, Arc::new(FakeDesk::default())])
}

#[tokio::test]
async fn fifty_clients_at_once_are_counted_exactly() {
    let (_database, desks) = desks().await;
    for desk in desks {
        let clients = (0..50).map(|_| {
            let desk = desk.clone();
            tokio::spawn(async move {
                let mut admitted = 0;
                for _ in 0..10 {
                    let count = desk.count("api#a-key", noon(), after(1)).await.expect("a count");
                    admitted += usize::from(count <= 137);
                }
                admitted
            })
        });
        let admitted: usize =
            join_all(clients).await.into_iter().map(|client| client.expect("a client")).sum();
        assert_eq!(admitted, 137);
        assert_eq!(desk.count("api#a-key", after(1), after(2)).await.expect("a count"), 1, "the next minute");
        assert_eq!(desk.count("api#another", noon(), after(1)).await.expect("a count"), 1, "another key");
    }
}

#[tokio::test]
async fn what_is_taken_back_was_not_counted() {
    let (_database, desks) = desks().await;
    for desk in desks {
        for expected in [1, 2, 3] {
            assert_eq!(desk.count("try#a", noon(), after(15)).await.expect("a count"), expected);
        }
        desk.take_back("try#a", noon()).await.expect("taken back");
        assert_eq!(desk.count("try#a", noon(), after(15)).await.expect("a count"), 3);
        desk.take_back("try#never", noon()).await.expect("nothing to take back");
        assert_eq!(desk.count("try#never", noon(), after(15)).await.expect("a count"), 1);
    }
}

fn answer(body: &str) -> KeptAnswer {
    KeptAnswer {
        status: 201,
        content_type: "application/json".to_owned(),
        location: None,
        cookie: None,
        body: Sealed(body.to_owned()),
    }
}

#[tokio::test]
async fn of_many_who_start_a_request_one_does_it_and_the_others_get_its_answer() {
    let (_database, desks) = desks().await;
    for desk in desks {
        let start = || desk.start("tenant#key", "create x", noon(), 60, after(60));
        let starts = join_all((0..20).map(|_| start())).await;
        let ours = starts.iter().filter(|start| matches!(start, Ok(OnceStart::Ours))).count();
        let running = starts.iter().filter(|start| matches!(start, Ok(OnceStart::Running))).count();
        assert_eq!((ours, running), (1, 19));
        desk.finish("tenant#key", "create x", &answer("sealed")).await.expect("kept");
        assert_eq!(start().await.expect("an answer"), OnceStart::Done(answer("sealed")));
        let other = desk.start("tenant#key", "create y", noon(), 60, after(60)).await;
        assert_eq!(other.expect("an answer"), OnceStart::Different);
        let next_day = desk.start("tenant#key", "create y", after(61), 60, after(120)).await;
        assert_eq!(next_day.expect("an answer"), OnceStart::Ours, "the record has expired");
    }
}

#[tokio::test]
async fn a_request_whose_worker_died_is_taken_over_by_one() {
    let (_database, desks) = desks().await;
    for desk in desks {
        let start =
            |seconds| desk.start("k", "same", noon() + SignedDuration::from_secs(seconds), 60, after(600));
        assert_eq!(start(0).await.expect("an answer"), OnceStart::Ours);
        assert_eq!(start(60).await.expect("an answer"), OnceStart::Running);
        let starts = join_all((0..10).map(|_| start(61))).await;
        let ours = starts.iter().filter(|start| matches!(start, Ok(OnceStart::Ours))).count();
        assert_eq!(ours, 1);
    }
}

#[tokio::test]
async fn a_request_that_did_nothing_can_be_tried_again() {
    let (_database, desks) = desks().await;
    for desk in desks {
        let start = || desk.start("k", "same", noon(), 60, after(600));
        assert_eq!(start().await.expect("an answer"), OnceStart::Ours);
        desk.forget("k", "another").await.expect("forgotten");
        assert_eq!(start().await.expect("an answer"), OnceStart::Running, "not somebody else's to forget");
        desk.forget("k", "same").await.expect("forgotten");
        assert_eq!(start().await.expect("an answer"), OnceStart::Ours);
        desk.finish("k", "same", &answer("sealed")).await.expect("kept");
        desk.forget("k", "same").await.expect("nothing to forget");
        let other = |fingerprint| desk.start("l", fingerprint, noon(), 60, after(600));
        assert_eq!(other("mistaken").await.expect("an answer"), OnceStart::Ours);
        desk.forget("l", "mistaken").await.expect("forgotten");
        assert_eq!(
            other("corrected").await.expect("an answer"),
            OnceStart::Ours,
            "another request, same key"
        );
        assert_eq!(other("mistaken").await.expect("an answer"), OnceStart::Different);
        assert_eq!(start().await.expect("an answer"), OnceStart::Done(answer("sealed")));
    }
}

fn entry(number: u128, minutes: i64) -> AuditEntry {
    AuditEntry {
        id: id(number),
        tenant: tenant(),
        at: after(minutes),
        actor: Actor::System,
        origin: Origin::default(),
        action: format!("target.updated {number}"),
        object: None,
        name: None,
        changes: Vec::new(),
        more: 0,
    }
}

#[tokio::test]
async fn the_audit_log_is_read_newest_first_page_by_page_and_never_rewritten() {
    let (_database, desks) = desks().await;
    for desk in desks {
        for number in 0..7_u32 {
            desk.note(&entry(u128::from(number), i64::from(number) / 2)).await.expect("noted");
        }
        let mut forged = entry(3, 1);
        forged.action = "nothing happened".to_owned();
        desk.note(&forged).await.expect("known");
        let (mut found, mut cursor) = (Vec::new(), None);
        loop {
            let page =
                desk.page(tenant(), noon().to_zoned(jiff::tz::TimeZone::UTC).date(), cursor.as_deref(), 3);
            let page = page.await.expect("a page");
            assert!(page.items.len() <= 3);
            found.extend(page.items);
            cursor = page.next;
            if cursor.is_none() {
                break;
            }
        }
        let expected: Vec<AuditEntry> =
            (0..7_u32).rev().map(|number| entry(u128::from(number), i64::from(number) / 2)).collect();
        assert_eq!(found, expected);
        let october = jiff::civil::date(2026, 10, 31);
        assert!(desk.page(tenant(), october, None, 3).await.expect("a page").items.is_empty());
        let november = jiff::civil::date(2026, 11, 1);
        assert!(desk.page(id(8), november, None, 3).await.expect("a page").items.is_empty());
    }
}
