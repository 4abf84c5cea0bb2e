//! Limits hold across processes that share nothing but the table: how often a bidder is asked in a minute, an hour and a
//! day, and how many pings of a publisher are answered.
//!
//! `ASKS` makes it long: `make soak`.

use std::process::Stdio;

use app::ports::{Counters, InboundBids, IssuedAddress};
use domain::ids::{CallId, RtbTargetId};
use domain::inbound::RtbAddress;
use domain::rtb_target::RtbTarget;
use domain::snapshot::Parts;
use futures::future::join_all;
use futures::stream::{self, StreamExt};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use testkit::fakes::some_entry;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStderr, ChildStdin, Command};
use uuid::Uuid;

use crate::bids;
use crate::world::{NUMBER_ID, World};

const PROCESSES: usize = 8;
/// Requests under way at the same time in each process.
const AT_ONCE: usize = 3;
/// What the bidders and the campaign allow.
const PER_MINUTE: u32 = 20;
const PER_HOUR: u32 = 45;
const PER_DAY: u32 = 60;
const PINGS_PER_MINUTE: u32 = 20;

const DATABASE: &str = "LIMITS_DATABASE";
const PROCESS: &str = "LIMITS_PROCESS";
/// Begins the line with which a process answers.
const ANSWER: &str = "admitted ";

/// What a process is told to do, so many seconds after the clock began.
#[derive(Serialize, Deserialize)]
struct Order {
    at: u64,
    auctions: u32,
    pings: u32,
}

/// How often it did what is limited.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Admitted {
    /// Requests to the bidder that limits them in a minute only.
    by_minute: u32,
    /// Requests to the one that limits them in every span.
    by_all: u32,
    /// Pings that were answered with a bid.
    pings: u32,
}

fn sum(of: &[Admitted]) -> Admitted {
    of.iter().fold(Admitted::default(), |sum, one| Admitted {
        by_minute: sum.by_minute + one.by_minute,
        by_all: sum.by_all + one.by_all,
        pings: sum.pings + one.pings,
    })
}

/// A process of this program.
struct Process {
    _child: Child,
    orders: ChildStdin,
    answers: Lines<BufReader<ChildStderr>>,
}

