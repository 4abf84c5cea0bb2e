//! The visitors who are shown a number now: what the pools' rows say, joined with their visits; and those of fixed numbers who
//! were seen moments ago.
//!
//! What must stay true: one request reads a bounded amount, however many pools and visits there are, and says when there is more.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use app::ports::{Kind, PortError};
use app::read_visits::{latest_of, numbers_of};
use axum::Json;
use axum::extract::State;
use contract::problem::Code;
use contract::query::LiveQuery;
use contract::visits::{LiveVisitor, LiveVisitors};
use domain::dni::lease::{Lease, PoolNumber};
use domain::dni::visit::Visit;
use domain::ids::{NumberPoolId, VisitId};
use domain::phone::E164;
use domain::pool::NumberPool;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use super::{owns, owns_of, shown};
use crate::access::{CallsRead, OwnAccess};
use crate::calls::Viewer;
use crate::context::Context;
use crate::params::Params;
use crate::refusal::Refusal;

/// Most visitors of one answer.
const MOST: usize = 500;
/// Most pools that one request looks at.
const MOST_POOLS: usize = 20;
/// Visits of a day that are looked at for those of fixed numbers.
const LOOKS: u16 = 400;
/// A visitor of a fixed number who has not been seen for so long is gone.
const SEEN_WITHIN: SignedDuration = SignedDuration::from_mins(5);

/// `GET /api/visits/live`.
pub async fn live(
    access: OwnAccess<CallsRead>,
    State(context): State<Arc<Context>>,
    Params(params): Params,
) -> Result<Json<LiveVisitors>, Refusal> {
    live_for(&context, &Viewer::of(&access), &params).await.map(Json)
}

/// The visitors who are shown a number now, as far as a viewer may see them.
///
/// # Errors
/// A parameter that cannot be used.
pub async fn live_for(
    context: &Context,
    viewer: &Viewer,
    params: &[(String, String)],
) -> Result<LiveVisitors, Refusal> {
    let query = LiveQuery::read(params).map_err(|fields| Refusal::fields(Code::InvalidQuery, fields))?;
    let at = context.clock.now();
    let (mut leased, mut more) = leased(context, viewer, &query, at).await?;
    let fixed = match query.pool {
        Some(_) => Vec::new(),
        None => fixed(context, viewer, &query, at).await?,
    };
    leased.sort_by_key(|(_, lease)| std::cmp::Reverse(lease.since));
    more |= leased.len() > MOST;
    leased.truncate(MOST);
    let ids: Vec<VisitId> =
        leased.iter().map(|(_, lease)| (lease.visit, ())).collect::<BTreeMap<_, _>>().into_keys().collect();
    let visits = context.visits.visits(viewer.tenant, &ids).await?;
    let visits: HashMap<VisitId, Visit> = visits.into_iter().map(|visit| (visit.id, visit)).collect();
    let of_pools = leased.iter().map(|(number, lease)| LiveVisitor {
        id: lease.visit,
        tag: lease.tag,
        number: shown::number(number, viewer),
        since: lease.since,
        until: Some(lease.until),
        visit: visits.get(&lease.visit).map(|visit| shown::line(visit, viewer)),
    });
    let mut items: Vec<LiveVisitor> = of_pools.chain(fixed).collect();
    items.sort_by_key(|visitor| std::cmp::Reverse(visitor.since));
    more |= items.len() > MOST;
    items.truncate(MOST);
    Ok(LiveVisitors { at, items, more })
}

/// The numbers of pools that somebody is shown, and whether there are pools that were not looked at.
async fn leased(
    context: &Context,
    viewer: &Viewer,
    query: &LiveQuery,
    at: Timestamp,
) -> Result<(Vec<(E164, Lease)>, bool), Refusal> {
    let records = match query.pool {
        Some(pool) => {
            let found = context.catalog.get(viewer.tenant, Kind::NumberPool, &pool.to_string()).await?;
            found.into_iter().collect()
        }
        None => context.catalog.list(viewer.tenant, Kind::NumberPool).await?,
    };
    let more = records.len() > MOST_POOLS;
    let mut pools = Vec::new();
    for record in records.iter().take(MOST_POOLS) {
        const WHAT: &str = "list the visitors of a pool";
        let pool: NumberPool = app::catalog::entry_of(record)?;
        let id = record.id.parse::<NumberPoolId>().map_err(|cause| PortError::corrupt(WHAT, cause))?;
        pools.push((id, pool.shards.max(1)));
    }
    let rows = numbers_of(context.leases.as_ref(), viewer.tenant, &pools).await?;
    let shown = |row: PoolNumber| {
        let is_shown = row.is_shown(at);
        row.lease.filter(|_| is_shown).map(|lease| (row.number, lease))
    };
    let own = |(_, lease): &(E164, Lease)| {
        query.tag.is_none_or(|tag| tag == lease.tag) && owns_of(viewer, lease.publisher)
    };
    Ok((rows.into_iter().filter_map(shown).filter(own).collect(), more))
}

/// Visitors of fixed numbers who were seen moments ago, of the latest visits of today and yesterday.
async fn fixed(
    context: &Context,
    viewer: &Viewer,
    query: &LiveQuery,
    at: Timestamp,
) -> Result<Vec<LiveVisitor>, Refusal> {
    let today = at.to_zoned(TimeZone::UTC).date();
    let yesterday = today.yesterday().unwrap_or(today);
    let is_here = |visit: &Visit| {
        !visit.attributed
            && at.duration_since(visit.seen_at) <= SEEN_WITHIN
            && query.tag.is_none_or(|tag| tag == visit.tag)
            && owns(viewer, visit)
    };
    let visitor = |visit: Visit| {
        Some(LiveVisitor {
            id: visit.id,
            tag: visit.tag,
            number: shown::number(visit.number.as_ref()?, viewer),
            since: visit.started_at,
            until: None,
            visit: Some(shown::line(&visit, viewer)),
        })
    };
    let found = latest_of(context.visits.as_ref(), viewer.tenant, &[today, yesterday], LOOKS).await?;
    Ok(found.into_iter().filter(is_here).filter_map(visitor).collect())
}
