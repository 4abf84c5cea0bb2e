//! A small application for the phone simulator to call: it dials one callee with every callback there is, and keeps what
//! it was sent.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, Uri, header};
use axum::response::IntoResponse;
use testkit::phone::{CallScript, CalleeScript, NumberConfig, PhoneConfig, PhoneNetwork};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::form::ACCOUNT;

/// The account's auth token.
pub const TOKEN: &str = "0123456789abcdef0123456789abcdef";
/// The account's number.
pub const NUMBER: &str = "+18335550100";
/// Who is dialled.
const BUYER: &str = "+12025550101";

/// A request as it arrived.
pub struct Arrived {
    /// Path and query.
    pub target: String,
    /// `X-Twilio-Signature`.
    pub signature: String,
    /// The form.
    pub body: Bytes,
}

/// The application, and the network whose number leads to it. Its queries hold what URL libraries treat differently.
pub struct Application {
    /// Scheme, host and port.
    pub base: String,
    /// The telephone network.
    pub network: PhoneNetwork,
    seen: Arc<Mutex<Vec<Arrived>>>,
    server: JoinHandle<std::io::Result<()>>,
}

impl Application {
    /// Serves on a free port of the loopback interface.
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let seen = Arc::<Mutex<Vec<Arrived>>>::default();
        let router = Router::new().fallback(answer).with_state((Arc::clone(&seen), base.clone()));
        let server = tokio::spawn(async move { axum::serve(listener, router).await });
        let number = NumberConfig {
            status_callback: format!("{base}/status?of=the%20call&x='quoted'"),
            voice_fallback_url: format!("{base}/fallback"),
            ..NumberConfig::new(NUMBER, format!("{base}/voice?campaign=a+b%26c#rc=1"))
        };
        let network = PhoneNetwork::new(PhoneConfig::new(ACCOUNT, TOKEN).number(number));
        Self { base, network, seen, server }
    }

    /// A call that is answered and talked through; Twilio's id of it.
    pub async fn call(&self) -> String {
        let script = CallScript::new("+14155550100", NUMBER).seed(7);
        let journey = self.network.place_call(script.callee(BUYER, CalleeScript::answers(3, 95))).await;
        assert_eq!(journey.warnings(), []);
        journey.call_sid
    }

    /// What has arrived since the last time.
    pub fn arrived(&self) -> Vec<Arrived> {
        std::mem::take(&mut *self.seen.lock().unwrap())
    }
}

impl Drop for Application {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn answer(
    State((seen, base)): State<(Arc<Mutex<Vec<Arrived>>>, String)>,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> impl IntoResponse {
    let signature = headers["x-twilio-signature"].to_str().unwrap().to_owned();
    seen.lock().unwrap().push(Arrived { target: uri.to_string(), signature, body });
    let document = match uri.path() {
        "/voice" => format!(
            "<Response><Dial answerOnBridge=\"true\" action=\"{base}/ended?step=2\" \
             record=\"record-from-answer-dual\" recordingStatusCallback=\"{base}/recording\">\
             <Number statusCallback=\"{base}/leg?n=1\" statusCallbackEvent=\"initiated ringing answered completed\">\
             {BUYER}</Number></Dial></Response>"
        ),
        _ => "<Response/>".to_owned(),
    };
    ([(header::CONTENT_TYPE, "text/xml")], document)
}
