//! A day's calls, newest first, page by page.

use app::ports::{CallSummary, Calls, Page, Settling};
use domain::ids::CallId;
use jiff::civil::date;

use crate::support::*;

fn ids(page: &Page<CallSummary>) -> Vec<CallId> {
    page.items.iter().map(|summary| summary.call.id).collect()
}

#[tokio::test]
async fn pages_follow_each_other_without_gap_or_repetition() {
    let database = database().await;
    let store = database.store();
    for number in 1..=20 {
        store.write_step(&first_step(&call(number), "hello")).await.expect("written");
    }
    let today = date(2026, 11, 22);
    let first = store.page(tenant(), today, None, 8).await.expect("a page");
    let second = store.page(tenant(), today, first.next.as_deref(), 8).await.expect("a page");
    let third = store.page(tenant(), today, second.next.as_deref(), 8).await.expect("a page");
    assert_eq!(third.next, None);
    let all: Vec<CallId> = [&first, &second, &third].into_iter().flat_map(ids).collect();
    let newest_first: Vec<CallId> = (1..=20).rev().map(call_id).collect();
    assert_eq!(all, newest_first);

    let exactly_all = store.page(tenant(), today, None, 20).await.expect("a page");
    assert_eq!((exactly_all.items.len(), exactly_all.next), (20, None), "no empty page at the end");
    let cursor = first.next.expect("another page");
    assert!(
        cursor.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-'),
        "fit for a URL: {cursor}"
    );
}

#[tokio::test]
async fn calls_of_one_instant_and_of_parts_of_a_microsecond_are_all_listed() {
    let database = database().await;
    let store = database.store();
    for number in 1..=6 {
        let started_at = at("2026-11-22T12:00:00.123456789Z");
        store.write_step(&first_step(&call_at(number, started_at), "hello")).await.expect("written");
    }
    let mut all = Vec::new();
    let mut cursor = None;
    loop {
        let page = store.page(tenant(), date(2026, 11, 22), cursor.as_deref(), 1).await.expect("a page");
        all.extend(ids(&page));
        cursor = page.next;
        if cursor.is_none() {
            break;
        }
    }
    assert_eq!(all, (1..=6).rev().map(call_id).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_list_holds_its_day_and_its_tenant_only() {
    let database = database().await;
    let store = database.store();
    store
        .write_step(&first_step(&call_at(1, at("2026-11-21T23:59:59.999999Z")), "late"))
        .await
        .expect("written");
    store.write_step(&first_step(&call_at(2, at("2026-11-22T00:00:00Z")), "early")).await.expect("written");
    let page = store.page(tenant(), date(2026, 11, 22), None, 50).await.expect("a page");
    assert_eq!(ids(&page), [call_id(2)]);
    let page = store.page(tenant(), date(2026, 11, 21), None, 50).await.expect("a page");
    assert_eq!(ids(&page), [call_id(1)]);
    let page = store.page(id(8), date(2026, 11, 22), None, 50).await.expect("a page");
    assert!(page.items.is_empty());
}

#[tokio::test]
async fn a_closed_call_shows_how_it_ended() {
    let database = database().await;
    let store = database.store();
    let call = call(1);
    store.write_step(&first_step(&call, "hello")).await.expect("written");
    store.settle(tenant(), &call, &closing(), &Settling::default()).await.expect("settled");
    let page = store.page(tenant(), date(2026, 11, 22), None, 50).await.expect("a page");
    assert_eq!(page.items[0].call, *call);
    assert_eq!(page.items[0].closing, Some(closing()));
}

#[tokio::test]
async fn a_cursor_of_another_day_or_of_nobody_is_refused() {
    let database = database().await;
    let store = database.store();
    let other_day = format!("{}-{}", at("2026-11-20T10:00:00Z").as_microsecond(), call_id(1));
    for cursor in ["", "x", "-", "12-RGB", "99999999999999999999-RGB0", other_day.as_str()] {
        let page = store.page(tenant(), date(2026, 11, 22), Some(cursor), 5).await;
        assert!(page.is_err(), "{cursor:?}");
    }
}
