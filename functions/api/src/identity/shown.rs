//! People, keys and the account as the API shows them, and the cookie that goes with signing in.

use app::identity::sessions::{LIFETIME, SignedIn};
use app::identity::users;
use app::ports::{ApiKey, Session};
use axum::http::header::SET_COOKIE;
use axum::response::{IntoResponse, Response};
use contract::identity::{AccountShown, ApiKeyShown, InvitationShown, Me, SessionShown, UserShown};
use domain::access::{Grant, Permission};
use domain::ids::SessionId;
use domain::people::{Account, Invitation, User};

use crate::context::Context;
use crate::cookies;
use crate::refusal::Refusal;

pub fn account(account: Account) -> AccountShown {
    AccountShown {
        id: account.id,
        name: account.settings.name,
        currency: account.settings.currency,
        time_zone: account.settings.time_zone,
        created_at: account.created_at,
        updated_at: account.updated_at,
        version: account.version,
    }
}

pub fn user(user: User) -> UserShown {
    UserShown {
        id: user.id,
        email: user.email.as_str().to_owned(),
        name: user.name,
        role: user.role,
        party: user.party,
        status: user.status,
        second_factor: user.second_factor,
        last_sign_in_at: user.last_sign_in_at,
        created_at: user.created_at,
        updated_at: user.updated_at,
        version: user.version,
    }
}

pub fn session(session: Session, own: SessionId) -> SessionShown {
    SessionShown {
        id: session.id,
        current: session.id == own,
        created_at: session.created_at,
        last_used_at: session.last_used_at,
        expires_at: session.expires_at,
        network: session.origin.network,
        agent: session.origin.agent,
    }
}

pub fn invitation(invitation: Invitation) -> InvitationShown {
    InvitationShown {
        id: invitation.id,
        email: invitation.email.as_str().to_owned(),
        role: invitation.role,
        party: invitation.party,
        invited_by: invitation.invited_by,
        created_at: invitation.created_at,
        sent_at: invitation.sent_at,
        expires_at: invitation.expires_at,
    }
}

pub fn api_key(key: ApiKey) -> ApiKeyShown {
    ApiKeyShown {
        id: key.id,
        name: key.name,
        scopes: key.scopes,
        created_at: key.created_at,
        expires_at: key.expires_at,
        last_used_at: key.last_used_at,
    }
}

/// Who is signed in, and what they may do.
pub fn me(own: Account, person: User) -> Me {
    let granted = |wanted: Grant| {
        let permissions =
            Permission::ALL.iter().filter(|permission| person.role.grant(**permission) == wanted);
        permissions.map(|permission| permission.as_str().to_owned()).collect()
    };
    let (permissions, own_permissions) = (granted(Grant::All), granted(Grant::Own));
    Me { user: user(person), account: account(own), permissions, own_permissions }
}

/// The same for somebody who just signed in.
pub async fn me_of(context: &Context, signed_in: &SignedIn) -> Result<Me, Refusal> {
    let tools = context.identity_tools();
    let (account, user) = users::myself(&tools, signed_in.session.tenant, signed_in.session.user).await?;
    Ok(me(account, user))
}

/// An answer that signs the browser in.
pub fn with_cookie(
    context: &Context,
    signed_in: &SignedIn,
    answer: impl IntoResponse,
) -> Result<Response, Refusal> {
    let seconds = LIFETIME.as_secs().unsigned_abs();
    let cookie = cookies::set_session(&context.app_origin, signed_in.token.expose(), seconds);
    let cookie = cookie.ok_or_else(Refusal::internal)?;
    Ok(([(SET_COOKIE, cookie)], answer).into_response())
}

/// An answer that signs the browser out.
pub fn without_cookie(context: &Context, answer: impl IntoResponse) -> Result<Response, Refusal> {
    let cookie = cookies::clear_session(&context.app_origin).ok_or_else(Refusal::internal)?;
    Ok(([(SET_COOKIE, cookie)], answer).into_response())
}
