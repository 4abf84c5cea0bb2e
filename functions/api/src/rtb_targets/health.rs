//! Whether bidders work.

use std::sync::Arc;

use app::bidder_health::{self, Known};
use app::catalog::{Listing, Position};
use axum::Json;
use axum::extract::State;
use contract::page::Page;
use contract::problem::Code;
use contract::query::PageQuery;
use contract::rtb_health::{
    AlertView, BidderHealth, BreakerView, CheckView, RequestsView, Uptime, UptimeQuery,
};
use domain::bidder_alert::BidderAlert;
use domain::breaker::Ask;
use domain::ids::RtbTargetId;
use jiff::SignedDuration;

use crate::access::{Access, RtbTargetsRead};
use crate::context::Context;
use crate::cursor;
use crate::params::{Named, Params};
use crate::refusal::Refusal;

/// What cursors of the list are for.
const LIST: &str = "bidders' health";

/// `GET /api/rtb/health-checks`.
pub async fn checks(
    access: Access<RtbTargetsRead>,
    State(context): State<Arc<Context>>,
    Params(params): Params,
) -> Result<Json<Page<BidderHealth>>, Refusal> {
    let query = PageQuery::read(&params).map_err(|fields| Refusal::fields(Code::InvalidQuery, fields))?;
    let after = query.cursor.as_deref().map(|text| cursor::open(access.tenant, LIST, text)).transpose()?;
    let after = after.map(|(key, id)| Position { key, id });
    let listing = Listing { after, limit: usize::from(query.limit), ..Listing::default() };
    let tools = context.tools(access.tenant, &access.by);
    let (known, next) = bidder_health::bidders(&tools, &*context.health, access.tenant, &listing).await?;
    let next = next.and_then(|Position { key, id }| cursor::seal(access.tenant, LIST, (key, id)));
    Ok(Json(Page { items: known.into_iter().map(shown).collect(), next }))
}

fn shown(known: Known) -> BidderHealth {
    let Known { rtb_target, name, check, breaker, asks } = known;
    let state = match asks {
        Ask::Yes => "closed",
        Ask::Not(_) => "open",
        Ask::ToLook(_) => "half_open",
    };
    BidderHealth {
        rtb_target,
        name,
        check: check.map(|check| CheckView {
            at: check.at,
            up: check.up,
            status: check.status,
            latency_ms: check.latency_ms,
            failure: check.failure,
        }),
        breaker: BreakerView {
            state: state.to_owned(),
            failures: breaker.failures,
            retry_at: breaker.retry_at,
        },
    }
}

/// `GET /api/rtb/targets/{id}/uptime`.
pub async fn uptime(
    access: Access<RtbTargetsRead>,
    State(context): State<Arc<Context>>,
    Named(id): Named<RtbTargetId>,
    Params(params): Params,
) -> Result<Json<Uptime>, Refusal> {
    let query = UptimeQuery::read(&params).map_err(|fields| Refusal::fields(Code::InvalidQuery, fields))?;
    let to = context.clock.now();
    let from = to.checked_sub(SignedDuration::from_hours(i64::from(query.hours))).unwrap_or(to);
    let tools = context.tools(access.tenant, &access.by);
    let seen = bidder_health::uptime(&tools, &*context.health, access.tenant, id, from).await??;
    Ok(Json(Uptime {
        rtb_target: id,
        hours: query.hours,
        from,
        to,
        checks: seen.checks,
        up: seen.up,
        up_basis_points: seen.share(),
        longest_outage_s: seen.longest_outage.and_then(|outage| u64::try_from(outage.as_secs()).ok()),
        requests: RequestsView {
            asked: seen.requests.asked,
            answered: seen.requests.answered(),
            answered_basis_points: seen.answered_share(),
            p50_ms: seen.requests.percentile(50),
            p95_ms: seen.requests.percentile(95),
            failed: seen.requests.failed,
        },
    }))
}

/// What cursors of the list of alerts are for.
const ALERTS: &str = "alerts about bidders";

/// `GET /api/rtb/alerts`.
pub async fn alerts(
    access: Access<RtbTargetsRead>,
    State(context): State<Arc<Context>>,
    Params(params): Params,
) -> Result<Json<Page<AlertView>>, Refusal> {
    let query = PageQuery::read(&params).map_err(|fields| Refusal::fields(Code::InvalidQuery, fields))?;
    let after: Option<String> =
        query.cursor.as_deref().map(|text| cursor::open(access.tenant, ALERTS, text)).transpose()?;
    let page = context.alerts.alerts(access.tenant, after.as_deref(), query.limit).await?;
    let view = |alert: BidderAlert| AlertView {
        text: alert.text(),
        rtb_target: alert.rtb_target,
        name: alert.name,
        kind: alert.kind,
        opened_at: alert.opened_at,
        closed_at: alert.closed_at,
    };
    Ok(Json(Page {
        items: page.items.into_iter().map(view).collect(),
        next: page.next.and_then(|place| cursor::seal(access.tenant, ALERTS, place)),
    }))
}
