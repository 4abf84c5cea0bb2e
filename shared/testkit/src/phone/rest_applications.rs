//! TwiML applications over REST: the addresses that many numbers share.

use std::sync::Arc;

use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, Method as HttpMethod};
use axum::response::Response;

use super::locked;
use super::rest::{Fields, absolute, authorise, fields, method};
use super::rest_answers::{self as answers, Refused};
use super::state::{ApplicationConfig, Network};

/// Twilio's limit.
const LONGEST_NAME: usize = 64;

pub(super) async fn all_applications(
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
            let applications = locked(&network.applications);
            let wanted = query.get("FriendlyName");
            let fitting = applications
                .values()
                .filter(|application| wanted.is_none_or(|wish| application.friendly_name == *wish));
            let items = fitting.map(|application| answers::application(&account, application)).collect();
            let path = format!("/2010-04-01/Accounts/{account}/Applications.json");
            answers::answer(Ok(answers::page(&path, "applications", items, &query)))
        }
        HttpMethod::POST => {
            let made = changed(&ApplicationConfig::default(), &fields(&body)).map(|mut application| {
                application.sid = network.next_application_sid();
                locked(&network.applications).insert(application.sid.clone(), application.clone());
                answers::application(&account, &application)
            });
            answers::created(made)
        }
        _ => answers::refused(&Refused::not_allowed()),
    }
}

pub(super) async fn one_application(
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
        let mut applications = locked(&network.applications);
        let application = applications.get_mut(sid).ok_or_else(|| Refused::not_found(sid))?;
        match request_method {
            HttpMethod::GET => {}
            HttpMethod::POST => *application = changed(application, &fields(&body))?,
            HttpMethod::DELETE => {
                applications.remove(sid);
                gone = true;
                return Ok(serde_json::Value::Null);
            }
            _ => return Err(Refused::not_allowed()),
        }
        Ok(answers::application(&account, application))
    };
    let answer = answer();
    if gone { answers::nothing() } else { answers::answer(answer) }
}

fn changed(application: &ApplicationConfig, fields: &Fields) -> Result<ApplicationConfig, Refused> {
    let mut application = application.clone();
    for (name, target) in [
        ("VoiceUrl", &mut application.voice_url),
        ("VoiceFallbackUrl", &mut application.voice_fallback_url),
        ("StatusCallback", &mut application.status_callback),
    ] {
        let Some(url) = fields.get(name) else { continue };
        if !url.is_empty() && !absolute(url) {
            return Err(Refused::bad_parameter(name));
        }
        target.clone_from(url);
    }
    for (name, target) in [
        ("VoiceMethod", &mut application.voice_method),
        ("VoiceFallbackMethod", &mut application.voice_fallback_method),
        ("StatusCallbackMethod", &mut application.status_callback_method),
    ] {
        if fields.contains_key(name) {
            *target = method(fields.get(name));
        }
    }
    if let Some(name) = fields.get("FriendlyName") {
        if name.chars().count() > LONGEST_NAME {
            return Err(Refused::bad_parameter("FriendlyName"));
        }
        application.friendly_name.clone_from(name);
    }
    Ok(application)
}
