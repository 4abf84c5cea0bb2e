//! `/api/twilio-accounts/{sid}/sip`: the SIP domain to which publishers send the calls of their bids.
//!
//! Idempotency: the same wish again changes nothing, and finishes what failed half-way; what is removed is removed.

use std::sync::Arc;

use app::ports::SipSetUp;
use axum::Json;
use axum::extract::State;
use contract::sip::SipDomain;
use domain::ids::AccountSid;
use http::StatusCode;

use crate::access::{Access, TwilioAccountsRead, TwilioAccountsWrite};
use crate::body::JsonObject;
use crate::context::Context;
use crate::params::Named;
use crate::refusal::Refusal;
use crate::routes::{Routes, Verb};
use crate::twilio_account_docs as docs;

const SIP: &str = "/api/twilio-accounts/{sid}/sip";

/// Their routes.
pub fn routes(routes: Routes) -> Routes {
    routes
        .on(Verb::Get, SIP, get)
        .doc(docs::sip)
        .on(Verb::Put, SIP, set_up)
        .doc(docs::set_up_sip)
        .on(Verb::Delete, SIP, remove)
        .doc(docs::remove_sip)
}

async fn get(
    access: Access<TwilioAccountsRead>,
    State(context): State<Arc<Context>>,
    Named(account): Named<AccountSid>,
) -> Result<Json<SipDomain>, Refusal> {
    let row = context.desk(&access.by).get(access.tenant, &account).await?.ok_or_else(Refusal::not_found)?;
    Ok(Json(row.sip.map(shown).unwrap_or_default()))
}

async fn set_up(
    access: Access<TwilioAccountsWrite>,
    State(context): State<Arc<Context>>,
    Named(account): Named<AccountSid>,
    JsonObject(wish): JsonObject,
) -> Result<Json<SipDomain>, Refusal> {
    let done = context.desk(&access.by).set_up_sip(access.tenant, &account, wish).await??;
    let passwords = done.passwords.into_iter().map(|(name, password)| (name, password.expose().to_owned()));
    Ok(Json(SipDomain { passwords: passwords.collect(), ..shown(done.set_up) }))
}

async fn remove(
    access: Access<TwilioAccountsWrite>,
    State(context): State<Arc<Context>>,
    Named(account): Named<AccountSid>,
) -> Result<StatusCode, Refusal> {
    context.desk(&access.by).remove_sip(access.tenant, &account).await??;
    Ok(StatusCode::NO_CONTENT)
}

fn shown(set_up: SipSetUp) -> SipDomain {
    let offered = set_up.takes_calls();
    let mut missing = set_up.missing;
    if set_up.ends {
        missing = vec!["it is being removed: ask for that again".to_owned()];
    }
    SipDomain {
        domain: Some(set_up.domain),
        offered,
        addresses: set_up.addresses.iter().map(ToString::to_string).collect(),
        users: set_up.users,
        missing,
        passwords: Default::default(),
    }
}
