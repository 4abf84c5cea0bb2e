//! `money/*.json`: what happened on a call in, its books out. Times are seconds after the call came in.

use std::collections::BTreeMap;

use domain::adjustment::{Adjustment, AdjustmentStatus};
use domain::audit::Actor;
use domain::call::{Attempt, Call, CallStatus, Conclusion, Leg, LegEvent, Source, Standing, standing};
use domain::campaign::Campaign;
use domain::conversion_report::{ConversionReport, Effect, Reporter};
use domain::duplicates::Verdict;
use domain::ids::{AdjustmentId, BuyerId, CallId, CampaignId, NumberId, PublisherId, TargetId, TenantId};
use domain::ledger::{
    self, Conversion, EntryKind, Payout, PayoutCaps, PayoutLimit, Revenue, Settlement, Terms, Unbookable,
};
use domain::money::{Currency, Money};
use domain::partner::Buyer;
use domain::phone::Destination;
use domain::routing::Via;
use domain::target::{RtbTarget, Target};
use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::routing::row;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    /// Whether a publisher sent the call.
    #[serde(default = "yes")]
    publisher: bool,
    #[serde(default)]
    payout: Payout,
    /// Most that the publisher is paid, by UTC.
    payout_caps: Option<PayoutCaps>,
    /// What it was paid so far: payouts by `hour`, `day`, `month`, `total`, amounts by `earned_hour` and so on.
    #[serde(default)]
    paid: BTreeMap<String, Value>,
    /// Seconds since the caller's last call on the campaign; absent when it is the first.
    previous_call_s: Option<u64>,
    /// What the whole campaign agrees, where nobody says otherwise.
    #[serde(default)]
    campaign: Agreed,
    attempts: Vec<Dialled>,
    /// State and second of the caller's end; absent while the caller is still there.
    caller_ended: Option<(CallStatus, i64)>,
    /// The conversion report that comes, and whether the call has closed by then.
    report: Option<Report>,
    /// What is adjusted afterwards, in this order; each is approved.
    #[serde(default)]
    adjust: Vec<Adjust>,
    expect: Expect,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Agreed {
    revenue: Option<Revenue>,
    conversion: Option<Conversion>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Report {
    revenue: Option<Money>,
    #[serde(default)]
    before_the_call_closed: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Adjust {
    #[serde(default)]
    revenue: Money,
    #[serde(default)]
    payout: Money,
    /// Why it cannot be done: `below_zero` or `nobody`.
    refused: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Dialled {
    at: i64,
    /// What was agreed with the destination itself.
    #[serde(default)]
    terms: Agreed,
    /// What was agreed with its buyer.
    buyer: Option<Agreed>,
    /// A destination with a bid is a bidder, the others are targets.
    bid: Option<Money>,
    /// The call length that the bidder's answer names.
    bid_call_length_s: Option<u32>,
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
    /// The code of the reason why not.
    no_conversion: Option<String>,
    no_payout: Option<String>,
    /// Words of the ledger's first line with revenue, and with payout.
    revenue_reason: Option<String>,
    payout_reason: Option<String>,
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
            too_often: Vec::new(),
            pool: None,
            id: format!("RGB{:032x}", 1).parse::<CallId>().unwrap(),
            tenant: TenantId::from_uuid(id(1)),
            account_sid: format!("AC{:032x}", 1).parse().unwrap(),
            campaign: CampaignId::from_uuid(id(2)),
            snapshot_version: 1,
            to: "+18335550100".parse().unwrap(),
            number: Some(NumberId::from_uuid(id(3))),
            from: "+14155550100".to_owned(),
            from_state: None,
            from_zip: None,
            from_country: None,
            verstat: None,
            repeat: Verdict::First,
            not_again: Vec::new(),
            pool_shard: 0,
            attribution: None,
            visit: None,
            tag: None,
            tags: Default::default(),
            caller_key: None,
            previous_call_s: case.previous_call_s,
            started_at: start,
            seed: 1,
            currency: Currency::USD,
            publisher: case.publisher.then(|| PublisherId::from_uuid(id(4))),
            payout: case.payout,
            payout_limit: case.payout_caps.map(|caps| PayoutLimit { caps, time_zone: "UTC".to_owned() }),
            bid: None,
        };
        let mut attempts = Vec::new();
        let mut events = Vec::new();
        for (number, dialled) in (0_u16..).zip(&case.attempts) {
            let terms = terms(dialled, &case.campaign);
            attempts.push(Attempt {
                number,
                via: Via::Target(TargetId::from_uuid(id(20 + u128::from(number)))),
                name: format!("Target {number}"),
                agent: None,
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
        let mut books = books(rule, &call, &conclusion, &case);
        for (number, wanted) in (1_u128..).zip(&case.adjust) {
            let adjusted = ledger::with_adjustment(
                &books,
                &call,
                &conclusion,
                &adjustment(&call, number, wanted),
                later(),
            );
            match (adjusted, wanted.refused.as_deref()) {
                (Ok((after, _)), None) => books = after,
                (Err(Unbookable::BelowZero(_)), Some("below_zero")) => {}
                (Err(Unbookable::Nobody(_)), Some("nobody")) => {}
                (outcome, wanted) => panic!("{rule}: adjusting gave {outcome:?}, expected {wanted:?}"),
            }
        }
        let codes = (books.no_conversion.map(|why| why.code()), books.no_payout.map(|why| why.code()));
        let expected = (case.expect.no_conversion.as_deref(), case.expect.no_payout.as_deref());
        assert_eq!(codes.0, expected.0, "{rule}: why it did not convert");
        assert_eq!(codes.1, expected.1, "{rule}: why nothing is paid out");
        let words =
            |kind| books.entries.iter().find(|entry| entry.kind == kind).map(|entry| entry.reason.as_str());
        for (kind, expected) in [
            (EntryKind::Revenue, &case.expect.revenue_reason),
            (EntryKind::Payout, &case.expect.payout_reason),
        ] {
            if expected.is_some() {
                assert_eq!(words(kind), expected.as_deref(), "{rule}: the ledger's words");
            }
        }
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

/// The terms as the product resolves them.
fn terms(dialled: &Dialled, campaign: &Agreed) -> Terms {
    let agreed = |thing: Value, agreed: &Agreed| -> Value {
        let mut thing = thing;
        thing["revenue"] = serde_json::to_value(agreed.revenue).unwrap();
        thing["conversion"] = serde_json::to_value(agreed.conversion).unwrap();
        thing
    };
    let campaign: Campaign = serde_json::from_value(agreed(json!({"name": "Campaign"}), campaign)).unwrap();
    let buyer: Option<Buyer> = dialled
        .buyer
        .as_ref()
        .map(|buyer| serde_json::from_value(agreed(json!({"name": "Buyer"}), buyer)).unwrap());
    let buyer_id = BuyerId::from_uuid(id(9));
    if dialled.bid.is_some() {
        let bidder = json!({"name": "Bidder", "buyer": buyer_id, "url": "https://bids.example.com", "body": "{}", "answer": {}});
        let bidder: RtbTarget = serde_json::from_value(agreed(bidder, &dialled.terms)).unwrap();
        return Terms::of_bidder(&bidder, dialled.bid_call_length_s, buyer.as_ref(), &campaign);
    }
    let target = json!({"name": "Target", "buyer": buyer_id, "destination": {"number": "+12025550123"}});
    let target: Target = serde_json::from_value(agreed(target, &dialled.terms)).unwrap();
    Terms::of_target(&target, buyer.as_ref(), &campaign)
}

/// The books with the report, which must be the same whether it came before or after the call closed.
fn books(rule: &str, call: &Call, conclusion: &Conclusion, case: &Case) -> Settlement {
    let paid = row(&case.paid, "UTC", conclusion.ended_at);
    // As the product settles: what a cap on the publisher's payouts has no room for is not paid.
    let settled = |report: Option<&ConversionReport>| {
        let books = ledger::settle(call, conclusion, report);
        match ledger::payment(call, books.payout, true, conclusion.ended_at, &paid) {
            Ok(_) => books,
            Err(full) => books.unpaid(full),
        }
    };
    let Some(report) = &case.report else { return settled(None) };
    let came = ConversionReport {
        at: later(),
        by: Reporter::Account(Actor::System),
        revenue: report.revenue,
        effect: Effect::Held,
    };
    let before = settled(Some(&came));
    let stored = settled(None);
    let (after, _) = ledger::with_report(&stored, call, conclusion, &came, None).unwrap();
    if report.before_the_call_closed || call.payout_limit.is_some() {
        return if report.before_the_call_closed { before } else { after };
    }
    let money = |books: &Settlement| (books.converted, books.revenue, books.payout, books.profit);
    assert_eq!(money(&before), money(&after), "{rule}: a report counts the same before and after");
    after
}

fn later() -> Timestamp {
    "2026-11-25T12:00:00Z".parse().unwrap()
}

fn adjustment(call: &Call, number: u128, wanted: &Adjust) -> Adjustment {
    Adjustment {
        id: AdjustmentId::from_uuid(id(100 + number)),
        tenant: call.tenant,
        call: call.id,
        revenue: wanted.revenue,
        payout: wanted.payout,
        currency: call.currency,
        reason: "agreed by phone".to_owned(),
        disputed_by: None,
        requested_at: later(),
        requested_by: Actor::System,
        status: AdjustmentStatus::Requested,
        decided: None,
    }
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
