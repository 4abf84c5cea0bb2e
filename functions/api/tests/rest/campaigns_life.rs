//! A campaign's life: ready or not, on and off, copied, restored.

use domain::ids::CampaignId;
use serde_json::{Value, json};
use testkit::fakes::TwilioSays;

use crate::support::{SetUp, World, bidder, campaign, phone, target};

async fn readiness(world: &World, campaign: &str) -> Value {
    world.get(&format!("/api/campaigns/{campaign}/readiness")).await.ok(200)
}

fn check<'a>(ready: &'a Value, code: &str) -> &'a Value {
    let mut checks = ready["checks"].as_array().unwrap().iter();
    checks.find(|check| check["code"] == code).unwrap_or_else(|| panic!("no {code}: {ready}"))
}

fn is_paused(world: &World, own: &SetUp) -> bool {
    world.counters.is_paused(world.tenant, &own.campaign.parse::<CampaignId>().unwrap().into())
}

async fn post(world: &World, own: &SetUp, deed: &str) -> crate::support::Answer {
    world.send(&world.key, "POST", &format!("/api/campaigns/{}/{deed}", own.campaign), None).await
}

#[tokio::test]
async fn readiness_says_what_is_missing_until_nothing_is() {
    let world = World::new().await;
    let id = world.post("/api/campaigns", &json!({"name": "Roofing"})).await.id();
    let ready = readiness(&world, &id).await;
    assert_eq!(ready["takes_calls"], false);
    assert_eq!(ready["blocking"], json!(["set_up", "published", "destination", "phone_number", "active"]));
    assert_eq!(check(&ready, "destination")["field"], "plan");
    assert_eq!(check(&ready, "twilio_account")["state"], "ok");
    assert!(check(&ready, "published")["action"].as_str().is_some());

    let target = world.post("/api/targets", &target("Front desk")).await.id();
    let patch = json!({"version": 1, "plan": [{"target": target}]});
    world.patch(&format!("/api/campaigns/{id}"), &patch).await.ok(200);
    world.publish(&id).await.ok(200);
    world.post("/api/numbers", &world.number("+18335550100", Some(&id))).await.ok(201);
    let ready = readiness(&world, &id).await;
    assert_eq!(ready["blocking"], json!(["active"]));
    assert_eq!(check(&ready, "fallback_number")["state"], "warning");

    world.send(&world.key, "POST", &format!("/api/campaigns/{id}/activate"), None).await.ok(200);
    let ready = readiness(&world, &id).await;
    assert_eq!((&ready["takes_calls"], &ready["blocking"]), (&json!(true), &json!([])), "{ready}");
    assert_eq!(check(&ready, "unpublished_changes")["state"], "ok");
}

#[tokio::test]
async fn readiness_looks_at_what_calls_run_on() {
    let world = World::new().await;
    let own = world.set_up().await;
    world.publish(&own.campaign).await.ok(200);
    let address = format!("/api/campaigns/{}", own.campaign);
    world.patch(&address, &json!({"version": 1, "plan": [], "auction": {"bidders": []}})).await.ok(200);
    let ready = readiness(&world, &own.campaign).await;
    assert_eq!(ready["takes_calls"], true, "{ready}");
    assert_eq!(check(&ready, "unpublished_changes")["state"], "warning");
    assert_eq!(check(&ready, "set_up")["state"], "warning");
    assert_eq!(check(&ready, "destination")["message"], "the campaign has 2 destinations");

    let pause = json!({"version": 1, "status": "paused"});
    world.patch(&format!("/api/rtb-targets/{}", own.bidder), &pause).await.ok(200);
    let ready = readiness(&world, &own.campaign).await;
    assert_eq!(check(&ready, "active_destination")["message"], "1 of 2 destinations take calls");
}

#[tokio::test]
async fn readiness_names_foreign_currency_and_lost_numbers() {
    let world = World::new().await;
    let own = world.set_up().await;
    let euro = json!({"version": 1, "currency": "EUR"});
    world.patch(&format!("/api/rtb-targets/{}", own.bidder), &euro).await.ok(200);
    let ready = readiness(&world, &own.campaign).await;
    assert_eq!(check(&ready, "bidder_currency")["state"], "missing");
    assert_eq!(check(&ready, "bidder_currency")["field"], "auction.bidders[0].rtb_target");

    world.telephony.say(&phone("+18335550100"), TwilioSays::NotYours);
    let ready = readiness(&world, &own.campaign).await;
    let lost = check(&ready, "number_connected");
    assert_eq!((&lost["state"], &lost["object"]), (&json!("missing"), &json!(own.number)));
    world.post("/api/numbers", &world.number("+18335550101", Some(&own.campaign))).await.ok(201);
    let ready = readiness(&world, &own.campaign).await;
    assert_eq!(check(&ready, "number_connected")["state"], "warning", "the other one still brings calls");
}

