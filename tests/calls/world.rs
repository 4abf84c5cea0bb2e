//! A small world for one call: a published campaign with two bidders and a static target, and the use cases over the
//! embedded database. Time stands still unless a test moves it.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use app::answer_call::{Answer, AnswerCall, Incoming};
use app::clock::Clock;
use app::close_overdue::CloseOverdue;
use app::dial_next::{DialEnded, DialNext};
use app::follow_leg::FollowLeg;
use app::place::StepAnswer;
use app::ports::{
    AccountRow, AccountStanding, Accounts, BidLogEntry, BidderAnswer, Bidders, CallRecord, Calls,
    CarrierCall, Catalog, Counters, Kind, NoAnswer, Outbox, PoolPlace, PortResult, Record, Saved, SipSetUp,
    Telephony,
};
use app::run_auction::RunAuction;
use app::secret::Secret;
use app::twilio_accounts::Directory;
use async_trait::async_trait;
use domain::auction::BidRequest;
use domain::call::{CallStatus, LegEvent};
use domain::caps::{CounterId, LiveLimits, Usage};
use domain::ids::{
    AccountSid, BuyerId, CallId, CallSid, CampaignId, NumberId, NumberPoolId, PublisherId, RtbTargetId,
    TargetId, TenantId,
};
use domain::phone::E164;
use domain::snapshot::{Parts, Snapshot};
use domain::voice::Reply;
use jiff::{SignedDuration, Timestamp};
use runtime::HttpRequest;
use serde_json::{Value, json};
use store::Store;
use testkit::database::TestDatabase;
use testkit::fakes::{FakePostbacks, connect_account, some_entry, test_vault};
use testkit::faults::FaultProxy;
use tokio::time::Instant;
use uuid::Uuid;

/// A clock that a test holds.
pub struct TestClock {
    start: Timestamp,
    seconds: AtomicU64,
    ids: AtomicU64,
}

impl TestClock {
    fn new() -> Self {
        Self::of_process(0)
    }

    /// Its ids are no other process's.
    fn of_process(process: u64) -> Self {
        let start = "2026-11-22T12:00:00Z".parse().unwrap();
        Self { start, seconds: AtomicU64::new(0), ids: AtomicU64::new(process << 32) }
    }

    /// Sets it to so many seconds after it began.
    pub fn set(&self, seconds: u64) {
        self.seconds.store(seconds, Ordering::SeqCst);
    }

    pub fn advance(&self, seconds: u64) {
        self.seconds.fetch_add(seconds, Ordering::SeqCst);
    }
}

impl Clock for TestClock {
    fn now(&self) -> Timestamp {
        self.start + SignedDuration::from_secs(i64::try_from(self.seconds.load(Ordering::SeqCst)).unwrap())
    }

    fn new_id(&self) -> Uuid {
        Uuid::from_u64_pair(7, self.ids.fetch_add(1, Ordering::SeqCst))
    }
}

/// Bidders that answer at once, by the path of their address: the amount they bid. One at `/fails-once/` fails at first, bids
/// of one at `/brief/` are good for 20 s, one at `/slow/` takes 2 s.
struct ScriptedBidders {
    asked: Arc<Mutex<Vec<BidRequest>>>,
    dead: Arc<AtomicBool>,
}

#[async_trait]
impl Bidders for ScriptedBidders {
    async fn ask(&self, request: &BidRequest, _: Instant) -> Result<BidderAnswer, NoAnswer> {
        let is_first = {
            let mut asked = self.asked.lock().unwrap();
            let is_first = !asked.iter().any(|earlier| earlier.url == request.url);
            asked.push(request.clone());
            is_first
        };
        if request.url.contains("/dead/") && self.dead.load(Ordering::SeqCst) {
            return Err(NoAnswer { code: "connection_refused".to_owned(), before_sending: true });
        }
        if request.url.contains("/slow/") {
            tokio::time::sleep(Duration::from_secs(2)).await;
        }
        if let Some((_, said)) = request.url.split_once("/confirm/") {
            let body = json!({"accepted": said == "yes"}).to_string().into_bytes();
            return Ok(BidderAnswer { status: 200, headers: Vec::new(), body, elapsed: Duration::ZERO });
        }
        let amount = request.url.rsplit('/').next().unwrap();
        let mut body =
            json!({"accepted": true, "bidAmount": amount, "phoneNumber": format!("+120255501{amount}")});
        if request.url.contains("/brief/") {
            body["expireInSeconds"] = json!(20);
        }
        Ok(BidderAnswer {
            status: if is_first && request.url.contains("/fails-once/") { 503 } else { 200 },
            headers: Vec::new(),
            body: body.to_string().into_bytes(),
            elapsed: Default::default(),
        })
    }

