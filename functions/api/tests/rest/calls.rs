//! The call log, and everything about one call.

use std::sync::Arc;

use app::ports::{BidLog, BidLogEntry, CallRecord, RecordingEvent, Step, StepWrite};
use domain::call::{Attempt, Call, LegEvent};
use domain::ids::{CallId, CampaignId, NumberId, PublisherId, RtbTargetId, TargetId, TenantId};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::{World, account};

pub const CALLER: &str = "+14155550123";

fn read<T: DeserializeOwned>(value: Value) -> T {
    serde_json::from_value(value).unwrap()
}

pub fn call_id(number: u128) -> CallId {
    format!("RGB{number:032x}").parse().unwrap()
}

fn uuid(number: u128) -> Uuid {
    Uuid::from_u128(number)
}

pub fn call(tenant: TenantId, number: u128, started_at: &str) -> Call {
    read(json!({
        "id": call_id(number),
        "tenant": tenant,
        "account_sid": account(tenant),
        "campaign": CampaignId::from_uuid(uuid(1)),
        "snapshot_version": 3,
        "to": "+18335550100",
        "number": NumberId::from_uuid(uuid(2)),
        "from": CALLER,
        "from_state": "CA",
        "from_zip": "94105",
        "started_at": started_at,
        "seed": 7,
        "currency": "USD",
        "publisher": PublisherId::from_uuid(uuid(3)),
        "payout": {"on": "converted", "amount": {"fixed": 20_000_000}},
    }))
}

fn bidder(number: u128) -> RtbTargetId {
    RtbTargetId::from_uuid(uuid(number))
}

/// A call with an auction of three, whose winner was busy and whose second bid talked for 95 seconds.
pub fn record(tenant: TenantId, number: u128, started_at: &str) -> CallRecord {
    let call = call(tenant, number, started_at);
    let (best, second, slow) = (bidder(11), bidder(12), bidder(13));
    let bid = |bidder: RtbTargetId, amount: i64, phone: &str| {
        json!({"bidder": bidder, "amount": amount, "destination": {"number": phone}, "call_length_s": 60,
               "expires_at": null, "priority": 1, "weight": 100, "latency_ms": 80})
    };
    let attempt =
        |step: u16, bidder: RtbTargetId, name: &str, amount: i64, phone: &str, at: &str| -> Attempt {
            read(json!({
                "number": step, "via": {"rtb_target": bidder}, "name": name, "destination": {"number": phone},
                "bid": amount, "reservation": null, "dialled_at": at,
                "terms": {"revenue": "winning_bid", "conversion": "connected", "buyer": null},
            }))
        };
    let event = |leg: Value, status: &str, sequence: u32, at: &str, duration: Value| -> LegEvent {
        read(json!({
            "leg": leg, "status": status, "sequence": sequence, "source": "callback", "at": at,
            "duration_s": duration, "sid": null
        }))
    };
    let answered = |decisions: Value| {
        Step::Answered(Box::new(read(json!({
            "reply": {"verbs": ["hangup"]}, "decisions": decisions, "at": started_at
        }))))
    };
    let entries = json!([
        {"number": 1, "at": "2026-11-22T10:02:10Z", "kind": "revenue", "party": {"destination": {"rtb_target": second}}, "amount": 38_500_000,
         "currency": "USD", "reason": "the winning bid"},
        {"number": 2, "at": "2026-11-22T10:02:10Z", "kind": "payout", "party": {"publisher": PublisherId::from_uuid(uuid(3))},
         "amount": 20_000_000, "currency": "USD", "reason": "fixed payout"},
    ]);
    CallRecord {
        closing: Some(read(json!({
            "ended_at": "2026-11-22T10:02:10Z", "status": "completed", "total_seconds": 130, "connected": true,
            "connected_seconds": 95, "attempts": 2, "billed_attempt": 2, "billed_name": "Second", "settlement": {
                "converted": true, "revenue": 38_500_000, "payout": 20_000_000, "profit": 18_500_000,
                "entries": entries.clone()
            }
        }))),
        steps: vec![
            (
                2,
                answered(json!({"each": [
                {"via": {"rtb_target": best}, "name": "Best", "passed": "already_tried"},
                {"via": {"rtb_target": second}, "name": "Second", "passed": null},
            ], "more": {"cap_reached": 4}})),
            ),
            (
                1,
                answered(json!({"each": [
                    {"via": {"rtb_target": best}, "name": "Best", "passed": null},
                    {"via": {"target": TargetId::from_uuid(uuid(14))}, "name": "Desk",
                     "passed": {"cap": {"window": "daily", "cap": 50}}},
                ]})),
            ),
            (3, Step::Started { by: uuid(5), at: started_at.parse().unwrap() }),
        ],
        joints: Vec::new(),
        attempts: vec![
            attempt(2, second, "Second", 38_500_000, "+12025550112", "2026-11-22T10:00:20Z"),
            attempt(1, best, "Best", 42_000_000, "+12025550111", "2026-11-22T10:00:02Z"),
        ],
        events: vec![
            event(json!("caller"), "completed", 0, "2026-11-22T10:02:10Z", json!(130)),
            event(json!({"attempt": 2}), "completed", 3, "2026-11-22T10:02:09Z", json!(95)),
            event(json!({"attempt": 2}), "in-progress", 2, "2026-11-22T10:00:34Z", json!(null)),
            event(json!({"attempt": 1}), "busy", 1, "2026-11-22T10:00:19Z", json!(null)),
            event(json!({"attempt": 1}), "initiated", 0, "2026-11-22T10:00:03Z", json!(null)),
        ],
        recordings: vec![RecordingEvent {
            sid: format!("RE{}", "a".repeat(32)),
            attempt: 2,
            status: "completed".to_owned(),
            url: Some("https://api.twilio.com/recording".to_owned()),
            duration_s: Some(94),
            at: "2026-11-22T10:02:12Z".parse().unwrap(),
        }],
        auctions: vec![read(json!({
            "id": format!("AU{:032x}", 21), "call": call.id, "step": 1, "started_at": started_at,
            "deadline_ms": 1000, "took_ms": 1003,
            "results": [
                {"bidder": slow, "name": "Slow", "latency_ms": 1000, "amount": null, "destination": null,
                 "refusal": "timed_out"},
                {"bidder": second, "name": "Second", "latency_ms": 80, "amount": 38_500_000,
                 "destination": "202***0112", "refusal": null},
                {"bidder": bidder(15), "name": "Shy", "latency_ms": 61, "amount": null, "destination": null,
                 "refusal": {"declined": "+1 (415) 555-0123 was sold 3 times in 24 hours"}},
                {"bidder": best, "name": "Best", "latency_ms": 91, "amount": 42_000_000,
                 "destination": "202***0111", "refusal": null},
            ],
            "ranking": [bid(best, 42_000_000, "+12025550111"), bid(second, 38_500_000, "+12025550112")],
        }))],
        ledger: read(entries),
        report: None,
        books: 1,
        call: Arc::new(call),
    }
}

