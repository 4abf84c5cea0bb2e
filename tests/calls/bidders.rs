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

fn number(number: u32) -> CallId {
    format!("RGB{number:032x}").parse().unwrap()
}

fn bidder_id(number: u128) -> RtbTargetId {
    RtbTargetId::from_uuid(Uuid::from_u128(400 + number))
}

/// A world in which these bidders are asked, each by its path with further settings; the static target stands behind them.
async fn bidders(of: &[(&str, Value)]) -> World {
    let bidder = |(number, (path, more)): (u128, &(&str, Value))| -> (RtbTargetId, RtbTarget) {
        let mut body = json!({
            "name": path, "url": format!("https://bidder.example.com{path}"), "body": "{}", "timeout_ms": 3_000,
            "answer": {"acceptance": ["$.accepted"], "amount": ["$.bidAmount"], "destination": ["$.phoneNumber"]},
        });
        for (field, value) in more.as_object().into_iter().flatten() {
            body[field] = value.clone();
        }
        (bidder_id(number), serde_json::from_value(body).unwrap())
    };
    let rtb_targets: std::collections::BTreeMap<_, _> = (0..).zip(of).map(bidder).collect();
    let entries: Vec<Value> = rtb_targets.keys().map(|id| json!({"rtb_target": id})).collect();
    let parts = Parts { rtb_targets, ..Parts::default() };
    World::with_parts(json!({"auction": {"bidders": entries, "deadline_ms": 3_000}}), parts).await
}

/// The call's auction: what became of each bidder, by its path, and whom the caller is connected to (the last digits).
async fn auction(world: &World, call: u32) -> (Vec<(String, String)>, String) {
    world.incoming_from(number(call), &format!("+1415555{call:04}")).await;
    let reply = world.auction(number(call), 1).await;
    let record = world.record(number(call)).await;
    let results = record.auctions.last().into_iter().flat_map(|auction| auction.results.clone());
    let results = results.map(|result| {
        let code = result.refusal.map_or("valid", |refusal| refusal.code());
        (result.name, code.to_owned())
    });
    (results.collect(), dialled(&reply))
}

/// The last digits of whom the caller is connected to.
pub fn dialled(reply: &Reply) -> String {
    reply
        .verbs
        .iter()
        .find_map(|verb| {
            let Verb::Dial(dial) = verb else { return None };
            match &dial.nouns[0].destination {
                domain::phone::Destination::Number(number) => Some(number.as_str()[8..].to_owned()),
                domain::phone::Destination::Sip(_) => None,
            }
        })
        .unwrap_or_default()
}

