//! A reservation goes back exactly once, to exactly the windows it was counted in.

use app::ports::{Calls, Counters, Release, Settling, StepWrite, Written};
use domain::call::Attempt;
use domain::caps::{
    CapOwner, Caps, Counted, Limit, OpenWindows, Outcome, Price, ReservationState, RevenueCaps, Usage,
};
use domain::money::Money;
use futures::future::join_all;
use jiff::Timestamp;
use store::Store;
use testkit::faults::{Fault, Rule};

use crate::support::*;

fn caps() -> Caps {
    Caps { concurrent: Some(50), hourly: Some(50), total: Some(50), ..Caps::default() }
}

/// The parties talked.
const TALKED: Outcome = Outcome { connected: true, ..Outcome::NOTHING };

async fn usage(store: &Store) -> Usage {
    let mut usage = store.usage(tenant(), &[counter()]).await.expect("usage");
    usage.remove(&counter()).unwrap_or_default()
}

async fn reserved(store: &Store, number: u32) -> Attempt {
    let mut write = dialling(&call(number), vec![limit(caps(), noon())]);
    assert_eq!(store.write_step(&write).await.expect("an answer"), Written::Done);
    write.attempts.remove(0)
}

fn counts(usage: &Usage) -> (u32, u32, Vec<u32>) {
    (usage.live, usage.total, usage.windows.values().copied().collect())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn twenty_releases_at_once_give_back_once() {
    let troubled = troubled(&a_busy_table()).await;
    let plain = troubled.database.store();
    let (one, two) = (reserved(&plain, 1).await, reserved(&plain, 2).await);
    for (number, attempt, to, left) in
        [(1, one, Outcome::NOTHING, (1, 1, vec![1, 1, 1])), (2, two, TALKED, (0, 1, vec![1, 1, 1]))]
    {
        let releases = (0..20).map(|_| {
            let (store, attempt) = (troubled.store.clone(), attempt.clone());
            tokio::spawn(async move { store.release(tenant(), call_id(number), &held(&attempt), &to).await })
        });
        for joined in join_all(releases).await {
            joined.expect("no panic").expect("released");
        }
        assert_eq!(counts(&usage(&plain).await), left);
        let record = plain.load(tenant(), call_id(number)).await.expect("a read").expect("a call");
        assert_eq!(record.attempts[0].reservation.as_ref().expect("a reservation").state, to.state());
    }
}

#[tokio::test]
async fn a_reservation_that_was_confirmed_is_not_returned() {
    let database = database().await;
    let store = database.store();
    let attempt = reserved(&store, 1).await;
    store.release(tenant(), call_id(1), &held(&attempt), &TALKED).await.expect("released");
    store.release(tenant(), call_id(1), &held(&attempt), &Outcome::NOTHING).await.expect("nothing to do");
    assert_eq!(counts(&usage(&store).await), (0, 1, vec![1, 1, 1]));
}

#[tokio::test]
async fn a_release_in_a_later_window_goes_back_to_the_window_it_was_counted_in() {
    let database = database().await;
    let store = database.store();
    let early = reserved(&store, 1).await;
    let late = dialling(&call(2), vec![limit(caps(), after(60))]);
    assert_eq!(store.write_step(&late).await.expect("an answer"), Written::Done);
    store.release(tenant(), call_id(1), &held(&early), &Outcome::NOTHING).await.expect("released");
    let usage = usage(&store).await;
    assert_eq!(usage.windows["h2026-11-22T12:00:00Z"], 0);
    assert_eq!(usage.windows["h2026-11-22T13:00:00Z"], 1);
    assert_eq!((usage.live, usage.total), (1, 1));
}

#[tokio::test]
async fn a_window_that_was_removed_meanwhile_does_not_go_below_zero() {
    let database = database().await;
    let store = database.store();
    let early = reserved(&store, 1).await;
    let mut later = limit(caps(), after(180));
    later.outdated = vec!["h2026-11-22T12:00:00Z".to_owned()];
    let late = dialling(&call(2), vec![later]);
    assert_eq!(store.write_step(&late).await.expect("an answer"), Written::Done);
    store.release(tenant(), call_id(1), &held(&early), &Outcome::NOTHING).await.expect("released");
    let usage = usage(&store).await;
    assert_eq!(usage.windows.get("h2026-11-22T12:00:00Z").copied().unwrap_or(0), 0);
    assert_eq!((usage.live, usage.total, usage.windows["h2026-11-22T15:00:00Z"]), (1, 1, 1));
    // The stored number itself, not only how it reads.
    let item = database
        .client()
        .get_item()
        .table_name(testkit::database::TABLE)
        .set_key(Some(key_of_counter()))
        .send()
        .await
        .expect("a read")
        .item
        .expect("a counter");
    let below_zero = item.values().filter_map(|value| value.as_n().ok()).any(|count| count.starts_with('-'));
    assert!(!below_zero, "{item:?}");
}

fn key_of_counter() -> std::collections::HashMap<String, aws_sdk_dynamodb::types::AttributeValue> {
    let key = store::keys::counter(tenant(), &counter());
    let text = aws_sdk_dynamodb::types::AttributeValue::S;
    [("pk".to_owned(), text(key.pk)), ("sk".to_owned(), text(key.sk))].into()
}

/// The step that follows a failed dial: gives the first attempt back and dials the same kind of destination again.
fn failing_over(number: u32, failed: &Attempt, caps: Caps) -> StepWrite {
    let limits = vec![limit(caps, after(1))];
    StepWrite {
        attempts: vec![attempt(1, &limits)],
        limits,
        gives_back: vec![held(failed)],
        ..next_step(&call(number), 1, "next")
    }
}

#[tokio::test]
async fn a_step_gives_back_and_takes_from_one_counter_in_one_transaction() {
    let database = database().await;
    let store = database.store();
    let only_one = Caps { concurrent: Some(1), hourly: Some(1), total: Some(1), ..Caps::default() };
    let mut write = dialling(&call(1), vec![limit(only_one, noon())]);
    assert_eq!(store.write_step(&write).await.expect("an answer"), Written::Done);
    let failed = write.attempts.remove(0);

    let failing_over = failing_over(1, &failed, only_one);
    assert_eq!(store.write_step(&failing_over).await.expect("an answer"), Written::Done);
    assert_eq!(counts(&usage(&store).await), (1, 1, vec![1, 1, 1]));
    let record = store.load(tenant(), call_id(1)).await.expect("a read").expect("a call");
    let states: Vec<ReservationState> =
        record.attempts.iter().map(|attempt| attempt.reservation.as_ref().expect("one").state).collect();
    assert_eq!(states, [ReservationState::Returned, ReservationState::Reserved]);

    // Its leg's end is told later.
    store.release(tenant(), call_id(1), &held(&failed), &Outcome::NOTHING).await.expect("nothing to do");
    assert_eq!(counts(&usage(&store).await), (1, 1, vec![1, 1, 1]));
}

#[tokio::test]
async fn a_step_is_written_also_when_the_capacity_was_given_back_before() {
    let database = database().await;
    let store = database.store();
    let failed = reserved(&store, 1).await;
    let _other = reserved(&store, 2).await;
    store.release(tenant(), call_id(1), &held(&failed), &Outcome::NOTHING).await.expect("released");
    let write = failing_over(1, &failed, caps());
    assert_eq!(store.write_step(&write).await.expect("an answer"), Written::Done);
    assert_eq!(counts(&usage(&store).await), (2, 2, vec![2, 2, 2]));
}

#[tokio::test]
async fn with_the_capacity_given_back_before_a_full_cap_is_full() {
    let database = database().await;
    let store = database.store();
    let failed = reserved(&store, 1).await;
    store.release(tenant(), call_id(1), &held(&failed), &Outcome::NOTHING).await.expect("released");
    let _other = reserved(&store, 2).await;
    let only_one = Caps { total: Some(1), ..Caps::default() };
    let written = store.write_step(&failing_over(1, &failed, only_one)).await.expect("an answer");
    assert!(matches!(written, Written::Full(full) if full.cap == 1), "{written:?}");
    assert_eq!(counts(&usage(&store).await), (1, 1, vec![1, 1, 1]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_release_waits_longer_than_a_caller_would() {
    let conflicts = Rule::always(Fault::TransactionConflict).on("TransactWriteItems").times(8);
    let troubled = troubled(&[conflicts]).await;
    let plain = troubled.database.store();
    let attempt = reserved(&plain, 1).await;
    troubled
        .store
        .release(tenant(), call_id(1), &held(&attempt), &Outcome::NOTHING)
        .await
        .expect("released in the end");
    assert_eq!(counts(&usage(&plain).await), (0, 0, vec![0, 0, 0]));
}

#[tokio::test]
async fn a_caller_does_not_wait_for_capacity_that_only_goes_back() {
    let conflicts = Rule::always(Fault::TransactionConflict).about("#CAP#");
    let troubled = troubled(&[conflicts]).await;
    let plain = troubled.database.store();
    let failed = reserved(&plain, 1).await;
    let goodbye = StepWrite { gives_back: vec![held(&failed)], ..next_step(&call(1), 1, "goodbye") };
    assert_eq!(troubled.store.write_step(&goodbye).await.expect("an answer"), Written::Done);
    assert_eq!(counts(&usage(&plain).await), (1, 1, vec![1, 1, 1]));
    plain.release(tenant(), call_id(1), &held(&failed), &Outcome::NOTHING).await.expect("released later");
    assert_eq!(counts(&usage(&plain).await), (0, 0, vec![0, 0, 0]));
}

#[tokio::test]
async fn a_window_may_be_outdated_and_given_back_in_one_step() {
    let database = database().await;
    let store = database.store();
    let failed = reserved(&store, 1).await;
    let mut write = failing_over(1, &failed, caps());
    write.limits = vec![limit(caps(), after(180))];
    write.limits[0].outdated = vec!["h2026-11-22T12:00:00Z".to_owned(), "h2026-11-22T15:00:00Z".to_owned()];
    write.attempts = vec![attempt(1, &write.limits)];
    assert_eq!(store.write_step(&write).await.expect("an answer"), Written::Done);
    let usage = usage(&store).await;
    assert_eq!(usage.windows.get("h2026-11-22T12:00:00Z"), None);
    assert_eq!(usage.windows["h2026-11-22T15:00:00Z"], 1, "open now, so not outdated whatever was said");
    assert_eq!((usage.live, usage.total), (1, 1));
}

/// Caps of all kinds on the campaign: conversions count, revenue is capped.
fn booked() -> Caps {
    let revenue = RevenueCaps { daily: Some(Money::from_units(100)), ..RevenueCaps::default() };
    Caps { daily: Some(10), count: Counted::Converted, revenue, ..Caps::default() }
}

fn of_campaign(price: Price, now: Timestamp) -> Limit {
    limit_of(CapOwner::Campaign, campaign().into(), booked(), Some(price), now)
}

async fn booked_usage(store: &Store) -> Usage {
    let of = [campaign().into()];
    store.usage(tenant(), &of).await.expect("usage").remove(&of[0]).unwrap_or_default()
}

#[tokio::test]
async fn of_what_is_booked_the_rest_goes_back_and_more_is_added() {
    let database = database().await;
    let store = database.store();
    let units = Money::from_units;
    let converted = |earned| Outcome { connected: true, converted: true, earned };
    let ends = [
        // Never connected; connected without converting; converted; converted at a price that showed at its end.
        (Price::Known(units(30)), Outcome::NOTHING, 0, 0),
        (Price::Known(units(30)), TALKED, 0, 0),
        (Price::Known(units(30)), converted(units(30)), 1, 30),
        (Price::Unknown, converted(units(12)), 2, 42),
    ];
    for (number, (price, outcome, calls, earned)) in (1..).zip(ends) {
        let write = dialling(&call(number), vec![of_campaign(price, noon())]);
        assert_eq!(store.write_step(&write).await.expect("an answer"), Written::Done);
        let taken = booked_usage(&store).await;
        assert_eq!((taken.live, taken.unpriced), (1, u32::from(price == Price::Unknown)));
        store
            .release(tenant(), call_id(number), &held(&write.attempts[0]), &outcome)
            .await
            .expect("released");
        let left = booked_usage(&store).await;
        assert_eq!((left.live, left.unpriced, left.total), (0, 0, calls));
        assert_eq!(left.revenue_total, units(earned));
        let open = OpenWindows::at(noon(), "UTC");
        assert_eq!((left.windows[&open.day], left.revenue[&open.month]), (calls, units(earned)));
    }
}

/// What waits for the books goes back in the very transaction that settles the call; once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_settlements_at_once_give_back_once() {
    let troubled = troubled(&a_busy_table()).await;
    let plain = troubled.database.store();
    let write = dialling(&call(1), vec![of_campaign(Price::Unknown, noon())]);
    assert_eq!(plain.write_step(&write).await.expect("an answer"), Written::Done);
    let outcome = Outcome { connected: true, converted: true, earned: Money::from_units(7) };
    let releases = vec![Release { held: held(&write.attempts[0]), outcome }];
    let with = Settling { releases, ..Settling::default() };
    let closing = app::ports::Closing { attempts: 1, ..closing() };
    let settlements = (0..10).map(|_| {
        let (store, closing, with) = (troubled.store.clone(), closing.clone(), with.clone());
        tokio::spawn(async move { store.settle(tenant(), &call(1), &closing, &with).await })
    });
    let settled =
        join_all(settlements).await.into_iter().map(|joined| joined.expect("no panic").expect("an answer"));
    assert_eq!(settled.filter(|settled| *settled).count(), 1);
    let left = booked_usage(&plain).await;
    assert_eq!((left.live, left.total, left.revenue_total), (0, 1, Money::from_units(7)));
}

#[tokio::test]
async fn a_price_above_the_cap_has_no_room_even_in_an_empty_row() {
    let database = database().await;
    let store = database.store();
    let above = Price::Known(Money::from_micros(100_000_001));
    let write = dialling(&call(1), vec![of_campaign(above, noon())]);
    let Written::Full(full) = store.write_step(&write).await.expect("an answer") else {
        panic!("it was taken")
    };
    assert_eq!(full.text(), "the campaign's daily revenue cap 100.00 reached");
    let exactly = Price::Known(Money::from_units(100));
    let write = dialling(&call(1), vec![of_campaign(exactly, noon())]);
    assert_eq!(store.write_step(&write).await.expect("an answer"), Written::Done);
    // Reached: also for a call whose price nobody knows yet.
    let write = dialling(&call(2), vec![of_campaign(Price::Unknown, noon())]);
    assert!(matches!(store.write_step(&write).await.expect("an answer"), Written::Full(_)));
}

#[tokio::test]
async fn failing_over_within_one_buyer_takes_its_last_revenue_again() {
    let database = database().await;
    let store = database.store();
    let price = Price::Known(Money::from_units(60));
    let write = dialling(&call(1), vec![of_campaign(price, noon())]);
    assert_eq!(store.write_step(&write).await.expect("an answer"), Written::Done);
    let limits = vec![of_campaign(Price::Known(Money::from_units(90)), after(1))];
    let next = StepWrite {
        attempts: vec![attempt(1, &limits)],
        limits,
        gives_back: write.attempts.iter().map(held).collect(),
        ..next_step(&call(1), 1, "next")
    };
    assert_eq!(store.write_step(&next).await.expect("an answer"), Written::Done);
    let usage = booked_usage(&store).await;
    assert_eq!((usage.live, usage.total, usage.revenue_total), (1, 1, Money::from_units(90)));
}
