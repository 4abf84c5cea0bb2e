//! Visits: what several questions of one browser tell is all kept; lists go on exactly where they ended.

use std::sync::Arc;

use app::ports::{Calls, PostbackMarks, Turn, Visits};
use domain::call::Call;
use domain::dni::redtrack::PostbackType;
use domain::dni::visit::{Learned, PageSeen, Params, Visit};
use domain::ids::{TenantId, VisitId};
use futures::future::join_all;
use jiff::{SignedDuration, Timestamp};
use testkit::fakes::FakeVisits;
use testkit::faults::{Fault, Rule};
use uuid::Uuid;

use crate::support::*;

/// A visit that began so many milliseconds after noon; negative ones the day before, perhaps.
pub fn visit_id(millis: i64) -> VisitId {
    let began = noon().as_millisecond() + millis;
    let began = u64::try_from(began).expect("after 1970");
    let (seconds, nanos) = (began / 1_000, u32::try_from(began % 1_000).expect("small") * 1_000_000);
    let stamp = uuid::Timestamp::from_unix(uuid::NoContext, seconds, nanos);
    VisitId::from_uuid(Uuid::new_v7(stamp))
}

pub fn visit(id: VisitId, params: &[(&str, &str)]) -> Visit {
    Visit {
        id,
        tag: crate::support::id(50),
        campaign: campaign(),
        publisher: None,
        started_at: noon(),
        seen_at: noon(),
        number: Some("+14155550100".parse().expect("a number")),
        attributed: true,
        params: kept(params),
        first: kept(&[("url", "https://example.com/")]),
        last: Params::new(),
        pages: Vec::new(),
        geo: Default::default(),
        device: Default::default(),
    }
}

