//! `/api/invitations…`.

use std::sync::Arc;

use app::identity::invitations as deeds;
use axum::Json;
use axum::extract::State;
use contract::identity::{InvitationShown, Invite};
use contract::page::Page;
use domain::ids::InvitationId;
use http::StatusCode;

use super::input::{email, next, page};
use super::{authority_of, shown};
use crate::access::{Access, UsersRead, UsersWrite};
use crate::body::Body;
use crate::context::Context;
use crate::params::{Named, Params};
use crate::refusal::Refusal;

/// `GET /api/invitations`: searched by address; also expired ones, for a month.
pub async fn list(
    access: Access<UsersRead>,
    State(context): State<Arc<Context>>,
    params: Params,
) -> Result<Json<Page<InvitationShown>>, Refusal> {
    let (listing, name) = page(access.tenant, "invitations", params)?;
    let (items, end) = deeds::list(&context.identity_tools(), access.tenant, &listing).await?;
    let items = items.into_iter().map(shown::invitation).collect();
    Ok(Json(Page { items, next: next(access.tenant, &name, end) }))
}

/// `POST /api/invitations`.
pub async fn invite(
    access: Access<UsersWrite>,
    State(context): State<Arc<Context>>,
    Body(body): Body<Invite>,
) -> Result<(StatusCode, Json<InvitationShown>), Refusal> {
    let invite = deeds::Invite { email: email(&body.email)?, role: body.role, party: body.party };
    let authority = authority_of(&access.principal);
    let tools = context.identity_tools();
    let invitation = deeds::invite(&tools, &access.by, authority, access.tenant, invite).await?;
    Ok((StatusCode::CREATED, Json(shown::invitation(invitation))))
}

/// `POST /api/invitations/{id}/resend`.
pub async fn resend(
    access: Access<UsersWrite>,
    State(context): State<Arc<Context>>,
    Named(id): Named<InvitationId>,
) -> Result<Json<InvitationShown>, Refusal> {
    let authority = authority_of(&access.principal);
    let tools = context.identity_tools();
    let invitation = deeds::resend(&tools, &access.by, authority, access.tenant, id).await?;
    Ok(Json(shown::invitation(invitation)))
}

/// `DELETE /api/invitations/{id}`.
pub async fn revoke(
    access: Access<UsersWrite>,
    State(context): State<Arc<Context>>,
    Named(id): Named<InvitationId>,
) -> Result<StatusCode, Refusal> {
    let authority = authority_of(&access.principal);
    deeds::revoke(&context.identity_tools(), &access.by, authority, access.tenant, id).await?;
    Ok(StatusCode::NO_CONTENT)
}
