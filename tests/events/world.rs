//! What the events speak of: a published campaign with three bidders and a static target, its number, and the functions
//! with the settings of `events/demo.env`. Time stands still at the moment the call arrives.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use api::context::Outside;
use api::pages::Pages;
use app::answer_call::AnswerCall;
use app::answer_ping::AnswerPing;
use app::api_keys;
use app::bid_log::KeepBids;
use app::check_bidders::CheckBidders;
use app::clock::Clock;
use app::close_overdue::CloseOverdue;
use app::dial_next::DialNext;
use app::follow_leg::FollowLeg;
use app::lease_number::{ANSWER_WITHIN, LeaseNumber, Memory};
use app::pools::SamplePools;
use app::ports::{ApiKey, BidLogEntry, Catalog, Identity, Kind, Outbox, PortResult, Record, Vault};
use app::run_auction::RunAuction;
use app::tell_trackers::TellTrackers;
use app::watch_bidders::WatchBidders;
use async_trait::async_trait;
use aws_lambda_events::apigw::{ApiGatewayV2httpRequest, ApiGatewayV2httpResponse};
use aws_lambda_events::sqs::{SqsBatchResponse, SqsEvent};
use domain::ids::{ApiKeyId, CampaignId, NumberId, RtbTargetId, TargetId, TenantId};
use domain::snapshot::{Parts, Snapshot};
use jiff::Timestamp;
use objects::{BidArchive, Objects};
use outbound::{AllowList, Outbound};
use runtime::{HttpRequest, HttpResponse, Settings, Tick};
use serde_json::{Value, json};
use store::Store;
use testkit::bidders::{BidderSimulator, RunningBidders};
use testkit::database::TestDatabase;
use testkit::fakes::{FakeMailer, FakePostbacks, FakeTelephony, connect_account, some_entry, test_vault};
use uuid::Uuid;
use webhook::Door;

use crate::event;

/// The tenant of the events.
pub const TENANT: &str = "AC0190a1b2c3d47e5f8a9b0c1d2e3f4a5b";
/// Its Twilio account, and the token that signed the events.
pub const ACCOUNT: &str = "AC00000000000000000000000000000001";
pub const AUTH_TOKEN: &str = "local-demo-token";
/// The API key that events for `api` carry.
const API_KEY: &str = "ccp_live_0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
const NUMBER: &str = "+18335550100";
const CAMPAIGN: &str = "CA0190a1b2c3d67e5f8a9b0c1d2e3f4a5b";
const ALPINE_PLUMBING: &str = "PI0190a1b2c3d77e5f8a9b0c1d2e3f4a5b";
const BAYSIDE_ROOFING: &str = "PI0190a1b2c3d87e5f8a9b0c1d2e3f4a5b";
const SLOW_WATER: &str = "PI0190a1b2c3d97e5f8a9b0c1d2e3f4a5b";
/// The moment at which the call arrives.
const NOW: &str = "2026-11-22T10:15:00Z";

/// What a function gave back.
pub enum Answer {
    /// To the HTTP API.
    Http(Box<ApiGatewayV2httpResponse>),
    /// To the queue.
    Queue(SqsBatchResponse),
    /// To the scheduler: the failure's words, if there was one.
    Schedule(Result<(), String>),
}

/// The variables that the events were made for.
pub fn environment() -> BTreeMap<String, String> {
    let text = std::fs::read_to_string(crate::folder().join("demo.env")).unwrap();
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    let pairs = lines.filter_map(|line| line.split_once('='));
    pairs.map(|(name, value)| (name.to_owned(), value.trim_matches('\'').to_owned())).collect()
}

/// The settings that the events were made for.
pub fn settings() -> Settings {
    let variables = environment();
    Settings::from_lookup(|name| variables.get(name).cloned()).unwrap()
}

struct StoppedClock(AtomicU64);

impl Clock for StoppedClock {
    fn now(&self) -> Timestamp {
        NOW.parse().unwrap()
    }

    fn new_id(&self) -> Uuid {
        Uuid::from_u64_pair(7, self.0.fetch_add(1, Ordering::SeqCst))
    }
}

