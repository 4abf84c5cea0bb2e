//! The HTTP events have the shape that an HTTP API gives them (payload version 2.0), and go where the template sends them.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value};

use crate::http_events;

#[test]
fn every_http_event_has_the_shape_of_payload_version_2() {
    let template = std::fs::read_to_string(crate::folder().join("../template.yaml")).unwrap();
    for (name, event) in http_events() {
        let context = &event["requestContext"];
        assert_eq!(event["version"], "2.0", "{name}");
        assert_eq!(context["stage"], "$default", "{name}");
        assert_eq!(context["routeKey"], event["routeKey"], "{name}");
        assert_eq!(context["http"]["path"], event["rawPath"], "{name}");
        assert_eq!(context["domainName"], event["headers"]["host"], "{name}");
        assert!(event["rawQueryString"].is_string() && context["requestId"].is_string(), "{name}");
        assert!(context["timeEpoch"].is_i64() && context["time"].is_string(), "{name}");
        let headers = event["headers"].as_object().unwrap();
        assert!(
            headers.keys().all(|header| *header == header.to_lowercase()),
            "{name}: names are in lower case"
        );

        let (method, route) = event["routeKey"].as_str().unwrap().split_once(' ').unwrap();
        assert!(
            template.contains(&format!("Path: \"{route}\"")),
            "{name}: the template has no route {route}"
        );
        assert!(method == "ANY" || context["http"]["method"] == method, "{name}");
        let path = event["rawPath"].as_str().unwrap();
        let expected = parameters(route, path).unwrap_or_else(|| panic!("{name}: {path} is not on {route}"));
        let given = event.get("pathParameters").and_then(Value::as_object).cloned().unwrap_or_default();
        assert_eq!(given, expected, "{name}");

        let length = body(&event).len().to_string();
        let said = headers.get("content-length").and_then(Value::as_str);
        assert!(said.is_none_or(|said| said == length), "{name}: content-length should be {length}");
    }
}

/// The bytes that the client sent.
pub fn body(event: &Value) -> Vec<u8> {
    match event.get("body").and_then(Value::as_str) {
        None => Vec::new(),
        Some(text) if event["isBase64Encoded"] == true => STANDARD.decode(text).unwrap(),
        Some(text) => text.as_bytes().to_vec(),
    }
}

/// The variables of a route in a path; `None` when the path is not on the route.
fn parameters(route: &str, path: &str) -> Option<Map<String, Value>> {
    let mut found = Map::new();
    let mut segments = path.split('/');
    for part in route.split('/') {
        let variable = part.strip_prefix('{').and_then(|part| part.strip_suffix('}'));
        if let Some(greedy) = variable.and_then(|variable| variable.strip_suffix('+')) {
            let rest: Vec<&str> = segments.by_ref().collect();
            found.insert(greedy.to_owned(), rest.join("/").into());
            continue;
        }
        let segment = segments.next()?;
        match variable {
            Some(variable) => drop(found.insert(variable.to_owned(), segment.into())),
            None if part == segment => {}
            None => return None,
        }
    }
    segments.next().is_none().then_some(found)
}
