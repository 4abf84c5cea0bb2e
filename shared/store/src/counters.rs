//! Counters of capped things, with their live flags and live limits: one item each. `live`, `unpriced`, `total`, `paused`,
//! `limits`, and one attribute for each window, named like the window; with an `r` before it, the revenue of that span in
//! micro-units.
//!
//! Looking is here; taking and giving back are in `calls`, because they happen in one transaction with the attempt.

use std::collections::{HashMap, HashSet};

use app::ports::{Counters, PortResult};
use async_trait::async_trait;
use aws_sdk_dynamodb::types::AttributeValue;
use domain::breaker::Health;
use domain::caps::{CounterId, LiveLimits, Usage, revenue_attribute};
use domain::ids::{CampaignId, PublisherId, RtbTargetId, TenantId};
use domain::money::Money;
use domain::predictive::Earned;
use domain::routing::Via;
use jiff::Timestamp;

use crate::Store;
use crate::bidder_health::health_of;
use crate::item::{Item, from_json, json, key_attributes};
use crate::keys;
use crate::write::{Deed, STAMP, Write, stamped};

/// The kind of a counter's item.
pub(crate) const KIND: &str = "counter";

/// What a counter's item says, without its limits. A count below zero would be a mistake of ours and reads as zero.
pub(crate) fn usage_of(item: &Item) -> Usage {
    let count = |value: &AttributeValue| {
        value
            .as_n()
            .ok()
            .and_then(|digits| digits.parse::<i64>().ok())
            .map(|count| u32::try_from(count.max(0)).unwrap_or(u32::MAX))
    };
    let money = |value: &AttributeValue| value.as_n().ok()?.parse().ok().map(Money::from_micros);
    let named = |name: &str| item.get(name).and_then(count).unwrap_or(0);
    let windows = item
        .iter()
        .filter(|(name, _)| is_window(name))
        .filter_map(|(name, value)| Some((name.clone(), count(value)?)))
        .collect();
    let last_at = item.get("last_at").and_then(|value| value.as_s().ok());
    let revenue = item
        .iter()
        .filter_map(|(name, value)| Some((name.strip_prefix('r').filter(|name| is_window(name))?, value)))
        .filter_map(|(name, value)| Some((name.to_owned(), money(value)?)))
        .collect();
    Usage {
        live: named("live"),
        unpriced: named("unpriced"),
        total: named("total"),
        windows,
        last_at: last_at.and_then(|at| at.parse().ok()),
        revenue_total: item.get(&revenue_attribute("total")).and_then(money).unwrap_or(Money::ZERO),
        revenue,
        paused: item.get("paused").and_then(|value| value.as_bool().ok()).copied().unwrap_or(false),
        limits: None,
        earned: Earned::default(),
        health: health_of(item),
    }
}

/// Limits that cannot be read are an error: without them a call might be taken that is one too many.
fn limits_of(item: &Item) -> PortResult<Option<LiveLimits>> {
    if item.contains_key("limits") { from_json(READ, item, "limits").map(Some) } else { Ok(None) }
}

const READ: &str = "read counters";

/// Windows are named by `h`, `d` or `m` and an instant, which begins with a year.
fn is_window(name: &str) -> bool {
    let mut letters = name.bytes();
    letters.next().is_some_and(|kind| b"hdm".contains(&kind))
        && letters.next().is_some_and(|digit| digit.is_ascii_digit())
}

#[async_trait]
impl Counters for Store {
    async fn usage(&self, tenant: TenantId, of: &[CounterId]) -> PortResult<HashMap<CounterId, Usage>> {
        let wanted: HashSet<&CounterId> = of.iter().collect();
        let by_key: HashMap<String, &CounterId> =
            wanted.into_iter().map(|id| (keys::counter(tenant, id).pk, id)).collect();
        let keys: Vec<Item> = by_key.values().map(|id| key_attributes(keys::counter(tenant, id))).collect();
        // Strongly consistent: a cap that an old copy shows as full would refuse a call for which there is room, and
        // switching off must take effect at once.
        let items = self.get_many(READ, keys).await?;
        let mut usage = HashMap::with_capacity(by_key.len());
        for item in items {
            let key = item.get("pk").and_then(|value| value.as_s().ok());
            if let Some(id) = key.and_then(|key| by_key.get(key)) {
                let row = Usage { limits: limits_of(&item)?, ..usage_of(&item) };
                usage.insert(*(*id), row);
            }
        }
        Ok(usage)
    }

    async fn earned(
        &self,
        tenant: TenantId,
        campaign: CampaignId,
        publisher: Option<PublisherId>,
        at: Timestamp,
    ) -> PortResult<HashMap<Via, Earned>> {
        self.read_earned(tenant, campaign, publisher, at).await
    }

    async fn claim_look(
        &self,
        tenant: TenantId,
        bidder: RtbTargetId,
        seen: Timestamp,
        until: Timestamp,
    ) -> PortResult<bool> {
        self.move_look(tenant, bidder, seen, until).await
    }

    async fn note_health(&self, tenant: TenantId, bidder: RtbTargetId, health: &Health) -> PortResult<()> {
        self.put_health(tenant, bidder, health).await
    }

    async fn set_paused(&self, tenant: TenantId, of: &CounterId, paused: bool) -> PortResult<()> {
        let update = format!("SET {STAMP}, #paused = :paused");
        let write = Write::new(Deed::Change(keys::counter(tenant, of), update))
            .name("#paused", "paused")
            .value(":paused", AttributeValue::Bool(paused));
        self.change("switch a destination on or off", stamped(write, KIND, tenant)).await?;
        Ok(())
    }

    async fn set_limits(
        &self,
        tenant: TenantId,
        of: &CounterId,
        limits: Option<&LiveLimits>,
    ) -> PortResult<()> {
        const WHAT: &str = "set live limits";
        let key = keys::counter(tenant, of);
        let write = match limits {
            Some(limits) => {
                let update = format!("SET {STAMP}, #limits = :limits");
                Write::new(Deed::Change(key, update)).value(":limits", json(WHAT, limits)?)
            }
            None => Write::new(Deed::Change(key, format!("SET {STAMP} REMOVE #limits"))),
        };
        self.change(WHAT, stamped(write.name("#limits", "limits"), KIND, tenant)).await?;
        Ok(())
    }
}
