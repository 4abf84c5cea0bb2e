//! The numbers of a pool over the real table: bought, moved, given back, counted, and what is told of each.

use std::sync::Arc;

use app::pools::{SamplePools, Sampled};
use app::ports::{CarrierRefusal, Leased, Leases as _, PoolPlace, Pools as _};
use domain::dni::lease::Lease;
use domain::ids::{CallId, CampaignId, NumberId, NumberPoolId, TrackingTagId, VisitId};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use testkit::fakes::TwilioSays;
use uuid::Uuid;

use crate::support::{World, phone};
use crate::table::OnTable;

/// Four of them with the area code.
const FOR_SALE: [&str; 6] =
    ["+12025550141", "+12025550142", "+12025550143", "+12025550144", "+13125550141", "+13125550142"];

fn for_sale(world: &World) {
    for number in FOR_SALE {
        world.telephony.say(&phone(number), TwilioSays::ForSale);
    }
}

struct Scene {
    table: OnTable,
    pool: NumberPoolId,
}

impl Scene {
    async fn new() -> Self {
        let table = OnTable::new().await;
        for_sale(&table.world);
        let body = json!({"name": "Search ads", "buys": {"area_code": "202"}});
        let pool = table.id("/api/number-pools", body).await.parse().unwrap();
        Self { table, pool }
    }

    async fn post(&self, deed: &str, body: Value) -> Value {
        self.send("POST", deed, body).await
    }

    async fn get(&self, deed: &str) -> Value {
        self.send("GET", deed, json!({})).await
    }

    async fn send(&self, method: &str, deed: &str, body: Value) -> Value {
        let (status, answer) = self.table.send(method, &self.at(deed), body).await;
        assert_eq!(status, 200, "{answer}");
        answer
    }

    fn at(&self, deed: &str) -> String {
        format!("/api/number-pools/{}/{deed}", self.pool)
    }

    async fn numbers(&self) -> Vec<String> {
        let listed = self.get("numbers").await;
        let text = |item: &Value| item["number"].as_str().unwrap().to_owned();
        let mut numbers: Vec<String> = listed["items"].as_array().unwrap().iter().map(text).collect();
        numbers.sort();
        numbers
    }

    /// A number that the account has, in the pool.
    async fn own(&self, number: &str) -> NumberId {
        self.table.world.telephony.say(&phone(number), TwilioSays::Done);
        let mut body = self.table.world.number(number, None);
        body["pool"] = json!(self.pool);
        self.table.id("/api/numbers", body).await.parse().unwrap()
    }

    fn place(&self, number: &str) -> PoolPlace {
        PoolPlace { pool: self.pool, shard: 0, number: phone(number) }
    }

    fn now(&self) -> Timestamp {
        app::clock::Clock::now(self.table.world.clock.as_ref())
    }

    /// Leases a number for five minutes.
    async fn lease(&self, number: &str) {
        let (lease, now) = (self.new_lease(), self.now());
        let (store, tenant) = (self.table.store(), self.table.world.tenant);
        let taken = store.take(tenant, &self.place(number), &lease, now).await.unwrap();
        assert_eq!(taken, Leased::Done);
    }

    fn new_lease(&self) -> Lease {
        let now = self.now();
        Lease {
            visit: VisitId::from_uuid(Uuid::from_u128(7)),
            tag: TrackingTagId::from_uuid(Uuid::from_u128(8)),
            campaign: CampaignId::from_uuid(Uuid::from_u128(9)),
            publisher: None,
            since: now,
            until: now + SignedDuration::from_secs(300),
            delay_s: 30,
        }
    }

    fn bought(&self) -> Vec<String> {
        self.table.world.telephony.bought().iter().map(|number| number.as_str().to_owned()).collect()
    }

    fn sampling(&self) -> SamplePools {
        let store = Arc::new(self.table.store());
        SamplePools { pools: store.clone(), catalog: store, clock: self.table.world.clock.clone() }
    }
}

