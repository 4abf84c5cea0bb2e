//! Auctions that are tried out: what is shown of them, and that they spend nothing. Over the real table and simulated bidders.

use std::sync::Arc;

use api::Context;
use api::context::url_rules;
use app::ports::Counters;
use domain::breaker::Health;
use domain::ids::RtbTargetId;
use jiff::{SignedDuration, Timestamp};
use outbound::{AllowList, Outbound};
use serde_json::{Value, json};
use testkit::bidders::{BidderSimulator, RunningBidders, Scenario};
use testkit::database::TestDatabase;

use crate::support::{NOW, World};
use crate::table::context_over;

struct Field {
    world: World,
    database: TestDatabase,
    bidders: RunningBidders,
}

impl Field {
    async fn new() -> Self {
        let database = TestDatabase::start().await.unwrap();
        let bidders = BidderSimulator::new().start().await.unwrap();
        let world = World::new().await;
        let context = context_over(&world, Arc::new(database.store())).await;
        let allow = AllowList::parse(&bidders.address().to_string()).unwrap();
        let context = Context {
            bidders: Arc::new(Outbound::new(allow.clone()).unwrap()),
            check_url: url_rules(allow),
            ..Arc::into_inner(context).unwrap()
        };
        Self { world: world.over(Arc::new(context)).await, database, bidders }
    }

    /// A bidder of this name that behaves so.
    async fn bidder(&self, name: &str, scenario: Scenario, wishes: &str, more: Value) -> String {
        let mut body = json!({
            "name": name,
            "url": self.bidders.url_with(scenario, &format!("name={name}&{wishes}")),
            "caller_id_exposure": "full",
            "body": "{\"from\": \"[tag:InboundNumber:Number]\", \"zip\": \"[tag:User:zip]\"}",
            "answer": {"acceptance": ["$.accepted"], "amount": ["$.bidAmount"], "destination": ["$.phoneNumber"]},
        });
        for (field, value) in more.as_object().unwrap() {
            body[field] = value.clone();
        }
        self.world.post("/api/rtb-targets", &body).await.id()
    }

    /// The address at which the auction of a published campaign with these bidders is tried.
    async fn auction(&self, bidders: &[&String], deadline_ms: u32) -> String {
        let desk = json!({"name": "Desk", "destination": {"number": "+12025550101"}});
        let desk = self.world.post("/api/targets", &desk).await.id();
        let entries: Vec<Value> = bidders.iter().map(|id| json!({"rtb_target": id})).collect();
        let campaign = json!({
            "name": "Roofing", "status": "active", "plan": [{"target": desk}],
            "auction": {"bidders": entries, "deadline_ms": deadline_ms},
        });
        let id = self.world.post("/api/campaigns", &campaign).await.id();
        self.world.publish(&id).await.ok(200);
        format!("/api/campaigns/{id}/test-auction")
    }

    fn asked(&self, name: &str) -> u64 {
        self.bidders.counts().of(name).requests
    }

    /// Everything that is stored, but the count of requests to our own API.
    async fn stored(&self) -> Vec<String> {
        let items = self.database.items().await.unwrap();
        let mut items: Vec<String> = items
            .iter()
            .map(|item| {
                let mut fields: Vec<_> = item.iter().collect();
                fields.sort_by_key(|(name, _)| name.as_str());
                format!("{fields:?}")
            })
            .filter(|item| !item.contains("rate_window") || item.contains("bidder#"))
            .collect();
        items.sort();
        items
    }
}

fn caller() -> Value {
    json!({"from": "+13125550147", "state": "IL", "tags": {"User:zip": "60601"}})
}

fn of<'a>(answer: &'a Value, name: &str) -> &'a Value {
    answer["auction"]["bidders"].as_array().unwrap().iter().find(|bidder| bidder["name"] == name).unwrap()
}

