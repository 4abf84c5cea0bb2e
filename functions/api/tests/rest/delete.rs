//! What is in use stays, and the refusal says what uses it.

use domain::access::{Party, Role};
use domain::ids::{RtbTargetId, TargetId};
use serde_json::json;

use crate::people::{Browser, add_signed_in, open_account};
use crate::support::World;

#[tokio::test]
async fn what_is_in_use_is_not_deleted() {
    let world = World::new().await;
    let own = world.set_up().await;
    for (path, id, kind, name, user) in [
        ("targets", &own.target, "campaign", "Roofing", &own.campaign),
        ("rtb-targets", &own.bidder, "campaign", "Roofing", &own.campaign),
        ("campaigns", &own.campaign, "phone_number", "+18335550100", &own.number),
    ] {
        let problem = world.delete(&format!("/api/{path}/{id}")).await.refused(409, "in_use");
        assert_eq!(problem["used_by"], json!([{"kind": kind, "id": user, "name": name}]));
        assert!(problem["detail"].as_str().unwrap().contains(name), "{problem}");
        world.get(&format!("/api/{path}/{id}")).await.ok(200);
    }
}

#[tokio::test]
async fn a_buyer_or_publisher_whose_people_sign_in_is_not_deleted() {
    for (path, role) in [("buyers", Role::Buyer), ("publishers", Role::Publisher)] {
        let world = World::new().await;
        open_account(&world, world.tenant, "acme.example").await;
        let own = world.set_up().await;
        let id = if role == Role::Buyer { &own.buyer } else { &own.publisher };
        let party = if role == Role::Buyer {
            Party::Buyer(id.parse().unwrap())
        } else {
            Party::Publisher(id.parse().unwrap())
        };
        let unconcerned = world.post(&format!("/api/{path}"), &json!({"name": "Somebody else"})).await.id();
        add_signed_in(&world, role, Some(party)).await;
        let invite = json!({"email": "zoe@example.com", "role": role, "party": party});
        let mut owner = Browser::of(&world, "owner@acme.example").await;
        let invited = owner.post("/api/invitations", invite).await.id();

        let address = format!("/api/{path}/{id}");
        let problem = world.delete(&address).await.refused(409, "in_use");
        let user = "US00000000000000000000000000000002";
        let by_people = json!([
            {"kind": "user", "id": user, "name": format!("The {role}")},
            {"kind": "invitation", "id": invited, "name": "z***@example.com"},
        ]);
        assert_eq!(problem["used_by"], by_people);
        let bulk = json!({"action": "delete", "ids": [id]});
        let outcome = world.post(&format!("/api/{path}/bulk"), &bulk).await.ok(200);
        assert_eq!(outcome["outcomes"][0]["code"], "in_use", "{outcome}");
        world.delete(&format!("/api/{path}/{unconcerned}")).await.ok(204);

        owner.delete(&format!("/api/users/{user}")).await.ok(204);
        let problem = world.delete(&address).await.refused(409, "in_use");
        assert_eq!(problem["used_by"].as_array().unwrap().len(), 1);
        // An invitation that is over holds nothing, and is not sent again for somebody who is gone.
        world.clock.advance(8 * 24 * 3600);
        world.delete(&address).await.ok(204);
        let mut owner = Browser::of(&world, "owner@acme.example").await;
        let problem = owner.send("POST", &format!("/api/invitations/{invited}/resend"), None).await;
        assert_eq!(problem.refused(422, "invalid")["fields"][0]["field"], "party");
    }
}

#[tokio::test]
async fn from_the_number_down_everything_can_go() {
    let world = World::new().await;
    let own = world.set_up().await;
    for (path, id) in [
        ("numbers", &own.number),
        ("campaigns", &own.campaign),
        ("targets", &own.target),
        ("rtb-targets", &own.bidder),
        ("publishers", &own.publisher),
        ("buyers", &own.buyer),
        ("target-groups", &own.group),
        ("ring-trees", &own.tree),
        ("blocked-numbers", &own.blocked),
    ] {
        let address = format!("/api/{path}/{id}");
        let answer = world.delete(&address).await;
        assert_eq!((answer.status, answer.text.as_str()), (204, ""), "{path}");
        world.get(&address).await.refused(404, "not_found");
        world.delete(&address).await.refused(404, "not_found");
        world.patch(&address, &json!({"version": 1})).await.refused(404, "not_found");
    }
    assert!(world.catalog.is_empty());
    world.set_up().await;
}

#[tokio::test]
async fn a_deleted_destination_is_switched_off_for_what_was_published_before() {
    let world = World::new().await;
    let own = world.set_up().await;
    world.publish(&own.campaign).await.ok(200);
    let empty = json!({"version": 1, "plan": [], "auction": {"bidders": []}});
    world.patch(&format!("/api/campaigns/{}", own.campaign), &empty).await.ok(200);
    world.delete(&format!("/api/targets/{}", own.target)).await.ok(204);
    let last = world.delete(&format!("/api/rtb-targets/{}", own.bidder)).await.ok(200);
    assert_eq!(last["warnings"][0]["code"], "campaign_paused");
    let target: TargetId = own.target.parse().unwrap();
    let bidder: RtbTargetId = own.bidder.parse().unwrap();
    assert!(world.counters.is_paused(world.tenant, &target.into()));
    assert!(world.counters.is_paused(world.tenant, &bidder.into()));
}

#[tokio::test]
async fn a_deletion_that_was_overtaken_leaves_the_destination_on() {
    let world = World::new().await;
    let own = world.set_up().await;
    let empty = json!({"version": 1, "plan": []});
    world.patch(&format!("/api/campaigns/{}", own.campaign), &empty).await.ok(200);
    world.catalog.overtake_next_write();
    world.delete(&format!("/api/targets/{}", own.target)).await.refused(409, "version_conflict");
    let target: TargetId = own.target.parse().unwrap();
    assert!(!world.counters.is_paused(world.tenant, &target.into()));
}
