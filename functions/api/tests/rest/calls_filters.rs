//! Filters of the call log, its read budget, and what somebody sees who is limited to one party.

use std::sync::Arc;

use api::calls::{Viewer, auction_for, decisions_for, detail_for, events_for, ledger_for, list_for};
use app::ports::CallRecord;
use contract::calls::CallsPage;
use domain::access::Party;
use domain::call::{Call, CallStatus};
use domain::ids::{BuyerId, CampaignId, Id, Noun, NumberId, PublisherId, RtbTargetId, TargetId};
use domain::ledger;
use domain::routing::Via;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::calls::{CALLER, call_id, record};
use crate::support::World;

fn id<N: Noun>(number: u128) -> Id<N> {
    Id::from_uuid(Uuid::from_u128(number))
}

const START: &str = "2026-11-22T00:00:00Z";

/// A call that began so many seconds after midnight, changed by `change`.
fn call(world: &World, number: u32, change: impl FnOnce(&mut Call, &mut CallRecord)) {
    let started_at: Timestamp =
        START.parse::<Timestamp>().unwrap() + SignedDuration::from_secs(number.into());
    let mut record = record(world.tenant, number.into(), &started_at.to_string());
    let mut call = Call::clone(&record.call);
    let closing = record.closing.as_mut().unwrap();
    closing.billed_via = Some(Via::RtbTarget(id(12)));
    closing.buyer = Some(id(7));
    record.attempts[0].terms.buyer = Some(id(7));
    record.attempts[1].terms.buyer = Some(id(8));
    record.ledger[0].party = ledger::Party::Buyer(id(7));
    change(&mut call, &mut record);
    record.call = Arc::new(call);
    world.calls.insert(record);
}

fn query(text: &str) -> Vec<(String, String)> {
    text.split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| pair.split_once('=').unwrap())
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect()
}

async fn ids(world: &World, filter: &str) -> Vec<String> {
    let page = world.get(&format!("/api/calls?{filter}")).await.ok(200);
    page["items"].as_array().unwrap().iter().map(|call| call["id"].as_str().unwrap().to_owned()).collect()
}

fn printed(numbers: &[u128]) -> Vec<String> {
    numbers.iter().map(|number| call_id(*number).to_string()).collect()
}

#[tokio::test]
async fn each_filter_finds_its_calls_and_no_others() {
    let world = World::new().await;
    call(&world, 1, |_, _| {});
    call(&world, 2, |call, _| call.campaign = id(90));
    call(&world, 3, |call, _| call.publisher = Some(id(91)));
    call(&world, 4, |_, record| record.closing.as_mut().unwrap().billed_via = Some(Via::Target(id(92))));
    call(&world, 5, |_, record| record.closing.as_mut().unwrap().billed_via = Some(Via::RtbTarget(id(93))));
    call(&world, 6, |_, record| record.closing.as_mut().unwrap().buyer = Some(id(94)));
    call(&world, 7, |call, _| call.number = Some(id(95)));
    call(&world, 8, |call, _| call.from = "+442079460123".to_owned());
    call(&world, 9, |_, record| record.closing.as_mut().unwrap().status = CallStatus::NoAnswer);
    call(&world, 10, |_, record| record.closing.as_mut().unwrap().connected = false);
    call(&world, 11, |_, record| record.closing.as_mut().unwrap().settlement.converted = false);
    call(&world, 12, |_, record| record.closing.as_mut().unwrap().connected_seconds = 7);
    call(&world, 13, |_, record| record.closing.as_mut().unwrap().connected_seconds = 5_000);
    call(&world, 14, |_, record| record.closing = None);
    call(&world, 15, |call, _| call.from = "sip:+442079460123@sip.example.com".to_owned());
    for (filter, found) in [
        (format!("campaign={}", CampaignId::from_uuid(Uuid::from_u128(90))), vec![2]),
        (format!("publisher={}", PublisherId::from_uuid(Uuid::from_u128(91))), vec![3]),
        (format!("target={}", TargetId::from_uuid(Uuid::from_u128(92))), vec![4]),
        (format!("rtb_target={}", RtbTargetId::from_uuid(Uuid::from_u128(93))), vec![5]),
        (format!("buyer={}", BuyerId::from_uuid(Uuid::from_u128(94))), vec![6]),
        (format!("number={}", NumberId::from_uuid(Uuid::from_u128(95))), vec![7]),
        ("caller=%2B442079460123".to_owned(), vec![15, 8]),
        ("caller=+442079460123".to_owned(), vec![15, 8]),
        ("status=no-answer".to_owned(), vec![9]),
        ("status=open".to_owned(), vec![14]),
        ("connected=false".to_owned(), vec![10]),
        ("converted=false".to_owned(), vec![11]),
        ("max_duration=7".to_owned(), vec![12]),
        ("min_duration=5000".to_owned(), vec![13]),
        ("min_duration=96&max_duration=4999".to_owned(), vec![]),
        (format!("campaign={}&status=open", CampaignId::from_uuid(Uuid::from_u128(90))), vec![]),
        ("status=open&connected=false".to_owned(), vec![]),
    ] {
        assert_eq!(ids(&world, &filter).await, printed(&found), "{filter}");
    }
    assert_eq!(ids(&world, "connected=true").await.len(), 13);
    assert_eq!(ids(&world, "").await.len(), 15);
}

