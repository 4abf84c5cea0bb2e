//! No number is shown to two visitors at once: thousands of browsers, eight processes whose clocks differ by three seconds,
//! some of them killed at any moment. `SESSIONS` makes it long: `make soak`.
//!
//! What is checked is what browsers *display*, by the script's own rules (`web/dni/PROTOCOL.md`): until a second before the
//! lease's end; from the back-forward cache and in a second tab by the stored lease; for twenty seconds after a page gave its
//! number back. A call that lasts keeps its number, too.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use app::ports::{Leases, PoolPlace};
use domain::dni::lease::Attribution;
use domain::dni::question::Shown;
use domain::ids::{CallId, VisitId};
use domain::phone::E164;
use domain::pool::NUMBERS_PER_SHARD;
use futures::future::join_all;
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use store::Store;
use testkit::database::TestDatabase;
use tokio::sync::Semaphore;

use crate::processes::{Process, SPEED, Settings, at, for_seconds, seconds_since};
use crate::world::{number, pool_id, tenant};

/// Questions under way at the same time.
const IN_FLIGHT: usize = 200;
/// How far a process's clock may be from the true one, seconds.
const SKEW_S: f64 = 1.5;
/// The script counts a lease as ended so many seconds early.
const EARLY_S: f64 = 1.0;
/// For so long a page that comes back shows what it gave back.
const AFTER_RELEASE_S: f64 = 20.0;

struct Storm {
    processes: Vec<Process>,
    store: Store,
    shards: u16,
    began_ms: f64,
    in_flight: Semaphore,
    /// Number, session, from, until: seconds of the fast clock.
    displayed: Mutex<Vec<(E164, usize, f64, f64)>>,
    /// Numbers that were free although somebody was told that none is.
    free: Mutex<Vec<Told>>,
    /// Numbers that somebody was given.
    given: Mutex<Vec<Told>>,
    counts: Counts,
}

#[derive(Default, Debug)]
struct Counts {
    answered: AtomicUsize,
    unanswered: AtomicUsize,
    renewed: AtomicUsize,
    changed: AtomicUsize,
    released: AtomicUsize,
    overflowed: AtomicUsize,
    calls: AtomicUsize,
    kills: AtomicUsize,
}

fn count(counter: &AtomicUsize) {
    counter.fetch_add(1, Ordering::Relaxed);
}

/// Somebody was told something of a number, by a question that was under way in this time.
#[derive(Debug)]
struct Told {
    number: E164,
    sent: f64,
    answered: f64,
}

impl Told {
    /// A process gives each of its free numbers to one question, and the table may take its time to write that down: then
    /// this number went to a question that was under way at the same time. Or the process that had it in hand was killed.
    fn was_under_way(&self, given: &[Told], killed: &[f64]) -> bool {
        let overlaps = |other: &Told| other.sent <= self.answered && other.answered >= self.sent;
        given.iter().any(|other| other.number == self.number && overlaps(other))
            || killed.iter().any(|at| (self.sent..=self.answered).contains(at))
    }
}

/// What a browser has stored.
#[derive(Clone)]
struct Kept {
    visit: VisitId,
    lease: String,
    number: E164,
    /// When its lease counts as ended.
    ends: f64,
}

impl Storm {
    fn now(&self) -> f64 {
        seconds_since(self.began_ms)
    }

    async fn wait(&self, seconds: f64) {
        tokio::time::sleep(for_seconds(seconds)).await;
    }

    fn display(&self, session: usize, kept: &Kept, from: f64, until: f64) {
        let until = until.min(kept.ends);
        if from < until {
            self.displayed.lock().unwrap().push((kept.number.clone(), session, from, until));
        }
    }

    async fn ask(&self, chance: &mut StdRng, kept: Option<&Kept>) -> Option<Kept> {
        let process = &self.processes[chance.random_range(0..self.processes.len())];
        let permit = self.in_flight.acquire().await.unwrap();
        let sent = self.now();
        let (visit, lease) = kept.map_or((None, None), |kept| (Some(kept.visit), Some(kept.lease.clone())));
        let shown = process.ask(visit, lease).await;
        drop(permit);
        let Some(shown) = shown else {
            count(&self.counts.unanswered);
            return None;
        };
        count(&self.counts.answered);
        let Shown { visit, lease: Some(lease), number: Some(number), ttl_ms, .. } = shown else {
            count(&self.counts.overflowed);
            self.nothing_was_free(sent).await;
            return None;
        };
        let given = Told { number: number.clone(), sent, answered: self.now() };
        self.given.lock().unwrap().push(given);
        Some(Kept { visit, lease, number, ends: sent + ttl_ms as f64 / 1_000.0 - EARLY_S })
    }

