//! Being asked: addresses, promises, the log of pings, and taking a caller out of them: the same for the adapter and for the
//! fake.

use std::collections::BTreeMap;
use std::sync::Arc;

use app::ports::{InboundBids, IssuedAddress, PingsOf, Promised};
use domain::ids::{CampaignId, InboundBidId, PublisherId, TenantId};
use domain::inbound::{Environment, InboundBid, PingLine, RtbAddress};
use domain::ledger::Payout;
use domain::money::{Currency, Money};
use domain::phone::E164;
use futures::future::join_all;
use jiff::{SignedDuration, Timestamp};
use testkit::database::TestDatabase;
use testkit::fakes::FakeInboundBids;

use crate::support::{after, id, noon, noted, tenant};

/// The adapter on the embedded database, and the fake.
async fn both() -> (TestDatabase, [Arc<dyn InboundBids>; 2]) {
    let database = TestDatabase::start().await.expect("a database");
    let store = Arc::new(database.store());
    (database, [store, Arc::new(FakeInboundBids::default())])
}

fn number() -> E164 {
    "+18335550100".parse().expect("a number")
}

fn seconds(seconds: i64) -> Timestamp {
    noon() + SignedDuration::from_secs(seconds)
}

/// A bid for a minute, for this caller (or any), on the number.
fn bid(of: u128, caller: Option<&str>, given_at: Timestamp) -> InboundBid {
    InboundBid {
        id: id(of),
        fingerprint: format!("ping {of}"),
        campaign: id(2),
        publisher: id(8),
        environment: Environment::Production,
        amount: Money::from_units(10),
        currency: Currency::USD,
        payout: Payout::default(),
        given_at,
        expires_at: given_at + SignedDuration::from_secs(60),
        number: Some(number()),
        sip: None,
        caller_key: caller.map(str::to_owned),
        zip: Some("94105".to_owned()),
        state: None,
        tags: BTreeMap::new(),
        passed_on: None,
        auction: None,
        used_by: None,
    }
}

fn line(of: u128, publisher: u128, at: Timestamp) -> PingLine {
    PingLine {
        id: id::<_>(of),
        at,
        campaign: id(2),
        publisher: id(publisher),
        environment: Environment::Production,
        caller: Some("415***0100".to_owned()),
        parameters: vec!["cid".to_owned()],
        amount: None,
        currency: Currency::USD,
        cached: false,
        rejected: None,
        why: None,
        auctions: Vec::new(),
        elapsed_ms: 3,
    }
}

async fn promised(bids: &dyn InboundBids, of: TenantId, caller: Option<&str>) -> Vec<InboundBidId> {
    let found = bids.promises(of, &[&number()], caller).await.expect("the promises");
    let mut found: Vec<InboundBidId> = found.iter().map(|bid| bid.id).collect();
    found.sort();
    found
}

#[tokio::test]
async fn a_number_is_promised_once_for_a_caller_until_the_promise_ends() {
    let (_database, both) = both().await;
    for bids in both {
        let promise = async |bid: &InboundBid| bids.promise(tenant(), bid).await.expect("an answer");
        let first = bid(1, Some("ann"), noon());
        assert_eq!(promise(&first).await, Promised::Done);
        assert_eq!(promise(&bid(2, Some("ann"), seconds(59))).await, Promised::NumberTaken);
        assert_eq!(promise(&bid(3, Some("ben"), seconds(59))).await, Promised::Done, "another caller");
        assert_eq!(promised(&*bids, tenant(), Some("ann")).await, [id(1)]);
        assert_eq!(promise(&bid(4, Some("ann"), seconds(60))).await, Promised::Done, "its time is over");
        assert_eq!(promised(&*bids, tenant(), Some("ann")).await, [id(4)]);
    }
}

#[tokio::test]
async fn the_same_ping_has_one_open_bid() {
    let (_database, both) = both().await;
    for bids in both {
        let again = |of: u128, at| InboundBid { fingerprint: "ping".to_owned(), ..bid(of, Some("ann"), at) };
        let all = (1..=8).map(|of| {
            let (bids, new) = (bids.clone(), again(of, noon()));
            async move { bids.promise(tenant(), &new).await.expect("an answer") }
        });
        let all = join_all(all).await;
        assert_eq!(all.iter().filter(|one| **one == Promised::Done).count(), 1, "{all:?}");
        let there = bids.bid_of_ping(tenant(), "ping").await.expect("an answer").expect("a bid");
        for one in all {
            let Promised::Before(before) = one else { continue };
            assert_eq!(*before, there, "the others are told that one");
        }
        let next = bids.promise(tenant(), &again(9, seconds(60))).await.expect("an answer");
        assert_eq!(next, Promised::Done);
    }
}

#[tokio::test]
async fn a_number_that_any_caller_was_promised_rests_for_a_minute() {
    let (_database, both) = both().await;
    for bids in both {
        let promise = async |bid: &InboundBid| bids.promise(tenant(), bid).await.expect("an answer");
        assert_eq!(promise(&bid(1, None, noon())).await, Promised::Done);
        assert_eq!(promise(&bid(2, None, seconds(119))).await, Promised::NumberTaken);
        assert_eq!(promise(&bid(3, None, seconds(120))).await, Promised::Done);
        assert_eq!(promised(&*bids, tenant(), Some("ann")).await, [id(3)], "whoever calls");
    }
}

