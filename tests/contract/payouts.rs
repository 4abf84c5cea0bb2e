//! Caps on what a publisher is paid: exact, whoever settles and whatever is reported at the same time, also while things go
//! wrong.

use std::sync::Arc;

use app::books::{Decision, Reported, Wanted, decide, report_conversion, request};
use app::ports::{Calls, StepWrite};
use domain::call::Call;
use domain::caps::CounterId;
use domain::ids::CallId;
use domain::ledger::{
    Conversion, Party, Payout, PayoutAmount, PayoutCaps, PayoutCounts, PayoutLimit, PayoutOn, Revenue,
};
use domain::money::Money;
use futures::future::join_all;
use store::Store;
use testkit::faults::{Fault, Rule};

use crate::books::{clock, closing, fixed, load, on_terms, report, somebody, told, tools, wanted};
use crate::support::*;

const UNIT: i64 = 1_000_000;
const CALLS: u32 = 24;

fn pays(units: i32) -> Payout {
    Payout {
        on: PayoutOn::Converted,
        amount: PayoutAmount::Fixed(Money::from_units(units)),
        ..Payout::default()
    }
}

fn capped(write: StepWrite, caps: PayoutCaps) -> StepWrite {
    let limit = PayoutLimit { caps, time_zone: "America/New_York".to_owned() };
    let call = Arc::new(Call { payout_limit: Some(limit), ..Call::clone(&write.call) });
    StepWrite { call, ..write }
}

/// A call that is paid 30 when it converts, which it does when it is connected.
fn paid_30(number: u32, caps: PayoutCaps) -> StepWrite {
    capped(on_terms(number, fixed(50), Conversion::Connected, pays(30)), caps)
}

fn daily(units: i32) -> PayoutCaps {
    PayoutCaps { daily: Some(Money::from_units(units)), ..PayoutCaps::default() }
}

async fn over(store: &Store, write: &StepWrite) -> CallId {
    store.write_step(write).await.expect("written");
    for event in told(&write.call) {
        store.record_event(tenant(), write.call.id, &event).await.expect("noted");
    }
    write.call.id
}

async fn settled(store: &Store, write: &StepWrite) -> CallId {
    let call = over(store, write).await;
    assert!(close_if_over(store, tenant(), call).await.expect("closed"));
    call
}

/// What the publisher was paid by the ledger, micro-units.
async fn paid(store: &Store) -> i64 {
    let month = jiff::civil::date(2026, 11, 1);
    let page = app::ports::Books::ledger_of(store, tenant(), Party::Publisher(id(5)), month, None, 200);
    page.await.expect("a page").items.iter().map(|line| line.entry.amount.micros()).sum()
}

/// What the row says that the caps hold against.
async fn counted(store: &Store) -> (u32, i64) {
    let row = CounterId::Paid(campaign(), id(5));
    let row = store.paid(tenant(), &row).await.expect("a read");
    (row.total, row.revenue_total.micros())
}

