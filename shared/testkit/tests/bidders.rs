//! The simulated bidders answer as their names say, and count what they did.

#![expect(clippy::expect_used, reason = "a test fails by panicking, in its helpers too")]

use std::time::{Duration, Instant};

use serde_json::Value;
use testkit::bidders::{BidderSimulator, RunningBidders, Scenario};

async fn bidders() -> RunningBidders {
    BidderSimulator::new().start().await.expect("a free port")
}

#[expect(clippy::disallowed_methods, reason = "a test's own client")]
fn client() -> reqwest::Client {
    reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().expect("a client")
}

async fn ask(bidders: &RunningBidders, scenario: Scenario, wishes: &str) -> (u16, Value) {
    let request = client().post(bidders.url_with(scenario, wishes)).json(&serde_json::json!({"CID": "1"}));
    let answer = request.send().await.expect("an answer");
    let status = answer.status().as_u16();
    (status, answer.json().await.unwrap_or_default())
}

#[tokio::test]
async fn a_bidder_bids_what_it_is_wished_to() {
    let bidders = bidders().await;
    let wishes = "amount=18.50&number=%2B12025550177&min_duration=90&name=alpine";
    let (status, bid) = ask(&bidders, Scenario::Accept, wishes).await;
    assert_eq!(status, 200);
    assert_eq!(bid["accepted"], true);
    assert_eq!(bid["bidAmount"], 18.5);
    assert_eq!(bid["phoneNumber"], "+12025550177");
    assert_eq!(bid["phoneNumberNoPlus"], "12025550177");
    assert_eq!(bid["bidTerms"][0]["callMinDuration"], 90);
    assert_eq!(bidders.counts().of("alpine").requests, 1);
    assert_eq!(bidders.counts().of("accept").requests, 0);
    assert_eq!(bidders.counts().requests_of("alpine")[0].body, r#"{"CID":"1"}"#);
}

#[tokio::test]
async fn refusals_of_every_shape() {
    let bidders = bidders().await;
    let (_, reject) = ask(&bidders, Scenario::Reject, "").await;
    assert_eq!((reject["accepted"].as_bool(), reject["bidAmount"].as_i64()), (Some(false), Some(0)));
    assert_eq!(ask(&bidders, Scenario::Empty, "").await.0, 204);
    assert_eq!(ask(&bidders, Scenario::Error, "").await.0, 500);
    assert_eq!(ask(&bidders, Scenario::Malformed, "").await, (200, Value::Null));
    assert_eq!(ask(&bidders, Scenario::Garbage, "").await, (200, Value::Null));
    assert_eq!(ask(&bidders, Scenario::Redirect, "").await.0, 302);
    assert_eq!(ask(&bidders, Scenario::Flaky, "").await.0, 503);
    assert_eq!(ask(&bidders, Scenario::Flaky, "").await.0, 200);
    let (_, sip) = ask(&bidders, Scenario::AcceptSip, "").await;
    assert!(sip["sipAddress"].as_str().is_some_and(|address| address.ends_with("@sip.bidder.example.com")));
    assert_eq!(sip.get("phoneNumber"), None);
}

#[tokio::test]
async fn bids_with_an_end_say_so_in_three_ways() {
    let bidders = bidders().await;
    #[expect(clippy::disallowed_methods, reason = "compared with what the bidder says")]
    let now = jiff::Timestamp::now().as_millisecond();
    let (_, good) = ask(&bidders, Scenario::AcceptWithExpiration, "").await;
    let left = good["bidExpireEpoch"].as_i64().expect("milliseconds") - now;
    assert!((38_000..=41_000).contains(&left), "{left}");
    assert_eq!(good["expireInSeconds"], 39);
    let written = good["bidExpireDT"].as_str().expect("a date");
    let read = jiff::fmt::strtime::parse("%m/%d/%Y %I:%M:%S %p %:z", written).expect("the trade's form");
    let read = read.to_timestamp().expect("a moment").as_second();
    assert_eq!(read, good["bidExpireEpoch"].as_i64().expect("milliseconds") / 1000);
    let (_, expired) = ask(&bidders, Scenario::Expired, "").await;
    assert!(expired["bidExpireEpoch"].as_i64().is_some_and(|end| end < now));
    let (_, cached) = ask(&bidders, Scenario::Cached, "").await;
    assert_eq!(cached["warnings"][0]["code"], 230);
}

#[tokio::test]
async fn a_probe_gets_an_answer_without_a_body() {
    let bidders = bidders().await;
    for (scenario, expected) in [(Scenario::Accept, 200), (Scenario::Huge, 200), (Scenario::Error, 500)] {
        let answer = client().head(bidders.url(scenario)).send().await.expect("an answer");
        assert_eq!(answer.status().as_u16(), expected);
        assert_eq!(bidders.counts().of(scenario.as_str()).heads, 1);
    }
    let unknown = client().post(format!("http://{}/_sim/rtb/nobody", bidders.address())).send().await;
    assert_eq!(unknown.expect("an answer").status().as_u16(), 400);
}

#[tokio::test]
async fn a_client_that_leaves_is_noticed_and_the_gigabyte_is_not_written() {
    let bidders = bidders().await;
    for scenario in [Scenario::Hang, Scenario::Huge, Scenario::Drip, Scenario::Timeout] {
        let mut answer = Box::pin(async {
            let mut answer = client().post(bidders.url(scenario)).send().await?;
            answer.chunk().await?;
            std::future::pending::<reqwest::Result<()>>().await
        });
        drop(tokio::time::timeout(Duration::from_millis(300), &mut answer).await);
        assert_eq!(bidders.counts().of(scenario.as_str()).under_way, 1, "{scenario:?}");
        drop(answer);
        let deadline = Instant::now() + Duration::from_secs(3);
        while bidders.counts().of(scenario.as_str()).under_way > 0 && Instant::now() < deadline {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        let count = bidders.counts().of(scenario.as_str());
        assert_eq!(count.under_way, 0, "{scenario:?}");
        assert!(count.bytes_written < 64 << 20, "{scenario:?} wrote {}", count.bytes_written);
    }
}

#[tokio::test]
async fn a_slow_bidder_takes_the_time_it_is_told_to() {
    let bidders = bidders().await;
    let started = Instant::now();
    let (status, _) = ask(&bidders, Scenario::Slow, "delay_ms=120").await;
    assert_eq!(status, 200);
    assert!(started.elapsed() >= Duration::from_millis(120));
}

#[tokio::test]
async fn stopped_bidders_take_no_more_requests() {
    let bidders = bidders().await;
    let url = bidders.url(Scenario::Accept);
    bidders.stop().await;
    assert!(client().post(url).send().await.is_err());
}
