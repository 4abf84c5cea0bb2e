//! `/api/me…`: oneself, and one's sessions.

use std::sync::Arc;

use app::identity::users::{self, UserPatch};
use app::identity::{sessions as all_sessions, sign_in};
use axum::Json;
use axum::extract::State;
use axum::response::Response;
use contract::identity::{Me, SessionShown, SessionsEnded, UserShown};
use contract::page::Page;
use domain::ids::SessionId;
use http::StatusCode;
use serde::Deserialize;

use super::input::own;
use super::{authority_of, shown};
use crate::access::{Access, Myself};
use crate::body::Body;
use crate::context::Context;
use crate::params::Named;
use crate::refusal::Refusal;

/// `GET /api/me`.
pub async fn get(access: Access<Myself>, State(context): State<Arc<Context>>) -> Result<Json<Me>, Refusal> {
    let own = own(&access)?;
    let (account, user) = users::myself(&context.identity_tools(), own.tenant, own.user).await?;
    Ok(Json(shown::me(account, user)))
}

/// Another name.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rename {
    version: u64,
    name: String,
}

/// `PATCH /api/me`.
pub async fn rename(
    access: Access<Myself>,
    State(context): State<Arc<Context>>,
    Body(body): Body<Rename>,
) -> Result<Json<UserShown>, Refusal> {
    let own = own(&access)?;
    let patch = UserPatch { version: body.version, name: Some(body.name), ..UserPatch::default() };
    let authority = authority_of(&access.principal);
    let tools = context.identity_tools();
    let user = users::update(&tools, &access.by, authority, own.tenant, own.user, &patch).await?;
    Ok(Json(shown::user(user)))
}

/// `POST /api/auth/sign-out`.
pub async fn sign_out(
    access: Access<Myself>,
    State(context): State<Arc<Context>>,
) -> Result<Response, Refusal> {
    let own = own(&access)?;
    let tools = context.identity_tools();
    sign_in::sign_out(&tools, &access.by, own.tenant, own.user, own.session, own.token_hash).await?;
    shown::without_cookie(&context, StatusCode::NO_CONTENT)
}

/// `GET /api/me/sessions`: at most 20, so they are one page.
pub async fn sessions(
    access: Access<Myself>,
    State(context): State<Arc<Context>>,
) -> Result<Json<Page<SessionShown>>, Refusal> {
    let own = own(&access)?;
    let sessions = all_sessions::list(&context.identity_tools(), own.tenant, own.user).await?;
    let items = sessions.into_iter().map(|session| shown::session(session, own.session)).collect();
    Ok(Json(Page { items, next: None }))
}

/// `DELETE /api/me/sessions`: all but the one that asks.
pub async fn revoke_others(
    access: Access<Myself>,
    State(context): State<Arc<Context>>,
) -> Result<Json<SessionsEnded>, Refusal> {
    let own = own(&access)?;
    let tools = context.identity_tools();
    let ended = all_sessions::revoke_others(&tools, &access.by, own.tenant, own.user, own.session).await?;
    Ok(Json(SessionsEnded { ended }))
}

/// `DELETE /api/me/sessions/{id}`.
pub async fn revoke(
    access: Access<Myself>,
    State(context): State<Arc<Context>>,
    Named(id): Named<SessionId>,
) -> Result<StatusCode, Refusal> {
    let own = own(&access)?;
    all_sessions::revoke(&context.identity_tools(), &access.by, own.tenant, own.user, id).await?;
    Ok(StatusCode::NO_CONTENT)
}