    async fn probe(&self, _: &str, _: Instant) -> Result<BidderAnswer, NoAnswer> {
        Err(NoAnswer { code: "not_scripted".to_owned(), before_sending: true })
    }
}

/// Keeps what is handed over.
#[derive(Default)]
struct Shelf(Arc<Mutex<Vec<BidLogEntry>>>);

#[async_trait]
impl Outbox for Shelf {
    async fn log_bids(&self, entries: &[BidLogEntry]) -> PortResult<()> {
        self.0.lock().unwrap().extend_from_slice(entries);
        Ok(())
    }
}

/// What Twilio's REST API would say of the call.
#[derive(Default)]
pub struct Carrier {
    pub parent: Option<CarrierCall>,
    pub children: Vec<CarrierCall>,
}

#[async_trait]
impl Telephony for Carrier {
    async fn call(&self, _: &AccountSid, _: &CallSid) -> PortResult<Option<CarrierCall>> {
        Ok(self.parent.clone())
    }

    async fn children(&self, _: &AccountSid, _: &CallSid) -> PortResult<Vec<CarrierCall>> {
        Ok(self.children.clone())
    }

    async fn delete_recording(&self, _: &AccountSid, _: &str) -> PortResult<bool> {
        Ok(false)
    }

    async fn check_account(&self, _: &AccountSid, _: &Secret) -> PortResult<AccountStanding> {
        Ok(AccountStanding::Closed)
    }
}

pub struct World {
    pub store: Arc<Store>,
    pub clock: Arc<TestClock>,
    pub tenant: TenantId,
    pub account: AccountSid,
    pub number: E164,
    pub campaign: CampaignId,
    /// Who is paid for the number's calls.
    pub publisher: PublisherId,
    /// Who pays for the static target and for the better bidder.
    pub buyer: BuyerId,
    pub counters: Vec<CounterId>,
    /// What bidders were sent.
    pub asked: Arc<Mutex<Vec<BidRequest>>>,
    /// What was logged of their bids.
    pub logged: Arc<Mutex<Vec<BidLogEntry>>>,
    /// The calls whose trackers are to be told.
    pub postbacks: Arc<FakePostbacks>,
    /// Whether bidders under `/dead/` do not answer.
    pub dead: Arc<AtomicBool>,
    /// `None`: the database is another process's.
    database: Option<TestDatabase>,
}

/// Whose everything is.
const TENANT: TenantId = TenantId::from_uuid(Uuid::from_u128(1));
const CAMPAIGN: CampaignId = CampaignId::from_uuid(Uuid::from_u128(2));
const PUBLISHER: PublisherId = PublisherId::from_uuid(Uuid::from_u128(8));
const NUMBER: &str = "+18335550100";
/// The target that is in every world.
pub const STATIC_TARGET: TargetId = TargetId::from_uuid(Uuid::from_u128(3));
/// The number that is called.
pub const NUMBER_ID: NumberId = NumberId::from_uuid(Uuid::from_u128(6));
/// The pool of the number that is called.
pub const POOL: NumberPoolId = NumberPoolId::from_uuid(Uuid::from_u128(10));
/// Who pays for it.
pub const BUYER: BuyerId = BuyerId::from_uuid(Uuid::from_u128(9));

/// Where this installation is, and the token of its Twilio account.
const PUBLIC_BASE_URL: &str = "https://calls.example.com";
const AUTH_TOKEN: &str = "0123456789abcdef0123456789abcdef";

fn account() -> AccountSid {
    format!("AC{:032x}", 7).parse().unwrap()
}

fn overlay(body: &mut Value, differs: &Value) {
    for (field, value) in differs.as_object().into_iter().flatten() {
        body[field] = value.clone();
    }
}

/// Caps of every destination in this world. The buyer, the campaign and the publisher count conversions and revenue.
const CAPS: &str = r#"{"concurrent": 5, "daily": 50}"#;
const BOOKED_CAPS: &str = r#"{
    "concurrent": 15, "hourly": 50, "count": "converted", "revenue": {"daily": 1000000000, "total": 9000000000}
}"#;

impl World {
    /// `auction`: two bidders (40 and 30) come before the target.
    pub async fn new(auction: bool) -> Self {
        Self::with_caps(auction, BOOKED_CAPS, BOOKED_CAPS).await
    }

