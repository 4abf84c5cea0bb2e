//! The small twin of the kill storm in `soak.rs`: fixed seed, few kills.

mod storm;

#[tokio::test(flavor = "multi_thread")]
async fn everything_acknowledged_survives_being_killed() {
    let weather = storm::storm(24, 4, 20_261_122).await;
    println!("{weather:?}");
    assert!(weather.acknowledged > 0 && weather.closed > 0, "{weather:?}");
}
