//! Whether bidders work, as the API tells it: over the real table, from stored looks and the breaker's own rows.

use app::ports::{BidLog, BidLogEntry, BidderAlerts, Counters, Health as _, HealthCheck};
use domain::auction::{BidderResult, Refusal};
use domain::bidder_alert::{AlertKind, BidderAlert, Figures};
use domain::breaker::Health;
use domain::ids::{AuctionId, RtbTargetId};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::{NOW, bidder};
use crate::table::OnTable;

fn minutes_ago(minutes: i64) -> Timestamp {
    NOW.parse::<Timestamp>().unwrap() - SignedDuration::from_mins(minutes)
}

async fn look(table: &OnTable, id: &str, minutes: i64, up: bool) {
    let check = HealthCheck {
        rtb_target: id.parse().unwrap(),
        at: minutes_ago(minutes),
        up,
        status: up.then_some(405),
        latency_ms: 40,
        failure: (!up).then(|| "timed_out".to_owned()),
    };
    table.store().record_check(table.world.tenant, &check, minutes_ago(0)).await.unwrap();
}

async fn left_alone(table: &OnTable, id: &str, minutes: i64) {
    let health = Health { failures: 6, retry_at: Some(minutes_ago(minutes)) };
    let id: RtbTargetId = id.parse().unwrap();
    table.store().note_health(table.world.tenant, id, &health).await.unwrap();
}

async fn get(table: &OnTable, address: &str) -> Value {
    let (status, answer) = table.send("GET", address, json!({})).await;
    assert_eq!(status, 200, "{answer}");
    answer
}

#[tokio::test]
async fn the_newest_look_at_each_bidder_and_whether_auctions_ask_it() {
    let table = OnTable::new().await;
    let mut ids = Vec::new();
    for name in ["Alpine", "Birch", "Cascade"] {
        ids.push(table.id("/api/rtb-targets", bidder(name)).await);
    }
    look(&table, &ids[0], 6, false).await;
    look(&table, &ids[0], 1, true).await;
    look(&table, &ids[1], 2, false).await;
    left_alone(&table, &ids[1], -1).await;
    left_alone(&table, &ids[2], 1).await;

    let listed = get(&table, "/api/rtb/health-checks?limit=2").await;
    let items = listed["items"].as_array().unwrap();
    let check = json!({"at": minutes_ago(1), "up": true, "status": 405, "latency_ms": 40});
    assert_eq!((&items[0]["name"], &items[0]["check"]), (&json!("Alpine"), &check), "the newest: {listed}");
    assert_eq!(items[0]["breaker"], json!({"state": "closed", "failures": 0}));
    assert_eq!(items[1]["check"]["failure"], "timed_out");
    let open = json!({"state": "open", "failures": 6, "retry_at": minutes_ago(-1)});
    assert_eq!(items[1]["breaker"], open);

    let next = listed["next"].as_str().unwrap();
    let rest = get(&table, &format!("/api/rtb/health-checks?limit=2&cursor={next}")).await;
    let items = rest["items"].as_array().unwrap();
    assert_eq!((items.len(), &items[0]["rtb_target"]), (1, &json!(ids[2])), "{rest}");
    assert!(items[0].get("check").is_none(), "it was never looked at: {rest}");
    assert_eq!(items[0]["breaker"]["state"], "half_open");
    assert_eq!(rest["next"], Value::Null);
}

#[tokio::test]
async fn uptime_is_what_was_seen_and_nothing_is_not_a_hundred_percent() {
    let table = OnTable::new().await;
    let id = table.id("/api/rtb-targets", bidder("Alpine")).await;
    let other = table.id("/api/rtb-targets", bidder("Birch")).await;
    let address = format!("/api/rtb/targets/{id}/uptime");
    let looks = [(90, false), (61, false), (55, true), (20, false), (15, false), (10, true), (5, true)];
    for (minutes, up) in looks {
        look(&table, &id, minutes, up).await;
    }
    look(&table, &other, 5, false).await;
    let hour = get(&table, &format!("{address}?hours=1")).await;
    assert_eq!((&hour["checks"], &hour["up"]), (&json!(5), &json!(3)), "this hour and bidder only: {hour}");
    assert_eq!((&hour["up_basis_points"], &hour["longest_outage_s"]), (&json!(6_000), &json!(600)), "{hour}");
    assert_eq!((&hour["from"], &hour["to"]), (&json!(minutes_ago(60)), &json!(NOW)));
    let day = get(&table, &address).await;
    assert_eq!((&day["hours"], &day["checks"]), (&json!(24), &json!(7)), "{day}");
    assert_eq!(day["up_basis_points"], json!(4_285), "rounded down: {day}");

    let unseen = table.id("/api/rtb-targets", bidder("Cascade")).await;
    let unseen = get(&table, &format!("/api/rtb/targets/{unseen}/uptime?hours=720")).await;
    assert_eq!((&unseen["checks"], &unseen["up_basis_points"]), (&json!(0), &Value::Null), "{unseen}");
    for field in ["up_basis_points", "longest_outage_s"] {
        assert_eq!(unseen.get(field), Some(&Value::Null), "said, not left out: {unseen}");
    }

    for hours in ["0", "721", "x", "1.5", ""] {
        let (status, refused) = table.send("GET", &format!("{address}?hours={hours}"), json!({})).await;
        assert_eq!((status, &refused["code"]), (400, &json!("invalid_query")), "{hours}: {refused}");
    }
    let nobody = "/api/rtb/targets/PI019abc0de1f27a3b8c4d5e6f70819203/uptime";
    assert_eq!(table.send("GET", nobody, json!({})).await.0, 404);
}

