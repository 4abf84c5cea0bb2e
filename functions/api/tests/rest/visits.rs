//! Visits: found by what is known of them, page by page, and shown to whom they concern.

use app::ports::Visits as _;
use domain::access::{Party, Role};
use domain::dni::lease::{Lease, PoolNumber};
use domain::dni::visit::{PageSeen, Params, Visit};
use domain::ids::{Id, Noun, PublisherId, VisitId};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::calls::{call_id, record};
use crate::support::{NOW, World};

const SHOWN: &str = "+14155550123";

fn id<N: Noun>(number: u128) -> Id<N> {
    Id::from_uuid(Uuid::from_u128(number))
}

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// The id of a visit that began then.
fn visit_id(began: Timestamp, number: u16) -> VisitId {
    let millis = u128::try_from(began.as_millisecond()).unwrap();
    VisitId::from_uuid(Uuid::from_u128(millis << 80 | 0x7 << 76 | 0x8 << 60 | u128::from(number)))
}

fn visit(number: u16, began: &str, change: impl FnOnce(&mut Visit)) -> Visit {
    let began = at(began);
    let url = "https://www.example.com/plumbing?utm_source=google".to_owned();
    let mut visit = Visit {
        id: visit_id(began, number),
        tag: id(1),
        campaign: id(2),
        publisher: Some(id(3)),
        started_at: began,
        seen_at: began,
        number: Some(SHOWN.parse().unwrap()),
        attributed: true,
        params: Params::from([("utm_source".to_owned(), "Google".to_owned())]),
        first: Params::from([("url".to_owned(), url.clone())]),
        last: Params::new(),
        pages: vec![PageSeen { url, referrer: "https://news.example.org/".to_owned(), at: began }],
        geo: serde_json::from_value(json!({"country": "US", "city": "Chicago", "ip": "203.0.113.7"}))
            .unwrap(),
        device: Default::default(),
    };
    change(&mut visit);
    visit
}

async fn stored(world: &World, visit: Visit) -> String {
    world.visits.begin(world.tenant, &visit).await.unwrap();
    visit.id.to_string()
}

