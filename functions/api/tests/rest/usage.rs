//! What of its caps a thing has used, and who sees it.

use std::collections::BTreeMap;

use domain::access::{Party, Role};
use domain::caps::{CounterId, OpenWindows, Usage};
use domain::ids::{BuyerId, PublisherId, TargetId};
use domain::money::Money;
use serde_json::{Value, json};

use crate::people::add_signed_in;
use crate::support::{NOW, World, target};

fn row(zone: &str, day: u32, revenue: i64) -> Usage {
    let open = OpenWindows::at(NOW.parse().unwrap(), zone);
    Usage {
        live: 2,
        unpriced: 1,
        total: day + 100,
        windows: BTreeMap::from([(open.hour.clone(), 1), (open.day.clone(), day)]),
        revenue: BTreeMap::from([(open.day, Money::from_micros(revenue))]),
        revenue_total: Money::from_micros(revenue * 2),
        ..Usage::default()
    }
}

async fn usage_of(world: &World, id: &str) -> Value {
    world.get(&format!("/api/usage?of={id}")).await.ok(200)["items"][0].clone()
}

struct Things {
    buyer: String,
    target: String,
    publisher: String,
}

async fn set_up(world: &World) -> Things {
    let caps = json!({"daily": 50, "concurrent": 5, "revenue": {"daily": 1_000_000_000}});
    let partner = |name: &str| json!({"name": name, "caps": caps, "time_zone": "America/Phoenix"});
    let buyer = world.post("/api/buyers", &partner("Buyer")).await.id();
    let publisher = world.post("/api/publishers", &partner("Publisher")).await.id();
    let mut body = target("Desk");
    body["buyer"] = json!(buyer);
    body["caps"] = caps.clone();
    body["time_zone"] = json!("America/Phoenix");
    let target = world.post("/api/targets", &body).await.id();
    Things { buyer, target, publisher }
}

fn put(world: &World, of: impl Into<CounterId>, usage: Usage) {
    world.counters.set_row(world.tenant, &of.into(), usage);
}

#[tokio::test]
async fn usage_is_told_against_the_caps_with_the_turn_of_each_window() {
    let world = World::new().await;
    let things = set_up(&world).await;
    let id: TargetId = things.target.parse().unwrap();
    put(&world, id, row("America/Phoenix", 49, 940_000_000));
    let usage = usage_of(&world, &things.target).await;
    assert_eq!(usage["live"], json!({"used": 2, "cap": 5, "percent": 40}));
    let day = json!({"used": 49, "cap": 50, "percent": 98, "turns_at": "2026-11-23T07:00:00Z"});
    assert_eq!(usage["day"], day);
    assert_eq!(usage["hour"], json!({"used": 1, "turns_at": "2026-11-22T13:00:00Z"}));
    assert_eq!(usage["month"]["turns_at"], "2026-12-01T07:00:00Z");
    assert_eq!(usage["total"], json!({"used": 149}));
    let revenue = &usage["revenue"];
    assert_eq!(revenue["day"]["percent"], 94);
    assert_eq!(revenue["total"], json!({"used": 1_880_000_000}));
    assert_eq!(revenue["may_exceed_by_calls"], 1);
    assert_eq!((&usage["accepting"], &usage["reason"]), (&json!(true), &Value::Null));
}

#[tokio::test]
async fn what_takes_no_calls_says_why() {
    let world = World::new().await;
    let things = set_up(&world).await;
    let (target, buyer): (TargetId, BuyerId) =
        (things.target.parse().unwrap(), things.buyer.parse().unwrap());
    let zone = "America/Phoenix";
    let of_target = |row: Usage| put(&world, target, row);
    for (usage, code, text) in [
        (row(zone, 50, 0), "cap_reached", "daily cap 50 reached"),
        (row(zone, 1, 1_000_000_000), "cap_reached", "daily revenue cap 1000.00 reached"),
        (Usage { paused: true, ..row(zone, 50, 0) }, "paused", "paused"),
    ] {
        of_target(usage);
        let usage = usage_of(&world, &things.target).await;
        assert_eq!(usage["accepting"], false);
        assert_eq!(usage["reason"], json!({"code": code, "text": text}));
    }
    of_target(Usage::default());
    put(&world, buyer, row(zone, 50, 0));
    let usage = usage_of(&world, &things.target).await;
    assert_eq!(usage["reason"]["text"], "its buyer's daily cap 50 reached");
    assert_eq!(usage_of(&world, &things.buyer).await["reason"]["text"], "daily cap 50 reached");
}

#[tokio::test]
async fn things_come_in_the_given_order_once_and_without_those_that_do_not_exist() {
    let world = World::new().await;
    let things = set_up(&world).await;
    let unknown = TargetId::from_uuid(uuid::Uuid::from_u128(404));
    let of = format!("{},{unknown},{},{}", things.publisher, things.target, things.publisher);
    let list = world.get(&format!("/api/usage?of={of}")).await.ok(200);
    let ids: Vec<&str> =
        list["items"].as_array().unwrap().iter().map(|item| item["id"].as_str().unwrap()).collect();
    assert_eq!(ids, [things.publisher.as_str(), things.target.as_str()]);
    for wrong in ["", "?of=", "?of=TA1", "?of=PN019abc0de1f27a3b8c4d5e6f70819203"] {
        world.get(&format!("/api/usage{wrong}")).await.refused(400, "invalid_query");
    }
}

#[tokio::test]
async fn a_party_sees_its_own_things_alone_and_a_publisher_no_revenue() {
    let world = World::new().await;
    let things = set_up(&world).await;
    let (buyer, publisher): (BuyerId, PublisherId) =
        (things.buyer.parse().unwrap(), things.publisher.parse().unwrap());
    put(&world, publisher, row("America/Phoenix", 1, 1_000_000_000));
    let address = format!("/api/usage?of={},{},{}", things.buyer, things.target, things.publisher);
    for (role, party, expected) in [
        (Role::Buyer, Party::Buyer(buyer), vec![&things.buyer, &things.target]),
        (Role::Publisher, Party::Publisher(publisher), vec![&things.publisher]),
        (Role::Buyer, Party::Buyer(BuyerId::from_uuid(uuid::Uuid::from_u128(7))), vec![]),
    ] {
        add_signed_in(&world, role, Some(party)).await;
        let cookie = world.sign_in(role, Some(party));
        let list = world.send_as(&cookie, "GET", &address, None).await.ok(200);
        let items = list["items"].as_array().unwrap();
        let ids: Vec<&str> = items.iter().map(|item| item["id"].as_str().unwrap()).collect();
        assert_eq!(ids, expected);
        for item in items {
            assert_eq!(item["revenue"].is_null(), role == Role::Publisher);
            if role == Role::Publisher {
                assert_eq!(item["reason"]["text"], "daily cap reached");
            }
        }
    }
}

#[tokio::test]
async fn a_publishers_caps_are_live_at_once() {
    let world = World::new().await;
    let things = set_up(&world).await;
    let publisher: PublisherId = things.publisher.parse().unwrap();
    let limits = || world.counters.row(world.tenant, &publisher.into()).limits;
    let born = limits().expect("caps from its birth");
    assert_eq!((born.caps.daily, born.time_zone.as_str()), (Some(50), "America/Phoenix"));
    let address = format!("/api/publishers/{}", things.publisher);
    world.patch(&address, &json!({"version": 1, "caps": {"daily": 7}})).await.ok(200);
    assert_eq!(limits().expect("caps").caps.daily, Some(7));
    world.patch(&address, &json!({"version": 2, "caps": null})).await.ok(200);
    assert_eq!(limits(), None);
}