async fn asked(table: &OnTable, id: &str, number: u128, minutes: i64, refusal: Option<Refusal>) {
    let bidder: RtbTargetId = id.parse().unwrap();
    let entry = BidLogEntry {
        asked_for: app::ports::AskedFor::Call,
        tenant: table.world.tenant,
        auction: AuctionId::from_uuid(Uuid::from_u128(number)),
        call: format!("RGB{number:032x}").parse().unwrap(),
        campaign: "CA0190a1b2c3d67e5f8a9b0c1d2e3f4a5b".parse().unwrap(),
        bidder,
        at: minutes_ago(minutes),
        url: "https://bids.example.com".to_owned(),
        request: None,
        status: None,
        response: None,
        result: BidderResult {
            bidder,
            name: "Alpine".to_owned(),
            latency_ms: Some(120),
            amount: None,
            destination: None,
            refusal,
        },
        won: false,
    };
    table.store().store(&entry).await.unwrap();
}

#[tokio::test]
async fn uptime_tells_what_auctions_met_too() {
    let table = OnTable::new().await;
    let id = table.id("/api/rtb-targets", bidder("Alpine")).await;
    let address = format!("/api/rtb/targets/{id}/uptime");
    let nothing = json!({"asked": 0, "answered": 0, "answered_basis_points": null, "failed": {}, "p50_ms": null, "p95_ms": null});
    assert_eq!(get(&table, &address).await["requests"], nothing, "no request is no number");
    asked(&table, &id, 1, 10, None).await;
    asked(&table, &id, 2, 10, Some(Refusal::Declined("full".to_owned()))).await;
    asked(&table, &id, 3, 10, Some(Refusal::NotReached("tls_failed".to_owned()))).await;
    asked(&table, &id, 3, 10, Some(Refusal::NotReached("tls_failed".to_owned()))).await;
    asked(&table, &id, 4, 10, Some(Refusal::NotWaitedFor)).await;
    asked(&table, &id, 5, 300, None).await;
    let hour = get(&table, &format!("{address}?hours=1")).await;
    let expected = json!({
        "asked": 3, "answered": 2, "answered_basis_points": 6_666, "failed": {"tls_failed": 1}, "p50_ms": 120, "p95_ms": 120,
    });
    assert_eq!(hour["requests"], expected, "{hour}");
    assert_eq!(get(&table, &address).await["requests"]["asked"], 4);
}

#[tokio::test]
async fn alerts_are_listed_newest_first_and_closed_ones_say_so() {
    let table = OnTable::new().await;
    let tenant = table.world.tenant;
    let id = table.id("/api/rtb-targets", bidder("Alpine")).await;
    let alert = |kind, minutes| BidderAlert {
        rtb_target: id.parse().unwrap(),
        name: "Alpine".to_owned(),
        kind,
        opened_at: minutes_ago(minutes),
        closed_at: None,
        figures: Figures {
            requests: 20,
            failed: 14,
            worst_cause: Some("timed_out".to_owned()),
            p95_ms: Some(960),
            timeout_ms: 1_000,
        },
    };
    assert_eq!(get(&table, "/api/rtb/alerts").await["items"], json!([]));
    let (errors, slow) = (alert(AlertKind::ErrorRate, 60), alert(AlertKind::Latency, 30));
    for opened in [&errors, &slow] {
        assert!(table.store().open_alert(tenant, opened).await.unwrap());
    }
    assert!(table.store().close_alert(tenant, &errors, minutes_ago(20)).await.unwrap());
    let first = get(&table, "/api/rtb/alerts?limit=1").await;
    let expected = json!([{
        "rtb_target": id, "name": "Alpine", "kind": "latency", "opened_at": minutes_ago(30), "closed_at": null,
        "text": "one in twenty of 20 requests took 960 ms or longer, and its time-out is 1000 ms",
    }]);
    assert_eq!(first["items"], expected, "{first}");
    let next = first["next"].as_str().unwrap();
    let rest = get(&table, &format!("/api/rtb/alerts?limit=1&cursor={next}")).await;
    assert_eq!(rest["items"][0]["closed_at"], json!(minutes_ago(20)), "{rest}");
    assert_eq!(rest["items"][0]["text"], "14 of 20 requests failed, most often by timed_out");
    assert_eq!(rest["next"], Value::Null);
    let made_up = table.send("GET", "/api/rtb/alerts?cursor=abc", json!({})).await;
    assert_eq!((made_up.0, &made_up.1["code"]), (400, &json!("invalid_cursor")), "{made_up:?}");
}
