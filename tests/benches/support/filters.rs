//! Filters of a thousand targets with fifty comparisons each, all different, and tags that pass them all: the most that can be
//! asked. And how long something takes in its slow calls.

use std::time::{Duration, Instant};

use domain::filter::{Filter, Tags};
use serde_json::{Value, json};

/// Targets with a filter.
pub const TARGETS: usize = 1_000;
/// Comparisons of each filter.
pub const PREDICATES: usize = 50;
/// 61 different characters, so that every part of it is a different text.
const LONG: &str = "abcdefghijklmnopqrstuvwxyz0123456789-_.~!*'();:@&=+$,/?%#[ ]^";

/// Tags that pass all of it.
pub fn tags() -> Tags {
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

/// A target's filter, which passes.
pub fn filter(target: usize, predicates: usize) -> Value {
    let all: Vec<Value> = (0..predicates).map(|place| predicate(target, place)).collect();
    json!({"all": all})
}

/// The same as the product reads it.
pub fn filters_of(targets: usize, predicates: usize) -> Vec<Filter> {
    let read = |target| serde_json::from_value(filter(target, predicates)).expect("a filter");
    (0..targets).map(read).collect()
}

/// Criterion shows means; a call path is judged by its slow calls.
pub fn percentiles(runs: usize, mut deed: impl FnMut()) -> String {
    let mut took: Vec<Duration> = (0..runs)
        .map(|_| {
            let began = Instant::now();
            deed();
            began.elapsed()
        })
        .collect();
    took.sort_unstable();
    let at = |percent: usize| took.get((took.len() - 1) * percent / 100).copied().unwrap_or_default();
    format!("p50 {:?}, p99 {:?}, max {:?}", at(50), at(99), at(100))
}