fn kept(params: &[(&str, &str)]) -> Params {
    params.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

fn learned(at: Timestamp, params: &[(&str, &str)]) -> Learned {
    Learned { at, params: kept(params), ..Learned::default() }
}

/// What every adapter of the port does.
async fn keeps_its_promises(visits: &dyn Visits) {
    let other: TenantId = id(8);
    let first = visit(visit_id(0), &[("utm_source", "google")]);
    assert_eq!(visits.visit(tenant(), first.id).await.expect("read"), None);
    assert!(!visits.learn(tenant(), first.id, &learned(after(1), &[])).await.expect("an answer"));
    visits.begin(tenant(), &first).await.expect("begun");
    assert_eq!(visits.visit(tenant(), first.id).await.expect("read").as_ref(), Some(&first));
    assert_eq!(visits.visit(other, first.id).await.expect("read"), None, "each tenant has its own");

    let page = PageSeen { url: "https://example.com/b".to_owned(), referrer: String::new(), at: after(2) };
    let more = Learned { page: Some(page.clone()), ..learned(after(2), &[("clickid", "c-1")]) };
    assert!(visits.learn(tenant(), first.id, &more).await.expect("learned"));
    assert!(!visits.learn(other, first.id, &more).await.expect("an answer"));
    visits.begin(tenant(), &first).await.expect("begun again");
    let known = visits.visit(tenant(), first.id).await.expect("read").expect("there");
    assert_eq!(known.params, kept(&[("clickid", "c-1"), ("utm_source", "google")]), "nothing is lost");
    assert_eq!((known.seen_at, known.pages), (after(2), vec![page]));
    assert_eq!(known.first, first.first);

    // Also a click that came later finds its visit, the latest of several.
    let of_click = async |click: &str| visits.visit_of_click(tenant(), click).await.expect("read");
    assert_eq!(of_click("c-1").await.map(|visit| visit.id), Some(first.id));
    let second = visit(visit_id(5_000), &[("rtkclickid", "c-1")]);
    visits.begin(tenant(), &second).await.expect("begun");
    assert_eq!(of_click("c-1").await.map(|visit| visit.id), Some(second.id));
    assert_eq!(of_click("c-2").await, None);
    assert_eq!(visits.visit_of_click(other, "c-1").await.expect("read"), None);

    let both = visits.visits(tenant(), &[first.id, visit_id(77), second.id]).await.expect("read");
    assert_eq!(both.len(), 2, "{both:?}");

    visits.forget_visit(tenant(), second.id).await.expect("forgotten");
    visits.forget_visit(tenant(), second.id).await.expect("forgotten again");
    assert_eq!(visits.visit(tenant(), second.id).await.expect("read"), None);
    assert_eq!(of_click("c-1").await.map(|visit| visit.id), Some(first.id));
}

/// Days and pages.
async fn lists_in_order(visits: &dyn Visits) {
    let day = SignedDuration::from_hours(24);
    // Three of the day before, up to its last millisecond; five of the day, from its first.
    let midnight = noon() - SignedDuration::from_hours(12);
    let since = |millis: i64| visit_id(midnight.as_millisecond() - noon().as_millisecond() + millis);
    let before = [-1, -2, -50_000].map(since);
    let of_day = [86_399_999, 4_000, 3_000, 1, 0].map(since);
    for id in before.iter().chain(&of_day) {
        visits.begin(tenant(), &visit(*id, &[])).await.expect("begun");
    }
    let today = noon().to_zoned(jiff::tz::TimeZone::UTC).date();
    let yesterday = (noon() - day).to_zoned(jiff::tz::TimeZone::UTC).date();
    let list = async |date, after, limit| -> Vec<VisitId> {
        let found = visits.visits_of_day(tenant(), date, after, limit).await.expect("a list");
        found.into_iter().map(|visit| visit.id).collect()
    };
    assert_eq!(list(today, None, 100).await, of_day);
    assert_eq!(list(yesterday, None, 100).await, before);
    for size in 1..=6_u16 {
        let (mut all, mut after) = (Vec::new(), None);
        loop {
            let page = list(today, after, size).await;
            let Some(last) = page.last() else { break };
            after = Some(*last);
            all.extend(page);
        }
        assert_eq!(all, of_day, "pages of {size}");
    }
    assert!(visits.visits_of_day(id(8), today, None, 9).await.expect("a list").is_empty());
}

#[tokio::test]
async fn the_table_and_the_fake_keep_the_same_promises() {
    let database = database().await;
    keeps_its_promises(&database.store()).await;
    keeps_its_promises(&FakeVisits::default()).await;
}

#[tokio::test]
async fn the_table_and_the_fake_list_alike() {
    let database = database().await;
    lists_in_order(&database.store()).await;
    lists_in_order(&FakeVisits::default()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_told_at_the_same_moment_is_all_kept() {
    let troubled =
        troubled(&[Rule::percent(10, Fault::TableThrottled), Rule::percent(5, Fault::LostAnswer)]).await;
    let id = visit_id(0);
    troubled.database.store().begin(tenant(), &visit(id, &[])).await.expect("begun");
    let tells = (0..12).map(|number| {
        let store = troubled.store.clone();
        tokio::spawn(async move {
            let name = format!("p{number}");
            let told = learned(noon(), &[(&name, "x")]);
            // Whoever is too busy sends it again, as the script does with its next question.
            while store.learn(tenant(), id, &told).await.is_err() {}
        })
    });
    for told in join_all(tells).await {
        told.expect("no panic");
    }
    let known = troubled.database.store().visit(tenant(), id).await.expect("read").expect("there");
    assert_eq!(known.params.len(), 12, "{:?}", known.params);
}

#[tokio::test]
async fn a_visit_finds_its_calls_from_their_first_step_on() {
    let database = database().await;
    let store = database.store();
    let visit = visit_id(0);
    let of = |number: u32, visit| Arc::new(Call { visit, ..Call::clone(&call(number)) });
    for call in [of(2, Some(visit)), of(1, Some(visit)), of(3, None), of(4, Some(visit_id(9)))] {
        store.write_step(&first_step(&call, "hello")).await.expect("written");
    }
    let found = store.calls_of_visit(tenant(), visit).await.expect("a list");
    assert_eq!(found, [call_id(1), call_id(2)], "the first ones first");
    assert!(store.calls_of_visit(id(8), visit).await.expect("a list").is_empty());
    let FakeOrder(fake) = fake_with_calls(visit).await;
    assert_eq!(fake.calls_of_visit(tenant(), visit).await.expect("a list"), found);
}

struct FakeOrder(FakeVisits);

async fn fake_with_calls(visit: VisitId) -> FakeOrder {
    let fake = FakeVisits::default();
    for number in [2, 1] {
        fake.called(tenant(), visit, call_id(number));
    }
    FakeOrder(fake)
}

#[tokio::test]
async fn a_postback_is_one_workers_until_it_is_sent_given_up_or_stale() {
    let database = database().await;
    let store = database.store();
    let (call, kind) = (call_id(1), PostbackType::RAWCall);
    let minute = SignedDuration::from_mins(1);
    let begin = async |now: Timestamp| {
        store.take_on(tenant(), call, kind, now, now - minute).await.expect("an answer")
    };
    use PostbackMarks as _;
    assert_eq!(begin(noon()).await, Turn::Ours);
    assert_eq!(begin(noon()).await, Turn::Theirs);
    assert_eq!(begin(after(2)).await, Turn::Ours, "whoever had it has died over it");
    store.give_up(tenant(), call, kind).await.expect("given up");
    assert_eq!(begin(after(2)).await, Turn::Ours);
    store.note_sent(tenant(), call, kind, after(2)).await.expect("noted");
    assert_eq!(begin(after(60)).await, Turn::Done);
    store.give_up(tenant(), call, kind).await.expect("nothing to give up");
    assert_eq!(begin(after(60)).await, Turn::Done);
    let other = store.take_on(tenant(), call, PostbackType::ConvertedCall, noon(), noon()).await;
    assert_eq!(other.expect("an answer"), Turn::Ours, "each kind has its own mark");
}
