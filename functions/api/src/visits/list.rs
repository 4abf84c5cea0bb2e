//! The list of visits: walks UTC days from the newest to the oldest asked for, with a bounded number of reads per request, as the
//! list of calls does.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use contract::problem::Code;
use contract::query::{VisitFilter, VisitsQuery};
use contract::visits::{VisitLine, VisitsPage};
use domain::access::{Party, Permission};
use domain::dni::visit::Visit;
use domain::ids::VisitId;
use domain::validate::Problems;
use jiff::Span;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use super::{owns, shown};
use crate::access::{CallsRead, OwnAccess};
use crate::calls::Viewer;
use crate::context::Context;
use crate::cursor;
use crate::params::Params;
use crate::refusal::Refusal;

/// Reads of one request, at most.
const READS: usize = 31;
/// Visits that one request looks at, at most.
const LOOKS: usize = 2_000;
/// Visits read at once when some of them may not be wanted.
const CHUNK: usize = 200;

/// Where a page ended.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Place {
    /// The first day of the range. It stays what it was when the first page was asked for, also past midnight.
    first: Date,
    /// The day to go on with.
    day: Date,
    /// The last visit looked at within that day, when it was not finished.
    after: Option<VisitId>,
}

/// `GET /api/visits`.
pub async fn list(
    access: OwnAccess<CallsRead>,
    State(context): State<Arc<Context>>,
    Params(params): Params,
) -> Result<Json<VisitsPage>, Refusal> {
    list_for(&context, &Viewer::of(&access), &params).await.map(Json)
}

/// The visits that a viewer may see, page by page.
///
/// # Errors
/// A parameter or a cursor that cannot be used, or a filter that is not for this viewer.
pub async fn list_for(
    context: &Context,
    viewer: &Viewer,
    params: &[(String, String)],
) -> Result<VisitsPage, Refusal> {
    let query = VisitsQuery::read(params, context.clock.now())
        .map_err(|fields| Refusal::fields(Code::InvalidQuery, fields))?;
    check(viewer, &query.filter)?;
    let list = format!("visits {:?} {}", viewer.only, query.shape);
    let start = match &query.cursor {
        Some(text) => cursor::open(viewer.tenant, &list, text)?,
        None => Place { first: query.from, day: query.to, after: None },
    };
    let (items, end, searched_to) = walk(context, viewer, &query, start).await?;
    let next = end.and_then(|place| cursor::seal(viewer.tenant, &list, place));
    Ok(VisitsPage { items, next, searched_to })
}

/// The visits found, where to go on, and the earliest day looked at.
async fn walk(
    context: &Context,
    viewer: &Viewer,
    query: &VisitsQuery,
    mut at: Place,
) -> Result<(Vec<VisitLine>, Option<Place>, Date), Refusal> {
    let leaves_out = !viewer.sees_all() || query.filter != VisitFilter::default();
    let (limit, mut items, mut searched_to) = (usize::from(query.limit), Vec::new(), at.day);
    let mut looks_left = LOOKS;
    for _ in 0..READS {
        // One more shows whether the day has more.
        let room = limit.saturating_sub(items.len());
        let ask = if leaves_out { CHUNK } else { room }.min(looks_left);
        if room == 0 || ask == 0 {
            break;
        }
        let most = u16::try_from(ask).unwrap_or(u16::MAX).saturating_add(1);
        let found = context.visits.visits_of_day(viewer.tenant, at.day, at.after, most).await?;
        searched_to = at.day;
        let mut rest = found.iter().take(ask).peekable();
        for visit in rest.by_ref() {
            looks_left = looks_left.saturating_sub(1);
            at.after = Some(visit.id);
            if owns(viewer, visit) && admits(&query.filter, visit) {
                items.push(shown::line(visit, viewer));
            }
            if items.len() >= limit {
                break;
            }
        }
        let is_done = rest.peek().is_none() && found.len() <= ask;
        if is_done {
            if at.day <= at.first {
                return Ok((items, None, searched_to));
            }
            at = Place { day: at.day.saturating_sub(Span::new().days(1)), after: None, ..at };
        }
    }
    Ok((items, Some(at), searched_to))
}

/// Refuses filters that would tell the viewer what they may not see.
fn check(viewer: &Viewer, filter: &VisitFilter) -> Result<(), Refusal> {
    if filter.number.is_some() && !viewer.sees_numbers {
        let detail = format!(
            "visits are found by a number only by those who may see numbers: {}",
            Permission::NumbersRead
        );
        return Err(Refusal::new(Code::NotPermitted, detail));
    }
    let own = match viewer.only {
        Some(Party::Publisher(own)) => filter.publisher.is_none_or(|publisher| publisher == own),
        Some(Party::Buyer(_)) => filter.publisher.is_none(),
        None => true,
    };
    if own {
        return Ok(());
    }
    let mut problems = Problems::new();
    problems.add("publisher", "not_allowed", "not for those who see their own calls only");
    problems.into_result().map_err(|fields| Refusal::fields(Code::NotPermitted, fields))
}

/// Whether a visit is among those asked for.
fn admits(filter: &VisitFilter, visit: &Visit) -> bool {
    filter.tag.is_none_or(|tag| tag == visit.tag)
        && filter.campaign.is_none_or(|campaign| campaign == visit.campaign)
        && filter.publisher.is_none_or(|publisher| visit.publisher == Some(publisher))
        && filter.number.as_ref().is_none_or(|number| visit.number.as_ref() == Some(number))
        && filter.attributed.is_none_or(|attributed| attributed == visit.attributed)
        && filter
            .params
            .iter()
            .all(|(name, wanted)| visit.params.get(name).is_some_and(|value| value.to_lowercase() == *wanted))
        && filter.text.as_ref().is_none_or(|text| says(visit, text))
}

/// Whether a text stands in what is known of a visit.
fn says(visit: &Visit, text: &str) -> bool {
    let pages = visit.pages.iter().flat_map(|page| [page.url.as_str(), page.referrer.as_str()]);
    let params = visit.params.values().map(String::as_str);
    let mut texts = pages.chain(params).chain([visit.geo.city.as_str()]);
    texts.any(|known| known.to_lowercase().contains(text))
}
