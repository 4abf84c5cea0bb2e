//! A step is written once and whole; whoever comes second gets the first one's answer.

use std::sync::Arc;

use app::ports::{Calls, PortError, Settling, Step, StepStart, StepWrite, Written};
use domain::auction::Auction;
use domain::call::{CallStatus, Leg};
use domain::ids::AuctionId;
use domain::plan::Tree;
use futures::future::join_all;
use store::Refused;
use testkit::faults::{Fault, Rule};
use uuid::Uuid;

use crate::support::*;

fn refusal(error: &PortError) -> Option<Refused> {
    match error {
        PortError::Failed { cause, .. } => cause.downcast_ref().copied(),
        _ => None,
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_that_begins_ten_times_begins_once() {
    let troubled = troubled(&a_busy_table()).await;
    let begins = (0..10).map(|number| {
        let store = troubled.store.clone();
        tokio::spawn(async move {
            let write = first_step(&call(1), &format!("answer {number}"));
            loop {
                match store.write_step(&write).await {
                    Err(PortError::Busy { .. }) => {}
                    written => return written.expect("an answer"),
                }
            }
        })
    });
    let written: Vec<Written> =
        join_all(begins).await.into_iter().map(|joined| joined.expect("no panic")).collect();
    assert_eq!(written.iter().filter(|written| **written == Written::Done).count(), 1);

    let stored = match troubled.store.step(tenant(), call_id(1), 0).await.expect("a read") {
        Some(Step::Answered(answered)) => answered,
        other => panic!("{other:?}"),
    };
    for written in written {
        assert!(written == Written::Done || written == Written::Repeated(stored.clone()), "{written:?}");
    }
}

#[tokio::test]
async fn a_step_costs_one_round_trip_with_caps_or_without() {
    let troubled = troubled(&[]).await;
    let began = std::time::Instant::now();
    troubled.store.write_step(&first_step(&call(1), "plain")).await.expect("written");
    assert_eq!(troubled.proxy.sequential_rounds(began), 1);
    let caps = domain::caps::Caps { hourly: Some(3), ..Default::default() };
    let began = std::time::Instant::now();
    troubled.store.write_step(&dialling(&call(2), vec![limit(caps, noon())])).await.expect("written");
    assert_eq!(troubled.proxy.sequential_rounds(began), 1);
    assert_eq!(troubled.proxy.count("TransactWriteItems"), 2);
    assert_eq!(troubled.proxy.seen().len(), 2);
}

#[tokio::test]
async fn everything_a_step_brings_is_found_with_the_call() {
    let database = database().await;
    let store = database.store();
    let call = call(1);
    let auction = Auction {
        id: AuctionId::from_uuid(Uuid::from_u128(9)),
        call: call.id,
        step: 1,
        tree: Tree::First,
        started_at: noon(),
        deadline_ms: 1_000,
        took_ms: 400,
        results: Vec::new(),
        ranking: Vec::new(),
    };
    let begun = first_step(&call, "one moment");
    assert_eq!(store.write_step(&begun).await.expect("an answer"), Written::Done);
    let dialled = StepWrite {
        attempts: vec![attempt(1, &[])],
        auction: Some(Arc::new(auction.clone())),
        ..next_step(&call, 1, "dialling")
    };
    assert_eq!(store.write_step(&dialled).await.expect("an answer"), Written::Done);

    let record = store.load(tenant(), call.id).await.expect("a read").expect("a call");
    assert_eq!(*record.call, *call);
    assert_eq!(record.closing, None);
    assert_eq!(record.attempts, [attempt(1, &[])]);
    assert_eq!(record.auctions, [auction]);
    let answers = [(0, begun.answered), (1, dialled.answered)];
    let steps = answers.map(|(number, answered)| (number, Step::Answered(Box::new(answered))));
    assert_eq!(record.steps, steps);
    assert!(store.load(tenant(), call_id(99)).await.expect("a read").is_none());
    assert!(store.load(id(8), call.id).await.expect("a read").is_none(), "another tenant sees nothing");
}

#[tokio::test]
async fn a_started_step_belongs_to_its_worker_until_it_is_answered() {
    let database = database().await;
    let store = database.store();
    let call = call(1);
    store.write_step(&first_step(&call, "one moment")).await.expect("written");
    let (mine, other) = (Uuid::from_u128(1), Uuid::from_u128(2));

    let start = |by| store.start_step(tenant(), call.id, 1, by, noon());
    assert_eq!(start(mine).await.expect("started"), StepStart::Ours);
    let held = StepStart::Theirs(Step::Started { by: mine, at: noon() });
    assert_eq!(start(other).await.expect("an answer"), held);

    let without_token = store.write_step(&next_step(&call, 1, "too early")).await.expect_err("held");
    assert_eq!(refusal(&without_token), Some(Refused::HeldByAnother));
    let wrong_token = StepWrite { started_by: Some(other), ..next_step(&call, 1, "not mine") };
    let wrong_token = store.write_step(&wrong_token).await.expect_err("held");
    assert_eq!(refusal(&wrong_token), Some(Refused::HeldByAnother));

    let answer = StepWrite { started_by: Some(mine), ..next_step(&call, 1, "here it is") };
    assert_eq!(store.write_step(&answer).await.expect("an answer"), Written::Done);
    let repeated = Written::Repeated(Box::new(answer.answered.clone()));
    let late = StepWrite { started_by: Some(mine), ..next_step(&call, 1, "too late") };
    assert_eq!(store.write_step(&late).await.expect("an answer"), repeated);
    let answered = StepStart::Theirs(Step::Answered(Box::new(answer.answered)));
    assert_eq!(start(other).await.expect("an answer"), answered);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_step_is_started_by_one_of_twenty() {
    let troubled = troubled(&a_busy_table()).await;
    let starts = (0..20).map(|number| {
        let store = troubled.store.clone();
        tokio::spawn(async move {
            store.start_step(tenant(), call_id(1), 1, Uuid::from_u128(number), noon()).await
        })
    });
    let started =
        join_all(starts).await.into_iter().map(|joined| joined.expect("no panic").expect("an answer"));
    assert_eq!(started.filter(|start| *start == StepStart::Ours).count(), 1);
}

#[tokio::test]
async fn a_start_whose_answer_was_lost_is_still_ours() {
    let troubled = troubled(&[Rule::always(Fault::LostAnswer).on("PutItem").times(1)]).await;
    let start = troubled.store.start_step(tenant(), call_id(1), 1, Uuid::from_u128(5), noon()).await;
    assert_eq!(start.expect("an answer"), StepStart::Ours);
    assert_eq!(troubled.proxy.count("PutItem"), 2);
}

#[tokio::test]
async fn a_step_whose_answer_was_lost_is_done() {
    let troubled = troubled(&[Rule::always(Fault::LostAnswer).times(1)]).await;
    let written = troubled.store.write_step(&first_step(&call(1), "hello")).await.expect("an answer");
    assert_eq!(written, Written::Done);
}

#[tokio::test]
async fn nothing_is_written_for_a_call_that_is_settled_or_unknown() {
    let database = database().await;
    let store = database.store();
    let call = call(1);
    store.write_step(&first_step(&call, "hello")).await.expect("written");
    assert!(store.settle(tenant(), &call, &closing(), &Settling::default()).await.expect("settled"));
    let after_the_end = store.write_step(&next_step(&call, 1, "too late")).await;
    assert_eq!(after_the_end.expect("an answer"), Written::Over);
    assert_eq!(store.step(tenant(), call.id, 1).await.expect("a read"), None);

    let unknown =
        store.write_step(&next_step(&crate::support::call(2), 1, "who?")).await.expect_err("refused");
    assert_eq!(refusal(&unknown), Some(Refused::NotOpen));
    // A repeat is still answered after the end.
    let repeat = store.write_step(&first_step(&call, "hello again")).await.expect("an answer");
    assert_eq!(repeat, Written::Repeated(Box::new(answered("hello"))));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_event_is_new_once() {
    let troubled = troubled(&a_busy_table()).await;
    let event = leg_event(Leg::Attempt(0), CallStatus::Completed, 3);
    let records = (0..20).map(|_| {
        let (store, event) = (troubled.store.clone(), event.clone());
        tokio::spawn(async move { store.record_event(tenant(), call_id(1), &event).await })
    });
    let records =
        join_all(records).await.into_iter().map(|joined| joined.expect("no panic").expect("an answer"));
    assert_eq!(records.filter(|new| *new).count(), 1);

    let others = [
        leg_event(Leg::Caller, CallStatus::Completed, 3),
        leg_event(Leg::Attempt(1), CallStatus::Completed, 3),
        leg_event(Leg::Attempt(0), CallStatus::Busy, 3),
        leg_event(Leg::Attempt(0), CallStatus::Completed, 4),
        domain::call::LegEvent { source: domain::call::Source::DialAction, ..event.clone() },
    ];
    for other in &others {
        assert!(
            troubled.store.record_event(tenant(), call_id(1), other).await.expect("an answer"),
            "{other:?}"
        );
    }
    troubled.proxy.heal();
    troubled.store.write_step(&first_step(&call(1), "hello")).await.expect("written");
    let record = troubled.store.load(tenant(), call_id(1)).await.expect("a read").expect("a call");
    assert_eq!(record.events.len(), 6);
    assert!(record.events.contains(&event));
}

#[tokio::test]
async fn an_event_that_may_have_been_lost_is_followed() {
    let troubled = troubled(&[Rule::always(Fault::LostAnswer).on("PutItem").times(1)]).await;
    let event = leg_event(Leg::Caller, CallStatus::Completed, 1);
    assert!(troubled.store.record_event(tenant(), call_id(1), &event).await.expect("an answer"));
    assert!(!troubled.store.record_event(tenant(), call_id(1), &event).await.expect("an answer"));
}

#[tokio::test]
async fn a_recording_is_known_by_its_sid_and_state() {
    let database = database().await;
    let store = database.store();
    let event = |status: &str| app::ports::RecordingEvent {
        sid: "RE00000000000000000000000000000001".to_owned(),
        attempt: 0,
        status: status.to_owned(),
        url: None,
        duration_s: Some(12),
        at: noon(),
    };
    for (status, new) in [("in-progress", true), ("completed", true), ("completed", false)] {
        let recorded = store.record_recording(tenant(), call_id(1), &event(status)).await.expect("an answer");
        assert_eq!(recorded, new, "{status}");
    }
    store.write_step(&first_step(&call(1), "hello")).await.expect("written");
    let record = store.load(tenant(), call_id(1)).await.expect("a read").expect("a call");
    assert_eq!(record.recordings.len(), 2);
}