#[tokio::test]
async fn tenants_do_not_meet_on_a_number() {
    let (_database, both) = both().await;
    for bids in both {
        let other: TenantId = id(77);
        for (of, tenant) in [(1, tenant()), (2, other)] {
            let mine = InboundBid { fingerprint: "ping".to_owned(), ..bid(of, Some("ann"), noon()) };
            assert_eq!(bids.promise(tenant, &mine).await.expect("an answer"), Promised::Done);
        }
        assert_eq!(promised(&*bids, tenant(), Some("ann")).await, [id(1)]);
        assert_eq!(promised(&*bids, other, Some("ann")).await, [id(2)]);
        assert_eq!(promised(&*bids, id(78), Some("ann")).await, []);
    }
}

#[tokio::test]
async fn an_address_is_whose_it_is_until_there_is_a_new_one() {
    let (_database, both) = both().await;
    for bids in both {
        let (campaign, publisher): (CampaignId, PublisherId) = (id(2), id(8));
        let address = RtbAddress { tenant: tenant(), campaign, publisher };
        let issued = |letters: &str, minutes| IssuedAddress {
            rtb_id: letters.repeat(16).try_into().expect("an id"),
            publisher,
            issued_at: after(minutes),
        };
        let (first, second, late) = (issued("ab", 0), issued("cd", 1), issued("ef", 2));
        let issue = async |new: &IssuedAddress, before: Option<&IssuedAddress>| {
            bids.issue(&address, new, before, &noted()).await.expect("an answer")
        };
        assert!(issue(&first, None).await);
        assert!(!issue(&late, None).await, "it has one");
        assert!(issue(&second, Some(&first)).await);
        assert!(!issue(&late, Some(&first)).await, "somebody was faster");
        assert_eq!(bids.address(&first.rtb_id).await.expect("an answer"), None);
        assert_eq!(bids.address(&second.rtb_id).await.expect("an answer"), Some(address));
        assert_eq!(bids.addresses(tenant(), campaign).await.expect("a list"), [second]);
        assert_eq!(bids.addresses(id(77), campaign).await.expect("a list"), []);
    }
}

#[tokio::test]
async fn pings_of_a_day_are_listed_newest_first_page_by_page() {
    let (_database, both) = both().await;
    for bids in both {
        for (of, publisher, minutes) in [(1, 8, 1), (2, 9, 2), (3, 8, 3), (4, 8, 24 * 60)] {
            bids.log_ping(tenant(), None, &line(of, publisher, after(minutes))).await.expect("a line");
        }
        let day = jiff::civil::date(2026, 11, 22);
        let list = async |of, cursor: Option<String>, limit| {
            let page = bids.pings(tenant(), of, day, cursor.as_deref(), limit).await.expect("a page");
            (page.items.iter().map(|line| line.id).collect::<Vec<_>>(), page.next)
        };
        let campaign = PingsOf::Campaign(id(2));
        assert_eq!(list(campaign, None, 10).await, (vec![id(3), id(2), id(1)], None));
        let (first, next) = list(campaign, None, 2).await;
        assert_eq!(first, [id(3), id(2)]);
        assert_eq!(list(campaign, next, 2).await, (vec![id(1)], None));
        assert_eq!(list(PingsOf::Publisher(id(8)), None, 10).await.0, [id(3), id(1)]);
    }
}

#[tokio::test]
async fn what_publishers_said_of_a_caller_can_be_forgotten() {
    let (_database, both) = both().await;
    for bids in both {
        let caller: E164 = "+14155550100".parse().expect("a number");
        for (of, who) in [(1, Some("ann")), (2, Some("ben"))] {
            bids.promise(tenant(), &bid(of, who, noon())).await.expect("a promise");
            let auctions = vec![id(40 + of)];
            let line = PingLine { auctions, ..line(of, 8, after(1)) };
            bids.log_ping(tenant(), who, &line).await.expect("a line");
        }
        let young = bids.forget_bids(tenant(), "ann", &caller, noon()).await.expect("done");
        assert_eq!((young.bids, young.complete), (0, false), "what is younger waits");
        assert_eq!(bids.auctions_about(tenant(), "ann", noon()).await.expect("an answer"), []);
        assert_eq!(
            bids.auctions_about(tenant(), "ann", after(60)).await.expect("an answer"),
            [(id(41), after(1))]
        );
        let done = bids.forget_bids(tenant(), "ann", &caller, after(60)).await.expect("done");
        assert_eq!((done.bids, done.complete), (1, true));
        assert_eq!(promised(&*bids, tenant(), Some("ann")).await, []);
        assert_eq!(promised(&*bids, tenant(), Some("ben")).await, [id(2)]);
        assert_eq!(bids.bid_of_ping(tenant(), "ping 1").await.expect("an answer"), None);
        let day = jiff::civil::date(2026, 11, 22);
        let page = bids.pings(tenant(), PingsOf::Publisher(id(8)), day, None, 10).await.expect("a page");
        let left: BTreeMap<_, _> = page.items.iter().map(|line| (line.id, line.caller.is_some())).collect();
        assert_eq!(left, [(id(1), false), (id(2), true)].into(), "the line stays, without the caller");
        let again = bids.forget_bids(tenant(), "ann", &caller, after(60)).await.expect("done");
        assert_eq!((again.bids, again.complete), (0, true));
    }
}
