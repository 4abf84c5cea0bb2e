//! `routing/*.json`: a campaign with its plan, groups, buyers, counters and bids, and a caller in; whether the call is turned
//! away, the order of destinations and the reasons for the others out.

use std::collections::{BTreeMap, HashMap};

use domain::auction::Bid;
use domain::call::Call;
use domain::campaign::{BidderEntry, Campaign};
use domain::caps::{CounterId, OpenWindows, Usage};
use domain::duplicates::Verdict;
use domain::group::{Member, Ring, RingTree, TargetGroup};
use domain::ids::{
    BuyerId, CampaignId, NumberId, RingTreeId, RtbTargetId, TargetGroupId, TargetId, TenantId,
};
use domain::ledger::Payout;
use domain::money::{Currency, Money};
use domain::partner::Buyer;
use domain::phone::Destination;
use domain::plan::{PlanEntry, Planned, Strategy, Tree};
use domain::predictive::Earned;
use domain::routing::{Asked, Situation, Stop, Tried, Via, Walk, tags, turned_away};
use domain::snapshot::{Parts, Snapshot};
use domain::target::Target;
use domain::validate::Validate;
use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::caller::{self, Caller};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    #[serde(default = "noon")]
    now: Timestamp,
    #[serde(default)]
    seed: u64,
    /// Targets that stand in the plan themselves, or in groups only.
    #[serde(default)]
    targets: Vec<Destined>,
    #[serde(default)]
    groups: Vec<Group>,
    /// Buyers that are paused, by name.
    #[serde(default)]
    paused_buyers: Vec<String>,
    /// Buyers with settings of their own.
    #[serde(default)]
    buyers: Vec<Paying>,
    /// Who calls, when it matters.
    #[serde(default)]
    caller: Caller,
    /// What the campaign's own counter says, as of a target.
    #[serde(default)]
    campaign_usage: BTreeMap<String, Value>,
    /// Bidders, each with its valid bid.
    #[serde(default)]
    bids: Vec<Destined>,
    /// Ring trees in the plan; a bid says to which it belongs.
    #[serde(default)]
    trees: Vec<InPlan>,
    /// Fields in which the campaign differs from the usual one.
    #[serde(default)]
    campaign: Value,
    /// Seconds since the call came in.
    #[serde(default)]
    waited: i64,
    /// Names dialled before.
    #[serde(default)]
    tried: Vec<String>,
    expect: Expect,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Paying {
    name: String,
    /// Fields in which it differs from the usual buyer.
    #[serde(default)]
    settings: Value,
    /// What its counter says, as of a target.
    #[serde(default)]
    usage: BTreeMap<String, Value>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Group {
    name: String,
    #[serde(default = "one")]
    priority: u16,
    #[serde(default = "hundred")]
    weight: u16,
    members: Vec<InGroup>,
    #[serde(default)]
    strategy: Strategy,
    #[serde(default)]
    ring: Ring,
}

/// A ring tree in the plan.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct InPlan {
    name: String,
    #[serde(default = "one")]
    priority: u16,
    #[serde(default = "hundred")]
    weight: u16,
    /// Whether its auction is over; if not, the walk stops to ask.
    #[serde(default)]
    asked: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct InGroup {
    target: String,
    #[serde(default = "one")]
    priority: u16,
    #[serde(default = "hundred")]
    weight: u16,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Destined {
    name: String,
    /// Whether it stands in the plan itself.
    #[serde(default = "yes")]
    planned: bool,
    /// Who pays, by name.
    buyer: Option<String>,
    #[serde(default = "one")]
    priority: u16,
    #[serde(default = "hundred")]
    weight: u16,
    /// Fields that differ from the usual destination of these tests.
    #[serde(default)]
    settings: Value,
    /// What its counter says: live, total, hour, day, month, paused, last_at; revenue as earned_hour, earned_day,
    /// earned_month, earned_total.
    #[serde(default)]
    usage: BTreeMap<String, Value>,
    /// What it earned on the campaign, from the publisher's calls and from all.
    #[serde(default)]
    earned: Earned,
    /// The bid in micro-units.
    #[serde(default)]
    amount: i64,
    /// Seconds until the bid runs out.
    expires_in: Option<i64>,
    /// The ring tree of the plan in which the bid was made; without one, those that are asked first.
    tree: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Expect {
    /// Destinations in the order in which they would be dialled; `ask NAME` where a ring tree comes first. With seconds
    /// behind a name, as in `Desk 12 s`, it rings that long.
    order: Vec<String>,
    /// Reasons in plain words.
    #[serde(default)]
    passed: BTreeMap<String, String>,
    /// Why the call is given to nobody: the code and the words.
    #[serde(default)]
    turned_away: Option<(String, String)>,
    /// Why destinations stand where they stand, of those that are named here; `null` where that is not said.
    #[serde(default)]
    scores: BTreeMap<String, Option<String>>,
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
fn yes() -> bool {
    true
}

/// The same name is the same buyer.
fn buyer(name: &str) -> BuyerId {
    let number = name.bytes().fold(0_u128, |number, letter| number * 256 + u128::from(letter));
    BuyerId::from_uuid(Uuid::from_u128(number))
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
            body["buyer"] = json!(destined.buyer.as_deref().map(buyer));
            overlay(&mut body, &destined.settings);
            count(&mut usage, Via::Target(target), destined, &body, case.now);
            let fully = serde_json::from_value::<Target>(body.clone()).unwrap().validate();
            assert_eq!(fully, Ok(()), "{rule}: {}", destined.name);
            targets.insert(target, serde_json::from_value(body).unwrap());
            if destined.planned {
                let to = Planned::Target(target);
                plan.push(PlanEntry { to, priority: destined.priority, weight: destined.weight });
            }
            names.insert(destined.name.clone(), Via::Target(target));
        }
        let mut target_groups = BTreeMap::new();
        for (index, group) in case.groups.iter().enumerate() {
            let id = TargetGroupId::from_uuid(Uuid::from_u128(300 + index as u128));
            let members = group.members.iter().map(|member| {
                let Via::Target(target) = names[&member.target] else {
                    panic!("{} is no target", member.target)
                };
                Member { target, priority: member.priority, weight: member.weight }
            });
            let (members, name) = (members.collect(), group.name.clone());
            target_groups
                .insert(id, TargetGroup { name, members, strategy: group.strategy, ring: group.ring });
            plan.push(PlanEntry { to: Planned::Group(id), priority: group.priority, weight: group.weight });
        }
        for name in &case.paused_buyers {
            usage.insert(buyer(name).into(), Usage { paused: true, ..Usage::default() });
        }
        let mut buyers = BTreeMap::new();
        for paying in &case.buyers {
            let mut body = json!({"name": paying.name});
            overlay(&mut body, &paying.settings);
            let known: Buyer = serde_json::from_value(body).unwrap();
            assert_eq!(known.validate(), Ok(()), "{rule}: {}", paying.name);
            if !paying.usage.is_empty() {
                usage.insert(buyer(&paying.name).into(), row(&paying.usage, &known.time_zone, case.now));
            }
            buyers.insert(buyer(&paying.name), known);
        }
        let mut rtb_targets = BTreeMap::new();
        let mut bids: BTreeMap<Tree, Vec<Bid>> = BTreeMap::new();
        let mut bidders: BTreeMap<Tree, Vec<BidderEntry>> = BTreeMap::new();
        let mut trees: BTreeMap<String, RingTreeId> = BTreeMap::new();
        for (index, tree) in case.trees.iter().enumerate() {
            let id = RingTreeId::from_uuid(Uuid::from_u128(400 + index as u128));
            trees.insert(tree.name.clone(), id);
            plan.push(PlanEntry { to: Planned::Tree(id), priority: tree.priority, weight: tree.weight });
        }
        for (index, destined) in case.bids.iter().enumerate() {
            let bidder = RtbTargetId::from_uuid(Uuid::from_u128(200 + index as u128));
            let mut body = json!({
                "name": destined.name, "url": "https://bidder.example.com", "body": "{}",
                "answer": {"acceptance": ["$.a"], "amount": ["$.b"]}, "destination": {"number": "+12025550124"}
            });
            body["buyer"] = json!(destined.buyer.as_deref().map(buyer));
            overlay(&mut body, &destined.settings);
            count(&mut usage, Via::RtbTarget(bidder), destined, &body, case.now);
            rtb_targets.insert(bidder, serde_json::from_value(body).unwrap());
            let tree = destined.tree.as_ref().map_or(Tree::First, |name| Tree::Planned(trees[name]));
            bidders.entry(tree).or_default().push(BidderEntry {
                rtb_target: bidder,
                priority: 1,
                weight: 100,
            });
            bids.entry(tree).or_default().push(Bid {
                bidder,
                amount: Money::from_micros(destined.amount),
                counts: None,
                bid_id: None,
                destination: Destination::Number("+12025550124".parse().unwrap()),
                call_length_s: None,
                expires_at: destined.expires_in.map(|seconds| case.now + SignedDuration::from_secs(seconds)),
                priority: 1,
                weight: 100,
                latency_ms: 10,
                confirmed: None,
            });
            names.insert(destined.name.clone(), Via::RtbTarget(bidder));
        }
        let mut campaign = json!({"name": "Test"});
        overlay(&mut campaign, &case.campaign);
        if let Some(publisher) = &case.caller.publisher
            && !publisher.terms.is_null()
        {
            campaign["publishers"] = json!({caller::publisher().to_string(): publisher.terms});
        }
        let mut campaign: Campaign = serde_json::from_value(campaign).unwrap();
        assert_eq!(campaign.validate(), Ok(()), "{rule}: the campaign");
        campaign.plan = plan;
        campaign.auction.bidders = bidders.remove(&Tree::First).unwrap_or_default();
        let ring_trees = trees.iter().map(|(name, id)| {
            let mut tree: RingTree = serde_json::from_value(json!({"name": name})).unwrap();
            tree.bidders = bidders.remove(&Tree::Planned(*id)).unwrap_or_default();
            (*id, tree)
        });
        let ring_trees = ring_trees.collect();
        let campaign_id = CampaignId::from_uuid(Uuid::from_u128(1));
        let parts = Parts { targets, rtb_targets, target_groups, ring_trees, buyers, ..Parts::default() };
        let snapshot = Snapshot::compile(campaign_id, 1, case.now, campaign, parts).unwrap();
        if !case.campaign_usage.is_empty() {
            let zone = &snapshot.campaign.time_zone;
            usage.insert(campaign_id.into(), row(&case.campaign_usage, zone, case.now));
        }
        case.caller.count(&mut usage, &snapshot, case.now);
        let publisher = case.caller.publisher.is_some().then(caller::publisher);
        let mut looked_at = snapshot.counters();
        looked_at.extend(Snapshot::counters_of_call(campaign_id, publisher));
        looked_at.extend(snapshot.payouts_that_refuse(publisher));
        assert!(usage.keys().all(|row| looked_at.contains(row)), "{rule}: a row that no call looks at");
        let tried: Vec<Tried> = case.tried.iter().map(|name| names[name].into()).collect();
        let began = case.now - SignedDuration::from_secs(case.waited);
        let call = case.caller.call(call(case.seed, began), &snapshot, &names);
        let why = turned_away(&call, &snapshot, &usage, case.caller.is_blocked(&call));
        assert_eq!(
            why.map(|why| (why.code().to_owned(), why.text())),
            case.expect.turned_away,
            "{rule}: turned away"
        );
        if why.is_some() {
            assert!(case.expect.order.is_empty(), "{rule}: nobody is tried");
            return;
        }
        let over = case.trees.iter().filter(|tree| tree.asked).map(|tree| Tree::Planned(trees[&tree.name]));
        let asked: Vec<Asked<'_>> = std::iter::once(Tree::First)
            .chain(over)
            .map(|tree| Asked { tree, bids: bids.get(&tree).map_or(&[], Vec::as_slice) })
            .collect();
        let mut tags = tags(&call, &snapshot);
        for (tag, value) in &case.caller.tags {
            let (category, name) = tag.split_once(':').unwrap();
            tags.set(category, name, value);
        }
        let situation =
            Situation { call: &call, now: case.now, usage: &usage, tried: &tried, asked: &asked, tags };

        let mut walk = Walk::new(&snapshot, &situation);
        let mut order = Vec::new();
        for stop in walk.by_ref() {
            match stop {
                Stop::Dial(parties) => {
                    let names: Vec<&str> = parties.iter().map(|party| party.name.as_str()).collect();
                    order.push((names.join(" + "), parties[0].dial.timeout_s));
                }
                Stop::Ask(tree) => {
                    let asks = |(_, id): &(&String, &RingTreeId)| Tree::Planned(**id) == tree;
                    let (name, _) = trees.iter().find(asks).expect("a ring tree of the plan");
                    order.push((format!("ask {name}"), 0));
                }
            }
        }
        let rings = |index: usize| case.expect.order.get(index).is_some_and(|name| name.ends_with(" s"));
        let order: Vec<String> = order
            .into_iter()
            .enumerate()
            .map(|(index, (name, seconds))| if rings(index) { format!("{name} {seconds} s") } else { name })
            .collect();
        assert_eq!(order, case.expect.order, "{rule}: order");
        for (name, words) in &case.expect.scores {
            let score = walk.decisions.scores.text(names[name]);
            assert_eq!(score.as_ref(), words.as_ref(), "{rule}: why {name} stands there");
        }
        let passed: BTreeMap<String, String> = walk
            .decisions
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
    if destined.usage.is_empty() && destined.earned == Earned::default() {
        return;
    }
    let zone = body["time_zone"].as_str().unwrap_or("UTC");
    usage.insert(via.counter(), Usage { earned: destined.earned, ..row(&destined.usage, zone, now) });
}

/// A counter's row that says this in the windows open at `now`.
pub fn row(says: &BTreeMap<String, Value>, zone: &str, now: Timestamp) -> Usage {
    const KNOWN: [&str; 11] = [
        "live",
        "total",
        "hour",
        "day",
        "month",
        "paused",
        "last_at",
        "earned_hour",
        "earned_day",
        "earned_month",
        "earned_total",
    ];
    assert!(says.keys().all(|name| KNOWN.contains(&name.as_str())), "a counter says no such thing: {says:?}");
    let open = OpenWindows::at(now, zone);
    let number =
        |name: &str| says.get(name).and_then(Value::as_u64).map(|count| u32::try_from(count).unwrap());
    let money = |name: &str| says.get(name).and_then(Value::as_i64).map(Money::from_micros);
    let windows = [(open.hour, "hour"), (open.day, "day"), (open.month, "month")];
    let revenue = windows.clone().map(|(name, kind)| (name, format!("earned_{kind}")));
    Usage {
        live: number("live").unwrap_or(0),
        total: number("total").unwrap_or(0),
        windows: windows.into_iter().filter_map(|(name, kind)| Some((name, number(kind)?))).collect(),
        revenue_total: money("earned_total").unwrap_or(Money::ZERO),
        revenue: revenue.into_iter().filter_map(|(name, kind)| Some((name, money(&kind)?))).collect(),
        paused: says.get("paused").and_then(Value::as_bool).unwrap_or(false),
        last_at: says.get("last_at").map(|at| serde_json::from_value(at.clone()).unwrap()),
        ..Usage::default()
    }
}

pub fn call(seed: u64, now: Timestamp) -> Call {
    Call {
        too_often: Vec::new(),
        pool: None,
        id: format!("RGB{:032x}", 1).parse().unwrap(),
        tenant: TenantId::from_uuid(Uuid::from_u128(1)),
        account_sid: format!("AC{:032x}", 1).parse().unwrap(),
        campaign: CampaignId::from_uuid(Uuid::from_u128(1)),
        snapshot_version: 1,
        to: "+18335550100".parse().unwrap(),
        number: Some(NumberId::from_uuid(Uuid::from_u128(3))),
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
        previous_call_s: None,
        started_at: now,
        seed,
        currency: Currency::USD,
        publisher: None,
        payout: Payout::default(),
        payout_limit: None,
        bid: None,
    }
}