#[tokio::test]
async fn what_could_not_place_a_call_is_not_activated() {
    let world = World::new().await;
    let own = world.set_up().await;
    post(&world, &own, "pause").await.ok(200);
    let problem = post(&world, &own, "activate").await.refused(409, "not_ready");
    assert_eq!(problem["fields"][0]["rule"], "published", "{problem}");

    world.publish(&own.campaign).await.ok(200);
    for (path, id) in [("targets", &own.target), ("rtb-targets", &own.bidder)] {
        let pause = json!({"version": 1, "status": "paused"});
        world.patch(&format!("/api/{path}/{id}"), &pause).await.ok(200);
    }
    let problem = post(&world, &own, "activate").await.refused(409, "not_ready");
    assert_eq!(problem["fields"][0]["rule"], "active_destination", "{problem}");
    assert!(is_paused(&world, &own));
}

#[tokio::test]
async fn a_change_that_makes_a_campaign_active_is_looked_at_like_activating_it() {
    let world = World::new().await;
    let own = world.set_up().await;
    let address = format!("/api/campaigns/{}", own.campaign);
    post(&world, &own, "pause").await.ok(200);
    let active = |version: u64| json!({"version": version, "status": "active", "description": "on again"});
    let problem = world.patch(&address, &active(2)).await.refused(409, "not_ready");
    assert_eq!(problem["fields"][0]["rule"], "published", "{problem}");
    assert_eq!(world.get(&address).await.ok(200)["description"], "", "nothing of it was stored");
    assert!(is_paused(&world, &own));

    world.publish(&own.campaign).await.ok(200);
    world.delete(&format!("/api/numbers/{}", own.number)).await.ok(204);
    let on = world.patch(&address, &active(2)).await.ok(200);
    assert_eq!((&on["status"], &on["description"]), (&json!("active"), &json!("on again")));
    assert_eq!(on["warnings"][0]["code"], "phone_number", "what else stands in the way is told: {on}");
    assert!(!is_paused(&world, &own));
    // One that is active already is changed without looking, also when its destinations are gone.
    world.patch(&address, &json!({"version": 3, "status": "active", "plan": []})).await.ok(200);

    world.patch(&address, &json!({"version": 4, "status": "archived"})).await.ok(200);
    world.patch(&address, &active(5)).await.refused(409, "archived");
    world.patch(&address, &json!({"version": 5, "status": "paused"})).await.ok(200);
    world.patch(&address, &active(6)).await.ok(200);
}

#[tokio::test]
async fn pausing_and_activating_work_at_once_and_again_do_nothing() {
    let world = World::new().await;
    let own = world.set_up().await;
    world.publish(&own.campaign).await.ok(200);
    for (deed, status, version) in
        [("pause", "paused", 2), ("pause", "paused", 2), ("activate", "active", 3), ("activate", "active", 3)]
    {
        let answer = post(&world, &own, deed).await.ok(200);
        assert_eq!((&answer["status"], &answer["version"]), (&json!(status), &json!(version)));
        assert_eq!(is_paused(&world, &own), status == "paused");
    }
    let log = world.get(&format!("/api/audit-log?object={}", own.campaign)).await.ok(200);
    let actions: Vec<&Value> = log["items"].as_array().unwrap().iter().map(|item| &item["action"]).collect();
    assert_eq!(actions, ["campaign.activated", "campaign.paused", "campaign.published", "campaign.created"]);

    let archive = json!({"version": 3, "status": "archived"});
    world.patch(&format!("/api/campaigns/{}", own.campaign), &archive).await.ok(200);
    for deed in ["pause", "activate"] {
        post(&world, &own, deed).await.refused(409, "archived");
    }
}

#[tokio::test]
async fn a_switch_that_was_overtaken_is_made_on_what_is_stored_then() {
    let world = World::new().await;
    let own = world.set_up().await;
    world.catalog.overtake_next_write();
    assert_eq!(post(&world, &own, "pause").await.ok(200)["status"], "paused");
}

