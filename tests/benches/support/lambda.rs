//! What Lambda does around a process: hands it one event after the other, and takes its answers.

use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::serve::ListenerExt as _;
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::sync::{Mutex, mpsc};

/// Longest wait for an answer: a benchmark must not hang.
const PATIENCE: Duration = Duration::from_secs(30);

/// A process that is run as Lambda runs one. Dropping it ends the process.
pub struct Bootstrap {
    child: Child,
    events: mpsc::UnboundedSender<String>,
    answers: mpsc::UnboundedReceiver<Bytes>,
}

struct Api {
    events: Mutex<mpsc::UnboundedReceiver<String>>,
    answers: mpsc::UnboundedSender<Bytes>,
}

async fn next(State(api): State<Arc<Api>>) -> Response {
    let Some(event) = api.events.lock().await.recv().await else {
        return StatusCode::GONE.into_response();
    };
    let headers = [
        ("content-type", "application/json"),
        ("lambda-runtime-aws-request-id", "8476a536-e9f4-11e8-9739-2dfe598c3fcd"),
        ("lambda-runtime-deadline-ms", "32503680000000"),
        ("lambda-runtime-invoked-function-arn", "arn:aws:lambda:us-east-1:123456789012:function:measured"),
    ];
    (headers, event).into_response()
}

async fn answered(State(api): State<Arc<Api>>, body: Bytes) -> StatusCode {
    // Nobody listens any more when the benchmark is over.
    let _ = api.answers.send(body);
    StatusCode::ACCEPTED
}

async fn failed(headers: HeaderMap, body: Bytes) -> StatusCode {
    let kind = headers.get("lambda-runtime-function-error-type");
    panic!("the function failed: {kind:?} {}", String::from_utf8_lossy(&body));
}

impl Bootstrap {
    /// Starts a process. Its standard error is ours.
    pub async fn start(mut command: Command) -> Self {
        let (events, waiting) = mpsc::unbounded_channel();
        let (answering, answers) = mpsc::unbounded_channel();
        let api = Arc::new(Api { events: Mutex::new(waiting), answers: answering });
        let router = Router::new()
            .route("/2018-06-01/runtime/invocation/next", get(next))
            .route("/2018-06-01/runtime/invocation/{id}/response", post(answered))
            .route("/2018-06-01/runtime/invocation/{id}/error", post(failed))
            .route("/2018-06-01/runtime/init/error", post(failed))
            .with_state(api);
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let undelayed =
            listener.tap_io(|stream| stream.set_nodelay(true).expect("a connection takes the option"));
        tokio::spawn(async move { axum::serve(undelayed, router).await });
        let child = command
            .env("AWS_LAMBDA_RUNTIME_API", address.to_string())
            .env("AWS_LAMBDA_FUNCTION_NAME", "measured")
            .env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "512")
            .env("AWS_LAMBDA_FUNCTION_VERSION", "1")
            .env("AWS_LAMBDA_LOG_STREAM_NAME", "stream")
            .env("AWS_LAMBDA_LOG_GROUP_NAME", "group")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn()
            .expect("the process starts");
        Self { child, events, answers }
    }

    /// Gives it an event and waits for the answer.
    pub async fn invoke(&mut self, event: &Value) -> (Duration, Value) {
        let event = event.to_string();
        let began = Instant::now();
        self.events.send(event).expect("the runtime API is up");
        let answer = tokio::time::timeout(PATIENCE, self.answers.recv()).await;
        let took = began.elapsed();
        let answer = answer.expect("an answer in time").expect("the runtime API is up");
        (took, serde_json::from_slice(&answer).expect("JSON"))
    }

    /// The process.
    pub fn id(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Bootstrap {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// CPU time of a process with all its threads, to the nanosecond; nothing where the system does not tell.
pub fn cpu_of(process: u32) -> Duration {
    let Ok(threads) = std::fs::read_dir(format!("/proc/{process}/task")) else { return Duration::ZERO };
    let of = |thread: std::io::Result<std::fs::DirEntry>| -> Option<u64> {
        let text = std::fs::read_to_string(thread.ok()?.path().join("schedstat")).ok()?;
        text.split_whitespace().next()?.parse().ok()
    };
    Duration::from_nanos(threads.filter_map(of).sum())
}

/// Processes that this one started.
pub fn children_of(process: u32) -> Vec<u32> {
    let Ok(processes) = std::fs::read_dir("/proc") else { return Vec::new() };
    let child = |entry: std::io::Result<std::fs::DirEntry>| -> Option<u32> {
        let id: u32 = entry.ok()?.file_name().to_str()?.parse().ok()?;
        let text = std::fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
        // The name may have spaces and brackets.
        let (_, after_name) = text.rsplit_once(')')?;
        (after_name.split_whitespace().nth(1)? == process.to_string()).then_some(id)
    };
    processes.filter_map(child).collect()
}

/// The most memory that a process has held so far, kB.
pub fn peak_kb(process: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.split_whitespace().next()?.parse().ok()).unwrap_or_default()
}
