//! Answers Twilio when a call reaches one of our numbers, or the SIP address of a bid (VoiceUrl).
//!
//! Idempotency: the CallSid; a repeat gets the stored answer.

use std::sync::Arc;

use app::answer_call::{Answer, AnswerCall, Incoming};
use domain::ids::TenantId;
use runtime::run::Chain;
use runtime::{HttpRequest, HttpResponse};
use twilio::webhook::InboundCall;
use webhook::Door;

/// What the handler needs.
pub struct Context {
    /// Lets signed requests in.
    pub door: Door,
    /// The use case.
    pub answer_call: AnswerCall,
}

/// Answers one request.
pub async fn handle(context: Arc<Context>, request: HttpRequest) -> HttpResponse {
    let verified = match webhook::open(&context.door, &request).await {
        Ok(verified) => verified,
        Err(refusal) => return refusal,
    };
    match InboundCall::from_form(&verified.form) {
        Ok(inbound) => answer(&context, &incoming(inbound, verified.tenant)).await,
        Err(error) => webhook::malformed(&error),
    }
}

async fn answer(context: &Context, incoming: &Incoming) -> HttpResponse {
    // On the heap: it holds all that a call's answer needs.
    match Box::pin(context.answer_call.answer(incoming)).await {
        Ok(Answer::Taken(reply)) => webhook::reply(&context.door, &reply),
        Ok(Answer::NotTaken(reply, why)) => {
            tracing::warn!(call = %incoming.call_sid, why = why.code(), "call not taken");
            webhook::reply(&context.door, &reply)
        }
        Ok(Answer::WrongAccount) => {
            tracing::warn!(call = %incoming.call_sid, account = %incoming.account_sid, "number or bid of another account");
            webhook::wrong_account()
        }
        Err(error) => {
            tracing::error!(call = %incoming.call_sid, error = %Chain(&error), "call could not be answered");
            webhook::unavailable()
        }
    }
}

/// A withheld number may come as a word or spelt on a telephone's keys; the latter becomes `anonymous`. Who calls a SIP
/// address of ours is known by the number in their own.
fn incoming(inbound: InboundCall, tenant: TenantId) -> Incoming {
    let withheld = inbound.caller().is_none() && inbound.from.starts_with('+');
    let sip_caller = inbound.sip_caller();
    Incoming {
        from: match sip_caller {
            Some(number) => number.into(),
            None if withheld => "anonymous".to_owned(),
            None => inbound.from,
        },
        tenant,
        call_sid: inbound.call_sid,
        account_sid: inbound.account_sid,
        to: inbound.to,
        from_state: inbound.from_place.state,
        from_zip: inbound.from_place.zip,
        from_country: inbound.from_place.country,
        verstat: inbound.stir_verstat,
    }
}
