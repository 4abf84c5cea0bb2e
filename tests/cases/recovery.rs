//! `recovery/*.json`: the conversations of a call so far, and whether its caller is sent on to the next destination.

use std::sync::Arc;

use app::dial_next::{DialEnded, is_recovered};
use app::ports::CallRecord;
use domain::call::{Attempt, CallStatus, Leg, LegEvent, Source};
use domain::campaign::Recovery;
use domain::ids::TargetId;
use domain::ledger::{Conversion, Revenue, Terms};
use domain::phone::Destination;
use domain::routing::Via;
use domain::validate::Validate;
use serde::Deserialize;
use serde_json::json;
use uuid::Uuid;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    recovery: Recovery,
    /// Seconds of each conversation, in the order of the dials; `null` where nobody answered. The last has just ended.
    talked: Vec<Option<u32>>,
    /// Seconds that the dial itself reports, when the callee's leg has not said anything yet.
    dial_says: Option<u32>,
    sent_on: bool,
}

#[test]
fn callers_are_sent_on_as_written() {
    super::each("recovery", |rule, case: Case| {
        let campaign = json!({"name": "Test", "recovery": case.recovery});
        let campaign: domain::campaign::Campaign = serde_json::from_value(campaign).unwrap();
        assert_eq!(campaign.validate(), Ok(()), "{rule}");
        let call = Arc::new(crate::routing::call(1, "2026-11-22T12:00:00Z".parse().unwrap()));
        let mut record = CallRecord {
            call: Arc::clone(&call),
            closing: None,
            steps: Vec::new(),
            attempts: Vec::new(),
            events: Vec::new(),
            recordings: Vec::new(),
            auctions: Vec::new(),
            ledger: Vec::new(),
            report: None,
            books: 0,
        };
        let last = case.talked.len() - 1;
        for (number, talked) in case.talked.iter().enumerate() {
            let step = u16::try_from(number).unwrap();
            record.attempts.push(Attempt {
                number: step,
                via: Via::Target(TargetId::from_uuid(Uuid::from_u128(number as u128))),
                name: format!("Target {number}"),
                destination: Destination::Number("+12025550123".parse().unwrap()),
                bid: None,
                terms: Terms { revenue: Revenue::None, conversion: Conversion::Connected, buyer: None },
                reservation: None,
                dialled_at: call.started_at,
            });
            if number == last && case.dial_says.is_some() {
                continue;
            }
            record.events.push(LegEvent {
                leg: Leg::Attempt(step),
                status: if talked.is_some() { CallStatus::Completed } else { CallStatus::NoAnswer },
                sequence: 3,
                source: Source::Callback,
                at: call.started_at,
                duration_s: *talked,
                sid: None,
            });
        }
        let ended = DialEnded {
            caller: CallStatus::InProgress,
            dial: CallStatus::Completed,
            child: None,
            talked_s: case.dial_says,
        };
        let step = u16::try_from(last).unwrap() + 1;
        assert_eq!(is_recovered(&record, case.recovery, step, &ended), case.sent_on, "{rule}");
    });
}
