//! The numbers of a pool, and their coming and going.

use std::collections::HashMap;

use domain::dni::lease::PoolNumber;
use domain::ids::{NumberId, NumberPoolId, TenantId};
use domain::number::Number;
use domain::phone::E164;
use domain::pool::usage::{PoolCounts, Standing};
use domain::pool::{MAX_NUMBERS, NumberPool};
use futures::future::try_join;
use jiff::Timestamp;
use serde_json::{Map, json};
use tokio::time::Instant;

use super::{invalid, pool};
use crate::campaigns::BulkOutcome;
use crate::catalog::{self, Outcome, Refused, Tools, Warning};
use crate::numbers::{deadline, numbers_of};
use crate::ports::{Pools, PortResult};
use crate::publish_campaign::id_of;

/// Most numbers that are moved at once.
pub const MAX_MOVED: usize = 100;
/// Tries against others who change the same thing.
const ROUNDS: u8 = 5;

/// A number of a pool.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// Its id.
    pub id: NumberId,
    /// The number.
    pub number: Number,
    /// Its lease; `None`: it has come this moment.
    pub leased: Option<PoolNumber>,
}

impl Member {
    /// What it does, and until when if nothing happens.
    pub fn standing(&self, now: Timestamp) -> (Standing, Option<Timestamp>) {
        self.leased.as_ref().map_or((Standing::Resting, None), |leased| leased.standing(now))
    }
}

/// The numbers of a pool.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Members {
    /// By id, which is by creation.
    pub numbers: Vec<Member>,
    /// How many do what.
    pub counts: PoolCounts,
}

/// The numbers of a pool as they are now.
///
/// # Errors
/// A port did not answer.
pub async fn members(
    tools: &Tools<'_>,
    pools: &dyn Pools,
    tenant: TenantId,
    id: NumberPoolId,
) -> Outcome<Members> {
    let (_, pool) = match pool(tools, tenant, id).await? {
        Ok(found) => found,
        Err(refused) => return Ok(Err(refused)),
    };
    Ok(Ok(members_of(tools, pools, tenant, (id, &pool)).await?))
}

pub(super) async fn members_of(
    tools: &Tools<'_>,
    pools: &dyn Pools,
    tenant: TenantId,
    (id, pool): (NumberPoolId, &NumberPool),
) -> PortResult<Members> {
    let (known, rows) =
        try_join(numbers_of(tools, tenant), pools.pool_numbers(tenant, id, pool.shards)).await?;
    let counts = PoolCounts::of(&rows, tools.clock.now());
    let mut rows: HashMap<E164, PoolNumber> = rows.into_iter().map(|row| (row.number.clone(), row)).collect();
    let mut numbers = Vec::new();
    for (record, number) in known.into_iter().filter(|(_, number)| number.pool == Some(id)) {
        let leased = rows.remove(&number.number);
        numbers.push(Member { id: id_of(&record)?, number, leased });
    }
    numbers.sort_by_key(|member| member.id);
    Ok(Members { numbers, counts })
}

/// What became of each of some numbers, in the order in which they were named, each once.
pub type Moved = Vec<(NumberId, BulkOutcome)>;

/// Puts numbers into a pool, out of the one that they are in.
///
/// # Errors
/// A port did not answer before anything was done.
pub async fn add(
    tools: &Tools<'_>,
    tenant: TenantId,
    id: NumberPoolId,
    numbers: &[NumberId],
) -> Outcome<Moved> {
    let numbers = match each_once(numbers) {
        Ok(numbers) => numbers,
        Err(refused) => return Ok(Err(refused)),
    };
    let in_it = numbers_of(tools, tenant).await?.into_iter().filter(|(_, number)| number.pool == Some(id));
    if let Err(refused) = widen(tools, tenant, id, in_it.count() + numbers.len()).await? {
        return Ok(Err(refused));
    }
    Ok(Ok(each(tools, tenant, &numbers, None, Some(id)).await))
}

