//! How long the choice among a thousand targets takes: priorities, weights, caps and live counts looked at.

#![expect(clippy::expect_used, reason = "a benchmark that cannot be set up has nothing to say")]

#[expect(dead_code, reason = "each benchmark uses its own part")]
mod support;

use std::collections::HashMap;
use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use domain::caps::{CounterId, OpenWindows, Usage};
use domain::filter::Tags;
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

criterion_group!(benches, routing);
criterion_main!(benches);
