//! `auction/*.json`: bidders' answers in, ranking and verdicts out.

use std::collections::BTreeMap;

use domain::auction::{self, Answer};
use domain::campaign::{AuctionSettings, BidderEntry};
use domain::ids::RtbTargetId;
use domain::money::Money;
use domain::target::RtbTarget;
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    /// Fields of the tree's settings that differ from the defaults.
    #[serde(default)]
    tree: Value,
    bidders: Vec<Bidder>,
    expect: Expect,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Bidder {
    name: String,
    #[serde(default = "one")]
    priority: u16,
    #[serde(default = "hundred")]
    weight: u16,
    /// Fields of the RTB target that differ from the usual bidder of these tests.
    #[serde(default)]
    settings: Value,
    #[serde(default = "ok")]
    status: u16,
    /// The answer: JSON, or a text that stands for the raw body.
    answer: Value,
    #[serde(default = "hundred_ms")]
    latency_ms: u32,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Expect {
    /// Valid bids, best first, as "name amount".
    ranking: Vec<String>,
    /// Reason codes of the others.
    #[serde(default)]
    refused: BTreeMap<String, String>,
    /// Destination of the first, as text.
    destination: Option<String>,
    /// Call length that the first demands.
    call_length_s: Option<u32>,
}

fn one() -> u16 {
    1
}
fn hundred() -> u16 {
    100
}
fn hundred_ms() -> u32 {
    100
}
fn ok() -> u16 {
    200
}

fn usual_bidder(name: &str, settings: &Value) -> RtbTarget {
    let mut bidder = json!({
        "name": name,
        "url": "https://bidder.example.com/ping",
        "body": "{}",
        "answer": {
            "acceptance": ["$.accepted"],
            "amount": ["$.bidAmount", "$.price"],
            "destination": ["$.sipAddress", "$.phoneNumber", "$.destinationNumber"],
            "call_length": ["$.requiredDuration", "$.bidTerms[0].callMinDuration"],
            "currency": ["$.bidCurrency"]
        }
    });
    for (field, value) in settings.as_object().into_iter().flatten() {
        bidder[field] = value.clone();
    }
    serde_json::from_value(bidder).unwrap()
}

#[test]
fn auctions_are_decided_as_written() {
    let now: Timestamp = "2026-11-22T12:00:00Z".parse().unwrap();
    super::each("auction", |rule, case: Case| {
        let mut tree = serde_json::to_value(AuctionSettings::default()).unwrap();
        for (field, value) in case.tree.as_object().into_iter().flatten() {
            tree[field] = value.clone();
        }
        let tree: AuctionSettings = serde_json::from_value(tree).unwrap();
        let mut names = BTreeMap::new();
        let mut bids = Vec::new();
        let mut refused = BTreeMap::new();
        for (index, bidder) in case.bidders.iter().enumerate() {
            let id = RtbTargetId::from_uuid(uuid::Uuid::from_u128(index as u128 + 1));
            names.insert(id, bidder.name.clone());
            let entry = BidderEntry { rtb_target: id, priority: bidder.priority, weight: bidder.weight };
            let body = match &bidder.answer {
                Value::String(raw) => raw.clone(),
                json => json.to_string(),
            };
            let answer = Answer {
                status: bidder.status,
                body: body.as_bytes(),
                latency_ms: bidder.latency_ms,
                received_at: now,
            };
            let target = usual_bidder(&bidder.name, &bidder.settings);
            let (result, bid) = auction::read_answer(&target, &entry, &tree, answer);
            assert_eq!(result.refusal.is_none(), bid.is_some(), "{rule}: a result is a bid or a refusal");
            if let Some(refusal) = result.refusal {
                refused.insert(bidder.name.clone(), refusal.code().to_owned());
            }
            bids.extend(bid);
        }
        let ranking = auction::rank(bids);
        let shown: Vec<String> =
            ranking.iter().map(|bid| format!("{} {}", names[&bid.bidder], bid.amount)).collect();
        assert_eq!(shown, case.expect.ranking, "{rule}: ranking");
        assert_eq!(refused, case.expect.refused, "{rule}: refused");
        if let Some(destination) = &case.expect.destination {
            let first = serde_json::to_value(&ranking[0].destination).unwrap();
            let text = first.as_object().unwrap().values().next().unwrap().as_str().unwrap().to_owned();
            assert_eq!(text, *destination, "{rule}: destination");
        }
        if case.expect.call_length_s.is_some() {
            assert_eq!(ranking[0].call_length_s, case.expect.call_length_s, "{rule}: call length");
        }
        assert!(ranking.iter().all(|bid| bid.amount > Money::ZERO), "{rule}: a bid is more than nothing");
    });
}
