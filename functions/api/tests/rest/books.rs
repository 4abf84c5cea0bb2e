//! Money after the rules have spoken: reported conversions, adjustments, disputes, and the ledger of a party.

use app::ports::CallRecord;
use domain::access::{Party, Role};
use domain::adjustment::{Adjustment, AdjustmentStatus};
use domain::audit::Actor;
use domain::ids::{AdjustmentId, BuyerId, CallId, PublisherId};
use domain::ledger::{Conversion, Entry, Revenue};
use domain::money::{Currency, Money};
use serde_json::{Value, json};
use testkit::fakes::some_entry;
use uuid::Uuid;

use crate::calls::{call_id, record};
use crate::people::add_signed_in;
use crate::support::{NOW, World};

const STARTED: &str = "2026-11-22T10:00:00Z";

fn buyer() -> BuyerId {
    BuyerId::from_uuid(Uuid::from_u128(70))
}

/// An adjustment of a call that somebody asked for, past the rules.
pub async fn asked_for(world: &World, call: CallId) -> String {
    let adjustment = Adjustment {
        id: AdjustmentId::from_uuid(Uuid::from_u128(0xAD)),
        tenant: world.tenant,
        call,
        revenue: Money::from_units(-5),
        payout: Money::ZERO,
        currency: Currency::USD,
        reason: "wrong number".to_owned(),
        disputed_by: None,
        requested_at: NOW.parse().unwrap(),
        requested_by: Actor::System,
        status: AdjustmentStatus::Requested,
        decided: None,
    };
    let entry = some_entry(world.tenant, NOW.parse().unwrap());
    world.context.books.request_adjustment(&adjustment, &entry).await.unwrap();
    adjustment.id.to_string()
}

/// A settled call of the buyer's, perhaps changed.
fn put(world: &World, number: u128, change: impl FnOnce(&mut CallRecord)) -> CallId {
    let mut record = record(world.tenant, number, STARTED);
    let closing = record.closing.as_mut().unwrap();
    closing.buyer = Some(buyer());
    for attempt in &mut record.attempts {
        attempt.terms.buyer = Some(buyer());
    }
    let theirs = domain::ledger::Party::Buyer(buyer());
    let own = |entry: &mut Entry| {
        if entry.kind == domain::ledger::EntryKind::Revenue {
            entry.party = theirs;
        }
    };
    record.ledger.iter_mut().for_each(own);
    closing.settlement.entries.iter_mut().for_each(own);
    change(&mut record);
    world.calls.insert(record);
    call_id(number)
}

async fn totals(world: &World, call: CallId) -> Value {
    let ledger = world.get(&format!("/api/calls/{call}/ledger")).await.ok(200);
    let closing = world.get(&format!("/api/calls/{call}")).await.ok(200)["closing"].clone();
    for side in ["revenue", "payout", "profit"] {
        assert_eq!(ledger["totals"][side], closing[side], "ledger sum = call sum");
    }
    ledger["totals"].clone()
}

#[tokio::test]
async fn an_approved_adjustment_is_in_the_books_and_a_rejected_one_is_not() {
    let world = World::new().await;
    let call = put(&world, 1, |_| {});
    let address = format!("/api/calls/{call}/adjustments");
    let wish =
        json!({"revenue": -8_500_000, "payout": -2_000_000, "reason": "heard it: 415-555-0123 was a test"});
    let asked = world.post(&address, &wish).await.ok(201);
    assert_eq!(asked["status"], "requested");
    assert!(!asked["reason"].as_str().unwrap().contains("555"), "{asked}");
    assert_eq!(totals(&world, call).await["revenue"], 38_500_000, "nothing moves before it is decided");

    let one = format!("/api/adjustments/{}", asked["id"].as_str().unwrap());
    let approved = world.post(&format!("{one}/approve"), &json!({"note": "agreed"})).await.ok(200);
    assert_eq!((&approved["status"], &approved["note"]), (&json!("approved"), &json!("agreed")));
    assert_eq!(approved["decided_by"]["kind"], "api_key");
    let moved = json!({"revenue": 30_000_000, "payout": 18_000_000, "profit": 12_000_000});
    assert_eq!(totals(&world, call).await, moved);
    world.post(&format!("{one}/approve"), &json!({})).await.ok(200);
    assert_eq!(totals(&world, call).await, moved, "approving again changes nothing");
    world.post(&format!("{one}/reject"), &json!({})).await.refused(409, "wrong_state");

    let second = world.post(&address, &json!({"revenue": 1_000_000, "reason": "more"})).await.ok(201);
    let second = format!("/api/adjustments/{}", second["id"].as_str().unwrap());
    world.post(&format!("{second}/reject"), &json!({"note": "no"})).await.ok(200);
    assert_eq!(totals(&world, call).await, moved);
    for (status, count) in [("requested", 0), ("approved", 1), ("rejected", 1)] {
        let listed = world.get(&format!("/api/adjustments?status={status}")).await.ok(200);
        assert_eq!(listed["items"].as_array().unwrap().len(), count, "{status}");
    }
    let ledger = world.get(&format!("/api/calls/{call}/ledger")).await.ok(200);
    assert_eq!(ledger["entries"][2]["source"], "adjustment");
    assert_eq!(ledger["entries"][2]["adjustment"], asked["id"]);
}