fn texts(list: &Value, field: &str) -> Vec<String> {
    list.as_array().unwrap().iter().map(|item| item[field].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn numbers_are_bought_with_the_area_code_first_and_only_once() {
    let scene = Scene::new().await;
    let wanted = json!({"count": 5});
    let dry = scene.post("allocate", json!({"count": 5, "dry_run": true})).await;
    assert_eq!(
        (dry["would_buy"].as_array().unwrap().len(), &dry["in_area"], &dry["remaining"]),
        (5, &json!(4), &json!(0))
    );
    assert!(scene.bought().is_empty() && scene.numbers().await.is_empty(), "a dry run spends nothing");

    let key = [("idempotency-key", "buy-five")];
    let (status, first) = scene.table.send_with(&key, "POST", &scene.at("allocate"), wanted.clone()).await;
    assert_eq!(status, 200, "{first}");
    assert_eq!(first["bought"].as_array().unwrap().len(), 5, "{first}");
    assert_eq!(
        (&first["in_area"], &first["remaining"], &first["not_bought"]),
        (&json!(4), &json!(0), &json!([]))
    );
    let in_pool = scene.numbers().await;
    assert_eq!(in_pool.len(), 5);
    assert!(FOR_SALE[..4].iter().all(|number| in_pool.contains(&(*number).to_owned())), "{in_pool:?}");
    let (_, again) = scene.table.send_with(&key, "POST", &scene.at("allocate"), wanted).await;
    assert_eq!(again, first);
    assert_eq!(scene.bought().len(), 5, "the same request again buys nothing");

    let rest = scene.post("allocate", json!({"count": 5})).await;
    assert_eq!((rest["bought"].as_array().unwrap().len(), &rest["remaining"]), (1, &json!(4)));
    assert_eq!(scene.numbers().await.len(), 6);
}

#[tokio::test]
async fn what_twilio_refuses_is_told_with_what_was_bought() {
    let scene = Scene::new().await;
    let telephony = &scene.table.world.telephony;
    telephony.say(&phone(FOR_SALE[2]), TwilioSays::Refuses(CarrierRefusal::NotAvailable));
    telephony.say(&phone(FOR_SALE[5]), TwilioSays::NotYours);
    let answer = scene.post("allocate", json!({"count": 5})).await;
    let mut bought = texts(&answer["bought"], "number");
    bought.sort();
    let expected = [FOR_SALE[0], FOR_SALE[1], FOR_SALE[3], FOR_SALE[4]];
    assert_eq!(bought, expected);
    assert_eq!(answer["not_bought"][0]["number"], FOR_SALE[2]);
    assert_eq!(answer["not_bought"][0]["code"], "not_available");
    assert_eq!((answer["not_bought"].as_array().unwrap().len(), &answer["remaining"]), (1, &json!(1)));
    assert_eq!(scene.numbers().await, expected, "what was bought is in the pool, and nothing else");
}

#[tokio::test]
async fn a_refusal_of_the_account_ends_the_buying() {
    let scene = Scene::new().await;
    for number in FOR_SALE {
        let refuses = TwilioSays::Refuses(CarrierRefusal::TrialLimit);
        scene.table.world.telephony.say(&phone(number), refuses);
    }
    let answer = scene.post("allocate", json!({"count": 1})).await;
    assert_eq!(texts(&answer["not_bought"], "code"), ["trial_limit"]);
    assert_eq!((&answer["bought"], &answer["remaining"]), (&json!([]), &json!(1)));
}

#[tokio::test]
async fn what_cannot_be_right_is_refused_before_money_is_spent() {
    let scene = Scene::new().await;
    let nowhere = format!("CA{}", "0".repeat(32));
    for (body, field) in [
        (json!({"count": 0}), "count"),
        (json!({"count": 51}), "count"),
        (json!({"count": 1, "campaign": nowhere}), "campaign"),
        (json!({"count": 1, "account_sid": format!("AC{:032x}", 99)}), "account_sid"),
    ] {
        let (status, problem) = scene.table.send("POST", &scene.at("allocate"), body).await;
        assert_eq!((status, &problem["fields"][0]["field"]), (422, &json!(field)), "{problem}");
    }
    assert!(scene.bought().is_empty());
}

#[tokio::test]
async fn many_numbers_are_spread_over_more_partitions() {
    let scene = Scene::new().await;
    let store = scene.table.store();
    let address = format!("/api/number-pools/{}", scene.pool);
    let mut numbers = Vec::new();
    for line in 0..101 {
        numbers.push(scene.own(&format!("+1202556{line:04}")).await);
    }
    let (_, pool) = scene.table.send("GET", &address, json!({})).await;
    assert_eq!(pool["shards"], 1);
    let (status, problem) = scene.table.send("POST", &scene.at("remove"), json!({"numbers": numbers})).await;
    assert_eq!((status, &problem["fields"][0]["field"]), (422, &json!("numbers")));
    numbers.truncate(3);
    let moved = scene.post("remove", json!({"numbers": [numbers[0], numbers[1], numbers[0]]})).await;
    assert_eq!(texts(&moved["outcomes"], "outcome"), ["done", "done"]);
    let rows = store.pool_numbers(scene.table.world.tenant, scene.pool, 1).await.unwrap();
    assert_eq!(rows.len(), 99);
    let back = scene
        .post("add", json!({"numbers": [numbers[1], numbers[2], format!("PN{}", "0".repeat(32))]}))
        .await;
    assert_eq!(texts(&back["outcomes"], "outcome"), ["done", "done", "refused"]);
    assert_eq!(back["outcomes"][2]["code"], "not_found");
    // The first page, and where the second one begins.
    let page = scene.get("numbers?limit=60").await;
    assert_eq!((page["items"].as_array().unwrap().len(), &page["counts"]["numbers"]), (60, &json!(100)));
    assert_eq!((&page["counts"]["free"], &page["counts"]["resting"]), (&json!(99), &json!(1)));
    let next = page["next"].as_str().unwrap();
    let rest = scene.get(&format!("numbers?limit=60&cursor={next}")).await;
    assert_eq!((rest["items"].as_array().unwrap().len(), &rest["next"]), (40, &Value::Null));
}

#[tokio::test]
async fn a_list_says_what_each_number_does_and_nothing_of_the_visitor() {
    let scene = Scene::new().await;
    for number in &FOR_SALE[..4] {
        scene.own(number).await;
    }
    let (store, tenant) = (scene.table.store(), scene.table.world.tenant);
    for number in [FOR_SALE[1], FOR_SALE[2]] {
        scene.lease(number).await;
    }
    scene.table.world.clock.advance(310);
    scene.lease(FOR_SALE[3]).await;
    let call: CallId = format!("RGB{:032x}", 1).parse().unwrap();
    let until = scene.now() + SignedDuration::from_secs(3_600);
    store.ring(tenant, &scene.place(FOR_SALE[2]), call, until).await.unwrap().unwrap();

    let listed = scene.get("numbers").await;
    assert_eq!(listed["counts"], json!({"numbers": 4, "free": 1, "shown": 1, "resting": 1, "on_call": 1}));
    let states = texts(&listed["items"], "state");
    assert_eq!(states, ["free", "resting", "on_call", "shown"]);
    assert_eq!(listed["items"][0]["until"], Value::Null);
    assert_eq!(listed["items"][2]["until"], json!(until.to_string()));
    assert_eq!(listed["items"][3]["tag"], json!(TrackingTagId::from_uuid(Uuid::from_u128(8))));
    assert!(!listed.to_string().contains("VI0"), "{listed}");
}

#[tokio::test]
async fn only_what_nobody_sees_is_given_back_and_what_was_shown_longest_ago_first() {
    let scene = Scene::new().await;
    let mut ids = Vec::new();
    for number in &FOR_SALE[..5] {
        ids.push(scene.own(number).await);
    }
    // Shown long ago, shown lately, never shown, to be kept, on display.
    scene.lease(FOR_SALE[0]).await;
    scene.table.world.clock.advance(1_000);
    scene.lease(FOR_SALE[1]).await;
    scene.table.world.clock.advance(1_000);
    scene.lease(FOR_SALE[4]).await;

    let dry = scene.post("shrink", json!({"count": 2, "keep": [ids[3]], "dry_run": true})).await;
    assert_eq!((&dry["would_release"], &dry["outcomes"]), (&json!([ids[2], ids[0]]), &json!([])));
    assert_eq!(scene.numbers().await.len(), 5);
    let shrunk = scene.post("shrink", json!({"count": 2, "keep": [ids[3]]})).await;
    assert_eq!(texts(&shrunk["outcomes"], "id"), [ids[2].to_string(), ids[0].to_string()]);
    assert_eq!(texts(&shrunk["outcomes"], "outcome"), ["done", "done"]);
    assert_eq!(shrunk["remaining"], 0);
    let shrunk = scene.post("shrink", json!({"count": 5, "keep": [ids[3]]})).await;
    assert_eq!(
        (texts(&shrunk["outcomes"], "id"), &shrunk["remaining"]),
        (vec![ids[1].to_string()], &json!(4))
    );
    assert_eq!(scene.numbers().await, [FOR_SALE[3], FOR_SALE[4]]);
    let mut released: Vec<String> =
        scene.table.world.telephony.released().iter().map(|number| number.as_str().to_owned()).collect();
    released.sort();
    assert_eq!(released, FOR_SALE[..3]);
}

#[tokio::test]
async fn a_number_that_is_set_aside_is_leased_to_nobody_and_one_that_is_leased_is_not_set_aside() {
    let scene = Scene::new().await;
    for number in &FOR_SALE[..2] {
        scene.own(number).await;
    }
    scene.lease(FOR_SALE[1]).await;
    scene.table.world.clock.advance(331);
    scene.lease(FOR_SALE[0]).await;
    let (store, tenant, now) = (scene.table.store(), scene.table.world.tenant, scene.now());
    let until = now + SignedDuration::from_secs(120);
    assert!(!store.set_aside(tenant, &scene.place(FOR_SALE[0]), now, until).await.unwrap());
    assert!(store.set_aside(tenant, &scene.place(FOR_SALE[1]), now, until).await.unwrap());
    let row = store.pool_numbers(tenant, scene.pool, 1).await.unwrap();
    assert!(row.iter().all(|number| !number.is_free(now)));
    // Neither whoever was shown it last nor a pool that gives out the least recently used may have it.
    let aside = row.iter().find(|number| number.number.as_str() == FOR_SALE[1]).unwrap();
    let (place, lease) = (scene.place(FOR_SALE[1]), scene.new_lease());
    assert_eq!(store.renew(tenant, &place, &lease, now).await.unwrap(), Leased::Lost);
    assert_eq!(store.take_over(tenant, &place, &lease, aside).await.unwrap(), Leased::Lost);
    assert!(
        !store.set_aside(tenant, &scene.place("+12025559999"), now, until).await.unwrap(),
        "it is not there"
    );
}

#[tokio::test]
async fn a_number_that_something_uses_is_not_given_back() {
    let scene = Scene::new().await;
    let id = scene.own(FOR_SALE[0]).await;
    let campaign = scene.table.id("/api/campaigns", json!({"name": "Roofing"})).await;
    let tag = json!({"name": "Old", "status": "paused", "campaign": campaign, "shows": {"number": id}});
    scene.table.id("/api/tracking-tags", tag).await;
    let shrunk = scene.post("shrink", json!({"count": 1})).await;
    assert_eq!(
        (&shrunk["outcomes"][0]["outcome"], &shrunk["outcomes"][0]["code"]),
        (&json!("refused"), &json!("in_use"))
    );
    assert_eq!(shrunk["remaining"], 1);
    assert!(scene.table.world.telephony.released().is_empty());
    assert_eq!(scene.numbers().await, [FOR_SALE[0]]);
}

#[tokio::test]
async fn dead_numbers_are_found_and_replaced() {
    let scene = Scene::new().await;
    let world = &scene.table.world;
    let (good, dead) = ("+12025550181", "+12025550182");
    let (_, gone) = (scene.own(good).await, scene.own(dead).await);
    world.telephony.say(&phone(dead), TwilioSays::NotYours);
    let found = scene.post("verify", json!({})).await;
    assert_eq!((&found["looked_at"], &found["replace"]), (&json!(2), &json!([gone])));
    assert_eq!(texts(&found["items"], "number"), [dead]);
    assert_eq!(found["items"][0]["findings"][0]["code"], "not_in_account");

    // A number outside is not made up for.
    let outside = scene.table.id("/api/numbers", world.number("+12025550183", None)).await;
    let replaced = scene.post("replace", json!({"numbers": [outside, gone]})).await;
    assert_eq!(texts(&replaced["removed"], "outcome"), ["refused", "done"]);
    assert_eq!(replaced["allocated"]["bought"].as_array().unwrap().len(), 1);
    let numbers = scene.numbers().await;
    assert_eq!((numbers.len(), numbers.contains(&dead.to_owned())), (2, false));
    let (_, kept) = scene.table.send("GET", &format!("/api/numbers/{gone}"), json!({})).await;
    assert_eq!((&kept["pool"], kept["left_pool_at"].is_string()), (&Value::Null, true), "it stays yours");
}

#[tokio::test]
async fn nothing_leaves_for_a_number_that_could_not_be_bought() {
    let scene = Scene::new().await;
    let id = scene.own("+12025550181").await;
    for number in FOR_SALE {
        scene.table.world.telephony.say(&phone(number), TwilioSays::NotYours);
    }
    let replaced = scene.post("replace", json!({"numbers": [id]})).await;
    assert_eq!((&replaced["removed"], &replaced["allocated"]["remaining"]), (&json!([]), &json!(1)));
    assert_eq!(scene.numbers().await, ["+12025550181"]);
}

#[tokio::test]
async fn a_pool_is_looked_at_every_five_minutes_while_it_is_used() {
    let scene = Scene::new().await;
    let clock = &scene.table.world.clock;
    for number in &FOR_SALE[..4] {
        scene.own(number).await;
    }
    let sampling = scene.sampling();
    assert_eq!(
        sampling.run().await.unwrap(),
        Sampled { idle: 1, ..Sampled::default() },
        "due from the beginning"
    );
    assert_eq!(sampling.run().await.unwrap(), Sampled::default(), "and not due again at once");
    assert_eq!(scene.get("usage").await["hours"], json!([]), "nothing was shown");
    for _ in 0..15 {
        clock.advance(60);
        assert_eq!(scene.sampling().run().await.unwrap().failed, 0);
    }
    scene.lease(FOR_SALE[0]).await;
    scene.lease(FOR_SALE[1]).await;
    let mut looks = 0;
    for _ in 0..20 {
        clock.advance(60);
        looks += scene.sampling().run().await.unwrap().used;
    }
    assert!((2..=4).contains(&looks), "{looks}");
    let (store, tenant) = (scene.table.store(), scene.table.world.tenant);
    for _ in 0..2 {
        store.note_exhausted(tenant, scene.pool, scene.now(), 3).await.unwrap();
    }
    let usage = scene.get("usage?days=1").await;
    assert_eq!(usage["now"]["free"], 4);
    let hour = &usage["hours"][0];
    assert_eq!(
        (&hour["begins"], &hour["numbers"], &hour["exhausted"]),
        (&json!("2026-11-22T12:00:00Z"), &json!(4), &json!(6))
    );
    assert!(hour["peak_occupied"].as_u64().unwrap() <= 2, "{hour}");
    // Of a pool that is gone nothing is due any more.
    let other = scene.table.id("/api/number-pools", json!({"name": "Short-lived"})).await;
    assert_eq!(scene.table.send("DELETE", &format!("/api/number-pools/{other}"), json!({})).await.0, 204);
    clock.advance(3_600);
    assert_eq!(scene.sampling().run().await.unwrap(), Sampled { idle: 1, ..Sampled::default() });
}

#[tokio::test]
async fn the_same_look_is_noted_once() {
    let scene = Scene::new().await;
    let (store, tenant, now) = (scene.table.store(), scene.table.world.tenant, scene.now());
    let due = app::ports::DuePool { tenant, pool: scene.pool };
    let sample = domain::pool::usage::Sample { at: now, numbers: 10, occupied: 4 };
    for _ in 0..3 {
        store.record_sample(due, Some(&sample), now + SignedDuration::from_mins(5)).await.unwrap();
    }
    let later =
        domain::pool::usage::Sample { at: now + SignedDuration::from_mins(5), numbers: 11, occupied: 9 };
    store.record_sample(due, Some(&later), now + SignedDuration::from_mins(10)).await.unwrap();
    let hour = &scene.get("usage").await["hours"][0];
    assert_eq!(
        (&hour["mean_occupied_hundredths"], &hour["peak_occupied"], &hour["numbers"]),
        (&json!(650), &json!(9), &json!(11))
    );
    let measured = scene.get("advice").await;
    assert_eq!((&measured["basis"], &measured["load_thousandths"]), (&json!("measured"), &json!(6_500)));
    // 6.5 erlangs.
    assert_eq!(measured["needs"], json!([{"overflow_millionths": 10_000, "numbers": 13}]));
}

#[tokio::test]
async fn an_advice_says_how_many_numbers_it_takes() {
    let world = World::new().await;
    let pool = world.post("/api/number-pools", &json!({"name": "Search ads"})).await.id();
    let at = |query: &str| format!("/api/number-pools/{pool}/advice{query}");
    let advice = world.get(&at("?sessions_per_minute=20&hold_s=300&overflow=0.001")).await.ok(200);
    let needs = json!([
        {"overflow_millionths": 10_000, "numbers": 117},
        {"overflow_millionths": 1_000, "numbers": 128},
    ]);
    assert_eq!((&advice["needs"], &advice["basis"]), (&needs, &json!("expected")));
    let words = advice["words"].as_str().unwrap();
    assert!(
        words.starts_with("At this traffic you need 117 numbers for 1 % overflow, and 128 numbers for 0.1 %"),
        "{words}"
    );
    assert_eq!(advice["overflow_now_millionths"], 1_000_000, "there is no number at all");
    let nothing = world.get(&at("")).await.ok(200);
    assert_eq!((&nothing["basis"], &nothing["needs"]), (&json!("nothing"), &json!([])));
    for query in [
        "?sessions_per_minute=20",
        "?hold_s=300",
        "?sessions_per_minute=-1&hold_s=300",
        "?sessions_per_minute=1.2345&hold_s=300",
        "?sessions_per_minute=20&hold_s=0",
        "?sessions_per_minute=20&hold_s=1e3",
        "?overflow=0",
        "?overflow=1",
        "?overflow=0.0000001",
    ] {
        world.get(&at(query)).await.refused(400, "invalid_query");
    }
}

#[tokio::test]
async fn a_snippet_is_one_line_that_names_the_tag() {
    let world = World::new().await;
    let own = world.set_up().await;
    let pool = world.post("/api/number-pools", &json!({"name": "Search ads"})).await.id();
    let tag = json!({"name": "Page", "campaign": own.campaign, "shows": {"pool": pool}});
    let id = world.post("/api/tracking-tags", &tag).await.id();
    let snippet = world.get(&format!("/api/tracking-tags/{id}/snippet")).await.ok(200);
    let text = |field: &str| snippet[field].as_str().unwrap().to_owned();
    let (html, url, integrity) = (text("html"), text("script_url"), text("integrity"));
    assert_eq!(url, format!("https://numbers.example.com/dni/{}/ccp.js", text("version")));
    assert!(integrity.starts_with("sha384-") && !html.contains('\n'));
    let whole = format!(
        r#"<script async src="{url}" data-tag="{id}" integrity="{integrity}" crossorigin="anonymous"></script>"#
    );
    assert_eq!(html, whole);
    let no_script = text("no_script_html");
    assert!(no_script.contains(&format!("https://numbers.example.com/dni/call/{id}\"")), "{no_script}");
    assert!(no_script.contains(&format!("https://numbers.example.com/dni/visit/{id}.gif\"")), "{no_script}");
    world.get(&format!("/api/tracking-tags/TT{}/snippet", "0".repeat(32))).await.refused(404, "not_found");
}
