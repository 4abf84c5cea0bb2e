//! `/api/users…`.

use std::sync::Arc;

use app::identity::users::{self, UserPatch};
use axum::Json;
use axum::extract::State;
use contract::identity::{UserChange, UserShown};
use contract::page::Page;
use domain::ids::UserId;
use http::StatusCode;

use super::input::{next, page};
use super::{authority_of, shown};
use crate::access::{Access, UsersRead, UsersWrite};
use crate::body::Body;
use crate::context::Context;
use crate::params::{Named, Params};
use crate::refusal::Refusal;

/// `GET /api/users`: searched by name and address.
pub async fn list(
    access: Access<UsersRead>,
    State(context): State<Arc<Context>>,
    params: Params,
) -> Result<Json<Page<UserShown>>, Refusal> {
    let (listing, name) = page(access.tenant, "users", params)?;
    let (items, end) = users::list(&context.identity_tools(), access.tenant, &listing).await?;
    let items = items.into_iter().map(shown::user).collect();
    Ok(Json(Page { items, next: next(access.tenant, &name, end) }))
}

/// `GET /api/users/{id}`.
pub async fn get(
    access: Access<UsersRead>,
    State(context): State<Arc<Context>>,
    Named(id): Named<UserId>,
) -> Result<Json<UserShown>, Refusal> {
    Ok(Json(shown::user(users::get(&context.identity_tools(), access.tenant, id).await?)))
}

/// `PATCH /api/users/{id}`.
pub async fn update(
    access: Access<UsersWrite>,
    State(context): State<Arc<Context>>,
    Named(id): Named<UserId>,
    Body(body): Body<UserChange>,
) -> Result<Json<UserShown>, Refusal> {
    let patch = UserPatch {
        version: body.version,
        name: body.name,
        role: body.role,
        party: body.party,
        status: body.status,
    };
    let authority = authority_of(&access.principal);
    let tools = context.identity_tools();
    let user = users::update(&tools, &access.by, authority, access.tenant, id, &patch).await?;
    Ok(Json(shown::user(user)))
}

/// `DELETE /api/users/{id}`.
pub async fn remove(
    access: Access<UsersWrite>,
    State(context): State<Arc<Context>>,
    Named(id): Named<UserId>,
) -> Result<StatusCode, Refusal> {
    let authority = authority_of(&access.principal);
    users::remove(&context.identity_tools(), &access.by, authority, access.tenant, id).await?;
    Ok(StatusCode::NO_CONTENT)
}