impl Process {
    fn start(number: usize, database: &str) -> Self {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "processes::one_process_of_many", "--ignored", "--nocapture"])
            .env(DATABASE, database)
            .env(PROCESS, number.to_string())
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let orders = child.stdin.take().unwrap();
        let answers = BufReader::new(child.stderr.take().unwrap()).lines();
        Self { _child: child, orders, answers }
    }

    async fn carry_out(&mut self, order: Order) -> Admitted {
        let mut order = serde_json::to_string(&order).unwrap();
        order.push('\n');
        self.orders.write_all(order.as_bytes()).await.unwrap();
        let mut said = Vec::new();
        while let Some(line) = self.answers.next_line().await.unwrap() {
            if let Some(answer) = line.strip_prefix(ANSWER) {
                return serde_json::from_str(answer).unwrap();
            }
            said.push(line);
        }
        panic!("the process ended: {said:#?}");
    }

    /// Asks one after the other until the bidder with every limit is not asked any more.
    async fn fill(&mut self, at: u64) -> Admitted {
        let mut all = Vec::new();
        loop {
            let one = self.carry_out(Order { at, auctions: 1, pings: 0 }).await;
            all.push(one);
            if one.by_all == 0 {
                return sum(&all);
            }
        }
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "the parent process and whoever runs a test say so by the environment"
)]
fn told(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

fn bidder(number: u128, path: &str, limits: Value) -> (RtbTargetId, RtbTarget) {
    let body = json!({
        "name": path, "url": format!("https://bidder.example.com/{path}"), "body": "{}", "timeout_ms": 5_000,
        "answer": {"acceptance": ["$.accepted"], "amount": ["$.bidAmount"], "destination": ["$.phoneNumber"]},
        "rate_limits": limits,
    });
    (RtbTargetId::from_uuid(Uuid::from_u128(400 + number)), serde_json::from_value(body).unwrap())
}

/// A campaign that nothing limits but its bidders' limits and that of its pings.
async fn world() -> World {
    let every = json!({"per_minute": PER_MINUTE, "per_hour": PER_HOUR, "per_day": PER_DAY});
    let bidders = [bidder(1, "minute/40", json!({"per_minute": PER_MINUTE})), bidder(2, "all/30", every)];
    let entries: Vec<Value> = bidders.iter().map(|(id, _)| json!({"rtb_target": id})).collect();
    let publisher = domain::ids::PublisherId::from_uuid(Uuid::from_u128(8));
    let campaign = json!({
        "auction": {"bidders": entries, "deadline_ms": 3_500},
        "caps": {}, "publishers": {publisher.to_string(): {}},
        "rtb": {"base_bid": 10_000_000, "pays_on": "connected", "numbers": [NUMBER_ID],
            "rate_limit": {"max_requests": PINGS_PER_MINUTE, "per": "minute"}},
    });
    let world = World::with_parts(campaign, Parts { rtb_targets: bidders.into(), ..Parts::default() }).await;
    world.store.set_limits(world.tenant, &publisher.into(), None).await.unwrap();
    let (tenant, campaign) = (world.tenant, world.campaign);
    let address = RtbAddress { tenant, campaign, publisher };
    let new = IssuedAddress { rtb_id: bids::rtb_id(publisher), publisher, issued_at: world.now() };
    assert!(world.store.issue(&address, &new, None, &some_entry(tenant, world.now())).await.unwrap());
    world
}

#[tokio::test(flavor = "multi_thread")]
async fn eight_processes_admit_exactly_what_is_allowed_also_across_the_turn_of_the_minute() {
    let asks: u32 = told("ASKS").map_or(6, |asks| asks.parse().unwrap());
    let world = world().await;
    let mut processes: Vec<Process> =
        (1..=PROCESSES).map(|number| Process::start(number, &world.endpoint())).collect();
    let all_at_once = async |processes: &mut Vec<Process>, at: [u64; 2]| {
        let orders = processes.iter_mut().enumerate().map(|(number, process)| {
            process.carry_out(Order { at: at[number % 2], auctions: asks, pings: asks })
        });
        sum(&join_all(orders).await)
    };

    let first = all_at_once(&mut processes, [10, 10]).await;
    assert_eq!((first.by_minute, first.pings), (PER_MINUTE, PINGS_PER_MINUTE), "{first:?}");
    assert!(first.by_all <= PER_MINUTE, "{first:?}");
    // What many asked for at once and gave back again is there for the next one.
    let left = processes[0].fill(11).await;
    assert_eq!((left.by_minute, first.by_all + left.by_all), (0, PER_MINUTE), "{first:?} {left:?}");

    // One half still lives in the second minute, the other already in the third.
    let second = all_at_once(&mut processes, [119, 120]).await;
    assert_eq!((second.by_minute, second.pings), (2 * PER_MINUTE, 2 * PINGS_PER_MINUTE), "{second:?}");
    let left = [processes[0].fill(119).await, processes[1].fill(121).await];
    assert_eq!(sum(&left).by_minute, 0);
    assert_eq!(
        second.by_all + sum(&left).by_all,
        PER_HOUR - PER_MINUTE,
        "the hour is full: {second:?} {left:?}"
    );

    let third = all_at_once(&mut processes, [3_600, 3_660]).await;
    assert_eq!((third.by_minute, third.pings), (2 * PER_MINUTE, 2 * PINGS_PER_MINUTE), "{third:?}");
    let left = [processes[0].fill(3_600).await, processes[1].fill(3_660).await];
    assert_eq!(third.by_all + sum(&left).by_all, PER_DAY - PER_HOUR, "the day is full: {third:?} {left:?}");
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "run by eight_processes_admit_exactly_what_is_allowed_…, as one of its processes"]
async fn one_process_of_many() {
    let (Some(database), Some(process)) = (told(DATABASE), told(PROCESS)) else { return };
    let process: u32 = process.parse().unwrap();
    let world = World::joined(&database, process.into());
    let mut calls = process * 100_000..;
    for line in std::io::stdin().lines() {
        let Order { at, auctions, pings } = serde_json::from_str(&line.unwrap()).unwrap();
        world.clock.set(at);
        let of_auctions: Vec<u32> = calls.by_ref().take(auctions as usize).collect();
        let of_pings: Vec<u32> = calls.by_ref().take(pings as usize).collect();
        let before = asked(&world);
        let auctions = stream::iter(of_auctions).for_each_concurrent(AT_ONCE, |call| auction(&world, call));
        let pings = stream::iter(of_pings).map(|call| is_bid_on(&world, call)).buffer_unordered(AT_ONCE);
        let ((), pings) = futures::join!(auctions, pings.filter(|bid| std::future::ready(*bid)).count());
        let after = asked(&world);
        let admitted = Admitted {
            by_minute: after.by_minute - before.by_minute,
            by_all: after.by_all - before.by_all,
            pings: u32::try_from(pings).unwrap(),
        };
        eprintln!("{ANSWER}{}", serde_json::to_string(&admitted).unwrap());
    }
}

fn caller(number: u32) -> String {
    format!("+1415{:07}", 2_000_000 + number)
}

async fn auction(world: &World, number: u32) {
    let call: CallId = format!("RGB{number:032x}").parse().unwrap();
    world.incoming_from(call, &caller(number)).await;
    world.auction(call, 1).await;
}

async fn is_bid_on(world: &World, number: u32) -> bool {
    let query = format!("CID={}", caller(number).trim_start_matches('+'));
    let request = bids::request("production", world.publisher, &query);
    let answer = rtb_inbound::handle(bids::function(world), request).await;
    let answer: Value = serde_json::from_slice(&answer.body).unwrap();
    let is_bid = answer["bidAmount"] == 10;
    assert!(is_bid || answer["rejectReason"] == "Rate-limited (Code: 1024)", "{answer}");
    is_bid
}

fn asked(world: &World) -> Admitted {
    let asked = world.asked.lock().unwrap();
    let of = |path: &str| {
        u32::try_from(asked.iter().filter(|request| request.url.contains(path)).count()).unwrap()
    };
    Admitted { by_minute: of("/minute/"), by_all: of("/all/"), pings: 0 }
}
