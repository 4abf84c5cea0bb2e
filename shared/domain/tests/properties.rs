//! What must hold for every input: money is exact, orders do not matter, windows tile time.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use domain::blocked::BlockPattern;
use domain::call::{Call, CallStatus, Leg, LegEnd, LegEvent, Source, leg_end};
use domain::campaign::Campaign;
use domain::caps::{CapOwner, Capped, Caps, CounterId, Expected, OpenWindows, Price, Usage, Window};
use domain::country::Country;
use domain::filter::Tags;
use domain::group::{Member, Ring, TargetGroup};
use domain::ids::{CallId, CallSid, TargetGroupId, TargetId};
use domain::money::{Currency, Money};
use domain::number::LineKind;
use domain::phone::{E164, erase_number, mask_all, mask_words, number_of_caller};
use domain::plan::{PlanEntry, Planned, Strategy as Among, Tree};
use domain::routing::{Place, Situation, order};
use domain::snapshot::{Parts, Prepared, Snapshot};
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
    fn masking_leaves_no_number(prefix in "[a-z \":,{}]{0,8}", digits in "[2-9][0-9]{9}", suffix in "[a-z \":,{}]{0,8}") {
        let text = format!("{prefix}+1{digits}#{suffix}{digits}");
        prop_assert!(!mask_all(&text).contains(&digits));
    }

    #[test]
    fn masking_leaves_no_formatted_number(text in text_with_numbers()) {
        let (text, numbers) = text;
        for masked in [mask_all(&text), mask_words(&text)] {
            for number in &numbers {
                prop_assert!(!bare(&masked).contains(number), "{number} in {masked:?} of {text:?}");
            }
        }
    }

    #[test]
    fn erasing_leaves_no_form_of_the_number_and_all_other_texts(
        before in "[a-z ,:\"{}]{0,9}[a-z]", form in 0usize..FORMS.len(), number in "[2-9][0-9]{9}", after in "[a-z][a-z ,:\"{}]{0,9}",
        other in "[2-9][0-9]{9}",
    ) {
        prop_assume!(number != other && number[3..] != other[3..]);
        let own: E164 = format!("+1{number}").parse().unwrap();
        let text = format!("{before}{}{after}+1{other};", written(form, &number));
        let erased = erase_number(&text, &own).unwrap();
        prop_assert!(!bare(&erased).contains(&number), "{erased:?} of {text:?}");
        prop_assert!(erased.starts_with(&before) && erased.ends_with(&format!("{after}+1{other};")), "{erased:?}");
        prop_assert!(erased.contains("erased"));
        prop_assert_eq!(erase_number(&erased, &own), None);
    }

    #[test]
    fn any_text_is_masked_and_erased_without_panic(text in any::<String>(), more in "[0-9+%()./ \u{a0}-]{0,60}", number in "[1-9][0-9]{7,14}") {
        let text = format!("{text}{more}");
        let (all, words) = (mask_all(&text), mask_words(&text));
        let digits = |text: &str| text.chars().filter(char::is_ascii_digit).count();
        prop_assert!(digits(&mask_all(&all)) <= digits(&all) && digits(&all) <= digits(&text));
        prop_assert!(digits(&words) <= digits(&all));
        if let Ok(number) = format!("+{number}").parse::<E164>() {
            let _ = erase_number(&text, &number);
            prop_assert!(erase_number(number.as_str(), &number).is_some());
        }
        let _ = number_of_caller(&text);
    }

    #[test]
    fn a_plan_keeps_every_target_once_and_priorities_in_order(
        entries in proptest::collection::vec((1u16..4, 1u16..1_000), 0..30),
        seed in any::<u64>(),
    ) {
        let plan: Vec<PlanEntry> = entries.iter().enumerate().map(|(index, (priority, weight))| PlanEntry {
            to: Planned::Target(target(index)), priority: *priority, weight: *weight,
        }).collect();
        let order = plan_order(&plan, &BTreeMap::new(), seed);
        let priority_of = |id: &TargetId| plan.iter().find(|entry| entry.to == Planned::Target(*id)).unwrap().priority;
        prop_assert!(order.is_sorted_by_key(priority_of));
        let mut back = order.clone();
        back.sort();
        prop_assert_eq!(back, (0..plan.len()).map(target).collect::<Vec<_>>());
        prop_assert_eq!(plan_order(&plan, &BTreeMap::new(), seed), order);
    }

    #[test]
    fn a_group_stands_together_in_its_place_and_each_target_is_tried_once(
        singles in proptest::collection::vec((0usize..12, 1u16..4, 1u16..1_000), 0..8),
        groups in proptest::collection::vec(
            (1u16..4, 1u16..1_000, proptest::collection::vec((0usize..12, 1u16..4, 1u16..1_000), 0..8)), 0..5,
        ),
        seed in any::<u64>(),
    ) {
        let mut plan: Vec<PlanEntry> = Vec::new();
        for (index, priority, weight) in singles {
            plan.push(PlanEntry { to: Planned::Target(target(index)), priority, weight });
        }
        let mut known = BTreeMap::new();
        for (number, (priority, weight, members)) in groups.into_iter().enumerate() {
            let id = TargetGroupId::from_uuid(Uuid::from_u128(number as u128));
            let members = members
                .into_iter()
                .map(|(index, priority, weight)| Member { target: target(index), priority, weight });
            known.insert(id, TargetGroup { name: format!("group {number}"), members: members.collect(), strategy: Among::Weighted, ring: Ring::OneByOne });
            plan.push(PlanEntry { to: Planned::Group(id), priority, weight });
        }
        let order = plan_order(&plan, &known, seed);
        prop_assert_eq!(plan_order(&plan, &known, seed), order.clone());

        // Every target that the plan leads to, once.
        let members_of = |to: Planned| match to {
            Planned::Target(id) => vec![(id, 1)],
            Planned::Group(id) => known[&id].members.iter().map(|member| (member.target, member.priority)).collect(),
            Planned::Tree(_) => Vec::new(),
        };
        let reachable: BTreeSet<TargetId> =
            plan.iter().flat_map(|entry| members_of(entry.to)).map(|(id, _)| id).collect();
        let mut back = order.clone();
        back.sort();
        prop_assert_eq!(back, reachable.into_iter().collect::<Vec<_>>());

        // A target comes no later than the best priority at which it can be reached allows.
        let best = |id: &TargetId| {
            let places = plan.iter().filter(|entry| members_of(entry.to).iter().any(|(member, _)| member == id));
            places.map(|entry| entry.priority).min().unwrap()
        };
        prop_assert!(order.is_sorted_by_key(best));
        // Alone in a plan, a group keeps its own priorities.
        for (id, group) in &known {
            let alone = [PlanEntry { to: Planned::Group(*id), priority: 1, weight: 1 }];
            let first = |target: &TargetId| {
                group.members.iter().filter(|member| member.target == *target).map(|member| member.priority).min()
            };
            prop_assert!(plan_order(&alone, &known, seed).is_sorted_by_key(first));
        }
    }

    #[test]
    fn a_caller_is_named_by_all_beginnings_of_the_number_and_by_nothing_else(digits in "[1-9][0-9]{0,14}", other in "[1-9][0-9]{0,14}") {
        let patterns = BlockPattern::of_caller(&format!("+{digits}"));
        prop_assert_eq!(patterns.len(), digits.len());
        let pattern: BlockPattern = format!("+{other}").parse().unwrap();
        prop_assert_eq!(patterns.contains(&pattern), digits.starts_with(&other));
        prop_assert!(!patterns.contains(&"anonymous".parse().unwrap()));
        let by_sip = BlockPattern::of_caller(&format!("sip:+{digits}@example.com;user=phone"));
        prop_assert_eq!(by_sip, patterns);
    }

    #[test]
    fn no_caller_makes_the_block_list_fail(from in any::<String>()) {
        prop_assert!(BlockPattern::of_caller(&from).len() <= 15);
        if let Ok(pattern) = from.parse::<BlockPattern>() {
            prop_assert!(BlockPattern::of_caller(pattern.as_str()).contains(&pattern));
        }
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

/// The targets of a plan in the order in which a call with this seed tries them.
fn plan_order(plan: &[PlanEntry], groups: &BTreeMap<TargetGroupId, TargetGroup>, seed: u64) -> Vec<TargetId> {
    let mut snapshot = nothing_planned();
    snapshot.campaign.plan = plan.to_vec();
    snapshot.target_groups = groups.clone();
    ordered(&snapshot, seed, &HashMap::new())
}

fn ordered(snapshot: &Snapshot, seed: u64, usage: &HashMap<CounterId, Usage>) -> Vec<TargetId> {
    let id = |letters: &str| format!("{letters}{:032x}", 1);
    let call = serde_json::json!({
        "id": id("RGB"), "tenant": id("AC"), "account_sid": id("AC"), "campaign": id("CA"), "snapshot_version": 1,
        "to": "+18335550100", "number": id("PN"), "from": "+14155550100", "started_at": "2026-11-22T12:00:00Z",
        "seed": seed, "currency": "USD", "publisher": null, "payout": {},
    });
    let call: Call = serde_json::from_value(call).unwrap();
    let tags = Tags::new();
    let situation = Situation { call: &call, now: call.started_at, usage, tried: &[], asked: &[], tags };
    let places = order(snapshot, &situation);
    assert_eq!(places[0], Place::Tree(Tree::First), "bidders are asked before the plan");
    places
        .into_iter()
        .filter_map(|place| match place {
            Place::Parties(parties) => Some(parties[0].target),
            Place::Tree(_) => None,
        })
        .collect()
}

/// A published campaign with nobody in it.
fn nothing_planned() -> Snapshot {
    Snapshot {
        rtb_numbers: Default::default(),
        campaign_id: format!("CA{:032x}", 1).parse().unwrap(),
        version: 1,
        published_at: Timestamp::UNIX_EPOCH,
        campaign: serde_json::from_value(serde_json::json!({"name": "Roofing"})).unwrap(),
        targets: BTreeMap::new(),
        rtb_targets: BTreeMap::new(),
        target_groups: BTreeMap::new(),
        ring_trees: BTreeMap::new(),
        agents: BTreeMap::new(),
        buyers: BTreeMap::new(),
        prepared: Prepared::default(),
    }
}

fn target(index: usize) -> TargetId {
    TargetId::from_uuid(Uuid::from_u128(index as u128))
}

/// How often each of these targets comes first in 20,000 calls, against the shares it should have.
fn first_by_share<const N: usize>(
    plan: &[PlanEntry],
    groups: &BTreeMap<TargetGroupId, TargetGroup>,
    shares: [f64; N],
    most_chi: f64,
) {
    let draws = 20_000_u32;
    let mut first = [0_u32; N];
    for seed in 0..u64::from(draws) {
        let chosen = plan_order(plan, groups, seed)[0];
        first[usize::try_from(chosen.uuid().as_u128()).unwrap()] += 1;
    }
    let expected = shares.map(|share| share * f64::from(draws));
    let chi: f64 =
        first.iter().zip(expected).map(|(seen, want)| (f64::from(*seen) - want).powi(2) / want).sum();
    assert!(chi < most_chi, "{first:?}: χ² = {chi}");
}

#[test]
fn weights_are_shares() {
    let plan: Vec<PlanEntry> = [(0, 70), (1, 20), (2, 10)]
        .into_iter()
        .map(|(index, weight)| PlanEntry { to: Planned::Target(target(index)), priority: 1, weight })
        .collect();
    // χ² with two degrees of freedom; 13.8 is the 99.9th percentile.
    first_by_share(&plan, &BTreeMap::new(), [0.7, 0.2, 0.1], 13.8);
}

/// Three equals of which the first is drawn by weight; the counters say the opposite.
#[test]
fn a_strategy_looks_at_counters_and_draws_only_among_those_it_finds_equal() {
    let rows = [(3, "2026-11-22T11:00:00Z"), (1, "2026-11-22T09:00:00Z"), (1, "2026-11-22T10:00:00Z")];
    let mut snapshot = nothing_planned();
    let mut usage = HashMap::new();
    for (index, (live, last_at)) in rows.into_iter().enumerate() {
        let weight = if index == 0 { 9_000 } else { 1 };
        snapshot.campaign.plan.push(PlanEntry { to: Planned::Target(target(index)), priority: 1, weight });
        let body = serde_json::json!({
            "name": index.to_string(), "destination": {"number": "+12025550123"}, "caps": {"concurrent": 4 + 2 * index},
        });
        snapshot.targets.insert(target(index), serde_json::from_value(body).unwrap());
        let last_at = Some(last_at.parse().unwrap());
        usage.insert(CounterId::from(target(index)), Usage { live, last_at, ..Usage::default() });
    }
    let first_with = |strategy, usage: &HashMap<CounterId, Usage>| {
        let mut snapshot = snapshot.clone();
        snapshot.campaign.strategy = strategy;
        (0..200).map(|seed| ordered(&snapshot, seed, usage)[0]).collect::<BTreeSet<_>>()
    };
    assert!(first_with(Among::Weighted, &usage).contains(&target(0)));
    assert_eq!(first_with(Among::RoundRobin, &usage), [target(1)].into(), "the longest ago");
    assert_eq!(first_with(Among::LeastBusy, &usage), [target(1), target(2)].into(), "one call each");
    assert_eq!(first_with(Among::Capacity, &usage), [target(2)].into(), "seven of eight are free");

    usage.remove(&target(0).into());
    assert_eq!(first_with(Among::RoundRobin, &usage), [target(0)].into(), "never before anybody");
    assert_eq!(first_with(Among::LeastBusy, &usage), [target(0)].into(), "no call at all");
}

#[test]
fn weights_within_a_group_are_shares_of_the_groups_share() {
    let id = TargetGroupId::from_uuid(Uuid::from_u128(1));
    let members = [(1, 75), (2, 25)];
    let members = members.map(|(index, weight)| Member { target: target(index), priority: 1, weight });
    let groups = BTreeMap::from([(
        id,
        TargetGroup {
            name: "a group".to_owned(),
            members: members.to_vec(),
            strategy: Among::Weighted,
            ring: Ring::OneByOne,
        },
    )]);
    let plan = [
        PlanEntry { to: Planned::Target(target(0)), priority: 1, weight: 60 },
        PlanEntry { to: Planned::Group(id), priority: 1, weight: 40 },
    ];
    first_by_share(&plan, &groups, [0.6, 0.3, 0.1], 13.8);
}

#[test]
fn a_plan_entry_names_a_target_or_a_group() {
    let text = format!(r#"{{"target":"{}"}}"#, target(1));
    let entry: PlanEntry = serde_json::from_str(&text).unwrap();
    assert_eq!((entry.to, entry.priority, entry.weight), (Planned::Target(target(1)), 1, 100));
    let written = serde_json::to_value(entry).unwrap();
    assert_eq!(written, serde_json::json!({"target": target(1), "priority": 1, "weight": 100}));
    let group = TargetGroupId::from_uuid(Uuid::from_u128(1));
    let both = serde_json::json!({"target": target(1), "target_group": group});
    for wrong in
        [both, serde_json::json!({"weight": 5}), serde_json::json!({"target": target(1), "name": "x"})]
    {
        assert!(serde_json::from_value::<PlanEntry>(wrong.clone()).is_err(), "{wrong}");
    }
}

#[test]
fn who_withholds_the_number_is_anonymous() {
    let anonymous: BlockPattern = "anonymous".parse().unwrap();
    for from in ["anonymous", "Anonymous", "", "Restricted", "unknown", "sip:anonymous@anonymous.invalid"] {
        assert_eq!(BlockPattern::of_caller(from).as_slice(), std::slice::from_ref(&anonymous), "{from}");
    }
    for from in ["client:bob", "sip:alice@example.com", "14155550100"] {
        assert_eq!(BlockPattern::of_caller(from), [], "{from}");
    }
    for wrong in ["", "+", "1415", "+0415", "+1415555010012345", "+1415x", "Anonymous", "+1 415"] {
        assert!(wrong.parse::<BlockPattern>().is_err(), "{wrong}");
    }
}

#[test]
fn a_block_shows_its_number_to_nobody_by_chance() {
    for (written, shown) in [
        ("+14155550123", "415***0123"),
        ("+1415555", "141***5555"),
        ("+1415", "+1415"),
        ("anonymous", "anonymous"),
    ] {
        let pattern: BlockPattern = written.parse().unwrap();
        assert_eq!((pattern.masked(), format!("{pattern:?}")), (shown.to_owned(), shown.to_owned()));
    }
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
    let expected = Expected { price: Price::Unknown, currency: Currency::USD };
    let now = "2026-11-22T12:30:00Z".parse().unwrap();
    let counter = target(1).into();
    let capped = Capped { owner: CapOwner::Destination, counter, caps: &caps, time_zone: "UTC" };
    assert_eq!(capped.room(Some(&usage), now, expected).unwrap_err().window, Window::Hourly);
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
fn what_a_campaign_names_and_does_not_exist_is_told_when_it_is_published() {
    let id = |letters: &str, number: u32| format!("{letters}{number:032x}");
    let campaign = serde_json::json!({
        "name": "Roofing", "ring_tree": id("RT", 1),
        "plan": [{"target": id("TA", 1)}, {"target_group": id("TG", 1)}, {"target_group": id("TG", 2)}],
    });
    let campaign: Campaign = serde_json::from_value(campaign).unwrap();
    let group = serde_json::json!({"name": "Desks", "members": [{"target": id("TA", 2)}]});
    let tree = serde_json::json!({"name": "Everybody", "bidders": [{"rtb_target": id("PI", 1)}]});
    let with = Parts {
        target_groups: [(id("TG", 1).parse().unwrap(), serde_json::from_value(group).unwrap())].into(),
        ring_trees: [(id("RT", 1).parse().unwrap(), serde_json::from_value(tree).unwrap())].into(),
        ..Parts::default()
    };
    let fields = |parts: Parts| -> Vec<String> {
        let compiled = Snapshot::compile(
            id("CA", 1).parse().unwrap(),
            1,
            Timestamp::UNIX_EPOCH,
            campaign.clone(),
            parts,
        );
        let problems = compiled.unwrap_err();
        assert!(problems.iter().all(|problem| problem.rule == "exists"), "{problems:?}");
        problems.into_iter().map(|problem| problem.field).collect()
    };
    let plan = ["plan[0].target", "plan[1].target_group", "plan[2].target_group"];
    // A member of the first group and a bidder of the tree are missing, and so is the second group.
    assert_eq!(fields(with), [plan[0], plan[1], plan[2], "ring_tree"]);
    assert_eq!(fields(Parts::default()), [plan[0], plan[1], plan[2], "ring_tree"]);
}

/// A ten-digit number as people and programs write it.
const FORMS: [&str; 16] = [
    "AAABBBCCCC",
    "+1AAABBBCCCC",
    "1AAABBBCCCC",
    "(AAA) BBB-CCCC",
    "+1 (AAA) BBB-CCCC",
    "AAA-BBB-CCCC",
    "AAA.BBB.CCCC",
    "AAA BBB CCCC",
    "1-AAA-BBB-CCCC",
    "AAA/BBB-CCCC",
    "%2B1AAABBBCCCC",
    "%28AAA%29%20BBB-CCCC",
    "AAA\u{a0}BBB\u{2011}CCCC",
    "+1.AAA.BBB.CCCC",
    "(AAA)BBBCCCC",
    "AA ABB BCC CC",
];

fn written(form: usize, number: &str) -> String {
    let mut digits = number.chars();
    let form = FORMS[form].replace("%2B", "%2b");
    form.chars().map(|sign| if "ABC".contains(sign) { digits.next().unwrap() } else { sign }).collect()
}

/// One to three numbers in any form, with other text around and between them.
fn text_with_numbers() -> impl Strategy<Value = (String, Vec<String>)> {
    let one = ("[a-z ,:{}\"-]{1,6}", 0usize..FORMS.len(), "[2-9][0-9]{2}[2-9][0-9]{6}", "[a-z ,:{}\"]{0,6}");
    proptest::collection::vec(one, 1..4).prop_map(|parts| {
        let text = parts
            .iter()
            .map(|(before, form, number, after)| format!("{before}{}{after}", written(*form, number)));
        (text.collect(), parts.iter().map(|(_, _, number, _)| number.clone()).collect())
    })
}

/// The text without anything that people write between digits.
fn bare(text: &str) -> String {
    let mut bare = text.to_owned();
    for between in ["%28", "%29", "%20", "%2b", " ", "-", ".", "(", ")", "/", "\u{a0}", "\u{2011}"] {
        bare = bare.replace(between, "");
    }
    bare
}

#[test]
fn masked_texts_read_well() {
    for (text, masked) in [
        ("+1 (415) 555-0100 was sold 3 times in 24 hours", "415***0100 was sold 3 times in 24 hours"),
        ("call (415) 555-0100 now", "call 415***0100 now"),
        ("until 2026-11-22 10:00:00", "until 2026-11-22 10:00:00"),
        ("{\"bidExpireDT\": \"11/22/2026 10:00:00 AM\"}", "{\"bidExpireDT\": \"11/22/2026 10:00:00 AM\"}"),
        ("{\"bidAmount\": 42.50, \"duration\": 60}", "{\"bidAmount\": 42.50, \"duration\": 60}"),
        ("+44 20 7946 0123", "442***0123"),
        ("4155550100 4155550111", "415***0100 415***0111"),
    ] {
        assert_eq!(mask_all(text), masked);
    }
    assert_eq!(mask_words("555-0100 rang"), "555***0100 rang");
    assert_eq!(mask_all("id 12345678901234567890"), "id 12345678901234567890");
}

#[test]
fn a_caller_is_found_in_what_twilio_says() {
    for (from, number) in [
        ("+14155550123", Some("+14155550123")),
        ("sip:+14155550123@sip.example.com", Some("+14155550123")),
        ("sips:14155550123@sip.example.com;transport=tls", Some("+14155550123")),
        ("sip:%2B14155550123@sip.example.com", Some("+14155550123")),
        ("sip:alice@example.com", None),
        ("sip:1234@example.com", None),
        ("anonymous", None),
        ("", None),
    ] {
        assert_eq!(number_of_caller(from).as_ref().map(E164::as_str), number, "{from}");
    }
}

#[test]
fn foreign_numbers_are_erased_in_their_national_forms_too() {
    let number: E164 = "+442079460123".parse().unwrap();
    for text in ["+44 20 7946 0123", "020 7946 0123", "00442079460123", "tel:+442079460123"] {
        let erased = erase_number(text, &number).unwrap();
        assert!(!erased.contains(|sign: char| sign.is_ascii_digit()), "{text}: {erased}");
    }
    assert_eq!(erase_number("+44 20 7946 0124", &number), None);
    let local: E164 = "+14155550123".parse().unwrap();
    assert_eq!(erase_number("ask for 555-0123.", &local).as_deref(), Some("ask for erased."));
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

/// A bidder in an auction: its ceiling, what it bids at last (or nothing), and its place.
#[derive(Debug, Clone, Copy)]
struct Contender {
    max_bid: Option<i32>,
    bids: Option<i32>,
    priority: u16,
    weight: u16,
    latency_ms: u32,
}

fn contender() -> impl Strategy<Value = Contender> {
    (proptest::option::weighted(0.8, 1..6_i32), proptest::option::of(1..6_i32), 1..3_u16, 1..3_u16, 0..4_u32)
        .prop_map(|(max_bid, bids, priority, weight, latency_ms)| Contender {
            max_bid,
            bids: bids.map(|bid| max_bid.map_or(bid, |most| bid.min(most))),
            priority,
            weight,
            latency_ms,
        })
}

proptest! {
    /// Whoever is ahead when an auction is decided is who wins when everybody is waited for, in whatever order they answer.
    #[test]
    fn an_auction_that_is_decided_has_the_winner_it_would_have_had(
        contenders in proptest::collection::vec(contender(), 1..8),
        min_bidders in 1..3_u16,
    ) {
        use domain::auction::{Bid, Ceiling, is_decided, rank};
        use domain::campaign::BidderEntry;
        use domain::geo::Place;
        use domain::ids::RtbTargetId;
        use domain::rtb_target::RtbTarget;

        let id = |index: usize| RtbTargetId::from_uuid(Uuid::from_u128(index as u128 + 1));
        let bid = |index: usize, contender: &Contender| {
            Some(Bid {
                bidder: id(index),
                amount: Money::from_units(contender.bids?),
                counts: None,
                bid_id: None,
                destination: domain::phone::Destination::Number("+12025550123".parse().unwrap()),
                call_length_s: None,
                expires_at: None,
                priority: contender.priority,
                weight: contender.weight,
                latency_ms: contender.latency_ms,
                confirmed: None,
            })
        };
        let ceiling = |index: usize, contender: &Contender| {
            let body = serde_json::json!({
                "name": "b", "url": "https://b.example.com/", "body": "{}",
                "answer": {"acceptance": ["$.a"], "amount": ["$.b"], "destination": ["$.c"]},
                "max_bid": contender.max_bid.map(|most| Money::from_units(most).micros()),
            });
            let bidder: RtbTarget = serde_json::from_value(body).unwrap();
            let entry = BidderEntry { rtb_target: id(index), priority: contender.priority, weight: contender.weight };
            Ceiling::of(&entry, &bidder, &Place::default())
        };
        let bids: Vec<Option<Bid>> = contenders.iter().enumerate().map(|(index, one)| bid(index, one)).collect();
        let ceilings: Vec<Ceiling> = contenders.iter().enumerate().map(|(index, one)| ceiling(index, one)).collect();
        let winner = |bids: &[Option<Bid>]| rank(bids.iter().flatten().cloned().collect()).first().map(|bid| bid.bidder);
        let all = winner(&bids);
        for answered in 0..=bids.len() {
            let (so_far, outstanding) = (&bids[..answered], &ceilings[answered..]);
            if is_decided(so_far.iter().flatten(), min_bidders, outstanding.iter().copied()) {
                prop_assert_eq!(winner(so_far), all);
                prop_assert!(so_far.iter().flatten().count() >= usize::from(min_bidders));
            }
        }
    }
}
