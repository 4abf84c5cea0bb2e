//! A call is settled once, with its ledger; until then it is due some time.

use app::ports::{Calls, DUE_SHARDS, DueCall, Settling};
use aws_sdk_dynamodb::types::AttributeValue;
use futures::future::join_all;
use jiff::Timestamp;
use store::Store;
use testkit::faults::{Fault, Rule};

use crate::support::*;

async fn due(store: &Store, now: Timestamp) -> Vec<DueCall> {
    let mut due = Vec::new();
    for shard in 0..DUE_SHARDS {
        due.extend(store.due(shard, now, 100).await.expect("a list"));
    }
    due
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_settlements_at_once_settle_once() {
    let troubled = troubled(&a_busy_table()).await;
    let plain = troubled.database.store();
    let call = call(1);
    plain.write_step(&first_step(&call, "hello")).await.expect("written");
    let settlements = (0..10).map(|_| {
        let (store, call) = (troubled.store.clone(), call.clone());
        tokio::spawn(async move { store.settle(tenant(), &call, &closing(), &Settling::default()).await })
    });
    let settled =
        join_all(settlements).await.into_iter().map(|joined| joined.expect("no panic").expect("an answer"));
    assert_eq!(settled.filter(|settled| *settled).count(), 1);

    let record = plain.load(tenant(), call.id).await.expect("a read").expect("a call");
    assert_eq!(record.closing, Some(closing()));
    assert_eq!(record.ledger, closing().settlement.entries);
}

#[tokio::test]
async fn a_settlement_whose_answer_was_lost_is_told_as_done() {
    let lost = Rule::always(Fault::LostAnswer).on("TransactWriteItems").times(2);
    let troubled = troubled(&[lost]).await;
    let call = call(1);
    troubled.database.store().write_step(&first_step(&call, "hello")).await.expect("written");
    assert!(troubled.store.settle(tenant(), &call, &closing(), &Settling::default()).await.expect("settled"));
    assert!(
        !troubled.store.settle(tenant(), &call, &closing(), &Settling::default()).await.expect("an answer")
    );
}

#[tokio::test]
async fn a_settlement_that_knows_too_few_attempts_does_not_go_through() {
    let database = database().await;
    let store = database.store();
    let call = call(1);
    store.write_step(&first_step(&call, "hello")).await.expect("written");
    let looked_before = closing();
    let mut dials = next_step(&call, 1, "dials");
    dials.attempts = vec![attempt(1, &[])];
    assert_eq!(store.write_step(&dials).await.expect("written"), app::ports::Written::Done);
    assert!(!store.settle(tenant(), &call, &looked_before, &Settling::default()).await.expect("an answer"));
    let looked_again = app::ports::Closing { attempts: 1, ..looked_before };
    assert!(store.settle(tenant(), &call, &looked_again, &Settling::default()).await.expect("settled"));
}

#[tokio::test]
async fn a_call_that_is_not_there_cannot_be_settled() {
    let database = database().await;
    let store = database.store();
    assert!(store.settle(tenant(), &call(1), &closing(), &Settling::default()).await.is_err());
    assert!(store.load(tenant(), call_id(1)).await.expect("a read").is_none());
}

#[tokio::test]
async fn ledger_entries_lie_with_their_party_and_month() {
    let database = database().await;
    let store = database.store();
    let call = call(1);
    store.write_step(&first_step(&call, "hello")).await.expect("written");
    store.settle(tenant(), &call, &closing(), &Settling::default()).await.expect("settled");
    for entry in closing().settlement.entries {
        let month = store::keys::ledger_in_month(tenant(), entry.party, after(3), call.id, entry.number);
        assert!(month.pk.ends_with("#202611"), "{}", month.pk);
        let found = database
            .client()
            .query()
            .table_name(testkit::database::TABLE)
            .index_name("gsi2")
            .key_condition_expression("gsi2pk = :party")
            .expression_attribute_values(":party", AttributeValue::S(month.pk))
            .send()
            .await
            .expect("a list");
        assert_eq!(found.count, 1);
    }
}

#[tokio::test]
async fn an_open_call_is_due_until_it_is_settled() {
    let database = database().await;
    let store = database.store();
    let calls: Vec<_> = (1..=40).map(call).collect();
    for call in &calls {
        store.write_step(&first_step(call, "hello")).await.expect("written");
    }
    assert!(due(&store, after(59)).await.is_empty());
    let found = due(&store, after(60)).await;
    assert_eq!(found.len(), 40);
    let one = &calls[0];
    let expected = DueCall { tenant: tenant(), call: one.id, account_sid: one.account_sid.clone() };
    assert!(found.contains(&expected));
    let shards: std::collections::HashSet<u8> =
        calls.iter().map(|call| store::keys::shard_of(call.id)).collect();
    assert!(shards.len() > 4, "calls are spread over the shards");

    // A later step and a look by housekeeping both move the time.
    store.write_step(&next_step(one, 1, "next")).await.expect("written");
    store.postpone(tenant(), calls[1].id, after(90)).await.expect("put off");
    assert_eq!(due(&store, after(60)).await.len(), 38);
    assert_eq!(due(&store, after(90)).await.len(), 40);

    for call in &calls {
        assert!(store.settle(tenant(), call, &closing(), &Settling::default()).await.expect("settled"));
    }
    store.postpone(tenant(), one.id, after(95)).await.expect("nothing to put off");
    assert!(due(&store, after(600)).await.is_empty());
}

#[tokio::test]
async fn due_calls_come_oldest_first_and_no_more_than_asked_for() {
    let database = database().await;
    let store = database.store();
    let mut in_one_shard: Vec<_> =
        (1..=200).map(call).filter(|call| store::keys::shard_of(call.id) == 3).collect();
    in_one_shard.truncate(5);
    for (place, call) in in_one_shard.iter().enumerate() {
        store.write_step(&first_step(call, "hello")).await.expect("written");
        let minutes = i64::try_from(place).expect("small");
        store.postpone(tenant(), call.id, after(50 - minutes)).await.expect("put off");
    }
    let oldest: Vec<_> =
        store.due(3, after(60), 3).await.expect("a list").into_iter().map(|due| due.call).collect();
    let expected: Vec<_> = in_one_shard.iter().rev().take(3).map(|call| call.id).collect();
    assert_eq!(oldest, expected);
}
