//! The leases of pools' numbers: one row for each number, which every lease, renewal and release of it writes.
//!
//! What must stay true: each of them is one conditional update, so of two that want the same number one loses; the end that
//! counts (`until`) never comes earlier but by a release of the latest lease; and `free_after` is that end and the delay, or
//! later. Times are milliseconds since 1970, as the tokens have them. The lease itself stands beside them as JSON.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use app::ports::{Leased, Leases, PoolPlace, PortError, PortResult};
use async_trait::async_trait;
use aws_sdk_dynamodb::types::{AttributeValue, ReturnValue};
use domain::dni::lease::{Lease, PoolNumber, later};
use domain::ids::{CallId, IdError, NumberPoolId, TenantId, VisitId};
use futures::future::try_join_all;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use crate::Store;
use crate::direct::Told;
use crate::failure::{Failure, PATIENT, persist};
use crate::item::{Item, from_json, json, key_attributes, number, number_of, parsed, text, text_of};
use crate::keys::{self, Key, POOL_NUMBER};
use crate::read::Range;
use crate::wire::{Read, Written};

/// How long a write or read that a browser waits for is tried.
const LEASING: Duration = Duration::from_millis(80);
/// Rows that a look for candidates reads.
const LOOKED_AT: u16 = 48;
const LEASE: &str = "lease a number of a pool";
pub(crate) const FREE: &str = "#free_after < :now AND (attribute_not_exists(#calls) OR #calls_until < :now)";
/// Stands for the visit in a row that was set aside: its number is being given back, and belongs to nobody any more.
pub(crate) const ASIDE: &str = "aside";
const TAKE: &str = "SET #previous = #lease, #previous_free_after = #free_after, #visit = :visit, #lease = :lease, \
                    #until = :until, #delay = :delay, #free_after = :free_after REMOVE #calls, #calls_until";

/// An update of one row, and what must hold for it.
struct Change {
    key: Key,
    expression: &'static str,
    condition: &'static str,
    values: HashMap<String, AttributeValue>,
    /// Which row is told when it is done.
    tells: ReturnValue,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Update<'a> {
    table_name: &'a str,
    key: Written<'a>,
    update_expression: &'static str,
    condition_expression: &'static str,
    expression_attribute_names: BTreeMap<&'static str, &'static str>,
    expression_attribute_values: Written<'a>,
    return_values: &'a str,
    return_values_on_condition_check_failure: &'static str,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Updated {
    attributes: Option<Read>,
}

/// Of one partition, not strongly consistent: what is found may be gone.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Query<'a> {
    table_name: &'a str,
    scan_index_forward: bool,
    limit: u16,
    key_condition_expression: &'static str,
    filter_expression: &'static str,
    projection_expression: &'static str,
    expression_attribute_names: BTreeMap<&'static str, &'static str>,
    expression_attribute_values: Written<'a>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Queried {
    #[serde(default)]
    items: Vec<Read>,
}

/// What became of it, with the row that was asked for, or as it was when the condition did not hold.
enum Changed {
    Done(Item),
    Refused(Option<Item>),
}

impl Store {
    async fn change_row(
        &self,
        what: &'static str,
        patience: Duration,
        change: Change,
    ) -> PortResult<Changed> {
        let Change { key, expression, condition, values, tells } = change;
        let key = key_attributes(key);
        let named = names_in(expression).chain(names_in(condition));
        let names: BTreeMap<&str, &str> = named.map(|name| (name, name.trim_start_matches('#'))).collect();
        let update = Update {
            table_name: self.table(),
            key: Written(&key),
            update_expression: expression,
            condition_expression: condition,
            expression_attribute_names: names,
            expression_attribute_values: Written(&values),
            return_values: tells.as_str(),
            return_values_on_condition_check_failure: "ALL_OLD",
        };
        let changed = persist(Instant::now() + patience, || async {
            Ok(match self.direct().ask::<Updated>("UpdateItem", &update).await? {
                Told::Done(done) => Changed::Done(done.attributes.map(|row| row.0).unwrap_or_default()),
                Told::Refused(row) => Changed::Refused(row),
            })
        });
        changed.await.map_err(|failure: Failure| failure.into_port(what))
    }

