//! The REST API: looking at calls, ending and redirecting live ones, configuring numbers.

#![expect(clippy::unwrap_used, reason = "a broken harness should stop the test")]

mod phone_support;

use std::time::Duration;

use axum::body::{Body, to_bytes};
use axum::http::{Request, StatusCode};
use base64::Engine;
use phone_support::{ACCOUNT, Answer, Application, BUYER, NUMBER, TOKEN, call};
use serde_json::Value;
use testkit::phone::{CalleeScript, EndedBy, Happening, PhoneNetwork, Speed};
use tower::ServiceExt;

async fn ask(
    network: &PhoneNetwork,
    method: &str,
    path: &str,
    form: &str,
    token: &str,
) -> (StatusCode, Value) {
    let credentials = base64::engine::general_purpose::STANDARD.encode(format!("{ACCOUNT}:{token}"));
    let request = Request::builder()
        .method(method)
        .uri(format!("/2010-04-01/Accounts/{ACCOUNT}{path}"))
        .header("authorization", format!("Basic {credentials}"))
        .header("content-type", "application/x-www-form-urlencoded")
        .body(Body::from(form.to_owned()))
        .unwrap();
    let response = network.router().oneshot(request).await.unwrap();
    let status = response.status();
    let body = to_bytes(response.into_body(), 1 << 20).await.unwrap();
    (status, serde_json::from_slice(&body).unwrap_or_default())
}

#[tokio::test]
async fn ended_calls_and_their_legs_stay_known() {
    let application = Application::start().await;
    application.says("/voice", &format!("<Dial answerOnBridge=\"true\"><Number>{BUYER}</Number></Dial>"));
    let network = application.network();
    let journey = network.place_call(call().callee(BUYER, CalleeScript::answers(4, 95))).await;
    let (status, parent) =
        ask(&network, "GET", &format!("/Calls/{}.json", journey.call_sid), "", TOKEN).await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(
        (&parent["status"], &parent["duration"], &parent["direction"]),
        (&"completed".into(), &"95".into(), &"inbound".into())
    );
    assert!(parent["end_time"].as_str().unwrap().ends_with("+0000"));
    let path = format!("/Calls.json?ParentCallSid={}", journey.call_sid);
    let (_, children) = ask(&network, "GET", &path, "", TOKEN).await;
    assert_eq!(children["calls"].as_array().unwrap().len(), 1);
    assert_eq!(children["calls"][0]["sid"], journey.legs[0].call_sid.as_str());
    assert_eq!(children["calls"][0]["parent_call_sid"], journey.call_sid.as_str());
    assert!(children["next_page_uri"].is_null());
    let (_, page) = ask(&network, "GET", "/Calls.json?PageSize=1", "", TOKEN).await;
    assert!(page["next_page_uri"].as_str().unwrap().contains("Page=1"));
}

#[tokio::test]
async fn refusals_have_twilios_codes() {
    let application = Application::start().await;
    application.says("/voice", "<Hangup/>");
    let network = application.network();
    let journey = network.place_call(call()).await;
    let known = format!("/Calls/{}.json", journey.call_sid);
    for (method, path, form, token, status, code) in [
        ("GET", known.as_str(), "", "wrong", 401, 20_003),
        ("GET", "/Calls/CA404.json", "", TOKEN, 404, 20_404),
        ("GET", "/Messages.json", "", TOKEN, 404, 20_404),
        ("POST", known.as_str(), "Status=completed", TOKEN, 400, 21_220),
    ] {
        let (got, body) = ask(&network, method, path, form, token).await;
        assert_eq!((got.as_u16(), body["code"].as_u64()), (status, Some(code)), "{path}");
        assert_eq!(body["status"], status);
    }
}

