//! What is counted of bidders by the hour: every logged bid once, in rows so small and so few that a month is read at once.

use std::collections::BTreeMap;

use app::bid_log::KeepBids;
use app::bidder_health::of_hours;
use app::ports::{BidLog, BidLogEntry, Health, HealthCheck};
use domain::auction::{BidderResult, Refusal};
use domain::bidder_hour::Requests;
use domain::ids::RtbTargetId;
use domain::routing::Passed;
use futures::future::join_all;
use jiff::{SignedDuration, Timestamp};
use testkit::faults::{Fault, Rule};

use crate::bid_log::entry;
use crate::support::*;

const BIDDER: u128 = 10;

fn bidder() -> RtbTargetId {
    id(BIDDER)
}

/// A bidder's part in an auction that began so many minutes after noon.
pub fn part(auction: u128, minutes: i64, latency_ms: u32, refusal: Option<Refusal>) -> BidLogEntry {
    let entry = entry(auction, BIDDER, minutes);
    let result = BidderResult { latency_ms: Some(latency_ms), refusal, ..entry.result.clone() };
    BidLogEntry { result, ..entry }
}

async fn requests(health: &dyn Health, since: i64) -> Requests {
    let hours = health.hours_since(tenant(), bidder(), after(since)).await.expect("read");
    of_hours(&hours, after(since)).requests
}

fn failed(of: &[(&str, u32)]) -> BTreeMap<String, u32> {
    of.iter().map(|(cause, count)| ((*cause).to_owned(), *count)).collect()
}

#[tokio::test]
async fn a_bid_that_is_delivered_again_and_again_is_counted_once() {
    let database = database().await;
    let store = database.store();
    let entries = [
        part(1, 1, 87, None),
        part(2, 2, 912, Some(Refusal::Declined("full".to_owned()))),
        part(3, 3, 1_000, Some(Refusal::TimedOut)),
        part(4, 4, 12, Some(Refusal::NotReached("tls_failed".to_owned()))),
        part(5, 5, 40, Some(Refusal::HttpStatus(503))),
        // These say nothing of the bidder.
        part(6, 6, 300, Some(Refusal::NotWaitedFor)),
        part(7, 7, 0, Some(Refusal::NotAsked(Passed::NotWorking))),
        part(8, 65, 90, None),
    ];
    let history = std::sync::Arc::new(testkit::fakes::FakeBidHistory::default());
    let keep = KeepBids { log: std::sync::Arc::new(store.clone()), history: history.clone() };
    for deliveries in [1, 4] {
        let all = (0..deliveries).map(|_| keep.keep(&entries));
        join_all(all).await.into_iter().for_each(|kept| kept.expect("kept"));
        let first = requests(&store, 0).await;
        assert_eq!((first.asked, first.answered()), (6, 3), "{first:?}");
        assert_eq!(first.failed, failed(&[("http_503", 1), ("timed_out", 1), ("tls_failed", 1)]));
        assert_eq!(first.took, BTreeMap::from([(80, 1), (90, 1), (910, 1), (1_000, 1)]));
        assert_eq!(requests(&store, 60).await.asked, 1);
    }
    let another = store.hours_since(id(8), bidder(), after(0)).await.expect("read");
    assert!(another.is_empty(), "another tenant");
}

#[tokio::test]
async fn trouble_with_the_table_counts_nothing_twice() {
    let rules = [Rule::percent(20, Fault::LostAnswer), Rule::percent(20, Fault::TransactionConflict)];
    let troubled = troubled(&rules).await;
    let entries: Vec<BidLogEntry> = (1..=30).map(|auction| part(auction, 1, 100, None)).collect();
    // A message that fails comes again, as a queue would have it.
    for entry in &entries {
        for _ in 0..20 {
            if troubled.store.store(entry).await.is_ok() {
                break;
            }
        }
    }
    troubled.proxy.heal();
    assert_eq!(requests(&troubled.store, 0).await.asked, 30);
}

#[tokio::test]
async fn a_month_is_one_small_row_an_hour_and_is_read_at_once() {
    const HOURS: i64 = 720;
    let troubled = troubled(&[]).await;
    let store = &troubled.store;
    let look = |at: Timestamp, up| HealthCheck {
        rtb_target: bidder(),
        at,
        up,
        status: None,
        latency_ms: 40,
        failure: None,
    };
    let hours = (0..HOURS).map(|hour| noon() + SignedDuration::from_hours(hour));
    for chunk in hours.collect::<Vec<_>>().chunks(40) {
        let looks =
            chunk.iter().map(async |at| store.record_check(tenant(), &look(*at, true), after(0)).await);
        join_all(looks).await.into_iter().for_each(|noted| noted.expect("noted"));
    }
    // An hour in which much happens is still one row.
    for minute in 0..12 {
        let at = after(minute * 5);
        store.record_check(tenant(), &look(at, minute != 3), after(0)).await.expect("noted");
    }
    for auction in 0..200_u32 {
        let entry = part(u128::from(auction), i64::from(auction % 60), auction * 5, None);
        store.store(&entry).await.expect("stored");
    }
    let rows = troubled.proxy.count("Query");
    let seen = store.hours_since(tenant(), bidder(), after(0)).await.expect("read");
    assert_eq!(seen.len(), 720);
    assert_eq!(troubled.proxy.count("Query") - rows, 1, "one round trip");
    let month = of_hours(&seen, after(0));
    assert_eq!((month.checks, month.up, month.requests.asked), (720 + 11, 720 + 10, 200));
    assert_eq!(month.longest_outage, Some(SignedDuration::from_mins(5)));
    let busiest = seen[0].requests.took.len() + seen[0].looks.len();
    assert!(busiest < 141 + 12 + 1, "what is different is stored, not what happened: {busiest}");
}
