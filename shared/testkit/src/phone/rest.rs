//! The part of Twilio's REST API (2010-04-01) that concerns calls under way, numbers, applications and SIP domains, over
//! the simulated account.
//!
//! Access needs the account's SID and auth token, as with Twilio; answers have Twilio's shapes, see
//! [`super::rest_answers`].

use std::collections::HashMap;
use std::sync::Arc;

use axum::Router;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, Method as HttpMethod, StatusCode, header};
use axum::middleware::from_fn_with_state;
use axum::response::{IntoResponse, Response};
use axum::routing::{any, delete, get};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::call::{Call, Interruption, Redirection};
use super::journey::Happening;
use super::locked;
use super::rest_account;
use super::rest_answers::{self as answers, Refused};
use super::rest_applications::{all_applications, one_application};
use super::rest_numbers::{all_numbers, available, one_number};
use super::rest_sip;
use super::state::{CallRecord, Network};
use super::trouble;
use super::twiml::{Address, Method};

/// Most characters of instructions given inline.
const LONGEST_INLINE_TWIML: usize = 4_000;

pub(super) type Fields = HashMap<String, String>;

/// The routes; everything else is answered with Twilio's "not found".
pub(super) fn router(network: Arc<Network>) -> Router {
    let account = "/2010-04-01/Accounts/{account}";
    Router::new()
        .route(account, get(rest_account::fetch))
        .route(&format!("{account}/Calls.json"), get(list_calls))
        .route(&format!("{account}/Calls/{{file}}"), any(one_call))
        .route(&format!("{account}/AvailablePhoneNumbers/{{country}}/{{file}}"), get(available))
        .route(&format!("{account}/IncomingPhoneNumbers.json"), any(all_numbers))
        .route(&format!("{account}/IncomingPhoneNumbers/{{file}}"), any(one_number))
        .route(&format!("{account}/Recordings/{{file}}"), delete(delete_recording))
        .route(&format!("{account}/Applications.json"), any(all_applications))
        .route(&format!("{account}/Applications/{{file}}"), any(one_application))
        .route(&format!("{account}/SIP/{{*rest}}"), any(rest_sip::answer))
        .fallback(|| async { answers::refused(&Refused::not_found("the requested resource")) })
        .layer(from_fn_with_state(network.clone(), trouble::interfere))
        .with_state(network)
}

async fn list_calls(
    State(network): State<Arc<Network>>,
    Path(account): Path<String>,
    Query(query): Query<Fields>,
    headers: HeaderMap,
) -> Response {
    answers::answer(authorise(&network, &account, &headers).map(|()| {
        let wanted =
            |name: &str, value: Option<&str>| query.get(name).is_none_or(|wish| Some(wish.as_str()) == value);
        let records = network.records(|record| {
            wanted("ParentCallSid", record.parent.as_deref())
                && wanted("Status", Some(record.status.as_str()))
                && wanted("From", Some(&record.from))
                && wanted("To", Some(&record.to))
        });
        let items = records.iter().map(|record| answers::call(&account, record)).collect();
        answers::page(&format!("/2010-04-01/Accounts/{account}/Calls.json"), "calls", items, &query)
    }))
}

async fn one_call(
    State(network): State<Arc<Network>>,
    Path((account, file)): Path<(String, String)>,
    method: HttpMethod,
    headers: HeaderMap,
    body: String,
) -> Response {
    let answer = || {
        authorise(&network, &account, &headers)?;
        let record = known_call(&network, &file)?;
        match method {
            HttpMethod::GET => Ok(answers::call(&account, &record)),
            HttpMethod::POST => {
                change_call(&network, &record, &fields(&body))?;
                Ok(answers::call(&account, &known_call(&network, &file)?))
            }
            _ => Err(Refused::not_allowed()),
        }
    };
    answers::answer(answer())
}

fn known_call(network: &Network, file: &str) -> Result<CallRecord, Refused> {
    let sid = file.strip_suffix(".json").unwrap_or(file);
    network.record(sid).ok_or_else(|| Refused::not_found(sid))
}

/// Hangs up a live call or leg, or gives a live call new instructions.
fn change_call(network: &Network, record: &CallRecord, fields: &Fields) -> Result<(), Refused> {
    let live = locked(&network.live).get(&record.sid).cloned();
    let Some(call) = live.filter(|_| !record.status.is_terminal()) else {
        return Err(Refused::new(400, 21_220, "Call is not in-progress. Cannot redirect."));
    };
    let interruption =
        match (fields.get("Status").map(String::as_str), fields.get("Twiml"), fields.get("Url")) {
            (Some("completed" | "canceled"), _, _) => None,
            (Some(_), _, _) => return Err(Refused::bad_parameter("Status")),
            (None, Some(twiml), _) if twiml.chars().count() > LONGEST_INLINE_TWIML => {
                return Err(Refused::new(400, 32_018, "Twiml parameter is too long"));
            }
            (None, Some(twiml), _) => Some(Redirection::Inline(twiml.clone())),
            (None, None, Some(url)) if absolute(url) => {
                let method = method(fields.get("Method"));
                Some(Redirection::Ask(Address { url: url.clone(), method }))
            }
            _ => return Err(Refused::bad_parameter("Url")),
        };
    let change = if interruption.is_some() { "new instructions" } else { "hung up" };
    let is_leg = record.parent.is_some();
    if is_leg && interruption.is_some() {
        call.skip("Redirect of a leg", "refused");
        return Err(Refused::bad_parameter("Url"));
    }
    call.log.note(Happening::ChangedByRest { call_sid: record.sid.clone(), change: change.to_owned() });
    if is_leg {
        end_leg(&call, &record.sid);
    } else {
        call.interrupt(interruption.map_or(Interruption::EndedByRest, Interruption::Redirected));
    }
    Ok(())
}

fn end_leg(call: &Call, sid: &str) {
    if let Some(leg) = locked(&call.legs).iter().find(|leg| leg.sid == sid) {
        leg.ask_to_end();
    }
}

/// Removes a recording and answers nothing, as Twilio does.
async fn delete_recording(
    State(network): State<Arc<Network>>,
    Path((account, file)): Path<(String, String)>,
    headers: HeaderMap,
) -> Response {
    let sid = file.strip_suffix(".json").unwrap_or(&file);
    let gone = authorise(&network, &account, &headers).and_then(|()| {
        let known = locked(&network.recordings).remove(sid);
        if known { Ok(()) } else { Err(Refused::not_found(sid)) }
    });
    match gone {
        Ok(()) => StatusCode::NO_CONTENT.into_response(),
        Err(refusal) => answers::refused(&refusal),
    }
}

/// Basic authentication with the account's SID and token, and a path of the same account.
pub(super) fn authorise(network: &Network, account: &str, headers: &HeaderMap) -> Result<(), Refused> {
    let config = &network.config;
    let expected =
        format!("Basic {}", STANDARD.encode(format!("{}:{}", config.account_sid, config.auth_token)));
    let given = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    if given != Some(expected.as_str()) {
        return Err(Refused::new(401, 20_003, "Authenticate"));
    }
    if account != config.account_sid {
        return Err(Refused::not_found(account));
    }
    Ok(())
}

pub(super) fn fields(body: &str) -> Fields {
    form_urlencoded::parse(body.as_bytes()).into_owned().collect()
}

pub(super) fn method(word: Option<&String>) -> Method {
    if word.is_some_and(|word| word.eq_ignore_ascii_case("GET")) { Method::Get } else { Method::Post }
}

pub(super) fn absolute(url: &str) -> bool {
    url::Url::parse(url).is_ok_and(|url| matches!(url.scheme(), "http" | "https"))
}
