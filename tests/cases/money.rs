//! `money/*.json`: what happened on a call in, its books out. Times are seconds after the call came in.

use domain::call::{Attempt, Call, CallStatus, Leg, LegEvent, Source, Standing, standing};
use domain::duplicates::Verdict;
use domain::ids::{BuyerId, CallId, CampaignId, NumberId, PublisherId, TargetId, TenantId};
use domain::ledger::{self, EntryKind, Payout, Terms};
use domain::money::{Currency, Money};
use domain::phone::Destination;
use domain::routing::Via;
use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use serde_json::Value;
use uuid::Uuid;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    /// Whether a publisher sent the call.
    #[serde(default = "yes")]
    publisher: bool,
    #[serde(default)]
    payout: Payout,
    attempts: Vec<Dialled>,
    /// State and second of the caller's end; absent while the caller is still there.
    caller_ended: Option<(CallStatus, i64)>,
    expect: Expect,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Dialled {
    at: i64,
    terms: Value,
    bid: Option<Money>,
    /// How and when the leg ended, and for how many seconds it had been answered; absent while it lives.
    ended: Option<(CallStatus, i64, u32)>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Expect {
    /// The call is still open: nothing is settled.
    #[serde(default)]
    open: bool,
    #[serde(default)]
    converted: bool,
    #[serde(default)]
    revenue: String,
    #[serde(default)]
    payout: String,
    #[serde(default)]
    profit: String,
    #[serde(default)]
    connected_seconds: u32,
}

fn yes() -> bool {
    true
}

fn id(n: u128) -> Uuid {
    Uuid::from_u128(n)
}

#[test]
fn calls_are_settled_as_written() {
    let start: Timestamp = "2026-11-22T12:00:00Z".parse().unwrap();
    let second = |seconds: i64| start + SignedDuration::from_secs(seconds);
    super::each("money", |rule, case: Case| {
        let call = Call {
            id: format!("RGB{:032x}", 1).parse::<CallId>().unwrap(),
            tenant: TenantId::from_uuid(id(1)),
            account_sid: format!("AC{:032x}", 1).parse().unwrap(),
            campaign: CampaignId::from_uuid(id(2)),
            snapshot_version: 1,
            to: "+18335550100".parse().unwrap(),
            number: NumberId::from_uuid(id(3)),
            from: "+14155550100".to_owned(),
            from_state: None,
            from_zip: None,
            from_country: None,
            verstat: None,
            repeat: Verdict::First,
            not_again: Vec::new(),
            caller_key: None,
            started_at: start,
            seed: 1,
            currency: Currency::USD,
            publisher: case.publisher.then(|| PublisherId::from_uuid(id(4))),
            payout: case.payout,
        };
        let mut attempts = Vec::new();
        let mut events = Vec::new();
        for (number, dialled) in (0_u16..).zip(&case.attempts) {
            let mut terms = dialled.terms.clone();
            terms["buyer"] = BuyerId::from_uuid(id(9)).to_string().into();
            let terms: Terms = serde_json::from_value(terms).unwrap();
            attempts.push(Attempt {
                number,
                via: Via::Target(TargetId::from_uuid(id(20 + u128::from(number)))),
                name: format!("Target {number}"),
                destination: Destination::Number("+12025550123".parse().unwrap()),
                bid: dialled.bid,
                terms,
                reservation: None,
                dialled_at: second(dialled.at),
            });
            events.extend(
                dialled
                    .ended
                    .map(|(status, at, answered)| event(Leg::Attempt(number), status, second(at), answered)),
            );
        }
        events.extend(case.caller_ended.map(|(status, at)| event(Leg::Caller, status, second(at), 0)));

        let Standing::Concluded(conclusion) = standing(&call, &attempts, &events) else {
            assert!(case.expect.open, "{rule}: the call is still open");
            return;
        };
        assert!(!case.expect.open, "{rule}: the call has closed");
        let books = ledger::settle(&call, &conclusion);
        let seen = (books.converted, conclusion.connected_seconds);
        assert_eq!(seen, (case.expect.converted, case.expect.connected_seconds), "{rule}");
        let shown = [books.revenue, books.payout, books.profit].map(|amount| amount.to_string());
        assert_eq!(shown, [case.expect.revenue, case.expect.payout, case.expect.profit], "{rule}: books");
        let sum = |kind| -> i64 {
            books.entries.iter().filter(|entry| entry.kind == kind).map(|entry| entry.amount.micros()).sum()
        };
        assert_eq!(sum(EntryKind::Revenue), books.revenue.micros(), "{rule}: ledger sum = revenue");
        assert_eq!(sum(EntryKind::Payout), books.payout.micros(), "{rule}: ledger sum = payout");
    });
}

fn event(leg: Leg, status: CallStatus, at: Timestamp, answered: u32) -> LegEvent {
    LegEvent {
        leg,
        status,
        sequence: 3,
        source: Source::Callback,
        at,
        duration_s: (status == CallStatus::Completed).then_some(answered),
        sid: None,
    }
}
