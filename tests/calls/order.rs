//! Every callback 1 to 5 times, in any order, dial actions lost: the same call and the same books as once in order.

use app::dial_next::DialEnded;
use app::ports::{CarrierCall, Closing, Counters};
use domain::call::{CallStatus, Leg, LegEvent, Source};
use domain::caps::Usage;
use domain::ids::{CallId, CallSid};
use domain::ledger::{Entry, EntryKind};
use domain::money::Money;
use domain::seed::Dice;
use domain::voice::{Reply, Verb};
use jiff::SignedDuration;
use proptest::prelude::*;

use crate::world::{Carrier, World};

/// How a dialled leg ends in these stories.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    Busy,
    NoAnswer,
    /// Twilio could not even dial: no leg, no callbacks, only the dial's own word.
    NeverRang,
    /// Answered, and over after so many seconds.
    Talked(u32),
}

impl End {
    fn status(self) -> CallStatus {
        match self {
            Self::Busy => CallStatus::Busy,
            Self::NoAnswer => CallStatus::NoAnswer,
            Self::NeverRang => CallStatus::Failed,
            Self::Talked(_) => CallStatus::Completed,
        }
    }
}

/// One delivery to us.
#[derive(Debug, Clone)]
enum Delivery {
    Incoming,
    Auction,
    DialResult(u16, DialEnded),
    Event(LegEvent),
}

/// What can be compared at the end.
#[derive(Debug, PartialEq)]
struct Books {
    closing: Closing,
    ledger: Vec<Entry>,
    usage: Vec<Usage>,
}

struct Story {
    /// In the order in which Twilio needs the answers.
    first: Vec<Delivery>,
    /// Those that may come at any time after it.
    later: Vec<Delivery>,
    /// Dial results that may get lost altogether.
    losable: Vec<Delivery>,
    carrier: Carrier,
}

fn call_id() -> CallId {
    format!("RGB{:032x}", 0xabc).parse().unwrap()
}

fn child(number: u16) -> CallSid {
    format!("CA{:032x}", 0x1000 + u32::from(number)).parse().unwrap()
}

/// Runs the story once in order, and learns on the way which deliveries there are.
async fn tell(world: &World, ends: &[End], auction: bool) -> Story {
    let call = call_id();
    let start = world.now();
    let mut story = Story {
        first: vec![Delivery::Incoming],
        later: Vec::new(),
        losable: Vec::new(),
        carrier: Carrier::default(),
    };
    let mut reply = world.incoming(call).await;
    let mut step = 0;
    if auction {
        reply = world.auction(call, 1).await;
        story.first.push(Delivery::Auction);
        step = 1;
    }
    let mut second = 1_i64;
    let mut ends = ends.iter();
    while let Some(to) = dialled(&reply) {
        let end = ends.next().copied().unwrap_or(End::Talked(60));
        let has_child = end != End::NeverRang;
        let event = |status, sequence, at: i64, duration_s| LegEvent {
            leg: Leg::Attempt(step),
            status,
            sequence,
            source: Source::Callback,
            at: start + SignedDuration::from_secs(at),
            duration_s,
            sid: Some(child(step)),
        };
        if has_child {
            story.later.push(Delivery::Event(event(CallStatus::Initiated, 0, second, None)));
            story.later.push(Delivery::Event(event(CallStatus::Ringing, 1, second + 1, None)));
        }
        let talked = if let End::Talked(seconds) = end { Some(seconds) } else { None };
        if talked.is_some() {
            story.later.push(Delivery::Event(event(CallStatus::InProgress, 2, second + 4, None)));
        }
        second += 4 + i64::from(talked.unwrap_or(5));
        if has_child {
            story.later.push(Delivery::Event(event(end.status(), 3, second, talked)));
            story.carrier.children.push(CarrierCall {
                sid: child(step),
                status: end.status(),
                to,
                duration_s: talked,
                started_at: Some(start),
                ended_at: Some(start + SignedDuration::from_secs(second)),
            });
        }
        step += 1;
        let ended = DialEnded {
            caller: CallStatus::InProgress,
            dial: end.status(),
            child: has_child.then(|| child(step - 1)),
            talked_s: talked,
        };
        let delivery = Delivery::DialResult(step, ended.clone());
        if talked.is_some() {
            story.losable.push(delivery);
            break;
        }
        reply = world.dial_result(call, step, &ended).await;
        story.first.push(delivery);
    }
    let end = LegEvent {
        leg: Leg::Caller,
        status: CallStatus::Completed,
        sequence: 0,
        source: Source::Callback,
        at: start + SignedDuration::from_secs(second),
        duration_s: Some(u32::try_from(second).unwrap()),
        sid: Some(call.sid()),
    };
    story.carrier.parent = Some(CarrierCall {
        sid: call.sid(),
        status: end.status,
        to: world.number.as_str().to_owned(),
        duration_s: end.duration_s,
        started_at: Some(start),
        ended_at: Some(end.at),
    });
    story.later.push(Delivery::Event(end));
    story
}

fn dialled(reply: &Reply) -> Option<String> {
    reply.verbs.iter().find_map(|verb| match verb {
        Verb::Dial(dial) => match &dial.nouns[0].destination {
            domain::phone::Destination::Number(number) => Some(number.as_str().to_owned()),
            domain::phone::Destination::Sip(uri) => Some(uri.as_str().to_owned()),
        },
        _ => None,
    })
}

async fn deliver(world: &World, delivery: &Delivery) {
    let call = call_id();
    match delivery {
        Delivery::Incoming => drop(world.incoming(call).await),
        Delivery::Auction => drop(world.auction(call, 1).await),
        Delivery::DialResult(step, ended) => drop(world.dial_result(call, *step, ended).await),
        Delivery::Event(event) => world.told(call, event).await,
    }
}

