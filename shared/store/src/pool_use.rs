//! How pools were used, one row an hour: lookups that found no number free (`exhausted`), and by the minute of each look how many
//! numbers could not be leased (`o#05`), with how many there were at the last one (`numbers`).
//!
//! When a pool is looked at next lies in the second index on the pool's own item (the catalogue sets it), so a removed pool is
//! never due. A look is named by its minute, so noting it again changes nothing.

use app::ports::{DuePool, Kind, Leases as _, PoolPlace, Pools, PortError, PortResult};
use async_trait::async_trait;
use domain::bidder_hour::hour_of;
use domain::dni::lease::PoolNumber;
use domain::ids::{NumberPoolId, TenantId};
use domain::pool::usage::{PoolHour, Sample};
use jiff::{SignedDuration, Timestamp};

use crate::Store;
use crate::item::{Item, number, number_of, parsed, text};
use crate::keys::{self, GSI2};
use crate::leases::{ASIDE, FREE};
use crate::read::{Part, Range};
use crate::write::{Deed, Write, hour_row};

const KIND: &str = "pool_hour";
const KEPT: SignedDuration = SignedDuration::from_hours(400 * 24);
const EXHAUSTED: &str = "exhausted";
const NUMBERS: &str = "numbers";
const OCCUPIED: &str = "o#";

fn change(tenant: TenantId, pool: NumberPoolId, at: Timestamp, clause: &str) -> Write {
    let begins = hour_of(at);
    hour_row((tenant, KIND), keys::pool_hour(tenant, pool, begins), (begins, KEPT), clause)
}

/// What a row says. A count below zero would be a mistake of ours and reads as zero.
fn hour(what: &'static str, item: &Item) -> PortResult<PoolHour> {
    let mut hour = PoolHour {
        begins: parsed(what, item, "sk")?,
        numbers: number_of(item, NUMBERS).unwrap_or_default(),
        exhausted: number_of(item, EXHAUSTED).unwrap_or_default(),
        ..PoolHour::default()
    };
    for (name, value) in item {
        if let Some(minute) = name.strip_prefix(OCCUPIED) {
            let minute = minute.parse().map_err(|cause| PortError::corrupt(what, cause))?;
            let count = value.as_n().ok().and_then(|digits| digits.parse().ok()).unwrap_or_default();
            hour.occupied.insert(minute, count);
        }
    }
    Ok(hour)
}

impl Store {
    /// Counts lookups that found no number free. Not exact after a lost answer: it may count them twice.
    pub(crate) async fn count_exhausted(
        &self,
        tenant: TenantId,
        pool: NumberPoolId,
        at: Timestamp,
        lookups: u32,
    ) -> PortResult<()> {
        let write = change(tenant, pool, at, " ADD #exhausted :lookups")
            .name("#exhausted", EXHAUSTED)
            .value(":lookups", number(lookups));
        self.change("note that a pool was exhausted", write).await.map(drop)
    }
}

#[async_trait]
impl Pools for Store {
    async fn pool_numbers(
        &self,
        tenant: TenantId,
        pool: NumberPoolId,
        shards: u16,
    ) -> PortResult<Vec<PoolNumber>> {
        self.numbers(tenant, pool, shards).await
    }

    async fn set_aside(
        &self,
        tenant: TenantId,
        place: &PoolPlace,
        now: Timestamp,
        until: Timestamp,
    ) -> PortResult<bool> {
        let key = keys::pool_number(tenant, place.pool, place.shard, &place.number);
        let write = Write::new(Deed::Change(key, "SET #free_after = :until, #visit = :aside".to_owned()))
            .only_if(FREE)
            .name("#free_after", "free_after")
            .name("#visit", "visit")
            .name("#calls", "calls")
            .name("#calls_until", "calls_until")
            .value(":now", number(now.as_millisecond()))
            .value(":until", number(until.as_millisecond()))
            .value(":aside", text(ASIDE));
        self.change("set a pool's number aside", write).await
    }

    async fn pool_hours(
        &self,
        tenant: TenantId,
        pool: NumberPoolId,
        since: Timestamp,
    ) -> PortResult<Vec<PoolHour>> {
        const WHAT: &str = "read the hours of a pool";
        let part = Part::From(keys::time(hour_of(since)));
        let range = Range { part, ..Range::of(keys::pool_hours(tenant, pool)) };
        self.query(WHAT, range).await?.iter().map(|item| hour(WHAT, item)).collect()
    }

    async fn due_pools(&self, now: Timestamp, limit: u16) -> PortResult<Vec<DuePool>> {
        const WHAT: &str = "list pools due for a look";
        let range = Range {
            part: Part::UpTo(keys::time(now)),
            limit: Some(usize::from(limit.max(1))),
            ..Range::of_index(GSI2, keys::DUE_POOL.to_owned())
        };
        let items = self.query(WHAT, range).await?;
        let due =
            |item| Ok(DuePool { tenant: parsed(WHAT, item, "tenant")?, pool: parsed(WHAT, item, "id")? });
        items.iter().map(due).collect()
    }

    async fn record_sample(
        &self,
        DuePool { tenant, pool }: DuePool,
        sample: Option<&Sample>,
        next: Timestamp,
    ) -> PortResult<()> {
        const WHAT: &str = "record a look at a pool";
        if let Some(sample) = sample {
            let minute = sample.at.as_second().rem_euclid(3_600) / 60;
            let write = change(tenant, pool, sample.at, ", #numbers = :numbers, #occupied = :occupied")
                .name("#numbers", NUMBERS)
                .name("#occupied", format!("{OCCUPIED}{minute:02}"))
                .value(":numbers", number(sample.numbers))
                .value(":occupied", number(sample.occupied));
            self.change(WHAT, write).await?;
        }
        let meta = keys::noun(tenant, Kind::NumberPool, &pool.to_string());
        let due = keys::due_pool(next);
        let write = Write::new(Deed::Change(meta, "SET #due_in = :due_in, #due = :due".to_owned()))
            .only_if("attribute_exists(#pk)")
            .name("#pk", "pk")
            .name("#due_in", "gsi2pk")
            .name("#due", "gsi2sk")
            .value(":due_in", text(due.pk))
            .value(":due", text(due.sk));
        self.change(WHAT, write).await.map(drop)
    }
}
