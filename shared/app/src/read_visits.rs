//! What belongs to visits, read at once.

use domain::dni::lease::PoolNumber;
use domain::dni::visit::Visit;
use domain::ids::{NumberPoolId, TenantId, VisitId};
use futures::future::try_join_all;
use jiff::civil::Date;

use crate::ports::{CallRecord, Calls, Leases, PortResult, Visits};

/// The calls of a visit, the first ones first; at most so many.
///
/// # Errors
/// A port did not answer.
pub async fn calls_of(
    (visits, calls): (&dyn Visits, &dyn Calls),
    tenant: TenantId,
    visit: VisitId,
    most: usize,
) -> PortResult<Vec<CallRecord>> {
    let ids = visits.calls_of_visit(tenant, visit).await?;
    let records = try_join_all(ids.into_iter().take(most).map(|call| calls.load(tenant, call))).await?;
    Ok(records.into_iter().flatten().collect())
}

/// The numbers of pools, each with the count of its partitions.
///
/// # Errors
/// A port did not answer.
pub async fn numbers_of(
    leases: &dyn Leases,
    tenant: TenantId,
    pools: &[(NumberPoolId, u16)],
) -> PortResult<Vec<PoolNumber>> {
    let rows = pools.iter().map(|(pool, shards)| leases.numbers(tenant, *pool, *shards));
    Ok(try_join_all(rows).await?.into_iter().flatten().collect())
}

/// The latest visits of each of these UTC days.
///
/// # Errors
/// A port did not answer.
pub async fn latest_of(
    visits: &dyn Visits,
    tenant: TenantId,
    days: &[Date],
    of_each: u16,
) -> PortResult<Vec<Visit>> {
    let days = days.iter().map(|day| visits.visits_of_day(tenant, *day, None, of_each));
    Ok(try_join_all(days).await?.into_iter().flatten().collect())
}
