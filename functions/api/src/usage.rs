//! `GET /api/usage`: how much of their caps things have used, ready for a dashboard.
//!
//! What must stay true: somebody limited to one party sees that party's things alone, and a publisher sees no revenue, not
//! even in a reason.

use std::sync::Arc;

use app::read_usage::{Used, read_usage};
use axum::Json;
use axum::extract::State;
use contract::calls::Verdict;
use contract::problem::Code;
use contract::usage::{CallSpan, RevenueSpan, RevenueUsage, UsageList, UsageQuery, UsageView};
use domain::access::Party;
use domain::caps::{Counted, Measure, OpenWindows, Window};
use domain::routing::Passed;
use jiff::Timestamp;
use serde_json::json;

use crate::access::{OwnAccess, UsageRead};
use crate::context::Context;
use crate::doc::Doc;
use crate::params::Params;
use crate::refusal::Refusal;
use crate::routes::{Routes, Verb};
use crate::shape::Shape;

/// Its route.
pub fn routes(routes: Routes) -> Routes {
    routes.on(Verb::Get, "/api/usage", usage).doc(doc)
}

fn doc() -> Doc {
    let example = json!({"items": [{
        "id": "TA019abc0de1f27a3b8c4d5e6f70819203",
        "name": "Phoenix desk",
        "time_zone": "America/Phoenix",
        "accepting": false,
        "reason": {"code": "cap_reached", "text": "daily cap 50 reached"},
        "live": {"used": 3, "cap": 5, "percent": 60},
        "count": "connected",
        "hour": {"used": 7, "turns_at": "2026-11-22T13:00:00Z"},
        "day": {"used": 50, "cap": 50, "percent": 100, "turns_at": "2026-11-23T07:00:00Z"},
        "month": {"used": 612, "turns_at": "2026-12-01T07:00:00Z"},
        "total": {"used": 4_870},
        "revenue": {
            "currency": "USD",
            "hour": {"used": 140_000_000, "turns_at": "2026-11-22T13:00:00Z"},
            "day": {
                "used": 940_000_000, "cap": 1_000_000_000, "percent": 94, "turns_at": "2026-11-23T07:00:00Z",
            },
            "month": {"used": 12_240_000_000_i64, "turns_at": "2026-12-01T07:00:00Z"},
            "total": {"used": 97_400_000_000_i64},
            "may_exceed_by_calls": 3,
        },
    }]});
    Doc::new("read_usage", "How much of their caps things have used")
        .about(
            "Calls now, this hour, day and month and ever, against the caps as they are set up; when each window turns; \
             and whether the thing takes a call now. What does not exist is left out. A buyer sees itself, its targets \
             and its bidders; a publisher sees itself, without revenue.",
        )
        .query(UsageQuery::PARAMETERS)
        .answers(200, Shape::of::<UsageList>(), example)
}

async fn usage(
    access: OwnAccess<UsageRead>,
    State(context): State<Arc<Context>>,
    Params(params): Params,
) -> Result<Json<UsageList>, Refusal> {
    let query = UsageQuery::read(&params).map_err(|fields| Refusal::fields(Code::InvalidQuery, fields))?;
    let now = context.clock.now();
    let ports = (context.catalog.as_ref(), context.counters.as_ref());
    let used = read_usage(ports, access.tenant, &query.of, access.only, now).await?;
    let sees_revenue = !matches!(access.only, Some(Party::Publisher(_)));
    let items = used.into_iter().map(|used| shown(used, sees_revenue, now)).collect();
    Ok(Json(UsageList { items }))
}

fn shown(used: Used, sees_revenue: bool, now: Timestamp) -> UsageView {
    let open = OpenWindows::at(now, &used.time_zone);
    let turns_at = |window| OpenWindows::turns_at(window, now, &used.time_zone);
    let calls = |window| {
        let (count, cap) = (used.usage.calls(window, &open), used.caps.of(window));
        CallSpan {
            used: count,
            cap,
            percent: cap.and_then(|cap| percent(count.into(), cap.into())),
            turns_at: turns_at(window),
        }
    };
    let revenue = |window| {
        let (sum, cap) = (used.usage.revenue(window, &open), used.caps.revenue.of(window));
        RevenueSpan {
            used: sum,
            cap,
            percent: cap.and_then(|cap| percent(sum.micros(), cap.micros())),
            turns_at: turns_at(window),
        }
    };
    let reason = used.passed.as_ref().map(|passed| {
        let text = match passed {
            Passed::Cap(full) if full.measure == Measure::Revenue && !sees_revenue => {
                format!("{} cap reached", full.window.word())
            }
            passed => passed.text(),
        };
        Verdict { code: passed.code().to_owned(), text }
    });
    let counts_revenue = sees_revenue && used.caps.revenue.any();
    UsageView {
        accepting: reason.is_none(),
        reason,
        live: calls(Window::Concurrent),
        count: match used.caps.count {
            Counted::Connected => "connected".to_owned(),
            Counted::Converted => "converted".to_owned(),
        },
        hour: calls(Window::Hourly),
        day: calls(Window::Daily),
        month: calls(Window::Monthly),
        total: calls(Window::Total),
        revenue: counts_revenue.then(|| RevenueUsage {
            currency: used.caps.revenue.currency,
            hour: revenue(Window::Hourly),
            day: revenue(Window::Daily),
            month: revenue(Window::Monthly),
            total: revenue(Window::Total),
            may_exceed_by_calls: used.usage.unpriced,
        }),
        id: used.id,
        name: used.name,
        time_zone: used.time_zone,
    }
}

/// Rounded down; a sum below zero (after corrections) is nothing.
fn percent(used: i64, cap: i64) -> Option<u32> {
    let exact = i128::from(used.max(0)).checked_mul(100)?.checked_div(i128::from(cap))?;
    Some(u32::try_from(exact).unwrap_or(u32::MAX))
}
