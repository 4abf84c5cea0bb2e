//! The shapes of the REST API's answers: calls, numbers, pages and errors as Twilio writes them.

use std::collections::HashMap;

use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use super::parameters::rfc2822;
use super::state::{ApplicationConfig, CallRecord, NumberConfig};

/// A request that is not granted.
#[derive(Debug)]
pub(super) struct Refused {
    status: u16,
    code: u32,
    message: String,
}

impl Refused {
    pub(super) fn new(status: u16, code: u32, message: impl Into<String>) -> Self {
        Self { status, code, message: message.into() }
    }

    pub(super) fn not_found(what: &str) -> Self {
        Self::new(404, 20_404, format!("The requested resource {what} was not found"))
    }

    pub(super) fn bad_parameter(name: &str) -> Self {
        Self::new(400, 20_001, format!("Invalid parameter {name}"))
    }

    pub(super) fn not_allowed() -> Self {
        Self::new(405, 20_004, "Method not allowed")
    }
}

/// A JSON answer, or Twilio's error for what was refused.
pub(super) fn answer(result: Result<Value, Refused>) -> Response {
    match result {
        Ok(value) => respond(StatusCode::OK, &value),
        Err(refusal) => refused(&refusal),
    }
}

/// The same for something that was made.
pub(super) fn created(result: Result<Value, Refused>) -> Response {
    match result {
        Ok(value) => respond(StatusCode::CREATED, &value),
        Err(refusal) => refused(&refusal),
    }
}

/// Something is gone.
pub(super) fn nothing() -> Response {
    StatusCode::NO_CONTENT.into_response()
}

/// Twilio's error.
pub(super) fn refused(refusal: &Refused) -> Response {
    let status = StatusCode::from_u16(refusal.status).unwrap_or(StatusCode::BAD_REQUEST);
    let body = json!({
        "code": refusal.code,
        "message": refusal.message,
        "more_info": format!("https://www.twilio.com/docs/errors/{}", refusal.code),
        "status": refusal.status,
    });
    respond(status, &body)
}

fn respond(status: StatusCode, body: &Value) -> Response {
    let headers = [(header::CONTENT_TYPE.as_str(), "application/json"), ("twilio-concurrent-requests", "1")];
    (status, headers, body.to_string()).into_response()
}

/// A call or leg.
pub(super) fn call(account: &str, record: &CallRecord) -> Value {
    let uri = format!("/2010-04-01/Accounts/{account}/Calls/{}", record.sid);
    json!({
        "account_sid": account,
        "annotation": null,
        "answered_by": record.answered_by,
        "api_version": "2010-04-01",
        "caller_name": null,
        "date_created": rfc2822(record.created),
        "date_updated": rfc2822(record.updated),
        "direction": record.direction(),
        "duration": record.ended.map(|_| record.seconds.to_string()),
        "end_time": record.ended.map(rfc2822),
        "forwarded_from": record.forwarded_from,
        "from": record.from,
        "from_formatted": record.from,
        "group_sid": null,
        "parent_call_sid": record.parent,
        "phone_number_sid": record.phone_number_sid,
        "price": null,
        "price_unit": "USD",
        "queue_time": "0",
        "sid": record.sid,
        "start_time": rfc2822(record.created),
        "status": record.status,
        "subresource_uris": {
            "recordings": format!("{uri}/Recordings.json"),
        },
        "to": record.to,
        "to_formatted": record.to,
        "trunk_sid": null,
        "uri": format!("{uri}.json"),
    })
}

/// A phone number.
pub(super) fn number(account: &str, number: &NumberConfig) -> Value {
    json!({
        "account_sid": account,
        "api_version": "2010-04-01",
        "capabilities": { "voice": true, "sms": false, "mms": false, "fax": false },
        "friendly_name": number.friendly_name,
        "phone_number": number.phone_number,
        "sid": number.sid,
        "status": "in-use",
        "status_callback": address(&number.status_callback),
        "status_callback_method": number.status_callback_method,
        "uri": format!("/2010-04-01/Accounts/{account}/IncomingPhoneNumbers/{}.json", number.sid),
        "voice_application_sid": address(&number.voice_application_sid),
        "voice_caller_id_lookup": number.voice_caller_id_lookup,
        "voice_fallback_method": number.voice_fallback_method,
        "voice_fallback_url": address(&number.voice_fallback_url),
        "voice_method": number.voice_method,
        "voice_url": address(&number.voice_url),
    })
}

/// An application.
pub(super) fn application(account: &str, application: &ApplicationConfig) -> Value {
    json!({
        "account_sid": account,
        "api_version": "2010-04-01",
        "friendly_name": application.friendly_name,
        "sid": application.sid,
        "status_callback": address(&application.status_callback),
        "status_callback_method": application.status_callback_method,
        "uri": format!("/2010-04-01/Accounts/{account}/Applications/{}.json", application.sid),
        "voice_caller_id_lookup": false,
        "voice_fallback_method": application.voice_fallback_method,
        "voice_fallback_url": address(&application.voice_fallback_url),
        "voice_method": application.voice_method,
        "voice_url": address(&application.voice_url),
    })
}

/// Nothing is written as null.
fn address(text: &str) -> Option<&str> {
    Some(text).filter(|text| !text.is_empty())
}

/// One page of a list; `key` names the list.
pub(super) fn page(path: &str, key: &str, items: Vec<Value>, query: &HashMap<String, String>) -> Value {
    let number =
        |name: &str, default: usize| query.get(name).and_then(|value| value.parse().ok()).unwrap_or(default);
    let size = number("PageSize", 50).clamp(1, 1_000);
    let page = number("Page", 0);
    let start = page.saturating_mul(size);
    let total = items.len();
    let items: Vec<Value> = items.into_iter().skip(start).take(size).collect();
    let end = start.saturating_add(items.len()).saturating_sub(1).max(start);
    let filters = query.iter().filter(|(name, _)| !matches!(name.as_str(), "Page" | "PageSize"));
    let address = |page: usize| {
        let mut encoded = form_urlencoded::Serializer::new(String::new());
        encoded.extend_pairs(filters.clone());
        encoded.append_pair("PageSize", &size.to_string()).append_pair("Page", &page.to_string());
        format!("{path}?{}", encoded.finish())
    };
    let next = (start.saturating_add(items.len()) < total).then(|| address(page + 1));
    json!({
        "end": end,
        "first_page_uri": address(0),
        "next_page_uri": next,
        "page": page,
        "page_size": size,
        "previous_page_uri": page.checked_sub(1).map(address),
        "start": start,
        "uri": address(page),
        key: items,
    })
}
