//! Our REST client, and the simulator that stands in for Twilio, against Twilio's OpenAPI description, served by Prism.
//!
//! Prism refuses a request that breaks the description (422), one without credentials (401) and an unknown path (404);
//! as a proxy it names what breaks the description on either side.

use app::ports::{ApplicationHooks, NumberSearch};
use domain::country::Country;
use domain::ids::{AccountSid, ApplicationSid, CallSid, NumberSid, SipDomainSid};
use domain::number::LineKind;
use domain::phone::E164;
use serde::Deserialize;
use twilio::rest::{Credentials, Pace, RestClient, RestError, SipEntry, SipList};

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

fn hooks() -> ApplicationHooks {
    ApplicationHooks {
        voice_url: "https://calls.example.com/twilio/voice/inbound#ct=2000&rt=6000&tt=12000&rc=1&rp=ct,5xx"
            .to_owned(),
        fallback_url: "https://fallback.example.com/by-number.xml".to_owned(),
        status_url: "https://calls.example.com/twilio/voice/status".to_owned(),
    }
}

const NAME: &str = "callcenter-pro production calls.example.com";

/// Every wish that a search can name.
fn search(kind: LineKind) -> NumberSearch {
    NumberSearch {
        country: Country::US,
        kind,
        area_code: Some(202),
        contains: Some("*42".to_owned()),
        region: Some("DC".to_owned()),
        locality: Some("Washington".to_owned()),
        postal_code: Some("20001".to_owned()),
        limit: 20,
    }
}

/// The description's examples hold pages of some other account, which the client must not follow.
fn or_foreign_page<T: std::fmt::Debug>(answer: Result<T, RestError>) {
    assert!(matches!(answer, Ok(_) | Err(RestError::Field { field: "next_page_uri", .. })), "{answer:?}");
}

/// Only what the description's examples hold may stop the client: the request itself was taken.
fn was_taken<T: std::fmt::Debug>(answer: Result<T, RestError>) {
    assert!(matches!(answer, Ok(_) | Err(RestError::Field { .. } | RestError::Form { .. })), "{answer:?}");
}

#[tokio::test]
async fn every_request_we_make_is_within_the_description() {
    let (_prism, client) = mock();
    let sid: CallSid = format!("CA{:032x}", 0x51d).parse().unwrap();
    let number_sid: NumberSid = format!("PN{:032x}", 7).parse().unwrap();
    let application: ApplicationSid = format!("AP{:032x}", 7).parse().unwrap();
    client.fetch_call(&credentials(), &sid).await.unwrap();
    or_foreign_page(client.child_calls(&credentials(), &sid).await);
    client.find_number(&credentials(), &number()).await.unwrap();
    client.delete_recording(&credentials(), &format!("RE{:032x}", 9)).await.unwrap();
    or_foreign_page(client.numbers(&credentials()).await);
    for kind in [LineKind::Local, LineKind::TollFree, LineKind::Mobile] {
        was_taken(client.available_numbers(&credentials(), &search(kind)).await);
    }
    was_taken(client.buy_number(&credentials(), &number(), &application).await);
    was_taken(client.point_number(&credentials(), &number_sid, Some(&application)).await);
    client.release_number(&credentials(), &number_sid).await.unwrap();
    or_foreign_page(client.applications(&credentials(), NAME, &hooks()).await);
    was_taken(client.create_application(&credentials(), NAME, &hooks()).await);
    was_taken(client.update_application(&credentials(), &application, NAME, &hooks()).await);
}

const SIP_NAME: &str = "ccp-5d41402abc4b2a76b9719d91.sip.twilio.com";

fn sip_entry(letters: &str) -> SipEntry {
    SipEntry { sid: format!("{letters}{:032x}", 5), name: String::new() }
}

