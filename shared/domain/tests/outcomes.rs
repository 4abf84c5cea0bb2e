//! When it is known what became of an attempt, and what of its capacity goes back then.

use std::collections::BTreeMap;

use domain::call::{Attempt, CallStatus, Leg, LegEvent, Source, attempt_number};
use domain::caps::{
    CapOwner, Capped, Caps, Counted, CounterId, Expected, Held, Joint, OpenWindows, Outcome, Price,
    Reservation, ReservationState, RevenueCaps, Shares, Window, late_conversion,
};
use domain::ids::CampaignId;
use domain::ids::TargetId;
use domain::ledger::{Conversion, Revenue, Settlement, Terms};
use domain::money::{Currency, Money};
use domain::phone::Destination;
use domain::routing::Via;
use jiff::Timestamp;
use uuid::Uuid;

fn at(text: &str) -> Timestamp {
    text.parse().expect("an instant")
}

fn counter() -> CounterId {
    CampaignId::from_uuid(Uuid::from_u128(9)).into()
}

fn reservation(caps: &Caps, price: Price) -> Reservation {
    let expected = Expected { price, currency: Currency::USD };
    let capped =
        Capped { owner: CapOwner::Campaign, counter: counter(), caps, time_zone: "America/New_York" };
    let limit = capped.room(None, at("2026-11-01T05:30:00Z"), expected).expect("room").expect("a limit");
    Reservation::of(&[limit])
}

fn attempt(number: u16, conversion: Conversion, caps: &Caps) -> Attempt {
    Attempt {
        number,
        via: Via::Target(TargetId::from_uuid(Uuid::from_u128(3))),
        name: "a target".to_owned(),
        agent: None,
        destination: Destination::Number("+12025550123".parse().expect("a number")),
        bid: None,
        terms: Terms { revenue: Revenue::Fixed(Money::from_units(20)), conversion, buyer: None },
        reservation: Some(reservation(caps, Price::Known(Money::from_units(20)))),
        dialled_at: at("2026-11-01T05:30:00Z"),
    }
}

fn held(attempt: &Attempt) -> Held {
    Held::by_attempt(attempt).expect("it holds something")
}

fn end(number: u16, status: CallStatus) -> LegEvent {
    LegEvent {
        leg: Leg::Attempt(number),
        status,
        sequence: 3,
        source: Source::Callback,
        at: at("2026-11-01T05:35:00Z"),
        duration_s: Some(60),
        sid: None,
    }
}

fn on_connect() -> Caps {
    Caps { daily: Some(5), ..Caps::default() }
}

fn on_conversion() -> Caps {
    Caps { count: Counted::Converted, ..on_connect() }
}

fn on_revenue() -> Caps {
    let revenue = RevenueCaps { daily: Some(Money::from_units(50)), ..RevenueCaps::default() };
    Caps { revenue, ..Caps::default() }
}

const TALKED: Outcome = Outcome { connected: true, ..Outcome::NOTHING };

#[test]
fn the_end_of_a_leg_says_enough_unless_the_books_count() {
    let known = |caps: Caps, conversion, status| {
        let one = attempt(1, conversion, &caps);
        held(&one).outcome_at_its_end(std::slice::from_ref(&one), &[end(1, status)])
    };
    let (completed, busy) = (CallStatus::Completed, CallStatus::Busy);
    assert_eq!(known(on_connect(), Conversion::Connected, completed), Some(TALKED));
    assert_eq!(known(on_connect(), Conversion::Incoming, busy), Some(Outcome::NOTHING));
    for caps in [on_conversion(), on_revenue()] {
        assert_eq!(known(caps, Conversion::Connected, completed), None, "the books are not closed");
        assert_eq!(known(caps, Conversion::Connected, busy), Some(Outcome::NOTHING));
        assert_eq!(known(caps, Conversion::Incoming, busy), None, "it may be the last one, which converts");
        assert_eq!(known(caps, Conversion::Dialled, CallStatus::Ringing), None, "it goes on");
    }
}

#[test]
fn an_attempt_that_another_one_follows_is_not_the_billed_one() {
    let attempts = [1, 2].map(|number| attempt(number, Conversion::Dialled, &on_conversion()));
    let [first, second] = &attempts;
    let outcome = |of: &Attempt, events: &[LegEvent]| held(of).outcome_at_its_end(&attempts, events);
    let busy = [end(1, CallStatus::Busy)];
    assert_eq!(outcome(first, &busy), Some(Outcome::NOTHING));
    let talked = end(1, CallStatus::Completed);
    assert_eq!(
        outcome(first, std::slice::from_ref(&talked)),
        None,
        "the second may fail, then this is billed"
    );
    assert_eq!(outcome(first, &[talked.clone(), end(2, CallStatus::Completed)]), Some(TALKED));
    assert_eq!(outcome(second, &[talked, end(2, CallStatus::Busy)]), Some(Outcome::NOTHING));
}

#[test]
fn the_books_are_about_one_attempt() {
    let one = attempt(1, Conversion::Connected, &on_revenue());
    let money = Money::from_units(20);
    let books = Settlement {
        converted: true,
        revenue: money,
        payout: Money::ZERO,
        profit: money,
        no_conversion: None,
        no_payout: None,
        entries: Vec::new(),
    };
    let events = [end(1, CallStatus::Completed)];
    let converted = Outcome { connected: true, converted: true, earned: money };
    let attempts = std::slice::from_ref(&one);
    let outcome = |billed| held(&one).outcome_by_the_books(attempts, &events, billed, &books);
    assert_eq!(outcome(Some(1)), converted);
    assert_eq!(outcome(Some(2)), TALKED);
    assert_eq!(converted.state(), ReservationState::Confirmed);
    assert_eq!(Outcome::NOTHING.state(), ReservationState::Returned);
}

