//! Two installations that know each other only by HTTP: one sends calls, the other one bids for them.

use std::sync::Arc;
use std::time::Duration;

use app::clock::{Clock, SystemClock};
use domain::rtb_target::Method;
use local_platform::{Options, Platform};
use outbound::{AllowList, Outbound};
use serde_json::{Value, json};
use testkit::phone::{CallScript, CalleeScript};

use crate::scene::{Bidder, Deployment, STATIC_TARGET, Scene, shown, verdicts};
use crate::whole_calls::books;

const CALLER: &str = "+14155550100";

/// An installation that may ask bidders there.
async fn installation(reaches: Vec<String>) -> (Deployment, Arc<Platform>) {
    let options = Options { seeded: false, reaches, ..Options::for_tests() };
    crate::deployment_with(options).await
}

async fn number_id(scene: &Scene<'_>) -> String {
    let numbers = scene.deployment.ok("GET", "/api/numbers?limit=100", None).await;
    let numbers = numbers["items"].as_array().unwrap();
    let own = numbers.iter().find(|number| number["number"] == scene.number.as_str()).unwrap();
    own["id"].as_str().unwrap().to_owned()
}

/// A campaign that is bid for 12.50 with its own number, for calls of half a minute; what its publisher needs to ask it.
async fn asked<'a>(deployment: &'a Deployment, rtb: Value) -> (Scene<'a>, Value) {
    let scene = deployment.scene(&[]).await;
    let mut settings = json!({
        "base_bid": 12_500_000, "good_for_s": 60, "pays_on": {"length": {"seconds": 30}},
        "numbers": [number_id(&scene).await]
    });
    for (field, value) in rtb.as_object().into_iter().flatten() {
        settings[field] = value.clone();
    }
    scene.change(&format!("/api/campaigns/{}", scene.campaign), json!({"rtb": settings})).await;
    deployment.ok("POST", &format!("/api/campaigns/{}/publish", scene.campaign), None).await;
    let urls = format!("/api/campaigns/{}/rtb-urls", scene.campaign);
    let url = deployment.ok("POST", &urls, Some(&json!({"publisher": scene.publisher}))).await;
    (scene, url)
}

/// Makes a bidder of somebody else's address, by the ready-made profile of the field's usual platform; its id.
async fn bidder_at(deployment: &Deployment, url: &str, secret: &str) -> String {
    let profiles = deployment.ok("GET", "/api/rtb-targets/profiles", None).await;
    let ringba = profiles["items"].as_array().unwrap().iter().find(|profile| profile["profile"] == "ringba");
    let mut settings = ringba.unwrap()["settings"].clone();
    settings["name"] = json!(format!("Across {}", secret.len()));
    settings["url"] = json!(url);
    settings["authentication"] = json!({"hmac": {"secret": secret}});
    settings["timeout_ms"] = json!(3_000);
    deployment.create("/api/rtb-targets", settings).await
}

async fn asks<'a>(deployment: &'a Deployment, bidder: &str) -> Scene<'a> {
    let auction = json!({"bidders": [{"rtb_target": bidder}], "deadline_ms": 3_000});
    deployment.scene_with(&[] as &[Bidder], json!({"auction": auction, "plan": []})).await
}

