//! `/api/auth…`, `/api/me…`, users, invitations, API keys and the account: who signs in, and what they may do.

mod account;
mod api_keys;
mod auth;
mod input;
mod invitations;
mod me;
mod proof;
mod refusals;
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
        .open(Verb::Post, "/api/auth/sign-up/confirm", auth::confirm_sign_up)
        .open(Verb::Post, "/api/auth/sign-in", auth::sign_in)
        .open(Verb::Post, "/api/auth/sign-in/second-factor", auth::second_step)
        .open(Verb::Post, "/api/auth/password-reset", auth::ask_reset)
        .open(Verb::Post, "/api/auth/password-reset/confirm", auth::reset)
        .open(Verb::Post, "/api/auth/email/confirm", auth::confirm_email)
        .open(Verb::Post, "/api/invitations/accept", auth::accept_invitation)
        .on(Verb::Post, "/api/auth/sign-out", me::sign_out);
    let routes = routes
        .on(Verb::Get, "/api/me", me::get)
        .on(Verb::Patch, "/api/me", me::rename)
        .on(Verb::Get, "/api/me/sessions", me::sessions)
        .on(Verb::Delete, "/api/me/sessions", me::revoke_others)
        .on(Verb::Delete, "/api/me/sessions/{id}", me::revoke)
        .on(Verb::Post, "/api/me/password", proof::change_password)
        .on(Verb::Post, "/api/me/email", proof::change_email)
        .on(Verb::Post, "/api/me/second-factor", proof::begin_second_factor)
        .on(Verb::Post, "/api/me/second-factor/confirm", proof::confirm_second_factor)
        .on(Verb::Delete, "/api/me/second-factor", proof::disable_second_factor);
    let routes = routes
        .on(Verb::Get, "/api/users", users::list)
        .on(Verb::Get, "/api/users/{id}", users::get)
        .on(Verb::Patch, "/api/users/{id}", users::update)
        .on(Verb::Delete, "/api/users/{id}", users::remove)
        .on(Verb::Get, "/api/invitations", invitations::list)
        .on(Verb::Post, "/api/invitations", invitations::invite)
        .on(Verb::Post, "/api/invitations/{id}/resend", invitations::resend)
        .on(Verb::Delete, "/api/invitations/{id}", invitations::revoke);
    routes
        .on(Verb::Get, "/api/api-keys", api_keys::list)
        .on(Verb::Post, "/api/api-keys", api_keys::create)
        .on(Verb::Delete, "/api/api-keys/{id}", api_keys::revoke)
        .on(Verb::Get, "/api/account", account::get)
        .on(Verb::Patch, "/api/account", account::update)
}

/// How far somebody may go with other people's roles.
fn authority_of(principal: &Principal) -> Role {
    match &principal.who {
        Who::User { role, .. } => authority(Some(*role)),
        Who::ApiKey { .. } => authority(None),
    }
}