#[tokio::test]
async fn an_adjustment_that_cannot_be_is_refused_with_its_field() {
    let world = World::new().await;
    let call = put(&world, 1, |_| {});
    let address = format!("/api/calls/{call}/adjustments");
    for (wish, field, rule) in [
        (json!({"revenue": -38_500_001, "reason": "x"}), "revenue", "books"),
        (json!({"payout": -20_000_001, "reason": "x"}), "payout", "books"),
        (json!({"revenue": 1, "reason": " "}), "reason", "required"),
        (json!({"reason": "nothing at all"}), "revenue", "required"),
        (json!({"revenue": 1_000_000_000_001_i64, "reason": "x"}), "revenue", "range"),
    ] {
        let problem = world.post(&address, &wish).await.refused(422, "invalid");
        let told = (&problem["fields"][0]["field"], &problem["fields"][0]["rule"]);
        assert_eq!(told, (&json!(field), &json!(rule)), "{problem}");
    }
    let open = put(&world, 2, |record| record.closing = None);
    let wish = json!({"revenue": 1, "reason": "x"});
    world.post(&format!("/api/calls/{open}/adjustments"), &wish).await.refused(409, "wrong_state");
}

#[tokio::test]
async fn a_buyers_person_disputes_own_calls_and_sees_no_payouts_and_no_names() {
    let world = World::new().await;
    let (own, foreign) = (
        put(&world, 1, |_| {}),
        put(&world, 2, |record| {
            record.closing.as_mut().unwrap().buyer = None;
            record.ledger.clear();
        }),
    );
    let party = Some(Party::Buyer(buyer()));
    add_signed_in(&world, Role::Buyer, party).await;
    let cookie = world.sign_in(Role::Buyer, party);
    let send = async |address: &str, body: Value| world.send_as(&cookie, "POST", address, Some(&body)).await;
    let wish = json!({"revenue": -38_500_000, "reason": "wrong number"});
    send(&format!("/api/calls/{foreign}/adjustments"), wish.clone()).await.refused(404, "not_found");
    let own_address = format!("/api/calls/{own}/adjustments");
    send(&own_address, json!({"revenue": 1, "reason": "more"})).await.refused(422, "invalid");
    send(&own_address, json!({"revenue": -1, "payout": -1, "reason": "x"})).await.refused(422, "invalid");
    let asked = send(&own_address, wish).await.ok(201);
    assert_eq!(
        (&asked["is_dispute"], &asked["payout"], &asked["requested_by"]),
        (&json!(true), &Value::Null, &Value::Null)
    );

    let one = format!("/api/adjustments/{}", asked["id"].as_str().unwrap());
    send(&format!("{one}/approve"), json!({})).await.refused(403, "not_permitted");
    world.post(&format!("{one}/approve"), &json!({"note": "you are right"})).await.ok(200);
    let seen = world.send_as(&cookie, "GET", "/api/adjustments", None).await.ok(200);
    let seen = &seen["items"][0];
    assert_eq!((&seen["status"], &seen["note"]), (&json!("approved"), &json!("you are right")));
    assert_eq!(seen["decided_by"], Value::Null);
    let ledger =
        world.send_as(&cookie, "GET", &format!("/api/ledger?party={}&month=2026-11", buyer()), None).await;
    assert_eq!(ledger.ok(200)["totals"][0]["revenue"], 0);
}

