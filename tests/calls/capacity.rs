//! Caps hold exactly through the whole call path, whatever the table throws at it: on the destination, its buyer, the
//! publisher and the campaign at once.
//!
//! `CALLERS` and `PROPTEST_CASES` make it long, `PROPTEST_RNG_SEED` makes it another one: `make soak`.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use app::ports::{Answered, Calls, Counters, StepWrite, Written};
use domain::call::{Attempt, Call};
use domain::caps::{
    CapOwner, CapReached, Capped, Caps, Counted, CounterId, Expected, Limit, Measure, OpenWindows, Outcome,
    Price, Reservation, RevenueCaps, Usage, Window,
};
use domain::ids::{BuyerId, CallId, CampaignId, PublisherId, TargetId};
use domain::money::{Currency, Money};
use domain::routing::Decisions;
use domain::seed::Dice;
use domain::voice::Reply;
use futures::future::join_all;
use futures::stream::{self, StreamExt as _};
use jiff::{SignedDuration, Timestamp};
use testkit::faults::{Fault, FaultProxy, Rule};
use uuid::Uuid;

use crate::world::World;

fn call(number: u32) -> CallId {
    format!("RGB{number:032x}").parse().unwrap()
}

#[expect(clippy::disallowed_methods, reason = "how long a test is, is no setting of the product")]
fn asked(name: &str, otherwise: u32) -> u32 {
    std::env::var(name).map_or(otherwise, |text| text.parse().expect(name))
}

/// Something that is capped, by its own clock.
#[derive(Debug, Clone)]
struct Owner {
    owner: CapOwner,
    counter: CounterId,
    caps: Caps,
    time_zone: &'static str,
}

impl Owner {
    fn look(&self, usage: &Usage, now: Timestamp, price: Price) -> Result<Option<Limit>, CapReached> {
        let Self { owner, counter, caps, time_zone } = self.clone();
        let expected = Expected { price, currency: Currency::USD };
        Capped { owner, counter, caps: &caps, time_zone }.room(Some(usage), now, expected)
    }

    /// What a call takes, with the windows to remove, whether or not it seems to be full.
    fn limit(&self, row: &Usage, now: Timestamp, price: Price) -> Limit {
        // An empty row has room.
        let limit = self.look(&Usage::default(), now, price).unwrap().unwrap();
        Limit { outdated: row.outdated(&limit.open), ..limit }
    }
}

/// Four owners in four time zones with different caps, all of which a call needs.
fn owners(caps: [Caps; 4]) -> Vec<Owner> {
    let uuid = Uuid::from_u128;
    let [target, buyer, publisher, campaign] = caps;
    let owner = |owner, counter, caps, time_zone| Owner { owner, counter, caps, time_zone };
    vec![
        owner(CapOwner::Destination, TargetId::from_uuid(uuid(77)).into(), target, "America/New_York"),
        owner(CapOwner::Buyer, BuyerId::from_uuid(uuid(78)).into(), buyer, "Europe/Berlin"),
        owner(CapOwner::Publisher, PublisherId::from_uuid(uuid(79)).into(), publisher, "Australia/Lord_Howe"),
        owner(CapOwner::Campaign, CampaignId::from_uuid(uuid(80)).into(), campaign, "UTC"),
    ]
}

/// A step that dials in a new call, made after a real one.
struct Template {
    call: Call,
    attempt: Attempt,
}

impl Template {
    async fn of(world: &World) -> Self {
        world.incoming(call(0)).await;
        let record = world.record(call(0)).await;
        Self { call: record.call.as_ref().clone(), attempt: record.attempts[0].clone() }
    }

    /// Step `step` of call `number`, which dials and takes these limits.
    fn dialling(&self, number: u32, step: u16, limits: Vec<Limit>, now: Timestamp) -> StepWrite {
        let reservation = Some(Reservation::of(&limits));
        StepWrite {
            call: Arc::new(Call { id: call(number), ..self.call.clone() }),
            begins: step == 0,
            caller: None,
            number: step,
            started_by: None,
            answered: Answered {
                reply: Reply::hangup(),
                decisions: Decisions::default(),
                at: now,
                recovers: false,
            },
            attempts: vec![Attempt { number: step, reservation, ..self.attempt.clone() }],
            joints: Vec::new(),
            limits,
            gives_back: Vec::new(),
            auction: None,
            due_at: now,
        }
    }
}

/// Calls that ask at the same moment; more would wait in the embedded database's queue for longer than an answer may take.
const AT_ONCE: usize = 300;

