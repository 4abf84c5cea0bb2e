//! Processes of this program that answer lookups, each with a clock of its own that runs fast and is wrong by a little.

use std::collections::HashMap;
use std::process::Stdio;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use app::clock::Clock;
use app::lease_number::{LeaseNumber, Memory, Visitor};
use domain::dni::question::Shown;
use domain::ids::VisitId;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::json;
use testkit::database::TestDatabase;
use testkit::fakes::{FakeVisits, test_vault};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::process::{Child, Command};
use tokio::sync::{mpsc, oneshot};
use uuid::Uuid;

use crate::world::{BEGIN, NoTags, question, setup};

const SETTINGS: &str = "DNI_PROCESS";
/// Begins the line of an answer.
const ANSWER: &str = "answer ";
/// How much faster than the world's the clocks are. What is remembered for a second of the world's is then remembered for this
/// many seconds: shorter than any number rests.
pub const SPEED: f64 = 20.0;
/// Shortest allowed, so that much happens.
pub const IDLE_S: u32 = 60;
pub const DELAY_S: u32 = 30;

/// How a process is set up.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Settings {
    pub database: String,
    pub shards: u16,
    /// When the world's clock began, milliseconds since 1970.
    pub began_ms: f64,
    /// How far its clock is ahead of the others', seconds.
    pub skew_s: f64,
}

#[derive(Serialize, Deserialize)]
enum Order {
    Ask { visit: Option<VisitId>, lease: Option<String> },
    Release { lease: String },
}

/// Seconds of the fast clock since it began.
pub fn seconds_since(began_ms: f64) -> f64 {
    #[expect(
        clippy::disallowed_methods,
        reason = "the machine's clock is the one thing that the processes share"
    )]
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs_f64() * 1_000.0;
    (now - began_ms) / 1_000.0 * SPEED
}

/// A moment of the fast clock.
pub fn at(seconds: f64) -> Timestamp {
    let began: Timestamp = BEGIN.parse().unwrap();
    Timestamp::from_millisecond(began.as_millisecond() + (seconds * 1_000.0) as i64).unwrap()
}

/// So long for a while of the fast clock.
pub fn for_seconds(seconds: f64) -> Duration {
    Duration::from_secs_f64(seconds.max(0.0) / SPEED)
}

pub struct FastClock {
    pub began_ms: f64,
    pub skew_s: f64,
}

impl Clock for FastClock {
    fn now(&self) -> Timestamp {
        at(seconds_since(self.began_ms) + self.skew_s)
    }

    fn new_id(&self) -> Uuid {
        Uuid::now_v7()
    }
}

type Waiting = Arc<Mutex<HashMap<u64, oneshot::Sender<Option<Shown>>>>>;

/// A process that answers, until it is killed.
pub struct Process {
    settings: Settings,
    running: tokio::sync::Mutex<Running>,
}

struct Running {
    child: Child,
    orders: mpsc::UnboundedSender<String>,
    waiting: Waiting,
    asked: u64,
}

impl Running {
    fn start(settings: &Settings) -> Self {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "processes::one_process_of_many", "--ignored", "--nocapture"])
            .env(SETTINGS, serde_json::to_string(settings).unwrap())
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let mut input = child.stdin.take().unwrap();
        let (orders, mut ordered) = mpsc::unbounded_channel::<String>();
        tokio::spawn(async move {
            while let Some(order) = ordered.recv().await {
                if input.write_all(order.as_bytes()).await.is_err() {
                    return;
                }
            }
        });
        let mut answers = BufReader::new(child.stderr.take().unwrap()).lines();
        let waiting = Waiting::default();
        let answered = waiting.clone();
        tokio::spawn(async move {
            while let Ok(Some(line)) = answers.next_line().await {
                let Some((id, answer)) = line.strip_prefix(ANSWER).and_then(|line| line.split_once(' '))
                else {
                    continue;
                };
                let answer = serde_json::from_str(answer).unwrap();
                if let Some(to) = answered.lock().unwrap().remove(&id.parse().unwrap()) {
                    let _ = to.send(answer);
                }
            }
            // Nobody answers any more.
            answered.lock().unwrap().clear();
        });
        Self { child, orders, waiting, asked: 0 }
    }

    fn order(&mut self, order: &Order) -> oneshot::Receiver<Option<Shown>> {
        self.asked += 1;
        let (to, answer) = oneshot::channel();
        self.waiting.lock().unwrap().insert(self.asked, to);
        let line = format!("{} {}\n", self.asked, serde_json::to_string(order).unwrap());
        let _ = self.orders.send(line);
        answer
    }
}

impl Process {
    pub fn start(settings: Settings) -> Self {
        let running = tokio::sync::Mutex::new(Running::start(&settings));
        Self { settings, running }
    }

    /// Kills it in the middle of what it does, and starts another.
    pub async fn kill(&self) {
        let mut running = self.running.lock().await;
        running.child.kill().await.unwrap();
        *running = Running::start(&self.settings);
    }

    /// The answer to a question; `None`: the process was killed meanwhile.
    pub async fn ask(&self, visit: Option<VisitId>, lease: Option<String>) -> Option<Shown> {
        let answer = self.running.lock().await.order(&Order::Ask { visit, lease });
        answer.await.ok().flatten()
    }

    /// A beacon: nobody waits for it.
    pub async fn release(&self, lease: String) {
        drop(self.running.lock().await.order(&Order::Release { lease }));
    }
}

#[expect(clippy::disallowed_methods, reason = "the parent process says so by the environment")]
fn told() -> Option<Settings> {
    serde_json::from_str(&std::env::var(SETTINGS).ok()?).ok()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "run by the storm, as one of its processes"]
async fn one_process_of_many() {
    let Some(settings) = told() else { return };
    let store = Arc::new(TestDatabase::store_through(&settings.database));
    let lease_number = LeaseNumber {
        tags: Arc::new(NoTags),
        leases: store,
        visits: Arc::new(FakeVisits::default()),
        vault: test_vault(),
        clock: Arc::new(FastClock { began_ms: settings.began_ms, skew_s: settings.skew_s }),
        memory: Arc::new(Memory::default()),
        // The machine is busy: what is watched here is whose a number is, not how fast it comes.
        patience: Duration::from_secs(10),
    };
    let pool = json!({ "idle_limit_s": IDLE_S, "closed_browser_delay_s": DELAY_S });
    let setup = Arc::new(setup(settings.shards, &pool));
    let mut orders = BufReader::new(tokio::io::stdin()).lines();
    while let Ok(Some(line)) = orders.next_line().await {
        let (id, order) = line.split_once(' ').unwrap();
        let (id, order): (u64, Order) = (id.parse().unwrap(), serde_json::from_str(order).unwrap());
        let (lease_number, setup) = (lease_number.clone(), setup.clone());
        tokio::spawn(async move {
            let answer = match order {
                Order::Ask { visit, lease } => {
                    let question = question(visit, lease.as_deref());
                    Some(lease_number.answer(&setup, &question, Visitor::default()).await)
                }
                Order::Release { lease } => {
                    let _ = lease_number.release(&setup, &lease).await;
                    None
                }
            };
            eprintln!("{ANSWER}{id} {}", serde_json::to_string(&answer).unwrap());
        });
    }
}
