//! What other systems report about visits, from the request to the table.

use std::sync::Arc;

use app::incoming_webhooks::token;
use app::ports::{Calls, Catalog, Kind, PortResult, Record, Tags, Visits};
use async_trait::async_trait;
use domain::call::Call;
use domain::dni::tag::{Source, TagSetup};
use domain::dni::visit::Visit;
use domain::ids::{IncomingWebhookId, TenantId, TrackingTagId, VisitId};
use domain::ledger::{Conversion, Revenue};
use domain::money::Money;
use http::header::AUTHORIZATION;
use http::{HeaderMap, Method};
use reports::PER_MINUTE;
use runtime::HttpRequest;
use serde_json::{Value, json};
use store::Store;
use testkit::database::TestDatabase;
use testkit::fakes::{FakeClock, FakePostbacks, test_vault};
use visit_events::{Context, handle};

use crate::support::*;

const CLICK: &str = "65f0c1d2e3a4b5c6d7e8f901";

struct TwoTags(Vec<TagSetup>);

#[async_trait]
impl Tags for TwoTags {
    async fn tag(&self, tag: TrackingTagId) -> PortResult<Option<TagSetup>> {
        Ok(self.0.iter().find(|setup| setup.id == tag).cloned())
    }
}

fn tag(number: u128, tenant: TenantId) -> TagSetup {
    let body = json!({"name": "x", "campaign": campaign(), "shows": {"number": format!("PN{number:032x}")}});
    TagSetup {
        tenant,
        id: id(number),
        tag: serde_json::from_value(body).expect("a tag"),
        source: Source::Nothing,
        url_parameters: Vec::new(),
    }
}

struct Scene {
    _database: TestDatabase,
    store: Store,
    clock: Arc<FakeClock>,
    context: Arc<Context>,
    postbacks: Arc<FakePostbacks>,
    /// The webhook's secret, and that of another tenant's.
    secret: String,
    foreign: String,
    visit: VisitId,
}

/// Tag 50 with a visit and its call, which still goes on and converts by report; and tag 51, which has neither.
async fn scene(params: Value) -> Scene {
    let database = database().await;
    let store = database.store();
    let vault = test_vault();
    let webhook: IncomingWebhookId = id(90);
    let mut secrets = Vec::new();
    for tenant in [tenant(), id(8)] {
        let body = json!({"name": "CRM"});
        let record =
            Record { id: webhook.to_string(), version: 1, created_at: noon(), updated_at: noon(), body };
        let entry = testkit::fakes::some_entry(tenant, noon());
        store.create(tenant, Kind::IncomingWebhook, &record, "CRM", &entry).await.expect("created");
        secrets.push(token(vault.as_ref(), tenant, webhook).await.expect("a token").expose().to_owned());
    }
    let visit: Visit = serde_json::from_value(json!({
        "id": "VI019abc0de1f27a3b8c4d5e6f70819203", "tag": id::<domain::ids::TrackingTagNoun>(50),
        "campaign": campaign(), "started_at": noon(), "seen_at": noon(), "attributed": true, "params": params,
    }))
    .expect("a visit");
    Visits::begin(&store, tenant(), &visit).await.expect("begun");
    let call = Arc::new(Call { visit: Some(visit.id), tag: Some(visit.tag), ..Call::clone(&call(1)) });
    let mut write = first_step(&call, "dialling");
    let mut attempt = attempt(0, &[]);
    (attempt.terms.revenue, attempt.terms.conversion) = (Revenue::Reported, Conversion::Reported);
    write.attempts = vec![attempt];
    store.write_step(&write).await.expect("written");
    let (clock, postbacks) = (Arc::new(FakeClock::at(after(10))), Arc::new(FakePostbacks::default()));
    let context = Arc::new(Context {
        tags: Arc::new(TwoTags(vec![tag(50, tenant()), tag(51, tenant())])),
        visits: Arc::new(store.clone()),
        reports: reports::Reports {
            vault,
            limiter: Arc::new(store.clone()),
            catalog: Arc::new(store.clone()),
            calls: Arc::new(store.clone()),
            books: Arc::new(store.clone()),
            postbacks: postbacks.clone(),
            clock: clock.clone(),
        },
    });
    let [secret, foreign] = <[String; 2]>::try_from(secrets).expect("two");
    Scene { _database: database, store, clock, context, postbacks, secret, foreign, visit: visit.id }
}