#[tokio::test]
async fn a_live_call_can_be_hung_up_and_a_leg_too() {
    let application = Application::start().await;
    application
        .says("/voice", &format!("<Dial action=\"/result\"><Number>{BUYER}</Number></Dial>"))
        .says("/result", "<Say>Thank you</Say>");
    for leg_only in [false, true] {
        let network = application.network();
        let mut script = call().callee(BUYER, CalleeScript::answers(0, 600));
        script.speed = Speed::Times(10);
        let mut live = network.follow_call(script);
        let mut sid = String::new();
        while let Some(event) = live.events.recv().await {
            match event.what {
                Happening::CallPlaced { call_sid, .. } => sid = call_sid,
                Happening::Dialled { call_sid, .. } if leg_only => sid = call_sid,
                Happening::Bridged { .. } => break,
                _ => {}
            }
        }
        let (status, _) =
            ask(&network, "POST", &format!("/Calls/{sid}.json"), "Status=completed", TOKEN).await;
        assert_eq!(status, StatusCode::OK);
        let journey = tokio::time::timeout(Duration::from_secs(5), live.journey).await.unwrap().unwrap();
        assert_eq!(journey.outcome.connected.unwrap().ended_by, EndedBy::Rest);
        let expected = if leg_only { EndedBy::Instructions } else { EndedBy::Rest };
        assert_eq!(journey.outcome.ended_by, expected);
    }
    assert_eq!(application.arrived_at("/result").len(), 1, "a call that was hung up asks for nothing more");
}

#[tokio::test]
async fn a_live_call_can_be_given_new_instructions_while_we_are_asked() {
    let application = Application::start().await;
    application
        .on("/voice", |_| Answer::twiml("<Say>Old</Say>").after(Duration::from_millis(800)))
        .says("/elsewhere", "<Say>New</Say>");
    let network = application.network();
    let mut live = network.follow_call(call());
    let first = live.events.recv().await.unwrap();
    let Happening::CallPlaced { call_sid, .. } = first.what else { panic!("{first:?}") };
    let form = format!("Url={}/elsewhere", application.base);
    let (status, body) = ask(&network, "POST", &format!("/Calls/{call_sid}.json"), &form, TOKEN).await;
    assert_eq!((status, &body["status"]), (StatusCode::OK, &"ringing".into()));
    let journey = live.journey.await.unwrap();
    assert!(journey.happened(|what| matches!(what, Happening::Said { words, .. } if words == "New")));
    assert!(!journey.happened(|what| matches!(what, Happening::Said { words, .. } if words == "Old")));
}

#[tokio::test]
async fn a_number_is_found_and_pointed_elsewhere() {
    let application = Application::start().await;
    application.says("/new", "<Hangup/>");
    let network = application.network();
    let (_, found) = ask(
        &network,
        "GET",
        &format!("/IncomingPhoneNumbers.json?PhoneNumber=%2B{}", &NUMBER[1..]),
        "",
        TOKEN,
    )
    .await;
    let sid = found["incoming_phone_numbers"][0]["sid"].as_str().unwrap().to_owned();
    let form = format!("VoiceUrl={}/new&VoiceFallbackUrl=&StatusCallback=", application.base);
    let path = format!("/IncomingPhoneNumbers/{sid}.json");
    let (status, changed) = ask(&network, "POST", &path, &form, TOKEN).await;
    assert_eq!(
        (status, changed["voice_url"].as_str()),
        (StatusCode::OK, Some(format!("{}/new", application.base).as_str()))
    );
    network.place_call(call()).await;
    assert_eq!(application.arrived().len(), 1);
    let (status, refused) = ask(&network, "POST", &path, "VoiceUrl=nonsense", TOKEN).await;
    assert_eq!((status, refused["code"].as_u64()), (StatusCode::BAD_REQUEST, Some(20_001)));
    let (_, nobody) = ask(&network, "GET", "/IncomingPhoneNumbers.json?PhoneNumber=%2B1", "", TOKEN).await;
    assert!(nobody["incoming_phone_numbers"].as_array().unwrap().is_empty());
}

fn listed(page: &Value, list: &str, field: &str) -> Vec<String> {
    page[list].as_array().unwrap().iter().map(|item| item[field].as_str().unwrap().to_owned()).collect()
}

async fn for_sale(network: &PhoneNetwork, address: &str) -> Vec<String> {
    let (status, page) = ask(network, "GET", &format!("/AvailablePhoneNumbers/{address}"), "", TOKEN).await;
    assert_eq!(status, StatusCode::OK, "{address} {page}");
    listed(&page, "available_phone_numbers", "phone_number")
}

