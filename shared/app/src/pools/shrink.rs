//! Gives numbers of a pool back to Twilio, for ever: those that are free and were shown longest ago.
//!
//! What must stay true: no visitor sees a number that is given back. Each is set aside first, by one conditional write, so that a
//! lookup in the same instant either has it, and it stays, or cannot have it any more.

use std::collections::HashSet;

use domain::ids::{NumberId, NumberPoolId, TenantId};
use domain::pool::usage::Standing;
use jiff::SignedDuration;
use tokio::time::Instant;

use super::members::{Member, members_of};
use super::{MAX_ALLOCATED, invalid, pool};
use crate::campaigns::BulkOutcome;
use crate::catalog::{Outcome, Tools};
use crate::numbers::{deadline, release};
use crate::ports::{PoolPlace, Pools, PortResult};

/// For so long a number is set aside: much longer than giving it back takes. If that fails it can be leased again after it.
const ASIDE: SignedDuration = SignedDuration::from_mins(2);

/// What came of it.
#[derive(Debug)]
pub struct Shrunk {
    /// The numbers that were to be given back, and what became of each.
    pub released: Vec<(NumberId, BulkOutcome)>,
    /// Those that a dry run would give back.
    pub would_release: Vec<NumberId>,
    /// So many are still to go: the others are in use, or to be kept.
    pub remaining: u16,
}

/// Gives so many numbers of a pool back, but none of those to be kept.
///
/// # Errors
/// A port did not answer before anything was done.
pub async fn shrink(
    tools: &Tools<'_>,
    pools: &dyn Pools,
    tenant: TenantId,
    id: NumberPoolId,
    (count, keep, dry_run): (u16, &[NumberId], bool),
) -> Outcome<Shrunk> {
    if !(1..=MAX_ALLOCATED).contains(&count) {
        let words = format!("a whole number from 1 to {MAX_ALLOCATED}: for more, ask again");
        return Ok(Err(invalid("count", "range", words)));
    }
    let (_, pool) = match pool(tools, tenant, id).await? {
        Ok(found) => found,
        Err(refused) => return Ok(Err(refused)),
    };
    let keep: HashSet<NumberId> = keep.iter().copied().collect();
    let now = tools.clock.now();
    let mut free = members_of(tools, pools, tenant, (id, &pool)).await?.numbers;
    free.retain(|member| !keep.contains(&member.id) && member.standing(now).0 == Standing::Free);
    free.sort_by_key(|member| (member.leased.as_ref().and_then(|leased| leased.last_shown()), member.id));

    let wanted = usize::from(count);
    if dry_run {
        let chosen = free.into_iter().take(wanted).map(|member| member.id);
        let would_release: Vec<NumberId> = chosen.collect();
        let remaining = left(count, would_release.len());
        return Ok(Ok(Shrunk { released: Vec::new(), would_release, remaining }));
    }
    let until = deadline(tools);
    let (mut released, mut done) = (Vec::new(), 0);
    for member in free {
        if done == wanted || released.len() == wanted || Instant::now() >= until {
            break;
        }
        let Some(outcome) = give_back(tools, pools, tenant, id, &member).await? else { continue };
        done += usize::from(matches!(outcome, BulkOutcome::Done(_)));
        released.push((member.id, outcome));
    }
    Ok(Ok(Shrunk { released, would_release: Vec::new(), remaining: left(count, done) }))
}

fn left(wanted: u16, done: usize) -> u16 {
    wanted.saturating_sub(u16::try_from(done).unwrap_or(u16::MAX))
}

/// Gives one back; `None`: a visitor was faster, so it stays.
async fn give_back(
    tools: &Tools<'_>,
    pools: &dyn Pools,
    tenant: TenantId,
    pool: NumberPoolId,
    member: &Member,
) -> PortResult<Option<BulkOutcome>> {
    let number = &member.number;
    let place = PoolPlace { pool, shard: number.pool_shard, number: number.number.clone() };
    let now = tools.clock.now();
    let until = now.checked_add(ASIDE).unwrap_or(now);
    if !pools.set_aside(tenant, &place, now, until).await? {
        return Ok(None);
    }
    Ok(Some(match release(tools, tenant, member.id, number.number.as_str()).await {
        Ok(Ok(())) => BulkOutcome::Done(Vec::new()),
        Ok(Err(refused)) => BulkOutcome::Refused(refused),
        Err(error) => BulkOutcome::Failed(error),
    }))
}
