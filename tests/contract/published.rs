//! Published campaigns: a version has one body for ever, and nobody sees a version without its body.

use std::collections::BTreeMap;

use app::ports::{Catalog, PortError, Published, Saved};
use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::AttributeValue;
use domain::campaign::Campaign;
use domain::seed::Dice;
use domain::snapshot::{Prepared, Snapshot};
use futures::future::join_all;
use testkit::database::TABLE;

use crate::support::*;

fn snapshot(version: u64, description: impl Into<String>) -> Snapshot {
    let mut campaign: Campaign =
        serde_json::from_value(serde_json::json!({ "name": "roofing" })).expect("a campaign");
    campaign.description = description.into();
    Snapshot {
        rtb_numbers: Default::default(),
        campaign_id: crate::support::campaign(),
        version,
        published_at: noon(),
        campaign,
        targets: BTreeMap::new(),
        rtb_targets: BTreeMap::new(),
        target_groups: BTreeMap::new(),
        ring_trees: BTreeMap::new(),
        agents: Default::default(),
        buyers: BTreeMap::new(),
        prepared: Prepared::default(),
    }
}

/// Text that does not compress below three quarters of its length.
fn noise(characters: usize) -> String {
    let mut dice = Dice::new(SEED);
    (0..characters).map(|_| char::from(b'0' + u8::try_from(dice.below(64)).expect("small"))).collect()
}

#[tokio::test]
async fn versions_follow_each_other_and_older_ones_stay() {
    let database = database().await;
    let store = database.store();
    let campaign = campaign();
    assert_eq!(store.version(tenant(), campaign).await.expect("a read"), None);
    assert!(store.snapshot(tenant(), campaign, 1).await.expect("a read").is_none());
    assert_eq!(
        store.publish(tenant(), &snapshot(2, "gap"), &noted()).await.expect("an answer"),
        Saved::Changed
    );
    for version in 1..=3 {
        let saved = store.publish(tenant(), &snapshot(version, format!("no. {version}")), &noted()).await;
        assert_eq!(saved.expect("an answer"), Saved::Done);
    }
    assert_eq!(
        store.publish(tenant(), &snapshot(3, "again"), &noted()).await.expect("an answer"),
        Saved::Changed
    );
    assert_eq!(store.version(tenant(), campaign).await.expect("a read"), Some(3));
    for version in 1..=3 {
        let body = store.snapshot(tenant(), campaign, version).await.expect("a read").expect("a body");
        assert_eq!(*body, snapshot(version, format!("no. {version}")));
    }
    assert!(store.snapshot(tenant(), campaign, 4).await.expect("a read").is_none());
    assert!(store.snapshot(id(8), campaign, 1).await.expect("a read").is_none());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_ten_publications_of_one_version_one_is_published_whole() {
    let troubled = troubled(&a_busy_table()).await;
    let publications = (0..10).map(|number| {
        let store = troubled.store.clone();
        tokio::spawn(async move {
            let snapshot = snapshot(1, format!("{number} {}", noise(1_000)));
            (store.publish(tenant(), &snapshot, &noted()).await.expect("an answer"), snapshot)
        })
    });
    let outcomes: Vec<(Saved, Snapshot)> =
        join_all(publications).await.into_iter().map(|joined| joined.expect("no panic")).collect();
    let done: Vec<&Snapshot> =
        outcomes.iter().filter(|(saved, _)| *saved == Saved::Done).map(|(_, snapshot)| snapshot).collect();
    assert_eq!(done.len(), 1);
    let body = troubled.store.snapshot(tenant(), campaign(), 1).await.expect("a read").expect("a body");
    assert_eq!(*body, *done[0]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_large_body_lies_in_chunks_and_comes_back_whole() {
    let troubled = troubled(&[]).await;
    let large = snapshot(1, noise(1_200_000));
    assert_eq!(troubled.store.publish(tenant(), &large, &noted()).await.expect("an answer"), Saved::Done);
    let chunks = troubled.proxy.count("PutItem");
    assert!(chunks >= 3, "{chunks} chunks");

    let reader = troubled.database.store();
    let body = reader.snapshot(tenant(), campaign(), 1).await.expect("a read").expect("a body");
    assert_eq!(*body, large);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_body_is_fetched_once_however_many_ask() {
    let troubled = troubled(&[]).await;
    troubled.database.store().publish(tenant(), &snapshot(1, "hello"), &noted()).await.expect("published");
    assert!(troubled.store.cached(tenant(), campaign()).is_none());
    let readers = (0..50).map(|_| {
        let store = troubled.store.clone();
        tokio::spawn(async move {
            store.snapshot(tenant(), campaign(), 1).await.expect("a read").expect("a body")
        })
    });
    for joined in join_all(readers).await {
        assert_eq!(*joined.expect("no panic"), snapshot(1, "hello"));
    }
    assert_eq!(troubled.proxy.seen().len(), 1, "one query, and no other request");

    troubled.database.store().publish(tenant(), &snapshot(2, "news"), &noted()).await.expect("published");
    assert_eq!(troubled.store.cached(tenant(), campaign()).map(|body| body.version), Some(1), "not told yet");
    troubled.store.snapshot(tenant(), campaign(), 2).await.expect("a read").expect("a body");
    assert_eq!(troubled.store.cached(tenant(), campaign()).map(|body| body.version), Some(2));
}

#[tokio::test]
async fn the_cache_is_bounded_and_keeps_what_is_used() {
    let troubled = troubled(&[]).await;
    let writer = troubled.database.store();
    let of = |number: u128| Snapshot { campaign_id: id(number), ..snapshot(1, "small") };
    for number in 1..=260 {
        writer.publish(tenant(), &of(number), &noted()).await.expect("published");
        troubled.store.snapshot(tenant(), id(number), 1).await.expect("a read").expect("a body");
        troubled.store.snapshot(tenant(), id(1), 1).await.expect("a read").expect("a body");
    }
    assert!(troubled.store.cached(tenant(), id(1)).is_some(), "used all the time");
    assert!(troubled.store.cached(tenant(), id(2)).is_none(), "not used for long");
    assert!(troubled.store.cached(tenant(), id(260)).is_some());
}

#[tokio::test]
async fn a_damaged_body_is_not_used() {
    let database = database().await;
    let store = database.store();
    store.publish(tenant(), &snapshot(1, "hello"), &noted()).await.expect("published");
    let partition = store::keys::campaign_partition(tenant(), campaign());
    let chunks = database
        .client()
        .query()
        .table_name(TABLE)
        .key_condition_expression("pk = :campaign AND begins_with(sk, :version)")
        .expression_attribute_values(":campaign", AttributeValue::S(partition))
        .expression_attribute_values(":version", AttributeValue::S(store::keys::publication_prefix(1)))
        .send()
        .await
        .expect("a list")
        .items
        .expect("items");
    let mut chunk = chunks.into_iter().find(|item| item.contains_key("bytes")).expect("a chunk");
    chunk.insert("bytes".to_owned(), AttributeValue::B(Blob::new("something else")));
    database.client().put_item().table_name(TABLE).set_item(Some(chunk)).send().await.expect("written");
    let read = store.snapshot(tenant(), campaign(), 1).await;
    assert!(matches!(read, Err(PortError::Corrupt { .. })), "{read:?}");
}
