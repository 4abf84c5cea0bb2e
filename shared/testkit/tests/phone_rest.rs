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
    (status, serde_json::from_slice(&body).unwrap())
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
