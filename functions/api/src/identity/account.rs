//! `/api/account`: the account's settings.

use std::sync::Arc;

use app::identity::account as deeds;
use axum::Json;
use axum::extract::State;
use contract::identity::{AccountPatch, AccountShown};
use domain::people::AccountSettings;

use super::shown;
use crate::access::{Access, AccountRead, AccountWrite};
use crate::body::Body;
use crate::context::Context;
use crate::refusal::Refusal;

/// `GET /api/account`.
pub async fn get(
    access: Access<AccountRead>,
    State(context): State<Arc<Context>>,
) -> Result<Json<AccountShown>, Refusal> {
    Ok(Json(shown::account(deeds::get(&context.identity_tools(), access.tenant).await?)))
}

/// `PATCH /api/account`.
pub async fn update(
    access: Access<AccountWrite>,
    State(context): State<Arc<Context>>,
    Body(body): Body<AccountPatch>,
) -> Result<Json<AccountShown>, Refusal> {
    let tools = context.identity_tools();
    let now = deeds::get(&tools, access.tenant).await?.settings;
    let settings = AccountSettings {
        name: body.name.unwrap_or(now.name),
        currency: body.currency.unwrap_or(now.currency),
        time_zone: body.time_zone.unwrap_or(now.time_zone),
    };
    let account = deeds::update(&tools, &access.by, access.tenant, body.version, settings).await?;
    Ok(Json(shown::account(account)))
}