    /// Writes a lease under a condition.
    async fn write_lease(
        &self,
        (tenant, place): (TenantId, &PoolPlace),
        lease: &Lease,
        (expression, condition): (&'static str, &'static str),
        also: impl IntoIterator<Item = (&'static str, AttributeValue)>,
    ) -> PortResult<Leased> {
        let mut values = HashMap::from([
            (":visit".to_owned(), text(lease.visit.to_string())),
            (":lease".to_owned(), json(LEASE, lease)?),
            (":until".to_owned(), millis(lease.until)),
            (":delay".to_owned(), number(u64::from(lease.delay_s) * 1_000)),
            (":free_after".to_owned(), millis(lease.free_after())),
        ]);
        values.extend(also.into_iter().map(|(name, value)| (name.to_owned(), value)));
        let tells = ReturnValue::None;
        let change = Change { key: key_of(tenant, place), expression, condition, values, tells };
        let row = match self.change_row(LEASE, LEASING, change).await? {
            Changed::Done(_) => return Ok(Leased::Done),
            Changed::Refused(row) => row,
        };
        let Some(row) = row.filter(|row| is_of(row, lease.visit)) else { return Ok(Leased::Lost) };
        // The answer to an earlier try was lost, or another tab of the same visit was faster.
        let theirs = pool_number(LEASE, &row)?.lease.filter(|theirs| theirs.until >= lease.until);
        Ok(match theirs {
            Some(theirs) if theirs == *lease => Leased::Done,
            Some(theirs) => Leased::Longer(theirs),
            None => Leased::Lost,
        })
    }
}

/// The name placeholders in an expression: each is the attribute's name after a `#`.
fn names_in(expression: &'static str) -> impl Iterator<Item = &'static str> {
    expression
        .split(|character: char| !(character.is_ascii_alphanumeric() || "#_".contains(character)))
        .filter(|word| word.starts_with('#'))
}

fn key_of(tenant: TenantId, place: &PoolPlace) -> Key {
    keys::pool_number(tenant, place.pool, place.shard, &place.number)
}

fn millis(at: Timestamp) -> AttributeValue {
    number(at.as_millisecond())
}

fn time_of(what: &'static str, row: &Item, name: &str) -> PortResult<Timestamp> {
    let millis = number_of(row, name).map_err(|cause| PortError::corrupt(what, cause))?;
    Timestamp::from_millisecond(millis).map_err(|cause| PortError::corrupt(what, cause))
}

fn is_of(row: &Item, visit: VisitId) -> bool {
    text_of(row, "visit").is_ok_and(|holder| holder == visit.to_string())
}

fn lease_of(what: &'static str, row: &Item, name: &str) -> PortResult<Option<Lease>> {
    let is_there = text_of(row, name).is_ok_and(|json| !json.is_empty());
    is_there.then(|| from_json(what, row, name)).transpose()
}

/// A row as the domain sees it.
fn pool_number(what: &'static str, row: &Item) -> PortResult<PoolNumber> {
    let until = time_of(what, row, "until")?;
    let lease = lease_of(what, row, "lease")?.map(|lease| Lease { until, ..lease });
    let previous = match lease_of(what, row, "previous")? {
        Some(previous) => Some((previous, time_of(what, row, "previous_free_after")?)),
        None => None,
    };
    let calls = row.get("calls").and_then(|calls| calls.as_ss().ok()).map(Vec::as_slice).unwrap_or_default();
    let calls: Result<_, IdError> = calls.iter().map(|call| call.parse()).collect();
    let calls_until = match row.contains_key("calls_until") {
        true => time_of(what, row, "calls_until")?,
        false => Timestamp::UNIX_EPOCH,
    };
    Ok(PoolNumber {
        number: parsed(what, row, "number")?,
        shard: shard_of(row).unwrap_or_default(),
        lease,
        previous,
        free_after: time_of(what, row, "free_after")?,
        calls: calls.map_err(|cause| PortError::corrupt(what, cause))?,
        calls_until,
    })
}

/// The partition that a row stands in: the last part of its key.
fn shard_of(row: &Item) -> Option<u16> {
    text_of(row, "pk").ok()?.rsplit_once('#')?.1.parse().ok()
}

#[async_trait]
impl Leases for Store {
    async fn candidates(
        &self,
        tenant: TenantId,
        pool: NumberPoolId,
        shard: u16,
        now: Timestamp,
    ) -> PortResult<Vec<PoolPlace>> {
        const WHAT: &str = "look for free numbers";
        // From a random place towards the farther end, so that half of the partition at least lies ahead.
        let place: u16 = rand::random();
        let forward = place < u16::MAX / 2;
        let part =
            if forward { "#pk = :partition AND #sk > :place" } else { "#pk = :partition AND #sk < :place" };
        let named = names_in(part).chain(names_in(FREE)).chain(["#number"]);
        let values = Item::from([
            (":partition".to_owned(), text(keys::pool_shard(tenant, pool, shard))),
            (":place".to_owned(), text(format!("{POOL_NUMBER}{place:04x}"))),
            (":now".to_owned(), millis(now)),
        ]);
        let query = Query {
            table_name: self.table(),
            scan_index_forward: forward,
            limit: LOOKED_AT,
            key_condition_expression: part,
            filter_expression: FREE,
            projection_expression: "#number",
            expression_attribute_names: named.map(|name| (name, name.trim_start_matches('#'))).collect(),
            expression_attribute_values: Written(&values),
        };
        let found = persist(Instant::now() + LEASING, || async {
            match self.direct().ask::<Queried>("Query", &query).await? {
                Told::Done(found) => Ok(found.items),
                Told::Refused(_) => Err(Failure::Refused),
            }
        });
        let found = found.await.map_err(|failure| failure.into_port(WHAT))?;
        let place = |row: &Read| Ok(PoolPlace { pool, shard, number: parsed(WHAT, &row.0, "number")? });
        found.iter().map(place).collect()
    }

    async fn numbers(
        &self,
        tenant: TenantId,
        pool: NumberPoolId,
        shards: u16,
    ) -> PortResult<Vec<PoolNumber>> {
        const WHAT: &str = "read a pool's numbers";
        let shards =
            (0..shards).map(|shard| self.query(WHAT, Range::of(keys::pool_shard(tenant, pool, shard))));
        let rows = try_join_all(shards).await?;
        rows.iter().flatten().map(|row| pool_number(WHAT, row)).collect()
    }

    async fn take(
        &self,
        tenant: TenantId,
        place: &PoolPlace,
        lease: &Lease,
        now: Timestamp,
    ) -> PortResult<Leased> {
        self.write_lease((tenant, place), lease, (TAKE, FREE), [(":now", millis(now))]).await
    }

    async fn renew(
        &self,
        tenant: TenantId,
        place: &PoolPlace,
        lease: &Lease,
        _now: Timestamp,
    ) -> PortResult<Leased> {
        const RENEW: &str =
            "SET #lease = :lease, #until = :until, #delay = :delay, #free_after = :free_after";
        self.write_lease((tenant, place), lease, (RENEW, "#visit = :visit AND #until <= :until"), []).await
    }

    async fn take_over(
        &self,
        tenant: TenantId,
        place: &PoolPlace,
        lease: &Lease,
        seen: &PoolNumber,
    ) -> PortResult<Leased> {
        const AS_SEEN: &str =
            "#until = :seen AND #visit <> :aside AND (attribute_not_exists(#calls) OR #calls_until < :now)";
        let until = seen.lease.as_ref().map_or(Timestamp::UNIX_EPOCH, |lease| lease.until);
        let also = [(":seen", millis(until)), (":now", millis(lease.since)), (":aside", text(ASIDE))];
        self.write_lease((tenant, place), lease, (TAKE, AS_SEEN), also).await
    }

    async fn release(
        &self,
        tenant: TenantId,
        place: &PoolPlace,
        (visit, until): (VisitId, Timestamp),
        now: Timestamp,
    ) -> PortResult<bool> {
        const WHAT: &str = "release a number";
        let change = Change {
            key: key_of(tenant, place),
            expression: "SET #until = :now, #free_after = #delay + :now",
            condition: "#visit = :visit AND #until = :until AND #until > :now",
            values: HashMap::from([
                (":visit".to_owned(), text(visit.to_string())),
                (":until".to_owned(), millis(until)),
                (":now".to_owned(), millis(now)),
            ]),
            tells: ReturnValue::None,
        };
        Ok(match self.change_row(WHAT, PATIENT, change).await? {
            Changed::Done(_) => true,
            // The answer to an earlier try was lost.
            Changed::Refused(Some(row)) => is_of(&row, visit) && time_of(WHAT, &row, "until")? == now,
            Changed::Refused(None) => false,
        })
    }

    async fn ring(
        &self,
        tenant: TenantId,
        place: &PoolPlace,
        call: CallId,
        until: Timestamp,
    ) -> PortResult<Option<PoolNumber>> {
        const WHAT: &str = "note a call on a pool's number";
        let change = Change {
            key: key_of(tenant, place),
            expression: "SET #calls_until = :until ADD #calls :call",
            condition: "attribute_exists(#pk)",
            values: HashMap::from([
                (":until".to_owned(), millis(until)),
                (":call".to_owned(), AttributeValue::Ss(vec![call.to_string()])),
            ]),
            tells: ReturnValue::AllOld,
        };
        match self.change_row(WHAT, PATIENT, change).await? {
            Changed::Done(row) => pool_number(WHAT, &row).map(Some),
            Changed::Refused(_) => Ok(None),
        }
    }

    async fn hang_up(
        &self,
        tenant: TenantId,
        place: &PoolPlace,
        call: CallId,
        ended_at: Timestamp,
    ) -> PortResult<()> {
        const WHAT: &str = "note the end of a call on a pool's number";
        let deadline = Instant::now() + PATIENT;
        while Instant::now() < deadline {
            let Some(row) = self.get(WHAT, key_of(tenant, place)).await? else { return Ok(()) };
            let seen = pool_number(WHAT, &row)?;
            if !seen.calls.contains(&call) {
                return Ok(());
            }
            let delay = seen.lease.as_ref().map_or(0, |lease| lease.delay_s);
            let rests_until = later(ended_at, SignedDuration::from_secs(delay.into()));
            let change = Change {
                key: key_of(tenant, place),
                expression: "SET #free_after = :free_after DELETE #calls :call",
                condition: "#free_after = :seen",
                values: HashMap::from([
                    (":free_after".to_owned(), millis(rests_until.max(seen.free_after))),
                    (":seen".to_owned(), millis(seen.free_after)),
                    (":call".to_owned(), AttributeValue::Ss(vec![call.to_string()])),
                ]),
                tells: ReturnValue::None,
            };
            if let Changed::Done(_) = self.change_row(WHAT, PATIENT, change).await? {
                return Ok(());
            }
        }
        Err(PortError::Busy { what: WHAT })
    }

    async fn note_exhausted(
        &self,
        tenant: TenantId,
        pool: NumberPoolId,
        at: Timestamp,
        lookups: u32,
    ) -> PortResult<()> {
        self.count_exhausted(tenant, pool, at, lookups).await
    }
}
