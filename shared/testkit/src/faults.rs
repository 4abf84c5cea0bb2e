//! Trouble before the database: a proxy that forwards every request, or makes it fail as the real service would.
//!
//! Faults are drawn from a seed. Rules are asked in the order in which they were given; a delay happens and the next rules
//! are still asked, any other fault decides. Every request is noted with its beginning and end, so that a test can count
//! round trips.

#![expect(
    clippy::disallowed_types,
    reason = "the proxy forwards to one database on this machine, to no address that a tenant names"
)]

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::header::{CONNECTION, CONTENT_TYPE, HOST};
use http::{HeaderMap, HeaderValue, Request, Response, StatusCode, Uri};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioIo};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};

/// What goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The request is refused because of the table's throughput (status 400), nothing is done.
    TableThrottled,
    /// The request is refused because of the account's rate (status 400), nothing is done.
    Throttled,
    /// Status 500, nothing is done.
    ServerError,
    /// It takes so much longer.
    Delay(Duration),
    /// Another transaction is at one of the items: a transaction is cancelled with its reasons, a single write is
    /// refused, a read is not affected. Nothing is done.
    TransactionConflict,
    /// It is done, and then the connection breaks before the answer.
    LostAnswer,
}

/// Where, what and how often.
#[derive(Debug, Clone)]
pub struct Rule {
    operation: Option<&'static str>,
    text: &'static str,
    fault: Fault,
    percent: u8,
    left: Option<u32>,
}

impl Rule {
    /// Every request, always.
    pub fn always(fault: Fault) -> Self {
        Self { operation: None, text: "", fault, percent: 100, left: None }
    }

    /// So many requests in a hundred.
    pub fn percent(percent: u8, fault: Fault) -> Self {
        Self { percent, ..Self::always(fault) }
    }

    /// Only this operation, such as `TransactWriteItems`.
    pub fn on(mut self, operation: &'static str) -> Self {
        self.operation = Some(operation);
        self
    }

    /// Only requests in which this text stands, such as a part of a key.
    pub fn about(mut self, text: &'static str) -> Self {
        self.text = text;
        self
    }

    /// At most so many times.
    pub fn times(mut self, times: u32) -> Self {
        self.left = Some(times);
        self
    }
}

/// One request that came by.
#[derive(Debug, Clone)]
pub struct Seen {
    /// Such as `GetItem`.
    pub operation: String,
    /// When it came.
    pub began: Instant,
    /// When its answer was complete, or it was given up.
    pub ended: Instant,
    /// What went wrong with it on purpose.
    pub fault: Option<Fault>,
}

struct Inside {
    upstream: String,
    client: Client<HttpConnector, Full<Bytes>>,
    rules: Mutex<Vec<Rule>>,
    dice: Mutex<StdRng>,
    outage: AtomicBool,
    seen: Mutex<Vec<Seen>>,
}

/// The proxy. Dropping it ends it.
pub struct FaultProxy {
    address: SocketAddr,
    inside: Arc<Inside>,
    server: JoinHandle<()>,
}

impl Drop for FaultProxy {
    fn drop(&mut self) {
        self.server.abort();
    }
}

/// Ends a connection without an answer.
#[derive(Debug, Clone, Copy, thiserror::Error)]
#[error("the connection is cut on purpose")]
struct Cut;

impl FaultProxy {
    /// A proxy on a free port of the loopback interface before the server at `upstream` (`http://host:port`).
    ///
    /// # Errors
    /// When no port can be had.
    pub async fn before(upstream: &str, seed: u64) -> std::io::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let address = listener.local_addr()?;
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        let inside = Arc::new(Inside {
            upstream: upstream.trim_end_matches('/').to_owned(),
            client: Client::builder(TokioExecutor::new()).build(connector),
            rules: Mutex::default(),
            dice: Mutex::new(StdRng::seed_from_u64(seed)),
            outage: AtomicBool::new(false),
            seen: Mutex::default(),
        });
        let server = tokio::spawn(accept(listener, inside.clone()));
        Ok(Self { address, inside, server })
    }

    /// Its URL: what the client is given in place of the database's.
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// From now on this goes wrong too.
    pub fn inject(&self, rule: Rule) {
        lock(&self.inside.rules).push(rule);
    }

    /// From now on nothing goes wrong.
    pub fn heal(&self) {
        lock(&self.inside.rules).clear();
        self.inside.outage.store(false, Ordering::SeqCst);
    }

    /// From now on until [`heal`](Self::heal) every connection is closed without an answer.
    pub fn begin_outage(&self) {
        self.inside.outage.store(true, Ordering::SeqCst);
    }

    /// All requests so far, in the order of their ends.
    pub fn seen(&self) -> Vec<Seen> {
        lock(&self.inside.seen).clone()
    }

    /// How many requests of an operation came by.
    pub fn count(&self, operation: &str) -> usize {
        lock(&self.inside.seen).iter().filter(|seen| seen.operation == operation).count()
    }

    /// How many round trips lay one after the other since then: the longest row of requests of which each began when the
    /// one before had ended. Requests that overlap in time count as one.
    pub fn sequential_rounds(&self, since: Instant) -> usize {
        let mut requests = self.seen();
        requests.retain(|seen| seen.began >= since);
        requests.sort_by_key(|seen| seen.ended);
        let mut rounds = 0;
        let mut free_from = None;
        for request in requests {
            if free_from.is_none_or(|end| request.began >= end) {
                rounds += 1;
                free_from = Some(request.ended);
            }
        }
        rounds
    }
}

