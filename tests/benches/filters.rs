//! How long a call's tags take against the filters of a thousand targets with fifty comparisons each, all different, when
//! every filter passes: the most that can be asked.

#![expect(clippy::expect_used, reason = "a benchmark that cannot be set up has nothing to say")]

use std::hint::black_box;
use std::time::{Duration, Instant};

use criterion::{Criterion, criterion_group, criterion_main};
use domain::filter::{Filter, FilterSet, Tags};
use serde_json::{Value, json};

const TARGETS: usize = 1_000;
const PREDICATES: usize = 50;
/// 61 different characters, so that every part of it is a different text.
const LONG: &str = "abcdefghijklmnopqrstuvwxyz0123456789-_.~!*'();:@&=+$,/?%#[ ]^";

fn tags() -> Tags {
    let mut tags = Tags::new();
    for index in 0..PREDICATES {
        tags.set("User", &format!("number{index}"), "5000000");
        tags.set("User", &format!("zip{index}"), "10001");
        tags.set("User", &format!("text{index}"), LONG);
    }
    tags
}

/// A comparison that holds, and that no other target makes.
fn predicate(target: usize, place: usize) -> Value {
    let (start, length) = (target % 30, 1 + target / 30);
    match place % 6 {
        0 => json!({"tag": format!("User:number{place}"), "is": "greater", "value": target}),
        1 => json!({"tag": format!("User:number{place}"), "is": "less", "value": 9_000_000 + target}),
        2 => {
            let others = (0..19).map(|index| format!("{}", 20_000 + target * 20 + index));
            let list: Vec<String> = others.chain(["10001".to_owned()]).collect();
            json!({"tag": format!("User:zip{place}"), "is": "in_list", "value": list})
        }
        3 => {
            let other = json!({"tag": format!("User:zip{place}"), "is": "equals", "value": 20_000 + target});
            json!({"not": other})
        }
        4 => {
            let other = json!({"tag": format!("User:text{place}"), "is": "begins_with", "value": format!("x{target}")});
            json!({"not": other})
        }
        _ => {
            let part = LONG.get(start..(start + length).min(61)).expect("a part");
            json!({"tag": format!("User:text{place}"), "is": "contains", "value": part})
        }
    }
}

fn filters_of(targets: usize, predicates: usize) -> Vec<Filter> {
    let filter = |target: usize| {
        let all: Vec<Value> = (0..predicates).map(|place| predicate(target, place)).collect();
        serde_json::from_value(json!({"all": all})).expect("a filter")
    };
    (0..targets).map(filter).collect()
}

fn look(set: &FilterSet, tags: &Tags, targets: usize) -> usize {
    let look = set.look(tags);
    (0..targets).filter(|target| look.passes(*target).is_ok()).count()
}

/// Criterion shows means; a call path is judged by its slow calls.
fn percentiles(set: &FilterSet, tags: &Tags, targets: usize) -> String {
    let mut took: Vec<Duration> = (0..5_000)
        .map(|_| {
            let began = Instant::now();
            black_box(look(set, tags, targets));
            began.elapsed()
        })
        .collect();
    took.sort_unstable();
    let at = |percent: usize| took.get((took.len() - 1) * percent / 100).copied().unwrap_or_default();
    format!("p50 {:?}, p99 {:?}, max {:?}", at(50), at(99), at(100))
}

fn filters(criterion: &mut Criterion) {
    let tags = tags();
    for (targets, predicates) in [(TARGETS, PREDICATES), (TARGETS, 3), (5, 3)] {
        let name = format!("filters: {targets} targets, {predicates} different comparisons each");
        let filters = filters_of(targets, predicates);
        let set = FilterSet::compile(&filters);
        assert_eq!(look(&set, &tags, targets), targets, "every filter passes");
        #[expect(clippy::print_stdout, reason = "the figures are what a benchmark is for")]
        {
            println!("{name}: {} distinct, {}", set.distinct(), percentiles(&set, &tags, targets));
        }
        criterion.bench_function(&name, |bencher| {
            bencher.iter(|| black_box(look(&set, &tags, targets)));
        });
        if predicates == PREDICATES {
            criterion.bench_function("filters: making those ready", |bencher| {
                bencher.iter(|| black_box(FilterSet::compile(&filters)));
            });
        }
    }
}

criterion_group!(benches, filters);
criterion_main!(benches);
