//! Bidders on the local platform: an auction that is tried out spends nothing, and one that fails is told about.

use std::collections::BTreeSet;
use std::time::Duration;

use app::clock::{Clock, SystemClock};
use app::ports::{Counters, Health as _, HealthCheck};
use domain::breaker::Health;
use domain::ids::RtbTargetId;
use local_platform::Platform;
use serde_json::{Value, json};
use testkit::bidders::{self, Scenario};

use crate::deployment;
use crate::scene::{Bidder, Scene};

const GOOD: &str = "amount=12.00&name=good";

/// Everything that is stored, as text, but what every request to the API leaves behind.
async fn stored(platform: &Platform) -> BTreeSet<String> {
    let client = testkit::database::client_at(&platform.database_url());
    let mut pages =
        client.scan().table_name("callcenter").consistent_read(true).into_paginator().items().send();
    let mut stored = BTreeSet::new();
    while let Some(item) = pages.next().await {
        let item = item.unwrap();
        let is = |name: &str, value: &str| {
            item.get(name).and_then(|is| is.as_s().ok()).is_some_and(|is| is.contains(value))
        };
        let of_the_request = is("kind", "api_key") || (is("kind", "rate_window") && !is("pk", "bidder#"));
        if !of_the_request {
            let mut fields: Vec<String> = item.iter().map(|field| format!("{field:?}")).collect();
            fields.sort();
            stored.insert(fields.join(" "));
        }
    }
    stored
}

#[tokio::test(flavor = "multi_thread")]
async fn an_auction_that_is_tried_out_really_asks_and_spends_nothing() {
    let (deployment, platform) = deployment().await;
    let tree = [
        Bidder { name: "Good", scenario: Scenario::Accept, wishes: GOOD },
        Bidder { name: "Failing", scenario: Scenario::Error, wishes: "name=failing" },
        Bidder { name: "Refusing", scenario: Scenario::Reject, wishes: "name=refusing" },
    ];
    let scene = deployment.scene(&tree).await;
    let limits = json!({"rate_limits": {"per_minute": 100, "per_day": 100}});
    scene.change(&format!("/api/rtb-targets/{}", scene.bidders[0]), limits).await;
    let address = format!("/api/campaigns/{}/test-auction", scene.campaign);
    let wishes = json!({"call": {"from": "+13125550147", "state": "IL"}});
    let asked = || {
        let counts = platform.bidders().counts();
        ["good", "failing", "refusing"].map(|name| counts.of(name).requests)
    };
    // The first one leaves the limited bidder's windows behind, empty.
    deployment.ok("POST", &address, Some(&wishes)).await;
    let before = (asked(), stored(&platform).await);
    for _ in 0..7 {
        let tried = deployment.ok("POST", &address, Some(&wishes)).await;
        assert!(tried["auction"]["winner"]["name"].as_str().unwrap().starts_with("Good"), "{tried}");
    }
    assert_eq!(asked(), before.0.map(|count| count + 7), "each was really asked");
    assert_eq!(platform.bidders().counts().requests_of("good")[0].method, "POST");
    assert!(platform.queue_drained(Duration::from_secs(10)).await.unwrap());
    let after = stored(&platform).await;
    let new: Vec<_> = after.symmetric_difference(&before.1).collect();
    assert!(new.is_empty(), "counters, limits, breakers, bid log, calls: all as before: {new:#?}");
    let health = deployment.ok("GET", "/api/rtb/health-checks", None).await;
    for bidder in health["items"].as_array().unwrap() {
        assert_eq!(bidder["breaker"], json!({"state": "closed", "failures": 0}), "{bidder}");
    }
    let uptime = deployment.ok("GET", &format!("/api/rtb/targets/{}/uptime", scene.bidders[0]), None).await;
    assert_eq!(uptime["requests"]["asked"], 0, "{uptime}");
}

/// The bidder is due for a look at once, and is looked at.
async fn look(platform: &Platform, bidder: RtbTargetId) {
    let now = SystemClock.now();
    let check =
        HealthCheck { rtb_target: bidder, at: now, up: true, status: None, latency_ms: 1, failure: None };
    platform.store().record_check(platform.tenant(), &check, now).await.unwrap();
    platform.tick("RtbHealth").await.unwrap();
}

/// Calls come in, and what became of asking the bidder is in the log.
async fn calls(scene: &Scene<'_>, platform: &Platform, seeds: std::ops::Range<u64>) {
    for seed in seeds {
        scene.call(scene.script(seed)).await;
    }
    assert!(platform.queue_drained(Duration::from_secs(10)).await.unwrap());
}

/// Receiver and subject of the mails about bidders.
fn mails(platform: &Platform) -> Vec<String> {
    let files = std::fs::read_dir(platform.mail_folder()).into_iter().flatten();
    let texts = files.map(|file| std::fs::read_to_string(file.unwrap().path()).unwrap());
    let heads = texts.map(|text| text.lines().take(2).collect::<Vec<_>>().join(", "));
    heads.filter(|head| head.contains("Bidder")).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bidder_that_fails_is_told_about_once_until_it_is_good_again() {
    let (deployment, platform) = deployment().await;
    let failing = Bidder { name: "Failing", scenario: Scenario::Error, wishes: "" };
    let scene = deployment.scene(&[failing]).await;
    let address = format!("/api/rtb-targets/{}", scene.bidders[0]);
    let bidder: RtbTargetId = scene.bidders[0].parse().unwrap();
    scene.change(&address, json!({"alerts": {"min_requests": 5}})).await;
    let alerts = async || deployment.ok("GET", "/api/rtb/alerts", None).await["items"].clone();

    calls(&scene, &platform, 1..5).await;
    look(&platform, bidder).await;
    assert_eq!((alerts().await, mails(&platform)), (json!([]), vec![]), "four requests say nothing");
    calls(&scene, &platform, 5..6).await;
    look(&platform, bidder).await;
    let open = alerts().await;
    assert_eq!((&open[0]["kind"], &open[0]["closed_at"]), (&json!("error_rate"), &Value::Null), "{open}");
    assert_eq!(open[0]["text"], "5 of 5 requests failed, most often by http_500");
    let name = open[0]["name"].as_str().unwrap();
    let mail =
        format!("To: {}, Subject: Bidder {name} does not answer as it should", platform.demo_owner().0);
    assert_eq!(mails(&platform), std::slice::from_ref(&mail));
    look(&platform, bidder).await;
    assert_eq!(
        (alerts().await, mails(&platform)),
        (open.clone(), vec![mail.clone()]),
        "nobody is told twice"
    );

    // It is repaired; auctions would ask it again after half a minute.
    let url = format!("http://{}{}/{}?{GOOD}", deployment.bidders, bidders::PATH, Scenario::Accept.as_str());
    scene.change(&address, json!({"url": url})).await;
    platform.store().note_health(platform.tenant(), bidder, &Health::default()).await.unwrap();
    calls(&scene, &platform, 6..12).await;
    look(&platform, bidder).await;
    let closed = alerts().await;
    assert!(closed.as_array().unwrap().len() == 1 && closed[0]["closed_at"].is_string(), "{closed}");
    assert_eq!(closed[0]["opened_at"], open[0]["opened_at"]);
    assert_eq!(mails(&platform), [mail], "its end is no mail");
    let uptime = deployment.ok("GET", &format!("/api/rtb/targets/{bidder}/uptime"), None).await;
    assert_eq!(uptime["requests"]["asked"], 11, "{uptime}");
    assert_eq!(uptime["requests"]["failed"], json!({"http_500": 5}), "{uptime}");
}
