//! What lists cost on a full table, in counted requests. `CALLS=100000` makes it as full as the long run does.

use std::sync::Arc;
use std::time::Instant;

use api::calls::{Viewer, list_for};
use app::catalog::{self, Listed, Listing, Position};
use app::ports::{Calls, Catalog, Kind, Record, Settling, StepWrite};
use contract::calls::CallsPage;
use domain::audit::{Actor, By, Origin};
use domain::campaign::Campaign;
use domain::ids::{CampaignId, TenantId};
use jiff::{SignedDuration, Timestamp};
use serde_json::json;
use store::Store;
use testkit::database::TestDatabase;
use testkit::fakes::some_entry;
use testkit::faults::FaultProxy;
use uuid::Uuid;

use crate::calls::{call, call_id, record};
use crate::support::{NOW, World};
use crate::table::context_over;

const CAMPAIGNS: u32 = 1_000;
const DAY: &str = "2026-11-22T00:00:00Z";

/// A table with calls of one day and campaigns, read through a proxy that counts.
struct Full {
    database: TestDatabase,
    proxy: FaultProxy,
    store: Arc<Store>,
    world: World,
    calls: u32,
}

fn campaign_of(number: u32) -> CampaignId {
    CampaignId::from_uuid(Uuid::from_u128(0x1000 + u128::from(number)))
}

fn started_at(number: u32, of: u32) -> Timestamp {
    let apart = 86_000_000 / i64::from(of);
    DAY.parse::<Timestamp>().unwrap() + SignedDuration::from_millis(apart * i64::from(number) + 1)
}

/// One in ten thousand, and in a small table at least one near each end.
fn is_rare(number: u32, of: u32) -> bool {
    number % 10_000 == 4_321 || number == 3 || number == of - 2
}

impl Full {
    async fn with(calls: u32) -> Self {
        let world = World::new().await;
        let database = TestDatabase::start().await.unwrap();
        let proxy = FaultProxy::before(&database.endpoint(), 20_261_122).await.unwrap();
        let full = Self {
            store: Arc::new(TestDatabase::store_through(&proxy.endpoint())),
            database,
            proxy,
            world,
            calls,
        };
        full.furnish(full.world.tenant).await;
        full
    }

    async fn furnish(&self, tenant: TenantId) {
        let store = self.database.store();
        let original = call(tenant, 0xABCDEF, &started_at(0, self.calls).to_string());
        let model = Arc::new(original);
        let write = StepWrite {
            call: model.clone(),
            begins: true,
            caller: None,
            number: 0,
            started_by: None,
            answered: serde_json::from_value(json!({
                "reply": {"verbs": ["hangup"]}, "decisions": {"each": []}, "at": NOW
            }))
            .unwrap(),
            attempts: Vec::new(),
            joints: Vec::new(),
            limits: Vec::new(),
            gives_back: Vec::new(),
            auction: None,
            due_at: NOW.parse().unwrap(),
        };
        store.write_step(&write).await.unwrap();
        let mut closing = record(tenant, 0xABCDEF, NOW).closing.unwrap();
        closing.attempts = 0;
        assert!(store.settle(tenant, &model, &closing, &Settling::default()).await.unwrap());
        let key = store::keys::call(tenant, model.id);
        let in_key = |at: Timestamp| store::keys::call_in_day(tenant, at, model.id).sk;
        let time_in_key = |at: Timestamp| in_key(at).split('#').next().unwrap().to_owned();
        let copies = (1..self.calls).map(|number| {
            let (id, at) = (call_id(number.into()), started_at(number, self.calls));
            let campaign =
                if is_rare(number, self.calls) { campaign_of(1) } else { campaign_of(2 + number % 900) };
            vec![
                (model.id.to_string(), id.to_string()),
                (time_in_key(model.started_at), time_in_key(at)),
                (model.started_at.to_string(), at.to_string()),
                (model.campaign.to_string(), campaign.to_string()),
            ]
        });
        self.database.copies((&key.pk, &key.sk), copies).await.unwrap();

        let first = CampaignId::from_uuid(Uuid::from_u128(0xC0FFEE));
        let body = serde_json::to_value(
            serde_json::from_value::<Campaign>(json!({"name": "Campaign one"})).unwrap(),
        );
        let record = Record {
            id: first.to_string(),
            version: 1,
            created_at: NOW.parse().unwrap(),
            updated_at: NOW.parse().unwrap(),
            body: body.unwrap(),
        };
        store
            .create(tenant, Kind::Campaign, &record, "Campaign one", &some_entry(tenant, record.created_at))
            .await
            .unwrap();
        let key = store::keys::noun(tenant, Kind::Campaign, &record.id);
        let copies = (1..CAMPAIGNS).map(|number| {
            vec![
                (first.to_string(), campaign_of(number).to_string()),
                ("Campaign one".to_owned(), format!("Campaign {number:04}")),
            ]
        });
        self.database.copies((&key.pk, &key.sk), copies).await.unwrap();
    }

