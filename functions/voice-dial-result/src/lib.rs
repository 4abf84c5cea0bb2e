//! A dial has ended (its action URL): dials the next valid bid or target, or says goodbye.
//!
//! Idempotency: the step number in the path; a repeat gets the stored answer. A caller who hung up is not routed again.

use std::sync::Arc;

use app::dial_next::{DialEnded, DialNext};
use domain::voice::{Callback, CallbackTo};
use runtime::{HttpRequest, HttpResponse};
use twilio::urls;
use webhook::Door;

/// What the handler needs.
pub struct Context {
    /// Lets signed requests in.
    pub door: Door,
    /// The use case.
    pub dial_next: DialNext,
}

/// Answers one request.
pub async fn handle(context: Arc<Context>, request: HttpRequest) -> HttpResponse {
    let verified = match webhook::open(&context.door, &request).await {
        Ok(verified) => verified,
        Err(refusal) => return refusal,
    };
    let Some(Callback { tenant, call, to: CallbackTo::DialResult(step) }) =
        urls::parse_path(&request.raw_path)
    else {
        return webhook::unknown_path();
    };
    let ended = match twilio::webhook::DialEnded::from_form(&verified.form) {
        Ok(ended) if ended.call_sid == call.sid() => DialEnded {
            caller: ended.call_status,
            dial: ended.dial_call_status,
            child: ended.dial_call_sid,
            talked_s: ended.dial_call_duration,
        },
        Ok(_) => return webhook::wrong_call(),
        Err(error) => return webhook::malformed(&error),
    };
    let answered = context.dial_next.decide(tenant, call, &verified.account, step, &ended).await;
    webhook::step(&context.door, call, step, answered)
}
