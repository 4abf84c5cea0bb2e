//! The voice events together are one call: sent one after the other they bring it to its books.

use app::ports::Calls as _;
use domain::call::CallStatus;
use domain::ids::CallId;
use domain::money::Money;

use crate::world::{TENANT, World};

const CALL: &str = "RGB1f0c5e8b7a2d4c6f9e3b1a0d8c7f6e5d";

#[tokio::test]
async fn the_events_tell_one_call_from_its_arrival_to_its_books() {
    let world = World::new().await;
    for event in [
        "voice-inbound/incoming-call",
        "rtb-auction/bidders-compete",
        "voice-status/leg-is-answered",
        "voice-status/leg-is-over",
        "voice-dial-result/conversation-is-over",
        "voice-status/recording-is-ready",
        "voice-status/caller-has-left",
    ] {
        world.send(event).await;
    }
    let call: CallId = CALL.parse().unwrap();
    let record = world.store.load(TENANT.parse().unwrap(), call).await.unwrap().expect("the call is there");
    assert_eq!(record.auctions[0].results.len(), 3);
    assert_eq!(record.auctions[0].ranking.len(), 1);
    assert_eq!(record.recordings.len(), 1);
    let closing = record.closing.expect("the call has closed");
    assert_eq!(
        (closing.status, closing.connected_seconds, closing.total_seconds),
        (CallStatus::Completed, 95, 101)
    );
    assert_eq!(closing.billed_name.as_deref(), Some("Alpine Plumbing"));
    assert_eq!(closing.settlement.revenue, Money::from_micros(18_500_000));
}

#[tokio::test]
async fn a_tick_of_rtb_health_looks_at_every_bidder() {
    let world = World::new().await;
    world.send("rtb-health/tick").await;
    let looked: u64 = world.bidders.counts().all().values().map(|count| count.heads).sum();
    assert_eq!(looked, 3);
}
