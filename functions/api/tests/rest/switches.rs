//! Pausing and activating work at once, on what is published already.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};

use app::catalog::{self, Tools};
use app::ports::{Counters, PortResult, Published};
use async_trait::async_trait;
use domain::audit::{Actor, By, Origin};
use domain::caps::{CounterId, LiveLimits, Usage};
use domain::ids::{CampaignId, PublisherId, RtbTargetId, TargetId, TenantId};
use domain::predictive::Earned;
use domain::routing::Via;
use domain::target::{Status, Target};
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::support::{World, bidder, target};

#[tokio::test]
async fn a_paused_destination_is_off_at_once_and_on_again_at_once() {
    let world = World::new().await;
    let own = world.set_up().await;
    let target: TargetId = own.target.parse().unwrap();
    let bidder: RtbTargetId = own.bidder.parse().unwrap();
    for (path, id, counter) in
        [("targets", &own.target, target.into()), ("rtb-targets", &own.bidder, bidder.into())]
    {
        let address = format!("/api/{path}/{id}");
        assert!(!world.counters.is_paused(world.tenant, &counter));
        world.patch(&address, &json!({"version": 1, "status": "paused"})).await.ok(200);
        assert!(world.counters.is_paused(world.tenant, &counter));
        world.patch(&address, &json!({"version": 2, "status": "active"})).await.ok(200);
        assert!(!world.counters.is_paused(world.tenant, &counter));
    }
}

#[tokio::test]
async fn what_is_born_paused_is_off() {
    let world = World::new().await;
    for (path, mut body) in [("/api/targets", target("A")), ("/api/rtb-targets", bidder("A"))] {
        body["status"] = json!("paused");
        let id = world.post(path, &body).await.id();
        let counter = match path {
            "/api/targets" => id.parse::<TargetId>().unwrap().into(),
            _ => id.parse::<RtbTargetId>().unwrap().into(),
        };
        assert!(world.counters.is_paused(world.tenant, &counter));
    }
}

#[tokio::test]
async fn a_destination_published_while_paused_can_be_switched_on_without_publishing() {
    let world = World::new().await;
    let own = world.set_up().await;
    let address = format!("/api/targets/{}", own.target);
    world.patch(&address, &json!({"version": 1, "status": "paused"})).await.ok(200);
    world.publish(&own.campaign).await.ok(200);
    world.patch(&address, &json!({"version": 2, "status": "active"})).await.ok(200);

    let target: TargetId = own.target.parse().unwrap();
    let campaign: CampaignId = own.campaign.parse().unwrap();
    let snapshot = world.catalog.snapshot(world.tenant, campaign, 1).await.unwrap().unwrap();
    assert_eq!(snapshot.targets[&target].status, Status::Active);
    assert!(!world.counters.is_paused(world.tenant, &target.into()));
}

#[tokio::test]
async fn a_switch_that_failed_is_repaired_by_saving_again() {
    let world = World::new().await;
    let own = world.set_up().await;
    let target: TargetId = own.target.parse().unwrap();
    let address = format!("/api/targets/{}", own.target);
    world.counters.be_busy(true);
    let answer = world.patch(&address, &json!({"version": 1, "status": "paused"})).await;
    answer.refused(503, "busy");
    assert_eq!(answer.headers["retry-after"], "1");
    world.counters.be_busy(false);
    world.patch(&address, &json!({"version": 2, "status": "paused"})).await.ok(200);
    assert!(world.counters.is_paused(world.tenant, &target.into()));
}

/// Between the first saver's write and its switch, somebody else saves and switches.
struct Interrupted<'a> {
    world: &'a World,
    address: String,
    done: AtomicBool,
}

#[async_trait]
impl Counters for Interrupted<'_> {
    async fn usage(&self, tenant: TenantId, of: &[CounterId]) -> PortResult<HashMap<CounterId, Usage>> {
        self.world.counters.usage(tenant, of).await
    }

    async fn earned(
        &self,
        tenant: TenantId,
        campaign: CampaignId,
        publisher: Option<PublisherId>,
        at: Timestamp,
    ) -> PortResult<HashMap<Via, Earned>> {
        self.world.counters.earned(tenant, campaign, publisher, at).await
    }

    async fn claim_look(
        &self,
        tenant: TenantId,
        bidder: domain::ids::RtbTargetId,
        seen: Timestamp,
        until: Timestamp,
    ) -> PortResult<bool> {
        self.world.counters.claim_look(tenant, bidder, seen, until).await
    }

    async fn note_health(
        &self,
        tenant: TenantId,
        bidder: domain::ids::RtbTargetId,
        health: &domain::breaker::Health,
    ) -> PortResult<()> {
        self.world.counters.note_health(tenant, bidder, health).await
    }

    async fn set_paused(&self, tenant: TenantId, of: &CounterId, paused: bool) -> PortResult<()> {
        if !self.done.swap(true, Ordering::SeqCst) {
            let patch = json!({"version": 2, "status": "active"});
            self.world.patch(&self.address, &patch).await.ok(200);
        }
        self.world.counters.set_paused(tenant, of, paused).await
    }

    async fn set_limits(
        &self,
        tenant: TenantId,
        of: &CounterId,
        limits: Option<&LiveLimits>,
    ) -> PortResult<()> {
        self.world.counters.set_limits(tenant, of, limits).await
    }
}

#[tokio::test]
async fn the_switch_ends_where_the_last_save_put_it() {
    let world = World::new().await;
    let own = world.set_up().await;
    let id: TargetId = own.target.parse().unwrap();
    let interrupted =
        Interrupted { world: &world, address: format!("/api/targets/{id}"), done: AtomicBool::new(false) };
    let by = By { actor: Actor::System, origin: Origin::default() };
    let tools = Tools { counters: &interrupted, ..world.context.tools(world.tenant, &by) };
    let Value::Object(patch) = json!({"version": 1, "status": "paused"}) else { unreachable!() };
    catalog::update::<Target>(&tools, world.tenant, id, patch).await.unwrap().unwrap();
    assert_eq!(world.get(&interrupted.address).await.ok(200)["status"], "active");
    assert!(!world.counters.is_paused(world.tenant, &id.into()));
}
