//! The books of a call: whatever comes, in whatever order and however often, also while things go wrong, the lines of the
//! ledger are the call's money to the micro-unit, and a report counts once.

use std::sync::Arc;

use app::books::{
    Decision, NewReport, Reported, Tools, Unadjusted, Wanted, decide, report_conversion, request,
};
use app::ports::{AdjustmentList, Books, CallRecord, Calls, Closing, Counters, Settling, StepWrite};
use domain::adjustment::{Adjustment, AdjustmentStatus};
use domain::audit::{Actor, By, Origin};
use domain::call::{Attempt, Call, CallStatus, Leg, LegEvent};
use domain::conversion_report::{Effect, Reporter};
use domain::ids::{AdjustmentId, CallId, IncomingWebhookId, UserId};
use domain::ledger::{
    Conversion, EntryKind, Party, Payout, PayoutAmount, PayoutOn, PerMinute, Revenue, Source, Terms,
    TimerStart, Unbookable, settle,
};
use domain::money::Money;
use domain::predictive::{Counts, Earned};
use domain::routing::Via;
use domain::seed::Dice;
use futures::future::join_all;
use jiff::SignedDuration;
use store::Store;
use testkit::fakes::FakeClock;
use testkit::faults::{Fault, Rule};

use crate::support::*;

/// Stories told.
const STORIES: u64 = 24;
const UNIT: i64 = 1_000_000;

pub fn somebody(number: u128) -> By {
    let user: UserId = id(number);
    By { actor: Actor::User(user), origin: Origin::default() }
}

pub fn hook() -> Reporter {
    let id: IncomingWebhookId = id(90);
    Reporter::Webhook(id)
}

pub fn clock() -> FakeClock {
    FakeClock::at(after(10))
}

pub fn tools<'a>(store: &'a Store, clock: &'a FakeClock) -> Tools<'a> {
    Tools { calls: store, books: store, clock }
}

pub fn report(call: CallId, revenue: Option<i64>) -> NewReport {
    NewReport { call, campaign: None, by: hook(), revenue: revenue.map(Money::from_micros) }
}

pub fn wanted(call: CallId, revenue: i64, payout: i64) -> Wanted {
    let (revenue, payout) = (Money::from_micros(revenue), Money::from_micros(payout));
    Wanted { call, revenue, payout, reason: "agreed".to_owned(), disputed_by: None }
}

pub fn fixed(units: i32) -> Revenue {
    Revenue::Fixed(Money::from_units(units))
}

/// A call with one dialled destination, on these terms.
pub fn on_terms(number: u32, revenue: Revenue, conversion: Conversion, payout: Payout) -> StepWrite {
    let call = Arc::new(Call { payout, ..Call::clone(&call(number)) });
    let terms = Terms { revenue, conversion, buyer: Some(id(60)) };
    let attempt = Attempt { terms, bid: Some(Money::from_units(31)), ..attempt(0, &[]) };
    StepWrite { attempts: vec![attempt], ..first_step(&call, "dialling") }
}

/// What Twilio tells of such a call: 95 seconds of talk.
pub fn told(call: &Call) -> Vec<LegEvent> {
    let at = |seconds| call.started_at + SignedDuration::from_secs(seconds);
    let over = |leg, seconds, talked| LegEvent {
        at: at(seconds),
        duration_s: Some(talked),
        ..leg_event(leg, CallStatus::Completed, 3)
    };
    vec![
        LegEvent { at: at(5), ..leg_event(Leg::Attempt(0), CallStatus::InProgress, 2) },
        over(Leg::Attempt(0), 100, 95),
        over(Leg::Caller, 101, 101),
    ]
}

async fn closed(store: &Store, write: &StepWrite) -> CallId {
    let call = &write.call;
    store.write_step(write).await.expect("written");
    for event in told(call) {
        store.record_event(tenant(), call.id, &event).await.expect("noted");
    }
    assert!(close_if_over(store, tenant(), call.id).await.expect("closed"));
    call.id
}

pub async fn load(store: &Store, call: CallId) -> CallRecord {
    store.load(tenant(), call).await.expect("a read").expect("a call")
}

pub fn closing(record: &CallRecord) -> &Closing {
    record.closing.as_ref().expect("it is settled")
}

async fn all(store: &Store, status: AdjustmentStatus) -> Vec<Adjustment> {
    store.adjustments(tenant(), AdjustmentList::Status(status), None, 200).await.expect("a list").items
}

