//! Caps hold exactly through the whole call path, whatever the table throws at it.

use std::sync::Arc;

use app::ports::{Answered, Calls, StepWrite, Written};
use domain::call::Attempt;
use domain::caps::{Caps, Limit, OpenWindows, Reservation};
use domain::ids::{CallId, TargetId};
use domain::routing::{Decisions, Via};
use domain::voice::Reply;
use futures::future::join_all;
use testkit::faults::{Fault, Rule};
use uuid::Uuid;

use crate::world::World;

fn call(number: u32) -> CallId {
    format!("RGB{number:032x}").parse().unwrap()
}

/// With a daily cap of N and many callers at once, exactly N are dialled to the capped target, and the others hear words.
#[tokio::test(flavor = "multi_thread")]
async fn a_cap_admits_exactly_its_number_of_calls() {
    let (world, proxy) = World::behind_faults(false).await;
    proxy.inject(Rule::percent(20, Fault::TransactionConflict));
    let world = Arc::new(world);
    let target = Via::Target(TargetId::from_uuid(Uuid::from_u128(3)));
    let mut template = None;
    world.incoming(call(0)).await;
    let first = world.record(call(0)).await;
    template.replace(first.attempts[0].clone());
    let Some(template) = template else { unreachable!() };

    // Straight at the store: every caller wants the same target, and insists while its counter is busy.
    let cap = 37;
    let counter: domain::caps::CounterId = TargetId::from_uuid(Uuid::from_u128(77)).into();
    let limit = Limit {
        counter,
        caps: Caps { daily: Some(cap), ..Caps::default() },
        open: OpenWindows::at(world.now(), "UTC"),
        outdated: Vec::new(),
        at: world.now(),
    };
    let admitted = join_all((1..=150).map(|number| {
        let (world, limit, template, first) = (world.clone(), limit.clone(), template.clone(), &first);
        async move {
            let mut begun = first.call.as_ref().clone();
            begun.id = call(number);
            let write = StepWrite {
                call: Arc::new(begun),
                begins: true,
                caller: None,
                number: 0,
                started_by: None,
                answered: Answered {
                    reply: Reply::hangup(),
                    decisions: Decisions::default(),
                    at: world.now(),
                },
                attempt: Some(Attempt {
                    number: 0,
                    via: target,
                    reservation: Some(Reservation::of(std::slice::from_ref(&limit))),
                    ..template
                }),
                limits: vec![limit],
                gives_back: None,
                auction: None,
                due_at: world.now(),
            };
            loop {
                match world.store.write_step(&write).await.unwrap() {
                    Written::Done => return true,
                    Written::Full(full) => {
                        assert_eq!(full.cap, cap);
                        return false;
                    }
                    Written::Busy => {}
                    Written::Over => panic!("no call was settled"),
                    Written::Repeated(_) => panic!("nobody repeated anything"),
                }
            }
        }
    }))
    .await;
    assert_eq!(admitted.iter().filter(|admitted| **admitted).count(), usize::try_from(cap).unwrap());
}