#[tokio::test]
async fn a_conversion_is_reported_once() {
    let world = World::new().await;
    let by_report = |record: &mut CallRecord| {
        for attempt in &mut record.attempts {
            (attempt.terms.revenue, attempt.terms.conversion) = (Revenue::Reported, Conversion::Reported);
        }
        record.ledger.clear();
        let books = &mut record.closing.as_mut().unwrap().settlement;
        (books.revenue, books.payout, books.profit) = (Money::ZERO, Money::ZERO, Money::ZERO);
        (books.converted, books.entries) = (false, Vec::new());
    };
    let call = put(&world, 1, by_report);
    let address = format!("/api/calls/{call}/conversion");
    let first = world.post(&address, &json!({"revenue": 80_000_000})).await.ok(200);
    assert_eq!(first["result"]["code"], "converted");
    assert_eq!(
        totals(&world, call).await,
        json!({"revenue": 80_000_000, "payout": 20_000_000, "profit": 60_000_000})
    );
    world.clock.advance(60);
    assert_eq!(world.post(&address, &json!({"revenue": 80_000_000})).await.ok(200), first);
    let problem = world.post(&address, &json!({"revenue": 1})).await.refused(409, "reported_before");
    assert!(problem["detail"].as_str().unwrap().contains("80.00"), "{problem}");
    world.post(&address, &json!({"revenue": -1})).await.refused(422, "invalid");

    let late = put(&world, 2, by_report);
    world.clock.advance(31 * 86_400);
    world.post(&format!("/api/calls/{late}/conversion"), &json!({})).await.refused(410, "too_late");
}

#[tokio::test]
async fn a_call_says_in_plain_words_why_nothing_is_paid() {
    let world = World::new().await;
    let call = put(&world, 1, |record| {
        let books = &mut record.closing.as_mut().unwrap().settlement;
        books.no_conversion = Some(domain::ledger::NoConversion::TooShort { lasted: 40, needed: 90 });
        books.no_payout = Some(domain::ledger::NoPayout::Duplicate { since_s: 60 });
    });
    let closing = world.get(&format!("/api/calls/{call}")).await.ok(200)["closing"].clone();
    assert_eq!(
        closing["no_conversion"],
        json!({"code": "too_short", "text": "lasted 40 s of the 90 s needed"})
    );
    assert_eq!(
        closing["no_payout"],
        json!({"code": "duplicate", "text": "the same caller had called 60 s before"})
    );
}

#[tokio::test]
async fn a_party_sees_its_own_ledger_only() {
    let world = World::new().await;
    let publisher = PublisherId::from_uuid(Uuid::from_u128(3));
    for number in 1..=3 {
        put(&world, number, |_| {});
    }
    let page = world.get(&format!("/api/ledger?party={publisher}&month=2026-11&limit=2")).await.ok(200);
    let total = json!([{"currency": "USD", "revenue": 0, "payout": 60_000_000, "lines": 3}]);
    assert_eq!(page["totals"], total, "of the whole month");
    assert_eq!(page["items"].as_array().unwrap().len(), 2);
    let next = page["next"].as_str().unwrap();
    let rest = world
        .get(&format!("/api/ledger?party={publisher}&month=2026-11&limit=2&cursor={next}"))
        .await
        .ok(200);
    assert_eq!(
        (rest["items"].as_array().unwrap().len(), &rest["totals"], &rest["next"]),
        (1, &Value::Null, &Value::Null)
    );
    let other_month = format!("/api/ledger?party={publisher}&month=2026-10&limit=2&cursor={next}");
    world.get(&other_month).await.refused(400, "invalid_cursor");
    assert_eq!(
        world.get(&format!("/api/ledger?party={publisher}&month=2026-10")).await.ok(200)["totals"],
        json!([])
    );
    world.get("/api/ledger?month=2026-11").await.refused(400, "invalid_query");

    let party = Some(Party::Publisher(publisher));
    add_signed_in(&world, Role::Publisher, party).await;
    let cookie = world.sign_in(Role::Publisher, party);
    let own =
        world.send_as(&cookie, "GET", &format!("/api/ledger?party={publisher}&month=2026-11"), None).await;
    assert_eq!(own.ok(200)["totals"], total);
    let foreign =
        world.send_as(&cookie, "GET", &format!("/api/ledger?party={}&month=2026-11", buyer()), None).await;
    foreign.refused(404, "not_found");
}

#[tokio::test]
async fn the_url_of_a_webhook_is_the_same_each_time_and_is_not_shown_with_it() {
    let world = World::new().await;
    let made = world.post("/api/incoming-webhooks", &json!({"name": "CRM"})).await.ok(201);
    let address = format!("/api/incoming-webhooks/{}", made["id"].as_str().unwrap());
    let url = world.get(&format!("{address}/url")).await.ok(200)["url"].as_str().unwrap().to_owned();
    let token = url.strip_prefix("https://calls.example.com/hook/").unwrap();
    assert_eq!(token.len(), 96);
    assert!(!made.to_string().contains(token) && !world.get(&address).await.text.contains(token));
    assert_eq!(world.get(&format!("{address}/url")).await.ok(200)["url"], url);
    let same = json!({"name": "Other", "call_parameter": "id", "revenue_parameter": "id"});
    let problem = world.post("/api/incoming-webhooks", &same).await.refused(422, "invalid");
    assert_eq!(problem["fields"][0]["field"], "revenue_parameter");
}