    async fn list_campaigns(&self, search: Option<&str>, after: Option<Position>) -> (Listed, usize) {
        let context = context_over(&self.world, self.store.clone()).await;
        let listing = Listing { search: search.map(str::to_owned), after, limit: 50, ..Listing::default() };
        let tenant = self.world.tenant;
        let before = self.proxy.seen().len();
        let by = By { actor: Actor::System, origin: Origin::default() };
        let listed = catalog::list::<Campaign>(&context.tools(tenant, &by), tenant, &listing).await.unwrap();
        (listed, self.proxy.seen().len() - before)
    }

    /// A page, and the requests that it took.
    async fn page(&self, query: &str) -> (CallsPage, usize) {
        let viewer = Viewer { tenant: self.world.tenant, sees_numbers: true, only: None };
        let params: Vec<(String, String)> = query
            .split('&')
            .map(|pair| pair.split_once('=').unwrap())
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect();
        let context = context_over(&self.world, self.store.clone()).await;
        let (before, queries) = (self.proxy.seen().len(), self.proxy.count("Query"));
        let page = list_for(&context, &viewer, &params).await.unwrap();
        let asked = self.proxy.seen().len() - before;
        assert_eq!(self.proxy.count("Query") - queries, asked, "nothing but queries");
        (page, asked)
    }
}

#[expect(clippy::disallowed_methods, reason = "this is about the test, not about the product")]
fn many() -> u32 {
    std::env::var("CALLS").map_or(5_000, |calls| calls.parse().expect("CALLS is a number"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_page_of_calls_costs_the_same_however_many_there_are() {
    let began = Instant::now();
    let (few, many) = (Full::with(10).await, Full::with(many()).await);
    println!("{} calls and {CAMPAIGNS} campaigns made in {:?}", many.calls, began.elapsed());
    for query in ["from=2026-11-22&to=2026-11-22&limit=9", "limit=9", "limit=1&from=2026-11-01"] {
        let asked = Instant::now();
        let ((page_of_few, cost), (page_of_many, cost_of_many)) =
            (few.page(query).await, many.page(query).await);
        println!("{query}: {cost} and {cost_of_many} requests, {:?}", asked.elapsed());
        assert_eq!(page_of_few.items.len(), page_of_many.items.len());
        assert_eq!((cost, cost_of_many), (1, 1), "{query}");
    }
    // The largest page there is, a day without calls before the one with calls, and pages deep inside.
    let (page, cost) = many.page("limit=200&to=2026-11-24&from=2026-11-22").await;
    assert_eq!((page.items.len(), cost), (200, 3));
    let mut cursor = page.next.unwrap();
    for _ in 0..5 {
        let query = format!("limit=200&to=2026-11-24&from=2026-11-22&cursor={cursor}");
        let (page, cost) = many.page(&query).await;
        assert_eq!((page.items.len(), cost), (200, 1));
        cursor = page.next.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rare_filter_stops_at_its_read_budget_and_says_how_far_it_came() {
    let full = Full::with(many()).await;
    let rare: Vec<_> = (1..full.calls).rev().filter(|number| is_rare(*number, full.calls)).collect();
    let filter = format!("campaign={}&from=2026-11-22&to=2026-11-22", campaign_of(1));
    let (mut found, mut requests, mut pages) = (Vec::new(), 0, 0);
    let mut cursor = String::new();
    let began = Instant::now();
    loop {
        let (page, cost) = full.page(&format!("{filter}{cursor}")).await;
        found.extend(page.items.iter().map(|call| call.id));
        // Four thousand calls in pieces of four hundred.
        assert!(cost <= 11, "{cost} requests for one page");
        requests += cost;
        pages += 1;
        let Some(next) = page.next else { break };
        assert!(page.note.unwrap().starts_with("searched back to 2026-11-22 "));
        cursor = format!("&cursor={next}");
    }
    println!("{} calls: {pages} pages, {requests} requests, {:?}", full.calls, began.elapsed());
    assert_eq!(found, rare.iter().map(|number| call_id((*number).into())).collect::<Vec<_>>());
    assert_eq!(pages, full.calls.div_ceil(4_000));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_campaigns_are_read_whole_in_a_few_requests() {
    let full = Full::with(2).await;
    let (first, cost) = full.list_campaigns(None, None).await;
    println!("{CAMPAIGNS} campaigns: {cost} requests for a page");
    assert_eq!(first.items.len(), 50);
    assert!(cost <= 2, "{cost}");
    let (mut seen, mut next) = (first.items.len(), first.next);
    while let Some(after) = next {
        let (page, again) = full.list_campaigns(None, Some(after)).await;
        assert_eq!(again, cost);
        seen += page.items.len();
        next = page.next;
    }
    assert_eq!(seen, CAMPAIGNS as usize);
    let (found, again) = full.list_campaigns(Some("campaign 0042"), None).await;
    assert_eq!((found.items.len(), again), (1, cost));
}