#[tokio::test]
async fn a_copy_is_a_draft_without_numbers_and_with_a_name_of_its_own() {
    let world = World::new().await;
    let own = world.set_up().await;
    let original = world.get(&format!("/api/campaigns/{}", own.campaign)).await.ok(200);
    for name in ["Roofing (copy)", "Roofing (copy 2)"] {
        let answer = post(&world, &own, "duplicate").await;
        let id = answer.id();
        assert_eq!(answer.headers["location"], format!("/api/campaigns/{id}"));
        let copy = world.get(&format!("/api/campaigns/{id}")).await.ok(200);
        assert_eq!((&copy["name"], &copy["status"]), (&json!(name), &json!("draft")));
        for field in ["plan", "auction", "payout", "fallback_number", "time_limit_s"] {
            assert_eq!(copy[field], original[field]);
        }
        assert_eq!(check(&readiness(&world, &id).await, "phone_number")["state"], "missing");
    }
    let address = format!("/api/campaigns/{}/duplicate", own.campaign);
    let named = world.post(&address, &json!({"name": "Gutters"})).await.ok(201);
    assert_eq!(named["name"], "Gutters");
    world.post(&address, &json!({"name": "Gutters"})).await.refused(409, "taken");
    world.post(&address, &json!({"name": ""})).await.refused(422, "invalid");
    world.post(&address, &json!({"title": "x"})).await.refused(422, "invalid");

    let long = campaign(&"é".repeat(120), &own.target, &own.bidder);
    let long = world.post("/api/campaigns", &long).await.id();
    let copy =
        world.send(&world.key, "POST", &format!("/api/campaigns/{long}/duplicate"), None).await.ok(201);
    assert_eq!(copy["name"].as_str().unwrap().chars().count(), 120);
}

#[tokio::test]
async fn versions_are_listed_read_and_restored() {
    let world = World::new().await;
    let own = world.set_up().await;
    let address = format!("/api/campaigns/{}", own.campaign);
    assert_eq!(world.get(&format!("{address}/versions")).await.ok(200), json!({"items": []}));
    world.publish(&own.campaign).await.ok(200);
    world.patch(&address, &json!({"version": 1, "description": "the second", "plan": []})).await.ok(200);
    world.publish(&own.campaign).await.ok(200);
    world
        .patch(
            &format!("/api/rtb-targets/{}", own.bidder),
            &json!({"version": 1, "min_bid": 5, "headers": [["X-Key", "s3cret"]]}),
        )
        .await
        .ok(200);

    let page = world.get(&format!("{address}/versions?limit=2")).await.ok(200);
    let lines: Vec<(u64, &str, bool)> = page["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|line| {
            (line["version"].as_u64().unwrap(), line["cause"].as_str().unwrap(), line["current"] == true)
        })
        .collect();
    assert_eq!(lines, [(3, "republished", true), (2, "published", false)]);
    assert_eq!(page["items"][0]["by"]["kind"], "api_key");
    let cursor = page["next"].as_str().unwrap();
    let rest = world.get(&format!("{address}/versions?limit=2&cursor={cursor}")).await.ok(200);
    assert_eq!((&rest["items"][0]["version"], rest.get("next")), (&json!(1), None));

    let third = world.get(&format!("{address}/versions/3")).await;
    assert!(!third.text.contains("s3cret") && third.text.contains("X-Key"));
    let first = world.get(&format!("{address}/versions/1")).await.ok(200);
    assert_eq!(first["campaign"]["plan"][0]["target"], own.target);
    for missing in ["4", "0", "01", "x", "18446744073709551616"] {
        world.get(&format!("{address}/versions/{missing}")).await.refused(404, "not_found");
    }

    post(&world, &own, "pause").await.ok(200);
    let restored = post(&world, &own, "versions/1/restore").await.ok(200);
    assert_eq!((&restored["plan"][0]["target"], &restored["description"]), (&json!(own.target), &json!("")));
    assert_eq!(restored["status"], "paused", "whether it is switched on is not part of a version");
    assert_eq!(world.get(&format!("{address}/versions")).await.ok(200)["items"][0]["version"], 3);
    let again = post(&world, &own, "versions/1/restore").await.ok(200);
    assert_eq!(again["version"], restored["version"]);
}

#[tokio::test]
async fn a_version_that_names_what_is_gone_is_not_restored() {
    let world = World::new().await;
    let own = world.set_up().await;
    world.publish(&own.campaign).await.ok(200);
    let other = world.post("/api/rtb-targets", &bidder("Another")).await.id();
    let address = format!("/api/campaigns/{}", own.campaign);
    let patch = json!({"version": 1, "plan": [], "auction": {"bidders": [{"rtb_target": other}]}});
    world.patch(&address, &patch).await.ok(200);
    world.delete(&format!("/api/targets/{}", own.target)).await.ok(204);
    let problem = post(&world, &own, "versions/1/restore").await.refused(422, "invalid");
    assert_eq!(problem["fields"][0]["field"], "plan[0].target");
}

#[tokio::test]
async fn nobody_but_the_platform_writes_why_a_campaign_is_paused() {
    let world = World::new().await;
    let body = json!({"name": "x", "status": "paused", "paused_reason": "no_active_destination"});
    let problem = world.post("/api/campaigns", &body).await.refused(422, "invalid");
    assert_eq!(problem["fields"][0]["rule"], "read_only");
}