#[tokio::test(flavor = "multi_thread")]
async fn one_platform_sells_a_call_to_another_and_both_books_balance() {
    let (theirs, _buyer) = installation(Vec::new()).await;
    let (bought, url) = asked(&theirs, json!({"authentication": "hmac"})).await;
    let (ours, seller) = installation(vec![theirs.base_url.trim_start_matches("http://").to_owned()]).await;
    let bidder = bidder_at(&ours, url["production"].as_str().unwrap(), url["secret"].as_str().unwrap()).await;
    let sold = asks(&ours, &bidder).await;

    let journey = sold.call(sold.script(1).callee(&bought.number, CalleeScript::answers(4, 45))).await;
    assert_eq!(journey.destinations(), [bought.number.as_str()], "{}", shown(&journey));
    let leg = &journey.legs[0];
    assert_eq!(leg.caller_id, CALLER, "the buyer is called by the caller whom it was asked about");

    // The leg that the seller dialled, as the buyer's own network sees it arrive.
    let arriving = CallScript::new(leg.caller_id.clone(), leg.destination.clone())
        .callee(STATIC_TARGET, CalleeScript::answers(3, 42));
    let arrived = bought.call(arriving).await;
    assert_eq!(arrived.destinations(), [STATIC_TARGET], "{}", shown(&arrived));

    let call = bought.read(&arrived, "").await;
    assert_eq!(call["bid"]["verdict"]["code"], "bid_honoured", "{call}");
    let (revenue, ..) = books(&sold, &journey).await;
    let (_, payout, _) = books(&bought, &arrived).await;
    assert_eq!((revenue, payout), (12_500_000, 12_500_000), "what one earns the other pays");

    let auctions = sold.read(&journey, "/auction").await;
    assert_eq!(verdicts(&auctions["items"][0]), [("Across".to_owned(), "won".to_owned())], "{auctions}");
    assert!(seller.queue_drained(Duration::from_secs(5)).await.unwrap());
    let pings = format!("/api/pings?of={}", bought.campaign);
    let pings = theirs.ok("GET", &pings, None).await;
    assert_eq!(pings["items"][0]["id"], call["bid"]["id"], "{pings}");
    assert_eq!(pings["items"][0]["caller"], "415***0100");
}

