//! Target groups and ring trees: what campaigns share, and how publishing puts it in.

use app::ports::Published;
use domain::ids::{CampaignId, RtbTargetId, TargetGroupId, TargetId};
use domain::plan::Planned;
use serde_json::{Value, json};

use crate::support::{World, bidder, target};

async fn published(world: &World, campaign: &str) -> std::sync::Arc<domain::snapshot::Snapshot> {
    let version = world.publish(campaign).await.ok(200)["version"].as_u64().unwrap();
    let campaign: CampaignId = campaign.parse().unwrap();
    world.catalog.snapshot(world.tenant, campaign, version).await.unwrap().unwrap()
}

#[tokio::test]
async fn publishing_takes_the_groups_targets_along() {
    let world = World::new().await;
    let first = world.post("/api/targets", &target("First")).await.id();
    let second = world.post("/api/targets", &target("Second")).await.id();
    let members = json!([{"target": first}, {"target": second, "priority": 2, "weight": 50}]);
    let group = world.post("/api/target-groups", &json!({"name": "Desks", "members": members})).await.id();
    let plan = json!([{"target_group": group, "priority": 3}, {"target": first}]);
    let campaign = json!({"name": "Roofing", "status": "active", "plan": plan});
    let created = world.post("/api/campaigns", &campaign).await.ok(201);
    assert_eq!(
        created["plan"],
        json!([
            {"target_group": group, "priority": 3, "weight": 100},
            {"target": first, "priority": 1, "weight": 100},
        ])
    );
    let snapshot = published(&world, created["id"].as_str().unwrap()).await;
    let (first, second): (TargetId, TargetId) = (first.parse().unwrap(), second.parse().unwrap());
    let group: TargetGroupId = group.parse().unwrap();
    assert_eq!(snapshot.targets.keys().copied().collect::<Vec<_>>(), [first, second]);
    assert_eq!(snapshot.target_groups[&group].members.len(), 2);
    assert_eq!(snapshot.campaign.plan[0].to, Planned::Group(group));
    assert!(snapshot.counters().contains(&second.into()), "its caps and its pause are looked at");
}

#[tokio::test]
async fn a_plan_entry_is_one_thing() {
    let world = World::new().await;
    let own = world.set_up().await;
    let address = format!("/api/campaigns/{}", own.campaign);
    let twice = json!([{"target_group": own.group}, {"target_group": own.group}]);
    for (plan, field, rule) in [
        (json!([{"target": own.target, "target_group": own.group}]), "plan[0]", "one_of"),
        (json!([{"priority": 1}]), "plan[0]", "one_of"),
        (twice, "plan[1].target_group", "duplicate"),
        (json!([{"target_group": format!("TG{}", "0".repeat(32))}]), "plan[0].target_group", "exists"),
    ] {
        let problem =
            world.patch(&address, &json!({"version": 1, "plan": plan})).await.refused(422, "invalid");
        let found = (&problem["fields"][0]["field"], &problem["fields"][0]["rule"]);
        assert_eq!(found, (&json!(field), &json!(rule)), "{problem}");
    }
}

#[tokio::test]
async fn a_groups_members_exist_and_stand_in_it_once() {
    let world = World::new().await;
    let own = world.set_up().await;
    let address = format!("/api/target-groups/{}", own.group);
    let nowhere = format!("TA{}", "0".repeat(32));
    let many: Vec<Value> = (1..=1_001).map(|number| json!({"target": format!("TA{number:032x}")})).collect();
    for (members, field, rule) in [
        (json!([{"target": own.target}, {"target": own.target}]), "members[1].target", "duplicate"),
        (json!([{"target": nowhere}]), "members[0].target", "exists"),
        (json!([{"target": own.target, "weight": 0}]), "members[0].weight", "range"),
        (json!([{"target": own.target, "priority": 1_001}]), "members[0].priority", "range"),
        (json!(many), "members", "count"),
    ] {
        let patch = json!({"version": 1, "members": members});
        let problem = world.patch(&address, &patch).await.refused(422, "invalid");
        let found = (&problem["fields"][0]["field"], &problem["fields"][0]["rule"]);
        assert_eq!(found, (&json!(field), &json!(rule)));
    }
}

#[tokio::test]
async fn a_plan_that_leads_nowhere_or_everywhere_is_not_published() {
    let world = World::new().await;
    let own = world.set_up().await;
    let address = format!("/api/campaigns/{}", own.campaign);
    let empty = json!({"version": 1, "auction": null, "plan": [{"target_group": own.group}]});
    world.patch(&address, &empty).await.ok(200);
    let problem = world.publish(&own.campaign).await.refused(422, "invalid");
    assert_eq!(problem["fields"][0]["rule"], "required");

    let mut members = Vec::new();
    for number in 0..300 {
        members
            .push(json!({"target": world.post("/api/targets", &target(&format!("T{number}"))).await.id()}));
    }
    let mut plan = Vec::new();
    for number in 0..4 {
        let group = json!({"name": format!("Group {number}"), "members": members});
        plan.push(json!({"target_group": world.post("/api/target-groups", &group).await.id()}));
    }
    world.patch(&address, &json!({"version": 2, "plan": plan})).await.ok(200);
    let problem = world.publish(&own.campaign).await.refused(422, "invalid");
    assert_eq!(
        (&problem["fields"][0]["field"], &problem["fields"][0]["rule"]),
        (&json!("plan"), &json!("count"))
    );
    world.patch(&address, &json!({"version": 3, "plan": plan[..3]})).await.ok(200);
    assert_eq!(published(&world, &own.campaign).await.targets.len(), 300);
}

