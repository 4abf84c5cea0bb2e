//! What a browser is answered, whatever is set up and whatever is down. The clock is paused: nothing takes time but what waits.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use app::lease_number::{ANSWER_WITHIN, LeaseNumber, Memory};
use app::ports::{Leases, PoolPlace, PortError, PortResult, Tags};
use async_trait::async_trait;
use bytes::Bytes;
use dni_lookup::{Context, handle};
use domain::dni::tag::{Source, TagSetup};
use domain::ids::TrackingTagId;
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use runtime::{HttpRequest, HttpResponse};
use serde_json::{Value, json};
use testkit::fakes::{FakeLeases, FakeVisits, test_vault};
use tokio::time::Instant;

use crate::world::{RuntimeClock, number, pool_id, setup, tag, tenant};

const PHONE: &str = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) \
                     Version/18.1 Mobile/15E148 Safari/604.1";
const DEFAULT: &str = "+18005550100";

/// One tag, as it is until the table is down.
struct OneTag(std::sync::Mutex<Option<TagSetup>>);

#[async_trait]
impl Tags for OneTag {
    async fn tag(&self, id: TrackingTagId) -> PortResult<Option<TagSetup>> {
        match &*self.0.lock().unwrap() {
            Some(setup) if setup.id == id => Ok(Some(setup.clone())),
            Some(_) => Ok(None),
            None => Err(PortError::Busy { what: "read a tracking tag" }),
        }
    }
}

struct Scene {
    context: Arc<Context>,
    leases: Arc<FakeLeases>,
    tags: Arc<OneTag>,
}

impl Scene {
    /// A pool of so many numbers.
    fn new(numbers: u32, pool: Value, change: impl FnOnce(&mut TagSetup)) -> Self {
        let leases = Arc::new(FakeLeases::default());
        for index in 0..numbers {
            leases.add(tenant(), &PoolPlace { pool: pool_id(), shard: 0, number: number(index) });
        }
        let at = leases.clone();
        Self::with(leases, at, pool, change)
    }

    fn with(
        leases: Arc<FakeLeases>,
        port: Arc<dyn Leases>,
        pool: Value,
        change: impl FnOnce(&mut TagSetup),
    ) -> Self {
        let mut setup = setup(1, &pool);
        change(&mut setup);
        let tags = Arc::new(OneTag(std::sync::Mutex::new(Some(setup))));
        let lease_number = LeaseNumber {
            tags: tags.clone(),
            leases: port,
            visits: Arc::new(FakeVisits::default()),
            vault: test_vault(),
            clock: Arc::new(RuntimeClock::new(3)),
            memory: Arc::new(Memory::default()),
            patience: ANSWER_WITHIN,
        };
        Self { context: Arc::new(Context { lease_number }), leases, tags }
    }

    fn table_is_down(&self) {
        *self.tags.0.lock().unwrap() = None;
    }

    async fn send(&self, method: Method, path: &str, body: &Value, headers: &[(&str, &str)]) -> HttpResponse {
        let (raw_path, raw_query) = path.split_once('?').unwrap_or((path, ""));
        let mut all = HeaderMap::new();
        for (name, value) in [("user-agent", PHONE)].iter().chain(headers) {
            all.insert(HeaderName::try_from(*name).unwrap(), HeaderValue::try_from(*value).unwrap());
        }
        let request = HttpRequest {
            method,
            raw_path: raw_path.to_owned(),
            raw_query: raw_query.to_owned(),
            headers: all,
            body: Bytes::from(if body.is_null() { String::new() } else { body.to_string() }),
            request_id: String::new(),
            source_ip: None,
        };
        handle(self.context.clone(), request).await
    }

    async fn ask(&self, more: Value) -> Value {
        let mut body = json!({ "tag": tag(), "page": { "url": "https://shop.example.com/" } });
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let answer = self.send(Method::POST, "/dni/lookup", &body, &[]).await;
        assert_eq!(answer.status, 200);
        serde_json::from_slice(&answer.body).unwrap()
    }

    async fn release(&self, shown: &Value) -> bool {
        let body = json!({ "tag": tag(), "lease": shown["lease"] });
        let answer = self.send(Method::POST, "/dni/release", &body, &[]).await;
        serde_json::from_slice::<Value>(&answer.body).unwrap()["released"].as_bool().unwrap()
    }
}

fn again(shown: &Value) -> Value {
    json!({ "visit": shown["visit"], "lease": shown["lease"] })
}

async fn pass(seconds: u64) {
    tokio::time::sleep(Duration::from_secs(seconds)).await;
}

