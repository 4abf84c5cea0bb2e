//! A world with two tenants, keys, and a way to send requests.

use std::sync::Arc;
use std::time::Duration;

use api::context::url_rules;
use api::limits::Limits;
use api::{Context, handle, router};
use app::api_keys;
use app::numbers::Hooks;
use app::ports::{ApiKey, BidderAnswer, Bidders, NoAnswer, Session};
use app::twilio_accounts::Directory;
use bytes::Bytes;
use domain::access::{Party, Role};
use domain::auction::BidRequest;
use domain::ids::{AccountSid, ApiKeyId, SessionId, TenantId, UserId};
use domain::phone::E164;
use http::header::{AUTHORIZATION, CONTENT_TYPE, COOKIE, HeaderName, ORIGIN};
use http::{HeaderMap, HeaderValue, Method};
use jiff::{SignedDuration, Timestamp};
use runtime::HttpRequest;
use serde_json::{Value, json};
use testkit::fakes::{
    BidShelf, CallArchive, FakeAccounts, FakeBidHistory, FakeCallers, FakeCatalog, FakeClock, FakeCounters,
    FakeDesk, FakeHealth, FakeIdentity, FakeMailer, FakePages, FakePasswords, FakePools, FakePostbacks,
    FakeSip, FakeTelephony, FakeVisits, PoolRows, TwilioSays, connect_account, test_vault,
};
use tokio::time::Instant;
use uuid::Uuid;

/// The token of each tenant's Twilio account.
pub const AUTH_TOKEN: &str = "0123456789abcdef0123456789abcdef";
pub const NOW: &str = "2026-11-22T12:00:00Z";
pub const APP_ORIGIN: &str = "https://app.example.com";
pub const OWN_PAGES: HeaderName = HeaderName::from_static("x-ccp-request");
/// A number that nobody has yet, once the world is set up.
pub const FOR_SALE: &str = "+12025550142";

/// Bidders that cannot be reached: no test of a route asks anybody outside.
struct NobodyThere;

#[async_trait::async_trait]
impl Bidders for NobodyThere {
    async fn ask(&self, _: &BidRequest, _: Instant) -> Result<BidderAnswer, NoAnswer> {
        Err(NoAnswer { code: "unreachable".to_owned(), before_sending: true })
    }

    async fn probe(&self, _: &str, _: Instant) -> Result<BidderAnswer, NoAnswer> {
        Err(NoAnswer { code: "unreachable".to_owned(), before_sending: true })
    }
}

pub struct World {
    pub catalog: Arc<FakeCatalog>,
    pub counters: Arc<FakeCounters>,
    pub telephony: Arc<FakeTelephony>,
    pub sip: Arc<FakeSip>,
    pub pages: Arc<FakePages>,
    pub calls: Arc<CallArchive>,
    pub callers: Arc<FakeCallers>,
    pub bids: Arc<BidShelf>,
    pub visits: Arc<FakeVisits>,
    pub rows: Arc<PoolRows>,
    pub clock: Arc<FakeClock>,
    pub identity: Arc<FakeIdentity>,
    pub desk: Arc<FakeDesk>,
    pub accounts: Arc<FakeAccounts>,
    pub mailer: Arc<FakeMailer>,
    pub passwords: Arc<FakePasswords>,
    pub tenant: TenantId,
    pub other: TenantId,
    /// Keys that may do everything.
    pub key: String,
    pub other_key: String,
    pub context: Arc<Context>,
    router: axum::Router,
}