/// The bid log is fed by events of its own here.
struct NoOutbox;

#[async_trait]
impl Outbox for NoOutbox {
    async fn log_bids(&self, _: &[BidLogEntry]) -> PortResult<()> {
        Ok(())
    }
}

/// One installation.
pub struct World {
    /// The table.
    pub store: Arc<Store>,
    /// The bidders.
    pub bidders: RunningBidders,
    clock: Arc<dyn Clock>,
    settings: Settings,
    outbound: Arc<Outbound>,
    _database: TestDatabase,
}

impl World {
    /// With the campaign published and nothing else.
    pub async fn new() -> Self {
        let database = TestDatabase::start().await.unwrap();
        let bidders = BidderSimulator::new().start().await.unwrap();
        let allow = AllowList::parse(&bidders.address().to_string()).unwrap();
        let world = Self {
            store: Arc::new(database.store()),
            bidders,
            clock: Arc::new(StoppedClock(AtomicU64::new(0))),
            settings: settings(),
            outbound: Arc::new(Outbound::new(allow).unwrap()),
            _database: database,
        };
        set_up(&world.store, test_vault().as_ref(), &world.bidders.address().to_string()).await;
        world
    }

    /// Gives an event to its function.
    pub async fn send(&self, name: &str) -> Answer {
        let event = event(name);
        match name.split('/').next().unwrap() {
            "bid-log" => {
                let event: SqsEvent = serde_json::from_value(event).unwrap();
                let keep_bids = KeepBids { log: self.store.clone(), history: history() };
                Answer::Queue(bid_log::handle(Arc::new(bid_log::Context { keep_bids }), event).await)
            }
            "postback-delivery" => {
                let event: SqsEvent = serde_json::from_value(event).unwrap();
                let tell_trackers = TellTrackers {
                    calls: self.store.clone(),
                    tags: self.store.clone(),
                    visits: self.store.clone(),
                    marks: self.store.clone(),
                    trackers: self.outbound.clone(),
                    clock: self.clock.clone(),
                };
                let context = postback_delivery::Context { tell_trackers };
                Answer::Queue(postback_delivery::handle(Arc::new(context), event).await)
            }
            "rtb-health" => {
                let context = rtb_health::Context { check_bidders: self.check_bidders() };
                let worked = rtb_health::handle(Arc::new(context), Tick::from_event(&event)).await;
                Answer::Schedule(worked.map_err(|cause| cause.to_string()))
            }
            "housekeeping" => {
                let sample_pools = SamplePools {
                    pools: self.store.clone(),
                    catalog: self.store.clone(),
                    clock: self.clock.clone(),
                };
                let context = housekeeping::Context { close_overdue: self.close_overdue(), sample_pools };
                let worked = housekeeping::handle(Arc::new(context), Tick::from_event(&event)).await;
                Answer::Schedule(worked.map_err(|cause| cause.to_string()))
            }
            function => {
                let event: ApiGatewayV2httpRequest = serde_json::from_value(event).unwrap();
                let answer = runtime::http::answer(event, |request| self.answer(function, request)).await;
                Answer::Http(Box::new(answer))
            }
        }
    }

