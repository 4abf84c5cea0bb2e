//! How long the choice among a thousand targets takes: priorities, weights, caps, live counts, filters and earnings looked at.

#![expect(clippy::expect_used, reason = "a benchmark that cannot be set up has nothing to say")]

#[expect(dead_code, reason = "each benchmark uses its own part")]
#[path = "support/filters.rs"]
mod filters;
#[expect(dead_code, reason = "each benchmark uses its own part")]
mod support;

use std::collections::HashMap;
use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use domain::caps::{CounterId, OpenWindows, Usage};
use domain::filter::Tags;
use domain::money::Money;
use domain::plan::Strategy;
use domain::predictive::{Counts, Earned};
use domain::routing::{Situation, Walk, order};
use domain::snapshot::Snapshot;
use serde_json::{Value, json};

const TARGETS: u16 = 1_000;
const ZONES: [&str; 4] = ["America/New_York", "America/Los_Angeles", "Europe/Berlin", "UTC"];

fn target(index: u16, capped: bool) -> Value {
    let caps = if capped { json!({"concurrent": 5, "hourly": 40, "daily": 200}) } else { json!({}) };
    json!({
        "name": format!("Target {index}"), "destination": {"number": format!("+1202555{index:04}")},
        "time_zone": ZONES[usize::from(index) % ZONES.len()], "caps": caps, "revenue": {"fixed": 5_000_000},
    })
}

fn snapshot(capped: bool, groups: u16) -> Snapshot {
    let targets =
        (0..TARGETS).map(|index| (target(index, capped), 1 + index % groups, 1 + index % 100)).collect();
    support::campaign(1_000, Vec::new(), targets)
}

/// Every third target is full, every tenth switched off.
fn usage(snapshot: &Snapshot) -> HashMap<CounterId, Usage> {
    let now = support::call().started_at;
    let mut found = HashMap::new();
    for (index, (id, target)) in snapshot.targets.iter().enumerate() {
        let open = OpenWindows::at(now, &target.time_zone);
        let live = if index % 3 == 0 { 5 } else { 1 };
        let windows = [(open.hour, 3), (open.day, 17), (open.month, 170)].into();
        found.insert(
            (*id).into(),
            Usage { live, total: 170, windows, paused: index % 10 == 0, ..Usage::default() },
        );
    }
    found
}

/// The whole choice with filters: when everybody's passes, and when nobody's does, because each asks for one thing more.
fn filtered(criterion: &mut Criterion) {
    let call = support::call();
    let tags = filters::tags();
    let missing = json!({"tag": "User:missing", "is": "exists"});
    for (name, passes, strategy) in [
        ("all pass", true, Strategy::Weighted),
        ("none passes", false, Strategy::Weighted),
        ("all pass, ranked by what they earned", true, Strategy::Predictive),
    ] {
        let name =
            format!("routing: 1000 targets with {} comparisons each, capped; {name}", filters::PREDICATES);
        let with_filter = |index: u16| {
            let mut body = target(index, true);
            body["filter"] = filters::filter(index.into(), filters::PREDICATES);
            if !passes && let Some(all) = body["filter"]["all"].as_array_mut() {
                all.pop();
                all.push(missing.clone());
            }
            body
        };
        let targets =
            (0..TARGETS).map(|index| (with_filter(index), 1 + index % 10, 1 + index % 100)).collect();
        let mut snapshot = support::campaign(1_000, Vec::new(), targets);
        snapshot.campaign.strategy = strategy;
        let mut usage = usage(&snapshot);
        for (dialled, row) in (100..).zip(usage.values_mut()) {
            let revenue = Money::from_units(dialled * 3);
            let counts = Counts { dialled: dialled.unsigned_abs().into(), revenue, ..Counts::default() };
            row.earned = Earned { of_publisher: counts, of_campaign: counts };
        }
        let situation = Situation {
            call: &call,
            now: call.started_at,
            usage: &usage,
            tried: &[],
            asked: &[],
            tags: tags.clone(),
        };
        assert_eq!(Walk::new(&snapshot, &situation).next().is_some(), passes, "{name}");
        #[expect(clippy::print_stdout, reason = "the figures are what a benchmark is for")]
        {
            let first = filters::percentiles(3_000, || {
                black_box(Walk::new(&snapshot, &situation).next());
            });
            println!("{name}, the first: {first}");
            let all = filters::percentiles(3_000, || {
                black_box(Walk::new(&snapshot, &situation).count());
            });
            println!("{name}, all of them looked at: {all}");
        }
        criterion.bench_function(&format!("{name}, the first"), |bencher| {
            bencher.iter(|| black_box(Walk::new(&snapshot, &situation).next()));
        });
    }
}

fn routing(criterion: &mut Criterion) {
    let call = support::call();
    let nothing = HashMap::new();
    for (name, capped, groups) in [
        ("1000 targets, all equal, no caps", false, 1),
        ("1000 targets in ten priorities, no caps", false, 10),
        ("1000 targets in ten priorities, capped, a third full", true, 10),
    ] {
        let snapshot = snapshot(capped, groups);
        let usage = if capped { usage(&snapshot) } else { nothing.clone() };
        let situation = Situation {
            call: &call,
            now: call.started_at,
            usage: &usage,
            tried: &[],
            asked: &[],
            tags: Tags::new(),
        };
        assert!(Walk::new(&snapshot, &situation).next().is_some(), "{name}");
        criterion.bench_function(&format!("routing: {name}, the first"), |bencher| {
            bencher.iter(|| black_box(Walk::new(&snapshot, &situation).next()));
        });
        criterion.bench_function(&format!("routing: {name}, all of them looked at"), |bencher| {
            bencher.iter(|| black_box(Walk::new(&snapshot, &situation).count()));
        });
    }
    let equals = snapshot(false, 1);
    let situation = Situation {
        call: &call,
        now: call.started_at,
        usage: &nothing,
        tried: &[],
        asked: &[],
        tags: Tags::new(),
    };
    criterion.bench_function("routing: order of 1000 equal targets alone", |bencher| {
        bencher.iter(|| black_box(order(&equals, &situation)));
    });
    let usual =
        support::campaign(1_000, Vec::new(), (0..5).map(|index| (target(index, true), 1, 100)).collect());
    let situation = Situation {
        call: &call,
        now: call.started_at,
        usage: &nothing,
        tried: &[],
        asked: &[],
        tags: Tags::new(),
    };
    criterion.bench_function("routing: five capped targets", |bencher| {
        bencher.iter(|| black_box(Walk::new(&usual, &situation).next()));
    });
}

criterion_group!(benches, filtered, routing);
criterion_main!(benches);
