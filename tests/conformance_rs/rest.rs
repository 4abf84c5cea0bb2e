//! Our REST client, and the simulator that stands in for Twilio, against Twilio's OpenAPI description, served by Prism.
//!
//! Prism refuses a request that breaks the description (422), one without credentials (401) and an unknown path (404);
//! as a proxy it names what breaks the description on either side.

use domain::ids::{AccountSid, CallSid};
use domain::phone::E164;
use serde::Deserialize;
use twilio::rest::{Credentials, IncomingNumberSid, NumberHooks, Pace, RestClient, RestError};

use crate::application::{Application, NUMBER, TOKEN};
use crate::form::ACCOUNT;
use crate::node::Node;

/// A client of the Prism that this process runs.
pub fn client_of(prism: &mut Node) -> RestClient {
    let ready = prism.line();
    let port = ready.strip_prefix("prism ready port=").unwrap_or_else(|| panic!("Prism said: {ready}"));
    RestClient::new(&format!("http://127.0.0.1:{port}"), Pace::default()).unwrap()
}

/// Prism as a mock: answers are the description's own examples.
fn mock() -> (Node, RestClient) {
    let mut prism = Node::run("conformance/prism.mjs", &["--until-stdin-closes"]);
    let client = client_of(&mut prism);
    (prism, client)
}

pub fn credentials() -> Credentials {
    Credentials::new(ACCOUNT.parse::<AccountSid>().unwrap(), TOKEN)
}

fn number() -> E164 {
    NUMBER.parse().unwrap()
}

fn hooks() -> NumberHooks {
    NumberHooks {
        voice_url: "https://calls.example.com/twilio/voice/inbound#ct=2000&rt=6000&tt=12000&rc=1&rp=ct,5xx"
            .to_owned(),
        voice_fallback_url: "https://fallback.example.com/18335550100.xml".to_owned(),
        status_callback: "https://calls.example.com/twilio/voice/status".to_owned(),
    }
}

#[tokio::test]
async fn every_request_we_make_is_within_the_description() {
    let (_prism, client) = mock();
    let sid: CallSid = format!("CA{:032x}", 0x51d).parse().unwrap();
    let number_sid: IncomingNumberSid = format!("PN{:032x}", 7).parse().unwrap();
    client.fetch_call(&credentials(), &sid).await.unwrap();
    // The example has a next page of some other account, which the client must not follow.
    let listed = client.child_calls(&credentials(), &sid).await;
    assert!(matches!(listed, Ok(_) | Err(RestError::Field { field: "next_page_uri", .. })), "{listed:?}");
    client.find_number(&credentials(), &number()).await.unwrap();
    client.update_number(&credentials(), &number_sid, &hooks()).await.unwrap();
    client.delete_recording(&credentials(), &format!("RE{:032x}", 9)).await.unwrap();
}

/// The judge itself: what breaks the description is refused, and the client says so.
#[tokio::test]
async fn a_request_outside_the_description_is_refused() {
    let (_prism, client) = mock();
    let number_sid: IncomingNumberSid = format!("PN{:032x}", 7).parse().unwrap();
    let broken = NumberHooks { status_callback: "not a URL".to_owned(), ..hooks() };
    let refused = client.update_number(&credentials(), &number_sid, &broken).await.unwrap_err();
    let RestError::Refused { refusal, .. } = refused else { panic!("{refused:?}") };
    assert_eq!(refusal.status, 422);
}

/// What Prism found in one exchange.
#[derive(Debug, Deserialize)]
pub struct Exchange {
    request: String,
    violations: Vec<Violation>,
}

impl Exchange {
    pub fn must_keep_to_the_description(self) {
        let broken: Vec<Violation> = self.violations.into_iter().filter(Violation::counts).collect();
        assert!(broken.is_empty(), "{}: {broken:?}", self.request);
    }
}

#[derive(Debug, Deserialize)]
struct Violation {
    severity: String,
    location: Vec<String>,
    message: String,
}

impl Violation {
    /// The description names no error answers (a warning), and calls addresses of pages absolute, which Twilio's own are
    /// not.
    fn counts(&self) -> bool {
        let of_page = ["uri", "first_page_uri", "next_page_uri", "previous_page_uri"];
        let relative = self.location.last().is_some_and(|last| of_page.contains(&last.as_str()))
            && self.message.ends_with("must match format \"uri\"");
        self.severity == "Error" && !relative
    }
}

#[tokio::test]
async fn the_simulator_and_we_keep_to_the_description_when_we_talk() {
    let application = Application::start().await;
    let sid: CallSid = application.call().await.parse().unwrap();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let upstream = format!("http://{}", listener.local_addr().unwrap());
    let router = application.network.router();
    let server = tokio::spawn(async move { axum::serve(listener, router).await });

    let mut prism = Node::run("conformance_rs/prism-proxy.mjs", &[&upstream]);
    let client = client_of(&mut prism);
    let call = client.fetch_call(&credentials(), &sid).await.unwrap();
    assert_eq!((call.call_sid, call.duration_s), (sid.clone(), Some(95)));
    let legs = client.child_calls(&credentials(), &sid).await.unwrap();
    assert_eq!(legs.len(), 1);
    assert_eq!(legs[0].parent_call_sid, Some(sid));
    let found = client.find_number(&credentials(), &number()).await.unwrap().expect("the number is known");
    let changed = client.update_number(&credentials(), &found.sid, &hooks()).await.unwrap();
    assert_eq!(changed.voice_url, Some(hooks().voice_url));
    let unknown: CallSid = format!("CA{:032x}", 0x404).parse().unwrap();
    assert!(client.fetch_call(&credentials(), &unknown).await.unwrap_err().is_not_found());
    let recording = application.network.recordings().pop().expect("the call was recorded");
    client.delete_recording(&credentials(), &recording).await.unwrap();
    assert!(client.delete_recording(&credentials(), &recording).await.unwrap_err().is_not_found());
    server.abort();

    let exchanges: Vec<Exchange> = (0..7).map(|_| serde_json::from_str(&prism.line()).unwrap()).collect();
    exchanges.into_iter().for_each(Exchange::must_keep_to_the_description);
}
