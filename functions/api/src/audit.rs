//! `GET /api/audit-log`: who did what to which thing, newest first, one UTC month at a time.
//!
//! A filter looks at a bounded number of entries per request; what was not found by then is found by going on with the
//! cursor, which stands exactly behind the last entry that was looked at.

use std::sync::Arc;

use app::ports::audit_position;
use axum::Json;
use axum::extract::State;
use contract::audit::{AuditLine, AuditPage, AuditQuery, OriginView};
use contract::problem::Code;
use domain::audit::AuditEntry;
use domain::ids::TenantId;
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde_json::json;

use crate::access::{Access, AuditRead};
use crate::actors::Names;
use crate::context::Context;
use crate::cursor;
use crate::doc::Doc;
use crate::params::Params;
use crate::refusal::Refusal;
use crate::routes::{Routes, Verb};
use crate::shape::Shape;

/// Reads of one request, at most.
const READS: usize = 10;
/// Entries of one read when a filter looks for some of them.
const LOOKED_AT: u16 = 200;

/// Its route.
pub fn routes(routes: Routes) -> Routes {
    routes.on(Verb::Get, "/api/audit-log", list).doc(doc)
}

fn doc() -> Doc {
    let entry = json!({
        "id": "AE019abc0de1f27a3b8c4d5e6f70819203",
        "at": "2026-11-22T12:00:00Z",
        "actor": {"kind": "user", "id": "US019abc0de1f27a3b8c4d5e6f70819203", "name": "Anna Park"},
        "origin": {"network": "203.0.113.0/24", "agent": "Firefox", "request_id": "JKJaXmPLvHcESHA="},
        "action": "target.updated",
        "object": "TA019abc0de1f27a3b8c4d5e6f70819203",
        "name": "Front desk",
        "changes": [{"field": "caps.daily", "before": 50, "after": 80}],
        "more": 0,
    });
    let example = json!({"items": [entry], "searched_to": "2026-11-01T00:00:00Z"});
    Doc::new("list_audit_log", "Who did what, newest first")
        .about(
            "One UTC month at a time. With a filter, one request looks at a bounded number of entries: a page may be short, \
             even empty, and still have a `next`. Personal values are masked and followed by a keyed hash, so that equal \
             ones are recognised; secrets are `***`.",
        )
        .query(AuditQuery::PARAMETERS)
        .answers(200, Shape::of::<AuditPage>(), example)
}

async fn list(
    access: Access<AuditRead>,
    State(context): State<Arc<Context>>,
    Params(params): Params,
) -> Result<Json<AuditPage>, Refusal> {
    let query = AuditQuery::read(&params, context.clock.now())
        .map_err(|fields| Refusal::fields(Code::InvalidQuery, fields))?;
    // The month is part of the name, so that a cursor never leads into another one.
    let name = format!("audit {} {:?} {:?} {:?}", query.month, query.object, query.actor, query.action);
    let from = query
        .cursor
        .as_deref()
        .map(|text| cursor::open::<(String, Date)>(access.tenant, &name, text))
        .transpose()?;
    // A page that was asked for without a month stays in its month, also past midnight of the last day.
    let (from, month) = from.map_or((None, query.month), |(from, month)| (Some(from), month));
    let found = look(&context, access.tenant, &query, month, from).await?;
    let next = found.next.and_then(|next| cursor::seal(access.tenant, &name, (next, month)));
    let names = Names::of(&context, access.tenant, found.entries.iter().map(|entry| entry.actor)).await?;
    let items = found.entries.into_iter().map(|entry| line(entry, &names)).collect();
    Ok(Json(AuditPage { items, next, searched_to: found.searched_to }))
}

struct Found {
    entries: Vec<AuditEntry>,
    /// The position of the first entry that was not looked at.
    next: Option<String>,
    searched_to: Timestamp,
}

async fn look(
    context: &Context,
    tenant: TenantId,
    query: &AuditQuery,
    month: Date,
    mut from: Option<String>,
) -> Result<Found, Refusal> {
    let limit = usize::from(query.limit);
    let filtered = query.object.is_some() || query.actor.is_some() || query.action.is_some();
    let size = if filtered { LOOKED_AT } else { query.limit };
    let mut entries: Vec<AuditEntry> = Vec::new();
    let mut searched_to = context.clock.now();
    for _ in 0..READS {
        let page = context.audit.page(tenant, month, from.as_deref(), size).await?;
        for entry in page.items {
            if entries.len() == limit {
                let next = Some(audit_position(&entry));
                return Ok(Found { entries, next, searched_to });
            }
            searched_to = entry.at;
            if fits(query, &entry) {
                entries.push(entry);
            }
        }
        from = page.next;
        if from.is_none() {
            let start = month.first_of_month().to_zoned(TimeZone::UTC).map(|start| start.timestamp());
            return Ok(Found { entries, next: None, searched_to: start.unwrap_or(searched_to) });
        }
        if entries.len() == limit {
            break;
        }
    }
    Ok(Found { entries, next: from, searched_to })
}

fn fits(query: &AuditQuery, entry: &AuditEntry) -> bool {
    let is_action = |wanted: &String| {
        entry.action == *wanted || entry.action.split_once('.').is_some_and(|(noun, _)| noun == wanted)
    };
    query.object.as_ref().is_none_or(|wanted| entry.object.as_ref() == Some(wanted))
        && query.actor.as_ref().is_none_or(|wanted| entry.actor.to_string() == *wanted)
        && query.action.as_ref().is_none_or(is_action)
}

fn line(entry: AuditEntry, names: &Names) -> AuditLine {
    AuditLine {
        id: entry.id.to_string(),
        at: entry.at,
        actor: names.shown(entry.actor),
        origin: OriginView {
            network: entry.origin.network,
            agent: entry.origin.agent,
            request_id: entry.origin.request_id,
        },
        action: entry.action,
        object: entry.object,
        name: entry.name,
        changes: entry.changes,
        more: entry.more,
    }
}
