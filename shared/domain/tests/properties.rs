//! What must hold for every input: money is exact, templates cannot be broken, orders do not matter, windows tile time.

use domain::call::{CallStatus, Leg, LegEnd, LegEvent, Source, leg_end};
use domain::campaign::PlanEntry;
use domain::caps::{Caps, OpenWindows, Usage, Window};
use domain::country::Country;
use domain::ids::{CallId, CallSid, TargetId};
use domain::money::Money;
use domain::number::LineKind;
use domain::phone::{E164, mask_all};
use domain::routing::plan_order;
use domain::tokens::{Facts, Template};
use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use uuid::Uuid;

proptest! {
    #[test]
    fn an_amount_survives_being_written_and_read(micros in any::<i64>()) {
        let amount = Money::from_micros(micros);
        prop_assume!(micros != i64::MIN);
        prop_assert_eq!(Money::parse(&amount.to_string()).unwrap(), amount);
    }

    #[test]
    fn reading_an_amount_never_panics(text in "[-+0-9.eE]{0,24}") {
        let _ = Money::parse(&text);
    }

    #[test]
    fn a_share_is_never_more_than_the_whole(micros in 0..i64::MAX, basis_points in 0u32..=10_000) {
        let whole = Money::from_micros(micros);
        let share = whole.share(basis_points);
        prop_assert!(share >= Money::ZERO && share <= whole);
    }

    #[test]
    fn no_value_breaks_a_json_template(state in any::<String>(), zip in any::<String>(), name in any::<String>()) {
        let template = Template::parse(r#"{"s":"[tag:InboundNumber:State]","z":["[tag:Geo:ZipCode|tag:Campaign:Name]",[1,2]]}"#);
        let facts = Facts { state: Some(state.clone()), zip: Some(zip.clone()), campaign_name: name.clone(), ..Facts::default() };
        let filled: serde_json::Value = serde_json::from_str(&template.render_json(&facts)).unwrap();
        prop_assert_eq!(filled["s"].as_str().unwrap(), state);
        prop_assert_eq!(filled["z"][0].as_str().unwrap(), if zip.is_empty() { name } else { zip });
    }

    #[test]
    fn no_value_adds_a_header_line(value in any::<String>()) {
        let facts = Facts { state: Some(value), ..Facts::default() };
        let header = Template::parse("x[tag:InboundNumber:State]y").render_header(&facts);
        prop_assert!(!header.contains(['\r', '\n', '\0']));
    }

    #[test]
    fn values_are_not_read_for_tokens_again(text in "\\[tag:Campaign:Name\\][a-z]{0,5}") {
        let facts = Facts { state: Some(text.clone()), campaign_name: "SECRET".to_owned(), ..Facts::default() };
        let filled = Template::parse("[tag:InboundNumber:State]").render_json(&facts);
        prop_assert!(!filled.contains("SECRET"));
    }

    #[test]
    fn any_text_is_a_template(text in any::<String>()) {
        let template = Template::parse(&text);
        if template.unknown().is_empty() && !text.to_lowercase().contains("[tag:") && !text.to_lowercase().contains("[call:") {
            prop_assert_eq!(template.render_json(&Facts::default()), text);
        }
    }

    #[test]
    fn masking_leaves_no_number(prefix in "[a-z \":,{}]{0,8}", digits in "[2-9][0-9]{9}", suffix in "[a-z \":,{}]{0,8}") {
        let text = format!("{prefix}+1{digits}#{suffix}{digits}");
        prop_assert!(!mask_all(&text).contains(&digits));
    }

    #[test]
    fn a_plan_keeps_every_target_once_and_priorities_in_order(
        entries in proptest::collection::vec((1u16..4, 1u16..1_000), 0..30),
        seed in any::<u64>(),
    ) {
        let plan: Vec<PlanEntry> = entries.iter().enumerate().map(|(index, (priority, weight))| PlanEntry {
            target: TargetId::from_uuid(Uuid::from_u128(index as u128)), priority: *priority, weight: *weight,
        }).collect();
        let order = plan_order(&plan, seed);
        prop_assert!(order.is_sorted_by_key(|entry| entry.priority));
        let mut back = order.clone();
        back.sort_by_key(|entry| entry.target);
        prop_assert_eq!(back, plan.clone());
        prop_assert_eq!(plan_order(&plan, seed), order);
    }

    #[test]
    fn how_a_leg_ended_does_not_depend_on_order_or_repetition(
        events in proptest::collection::vec((0u8..9, 0u32..5, 0i64..200, proptest::option::of(0u32..200), 0u8..3), 1..12),
        seed in any::<u64>(),
    ) {
        let statuses = [CallStatus::Queued, CallStatus::Initiated, CallStatus::Ringing, CallStatus::InProgress,
            CallStatus::Completed, CallStatus::Busy, CallStatus::Failed, CallStatus::NoAnswer, CallStatus::Canceled];
        let sources = [Source::Callback, Source::CarrierCheck, Source::DialAction];
        let mut known = std::collections::HashSet::new();
        let events: Vec<LegEvent> = events.into_iter().map(|(status, sequence, second, duration_s, source)| LegEvent {
            leg: Leg::Attempt(1),
            status: statuses[usize::from(status)],
            sequence,
            source: sources[usize::from(source)],
            at: Timestamp::UNIX_EPOCH + SignedDuration::from_secs(second),
            duration_s,
            sid: None,
        // The store keeps one event per leg, sequence, status and source.
        }).filter(|event| known.insert((event.sequence, event.status, event.source))).collect();
        let once = leg_end(Leg::Attempt(1), &events);
        let mut shuffled: Vec<LegEvent> = events.iter().chain(&events).cloned().collect();
        let mut dice = domain::seed::Dice::new(seed);
        for index in (1..shuffled.len()).rev() {
            shuffled.swap(index, usize::try_from(dice.below(index as u64 + 1)).unwrap());
        }
        prop_assert_eq!(leg_end(Leg::Attempt(1), &shuffled), once);
    }

    #[test]
    fn a_window_is_open_from_its_name_on(second in 1_700_000_000i64..1_900_000_000, zone in 0usize..6) {
        let zone = ["UTC", "America/New_York", "Europe/Berlin", "Asia/Kolkata", "Australia/Lord_Howe", "America/St_Johns"][zone];
        let now = Timestamp::from_second(second).unwrap();
        let open = OpenWindows::at(now, zone);
        let start = |name: &str| name[1..].parse::<Timestamp>().unwrap();
        let hours = now.duration_since(start(&open.hour)).as_secs();
        prop_assert!((0..2 * 3_600).contains(&hours), "{zone} {hours}");
        prop_assert!((0..26 * 3_600).contains(&now.duration_since(start(&open.day)).as_secs()));
        prop_assert!((0..32 * 86_400).contains(&now.duration_since(start(&open.month)).as_secs()));
    }

    #[test]
    fn texts_that_are_no_numbers_are_refused_without_panic(text in any::<String>()) {
        if let Ok(number) = text.parse::<E164>() {
            prop_assert!(number.as_str().starts_with('+') && number.digits().len() >= 8);
        }
    }
}

#[test]
fn weights_are_shares() {
    let plan: Vec<PlanEntry> = [(1, 70), (2, 20), (3, 10)]
        .into_iter()
        .map(|(id, weight)| PlanEntry {
            target: TargetId::from_uuid(Uuid::from_u128(id)),
            priority: 1,
            weight,
        })
        .collect();
    let draws = 20_000_u32;
    let mut first = [0_u32; 3];
    for seed in 0..u64::from(draws) {
        let chosen = plan_order(&plan, seed)[0].target;
        first[usize::try_from(chosen.uuid().as_u128()).unwrap() - 1] += 1;
    }
    // χ² with two degrees of freedom; 13.8 is the 99.9th percentile.
    let expected = [0.7, 0.2, 0.1].map(|share| share * f64::from(draws));
    let chi: f64 =
        first.iter().zip(expected).map(|(seen, want)| (f64::from(*seen) - want).powi(2) / want).sum();
    assert!(chi < 13.8, "{first:?}: χ² = {chi}");
}

#[test]
fn the_repeated_hour_of_a_clock_change_is_two_windows() {
    // New York, 2026-11-01: 01:30 comes twice.
    let first = OpenWindows::at("2026-11-01T05:30:00Z".parse().unwrap(), "America/New_York");
    let second = OpenWindows::at("2026-11-01T06:30:00Z".parse().unwrap(), "America/New_York");
    assert_eq!(
        (first.hour.as_str(), second.hour.as_str()),
        ("h2026-11-01T05:00:00Z", "h2026-11-01T06:00:00Z")
    );
    assert_eq!(first.day, "d2026-11-01T04:00:00Z");
    assert_eq!(first.day, second.day);
    assert_eq!(first.month, "m2026-11-01T04:00:00Z");
}

#[test]
fn old_windows_go_when_a_new_one_opens() {
    let open = OpenWindows::at("2026-11-22T12:30:00Z".parse().unwrap(), "UTC");
    let mut usage = Usage::default();
    for hour in ["h2026-11-22T09:00:00Z", "h2026-11-22T10:00:00Z", "h2026-11-22T11:00:00Z"] {
        usage.windows.insert(hour.to_owned(), 1);
    }
    assert_eq!(usage.outdated(&open), ["h2026-11-22T09:00:00Z"]);
    usage.windows.insert(open.hour.clone(), 4);
    assert_eq!(usage.outdated(&open), ["h2026-11-22T09:00:00Z", "h2026-11-22T10:00:00Z"]);
    let caps = Caps { hourly: Some(4), ..Caps::default() };
    assert_eq!(usage.full(&caps, &open).unwrap().window, Window::Hourly);
}

#[test]
fn a_leg_without_duration_is_measured_from_its_answer() {
    let event = |status, second| LegEvent {
        leg: Leg::Caller,
        status,
        sequence: 0,
        source: Source::Callback,
        at: Timestamp::from_second(second).unwrap(),
        duration_s: None,
        sid: None,
    };
    let events = [event(CallStatus::InProgress, 100), event(CallStatus::Completed, 195)];
    let LegEnd { answered_seconds, .. } = leg_end(Leg::Caller, &events).unwrap();
    assert_eq!(answered_seconds, 95);
}

#[test]
fn a_call_id_is_twilios_sid_in_our_clothes() {
    let sid: CallSid = "CA0123456789abcdef0123456789abcdef".parse().unwrap();
    let id = CallId::from_sid(&sid);
    assert_eq!(id.to_string(), "RGB0123456789abcdef0123456789abcdef");
    assert_eq!(id.sid(), sid);
    assert_eq!(id.to_string().parse::<CallId>().unwrap(), id);
    assert!("CA0123456789ABCDEF0123456789abcdef".parse::<CallSid>().is_err());
}

#[test]
fn a_numbers_country_and_kind_are_told_by_its_digits_where_they_can_be() {
    for (number, country, kind) in [
        ("+12025550142", Some("US"), LineKind::Local),
        ("+14165550142", Some("CA"), LineKind::Local),
        ("+18765550142", Some("JM"), LineKind::Local),
        ("+18335550142", None, LineKind::TollFree),
        ("+442079460000", Some("GB"), LineKind::Unknown),
        ("+4930901820", Some("DE"), LineKind::Unknown),
        ("+35312345678", Some("IE"), LineKind::Unknown),
        ("+77011234567", Some("RU"), LineKind::Unknown),
        ("+881612345678", None, LineKind::Unknown),
    ] {
        let parsed: E164 = number.parse().unwrap();
        assert_eq!(Country::of(&parsed).map(|country| country.to_string()).as_deref(), country, "{number}");
        assert_eq!(LineKind::of(&parsed), kind, "{number}");
    }
    for text in ["us", "USA", "U", "", "U1", "ÜS"] {
        assert!(text.parse::<Country>().is_err(), "{text}");
    }
}