    async fn answer(&self, function: &str, request: HttpRequest) -> HttpResponse {
        let (door, store) = (self.door(), &self.store);
        match function {
            "voice-inbound" => {
                let answer_call = AnswerCall {
                    numbers: store.clone(),
                    published: store.clone(),
                    counters: store.clone(),
                    bids: store.clone(),
                    blocked: store.clone(),
                    calls: store.clone(),
                    leases: store.clone(),
                    visits: store.clone(),
                    postbacks: postbacks(),
                    vault: test_vault(),
                    clock: self.clock.clone(),
                };
                voice_inbound::handle(Arc::new(voice_inbound::Context { door, answer_call }), request).await
            }
            "rtb-auction" => {
                let run_auction = RunAuction {
                    limiter: store.clone(),
                    published: store.clone(),
                    counters: store.clone(),
                    calls: store.clone(),
                    bidders: self.outbound.clone(),
                    outbox: Arc::new(NoOutbox),
                    vault: test_vault(),
                    clock: self.clock.clone(),
                };
                rtb_auction::handle(Arc::new(rtb_auction::Context { door, run_auction }), request).await
            }
            "voice-dial-result" => {
                let dial_next = DialNext {
                    published: store.clone(),
                    counters: store.clone(),
                    calls: store.clone(),
                    leases: store.clone(),
                    postbacks: postbacks(),
                    clock: self.clock.clone(),
                };
                voice_dial_result::handle(Arc::new(voice_dial_result::Context { door, dial_next }), request)
                    .await
            }
            "api" => {
                let outside = Outside {
                    pages: Arc::new(Pages(Objects::in_folder(std::env::temp_dir()))),
                    history: history(),
                    mailer: Arc::new(FakeMailer::default()),
                    vault: test_vault(),
                    postbacks: postbacks(),
                };
                let context = Arc::new(api::Context::new(&self.settings, store.clone(), outside).unwrap());
                api::handle(context.clone(), api::router(context), request).await
            }
            "voice-status" => {
                let (numbers, clock) = (store.clone(), self.clock.clone());
                let (calls, leases) = (store.clone(), store.clone());
                let follow_leg = FollowLeg { numbers, calls, leases, postbacks: postbacks(), clock };
                voice_status::handle(Arc::new(voice_status::Context { door, follow_leg }), request).await
            }
            "conversion-webhook" => conversion_webhook::handle(Arc::new(self.reports()), request).await,
            "visit-events" => {
                let context = visit_events::Context {
                    tags: store.clone(),
                    visits: store.clone(),
                    reports: self.reports(),
                };
                visit_events::handle(Arc::new(context), request).await
            }
            "dni-lookup" => {
                let lease_number = LeaseNumber {
                    tags: store.clone(),
                    leases: store.clone(),
                    visits: store.clone(),
                    vault: test_vault(),
                    clock: self.clock.clone(),
                    memory: Arc::new(Memory::default()),
                    patience: ANSWER_WITHIN,
                };
                dni_lookup::handle(Arc::new(dni_lookup::Context { lease_number }), request).await
            }
            "rtb-inbound" => {
                let answer_ping = AnswerPing {
                    accounts: store.clone(),
                    bids: store.clone(),
                    published: store.clone(),
                    counters: store.clone(),
                    blocked: store.clone(),
                    calls: store.clone(),
                    numbers: store.clone(),
                    bidders: self.outbound.clone(),
                    outbox: Arc::new(NoOutbox),
                    limiter: store.clone(),
                    vault: test_vault(),
                    clock: self.clock.clone(),
                };
                let context = rtb_inbound::Context { once: store.clone(), answer_ping };
                rtb_inbound::handle(Arc::new(context), request).await
            }
            other => panic!("there is no function {other}"),
        }
    }

    fn reports(&self) -> reports::Reports {
        reports::Reports {
            vault: test_vault(),
            limiter: self.store.clone(),
            catalog: self.store.clone(),
            calls: self.store.clone(),
            books: self.store.clone(),
            postbacks: postbacks(),
            clock: self.clock.clone(),
        }
    }

    fn door(&self) -> Door {
        webhook::door(&self.settings, self.store.clone(), test_vault(), self.clock.clone()).unwrap()
    }

    fn check_bidders(&self) -> CheckBidders {
        CheckBidders {
            health: self.store.clone(),
            catalog: self.store.clone(),
            bidders: self.outbound.clone(),
            then: Arc::new(WatchBidders {
                health: self.store.clone(),
                alerts: self.store.clone(),
                identity: self.store.clone(),
                mailer: Arc::new(FakeMailer::default()),
                clock: self.clock.clone(),
                app_origin: "https://app.example.com".to_owned(),
            }),
            clock: self.clock.clone(),
        }
    }

    fn close_overdue(&self) -> CloseOverdue {
        CloseOverdue {
            calls: self.store.clone(),
            leases: self.store.clone(),
            postbacks: postbacks(),
            telephony: Arc::new(FakeTelephony::default()),
            clock: self.clock.clone(),
        }
    }
}

