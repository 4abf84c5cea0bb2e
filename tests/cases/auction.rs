//! `auction/*.json`: a call and bidders' raw answers in; requests, ranking and verdicts out.
//!
//! A bidder is the usual one of these tests, or a ready-made profile, with the settings that a case changes. Every bidder must be
//! one that could be saved.

use std::collections::BTreeMap;

use domain::auction::{self, About, Answer, BidRequest};
use domain::call::Call;
use domain::campaign::{AuctionSettings, BidderEntry, Campaign};
use domain::filter::Tags;
use domain::ids::RtbTargetId;
use domain::money::Money;
use domain::routing;
use domain::rtb_target::{Asked, Prospect, RtbTarget, profiles};
use domain::validate::Validate;
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    /// Who calls.
    #[serde(default)]
    call: Caller,
    /// Fields of the tree's settings that differ from the defaults.
    #[serde(default)]
    tree: Value,
    bidders: Vec<Bidder>,
    expect: Expect,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Caller {
    from: String,
    state: Option<String>,
    zip: Option<String>,
    /// The publisher's word for where the call came from.
    sub_id: Option<String>,
    /// What the visit brought along, such as `User:zip`.
    tags: BTreeMap<String, String>,
}

impl Default for Caller {
    fn default() -> Self {
        Self {
            from: "+12125550147".to_owned(),
            state: Some("NY".to_owned()),
            zip: Some("10001".to_owned()),
            sub_id: None,
            tags: BTreeMap::new(),
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Bidder {
    name: String,
    #[serde(default = "one")]
    priority: u16,
    #[serde(default = "hundred")]
    weight: u16,
    /// A ready-made profile in the place of the usual bidder.
    profile: Option<String>,
    /// Fields of the RTB target that differ.
    #[serde(default)]
    settings: Value,
    #[serde(default = "ok")]
    status: u16,
    #[serde(default)]
    headers: Vec<(String, String)>,
    /// The answer: JSON, or a text that stands for the raw body. A bidder that is only asked gives none.
    #[serde(default)]
    answer: Value,
    #[serde(default = "hundred_ms")]
    latency_ms: u32,
    /// The answer to the confirmation, when it wins.
    confirms: Option<Value>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Expect {
    /// Valid bids, best first, as "name amount".
    ranking: Option<Vec<String>>,
    /// Reason codes of the others.
    #[serde(default)]
    refused: BTreeMap<String, String>,
    /// Reasons in words, of some of the others.
    #[serde(default)]
    because: BTreeMap<String, String>,
    /// Destination of the first, as text.
    destination: Option<String>,
    /// Call length that the first demands.
    call_length_s: Option<u32>,
    /// What the first calls its bid.
    bid_id: Option<String>,
    /// What the first counts.
    counts: Option<String>,
    /// When the first runs out.
    expires_at: Option<Timestamp>,
    /// What bidders are sent.
    #[serde(default)]
    requests: BTreeMap<String, Request>,
    /// What the winner is sent to confirm its bid.
    confirmation: Option<Request>,
    /// The winner's destination once it is confirmed, or the code of why it is not.
    confirmed: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Request {
    method: Option<String>,
    url: Option<String>,
    /// Some of its headers; `null` must not be there.
    #[serde(default)]
    headers: BTreeMap<String, Option<String>>,
    /// The body: JSON, or a text as it is sent.
    body: Option<Value>,
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

fn bidder_of(rule: &str, bidder: &Bidder) -> RtbTarget {
    let mut settings = match &bidder.profile {
        Some(profile) => {
            profiles::find(profile).unwrap_or_else(|| panic!("{rule}: no profile {profile}")).settings
        }
        None => json!({
            "url": "https://bidder.example.com/ping",
            "body": "{}",
            "answer": {
                "acceptance": ["$.accepted"],
                "amount": ["$.bidAmount", "$.price"],
                "destination": ["$.sipAddress", "$.phoneNumber", "$.destinationNumber"],
                "call_length": ["$.requiredDuration", "$.bidTerms[0].callMinDuration"],
                "currency": ["$.bidCurrency"]
            }
        }),
    };
    settings["name"] = json!(bidder.name);
    merge(&mut settings, &bidder.settings);
    let target: RtbTarget = serde_json::from_value(settings).unwrap();
    assert_eq!(target.validate(), Ok(()), "{rule}: {} could not be saved", bidder.name);
    target
}

/// Objects field by field; everything else is replaced.
fn merge(settings: &mut Value, changes: &Value) {
    for (field, change) in changes.as_object().into_iter().flatten() {
        match &mut settings[field] {
            Value::Object(_) if change.is_object() && field != "authentication" => {
                merge(&mut settings[field], change)
            }
            setting => *setting = change.clone(),
        }
    }
}

fn call_of(caller: &Caller, now: Timestamp) -> Call {
    let call = json!({
        "id": "RGB000000000000000000000000000000f1",
        "tenant": "AC019abc0de1f27a3b8c4d5e6f70819203",
        "account_sid": "AC0000000000000000000000000000000a",
        "campaign": "CA019abc0de1f27a3b8c4d5e6f70819203",
        "snapshot_version": 1,
        "to": "+18335550100",
        "number": "PN019abc0de1f27a3b8c4d5e6f70819203",
        "from": caller.from,
        "from_state": caller.state,
        "from_zip": caller.zip,
        "started_at": now,
        "seed": 7,
        "currency": "USD",
        "publisher": "AF019abc0de1f27a3b8c4d5e6f70819203",
        "payout": {"on": "incoming", "amount": {"fixed": 0}},
    });
    serde_json::from_value(call).unwrap()
}

fn raw(answer: &Value) -> String {
    match answer {
        Value::Null => String::new(),
        Value::String(raw) => raw.clone(),
        json => json.to_string(),
    }
}

fn check_request(rule: &str, name: &str, request: &BidRequest, expected: &Request) {
    if let Some(method) = &expected.method {
        assert_eq!(request.method.as_str(), method, "{rule}: {name}'s method");
    }
    if let Some(url) = &expected.url {
        assert_eq!(request.url, *url, "{rule}: {name}'s address");
    }
    for (header, value) in &expected.headers {
        let found = request.headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(header));
        assert_eq!(found.map(|(_, value)| value), value.as_ref(), "{rule}: {name}'s header {header}");
    }
    match &expected.body {
        Some(Value::String(body)) => assert_eq!(request.body, *body, "{rule}: {name}'s body"),
        Some(body) => {
            let sent: Value = serde_json::from_str(&request.body).unwrap();
            assert_eq!(sent, *body, "{rule}: {name}'s body");
        }
        None => {}
    }
}

fn text_of(destination: &impl serde::Serialize) -> String {
    let destination = serde_json::to_value(destination).unwrap();
    destination.as_object().unwrap().values().next().unwrap().as_str().unwrap().to_owned()
}

#[test]
fn auctions_are_decided_as_written() {
    let now: Timestamp = "2026-11-22T12:00:00Z".parse().unwrap();
    let campaign: Campaign = serde_json::from_value(json!({"name": "Roofing"})).unwrap();
    super::each("auction", |rule, case: Case| {
        let mut tree = serde_json::to_value(AuctionSettings::default()).unwrap();
        merge(&mut tree, &case.tree);
        let tree: AuctionSettings = serde_json::from_value(tree).unwrap();
        let call = call_of(&case.call, now);
        let mut tags = Tags::new();
        for (name, value) in &case.call.tags {
            let (category, name) = name.split_once(':').unwrap();
            tags.set(category, name, value);
        }
        tags.set("Publisher", "SubId", case.call.sub_id.as_deref().unwrap_or_default());
        let caller = routing::place_of(&call);
        let prospect = Prospect {
            place: &caller,
            position: caller.position(),
            sub_id: case.call.sub_id.as_deref(),
            history: None,
            asked: Asked::default(),
            now,
        };

        let about = About { call: &call, place: &caller, campaign: &campaign, tags: &tags, now };
        let mut facts = auction::facts_of_call(&about);
        let mut names = BTreeMap::new();
        let (mut bids, mut facts_of) = (Vec::new(), BTreeMap::new());
        let (mut refused, mut because) = (BTreeMap::new(), BTreeMap::new());
        let mut requests = BTreeMap::new();
        for (index, bidder) in case.bidders.iter().enumerate() {
            let id = RtbTargetId::from_uuid(uuid::Uuid::from_u128(index as u128 + 1));
            let target = bidder_of(rule, bidder);
            names.insert(id, (bidder, target.clone()));
            if let Err(why) = target.takes(&prospect) {
                refused.insert(bidder.name.clone(), why.code().to_owned());
                because.insert(bidder.name.clone(), why.text());
                continue;
            }
            let bidder_id = id.to_string();
            let asked = auction::Bidder { id: &bidder_id, target: &target, settings: &tree };
            // As in an auction, where nothing of what one bidder may see may stay for the next.
            auction::address(&mut facts, &call, asked);
            requests.insert(bidder.name.clone(), auction::request(&target, &facts));
            facts_of.insert(id, facts.clone());
            if bidder.answer.is_null() && bidder.status == 200 {
                continue;
            }
            let body = raw(&bidder.answer);
            let answer = Answer {
                status: bidder.status,
                headers: &bidder.headers,
                body: body.as_bytes(),
                latency_ms: bidder.latency_ms,
                received_at: now,
            };
            let entry = BidderEntry { rtb_target: id, priority: bidder.priority, weight: bidder.weight };
            let (result, bid) = auction::read_answer(&target, &entry, &tree, &caller, answer);
            assert_eq!(result.refusal.is_none(), bid.is_some(), "{rule}: a result is a bid or a refusal");
            if let Some(refusal) = result.refusal {
                refused.insert(bidder.name.clone(), refusal.code().to_owned());
                because.insert(bidder.name.clone(), refusal.text());
            }
            bids.extend(bid);
        }
        let ranking = auction::rank(bids);
        assert!(ranking.iter().all(|bid| bid.amount > Money::ZERO), "{rule}: a bid is more than nothing");
        let shown: Vec<String> =
            ranking.iter().map(|bid| format!("{} {}", names[&bid.bidder].0.name, bid.amount)).collect();
        assert_eq!(shown, case.expect.ranking.clone().unwrap_or_default(), "{rule}: ranking");
        assert_eq!(refused, case.expect.refused, "{rule}: refused, {because:?}");
        for (name, words) in &case.expect.because {
            assert_eq!(because.get(name), Some(words), "{rule}: why {name} is refused");
        }
        for (name, expected) in &case.expect.requests {
            check_request(rule, name, &requests[name], expected);
        }
        let Expect { destination, call_length_s, bid_id, counts, expires_at, .. } = &case.expect;
        let first = ranking.first();
        if let Some(destination) = destination {
            assert_eq!(
                first.map(|bid| text_of(&bid.destination)),
                Some(destination.clone()),
                "{rule}: destination"
            );
        }
        if call_length_s.is_some() {
            assert_eq!(first.and_then(|bid| bid.call_length_s), *call_length_s, "{rule}: call length");
        }
        if bid_id.is_some() {
            assert_eq!(first.and_then(|bid| bid.bid_id.clone()), *bid_id, "{rule}: the bid's id");
        }
        if counts.is_some() {
            assert_eq!(first.map(|bid| bid.counted().to_string()), *counts, "{rule}: what it counts");
        }
        if expires_at.is_some() {
            assert_eq!(first.and_then(|bid| bid.expires_at), *expires_at, "{rule}: when it runs out");
        }
        if let Some(expected) = &case.expect.confirmation {
            let bid = first.unwrap();
            let (bidder, target) = &names[&bid.bidder];
            let confirmation = target.confirmation.as_ref().unwrap();
            let request = auction::confirmation_request(confirmation, &facts_of[&bid.bidder], bid);
            check_request(rule, &bidder.name, &request, expected);
            let body = raw(bidder.confirms.as_ref().unwrap());
            let answer =
                Answer { status: 200, headers: &[], body: body.as_bytes(), latency_ms: 1, received_at: now };
            let confirmed = match auction::read_confirmation(confirmation, answer) {
                Ok(destination) => text_of(&destination.unwrap_or(bid.destination.clone())),
                Err(refusal) => refusal.code().to_owned(),
            };
            assert_eq!(Some(confirmed), case.expect.confirmed, "{rule}: confirmed");
        }
    });
}
