//! An HTTP request as the event that API Gateway (HTTP API, payload version 2.0) makes of it, and an answer back from the
//! function's JSON.
//!
//! What must stay true: the event goes through JSON text as it would on the way to Lambda; header names are lower case,
//! repeated headers joined by commas, cookies apart; a body is base64 unless its type is one that the gateway knows as text
//! (forms are not).

use std::collections::BTreeMap;
use std::net::SocketAddr;

use aws_lambda_events::apigw::{ApiGatewayV2httpRequest, ApiGatewayV2httpResponse};
use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use serde_json::{Map, Value, json};

use crate::routes::Found;

/// A request, taken apart.
pub struct Arrived<'a> {
    /// Its method.
    pub method: &'a Method,
    /// Its address.
    pub uri: &'a Uri,
    /// Its headers.
    pub headers: &'a HeaderMap,
    /// Its body.
    pub body: &'a Bytes,
    /// Where it came from.
    pub peer: SocketAddr,
    /// When.
    pub at: Timestamp,
    /// Its id.
    pub request_id: &'a str,
}

/// The event, as JSON text.
pub fn event(arrived: &Arrived<'_>, found: &Found<'_>) -> String {
    let path = arrived.uri.path();
    let domain = joined(arrived.headers, &header::HOST).unwrap_or_default();
    let mut event = json!({
        "version": "2.0",
        "routeKey": found.route_key,
        "rawPath": path,
        "rawQueryString": arrived.uri.query().unwrap_or_default(),
        "headers": headers(arrived.headers),
        "requestContext": {
            "accountId": "000000000000",
            "apiId": "local",
            "domainName": domain,
            "domainPrefix": domain.split('.').next(),
            "http": {
                "method": arrived.method.as_str(),
                "path": path,
                "protocol": "HTTP/1.1",
                "sourceIp": arrived.peer.ip().to_string(),
                "userAgent": joined(arrived.headers, &header::USER_AGENT).unwrap_or_default(),
            },
            "requestId": arrived.request_id,
            "routeKey": found.route_key,
            "stage": "$default",
            "time": arrived.at.strftime("%d/%b/%Y:%H:%M:%S +0000").to_string(),
            "timeEpoch": arrived.at.as_millisecond(),
        },
        "isBase64Encoded": false,
    });
    if let Some(query) = arrived.uri.query().filter(|query| !query.is_empty()) {
        event["queryStringParameters"] = json!(query_parameters(query));
    }
    if !found.path_parameters.is_empty() {
        event["pathParameters"] = json!(found.path_parameters);
    }
    let cookies = arrived.headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    let cookies: Vec<&str> = cookies.flat_map(|line| line.split(';').map(str::trim)).collect();
    if !cookies.is_empty() {
        event["cookies"] = json!(cookies);
    }
    if !arrived.body.is_empty() {
        let text = is_text(arrived.headers).then(|| std::str::from_utf8(arrived.body).ok()).flatten();
        event["body"] = json!(text.map_or_else(|| STANDARD.encode(arrived.body), str::to_owned));
        event["isBase64Encoded"] = json!(text.is_none());
    }
    event.to_string()
}

/// What a function is given of an event's text.
///
/// # Errors
/// The text is not an event.
pub fn as_lambda_reads_it(event: &str) -> Result<ApiGatewayV2httpRequest, serde_json::Error> {
    serde_json::from_str(event)
}

fn headers(headers: &HeaderMap) -> Map<String, Value> {
    let names = headers.keys().filter(|name| **name != header::COOKIE);
    names.map(|name| (name.as_str().to_owned(), json!(joined(headers, name).unwrap_or_default()))).collect()
}

fn joined(headers: &HeaderMap, name: &HeaderName) -> Option<String> {
    let values: Vec<_> =
        headers.get_all(name).iter().map(|value| String::from_utf8_lossy(value.as_bytes())).collect();
    (!values.is_empty()).then(|| values.join(","))
}

fn query_parameters(query: &str) -> BTreeMap<String, String> {
    let mut parameters: BTreeMap<String, String> = BTreeMap::new();
    for (name, value) in form_urlencoded::parse(query.as_bytes()) {
        parameters
            .entry(name.into_owned())
            .and_modify(|earlier| {
                earlier.push(',');
                earlier.push_str(&value);
            })
            .or_insert_with(|| value.into_owned());
    }
    parameters
}

fn is_text(headers: &HeaderMap) -> bool {
    let content_type = joined(headers, &header::CONTENT_TYPE).unwrap_or_default().to_ascii_lowercase();
    let kind = content_type.split(';').next().unwrap_or_default().trim();
    kind.starts_with("text/")
        || ["application/json", "application/javascript", "application/xml"].contains(&kind)
        || kind.ends_with("+json")
        || kind.ends_with("+xml")
}

/// The HTTP answer that the gateway makes of a function's answer.
pub fn answer(response: &ApiGatewayV2httpResponse) -> Response {
    // Through JSON, as on the way from Lambda.
    let Ok(document) = serde_json::to_value(response) else { return function_failed() };
    let text = document["body"].as_str().unwrap_or_default();
    let body = if document["isBase64Encoded"] == true {
        match STANDARD.decode(text) {
            Ok(bytes) => bytes,
            Err(_) => return function_failed(),
        }
    } else {
        text.as_bytes().to_vec()
    };
    let status = document["statusCode"].as_u64().and_then(|status| u16::try_from(status).ok());
    let Some(status) = status.and_then(|status| StatusCode::from_u16(status).ok()) else {
        return function_failed();
    };
    let mut answer = Response::new(Body::from(body));
    *answer.status_mut() = status;
    let pairs = document["headers"].as_object().into_iter().flatten();
    let pairs = pairs.filter_map(|(name, value)| Some((name.as_str(), value.as_str()?)));
    let cookies = document["cookies"].as_array().into_iter().flatten().filter_map(Value::as_str);
    for (name, value) in pairs.chain(cookies.map(|cookie| ("set-cookie", cookie))) {
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::try_from(value)) {
            answer.headers_mut().append(name, value);
        }
    }
    answer
}

/// The gateway's own answer when no route fits.
pub fn not_found() -> Response {
    (StatusCode::NOT_FOUND, axum::Json(json!({"message": "Not Found"}))).into_response()
}

/// The gateway's own answer when a function broke down or took too long.
pub fn function_failed() -> Response {
    (StatusCode::INTERNAL_SERVER_ERROR, axum::Json(json!({"message": "Internal Server Error"})))
        .into_response()
}

/// The gateway's own answer to a body above its limit of 10 MB.
pub fn too_large() -> Response {
    (StatusCode::PAYLOAD_TOO_LARGE, axum::Json(json!({"message": "Request Too Long"}))).into_response()
}
