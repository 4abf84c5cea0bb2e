//! The same over the real table: what the fakes promise, the adapter keeps.

use std::sync::Arc;

use api::{Context, handle, router};
use app::api_keys;
use app::ports::{ApiKey, Identity};
use domain::ids::ApiKeyId;
use http::HeaderMap;
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use runtime::{HttpRequest, Settings};
use serde_json::{Value, json};
use testkit::database::TestDatabase;
use uuid::Uuid;

use crate::support::{NOW, World, account, bidder, campaign, phone, target};

struct OnTable {
    world: World,
    context: Arc<Context>,
    token: String,
    _database: TestDatabase,
}

impl OnTable {
    async fn new() -> Self {
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
        };
        store.store_api_key(&api_keys::hash(&token), &key).await.unwrap();
        let accounts = json!([{
            "account_sid": account(world.tenant), "tenant": world.tenant, "auth_tokens": ["not a real token"]
        }]);
        let settings = Settings::from_lookup(|variable| match variable {
            "STAGE" => Some("local".to_owned()),
            "TABLE_NAME" => Some("unused".to_owned()),
            "PUBLIC_BASE_URL" => Some("https://calls.example.com/".to_owned()),
            "FALLBACK_BASE_URL" => Some("https://cdn.example.com/fallback".to_owned()),
            "TWILIO_ACCOUNTS" => Some(accounts.to_string()),
            _ => None,
        });
        let context = Context::new(&settings.unwrap(), store, world.pages.clone()).unwrap();
        let (telephony, clock) = (world.telephony.clone(), world.clock.clone());
        let context = Arc::new(Context { telephony, clock, ..context });
        Self { world, context, token, _database: database }
    }

    async fn send(&self, method: &str, address: &str, body: Value) -> (u16, Value) {
        let (path, query) = address.split_once('?').unwrap_or((address, ""));
        let mut headers = HeaderMap::new();
        headers.insert(AUTHORIZATION, format!("Bearer {}", self.token).parse().unwrap());
        headers.insert(CONTENT_TYPE, "application/json".parse().unwrap());
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

    async fn id(&self, path: &str, body: Value) -> String {
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
    let (status, calls) = table.send("GET", "/api/calls", json!({})).await;
    assert_eq!((status, &calls["searched_to"]), (200, &json!("2026-11-16")));
}
