//! What costs money, or cannot be undone: `POST …/allocate`, `POST …/replace`, `POST …/shrink`.

use std::sync::Arc;

use app::catalog::read_body;
use app::pools::{self, Allocated, Allocation};
use axum::Json;
use axum::extract::State;
use contract::pools::{
    AllocateNumbers, AllocatedNumbers, BoughtNumber, NotBoughtNumber, ReplaceNumbers, ReplacedNumbers,
    ShrinkPool, ShrunkPool,
};
use domain::ids::NumberPoolId;

use super::members::moved;
use crate::access::{Access, PhoneNumbersBuy};
use crate::body::JsonObject;
use crate::bulk;
use crate::context::Context;
use crate::nouns::warning;
use crate::params::Named;
use crate::refusal::Refusal;

pub async fn allocate(
    access: Access<PhoneNumbersBuy>,
    State(context): State<Arc<Context>>,
    Named(id): Named<NumberPoolId>,
    JsonObject(body): JsonObject,
) -> Result<Json<AllocatedNumbers>, Refusal> {
    let AllocateNumbers { count, account_sid, campaign, publisher, dry_run } = read_body(body)?;
    let wanted = Allocation { count, account: account_sid, campaign, publisher, dry_run };
    let tools = context.tools(access.tenant, &access.by);
    Ok(Json(shown(pools::allocate(&tools, access.tenant, id, &wanted).await??)))
}

fn shown(allocated: Allocated) -> AllocatedNumbers {
    let bought = allocated.bought.into_iter().map(|bought| BoughtNumber {
        id: bought.id,
        number: bought.number,
        warnings: bought.warnings.into_iter().map(warning).collect(),
    });
    let not_bought = allocated.not_bought.into_iter().map(|not| NotBoughtNumber {
        number: not.number,
        code: not.code.to_owned(),
        message: not.message,
    });
    AllocatedNumbers {
        bought: bought.collect(),
        would_buy: allocated.would_buy,
        not_bought: not_bought.collect(),
        in_area: allocated.in_area,
        remaining: allocated.remaining,
    }
}

pub async fn replace(
    access: Access<PhoneNumbersBuy>,
    State(context): State<Arc<Context>>,
    Named(id): Named<NumberPoolId>,
    JsonObject(body): JsonObject,
) -> Result<Json<ReplacedNumbers>, Refusal> {
    let ReplaceNumbers { numbers, account_sid, campaign, dry_run } = read_body(body)?;
    let wanted = Allocation { count: 0, account: account_sid, campaign, publisher: None, dry_run };
    let tools = context.tools(access.tenant, &access.by);
    let replaced = pools::replace(&tools, access.tenant, id, &numbers, wanted).await??;
    let removed = moved(replaced.removed).outcomes;
    Ok(Json(ReplacedNumbers { allocated: shown(replaced.allocated), removed }))
}

pub async fn shrink(
    access: Access<PhoneNumbersBuy>,
    State(context): State<Arc<Context>>,
    Named(id): Named<NumberPoolId>,
    JsonObject(body): JsonObject,
) -> Result<Json<ShrunkPool>, Refusal> {
    let ShrinkPool { count, keep, dry_run } = read_body(body)?;
    let tools = context.tools(access.tenant, &access.by);
    let wish = (count, keep.as_slice(), dry_run);
    let shrunk = pools::shrink(&tools, context.pools.as_ref(), access.tenant, id, wish).await??;
    let outcomes = shrunk.released.into_iter().map(|(id, outcome)| bulk::shown(id.to_string(), outcome));
    let (would_release, remaining) = (shrunk.would_release, shrunk.remaining);
    Ok(Json(ShrunkPool { outcomes: outcomes.collect(), would_release, remaining }))
}