#[derive(Debug, Clone)]
pub struct Answer {
    pub status: u16,
    pub content_type: String,
    pub headers: HeaderMap,
    pub text: String,
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap()
    }

    /// The answer as a problem, after checking that it is a whole one.
    pub fn problem(&self) -> Value {
        assert_eq!(self.content_type, "application/problem+json", "{self:?}");
        let problem = self.json();
        assert_eq!(problem["status"], self.status, "{problem}");
        let code = problem["code"].as_str().unwrap();
        assert_eq!(problem["type"], format!("urn:callcenter-pro:problem:{code}"));
        assert!(!problem["title"].as_str().unwrap().is_empty());
        assert!(!problem["detail"].as_str().unwrap().is_empty());
        let timestamp = problem["timestamp"].as_str().unwrap();
        assert!(timestamp.ends_with('Z') && timestamp.parse::<Timestamp>().is_ok(), "{problem}");
        assert_eq!(problem["request_id"].as_str(), self.headers["x-request-id"].to_str().ok());
        problem
    }

    pub fn refused(&self, status: u16, code: &str) -> Value {
        assert_eq!(self.status, status, "{self:?}");
        let problem = self.problem();
        assert_eq!(problem["code"], code, "{problem}");
        problem
    }

    pub fn ok(&self, status: u16) -> Value {
        assert_eq!(self.status, status, "{}", self.text);
        if self.text.is_empty() { Value::Null } else { self.json() }
    }

    pub fn id(&self) -> String {
        self.ok(201)["id"].as_str().unwrap().to_owned()
    }
}

pub fn account(tenant: TenantId) -> AccountSid {
    format!("AC{}", tenant.uuid().as_simple()).parse().unwrap()
}

pub fn phone(text: &str) -> E164 {
    text.parse().unwrap()
}

impl World {
    pub async fn new() -> Self {
        Self::with_limit(1_000_000).await
    }

    /// A world in which everybody has so many requests a minute.
    pub async fn with_limit(per_minute: u32) -> Self {
        let tenant = TenantId::from_uuid(Uuid::from_u128(0xA));
        let other = TenantId::from_uuid(Uuid::from_u128(0xB));
        let desk = Arc::new(FakeDesk::default());
        let catalog = Arc::new(FakeCatalog::noting_in(desk.clone()));
        let counters = Arc::new(FakeCounters::default());
        let telephony = Arc::new(FakeTelephony::default());
        let sip = Arc::new(FakeSip::default());
        let pages = Arc::new(FakePages::default());
        let calls = Arc::new(CallArchive::default());
        let callers = Arc::new(FakeCallers::noting_in(desk.clone()));
        let bids = Arc::new(BidShelf::default());
        let (visits, rows) = (Arc::new(FakeVisits::default()), Arc::new(PoolRows::default()));
        let identity = Arc::new(FakeIdentity::noting(desk.clone()));
        let passwords = Arc::new(FakePasswords::default());
        let clock = Arc::new(FakeClock::at(NOW.parse().unwrap()));
        let (accounts, vault) = (FakeAccounts::default(), test_vault());
        let mailer = Arc::new(FakeMailer::default());
        for owner in [tenant, other] {
            connect_account(&accounts, vault.as_ref(), owner, &account(owner), &[AUTH_TOKEN]).await.unwrap();
        }
        let accounts = Arc::new(accounts.noting_in(desk.clone()));
        let context = Arc::new(Context {
            catalog: catalog.clone(),
            published: catalog.clone(),
            counters: counters.clone(),
            calls: calls.clone(),
            books: calls.clone(),
            callers: callers.clone(),
            visits: visits.clone(),
            leases: rows.clone(),
            postbacks: Arc::new(FakePostbacks::default()),
            identity: identity.clone(),
            bid_log: bids.clone(),
            history: Arc::new(FakeBidHistory::default()),
            health: Arc::new(FakeHealth::default()),
            alerts: Arc::new(FakeHealth::default()),
            bidders: Arc::new(NobodyThere),
            telephony: telephony.clone(),
            sip: sip.clone(),
            pages: pages.clone(),
            pools: Arc::new(FakePools(catalog.clone())),
            clock: clock.clone(),
            accounts: accounts.clone(),
            directory: Arc::new(Directory::new(accounts.clone(), vault.clone(), clock.clone())),
            vault,
            mailer: mailer.clone(),
            hooks: Hooks {
                application: "callcenter-pro local calls.example.com".to_owned(),
                voice_url: "https://calls.example.com/twilio/voice/inbound".to_owned(),
                status_url: "https://calls.example.com/twilio/voice/status".to_owned(),
                fallback_base_url: "https://cdn.example.com/fallback".to_owned(),
                patience: Duration::from_millis(200),
            },
            hook_url: "https://calls.example.com/hook".to_owned(),
            ping_url: "https://calls.example.com/v1".to_owned(),
            inbound: Arc::new(testkit::fakes::FakeInboundBids::noting_in(desk.clone())),
            check_url: url_rules(outbound::AllowList::parse("127.0.0.1:9999").unwrap()),
            audit: desk.clone(),
            limits: Limits::new(desk.clone()),
            once: desk.clone(),
            per_minute,
            app_origin: APP_ORIGIN.to_owned(),
            dni_origin: "https://numbers.example.com".to_owned(),
            limiter: desk.clone(),
            passwords: passwords.clone(),
            even_time: Duration::ZERO,
        });
        let mut world = Self {
            router: router(context.clone()),
            key: String::new(),
            other_key: String::new(),
            catalog,
            counters,
            telephony,
            sip,
            pages,
            calls,
            callers,
            bids,
            visits,
            rows,
            clock,
            identity,
            desk,
            accounts,
            mailer,
            passwords,
            tenant,
            other,
            context,
        };
        world.key = world.new_key(tenant, &["*"], None).await;
        world.other_key = world.new_key(other, &["*"], None).await;
        world
    }

