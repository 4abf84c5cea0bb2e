//! `/api/me/password`, `/api/me/email`, `/api/me/second-factor`: what one proves oneself with. Whatever changes it gives
//! the browser a new session token.

use std::sync::Arc;

use app::identity::{email, password, second_factor};
use app::secret::Secret;
use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use contract::identity::{LookAtYourMail, RecoveryCodes, SecondFactorBegun};
use http::StatusCode;
use serde::Deserialize;

use super::input::{self, own};
use super::shown;
use crate::access::{Access, Myself};
use crate::body::Body;
use crate::context::Context;
use crate::refusal::Refusal;

/// The old password and the new one.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OldAndNew {
    old_password: Secret,
    password: Secret,
}

/// `POST /api/me/password`.
pub async fn change_password(
    access: Access<Myself>,
    State(context): State<Arc<Context>>,
    Body(body): Body<OldAndNew>,
) -> Result<Response, Refusal> {
    let own = own(&access)?;
    let tools = context.identity_tools();
    let (old, new) = (&body.old_password, &body.password);
    let signed_in = password::change(&tools, &access.by, own.tenant, own.user, old, new).await?;
    shown::with_cookie(&context, &signed_in, StatusCode::NO_CONTENT)
}

/// Another address, and the password once more.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewEmail {
    email: String,
    password: Secret,
}

/// `POST /api/me/email`.
pub async fn change_email(
    access: Access<Myself>,
    State(context): State<Arc<Context>>,
    Body(body): Body<NewEmail>,
) -> Result<Response, Refusal> {
    let own = own(&access)?;
    let to = input::email(&body.email)?;
    let tools = context.identity_tools();
    email::ask(&tools, &access.by, own.tenant, own.user, &to, &body.password).await?;
    let message = "look at the mail of your new address: it says how to go on";
    Ok((StatusCode::ACCEPTED, Json(LookAtYourMail { message })).into_response())
}

/// The password once more.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PasswordOnly {
    password: Secret,
}

/// `POST /api/me/second-factor`.
pub async fn begin_second_factor(
    access: Access<Myself>,
    State(context): State<Arc<Context>>,
    Body(body): Body<PasswordOnly>,
) -> Result<Json<SecondFactorBegun>, Refusal> {
    let own = own(&access)?;
    let tools = context.identity_tools();
    let begun = second_factor::begin(&tools, &access.by, own.tenant, own.user, &body.password).await?;
    let (secret, uri) = (begun.seed.expose().to_owned(), begun.uri.expose().to_owned());
    Ok(Json(SecondFactorBegun { secret, uri }))
}

/// A code of the app.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CodeOnly {
    code: String,
}

/// `POST /api/me/second-factor/confirm`.
pub async fn confirm_second_factor(
    access: Access<Myself>,
    State(context): State<Arc<Context>>,
    Body(body): Body<CodeOnly>,
) -> Result<Response, Refusal> {
    let own = own(&access)?;
    let tools = context.identity_tools();
    let (signed_in, codes) =
        second_factor::confirm(&tools, &access.by, own.tenant, own.user, &body.code).await?;
    let recovery_codes = codes.iter().map(|code| code.expose().to_owned()).collect();
    shown::with_cookie(&context, &signed_in, Json(RecoveryCodes { recovery_codes }))
}

/// `DELETE /api/me/second-factor`.
pub async fn disable_second_factor(
    access: Access<Myself>,
    State(context): State<Arc<Context>>,
    Body(body): Body<PasswordOnly>,
) -> Result<Response, Refusal> {
    let own = own(&access)?;
    let tools = context.identity_tools();
    let signed_in = second_factor::disable(&tools, &access.by, own.tenant, own.user, &body.password).await?;
    shown::with_cookie(&context, &signed_in, StatusCode::NO_CONTENT)
}
