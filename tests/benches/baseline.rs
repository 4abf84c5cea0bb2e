//! Our auction against that of a usual Node service: ten bidders over loopback, in one interleaved run.
//!
//! The Node side (`tests/load/baseline/auction.mjs`) asks the same bidders in two shapes, `fetch` and undici, and does nothing
//! else; ours does everything a call needs. CPU is that of the asking process alone. Figures to quote are the lines that begin
//! with `baseline:`; nothing here fails on them.

#![expect(clippy::disallowed_types, reason = "the HTTP library alone is one of the things measured")]
#![expect(clippy::print_stdout, reason = "its figures are what a benchmark is for")]
#![expect(clippy::expect_used, reason = "a benchmark that cannot be set up has nothing to say")]

#[expect(dead_code, reason = "each benchmark uses its own part")]
#[path = "support/auctions.rs"]
mod auctions;
mod support;

use std::io::{BufRead, BufReader, Lines, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::Request;
use http_body_util::{BodyExt as _, Full};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use outbound::{AllowList, Outbound};
use serde::Deserialize;
use serde_json::Value;
use tokio::runtime::{Builder, Runtime};

use auctions::{Auctions, Bidders, best_won, cpu_time, percentiles};

const ROUNDS: usize = 7;
const AUCTIONS: usize = 200;
/// Auctions under way at the same time, where that is measured.
const AT_ONCE: usize = 16;
/// How many one after the other each of them are.
const EACH: usize = 40;
/// The slowest bidder's time then.
const SLOWEST: Duration = Duration::from_millis(100);

/// What one round of one side showed.
#[derive(Deserialize)]
struct Round {
    cpu_us: u64,
    took_us: Vec<u64>,
    won: usize,
}

/// A Node process that runs auctions when it is told to.
struct Node {
    shape: &'static str,
    child: Child,
    asks: ChildStdin,
    answers: Lines<BufReader<ChildStdout>>,
}

impl Node {
    fn start(folder: &Path, shape: &'static str, urls: &[String]) -> Self {
        let mut child = Command::new("node")
            .arg("auction.mjs")
            .arg(shape)
            .args(urls)
            .current_dir(folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("node runs");
        let asks = child.stdin.take().expect("its input");
        let answers = BufReader::new(child.stdout.take().expect("its output")).lines();
        Self { shape, child, asks, answers }
    }

    fn round(&mut self, auctions: usize) -> Round {
        writeln!(self.asks, "{auctions}").expect("it listens");
        let line = self.answers.next().expect("it answers").expect("a line");
        serde_json::from_str(&line).expect("a round")
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        // It ends when its input does; this is for one that does not.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Runs work as a function's loop runs it: as a task of a runtime with one thread.
fn as_a_function<T: Send + 'static>(runtime: &Runtime, work: impl Future<Output = T> + Send + 'static) -> T {
    runtime.block_on(async { tokio::spawn(work).await }).expect("it does not panic")
}

fn ours(runtime: &Runtime, auctions: &Arc<Auctions>, count: usize) -> Round {
    let (before, auctions) = (cpu_time(), auctions.clone());
    let (took_us, won) = as_a_function(runtime, async move {
        let (mut took_us, mut won) = (Vec::new(), 0);
        for _ in 0..count {
            let began = Instant::now();
            won += usize::from(best_won(&auctions.run().await));
            took_us.push(u64::try_from(began.elapsed().as_micros()).unwrap_or(u64::MAX));
        }
        (took_us, won)
    });
    let spent = before.zip(cpu_time()).map_or(Duration::ZERO, |(before, after)| after - before);
    let cpu_us = u64::try_from(spent.as_micros()).unwrap_or(u64::MAX) / count as u64;
    Round { cpu_us, took_us, won }
}

/// The HTTP library with nothing around it: what asking costs at least.
#[derive(Clone)]
struct Bare {
    client: Client<HttpConnector, Full<Bytes>>,
    urls: Vec<String>,
}

impl Bare {
    fn new(bidders: &[Value]) -> Self {
        let urls = bidders.iter().filter_map(|bidder| bidder["url"].as_str()).map(str::to_owned).collect();
        Self { client: Client::builder(TokioExecutor::new()).build_http(), urls }
    }

    /// Asks all at once and reads the amounts.
    async fn ask(&self) {
        let asks = self.urls.iter().map(|url| async move {
            let body = Full::from(r#"{"CID":"+14155550100","zip":"94105"}"#);
            let request = Request::post(url).header("content-type", "application/json").body(body);
            let answer = self.client.request(request.expect("a request")).await.expect("an answer");
            let body = answer.into_body().collect().await.expect("a body").to_bytes();
            serde_json::from_slice::<Value>(&body).expect("JSON")["bidAmount"].as_f64()
        });
        let amounts = futures::future::join_all(asks).await;
        assert!(amounts.iter().all(Option::is_some), "every bidder bids");
    }

    fn round(&self, runtime: &Runtime, count: usize) -> u64 {
        let (before, bare) = (cpu_time(), self.clone());
        as_a_function(runtime, async move {
            for _ in 0..count {
                bare.ask().await;
            }
        });
        let spent = before.zip(cpu_time()).map_or(Duration::ZERO, |(before, after)| after - before);
        u64::try_from(spent.as_micros()).unwrap_or(u64::MAX) / count as u64
    }
}

fn median(mut of: Vec<u64>) -> u64 {
    of.sort_unstable();
    of[of.len() / 2]
}

/// What is missing on this machine to run the Node side, and how to get it.
fn missing(folder: &Path) -> Option<&'static str> {
    if Command::new("node").arg("--version").stdout(Stdio::null()).status().is_err() {
        return Some("Node.js 20.19 or newer");
    }
    let installed = folder.join("node_modules/undici").exists();
    (!installed).then_some("its packages: (cd tests/load/baseline && npm ci)")
}

/// With many auctions under way, how long each takes beyond the slowest bidder, who answers after [`SLOWEST`] by the bidders' own
/// timer: what that is late counts as ours, too.
fn many_at_once<Work>(runtime: &Runtime, what: &str, work: impl Fn() -> Work + Clone + Send + Sync + 'static)
where
    Work: Future<Output = ()> + Send + 'static,
{
    let above = as_a_function(runtime, async move {
        let one_after_the_other = |worker: u32| {
            let work = work.clone();
            async move {
                tokio::time::sleep(SLOWEST * worker / u32::try_from(AT_ONCE).unwrap_or(1)).await;
                let mut above = Vec::new();
                for _ in 0..EACH {
                    let began = Instant::now();
                    work().await;
                    above.push(began.elapsed().saturating_sub(SLOWEST));
                }
                // The first one makes its connections.
                above.split_off(1)
            }
        };
        let workers = (0..).take(AT_ONCE).map(|worker| tokio::spawn(one_after_the_other(worker)));
        let all = futures::future::try_join_all(workers).await.expect("none panics");
        all.into_iter().flatten().collect::<Vec<_>>()
    });
    println!("baseline: {what}, {AT_ONCE} under way, above the slowest bidder: {}", percentiles(above));
}

fn main() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("load/baseline");
    let bidders = Bidders::start();
    let allow = AllowList::parse(&bidders.running.address().to_string()).expect("an address");
    let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime");
    let outbound = Outbound::new(allow).expect("a client");
    let honest = bidders.honest(10);
    let bare = Bare::new(&honest);
    let auctions = Auctions::new(1_000, honest, &outbound);
    let slow = bidders.honest_after(10, SLOWEST);
    let alone = Bare::new(&slow);
    let slow = Auctions::new(1_000, slow, &outbound);
    many_at_once(&runtime, "ours", move || {
        let slow = slow.clone();
        async move { assert!(best_won(&slow.run().await), "the best bid wins") }
    });
    many_at_once(&runtime, "the HTTP library alone", move || {
        let alone = alone.clone();
        async move { alone.ask().await }
    });
    if let Some(what) = missing(&folder) {
        println!("baseline: the Node side needs {what}");
        return;
    }
    let mut nodes = ["fetch", "undici"].map(|shape| Node::start(&folder, shape, &bare.urls));
    // Connections are made and code is warm before anything counts.
    ours(&runtime, &auctions, AUCTIONS);
    bare.round(&runtime, AUCTIONS);
    for node in &mut nodes {
        node.round(AUCTIONS);
    }
    let (mut own, mut least) = (Vec::new(), Vec::new());
    let mut theirs: [Vec<u64>; 2] = [Vec::new(), Vec::new()];
    let mut ratios: [Vec<u64>; 2] = [Vec::new(), Vec::new()];
    for _ in 0..ROUNDS {
        let round = ours(&runtime, &auctions, AUCTIONS);
        assert_eq!(round.won, AUCTIONS, "the best bid wins");
        own.push(round.cpu_us);
        least.push(bare.round(&runtime, AUCTIONS));
        for (index, node) in nodes.iter_mut().enumerate() {
            let of_node = node.round(AUCTIONS);
            assert_eq!(of_node.won, AUCTIONS, "the best bid wins");
            ratios[index].push(of_node.cpu_us * 100 / round.cpu_us.max(1));
            theirs[index].push(of_node.cpu_us);
            if own.len() == ROUNDS {
                println!(
                    "baseline: {}: an auction takes {} us (median)",
                    node.shape,
                    median(of_node.took_us)
                );
            }
        }
        if own.len() == ROUNDS {
            println!("baseline: ours: an auction takes {} us (median)", median(round.took_us));
        }
    }
    println!(
        "baseline: CPU of ours: {} us per auction of ten bidders (median of {ROUNDS} rounds)",
        median(own)
    );
    println!("baseline: CPU of the HTTP library alone, asking the same bidders: {} us", median(least));
    for ((node, cpu), ratio) in nodes.iter().zip(theirs).zip(ratios) {
        let ratio = median(ratio);
        println!(
            "baseline: CPU of {}: {} us, {}.{:02} times ours",
            node.shape,
            median(cpu),
            ratio / 100,
            ratio % 100
        );
    }
}