    /// The same world with other ports behind the API.
    pub async fn over(mut self, context: Arc<Context>) -> Self {
        self.router = router(context.clone());
        self.context = context;
        self.key = self.new_key(self.tenant, &["*"], None).await;
        self.other_key = self.new_key(self.other, &["*"], None).await;
        self
    }

    /// Signs somebody in; the answer is their cookie.
    pub fn sign_in(&self, role: Role, party: Option<Party>) -> String {
        let now: Timestamp = NOW.parse().unwrap();
        let token = format!("session-of-{role}");
        let session = Session {
            id: SessionId::from_uuid(Uuid::from_u128(1)),
            tenant: self.tenant,
            user: UserId::from_uuid(Uuid::from_u128(2)),
            role,
            party,
            created_at: now,
            last_used_at: now,
            expires_at: now + SignedDuration::from_hours(24),
            origin: domain::audit::Origin::default(),
        };
        self.identity.insert_session(&api_keys::hash(&token), session);
        format!("__Host-ccp_session={token}")
    }

    /// As somebody who is signed in, from our own pages.
    pub async fn send_as(&self, cookie: &str, method: &str, address: &str, body: Option<&Value>) -> Answer {
        let mut headers = vec![(COOKIE, cookie), (ORIGIN, APP_ORIGIN), (OWN_PAGES, "1")];
        if body.is_some() {
            headers.push((CONTENT_TYPE, "application/json"));
        }
        self.raw(method, address, &headers, body.map(Value::to_string).unwrap_or_default()).await
    }

    pub async fn new_key(&self, tenant: TenantId, scopes: &[&str], expires_at: Option<Timestamp>) -> String {
        let token = api_keys::new_token().unwrap();
        self.store_key(&token, tenant, scopes, expires_at).await;
        token
    }

    pub async fn store_key(
        &self,
        token: &str,
        tenant: TenantId,
        scopes: &[&str],
        expires_at: Option<Timestamp>,
    ) {
        let key = ApiKey {
            id: ApiKeyId::from_uuid(Uuid::from_u128(9)),
            tenant,
            name: "a test".to_owned(),
            scopes: scopes.iter().map(|scope| (*scope).to_owned()).collect(),
            created_at: NOW.parse().unwrap(),
            expires_at,
            last_used_at: None,
        };
        self.context.identity.store_api_key(&api_keys::hash(token), &key).await.unwrap();
    }

    pub async fn expired_key(&self) -> String {
        let now: Timestamp = NOW.parse().unwrap();
        self.new_key(self.tenant, &["*"], Some(now - SignedDuration::from_secs(0))).await
    }