#[tokio::test]
async fn the_same_search_finds_the_same_numbers_less_those_that_are_bought() {
    let network = Application::start().await.network();
    let address = "US/Local.json?AreaCode=303&PageSize=3";
    let first = for_sale(&network, address).await;
    assert_eq!(first, ["+13035550100", "+13035550101", "+13035550102"]);
    let (status, bought) =
        ask(&network, "POST", "/IncomingPhoneNumbers.json", "PhoneNumber=%2B13035550100", TOKEN).await;
    assert_eq!((status, &bought["phone_number"]), (StatusCode::CREATED, &"+13035550100".into()));
    assert_eq!(for_sale(&network, address).await, ["+13035550101", "+13035550102", "+13035550103"]);
    assert_eq!(for_sale(&network, "US/Local.json?InRegion=WA&PageSize=1").await, ["+12065550100"]);
    assert_eq!(for_sale(&network, "US/Local.json?InLocality=Miami&Contains=*42").await, ["+13055550142"]);
    assert_eq!(
        for_sale(&network, "US/TollFree.json?Contains=8335&PageSize=1").await,
        ["+18335550101"],
        "the first is ours"
    );
    assert_eq!(for_sale(&network, "GB/Mobile.json?PageSize=1").await, ["+447700900000"]);
    let (status, _) = ask(&network, "GET", "/AvailablePhoneNumbers/AQ/Local.json", "", TOKEN).await;
    assert_eq!(status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn what_cannot_be_sold_is_refused_with_twilios_codes() {
    let network = Application::start().await.network();
    assert!(
        for_sale(&network, "US/Local.json?AreaCode=303&PageSize=100")
            .await
            .contains(&"+13035550199".to_owned())
    );
    for (form, code) in [
        ("PhoneNumber=%2B13035550199", 21_422),
        (format!("PhoneNumber=%2B{}", &NUMBER[1..]).as_str(), 21_422),
        ("PhoneNumber=nonsense", 21_421),
        ("PhoneNumber=%2B14159990000", 21_421),
        ("FriendlyName=x", 20_001),
        ("PhoneNumber=%2B13035550101&VoiceApplicationSid=AP404", 20_001),
    ] {
        let (status, refused) = ask(&network, "POST", "/IncomingPhoneNumbers.json", form, TOKEN).await;
        assert_eq!((status, refused["code"].as_u64()), (StatusCode::BAD_REQUEST, Some(code)), "{form}");
    }
    for (area, code) in [("533", 21_452), ("111", 21_451)] {
        let path = format!("/AvailablePhoneNumbers/US/Local.json?AreaCode={area}");
        let (_, refused) = ask(&network, "GET", &path, "", TOKEN).await;
        assert_eq!(refused["code"].as_u64(), Some(code));
    }
    network.refuse_purchases(Some((400, 21_649)));
    let (_, refused) =
        ask(&network, "POST", "/IncomingPhoneNumbers.json", "PhoneNumber=%2B13035550101", TOKEN).await;
    assert_eq!(refused["code"].as_u64(), Some(21_649));
}

#[tokio::test]
async fn numbers_are_listed_page_by_page_and_a_released_one_is_gone() {
    let network = Application::start().await.network();
    for last in 0..5 {
        let form = format!("PhoneNumber=%2B1303555010{last}");
        ask(&network, "POST", "/IncomingPhoneNumbers.json", &form, TOKEN).await;
    }
    let mut next = Some("/IncomingPhoneNumbers.json?PageSize=4".to_owned());
    let mut found = Vec::new();
    while let Some(path) = next {
        let (_, page) = ask(&network, "GET", &path, "", TOKEN).await;
        found.push(listed(&page, "incoming_phone_numbers", "phone_number").len());
        let account = format!("/2010-04-01/Accounts/{ACCOUNT}");
        next = page["next_page_uri"].as_str().map(|uri| uri.strip_prefix(&account).unwrap().to_owned());
    }
    assert_eq!(found, [4, 2]);
    let path = &format!("/IncomingPhoneNumbers/PN{:0>32}.json", "13035550100");
    assert_eq!(ask(&network, "DELETE", path, "", TOKEN).await.0, StatusCode::NO_CONTENT);
    assert_eq!(ask(&network, "DELETE", path, "", TOKEN).await.0, StatusCode::NOT_FOUND);
    assert_eq!(network.number("+13035550100"), None);
}

#[tokio::test]
async fn a_number_with_an_application_asks_the_applications_addresses() {
    let application = Application::start().await;
    application.says("/of-application", "<Dial><Number>+12025550170</Number></Dial>");
    application.says("/application-fallback", "<Say>Sorry</Say>");
    let network = application.network();
    let form = format!(
        "FriendlyName=ours&VoiceUrl={0}/of-application&VoiceFallbackUrl={0}/application-fallback\
         &VoiceFallbackMethod=GET&StatusCallback={0}/application-status",
        application.base
    );
    let (status, made) = ask(&network, "POST", "/Applications.json", &form, TOKEN).await;
    assert_eq!((status, &made["voice_method"]), (StatusCode::CREATED, &"POST".into()));
    let sid = made["sid"].as_str().unwrap();
    let number = format!("/IncomingPhoneNumbers/{}.json", network.number(NUMBER).unwrap().sid);
    let (_, given) = ask(&network, "POST", &number, &format!("VoiceApplicationSid={sid}"), TOKEN).await;
    assert_eq!(given["voice_application_sid"], *sid);
    let journey = network.place_call(call()).await;
    assert_eq!(journey.destinations(), ["+12025550170"]);
    assert!(application.arrived_at("/voice").is_empty() && application.arrived_at("/status").is_empty());
    assert_eq!(application.arrived_at("/application-status").len(), 1);

    // A change of the application holds for every number of it; the fallback is asked with the number that was called.
    let form = format!("VoiceUrl={}/broken", application.base);
    application.on("/broken", |_| Answer::status(StatusCode::INTERNAL_SERVER_ERROR));
    ask(&network, "POST", &format!("/Applications/{sid}.json"), &form, TOKEN).await;
    let journey = network.place_call(call()).await;
    assert!(journey.outcome.fallback_used);
    let asked = application.arrived_at("/application-fallback");
    assert!(asked[0].target.contains(&format!("To=%2B{}", &NUMBER[1..])), "{}", asked[0].target);

    let (_, found) = ask(&network, "GET", "/Applications.json?FriendlyName=ours", "", TOKEN).await;
    assert_eq!(listed(&found, "applications", "sid"), [sid]);
    let (_, none) = ask(&network, "GET", "/Applications.json?FriendlyName=our", "", TOKEN).await;
    assert!(listed(&none, "applications", "sid").is_empty());

    // Taken off, it asks its own addresses again.
    ask(&network, "POST", &number, "VoiceApplicationSid=", TOKEN).await;
    application.says("/voice", "<Hangup/>");
    network.place_call(call()).await;
    assert_eq!(application.arrived_at("/voice").len(), 1);
}

#[tokio::test]
async fn trouble_comes_as_often_as_it_was_asked_for() {
    let network = Application::start().await.network();
    network.be_busy(2);
    for expected in [429, 429, 200] {
        let (status, _) = ask(&network, "GET", "/IncomingPhoneNumbers.json", "", TOKEN).await;
        assert_eq!(status.as_u16(), expected);
    }
    network.lose_answers(1);
    let credentials = base64::engine::general_purpose::STANDARD.encode(format!("{ACCOUNT}:{TOKEN}"));
    let request = Request::builder()
        .method("POST")
        .uri(format!("/2010-04-01/Accounts/{ACCOUNT}/IncomingPhoneNumbers.json"))
        .header("authorization", format!("Basic {credentials}"))
        .body(Body::from("PhoneNumber=%2B13035550105"))
        .unwrap();
    let response = network.router().oneshot(request).await.unwrap();
    assert!(to_bytes(response.into_body(), 1 << 20).await.is_err(), "the answer is lost");
    assert!(network.number("+13035550105").is_some(), "it was done");
}