/// Puts what the events speak of into a table: Twilio account, API key, campaign, bidders (at this host and port), number. Doing it again
/// changes nothing.
pub async fn set_up(store: &Store, vault: &dyn Vault, bidders_at: &str) {
    let now: Timestamp = NOW.parse().unwrap();
    let tenant: TenantId = TENANT.parse().unwrap();
    let campaign_id: CampaignId = CAMPAIGN.parse().unwrap();
    let target_id = TargetId::from_uuid(Uuid::from_u128(3));
    let target = json!({
        "name": "Front desk", "destination": {"number": "+12025550199"}, "revenue": {"fixed": 5_000_000},
    });
    let bidder = |name: &str, asked: &str| {
        json!({
            "name": name, "url": format!("http://{bidders_at}{}/{asked}", testkit::bidders::PATH),
            "body": "{\"CID\":\"[tag:InboundNumber:Number]\",\"zip\":\"[tag:InboundNumber:Zip]\"}",
            "answer": {"acceptance": ["$.accepted"], "amount": ["$.bidAmount"], "destination": ["$.phoneNumber"]},
            "conversion": {"length": {"seconds": 90, "from": "connect"}},
        })
    };
    let bidders = [
        (ALPINE_PLUMBING, bidder("Alpine Plumbing", "accept?amount=18.50&number=%2B12025550123")),
        (BAYSIDE_ROOFING, bidder("Bayside Roofing", "reject")),
        (SLOW_WATER, bidder("Slow Water", "hang")),
    ];
    let tree: Vec<Value> = bidders.iter().map(|(id, _)| json!({"rtb_target": id})).collect();
    let campaign = json!({
        "name": "Emergency plumbing", "status": "active", "recording": "from_answer_dual",
        "plan": [{"target": target_id}], "auction": {"bidders": tree, "deadline_ms": 400},
    });
    let rtb_targets = bidders.iter().map(|(id, body)| {
        (id.parse::<RtbTargetId>().unwrap(), serde_json::from_value(body.clone()).unwrap())
    });
    let snapshot = Snapshot::compile(
        campaign_id,
        1,
        now,
        serde_json::from_value(campaign).unwrap(),
        Parts {
            targets: [(target_id, serde_json::from_value(target).unwrap())].into(),
            rtb_targets: rtb_targets.collect(),
            ..Parts::default()
        },
    );
    store.publish(tenant, &snapshot.unwrap(), &some_entry(tenant, now)).await.unwrap();

    let record = |id: String, body: Value| Record { id, version: 1, created_at: now, updated_at: now, body };
    for (id, body) in &bidders {
        let name = body["name"].as_str().unwrap();
        store
            .create(
                tenant,
                Kind::RtbTarget,
                &record((*id).to_owned(), body.clone()),
                name,
                &some_entry(tenant, now),
            )
            .await
            .unwrap();
    }
    connect_account(store, vault, tenant, &ACCOUNT.parse().unwrap(), &[AUTH_TOKEN]).await.unwrap();
    let number = json!({"number": NUMBER, "account_sid": ACCOUNT, "campaign": campaign_id});
    let number_id = NumberId::from_uuid(Uuid::from_u128(6)).to_string();
    store
        .create(tenant, Kind::Number, &record(number_id, number), NUMBER, &some_entry(tenant, now))
        .await
        .unwrap();

    let key = ApiKey {
        id: ApiKeyId::from_uuid(Uuid::from_u128(9)),
        tenant,
        name: "sample events".to_owned(),
        scopes: vec!["*".to_owned()],
        created_at: now,
        expires_at: None,
        last_used_at: None,
    };
    store.store_api_key(&api_keys::hash(API_KEY), &key).await.unwrap();
}

fn postbacks() -> Arc<FakePostbacks> {
    Arc::default()
}

fn history() -> Arc<BidArchive> {
    Arc::new(BidArchive::new(Objects::in_folder(std::env::temp_dir().join("callcenter-events-archive"))))
}
