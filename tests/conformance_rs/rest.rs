//! Our REST client, and the simulator that stands in for Twilio, against Twilio's OpenAPI description, served by Prism.
//!
//! Prism refuses a request that breaks the description (422), one without credentials (401) and an unknown path (404);
//! as a proxy it names what breaks the description on either side.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::Response;
use domain::ids::{AccountSid, CallSid};
use domain::phone::E164;
use serde_json::{Value, json};
use testkit::phone::{CallScript, CalleeScript, NumberConfig, PhoneConfig, PhoneNetwork};
use twilio::rest::{Credentials, NumberHooks, Pace, RestClient, RestError};

use crate::node::Node;

const ACCOUNT: &str = "AC0190a1b2c3d47e5f8a9b0c1d2e3f4a5b";
const TOKEN: &str = "0123456789abcdef0123456789abcdef";
const NUMBER: &str = "+18335550100";

/// Prism as a mock: answers are the description's own examples.
fn mock() -> (Node, RestClient) {
    let mut prism = Node::run("conformance/prism.mjs", &["--until-stdin-closes"]);
    let client = client_of(&mut prism);
    (prism, client)
}

fn client_of(prism: &mut Node) -> RestClient {
    RestClient::new(&base_of(prism), Pace::default()).unwrap()
}

fn base_of(prism: &mut Node) -> String {
    let ready = prism.line();
    let port = ready.strip_prefix("prism ready port=").unwrap_or_else(|| panic!("Prism said: {ready}"));
    format!("http://127.0.0.1:{port}")
}

fn credentials() -> Credentials {
    Credentials::new(account(), TOKEN)
}

fn account() -> AccountSid {
    ACCOUNT.parse().unwrap()
}

fn call_sid() -> CallSid {
    format!("CA{:032x}", 0x51d).parse().unwrap()
}

fn hooks() -> NumberHooks {
    NumberHooks {
        voice_url: "https://calls.example.com/twilio/voice/inbound#ct=2000&rt=6000&tt=12000&rc=1&rp=ct,5xx"
            .to_owned(),
        voice_fallback_url: "https://fallback.example.com/18335550100.xml".to_owned(),
        status_callback: "https://calls.example.com/twilio/voice/status".to_owned(),
    }
}

/// An answer, or an answer whose example values we do not take; a refused request is neither.
fn assert_within_the_description<T: std::fmt::Debug>(what: &str, answered: Result<T, RestError>) {
    match answered {
        Ok(answer) => println!("{what}: {answer:?}"),
        Err(error @ RestError::Field { .. }) => println!("{what}: taken, its example answer is not: {error}"),
        Err(error) => panic!("{what}: {error}"),
    }
}

#[tokio::test]
async fn every_request_we_make_is_within_the_description() {
    let (_prism, client) = mock();
    let (credentials, number) = (credentials(), NUMBER.parse::<E164>().unwrap());
    assert_within_the_description("fetch a call", client.fetch_call(&credentials, &call_sid()).await);
    assert_within_the_description("list legs", client.child_calls(&credentials, &call_sid()).await);
    assert_within_the_description("find a number", client.find_number(&credentials, &number).await);
    let sid = format!("PN{:032x}", 7).parse().unwrap();
    let updated = client.update_number(&credentials, &sid, &hooks()).await;
    assert_within_the_description("update a number", updated);
}

/// The judge itself: what breaks the description is refused, and the client says so.
#[tokio::test]
async fn a_request_outside_the_description_is_refused() {
    let (_prism, client) = mock();
    let sid = format!("PN{:032x}", 7).parse().unwrap();
    let broken = NumberHooks { status_callback: "not a URL".to_owned(), ..hooks() };
    let refused = client.update_number(&credentials(), &sid, &broken).await.unwrap_err();
    let RestError::Refused { refusal, .. } = refused else { panic!("{refused:?}") };
    assert_eq!(refusal.status, 422);
}

/// What Prism found in one exchange.
#[derive(Debug, Clone)]
struct Exchange {
    request: String,
    status: u16,
    violations: Vec<Value>,
}

/// A client's way through Prism, noting what Prism found: the header is not for the client.
#[derive(Clone)]
struct Notes {
    prism: String,
    exchanges: Arc<Mutex<Vec<Exchange>>>,
    http: HttpClient,
}

type HttpClient = Arc<dyn Fn(http::Request<Vec<u8>>) -> Exchanged + Send + Sync>;
type Exchanged = std::pin::Pin<Box<dyn std::future::Future<Output = http::Response<Vec<u8>>> + Send>>;
