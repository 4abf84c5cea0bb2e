//! Publishing, and numbers that come and go afterwards.

use app::ports::{ApplicationHooks, Published};
use domain::ids::{CampaignId, TargetId};
use serde_json::json;
use testkit::fakes::TwilioSays;

use crate::support::{NOW, World, account, campaign, phone};

#[tokio::test]
async fn publishing_freezes_the_campaign_and_connects_its_numbers() {
    let world = World::new().await;
    let own = world.set_up().await;
    let number = phone("+18335550100");
    assert_eq!(world.telephony.routing(&number), None);

    let published = world.publish(&own.campaign).await.ok(200);
    assert_eq!(
        published,
        json!({
            "campaign": own.campaign,
            "version": 1,
            "published_at": NOW,
            "takes_calls": true,
            "numbers": [{
                "id": own.number, "number": "+18335550100", "outcome": "routed", "fallback_written": true
            }],
            "warnings": [],
        })
    );
    let expected = ApplicationHooks {
        voice_url: "https://calls.example.com/twilio/voice/inbound".to_owned(),
        fallback_url: "https://cdn.example.com/fallback/by-number.xml".to_owned(),
        status_url: "https://calls.example.com/twilio/voice/status".to_owned(),
    };
    assert_eq!(world.telephony.routing(&number), Some((account(world.tenant), expected)));
    let applications = world.telephony.application_names(&account(world.tenant));
    assert_eq!(applications, ["callcenter-pro local calls.example.com"]);
    assert!(world.pages.default_document().unwrap().contains("We are sorry"));
    let document = world.pages.document(&number).unwrap();
    assert!(
        document.contains("<Dial timeout=\"30\" answerOnBridge=\"true\">+12025550180</Dial>"),
        "{document}"
    );

    let target: TargetId = own.target.parse().unwrap();
    let campaign: CampaignId = own.campaign.parse().unwrap();
    world
        .patch(&format!("/api/targets/{}", own.target), &json!({"version": 1, "name": "Back desk"}))
        .await
        .ok(200);
    let snapshot = world.catalog.snapshot(world.tenant, campaign, 1).await.unwrap().unwrap();
    assert_eq!(snapshot.targets[&target].name, "Front desk");
    // The change of the target was published by itself.
    assert_eq!(world.publish(&own.campaign).await.ok(200)["version"], 3);
    let snapshot = world.catalog.snapshot(world.tenant, campaign, 2).await.unwrap().unwrap();
    assert_eq!(snapshot.targets[&target].name, "Back desk");
}

#[tokio::test]
async fn what_twilio_will_not_do_is_told_and_does_not_undo_the_publication() {
    let world = World::new().await;
    let own = world.set_up().await;
    let says = [
        ("+18335550101", TwilioSays::NotYours, "not_in_account", "number_not_in_account"),
        ("+18335550102", TwilioSays::Refused("20003 authentication failed"), "failed", "number_not_routed"),
        ("+18335550103", TwilioSays::Nothing, "failed", "number_not_routed"),
    ];
    for (number, says, _, _) in says {
        world.post("/api/numbers", &world.number(number, Some(&own.campaign))).await.ok(201);
        world.telephony.say(&phone(number), says);
    }
    let published = world.publish(&own.campaign).await.ok(200);
    let numbers = published["numbers"].as_array().unwrap();
    assert_eq!(numbers.len(), 4);
    for (number, _, outcome, _) in says {
        let shown = numbers.iter().find(|shown| shown["number"] == number).unwrap();
        assert_eq!(shown["outcome"], outcome);
        // A document under a number that is somebody else's would take that somebody's callers.
        let is_ours = outcome != "not_in_account";
        assert_eq!(shown["fallback_written"], is_ours);
        assert_eq!(world.pages.document(&phone(number)).is_some(), is_ours);
    }
    let reason = |number: &str| {
        let shown = numbers.iter().find(|shown| shown["number"] == number).unwrap();
        shown["reason"].as_str().unwrap().to_owned()
    };
    assert!(reason("+18335550102").contains("20003 authentication failed"));
    assert_eq!(reason("+18335550103"), "Twilio did not answer in time");
    let codes: Vec<&str> = published["warnings"]
        .as_array()
        .unwrap()
        .iter()
        .map(|warning| warning["code"].as_str().unwrap())
        .collect();
    assert_eq!(codes, says.map(|(_, _, _, code)| code));
    let campaign: CampaignId = own.campaign.parse().unwrap();
    assert_eq!(world.catalog.version(world.tenant, campaign).await.unwrap(), Some(1));
}

#[tokio::test]
async fn a_document_that_cannot_be_written_is_told() {
    let world = World::new().await;
    let own = world.set_up().await;
    world.pages.fail(true);
    let published = world.publish(&own.campaign).await.ok(200);
    assert_eq!(published["numbers"][0]["fallback_written"], false);
    assert_eq!(published["numbers"][0]["outcome"], "routed");
    assert_eq!(published["warnings"][0]["code"], "fallback_not_written");
    assert!(!published.to_string().contains("disk"));
}

