//! Long tests, run by `make soak`: 200 kills during 2,000 calls.

mod storm;

#[tokio::test(flavor = "multi_thread")]
async fn two_hundred_kills_lose_nothing_that_was_acknowledged() {
    let mut total = storm::Weather::default();
    // Ten storms, because one database file with everything in it would make each restart slower than the last.
    for seed in 1..=10 {
        let weather = storm::storm(200, 20, seed).await;
        println!("storm {seed}: {weather:?}");
        total.calls += weather.calls;
        total.kills += weather.kills;
        total.acknowledged += weather.acknowledged;
        total.closed += weather.closed;
        total.fallbacks += weather.fallbacks;
    }
    println!("together: {total:?}");
    assert!(total.kills >= 200 && total.calls >= 2_000 && total.closed > 0, "{total:?}");
}
