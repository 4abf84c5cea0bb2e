//! The same over the real table: what the fakes promise, the adapter keeps.

use std::sync::Arc;

use api::context::Outside;
use api::{Context, handle, router};
use app::api_keys;
use app::ports::{ApiKey, Catalog, Identity, Kind, Record, Saved};
use domain::ids::{ApiKeyId, NumberPoolId};
use domain::pool::NumberPool;
use http::HeaderMap;
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use runtime::{HttpRequest, Settings};
use serde_json::{Value, json};
use testkit::database::TestDatabase;
use testkit::fakes::{FakeBidHistory, connect_account, some_entry, test_vault};
use uuid::Uuid;

use crate::support::{APP_ORIGIN, AUTH_TOKEN, NOW, World, account, bidder, campaign, phone, target};

pub struct OnTable {
    pub world: World,
    context: Arc<Context>,
    token: String,
    database: TestDatabase,
}

/// The API's own set-up over a store, with the world's telephone, clock and Twilio account.
pub async fn context_over(world: &World, store: Arc<store::Store>) -> Arc<Context> {
    let vault = test_vault();
    let account = account(world.tenant);
    connect_account(store.as_ref(), vault.as_ref(), world.tenant, &account, &[AUTH_TOKEN]).await.unwrap();
    let settings = Settings::from_lookup(|variable| match variable {
        "STAGE" => Some("local".to_owned()),
        "TABLE_NAME" => Some("unused".to_owned()),
        "PUBLIC_BASE_URL" => Some("https://calls.example.com/".to_owned()),
        "FALLBACK_BASE_URL" => Some("https://cdn.example.com/fallback".to_owned()),
        "APP_ORIGIN" => Some(APP_ORIGIN.to_owned()),
        "API_REQUESTS_PER_MINUTE" => Some("1000000".to_owned()),
        _ => None,
    });
    let history = Arc::new(FakeBidHistory::default());
    let postbacks = Arc::new(testkit::fakes::FakePostbacks::default());
    let outside =
        Outside { pages: world.pages.clone(), history, mailer: world.mailer.clone(), vault, postbacks };
    let context = Context::new(&settings.unwrap(), store, outside).unwrap();
    let (telephony, clock) = (world.telephony.clone(), world.clock.clone());
    Arc::new(Context { telephony, clock, ..context })
}

impl OnTable {
    pub async fn new() -> Self {
        let world = World::new().await;
        let database = TestDatabase::start().await.unwrap();
        let store = Arc::new(database.store());
        let token = api_keys::new_token().unwrap();
        let key = ApiKey {
            id: ApiKeyId::from_uuid(Uuid::from_u128(1)),
            tenant: world.tenant,
            name: "a test".to_owned(),
            scopes: vec!["*".to_owned()],
            created_at: NOW.parse().unwrap(),
            expires_at: None,
            last_used_at: None,
        };
        store.store_api_key(&api_keys::hash(&token), &key).await.unwrap();
        let context = context_over(&world, store).await;
        Self { world, context, token, database }
    }

    /// The table, without what the API has cached.
    pub fn store(&self) -> store::Store {
        self.database.store()
    }

    /// Spreads a pool over more partitions, as buying many numbers for it does.
    pub async fn widen(&self, pool: NumberPoolId, before: &NumberPool, after: &NumberPool) {
        let (kind, tenant, store) = (Kind::NumberPool, self.world.tenant, self.store());
        let stored = Catalog::get(&store, tenant, kind, &pool.to_string()).await.unwrap().unwrap();
        let wider = Record {
            version: stored.version + 1,
            body: serde_json::to_value(after).unwrap(),
            ..stored.clone()
        };
        let entry = some_entry(tenant, NOW.parse().unwrap());
        let from = (&stored, before.name.as_str());
        let saved = store.replace(tenant, kind, &wider, &after.name, from, &entry).await.unwrap();
        assert_eq!(saved, Saved::Done);
    }

    /// Every item of the table, as text.
    pub async fn items(&self) -> Vec<String> {
        self.database.items().await.unwrap().iter().map(|item| format!("{item:?}")).collect()
    }

    pub async fn send(&self, method: &str, address: &str, body: Value) -> (u16, Value) {
        self.send_with(&[], method, address, body).await
    }

