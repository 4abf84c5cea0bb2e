//! `/api/auth…`, `/api/me…`, users, invitations, API keys and the account: who signs in, and what they may do.

mod account;
mod api_keys;
mod auth;
mod docs;
mod input;
mod invitations;
mod me;
mod proof;
mod refusals;
mod self_docs;
mod shown;
mod users;

use app::identity::sign_in::authority;
use domain::access::Role;

use crate::access::{Principal, Who};
use crate::routes::{Routes, Verb};

/// Their routes.
pub fn routes(routes: Routes) -> Routes {
    let routes = routes
        .open(Verb::Post, "/api/auth/sign-up", auth::sign_up)
        .doc(self_docs::sign_up)
        .open(Verb::Post, "/api/auth/sign-up/confirm", auth::confirm_sign_up)
        .doc(self_docs::confirm_sign_up)
        .open(Verb::Post, "/api/auth/sign-in", auth::sign_in)
        .doc(self_docs::sign_in)
        .open(Verb::Post, "/api/auth/sign-in/second-factor", auth::second_step)
        .doc(self_docs::second_step)
        .open(Verb::Post, "/api/auth/password-reset", auth::ask_reset)
        .doc(self_docs::ask_reset)
        .open(Verb::Post, "/api/auth/password-reset/confirm", auth::reset)
        .doc(self_docs::reset)
        .open(Verb::Post, "/api/auth/email/confirm", auth::confirm_email)
        .doc(self_docs::confirm_email)
        .open(Verb::Post, "/api/invitations/accept", auth::accept_invitation)
        .doc(self_docs::accept_invitation)
        .on(Verb::Post, "/api/auth/sign-out", me::sign_out)
        .doc(self_docs::sign_out);
    let routes = routes
        .on(Verb::Get, "/api/me", me::get)
        .doc(self_docs::me)
        .on(Verb::Patch, "/api/me", me::rename)
        .doc(self_docs::rename)
        .on(Verb::Get, "/api/me/sessions", me::sessions)
        .doc(self_docs::sessions)
        .on(Verb::Delete, "/api/me/sessions", me::revoke_others)
        .doc(self_docs::revoke_others)
        .on(Verb::Delete, "/api/me/sessions/{id}", me::revoke)
        .doc(self_docs::revoke_session)
        .on(Verb::Post, "/api/me/password", proof::change_password)
        .doc(self_docs::change_password)
        .on(Verb::Post, "/api/me/email", proof::change_email)
        .doc(self_docs::change_email)
        .on(Verb::Post, "/api/me/second-factor", proof::begin_second_factor)
        .doc(self_docs::begin_second_factor)
        .on(Verb::Post, "/api/me/second-factor/confirm", proof::confirm_second_factor)
        .doc(self_docs::confirm_second_factor)
        .on(Verb::Delete, "/api/me/second-factor", proof::disable_second_factor)
        .doc(self_docs::disable_second_factor);
    let routes = routes
        .on(Verb::Get, "/api/users", users::list)
        .doc(docs::users)
        .on(Verb::Get, "/api/users/{id}", users::get)
        .doc(docs::user)
        .on(Verb::Patch, "/api/users/{id}", users::update)
        .doc(docs::update_user)
        .on(Verb::Delete, "/api/users/{id}", users::remove)
        .doc(docs::remove_user)
        .on(Verb::Get, "/api/invitations", invitations::list)
        .doc(docs::invitations)
        .on(Verb::Post, "/api/invitations", invitations::invite)
        .doc(docs::invite)
        .on(Verb::Post, "/api/invitations/{id}/resend", invitations::resend)
        .doc(docs::resend)
        .on(Verb::Delete, "/api/invitations/{id}", invitations::revoke)
        .doc(docs::revoke_invitation);
    routes
        .on(Verb::Get, "/api/api-keys", api_keys::list)
        .doc(docs::api_keys)
        .on(Verb::Post, "/api/api-keys", api_keys::create)
        .doc(docs::create_api_key)
        .on(Verb::Delete, "/api/api-keys/{id}", api_keys::revoke)
        .doc(docs::revoke_api_key)
        .on(Verb::Get, "/api/account", account::get)
        .doc(docs::account)
        .on(Verb::Patch, "/api/account", account::update)
        .doc(docs::update_account)
}

/// How far somebody may go with other people's roles.
fn authority_of(principal: &Principal) -> Role {
    match &principal.who {
        Who::User { role, .. } => authority(Some(*role)),
        Who::ApiKey { .. } => authority(None),
    }
}
