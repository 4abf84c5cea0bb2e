//! Publishers and buyers: what refers to them, what their pauses do at once, and a campaign's terms with single publishers.

use app::ports::Published;
use domain::caps::CounterId;
use domain::ids::{BuyerId, CampaignId, PublisherId};
use domain::ledger::{PayoutAmount, PayoutOn};
use domain::money::Money;
use serde_json::json;

use crate::support::{World, target};

#[tokio::test]
async fn a_partner_is_described_and_its_address_is_read_in_lower_case() {
    let world = World::new().await;
    for path in ["/api/publishers", "/api/buyers"] {
        let body = json!({"name": "Acme", "contact_email": "Jo@Acme.example", "notes": "pays on\nFridays"});
        let created = world.post(path, &body).await.ok(201);
        assert_eq!(created["contact_email"], "jo@acme.example");
        assert_eq!((&created["status"], &created["notes"]), (&json!("active"), &json!("pays on\nFridays")));
        let address = format!("{path}/{}", created["id"].as_str().unwrap());
        let patch = json!({"version": 1, "contact_email": null, "name": "Acme Inc"});
        let changed = world.patch(&address, &patch).await.ok(200);
        assert_eq!((&changed["contact_email"], &changed["name"]), (&json!(null), &json!("Acme Inc")));
        world.post(path, &json!({"name": "Acme Inc"})).await.refused(409, "taken");
        let found = world.get(&format!("{path}?search=acme")).await.ok(200);
        assert_eq!(found["items"].as_array().unwrap().len(), 1);
    }
}

#[tokio::test]
async fn partners_that_do_not_exist_are_not_referred_to() {
    let world = World::new().await;
    let own = world.set_up().await;
    let publisher = format!("AF{}", "0".repeat(32));
    let buyer = format!("BU{}", "0".repeat(32));
    let terms = format!("publishers.{publisher}");
    for (path, patch, field) in [
        ("numbers", json!({"publisher": publisher}), "publisher"),
        ("campaigns", json!({"publishers": {&publisher: {}}}), terms.as_str()),
        ("targets", json!({"buyer": buyer}), "buyer"),
        ("rtb-targets", json!({"buyer": buyer}), "buyer"),
    ] {
        let id = match path {
            "numbers" => &own.number,
            "campaigns" => &own.campaign,
            "targets" => &own.target,
            _ => &own.bidder,
        };
        let mut patch = patch;
        patch["version"] = json!(1);
        let problem = world.patch(&format!("/api/{path}/{id}"), &patch).await.refused(422, "invalid");
        assert_eq!(
            (&problem["fields"][0]["field"], &problem["fields"][0]["rule"]),
            (&json!(field), &json!("exists"))
        );
    }
}

#[tokio::test]
async fn a_partner_in_use_stays_and_the_refusal_says_what_uses_it() {
    let world = World::new().await;
    let own = world.set_up().await;
    let set = async |path: &str, id: &str, patch: serde_json::Value| {
        world.patch(&format!("/api/{path}/{id}"), &patch).await.ok(200);
    };
    set("targets", &own.target, json!({"version": 1, "buyer": own.buyer})).await;
    set("rtb-targets", &own.bidder, json!({"version": 1, "buyer": own.buyer})).await;
    set("numbers", &own.number, json!({"version": 1, "publisher": own.publisher})).await;
    set("campaigns", &own.campaign, json!({"version": 1, "publishers": {&own.publisher: {}}})).await;

    let buyer = format!("/api/buyers/{}", own.buyer);
    let problem = world.delete(&buyer).await.refused(409, "in_use");
    assert_eq!(
        problem["used_by"],
        json!([
            {"kind": "target", "id": own.target, "name": "Front desk"},
            {"kind": "rtb_target", "id": own.bidder, "name": "Good bidder"},
        ])
    );
    let publisher = format!("/api/publishers/{}", own.publisher);
    let problem = world.delete(&publisher).await.refused(409, "in_use");
    assert_eq!(
        problem["used_by"],
        json!([
            {"kind": "campaign", "id": own.campaign, "name": "Roofing"},
            {"kind": "phone_number", "id": own.number, "name": "+18335550100"},
        ])
    );

    set("targets", &own.target, json!({"version": 2, "buyer": null})).await;
    set("rtb-targets", &own.bidder, json!({"version": 2, "buyer": null})).await;
    set("numbers", &own.number, json!({"version": 2, "publisher": null})).await;
    set("campaigns", &own.campaign, json!({"version": 2, "publishers": {&own.publisher: null}})).await;
    world.delete(&buyer).await.ok(204);
    world.delete(&publisher).await.ok(204);
    let (buyer, publisher): (BuyerId, PublisherId) =
        (own.buyer.parse().unwrap(), own.publisher.parse().unwrap());
    assert!(world.counters.is_paused(world.tenant, &buyer.into()));
    assert!(world.counters.is_paused(world.tenant, &publisher.into()));
}