#[tokio::test(start_paused = true)]
async fn a_visitor_keeps_their_number_and_nobody_else_gets_it() {
    let scene = Scene::new(2, json!({}), |_| {});
    let one = scene.ask(json!({})).await;
    assert_eq!(
        (&one["attributed"], &one["ttl_ms"], &one["renew_ms"]),
        (&json!(true), &json!(300_000), &json!(150_000))
    );
    assert_eq!(one["replace"], json!({"selectors": [], "numbers": [DEFAULT], "shadow": false, "keep": []}));
    let other = scene.ask(json!({})).await;
    assert_ne!(one["number"], other["number"]);
    pass(150).await;
    let renewed = scene.ask(again(&one)).await;
    assert_eq!((&renewed["number"], &renewed["visit"]), (&one["number"], &one["visit"]));
    // Also after the lease has ended, as long as nobody else has the number.
    pass(1_000).await;
    let back = scene.ask(again(&renewed)).await;
    assert_eq!(back["number"], one["number"]);
}

#[tokio::test(start_paused = true)]
async fn a_lease_that_we_did_not_sign_is_worth_nothing() {
    let scene = Scene::new(3, json!({}), |_| {});
    let one = scene.ask(json!({})).await;
    let token = one["lease"].as_str().unwrap();
    let (text, signature) = token.rsplit_once('.').unwrap();
    let longer = format!("{}9.{signature}", text);
    let flipped = format!("{text}.{}", signature.chars().rev().collect::<String>());
    for forged in [longer, flipped, "1.2.3".to_owned(), String::new()] {
        let shown = scene.ask(json!({ "visit": one["visit"], "lease": forged })).await;
        assert_ne!(shown["number"], one["number"], "{forged}");
        assert!(!scene.release(&json!({ "lease": forged })).await, "{forged}");
        scene.release(&shown).await;
        pass(31).await;
    }
    // Nor is another visitor's.
    let shown = scene.ask(json!({ "lease": one["lease"] })).await;
    assert_ne!(shown["number"], one["number"]);
}

#[tokio::test(start_paused = true)]
async fn a_release_shortens_only_the_latest_lease_and_the_number_rests() {
    let scene = Scene::new(1, json!({}), |_| {});
    let one = scene.ask(json!({})).await;
    pass(10).await;
    let renewed = scene.ask(again(&one)).await;
    assert!(!scene.release(&one).await, "an earlier page's beacon came late");
    assert!(scene.release(&renewed).await);
    assert!(!scene.release(&renewed).await, "once is enough");
    pass(20).await;
    assert_eq!(scene.ask(json!({})).await["number"], Value::Null, "it rests");
    let back = scene.ask(again(&renewed)).await;
    assert_eq!(back["number"], one["number"], "who has left and is back has it again");
    assert!(scene.release(&back).await);
    pass(31).await;
    let other = scene.ask(json!({})).await;
    assert_eq!(other["number"], one["number"]);
    assert_eq!(scene.ask(again(&back)).await["number"], Value::Null, "and now it is another's");
}

#[tokio::test(start_paused = true)]
async fn when_no_number_is_free_the_pool_says_what_is_shown() {
    let no_swap = Scene::new(1, json!({}), |_| {});
    no_swap.ask(json!({})).await;
    let shown = no_swap.ask(json!({})).await;
    assert_eq!(
        (&shown["number"], &shown["attributed"], &shown["lease"]),
        (&Value::Null, &json!(false), &Value::Null)
    );
    assert_eq!(no_swap.leases.done.exhausted.load(Ordering::Relaxed), 1);
    // One look at the whole pool does for all that ask within a second.
    for _ in 0..5 {
        no_swap.ask(json!({})).await;
    }
    assert_eq!(no_swap.leases.done.sweeps.load(Ordering::Relaxed), 1);
    pass(2).await;
    no_swap.ask(json!({})).await;
    assert_eq!(no_swap.leases.done.sweeps.load(Ordering::Relaxed), 2);
    assert_eq!(no_swap.leases.done.exhausted.load(Ordering::Relaxed), 7, "nobody is forgotten");

    let number = Scene::new(1, json!({ "overflow": { "number": "+18005550199" } }), |_| {});
    number.ask(json!({})).await;
    let shown = number.ask(json!({})).await;
    assert_eq!((&shown["number"], &shown["attributed"]), (&json!("+18005550199"), &json!(false)));
    assert_eq!(shown["display"], "(800) 555-0199");

    let oldest = Scene::new(1, json!({ "overflow": "least_recently_used" }), |_| {});
    let first = oldest.ask(json!({})).await;
    pass(10).await;
    let second = oldest.ask(json!({})).await;
    assert_eq!((&second["number"], &second["attributed"]), (&first["number"], &json!(true)));
    assert_ne!(second["visit"], first["visit"]);
}

