//! What an auction costs, and how exactly it ends: ten bidders over loopback, through the real outbound client.
//!
//! The bidders run on a thread of their own, so the CPU time shown is ours alone. Beyond the auction itself there is
//! nothing: the database answers at once. Figures to quote are the lines that begin with `auction:`.

#![expect(clippy::print_stdout, reason = "its figures are what a benchmark is for")]
#![expect(clippy::expect_used, reason = "a benchmark that cannot be set up has nothing to say")]

#[path = "support/auctions.rs"]
mod auctions;
mod support;

use std::hint::black_box;
use std::time::{Duration, Instant};

use criterion::Criterion;
use outbound::{AllowList, Outbound};
use testkit::bidders::Scenario;
use tokio::runtime::{Builder, Runtime};

use auctions::{Auctions, Bidders, best_won, cpu_time, percentiles};

const AUCTIONS: usize = 100;
const WARM_UP: usize = 5;

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
