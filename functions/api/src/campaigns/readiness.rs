//! What stands between a campaign and its next call.

use std::sync::Arc;

use app::campaigns::{self, Check, State as CheckState};
use axum::Json;
use axum::extract::State;
use contract::campaigns::{Readiness, ReadinessCheck};
use domain::ids::CampaignId;

use crate::access::{Access, CampaignsRead};
use crate::context::Context;
use crate::params::Named;
use crate::refusal::Refusal;

/// `GET /api/campaigns/{id}/readiness`.
pub async fn readiness(
    access: Access<CampaignsRead>,
    State(context): State<Arc<Context>>,
    Named(id): Named<CampaignId>,
) -> Result<Json<Readiness>, Refusal> {
    let tools = context.tools(access.tenant, &access.by);
    let ready = campaigns::readiness(&tools, access.tenant, id).await??;
    Ok(Json(Readiness {
        campaign: id.to_string(),
        takes_calls: ready.takes_calls(),
        blocking: ready.blocking().map(|check| check.code.to_owned()).collect(),
        checks: ready.checks.into_iter().map(shown).collect(),
    }))
}

fn shown(check: Check) -> ReadinessCheck {
    let state = match check.state {
        CheckState::Ok => "ok",
        CheckState::Warning => "warning",
        CheckState::Missing => "missing",
    };
    ReadinessCheck {
        code: check.code.to_owned(),
        state: state.to_owned(),
        message: check.message,
        action: check.action,
        field: check.field,
        object: check.object,
    }
}
