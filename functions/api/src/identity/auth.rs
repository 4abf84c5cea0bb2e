//! `/api/auth…` for whoever is not signed in: signing up, signing in, new passwords, links that were mailed.

use std::sync::Arc;

use app::identity::sign_in::SignIn;
use app::identity::{email, invitations, password, sign_in as signing_in, sign_up as signing_up};
use app::secret::Secret;
use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use contract::identity::{LookAtYourMail, SignInAnswer, SignUp};
use domain::people::AccountSettings;
use http::StatusCode;
use serde::Deserialize;

use super::input::{self, Visiting};
use super::shown;
use crate::body::Body;
use crate::context::Context;
use crate::refusal::Refusal;

fn look_at_your_mail() -> Response {
    let message = "look at your mail: it says how to go on";
    (StatusCode::ACCEPTED, Json(LookAtYourMail { message })).into_response()
}

/// `POST /api/auth/sign-up`.
pub async fn sign_up(
    State(context): State<Arc<Context>>,
    Visiting(visitor): Visiting,
    Body(body): Body<SignUp>,
) -> Result<Response, Refusal> {
    let sign_up = signing_up::SignUp {
        email: input::email(&body.email)?,
        name: body.name,
        settings: AccountSettings {
            name: body.account_name,
            currency: body.currency,
            time_zone: body.time_zone.unwrap_or_else(|| "UTC".to_owned()),
        },
    };
    signing_up::ask(&context.identity_tools(), &visitor, sign_up).await?;
    Ok(look_at_your_mail())
}

/// A mailed token and the password that is chosen with it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TokenAndPassword {
    token: Secret,
    password: Secret,
}

/// `POST /api/auth/sign-up/confirm`.
pub async fn confirm_sign_up(
    State(context): State<Arc<Context>>,
    Visiting(visitor): Visiting,
    Body(body): Body<TokenAndPassword>,
) -> Result<Response, Refusal> {
    let tools = context.identity_tools();
    let signed_in = signing_up::confirm(&tools, &visitor, &body.token, &body.password).await?;
    let me = shown::me_of(&context, &signed_in).await?;
    shown::with_cookie(&context, &signed_in, (StatusCode::CREATED, Json(me)))
}

/// Address and password.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EmailAndPassword {
    email: String,
    password: Secret,
}

/// `POST /api/auth/sign-in`.
pub async fn sign_in(
    State(context): State<Arc<Context>>,
    Visiting(visitor): Visiting,
    Body(body): Body<EmailAndPassword>,
) -> Result<Response, Refusal> {
    let tools = context.identity_tools();
    match signing_in::sign_in(&tools, &visitor, &body.email, &body.password).await? {
        SignIn::Done(signed_in) => {
            let me = Box::new(shown::me_of(&context, &signed_in).await?);
            shown::with_cookie(&context, &signed_in, Json(SignInAnswer::SignedIn { me }))
        }
        SignIn::SecondStep { token, expires_at } => {
            let token = token.expose().to_owned();
            Ok(Json(SignInAnswer::SecondFactorNeeded { token, expires_at }).into_response())
        }
    }
}

/// The token of the first step, and a code.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TokenAndCode {
    token: Secret,
    code: String,
}

/// `POST /api/auth/sign-in/second-factor`.
pub async fn second_step(
    State(context): State<Arc<Context>>,
    Visiting(visitor): Visiting,
    Body(body): Body<TokenAndCode>,
) -> Result<Response, Refusal> {
    let tools = context.identity_tools();
    let signed_in = signing_in::second_step(&tools, &visitor, &body.token, &body.code).await?;
    let me = Box::new(shown::me_of(&context, &signed_in).await?);
    shown::with_cookie(&context, &signed_in, Json(SignInAnswer::SignedIn { me }))
}

/// An address.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EmailOnly {
    email: String,
}

/// `POST /api/auth/password-reset`.
pub async fn ask_reset(
    State(context): State<Arc<Context>>,
    Visiting(visitor): Visiting,
    Body(body): Body<EmailOnly>,
) -> Result<Response, Refusal> {
    let email = input::email(&body.email)?;
    password::ask_reset(&context.identity_tools(), &visitor, &email).await?;
    Ok(look_at_your_mail())
}

/// `POST /api/auth/password-reset/confirm`.
pub async fn reset(
    State(context): State<Arc<Context>>,
    Visiting(visitor): Visiting,
    Body(body): Body<TokenAndPassword>,
) -> Result<Response, Refusal> {
    password::reset(&context.identity_tools(), &visitor, &body.token, &body.password).await?;
    shown::without_cookie(&context, StatusCode::NO_CONTENT)
}

/// A mailed token.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TokenOnly {
    token: Secret,
}

/// `POST /api/auth/email/confirm`.
pub async fn confirm_email(
    State(context): State<Arc<Context>>,
    Visiting(visitor): Visiting,
    Body(body): Body<TokenOnly>,
) -> Result<StatusCode, Refusal> {
    email::confirm(&context.identity_tools(), &visitor, &body.token).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// A mailed token, and who accepts.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Acceptance {
    token: Secret,
    name: String,
    password: Secret,
}

/// `POST /api/invitations/accept`.
pub async fn accept_invitation(
    State(context): State<Arc<Context>>,
    Visiting(visitor): Visiting,
    Body(body): Body<Acceptance>,
) -> Result<Response, Refusal> {
    let tools = context.identity_tools();
    let signed_in = invitations::accept(&tools, &visitor, &body.token, &body.name, &body.password).await?;
    let me = shown::me_of(&context, &signed_in).await?;
    shown::with_cookie(&context, &signed_in, (StatusCode::CREATED, Json(me)))
}