    /// A number that is free now and was so before the question was sent was free all the time: somebody should have got it.
    /// Whether somebody did shows at the end: see [`Told::was_under_way`].
    async fn nothing_was_free(&self, sent: f64) {
        let answered = self.now();
        let before = at(sent - 2.0 * SKEW_S);
        let rows = self.store.numbers(tenant(), pool_id(), self.shards).await.unwrap();
        let free = rows.into_iter().filter(|row| row.calls.is_empty() && row.free_after < before);
        self.free.lock().unwrap().extend(free.map(|row| Told { number: row.number, sent, answered }));
    }

    /// A browser session from its first page to its last.
    async fn session(&self, session: usize, seed: u64) {
        let mut chance = StdRng::seed_from_u64(seed);
        let mut kept = match self.ask(&mut chance, None).await {
            Some(kept) => kept,
            None => {
                self.wait(5.0).await;
                let Some(kept) = self.ask(&mut chance, None).await else { return };
                kept
            }
        };
        // Until when another tab shows what it was given: meanwhile no page gives the number back.
        let mut other_tab = 0.0_f64;
        for _ in 0..chance.random_range(1..=4_u32) {
            let from = self.now();
            let stays = chance.random_range(1.0..45.0);
            match chance.random_range(0..10_u32) {
                // Reads on, until the next question.
                0..=3 => {
                    self.wait(stays).await;
                    self.display(session, &kept, from, self.now());
                    match self.ask(&mut chance, Some(&kept)).await {
                        Some(next) => {
                            count(if next.number == kept.number {
                                &self.counts.renewed
                            } else {
                                &self.counts.changed
                            });
                            kept = next;
                        }
                        None => {
                            // What it has it shows to its end.
                            self.display(session, &kept, from, kept.ends);
                            return;
                        }
                    }
                }
                // Into the back-forward cache and out again: no question.
                4..=5 => {
                    self.wait(stays / 3.0).await;
                    self.display(session, &kept, from, self.now());
                    self.wait(stays).await;
                }
                // Two tabs: one is read to the lease's end while the other one asks.
                6 => {
                    self.display(session, &kept, from, kept.ends);
                    other_tab = other_tab.max(kept.ends);
                    self.wait(stays / 2.0).await;
                    if let Some(next) = self.ask(&mut chance, Some(&kept)).await {
                        kept = next;
                    }
                }
                // Taps the number and talks.
                7 => {
                    self.wait(stays / 2.0).await;
                    if self.now() < kept.ends {
                        self.call(session, &kept, chance.random_range(5.0..120.0)).await;
                    }
                }
                // Goes away, with a beacon; half of them come back by the browser's button.
                8 => {
                    self.wait(stays).await;
                    let left = self.now();
                    self.display(session, &kept, from, left);
                    let process = &self.processes[chance.random_range(0..self.processes.len())];
                    if other_tab <= left {
                        process.release(kept.lease.clone()).await;
                        count(&self.counts.released);
                        kept.ends = kept.ends.min(left + AFTER_RELEASE_S);
                    }
                    if chance.random_bool(0.5) {
                        return;
                    }
                    self.wait(chance.random_range(0.5..5.0)).await;
                    let back = self.now();
                    let Some(next) = self.ask(&mut chance, Some(&kept)).await else {
                        self.display(session, &kept, back, kept.ends);
                        return;
                    };
                    self.display(session, &kept, back, self.now());
                    kept = next;
                }
                // Goes away without a word, and comes back much later.
                _ => {
                    self.display(session, &kept, from, kept.ends);
                    self.wait(chance.random_range(60.0..150.0)).await;
                    let Some(next) = self.ask(&mut chance, Some(&kept)).await else { return };
                    kept = next;
                }
            }
        }
        // The last page stays open, and its lease runs out.
        self.display(session, &kept, self.now(), kept.ends);
    }

    /// A call to the number that is displayed is this visitor's, and keeps the number until it ends.
    async fn call(&self, session: usize, kept: &Kept, lasts: f64) {
        count(&self.counts.calls);
        let place = self.place(&kept.number);
        let from = self.now();
        let id = self.counts.calls.load(Ordering::Relaxed) * 100_000 + session;
        let call: CallId = format!("RGB{id:032x}").parse().unwrap();
        let row = self.store.ring(tenant(), &place, call, at(from + 14_400.0)).await.unwrap().unwrap();
        let (holder, how) = row.holder(at(from));
        assert_eq!(holder.map(|lease| lease.visit), Some(kept.visit), "{how:?} {row:?} at {}", at(from));
        assert_ne!(how, Attribution::Nobody);
        self.wait(lasts).await;
        let ended = self.now();
        self.displayed.lock().unwrap().push((kept.number.clone(), session, from, ended));
        self.store.hang_up(tenant(), &place, call, at(ended)).await.unwrap();
    }

    fn place(&self, number: &E164) -> PoolPlace {
        let index: u16 =
            number.as_str()[5..].parse::<u32>().unwrap().wrapping_sub(2_000_000).try_into().unwrap();
        PoolPlace { pool: pool_id(), shard: index % self.shards, number: number.clone() }
    }
}