#[tokio::test]
async fn a_ring_tree_is_the_auction_of_the_campaigns_that_name_it() {
    let world = World::new().await;
    let own = world.set_up().await;
    let other = world.post("/api/rtb-targets", &bidder("Other bidder")).await.id();
    let tree = json!({
        "version": 1, "bidders": [{"rtb_target": other, "priority": 4}], "deadline_ms": 700,
        "min_revenue": 3_000_000, "min_bidders": 2,
    });
    world.patch(&format!("/api/ring-trees/{}", own.tree), &tree).await.ok(200);
    let address = format!("/api/campaigns/{}", own.campaign);

    let both = json!({"version": 1, "ring_tree": own.tree});
    let problem = world.patch(&address, &both).await.refused(422, "invalid");
    assert_eq!(
        (&problem["fields"][0]["field"], &problem["fields"][0]["rule"]),
        (&json!("ring_tree"), &json!("one_of"))
    );
    let one = json!({"version": 1, "ring_tree": own.tree, "auction": null});
    world.patch(&address, &one).await.ok(200);
    let snapshot = published(&world, &own.campaign).await;
    let other: RtbTargetId = other.parse().unwrap();
    let auction = &snapshot.campaign.auction;
    assert_eq!(auction.bidders.iter().map(|entry| entry.rtb_target).collect::<Vec<_>>(), [other]);
    assert_eq!((auction.deadline_ms, auction.min_bidders, auction.bidders[0].priority), (700, 2, 4));
    assert_eq!(auction.min_revenue.micros(), 3_000_000);
    assert!(snapshot.has_auction() && snapshot.rtb_targets.contains_key(&other));

    let back = json!({"version": 2, "ring_tree": null, "auction": {"bidders": [{"rtb_target": own.bidder}]}});
    world.patch(&address, &back).await.ok(200);
    let snapshot = published(&world, &own.campaign).await;
    assert_eq!(snapshot.campaign.auction.bidders[0].rtb_target.to_string(), own.bidder);
    assert_eq!(snapshot.campaign.auction.deadline_ms, 1_000);
}

#[tokio::test]
async fn a_ring_tree_bids_in_the_campaigns_currency_and_names_each_bidder_once() {
    let world = World::new().await;
    let own = world.set_up().await;
    let address = format!("/api/ring-trees/{}", own.tree);
    let twice = json!([{"rtb_target": own.bidder}, {"rtb_target": own.bidder}]);
    let problem =
        world.patch(&address, &json!({"version": 1, "bidders": twice})).await.refused(422, "invalid");
    assert_eq!(problem["fields"][0]["field"], "bidders[1].rtb_target");

    world.patch(&address, &json!({"version": 1, "bidders": [{"rtb_target": own.bidder}]})).await.ok(200);
    let euro = json!({"version": 1, "ring_tree": own.tree, "auction": null, "currency": "EUR"});
    world.patch(&format!("/api/campaigns/{}", own.campaign), &euro).await.ok(200);
    let problem = world.publish(&own.campaign).await.refused(422, "invalid");
    assert_eq!(
        (&problem["fields"][0]["field"], &problem["fields"][0]["rule"]),
        (&json!("ring_tree"), &json!("currency"))
    );
}

#[tokio::test]
async fn what_campaigns_share_stays_while_they_use_it() {
    let world = World::new().await;
    let own = world.set_up().await;
    let group = format!("/api/target-groups/{}", own.group);
    let tree = format!("/api/ring-trees/{}", own.tree);
    world.patch(&group, &json!({"version": 1, "members": [{"target": own.target}]})).await.ok(200);
    world.patch(&tree, &json!({"version": 1, "bidders": [{"rtb_target": own.bidder}]})).await.ok(200);
    let shared = json!({
        "version": 1, "plan": [{"target_group": own.group}], "auction": null, "ring_tree": own.tree
    });
    world.patch(&format!("/api/campaigns/{}", own.campaign), &shared).await.ok(200);
    for (address, kind, id, name) in [
        (group.clone(), "campaign", &own.campaign, "Roofing"),
        (tree.clone(), "campaign", &own.campaign, "Roofing"),
        (format!("/api/targets/{}", own.target), "target_group", &own.group, "Desks"),
        (format!("/api/rtb-targets/{}", own.bidder), "ring_tree", &own.tree, "Everybody"),
    ] {
        let problem = world.delete(&address).await.refused(409, "in_use");
        assert_eq!(problem["used_by"], json!([{"kind": kind, "id": id, "name": name}]));
    }
}
