//! Switching a campaign on and off, and copying it.

use std::sync::Arc;

use app::campaigns;
use axum::Json;
use axum::extract::State;
use axum::response::IntoResponse;
use contract::campaigns::Duplicate;
use contract::resource::Resource;
use domain::ids::CampaignId;
use http::StatusCode;
use http::header::LOCATION;

use crate::access::{Access, CampaignsWrite};
use crate::body::Body;
use crate::context::Context;
use crate::nouns::resource;
use crate::params::Named;
use crate::refusal::Refusal;

/// `POST /api/campaigns/{id}/pause`.
pub async fn pause(
    access: Access<CampaignsWrite>,
    State(context): State<Arc<Context>>,
    Named(id): Named<CampaignId>,
) -> Result<Json<Resource>, Refusal> {
    let tools = context.tools(access.tenant, &access.by);
    let stored = campaigns::pause(&tools, access.tenant, id).await??;
    Ok(Json(resource(stored.record, stored.warnings)))
}

/// `POST /api/campaigns/{id}/activate`.
pub async fn activate(
    access: Access<CampaignsWrite>,
    State(context): State<Arc<Context>>,
    Named(id): Named<CampaignId>,
) -> Result<Json<Resource>, Refusal> {
    let tools = context.tools(access.tenant, &access.by);
    let stored = campaigns::activate(&tools, access.tenant, id).await??;
    Ok(Json(resource(stored.record, stored.warnings)))
}

/// `POST /api/campaigns/{id}/duplicate`.
pub async fn duplicate(
    access: Access<CampaignsWrite>,
    State(context): State<Arc<Context>>,
    Named(id): Named<CampaignId>,
    Body(wishes): Body<Duplicate>,
) -> Result<impl IntoResponse, Refusal> {
    let tools = context.tools(access.tenant, &access.by);
    let stored = campaigns::duplicate(&tools, access.tenant, id, wishes.name).await??;
    let location = format!("/api/campaigns/{}", stored.record.id);
    Ok((StatusCode::CREATED, [(LOCATION, location)], Json(resource(stored.record, stored.warnings))))
}
