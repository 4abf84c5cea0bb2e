//! Being asked, as the API shows it: publishers' addresses and their rotation, the log of pings, the bid on a call.

use std::sync::Arc;

use domain::access::{Party, Role};
use domain::call::Call;
use domain::ids::{CampaignId, PublisherId};
use domain::inbound::{Environment, PingLine, Reject};
use domain::money::{Currency, Money};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::calls::{call_id, record};
use crate::people::add_signed_in;
use crate::support::{NOW, World};

#[tokio::test]
async fn a_publisher_has_one_address_on_a_campaign_and_a_new_one_takes_its_place() {
    let world = World::new().await;
    let own = world.set_up().await;
    let urls = format!("/api/campaigns/{}/rtb-urls", own.campaign);
    assert_eq!(world.get(&urls).await.ok(200)["items"], json!([]));
    let whose = json!({"publisher": own.publisher});
    let first = world.post(&urls, &whose).await.ok(201);
    let address = first["production"].as_str().unwrap();
    let id = address.strip_prefix("https://calls.example.com/v1/production/").unwrap();
    let id = id.strip_suffix(".json").unwrap();
    assert!(id.len() == 32 && id.bytes().all(|byte| byte.is_ascii_hexdigit()), "{id}");
    assert_eq!(first["test"], address.replace("production", "test"));
    assert_eq!(world.get(&urls).await.ok(200)["items"], json!([first]), "it can be looked up again");

    world.clock.advance(1);
    let second = world.post(&urls, &whose).await.ok(201);
    assert_ne!(second["production"], first["production"]);
    assert_ne!(second["secret"], first["secret"], "the secret belongs to the address");
    assert_eq!(world.get(&urls).await.ok(200)["items"], json!([second]), "the first leads nowhere any more");
    let rtb_id: domain::inbound::RtbId = id.to_owned().try_into().unwrap();
    assert_eq!(world.context.inbound.address(&rtb_id).await.unwrap(), None);
}

#[tokio::test]
async fn addresses_are_for_those_who_may_change_the_campaign() {
    let world = World::new().await;
    let own = world.set_up().await;
    let urls = format!("/api/campaigns/{}/rtb-urls", own.campaign);
    let whose = json!({"publisher": own.publisher});
    world.post(&urls, &whose).await.ok(201);
    let reader = world.new_key(world.tenant, &["campaigns:read"], None).await;
    world.send(&reader, "GET", &urls, None).await.refused(403, "missing_scope");
    world.send(&reader, "POST", &urls, Some(&whose)).await.refused(403, "missing_scope");
    world.send(&world.other_key, "GET", &urls, None).await.refused(404, "not_found");
    let nobody = json!({"publisher": PublisherId::from_uuid(Uuid::from_u128(404))});
    world.post(&urls, &nobody).await.refused(404, "not_found");
}

fn line(number: u128, publisher: PublisherId, campaign: CampaignId, at: Timestamp) -> PingLine {
    PingLine {
        id: domain::ids::InboundBidId::from_uuid(Uuid::from_u128(number)),
        at,
        campaign,
        publisher,
        environment: Environment::Production,
        caller: Some("415***0100".to_owned()),
        parameters: vec!["cid".to_owned(), "zip".to_owned()],
        amount: None,
        currency: Currency::USD,
        cached: false,
        rejected: Some(Reject::NoCapacity),
        why: Some("its buyer is paused".to_owned()),
        auctions: Vec::new(),
        elapsed_ms: 12,
    }
}

#[tokio::test]
async fn a_publisher_sees_its_own_pings_and_of_a_refusal_not_why() {
    let world = World::new().await;
    let own = world.set_up().await;
    let (publisher, campaign): (PublisherId, CampaignId) =
        (own.publisher.parse().unwrap(), own.campaign.parse().unwrap());
    let stranger = PublisherId::from_uuid(Uuid::from_u128(404));
    let now: Timestamp = NOW.parse().unwrap();
    for (number, whose) in [(1, publisher), (2, stranger), (3, publisher)] {
        let at = now - SignedDuration::from_secs(100 - number);
        let line = line(u128::try_from(number).unwrap(), whose, campaign, at);
        world.context.inbound.log_ping(world.tenant, None, &line).await.unwrap();
    }
    let of_campaign = format!("/api/pings?of={campaign}");
    let all = world.get(&of_campaign).await.ok(200);
    assert_eq!(all["items"].as_array().unwrap().len(), 3);
    assert_eq!(all["items"][0]["rejected"]["why"], "its buyer is paused");

    let party = Some(Party::Publisher(publisher));
    add_signed_in(&world, Role::Publisher, party).await;
    let cookie = world.sign_in(Role::Publisher, party);
    let see = async |of: &str| world.send_as(&cookie, "GET", &format!("/api/pings?of={of}"), None).await;
    let theirs = see(&publisher.to_string()).await.ok(200);
    let ids: Vec<&Value> =
        theirs["items"].as_array().unwrap().iter().map(|ping| &ping["publisher"]).collect();
    assert_eq!(ids, [&json!(publisher), &json!(publisher)]);
    let refusal = &theirs["items"][0]["rejected"];
    assert_eq!((&refusal["code"], &refusal["reason"]), (&json!(1003), &json!("no_capacity")));
    assert_eq!(refusal.get("why"), None, "{refusal}");
    assert_eq!(theirs["items"][0]["caller"], "415***0100");
    see(&stranger.to_string()).await.refused(404, "not_found");
    see(&campaign.to_string()).await.refused(404, "not_found");
    let elsewhere = world.send(&world.other_key, "GET", &of_campaign, None).await.ok(200);
    assert_eq!(elsewhere["items"], json!([]), "another account sees nothing of it");
}

#[tokio::test]
async fn a_call_says_by_which_bid_it_came_to_all_but_buyers() {
    let world = World::new().await;
    let mut record = record(world.tenant, 1, "2026-11-22T09:00:00Z");
    let id = domain::ids::InboundBidId::from_uuid(Uuid::from_u128(7));
    let mut call = Call::clone(&record.call);
    call.bid = Some(
        serde_json::from_value(json!({
            "id": id, "amount": 12_500_000, "verdict": "capacity_gone", "fingerprint": "f", "any_caller": false,
            "tags": {"plan": "gold"}
        }))
        .unwrap(),
    );
    record.call = Arc::new(call);
    world.calls.insert(record);
    let shown = world.get(&format!("/api/calls/{}", call_id(1))).await.ok(200);
    assert_eq!(
        shown["bid"],
        json!({"id": id, "amount": Money::from_micros(12_500_000), "verdict": {
            "code": "capacity_gone", "text": "nobody could take the call any more"
        }}),
        "the parameters are the publisher's own"
    );
}
