//! What a sign-in costs the processor: one verification of a password with today's parameters, right or wrong.

#![expect(clippy::expect_used, reason = "a benchmark that cannot be set up has nothing to say")]

use std::hint::black_box;

use app::identity::passwords::Argon2Passwords;
use app::ports::Passwords;
use app::secret::Secret;
use criterion::{Criterion, criterion_group, criterion_main};

fn password(criterion: &mut Criterion) {
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    let passwords = Argon2Passwords::new().expect("random bytes");
    let right = Secret::new("a long way to Tipperary");
    let hash = runtime.block_on(passwords.hash(&right)).expect("a hash");
    let wrong = Secret::new("a short way to Tipperary");
    for (name, password, known) in [("right", &right, &*hash), ("wrong", &wrong, passwords.nobodys())] {
        criterion.bench_function(&format!("password: {name}"), |bencher| {
            bencher.iter(|| {
                let verified = runtime.block_on(passwords.verify(black_box(password), known));
                verified.expect("an answer")
            });
        });
    }
}

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(20);
    targets = password
}
criterion_main!(benches);
