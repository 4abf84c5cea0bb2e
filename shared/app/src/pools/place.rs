//! A number is used by one thing at a time: what is shown to everybody stands in no pool, whose numbers are one visitor's each.
//!
//! What must stay true: a number that enters a pool has a partition there, and it is known when it left its last one. A tag and a
//! number that are saved in the same instant may miss each other, as references do (see [`crate::catalog`]).

use domain::dni::tag::{Shows, TrackingTag};
use domain::ids::{NumberId, TenantId};
use domain::number::Number;
use domain::phone::E164;
use domain::pool::{NumberPool, Overflow};
use domain::target::Status;

use super::invalid;
use crate::catalog::{self, Outcome, Refused, Tools, User, Using};
use crate::numbers::numbers_of;
use crate::ports::{Kind, PortResult};

/// Gives a number that enters a pool its place in it, and notes when it leaves one. Refused while something shows the number
/// to everybody.
pub(crate) async fn stand(
    tools: &Tools<'_>,
    tenant: TenantId,
    number: &mut Number,
    before: Option<&Number>,
) -> Outcome<()> {
    let was_in = before.and_then(|before| before.pool);
    if number.pool == was_in {
        return Ok(Ok(()));
    }
    if was_in.is_some() {
        number.left_pool_at = Some(tools.clock.now());
    }
    number.pool_shard = 0;
    let Some(id) = number.pool else { return Ok(Ok(())) };
    let users = shown_by(tools, tenant, &number.number).await?;
    if !users.is_empty() {
        return Ok(Err(Refused::InUse(users)));
    }
    let Some(record) = catalog::get::<NumberPool>(tools, tenant, id).await? else {
        let message = format!("there is no number pool {id}");
        return Ok(Err(invalid("pool", "exists", message)));
    };
    number.pool_shard = catalog::entry_of::<NumberPool>(&record)?.shard_of(&number.number);
    Ok(Ok(()))
}

/// What shows this number to everybody: active tags that have it as their fixed number or their default, and pools that show
/// it when none of theirs is free.
async fn shown_by(tools: &Tools<'_>, tenant: TenantId, number: &E164) -> PortResult<Vec<User>> {
    let mut users = Vec::new();
    let mut fixed: Option<Option<NumberId>> = None;
    for record in tools.catalog.list(tenant, Kind::TrackingTag).await? {
        let tag: TrackingTag = catalog::entry_of(&record)?;
        if tag.status != Status::Active {
            continue;
        }
        let shows = match tag.shows {
            Shows::Number(id) => {
                // Looked up once, and only when some tag has a fixed number.
                let own = match fixed {
                    Some(own) => own,
                    None => *fixed.insert(id_of(tools, tenant, number).await?),
                };
                own == Some(id)
            }
            Shows::Pool(_) => false,
        };
        if shows || tag.default_number.as_ref() == Some(number) {
            users.push(User { kind: Using::Thing(Kind::TrackingTag), id: record.id, name: tag.name });
        }
    }
    for record in tools.catalog.list(tenant, Kind::NumberPool).await? {
        let pool: NumberPool = catalog::entry_of(&record)?;
        if matches!(&pool.overflow, Overflow::Number(shown) if shown == number) {
            users.push(User { kind: Using::Thing(Kind::NumberPool), id: record.id, name: pool.name });
        }
    }
    Ok(users)
}

async fn id_of(tools: &Tools<'_>, tenant: TenantId, number: &E164) -> PortResult<Option<NumberId>> {
    let known = numbers_of(tools, tenant).await?.into_iter().find(|(_, known)| known.number == *number);
    known.map(|(record, _)| crate::publish_campaign::id_of(&record)).transpose()
}

/// The fixed number of an active tag, and its default, stand in no pool.
pub(crate) async fn check_tag(
    tools: &Tools<'_>,
    tenant: TenantId,
    tag: &TrackingTag,
    before: Option<&TrackingTag>,
) -> Outcome<()> {
    if tag.status != Status::Active {
        return Ok(Ok(()));
    }
    if let Shows::Number(id) = tag.shows
        && let Some(record) = catalog::get::<Number>(tools, tenant, id).await?
        && catalog::entry_of::<Number>(&record)?.pool.is_some()
    {
        return Ok(Err(invalid("shows.number", "in_pool", IN_A_POOL)));
    }
    let was_active = before.is_some_and(|before| before.status == Status::Active);
    let before = before.filter(|_| was_active).and_then(|before| before.default_number.as_ref());
    check_shown(tools, tenant, "default_number", tag.default_number.as_ref(), before).await
}

/// The number that a pool shows when none of its own is free stands in no pool.
pub(crate) async fn check_overflow(
    tools: &Tools<'_>,
    tenant: TenantId,
    pool: &NumberPool,
    before: Option<&NumberPool>,
) -> Outcome<()> {
    let shown = |pool: &NumberPool| match &pool.overflow {
        Overflow::Number(number) => Some(number.clone()),
        Overflow::NoSwap | Overflow::LeastRecentlyUsed => None,
    };
    let before = before.and_then(shown);
    check_shown(tools, tenant, "overflow.number", shown(pool).as_ref(), before.as_ref()).await
}

/// A number that everybody is shown from now on stands in no pool.
async fn check_shown(
    tools: &Tools<'_>,
    tenant: TenantId,
    field: &str,
    number: Option<&E164>,
    before: Option<&E164>,
) -> Outcome<()> {
    let Some(number) = number.filter(|number| Some(*number) != before) else { return Ok(Ok(())) };
    let numbers = numbers_of(tools, tenant).await?;
    let pooled = numbers.iter().any(|(_, known)| known.number == *number && known.pool.is_some());
    Ok(if pooled { Err(invalid(field, "in_pool", IN_A_POOL)) } else { Ok(()) })
}

/// Why a number cannot be shown to everybody.
const IN_A_POOL: &str =
    "this number is in a pool, where each visitor has a number of their own: take it out of the pool first";
