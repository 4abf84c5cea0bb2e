//! `routing/*.json`: a plan, counters and bids in; the order of destinations and the reasons for the others out.

use std::collections::{BTreeMap, HashMap};

use domain::auction::Bid;
use domain::call::Call;
use domain::campaign::{BidderEntry, Campaign, PlanEntry};
use domain::caps::{CounterId, OpenWindows, Usage};
use domain::ids::{CampaignId, NumberId, RtbTargetId, TargetId, TenantId};
use domain::ledger::Payout;
use domain::money::{Currency, Money};
use domain::phone::Destination;
use domain::routing::{Situation, Via, candidates};
use domain::snapshot::Snapshot;
use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use serde_json::{Value, json};
use uuid::Uuid;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    #[serde(default = "noon")]
    now: Timestamp,
    #[serde(default)]
    seed: u64,
    #[serde(default)]
    targets: Vec<Destined>,
    /// Bidders, each with its valid bid.
    #[serde(default)]
    bids: Vec<Destined>,
    /// Names dialled before.
    #[serde(default)]
    tried: Vec<String>,
    expect: Expect,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Destined {
    name: String,
    #[serde(default = "one")]
    priority: u16,
    #[serde(default = "hundred")]
    weight: u16,
    /// Fields that differ from the usual destination of these tests.
    #[serde(default)]
    settings: Value,
    /// What its counter says: live, total, hour, day, month, paused.
    #[serde(default)]
    usage: BTreeMap<String, Value>,
    /// The bid in micro-units.
    #[serde(default)]
    amount: i64,
    /// Seconds until the bid runs out.
    expires_in: Option<i64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Expect {
    order: Vec<String>,
    /// Reasons in plain words.
    #[serde(default)]
    passed: BTreeMap<String, String>,
}

fn noon() -> Timestamp {
    "2026-11-22T12:00:00Z".parse().unwrap()
}
fn one() -> u16 {
    1
}
fn hundred() -> u16 {
    100
}

#[test]
fn calls_are_routed_as_written() {
    super::each("routing", |rule, case: Case| {
        let mut names: BTreeMap<String, Via> = BTreeMap::new();
        let mut usage = HashMap::new();
        let mut targets = BTreeMap::new();
        let mut plan = Vec::new();
        for (index, destined) in case.targets.iter().enumerate() {
            let target = TargetId::from_uuid(Uuid::from_u128(100 + index as u128));
            let mut body = json!({"name": destined.name, "destination": {"number": "+12025550123"}});
            overlay(&mut body, &destined.settings);
            count(&mut usage, Via::Target(target), destined, &body, case.now);
            targets.insert(target, serde_json::from_value(body).unwrap());
            plan.push(PlanEntry { target, priority: destined.priority, weight: destined.weight });
            names.insert(destined.name.clone(), Via::Target(target));
        }
        let mut rtb_targets = BTreeMap::new();
        let mut bids = Vec::new();
        let mut bidders = Vec::new();
        for (index, destined) in case.bids.iter().enumerate() {
            let bidder = RtbTargetId::from_uuid(Uuid::from_u128(200 + index as u128));
            let mut body = json!({
                "name": destined.name, "url": "https://bidder.example.com", "body": "{}",
                "answer": {"acceptance": ["$.a"], "amount": ["$.b"]}, "destination": {"number": "+12025550124"}
            });
            overlay(&mut body, &destined.settings);
            count(&mut usage, Via::RtbTarget(bidder), destined, &body, case.now);
            rtb_targets.insert(bidder, serde_json::from_value(body).unwrap());
            bidders.push(BidderEntry { rtb_target: bidder, priority: 1, weight: 100 });
            bids.push(Bid {
                bidder,
                amount: Money::from_micros(destined.amount),
                destination: Destination::Number("+12025550124".parse().unwrap()),
                call_length_s: None,
                expires_at: destined.expires_in.map(|seconds| case.now + SignedDuration::from_secs(seconds)),
                priority: 1,
                weight: 100,
                latency_ms: 10,
            });
            names.insert(destined.name.clone(), Via::RtbTarget(bidder));
        }
        let mut campaign: Campaign = serde_json::from_value(json!({"name": "Test"})).unwrap();
        campaign.plan = plan;
        campaign.auction.bidders = bidders;
        let campaign_id = CampaignId::from_uuid(Uuid::from_u128(1));
        let snapshot = Snapshot::compile(campaign_id, 1, case.now, campaign, targets, rtb_targets).unwrap();
        let tried: Vec<Via> = case.tried.iter().map(|name| names[name]).collect();
        let call = call(case.seed, case.now);
        let situation = Situation { call: &call, now: case.now, usage: &usage, tried: &tried };

        let (found, decisions) = candidates(&snapshot, &bids, &situation);
        let order: Vec<String> = found.into_iter().map(|candidate| candidate.name).collect();
        assert_eq!(order, case.expect.order, "{rule}: order");
        let passed: BTreeMap<String, String> = decisions
            .each
            .into_iter()
            .filter_map(|decision| Some((decision.name, decision.passed?.text())))
            .collect();
        assert_eq!(passed, case.expect.passed, "{rule}: passed over");
    });
}

fn overlay(body: &mut Value, settings: &Value) {
    for (field, value) in settings.as_object().into_iter().flatten() {
        body[field] = value.clone();
    }
}

fn count(usage: &mut HashMap<CounterId, Usage>, via: Via, destined: &Destined, body: &Value, now: Timestamp) {
    if destined.usage.is_empty() {
        return;
    }
    let open = OpenWindows::at(now, body["time_zone"].as_str().unwrap_or("UTC"));
    let number = |name: &str| {
        destined.usage.get(name).and_then(Value::as_u64).map(|count| u32::try_from(count).unwrap())
    };
    let windows = [(open.hour, "hour"), (open.day, "day"), (open.month, "month")];
    let row = Usage {
        live: number("live").unwrap_or(0),
        total: number("total").unwrap_or(0),
        windows: windows.into_iter().filter_map(|(name, kind)| Some((name, number(kind)?))).collect(),
        paused: destined.usage.get("paused").and_then(Value::as_bool).unwrap_or(false),
    };
    usage.insert(via.counter(), row);
}

fn call(seed: u64, now: Timestamp) -> Call {
    Call {
        id: format!("RGB{:032x}", 1).parse().unwrap(),
        tenant: TenantId::from_uuid(Uuid::from_u128(1)),
        account_sid: format!("AC{:032x}", 1).parse().unwrap(),
        campaign: CampaignId::from_uuid(Uuid::from_u128(1)),
        snapshot_version: 1,
        to: "+18335550100".parse().unwrap(),
        number: NumberId::from_uuid(Uuid::from_u128(3)),
        from: "+14155550100".to_owned(),
        from_state: None,
        from_zip: None,
        caller_key: None,
        started_at: now,
        seed,
        currency: Currency::USD,
        publisher: None,
        payout: Payout::default(),
    }
}