#[tokio::test]
async fn every_request_about_sip_is_within_the_description() {
    let (_prism, client) = mock();
    let domain: SipDomainSid = format!("SD{:032x}", 7).parse().unwrap();
    let (block, password) = ("54.172.60.0/30".parse().unwrap(), "Aa1aaaaaaaaaaaaaaaaaaaaaaaa");
    let own = &credentials();
    or_foreign_page(client.sip_domain(own, SIP_NAME, &hooks()).await);
    was_taken(client.create_sip_domain(own, SIP_NAME, &hooks()).await);
    was_taken(client.update_sip_domain(own, &domain, &hooks()).await);
    for (kind, list, entry) in [(SipList::Addresses, "AL", "IP"), (SipList::Users, "CL", "CR")] {
        let (list, entry) = (sip_entry(list), sip_entry(entry));
        or_foreign_page(client.sip_list(own, kind, SIP_NAME).await);
        was_taken(client.create_sip_list(own, kind, SIP_NAME).await);
        or_foreign_page(client.sip_entries(own, kind, &list).await);
        or_foreign_page(client.is_sip_list_mapped(own, kind, &domain, &list).await);
        was_taken(client.map_sip_list(own, kind, &domain, &list).await);
        client.unmap_sip_list(own, kind, &domain, &list).await.unwrap();
        client.remove_sip_entry(own, kind, &list, &entry).await.unwrap();
        client.remove_sip_list(own, kind, &list).await.unwrap();
    }
    was_taken(client.add_sip_address(own, &sip_entry("AL"), block).await);
    was_taken(client.add_sip_user(own, &sip_entry("CL"), "publisher", password).await);
    client.set_sip_password(own, &sip_entry("CL"), &sip_entry("CR"), password).await.unwrap();
    client.remove_sip_domain(own, &domain).await.unwrap();
}

#[tokio::test]
async fn the_simulator_and_we_keep_to_the_description_when_we_talk_about_sip() {
    let application = Application::start().await;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let upstream = format!("http://{}", listener.local_addr().unwrap());
    let router = application.network.router();
    let server = tokio::spawn(async move { axum::serve(listener, router).await });
    let mut prism = Node::run("conformance_rs/prism-proxy.mjs", &[&upstream]);
    let client = client_of(&mut prism);
    let own = &credentials();
    assert_eq!(client.sip_domain(own, SIP_NAME, &hooks()).await.unwrap(), None);
    let domain = client.create_sip_domain(own, SIP_NAME, &hooks()).await.unwrap();
    assert!(domain.is_right);
    let wrong = ApplicationHooks { status_url: "https://elsewhere.example.com/".to_owned(), ..hooks() };
    assert!(!client.sip_domain(own, SIP_NAME, &wrong).await.unwrap().unwrap().is_right);
    assert!(client.update_sip_domain(own, &domain.sid, &hooks()).await.unwrap().is_right);
    let addresses = client.create_sip_list(own, SipList::Addresses, SIP_NAME).await.unwrap();
    let block = "54.172.60.0/30".parse().unwrap();
    let added = client.add_sip_address(own, &addresses, block).await.unwrap();
    assert_eq!(client.sip_entries(own, SipList::Addresses, &addresses).await.unwrap(), [added]);
    let users = client.create_sip_list(own, SipList::Users, SIP_NAME).await.unwrap();
    assert_eq!(client.sip_list(own, SipList::Users, SIP_NAME).await.unwrap().as_ref(), Some(&users));
    let password = "Aa1aaaaaaaaaaaaaaaaaaaaaaaa";
    let user = client.add_sip_user(own, &users, "publisher", password).await.unwrap();
    client.set_sip_password(own, &users, &user, password).await.unwrap();
    for (kind, list) in [(SipList::Addresses, &addresses), (SipList::Users, &users)] {
        client.map_sip_list(own, kind, &domain.sid, list).await.unwrap();
        assert!(client.is_sip_list_mapped(own, kind, &domain.sid, list).await.unwrap());
    }
    client.unmap_sip_list(own, SipList::Users, &domain.sid, &users).await.unwrap();
    client.remove_sip_entry(own, SipList::Users, &users, &user).await.unwrap();
    client.remove_sip_list(own, SipList::Users, &users).await.unwrap();
    client.remove_sip_domain(own, &domain.sid).await.unwrap();
    assert!(client.remove_sip_domain(own, &domain.sid).await.unwrap_err().is_not_found());
    server.abort();
    let exchanges: Vec<Exchange> = (0..20).map(|_| serde_json::from_str(&prism.line()).unwrap()).collect();
    exchanges.into_iter().for_each(Exchange::must_keep_to_the_description);
}

