//! Fifty hostile bidders and an honest one: how exactly an auction ends, and how much memory it takes.
//!
//! The auctions run in a process of their own (this program, started once more), so its memory is that of a function which
//! asks bidders; the bidders run in this one. Figures to quote are the lines that begin with `hostile:`; nothing fails on
//! them. With `-- --quick` there are few auctions, to see that it runs.

#![expect(clippy::print_stdout, reason = "its figures are what a benchmark is for")]
#![expect(clippy::expect_used, reason = "a benchmark that cannot be set up has nothing to say")]

#[expect(dead_code, reason = "each benchmark uses its own part")]
#[path = "support/auctions.rs"]
mod auctions;
#[expect(dead_code, reason = "tests use the rest")]
#[path = "support/crowd.rs"]
mod crowd;
mod support;

use std::io::{Read, Write};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use outbound::{AllowList, Outbound};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::runtime::{Builder, Runtime};

use auctions::{Auctions, best_won, percentiles};

const HOSTILE: usize = 50;
const DEADLINE_MS: u32 = 500;
const WARM_UP: usize = 3;
const AUCTIONS: usize = 60;
const FEW: usize = 3;
/// How the program is told that it is the one that asks.
const ASKER: &str = "--asker";

/// Whom the other process asks.
#[derive(Serialize, Deserialize)]
struct Task {
    allow: String,
    bidders: Vec<Value>,
    auctions: usize,
}

/// What it saw.
#[derive(Serialize, Deserialize)]
struct Seen {
    late_us: Vec<u64>,
    won: usize,
    /// Peak memory before the first auction and after the last one, kB; `None` where the system does not tell.
    before_kb: Option<u64>,
    peak_kb: Option<u64>,
}

fn runtime() -> Runtime {
    Builder::new_current_thread().enable_all().build().expect("a runtime")
}

fn peak_kb() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    line.split_whitespace().nth(1)?.parse().ok()
}

/// The process that asks.
fn ask() {
    let mut text = String::new();
    std::io::stdin().read_to_string(&mut text).expect("a task");
    let Task { allow, bidders, auctions: count } = serde_json::from_str(&text).expect("a task");
    let outbound = Outbound::new(AllowList::parse(&allow).expect("addresses")).expect("a client");
    let runtime = runtime();
    let auctions = Auctions::new(DEADLINE_MS, bidders, &outbound);
    let before_kb = peak_kb();
    let (mut late_us, mut won) = (Vec::new(), 0);
    for index in 0..WARM_UP + count {
        let began = Instant::now();
        let reply = runtime.block_on(auctions.run());
        let late = began.elapsed().saturating_sub(auctions.deadline);
        if index >= WARM_UP {
            late_us.push(u64::try_from(late.as_micros()).unwrap_or(u64::MAX));
            won += usize::from(best_won(&reply));
        }
    }
    let seen = Seen { late_us, won, before_kb, peak_kb: peak_kb() };
    println!("{}", serde_json::to_string(&seen).expect("figures"));
}

/// The process of the bidders.
fn main() {
    let told = |word: &str| std::env::args().any(|argument| argument == word);
    if told(ASKER) {
        return ask();
    }
    let auctions = if told("--quick") { FEW } else { AUCTIONS };
    let bidders_run = Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("a runtime");
    let crowd = bidders_run.block_on(async { crowd::crowd(HOSTILE) });
    let bidders = crowd.iter().enumerate().map(|(number, bidder)| bidder.settings(number)).collect();
    let task = Task { allow: crowd::allowing(&crowd), bidders, auctions };

    let program = std::env::current_exe().expect("this program");
    let mut asker = Command::new(program)
        .arg(ASKER)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("a second process");
    let mut asks = asker.stdin.take().expect("its input");
    asks.write_all(&serde_json::to_vec(&task).expect("a task")).expect("it listens");
    drop(asks);
    let output = asker.wait_with_output().expect("its end");
    let seen: Seen = serde_json::from_slice(&output.stdout).expect("its figures");

    let late = seen.late_us.iter().map(|late| Duration::from_micros(*late)).collect();
    println!(
        "hostile: {HOSTILE} hostile bidders and an honest one, deadline {DEADLINE_MS} ms, {auctions} auctions: overshoot {}; the honest \
         bid won {} times",
        percentiles(late),
        seen.won
    );
    match (seen.before_kb, seen.peak_kb) {
        (Some(before), Some(peak)) => {
            println!(
                "hostile: peak memory of the asking process: {peak} kB, {before} kB before the first auction"
            );
        }
        _ => println!("hostile: this system does not tell a process's peak memory"),
    }
    let most = crowd.iter().map(|bidder| bidder.written() / (auctions + WARM_UP) as u64).max().unwrap_or(0);
    println!("hostile: no bidder could write more than {most} bytes an auction");
}
