//! A tag with a pool, and what a lookup needs around it.

use std::sync::Mutex;

use app::clock::Clock;
use app::ports::{PortResult, Tags};
use async_trait::async_trait;
use domain::dni::question::Question;
use domain::dni::tag::{Source, TagSetup};
use domain::ids::{NumberPoolId, TenantId, TrackingTagId, VisitId};
use domain::phone::E164;
use domain::pool::NumberPool;
use jiff::Timestamp;
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use serde_json::{Value, json};
use tokio::time::Instant;
use uuid::{NoContext, Uuid};

pub const BEGIN: &str = "2026-11-22T12:00:00Z";

pub fn tenant() -> TenantId {
    TenantId::from_uuid(Uuid::from_u128(1))
}

pub fn tag() -> TrackingTagId {
    TrackingTagId::from_uuid(Uuid::from_u128(2))
}

pub fn pool_id() -> NumberPoolId {
    NumberPoolId::from_uuid(Uuid::from_u128(3))
}

pub fn number(index: u32) -> E164 {
    format!("+1415{:07}", 2_000_000 + index).parse().unwrap()
}

/// The tag with a pool of so many partitions; `settings` beside the pool's name.
pub fn setup(shards: u16, settings: &Value) -> TagSetup {
    let mut pool = json!({ "name": "Pool" });
    pool.as_object_mut().unwrap().extend(settings.as_object().unwrap().clone());
    let pool: NumberPool = serde_json::from_value(pool).unwrap();
    TagSetup {
        tenant: tenant(),
        id: tag(),
        tag: serde_json::from_value(json!({
            "name": "Tag", "campaign": "CA00000000000000000000000000000004", "shows": {"pool": pool_id()},
            "default_number": "+18005550100", "replace": {"numbers": ["+18005550100"]},
        }))
        .unwrap(),
        source: Source::Pool(pool_id(), Box::new(NumberPool { shards, ..pool })),
        url_parameters: Vec::new(),
    }
}

/// What a browser asks; `visit` and `lease` as it was answered before.
pub fn question(visit: Option<VisitId>, lease: Option<&str>) -> Question {
    let body = json!({
        "tag": tag(), "visit": visit, "lease": lease, "page": {"url": "https://shop.example.com/"},
        "params": {"gclid": "G-1"},
    });
    Question::read(body.to_string().as_bytes()).unwrap()
}

/// Wall time that goes with the runtime's, so that a paused runtime pauses both.
pub struct RuntimeClock {
    began: Instant,
    chance: Mutex<StdRng>,
}

impl RuntimeClock {
    pub fn new(seed: u64) -> Self {
        Self { began: Instant::now(), chance: Mutex::new(StdRng::seed_from_u64(seed)) }
    }
}

impl Clock for RuntimeClock {
    fn now(&self) -> Timestamp {
        BEGIN.parse::<Timestamp>().unwrap() + self.began.elapsed()
    }

    fn new_id(&self) -> Uuid {
        let now = self.now();
        let seconds = u64::try_from(now.as_second()).unwrap();
        let stamp = uuid::Timestamp::from_unix(NoContext, seconds, 0);
        let random: [u8; 10] = self.chance.lock().unwrap().random();
        let millis = stamp.to_unix().0 * 1_000 + u64::try_from(now.subsec_millisecond()).unwrap();
        uuid::Builder::from_unix_timestamp_millis(millis, &random).into_uuid()
    }
}

/// No tag is looked up: tests give it.
pub struct NoTags;

#[async_trait]
impl Tags for NoTags {
    async fn tag(&self, _: TrackingTagId) -> PortResult<Option<TagSetup>> {
        Ok(None)
    }
}

#[expect(clippy::disallowed_methods, reason = "whoever runs a test says so by the environment")]
pub fn told(name: &str) -> Option<String> {
    std::env::var(name).ok()
}