/// The one exception. Twilio clears an application by an empty value, as it does for every field; its description knows
/// only how an application is set, and has no other way to take a number off one. Nothing else of the request is wrong.
#[tokio::test]
async fn taking_a_number_off_its_application_is_the_one_thing_the_description_has_no_form_for() {
    let application = Application::start().await;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let upstream = format!("http://{}", listener.local_addr().unwrap());
    let router = application.network.router();
    let server = tokio::spawn(async move { axum::serve(listener, router).await });
    let mut prism = Node::run("conformance_rs/prism-proxy.mjs", &[&upstream]);
    let client = client_of(&mut prism);
    let found = client.find_number(&credentials(), &number()).await.unwrap().expect("the number is known");
    client.point_number(&credentials(), &found.sid, None).await.unwrap();
    server.abort();
    prism.line();
    let exchange: Exchange = serde_json::from_str(&prism.line()).unwrap();
    let broken: Vec<Violation> = exchange.violations.into_iter().filter(Violation::counts).collect();
    assert!(!broken.is_empty(), "the description has a form for it now: drop this test");
    for violation in broken {
        assert_eq!(violation.location, ["request", "body", "VoiceApplicationSid"], "{}", violation.message);
    }
}

/// The judge itself: what breaks the description is refused, and the client says so.
#[tokio::test]
async fn a_request_outside_the_description_is_refused() {
    let (_prism, client) = mock();
    let broken = ApplicationHooks { status_url: "not a URL".to_owned(), ..hooks() };
    let refused = client.create_application(&credentials(), NAME, &broken).await.unwrap_err();
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
    let made = client.create_application(&credentials(), NAME, &hooks()).await.unwrap();
    let wrong = ApplicationHooks { status_url: "https://elsewhere.example.com/".to_owned(), ..hooks() };
    let listed = client.applications(&credentials(), NAME, &wrong).await.unwrap();
    assert_eq!((&listed[0].sid, listed[0].is_right), (&made.sid, false));
    assert!(client.update_application(&credentials(), &made.sid, NAME, &hooks()).await.unwrap().is_right);
    let found = client.find_number(&credentials(), &number()).await.unwrap().expect("the number is known");
    let pointed = client.point_number(&credentials(), &found.sid, Some(&made.sid)).await.unwrap();
    assert_eq!(pointed.voice_application_sid.as_ref(), Some(&made.sid));
    let for_sale = client.available_numbers(&credentials(), &search(LineKind::Local)).await.unwrap();
    let wanted = &for_sale[0].phone_number;
    let bought = client.buy_number(&credentials(), wanted, &made.sid).await.unwrap();
    assert_eq!(client.numbers(&credentials()).await.unwrap().len(), 2);
    client.release_number(&credentials(), &bought.sid).await.unwrap();
    let unknown: CallSid = format!("CA{:032x}", 0x404).parse().unwrap();
    assert!(client.fetch_call(&credentials(), &unknown).await.unwrap_err().is_not_found());
    let recording = application.network.recordings().pop().expect("the call was recorded");
    client.delete_recording(&credentials(), &recording).await.unwrap();
    assert!(client.delete_recording(&credentials(), &recording).await.unwrap_err().is_not_found());
    server.abort();

    let exchanges: Vec<Exchange> = (0..14).map(|_| serde_json::from_str(&prism.line()).unwrap()).collect();
    exchanges.into_iter().for_each(Exchange::must_keep_to_the_description);
}