/// The write that creates that call, for a table.
pub fn first_write(tenant: TenantId) -> StepWrite {
    let record = record(tenant, 0xF1, "2026-11-22T10:00:00Z");
    let answered = record.steps.into_iter().find_map(|(_, step)| match step {
        Step::Answered(answered) => Some(*answered),
        Step::Started { .. } => None,
    });
    StepWrite {
        due_at: record.call.started_at,
        call: record.call,
        begins: true,
        caller: None,
        number: 0,
        started_by: None,
        answered: answered.unwrap(),
        attempts: Vec::new(),
        joints: Vec::new(),
        limits: Vec::new(),
        gives_back: Vec::new(),
        auction: None,
    }
}

/// Puts a finished call into the archive and gives its id.
pub fn archived_call(world: &World, tenant: TenantId) -> String {
    world.calls.insert(record(tenant, 0xF1, "2026-11-22T10:00:00Z"));
    call_id(0xF1).to_string()
}

#[tokio::test]
async fn a_call_tells_how_it_went() {
    let world = World::new().await;
    let id = archived_call(&world, world.tenant);
    let shown = world.get(&format!("/api/calls/{id}")).await.ok(200);
    assert_eq!(shown["from"], CALLER);
    assert_eq!(shown["campaign_version"], 3);
    assert_eq!(
        shown["closing"],
        json!({
            "ended_at": "2026-11-22T10:02:10Z", "status": "completed", "total_s": 130, "connected": true,
            "connected_s": 95, "converted": true, "destination_name": "Second", "revenue": 38_500_000,
            "payout": 20_000_000, "profit": 18_500_000
        })
    );
    let attempts = shown["attempts"].as_array().unwrap();
    assert_eq!(attempts[0]["destination"]["name"], "Best");
    assert_eq!(attempts[0]["status"], "busy");
    assert_eq!(attempts[1]["status"], "completed");
    assert_eq!(attempts[1]["address"], "+12025550112");
    assert_eq!(shown["recordings"][0]["duration_s"], 94);
    assert!(!shown.to_string().contains("twilio.com"));
}

