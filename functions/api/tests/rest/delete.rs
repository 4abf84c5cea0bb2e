//! What is in use stays, and the refusal says what uses it.

use domain::ids::{RtbTargetId, TargetId};
use serde_json::json;

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
