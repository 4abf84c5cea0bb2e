//! Publishers' pings that are answered with a SIP address, and the calls to it, on the local platform: set up through the
//! API, the domain at the simulated Twilio, the call placed by SIP.

use local_platform::Options;
use serde_json::{Value, json};
use testkit::phone::{CallScript, CalleeScript, Journey, SipSource, WebhookKind};

use crate::scene::{Deployment, STATIC_TARGET, Scene, shown};
use crate::whole_calls::books;

const CALLER: &str = "+14155550100";
/// Where the publisher's calls come from.
const PUBLISHERS_IP: &str = "54.172.60.2";

/// A published campaign that bids 11 for a connected call, and the address at which its publisher pings.
async fn bidding(deployment: &Deployment) -> (Scene<'_>, String) {
    let rtb = json!({"base_bid": 11_000_000, "pays_on": "connected", "good_for_s": 60});
    let scene = deployment.scene_with(&[], json!({"rtb": rtb})).await;
    let numbers = deployment.ok("GET", "/api/numbers?limit=100", None).await;
    let number = numbers["items"].as_array().unwrap().iter().find(|item| item["number"] == scene.number);
    let rtb =
        json!({"rtb": {"base_bid": 11_000_000, "pays_on": "connected", "numbers": [number.unwrap()["id"]]}});
    scene.change(&format!("/api/campaigns/{}", scene.campaign), rtb).await;
    deployment.ok("POST", &format!("/api/campaigns/{}/publish", scene.campaign), None).await;
    let issue = format!("/api/campaigns/{}/rtb-urls", scene.campaign);
    let urls = deployment.ok("POST", &issue, Some(&json!({"publisher": scene.publisher}))).await;
    let url = urls["production"].as_str().unwrap();
    let path =
        url.strip_prefix(&deployment.base_url).unwrap_or_else(|| panic!("elsewhere: {url}")).to_owned();
    (scene, path)
}

async fn ping(deployment: &Deployment, path: &str, query: &str) -> Value {
    deployment.ok("GET", &format!("{path}?{query}"), None).await
}

/// A call by SIP from this number; nothing is said of how it ends.
async fn call(deployment: &Deployment, to: &str, from: &str, ip: &str) -> Journey {
    let mut script = CallScript::new(format!("sip:{from}@sip.publisher.example"), to);
    script.sip = SipSource { ip: ip.to_owned(), ..SipSource::default() };
    let script = script.callee(STATIC_TARGET, CalleeScript::answers(3, 70));
    deployment.phone.place_call(script).await
}

