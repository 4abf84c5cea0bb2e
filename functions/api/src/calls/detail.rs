//! One call.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use contract::calls::CallDetail;
use domain::ids::CallId;

use super::{Viewer, load, shown};
use crate::access::{CallsRead, OwnAccess};
use crate::context::Context;
use crate::params::Named;
use crate::refusal::Refusal;

/// `GET /api/calls/{id}`.
pub async fn detail(
    access: OwnAccess<CallsRead>,
    State(context): State<Arc<Context>>,
    Named(id): Named<CallId>,
) -> Result<Json<CallDetail>, Refusal> {
    detail_for(&context, &Viewer::of(&access), id).await.map(Json)
}

/// One call as a viewer may see it.
///
/// # Errors
/// It does not exist for them.
pub async fn detail_for(context: &Context, viewer: &Viewer, id: CallId) -> Result<CallDetail, Refusal> {
    let record = load(context, viewer, id).await?;
    Ok(CallDetail {
        line: shown::line(&record.call, record.closing.as_ref(), viewer),
        campaign_version: record.call.snapshot_version,
        tags: shown::tags(&record.call, viewer),
        attempts: shown::attempts(&record, viewer),
        recordings: shown::recordings(&record, viewer),
    })
}