/// A table that takes every question and never answers.
struct Silent;

macro_rules! never {
    ($($name:ident($($argument:ident: $type:ty),*) -> $answer:ty;)*) => {
        #[async_trait]
        impl Leases for Silent {
            $(async fn $name(&self, $($argument: $type),*) -> PortResult<$answer> {
                let _ = ($($argument,)*);
                std::future::pending().await
            })*
        }
    };
}

never! {
    candidates(of: domain::ids::TenantId, pool: domain::ids::NumberPoolId, shard: u16, now: jiff::Timestamp) -> Vec<PoolPlace>;
    numbers(of: domain::ids::TenantId, pool: domain::ids::NumberPoolId, shards: u16) -> Vec<domain::dni::lease::PoolNumber>;
    take(of: domain::ids::TenantId, place: &PoolPlace, lease: &domain::dni::lease::Lease, now: jiff::Timestamp) -> app::ports::Leased;
    renew(of: domain::ids::TenantId, place: &PoolPlace, lease: &domain::dni::lease::Lease, now: jiff::Timestamp) -> app::ports::Leased;
    take_over(of: domain::ids::TenantId, place: &PoolPlace, lease: &domain::dni::lease::Lease, seen: &domain::dni::lease::PoolNumber) -> app::ports::Leased;
    release(of: domain::ids::TenantId, place: &PoolPlace, lease: (domain::ids::VisitId, jiff::Timestamp), now: jiff::Timestamp) -> bool;
    ring(of: domain::ids::TenantId, place: &PoolPlace, call: domain::ids::CallId, until: jiff::Timestamp) -> Option<domain::dni::lease::PoolNumber>;
    hang_up(of: domain::ids::TenantId, place: &PoolPlace, call: domain::ids::CallId, ended_at: jiff::Timestamp) -> ();
    note_exhausted(of: domain::ids::TenantId, pool: domain::ids::NumberPoolId, at: jiff::Timestamp, lookups: u32) -> ();
}

#[tokio::test(start_paused = true)]
async fn a_table_that_does_not_answer_costs_a_tenth_of_a_second_and_the_tags_number_is_shown() {
    let scene = Scene::with(Arc::default(), Arc::new(Silent), json!({}), |_| {});
    let began = Instant::now();
    let shown = scene.ask(json!({})).await;
    assert_eq!(
        (&shown["number"], &shown["attributed"], &shown["lease"]),
        (&json!(DEFAULT), &json!(false), &Value::Null)
    );
    let took = began.elapsed();
    assert!(took >= Duration::from_millis(99) && took <= Duration::from_millis(101), "{took:?}");
    assert_eq!(shown["renew_ms"], 60_000, "the browser asks again soon");
}

#[tokio::test(start_paused = true)]
async fn while_the_table_is_down_a_tag_is_used_as_it_was() {
    let scene = Scene::with(Arc::default(), Arc::new(Silent), json!({}), |_| {});
    scene.ask(json!({})).await;
    scene.table_is_down();
    pass(60).await;
    assert_eq!(scene.ask(json!({})).await["number"], DEFAULT);
    // A process that never saw it lets the page keep its number.
    let fresh = Scene::with(Arc::default(), Arc::new(Silent), json!({}), |_| {});
    fresh.table_is_down();
    assert_eq!(fresh.ask(json!({})).await, json!({ "number": null, "lease": null }));
}

#[tokio::test(start_paused = true)]
async fn only_the_tags_sites_may_ask() {
    let scene = Scene::new(2, json!({}), |setup| {
        setup.tag.allowed_origins = vec!["https://shop.example.com".to_owned()];
    });
    let body = json!({ "tag": tag() });
    for (origin, status, allowed) in [
        (Some("https://shop.example.com"), 200, Some("https://shop.example.com")),
        (Some("https://shop.example.com.evil.test"), 403, None),
        (Some("http://shop.example.com"), 403, None),
        (Some("null"), 403, None),
        (None, 403, None),
    ] {
        let headers: Vec<(&str, &str)> = origin.map(|origin| ("origin", origin)).into_iter().collect();
        let answer = scene.send(Method::POST, "/dni/lookup", &body, &headers).await;
        let shown = answer.headers.get("access-control-allow-origin").map(|value| value.to_str().unwrap());
        assert_eq!((answer.status, shown), (status, allowed), "{origin:?}");
    }
    assert_eq!(scene.leases.done.writes.load(Ordering::Relaxed), 1, "who may not ask is given nothing");
    let open = Scene::new(1, json!({}), |_| {});
    let answer =
        open.send(Method::POST, "/dni/lookup", &body, &[("origin", "https://any.example.com")]).await;
    assert_eq!(answer.headers["access-control-allow-origin"], "*");
}