impl Scene {
    async fn send_to(&self, tag: u128, kind: &str, secret: Option<&str>, body: &str) -> (u16, Value) {
        let mut headers = HeaderMap::new();
        if let Some(secret) = secret {
            headers.insert(AUTHORIZATION, format!("Bearer {secret}").parse().expect("a header"));
        }
        let request = HttpRequest {
            method: Method::POST,
            raw_path: format!("/dni/events/{}/{kind}", id::<domain::ids::TrackingTagNoun>(tag)),
            raw_query: String::new(),
            headers,
            body: body.to_owned().into(),
            request_id: "test".to_owned(),
            source_ip: None,
        };
        let answer = handle(self.context.clone(), request).await;
        (answer.status, serde_json::from_slice(&answer.body).expect("JSON"))
    }

    async fn send(&self, kind: &str, body: Value) -> (u16, Value) {
        self.send_to(50, kind, None, &body.to_string()).await
    }

    async fn converts(&self, body: Value) -> (u16, Value) {
        self.send_to(50, "conversion", Some(&self.secret), &body.to_string()).await
    }

    async fn params(&self) -> Value {
        let visit = self.store.visit(tenant(), self.visit).await.expect("a read").expect("a visit");
        json!(visit.params)
    }

    /// Whether a conversion was reported, and with which revenue.
    async fn reported(&self) -> Option<Option<Money>> {
        let record = self.store.load(tenant(), call_id(1)).await.expect("a read").expect("a call");
        record.report.map(|report| report.revenue)
    }
}

#[tokio::test]
async fn a_click_id_that_comes_late_is_kept_with_its_visit_and_its_calls_tracker_is_told() {
    let scene = scene(json!({"utm_source": "google"})).await;
    let event =
        json!({"visit": scene.visit, "clickid": CLICK, "sub1": 7, "deep": {"x": 1}, "params": {"sub2": "b"}});
    let (status, answer) = scene.send("session", event.clone()).await;
    assert_eq!((status, &answer["result"], &answer["visit"]), (200, &json!("noted"), &json!(scene.visit)));
    let expected = json!({"utm_source": "google", "clickid": CLICK, "sub1": "7", "sub2": "b"});
    assert_eq!(scene.params().await, expected);
    assert_eq!(scene.postbacks.noted(), [call_id(1)]);
    // Again it is no news.
    assert_eq!(scene.send("session", event).await.0, 200);
    assert_eq!((scene.params().await, scene.postbacks.noted().len()), (expected, 1));
    // From then on the click finds the visit.
    assert_eq!(scene.send("session", json!({"clickid": CLICK, "sub3": "c"})).await.0, 200);
    assert_eq!(scene.params().await["sub3"], "c");
}

#[tokio::test]
async fn what_somebody_thinks_of_a_visit_is_kept_as_its_quality() {
    let scene = scene(json!({"clickid": CLICK})).await;
    let (status, _) = scene.send("quality", json!({"clickid": CLICK, "score": 0.75, "label": "good"})).await;
    assert_eq!(status, 200);
    assert_eq!(
        scene.params().await,
        json!({"clickid": CLICK, "quality_score": "0.75", "quality_label": "good"})
    );
    assert!(scene.postbacks.noted().is_empty());
}

#[tokio::test]
async fn who_names_no_visit_of_the_tag_changes_nothing() {
    let scene = scene(json!({"clickid": CLICK})).await;
    for body in [
        json!({"score": 1}),
        json!({"visit": "VI019abc0de1f27a3b8c4d5e6f70819299", "score": 1}),
        json!({"visit": "nonsense", "score": 1}),
        json!({"clickid": "another", "score": 1}),
    ] {
        for kind in ["session", "quality"] {
            let (status, problem) = scene.send(kind, body.clone()).await;
            assert_eq!((status, &problem["code"]), (404, &json!("unknown_visit")), "{kind} {body}");
        }
    }
    let body = json!({"visit": scene.visit, "score": 1}).to_string();
    let (status, problem) = scene.send_to(51, "quality", None, &body).await;
    assert_eq!((status, &problem["code"]), (404, &json!("unknown_visit")), "another tag's visit");
    let (status, problem) = scene.send_to(52, "quality", None, &body).await;
    assert_eq!((status, &problem["code"]), (404, &json!("unknown_tag")));
    assert_eq!(scene.send_to(50, "other", None, &body).await.1["code"], "unknown_event");
    assert_eq!(scene.send_to(50, "session", None, "[]").await.0, 400);
    assert_eq!(scene.send_to(50, "session", None, &"x".repeat(70_000)).await.0, 413);
    assert_eq!(scene.params().await, json!({"clickid": CLICK}));
}