#[tokio::test]
async fn only_those_who_see_numbers_find_calls_by_them() {
    let world = World::new().await;
    call(&world, 1, |_, _| {});
    let number = CALLER.replace('+', "%2B");
    assert_eq!(ids(&world, &format!("caller={number}")).await.len(), 1);
    let key = world.new_key(world.tenant, &["calls:read"], None).await;
    let refused = world.send(&key, "GET", &format!("/api/calls?caller={number}"), None).await;
    let problem = refused.refused(403, "not_permitted");
    assert!(problem["detail"].as_str().unwrap().contains("numbers:read"), "{problem}");
}

#[tokio::test]
async fn a_rare_filter_ends_at_its_budget_and_goes_on_exactly_there() {
    let world = World::new().await;
    let rare = [17_u32, 18, 4_400, 8_999];
    for number in 1..=9_000 {
        call(&world, number, |call, _| {
            if rare.contains(&number) {
                call.campaign = id(90);
            }
        });
    }
    let filter =
        format!("from=2026-11-22&to=2026-11-22&campaign={}", CampaignId::from_uuid(Uuid::from_u128(90)));
    let mut found = Vec::new();
    let mut cursor = String::new();
    let mut reads = Vec::new();
    loop {
        let before = world.calls.pages_read();
        let page = world.get(&format!("/api/calls?{filter}&limit=3{cursor}")).await.ok(200);
        reads.push(world.calls.pages_read() - before);
        found.extend(
            page["items"].as_array().unwrap().iter().map(|call| call["id"].as_str().unwrap().to_owned()),
        );
        assert_eq!(page["searched_to"], "2026-11-22");
        let Some(next) = page["next"].as_str() else {
            assert_eq!(page.get("note"), None);
            break;
        };
        let note = page["note"].as_str().unwrap();
        assert!(note.starts_with("searched back to 2026-11-22 0"), "{note}");
        cursor = format!("&cursor={next}");
    }
    assert_eq!(found, printed(&[8_999, 4_400, 18, 17]));
    // 9,000 calls in pieces of 4,000, each in ten reads.
    assert_eq!(reads, [10, 10, 3]);
}