#[tokio::test(start_paused = true)]
async fn robots_and_paused_tags_get_no_number_of_the_pool() {
    let scene = Scene::new(2, json!({}), |_| {});
    let body = json!({ "tag": tag() });
    for robot in [
        "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
        "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) HeadlessChrome/142.0.0.0 Safari/537.36",
        "facebookexternalhit/1.1",
        "curl/8.17.0",
        "",
    ] {
        let answer = scene.send(Method::POST, "/dni/lookup", &body, &[("user-agent", robot)]).await;
        let shown: Value = serde_json::from_slice(&answer.body).unwrap();
        assert_eq!((answer.status, &shown["number"]), (200, &Value::Null), "{robot}");
    }
    assert_eq!(scene.leases.done.writes.load(Ordering::Relaxed), 0);
    for (what, change) in [
        (
            "paused",
            (|setup: &mut TagSetup| setup.tag.status = domain::target::Status::Paused) as fn(&mut TagSetup),
        ),
        ("pool gone", |setup: &mut TagSetup| setup.source = Source::Nothing),
    ] {
        let scene = Scene::new(1, json!({}), change);
        let shown = scene.ask(json!({})).await;
        let expected = if what == "paused" { Value::Null } else { json!(DEFAULT) };
        assert_eq!((&shown["number"], &shown["attributed"]), (&expected, &json!(false)), "{what}");
    }
    let fixed = Scene::new(1, json!({}), |setup| setup.source = Source::Number(number(77)));
    let shown = fixed.ask(json!({})).await;
    assert_eq!(
        (&shown["number"], &shown["lease"], &shown["ttl_ms"]),
        (&json!(number(77)), &Value::Null, &json!(1_800_000))
    );
}

#[tokio::test(start_paused = true)]
async fn pages_without_script_have_a_link_that_dials_and_a_picture() {
    let scene = Scene::new(2, json!({}), |_| {});
    let path = format!("/dni/call/{}?utm_source=mail", tag());
    let first = scene.send(Method::GET, &path, &Value::Null, &[]).await;
    assert_eq!(first.status, 302);
    let number = first.headers["location"].to_str().unwrap().to_owned();
    assert!(number.starts_with("tel:+1415200"), "{number}");
    let cookie = first.headers["set-cookie"].to_str().unwrap();
    assert!(cookie.contains("Secure; HttpOnly; SameSite=None"), "{cookie}");
    let picture = scene.send(Method::GET, &format!("/dni/visit/{}.gif", tag()), &Value::Null, &[]).await;
    assert_eq!(
        (picture.status, picture.content_type.as_str(), &picture.body[..6]),
        (200, "image/gif", &b"GIF89a"[..])
    );
    for nothing in ["/dni/call/TT1", "/dni/visit/x.gif", "/dni/", "/dni/lookup/more", "/dni/call"] {
        assert_eq!(scene.send(Method::GET, nothing, &Value::Null, &[]).await.status, 404, "{nothing}");
    }
    // Everything is taken, and there is no default: the number that stands in the page.
    let empty = Scene::new(0, json!({}), |setup| setup.tag.default_number = None);
    let answer = empty.send(Method::GET, &path, &Value::Null, &[]).await;
    assert_eq!(answer.headers["location"], format!("tel:{DEFAULT}").as_str());
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_read_is_refused_and_what_is_strange_is_passed_over() {
    let scene = Scene::new(2, json!({}), |_| {});
    for (body, status) in [
        (json!([]), 400),
        (json!({}), 422),
        (json!({ "tag": "TT1" }), 422),
        (json!({ "tag": "TT00000000000000000000000000000009" }), 404),
        (json!({ "tag": tag(), "padding": "x".repeat(70_000) }), 413),
    ] {
        let answer = scene.send(Method::POST, "/dni/lookup", &body, &[]).await;
        assert_eq!(answer.status, status, "{}", String::from_utf8_lossy(&answer.body));
    }
    let strange = json!({
        "visit": 7, "lease": {}, "page": "no", "params": [1, 2], "first": {"a": {"b": 1}}, "last": null, "values_only": "yes",
    });
    assert_eq!(scene.ask(strange).await["attributed"], true);
}