/// As the next webhook or destination would: insists while a counter is busy.
async fn insist(world: &World, write: &StepWrite) -> Result<(), CapReached> {
    loop {
        match world.store.write_step(write).await.unwrap() {
            Written::Done => return Ok(()),
            Written::Full(full) => return Err(full),
            Written::Busy => {}
            Written::Over | Written::BidGone => panic!("no call was settled, and none came by a bid"),
            Written::Repeated(_) => panic!("nobody repeated anything"),
        }
    }
}

fn trouble(proxy: &FaultProxy) {
    proxy.inject(Rule::percent(20, Fault::TransactionConflict));
    proxy.inject(Rule::percent(20, Fault::TableThrottled).on("TransactWriteItems"));
}

/// Whoever's cap is the smallest admits exactly its number, of calls or of revenue; the others' counters say the same
/// number, because a call takes from all or from none.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn caps_admit_exactly_their_number_of_calls() {
    let (world, proxy) = World::behind_faults(false).await;
    let template = Template::of(&world).await;
    trouble(&proxy);
    let callers = asked("CALLERS", 300);
    let wide = Caps { daily: Some(10_000), ..Caps::default() };
    let price = Money::from_units(3);
    let by_revenue = Caps {
        revenue: RevenueCaps { daily: Some(Money::from_units(100)), ..RevenueCaps::default() },
        count: Counted::Converted,
        ..wide
    };
    let smallest = [
        (Caps { daily: Some(37), ..wide }, 37, Window::Daily, Measure::Calls),
        (Caps { concurrent: Some(5), ..wide }, 5, Window::Concurrent, Measure::Calls),
        // 33 calls of 3 fit into 100, and 1 is left.
        (by_revenue, 33, Window::Daily, Measure::Revenue),
        (Caps { total: Some(21), count: Counted::Converted, ..wide }, 21, Window::Total, Measure::Calls),
    ];
    for (place, (caps, admits, window, measure)) in smallest.into_iter().enumerate() {
        let mut all = [wide; 4];
        all[place] = caps;
        let mut owners = owners(all);
        for owner in &mut owners {
            // A row of its own for each round.
            owner.counter =
                TargetId::from_uuid(Uuid::from_u128(1_000 * (place as u128 + 1) + owner.owner as u128))
                    .into();
        }
        let limits: Vec<Limit> = owners
            .iter()
            .map(|owner| owner.limit(&Usage::default(), world.now(), Price::Known(price)))
            .collect();
        let first = 10_000 * (u32::try_from(place).unwrap() + 1);
        let outcomes = stream::iter((first..first + callers).map(|number| {
            let write = template.dialling(number, 0, limits.clone(), world.now());
            let world = &world;
            async move { insist(world, &write).await }
        }));
        let outcomes: Vec<_> = outcomes.buffer_unordered(AT_ONCE).collect().await;
        let admitted = u32::try_from(outcomes.iter().filter(|outcome| outcome.is_ok()).count()).unwrap();
        assert_eq!(admitted, admits);
        for full in outcomes.into_iter().filter_map(Result::err) {
            assert_eq!((full.owner, full.window, full.measure), (owners[place].owner, window, measure));
        }
        let of: Vec<CounterId> = owners.iter().map(|owner| owner.counter).collect();
        let usage = world.store.usage(world.tenant, &of).await.unwrap();
        for owner in &owners {
            let row = &usage[&owner.counter];
            assert_eq!((row.live, row.total), (admits, admits), "{owner:?}");
        }
    }
}

/// How one dial ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    NotConnected,
    Connected { converted: bool },
}

/// A dial that holds capacity.
struct Held {
    number: u32,
    attempt: Attempt,
    windows: Vec<OpenWindows>,
    price: Price,
    /// Of which step the next one dials again.
    step: u16,
}

/// What each row must say: the sum of what was dialled and ended.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Sums {
    live: u32,
    unpriced: u32,
    calls: BTreeMap<String, i64>,
    revenue: BTreeMap<String, i64>,
}

struct Story {
    world: World,
    template: Template,
    owners: Vec<Owner>,
    sums: Vec<Sums>,
    dice: Dice,
    now: Timestamp,
    calls: u32,
}

impl Story {
    fn names(open: &OpenWindows) -> impl Iterator<Item = String> {
        open.names().into_iter().chain(["total".to_owned()])
    }