async fn no_payout(store: &Store, call: CallId) -> Option<(&'static str, String)> {
    let why = closing(&load(store, call).await).settlement.no_payout;
    why.map(|why| (why.code(), why.text()))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_calls_that_settle_at_once_as_many_are_paid_as_fit_below_the_cap() {
    let most_of_amount = daily(100);
    let payouts = PayoutCounts { daily: Some(3), ..PayoutCounts::default() };
    for caps in [most_of_amount, PayoutCaps { payouts, ..PayoutCaps::default() }] {
        let troubled = troubled(&[]).await;
        let plain = troubled.database.store();
        let calls: Vec<CallId> = join_all(
            (1..=CALLS)
                .map(|number| paid_30(number, caps))
                .collect::<Vec<_>>()
                .iter()
                .map(|write| over(&plain, write)),
        )
        .await;
        for rule in a_busy_table() {
            troubled.proxy.inject(rule);
        }
        troubled.proxy.inject(Rule::percent(10, Fault::LostAnswer));
        // Each by two workers; whoever fails looks again.
        let workers = calls.iter().chain(&calls).map(|call| {
            let (store, call) = (troubled.store.clone(), *call);
            tokio::spawn(async move { while close_if_over(&store, tenant(), call).await.is_err() {} })
        });
        for worker in join_all(workers).await {
            worker.expect("no panic");
        }
        assert_eq!(paid(&plain).await, 90 * UNIT, "{caps:?}");
        assert_eq!(counted(&plain).await, (3, 90 * UNIT), "{caps:?}");
        let mut reasons = Vec::new();
        for call in calls {
            reasons.extend(no_payout(&plain, call).await);
        }
        assert_eq!(reasons.len(), CALLS as usize - 3);
        assert!(reasons.iter().all(|(code, _)| *code == "payout_cap"), "{reasons:?}");
    }
}

#[tokio::test]
async fn a_payout_that_does_not_fit_whole_is_not_paid_and_a_smaller_one_still_is() {
    let database = database().await;
    let store = database.store();
    settled(&store, &paid_30(1, daily(50))).await;
    let too_much = settled(&store, &paid_30(2, daily(50))).await;
    let words = "the publisher's daily payout cap 50.00 on this campaign reached".to_owned();
    assert_eq!(no_payout(&store, too_much).await, Some(("payout_cap", words)));
    let books = closing(&load(&store, too_much).await).settlement.clone();
    assert_eq!((books.revenue, books.profit), (Money::from_units(50), Money::from_units(50)));
    settled(&store, &capped(on_terms(3, fixed(50), Conversion::Connected, pays(20)), daily(50))).await;
    assert_eq!(paid(&store).await, 50 * UNIT);
}

#[tokio::test]
async fn each_day_of_the_campaigns_clock_pays_anew() {
    let database = database().await;
    let store = database.store();
    let at = |number: u32, started_at: &str| {
        let write = paid_30(number, daily(30));
        let call = Arc::new(Call { started_at: at(started_at), ..Call::clone(&write.call) });
        StepWrite { call, ..write }
    };
    // Midnight in New York is five o'clock UTC.
    for (number, started_at, is_paid) in [
        (1, "2026-11-22T04:30:00Z", true),
        (2, "2026-11-22T04:40:00Z", false),
        (3, "2026-11-22T05:30:00Z", true),
        (4, "2026-11-22T06:30:00Z", false),
        // A call of the day before that is settled late finds that day's cap as it was left.
        (5, "2026-11-22T04:50:00Z", false),
    ] {
        let call = settled(&store, &at(number, started_at)).await;
        assert_eq!(no_payout(&store, call).await.is_none(), is_paid, "call {number}");
    }
    assert_eq!(paid(&store).await, 60 * UNIT);
}

#[tokio::test]
async fn a_late_report_is_paid_while_there_is_room_and_of_ten_at_once_three_are() {
    let database = database().await;
    let store = database.store();
    let share = PayoutAmount::Share { basis_points: 5_000, min: None, max: None };
    let payout = Payout { on: PayoutOn::Converted, amount: share, ..Payout::default() };
    let mut calls = Vec::new();
    for number in 1..=10 {
        let write = on_terms(number, Revenue::Reported, Conversion::Reported, payout);
        calls.push(settled(&store, &capped(write, daily(100))).await);
    }
    let clock = clock();
    let tools = tools(&store, &clock);
    let reports =
        calls.iter().map(|call| report_conversion(&tools, tenant(), report(*call, Some(60 * UNIT)), None));
    for reported in join_all(reports).await {
        assert!(matches!(reported.expect("an answer"), Reported::Counts(_)));
    }
    assert_eq!(paid(&store).await, 90 * UNIT);
    assert_eq!(counted(&store).await, (3, 90 * UNIT));
    let mut refused = 0;
    for call in calls {
        let books = closing(&load(&store, call).await).settlement.clone();
        assert_eq!((books.converted, books.revenue), (true, Money::from_units(60)));
        refused += usize::from(books.payout_cap().is_some());
    }
    assert_eq!(refused, 7);
}

#[tokio::test]
async fn what_a_report_adds_to_a_payout_counts_by_its_amount_and_not_as_a_second_payout() {
    let database = database().await;
    let store = database.store();
    let share = PayoutAmount::Share { basis_points: 5_000, min: Some(Money::from_units(5)), max: None };
    let payout = Payout { on: PayoutOn::Connected, amount: share, ..Payout::default() };
    let payouts = PayoutCounts { total: Some(1), ..PayoutCounts::default() };
    let caps = PayoutCaps { payouts, ..PayoutCaps::default() };
    let call =
        settled(&store, &capped(on_terms(1, Revenue::Reported, Conversion::Connected, payout), caps)).await;
    assert_eq!(counted(&store).await, (1, 5 * UNIT));
    let clock = clock();
    let tools = tools(&store, &clock);
    report_conversion(&tools, tenant(), report(call, Some(60 * UNIT)), None).await.expect("an answer");
    assert_eq!(counted(&store).await, (1, 30 * UNIT));
    assert_eq!(paid(&store).await, 30 * UNIT);
}

#[tokio::test]
async fn a_call_that_a_cap_left_unpaid_stays_so_when_a_report_comes() {
    let database = database().await;
    let store = database.store();
    let share = PayoutAmount::Share { basis_points: 5_000, min: Some(Money::from_units(20)), max: None };
    let payout = Payout { on: PayoutOn::Connected, amount: share, ..Payout::default() };
    let write =
        |number| capped(on_terms(number, Revenue::Reported, Conversion::Connected, payout), daily(30));
    settled(&store, &write(1)).await;
    let unpaid = settled(&store, &write(2)).await;
    let clock = clock();
    let tools = tools(&store, &clock);
    // It would add 5, for which there is room.
    report_conversion(&tools, tenant(), report(unpaid, Some(50 * UNIT)), None).await.expect("an answer");
    let books = closing(&load(&store, unpaid).await).settlement.clone();
    assert_eq!((books.revenue, books.payout), (Money::from_units(50), Money::ZERO));
    assert!(books.payout_cap().is_some());
}

#[tokio::test]
async fn an_adjustment_is_paid_whatever_the_cap_and_counts() {
    let database = database().await;
    let store = database.store();
    let first = settled(&store, &paid_30(1, daily(60))).await;
    let clock = clock();
    let tools = tools(&store, &clock);
    let approve = async |wanted: Wanted| {
        let asked =
            request(&tools, tenant(), &somebody(1), wanted).await.expect("an answer").expect("requested");
        let yes = Decision { approve: true, note: String::new() };
        decide(&tools, tenant(), &somebody(2), asked.id, &yes).await.expect("an answer").expect("approved");
    };
    approve(wanted(first, 0, 70 * UNIT)).await;
    assert_eq!(counted(&store).await, (1, 100 * UNIT));
    let second = settled(&store, &paid_30(2, daily(60))).await;
    assert!(no_payout(&store, second).await.is_some());
    // What is taken back makes room.
    approve(wanted(first, 0, -80 * UNIT)).await;
    settled(&store, &paid_30(3, daily(60))).await;
    assert_eq!(paid(&store).await, 50 * UNIT);
    assert_eq!(counted(&store).await, (2, 50 * UNIT));
}
