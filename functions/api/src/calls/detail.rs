//! One call.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use contract::calls::CallDetail;
use domain::ids::CallId;

use super::{load, shown};
use crate::access::{Access, CallsRead};
use crate::context::Context;
use crate::params::Named;
use crate::refusal::Refusal;

/// `GET /api/calls/{id}`.
pub async fn detail(
    access: Access<CallsRead>,
    State(context): State<Arc<Context>>,
    Named(id): Named<CallId>,
) -> Result<Json<CallDetail>, Refusal> {
    let record = load(&context, access.tenant, id).await?;
    Ok(Json(CallDetail {
        line: shown::line(&record.call, record.closing.as_ref(), access.sees_numbers),
        campaign_version: record.call.snapshot_version,
        attempts: shown::attempts(&record, access.sees_numbers),
        recordings: shown::recordings(&record),
    }))
}
