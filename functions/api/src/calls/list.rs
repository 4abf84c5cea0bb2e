//! The call log: walks UTC days from the newest to the oldest asked for, with a bounded number of reads per request.
//!
//! What must stay true: a page without filters costs what its calls cost, however many there are; a filter that matches
//! rarely ends at the budget, says how far it came, and the next page goes on exactly there.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use contract::calls::{CallLine, CallsPage};
use contract::problem::Code;
use contract::query::CallsQuery;
use jiff::civil::Date;
use jiff::{Span, Timestamp};
use serde::{Deserialize, Serialize};

use super::{Viewer, filter, shown};
use crate::access::{CallsRead, OwnAccess};
use crate::context::Context;
use crate::cursor;
use crate::params::Params;
use crate::refusal::Refusal;

/// Reads of one request, at most. A month without calls is looked through at once.
pub const READS: usize = 31;
/// Calls that one request looks at, at most.
pub const LOOKS: usize = 4_000;
/// Calls read at once when some of them may not be wanted: below the megabyte that the table gives in one answer.
const CHUNK: usize = 400;

/// Where a page ended.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Place {
    /// The first day of the range. It stays what it was when the first page was asked for, also past midnight.
    first: Date,
    /// The day to go on with.
    day: Date,
    /// The place within that day, when it was not finished.
    within: Option<String>,
}

/// What one request found.
struct Walked {
    items: Vec<CallLine>,
    /// Where to go on; `None` when the first day is done.
    end: Option<Place>,
    /// The earliest day looked at.
    day: Date,
    /// The last call looked at.
    looked_back_to: Option<Timestamp>,
}

/// `GET /api/calls`.
pub async fn list(
    access: OwnAccess<CallsRead>,
    State(context): State<Arc<Context>>,
    Params(params): Params,
) -> Result<Json<CallsPage>, Refusal> {
    list_for(&context, &Viewer::of(&access), &params).await.map(Json)
}

/// The calls that a viewer may see, page by page.
///
/// # Errors
/// A parameter or a cursor that cannot be used, or a filter that is not for this viewer.
pub async fn list_for(
    context: &Context,
    viewer: &Viewer,
    params: &[(String, String)],
) -> Result<CallsPage, Refusal> {
    let query = CallsQuery::read(params, context.clock.now())
        .map_err(|fields| Refusal::fields(Code::InvalidQuery, fields))?;
    filter::check(viewer, &query.filter)?;
    let list = format!("calls {:?} {}", viewer.only, query.shape);
    let start = match &query.cursor {
        Some(text) => cursor::open(viewer.tenant, &list, text)?,
        None => Place { first: query.from, day: query.to, within: None },
    };
    let walked = walk(context, viewer, &query, start).await?;
    let is_short = walked.items.len() < usize::from(query.limit);
    let note = walked.end.as_ref().filter(|_| is_short).map(|end| note(end, walked.looked_back_to));
    let next = walked.end.and_then(|place| cursor::seal(viewer.tenant, &list, place));
    Ok(CallsPage { items: walked.items, next, searched_to: walked.day, note })
}

async fn walk(
    context: &Context,
    viewer: &Viewer,
    query: &CallsQuery,
    mut at: Place,
) -> Result<Walked, Refusal> {
    let leaves_out = !viewer.sees_all() || !query.filter.is_empty();
    let mut walked = Walked { items: Vec::new(), end: None, day: at.day, looked_back_to: None };
    let mut looks_left = LOOKS;
    for _ in 0..READS {
        let room = usize::from(query.limit).saturating_sub(walked.items.len());
        let ask = if leaves_out { CHUNK } else { room }.min(looks_left);
        if room == 0 || ask == 0 {
            break;
        }
        let ask = u16::try_from(ask).unwrap_or(u16::MAX);
        let found = context.calls.page(viewer.tenant, at.day, at.within.as_deref(), ask).await?;
        walked.day = at.day;
        at.within = found.next;
        let mut rest = found.items.into_iter().peekable();
        while let Some(summary) = rest.next() {
            looks_left = looks_left.saturating_sub(1);
            walked.looked_back_to = Some(summary.call.started_at);
            let closing = summary.closing.as_ref();
            if !viewer.owns(&summary.call, closing) || !filter::admits(&query.filter, &summary.call, closing)
            {
                continue;
            }
            walked.items.push(shown::line(&summary.call, closing, viewer));
            if walked.items.len() >= usize::from(query.limit) {
                if rest.peek().is_some() {
                    at.within = Some(summary.place);
                }
                break;
            }
        }
        if at.within.is_none() {
            if at.day <= at.first {
                return Ok(walked);
            }
            at.day = at.day.saturating_sub(Span::new().days(1));
        }
    }
    walked.end = Some(at);
    Ok(walked)
}

/// How far a search came, in words.
fn note(end: &Place, looked_back_to: Option<Timestamp>) -> String {
    let searched_to = match looked_back_to.filter(|_| end.within.is_some()) {
        Some(at) => format!("{} UTC", at.strftime("%Y-%m-%d %H:%M:%S")),
        // The day before is the one to go on with.
        None => end.day.saturating_add(Span::new().days(1)).to_string(),
    };
    format!("searched back to {searched_to}; older calls may follow: ask again with the cursor in next")
}
