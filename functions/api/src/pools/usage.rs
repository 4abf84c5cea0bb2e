//! How a pool is used, and how many numbers it needs: `GET …/usage`, `GET …/advice`.

use std::sync::Arc;

use app::pools::{self, Advice, Basis, Question};
use axum::Json;
use axum::extract::State;
use contract::pools::{PoolAdvice, PoolAdviceQuery, PoolHourView, PoolNeed, PoolUsage, PoolUsageQuery};
use contract::problem::Code;
use domain::ids::NumberPoolId;
use domain::pool::erlang::{Load, Share};
use domain::pool::usage::PoolHour;
use jiff::SignedDuration;

use crate::access::{Access, PhoneNumbersRead};
use crate::context::Context;
use crate::params::{Named, Params};
use crate::refusal::Refusal;

pub async fn usage(
    access: Access<PhoneNumbersRead>,
    State(context): State<Arc<Context>>,
    Named(id): Named<NumberPoolId>,
    Params(params): Params,
) -> Result<Json<PoolUsage>, Refusal> {
    let query =
        PoolUsageQuery::read(&params).map_err(|fields| Refusal::fields(Code::InvalidQuery, fields))?;
    let tools = context.tools(access.tenant, &access.by);
    let members = pools::members(&tools, context.pools.as_ref(), access.tenant, id).await??;
    let now = context.clock.now();
    let since = now.checked_sub(SignedDuration::from_hours(i64::from(query.days) * 24)).unwrap_or(now);
    let hours = context.pools.pool_hours(access.tenant, id, since).await?;
    Ok(Json(PoolUsage { now: members.counts, hours: hours.iter().map(shown).collect() }))
}

fn shown(hour: &PoolHour) -> PoolHourView {
    PoolHourView {
        begins: hour.begins,
        numbers: hour.numbers,
        mean_occupied_hundredths: hour.mean_hundredths(),
        peak_occupied: hour.peak(),
        exhausted: hour.exhausted,
    }
}

pub async fn advice(
    access: Access<PhoneNumbersRead>,
    State(context): State<Arc<Context>>,
    Named(id): Named<NumberPoolId>,
    Params(params): Params,
) -> Result<Json<PoolAdvice>, Refusal> {
    let query =
        PoolAdviceQuery::read(&params).map_err(|fields| Refusal::fields(Code::InvalidQuery, fields))?;
    let tools = context.tools(access.tenant, &access.by);
    let question = Question { load: query.load, overflow: query.overflow };
    let advice = pools::advise(&tools, context.pools.as_ref(), access.tenant, id, question).await??;
    Ok(Json(told(advice)))
}

fn told(advice: Advice) -> PoolAdvice {
    let (basis, hour, exhausted) = match advice.basis {
        Basis::Expected => ("expected", None, None),
        Basis::Measured { hour, exhausted } => ("measured", Some(hour), Some(exhausted)),
        Basis::Nothing => ("nothing", None, None),
    };
    let needs = advice
        .needs
        .into_iter()
        .map(|need| PoolNeed { overflow_millionths: need.overflow.millionths(), numbers: need.numbers });
    PoolAdvice {
        basis: basis.to_owned(),
        hour,
        exhausted,
        load_thousandths: advice.load.map(Load::thousandths),
        numbers: advice.numbers,
        overflow_now_millionths: advice.overflow_now.map(Share::millionths),
        needs: needs.collect(),
        words: advice.words,
    }
}
