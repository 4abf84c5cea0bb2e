//! Bidders are looked at when they are due: at once when they are new, then when the last look said.

use app::ports::{Catalog, DueCheck, Health, HealthCheck, Kind, Record};
use domain::ids::RtbTargetId;
use serde_json::json;
use uuid::Uuid;

use crate::support::*;

fn bidder(number: u128) -> RtbTargetId {
    RtbTargetId::from_uuid(Uuid::from_u128(number))
}

fn record(number: u128, minutes: i64) -> Record {
    let created_at = after(minutes);
    Record { id: bidder(number).to_string(), version: 1, created_at, updated_at: created_at, body: json!({}) }
}

fn look(number: u128, minutes: i64) -> HealthCheck {
    HealthCheck {
        rtb_target: bidder(number),
        at: after(minutes),
        up: true,
        status: Some(405),
        latency_ms: 40,
        failure: None,
    }
}

fn due(numbers: &[u128]) -> Vec<DueCheck> {
    numbers.iter().map(|number| DueCheck { tenant: tenant(), rtb_target: bidder(*number) }).collect()
}

#[tokio::test]
async fn a_new_bidder_is_due_at_once_and_again_when_the_look_said() {
    let database = database().await;
    let store = database.store();
    for number in 1..=3 {
        let minutes = i64::try_from(number).expect("small");
        store
            .create(tenant(), Kind::RtbTarget, &record(number, minutes), &number.to_string(), &noted())
            .await
            .expect("created");
    }
    assert_eq!(store.due_checks(after(0), 10).await.expect("a list"), []);
    assert_eq!(store.due_checks(after(5), 10).await.expect("a list"), due(&[1, 2, 3]), "oldest first");
    assert_eq!(store.due_checks(after(5), 2).await.expect("a list"), due(&[1, 2]));

    store.record_check(tenant(), &look(1, 5), after(10)).await.expect("recorded");
    store.record_check(tenant(), &look(1, 5), after(10)).await.expect("recorded again");
    assert_eq!(store.due_checks(after(9), 10).await.expect("a list"), due(&[2, 3]));
    assert_eq!(store.due_checks(after(10), 10).await.expect("a list"), due(&[2, 3, 1]));
}

#[tokio::test]
async fn changing_a_bidder_leaves_its_due_time_and_removing_it_ends_it() {
    let database = database().await;
    let store = database.store();
    let first = record(1, 0);
    store.create(tenant(), Kind::RtbTarget, &first, "one", &noted()).await.expect("created");
    store.record_check(tenant(), &look(1, 1), after(30)).await.expect("recorded");
    let changed = Record { version: 2, ..first.clone() };
    store
        .replace(tenant(), Kind::RtbTarget, &changed, "uno", (&first, "one"), &noted())
        .await
        .expect("changed");
    assert_eq!(store.due_checks(after(29), 10).await.expect("a list"), []);
    assert_eq!(store.due_checks(after(30), 10).await.expect("a list"), due(&[1]));

    store.delete(tenant(), Kind::RtbTarget, &changed, "uno", &noted()).await.expect("removed");
    store.record_check(tenant(), &look(1, 31), after(40)).await.expect("a look that was under way");
    assert_eq!(store.due_checks(after(100), 10).await.expect("a list"), []);
}

#[tokio::test]
async fn looks_are_read_by_the_hour_and_the_newest_by_itself() {
    let database = database().await;
    let store = database.store();
    assert_eq!(store.newest_check(tenant(), bidder(1)).await.expect("read"), None);
    for minutes in [30, 10, 20] {
        store.record_check(tenant(), &look(1, minutes), after(60)).await.expect("recorded");
    }
    store.record_check(tenant(), &look(2, 40), after(60)).await.expect("recorded");
    assert_eq!(store.newest_check(tenant(), bidder(1)).await.expect("read"), Some(look(1, 30)));
    let seen = async |minutes: i64| {
        let hours = store.hours_since(tenant(), bidder(1), after(minutes)).await.expect("read");
        hours.iter().map(|hour| (hour.begins, hour.looks.len())).collect::<Vec<_>>()
    };
    store.record_check(tenant(), &look(1, 70), after(120)).await.expect("recorded");
    assert_eq!(seen(0).await, [(after(0), 3), (after(60), 1)], "oldest first");
    assert_eq!(seen(59).await, [(after(0), 3), (after(60), 1)], "the hour it is in is there whole");
    assert_eq!(seen(60).await, [(after(60), 1)]);
    assert_eq!(seen(120).await, []);
}
