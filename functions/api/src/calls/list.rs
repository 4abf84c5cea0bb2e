//! The call log: walks UTC days from the newest to the oldest asked for, with a bounded number of reads per request.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use contract::calls::{CallLine, CallsPage};
use contract::problem::Code;
use contract::query::CallsQuery;
use jiff::Span;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use super::shown;
use crate::access::{Access, CallsRead};
use crate::context::Context;
use crate::cursor;
use crate::params::Params;
use crate::refusal::Refusal;

/// Reads of one request, at most. A month without calls is looked through at once.
const READS: usize = 31;

/// Where a page ended.
#[derive(Debug, Serialize, Deserialize)]
struct Place {
    /// The first day of the range. It stays what it was when the first page was asked for, also past midnight.
    first: Date,
    /// The day to go on with.
    day: Date,
    /// The place within that day, when it was not finished.
    within: Option<String>,
}

/// `GET /api/calls`.
pub async fn list(
    access: Access<CallsRead>,
    State(context): State<Arc<Context>>,
    Params(params): Params,
) -> Result<Json<CallsPage>, Refusal> {
    let query = CallsQuery::read(&params, context.clock.now())
        .map_err(|fields| Refusal::fields(Code::InvalidQuery, fields))?;
    let list = format!("calls {:?}", query.given);
    let start = match &query.cursor {
        Some(text) => cursor::open(access.tenant, &list, text)?,
        None => Place { first: query.from, day: query.to, within: None },
    };
    let (items, end, searched_to) = walk(&context, &access, start, query.limit).await?;
    let next = end.and_then(|place| cursor::seal(access.tenant, &list, place));
    Ok(Json(CallsPage { items, next, searched_to }))
}

/// The calls found, where to go on (`None` when the first day is done), and the earliest day looked at.
async fn walk(
    context: &Context,
    access: &Access<CallsRead>,
    mut at: Place,
    limit: u16,
) -> Result<(Vec<CallLine>, Option<Place>, Date), Refusal> {
    let mut items = Vec::new();
    let mut searched_to = at.day;
    for _ in 0..READS {
        let room = limit.saturating_sub(u16::try_from(items.len()).unwrap_or(u16::MAX));
        if room == 0 {
            break;
        }
        let found = context.calls.page(access.tenant, at.day, at.within.as_deref(), room).await?;
        searched_to = at.day;
        let lines = found.items.iter();
        items.extend(lines.map(|call| shown::line(&call.call, call.closing.as_ref(), access.sees_numbers)));
        at.within = found.next;
        if at.within.is_none() {
            if at.day <= at.first {
                return Ok((items, None, searched_to));
            }
            at.day = at.day.saturating_sub(Span::new().days(1));
        }
    }
    Ok((items, Some(at), searched_to))
}
