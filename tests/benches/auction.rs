//! What an auction costs, and how exactly it ends: ten bidders over loopback, through the real outbound client.
//!
//! The bidders run on a thread of their own, so the CPU time shown is ours alone. Beyond the auction itself there is
//! nothing: the database answers at once. Figures to quote are the lines that begin with `auction:`.

#![expect(clippy::print_stdout, reason = "its figures are what a benchmark is for")]
#![expect(clippy::expect_used, reason = "a benchmark that cannot be set up has nothing to say")]

mod support;

use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};

use app::clock::SystemClock;
use app::place::StepAnswer;
use app::run_auction::RunAuction;
use criterion::Criterion;
use domain::call::CallStatus;
use domain::phone::Destination;
use domain::voice::{Reply, Verb};
use outbound::{AllowList, Outbound};
use serde_json::Value;
use testkit::bidders::{BidderSimulator, RunningBidders, Scenario};
use tokio::runtime::{Builder, Runtime};

use support::Memory;

/// Honest bids go here, the best one to the first.
const BEST: &str = "+12025550110";
const AUCTIONS: usize = 100;
const WARM_UP: usize = 5;

/// Bidders on a thread of their own.
struct Bidders {
    running: RunningBidders,
    _runtime: Runtime,
}

impl Bidders {
    fn start() -> Self {
        let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("a runtime");
        let running = runtime.block_on(async { BidderSimulator::new().start().await }).expect("a free port");
        Self { running, _runtime: runtime }
    }

    /// `count` honest bidders, the first with the best bid.
    fn honest(&self, count: usize) -> Vec<Value> {
        let url = |index: usize| {
            let wishes = format!("amount={}.50&number=%2B12025550{}", 20 - index, 110 + index);
            self.running.url_with(Scenario::Accept, &wishes)
        };
        (0..count).map(|index| support::bidder(&format!("Honest {index}"), &url(index))).collect()
    }

    fn hostile(&self, scenario: Scenario) -> Value {
        support::bidder(scenario.as_str(), &self.running.url(scenario))
    }
}

/// One process's way to run auctions of one campaign.
struct Auctions {
    use_case: RunAuction,
    memory: Arc<Memory>,
    deadline: Duration,
}

impl Auctions {
    fn new(deadline_ms: u32, bidders: Vec<Value>, outbound: &Outbound) -> Self {
        let memory = Arc::new(Memory::new(support::campaign(deadline_ms, bidders, Vec::new())));
        let use_case = RunAuction {
            limiter: memory.clone(),
            published: memory.clone(),
            counters: memory.clone(),
            calls: memory.clone(),
            bidders: Arc::new(outbound.clone()),
            outbox: memory.clone(),
            vault: testkit::fakes::test_vault(),
            clock: Arc::new(SystemClock),
        };
        Self { use_case, memory, deadline: Duration::from_millis(u64::from(deadline_ms)) }
    }

    async fn run(&self) -> Reply {
        let call = &self.memory.call;
        let answer = self.use_case.run(call.tenant, call.id, &call.account_sid, 1, CallStatus::Ringing).await;
        match answer.expect("an auction") {
            StepAnswer::Reply(reply) => reply,
            other => unreachable!("the call is known: {other:?}"),
        }
    }
}

fn best_won(reply: &Reply) -> bool {
    reply.verbs.iter().any(|verb| {
        let Verb::Dial(dial) = verb else { return false };
        dial.nouns
            .iter()
            .any(|noun| matches!(&noun.destination, Destination::Number(to) if to.as_str() == BEST))
    })
}

/// CPU time of this thread so far, where the system tells it.
fn cpu_time() -> Option<Duration> {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    text.split_whitespace().next()?.parse().ok().map(Duration::from_nanos)
}

/// Half of the measurements are not above the first, 99 % not above the second, none above the third.
fn percentiles(mut measured: Vec<Duration>) -> String {
    measured.sort_unstable();
    let at = |percent: usize| measured[(measured.len() - 1) * percent / 100];
    let ms = |value: Duration| format!("{}.{:03} ms", value.as_millis(), value.subsec_micros() % 1_000);
    format!("p50 {}, p99 {}, max {}", ms(at(50)), ms(at(99)), ms(at(100)))
}

fn latency(criterion: &mut Criterion, runtime: &Runtime, auctions: &Auctions) {
    let mut group = criterion.benchmark_group("auction");
    group.sample_size(20).measurement_time(Duration::from_secs(6)).warm_up_time(Duration::from_secs(1));
    group.bench_function("ten honest bidders", |bencher| {
        bencher.iter(|| black_box(runtime.block_on(auctions.run())));
    });
    group.finish();

    let before = cpu_time();
    let mut took = Vec::new();
    let mut won = 0;
    for _ in 0..500 {
        let began = Instant::now();
        won += usize::from(best_won(&runtime.block_on(auctions.run())));
        took.push(began.elapsed());
    }
    println!(
        "auction: ten honest bidders, whole auction: {}; best bid won {won} of {}",
        percentiles(took.clone()),
        took.len()
    );
    if let (Some(before), Some(after)) = (before, cpu_time()) {
        println!(
            "auction: ten honest bidders, CPU of ours: {} us per auction",
            (after - before).as_micros() / 500
        );
    }
}

/// How long after its deadline an auction has its answer.
fn overshoot(what: &str, runtime: &Runtime, auctions: &Auctions) {
    let mut late = Vec::new();
    let mut took = Vec::new();
    let mut won = 0;
    for index in 0..WARM_UP + AUCTIONS {
        let began = Instant::now();
        let reply = runtime.block_on(auctions.run());
        let elapsed = began.elapsed();
        if index >= WARM_UP {
            late.push(elapsed.saturating_sub(auctions.deadline));
            took.push(elapsed);
            won += usize::from(best_won(&reply));
        }
    }
    println!(
        "auction: {what}, deadline {} ms, {AUCTIONS} auctions: overshoot {}; whole {}; honest best bid won {won}",
        auctions.deadline.as_millis(),
        percentiles(late),
        percentiles(took),
    );
}

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    let bidders = Bidders::start();
    let allow = AllowList::parse(&bidders.running.address().to_string()).expect("an address");
    let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime");
    let outbound = Outbound::new(allow).expect("a client");

    latency(&mut criterion, &runtime, &Auctions::new(1_000, bidders.honest(10), &outbound));

    let hostile = [
        (Scenario::Hang, "one hangs"),
        (Scenario::Drip, "one drips a byte a second"),
        (Scenario::Huge, "one sends 1 GB"),
        (Scenario::Redirect, "one redirects to 169.254.169.254"),
    ];
    for (scenario, what) in hostile {
        let mut tree = bidders.honest(9);
        tree.push(bidders.hostile(scenario));
        overshoot(what, &runtime, &Auctions::new(100, tree, &outbound));
    }
    let mut tree = bidders.honest(6);
    tree.extend(hostile.map(|(scenario, _)| bidders.hostile(scenario)));
    overshoot("all four of them", &runtime, &Auctions::new(200, tree, &outbound));

    let huge = bidders.running.counts().of(Scenario::Huge.as_str());
    println!(
        "auction: the 1 GB bidder wrote {} kB per request before its connection was closed; of a body we read 64 kB at most",
        huge.bytes_written / 1_000 / huge.requests.max(1)
    );
    // Let the server notice the connections that were closed.
    runtime.block_on(async { tokio::time::sleep(Duration::from_millis(1_500)).await });
    let open: u64 = bidders.running.counts().all().values().map(|count| count.under_way).sum();
    println!("auction: answers still under way afterwards: {open}");
    criterion.final_summary();
}