async fn books(world: &World) -> Books {
    let record = world.record(call_id()).await;
    let closing = record.closing.expect("the call has closed");
    let sum = |kind| -> i64 {
        record.ledger.iter().filter(|entry| entry.kind == kind).map(|entry| entry.amount.micros()).sum()
    };
    assert_eq!(sum(EntryKind::Revenue), closing.settlement.revenue.micros(), "ledger sum = call sum");
    assert_eq!(sum(EntryKind::Payout), closing.settlement.payout.micros(), "ledger sum = call sum");
    let usage = world.usage().await;
    assert!(
        usage.iter().all(|row| (row.live, row.unpriced) == (0, 0)),
        "everything that was held has been given back: {usage:?}"
    );
    let booked = |of: domain::caps::CounterId| {
        let row = &usage[world.counters.iter().position(|counter| *counter == of).unwrap()];
        (row.total, row.revenue_total)
    };
    let settled = &closing.settlement;
    let books = (u32::from(settled.converted), settled.revenue);
    assert_eq!(booked(world.campaign.into()), books, "what is counted is what is in the books");
    assert_eq!(booked(world.publisher.into()), books);
    let is_buyers = closing.buyer == Some(world.buyer);
    assert_eq!(booked(world.buyer.into()), if is_buyers { books } else { (0, Money::ZERO) });
    Books { closing, ledger: record.ledger, usage }
}

async fn in_order(ends: &[End], auction: bool) -> Books {
    let world = World::new(auction).await;
    let story = tell(&world, ends, auction).await;
    for delivery in story.losable.iter().chain(&story.later) {
        deliver(&world, delivery).await;
    }
    books(&world).await
}

async fn disordered(ends: &[End], auction: bool, seed: u64, lose_dial_action: bool) -> Books {
    let world = World::new(auction).await;
    let story = tell(&world, ends, auction).await;
    let mut dice = Dice::new(seed);
    let mut deliveries = Vec::new();
    for delivery in story.first.iter().chain(&story.later) {
        for _ in 0..=dice.below(5) {
            deliveries.push(delivery);
        }
    }
    // What was delivered once while the story was told need not come again, everything else must.
    if !lose_dial_action {
        for delivery in &story.losable {
            for _ in 0..=dice.below(5) {
                deliveries.push(delivery);
            }
        }
    }
    for index in (1..deliveries.len()).rev() {
        deliveries.swap(index, usize::try_from(dice.below(index as u64 + 1)).unwrap());
    }
    for delivery in deliveries {
        deliver(&world, delivery).await;
    }
    books(&world).await
}

fn end() -> impl Strategy<Value = End> {
    prop_oneof![Just(End::Busy), Just(End::NoAnswer), Just(End::NeverRang), (0u32..120).prop_map(End::Talked),]
}

fn block_on<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap().block_on(work)
}

/// Few by default; `make soak` asks for many.
fn stories() -> ProptestConfig {
    let asked = ProptestConfig::default();
    let cases = if asked.cases == 256 { 30 } else { asked.cases };
    ProptestConfig { cases, ..asked }
}

proptest! {
    #![proptest_config(stories())]
    #[test]
    fn any_order_and_multiplicity_gives_the_same_books(
        ends in proptest::collection::vec(end(), 1..4),
        auction in any::<bool>(),
        seed in any::<u64>(),
        lose_dial_action in any::<bool>(),
    ) {
        let (once, often) = block_on(async {
            (in_order(&ends, auction).await, disordered(&ends, auction, seed, lose_dial_action).await)
        });
        prop_assert_eq!(often, once);
    }
}

#[test]
fn a_call_whose_callbacks_all_got_lost_is_closed_by_asking_twilio() {
    block_on(async {
        for ends in [
            vec![End::Busy, End::Talked(95)],
            vec![End::NeverRang, End::NoAnswer, End::Busy],
            vec![End::Talked(10)],
        ] {
            let expected = in_order(&ends, true).await;
            let world = World::new(true).await;
            let story = tell(&world, &ends, true).await;
            world.clock.advance(4 * 3_600);
            world.sweep(story.carrier).await;
            assert_eq!(books(&world).await, expected, "{ends:?}");
        }
    });
}

/// Nobody tells us how the leg ended, and the caller stays: asked after the longest conversation, Twilio says that the leg
/// is over, and its destination has room again.
#[test]
fn an_attempt_that_is_over_gives_its_capacity_back_although_the_caller_stays() {
    block_on(async {
        // Where conversions or revenue count, the end of the call is waited for.
        let world = World::with_caps(false, "{}", r#"{"concurrent": 1}"#).await;
        world.store.set_limits(world.tenant, &world.publisher.into(), None).await.unwrap();
        let mut story = tell(&world, &[End::Talked(10)], false).await;
        if let Some(parent) = &mut story.carrier.parent {
            parent.status = CallStatus::InProgress;
        }
        let target = world.counters.last().unwrap();
        let live = async || world.store.usage(world.tenant, &world.counters).await.unwrap()[target].live;
        assert_eq!(live().await, 1);
        world.clock.advance(4 * 3_600);
        world.sweep(story.carrier).await;
        assert_eq!(live().await, 0);
        assert!(world.record(call_id()).await.closing.is_none());
    });
}

#[test]
fn a_call_that_is_still_going_on_is_left_alone() {
    block_on(async {
        let world = World::new(false).await;
        let mut story = tell(&world, &[End::Talked(10)], false).await;
        if let Some(parent) = &mut story.carrier.parent {
            parent.status = CallStatus::InProgress;
        }
        world.clock.advance(4 * 3_600);
        world.sweep(story.carrier).await;
        assert!(world.record(call_id()).await.closing.is_none());
    });
}