/// Something that happens to a call.
#[derive(Debug, Clone)]
enum Deed {
    Told(LegEvent),
    Close,
    Report(Option<i64>),
    /// Asked for, approved three times by the same person.
    Adjust(i64, i64),
    /// Asked for and refused, once by each of two.
    Refuse,
}

async fn done(store: &Store, clock: &FakeClock, call: CallId, deed: &Deed) {
    let tools = tools(store, clock);
    // What failed, failed: somebody sends it again, or housekeeping looks.
    match deed {
        Deed::Told(event) => {
            let _ = store.record_event(tenant(), call, event).await;
            let _ = close_if_over(store, tenant(), call).await;
        }
        Deed::Close => {
            let _ = close_if_over(store, tenant(), call).await;
        }
        Deed::Report(revenue) => {
            let _ = report_conversion(&tools, tenant(), report(call, *revenue), None).await;
        }
        Deed::Adjust(revenue, payout) => {
            let asked = request(&tools, tenant(), &somebody(1), wanted(call, *revenue, *payout)).await;
            if let Ok(Ok(adjustment)) = asked {
                let yes = Decision { approve: true, note: String::new() };
                let by = somebody(2);
                let decisions = (0..3).map(|_| decide(&tools, tenant(), &by, adjustment.id, &yes));
                join_all(decisions).await;
            }
        }
        Deed::Refuse => {
            if let Ok(Ok(adjustment)) = request(&tools, tenant(), &somebody(1), wanted(call, UNIT, 0)).await {
                let no = Decision { approve: false, note: "no".to_owned() };
                for by in [somebody(1), somebody(2)] {
                    let _ = decide(&tools, tenant(), &by, adjustment.id, &no).await;
                }
            }
        }
    }
}

