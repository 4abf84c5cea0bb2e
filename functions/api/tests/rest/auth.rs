//! What belongs to one tenant is not another's, and only keys are keys. (Route by route: `every_route`.)

use serde_json::json;

use crate::support::{World, campaign, target};

#[tokio::test]
async fn other_ways_to_sign_in_are_no_keys() {
    let world = World::new().await;
    let basic = format!("Basic {}", world.key);
    for header in ["", "Bearer", basic.as_str(), &world.key, "Bearer\u{e9}"] {
        let answer = world.raw("GET", "/api/targets", &[(http::header::AUTHORIZATION, header)], "").await;
        answer.refused(401, "unauthenticated");
    }
}

#[tokio::test]
async fn nobody_refers_to_another_tenants_things() {
    let world = World::new().await;
    let own = world.set_up().await;
    let campaign = campaign("Mine", &own.target, &own.bidder);
    let problem =
        world.send(&world.other_key, "POST", "/api/campaigns", Some(&campaign)).await.refused(422, "invalid");
    let fields: Vec<&str> =
        problem["fields"].as_array().unwrap().iter().map(|field| field["field"].as_str().unwrap()).collect();
    assert_eq!(fields, ["plan[0].target", "auction.bidders[0].rtb_target"]);

    let number = world.number("+18335550123", Some(&own.campaign));
    let problem =
        world.send(&world.other_key, "POST", "/api/numbers", Some(&number)).await.refused(422, "invalid");
    assert_eq!(problem["fields"][0]["field"], "account_sid");
    assert_eq!(problem["fields"][1]["field"], "campaign");
}

#[tokio::test]
async fn a_number_is_taken_across_tenants_and_a_name_is_not() {
    let world = World::new().await;
    world.set_up().await;
    let number = json!({
        "number": "+18335550100", "account_sid": crate::support::account(world.other), "campaign": null
    });
    let problem =
        world.send(&world.other_key, "POST", "/api/numbers", Some(&number)).await.refused(409, "taken");
    assert_eq!(problem["fields"][0]["field"], "number");
    world.send(&world.other_key, "POST", "/api/targets", Some(&target("Front desk"))).await.ok(201);
}