/// What was displayed to two sessions at the same time.
fn shared(mut displayed: Vec<(E164, usize, f64, f64)>) -> Vec<String> {
    displayed.sort_by(|one, other| one.2.total_cmp(&other.2));
    let mut until: BTreeMap<E164, (usize, f64)> = BTreeMap::new();
    let mut shared = Vec::new();
    for (number, session, from, to) in displayed {
        match until.get_mut(&number) {
            Some((holder, ends)) if *holder == session => *ends = ends.max(to),
            Some((holder, ends)) if from < *ends => {
                shared.push(format!("{number:?}: {holder} until {ends:.2}, {session} from {from:.2}"));
            }
            _ => {
                until.insert(number, (session, to));
            }
        }
    }
    shared
}

struct Size {
    processes: usize,
    numbers: u32,
    sessions: usize,
    /// Seconds of the fast clock in which they arrive.
    within_s: f64,
    kills: usize,
}

async fn storm(size: Size, seed: u64) {
    let database = TestDatabase::start().await.unwrap();
    let shards = u16::try_from((size.numbers as usize).div_ceil(NUMBERS_PER_SHARD)).unwrap();
    let store = database.store();
    for index in 0..size.numbers {
        let shard = u16::try_from(index).unwrap() % shards;
        let place = PoolPlace { pool: pool_id(), shard, number: number(index) };
        database.pool_row(tenant(), &place).await.unwrap();
    }
    let now = seconds_since(0.0) / SPEED * 1_000.0;
    let mut chance = StdRng::seed_from_u64(seed);
    let settings = |index: usize| Settings {
        database: database.endpoint(),
        shards,
        began_ms: now,
        // Every process has one of three clocks.
        skew_s: [-SKEW_S, 0.0, SKEW_S][index % 3],
    };
    let storm = Arc::new(Storm {
        processes: (0..size.processes).map(|index| Process::start(settings(index))).collect(),
        store,
        shards,
        began_ms: now,
        in_flight: Semaphore::new(IN_FLIGHT),
        displayed: Mutex::default(),
        free: Mutex::default(),
        given: Mutex::default(),
        counts: Counts::default(),
    });
    let sessions = (0..size.sessions).map(|session| {
        let (storm, arrives, seed) =
            (storm.clone(), chance.random_range(0.0..size.within_s), chance.random());
        tokio::spawn(async move {
            storm.wait(arrives).await;
            storm.session(session, seed).await;
        })
    });
    let sessions: Vec<_> = sessions.collect();
    let mut killed = Vec::new();
    for _ in 0..size.kills {
        storm.wait(size.within_s / (size.kills as f64 + 1.0)).await;
        storm.processes[chance.random_range(0..storm.processes.len())].kill().await;
        killed.push(storm.now());
        count(&storm.counts.kills);
    }
    for session in join_all(sessions).await {
        session.unwrap();
    }
    let displayed = std::mem::take(&mut *storm.displayed.lock().unwrap());
    let took = storm.now() / SPEED;
    eprintln!("{} displays in {took:.0} s: {:?}", displayed.len(), storm.counts);
    assert!(displayed.len() >= size.sessions / 2, "too little was seen to prove anything");
    let (free, given) = (storm.free.lock().unwrap(), storm.given.lock().unwrap());
    eprintln!("{} free numbers were on their way to somebody when others were told that none is", free.len());
    let left: Vec<&Told> = free.iter().filter(|told| !told.was_under_way(&given, &killed)).collect();
    assert!(left.is_empty(), "{} times nobody got a number that was free: {left:?}", left.len());
    let shared = shared(displayed);
    assert!(shared.is_empty(), "{} numbers were shown to two: {shared:#?}", shared.len());
    let overflowed = storm.counts.overflowed.load(Ordering::Relaxed);
    assert!(overflowed > 0, "the pool was never empty: nothing was learnt about that");
}

#[tokio::test(flavor = "multi_thread")]
async fn no_number_is_shown_to_two_visitors_whatever_clocks_and_processes_do() {
    match crate::world::told("SESSIONS") {
        None => storm(Size { processes: 4, numbers: 60, sessions: 240, within_s: 160.0, kills: 3 }, 6).await,
        Some(sessions) => {
            let sessions = sessions.parse().unwrap();
            for (numbers, seed) in [(500, 61), (2_000, 62)] {
                // As many as the pool can just not take, but no more than the machine can.
                let sessions_f = f64::from(u32::try_from(sessions).unwrap());
                let within_s = (sessions_f / f64::from(numbers) * 130.0).max(sessions_f / 60.0 * SPEED);
                storm(Size { processes: 8, numbers, sessions, within_s, kills: 40 }, seed).await;
            }
        }
    }
}