#[tokio::test]
async fn a_partner_is_off_and_on_at_once() {
    let world = World::new().await;
    let own = world.set_up().await;
    let (buyer, publisher): (BuyerId, PublisherId) =
        (own.buyer.parse().unwrap(), own.publisher.parse().unwrap());
    for (address, flag) in [
        (format!("/api/buyers/{buyer}"), CounterId::from(buyer)),
        (format!("/api/publishers/{publisher}"), CounterId::from(publisher)),
    ] {
        world.patch(&address, &json!({"version": 1, "status": "paused"})).await.ok(200);
        assert!(world.counters.is_paused(world.tenant, &flag));
        world.patch(&address, &json!({"version": 2, "status": "active"})).await.ok(200);
        assert!(!world.counters.is_paused(world.tenant, &flag));
    }
    let born = world.post("/api/publishers", &json!({"name": "Later", "status": "paused"})).await.id();
    let born: PublisherId = born.parse().unwrap();
    assert!(world.counters.is_paused(world.tenant, &born.into()));
}

#[tokio::test]
async fn terms_are_set_and_taken_back_one_by_one() {
    let world = World::new().await;
    let own = world.set_up().await;
    let second = world.post("/api/publishers", &json!({"name": "Second"})).await.id();
    let address = format!("/api/campaigns/{}", own.campaign);
    let fixed = |amount: i64| json!({"payout": {"on": "connected", "amount": {"fixed": amount}}});
    let both = json!({"version": 1, "publishers": {&own.publisher: fixed(5), &second: fixed(6)}});
    world.patch(&address, &both).await.ok(200);
    let one = json!({"version": 2, "publishers": {&own.publisher: null}});
    let left = world.patch(&address, &one).await.ok(200);
    assert_eq!(left["publishers"].as_object().unwrap().len(), 1);
    assert_eq!(left["publishers"][&second]["payout"]["amount"], json!({"fixed": 6}));
    assert_eq!(left["publishers"][&second]["status"], "active");

    let negative = json!({"version": 3, "publishers": {&second: fixed(-1)}});
    let problem = world.patch(&address, &negative).await.refused(422, "invalid");
    assert_eq!(problem["fields"][0]["field"], format!("publishers.{second}.payout.amount"));
    let never = json!({"payout_caps": {"daily": 0, "payouts": {"total": 0}}});
    let never = json!({"version": 3, "publishers": {&second: never}});
    let problem = world.patch(&address, &never).await.refused(422, "invalid");
    let fields: Vec<&str> =
        problem["fields"].as_array().unwrap().iter().map(|one| one["field"].as_str().unwrap()).collect();
    let of = |field: &str| format!("publishers.{second}.payout_caps.{field}");
    assert_eq!(fields, [of("daily"), of("payouts.total")]);

    world.publish(&own.campaign).await.ok(200);
    let campaign: CampaignId = own.campaign.parse().unwrap();
    let snapshot = world.catalog.snapshot(world.tenant, campaign, 1).await.unwrap().unwrap();
    let agreed = snapshot.campaign.payout_for(Some(second.parse().unwrap()));
    assert_eq!((agreed.on, agreed.amount), (PayoutOn::Connected, PayoutAmount::Fixed(Money::from_micros(6))));
    for other in [None, Some(own.publisher.parse().unwrap())] {
        assert_eq!(snapshot.campaign.payout_for(other), snapshot.campaign.payout);
    }
}

#[tokio::test]
async fn terms_that_are_paused_hold_at_once_and_leave_nothing_behind() {
    let world = World::new().await;
    let own = world.set_up().await;
    let flag = CounterId::Terms(own.campaign.parse().unwrap(), own.publisher.parse().unwrap());
    let address = format!("/api/campaigns/{}", own.campaign);
    let with = |version: u64, terms: serde_json::Value| json!({"version": version, "publishers": {&own.publisher: terms}});
    world.patch(&address, &with(1, json!({"status": "paused"}))).await.ok(200);
    assert!(world.counters.is_paused(world.tenant, &flag));
    world.patch(&address, &with(2, json!({"status": "active"}))).await.ok(200);
    assert!(!world.counters.is_paused(world.tenant, &flag));

    world.patch(&address, &with(3, json!({"status": "paused"}))).await.ok(200);
    world.catalog.overtake_next_write();
    world.patch(&address, &with(4, json!(null))).await.refused(409, "version_conflict");
    assert!(world.counters.is_paused(world.tenant, &flag), "nothing was stored, so the pause stays");
    world.counters.be_busy(true);
    world.patch(&address, &with(4, json!(null))).await.refused(503, "busy");
    world.counters.be_busy(false);
    assert_eq!(world.get(&address).await.ok(200)["version"], 4, "a pause that could not be lifted is kept");
    world.patch(&address, &with(4, json!(null))).await.ok(200);
    assert!(!world.counters.is_paused(world.tenant, &flag));
}

#[tokio::test]
async fn a_campaign_born_with_paused_terms_never_takes_those_calls() {
    let world = World::new().await;
    let publisher = world.post("/api/publishers", &json!({"name": "Search Partners"})).await.id();
    let target = world.post("/api/targets", &target("Front desk")).await.id();
    let campaign = json!({
        "name": "Roofing", "status": "active", "plan": [{"target": target}],
        "publishers": {&publisher: {"status": "paused"}},
    });
    let campaign: CampaignId = world.post("/api/campaigns", &campaign).await.id().parse().unwrap();
    let flag = CounterId::Terms(campaign, publisher.parse().unwrap());
    assert!(world.counters.is_paused(world.tenant, &flag));
    assert!(!world.counters.is_paused(world.tenant, &campaign.into()));
}