fn story(dice: &mut Dice) -> (StepWrite, Vec<Deed>) {
    let length = Conversion::Length { seconds: 90, from: TimerStart::Incoming };
    let conversion = [Conversion::Reported, Conversion::Connected, length][dice.below(3) as usize];
    let per_minute = PerMinute { price: Money::from_micros(1_234_567), first_s: 30, step_s: 6 };
    let revenue = [Revenue::Reported, fixed(25), Revenue::PerMinute(per_minute), Revenue::WinningBid]
        [dice.below(4) as usize];
    let share = PayoutAmount::Share {
        basis_points: 3_333,
        min: Some(Money::from_micros(500_000)),
        max: Some(Money::from_units(20)),
    };
    let amount = [share, PayoutAmount::Fixed(Money::from_units(10)), PayoutAmount::PerMinute(per_minute)]
        [dice.below(3) as usize];
    let on = [PayoutOn::Incoming, PayoutOn::Converted][dice.below(2) as usize];
    let write = on_terms(1, revenue, conversion, Payout { on, amount, ..Payout::default() });

    let mut deeds = Vec::new();
    for event in told(&write.call) {
        deeds.extend(std::iter::repeat_n(Deed::Told(event), 1 + dice.below(3) as usize));
    }
    deeds.extend(std::iter::repeat_n(Deed::Close, 2));
    deeds.extend(std::iter::repeat_n(Deed::Report(Some(80 * UNIT + 1)), 1 + dice.below(3) as usize));
    deeds.extend(std::iter::repeat_n(Deed::Report(None), dice.below(2) as usize));
    deeds.extend([
        Deed::Adjust(-7_000_001, 0),
        Deed::Adjust(3_000_000, -400_000),
        Deed::Adjust(-900 * UNIT, 0),
        Deed::Refuse,
    ]);
    for last in (1..deeds.len()).rev() {
        deeds.swap(last, dice.below(last as u64 + 1) as usize);
    }
    (write, deeds)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_ledgers_sum_is_the_calls_sum_whatever_happens_in_whatever_order() {
    let (mut reported, mut adjusted) = (0, 0);
    for seed in 0..STORIES {
        let troubled = troubled(&[]).await;
        let plain = troubled.database.store();
        let mut dice = Dice::new(seed);
        let (write, deeds) = story(&mut dice);
        let call = write.call.id;
        plain.write_step(&write).await.expect("written");
        for rule in a_busy_table() {
            troubled.proxy.inject(rule);
        }
        troubled.proxy.inject(Rule::percent(10, Fault::LostAnswer));
        troubled.proxy.inject(Rule::percent(5, Fault::ServerError));
        let clock = clock();
        for some in deeds.chunks(4) {
            join_all(some.iter().map(|deed| done(&troubled.store, &clock, call, deed))).await;
        }
        // Everybody whose request failed has sent it again in the end.
        troubled.proxy.heal();
        for event in told(&write.call) {
            done(&plain, &clock, call, &Deed::Told(event)).await;
        }
        done(&plain, &clock, call, &Deed::Report(Some(80 * UNIT + 1))).await;
        done(&plain, &clock, call, &Deed::Adjust(3_000_000, 0)).await;
        let one = holds_together(&plain, call, seed).await;
        reported += usize::from(one.0);
        adjusted += one.1;
    }
    assert_eq!(reported, STORIES as usize, "each call has its report");
    assert!(adjusted > STORIES as usize, "only {adjusted} adjustments were approved");
}

/// Whether the call has a report, and how many adjustments are in its books.
async fn holds_together(store: &Store, call: CallId, seed: u64) -> (bool, usize) {
    let record = load(store, call).await;
    let books = &closing(&record).settlement;
    let mut lines = record.ledger.clone();
    lines.sort_by_key(|entry| entry.number);
    assert_eq!(lines, books.entries, "story {seed}: the lines beside the call are those in it");
    let numbers: Vec<usize> = lines.iter().map(|entry| usize::from(entry.number)).collect();
    assert_eq!(numbers, (1..=lines.len()).collect::<Vec<_>>(), "story {seed}");
    let sum = |kind: EntryKind| -> i64 {
        lines.iter().filter(|entry| entry.kind == kind).map(|entry| entry.amount.micros()).sum()
    };
    let (revenue, payout) = (sum(EntryKind::Revenue), sum(EntryKind::Payout));
    assert_eq!((revenue, payout), (books.revenue.micros(), books.payout.micros()), "story {seed}");
    assert_eq!(books.profit.micros(), revenue - payout, "story {seed}");
    assert!(revenue >= 0 && payout >= 0, "story {seed}: {books:?}");

    // What it must be: the rules with the report that counts, and every approved adjustment once.
    let conclusion = closing(&record).conclusion(&record.attempts);
    let ruled = settle(&record.call, &conclusion, record.report.as_ref());
    let approved = all(store, AdjustmentStatus::Approved).await;
    let moved =
        |side: fn(&Adjustment) -> Money| -> i64 { approved.iter().map(|one| side(one).micros()).sum() };
    assert_eq!(revenue, ruled.revenue.micros() + moved(|one| one.revenue), "story {seed}: revenue");
    assert_eq!(payout, ruled.payout.micros() + moved(|one| one.payout), "story {seed}: payout");
    assert_eq!(books.converted, ruled.converted, "story {seed}");
    assert!(approved.iter().all(|one| one.revenue.micros() > -900 * UNIT), "story {seed}");

    // What the destination earned is what the call earned, on the campaign and from the publisher.
    let mut earned = store.earned(tenant(), campaign(), Some(id(5)), after(10)).await.expect("a read");
    let counts = Counts {
        dialled: 1,
        connected: 1,
        converted: books.converted.into(),
        revenue: Money::from_micros(revenue),
    };
    let expected = Earned { of_publisher: counts, of_campaign: counts };
    assert_eq!(earned.remove(&Via::Target(target())), Some(expected), "story {seed}: what was earned");
    assert!(earned.is_empty(), "story {seed}: {earned:?}");

    // The parties' ledgers are the same lines.
    for party in [Party::Buyer(id(60)), Party::Publisher(id(5))] {
        let month = jiff::civil::date(2026, 11, 1);
        let page = store.ledger_of(tenant(), party, month, None, 200).await.expect("a page");
        let theirs: i64 = page.items.iter().map(|line| line.entry.amount.micros()).sum();
        let own: i64 = lines.iter().filter(|line| line.party == party).map(|line| line.amount.micros()).sum();
        assert_eq!(theirs, own, "story {seed}");
    }
    (record.report.is_some(), approved.len())
}

#[tokio::test]
async fn of_ten_different_reports_at_once_one_counts() {
    let database = database().await;
    let store = database.store();
    let write = on_terms(1, Revenue::Reported, Conversion::Reported, Payout::default());
    let call = closed(&store, &write).await;
    let clock = clock();
    let tools = tools(&store, &clock);
    let reports =
        (1..=10).map(|units| report_conversion(&tools, tenant(), report(call, Some(units * UNIT)), None));
    let outcomes: Vec<Reported> =
        join_all(reports).await.into_iter().map(|one| one.expect("an answer")).collect();
    let counted = outcomes.iter().filter(|one| matches!(one, Reported::Counts(_))).count();
    assert_eq!(counted, 1, "{outcomes:?}");
    let record = load(&store, call).await;
    let counts = record.report.expect("a report");
    assert_eq!(counts.effect, Effect::Converted);
    assert_eq!(record.closing.map(|closing| closing.settlement.revenue), counts.revenue);
    assert_eq!(record.ledger.len(), 1);
    assert_eq!(record.ledger[0].source, Source::Report);
}

#[tokio::test]
async fn the_same_report_again_is_answered_as_the_first_was() {
    let database = database().await;
    let store = database.store();
    let write = on_terms(1, fixed(25), Conversion::Reported, Payout::default());
    store.write_step(&write).await.expect("written");
    let call = write.call.id;
    let clock = clock();
    let tools = tools(&store, &clock);
    let first = report_conversion(&tools, tenant(), report(call, None), None).await.expect("an answer");
    assert!(matches!(&first, Reported::Counts(report) if report.effect == Effect::Held), "{first:?}");
    clock.advance(3_600);
    for event in told(&write.call) {
        store.record_event(tenant(), call, &event).await.expect("noted");
    }
    assert!(close_if_over(&store, tenant(), call).await.expect("closed"));
    let record = load(&store, call).await;
    assert_eq!(
        closing(&record).settlement.revenue,
        Money::from_units(25),
        "the held report counts at the close"
    );
    let again = report_conversion(&tools, tenant(), report(call, None), None).await.expect("an answer");
    assert_eq!(again, first);
    let other = report_conversion(&tools, tenant(), report(call, Some(UNIT)), None).await.expect("an answer");
    assert!(matches!(other, Reported::Before(_)), "{other:?}");
}

#[tokio::test]
async fn a_settlement_that_does_not_know_of_a_report_does_not_go_through() {
    let database = database().await;
    let store = database.store();
    let write = on_terms(1, fixed(25), Conversion::Reported, Payout::default());
    store.write_step(&write).await.expect("written");
    let looked_before = Closing { attempts: 1, ..crate::support::closing() };
    let clock = clock();
    let tools = tools(&store, &clock);
    report_conversion(&tools, tenant(), report(write.call.id, None), None).await.expect("held");
    assert!(
        !store.settle(tenant(), &write.call, &looked_before, &Settling::default()).await.expect("an answer")
    );
    let looked_again = Closing { reported: true, ..looked_before };
    assert!(store.settle(tenant(), &write.call, &looked_again, &Settling::default()).await.expect("settled"));
}

#[tokio::test]
async fn a_call_can_be_reported_for_thirty_days_and_not_a_second_longer() {
    let database = database().await;
    let store = database.store();
    let month = 30 * 24 * 3_600;
    for (number, late, counts) in [(1, 0, true), (2, 1, false)] {
        let write = on_terms(number, fixed(25), Conversion::Reported, Payout::default());
        let call = closed(&store, &write).await;
        // Connected five seconds after it came in: 100 s to its end, 95 of them talk.
        let connected = write.call.started_at + SignedDuration::from_secs(5);
        let clock = FakeClock::at(connected + SignedDuration::from_secs(month + late));
        let outcome = report_conversion(&tools(&store, &clock), tenant(), report(call, None), None).await;
        let outcome = outcome.expect("an answer");
        assert_eq!(matches!(outcome, Reported::Counts(_)), counts, "{outcome:?}");
        assert_eq!(matches!(outcome, Reported::TooLate), !counts, "{outcome:?}");
    }
}

#[tokio::test]
async fn two_approvals_at_once_never_take_more_than_there_is() {
    let database = database().await;
    let store = database.store();
    let call = closed(&store, &on_terms(1, fixed(25), Conversion::Connected, Payout::default())).await;
    let clock = clock();
    let tools = tools(&store, &clock);
    let mut asked: Vec<AdjustmentId> = Vec::new();
    for _ in 0..4 {
        let made = request(&tools, tenant(), &somebody(1), wanted(call, -10 * UNIT, 0)).await;
        asked.push(made.expect("an answer").expect("it fits by itself").id);
    }
    let yes = Decision { approve: true, note: String::new() };
    let by = somebody(2);
    let decisions = join_all(asked.iter().map(|id| decide(&tools, tenant(), &by, *id, &yes))).await;
    let approved = decisions.iter().filter(|one| matches!(one, Ok(Ok(_)))).count();
    let below = Unadjusted::Unbookable(Unbookable::BelowZero(EntryKind::Revenue));
    let refused = decisions.iter().filter(|one| matches!(one, Ok(Err(why)) if *why == below)).count();
    assert_eq!((approved, refused), (2, 2), "{decisions:?}");
    assert_eq!(closing(&load(&store, call).await).settlement.revenue, Money::from_units(5));
    assert_eq!(all(&store, AdjustmentStatus::Requested).await.len(), 2, "those may be rejected, or wait");
}

#[tokio::test]
async fn an_adjustment_is_decided_once() {
    let database = database().await;
    let store = database.store();
    let call = closed(&store, &on_terms(1, fixed(25), Conversion::Connected, Payout::default())).await;
    let clock = clock();
    let tools = tools(&store, &clock);
    let asked = request(&tools, tenant(), &somebody(1), wanted(call, -UNIT, 0)).await;
    let asked = asked.expect("an answer").expect("asked for");
    let (yes, no) = (true, false);
    let say = |approve| Decision { approve, note: "heard it, call 415-555-0123".to_owned() };
    let approved = decide(&tools, tenant(), &somebody(2), asked.id, &say(yes)).await.expect("an answer");
    let approved = approved.expect("approved");
    assert!(!approved.decided.as_ref().expect("decided").note.contains("5550123"), "{approved:?}");
    let again = decide(&tools, tenant(), &somebody(2), asked.id, &say(yes)).await.expect("an answer");
    assert_eq!(again, Ok(approved.clone()), "the same by the same person is answered as before");
    for (by, what) in [(3, yes), (2, no)] {
        let late = decide(&tools, tenant(), &somebody(by), asked.id, &say(what)).await.expect("an answer");
        assert_eq!(late, Err(Unadjusted::Decided(Box::new(approved.clone()))));
    }
    assert_eq!(load(&store, call).await.ledger.len(), 2);
}

#[tokio::test]
async fn a_call_that_goes_on_has_no_books_to_adjust() {
    let database = database().await;
    let store = database.store();
    let write = on_terms(1, fixed(25), Conversion::Connected, Payout::default());
    store.write_step(&write).await.expect("written");
    let clock = clock();
    let asked = request(&tools(&store, &clock), tenant(), &somebody(1), wanted(write.call.id, UNIT, 0)).await;
    assert_eq!(asked.expect("an answer"), Err(Unadjusted::Open));
}

#[tokio::test]
async fn a_buyer_disputes_only_its_own_calls_and_only_for_less() {
    let database = database().await;
    let store = database.store();
    let call = closed(&store, &on_terms(1, fixed(25), Conversion::Connected, Payout::default())).await;
    let clock = clock();
    let tools = tools(&store, &clock);
    let dispute =
        |buyer, revenue, payout| Wanted { disputed_by: Some(id(buyer)), ..wanted(call, revenue, payout) };
    let ask = async |wanted| request(&tools, tenant(), &somebody(7), wanted).await.expect("an answer");
    assert_eq!(ask(dispute(61, -UNIT, 0)).await, Err(Unadjusted::NotFound));
    assert!(matches!(ask(dispute(60, UNIT, 0)).await, Err(Unadjusted::Invalid(_))));
    assert!(matches!(ask(dispute(60, -UNIT, -UNIT)).await, Err(Unadjusted::Invalid(_))));
    let asked = ask(dispute(60, -UNIT, 0)).await.expect("asked for");
    let list = |buyer| store.adjustments(tenant(), AdjustmentList::DisputedBy(id(buyer)), None, 10);
    assert_eq!(list(60).await.expect("a list").items, [asked]);
    assert!(list(61).await.expect("a list").items.is_empty());
}

#[tokio::test]
async fn a_partys_ledger_comes_page_by_page_newest_first() {
    let database = database().await;
    let store = database.store();
    for number in 1..=5 {
        closed(&store, &on_terms(number, fixed(25), Conversion::Connected, Payout::default())).await;
    }
    let (party, month) = (Party::Buyer(id(60)), jiff::civil::date(2026, 11, 9));
    let mut seen = Vec::new();
    let mut from: Option<String> = None;
    loop {
        let page = store.ledger_of(tenant(), party, month, from.as_deref(), 2).await.expect("a page");
        assert!(page.items.len() <= 2);
        seen.extend(page.items.into_iter().map(|line| line.call));
        from = page.next;
        if from.is_none() {
            break;
        }
    }
    let newest_first: Vec<CallId> = (1..=5).rev().map(call_id).collect();
    assert_eq!(seen, newest_first);
    let october = jiff::civil::date(2026, 10, 1);
    assert!(store.ledger_of(tenant(), party, october, None, 2).await.expect("a page").items.is_empty());
}
