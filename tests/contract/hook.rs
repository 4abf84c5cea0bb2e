//! Conversion reports of customers' systems, from the request to the table.

use std::sync::Arc;

use app::incoming_webhooks::token;
use app::ports::{Calls, Catalog, Kind, Record};
use conversion_webhook::handle;
use domain::ids::IncomingWebhookId;
use domain::ledger::{Conversion, Revenue};
use domain::money::Money;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, Method};
use reports::{PER_MINUTE, Reports};
use runtime::HttpRequest;
use serde_json::{Value, json};
use store::Store;
use testkit::database::TestDatabase;
use testkit::fakes::{FakeClock, test_vault};

use crate::support::*;

struct Hook {
    _database: TestDatabase,
    store: Store,
    clock: Arc<FakeClock>,
    context: Arc<Reports>,
    path: String,
}

/// A webhook with these settings, and call 1, which still goes on and converts by report.
async fn hook(settings: Value) -> Hook {
    let database = database().await;
    let store = database.store();
    let id: IncomingWebhookId = id(90);
    let mut body = json!({"name": "CRM"});
    body.as_object_mut().expect("an object").extend(settings.as_object().expect("an object").clone());
    let record = Record { id: id.to_string(), version: 1, created_at: noon(), updated_at: noon(), body };
    store.create(tenant(), Kind::IncomingWebhook, &record, "CRM", &noted()).await.expect("created");
    let call = call(1);
    let mut write = first_step(&call, "dialling");
    let mut attempt = attempt(0, &[]);
    (attempt.terms.revenue, attempt.terms.conversion) = (Revenue::Reported, Conversion::Reported);
    write.attempts = vec![attempt];
    store.write_step(&write).await.expect("written");
    let vault = test_vault();
    let token = token(vault.as_ref(), tenant(), id).await.expect("a token");
    let clock = Arc::new(FakeClock::at(after(10)));
    let context = Arc::new(Reports {
        vault,
        limiter: Arc::new(store.clone()),
        catalog: Arc::new(store.clone()),
        calls: Arc::new(store.clone()),
        books: Arc::new(store.clone()),
        postbacks: Arc::new(testkit::fakes::FakePostbacks::default()),
        clock: clock.clone(),
    });
    Hook { _database: database, store, clock, context, path: format!("/hook/{}", token.expose()) }
}

impl Hook {
    async fn send(&self, method: Method, query: &str, content_type: &str, body: &str) -> (u16, Value) {
        self.send_to(&self.path, method, query, content_type, body).await
    }

    async fn send_to(
        &self,
        path: &str,
        method: Method,
        query: &str,
        content_type: &str,
        body: &str,
    ) -> (u16, Value) {
        let mut headers = HeaderMap::new();
        if !content_type.is_empty() {
            headers.insert(CONTENT_TYPE, content_type.parse().expect("a header"));
        }
        let request = HttpRequest {
            method,
            raw_path: path.to_owned(),
            raw_query: query.to_owned(),
            headers,
            body: body.to_owned().into(),
            request_id: "test".to_owned(),
            source_ip: None,
        };
        let answer = handle(self.context.clone(), request).await;
        (answer.status, serde_json::from_slice(&answer.body).expect("JSON"))
    }

    async fn get(&self, query: &str) -> (u16, Value) {
        self.send(Method::GET, query, "", "").await
    }

    async fn reported(&self) -> Option<Money> {
        let record = self.store.load(tenant(), call_id(1)).await.expect("a read").expect("a call");
        record.report.and_then(|report| report.revenue)
    }
}

#[tokio::test]
async fn a_report_may_come_as_query_form_or_json() {
    let call = call_id(1).to_string();
    let query = format!("call_id={call}&call_revenue=38.50&utm_source=x");
    let json = json!({"call_id": call, "call_revenue": 38.5, "more": {"nested": true}}).to_string();
    for (method, query, content_type, body) in [
        (Method::GET, query.as_str(), "", ""),
        (Method::POST, query.as_str(), "", ""),
        (Method::POST, "", "application/x-www-form-urlencoded", query.as_str()),
        (Method::POST, "", "application/json; charset=utf-8", json.as_str()),
    ] {
        let hook = hook(json!({})).await;
        let first = hook.send(method.clone(), query, content_type, body).await;
        assert_eq!((first.0, &first.1["result"]), (200, &json!("held")), "{first:?}");
        assert_eq!(first.1["revenue"], "38.50");
        assert_eq!(hook.reported().await, Some(Money::from_micros(38_500_000)));
        hook.clock.advance(60);
        assert_eq!(hook.send(method, query, content_type, body).await, first, "a repetition");
    }
}