async fn found(world: &World, query: &str) -> Vec<String> {
    let page = world.get(&format!("/api/visits?{query}")).await.ok(200);
    page["items"].as_array().unwrap().iter().map(|visit| visit["id"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn each_filter_finds_its_visits_and_no_others() {
    let world = World::new().await;
    let mut ids = Vec::new();
    for (number, change) in [
        (|_| {}) as fn(&mut Visit),
        |visit| visit.tag = id(91),
        |visit| visit.campaign = id(92),
        |visit| visit.publisher = Some(id(93)),
        |visit| visit.number = Some("+12125550147".parse().unwrap()),
        |visit| visit.attributed = false,
        |visit| drop(visit.params.insert("sub_id".to_owned(), "Blue 7".to_owned())),
        |visit| visit.geo.city = "Springfield".to_owned(),
        |visit| visit.pages[0].url = "https://www.example.com/roofing".to_owned(),
    ]
    .into_iter()
    .enumerate()
    {
        let number = u16::try_from(number).unwrap();
        ids.push(stored(&world, visit(number, &format!("2026-11-22T10:00:{number:02}Z"), change)).await);
    }
    for (query, index) in [
        (format!("tag={}", id::<domain::ids::TrackingTagNoun>(91)), 1),
        (format!("campaign={}", id::<domain::ids::CampaignNoun>(92)), 2),
        (format!("publisher={}", id::<domain::ids::PublisherNoun>(93)), 3),
        ("number=%2B12125550147".to_owned(), 4),
        ("attributed=false".to_owned(), 5),
        ("param.sub_id=blue%207".to_owned(), 6),
        ("q=SPRINGF".to_owned(), 7),
        ("q=roofing".to_owned(), 8),
        ("q=blue&param.utm_source=google".to_owned(), 6),
    ] {
        assert_eq!(found(&world, &query).await, [ids[index].clone()], "{query}");
    }
    ids.reverse();
    assert_eq!(found(&world, "").await, ids, "newest first");
    assert_eq!(found(&world, "param.utm_source=google&q=news.example").await.len(), 9);
    assert_eq!(found(&world, "param.utm_source=goog").await, [""; 0], "the whole value");
    for refused in ["param.=x", "foo=1", "tag=x", "attributed=maybe", "from=2026-11-23&to=2026-11-22"] {
        world.get(&format!("/api/visits?{refused}")).await.refused(400, "invalid_query");
    }
}

#[tokio::test]
async fn pages_go_on_where_they_ended_over_days() {
    let world = World::new().await;
    let mut ids = Vec::new();
    for (number, began) in
        ["2026-11-20T10:00:00Z", "2026-11-20T10:00:01Z", "2026-11-21T00:00:00Z", "2026-11-22T11:00:00Z"]
            .into_iter()
            .enumerate()
    {
        ids.push(stored(&world, visit(u16::try_from(number).unwrap(), began, |_| {})).await);
    }
    ids.reverse();
    for limit in 1..=5 {
        for filter in ["", "&q=plumbing"] {
            let (mut all, mut cursor) = (Vec::new(), String::new());
            loop {
                let page = world.get(&format!("/api/visits?limit={limit}{filter}{cursor}")).await.ok(200);
                let items = page["items"].as_array().unwrap();
                assert!(items.len() <= limit);
                all.extend(items.iter().map(|visit| visit["id"].as_str().unwrap().to_owned()));
                let Some(next) = page["next"].as_str() else { break };
                cursor = format!("&cursor={next}");
            }
            assert_eq!(all, ids, "pages of {limit}{filter}");
        }
    }
    let first = world.get("/api/visits?limit=1").await.ok(200);
    let next = first["next"].as_str().unwrap();
    world.get(&format!("/api/visits?limit=1&q=x&cursor={next}")).await.refused(400, "invalid_cursor");
    assert_eq!(found(&world, "from=2026-11-21&to=2026-11-21").await, [ids[1].clone()]);
}

#[tokio::test]
async fn a_visit_is_shown_with_its_calls() {
    let world = World::new().await;
    let visit = visit(1, "2026-11-22T10:00:00Z", |_| {});
    let id = stored(&world, visit.clone()).await;
    for number in [7, 8] {
        world.calls.insert(record(world.tenant, number, "2026-11-22T10:01:00Z"));
        world.visits.called(world.tenant, visit.id, call_id(number));
    }
    let shown = world.get(&format!("/api/visits/{id}")).await.ok(200);
    assert_eq!(shown["pages"][0]["referrer"], "https://news.example.org/");
    assert_eq!((&shown["geo"]["ip"], &shown["number"]), (&json!("203.0.113.7"), &json!(SHOWN)));
    let calls: Vec<&Value> = shown["calls"].as_array().unwrap().iter().map(|call| &call["id"]).collect();
    assert_eq!(calls, [&json!(call_id(7)), &json!(call_id(8))]);
    world.send(&world.other_key, "GET", &format!("/api/visits/{id}"), None).await.refused(404, "not_found");
}

#[tokio::test]
async fn without_the_right_to_see_numbers_addresses_and_numbers_are_masked() {
    let world = World::new().await;
    let id = stored(
        &world,
        visit(1, "2026-11-22T10:00:00Z", |visit| {
            visit.params.insert("phone".to_owned(), "+12125550147".to_owned());
            visit.pages[0].url = "https://www.example.com/?tel=+12125550147".to_owned();
        }),
    )
    .await;
    let key = world.new_key(world.tenant, &["calls:read"], None).await;
    for address in [format!("/api/visits/{id}"), "/api/visits".to_owned(), "/api/visits/live".to_owned()] {
        let answer = world.send(&key, "GET", &address, None).await;
        answer.ok(200);
        for hidden in [SHOWN, "203.0.113.7", "+12125550147"] {
            assert!(!answer.text.contains(hidden), "{hidden} in {}", answer.text);
        }
    }
    let shown = world.send(&key, "GET", &format!("/api/visits/{id}"), None).await.ok(200);
    assert_eq!((&shown["geo"]["ip"], &shown["number"]), (&json!("203.0.*.*"), &json!("415***0123")));
    let asked = world.send(&key, "GET", "/api/visits?number=%2B14155550123", None).await;
    asked.refused(403, "not_permitted");
}

#[tokio::test]
async fn a_publishers_people_see_the_visits_of_their_publisher_and_a_buyers_none() {
    let world = World::new().await;
    let own = stored(&world, visit(1, "2026-11-22T10:00:00Z", |_| {})).await;
    let other = stored(&world, visit(2, "2026-11-22T10:00:00Z", |visit| visit.publisher = Some(id(4)))).await;
    let publisher: PublisherId = id(3);
    let theirs = world.sign_in(Role::Publisher, Some(Party::Publisher(publisher)));
    let list = world.send_as(&theirs, "GET", "/api/visits", None).await.ok(200);
    assert_eq!(list["items"].as_array().unwrap().len(), 1);
    assert_eq!(list["items"][0]["id"], json!(own));
    world.send_as(&theirs, "GET", &format!("/api/visits/{own}"), None).await.ok(200);
    world.send_as(&theirs, "GET", &format!("/api/visits/{other}"), None).await.refused(404, "not_found");
    let foreign = format!("/api/visits?publisher={}", id::<domain::ids::PublisherNoun>(4));
    world.send_as(&theirs, "GET", &foreign, None).await.refused(403, "not_permitted");
    let buyers = world.sign_in(Role::Buyer, Some(Party::Buyer(id(5))));
    let list = world.send_as(&buyers, "GET", "/api/visits", None).await.ok(200);
    assert_eq!(list["items"], json!([]));
    world.send_as(&buyers, "GET", &format!("/api/visits/{own}"), None).await.refused(404, "not_found");
}

#[tokio::test]
async fn live_are_those_with_a_lease_and_those_of_fixed_numbers_seen_moments_ago() {
    let world = World::new().await;
    let now = at(NOW);
    let seconds = SignedDuration::from_secs;
    let pool = world.post("/api/number-pools", &json!({"name": "Search"})).await.id();
    let leased = visit(1, "2026-11-22T11:58:00Z", |_| {});
    let fixed = visit(2, "2026-11-22T11:50:00Z", |visit| {
        (visit.attributed, visit.seen_at) = (false, at(NOW) - SignedDuration::from_secs(299));
    });
    let gone = visit(3, "2026-11-22T11:50:00Z", |visit| {
        (visit.attributed, visit.seen_at) = (false, at(NOW) - SignedDuration::from_secs(301));
    });
    for visit in [&leased, &fixed, &gone] {
        stored(&world, visit.clone()).await;
    }
    let row = |number: &str, visit: VisitId, until: Timestamp| PoolNumber {
        number: number.parse().unwrap(),
        shard: 0,
        lease: Some(Lease {
            visit,
            tag: id(1),
            campaign: id(2),
            publisher: Some(id(3)),
            since: now - seconds(120),
            until,
            delay_s: 30,
        }),
        previous: None,
        free_after: until + seconds(30),
        calls: Default::default(),
        calls_until: Timestamp::UNIX_EPOCH,
    };
    let unknown = visit_id(now, 9);
    for (number, visit, until) in [
        (SHOWN, leased.id, now + seconds(60)),
        ("+14155550124", unknown, now + seconds(60)),
        ("+14155550125", visit_id(now, 10), now - seconds(1)),
    ] {
        world.rows.put(world.tenant, pool.parse().unwrap(), row(number, visit, until));
    }
    let live = async |query: &str| -> Vec<String> {
        let answer = world.get(&format!("/api/visits/live?{query}")).await.ok(200);
        assert_eq!(answer["more"], false);
        let items = answer["items"].as_array().unwrap();
        let mut ids: Vec<String> = items.iter().map(|item| item["id"].as_str().unwrap().to_owned()).collect();
        ids.sort();
        ids
    };
    let sorted = |ids: &[VisitId]| {
        let mut ids: Vec<String> = ids.iter().map(ToString::to_string).collect();
        ids.sort();
        ids
    };
    assert_eq!(live("").await, sorted(&[leased.id, unknown, fixed.id]));
    assert_eq!(live(&format!("pool={pool}")).await, sorted(&[leased.id, unknown]));
    assert_eq!(live(&format!("tag={}", id::<domain::ids::TrackingTagNoun>(8))).await, [""; 0]);
    let answer = world.get(&format!("/api/visits/live?pool={pool}")).await.ok(200);
    let known = |id: VisitId| {
        let items = answer["items"].as_array().unwrap();
        items.iter().find(|item| item["id"] == json!(id)).unwrap()["visit"]["geo"]["city"].clone()
    };
    assert_eq!((known(leased.id), known(unknown)), (json!("Chicago"), Value::Null));
}
