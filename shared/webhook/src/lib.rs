//! What the functions that answer Twilio have in common: in through the door, out as TwiML or as a problem.
//!
//! The one crate of `shared/` that joins two neighbours (`runtime` and `twilio`), so that neither has to know the other.
//! What must stay true: nothing is read or written before the signature holds; a failure of ours is a 503, which makes
//! Twilio ask once more and then take the number's static fallback document, so a caller is never left in silence.

use app::place::StepAnswer;
use app::ports::PortResult;
use domain::ids::CallId;
use domain::voice::Reply;
use runtime::run::Chain;
use runtime::{HttpRequest, HttpResponse, TwilioAccounts};
use twilio::door::{Door, Knock, Verified};
use twilio::signature::SIGNATURE_HEADER;
use twilio::twiml;
use twilio::urls::{BaseUrlError, Urls};
use twilio::webhook::WebhookError;

/// A door for the configured accounts.
///
/// # Errors
/// The public base URL cannot be used.
pub fn door(public_base_url: &str, accounts: &TwilioAccounts) -> Result<Door, BaseUrlError> {
    let tokens = accounts.iter().map(|account| {
        let tokens = account.auth_tokens.iter().map(|token| token.expose().to_owned()).collect();
        (account.account_sid.clone(), tokens)
    });
    Ok(Door::new(Urls::new(public_base_url)?, tokens))
}

/// Lets a request in, or says why not.
///
/// # Errors
/// The answer that refuses.
pub fn open(door: &Door, request: &HttpRequest) -> Result<Verified, HttpResponse> {
    let knock = Knock {
        raw_path: &request.raw_path,
        raw_query: &request.raw_query,
        signature: request.header(SIGNATURE_HEADER),
        body: &request.body,
    };
    door.open(knock)
        .map_err(|refused| HttpResponse::problem(refused.status(), refused.code(), &refused.to_string()))
}

/// TwiML.
pub fn reply(door: &Door, reply: &Reply) -> HttpResponse {
    HttpResponse::xml(twiml::write(reply, door.urls()))
}

/// The answer to a step of a call.
pub fn step(door: &Door, call: CallId, step: u16, answered: PortResult<StepAnswer>) -> HttpResponse {
    match answered {
        Ok(StepAnswer::Reply(answer)) => reply(door, &answer),
        Ok(StepAnswer::UnknownCall) => unknown_call(),
        Ok(StepAnswer::WrongAccount) => wrong_account(),
        Err(error) => {
            tracing::error!(%call, step, error = %Chain(&error), "step of a call could not be answered");
            unavailable()
        }
    }
}

/// 400: a parameter is absent or cannot be read.
pub fn malformed(error: &WebhookError) -> HttpResponse {
    HttpResponse::problem(400, "malformed_webhook", &error.to_string())
}

/// 400: the form speaks of another call than the path.
pub fn wrong_call() -> HttpResponse {
    HttpResponse::problem(400, "wrong_call", "the call in the form is not the call in the path")
}

/// 403: signed, but by an account that does not own what it asks about.
pub fn wrong_account() -> HttpResponse {
    HttpResponse::problem(403, "wrong_account", "this Twilio account does not own the number that was called")
}

/// 404: no webhook lives here.
pub fn unknown_path() -> HttpResponse {
    HttpResponse::problem(404, "unknown_path", "this is not the path of a webhook")
}

/// 404: never heard of it.
pub fn unknown_call() -> HttpResponse {
    HttpResponse::problem(404, "unknown_call", "there is no such call")
}

/// 503: our fault; Twilio may ask again.
pub fn unavailable() -> HttpResponse {
    HttpResponse::problem(503, "unavailable", "this cannot be answered right now; ask again")
}
