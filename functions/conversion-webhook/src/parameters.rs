//! The parameters of a report: of the query, and of a body that is a form or a JSON object.

use http::header::CONTENT_TYPE;
use runtime::{HttpRequest, HttpResponse};
use serde_json::Value;

/// Longest body, bytes.
const MAX_BODY: usize = 64 * 1024;
/// Most parameters.
const MOST: usize = 200;

/// All of them, the query's first. What is inside an object or a list of a JSON body is not looked at.
///
/// # Errors
/// A body that is too long, of another kind, or not what it says it is; too many parameters.
pub fn read(request: &HttpRequest) -> Result<Vec<(String, String)>, HttpResponse> {
    if request.body.len() > MAX_BODY {
        return Err(HttpResponse::problem(413, "body_too_large", "a report has at most 64 KB"));
    }
    let mut parameters: Vec<(String, String)> =
        form_urlencoded::parse(request.raw_query.as_bytes()).into_owned().collect();
    parameters.extend(of_body(request)?);
    if parameters.len() > MOST {
        let words = format!("a report has at most {MOST} parameters");
        return Err(HttpResponse::problem(422, "invalid", &words));
    }
    Ok(parameters)
}

fn of_body(request: &HttpRequest) -> Result<Vec<(String, String)>, HttpResponse> {
    if request.body.is_empty() {
        return Ok(Vec::new());
    }
    let announced = request.header(CONTENT_TYPE.as_str()).unwrap_or_default();
    let media_type = announced.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    match media_type.as_str() {
        "" | "application/x-www-form-urlencoded" => {
            Ok(form_urlencoded::parse(&request.body).into_owned().collect())
        }
        "application/json" => match serde_json::from_slice(&request.body) {
            Ok(Value::Object(members)) => {
                Ok(members.into_iter().filter_map(|(name, value)| Some((name, text(value)?))).collect())
            }
            _ => Err(HttpResponse::problem(400, "malformed_body", "the body is not a JSON object")),
        },
        _ => {
            let words = "send a form (application/x-www-form-urlencoded) or JSON (application/json)";
            Err(HttpResponse::problem(415, "unsupported_media_type", words))
        }
    }
}

fn text(value: Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(truth) => Some(truth.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}
