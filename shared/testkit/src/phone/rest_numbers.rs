//! Numbers over REST: those for sale, those of the account.

use std::sync::Arc;

use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, Method as HttpMethod};
use axum::response::Response;

use super::inventory;
use super::locked;
use super::rest::{Fields, absolute, authorise, fields, method};
use super::rest_answers::{self as answers, Refused};
use super::state::{Network, NumberConfig};

pub(super) async fn available(
    State(network): State<Arc<Network>>,
    Path((account, country, file)): Path<(String, String, String)>,
    Query(query): Query<Fields>,
    headers: HeaderMap,
) -> Response {
    let answer = || {
        authorise(&network, &account, &headers)?;
        let kind = file.strip_suffix(".json").unwrap_or(&file);
        let found = inventory::search(&country, kind, &query, |number| network.is_sold(number))?;
        let items = found.iter().map(inventory::ForSale::shown).collect();
        let path = format!("/2010-04-01/Accounts/{account}/AvailablePhoneNumbers/{country}/{file}");
        Ok(answers::page(&path, "available_phone_numbers", items, &query))
    };
    answers::answer(answer())
}

/// The account's numbers, and one more.
pub(super) async fn all_numbers(
    State(network): State<Arc<Network>>,
    Path(account): Path<String>,
    request_method: HttpMethod,
    Query(query): Query<Fields>,
    headers: HeaderMap,
    body: String,
) -> Response {
    if let Err(refusal) = authorise(&network, &account, &headers) {
        return answers::refused(&refusal);
    }
    match request_method {
        HttpMethod::GET => {
            let numbers = locked(&network.numbers);
            let wanted = query.get("PhoneNumber");
            let fitting =
                numbers.values().filter(|number| wanted.is_none_or(|wish| number.phone_number == *wish));
            let items = fitting.map(|number| answers::number(&account, number)).collect();
            let path = format!("/2010-04-01/Accounts/{account}/IncomingPhoneNumbers.json");
            answers::answer(Ok(answers::page(&path, "incoming_phone_numbers", items, &query)))
        }
        HttpMethod::POST => {
            answers::created(buy(&network, &fields(&body)).map(|number| answers::number(&account, &number)))
        }
        _ => answers::refused(&Refused::not_allowed()),
    }
}

/// Sells one number, once.
fn buy(network: &Network, fields: &Fields) -> Result<NumberConfig, Refused> {
    let wanted = fields.get("PhoneNumber").ok_or_else(|| Refused::bad_parameter("PhoneNumber"))?;
    if let Some(refusal) = network.refusal_of_purchase() {
        return Err(refusal);
    }
    inventory::can_be_bought(wanted)?;
    let gone = || Refused::new(400, 21_422, "The phone number is not available");
    // Before our own numbers are held: two accounts that look at each other must not wait for each other.
    if network.is_sold(wanted) {
        return Err(gone());
    }
    let mut numbers = locked(&network.numbers);
    if numbers.contains_key(wanted) {
        return Err(gone());
    }
    let number = changed(network, &NumberConfig::new(wanted.clone(), "").completed(), fields)?;
    numbers.insert(wanted.clone(), number.clone());
    Ok(number)
}

pub(super) async fn one_number(
    State(network): State<Arc<Network>>,
    Path((account, file)): Path<(String, String)>,
    request_method: HttpMethod,
    headers: HeaderMap,
    body: String,
) -> Response {
    let sid = file.strip_suffix(".json").unwrap_or(&file);
    let mut gone = false;
    let mut answer = || {
        authorise(&network, &account, &headers)?;
        let mut numbers = locked(&network.numbers);
        let number = numbers.values_mut().find(|number| number.sid == sid);
        let number = number.ok_or_else(|| Refused::not_found(sid))?;
        match request_method {
            HttpMethod::GET => {}
            HttpMethod::POST => *number = changed(&network, number, &fields(&body))?,
            HttpMethod::DELETE => {
                let phone_number = number.phone_number.clone();
                numbers.remove(&phone_number);
                gone = true;
                return Ok(serde_json::Value::Null);
            }
            _ => return Err(Refused::not_allowed()),
        }
        Ok(answers::number(&account, number))
    };
    let answer = answer();
    if gone { answers::nothing() } else { answers::answer(answer) }
}

/// A number with the given fields changed. Unknown fields are ignored, as Twilio ignores them.
fn changed(network: &Network, number: &NumberConfig, fields: &Fields) -> Result<NumberConfig, Refused> {
    let mut number = number.clone();
    for (name, target) in [
        ("VoiceUrl", &mut number.voice_url),
        ("VoiceFallbackUrl", &mut number.voice_fallback_url),
        ("StatusCallback", &mut number.status_callback),
    ] {
        let Some(url) = fields.get(name) else { continue };
        if !url.is_empty() && !absolute(url) {
            return Err(Refused::bad_parameter(name));
        }
        target.clone_from(url);
    }
    for (name, target) in [
        ("VoiceMethod", &mut number.voice_method),
        ("VoiceFallbackMethod", &mut number.voice_fallback_method),
        ("StatusCallbackMethod", &mut number.status_callback_method),
    ] {
        if fields.contains_key(name) {
            *target = method(fields.get(name));
        }
    }
    if let Some(name) = fields.get("FriendlyName") {
        number.friendly_name.clone_from(name);
    }
    if let Some(wish) = fields.get("VoiceCallerIdLookup") {
        number.voice_caller_id_lookup = wish == "true";
    }
    if let Some(application) = fields.get("VoiceApplicationSid") {
        if !application.is_empty() && !locked(&network.applications).contains_key(application) {
            return Err(Refused::bad_parameter("VoiceApplicationSid"));
        }
        number.voice_application_sid.clone_from(application);
    }
    if number.voice_url.is_empty() && !number.voice_fallback_url.is_empty() {
        return Err(Refused::new(400, 21_405, "A fallback URL needs a URL"));
    }
    Ok(number)
}