    fn count(&mut self, held: &Held, sign: i64, outcome: Option<&Outcome>) {
        for ((owner, sums), open) in self.owners.iter().zip(&mut self.sums).zip(&held.windows) {
            let one = u32::from(sign != 0);
            if sign > 0 {
                sums.live += one;
                sums.unpriced += u32::from(held.price == Price::Unknown && owner.caps.revenue.any());
            } else {
                sums.live -= one;
                sums.unpriced -= u32::from(held.price == Price::Unknown && owner.caps.revenue.any());
            }
            let kept = outcome.is_some_and(|outcome| match owner.caps.count {
                Counted::Connected => outcome.connected,
                Counted::Converted => outcome.converted,
            });
            for name in Self::names(open) {
                if !kept {
                    *sums.calls.entry(name.clone()).or_default() += sign;
                }
                if owner.caps.revenue.any() {
                    let earned = outcome.map_or(0, |outcome| outcome.earned.micros());
                    *sums.revenue.entry(name).or_default() += sign * held.price.reserved().micros() + earned;
                }
            }
        }
    }

    async fn rows(&self) -> Vec<Usage> {
        let of: Vec<CounterId> = self.owners.iter().map(|owner| owner.counter).collect();
        let usage = self.world.store.usage(self.world.tenant, &of).await.unwrap();
        of.iter().map(|counter| usage.get(counter).cloned().unwrap_or_default()).collect()
    }

    /// Dials, perhaps in place of an attempt that nobody answered, and compares what the table says with the sums.
    async fn dial(&mut self, failed: Option<Held>) -> Option<Held> {
        let price = match self.dice.below(3) {
            0 => Price::Unknown,
            amount => Price::Known(Money::from_units(i32::try_from(amount).unwrap() * 7)),
        };
        let rows = self.rows().await;
        let limits: Vec<Limit> =
            self.owners.iter().zip(&rows).map(|(owner, row)| owner.limit(row, self.now, price)).collect();
        let windows = limits.iter().map(|limit| limit.open.clone()).collect();
        let (number, step) = match &failed {
            Some(failed) => (failed.number, failed.step + 1),
            None => {
                self.calls += 1;
                (self.calls, 0)
            }
        };
        let mut write = self.template.dialling(number, step, limits, self.now);
        if let Some(failed) = &failed {
            write.gives_back = taken_by(&failed.attempt);
            self.count(failed, -1, Some(&Outcome::NOTHING));
        }
        let expected = self.expected(price);
        let written = insist(&self.world, &write).await;
        assert_eq!(written.is_ok(), expected, "{written:?} {:?}", self.sums);
        if written.is_err() {
            if let Some(failed) = failed {
                // Nothing was written: the attempt still holds what it held, until its end is told.
                self.count(&failed, 1, None);
                self.end(failed, End::NotConnected).await;
            }
            return None;
        }
        if let Some(failed) = &failed {
            // When its counter is busy the step does not wait for it: then the end of the leg, which is told in any case,
            // gives back what the failed attempt held.
            let (store, tenant) = (&self.world.store, self.world.tenant);
            store
                .release(tenant, call(failed.number), &taken_by(&failed.attempt)[0], &Outcome::NOTHING)
                .await
                .unwrap();
        }
        let held = Held { number, attempt: write.attempts.remove(0), windows, price, step };
        self.count(&held, 1, None);
        Some(held)
    }

    /// Whether all owners have room, by the sums alone.
    fn expected(&self, price: Price) -> bool {
        self.owners.iter().zip(&self.sums).all(|(owner, sums)| {
            let open = OpenWindows::at(self.now, owner.time_zone);
            let amount = |of: &BTreeMap<String, i64>, window| {
                of.get(open.of(window).unwrap_or("total")).copied().unwrap_or(0)
            };
            Window::ALL.into_iter().all(|window| {
                let used =
                    if window == Window::Concurrent { sums.live.into() } else { amount(&sums.calls, window) };
                let calls_fit = owner.caps.of(window).is_none_or(|cap| used < i64::from(cap));
                let reserved = price.reserved().micros();
                let revenue_fits = owner.caps.revenue.of(window).is_none_or(|cap| {
                    let used = amount(&sums.revenue, window);
                    used < cap.micros() && used + reserved <= cap.micros()
                });
                calls_fit && revenue_fits
            })
        })
    }

