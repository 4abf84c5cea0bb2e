//! What happens when the application does not answer as it should.

mod phone_support;

use std::time::{Duration, Instant};

use axum::http::StatusCode;
use phone_support::{Answer, Application, BUYER, NUMBER, call};
use testkit::phone::{CallStatus, Happening, Journey, NumberConfig, PhoneConfig, PhoneNetwork, WebhookKind};

const FALLBACK: &str = "<Dial><Number>+12025550109</Number></Dial>";

fn fallback_codes(journey: &Journey) -> Vec<u32> {
    let codes = journey.events.iter().filter_map(|event| match event.what {
        Happening::FallingBack { error_code, .. } => Some(error_code),
        _ => None,
    });
    codes.collect()
}

async fn with_answer(answer: impl Fn() -> Answer + Send + Sync + 'static) -> (Application, Journey) {
    let application = Application::start().await;
    application.on("/voice", move |_| answer()).says("/fallback", FALLBACK);
    let journey = application.call(call()).await;
    (application, journey)
}

#[tokio::test]
async fn a_server_error_leads_to_the_fallback_by_get_with_code_and_address() {
    let (application, journey) = with_answer(|| Answer::status(StatusCode::INTERNAL_SERVER_ERROR)).await;
    assert!(journey.outcome.fallback_used && !journey.outcome.failed);
    assert_eq!(journey.destinations(), ["+12025550109"]);
    let asked = &application.arrived_at("/fallback")[0];
    assert_eq!(asked.method.as_str(), "GET");
    assert!(asked.form.is_empty());
    assert!(
        asked.target.contains("ErrorCode=11200") && asked.target.contains("%2Fvoice"),
        "{}",
        asked.target
    );
    assert!(asked.target.contains(&journey.call_sid));
    let signature =
        testkit::phone::sign(phone_support::TOKEN, &format!("{}{}", application.base, asked.target), &[]);
    assert_eq!(asked.headers["x-twilio-signature"], signature);
}

#[tokio::test]
async fn what_is_not_twiml_is_refused_with_its_code() {
    let bad: [(u32, fn() -> Answer); 6] = [
        (12_100, || Answer::of(StatusCode::OK, "text/xml", "<Response><Say>unfinished</Response>")),
        (12_100, || Answer::of(StatusCode::OK, "text/xml", "<response/>")),
        (12_100, || Answer::of(StatusCode::OK, "text/xml", "")),
        (12_300, || Answer::of(StatusCode::OK, "application/json", "{}")),
        (11_750, || Answer::twiml(&format!("<Say>{}</Say>", "a".repeat(70_000)))),
        (11_215, || Answer::redirect(StatusCode::FOUND, "/voice")),
    ];
    for (code, answer) in bad {
        let (_, journey) = with_answer(answer).await;
        assert_eq!(fallback_codes(&journey), [code]);
        assert!(journey.outcome.fallback_used && !journey.outcome.failed);
    }
}

#[tokio::test]
async fn a_hanging_server_is_left_after_the_time_its_address_allows() {
    let application = Application::start().await;
    application.on("/slow", |_| Answer::twiml("").after(Duration::from_secs(30))).says("/fallback", FALLBACK);
    let mut config = application.config();
    config.numbers[0].voice_url =
        format!("{}/slow#ct=2000&rt=6000&tt=12000&rc=1&rp=ct,5xx", application.base);
    config.time_scale = 20;
    let began = Instant::now();
    let journey = PhoneNetwork::new(config).place_call(call()).await;
    assert!(began.elapsed() < Duration::from_secs(3), "took {:?}", began.elapsed());
    assert_eq!(fallback_codes(&journey), [11_200]);
    assert!(journey.outcome.fallback_used);
    let fell_back =
        journey.events.iter().find(|event| matches!(event.what, Happening::FallingBack { .. })).unwrap();
    assert!((6_000..10_000).contains(&fell_back.offset_ms), "the caller waited {} ms", fell_back.offset_ms);
    assert_eq!(application.arrived_at("/slow").len(), 1);
}

