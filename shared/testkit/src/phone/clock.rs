//! Virtual time for one call.
//!
//! A call's clock starts at the real time and then moves in two ways only: it jumps over waits that are simulated
//! (ringing, talking, speaking a text), and it runs at the real pace while a webhook request is on its way.
//! A conversation of 95 seconds therefore takes no time, and still everything that reads the clock sees 95 seconds.
//!
//! The call is one future. Whenever that future waits for nothing but simulated time, [`Clock::quiet`] resolves, and
//! whoever drives the call may jump to the next moment somebody waits for. Requests hold a [`Busy`] while they are
//! under way, which is what keeps the clock from jumping ahead of an answer.

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};
use tokio::sync::Notify;

use super::locked;

/// The clock of one call. Cheap to copy; copies show the same time.
#[derive(Debug, Clone)]
pub(super) struct Clock {
    started: Timestamp,
    state: Arc<Mutex<State>>,
    changed: Arc<Notify>,
}

#[derive(Debug, Default)]
struct State {
    passed: Duration,
    running_since: Option<Instant>,
    requests: u32,
    sleepers: BTreeMap<(Duration, u64), Waker>,
    next_sleeper: u64,
}

impl State {
    fn now(&self) -> Duration {
        self.passed + self.running_since.map_or(Duration::ZERO, |since| since.elapsed())
    }
}

/// While one of these lives, a request is under way and the clock runs at the real pace.
#[derive(Debug)]
pub(super) struct Busy(Clock);

impl Drop for Busy {
    fn drop(&mut self) {
        let mut state = locked(&self.0.state);
        state.requests = state.requests.saturating_sub(1);
        if state.requests == 0 {
            state.passed = state.now();
            state.running_since = None;
        }
        drop(state);
        self.0.changed.notify_one();
    }
}

impl Clock {
    #[expect(clippy::disallowed_methods, reason = "this is a clock: virtual time starts at the real one")]
    pub(super) fn start() -> Self {
        Self { started: Timestamp::now(), state: Arc::default(), changed: Arc::default() }
    }

    /// Time since the call was placed.
    pub(super) fn now(&self) -> Duration {
        locked(&self.state).now()
    }

    /// When the call was placed.
    pub(super) fn started(&self) -> Timestamp {
        self.started
    }

    /// The moment `offset` after the call was placed.
    pub(super) fn moment(&self, offset: Duration) -> Timestamp {
        SignedDuration::try_from(offset)
            .ok()
            .and_then(|offset| self.started.checked_add(offset).ok())
            .unwrap_or(self.started)
    }

    /// Says that a request is under way.
    pub(super) fn busy(&self) -> Busy {
        let mut state = locked(&self.state);
        if state.requests == 0 {
            state.running_since = Some(Instant::now());
        }
        state.requests += 1;
        Busy(self.clone())
    }

    /// Waits for a moment of virtual time.
    pub(super) fn sleep_until(&self, moment: Duration) -> Sleep {
        Sleep { clock: self.clone(), moment, number: None }
    }

    /// Waits for a stretch of virtual time.
    pub(super) fn sleep(&self, stretch: Duration) -> Sleep {
        self.sleep_until(self.now().saturating_add(stretch))
    }

    /// Resolves once no request is under way; meanwhile wakes sleepers whose moment comes while the clock runs.
    pub(super) async fn quiet(&self) {
        let mut settled = false;
        loop {
            let (requests, next) = {
                let state = locked(&self.state);
                let next = state.sleepers.first_key_value().map(|((moment, _), _)| *moment);
                (state.requests, next.map(|moment| moment.saturating_sub(state.now())))
            };
            if requests == 0 {
                if settled {
                    return;
                }
                // A turn for everything woken but not yet polled, before anybody concludes that nothing is left.
                tokio::task::yield_now().await;
                settled = true;
                continue;
            }
            settled = false;
            match next {
                None => self.changed.notified().await,
                Some(wait) => {
                    tokio::select! {
                        () = self.changed.notified() => {}
                        () = tokio::time::sleep(wait) => self.wake_due(),
                    }
                }
            }
        }
    }

    /// How far away the next moment is that somebody waits for.
    pub(super) fn until_next(&self) -> Option<Duration> {
        let state = locked(&self.state);
        state.sleepers.first_key_value().map(|((moment, _), _)| moment.saturating_sub(state.now()))
    }

    /// Jumps to the next moment somebody waits for, unless a request has begun meanwhile.
    pub(super) fn jump(&self) {
        let mut state = locked(&self.state);
        if state.requests > 0 {
            return;
        }
        if let Some(((moment, _), _)) = state.sleepers.first_key_value() {
            state.passed = state.passed.max(*moment);
        }
        drop(state);
        self.wake_due();
    }

    fn wake_due(&self) {
        let mut state = locked(&self.state);
        let now = state.now();
        while let Some(entry) = state.sleepers.first_entry() {
            if entry.key().0 > now {
                break;
            }
            entry.remove().wake();
        }
    }
}

/// A wait in virtual time.
#[derive(Debug)]
pub(super) struct Sleep {
    clock: Clock,
    moment: Duration,
    number: Option<u64>,
}

impl Future for Sleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let clock = self.clock.clone();
        let mut state = locked(&clock.state);
        if state.now() >= self.moment {
            if let Some(number) = self.number.take() {
                state.sleepers.remove(&(self.moment, number));
            }
            return Poll::Ready(());
        }
        let number = *self.number.get_or_insert_with(|| {
            state.next_sleeper += 1;
            state.next_sleeper
        });
        state.sleepers.insert((self.moment, number), context.waker().clone());
        Poll::Pending
    }
}

impl Drop for Sleep {
    fn drop(&mut self) {
        if let Some(number) = self.number {
            locked(&self.clock.state).sleepers.remove(&(self.moment, number));
        }
    }
}
