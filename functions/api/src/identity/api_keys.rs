//! `/api/api-keys…`. A key is never changed: make a new one and revoke the old.

use std::sync::Arc;

use app::identity::keys::{self, NewKey};
use axum::Json;
use axum::extract::State;
use contract::identity::{ApiKeyMade, ApiKeyShown, NewApiKey};
use contract::page::Page;
use domain::access::Grant;
use domain::ids::ApiKeyId;
use http::StatusCode;

use super::input::{next, page};
use super::shown;
use crate::access::{Access, ApiKeysRead, ApiKeysWrite};
use crate::body::Body;
use crate::context::Context;
use crate::params::{Named, Params};
use crate::refusal::Refusal;

/// `GET /api/api-keys`: searched by name.
pub async fn list(
    access: Access<ApiKeysRead>,
    State(context): State<Arc<Context>>,
    params: Params,
) -> Result<Json<Page<ApiKeyShown>>, Refusal> {
    let (listing, name) = page(access.tenant, "api-keys", params)?;
    let (items, end) = keys::list(&context.identity_tools(), access.tenant, &listing).await?;
    let items = items.into_iter().map(shown::api_key).collect();
    Ok(Json(Page { items, next: next(access.tenant, &name, end) }))
}

/// `POST /api/api-keys`: the answer holds the token, which is not shown again.
pub async fn create(
    access: Access<ApiKeysWrite>,
    State(context): State<Arc<Context>>,
    Body(body): Body<NewApiKey>,
) -> Result<(StatusCode, Json<ApiKeyMade>), Refusal> {
    let new = NewKey { name: body.name, scopes: body.scopes, expires_at: body.expires_at };
    let may = |permission| access.principal.grant(permission) == Grant::All;
    let tools = context.identity_tools();
    let (key, token) = keys::create(&tools, &access.by, access.tenant, new, &may).await?;
    let made = ApiKeyMade { key: shown::api_key(key), token: token.expose().to_owned() };
    Ok((StatusCode::CREATED, Json(made)))
}

/// `DELETE /api/api-keys/{id}`.
pub async fn revoke(
    access: Access<ApiKeysWrite>,
    State(context): State<Arc<Context>>,
    Named(id): Named<ApiKeyId>,
) -> Result<StatusCode, Refusal> {
    keys::revoke(&context.identity_tools(), &access.by, access.tenant, id).await?;
    Ok(StatusCode::NO_CONTENT)
}