    pub async fn raw(
        &self,
        method: &str,
        address: &str,
        headers: &[(HeaderName, &str)],
        body: impl Into<Bytes>,
    ) -> Answer {
        let (path, query) = address.split_once('?').unwrap_or((address, ""));
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(name, HeaderValue::from_bytes(value.as_bytes()).unwrap());
        }
        let request = HttpRequest {
            method: Method::from_bytes(method.as_bytes()).unwrap(),
            raw_path: path.to_owned(),
            raw_query: query.to_owned(),
            headers: map,
            body: body.into(),
            request_id: "JKJaXmPLvHcESHA=".to_owned(),
            source_ip: None,
        };
        let response = handle(self.context.clone(), self.router.clone(), request).await;
        let answer = Answer {
            status: response.status,
            content_type: response.content_type,
            headers: response.headers,
            text: String::from_utf8(response.body.to_vec()).unwrap(),
        };
        crate::conform::check(method, path, &answer);
        answer
    }

    pub async fn send(&self, key: &str, method: &str, address: &str, body: Option<&Value>) -> Answer {
        let bearer = format!("Bearer {key}");
        let mut headers = vec![(AUTHORIZATION, bearer.as_str())];
        if body.is_some() {
            headers.push((CONTENT_TYPE, "application/json"));
        }
        self.raw(method, address, &headers, body.map(Value::to_string).unwrap_or_default()).await
    }

    pub async fn get(&self, address: &str) -> Answer {
        self.send(&self.key, "GET", address, None).await
    }

    pub async fn post(&self, address: &str, body: &Value) -> Answer {
        self.send(&self.key, "POST", address, Some(body)).await
    }

    pub async fn patch(&self, address: &str, body: &Value) -> Answer {
        self.send(&self.key, "PATCH", address, Some(body)).await
    }

    pub async fn delete(&self, address: &str) -> Answer {
        self.send(&self.key, "DELETE", address, None).await
    }

    pub async fn publish(&self, campaign: &str) -> Answer {
        self.send(&self.key, "POST", &format!("/api/campaigns/{campaign}/publish"), None).await
    }

    /// A campaign with a target, a bidder and a number; and one of each other noun, used by nothing.
    pub async fn set_up(&self) -> SetUp {
        let target = self.post("/api/targets", &target("Front desk")).await.id();
        let bidder = self.post("/api/rtb-targets", &bidder("Good bidder")).await.id();
        let campaign = self.post("/api/campaigns", &campaign("Roofing", &target, &bidder)).await.id();
        let number = self.post("/api/numbers", &self.number("+18335550100", Some(&campaign))).await.id();
        self.telephony.say(&phone(FOR_SALE), TwilioSays::ForSale);
        let publisher = self.post("/api/publishers", &json!({"name": "Search Partners"})).await.id();
        let buyer = self.post("/api/buyers", &json!({"name": "Alpine"})).await.id();
        let group = self.post("/api/target-groups", &json!({"name": "Desks"})).await.id();
        let tree = self.post("/api/ring-trees", &json!({"name": "Everybody"})).await.id();
        let blocked = self.post("/api/blocked-numbers", &json!({"number": "+14155550199"})).await.id();
        let account = account(self.tenant).to_string();
        SetUp { target, bidder, campaign, number, publisher, buyer, group, tree, blocked, account }
    }

    pub fn number(&self, number: &str, campaign: Option<&str>) -> Value {
        json!({"number": number, "account_sid": account(self.tenant), "campaign": campaign})
    }
}

pub struct SetUp {
    pub target: String,
    pub bidder: String,
    pub campaign: String,
    pub number: String,
    pub publisher: String,
    pub buyer: String,
    pub group: String,
    pub tree: String,
    pub blocked: String,
    /// Its Twilio account.
    pub account: String,
}

pub fn target(name: &str) -> Value {
    json!({
        "name": name,
        "destination": {"number": "+12025550101"},
        "revenue": {"fixed": 25_000_000},
        "conversion": {"length": {"seconds": 30, "from": "connect"}},
        "caps": {"daily": 50},
    })
}

pub fn bidder(name: &str) -> Value {
    json!({
        "name": name,
        "url": "https://bids.example.com/ping",
        "body": "{\"state\": \"[tag:InboundNumber:State]\"}",
        "answer": {"acceptance": ["$.accepted"], "amount": ["$.bidAmount"], "destination": ["$.phoneNumber"]},
    })
}

pub fn campaign(name: &str, target: &str, bidder: &str) -> Value {
    json!({
        "name": name,
        "status": "active",
        "plan": [{"target": target}],
        "auction": {"bidders": [{"rtb_target": bidder}]},
        "fallback_number": "+12025550180",
    })
}
