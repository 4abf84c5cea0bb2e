//! A small application for the phone simulator to call: each path gives a canned answer, every request is kept.

#![expect(dead_code, reason = "each test file uses its own part of this")]
#![expect(clippy::unwrap_used, reason = "a broken test harness should stop the test")]

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use testkit::phone::{CallScript, Journey, NumberConfig, PhoneConfig, PhoneNetwork};

pub const ACCOUNT: &str = "AC00000000000000000000000000000001";
pub const TOKEN: &str = "12345";
pub const NUMBER: &str = "+18335550100";
pub const CALLER: &str = "+14155550100";
pub const BUYER: &str = "+12025550101";
pub const OTHER_BUYER: &str = "+12025550102";

/// A request as it arrived.
#[derive(Debug, Clone)]
pub struct Arrived {
    pub method: Method,
    pub path: String,
    pub target: String,
    pub headers: BTreeMap<String, String>,
    pub form: Vec<(String, String)>,
}

impl Arrived {
    pub fn field(&self, name: &str) -> Option<&str> {
        self.form.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }
}

type Handler = Box<dyn Fn(&Arrived) -> Answer + Send + Sync>;

/// What a path answers.
pub struct Answer {
    status: StatusCode,
    content_type: &'static str,
    body: String,
    location: Option<String>,
    delay: Duration,
}

impl Answer {
    /// TwiML; the verbs only.
    pub fn twiml(verbs: &str) -> Self {
        Self::of(StatusCode::OK, "text/xml", format!("<?xml version=\"1.0\"?><Response>{verbs}</Response>"))
    }

    pub fn of(status: StatusCode, content_type: &'static str, body: impl Into<String>) -> Self {
        Self { status, content_type, body: body.into(), location: None, delay: Duration::ZERO }
    }

    pub fn empty() -> Self {
        Self::of(StatusCode::NO_CONTENT, "text/plain", "")
    }

    pub fn status(status: StatusCode) -> Self {
        Self::of(status, "text/plain", "no")
    }

    pub fn redirect(status: StatusCode, location: &str) -> Self {
        Self { location: Some(location.to_owned()), ..Self::status(status) }
    }

    pub fn after(self, delay: Duration) -> Self {
        Self { delay, ..self }
    }
}

#[derive(Default)]
struct Inner {
    handlers: Mutex<BTreeMap<String, Arc<Handler>>>,
    arrived: Mutex<Vec<Arrived>>,
}

/// An application on a loopback port.
#[derive(Clone)]
pub struct Application {
    inner: Arc<Inner>,
    pub base: String,
}

impl Application {
    pub async fn start() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let inner = Arc::new(Inner::default());
        let router = Router::new().fallback(serve).with_state(inner.clone());
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { inner, base }
    }

    /// Answers a path always in the same way; `BASE` in the verbs becomes this application's address.
    pub fn says(&self, path: &str, verbs: &str) -> &Self {
        let verbs = verbs.replace("BASE", &self.base);
        self.on(path, move |_| Answer::twiml(&verbs))
    }

    pub fn on(&self, path: &str, handler: impl Fn(&Arrived) -> Answer + Send + Sync + 'static) -> &Self {
        self.inner.handlers.lock().unwrap().insert(path.to_owned(), Arc::new(Box::new(handler)));
        self
    }

    pub fn arrived(&self) -> Vec<Arrived> {
        self.inner.arrived.lock().unwrap().clone()
    }

    pub fn arrived_at(&self, path: &str) -> Vec<Arrived> {
        self.arrived().into_iter().filter(|request| request.path == path).collect()
    }

    /// An account with one number that asks `/voice`, tells `/status`, and falls back to `/fallback` by GET.
    pub fn config(&self) -> PhoneConfig {
        let number = NumberConfig {
            voice_fallback_url: format!("{}/fallback", self.base),
            voice_fallback_method: testkit::phone::Method::Get,
            status_callback: format!("{}/status", self.base),
            ..NumberConfig::new(NUMBER, format!("{}/voice", self.base))
        };
        // The documents of these tests are wrong on purpose: they do not belong to the corpus of the product's own.
        let corpus_dir = Some(std::env::temp_dir().join("phone-simulator-tests"));
        PhoneConfig { corpus_dir, ..PhoneConfig::new(ACCOUNT, TOKEN) }.number(number)
    }

    pub fn network(&self) -> PhoneNetwork {
        PhoneNetwork::new(self.config())
    }

    pub async fn call(&self, script: CallScript) -> Journey {
        self.network().place_call(script).await
    }
}

/// A call from the usual caller to the usual number.
pub fn call() -> CallScript {
    CallScript::new(CALLER, NUMBER).seed(7)
}

async fn serve(
    State(inner): State<Arc<Inner>>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let arrived = Arrived {
        method,
        path: uri.path().to_owned(),
        target: uri.to_string(),
        headers: headers
            .iter()
            .map(|(name, value)| (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into_owned()))
            .collect(),
        form: form_urlencoded::parse(&body).into_owned().collect(),
    };
    inner.arrived.lock().unwrap().push(arrived.clone());
    let handler = inner.handlers.lock().unwrap().get(&arrived.path).cloned();
    let Some(handler) = handler else { return StatusCode::NO_CONTENT.into_response() };
    let answer = handler(&arrived);
    tokio::time::sleep(answer.delay).await;
    let mut response =
        (answer.status, [(header::CONTENT_TYPE, answer.content_type)], answer.body).into_response();
    if let Some(location) = answer.location {
        response.headers_mut().insert(header::LOCATION, location.parse().unwrap());
    }
    response
}
