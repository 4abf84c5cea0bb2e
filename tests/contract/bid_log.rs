//! Logged bids: stored once each, found by bidder and day and by auction.

use app::ports::{BidLog, BidLogEntry};
use domain::auction::{BidderResult, Refusal};
use domain::ids::{AuctionId, RtbTargetId};
use domain::money::Money;
use jiff::civil::date;
use uuid::Uuid;

use crate::support::*;

pub fn entry(auction: u128, bidder: u128, minutes: i64) -> BidLogEntry {
    let bidder = RtbTargetId::from_uuid(Uuid::from_u128(bidder));
    BidLogEntry {
        tenant: tenant(),
        auction: AuctionId::from_uuid(Uuid::from_u128(auction)),
        call: call_id(1),
        asked_for: Default::default(),
        campaign: campaign(),
        bidder,
        at: after(minutes),
        url: "https://bidder.example/bid".to_owned(),
        request: Some("{}".to_owned()),
        status: Some(200),
        response: Some("{\"bid\":1}".to_owned()),
        result: BidderResult {
            bidder,
            name: "a bidder".to_owned(),
            latency_ms: Some(80),
            amount: Some(Money::from_micros(12_500_000)),
            destination: None,
            refusal: Some(Refusal::InvalidDestination),
        },
        won: false,
    }
}

#[tokio::test]
async fn a_bid_is_stored_once() {
    let database = database().await;
    let store = database.store();
    for auction in 1..=5 {
        let minutes = i64::try_from(auction).expect("small");
        for bidder in [10, 11] {
            store.store(&entry(auction, bidder, minutes)).await.expect("stored");
        }
    }
    let first = entry(1, 10, 1);
    store.store(&first).await.expect("stored again");
    store.store(&BidLogEntry { won: true, ..first.clone() }).await.expect("the first one stays");

    let today = date(2026, 11, 22);
    let all = store.of_bidder(tenant(), first.bidder, today, 100).await.expect("a list");
    let newest_first: Vec<BidLogEntry> =
        (1..=5).rev().map(|auction| entry(auction, 10, i64::try_from(auction).expect("small"))).collect();
    assert_eq!(all, newest_first);
    let two = store.of_bidder(tenant(), first.bidder, today, 2).await.expect("a list");
    assert_eq!(two, newest_first[..2]);
    assert!(store.of_bidder(tenant(), first.bidder, date(2026, 11, 21), 9).await.expect("a list").is_empty());

    let in_auction = store.of_auction(tenant(), first.auction).await.expect("a list");
    assert_eq!(in_auction, [entry(1, 10, 1), entry(1, 11, 1)]);
    assert!(store.of_auction(id(8), first.auction).await.expect("a list").is_empty());
}