/// Takes numbers out of a pool; they stay yours.
///
/// # Errors
/// As [`add`].
pub async fn remove(
    tools: &Tools<'_>,
    tenant: TenantId,
    id: NumberPoolId,
    numbers: &[NumberId],
) -> Outcome<Moved> {
    let numbers = match each_once(numbers) {
        Ok(numbers) => numbers,
        Err(refused) => return Ok(Err(refused)),
    };
    if let Err(refused) = pool(tools, tenant, id).await? {
        return Ok(Err(refused));
    }
    Ok(Ok(each(tools, tenant, &numbers, Some(id), None).await))
}

/// The numbers, each once, if they are not too many.
pub(super) fn each_once(numbers: &[NumberId]) -> Result<Vec<NumberId>, Refused> {
    if numbers.is_empty() || numbers.len() > MAX_MOVED {
        let words = format!("name 1 to {MAX_MOVED} numbers, not {}", numbers.len());
        return Err(invalid("numbers", "count", words));
    }
    let mut once: Vec<NumberId> = Vec::with_capacity(numbers.len());
    for number in numbers {
        if !once.contains(number) {
            once.push(*number);
        }
    }
    Ok(once)
}

/// Makes room for so many numbers in a pool: its leases are spread over as many partitions as that needs.
pub(super) async fn widen(
    tools: &Tools<'_>,
    tenant: TenantId,
    id: NumberPoolId,
    numbers: usize,
) -> Outcome<NumberPool> {
    if numbers > MAX_NUMBERS {
        let words = format!("a pool has at most {MAX_NUMBERS} numbers; with these it would have {numbers}");
        return Ok(Err(invalid("numbers", "limit", words)));
    }
    for _ in 0..ROUNDS {
        let (record, old) = match pool(tools, tenant, id).await? {
            Ok(found) => found,
            Err(refused) => return Ok(Err(refused)),
        };
        let wider = NumberPool { shards: old.shards.max(NumberPool::shards_for(numbers)), ..old.clone() };
        match catalog::save_change(tools, tenant, &record, (&old, &wider), "widened").await? {
            Ok(_) => return Ok(Ok(wider)),
            Err(Refused::Changed { .. }) => {}
            Err(refused) => return Ok(Err(refused)),
        }
    }
    Ok(Err(Refused::Changed { current: None }))
}

async fn each(
    tools: &Tools<'_>,
    tenant: TenantId,
    numbers: &[NumberId],
    from: Option<NumberPoolId>,
    to: Option<NumberPoolId>,
) -> Moved {
    let until = deadline(tools);
    let mut moved = Moved::with_capacity(numbers.len());
    for number in numbers {
        let outcome = if Instant::now() < until {
            match move_one(tools, tenant, *number, from, to).await {
                Ok(Ok(warnings)) => BulkOutcome::Done(warnings),
                Ok(Err(refused)) => BulkOutcome::Refused(refused),
                Err(error) => BulkOutcome::Failed(error),
            }
        } else {
            BulkOutcome::NotBegun
        };
        moved.push((*number, outcome));
    }
    moved
}

/// Gives a number another pool, by the same change that a person would make.
pub(super) async fn move_one(
    tools: &Tools<'_>,
    tenant: TenantId,
    id: NumberId,
    from: Option<NumberPoolId>,
    to: Option<NumberPoolId>,
) -> Outcome<Vec<Warning>> {
    for _ in 0..ROUNDS {
        let Some(record) = catalog::get::<Number>(tools, tenant, id).await? else {
            return Ok(Err(Refused::NotFound));
        };
        let number: Number = catalog::entry_of(&record)?;
        if number.pool == to {
            return Ok(Ok(Vec::new()));
        }
        if from.is_some() && number.pool != from {
            return Ok(Err(invalid("numbers", "in_pool", "this number is in another pool")));
        }
        let patch =
            Map::from_iter([("version".to_owned(), json!(record.version)), ("pool".to_owned(), json!(to))]);
        match catalog::update::<Number>(tools, tenant, id, patch).await? {
            Ok(stored) => return Ok(Ok(stored.warnings)),
            Err(Refused::Changed { .. }) => {}
            Err(refused) => return Ok(Err(refused)),
        }
    }
    Ok(Err(Refused::Changed { current: None }))
}