#[tokio::test]
async fn a_trial_shows_who_was_sent_what_who_would_win_and_what_would_be_dialled() {
    let field = Field::new().await;
    let bearer =
        json!({"authentication": {"bearer": {"token": "hunter2"}}, "headers": [["X-Partner", "swordfish"]]});
    let alpha = field.bidder("alpha", Scenario::Accept, "amount=12.00", bearer).await;
    let halves = json!({
        "bid_strategy": {"percent": 50},
        "confirmation": {"url": field.bidders.url_with(Scenario::Accept, "name=confirms"), "body": "{}",
            "acceptance": ["$.accepted"]},
    });
    let halves = field.bidder("halves", Scenario::Accept, "amount=20.00&delay_ms=150", halves).await;
    let declines = field.bidder("declines", Scenario::Reject, "", json!({})).await;
    let hangs = field.bidder("hangs", Scenario::Hang, "", json!({"timeout_ms": 200})).await;
    let paused = field.bidder("paused", Scenario::Accept, "", json!({"status": "paused"})).await;
    let elsewhere = json!({"geo": {"allow": {"states": ["TX"]}}});
    let elsewhere = field.bidder("elsewhere", Scenario::Accept, "", elsewhere).await;
    let everybody = [&alpha, &halves, &declines, &hangs, &paused, &elsewhere];
    let address = field.auction(&everybody, 1_000).await;

    let answer = field.world.post(&address, &json!({"call": caller()})).await.ok(200);
    let auction = &answer["auction"];
    assert_eq!(auction["deadline_ms"], 1_000, "{answer}");
    let names: Vec<_> = auction["bidders"].as_array().unwrap().iter().map(|bidder| &bidder["name"]).collect();
    assert_eq!(names[..2], ["alpha", "halves"], "those with a bid first, best first");
    assert_eq!(names.len(), 6, "everybody is in the list");

    let won = of(&answer, "alpha");
    assert_eq!((&won["verdict"]["code"], &won["rank"]), (&json!("won"), &json!(1)), "{won}");
    assert_eq!((&won["amount"], &won["counts"]), (&json!(12_000_000), &json!(12_000_000)), "{won}");
    assert_eq!(won["request"]["body"], "{\"from\": \"+13125550147\", \"zip\": \"60601\"}");
    let seen = field.bidders.counts().requests_of("alpha");
    assert_eq!(won["request"]["body"], seen[0].body, "what is shown is what came in");
    assert_eq!(seen[0].header("authorization"), Some("Bearer hunter2"));
    assert_eq!(seen[0].header("x-partner"), Some("swordfish"));
    let headers = won["request"]["headers"].to_string();
    assert!(headers.contains("[\"Authorization\",\"***\"]"), "{headers}");
    assert!(!answer.to_string().contains("hunter2") && !answer.to_string().contains("swordfish"), "{answer}");
    assert_eq!(won["status"], 200);
    assert!(won["answer"].as_str().unwrap().contains("202***0123"), "numbers of answers are masked: {won}");

    let second = of(&answer, "halves");
    assert_eq!(second["verdict"]["code"], "valid", "heard to the end although it came later: {second}");
    let money = (&second["amount"], &second["counts"]);
    assert_eq!(money, (&json!(20_000_000), &json!(10_000_000)), "it counts half of what it bid");
    assert_eq!(of(&answer, "declines")["verdict"]["code"], "declined");
    assert_eq!(of(&answer, "hangs")["verdict"]["code"], "timed_out");
    for (name, code) in [("paused", "paused"), ("elsewhere", "bidder_geo")] {
        let bidder = of(&answer, name);
        assert_eq!((&bidder["asked"], field.asked(name)), (&json!(false), 0), "{bidder}");
        assert!(bidder.get("request").is_none() && bidder["verdict"]["code"] == code, "{bidder}");
    }

    assert_eq!(auction["winner"]["destination"], "+12025550123", "{auction}");
    let dials = |step: usize| answer["steps"][step]["destinations"][0]["name"].clone();
    assert_eq!([dials(0), dials(1), dials(2)], ["alpha", "halves", "Desk"], "{answer}");

    // The one that wants to be asked twice wins, and is not.
    let only = field.world.post(&address, &json!({"call": caller(), "deadline_ms": 100})).await.ok(200);
    assert_eq!(
        of(&only, "halves")["verdict"]["code"],
        "timed_out",
        "the deadline that was given holds: {only}"
    );
    field
        .world
        .patch(&format!("/api/rtb-targets/{alpha}"), &json!({"version": 1, "status": "paused"}))
        .await
        .ok(200);
    let answer = field.world.post(&address, &json!({"call": caller()})).await.ok(200);
    assert_eq!(answer["auction"]["winner"]["name"], "halves", "{answer}");
    assert_eq!(answer["auction"]["winner"]["to_confirm"], true);
    assert_eq!(field.asked("confirms"), 0);
    assert!(answer["not_done"].to_string().contains("confirm"), "{answer}");
}

#[tokio::test]
async fn a_trial_spends_nothing() {
    let field = Field::new().await;
    let limited =
        json!({"rate_limits": {"per_minute": 1, "per_day": 1}, "caps": {"concurrent": 1, "daily": 1}});
    let limited = field.bidder("limited", Scenario::Accept, "amount=12.00", limited).await;
    let fails = field.bidder("fails", Scenario::Error, "", json!({})).await;
    let back = field.bidder("back", Scenario::Accept, "amount=3.00", json!({})).await;
    let away = field.bidder("away", Scenario::Accept, "amount=4.00", json!({})).await;
    let address = field.auction(&[&limited, &fails, &back, &away], 1_000).await;
    let now: Timestamp = NOW.parse().unwrap();
    let health = |seconds| Health { failures: 5, retry_at: Some(now + SignedDuration::from_secs(seconds)) };
    let store = field.database.store();
    for (bidder, seconds) in [(&back, -1), (&away, 20)] {
        let bidder: RtbTargetId = bidder.parse().unwrap();
        store.note_health(field.world.tenant, bidder, &health(seconds)).await.unwrap();
    }
    // The first one leaves the limited bidder's windows behind, empty.
    field.world.post(&address, &json!({"call": caller()})).await.ok(200);
    let before = field.stored().await;
    for _ in 0..6 {
        let answer = field.world.post(&address, &json!({"call": caller()})).await.ok(200);
        assert_eq!(answer["auction"]["winner"]["name"], "limited", "{answer}");
        assert_eq!(of(&answer, "fails")["verdict"]["code"], "http_status", "{answer}");
        assert_eq!(of(&answer, "back")["asked"], true, "its time has come: {answer}");
        assert_eq!(of(&answer, "away")["verdict"]["code"], "not_working", "{answer}");
    }
    assert_eq!([field.asked("limited"), field.asked("fails"), field.asked("back")], [7, 7, 7]);
    assert_eq!(field.stored().await, before, "counters, limits, breakers, calls: all as before");
    let kept: Vec<_> = before.iter().filter(|item| item.contains("bidder#")).collect();
    assert!(!kept.is_empty() && kept.iter().all(|item| item.contains("(\"count\", N(\"0\"))")), "{kept:?}");
}

