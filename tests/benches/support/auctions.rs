//! Auctions over loopback, through the real outbound client: what the benchmarks about them share.

use std::sync::Arc;
use std::time::Duration;

use app::clock::SystemClock;
use app::place::StepAnswer;
use app::run_auction::RunAuction;
use domain::call::CallStatus;
use domain::phone::Destination;
use domain::voice::{Reply, Verb};
use outbound::Outbound;
use serde_json::Value;
use testkit::bidders::{BidderSimulator, RunningBidders, Scenario};
use tokio::runtime::{Builder, Runtime};

use crate::support::{self, Memory};

/// Honest bids go here, the best one to the first.
const BEST: &str = "+12025550110";

/// Bidders on a thread of their own.
pub struct Bidders {
    /// Where they are, and what they were asked.
    pub running: RunningBidders,
    _runtime: Runtime,
}

impl Bidders {
    pub fn start() -> Self {
        let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("a runtime");
        let running = runtime.block_on(async { BidderSimulator::new().start().await }).expect("a free port");
        Self { running, _runtime: runtime }
    }

    /// `count` honest bidders that answer at once, the first with the best bid.
    pub fn honest(&self, count: usize) -> Vec<Value> {
        self.honest_after(count, Duration::ZERO)
    }

    /// `count` honest bidders, each a little slower than the one before, the last one after `slowest`.
    pub fn honest_after(&self, count: usize, slowest: Duration) -> Vec<Value> {
        let url = |index: usize| {
            let delay = slowest.as_millis() * (index as u128 + 1) / count as u128;
            let wishes =
                format!("amount={}.50&number=%2B12025550{}&delay_ms={delay}", 20 - index, 110 + index);
            self.running.url_with(Scenario::Accept, &wishes)
        };
        (0..count).map(|index| support::bidder(&format!("Honest {index}"), &url(index))).collect()
    }

    pub fn hostile(&self, scenario: Scenario) -> Value {
        support::bidder(scenario.as_str(), &self.running.url(scenario))
    }
}

/// One process's way to run auctions of one campaign.
pub struct Auctions {
    use_case: RunAuction,
    memory: Arc<Memory>,
    /// When an auction ends at the latest.
    pub deadline: Duration,
}

impl Auctions {
    pub fn new(deadline_ms: u32, bidders: Vec<Value>, outbound: &Outbound) -> Arc<Self> {
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
        Arc::new(Self { use_case, memory, deadline: Duration::from_millis(u64::from(deadline_ms)) })
    }

    pub async fn run(&self) -> Reply {
        let call = &self.memory.call;
        let answer = self.use_case.run(call.tenant, call.id, &call.account_sid, 1, CallStatus::Ringing).await;
        match answer.expect("an auction") {
            StepAnswer::Reply(reply) => reply,
            other => unreachable!("the call is known: {other:?}"),
        }
    }
}

pub fn best_won(reply: &Reply) -> bool {
    reply.verbs.iter().any(|verb| {
        let Verb::Dial(dial) = verb else { return false };
        dial.nouns
            .iter()
            .any(|noun| matches!(&noun.destination, Destination::Number(to) if to.as_str() == BEST))
    })
}

/// CPU time of this thread so far, where the system tells it.
pub fn cpu_time() -> Option<Duration> {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    text.split_whitespace().next()?.parse().ok().map(Duration::from_nanos)
}

/// Half of the measurements are not above the first, 99 % not above the second, none above the third.
pub fn percentiles(mut measured: Vec<Duration>) -> String {
    measured.sort_unstable();
    let at = |percent: usize| measured[(measured.len() - 1) * percent / 100];
    let ms = |value: Duration| format!("{}.{:03} ms", value.as_millis(), value.subsec_micros() % 1_000);
    format!("p50 {}, p99 {}, max {}", ms(at(50)), ms(at(99)), ms(at(100)))
}
