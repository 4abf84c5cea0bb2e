//! The phone simulator's signatures, and our own, against Twilio's library: what each of them writes, the others accept.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, Uri, header};
use axum::response::IntoResponse;
use serde_json::{Value, json};
use testkit::phone::{CallScript, CalleeScript, NumberConfig, PhoneConfig, PhoneNetwork};
use twilio::form::Form;

use crate::form::{draw, library_params, request};
use crate::node::Node;

const TOKEN: &str = "0123456789abcdef0123456789abcdef";
const ACCOUNT: &str = "AC0190a1b2c3d47e5f8a9b0c1d2e3f4a5b";

#[test]
fn three_signers_write_the_same() {
    let mut oracle = Node::run("conformance/signature-oracle.mjs", &[]);
    let requests = draw(&request(), 500);
    let asked: Vec<Value> = requests
        .iter()
        .map(|request| {
            let params = library_params(&request.form);
            json!({"op": "sign", "token": request.token, "url": request.url(), "params": params})
        })
        .collect();
    for (answer, request) in oracle.ask_all(&asked).iter().zip(&requests) {
        let (url, form) = (request.url(), &request.form);
        assert_eq!(answer["signature"], twilio::signature::sign(&request.token, &url, form), "{request:?}");
        assert_eq!(answer["signature"], testkit::phone::sign(&request.token, &url, form), "{request:?}");
    }
}

/// A request as it arrived.
struct Arrived {
    target: String,
    signature: String,
    body: Bytes,
}

type Seen = Arc<Mutex<Vec<Arrived>>>;

#[tokio::test]
async fn every_request_of_a_simulated_call_is_accepted_by_the_library() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    let seen = Seen::default();
    let router = Router::new().fallback(answer).with_state((seen.clone(), base.clone()));
    let server = tokio::spawn(async move { axum::serve(listener, router).await });

    let number = NumberConfig {
        status_callback: format!("{base}/status?of=the%20call&x='quoted'"),
        ..NumberConfig::new("+18335550100", format!("{base}/voice?campaign=a+b%26c#rc=1"))
    };
    let config = PhoneConfig::new(ACCOUNT, TOKEN).number(number);
    let script = CallScript::new("+14155550100", "+18335550100").seed(7);
    let script = script.callee("+12025550101", CalleeScript::answers(3, 95));
    let journey = PhoneNetwork::new(config).place_call(script).await;
    server.abort();
    assert_eq!(journey.warnings(), []);

    let seen = std::mem::take(&mut *seen.lock().unwrap());
    let mut paths: Vec<&str> = seen.iter().filter_map(|request| request.target.split('?').next()).collect();
    paths.sort_unstable();
    paths.dedup();
    assert_eq!(paths, ["/ended", "/leg", "/recording", "/status", "/voice"], "all kinds of webhooks took part");
    let asked: Vec<Value> = seen
        .iter()
        .map(|request| {
            let form = Form::parse(&request.body).unwrap();
            json!({
                "op": "validate", "token": TOKEN, "signature": request.signature,
                "url": format!("{base}{}", request.target), "params": library_params(form.pairs()),
            })
        })
        .collect();
    let mut oracle = Node::run("conformance/signature-oracle.mjs", &[]);
    for (answer, request) in oracle.ask_all(&asked).iter().zip(&seen) {
        assert_eq!(answer["valid"], true, "{}", request.target);
    }
}

async fn answer(
    State((seen, base)): State<(Seen, String)>,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> impl IntoResponse {
    let signature = headers["x-twilio-signature"].to_str().unwrap().to_owned();
    seen.lock().unwrap().push(Arrived { target: uri.to_string(), signature, body });
    let document = match uri.path() {
        "/voice" => format!(
            "<Response><Dial answerOnBridge=\"true\" action=\"{base}/ended?step=2\" \
             record=\"record-from-answer-dual\" recordingStatusCallback=\"{base}/recording\">\
             <Number statusCallback=\"{base}/leg?n=1\" statusCallbackEvent=\"initiated ringing answered completed\">\
             +12025550101</Number></Dial></Response>"
        ),
        _ => "<Response/>".to_owned(),
    };
    ([(header::CONTENT_TYPE, "text/xml")], document)
}
