//! The dry run of a campaign's routing.

use serde_json::{Value, json};

use crate::support::World;

fn names(list: &Value) -> Vec<&str> {
    fn first(item: &Value) -> Option<&Value> {
        item.get("destination").or_else(|| item.get("destinations")?.get(0))
    }
    list.as_array().unwrap().iter().filter_map(first).filter_map(|named| named["name"].as_str()).collect()
}

#[tokio::test]
async fn where_places_are_ranked_by_what_they_earned_a_dry_run_tells_the_scores() {
    let world = World::new().await;
    let own = world.set_up().await;
    let address = format!("/api/campaigns/{}", own.campaign);
    let refused = json!({"version": 1, "predictive": {"new_targets": 11}});
    world.patch(&address, &refused).await.refused(422, "invalid");
    let ranks = json!({"version": 1, "strategy": "predictive", "predictive": {"new_targets": 10}});
    world.patch(&address, &ranks).await.ok(200);
    let answer = world.post(&format!("{address}/route-preview"), &json!({})).await.ok(200);
    let dials = answer["steps"].as_array().unwrap().iter().find(|step| step["does"] == "dial").unwrap();
    let words = "too few calls yet: the others earn 0.00 per dialled call; +100 % as a new target";
    assert_eq!(dials["scores"], json!([words]), "{answer}");
}

#[tokio::test]
async fn a_dry_run_names_who_would_be_dialled_and_why_others_would_not() {
    let world = World::new().await;
    let own = world.set_up().await;
    let week = json!({"monday": [{"from": "09:00", "to": "17:00"}], "tuesday": [], "wednesday": [], "thursday": [],
        "friday": [], "saturday": [], "sunday": []});
    let desk = |name: &str, more: Value| {
        let mut body = json!({"name": name, "destination": {"number": "+12025550123"}});
        for (field, value) in more.as_object().unwrap() {
            body[field] = value.clone();
        }
        body
    };
    let by_day = world.post("/api/targets", &desk("Day desk", json!({"hours": {"week": week}}))).await.id();
    let illinois = json!({"filter": {"tag": "InboundNumber:State", "is": "equals", "value": "IL"}});
    let local = world.post("/api/targets", &desk("Local desk", illinois)).await.id();
    let plan = json!([
        {"target": by_day, "priority": 1}, {"target": local, "priority": 2}, {"target": own.target, "priority": 3},
    ]);
    let address = format!("/api/campaigns/{}", own.campaign);
    world.patch(&address, &json!({"version": 1, "plan": plan})).await.ok(200);
    let preview = format!("{address}/route-preview");
    let draft = world.post(&preview, &json!({})).await.ok(200);
    assert_eq!(draft["version"], Value::Null, "it was never published: {draft}");
    assert_eq!(names(&draft["passed"]), ["Day desk", "Local desk"]);
    world.publish(&own.campaign).await.ok(200);
    world.post(&format!("{address}/activate"), &json!({})).await;

    // A Sunday, from New York.
    let sunday = json!({"from": "+12125550123", "at": "2026-11-22T12:00:00Z"});
    let answer = world.post(&preview, &sunday).await.ok(200);
    assert_eq!(names(&answer["passed"]), ["Day desk", "Local desk"], "{answer}");
    assert_eq!(answer["passed"][0]["text"], "closed until Mon 09:00 UTC");
    assert_eq!(answer["passed"][1]["code"], "filtered");
    assert_eq!(answer["steps"][0], json!({"does": "ask"}), "the campaign's own bidders: {answer}");
    assert_eq!(names(&answer["steps"]).len(), 1, "{answer}");

    // A Monday, from Chicago.
    let monday = json!({"from": "+13125550123", "at": "2026-11-23T12:00:00Z"});
    let answer = world.post(&preview, &monday).await.ok(200);
    assert_eq!(names(&answer["steps"])[..2], ["Day desk", "Local desk"], "{answer}");
    assert_eq!(answer["passed"], json!([]));
}