fn code_of(path: &str, code: &str) -> (String, String) {
    (path.to_owned(), code.to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bidder_is_asked_exactly_as_often_as_it_allows() {
    let world = bidders(&[("/40", json!({"rate_limits": {"per_minute": 3, "per_hour": 5}}))]).await;
    let asked = || world.asked.lock().unwrap().len();
    let auctions = (1..=12).map(|call| auction(&world, call));
    let results = futures::future::join_all(auctions).await;
    assert_eq!(asked(), 3);
    let limited = results.iter().filter(|(results, _)| results[0].1 == "bidder_rate_limit").count();
    assert_eq!(limited, 9, "{results:?}");
    // The next minute has room for three, the hour for two.
    world.clock.advance(60);
    futures::future::join_all((13..=20).map(|call| auction(&world, call))).await;
    assert_eq!(asked(), 5);
    world.clock.advance(3_600);
    assert_eq!(auction(&world, 21).await.0, [code_of("/40", "valid")]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bidder_that_does_not_work_is_left_alone_and_one_auction_looks_whether_it_is_back() {
    let world = bidders(&[("/dead/40", Value::Null), ("/30", Value::Null)]).await;
    let asked =
        || world.asked.lock().unwrap().iter().filter(|request| request.url.contains("/dead/")).count();
    for call in 1..=5 {
        let (results, to) = auction(&world, call).await;
        assert_eq!((results[0].1.as_str(), to.as_str()), ("not_reached", "0130"));
    }
    assert_eq!(auction(&world, 6).await.0[0], code_of("/dead/40", "not_working"));
    assert_eq!(asked(), 5);
    world.clock.advance(30);
    let results = futures::future::join_all((7..=10).map(|call| auction(&world, call))).await;
    assert_eq!(asked(), 6, "one of them looked: {results:?}");
    assert_eq!(auction(&world, 11).await.0[0].1, "not_working");
    // It is back: the next look finds it, and everybody asks it again.
    world.dead.store(false, std::sync::atomic::Ordering::SeqCst);
    world.clock.advance(30);
    assert_eq!(
        auction(&world, 12).await,
        (vec![code_of("/dead/40", "valid"), code_of("/30", "valid")], "0140".to_owned())
    );
    assert_eq!(auction(&world, 13).await.1, "0140");
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_waits_for_a_bidder_that_cannot_win_any_more() {
    let most = json!({"max_bid": 39_000_000});
    let world = bidders(&[("/slow/30", most), ("/40", Value::Null)]).await;
    let (results, to) = auction(&world, 1).await;
    assert_eq!(results, [code_of("/slow/30", "not_waited_for"), code_of("/40", "valid")]);
    assert_eq!(to, "0140");
    assert!(world.record(number(1)).await.auctions[0].took_ms < 1_500);
    // One that may bid more is waited for.
    let world = bidders(&[("/slow/50", json!({"max_bid": 50_000_000})), ("/40", Value::Null)]).await;
    assert_eq!(auction(&world, 1).await.1, "0150");
}

fn confirms(answer: &str) -> Value {
    json!({"confirmation": {
        "url": format!("https://bidder.example.com/confirm/{answer}"), "body": "{}", "acceptance": ["$.accepted"],
    }})
}

#[tokio::test(flavor = "multi_thread")]
async fn a_winner_that_does_not_confirm_loses_the_call_to_the_next_one() {
    let world = bidders(&[("/40", confirms("no")), ("/30", confirms("yes")), ("/20", Value::Null)]).await;
    let confirmed = || {
        let asked = world.asked.lock().unwrap();
        asked
            .iter()
            .filter_map(|request| request.url.split_once("/confirm/"))
            .map(|(_, said)| said.to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(auction(&world, 1).await.1, "0130");
    assert_eq!(confirmed(), ["no", "yes"]);
    // A repeat asks nobody.
    assert_eq!(dialled(&world.auction(number(1), 1).await), "0130");
    assert_eq!(confirmed().len(), 2);
    // It does not answer: the third needs no confirmation.
    let busy = app::dial_next::DialEnded {
        caller: domain::call::CallStatus::InProgress,
        dial: domain::call::CallStatus::Busy,
        child: None,
        talked_s: None,
    };
    assert_eq!(dialled(&world.dial_result(number(1), 2, &busy).await), "0120");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_choice_is_asked_to_confirm_when_its_turn_comes() {
    let world = bidders(&[("/40", Value::Null), ("/30", confirms("yes"))]).await;
    assert_eq!(auction(&world, 1).await.1, "0140");
    assert_eq!(world.asked.lock().unwrap().len(), 2);
    let busy = app::dial_next::DialEnded {
        caller: domain::call::CallStatus::InProgress,
        dial: domain::call::CallStatus::Busy,
        child: None,
        talked_s: None,
    };
    // Asking takes a step of its own.
    let reply = world.dial_result(number(1), 2, &busy).await;
    assert!(matches!(reply.verbs.as_slice(), [Verb::Redirect(_)]), "{reply:?}");
    assert_eq!(dialled(&world.auction(number(1), 3).await), "0130");
    assert_eq!(world.asked.lock().unwrap().len(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_caller_who_called_too_often_is_not_offered_to_a_bidder_that_says_so() {
    let twice = json!({"caller_history": {"calls": 2, "window_s": 3_600}});
    let world = bidders(&[("/40", twice), ("/30", Value::Null)]).await;
    let call = async |call: u32| {
        world.incoming_from(number(call), "+14155550177").await;
        let to = dialled(&world.auction(number(call), 1).await);
        world.clock.advance(60);
        to
    };
    assert_eq!(
        (call(1).await, call(2).await, call(3).await),
        ("0140".to_owned(), "0140".to_owned(), "0130".to_owned())
    );
    let results = world.record(number(3)).await.auctions[0].results.clone();
    assert_eq!(
        results[0].refusal.as_ref().map(|refusal| refusal.text()).as_deref(),
        Some("not asked: the caller called 2 times or more within 3600 seconds")
    );
    world.clock.advance(3_600);
    assert_eq!(call(4).await, "0140");
}
