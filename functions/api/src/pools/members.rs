//! The numbers of a pool: `GET …/numbers`, `POST …/add`, `POST …/remove`, `POST …/verify`.

use std::sync::Arc;

use app::numbers::{self, MAX_VERIFIED};
use app::pools::{self, Member, Moved};
use axum::Json;
use axum::extract::State;
use contract::campaigns::BulkAnswer;
use contract::pools::{PoolMove, PoolNumber, PoolNumbers, VerifiedPool, VerifyPool};
use contract::problem::Code;
use contract::query::PageQuery;
use domain::ids::NumberPoolId;
use domain::pool::NumberPool;
use jiff::Timestamp;

use crate::access::{Access, PhoneNumbersRead, PhoneNumbersWrite};
use crate::body::{Body, JsonObject};
use crate::bulk;
use crate::context::Context;
use crate::cursor;
use crate::numbers::verified;
use crate::params::{Named, Params};
use crate::refusal::Refusal;

/// What cursors of [`list`] belong to.
const LIST: &str = "numbers of a pool";
/// What cursors of [`verify`] belong to.
const VERIFIED: &str = "verified numbers of a pool";

pub async fn list(
    access: Access<PhoneNumbersRead>,
    State(context): State<Arc<Context>>,
    Named(id): Named<NumberPoolId>,
    Params(params): Params,
) -> Result<Json<PoolNumbers>, Refusal> {
    let query = PageQuery::read(&params).map_err(|fields| Refusal::fields(Code::InvalidQuery, fields))?;
    let name = format!("{LIST} {id}");
    let after: Option<String> =
        query.cursor.as_deref().map(|text| cursor::open(access.tenant, &name, text)).transpose()?;
    let tools = context.tools(access.tenant, &access.by);
    let pools::Members { numbers, counts } =
        pools::members(&tools, context.pools.as_ref(), access.tenant, id).await??;
    let mut rest = numbers
        .into_iter()
        .filter(|member| after.as_ref().is_none_or(|after| member.id.to_string() > *after));
    let now = context.clock.now();
    let items: Vec<PoolNumber> =
        rest.by_ref().take(usize::from(query.limit)).map(|member| shown(member, now)).collect();
    let last = items.last().map(|last| last.id.to_string());
    let next = rest.next().and(last).and_then(|last| cursor::seal(access.tenant, &name, last));
    Ok(Json(PoolNumbers { counts, items, next }))
}

fn shown(member: Member, now: Timestamp) -> PoolNumber {
    let (state, until) = member.standing(now);
    let lease = member.leased.and_then(|leased| leased.lease);
    PoolNumber {
        id: member.id,
        number: member.number.number,
        state,
        until,
        tag: lease.as_ref().map(|lease| lease.tag),
        since: lease.as_ref().map(|lease| lease.since),
    }
}

pub async fn add(
    access: Access<PhoneNumbersWrite>,
    State(context): State<Arc<Context>>,
    Named(id): Named<NumberPoolId>,
    JsonObject(body): JsonObject,
) -> Result<Json<BulkAnswer>, Refusal> {
    let PoolMove { numbers } = app::catalog::read_body(body)?;
    let tools = context.tools(access.tenant, &access.by);
    Ok(Json(moved(pools::add(&tools, access.tenant, id, &numbers).await??)))
}

pub async fn remove(
    access: Access<PhoneNumbersWrite>,
    State(context): State<Arc<Context>>,
    Named(id): Named<NumberPoolId>,
    JsonObject(body): JsonObject,
) -> Result<Json<BulkAnswer>, Refusal> {
    let PoolMove { numbers } = app::catalog::read_body(body)?;
    let tools = context.tools(access.tenant, &access.by);
    Ok(Json(moved(pools::remove(&tools, access.tenant, id, &numbers).await??)))
}

pub(super) fn moved(moved: Moved) -> BulkAnswer {
    let outcomes = moved.into_iter().map(|(id, outcome)| bulk::shown(id.to_string(), outcome));
    BulkAnswer { outcomes: outcomes.collect() }
}

/// Findings that only another number puts right.
const DEAD: [&str; 2] = ["not_in_account", "account_unknown"];

pub async fn verify(
    access: Access<PhoneNumbersWrite>,
    State(context): State<Arc<Context>>,
    Named(id): Named<NumberPoolId>,
    Body(VerifyPool { cursor }): Body<VerifyPool>,
) -> Result<Json<VerifiedPool>, Refusal> {
    let name = format!("{VERIFIED} {id}");
    let after: Option<String> =
        cursor.map(|cursor| cursor::open(access.tenant, &name, &cursor)).transpose()?;
    let tools = context.tools(access.tenant, &access.by);
    if app::catalog::get::<NumberPool>(&tools, access.tenant, id).await?.is_none() {
        return Err(Refusal::not_found());
    }
    let found = numbers::verify(&tools, access.tenant, Some(id), after.as_deref(), MAX_VERIFIED).await?;
    let looked_at = u32::try_from(found.numbers.len()).unwrap_or(u32::MAX);
    let next = found.next.and_then(|last| cursor::seal(access.tenant, &name, last));
    let wrong: Vec<_> = found.numbers.into_iter().filter(|number| !number.findings.is_empty()).collect();
    let is_dead = |number: &&numbers::VerifiedNumber| {
        number.findings.iter().any(|finding| DEAD.contains(&finding.code))
    };
    let replace = wrong.iter().filter(is_dead).map(|number| number.id).collect();
    Ok(Json(VerifiedPool { looked_at, items: wrong.into_iter().map(verified).collect(), replace, next }))
}