#[tokio::test]
async fn events_come_in_the_order_in_which_they_happened() {
    let world = World::new().await;
    let id = archived_call(&world, world.tenant);
    let events = world.get(&format!("/api/calls/{id}/events")).await.ok(200);
    let shown: Vec<(&str, &str)> = events["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|event| (event["name"].as_str().unwrap_or("caller"), event["status"].as_str().unwrap()))
        .collect();
    assert_eq!(
        shown,
        [
            ("Best", "initiated"),
            ("Best", "busy"),
            ("Second", "in-progress"),
            ("Second", "completed"),
            ("caller", "completed"),
        ]
    );
    assert_eq!(events["items"][3]["leg"], "destination");
    assert_eq!(events["items"][3]["attempt"], 2);
    assert_eq!(events["items"][3]["source"], "callback");
}

#[tokio::test]
async fn decisions_say_why_in_code_and_in_words() {
    let world = World::new().await;
    let id = archived_call(&world, world.tenant);
    let decisions = world.get(&format!("/api/calls/{id}/decisions")).await.ok(200);
    let steps = decisions["items"].as_array().unwrap();
    assert_eq!(steps.len(), 2);
    assert_eq!(steps[0]["step"], 1);
    assert_eq!(steps[0]["decisions"][0]["code"], "dialled");
    assert_eq!(
        steps[0]["decisions"][1],
        json!({
            "destination": {"kind": "target", "id": TargetId::from_uuid(uuid(14)), "name": "Desk"},
            "code": "cap_reached", "text": "daily cap 50 reached"
        })
    );
    assert_eq!(steps[1]["decisions"][0]["code"], "already_tried");
    assert_eq!(steps[1]["more"], json!({"cap_reached": 4}));
}

#[tokio::test]
async fn an_auction_shows_every_bidder_best_first() {
    let world = World::new().await;
    let id = archived_call(&world, world.tenant);
    let entry: BidLogEntry = read(json!({
        "tenant": world.tenant, "auction": format!("AU{:032x}", 21), "call": id,
        "campaign": CampaignId::from_uuid(uuid(1)), "bidder": bidder(12), "at": "2026-11-22T10:00:01Z",
        "url": "https://bids.example.com/second", "request": "{}", "status": 200, "response": "{\"bid\": 38.5}",
        "result": {"bidder": bidder(12), "name": "Second", "latency_ms": 80, "amount": 38_500_000,
                   "destination": "202***0112", "refusal": null},
        "won": false
    }));
    world.bids.store(&entry).await.unwrap();
    let auctions = world.get(&format!("/api/calls/{id}/auction")).await.ok(200);
    let auction = &auctions["items"][0];
    assert_eq!((&auction["deadline_ms"], &auction["took_ms"]), (&json!(1000), &json!(1003)));
    assert_eq!(auction["winner"], json!({"bidder": bidder(11), "name": "Best", "amount": 42_000_000}));
    let shown: Vec<(&str, &str)> = auction["bidders"]
        .as_array()
        .unwrap()
        .iter()
        .map(|bidder| (bidder["name"].as_str().unwrap(), bidder["verdict"]["code"].as_str().unwrap()))
        .collect();
    assert_eq!(shown, [("Best", "won"), ("Second", "valid"), ("Slow", "timed_out"), ("Shy", "declined")]);
    assert_eq!(auction["bidders"][1]["destination"], "202***0112");
    assert_eq!(auction["bidders"][1]["exchange"]["response"], "{\"bid\": 38.5}");
    assert!(auction["bidders"][0].get("exchange").is_none());
    assert_eq!(auction["bidders"][2]["verdict"]["text"], "no answer in time");
}

#[tokio::test]
async fn the_books_add_up() {
    let world = World::new().await;
    let id = archived_call(&world, world.tenant);
    let ledger = world.get(&format!("/api/calls/{id}/ledger")).await.ok(200);
    assert_eq!(ledger["settled"], true);
    assert_eq!(ledger["totals"], json!({"revenue": 38_500_000, "payout": 20_000_000, "profit": 18_500_000}));
    assert_eq!(ledger["entries"][0]["party_kind"], "rtb_target");
    assert_eq!(ledger["entries"][0]["party"], bidder(12).to_string());
    assert_eq!(ledger["entries"][1]["kind"], "payout");
}

#[tokio::test]
async fn a_call_that_goes_on_has_no_end_and_no_books_yet() {
    let world = World::new().await;
    let mut record = record(world.tenant, 0xF2, "2026-11-22T11:59:00Z");
    record.closing = None;
    record.ledger = Vec::new();
    record.events.retain(|event| !event.status.is_terminal());
    world.calls.insert(record);
    let address = format!("/api/calls/{}", call_id(0xF2));
    let shown = world.get(&address).await.ok(200);
    assert_eq!(shown["closing"], Value::Null);
    assert_eq!(shown["attempts"][1]["status"], "in-progress");
    let ledger = world.get(&format!("{address}/ledger")).await.ok(200);
    assert_eq!(ledger["settled"], false);
    assert_eq!(ledger["entries"], json!([]));
}

#[tokio::test]
async fn the_call_log_walks_back_day_by_day() {
    let world = World::new().await;
    for (number, started_at) in [
        (1, "2026-11-22T09:00:00Z"),
        (2, "2026-11-22T08:00:00Z"),
        (3, "2026-11-20T23:59:59.999Z"),
        (4, "2026-11-16T00:00:00Z"),
        (5, "2026-11-15T23:59:59Z"),
    ] {
        world.calls.insert(record(world.tenant, number, started_at));
    }
    let mut seen = Vec::new();
    let mut cursor = String::new();
    loop {
        let page = world.get(&format!("/api/calls?limit=1{cursor}")).await.ok(200);
        seen.extend(
            page["items"].as_array().unwrap().iter().map(|call| call["id"].as_str().unwrap().to_owned()),
        );
        match page["next"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break assert_eq!(page["searched_to"], "2026-11-16"),
        }
        // The range stays what it was, also when midnight passes between two pages.
        world.clock.advance(6 * 3600);
    }
    assert_eq!(seen, [1, 2, 3, 4].map(|number| call_id(number).to_string()));
    let older = world.get("/api/calls?from=2026-11-15&to=2026-11-15").await.ok(200);
    assert_eq!(older["items"][0]["id"], call_id(5).to_string());
}

#[tokio::test]
async fn one_request_reads_a_bounded_number_of_days_and_says_how_far_it_came() {
    let world = World::new().await;
    world.calls.insert(record(world.tenant, 1, "2026-01-05T09:00:00Z"));
    let range = "from=2026-01-01&to=2026-11-22";
    let first = world.get(&format!("/api/calls?{range}")).await.ok(200);
    assert_eq!(world.calls.pages_read(), 31);
    assert_eq!(first["items"], json!([]));
    assert_eq!(first["searched_to"], "2026-10-23");
    let mut page = first;
    let mut found = 0;
    while let Some(next) = page["next"].as_str() {
        page = world.get(&format!("/api/calls?{range}&cursor={next}")).await.ok(200);
        found += page["items"].as_array().unwrap().len();
    }
    assert_eq!(found, 1);
    assert_eq!(world.calls.pages_read(), 326);
    assert_eq!(page["searched_to"], "2026-01-01");
}

#[tokio::test]
async fn parameters_of_the_call_log_are_checked() {
    let world = World::new().await;
    for (query, field) in [
        ("from=yesterday", "from"),
        ("from=2026-11-22T00:00:00", "from"),
        ("from=20261122", "from"),
        ("from=2026-02-30", "from"),
        ("from=2026-11-22&to=2026-11-21", "from"),
        ("from=2024-11-22&to=2026-11-21", "from"),
        ("to=-9999-01-01", "to"),
        ("limit=0", "limit"),
        ("limit=201", "limit"),
        ("limit=ten", "limit"),
        ("limit=5&limit=6", "limit"),
        ("campaign=CA1", "campaign"),
        ("publisher=", "publisher"),
        ("target=TA1", "target"),
        ("rtb_target=TA00000000000000000000000000000001", "rtb_target"),
        (
            "target=TA00000000000000000000000000000001&rtb_target=PI00000000000000000000000000000001",
            "rtb_target",
        ),
        ("number=%2B14155550100", "number"),
        ("caller=4155550100", "caller"),
        ("status=in-progress", "status"),
        ("status=OPEN", "status"),
        ("connected=yes", "connected"),
        ("converted=1", "converted"),
        ("min_duration=-1", "min_duration"),
        ("max_duration=%2B5", "max_duration"),
        ("min_duration=61&max_duration=60", "min_duration"),
        ("colour=red", "colour"),
        ("%ff=%fe", "\u{fffd}"),
    ] {
        let problem = world.get(&format!("/api/calls?{query}")).await.refused(400, "invalid_query");
        assert_eq!(problem["fields"][0]["field"], field, "{query} {problem}");
    }
}

#[tokio::test]
async fn unknown_calls_are_not_found() {
    let world = World::new().await;
    for id in ["RGB1", "CA0123456789abcdef0123456789abcdef", &call_id(0x77).to_string(), "%00", "..%2f.."] {
        for part in ["", "/events", "/decisions", "/auction", "/ledger"] {
            world.get(&format!("/api/calls/{id}{part}")).await.refused(404, "not_found");
        }
    }
}