fn address(answer: &Value) -> String {
    format!("sip:{}", answer["sipAddress"].as_str().unwrap_or_else(|| panic!("no address: {answer}")))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bid_by_sip_from_the_ping_to_the_books() {
    let (deployment, _platform) =
        crate::deployment_with(Options { seeded: false, ..Options::for_tests() }).await;
    let deployment = &deployment;
    let (scene, path) = bidding(deployment).await;
    let query = "CID=14155550100&sipOk=yes";
    let before = ping(deployment, &path, query).await;
    assert_eq!(before.get("sipAddress"), None, "nobody is let in yet: {before}");
    assert_eq!(before["phoneNumber"], scene.number);

    // Set up, first while Twilio loses answers.
    let setting_up = format!("/api/twilio-accounts/{}/sip", deployment.account_sid);
    let wish = json!({"addresses": ["54.172.60.0/30"]});
    deployment.phone.lose_answers(2);
    let mut made = deployment.ok("PUT", &setting_up, Some(&wish)).await;
    for _ in 0..2 {
        if made["missing"] != json!([]) {
            made = deployment.ok("PUT", &setting_up, Some(&wish)).await;
        }
    }
    assert_eq!(
        (&made["offered"], &made["missing"], &made["addresses"]),
        (&json!(true), &json!([]), &wish["addresses"])
    );
    let domain = deployment.phone.sip_domain(made["domain"].as_str().unwrap()).expect("it is at Twilio");
    assert!(domain.voice_url.contains("/twilio/voice/inbound"), "{domain:?}");
    assert!(
        domain.voice_fallback_url.ends_with("/by-number.xml") && !domain.voice_status_callback_url.is_empty()
    );

    // Another caller: Anna's open bid is the one from before.
    let answer = ping(deployment, &path, "CID=14155550101&sipOk=yes").await;
    assert_eq!((&answer["bidAmount"], answer.get("phoneNumber")), (&json!(11), None), "{answer}");
    let to = address(&answer);

    let stranger = call(deployment, &to, "+14155550101", "54.172.61.9").await;
    assert_eq!(stranger.requests_of(WebhookKind::IncomingCall).count(), 0, "{}", shown(&stranger));
    let wrong = call(deployment, &to, CALLER, PUBLISHERS_IP).await;
    assert_eq!(wrong.destinations(), [] as [&str; 0], "{}", shown(&wrong));
    assert_eq!(scene.read(&wrong, "").await["bid"]["verdict"]["code"], "bid_wrong_caller");

    let journey = call(deployment, &to, "+14155550101", PUBLISHERS_IP).await;
    assert!(!journey.outcome.failed, "{}", shown(&journey));
    assert_eq!(journey.destinations(), [STATIC_TARGET], "{}", shown(&journey));
    assert_eq!(journey.legs[0].sip_code, 200, "the caller id may be shown: {}", shown(&journey));
    assert_eq!(books(&scene, &journey).await, (20_000_000, 11_000_000, 9_000_000), "the payout is the bid");
    let seen = scene.read(&journey, "").await;
    assert_eq!((&seen["to"], &seen["bid"]["id"]), (&json!(to), &answer["bidId"]), "{seen}");
    assert_eq!((seen.get("number"), &seen["from"]), (None, &json!("+14155550101")), "{seen}");

    let again = call(deployment, &to, "+14155550101", PUBLISHERS_IP).await;
    assert_eq!(again.destinations(), [] as [&str; 0], "{}", shown(&again));
    assert_eq!(scene.read(&again, "").await["bid"]["verdict"]["code"], "bid_used");

    let nobodys = to.replacen(&to[7..11], "0000", 1);
    let unknown = call(deployment, &nobodys, "+14155550101", PUBLISHERS_IP).await;
    assert!(!unknown.outcome.failed, "{}", shown(&unknown));
    assert_eq!(unknown.destinations(), [] as [&str; 0], "{}", shown(&unknown));

    deployment.ok("DELETE", &setting_up, None).await;
    assert!(deployment.phone.sip_domain(&domain.domain_name).is_none());
    let after = ping(deployment, &path, "CID=14155550103&sipOk=yes").await;
    assert_eq!(after.get("sipAddress"), None, "{after}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bid_by_sip_that_is_late_is_refused() {
    let (deployment, _platform) = crate::deployment().await;
    let deployment = &deployment;
    let (scene, path) = bidding(deployment).await;
    let campaign = format!("/api/campaigns/{}", scene.campaign);
    let rtb = json!({"rtb": {"base_bid": 11_000_000, "sip_only": true, "good_for_s": 5, "numbers": []}});
    scene.change(&campaign, rtb).await;
    deployment.ok("POST", &format!("{campaign}/publish"), None).await;
    let ready = deployment.ok("GET", &format!("{campaign}/readiness"), None).await;
    let sip = |ready: &Value| {
        let mut checks = ready["checks"].as_array().unwrap().iter();
        checks
            .find(|check| check["code"] == "sip")
            .unwrap_or_else(|| panic!("not looked at: {ready}"))
            .clone()
    };
    assert_eq!((&sip(&ready)["state"], &sip(&ready)["field"]), (&json!("warning"), &json!("rtb.sip_only")));
    let refused = ping(deployment, &path, "CID=14155550100").await;
    assert_eq!(refused["rejectReason"], "No capacity (Code: 1003)");

    let setting_up = format!("/api/twilio-accounts/{}/sip", deployment.account_sid);
    let made = deployment.ok("PUT", &setting_up, Some(&json!({"users": ["publisher"]}))).await;
    let ready = deployment.ok("GET", &format!("{campaign}/readiness"), None).await;
    assert_eq!(sip(&ready)["field"], "default_caller_id", "{ready}");
    let answer = ping(deployment, &path, "CID=14155550100").await;
    let to = address(&answer);
    tokio::time::sleep(std::time::Duration::from_secs(6)).await;
    let password = made["passwords"]["publisher"].as_str().unwrap().to_owned();
    let mut script = CallScript::new("sip:14155550100@sip.publisher.example", to);
    script.sip.user = Some("publisher".to_owned());
    let unproven = deployment.phone.place_call(script.clone()).await;
    assert_eq!(unproven.requests_of(WebhookKind::IncomingCall).count(), 0, "{}", shown(&unproven));
    script.sip.password = Some(password);
    let late = deployment.phone.place_call(script).await;
    assert_eq!(late.destinations(), [] as [&str; 0], "{}", shown(&late));
    assert_eq!(scene.read(&late, "").await["bid"]["verdict"]["code"], "bid_late");
}