async fn accept(listener: TcpListener, inside: Arc<Inside>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                let Ok((stream, _)) = accepted else { continue };
                if !inside.outage.load(Ordering::SeqCst) {
                    connections.spawn(serve(stream, inside.clone()));
                }
            }
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn serve(stream: TcpStream, inside: Arc<Inside>) {
    let _ = stream.set_nodelay(true);
    let service = service_fn(move |request| {
        let inside = inside.clone();
        async move { inside.handle(request).await }
    });
    // An error here is a connection that was cut, by the client or by us.
    let _ = hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
}

impl Inside {
    async fn handle(&self, request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Cut> {
        let began = Instant::now();
        if self.outage.load(Ordering::SeqCst) {
            return Err(Cut);
        }
        let (head, body) = request.into_parts();
        let operation = operation_of(&head.headers);
        let body = body.collect().await.map_err(|_| Cut)?.to_bytes();
        let (delays, fault) = self.draw(&operation, &body);
        for delay in &delays {
            tokio::time::sleep(*delay).await;
        }
        let answer = match fault {
            None => self.forward(head, body).await,
            Some(Fault::LostAnswer) => {
                let _ = self.forward(head, body).await;
                Err(Cut)
            }
            Some(fault) => Ok(self.trouble(fault, &operation, &body)),
        };
        let fault = fault.or_else(|| delays.first().map(|delay| Fault::Delay(*delay)));
        lock(&self.seen).push(Seen { operation, began, ended: Instant::now(), fault });
        answer
    }

    fn draw(&self, operation: &str, body: &[u8]) -> (Vec<Duration>, Option<Fault>) {
        let mut delays = Vec::new();
        let body = String::from_utf8_lossy(body);
        for rule in lock(&self.rules).iter_mut() {
            let applies = rule.operation.is_none_or(|only| only == operation)
                && body.contains(rule.text)
                && rule.left != Some(0)
                && (rule.fault != Fault::TransactionConflict || is_write(operation));
            if !applies || lock(&self.dice).random_range(0..100) >= rule.percent {
                continue;
            }
            rule.left = rule.left.map(|left| left - 1);
            match rule.fault {
                Fault::Delay(delay) => delays.push(delay),
                fault => return (delays, Some(fault)),
            }
        }
        (delays, None)
    }

    async fn forward(&self, head: http::request::Parts, body: Bytes) -> Result<Response<Full<Bytes>>, Cut> {
        let path = head.uri.path_and_query().map_or("/", |path| path.as_str());
        let uri: Uri = format!("{}{path}", self.upstream).parse().map_err(|_| Cut)?;
        let mut request = Request::new(Full::new(body));
        *request.method_mut() = head.method;
        *request.uri_mut() = uri;
        *request.headers_mut() = head.headers;
        request.headers_mut().remove(HOST);
        request.headers_mut().remove(CONNECTION);
        let (head, body) = self.client.request(request).await.map_err(|_| Cut)?.into_parts();
        let body = body.collect().await.map_err(|_| Cut)?.to_bytes();
        let mut response = Response::from_parts(head, Full::new(body));
        response.headers_mut().remove(CONNECTION);
        Ok(response)
    }

    fn trouble(&self, fault: Fault, operation: &str, body: &[u8]) -> Response<Full<Bytes>> {
        let message = "injected by a test";
        match fault {
            Fault::TransactionConflict if operation == "TransactWriteItems" => {
                let actions = number_of_actions(body).max(1);
                let hit = lock(&self.dice).random_range(0..actions);
                failure(StatusCode::BAD_REQUEST, cancelled(actions, hit))
            }
            Fault::TransactionConflict => {
                failure(StatusCode::BAD_REQUEST, error("TransactionConflictException", message))
            }
            Fault::TableThrottled => {
                failure(StatusCode::BAD_REQUEST, error("ProvisionedThroughputExceededException", message))
            }
            Fault::Throttled => failure(StatusCode::BAD_REQUEST, error("ThrottlingException", message)),
            Fault::ServerError | Fault::Delay(_) | Fault::LostAnswer => {
                failure(StatusCode::INTERNAL_SERVER_ERROR, error("InternalServerError", message))
            }
        }
    }
}

/// The operation stands in a header: `DynamoDB_20120810.GetItem`.
fn operation_of(headers: &HeaderMap) -> String {
    let target = headers.get("x-amz-target").and_then(|target| target.to_str().ok()).unwrap_or_default();
    target.rsplit('.').next().unwrap_or_default().to_owned()
}

fn is_write(operation: &str) -> bool {
    ["TransactWriteItems", "PutItem", "UpdateItem", "DeleteItem"].contains(&operation)
}

fn number_of_actions(body: &[u8]) -> usize {
    let request: serde_json::Value = serde_json::from_slice(body).unwrap_or_default();
    request["TransactItems"].as_array().map_or(0, Vec::len)
}

fn error(name: &str, message: &str) -> serde_json::Value {
    serde_json::json!({ "__type": format!("com.amazonaws.dynamodb.v20120810#{name}"), "message": message })
}

/// One reason for each action, in order: all but one had none.
fn cancelled(actions: usize, hit: usize) -> serde_json::Value {
    let code = |index| if index == hit { "TransactionConflict" } else { "None" };
    let codes: Vec<&str> = (0..actions).map(code).collect();
    let reasons: Vec<serde_json::Value> = codes
        .iter()
        .map(|code| match *code {
            "None" => serde_json::json!({ "Code": "None" }),
            code => serde_json::json!({ "Code": code, "Message": "Transaction is ongoing for the item" }),
        })
        .collect();
    let message = format!(
        "Transaction cancelled, please refer cancellation reasons for specific reasons [{}]",
        codes.join(", ")
    );
    let mut answer = error("TransactionCanceledException", &message);
    answer["CancellationReasons"] = reasons.into();
    answer
}

fn failure(status: StatusCode, body: serde_json::Value) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(body.to_string())));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/x-amz-json-1.0"));
    response
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