    /// With these headers besides.
    pub async fn send_with(
        &self,
        more: &[(&'static str, &str)],
        method: &str,
        address: &str,
        body: Value,
    ) -> (u16, Value) {
        let (path, query) = address.split_once('?').unwrap_or((address, ""));
        let mut headers = HeaderMap::new();
        headers.insert(AUTHORIZATION, format!("Bearer {}", self.token).parse().unwrap());
        headers.insert(CONTENT_TYPE, "application/json".parse().unwrap());
        for (name, value) in more {
            headers.insert(*name, value.parse().unwrap());
        }
        let request = HttpRequest {
            method: method.parse().unwrap(),
            raw_path: path.to_owned(),
            raw_query: query.to_owned(),
            headers,
            body: body.to_string().into(),
            request_id: "table".to_owned(),
            source_ip: None,
        };
        let answer = handle(self.context.clone(), router(self.context.clone()), request).await;
        (answer.status, serde_json::from_slice(&answer.body).unwrap_or(Value::Null))
    }

    pub async fn id(&self, path: &str, body: Value) -> String {
        let (status, created) = self.send("POST", path, body).await;
        assert_eq!(status, 201, "{created}");
        created["id"].as_str().unwrap().to_owned()
    }
}

#[tokio::test]
async fn a_campaign_goes_from_nothing_to_published_and_away() {
    let table = OnTable::new().await;
    let target = table.id("/api/targets", target("Front desk")).await;
    let bidder = table.id("/api/rtb-targets", bidder("Good bidder")).await;
    let campaign = table.id("/api/campaigns", campaign("Roofing", &target, &bidder)).await;
    let number = table.id("/api/numbers", table.world.number("+18335550100", Some(&campaign))).await;

    let (status, published) =
        table.send("POST", &format!("/api/campaigns/{campaign}/publish"), json!({})).await;
    assert_eq!((status, &published["version"], &published["warnings"]), (200, &json!(1), &json!([])));
    assert!(table.world.pages.document(&phone("+18335550100")).is_some());
    let (_, routing) = table.world.telephony.routing(&phone("+18335550100")).unwrap();
    assert!(routing.voice_url.starts_with("https://calls.example.com/twilio/voice/inbound"));
    assert_eq!(routing.status_url, "https://calls.example.com/twilio/voice/status");
    assert_eq!(routing.fallback_url, "https://cdn.example.com/fallback/by-number.xml");

    let address = format!("/api/targets/{target}");
    let (status, paused) = table.send("PATCH", &address, json!({"version": 1, "status": "paused"})).await;
    assert_eq!((status, &paused["version"]), (200, &json!(2)));
    let (status, conflict) = table.send("PATCH", &address, json!({"version": 1, "name": "x"})).await;
    assert_eq!((status, &conflict["code"]), (409, &json!("version_conflict")));
    let (status, taken) = table.send("POST", "/api/campaigns", json!({"name": "Roofing"})).await;
    assert_eq!((status, &taken["code"]), (409, &json!("taken")));
    let (status, in_use) = table.send("DELETE", &address, json!({})).await;
    assert_eq!((status, &in_use["used_by"][0]["name"]), (409, &json!("Roofing")));

    let (_, second) = table.send("POST", &format!("/api/campaigns/{campaign}/publish"), json!({})).await;
    assert_eq!(second["version"], 2);

    for (path, id) in
        [("numbers", &number), ("campaigns", &campaign), ("targets", &target), ("rtb-targets", &bidder)]
    {
        let (status, page) = table.send("GET", &format!("/api/{path}?limit=1"), json!({})).await;
        assert_eq!((status, &page["items"][0]["id"]), (200, &json!(id)));
        let (status, _) = table.send("DELETE", &format!("/api/{path}/{id}"), json!({})).await;
        assert_eq!(status, 204, "{path}");
        let (_, page) = table.send("GET", &format!("/api/{path}"), json!({})).await;
        assert_eq!(page["items"], json!([]));
    }
    let wish = json!({"account_sid": format!("AC{:032x}", 77), "auth_token": AUTH_TOKEN, "name": "Second"});
    let (status, made) = table.send("POST", "/api/twilio-accounts", wish.clone()).await;
    assert_eq!((status, &made["version"]), (201, &json!(1)), "{made}");
    let (status, taken) = table.send("POST", "/api/twilio-accounts", wish).await;
    assert_eq!((status, &taken["code"]), (409, &json!("taken")));
    let (_, page) = table.send("GET", "/api/twilio-accounts?sort=-name", json!({})).await;
    assert_eq!((&page["items"][0]["name"], &page["items"][1]["name"]), (&json!("Second"), &json!("A test")));
    let second = format!("/api/twilio-accounts/AC{:032x}", 77);
    let (status, renamed) = table.send("PATCH", &second, json!({"version": 1, "name": "Third"})).await;
    assert_eq!((status, &renamed["name"], &renamed["version"]), (200, &json!("Third"), &json!(2)));
    assert_eq!(table.send("DELETE", &second, json!({})).await.0, 204);
    assert_eq!(table.send("GET", &second, json!({})).await.0, 404);
    let (status, calls) = table.send("GET", "/api/calls", json!({})).await;
    assert_eq!((status, &calls["searched_to"]), (200, &json!("2026-11-16")));
}

#[tokio::test]
async fn what_campaigns_refer_to_comes_changes_and_goes() {
    let table = OnTable::new().await;
    for (path, body, patch) in [
        ("/api/publishers", json!({"name": "Search Partners"}), json!({"version": 1, "name": "Renamed"})),
        ("/api/buyers", json!({"name": "Alpine"}), json!({"version": 1, "status": "paused"})),
        ("/api/target-groups", json!({"name": "Desks"}), json!({"version": 1, "name": "Renamed"})),
        ("/api/ring-trees", json!({"name": "All"}), json!({"version": 1, "deadline_ms": 700})),
        ("/api/blocked-numbers", json!({"number": "+1415"}), json!({"version": 1, "reason": "robocalls"})),
        ("/api/blocked-numbers", json!({"number": "anonymous"}), json!({"version": 1, "number": "+1416"})),
    ] {
        let address = format!("{path}/{}", table.id(path, body.clone()).await);
        let (status, taken) = table.send("POST", path, body.clone()).await;
        assert_eq!((status, &taken["code"]), (409, &json!("taken")), "{path}");
        let (status, changed) = table.send("PATCH", &address, patch.clone()).await;
        assert_eq!((status, &changed["version"]), (200, &json!(2)), "{changed}");
        for (field, value) in patch.as_object().unwrap().iter().filter(|(field, _)| *field != "version") {
            assert_eq!(changed[field], *value);
        }
        let (_, page) = table.send("GET", path, json!({})).await;
        assert_eq!(page["items"], json!([changed]));
        let (status, _) = table.send("DELETE", &address, json!({})).await;
        assert_eq!(status, 204);
        let (_, page) = table.send("GET", path, json!({})).await;
        assert_eq!(page["items"], json!([]));
        let again = format!("{path}/{}", table.id(path, body).await);
        table.send("DELETE", &again, json!({})).await;
    }
}