#[tokio::test]
async fn another_report_is_told_when_and_how_much_was_reported() {
    let hook = hook(json!({})).await;
    let call = call_id(1);
    assert_eq!(hook.get(&format!("call_id={call}&call_revenue=38.50")).await.0, 200);
    let (status, problem) = hook.get(&format!("call_id={call}&call_revenue=39")).await;
    assert_eq!((status, &problem["code"]), (409, &json!("reported_before")));
    assert_eq!(problem["revenue"], "38.50");
    assert!(
        problem["reported_at"].as_str().is_some_and(|at| at.starts_with("2026-11-22T12:10:00")),
        "{problem}"
    );
    assert_eq!(hook.reported().await, Some(Money::from_micros(38_500_000)));
}

#[tokio::test]
async fn a_report_that_is_no_conversion_changes_nothing_and_a_later_one_may_convert() {
    let hook = hook(json!({"fire_parameter": "sale"})).await;
    let call = call_id(1);
    for no in ["&sale=false", "&sale=0", "&sale=", ""] {
        let (status, answer) = hook.get(&format!("call_id={call}&call_revenue=5{no}")).await;
        assert_eq!((status, &answer["result"]), (200, &json!("no_conversion")), "{no}");
    }
    assert_eq!(hook.reported().await, None);
    let (status, answer) = hook.get(&format!("call_id={call}&call_revenue=5&sale=TRUE")).await;
    assert_eq!((status, &answer["result"]), (200, &json!("held")));
    assert_eq!(hook.reported().await, Some(Money::from_units(5)));
}

#[tokio::test]
async fn what_cannot_be_read_is_told_with_its_own_name() {
    let hook =
        hook(json!({"call_parameter": "id", "revenue_parameter": "value", "fire_parameter": "sale"})).await;
    let call = call_id(1);
    for (query, field, rule) in [
        ("sale=true".to_owned(), "id", "required"),
        ("id=123&sale=true".to_owned(), "id", "call_id"),
        (format!("id={call}&value=12,50&sale=true"), "value", "amount"),
        (format!("id={call}&value=-1&sale=true"), "value", "range"),
        (format!("id={call}&value=38500000&sale=true"), "value", "range"),
        (format!("id={call}&value=1&value=2&sale=true"), "value", "unique"),
        (format!("id={call}&sale=perhaps"), "sale", "choice"),
    ] {
        let (status, problem) = hook.get(&query).await;
        let told = (&problem["fields"][0]["field"], &problem["fields"][0]["rule"]);
        assert_eq!((status, told), (422, (&json!(field), &json!(rule))), "{query}: {problem}");
    }
    assert_eq!(hook.send(Method::POST, "", "application/json", "[]").await.0, 400);
    assert_eq!(hook.send(Method::POST, "", "text/xml", "<x/>").await.0, 415);
    assert_eq!(hook.send(Method::PUT, "", "", "").await.0, 405);
    assert_eq!(hook.reported().await, None);
}

#[tokio::test]
async fn unknown_tokens_calls_and_campaigns_are_not_found() {
    let hook = hook(json!({"campaign": campaign().to_string()})).await;
    let query = format!("call_id={}", call_id(1));
    let last = if hook.path.ends_with('0') { "1" } else { "0" };
    let forged = format!("{}{last}", &hook.path[..hook.path.len() - 1]);
    for path in [forged.as_str(), "/hook/", "/hook/abc", "/hook"] {
        let (status, problem) = hook.send_to(path, Method::GET, &query, "", "").await;
        assert_eq!((status, &problem["code"]), (404, &json!("unknown_webhook")), "{path}");
    }
    let (status, problem) = hook.get(&format!("call_id={}", call_id(2))).await;
    assert_eq!((status, &problem["code"]), (404, &json!("unknown_call")));
    assert_eq!(hook.get(&query).await.0, 200, "a call of the webhook's campaign");
}

#[tokio::test]
async fn a_paused_webhook_and_one_of_another_campaign_take_nothing() {
    let other: domain::ids::CampaignId = id(33);
    for (settings, code) in [
        (json!({"status": "paused"}), "unknown_webhook"),
        (json!({"campaign": other.to_string()}), "unknown_call"),
        (json!({"campaign": other.to_string(), "fire_parameter": "sale"}), "unknown_call"),
    ] {
        let hook = hook(settings).await;
        let (status, problem) = hook.get(&format!("call_id={}", call_id(1))).await;
        assert_eq!((status, &problem["code"]), (404, &json!(code)));
        assert_eq!(hook.reported().await, None);
    }
}

#[tokio::test]
async fn a_tenant_that_sends_too_much_is_told_when_to_go_on() {
    let hook = hook(json!({})).await;
    let query = format!("call_id={}", call_id(1));
    let window = after(10);
    for _ in 0..PER_MINUTE {
        use app::ports::Limiter as _;
        hook.store.count(&format!("hook:{}", tenant()), window, after(12)).await.expect("counted");
    }
    let (status, problem) = hook.get(&query).await;
    assert_eq!((status, &problem["code"]), (429, &json!("rate_limited")));
    assert_eq!(hook.reported().await, None);
    hook.clock.advance(60);
    assert_eq!(hook.get(&query).await.0, 200);
}