    /// The same with other caps of the buyer and of the campaign.
    pub async fn with_caps(auction: bool, buyers_caps: &str, campaigns_caps: &str) -> Self {
        let database = TestDatabase::start().await.unwrap();
        let store = database.store();
        let parts = Parts::default();
        Self::over(database, store, auction, [buyers_caps, campaigns_caps], [&Value::Null; 2], parts).await
    }

    /// With the target alone; campaign and target differ in these fields from the usual ones.
    pub async fn differing(campaign: Value, target: Value) -> Self {
        let database = TestDatabase::start().await.unwrap();
        let store = database.store();
        Self::over(database, store, false, [BOOKED_CAPS; 2], [&campaign, &target], Parts::default()).await
    }

    /// In a campaign that differs in these fields, with further parts that its plan names.
    pub async fn with_parts(campaign: Value, parts: Parts) -> Self {
        let database = TestDatabase::start().await.unwrap();
        let store = database.store();
        Self::over(database, store, false, [BOOKED_CAPS; 2], [&campaign, &Value::Null], parts).await
    }

    /// With more in its plan than the target, which stands last.
    pub async fn planned(plan: Value, parts: Parts, caps: &str) -> Self {
        let database = TestDatabase::start().await.unwrap();
        let store = database.store();
        let campaign = json!({"plan": plan});
        Self::over(database, store, false, [caps; 2], [&campaign, &Value::Null], parts).await
    }

    /// The same behind a proxy that counts round trips and can break them.
    pub async fn behind_faults(auction: bool) -> (Self, FaultProxy) {
        let database = TestDatabase::start().await.unwrap();
        let proxy = FaultProxy::before(&database.endpoint(), 20_261_122).await.unwrap();
        let store = TestDatabase::store_through(&proxy.endpoint());
        let parts = Parts::default();
        (Self::over(database, store, auction, [BOOKED_CAPS; 2], [&Value::Null; 2], parts).await, proxy)
    }

    /// The same with the target alone, in a campaign that differs in these fields.
    pub async fn differing_behind_faults(campaign: Value) -> (Self, FaultProxy) {
        let database = TestDatabase::start().await.unwrap();
        let proxy = FaultProxy::before(&database.endpoint(), 20_261_122).await.unwrap();
        let store = TestDatabase::store_through(&proxy.endpoint());
        let differs = [&campaign, &Value::Null];
        (Self::over(database, store, false, [BOOKED_CAPS; 2], differs, Parts::default()).await, proxy)
    }

    /// The same behind a proxy, with further parts.
    pub async fn with_parts_behind_faults(campaign: Value, parts: Parts) -> (Self, FaultProxy) {
        let database = TestDatabase::start().await.unwrap();
        let proxy = FaultProxy::before(&database.endpoint(), 20_261_122).await.unwrap();
        let store = TestDatabase::store_through(&proxy.endpoint());
        (Self::over(database, store, false, [BOOKED_CAPS; 2], [&campaign, &Value::Null], parts).await, proxy)
    }

