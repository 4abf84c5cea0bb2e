//! A server on this machine that answers by script, and a client of it.

use std::collections::VecDeque;
use std::error::Error;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use app::ports::{AccountTokens, PortResult};
use app::secret::Secret;
use async_trait::async_trait;
use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse as _, Response};
use domain::ids::AccountSid;
use serde_json::{Value, json};
use twilio::rest::{Credentials, Pace, RestClient};

pub type Checked = Result<(), Box<dyn Error>>;

pub const ACCOUNT: &str = "AC00000000000000000000000000000000";

/// One account is connected.
pub struct OneToken;

#[async_trait]
impl AccountTokens for OneToken {
    async fn request_token(&self, account: &AccountSid) -> PortResult<Option<Secret>> {
        Ok((account.as_str() == ACCOUNT).then(|| Secret::new("top-secret")))
    }
}

/// One answer of the script.
#[derive(Clone)]
pub enum Answer {
    Json(u16, Value),
    After(u16, &'static str),
    Text(u16, String),
    RedirectTo(String),
    Silence,
}

#[derive(Debug)]
pub struct Seen {
    pub method: Method,
    pub uri: String,
    pub authorization: String,
    pub content_type: String,
    pub body: String,
}

/// Answers in order; the last answer is given again and again.
#[derive(Clone, Default)]
pub struct Script {
    answers: Arc<Mutex<VecDeque<Answer>>>,
    seen: Arc<Mutex<Vec<Seen>>>,
}

impl Script {
    fn next(&self) -> Answer {
        let Ok(mut answers) = self.answers.lock() else { return Answer::Silence };
        if answers.len() > 1 { answers.pop_front() } else { answers.front().cloned() }
            .unwrap_or(Answer::Silence)
    }

    pub fn requests(&self) -> usize {
        self.seen.lock().map_or(0, |seen| seen.len())
    }

    /// Every request in short: method, address below the account, body.
    pub fn log(&self) -> Vec<String> {
        let account = format!("/2010-04-01/Accounts/{ACCOUNT}");
        let line = |seen: &Seen| {
            let address = seen.uri.strip_prefix(&account).unwrap_or(&seen.uri);
            format!("{} {address} {}", seen.method, seen.body).trim_end().to_owned()
        };
        self.seen.lock().map_or_else(|_| Vec::new(), |seen| seen.iter().map(line).collect())
    }

    pub fn seen(&self, index: usize) -> Option<Seen> {
        self.seen.lock().ok().and_then(|mut seen| (index < seen.len()).then(|| seen.remove(index)))
    }
}

async fn answer(
    State(script): State<Script>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned();
    let seen = Seen {
        method,
        uri: uri.to_string(),
        authorization: text(header::AUTHORIZATION),
        content_type: text(header::CONTENT_TYPE),
        body: String::from_utf8_lossy(&body).into_owned(),
    };
    if let Ok(mut list) = script.seen.lock() {
        list.push(seen);
    }
    let status = |code| StatusCode::from_u16(code).unwrap_or_default();
    match script.next() {
        Answer::Json(code, value) => (status(code), axum::Json(value)).into_response(),
        Answer::After(code, seconds) => (status(code), [(header::RETRY_AFTER, seconds)], "").into_response(),
        Answer::Text(code, text) => (status(code), Body::from(text)).into_response(),
        Answer::RedirectTo(url) => (StatusCode::FOUND, [(header::LOCATION, url)], "").into_response(),
        Answer::Silence => std::future::pending().await,
    }
}

pub async fn serve(answers: Vec<Answer>) -> Result<(Script, String), Box<dyn Error>> {
    let script = Script { answers: Arc::new(Mutex::new(answers.into())), ..Script::default() };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    let base = format!("http://{}", listener.local_addr()?);
    let router = Router::new().fallback(answer).with_state(script.clone());
    tokio::spawn(async move { axum::serve(listener, router).await });
    Ok((script, base))
}

/// Roomy, so that a busy machine changes nothing; tests of the deadline take a tighter one.
pub const PACE: Pace = Pace {
    deadline: Duration::from_secs(20),
    attempt: Duration::from_secs(2),
    first_pause: Duration::from_millis(2),
    longest_pause: Duration::from_millis(20),
};

pub async fn client(answers: Vec<Answer>) -> Result<(Script, RestClient), Box<dyn Error>> {
    client_with(answers, PACE).await
}

pub async fn client_with(answers: Vec<Answer>, pace: Pace) -> Result<(Script, RestClient), Box<dyn Error>> {
    let (script, base) = serve(answers).await?;
    Ok((script, RestClient::new(&base, pace)?))
}

pub fn credentials() -> Result<Credentials, Box<dyn Error>> {
    Ok(Credentials::new(ACCOUNT.parse()?, "top-secret"))
}

pub fn error_json(status: u16, code: u32) -> Answer {
    let message = "The number +14155550100 is not good";
    Answer::Json(
        status,
        json!({"code": code, "message": message, "more_info": "https://x", "status": status}),
    )
}