/// The repeated hour in New York: reserved in the first, reported in the second.
#[test]
fn a_late_conversion_is_counted_in_the_window_of_its_report() {
    let caps = Caps { count: Counted::Converted, ..on_revenue() };
    let reserved = reservation(&caps, Price::Unknown);
    let reported_at = at("2026-11-01T06:10:00Z");
    let changes = late_conversion(&reserved, true, Money::from_units(4), reported_at);
    let open = OpenWindows::at(reported_at, "America/New_York");
    assert_eq!(open.hour, "h2026-11-01T06:00:00Z");
    let names = open.names().into_iter().chain(["total".to_owned()]);
    let expected: BTreeMap<String, i64> =
        names.flat_map(|name| [(format!("r{name}"), 4_000_000), (name, 1)]).collect();
    assert_eq!(changes.len(), 1);
    assert_eq!((&changes[0].counter, &changes[0].by), (&counter(), &expected));
    let on_connect = reservation(&on_connect(), Price::Unknown);
    assert!(late_conversion(&on_connect, true, Money::from_units(4), reported_at).is_empty());
}

#[test]
fn windows_turn_with_the_owners_clock() {
    let now = at("2026-11-01T05:30:00Z");
    let turns = |window| OpenWindows::turns_at(window, now, "America/New_York").map(|at| at.to_string());
    assert_eq!(turns(Window::Hourly).as_deref(), Some("2026-11-01T06:00:00Z"));
    assert_eq!(turns(Window::Daily).as_deref(), Some("2026-11-02T05:00:00Z"), "the day has 25 hours");
    assert_eq!(turns(Window::Monthly).as_deref(), Some("2026-12-01T05:00:00Z"));
    assert_eq!((turns(Window::Concurrent), turns(Window::Total)), (None, None));
}

#[test]
fn revenue_in_another_currency_is_not_counted() {
    let caps = on_revenue();
    let expected = Expected { price: Price::Known(Money::from_units(80)), currency: Currency::EUR };
    let capped = Capped { owner: CapOwner::Buyer, counter: counter(), caps: &caps, time_zone: "UTC" };
    let limit = capped.room(None, at("2026-11-01T05:30:00Z"), expected).expect("room").expect("a limit");
    assert_eq!(limit.price, None);
}

/// Three ring at the same time, and the second answers: what the three took together stays, for it counts as one call; what
/// the others took by themselves goes back, and nothing of it waits for anything.
#[test]
fn of_those_that_ring_together_one_keeps_what_it_took() {
    let attempts =
        [0, 1, 2].map(|party| attempt(attempt_number(4, party), Conversion::Connected, &on_connect()));
    let numbers = attempts.each_ref().map(|attempt| attempt.number);
    assert!(attempts.iter().all(|attempt| attempt.step() == 4));
    let joint = Joint {
        number: 4,
        attempts: numbers.to_vec(),
        reservation: reservation(&on_connect(), Price::Known(Money::ZERO)),
    };
    let all = Held::all(&attempts, std::slice::from_ref(&joint));
    let outcomes = |events: &[LegEvent]| {
        all.iter().map(|held| held.outcome_at_its_end(&attempts, events)).collect::<Vec<_>>()
    };
    let [first, second, third] = numbers;
    let cancelled = [end(first, CallStatus::Canceled), end(third, CallStatus::NoAnswer)];
    assert_eq!(outcomes(&cancelled), [Some(Outcome::NOTHING), None, Some(Outcome::NOTHING), None]);
    let over = [cancelled.as_slice(), &[end(second, CallStatus::Completed)]].concat();
    assert_eq!(outcomes(&over), [Some(Outcome::NOTHING), Some(TALKED), Some(Outcome::NOTHING), Some(TALKED)]);
    let nobody = [cancelled.as_slice(), &[end(second, CallStatus::Canceled)]].concat();
    assert!(outcomes(&nobody).iter().all(|outcome| *outcome == Some(Outcome::NOTHING)));
}

#[test]
fn what_several_need_is_taken_once_at_the_highest_price() {
    let limit = |counter: u128, price: i32| {
        let id = CampaignId::from_uuid(Uuid::from_u128(counter));
        let expected = Expected { price: Price::Known(Money::from_units(price)), currency: Currency::USD };
        let caps = on_revenue();
        let owner = CapOwner::Campaign;
        let capped = Capped { owner, counter: id.into(), caps: &caps, time_zone: "UTC" };
        capped.room(None, at("2026-11-01T05:30:00Z"), expected).expect("room").expect("a limit")
    };
    // Each its own; all the campaign; the first and the last one buyer.
    let parties = vec![
        vec![limit(1, 5), limit(9, 5), limit(8, 5)],
        vec![limit(2, 7), limit(9, 7)],
        vec![limit(3, 6), limit(9, 6), limit(8, 6)],
    ];
    let shares = Shares::of(parties);
    let price = |limit: &domain::caps::Limit| limit.price.expect("revenue is counted").reserved();
    let own: Vec<usize> = shares.own.iter().map(Vec::len).collect();
    assert_eq!(own, [1, 1, 1]);
    let joint: Vec<(Vec<usize>, Money)> =
        shares.joint.iter().map(|(parties, limits)| (parties.clone(), price(&limits[0]))).collect();
    let units = Money::from_units;
    assert_eq!(joint, [(vec![0, 1, 2], units(7)), (vec![0, 2], units(6))]);
}
