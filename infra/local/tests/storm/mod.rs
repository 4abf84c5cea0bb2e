//! Kill storms: the platform is a process of its own that is killed (SIGKILL) again and again while calls go through it.
//!
//! The telephone network is ours and survives. What we check: every webhook that was acknowledged left its trace in the
//! table; after every callback has been delivered once more there is one record per CallSid, and the books of every call
//! that closed are the carrier's.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use contract::calls::{CallDetail, EventView, LedgerView};
use contract::page::Page;
use domain::seed::Dice;
use futures::stream::{self, StreamExt};
use local_platform::client::{ApiClient, local_http};
use local_platform::running::Running;
use local_platform::seed::HOME_SERVICES;
use serde_json::Value;
use testkit::phone::{
    CallScript, Journey, Method, NumberConfig, PhoneConfig, PhoneNetwork, SentRequest, WebhookKind,
};
use tokio::process::{Child, Command};
use tokio::sync::Mutex;

/// Calls under way at the same time.
const AT_ONCE: usize = 4;

/// The platform as a process of its own.
struct Process {
    child: Child,
    running: Running,
}

impl Process {
    async fn start(folder: &Path, port: u16) -> Self {
        let child = Command::new(env!("CARGO_BIN_EXE_local-platform"))
            .args(["run", "--data", folder.to_str().unwrap(), "--port", &port.to_string()])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let id = child.id();
        for _ in 0..1_200 {
            if let Some(running) = Running::load(folder).filter(|running| Some(running.pid) == id) {
                return Self { child, running };
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("the platform did not start again");
    }

    async fn kill(mut self) {
        self.child.kill().await.unwrap();
    }
}

/// What a storm did.
#[derive(Debug, Default)]
pub struct Weather {
    pub calls: usize,
    pub kills: usize,
    pub acknowledged: usize,
    pub closed: usize,
    pub fallbacks: usize,
}

/// A carrier of our own, over the number that the platform answers.
fn carrier(folder: &Path, running: &Running, fallback_port: u16) -> (PhoneNetwork, String) {
    let demo: Value = serde_json::from_slice(&std::fs::read(folder.join("demo.json")).unwrap()).unwrap();
    let overrides = "#ct=2000&rt=6000&tt=12000&rc=1&rp=ct,5xx";
    let number = NumberConfig {
        voice_fallback_url: format!("http://127.0.0.1:{fallback_port}/fallback/{}.xml", &HOME_SERVICES[1..]),
        voice_fallback_method: Method::Get,
        status_callback: format!("{}/twilio/voice/status", running.api_url),
        ..NumberConfig::new(HOME_SERVICES, format!("{}/twilio/voice/inbound{overrides}", running.api_url))
    };
    let account = demo["account_sid"].as_str().unwrap();
    let token = demo["auth_token"].as_str().unwrap();
    (PhoneNetwork::new(PhoneConfig::new(account, token).number(number)), token.to_owned())
}

/// Serves the fallback documents that the platform wrote, while it is dead.
async fn serve_fallback(folder: PathBuf) -> u16 {
    use axum::extract::Path as UrlPath;
    let file = move |UrlPath(name): UrlPath<String>| {
        let path = folder.join(name);
        async move { ([("content-type", "text/xml")], std::fs::read(path).unwrap_or_default()) }
    };
    let router = axum::Router::new().route("/fallback/{file}", axum::routing::get(file));
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    port
}

async fn until_alive(health: &str) {
    let client = local_http().unwrap();
    while client.get(health).send().await.is_err() {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Six ports in a row that are free now.
fn free_ports() -> u16 {
    let base = 20_000 + u16::try_from(std::process::id() % 4_000).unwrap() * 10;
    (0..500)
        .map(|step| base.wrapping_add(step * 10).max(20_000))
        .find(|first| {
            (*first..first + 6).all(|port| std::net::TcpListener::bind(("127.0.0.1", port)).is_ok())
        })
        .unwrap()
}

/// Places `calls` calls while the platform is killed `kills` times at moments drawn from the seed.
pub async fn storm(calls: usize, kills: usize, seed: u64) -> Weather {
    let folder = std::env::temp_dir().join(format!("callcenter-storm-{}-{seed}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let port = free_ports();
    let process = Process::start(&folder, port).await;
    let fallback_port = serve_fallback(folder.join("fallback")).await;
    let (network, token) = carrier(&folder, &process.running, fallback_port);
    let health = format!("{}/api/health", process.running.api_url);
    let process = Mutex::new(Some(process));

    let placing = async {
        stream::iter(0..calls)
            .map(|number| {
                let mut script = CallScript::new("+14155550100", HOME_SERVICES);
                script.seed = Some(seed.wrapping_mul(1_000_003) + number as u64);
                let (network, health) = (&network, &health);
                async move {
                    // A call that begins while nobody is there only proves the fallback; most shall be hit in the middle.
                    until_alive(health).await;
                    network.place_call(script).await
                }
            })
            .buffer_unordered(AT_ONCE)
            .collect::<Vec<Journey>>()
            .await
    };
    let killing = async {
        let mut dice = Dice::new(seed);
        for _ in 0..kills {
            tokio::time::sleep(Duration::from_millis(200 + dice.below(1_800))).await;
            let mut process = process.lock().await;
            if let Some(dead) = process.take() {
                dead.kill().await;
            }
            *process = Some(Process::start(&folder, port).await);
        }
    };
    let (journeys, ()) = futures::join!(placing, killing);

    let process = process.into_inner().unwrap();
    println!("seed {seed}: {calls} calls and {kills} kills, now looking");
    let weather = verify(&journeys, &process.running, &token, kills).await;
    process.kill().await;
    std::fs::remove_dir_all(&folder).unwrap();
    weather
}

async fn verify(journeys: &[Journey], running: &Running, token: &str, kills: usize) -> Weather {
    let api = ApiClient::new(&running.api_url, &running.api_key).unwrap();
    let mut weather = Weather { calls: journeys.len(), kills, ..Weather::default() };
    assert!(journeys.iter().all(|journey| journey.outcome.status.is_terminal()));
    for journey in journeys {
        assert!(!journey.outcome.failed, "a caller was left with an error: {journey:#?}");
        weather.fallbacks += usize::from(journey.outcome.fallback_used);
        let began = journey.requests_of(WebhookKind::IncomingCall).any(|request| request.status == Some(200));
        if !began {
            continue;
        }
        let id = journey.call_sid.replacen("CA", "RGB", 1);
        let events: Page<EventView> = api.get(&format!("/api/calls/{id}/events")).await.unwrap();
        for request in journey.callbacks().filter(|request| request.status == Some(204)) {
            weather.acknowledged += 1;
            assert!(
                request.kind == WebhookKind::RecordingStatus || is_known(request, &events.items),
                "an acknowledged callback is not in the table: {request:#?} {events:#?}"
            );
        }
        deliver_again(journey, token).await;
        weather.closed += usize::from(check_books(&api, &id, journey).await);
    }
    let listed: Value = api.get("/api/calls?limit=200").await.unwrap();
    let mut ids: Vec<&str> =
        listed["items"].as_array().unwrap().iter().map(|call| call["id"].as_str().unwrap()).collect();
    let all = ids.len();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), all, "one record per CallSid");
    assert!(weather.kills > 0 && weather.calls >= ids.len().min(200), "{weather:?}");
    weather
}

fn is_known(request: &SentRequest, events: &[EventView]) -> bool {
    let status = request.parameter("CallStatus").unwrap_or_default();
    let leg = if request.kind == WebhookKind::CallStatus { "caller" } else { "destination" };
    events.iter().any(|event| event.leg == leg && event.status.as_str() == status)
}

/// Every callback once more, as a carrier would that never heard an answer.
async fn deliver_again(journey: &Journey, token: &str) {
    let client = local_http().unwrap();
    for request in journey.callbacks() {
        let answer = client
            .post(&request.url)
            .header("X-Twilio-Signature", testkit::phone::sign(token, &request.url, &request.parameters))
            .header("Content-Type", "application/x-www-form-urlencoded")
            .body(twilio::form::encode(&request.parameters))
            .send()
            .await
            .unwrap();
        assert!([204, 404].contains(&answer.status().as_u16()), "{}", answer.status());
    }
}

/// Compares a closed call with the carrier's view; `false` while something about it is not known to have ended.
async fn check_books(api: &ApiClient, id: &str, journey: &Journey) -> bool {
    let call: CallDetail = api.get(&format!("/api/calls/{id}")).await.unwrap();
    let ledger: LedgerView = api.get(&format!("/api/calls/{id}/ledger")).await.unwrap();
    let Some(closing) = call.line.closing.clone() else {
        assert!(ledger.entries.is_empty(), "no books before the end");
        return false;
    };
    let ours = journey
        .legs
        .iter()
        .filter(|leg| leg.bridged && call.attempts.iter().any(|attempt| attempt.address == leg.destination));
    let seconds: u64 = ours.map(|leg| leg.seconds).sum();
    assert_eq!(u64::from(closing.connected_s), seconds, "{call:#?} {journey:#?}");
    let revenue = if seconds >= 60 { 18_500_000 } else { 0 };
    assert!(
        closing.revenue.map(|money| money.micros()) == Some(revenue)
            || closing.destination_name.as_deref() != Some("Alpine Plumbing"),
        "{closing:#?}"
    );
    assert_eq!(ledger.totals.revenue, closing.revenue, "ledger sum = call sum");
    assert_eq!(ledger.totals.payout, closing.payout, "ledger sum = call sum");
    true
}
