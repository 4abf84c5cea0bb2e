//! One auction with fifty bidders that mean harm and one that is honest, through the real outbound client and the real store.

#[path = "../benches/support/crowd.rs"]
mod crowd;

use std::sync::Arc;
use std::time::Duration;

use domain::ids::{CallId, RtbTargetId};
use domain::rtb_target::RtbTarget;
use domain::snapshot::Parts;
use outbound::{AllowList, Outbound};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::bidders::dialled;
use crate::world::World;
use crowd::{Bidder, HONEST, Harm};

const HOSTILE: usize = 50;
const DEADLINE_MS: u32 = 1_000;
/// What a loaded machine may add to a deadline before this test calls it broken; how exact it is, a benchmark says.
const GENEROUS_MS: u32 = 1_000;
/// What one hostile answer may cost: our own limit of 256 kB, and the buffers of both kernels.
const WIRE_CEILING: u64 = 1024 * 1024;

async fn world_with(crowd: &[Bidder]) -> World {
    let bidder = |(number, bidder): (usize, &Bidder)| {
        let id = RtbTargetId::from_uuid(Uuid::from_u128(500 + number as u128));
        let bidder: RtbTarget = serde_json::from_value(bidder.settings(number)).unwrap();
        (id, bidder)
    };
    let rtb_targets: std::collections::BTreeMap<_, _> = crowd.iter().enumerate().map(bidder).collect();
    let entries: Vec<Value> = rtb_targets.keys().map(|id| json!({"rtb_target": id})).collect();
    let auction = json!({"auction": {"bidders": entries, "deadline_ms": DEADLINE_MS}});
    World::with_parts(auction, Parts { rtb_targets, ..Parts::default() }).await
}

async fn nobody_is_connected(to: &[Bidder]) {
    let hung_up = async {
        while to.iter().any(|bidder| bidder.harm.is_some() && bidder.open() > 0) {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    if tokio::time::timeout(Duration::from_secs(10), hung_up).await.is_err() {
        let open: Vec<Harm> =
            to.iter().filter(|bidder| bidder.open() > 0).filter_map(|bidder| bidder.harm).collect();
        panic!("still connected to {open:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn among_fifty_hostile_bidders_the_honest_one_wins_at_the_deadline_and_every_harm_is_named() {
    let crowd = crowd::crowd(HOSTILE);
    let world = world_with(&crowd).await;
    let outbound = Outbound::new(AllowList::parse(&crowd::allowing(&crowd)).unwrap()).unwrap();
    let call: CallId = format!("RGB{:032x}", 1).parse().unwrap();
    world.incoming(call).await;
    let reply = world.auction_through(Arc::new(outbound), call, 1).await;
    assert_eq!(dialled(&reply), HONEST[8..], "{reply:?}");

    let record = world.record(call).await;
    let auction = record.auctions.last().unwrap();
    assert!(auction.took_ms >= DEADLINE_MS, "those that hang might have bid more: {}", auction.took_ms);
    assert!(auction.took_ms < DEADLINE_MS + GENEROUS_MS, "took {} ms", auction.took_ms);
    assert_eq!(auction.ranking.len(), 1);
    assert_eq!(auction.results.len(), HOSTILE + 1);
    for (result, bidder) in auction.results.iter().zip(&crowd) {
        let Some(harm) = bidder.harm else {
            assert_eq!((result.name.as_str(), &result.refusal), ("Honest", &None));
            continue;
        };
        assert!(result.name.starts_with(&format!("{harm:?} ")), "{}", result.name);
        let refusal = result.refusal.as_ref().unwrap_or_else(|| panic!("{harm:?} is no bid: {result:?}"));
        let (code, words) = harm.verdict();
        assert_eq!(refusal.code(), code, "{harm:?}: {refusal:?}");
        assert!(refusal.text().contains(words), "{harm:?}: {}", refusal.text());
        assert_eq!(bidder.connections(), 1, "{harm:?} is asked once");
        assert!(bidder.written() < WIRE_CEILING, "{harm:?} could write {} bytes", bidder.written());
    }
    nobody_is_connected(&crowd).await;
}
