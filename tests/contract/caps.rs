//! Caps admit exactly as many calls as they say, whatever the table does.

use app::ports::{Calls, Counters, Written};
use domain::caps::{CapOwner, CapReached, Caps, Measure, Usage, Window};
use futures::future::join_all;
use store::Store;
use testkit::faults::{Fault, Rule};

use crate::support::*;

/// Dials for a call until the answer is not `Busy`, as the next webhook or destination would.
async fn dial(store: Store, number: u32, caps: Caps) -> Written {
    let write = dialling(&call(number), vec![limit(caps, noon())]);
    loop {
        match store.write_step(&write).await.expect("an answer") {
            Written::Busy => {}
            written => return written,
        }
    }
}

async fn usage(store: &Store) -> Usage {
    let mut usage = store.usage(tenant(), &[counter()]).await.expect("usage");
    usage.remove(&counter()).unwrap_or_default()
}

fn reached(window: Window, cap: u32) -> CapReached {
    CapReached { owner: CapOwner::Destination, window, measure: Measure::Calls, cap: cap.into() }
}

fn the_cap(caps: Caps) -> u32 {
    caps.daily.or(caps.concurrent).expect("a cap")
}

async fn admits_exactly(caps: Caps, window: Window) {
    let cap = the_cap(caps);
    let troubled = troubled(&a_busy_table()).await;
    let calls = (1..=300).map(|number| tokio::spawn(dial(troubled.store.clone(), number, caps)));
    let outcomes: Vec<Written> =
        join_all(calls).await.into_iter().map(|joined| joined.expect("no panic")).collect();

    let admitted = outcomes.iter().filter(|written| **written == Written::Done).count();
    assert_eq!(admitted, cap as usize, "{window:?}");
    let refused = outcomes.iter().filter(|written| **written == Written::Full(reached(window, cap))).count();
    assert_eq!(refused, 300 - cap as usize, "{window:?}");

    let usage = usage(&troubled.database.store()).await;
    assert_eq!((usage.live, usage.total), (cap, cap));
    let counts: Vec<u32> = usage.windows.values().copied().collect();
    assert_eq!(counts, [cap; 3]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_daily_cap_admits_exactly_its_number_under_conflicts_and_throttling() {
    admits_exactly(Caps { daily: Some(37), ..Caps::default() }, Window::Daily).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_concurrency_cap_admits_exactly_its_number_under_conflicts_and_throttling() {
    admits_exactly(Caps { concurrent: Some(12), ..Caps::default() }, Window::Concurrent).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_is_refused_below_the_cap() {
    let caps = Caps { total: Some(120), hourly: Some(200), ..Caps::default() };
    let troubled = troubled(&a_busy_table()).await;
    let calls = (1..=120).map(|number| tokio::spawn(dial(troubled.store.clone(), number, caps)));
    for joined in join_all(calls).await {
        assert_eq!(joined.expect("no panic"), Written::Done);
    }
    assert_eq!(usage(&troubled.store).await.total, 120);
    assert!(troubled.proxy.seen().iter().any(|seen| seen.fault.is_some()), "the test met no trouble");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lost_answer_takes_capacity_once() {
    let caps = Caps { total: Some(60), ..Caps::default() };
    let lost = Rule::percent(30, Fault::LostAnswer).on("TransactWriteItems");
    let troubled = troubled(&[lost]).await;
    for number in 1..=60 {
        let write = dialling(&call(number), vec![limit(caps, noon())]);
        let written = troubled.store.write_step(&write).await;
        // Done; or, when the answers of all tries were lost, an error after which the step stands.
        assert!(matches!(written, Ok(Written::Done) | Err(_)), "{written:?}");
    }
    assert_eq!(usage(&troubled.database.store()).await.total, 60);
}

#[tokio::test]
async fn the_first_full_cap_is_named_and_nothing_is_written() {
    let database = database().await;
    let store = database.store();
    let caps = Caps { hourly: Some(1), daily: Some(1), ..Caps::default() };
    assert_eq!(dial(store.clone(), 1, caps).await, Written::Done);
    let full = Written::Full(reached(Window::Hourly, 1));
    assert_eq!(dial(store.clone(), 2, caps).await, full);
    assert!(store.load(tenant(), call_id(2)).await.expect("a read").is_none());
    assert_eq!(store.step(tenant(), call_id(2), 0).await.expect("a read"), None);
}

#[tokio::test]
async fn a_new_window_has_room_again_and_the_outdated_one_goes() {
    let database = database().await;
    let store = database.store();
    let caps = Caps { hourly: Some(1), ..Caps::default() };
    for (number, minutes) in [(1, 0), (2, 60), (3, 120)] {
        let mut hour = limit(caps, after(minutes));
        hour.outdated = usage(&store).await.outdated(&hour.open);
        let write = dialling(&call(number), vec![hour]);
        assert_eq!(store.write_step(&write).await.expect("an answer"), Written::Done);
    }
    let mut last = limit(caps, after(180));
    last.outdated = usage(&store).await.outdated(&last.open);
    assert_eq!(last.outdated, ["h2026-11-22T12:00:00Z"]);
    let write = dialling(&call(4), vec![last]);
    assert_eq!(store.write_step(&write).await.expect("an answer"), Written::Done);
    let usage = usage(&store).await;
    let hours: Vec<&String> = usage.windows.keys().filter(|name| name.starts_with('h')).collect();
    assert_eq!(hours, ["h2026-11-22T13:00:00Z", "h2026-11-22T14:00:00Z", "h2026-11-22T15:00:00Z"]);
    assert_eq!((usage.live, usage.total), (4, 4));
}

#[tokio::test]
async fn conflicts_without_end_are_busy_not_full_and_soon() {
    let troubled = troubled(&[Rule::always(Fault::TransactionConflict)]).await;
    let write = dialling(&call(1), vec![limit(Caps { total: Some(5), ..Caps::default() }, noon())]);
    let began = std::time::Instant::now();
    assert_eq!(troubled.store.write_step(&write).await.expect("an answer"), Written::Busy);
    let took = began.elapsed().as_millis();
    assert!((100..600).contains(&took), "took {took} ms");
    assert!(troubled.proxy.count("TransactWriteItems") > 2);
    assert_eq!(usage(&troubled.database.store()).await, Usage::default());
}

#[tokio::test]
async fn a_switched_off_destination_takes_nothing_and_is_not_called_full() {
    let database = database().await;
    let store = database.store();
    store.set_paused(tenant(), &counter(), true).await.expect("paused");
    assert!(usage(&store).await.paused);
    let write = dialling(&call(1), vec![limit(Caps { total: Some(5), ..Caps::default() }, noon())]);
    assert_eq!(store.write_step(&write).await.expect("an answer"), Written::Busy);
    store.set_paused(tenant(), &counter(), false).await.expect("switched on");
    assert_eq!(store.write_step(&write).await.expect("an answer"), Written::Done);
}

#[tokio::test]
async fn usage_of_many_things_is_read_in_parallel_batches() {
    let troubled = troubled(&[]).await;
    let many: Vec<domain::caps::CounterId> = (1..=250)
        .map(|number| domain::ids::TargetId::from_uuid(uuid::Uuid::from_u128(number)).into())
        .collect();
    for of in many.iter().step_by(50) {
        troubled.store.set_paused(tenant(), of, true).await.expect("paused");
    }
    let twice: Vec<_> = many.iter().chain(&many).cloned().collect();
    let usage = troubled.store.usage(tenant(), &twice).await.expect("usage");
    assert_eq!(usage.len(), 5, "a thing without a row is missing");
    assert!(usage.values().all(|usage| usage.paused));
    assert_eq!(troubled.proxy.count("BatchGetItem"), 3);
    assert!(troubled.store.usage(tenant(), &[]).await.expect("usage").is_empty());
}
