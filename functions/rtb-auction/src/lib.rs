//! Runs the ring tree for a waiting caller (reached by `<Redirect>`) and dials the winner.
//!
//! Idempotency: the step number in the path; a repeat gets the stored answer, or waits for it, or takes the static route.

use std::sync::Arc;

use app::run_auction::RunAuction;
use domain::voice::{Callback, CallbackTo};
use runtime::{HttpRequest, HttpResponse};
use twilio::urls;
use twilio::webhook::InboundCall;
use webhook::Door;

/// What the handler needs.
pub struct Context {
    /// Lets signed requests in.
    pub door: Door,
    /// The use case.
    pub run_auction: RunAuction,
}

/// Answers one request.
pub async fn handle(context: Arc<Context>, request: HttpRequest) -> HttpResponse {
    let verified = match webhook::open(&context.door, &request).await {
        Ok(verified) => verified,
        Err(refusal) => return refusal,
    };
    let Some(Callback { tenant, call, to: CallbackTo::Auction(step) }) = urls::parse_path(&request.raw_path)
    else {
        return webhook::unknown_path();
    };
    let caller = match InboundCall::from_form(&verified.form) {
        Ok(inbound) if inbound.call_sid == call.sid() => inbound.call_status,
        Ok(_) => return webhook::wrong_call(),
        Err(error) => return webhook::malformed(&error),
    };
    let answered = context.run_auction.run(tenant, call, &verified.account, step, caller).await;
    webhook::step(&context.door, call, step, answered)
}