#[tokio::test]
async fn status_is_the_users_and_a_campaign_that_takes_no_calls_says_so() {
    let world = World::new().await;
    let own = world.set_up().await;
    let address = format!("/api/campaigns/{}", own.campaign);
    for (version, status) in [(1, "draft"), (2, "paused")] {
        world.patch(&address, &json!({"version": version, "status": status})).await.ok(200);
        let published = world.publish(&own.campaign).await.ok(200);
        assert_eq!(published["takes_calls"], false);
        assert_eq!(published["warnings"][0]["code"], "takes_no_calls");
        assert_eq!(world.get(&address).await.ok(200)["status"], status);
    }
    world.patch(&address, &json!({"version": 3, "status": "archived"})).await.ok(200);
    world.publish(&own.campaign).await.refused(409, "archived");
}

#[tokio::test]
async fn a_campaign_that_could_not_place_a_call_is_not_published() {
    let world = World::new().await;
    let id = world.post("/api/campaigns", &json!({"name": "Empty"})).await.id();
    let problem = world.publish(&id).await.refused(422, "invalid");
    assert_eq!(problem["fields"][0]["field"], "plan");
}

#[tokio::test]
async fn bids_in_another_currency_are_not_published() {
    let world = World::new().await;
    let own = world.set_up().await;
    let euro = json!({"version": 1, "currency": "EUR"});
    world.patch(&format!("/api/rtb-targets/{}", own.bidder), &euro).await.ok(200);
    let problem = world.publish(&own.campaign).await.refused(422, "invalid");
    assert_eq!(problem["fields"][0]["rule"], "currency");
}

#[tokio::test]
async fn of_two_publications_at_the_same_time_one_is_refused() {
    let world = World::new().await;
    let own = world.set_up().await;
    world.catalog.overtake_next_write();
    world.publish(&own.campaign).await.refused(409, "version_conflict");
    assert_eq!(world.pages.document(&phone("+18335550100")), None);
}

#[tokio::test]
async fn a_campaign_without_numbers_is_published_with_a_warning() {
    let world = World::new().await;
    let own = world.set_up().await;
    world.delete(&format!("/api/numbers/{}", own.number)).await.ok(204);
    let published = world.publish(&own.campaign).await.ok(200);
    assert_eq!(published["warnings"][0]["code"], "no_number");
}

#[tokio::test]
async fn a_number_given_to_a_published_campaign_is_connected_at_once() {
    let world = World::new().await;
    let own = world.set_up().await;
    world.publish(&own.campaign).await.ok(200);
    let created =
        world.post("/api/numbers", &world.number("+18335550111", Some(&own.campaign))).await.ok(201);
    assert!(created.get("warnings").is_none());
    assert!(world.telephony.routing(&phone("+18335550111")).is_some());
    assert!(world.pages.document(&phone("+18335550111")).unwrap().contains("+12025550180"));

    let id = created["id"].as_str().unwrap();
    world.telephony.say(&phone("+18335550111"), TwilioSays::NotYours);
    let changed = world.patch(&format!("/api/numbers/{id}"), &json!({"version": 1})).await.ok(200);
    assert_eq!(changed["warnings"][0]["code"], "number_not_in_account");
}

#[tokio::test]
async fn a_number_with_its_own_fallback_uses_it() {
    let world = World::new().await;
    let own = world.set_up().await;
    world.publish(&own.campaign).await.ok(200);
    let patch = json!({"version": 1, "fallback_number": "+12025550190"});
    world.patch(&format!("/api/numbers/{}", own.number), &patch).await.ok(200);
    assert!(world.pages.document(&phone("+18335550100")).unwrap().contains("+12025550190"));
}

#[tokio::test]
async fn a_number_that_leaves_its_campaign_no_longer_falls_back_to_it() {
    let world = World::new().await;
    let own = world.set_up().await;
    world.publish(&own.campaign).await.ok(200);
    let patch = json!({"version": 1, "campaign": null});
    world.patch(&format!("/api/numbers/{}", own.number), &patch).await.ok(200);
    let document = world.pages.document(&phone("+18335550100")).unwrap();
    assert!(!document.contains("Dial"), "{document}");
}

#[tokio::test]
async fn a_number_of_an_unpublished_campaign_waits() {
    let world = World::new().await;
    let own = world.set_up().await;
    let other = world.post("/api/campaigns", &campaign("Siding", &own.target, &own.bidder)).await.id();
    world.post("/api/numbers", &world.number("+18335550113", Some(&other))).await.ok(201);
    assert_eq!(world.telephony.routing(&phone("+18335550113")), None);
    assert_eq!(world.pages.document(&phone("+18335550113")), None);
}