#[tokio::test]
async fn a_conversion_needs_the_secret_of_the_tags_own_tenant() {
    let scene = scene(json!({"clickid": CLICK})).await;
    let body = json!({"clickid": CLICK, "type": "ConvertedCall", "sum": "38.50"}).to_string();
    let guess = format!("{}0", &scene.secret[..scene.secret.len() - 1]);
    let refused = [None, Some(scene.foreign.as_str()), Some("x"), Some(guess.as_str())];
    for secret in refused.into_iter().filter(|secret| *secret != Some(scene.secret.as_str())) {
        let (status, problem) = scene.send_to(50, "conversion", secret, &body).await;
        assert_eq!((status, &problem["code"]), (404, &json!("unknown_webhook")), "{secret:?}");
    }
    assert_eq!(scene.reported().await, None);
    assert_eq!(scene.send_to(50, "conversion", Some(&scene.secret), &body).await.0, 200);
    assert_eq!(scene.reported().await, Some(Some(Money::from_micros(38_500_000))));
}

#[tokio::test]
async fn a_conversion_is_the_report_of_its_visits_call_once() {
    for body in [
        json!({"clickid": CLICK, "type": "ConvertedCall", "sum": "38.50", "currency": "usd"}),
        json!({"visit": "VI019abc0de1f27a3b8c4d5e6f70819203", "sum": 38.5}),
        json!({"call_id": call_id(1), "sum": "38.5"}),
    ] {
        let scene = scene(json!({"rtkcid": CLICK})).await;
        let first = scene.converts(body.clone()).await;
        assert_eq!((first.0, &first.1["result"]), (200, &json!("held")), "{body}: {first:?}");
        scene.clock.advance(60);
        assert_eq!(scene.converts(body.clone()).await, first, "a repetition");
        let (status, problem) = scene.converts(json!({"clickid": CLICK, "sum": "39"})).await;
        assert_eq!((status, &problem["code"]), (409, &json!("reported_before")));
        assert_eq!(scene.reported().await, Some(Some(Money::from_micros(38_500_000))));
    }
}

#[tokio::test]
async fn no_revenue_is_made_up_and_none_is_converted_into_another_currency() {
    let scene = scene(json!({"clickid": CLICK})).await;
    for (body, field) in [
        (json!({"clickid": CLICK, "sum": "a lot"}), "sum"),
        (json!({"clickid": CLICK, "sum": "-1"}), "sum"),
        (json!({"clickid": CLICK, "sum": "5", "currency": "EUR"}), "currency"),
    ] {
        let (status, problem) = scene.converts(body.clone()).await;
        assert_eq!((status, &problem["fields"][0]["field"]), (422, &json!(field)), "{body}");
    }
    for kind in ["RAWCall", "AnsweredCall"] {
        let (status, answer) = scene.converts(json!({"clickid": CLICK, "type": kind, "sum": "5"})).await;
        assert_eq!((status, &answer["result"]), (200, &json!("no_conversion")));
    }
    let (status, problem) = scene.converts(json!({"clickid": "another"})).await;
    assert_eq!((status, &problem["code"]), (404, &json!("unknown_call")));
    assert_eq!(scene.reported().await, None);
    assert_eq!(scene.converts(json!({"clickid": CLICK})).await.0, 200);
    assert_eq!(scene.reported().await, Some(None), "a report without an amount");
}

#[tokio::test]
async fn a_tenant_that_sends_too_much_is_told_when_to_go_on() {
    let scene = scene(json!({"clickid": CLICK})).await;
    for _ in 0..PER_MINUTE {
        use app::ports::Limiter as _;
        scene.store.count(&format!("hook:{}", tenant()), after(10), after(12)).await.expect("counted");
    }
    let (status, problem) = scene.send("quality", json!({"clickid": CLICK, "score": 1})).await;
    assert_eq!((status, &problem["code"]), (429, &json!("rate_limited")));
    scene.clock.advance(60);
    assert_eq!(scene.send("quality", json!({"clickid": CLICK, "score": 1})).await.0, 200);
}
