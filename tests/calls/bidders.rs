//! How bidders are asked on a call: authenticated, and again when they failed.

use app::authenticate::{authenticate, seal};
use domain::ids::{CallId, RtbTargetId, TenantId};
use domain::rtb_target::{Authentication, BidRequest, Method, RtbTarget};
use domain::snapshot::Parts;
use domain::voice::{Reply, Verb};
use jiff::Timestamp;
use serde_json::{Value, json};
use testkit::fakes::test_vault;
use uuid::Uuid;

use crate::world::World;

fn call() -> CallId {
    format!("RGB{:032x}", 1).parse().unwrap()
}

fn tenant() -> TenantId {
    TenantId::from_uuid(Uuid::from_u128(1))
}

async fn sealed(tenant: TenantId, settings: Value) -> Authentication {
    let mut authentication: Authentication = serde_json::from_value(settings).unwrap();
    seal(test_vault().as_ref(), tenant, &mut authentication).await.unwrap();
    authentication
}

/// What the caller hears when this bidder alone is asked, and what it was sent.
async fn asking(path: &str, retries: u8, authentication: Authentication) -> (Reply, Vec<BidRequest>) {
    let id = RtbTargetId::from_uuid(Uuid::from_u128(4));
    let body = json!({
        "name": "Bidder", "url": format!("https://bidder.example.com{path}"), "body": "{}", "retries": retries,
        "answer": {"acceptance": ["$.accepted"], "amount": ["$.bidAmount"], "destination": ["$.phoneNumber"]},
    });
    let mut bidder: RtbTarget = serde_json::from_value(body).unwrap();
    bidder.authentication = authentication;
    let parts = Parts { rtb_targets: [(id, bidder)].into(), ..Parts::default() };
    let world = World::with_parts(json!({"auction": {"bidders": [{"rtb_target": id}]}}), parts).await;
    world.incoming(call()).await;
    let reply = world.auction(call(), 1).await;
    let asked = world.asked.lock().unwrap().clone();
    (reply, asked)
}

/// Whether the bidder that bids 40 is dialled, not the static target.
fn dials_bidder(reply: &Reply) -> bool {
    reply.verbs.iter().any(|verb| matches!(verb, Verb::Dial(_)) && format!("{verb:?}").contains("0140"))
}

fn header<'a>(request: &'a BidRequest, name: &str) -> Option<&'a str> {
    let found = request.headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
    found.map(|(_, value)| value.as_str())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bidder_is_shown_the_secret_that_was_sealed_for_it() {
    let bearer = sealed(tenant(), json!({"bearer": {"token": "hunter2"}})).await;
    let (reply, asked) = asking("/40", 0, bearer).await;
    assert_eq!(header(&asked[0], "authorization"), Some("Bearer hunter2"));
    assert!(dials_bidder(&reply), "{reply:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_that_does_not_open_costs_the_bidder_its_bid_and_the_caller_nothing() {
    let another =
        sealed(TenantId::from_uuid(Uuid::from_u128(77)), json!({"bearer": {"token": "hunter2"}})).await;
    let (reply, asked) = asking("/40", 3, another).await;
    assert!(asked.is_empty(), "nothing may be sent without its authentication");
    assert!(matches!(reply.verbs[0], Verb::Dial(_)) && !dials_bidder(&reply), "{reply:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bidder_that_failed_is_asked_again_as_often_as_its_settings_say() {
    let (reply, asked) = asking("/fails-once/40", 2, Authentication::None).await;
    assert!(asked.len() == 2 && dials_bidder(&reply), "{asked:?} {reply:?}");
    let (reply, asked) = asking("/fails-once/40", 0, Authentication::None).await;
    assert!(asked.len() == 1 && !dials_bidder(&reply), "{asked:?} {reply:?}");
}

#[tokio::test]
async fn every_authentication_puts_in_what_it_should() {
    let sent = async |settings: Value| {
        let authentication = sealed(tenant(), settings).await;
        let mut request = BidRequest {
            method: Method::Post,
            url: "https://bidder.example.com/ping".to_owned(),
            headers: vec![("x-key".to_owned(), "old".to_owned())],
            body: r#"{"CID":"15557779999","zipcode":"12345"}"#.to_owned(),
        };
        let now = Timestamp::from_second(1_700_000_000).unwrap();
        authenticate(test_vault().as_ref(), tenant(), &authentication, &mut request, now).await.unwrap();
        request
    };
    let request = sent(json!({"api_key": {"header": "X-Key", "value": "k-1"}})).await;
    assert_eq!(request.headers, [("X-Key".to_owned(), "k-1".to_owned())]);
    let request = sent(json!({"basic": {"username": "Aladdin", "password": "open sesame"}})).await;
    assert_eq!(header(&request, "authorization"), Some("Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="));
    // The signature was made by another program.
    let request = sent(json!({"hmac": {"secret": "test-secret"}})).await;
    assert_eq!(header(&request, "X-RTB-Timestamp"), Some("1700000000"));
    assert_eq!(header(&request, "X-RTB-Signature"), Some("7FDcfv0IGWOudgkMy8v/m808fM7Wat3r7OSFl+zu460="));
    let request =
        sent(json!({"hmac": {"secret": "test-secret", "signature_header": "X-Sig", "encoding": "hex"}}))
            .await;
    assert_eq!(
        header(&request, "X-Sig"),
        Some("ec50dc7efd081963ae76090ccbcbff9bcd3c7cced66addebece48597eceee3ad")
    );
}