    /// The end is told: never once too few, sometimes by several at once, and by a process that dies in between.
    async fn end(&mut self, held: Held, end: End) {
        let outcome = match end {
            End::NotConnected => Outcome::NOTHING,
            End::Connected { converted: false } => Outcome { connected: true, ..Outcome::NOTHING },
            End::Connected { converted: true } => {
                let earned = match held.price {
                    Price::Known(amount) => amount,
                    Price::Unknown => Money::from_units(i32::try_from(1 + self.dice.below(20)).unwrap()),
                };
                Outcome { connected: true, converted: true, earned }
            }
        };
        let told = 1 + self.dice.below(3);
        let (store, tenant, id) = (&self.world.store, self.world.tenant, call(held.number));
        let given = taken_by(&held.attempt);
        let telling = (0..told).map(|_| store.release(tenant, id, &given[0], &outcome));
        join_all(telling).await.into_iter().for_each(|told| told.unwrap());
        self.count(&held, -1, Some(&outcome));
    }
}

/// Calls come, fail over, end and are told of in any order, while hours, a day and both clock changes go by.
async fn capacity_is_exact_in_a_story(seed: u64) {
    let (world, proxy) = World::behind_faults(false).await;
    let template = Template::of(&world).await;
    trouble(&proxy);
    let mut dice = Dice::new(seed);
    let starts =
        ["2026-11-01T04:40:00Z", "2026-03-08T05:40:00Z", "2026-10-25T00:10:00Z", "2026-12-31T22:30:00Z"];
    let start = starts[usize::try_from(dice.below(4)).unwrap()];
    let revenue = RevenueCaps {
        hourly: Some(Money::from_units(30)),
        daily: Some(Money::from_units(90)),
        ..RevenueCaps::default()
    };
    let owners = owners([
        Caps { concurrent: Some(4), hourly: Some(5), ..Caps::default() },
        Caps { daily: Some(14), count: Counted::Converted, revenue, ..Caps::default() },
        Caps { monthly: Some(16), hourly: Some(6), count: Counted::Converted, ..Caps::default() },
        Caps { total: Some(18), revenue: RevenueCaps { hourly: None, ..revenue }, ..Caps::default() },
    ]);
    let sums = vec![Sums::default(); owners.len()];
    let mut story = Story { world, template, owners, sums, dice, now: start.parse().unwrap(), calls: 0 };
    let mut live: Vec<Held> = Vec::new();
    for _ in 0..40 {
        story.now += SignedDuration::from_mins(i64::try_from(story.dice.below(25)).unwrap());
        let one = usize::try_from(story.dice.below(live.len().max(1) as u64)).unwrap();
        match story.dice.below(5) {
            0 if !live.is_empty() => {
                let failed = live.swap_remove(one);
                live.extend(story.dial(Some(failed)).await);
            }
            1 | 2 if !live.is_empty() => {
                let end = match story.dice.below(3) {
                    0 => End::NotConnected,
                    which => End::Connected { converted: which == 1 },
                };
                story.end(live.swap_remove(one), end).await;
            }
            _ => live.extend(story.dial(None).await),
        }
    }
    for held in live {
        story.end(held, End::Connected { converted: true }).await;
    }
    let rows = story.rows().await;
    for ((owner, sums), row) in story.owners.iter().zip(&story.sums).zip(&rows) {
        assert_eq!((row.live, row.unpriced), (0, 0), "seed {seed}: {owner:?}");
        assert_eq!((sums.live, sums.unpriced), (0, 0));
        let all = |of: &BTreeMap<String, i64>| of.get("total").copied().unwrap_or(0);
        assert_eq!(i64::from(row.total), all(&sums.calls), "seed {seed}: {owner:?}");
        assert_eq!(row.revenue_total.micros(), all(&sums.revenue), "seed {seed}: {owner:?}");
        // Outdated windows have gone, or come back as what they were changed by; the newest of each kind say everything.
        for kind in ['h', 'd', 'm'] {
            let newest: BTreeSet<&String> = sums.calls.keys().filter(|name| name.starts_with(kind)).collect();
            for name in newest.into_iter().rev().take(1) {
                let counted = row.windows.get(name).copied().unwrap_or(0);
                assert_eq!(i64::from(counted), sums.calls[name], "seed {seed}: {name} of {owner:?}");
                let earned = row.revenue.get(name).map_or(0, |money| money.micros());
                assert_eq!(
                    earned,
                    sums.revenue.get(name).copied().unwrap_or(0),
                    "seed {seed}: {name} of {owner:?}"
                );
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_taken_goes_back_in_any_story() {
    let seed = u64::from(asked("PROPTEST_RNG_SEED", 20_261_122));
    for story in 0..asked("PROPTEST_CASES", 8) {
        capacity_is_exact_in_a_story(seed + u64::from(story)).await;
    }
}

fn taken_by(attempt: &Attempt) -> Vec<domain::caps::Held> {
    domain::caps::Held::by_attempt(attempt).into_iter().collect()
}
