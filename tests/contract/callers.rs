//! Callers and their calls: noted with the call, found in pieces, taken out and counted once.

use std::sync::Arc;

use app::ports::{Callers, Calls, ErasedCall, Settling, Written};
use domain::audit::{Actor, AuditEntry};
use domain::call::Call;
use domain::ids::{ApiKeyId, CallId};
use domain::phone::E164;
use futures::future::join_all;
use testkit::database::TestDatabase;
use testkit::faults::{Fault, FaultProxy, Rule};
use uuid::Uuid;

use crate::support::*;

const CALLER: &str = "0123456789abcdef0123456789abcdef";

fn call_of(caller: Option<&str>, number: u32) -> Arc<Call> {
    let mut call = Call::clone(&call(number));
    call.caller_key = caller.map(str::to_owned);
    Arc::new(call)
}

fn asked(key: u128, minutes: i64) -> AuditEntry {
    let actor = Actor::ApiKey(ApiKeyId::from_uuid(Uuid::from_u128(key)));
    AuditEntry { actor, at: after(minutes), ..noted() }
}

#[tokio::test]
async fn a_call_is_noted_in_the_write_that_creates_it() {
    let database = database().await;
    let proxy = FaultProxy::before(&database.endpoint(), SEED).await.expect("a proxy");
    let store = TestDatabase::store_through(&proxy.endpoint());
    for (number, caller) in [(1, Some(CALLER)), (2, Some("another")), (3, None)] {
        let written = store.write_step(&first_step(&call_of(caller, number), "hello")).await;
        assert_eq!(written.expect("written"), Written::Done);
    }
    assert_eq!(proxy.seen().len(), 3, "one round trip each");
    let next = next_step(&call_of(Some(CALLER), 1), 1, "next");
    assert_eq!(store.write_step(&next).await.expect("written"), Written::Done);
    let found = store.calls_of(tenant(), CALLER, None, 10).await.expect("a list");
    assert_eq!(found, [call_id(1)]);
    assert!(store.calls_of(id(8), CALLER, None, 10).await.expect("a list").is_empty(), "of another tenant");

    // A write that does not go through notes nothing.
    let dead = call_of(Some("nobody"), 1);
    store.write_step(&first_step(&dead, "again")).await.expect("an answer");
    assert!(store.calls_of(tenant(), "nobody", None, 10).await.expect("a list").is_empty());
}

#[tokio::test]
async fn a_caller_s_calls_come_in_pieces_without_gap_or_repetition() {
    let database = database().await;
    let store = database.store();
    for number in 1..=7 {
        store.write_step(&first_step(&call_of(Some(CALLER), number), "hello")).await.expect("written");
    }
    let (mut found, mut after) = (Vec::<CallId>::new(), None);
    loop {
        let piece = store.calls_of(tenant(), CALLER, after, 3).await.expect("a list");
        let Some(last) = piece.last() else { break };
        after = Some(*last);
        found.extend(piece);
    }
    assert_eq!(found, (1..=7).map(call_id).collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_is_counted_once_however_often_it_is_done() {
    let troubled =
        troubled(&[Rule::percent(20, Fault::TransactionConflict), Rule::percent(10, Fault::LostAnswer)])
            .await;
    let plain = troubled.database.store();
    plain.write_step(&first_step(&call_of(Some(CALLER), 1), "hello")).await.expect("written");
    plain.note_request(tenant(), CALLER, &asked(1, 0)).await.expect("noted");
    let done = (0..10).map(|_| {
        let store = troubled.store.clone();
        let erased = ErasedCall { recordings: 2, bids: 5 };
        tokio::spawn(async move { store.forget(tenant(), CALLER, call_id(1), erased).await })
    });
    let done = join_all(done).await.into_iter().map(|joined| joined.expect("no panic").expect("an answer"));
    assert_eq!(done.filter(|first| *first).count(), 1);
    let proof = plain.proof(tenant(), CALLER).await.expect("a read").expect("a proof");
    assert_eq!((proof.calls, proof.recordings, proof.bids, proof.unblocked), (1, 2, 5, 0));
    assert!(plain.calls_of(tenant(), CALLER, None, 10).await.expect("a list").is_empty());
}

#[tokio::test]
async fn the_proof_says_who_asked_first_and_last() {
    let database = database().await;
    let store = database.store();
    assert_eq!(store.proof(tenant(), CALLER).await.expect("a read"), None);
    store.note_request(tenant(), CALLER, &asked(1, 0)).await.expect("noted");
    store.note_request(tenant(), CALLER, &asked(2, 5)).await.expect("noted");
    let proof = store.proof(tenant(), CALLER).await.expect("a read").expect("a proof");
    assert_eq!((proof.first_at, proof.last_at, proof.calls), (noon(), after(5), 0));
    assert_eq!(proof.by, asked(2, 5).actor.to_string());
}

#[tokio::test]
async fn two_who_scrub_at_once_leave_the_call_readable_and_clean() {
    let database = database().await;
    let store = database.store();
    let call = call_of(Some(CALLER), 1);
    store.write_step(&first_step(&call, "You called from (415) 555-0123.")).await.expect("written");
    store.settle(tenant(), &call, &closing(), &Settling::default()).await.expect("settled");
    let number: E164 = "+14155550123".parse().expect("a number");
    let scrubs = (0..6).map(|_| store.scrub(tenant(), call.id, &number));
    for scrubbed in join_all(scrubs).await {
        assert_eq!(scrubbed.expect("scrubbed"), 0);
    }
    let record = store.load(tenant(), call.id).await.expect("a read").expect("a call");
    let expected = Call { from: "erased".to_owned(), from_zip: None, caller_key: None, ..Call::clone(&call) };
    assert_eq!(*record.call, expected);
    assert_eq!(record.closing, Some(closing()));
    assert!(format!("{:?}", record.steps).contains("You called from erased."), "{:?}", record.steps);
}