#[tokio::test]
async fn a_dead_server_leads_to_the_fallback_elsewhere() {
    let application = Application::start().await;
    application.says("/fallback", FALLBACK);
    let vacant = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let dead = format!("http://{}/voice", vacant.local_addr().unwrap());
    drop(vacant);
    let mut config = application.config();
    config.numbers[0].voice_url = dead;
    let journey = PhoneNetwork::new(config).place_call(call()).await;
    assert_eq!(fallback_codes(&journey), [11_205]);
    assert_eq!(journey.requests_of(WebhookKind::IncomingCall).next().unwrap().attempts, 2);
    assert!(journey.outcome.fallback_used && !journey.outcome.failed);
}

#[tokio::test]
async fn errors_are_retried_only_where_the_address_says_so_with_the_same_token() {
    let application = Application::start().await;
    application.on("/voice", |_| Answer::status(StatusCode::BAD_GATEWAY)).says("/fallback", FALLBACK);
    let mut config = application.config();
    config.numbers[0].voice_url.push_str("#rc=2&rp=5xx");
    let journey = PhoneNetwork::new(config).place_call(call()).await;
    let arrived = application.arrived_at("/voice");
    assert_eq!(arrived.len(), 3);
    let tokens: Vec<_> =
        arrived.iter().map(|request| &request.headers["i-twilio-idempotency-token"]).collect();
    assert!(tokens.iter().all(|token| *token == tokens[0]));
    assert!(arrived.iter().all(|request| !request.target.contains('#')));
    assert_eq!(journey.documents.len(), 1);
    application.arrived_at("/status").iter().for_each(|request| {
        assert_ne!(&request.headers["i-twilio-idempotency-token"], tokens[0]);
    });
}

#[tokio::test]
async fn without_any_instructions_the_caller_hears_an_application_error() {
    let application = Application::start().await;
    application
        .on("/voice", |_| Answer::status(StatusCode::INTERNAL_SERVER_ERROR))
        .on("/fallback", |_| Answer::status(StatusCode::NOT_FOUND));
    let journey = application.call(call()).await;
    assert!(journey.outcome.failed && !journey.outcome.fallback_used);
    assert!(journey.happened(|what| matches!(what, Happening::CallFailed { code: 11_200, .. })));
    assert_eq!(journey.outcome.status, CallStatus::Completed);
    assert_eq!(application.arrived_at("/fallback").len(), 1);
}

#[tokio::test]
async fn an_action_that_fails_in_the_middle_of_a_call_falls_back_too() {
    let application = Application::start().await;
    application
        .says("/voice", &format!("<Dial action=\"/result\"><Number>{BUYER}</Number></Dial>"))
        .on("/result", |_| Answer::status(StatusCode::INTERNAL_SERVER_ERROR))
        .says("/fallback", "<Say>Please call again.</Say>");
    let journey = application.call(call()).await;
    assert!(journey.outcome.fallback_used && !journey.outcome.failed);
    assert!(application.arrived_at("/fallback")[0].target.contains("%2Fresult"));
}

#[tokio::test]
async fn a_redirect_is_followed_and_the_form_kept_where_http_says_so() {
    let application = Application::start().await;
    application
        .on("/voice", |_| Answer::redirect(StatusCode::TEMPORARY_REDIRECT, "/moved"))
        .says("/moved", "<Hangup/>");
    let journey = application.call(call()).await;
    assert_eq!(journey.warnings(), []);
    let moved = &application.arrived_at("/moved")[0];
    assert_eq!(moved.field("CallSid"), Some(journey.call_sid.as_str()));
    let signature =
        testkit::phone::sign(phone_support::TOKEN, &format!("{}/moved", application.base), &moved.form);
    assert_eq!(moved.headers["x-twilio-signature"], signature);
}

#[tokio::test]
async fn a_failing_whisper_connects_nobody() {
    let application = Application::start().await;
    application
        .says("/voice", &format!("<Dial action=\"/result\"><Number url=\"/whisper\">{BUYER}</Number></Dial>"))
        .on("/whisper", |_| Answer::status(StatusCode::INTERNAL_SERVER_ERROR));
    let journey = application.call(call()).await;
    assert!(journey.outcome.connected.is_none());
    assert_eq!(application.arrived_at("/result")[0].field("DialBridged"), Some("false"));
}

#[tokio::test]
async fn a_number_nobody_has_fails_loudly() {
    let network = PhoneNetwork::new(
        PhoneConfig::new("AC1", "t").number(NumberConfig::new(NUMBER, "http://127.0.0.1:9/")),
    );
    let journey = network.place_call(testkit::phone::CallScript::new("+14155550100", "+15005550000")).await;
    assert!(journey.outcome.failed);
}
