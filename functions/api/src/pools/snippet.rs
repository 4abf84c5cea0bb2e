//! `GET /api/tracking-tags/{id}/snippet`: what is put into a page.

use std::sync::Arc;

use app::catalog;
use axum::Json;
use axum::extract::State;
use contract::number_script::{Snippet, latest};
use domain::dni::tag::TrackingTag;
use domain::ids::TrackingTagId;

use crate::access::{Access, TrackingTagsRead};
use crate::context::Context;
use crate::params::Named;
use crate::refusal::Refusal;

pub async fn snippet(
    access: Access<TrackingTagsRead>,
    State(context): State<Arc<Context>>,
    Named(id): Named<TrackingTagId>,
) -> Result<Json<Snippet>, Refusal> {
    let tools = context.tools(access.tenant, &access.by);
    if catalog::get::<TrackingTag>(&tools, access.tenant, id).await?.is_none() {
        return Err(Refusal::not_found());
    }
    let release = latest().ok_or_else(Refusal::internal)?;
    Ok(Json(Snippet::of(&context.dni_origin, &id.to_string(), release)))
}