    async fn over(
        database: TestDatabase,
        store: Store,
        auction: bool,
        caps_of: [&str; 2],
        [of_campaign, of_target]: [&Value; 2],
        parts: Parts,
    ) -> Self {
        let store = Arc::new(store);
        let clock = Arc::new(TestClock::new());
        let tenant = TENANT;
        let account = account();
        let number: E164 = NUMBER.parse().unwrap();
        let campaign_id = CAMPAIGN;
        let caps: serde_json::Value = serde_json::from_str(CAPS).unwrap();
        let [buyers_caps, campaigns_caps]: [serde_json::Value; 2] =
            caps_of.map(|caps| serde_json::from_str(caps).unwrap());
        let booked_caps: serde_json::Value = serde_json::from_str(BOOKED_CAPS).unwrap();

        let target = STATIC_TARGET;
        let publisher = PUBLISHER;
        let buyer = BUYER;
        let mut target_body = json!({
            "name": "Static target", "buyer": buyer, "destination": {"number": "+12025550199"}, "caps": caps,
            "revenue": {"fixed": 20_000_000}, "conversion": {"length": {"seconds": 30, "from": "connect"}}
        });
        let number_body = json!({
            "number": number, "account_sid": account, "campaign": campaign_id,
            "publisher": publisher, "pool": POOL, "fallback_number": null
        });
        let buyer_body = json!({"name": "Buyer", "caps": buyers_caps, "time_zone": "Europe/Berlin"});
        let bidder = |id: u128, amount: u32| {
            let body = json!({
                "name": format!("Bidder {amount}"), "url": format!("https://bidder.example.com/{amount}"), "body": "{}",
                "answer": {"acceptance": ["$.accepted"], "amount": ["$.bidAmount"], "destination": ["$.phoneNumber"]},
                "caps": caps, "buyer": (amount == 40).then_some(buyer)
            });
            (RtbTargetId::from_uuid(Uuid::from_u128(id)), serde_json::from_value(body).unwrap())
        };
        let rtb_targets = if auction { vec![bidder(4, 40), bidder(5, 30)] } else { Vec::new() };
        overlay(&mut target_body, of_target);
        let mut campaign = json!({
            "name": "Campaign", "status": "active", "recording": "from_answer_dual",
            "plan": [{"target": target}],
            "caps": campaigns_caps, "time_zone": "America/New_York",
            "publishers": {publisher.to_string(): {"caps": {"daily": 50}}},
            "auction": {"bidders": rtb_targets.iter().map(|(id, _)| json!({"rtb_target": id})).collect::<Vec<_>>()},
            "payout": {"on": "converted", "amount": {"share": {"basis_points": 6000}}}
        });
        overlay(&mut campaign, of_campaign);
        let mut targets = parts.targets;
        targets.insert(target, serde_json::from_value(target_body).unwrap());
        let snapshot = Snapshot::compile(
            campaign_id,
            1,
            clock.now(),
            serde_json::from_value(campaign).unwrap(),
            Parts {
                targets,
                rtb_targets: parts.rtb_targets.into_iter().chain(rtb_targets).collect(),
                buyers: [(buyer, serde_json::from_value(buyer_body).unwrap())].into(),
                numbers: [(NUMBER_ID, serde_json::from_value(number_body.clone()).unwrap())].into(),
                ..Parts { targets: Default::default(), rtb_targets: Default::default(), ..parts }
            },
        )
        .unwrap();
        store.publish(tenant, &snapshot, &some_entry(tenant, clock.now())).await.unwrap();
        let record = Record {
            id: NUMBER_ID.to_string(),
            version: 1,
            created_at: clock.now(),
            updated_at: clock.now(),
            body: number_body,
        };
        store
            .create(tenant, Kind::Number, &record, number.as_str(), &some_entry(tenant, clock.now()))
            .await
            .unwrap();
        let limits = LiveLimits {
            caps: serde_json::from_value(booked_caps).unwrap(),
            time_zone: "Australia/Lord_Howe".to_owned(),
        };
        store.set_limits(tenant, &publisher.into(), Some(&limits)).await.unwrap();
        let of_call = Snapshot::counters_of_call(campaign_id, Some(publisher));
        let counters = of_call.into_iter().chain(snapshot.counters()).collect();
        let campaign = campaign_id;
        Self {
            store,
            clock,
            tenant,
            account,
            number,
            campaign,
            publisher,
            buyer,
            counters,
            asked: Arc::default(),
            logged: Arc::default(),
            postbacks: Arc::default(),
            dead: Arc::new(AtomicBool::new(true)),
            database: Some(database),
        }
    }

    /// The same world as another process sees it that stands on the same database.
    pub fn joined(endpoint: &str, process: u64) -> Self {
        Self {
            store: Arc::new(TestDatabase::store_through(endpoint)),
            clock: Arc::new(TestClock::of_process(process)),
            tenant: TENANT,
            account: account(),
            number: NUMBER.parse().unwrap(),
            campaign: CAMPAIGN,
            publisher: PUBLISHER,
            buyer: BUYER,
            counters: Vec::new(),
            asked: Arc::default(),
            logged: Arc::default(),
            postbacks: Arc::default(),
            dead: Arc::new(AtomicBool::new(true)),
            database: None,
        }
    }

    /// Where its database is, for other processes.
    pub fn endpoint(&self) -> String {
        self.database.as_ref().unwrap().endpoint()
    }

    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    pub async fn incoming(&self, call: CallId) -> Reply {
        match self.try_incoming(call).await.unwrap() {
            Answer::Taken(reply) => reply,
            other => panic!("the call was not taken: {other:?}"),
        }
    }

    pub async fn incoming_from(&self, call: CallId, from: &str) -> Reply {
        match self.try_incoming_from(call, from).await.unwrap() {
            Answer::Taken(reply) => reply,
            other => panic!("the call was not taken: {other:?}"),
        }
    }

