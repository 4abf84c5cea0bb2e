//! The block list: what the call path reads is what stands in the catalogue, in one batch.

use app::ports::{BlockedCallers, Catalog, Kind, Record, Saved};
use domain::blocked::{Block, BlockPattern};
use domain::ids::{BlockedNumberId, TenantId};
use jiff::Timestamp;
use serde_json::json;

use crate::support::*;

fn blocked(number: u128, version: u64, pattern: &str, expires_at: Option<Timestamp>) -> Record {
    Record {
        id: id::<domain::ids::BlockedNumberNoun>(number).to_string(),
        version,
        created_at: noon(),
        updated_at: noon(),
        body: json!({ "number": pattern, "expires_at": expires_at }),
    }
}

fn block(number: u128, expires_at: Option<Timestamp>) -> Block {
    Block { blocked_number: BlockedNumberId::from_uuid(uuid::Uuid::from_u128(number)), expires_at }
}

#[tokio::test]
async fn a_caller_finds_every_block_that_names_it_and_no_other() {
    let database = database().await;
    let store = database.store();
    let kind = Kind::BlockedNumber;
    let entries =
        [(1, "+1415", None), (2, "+14155550123", Some(after(5))), (3, "+1416", None), (4, "anonymous", None)];
    for (number, pattern, expires_at) in entries {
        let record = blocked(number, 1, pattern, expires_at);
        assert_eq!(
            store.create(tenant(), kind, &record, pattern, &noted()).await.expect("an answer"),
            Saved::Done
        );
    }
    let found = async |from: &str| {
        let mut blocks = store.blocks(tenant(), &BlockPattern::of_caller(from)).await.expect("a read");
        blocks.sort_by_key(|block| block.blocked_number);
        blocks
    };
    assert_eq!(found("+14155550123").await, [block(1, None), block(2, Some(after(5)))]);
    assert_eq!(found("+14155550124").await, [block(1, None)]);
    assert_eq!(found("anonymous").await, [block(4, None)]);
    assert_eq!(found("+442079460123").await, []);
    assert_eq!(found("client:bob").await, []);
    let other: TenantId = id(8);
    let theirs = store.blocks(other, &BlockPattern::of_caller("+14155550123")).await.expect("a read");
    assert_eq!(theirs, [], "each tenant blocks for itself");
}

#[tokio::test]
async fn a_block_changes_and_goes_with_its_record() {
    let database = database().await;
    let store = database.store();
    let kind = Kind::BlockedNumber;
    let patterns = BlockPattern::of_caller("+14155550123");
    let first = blocked(1, 1, "+1415", None);
    store.create(tenant(), kind, &first, "+1415", &noted()).await.expect("created");
    let taken = store.create(tenant(), kind, &blocked(2, 1, "+1415", None), "+1415", &noted()).await;
    assert_eq!(taken.expect("an answer"), Saved::Taken);

    let second = blocked(1, 2, "+1415", Some(after(9)));
    let saved = store.replace(tenant(), kind, &second, "+1415", (&first, "+1415"), &noted()).await;
    assert_eq!(saved.expect("an answer"), Saved::Done);
    assert_eq!(store.blocks(tenant(), &patterns).await.expect("a read"), [block(1, Some(after(9)))]);

    let third = blocked(1, 3, "+1416", None);
    let saved = store.replace(tenant(), kind, &third, "+1416", (&second, "+1415"), &noted()).await;
    assert_eq!(saved.expect("an answer"), Saved::Done);
    assert_eq!(store.blocks(tenant(), &patterns).await.expect("a read"), []);
    let moved = BlockPattern::of_caller("+14165550123");
    assert_eq!(store.blocks(tenant(), &moved).await.expect("a read"), [block(1, None)]);
    store.delete(tenant(), kind, &third, "+1416", &noted()).await.expect("removed");
    assert_eq!(store.blocks(tenant(), &moved).await.expect("a read"), []);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_longest_number_is_looked_up_in_one_request_and_no_number_in_none() {
    let troubled = troubled(&[]).await;
    let longest = BlockPattern::of_caller("+123456789012345");
    assert_eq!(longest.len(), 15);
    assert_eq!(troubled.store.blocks(tenant(), &longest).await.expect("a read"), []);
    assert_eq!((troubled.proxy.count("BatchGetItem"), troubled.proxy.seen().len()), (1, 1));
    assert_eq!(troubled.store.blocks(tenant(), &[]).await.expect("nothing to read"), []);
    assert_eq!(troubled.proxy.seen().len(), 1);
}
