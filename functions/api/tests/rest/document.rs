//! The OpenAPI document: committed as it is made, whole, and true to itself.

use std::collections::{BTreeMap, BTreeSet};

use api::{all_routes, openapi};
use contract::problem::Code;
use domain::access::Permission;
use serde_json::Value;

use crate::conform::validator;

const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/openapi.json");

fn made() -> Value {
    openapi::document(&all_routes())
}

fn operations(document: &Value) -> Vec<(String, &Value)> {
    let paths = document["paths"].as_object().unwrap();
    let each = paths.iter().flat_map(|(path, methods)| {
        let methods = methods.as_object().unwrap();
        methods.iter().map(move |(verb, said)| (format!("{} {path}", verb.to_uppercase()), said))
    });
    each.collect()
}

/// With `OPENAPI=write` it writes instead: `make openapi`.
#[test]
fn the_committed_document_is_what_the_routes_say() {
    let text = openapi::text(&made());
    #[expect(clippy::disallowed_methods, reason = "this is about the test, not about the product")]
    let writes = std::env::var("OPENAPI").is_ok_and(|word| word == "write");
    if writes {
        std::fs::write(FILE, &text).unwrap();
        return;
    }
    let committed = std::fs::read_to_string(FILE).unwrap();
    let changed = committed.lines().zip(text.lines()).position(|(old, new)| old != new);
    assert!(
        committed == text,
        "functions/api/openapi.json is not what the routes say, from line {}: run `make openapi` and commit it",
        changed.map_or(committed.lines().count().min(text.lines().count()), |line| line) + 1
    );
}

#[test]
fn every_route_says_what_it_does() {
    let mut ids = BTreeSet::new();
    for (route, doc) in all_routes().documented() {
        let shown = format!("{} {}", route.verb.as_str(), route.path);
        let doc = doc.unwrap_or_else(|| panic!("{shown} has no Doc: add .doc(…) behind its registration"));
        assert!(ids.insert(doc.id().to_owned()), "{shown}: another operation is called {}", doc.id());
        assert!(doc.id().bytes().all(|byte| byte.is_ascii_lowercase() || b"_0123456789".contains(&byte)));
        let segments: Vec<&str> = route
            .path
            .split('/')
            .filter_map(|segment| segment.strip_prefix('{')?.strip_suffix('}'))
            .collect();
        let documented: Vec<&str> = doc.segments().iter().map(|segment| segment.name).collect();
        assert_eq!(documented, segments, "{shown}: say with .of(…) or .segment(…) what stands in the path");
        assert!(
            !openapi::tag(route.path).is_empty(),
            "{shown}: put its first segment into openapi::words::TAGS"
        );
    }
}

#[test]
fn every_example_fits_its_shape() {
    let document = made();
    let mut checked = 0;
    for (shown, said) in operations(&document) {
        let mut contents = vec![("body".to_owned(), &said["requestBody"]["content"])];
        for (status, response) in said["responses"].as_object().unwrap() {
            contents.push((status.clone(), &response["content"]));
        }
        for (of, content) in contents {
            for media in content.as_object().into_iter().flat_map(|types| types.values()) {
                fits(&document, &format!("{shown} {of}"), &media["schema"], &media["example"]);
                checked += 1;
            }
        }
    }
    for (name, response) in document["components"]["responses"].as_object().unwrap() {
        let media = &response["content"]["application/problem+json"];
        for example in media["examples"].as_object().unwrap().values() {
            fits(&document, name, &media["schema"], &example["value"]);
            checked += 1;
        }
    }
    assert!(checked > 60, "only {checked} examples were looked at");
}

fn fits(document: &Value, shown: &str, schema: &Value, example: &Value) {
    assert!(!example.is_null(), "{shown} has no example");
    let problems: Vec<String> = validator(document, schema)
        .iter_errors(example)
        .map(|error| format!("{} {error}", error.instance_path()))
        .collect();
    assert!(problems.is_empty(), "the example of {shown} does not fit its shape: {problems:#?}\n{example:#}");
}

/// Whoever reads `type: object` and nothing else knows nothing.
#[test]
fn no_shape_is_just_an_object() {
    let document = made();
    let mut found = Vec::new();
    look("", &document, &mut found);
    assert!(found.is_empty(), "these say nothing of what is inside: {found:#?}");
}

fn look(place: &str, value: &Value, found: &mut Vec<String>) {
    if place.ends_with("/example") || place.contains("/examples/") {
        return;
    }
    if value["type"] == "object" {
        let says = ["properties", "additionalProperties", "allOf", "oneOf", "anyOf"];
        if !says.iter().any(|word| value.get(word).is_some()) {
            found.push(place.to_owned());
        }
    }
    match value {
        Value::Object(fields) => {
            fields.iter().for_each(|(name, inner)| look(&format!("{place}/{name}"), inner, found))
        }
        Value::Array(items) => {
            items.iter().enumerate().for_each(|(at, inner)| look(&format!("{place}/{at}"), inner, found));
        }
        _ => {}
    }
}

#[test]
fn the_document_names_nothing_of_the_code() {
    let text = openapi::text(&made());
    for sign in ["[`", "crate::", "::", "TODO"] {
        assert!(
            !text.contains(sign),
            "{sign} stands in the document: {:?}",
            text.lines().find(|line| line.contains(sign))
        );
    }
}

/// Permissions that no route demands by itself.
const WITHIN: [(Permission, &str); 1] =
    [(Permission::NumbersRead, "widens what other permissions show: numbers are whole instead of masked")];

#[test]
fn every_permission_opens_some_route() {
    let routes = all_routes();
    let demanded: BTreeSet<&str> =
        routes.table().iter().filter_map(|route| Some(route.scope?.as_str())).collect();
    let mut closed: Vec<&str> = Vec::new();
    for permission in Permission::ALL {
        let within = WITHIN.iter().any(|(one, _)| one == permission);
        assert!(
            !(within && demanded.contains(permission.as_str())),
            "{permission} is demanded: take it off the list"
        );
        if !within && !demanded.contains(permission.as_str()) {
            closed.push(permission.as_str());
        }
    }
    assert_eq!(closed, [""; 0], "permissions of the table that open nothing");
}

#[test]
fn every_code_is_used_by_some_operation() {
    let mut used: BTreeMap<Code, usize> = BTreeMap::new();
    for (route, doc) in all_routes().documented() {
        for code in doc.iter().flat_map(|doc| openapi::codes(&route, doc)) {
            *used.entry(code).or_default() += 1;
        }
    }
    // The address or the method is wrong: no operation is meant.
    used.insert(Code::UnknownRoute, 1);
    used.insert(Code::MethodNotAllowed, 1);
    let unused: Vec<&str> =
        Code::ALL.iter().filter(|code| !used.contains_key(code)).map(|code| code.as_str()).collect();
    assert_eq!(unused, [""; 0], "codes that no operation says it gives");
}