    pub async fn try_incoming(&self, call: CallId) -> PortResult<Answer> {
        self.try_incoming_from(call, "+14155550100").await
    }

    async fn try_incoming_from(&self, call: CallId, from: &str) -> PortResult<Answer> {
        self.try_incoming_at(call, from, self.number.as_str(), self.tenant).await
    }

    /// A call to what was called, signed by an account of this tenant's.
    pub async fn try_incoming_at(
        &self,
        call: CallId,
        from: &str,
        to: &str,
        tenant: TenantId,
    ) -> PortResult<Answer> {
        let use_case = AnswerCall {
            numbers: self.store.clone(),
            published: self.store.clone(),
            counters: self.store.clone(),
            bids: self.store.clone(),
            blocked: self.store.clone(),
            calls: self.store.clone(),
            leases: self.store.clone(),
            visits: self.store.clone(),
            postbacks: self.postbacks.clone(),
            vault: test_vault(),
            clock: self.clock.clone(),
        };
        let incoming = Incoming {
            call_sid: call.sid(),
            account_sid: self.account.clone(),
            tenant,
            from: from.to_owned(),
            to: to.to_owned(),
            from_state: Some("CA".to_owned()),
            from_zip: None,
            from_country: None,
            verstat: None,
        };
        use_case.answer(&incoming).await
    }

    /// Connects the Twilio account, unless it is.
    pub async fn connect_account(&self) {
        if self.store.account(&self.account).await.unwrap().is_none() {
            let (store, vault) = (self.store.as_ref(), test_vault());
            let connecting =
                connect_account(store, vault.as_ref(), self.tenant, &self.account, &[AUTH_TOKEN]);
            connecting.await.unwrap();
        }
    }

    /// Connects the account and gives it this SIP domain.
    pub async fn set_sip_up(&self, set_up: SipSetUp) {
        self.connect_account().await;
        let before = self.store.account(&self.account).await.unwrap().unwrap();
        let row = AccountRow { sip: Some(set_up), version: before.version + 1, ..before.clone() };
        let entry = some_entry(self.tenant, self.now());
        self.store.change_account(self.tenant, &row, before.version, &entry).await.unwrap();
    }

    /// The function, as a process that has just started has it: its account is connected, but not read yet.
    pub async fn voice_inbound(&self) -> Arc<voice_inbound::Context> {
        let vault = test_vault();
        self.connect_account().await;
        let directory = Directory::new(self.store.clone(), vault.clone(), self.clock.clone());
        let answer_call = AnswerCall {
            numbers: self.store.clone(),
            published: self.store.clone(),
            counters: self.store.clone(),
            bids: self.store.clone(),
            blocked: self.store.clone(),
            calls: self.store.clone(),
            leases: self.store.clone(),
            visits: self.store.clone(),
            postbacks: self.postbacks.clone(),
            vault,
            clock: self.clock.clone(),
        };
        let door = webhook::Door::new(PUBLIC_BASE_URL, directory, self.clock.clone()).unwrap();
        Arc::new(voice_inbound::Context { door, answer_call })
    }

    /// What Twilio sends when a call arrives.
    pub fn webhook(&self, call: CallId) -> HttpRequest {
        let status = [("CallStatus", "ringing")];
        self.told_by_twilio(twilio::urls::INBOUND_PATH, call, "+14155550100", self.number.as_str(), &status)
    }

    /// A form about the caller's leg, signed.
    pub fn told_by_twilio(
        &self,
        path: &str,
        call: CallId,
        from: &str,
        to: &str,
        more: &[(&str, &str)],
    ) -> HttpRequest {
        let call = call.sid();
        let form = [
            ("AccountSid", self.account.as_str()),
            ("ApiVersion", "2010-04-01"),
            ("CallSid", call.as_str()),
            ("Direction", "inbound"),
            ("From", from),
            ("To", to),
        ];
        let form = form.iter().chain(more).map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        let form: Vec<(String, String)> = form.collect();
        let url = format!("{PUBLIC_BASE_URL}{path}");
        let signature = twilio::signature::sign(AUTH_TOKEN, &url, &form);
        let mut headers = http::HeaderMap::new();
        headers.insert("x-twilio-signature", signature.parse().unwrap());
        HttpRequest {
            method: http::Method::POST,
            raw_path: path.to_owned(),
            raw_query: String::new(),
            headers,
            body: twilio::form::encode(&form).into(),
            request_id: "test".to_owned(),
            source_ip: None,
        }
    }

