//! One visit, with its calls.

use std::sync::Arc;

use app::read_visits::calls_of;
use axum::Json;
use axum::extract::State;
use contract::visits::VisitDetail;
use domain::ids::VisitId;

use super::{owns, shown};
use crate::access::{CallsRead, OwnAccess};
use crate::calls::{Viewer, line_view};
use crate::context::Context;
use crate::params::Named;
use crate::refusal::Refusal;

/// Most calls of a visit that are shown.
const MOST_CALLS: usize = 50;

/// `GET /api/visits/{id}`.
pub async fn detail(
    access: OwnAccess<CallsRead>,
    State(context): State<Arc<Context>>,
    Named(id): Named<VisitId>,
) -> Result<Json<VisitDetail>, Refusal> {
    detail_for(&context, &Viewer::of(&access), id).await.map(Json)
}

/// One visit as a viewer may see it.
///
/// # Errors
/// It does not exist for them.
pub async fn detail_for(context: &Context, viewer: &Viewer, id: VisitId) -> Result<VisitDetail, Refusal> {
    let visit = context.visits.visit(viewer.tenant, id).await?;
    let visit = visit.filter(|visit| owns(viewer, visit)).ok_or_else(Refusal::not_found)?;
    let ports = (context.visits.as_ref(), context.calls.as_ref());
    let records = calls_of(ports, viewer.tenant, id, MOST_CALLS).await?;
    let own = records.iter().filter(|record| viewer.owns(&record.call, record.closing.as_ref()));
    Ok(VisitDetail {
        line: shown::whole(&visit, viewer),
        first: shown::params(&visit.first, viewer),
        last: shown::params(&visit.last, viewer),
        pages: shown::pages(&visit, viewer),
        device: visit.device.clone(),
        calls: own.map(|record| line_view(&record.call, record.closing.as_ref(), viewer)).collect(),
    })
}