#[tokio::test]
async fn a_full_page_in_the_middle_of_a_read_skips_and_repeats_nothing() {
    let world = World::new().await;
    for number in 1..=1_000 {
        call(&world, number, |call, _| {
            if number % 3 == 0 {
                call.campaign = id(90);
            }
        });
    }
    let wanted: Vec<u128> = (1..=1_000).rev().filter(|number| number % 3 == 0).collect();
    let filter = format!("campaign={}", CampaignId::from_uuid(Uuid::from_u128(90)));
    for limit in [1_usize, 7, 111, 200] {
        let mut found = Vec::new();
        let mut cursor = String::new();
        while found.len() < 400 {
            let page = world.get(&format!("/api/calls?{filter}&limit={limit}{cursor}")).await.ok(200);
            let items = page["items"].as_array().unwrap();
            assert!(items.len() == limit || page["next"].is_null() || page["note"].is_string());
            found.extend(items.iter().map(|call| call["id"].as_str().unwrap().to_owned()));
            let Some(next) = page["next"].as_str() else { break };
            cursor = format!("&cursor={next}");
        }
        assert_eq!(found, printed(&wanted), "limit {limit}");
    }
}

#[tokio::test]
async fn a_cursor_belongs_to_its_filter_and_its_viewer() {
    let world = World::new().await;
    for number in 1..=5 {
        call(&world, number, |_, _| {});
    }
    let page = world.get("/api/calls?limit=2&status=completed").await.ok(200);
    let cursor = page["next"].as_str().unwrap();
    for other in
        ["", "status=busy", "status=completed&connected=true", "caller=%2B14155550123&status=completed"]
    {
        world
            .get(&format!("/api/calls?limit=2&{other}&cursor={cursor}"))
            .await
            .refused(400, "invalid_cursor");
    }
    let publisher = viewer(&world, Party::Publisher(id(3)));
    let asked = query(&format!("limit=2&status=completed&cursor={cursor}"));
    assert!(list_for(&world.context, &publisher, &asked).await.is_err());
    world.get(&format!("/api/calls?limit=9&status=completed&cursor={cursor}")).await.ok(200);
}

fn viewer(world: &World, party: Party) -> Viewer {
    Viewer { tenant: world.tenant, sees_numbers: false, only: Some(party) }
}

async fn listed(world: &World, viewer: &Viewer, text: &str) -> CallsPage {
    list_for(&world.context, viewer, &query(text)).await.unwrap()
}

/// Everything that a viewer is told about a call.
async fn everything(world: &World, viewer: &Viewer, number: u128) -> Option<Value> {
    let id = call_id(number);
    let detail = detail_for(&world.context, viewer, id).await.ok()?;
    Some(json!({
        "detail": detail,
        "events": events_for(&world.context, viewer, id).await.ok()?,
        "decisions": decisions_for(&world.context, viewer, id).await.ok()?,
        "auction": auction_for(&world.context, viewer, id).await.ok()?,
        "ledger": ledger_for(&world.context, viewer, id).await.ok()?,
    }))
}

#[tokio::test]
async fn a_publisher_sees_its_own_calls_and_what_it_is_paid() {
    let world = World::new().await;
    call(&world, 1, |_, _| {});
    call(&world, 2, |call, _| call.publisher = Some(id(4)));
    call(&world, 3, |call, _| call.publisher = None);
    let publisher = viewer(&world, Party::Publisher(id(3)));
    let page = listed(&world, &publisher, "").await;
    assert_eq!(page.items.iter().map(|call| call.id).collect::<Vec<_>>(), [call_id(1)]);
    assert_eq!(everything(&world, &publisher, 2).await, None);
    assert_eq!(everything(&world, &publisher, 3).await, None);

    let all = everything(&world, &publisher, 1).await.unwrap();
    assert_eq!(all["detail"]["closing"]["payout"], 20_000_000);
    assert_eq!(all["detail"]["attempts"], json!([]));
    assert_eq!(all["detail"]["recordings"], json!([]));
    assert_eq!(all["events"]["items"].as_array().unwrap().len(), 1);
    assert_eq!(all["decisions"]["items"], json!([]));
    assert_eq!(all["auction"]["items"], json!([]));
    assert_eq!(all["ledger"]["totals"], json!({"payout": 20_000_000}));
    assert_eq!(all["ledger"]["entries"].as_array().unwrap().len(), 1);
    let text = all.to_string();
    for hidden in
        ["revenue\":", "profit", "38500000", "42000000", "18500000", "Second", "Best", CALLER, "0112"]
    {
        assert!(!text.contains(hidden), "{hidden} in {text}");
    }
    let text = serde_json::to_string(&page).unwrap();
    assert!(!text.contains("revenue") && !text.contains("profit") && !text.contains("Second"), "{text}");
}