    /// The bidders of this world.
    pub fn bidders(&self) -> Arc<dyn Bidders> {
        Arc::new(ScriptedBidders { asked: self.asked.clone(), dead: self.dead.clone() })
    }

    /// Where their bids are logged.
    pub fn outbox(&self) -> Arc<dyn Outbox> {
        Arc::new(Shelf(self.logged.clone()))
    }

    /// The function that is told how legs do, in a process that has just started.
    pub fn voice_status(&self) -> Arc<voice_status::Context> {
        let directory = Directory::new(self.store.clone(), test_vault(), self.clock.clone());
        Arc::new(voice_status::Context {
            door: webhook::Door::new(PUBLIC_BASE_URL, directory, self.clock.clone()).unwrap(),
            follow_leg: self.follow_leg(),
        })
    }

    pub async fn auction(&self, call: CallId, step: u16) -> Reply {
        self.auction_through(self.bidders(), call, step).await
    }

    /// The same, the bidders asked in another way.
    pub async fn auction_through(&self, bidders: Arc<dyn Bidders>, call: CallId, step: u16) -> Reply {
        let use_case = RunAuction {
            limiter: self.store.clone(),
            published: self.store.clone(),
            counters: self.store.clone(),
            calls: self.store.clone(),
            bidders,
            outbox: self.outbox(),
            vault: test_vault(),
            clock: self.clock.clone(),
        };
        reply(use_case.run(self.tenant, call, &self.account, step, CallStatus::Ringing).await.unwrap())
    }

    pub async fn dial_result(&self, call: CallId, step: u16, ended: &DialEnded) -> Reply {
        let use_case = DialNext {
            published: self.store.clone(),
            counters: self.store.clone(),
            calls: self.store.clone(),
            leases: self.store.clone(),
            postbacks: self.postbacks.clone(),
            clock: self.clock.clone(),
        };
        reply(use_case.decide(self.tenant, call, &self.account, step, ended).await.unwrap())
    }

    fn follow_leg(&self) -> FollowLeg {
        FollowLeg {
            numbers: self.store.clone(),
            calls: self.store.clone(),
            leases: self.store.clone(),
            postbacks: self.postbacks.clone(),
            clock: self.clock.clone(),
        }
    }

    pub async fn told(&self, call: CallId, event: &LegEvent) {
        self.follow_leg().leg(self.tenant, call, &self.account, event).await.unwrap();
    }

    pub async fn sweep(&self, carrier: Carrier) {
        let use_case = CloseOverdue {
            calls: self.store.clone(),
            leases: self.store.clone(),
            postbacks: self.postbacks.clone(),
            telephony: Arc::new(carrier),
            clock: self.clock.clone(),
        };
        let swept = use_case.run().await;
        assert_eq!(swept.failed, 0);
    }

    pub async fn record(&self, call: CallId) -> CallRecord {
        self.store.load(self.tenant, call).await.unwrap().expect("the call is there")
    }

    /// Gives the number that is called a row in its pool: from then on it can be leased.
    pub async fn put_pool_row(&self) {
        let database = self.database.as_ref().unwrap();
        let place = PoolPlace { pool: POOL, shard: 0, number: self.number.clone() };
        database.pool_row(self.tenant, &place).await.unwrap();
    }

    /// Takes the number that is called out of its pool.
    pub async fn leave_pool(&self) {
        let (kind, id) = (Kind::Number, NUMBER_ID.to_string());
        let before = self.store.get(self.tenant, kind, &id).await.unwrap().unwrap();
        let mut after = Record { version: before.version + 1, ..before.clone() };
        after.body["pool"] = Value::Null;
        let (number, entry) = (self.number.as_str(), some_entry(self.tenant, self.now()));
        let saved = self.store.replace(self.tenant, kind, &after, number, (&before, number), &entry).await;
        assert_eq!(saved.unwrap(), Saved::Done);
    }

    /// Counters of everything that is capped, in order.
    pub async fn usage(&self) -> Vec<Usage> {
        let usage = self.store.usage(self.tenant, &self.counters).await.unwrap();
        self.counters.iter().map(|counter| usage.get(counter).cloned().unwrap_or_default()).collect()
    }
}

fn reply(answer: StepAnswer) -> Reply {
    match answer {
        StepAnswer::Reply(reply) => reply,
        other => panic!("no reply: {other:?}"),
    }
}
