//! How long a call's tags take against the filters of a thousand targets with fifty comparisons each, all different, when
//! every filter passes: the most that can be asked.

#![expect(clippy::expect_used, reason = "a benchmark that cannot be set up has nothing to say")]

#[path = "support/filters.rs"]
mod corpus;

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use domain::filter::{FilterSet, Tags};

use crate::corpus::{PREDICATES, TARGETS, filters_of, percentiles, tags};

fn look(set: &FilterSet, tags: &Tags, targets: usize) -> usize {
    let look = set.look(tags);
    (0..targets).filter(|target| look.passes(*target).is_ok()).count()
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
            let took = percentiles(5_000, || {
                black_box(look(&set, &tags, targets));
            });
            println!("{name}: {} distinct, {took}", set.distinct());
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