#[tokio::test]
async fn a_buyer_sees_its_own_calls_and_what_it_pays() {
    let world = World::new().await;
    call(&world, 1, |_, _| {});
    call(&world, 2, |_, record| record.closing.as_mut().unwrap().buyer = Some(id(8)));
    call(&world, 3, |_, record| record.closing = None);
    let buyer = viewer(&world, Party::Buyer(id(7)));
    let page = listed(&world, &buyer, "").await;
    assert_eq!(page.items.iter().map(|call| call.id).collect::<Vec<_>>(), [call_id(1)]);
    assert_eq!(everything(&world, &buyer, 2).await, None);
    assert_eq!(everything(&world, &buyer, 3).await, None);

    let all = everything(&world, &buyer, 1).await.unwrap();
    assert_eq!(all["detail"]["closing"]["revenue"], 38_500_000);
    assert_eq!(all["detail"]["publisher"], Value::Null);
    assert_eq!(all["detail"]["attempts"].as_array().unwrap().len(), 1);
    assert_eq!(all["events"]["items"].as_array().unwrap().len(), 3);
    assert_eq!(all["auction"]["items"][0]["bidders"].as_array().unwrap().len(), 1);
    assert_eq!(all["auction"]["items"][0]["bidders"][0]["rank"], Value::Null);
    assert_eq!(all["ledger"]["totals"], json!({"revenue": 38_500_000}));
    let text = all.to_string();
    for hidden in ["payout", "profit", "42000000", "20000000", "18500000", "Best", "Slow", "Shy", CALLER] {
        assert!(!text.contains(hidden), "{hidden} in {text}");
    }
}

#[tokio::test]
async fn a_party_cannot_ask_about_the_other_side() {
    let world = World::new().await;
    call(&world, 1, |_, _| {});
    let publisher = viewer(&world, Party::Publisher(id(3)));
    let buyer = viewer(&world, Party::Buyer(id(7)));
    let (own_publisher, other_publisher) =
        (PublisherId::from_uuid(Uuid::from_u128(3)), PublisherId::from_uuid(Uuid::from_u128(4)));
    let (own_buyer, other_buyer) =
        (BuyerId::from_uuid(Uuid::from_u128(7)), BuyerId::from_uuid(Uuid::from_u128(8)));
    for (viewer, asked) in [
        (publisher, format!("publisher={other_publisher}")),
        (publisher, format!("buyer={own_buyer}")),
        (publisher, format!("target={}", TargetId::from_uuid(Uuid::from_u128(3)))),
        (buyer, format!("publisher={own_publisher}")),
        (buyer, format!("buyer={other_buyer}")),
        (buyer, "caller=+14155550123".to_owned()),
    ] {
        assert!(list_for(&world.context, &viewer, &query(&asked)).await.is_err(), "{asked}");
    }
    assert_eq!(listed(&world, &publisher, &format!("publisher={own_publisher}")).await.items.len(), 1);
    assert_eq!(listed(&world, &buyer, &format!("buyer={own_buyer}")).await.items.len(), 1);
}

#[tokio::test]
async fn a_party_with_few_calls_reads_within_the_same_budget() {
    let world = World::new().await;
    for number in 1..=5_000 {
        call(&world, number, |call, _| call.publisher = (number == 5).then(|| id(3)));
    }
    let publisher = viewer(&world, Party::Publisher(id(3)));
    let first = listed(&world, &publisher, "from=2026-11-22").await;
    assert_eq!((first.items.len(), world.calls.pages_read()), (0, 10));
    assert!(first.note.unwrap().starts_with("searched back to"));
    let next = format!("from=2026-11-22&cursor={}", first.next.unwrap());
    let second = listed(&world, &publisher, &next).await;
    assert_eq!((second.items.len(), second.next), (1, None));
}