#[tokio::test]
async fn a_full_window_keeps_a_bidder_from_being_asked() {
    let field = Field::new().await;
    let limits = json!({"rate_limits": {"per_hour": 1}});
    let limited = field.bidder("limited", Scenario::Accept, "", limits).await;
    let address = field.auction(&[&limited], 1_000).await;
    field.world.post(&address, &json!({"call": caller()})).await.ok(200);
    let hour: Timestamp = "2026-11-22T12:00:00Z".parse().unwrap();
    let name = format!("bidder#{}#{limited}#hour", field.world.tenant);
    let limiter = &field.world.context.limiter;
    assert_eq!(limiter.count(&name, hour, hour + SignedDuration::from_hours(1)).await.unwrap(), 1);
    let answer = field.world.post(&address, &json!({"call": caller()})).await.ok(200);
    let refused = of(&answer, "limited");
    assert_eq!((&refused["asked"], field.asked("limited")), (&json!(false), 1), "{refused}");
    assert_eq!(refused["verdict"]["code"], "bidder_rate_limit", "{refused}");
}

#[tokio::test]
async fn whoever_may_not_see_numbers_sees_the_request_with_the_number_masked() {
    let field = Field::new().await;
    let alpha = field.bidder("alpha", Scenario::Accept, "amount=12.00", json!({})).await;
    let address = field.auction(&[&alpha], 1_000).await;
    let writes = field.world.new_key(field.world.tenant, &["campaigns:write"], None).await;
    let answer = field.world.send(&writes, "POST", &address, Some(&json!({"call": caller()}))).await.ok(200);
    let text = answer.to_string();
    assert!(!text.contains("3125550147") && !text.contains("2025550123"), "{text}");
    assert_eq!(answer["auction"]["winner"]["destination"], "202***0123");
    assert!(field.bidders.counts().requests_of("alpha")[0].body.contains("+13125550147"));
    let reads = field.world.new_key(field.world.tenant, &["campaigns:read"], None).await;
    field.world.send(&reads, "POST", &address, Some(&json!({}))).await.refused(403, "missing_scope");
}

#[tokio::test]
async fn a_ring_tree_of_the_plan_can_be_tried_and_another_one_cannot() {
    let field = Field::new().await;
    let alpha = field.bidder("alpha", Scenario::Accept, "amount=12.00", json!({})).await;
    let tree = |name: &str| json!({"name": name, "bidders": [{"rtb_target": alpha}]});
    let planned = field.world.post("/api/ring-trees", &tree("Planned")).await.id();
    let other = field.world.post("/api/ring-trees", &tree("Other")).await.id();
    let campaign = json!({"name": "Roofing", "status": "active", "plan": [{"ring_tree": planned}]});
    let id = field.world.post("/api/campaigns", &campaign).await.id();
    let address = format!("/api/campaigns/{id}/test-auction");
    let draft = field.world.post(&address, &json!({"ring_tree": planned})).await.ok(200);
    assert_eq!(
        (&draft["auction"]["ring_tree"], &draft["version"]),
        (&json!(planned), &Value::Null),
        "{draft}"
    );
    let first = field.world.post(&address, &json!({})).await.ok(200);
    assert_eq!(first["auction"]["ring_tree"], json!(planned), "the one the call comes to: {first}");
    let refused = field.world.post(&address, &json!({"ring_tree": other})).await.refused(422, "invalid");
    assert_eq!(refused["fields"][0]["field"], "ring_tree", "{refused}");
    let refused = field.world.post(&address, &json!({"deadline_ms": 5_001})).await.refused(422, "invalid");
    assert_eq!(refused["fields"][0]["field"], "deadline_ms", "{refused}");
    let blocked = json!({"number": "+13125550147"});
    field.world.post("/api/blocked-numbers", &blocked).await.ok(201);
    let asked = field.asked("alpha");
    let away = field.world.post(&address, &json!({"call": caller()})).await.ok(200);
    assert!(away["turned_away"]["code"].is_string() && away.get("auction").is_none(), "{away}");
    assert_eq!(field.asked("alpha"), asked, "nobody is asked for a call that is turned away");
}