#[tokio::test(flavor = "multi_thread")]
async fn with_the_wrong_secret_there_is_no_bid_and_the_log_says_why() {
    let (theirs, _buyer) = installation(Vec::new()).await;
    let (_bought, url) = asked(&theirs, json!({"authentication": "hmac"})).await;
    let (ours, seller) = installation(vec![theirs.base_url.trim_start_matches("http://").to_owned()]).await;
    let bidder = bidder_at(&ours, url["production"].as_str().unwrap(), "a guess").await;
    let sold = asks(&ours, &bidder).await;
    let journey = sold.call(sold.script(2)).await;
    assert!(journey.destinations().is_empty(), "{}", shown(&journey));
    assert!(seller.queue_drained(Duration::from_secs(5)).await.unwrap());
    let auctions = sold.read(&journey, "/auction").await;
    let part = &auctions["items"][0]["bidders"][0];
    assert_eq!(part["exchange"]["status"], 403, "{part}");
    let said = part["exchange"]["response"].as_str().unwrap();
    assert!(said.contains("Invalid HMAC signature"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_somebody_sends_again_is_refused() {
    let (theirs, _buyer) = installation(Vec::new()).await;
    let (_bought, url) = asked(&theirs, json!({"authentication": "hmac"})).await;
    let body = r#"{"CID":"14155550100"}"#;
    let now = SystemClock.now().as_second().to_string();
    let signature = rtb_inbound::proof::sign(url["secret"].as_str().unwrap(), &now, body.as_bytes());
    let request = domain::auction::BidRequest {
        method: Method::Post,
        url: url["production"].as_str().unwrap().to_owned(),
        headers: vec![
            ("Content-Type".to_owned(), "application/json".to_owned()),
            ("X-RTB-Timestamp".to_owned(), now),
            ("X-RTB-Signature".to_owned(), signature),
        ],
        body: body.to_owned(),
    };
    let address = theirs.base_url.trim_start_matches("http://").to_owned();
    let client = Outbound::new(AllowList::parse(&address).unwrap()).unwrap();
    let mut statuses = Vec::new();
    for _ in 0..2 {
        let deadline = tokio::time::Instant::now() + Duration::from_secs(5);
        let answer = app::ports::Bidders::ask(&client, &request, deadline).await.unwrap();
        statuses.push(answer.status);
    }
    assert_eq!(statuses, [200, 403], "the same bytes with the same signature");
}

/// What a publisher gets for its pings and the calls that they bring, on one platform.
#[tokio::test(flavor = "multi_thread")]
async fn pings_and_the_calls_they_bring() {
    let (deployment, _platform) = installation(Vec::new()).await;
    let (scene, url) = asked(&deployment, json!({"rate_limit": {"max_requests": 6, "per": "hour"}})).await;
    let ping = async |caller: &str| {
        let url = format!("{}?CID={caller}", url["production"].as_str().unwrap());
        deployment.ok("GET", url.strip_prefix(&deployment.base_url).unwrap(), None).await
    };
    let first = ping("14155550100").await;
    assert_eq!(first["bidAmount"], 12.5, "{first}");
    assert_eq!(first["phoneNumber"], scene.number.as_str());
    assert_eq!(first["bidTerms"][0]["callMinDuration"], 30);
    tokio::time::sleep(Duration::from_millis(1_100)).await;
    let again = ping("14155550100").await;
    assert_eq!(again["bidId"], first["bidId"]);
    assert_eq!(again["warnings"][0]["code"], 230, "{again}");
    let left = again["expireInSeconds"].as_i64().unwrap();
    assert!((40..60).contains(&left), "what is left of sixty seconds: {left}");

    let talked = |seed, seconds| scene.script(seed).callee(STATIC_TARGET, CalleeScript::answers(3, seconds));
    let journey = scene.call(talked(1, 42)).await;
    assert_eq!(books(&scene, &journey).await.1, 12_500_000, "the bid, not the campaign's usual share");
    assert_eq!(scene.read(&journey, "").await["bid"]["id"], first["bidId"]);

    let short = ping("14155550100").await;
    assert_ne!(short["bidId"], first["bidId"], "a bid is used once");
    let journey = scene.call(talked(2, 12)).await;
    assert_eq!(books(&scene, &journey).await.1, 0, "its terms ask for thirty seconds");

    let journey = scene.call(talked(3, 42)).await;
    assert!(journey.destinations().is_empty(), "without a bid: {}", shown(&journey));
    assert_eq!(scene.read(&journey, "").await["bid"]["verdict"]["code"], "bid_used");

    for _ in 0..3 {
        ping("14155550101").await;
    }
    let refused = ping("14155550102").await;
    assert_eq!(refused["rejectReason"], "Rate-limited (Code: 1024)", "{refused}");
}

/// The campaign asks its bidders while the publisher waits.
#[tokio::test(flavor = "multi_thread")]
async fn a_bid_passes_on_what_a_bidder_across_the_network_pays() {
    let (theirs, _buyer) = installation(Vec::new()).await;
    let (bought, url) = asked(&theirs, json!({"authentication": "hmac"})).await;
    let (ours, _seller) = installation(vec![theirs.base_url.trim_start_matches("http://").to_owned()]).await;
    let bidder = bidder_at(&ours, url["production"].as_str().unwrap(), url["secret"].as_str().unwrap()).await;
    let pass_through = json!({"max_bid": 50_000_000, "margin": {"percent": 2_000}, "deadline_ms": 3_000});
    let (between, url) = asked(&ours, json!({"pass_through": pass_through})).await;
    let auction = json!({"bidders": [{"rtb_target": bidder}], "deadline_ms": 3_000});
    let campaign = format!("/api/campaigns/{}", between.campaign);
    between.change(&campaign, json!({"auction": auction, "plan": []})).await;
    ours.ok("POST", &format!("{campaign}/publish"), None).await;

    let ping = format!("{}?CID=14155550100", url["production"].as_str().unwrap());
    let bid = ours.ok("GET", ping.strip_prefix(&ours.base_url).unwrap(), None).await;
    assert_eq!(bid["bidAmount"], 10, "12.50 less 20 %: {bid}");
    assert_eq!(bid["bidTerms"][0]["callMinDuration"], 30, "what the buyer asks for: {bid}");
    let script = between.script(7).callee(&bought.number, CalleeScript::answers(3, 42));
    let journey = between.call(script).await;
    assert_eq!(journey.destinations(), [bought.number.as_str()], "{}", shown(&journey));
    assert_eq!(books(&between, &journey).await, (12_500_000, 10_000_000, 2_500_000));
}
