//! `rtb_inbound/*.json`: a publisher's ping and what the campaign is in; the bid or the refusal out, and where it matters the
//! very answer. `rtb_arrival/*.json`: what was promised on a number in; what it means for the call out.

use std::collections::{BTreeMap, HashMap};

use domain::auction::Bid;
use domain::call::Call;
use domain::campaign::Campaign;
use domain::caps::{CounterId, Usage};
use domain::duplicates::Verdict as Repeat;
use domain::ids::{CallId, CampaignId, InboundBidId, NumberId, PublisherId, RtbTargetId, TargetId, TenantId};
use domain::inbound::{
    Answer, Asking, BidVerdict, BodyKind, Counted, Environment, Format, Given, InboundBid, PassThrough, Ping,
    Verdict, arrive, decide, fingerprint, sent_tags,
};
use domain::ledger::{Payout, PayoutOn};
use domain::money::{Currency, Money};
use domain::plan::Tree;
use domain::routing::{Asked, Via};
use domain::snapshot::{Parts, Snapshot};
use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use serde_json::{Value, json};
use uuid::Uuid;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    #[serde(default = "noon")]
    now: Timestamp,
    #[serde(default = "production")]
    environment: Environment,
    /// The query as it is sent.
    #[serde(default)]
    query: String,
    /// The body as it is sent; a JSON value that is no text is sent as JSON.
    #[serde(default)]
    body: Value,
    #[serde(default)]
    content_type: String,
    /// Fields in which the campaign's RTB settings differ from the usual ones (base bid 10); `null` is none.
    #[serde(default = "nothing_else")]
    rtb: Value,
    /// What is agreed with the publisher.
    #[serde(default)]
    publisher: Value,
    /// Fields in which the campaign differs.
    #[serde(default)]
    campaign: Value,
    /// Fields in which the only destination, the desk, differs.
    #[serde(default)]
    desk: Value,
    /// What is paused: `campaign`, `publisher`, `publisher_on_campaign`, `desk`.
    #[serde(default)]
    paused: Vec<String>,
    /// Calls counted for one of those.
    #[serde(default)]
    calls: BTreeMap<String, u32>,
    #[serde(default)]
    counted: Counted,
    #[serde(default)]
    blocked: bool,
    /// Seconds since the caller's last call on the campaign.
    #[serde(default)]
    previous_call_s: Option<u64>,
    #[serde(default)]
    repeat: Option<Repeat>,
    /// Seconds since the same ping was given a bid.
    #[serde(default)]
    same_bid_s_ago: Option<i64>,
    /// Whether that was used for a call.
    #[serde(default)]
    same_bid_used: bool,
    /// Bidders who stand before the desk, best first.
    #[serde(default)]
    bidders: Vec<Bidder>,
    /// Whether those were asked.
    #[serde(default)]
    asked: bool,
    /// Whether the account has SIP addresses to give.
    #[serde(default)]
    has_sip: bool,
    expect: Expect,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Bidder {
    /// What it bids once it is asked; `null`: nothing.
    bids: Option<Money>,
    /// Connected seconds that it asks for.
    call_length_s: Option<u32>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Expect {
    /// Whether bidders must be asked first.
    #[serde(default)]
    asks: bool,
    /// Who would pay: `desk`, or the bidder of this place.
    would_pay: Option<String>,
    /// What the publisher's call must last for.
    pays_after_s: Option<u32>,
    /// Why the ping cannot be read.
    unreadable: Option<String>,
    /// Code of the refusal.
    code: Option<u16>,
    /// Words of the refusal.
    why: Option<String>,
    /// The bid.
    amount: Option<String>,
    given: Option<Given>,
    /// Whether the bid is the one that was given before.
    #[serde(default)]
    cached: bool,
    /// The whole answer in JSON.
    json: Option<Value>,
    /// The whole answer in XML.
    xml: Option<String>,
    /// What the call by this bid will know of the ping.
    tags: Option<BTreeMap<String, String>>,
}

fn noon() -> Timestamp {
    "2026-11-23T12:00:00Z".parse().unwrap()
}
const fn production() -> Environment {
    Environment::Production
}
fn nothing_else() -> Value {
    json!({})
}

fn id(number: u128) -> Uuid {
    Uuid::from_u128(number)
}

fn bidder(place: usize) -> RtbTargetId {
    RtbTargetId::from_uuid(id(100 + place as u128))
}

fn overlay(mut body: Value, differs: &Value) -> Value {
    for (field, value) in differs.as_object().into_iter().flatten() {
        body[field] = value.clone();
    }
    body
}

/// One id for all answers, so that they can be written down.
fn bid_id() -> InboundBidId {
    InboundBidId::from_uuid(id(0xabc))
}

impl Case {
    fn snapshot(&self) -> Snapshot {
        let (campaign_id, desk) = (CampaignId::from_uuid(id(2)), TargetId::from_uuid(id(3)));
        let mut rtb =
            overlay(json!({"base_bid": 10_000_000, "numbers": [NumberId::from_uuid(id(5))]}), &self.rtb);
        if self.rtb.is_null() {
            rtb = Value::Null;
        }
        let terms = match &self.publisher {
            Value::Null => json!({}),
            given if given.get("rtb").is_some() || given.get("caps").is_some() => given.clone(),
            rtb => json!({"rtb": rtb}),
        };
        let campaign = json!({
            "name": "Roofing", "status": "active", "plan": [{"target": desk}], "rtb": rtb,
            "publishers": {PublisherId::from_uuid(id(4)).to_string(): terms},
        });
        let mut campaign = overlay(campaign, &self.campaign);
        let entries: Vec<Value> =
            (0..self.bidders.len()).map(|place| json!({"rtb_target": bidder(place)})).collect();
        campaign["auction"] = json!({"bidders": entries});
        let campaign: Campaign = serde_json::from_value(campaign).unwrap();
        domain::validate::Validate::validate(&campaign).unwrap();
        let desk_body =
            overlay(json!({"name": "Desk", "destination": {"number": "+12025550199"}}), &self.desk);
        let number = json!({"number": "+17735550100", "campaign": campaign_id,
            "account_sid": format!("AC{:032x}", 1)});
        let numbers = match &campaign.rtb {
            Some(_) => [(NumberId::from_uuid(id(5)), serde_json::from_value(number).unwrap())].into(),
            None => Default::default(),
        };
        let targets = [(desk, serde_json::from_value(desk_body).unwrap())].into();
        let rtb_targets = (0..self.bidders.len())
            .map(|place| {
                let body = json!({
                    "name": format!("Bidder {place}"), "url": "https://bidder.example.com/", "body": "{}",
                    "answer": {"acceptance": ["$.ok"], "amount": ["$.bid"], "destination": ["$.number"]},
                });
                (bidder(place), serde_json::from_value(body).unwrap())
            })
            .collect();
        let parts = Parts { targets, numbers, rtb_targets, ..Parts::default() };
        Snapshot::compile(campaign_id, 1, self.now, campaign, parts).unwrap()
    }

    /// What the bidders' auction brought.
    fn ranking(&self) -> Vec<Bid> {
        let placed = self.bidders.iter().enumerate();
        let bids = placed.filter_map(|(place, of)| {
            Some(Bid {
                bidder: bidder(place),
                amount: of.bids?,
                counts: None,
                bid_id: None,
                destination: serde_json::from_value(json!({"number": "+12025550177"})).unwrap(),
                call_length_s: of.call_length_s,
                expires_at: None,
                priority: 1,
                weight: 100,
                latency_ms: 20,
                confirmed: None,
            })
        });
        bids.collect()
    }

    fn usage(&self) -> HashMap<CounterId, Usage> {
        let (campaign, publisher) = (CampaignId::from_uuid(id(2)), PublisherId::from_uuid(id(4)));
        let row = |name: &str| match name {
            "campaign" => CounterId::from(campaign),
            "publisher" => publisher.into(),
            "publisher_on_campaign" => CounterId::Terms(campaign, publisher),
            "desk" => TargetId::from_uuid(id(3)).into(),
            other => panic!("nothing is called {other}"),
        };
        let mut usage: HashMap<CounterId, Usage> = HashMap::new();
        for name in &self.paused {
            usage.entry(row(name)).or_default().paused = true;
        }
        for (name, calls) in &self.calls {
            usage.entry(row(name)).or_default().total = *calls;
        }
        usage
    }

    fn call(&self, ping: &Ping) -> Call {
        Call {
            payout_limit: None,
            too_often: Vec::new(),
            id: format!("RGB{:032x}", 1).parse::<CallId>().unwrap(),
            tenant: TenantId::from_uuid(id(1)),
            account_sid: format!("AC{:032x}", 1).parse().unwrap(),
            campaign: CampaignId::from_uuid(id(2)),
            snapshot_version: 1,
            to: "+17735550100".parse().unwrap(),
            number: Some(NumberId::from_uuid(id(5))),
            pool: None,
            from: ping.caller.as_ref().map(|number| number.as_str().to_owned()).unwrap_or_default(),
            from_state: ping.state.clone(),
            from_zip: ping.zip.clone(),
            from_country: None,
            verstat: Some("TN-Validation-Passed-A".to_owned()),
            repeat: self.repeat.unwrap_or(Repeat::First),
            not_again: Vec::new(),
            pool_shard: 0,
            attribution: None,
            visit: None,
            tag: None,
            tags: Default::default(),
            caller_key: None,
            previous_call_s: self.previous_call_s,
            started_at: self.now,
            seed: 1,
            currency: Currency::USD,
            publisher: Some(PublisherId::from_uuid(id(4))),
            payout: Payout::default(),
            bid: None,
        }
    }

    fn read(&self) -> Result<Ping, String> {
        let body = match &self.body {
            Value::Null => String::new(),
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        let kind = BodyKind::of_content_type(&self.content_type).ok_or("unknown content type")?;
        Ping::read(&self.query, body.as_bytes(), kind).map_err(|error| error.to_string())
    }

    fn bid(
        &self,
        ping: &Ping,
        given_at: Timestamp,
        amount: Money,
        snapshot: &Snapshot,
        given: Given,
    ) -> InboundBid {
        let rtb = snapshot.campaign.rtb.as_ref().unwrap();
        let with_number = given != Given::Sip;
        InboundBid {
            id: bid_id(),
            fingerprint: "f".to_owned(),
            campaign: snapshot.campaign_id,
            publisher: PublisherId::from_uuid(id(4)),
            environment: self.environment,
            amount,
            currency: Currency::USD,
            payout: rtb.payout(amount),
            given_at,
            expires_at: given_at + SignedDuration::from_secs(rtb.good_for_s.into()),
            number: with_number.then(|| "+17735550100".parse().unwrap()),
            sip: self.has_sip.then(|| format!("{}@calls.example.com", bid_id())),
            caller_key: ping.caller.as_ref().map(|_| "caller".to_owned()),
            zip: ping.zip.clone(),
            state: ping.state.clone(),
            tags: sent_tags(ping, snapshot),
            passed_on: None,
            auction: None,
            used_by: None,
        }
    }
}

#[test]
fn pings_are_answered_as_written() {
    super::each("rtb_inbound", |rule, case: Case| {
        let ping = match case.read() {
            Ok(ping) => ping,
            Err(words) => {
                assert_eq!(Some(&words), case.expect.unreadable.as_ref(), "{rule}");
                return;
            }
        };
        assert_eq!(case.expect.unreadable, None, "{rule}: it was read");
        let (snapshot, usage, call) = (case.snapshot(), case.usage(), case.call(&ping));
        let same = case.same_bid_s_ago.map(|ago| {
            let given_at = case.now - SignedDuration::from_secs(ago);
            let bid = case.bid(&ping, given_at, Money::from_micros(4_200_000), &snapshot, Given::Number);
            InboundBid { used_by: case.same_bid_used.then_some(call.id), ..bid }
        });
        let ranking = case.ranking();
        let asked = [Asked { tree: Tree::First, bids: &ranking }];
        let asking = Asking {
            ping: &ping,
            environment: case.environment,
            now: case.now,
            snapshot: &snapshot,
            publisher: PublisherId::from_uuid(id(4)),
            call: &call,
            usage: &usage,
            blocked: case.blocked,
            same: same.as_ref(),
            counted: case.counted,
            asked: if case.asked { &asked } else { &[] },
            has_sip: case.has_sip,
        };
        let expect = &case.expect;
        let verdict = decide(&asking);
        assert_eq!(verdict == Verdict::Ask(Tree::First), expect.asks, "{rule}: {verdict:?}");
        let answer = match &verdict {
            Verdict::Ask(_) => return,
            Verdict::Rejected(rejected) => {
                assert_eq!(Some(rejected.reject.code()), expect.code, "{rule}: {}", rejected.why);
                if let Some(why) = &expect.why {
                    assert_eq!(&rejected.why, why, "{rule}");
                }
                Answer::reject(bid_id(), rejected.reject)
            }
            Verdict::Bid(priced) => {
                assert_eq!(expect.code, None, "{rule}: it got a bid");
                assert!(!expect.cached, "{rule}: the bid is a new one");
                if let Some(given) = expect.given {
                    assert_eq!(priced.given, given, "{rule}");
                }
                assert_eq!(Some(priced.amount.to_string()), expect.amount, "{rule}");
                let would_pay = priced.passed_on.map(|passed_on| match passed_on.via {
                    Via::Target(_) => "desk".to_owned(),
                    Via::RtbTarget(id) => (0..)
                        .find(|place| bidder(*place) == id)
                        .map_or_else(String::new, |place| place.to_string()),
                });
                assert_eq!(would_pay, expect.would_pay, "{rule}");
                if let Some(seconds) = expect.pays_after_s {
                    let PayoutOn::Length { seconds: least, .. } = priced.payout.on else {
                        panic!("{rule}: {:?}", priced.payout)
                    };
                    assert_eq!(least, seconds, "{rule}");
                }
                let bid = case.bid(&ping, case.now, priced.amount, &snapshot, priced.given);
                Answer::bid(&bid, case.now, false, case.has_sip)
            }
            Verdict::Same => {
                assert_eq!(expect.code, None, "{rule}: it got the bid it had");
                assert!(expect.cached, "{rule}: the bid is the earlier one");
                Answer::bid(same.as_ref().unwrap(), case.now, true, case.has_sip)
            }
        };
        let earlier = snapshot.campaign.rtb.as_ref().is_some_and(|rtb| rtb.earlier_names);
        if let Some(json) = &expect.json {
            let written: Value = serde_json::from_str(&answer.render(Format::Json, earlier)).unwrap();
            assert_eq!(&written, json, "{rule}");
        }
        if let Some(xml) = &expect.xml {
            assert_eq!(&answer.render(Format::Xml, earlier), xml, "{rule}");
        }
        if let Some(tags) = &expect.tags {
            assert_eq!(&sent_tags(&ping, &snapshot), tags, "{rule}");
        }
    });
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Arrival {
    /// What is found for the caller, and for any.
    promises: Vec<Promise>,
    /// Whether the number is one that is given out with bids.
    awaited: bool,
    /// `null`: an ordinary call.
    expect: Option<Expected>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Promise {
    #[serde(default)]
    any_caller: bool,
    /// Seconds for which it is still good; below zero it has expired.
    good_for_s: i64,
    /// `this` call or `another`.
    used_by: Option<String>,
    #[serde(default)]
    other_campaign: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Expected {
    verdict: BidVerdict,
    /// Which of the promises, counted from 0.
    promise: Option<usize>,
}

#[test]
fn calls_are_matched_with_their_bids() {
    let call = |number: u32| format!("RGB{number:032x}").parse::<CallId>().unwrap();
    super::each("rtb_arrival", |rule, case: Arrival| {
        let promises: Vec<InboundBid> = (0..)
            .zip(&case.promises)
            .map(|(index, promise)| InboundBid {
                id: InboundBidId::from_uuid(id(index)),
                fingerprint: index.to_string(),
                campaign: CampaignId::from_uuid(id(if promise.other_campaign { 99 } else { 2 })),
                publisher: PublisherId::from_uuid(id(4)),
                environment: Environment::Production,
                amount: Money::from_units(10),
                currency: Currency::USD,
                payout: Payout::default(),
                given_at: noon() - SignedDuration::from_secs(60),
                expires_at: noon() + SignedDuration::from_secs(promise.good_for_s),
                number: Some("+17735550100".parse().unwrap()),
                sip: None,
                caller_key: (!promise.any_caller).then(|| "caller".to_owned()),
                zip: None,
                state: None,
                tags: BTreeMap::new(),
                passed_on: None,
                auction: None,
                used_by: promise.used_by.as_deref().map(|who| call(if who == "this" { 1 } else { 2 })),
            })
            .collect();
        let campaign = CampaignId::from_uuid(id(2));
        let arrived = arrive(&promises, call(1), campaign, case.awaited, noon());
        let got = arrived.map(|arrived| {
            let of_call = arrived.of_call();
            assert_eq!(of_call.id, arrived.bid.map(|bid| bid.id));
            (arrived.verdict, arrived.bid.map(|bid| bid.fingerprint.clone()))
        });
        let expected =
            case.expect.map(|expect| (expect.verdict, expect.promise.map(|index| index.to_string())));
        assert_eq!(got, expected, "{rule}");
    });
}

#[test]
fn a_margin_is_kept_of_what_our_bidders_would_pay() {
    let pass_through = |settings: Value| -> PassThrough { serde_json::from_value(settings).unwrap() };
    let earned = Money::from_micros(56_060_000);
    let twenty = pass_through(json!({"max_bid": 100_000_000, "margin": {"percent": 2000}}));
    assert_eq!(twenty.base(earned).unwrap().to_string(), "44.85");
    let capped = pass_through(json!({"max_bid": 40_000_000, "margin": {"percent": 2000}}));
    assert_eq!(capped.base(earned).unwrap().to_string(), "40.00");
    let amount = pass_through(json!({"max_bid": 100_000_000, "margin": {"amount": 6_060_000}}));
    assert_eq!(amount.base(earned).unwrap().to_string(), "50.00");
    assert_eq!(amount.base(Money::from_units(6)), None, "nothing is left");
    let strict = json!({"max_bid": 100_000_000, "margin": {"percent": 2000}, "min_margin": 12_000_000});
    assert_eq!(pass_through(strict).base(earned), None, "11.21 is less than the least margin");
    assert_eq!(twenty.within(Money::from_units(60), earned), None, "a loss");
    let loss = json!({"max_bid": 100_000_000, "margin": {"percent": 2000}, "allow_loss": true});
    assert_eq!(pass_through(loss).within(Money::from_units(60), earned), Some(Money::from_units(60)));
}

#[test]
fn only_what_matters_makes_two_pings_different() {
    let snapshot = |modifiers: Value| {
        let case = json!({"rtb": {"modifiers": modifiers}, "expect": {}});
        serde_json::from_value::<Case>(case).unwrap().snapshot()
    };
    let of = |query: &str, snapshot: &Snapshot| {
        let ping = Ping::read(query, b"", BodyKind::Form).unwrap();
        fingerprint(&ping, Environment::Production, PublisherId::from_uuid(id(4)), snapshot)
    };
    let plain = snapshot(json!([]));
    let asks = snapshot(
        json!([{"when": {"tag": "User:plan", "is": "equals", "value": "gold"}, "then": {"add": 1}}]),
    );
    let first = "CID=14155550100&zipcode=94105&publisherInboundCallId=1&ts=1&plan=gold";
    assert_eq!(
        of(first, &plain),
        of("cid=%2B14155550100&ZIPCODE=94105&publisherInboundCallId=2&ts=2", &plain)
    );
    assert_ne!(of(first, &plain), of("CID=14155550101&zipcode=94105", &plain), "another caller");
    assert_ne!(of(first, &plain), of("CID=14155550100&zipcode=94106", &plain), "elsewhere");
    assert_ne!(
        of(first, &asks),
        of("CID=14155550100&zipcode=94105&plan=blue", &asks),
        "a tag that is asked for"
    );
    let nobody = |call: u32| of(&format!("zipcode=94105&publisherInboundCallId={call}"), &plain);
    assert_ne!(nobody(1), nobody(2), "without a caller the publisher's own id tells them apart");
    // A value cannot pretend to be two.
    assert_ne!(of("CID=14155550100&zipcode=1%0A2", &plain), of("CID=14155550100&zipcode=1&state=2", &plain));
}
