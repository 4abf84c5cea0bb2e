//! The OpenAPI document: made from the table of routes and what each operation says of itself.
//!
//! What follows from a route (who may use it, its refusals, its headers) is written here, once. The document is committed
//! as `openapi.json`; a test makes it anew and compares. What must stay true: nothing that a client sees depends on this
//! module while a request is answered; the order of everything is fixed, so that a change is a readable difference.

use std::collections::{BTreeMap, BTreeSet};

use contract::page::MAX_CURSOR;
use contract::problem::{CONTENT_TYPE, Code, ProblemDocument};
use contract::query::{Parameter, Takes};
use domain::access::{Grant, Permission, Role};
use serde_json::{Map, Value, json};

use crate::doc::{Doc, Said};
use crate::idempotency;
use crate::routes::{Route, Routes, Verb};
use crate::shape::Shape;

mod words;

/// The committed document, as it is served.
pub const COMMITTED: &str = include_str!("../openapi.json");

/// Security scheme: an API key.
const API_KEY: &str = "apiKey";
/// Security scheme: somebody who is signed in.
const SESSION: &str = "session";
/// Security scheme: the header that our own pages send with a change.
const OWN_PAGES: &str = "ownPages";

/// The document of these routes. A route without a [`Doc`] is left out; a test finds it.
pub fn document(routes: &Routes) -> Value {
    let mut named = BTreeMap::new();
    let mut refusals = BTreeMap::new();
    let mut paths: BTreeMap<&str, Map<String, Value>> = BTreeMap::new();
    let mut tags = BTreeSet::new();
    named.extend(Shape::of::<ProblemDocument>().named);
    for (route, doc) in routes.documented() {
        let Some(doc) = doc else { continue };
        let operation = operation(&route, &doc, &mut named, &mut refusals);
        tags.insert(tag(route.path));
        let verb = route.verb.as_str().to_lowercase();
        paths.entry(route.path).or_default().insert(verb, operation);
    }
    let mut whole = json!({
        "openapi": "3.1.0",
        "info": {
            "title": "CallCenter Pro",
            "version": env!("CARGO_PKG_VERSION"),
            "description": words::INTRODUCTION,
        },
        "servers": [{"url": "/", "description": "The installation that serves this document."}],
        "tags": words::TAGS.iter().filter(|(_, name, _)| tags.contains(name))
            .map(|(_, name, about)| json!({"name": name, "description": about})).collect::<Vec<_>>(),
        "paths": paths,
        "components": {
            "schemas": named,
            "responses": refusals,
            "headers": headers(),
            "parameters": {idempotency::KEY.as_str(): once_key()},
            "securitySchemes": security_schemes(),
        },
    });
    without_links(&mut whole);
    whole
}

/// As it is committed.
pub fn text(document: &Value) -> String {
    let mut text = serde_json::to_string_pretty(document).unwrap_or_default();
    text.push('\n');
    text
}

/// The group of an operation, from the first segment of its path after `/api`; empty when it is not known.
pub fn tag(path: &str) -> &'static str {
    let segment = path.split('/').nth(2).unwrap_or_default();
    words::TAGS.iter().find(|(first, ..)| first.contains(&segment)).map_or("", |(_, name, _)| name)
}

fn operation(
    route: &Route,
    doc: &Doc,
    named: &mut BTreeMap<String, Value>,
    refusals: &mut BTreeMap<String, Value>,
) -> Value {
    let mut parameters: Vec<Value> = Vec::new();
    for segment in &doc.segments {
        named.extend(segment.shape.named.clone());
        parameters.push(
            json!({"name": segment.name, "in": "path", "required": true, "schema": segment.shape.schema}),
        );
    }
    parameters.extend(doc.query.iter().map(query_parameter));
    if route.is_kept() {
        parameters.push(json!({"$ref": format!("#/components/parameters/{}", idempotency::KEY)}));
    }
    let mut responses = Map::new();
    responses.insert(doc.status.to_string(), success(doc, named));
    if let Some((status, said)) = &doc.other {
        let other = Doc { status: *status, answer: Some(said.clone()), other: None, ..doc.clone() };
        responses.insert(status.to_string(), success(&other, named));
    }
    for (status, codes) in by_status(&codes(route, doc)) {
        let name = codes.iter().map(|code| code.as_str()).collect::<Vec<_>>().join("-");
        responses.insert(status.to_string(), json!({"$ref": format!("#/components/responses/{name}")}));
        refusals.entry(name).or_insert_with(|| refusal(&codes));
    }
    let mut operation = json!({
        "operationId": doc.id,
        "tags": [tag(route.path)],
        "summary": doc.summary,
        "description": description(route, doc),
        "parameters": parameters,
        "responses": responses,
        "security": security(route),
    });
    if let Some(said) = &doc.body {
        named.extend(said.shape.named.clone());
        let content = json!({"schema": said.shape.schema, "example": said.example});
        let mut types = Map::from_iter([("application/json".to_owned(), content.clone())]);
        if route.verb == Verb::Patch {
            types.insert("application/merge-patch+json".to_owned(), content);
        }
        operation["requestBody"] = json!({"required": !said.shape.may_be_empty(), "content": types});
    }
    operation
}

fn description(route: &Route, doc: &Doc) -> String {
    let mut paragraphs = Vec::new();
    if !doc.about.is_empty() {
        paragraphs.push(doc.about.clone());
    }
    paragraphs.push(match route.scope {
        None => "For everybody.".to_owned(),
        Some(Permission::Myself) => "For everybody who is signed in; not for API keys.".to_owned(),
        Some(permission) => {
            let with = |grant: Grant| {
                let roles = Role::ALL.iter().filter(|role| role.grant(permission) == grant);
                roles.map(|role| role.as_str()).collect::<Vec<_>>().join(", ")
            };
            let own = with(Grant::Own);
            let own = match route.own && !own.is_empty() {
                true => format!("; {own}: their own only"),
                false => String::new(),
            };
            format!("Needs `{permission}`: {}{own}; API keys with this scope.", with(Grant::All))
        }
    });
    paragraphs.join("\n\n")
}

fn security(route: &Route) -> Value {
    let session = match route.verb {
        Verb::Get => json!({SESSION: []}),
        _ => json!({SESSION: [], OWN_PAGES: []}),
    };
    match route.scope {
        None => json!([]),
        Some(permission) if permission.is_scope() => json!([{API_KEY: []}, session]),
        Some(_) => json!([session]),
    }
}

/// Every refusal that the operation may give: its route's and its own.
pub fn codes(route: &Route, doc: &Doc) -> BTreeSet<Code> {
    let mut codes: Vec<Code> =
        vec![Code::InvalidQuery, Code::RateLimited, Code::HeadersTooLarge, Code::Internal, Code::Busy];
    match route.scope {
        Some(permission) if permission.is_scope() => {
            codes.extend([Code::Unauthenticated, Code::MissingScope, Code::NotPermitted]);
        }
        Some(_) => codes.extend([Code::Unauthenticated, Code::NotPermitted]),
        None => {}
    }
    if route.verb != Verb::Get {
        codes.extend([Code::CrossSite, Code::BodyTooLarge]);
    }
    if route.is_kept() {
        codes.extend([Code::InvalidHeader, Code::InProgress, Code::KeyReused]);
    }
    if route.path.contains('{') {
        // An empty or twice encoded segment makes another path, which is none.
        codes.extend([Code::NotFound, Code::UnknownRoute]);
    }
    if doc.query.iter().any(|parameter| parameter.takes == Takes::Cursor) {
        codes.push(Code::InvalidCursor);
    }
    if doc.body.is_some() {
        codes.extend([Code::MalformedBody, Code::UnsupportedMediaType, Code::Invalid]);
    }
    if route.verb == Verb::Patch {
        codes.push(Code::VersionConflict);
    }
    codes.extend(doc.codes.iter().copied());
    codes.into_iter().collect()
}

fn by_status(codes: &BTreeSet<Code>) -> BTreeMap<u16, Vec<Code>> {
    let mut statuses: BTreeMap<u16, Vec<Code>> = BTreeMap::new();
    for code in codes {
        statuses.entry(code.status()).or_default().push(*code);
    }
    statuses
}

fn success(doc: &Doc, named: &mut BTreeMap<String, Value>) -> Value {
    let mut headers = common_headers();
    if doc.located {
        headers.insert("location".to_owned(), json!({"$ref": "#/components/headers/location"}));
    }
    let Some(Said { shape, example }) = &doc.answer else {
        return json!({"description": "Done.", "headers": headers});
    };
    named.extend(shape.named.clone());
    let content = json!({"schema": shape.schema, "example": example});
    let words = if doc.status == 201 { "Made." } else { "Well." };
    json!({"description": words, "headers": headers, "content": {doc.media_type: content}})
}

fn refusal(codes: &[Code]) -> Value {
    let words: Vec<String> =
        codes.iter().map(|code| format!("`{}`: {}.", code.as_str(), code.title())).collect();
    let names: Vec<&str> = codes.iter().map(|code| code.as_str()).collect();
    let examples: Map<String, Value> =
        codes.iter().map(|code| (code.as_str().to_owned(), json!({"value": problem(*code)}))).collect();
    let mut headers = common_headers();
    let with_time = [Code::RateLimited, Code::Busy, Code::InProgress, Code::Locked];
    if codes.iter().any(|code| with_time.contains(code)) {
        headers.insert("retry-after".to_owned(), json!({"$ref": "#/components/headers/retry-after"}));
    }
    if codes.contains(&Code::Unauthenticated) || codes.contains(&Code::WrongCredentials) {
        headers
            .insert("www-authenticate".to_owned(), json!({"$ref": "#/components/headers/www-authenticate"}));
    }
    let schema = json!({"allOf": [
        {"$ref": "#/components/schemas/ProblemDocument"},
        {"type": "object", "properties": {"code": {"enum": names}}},
    ]});
    json!({
        "description": words.join(" "),
        "headers": headers,
        "content": {CONTENT_TYPE: {"schema": schema, "examples": examples}},
    })
}

fn problem(code: Code) -> Value {
    let mut example = json!({
        "type": ProblemDocument::type_of(code),
        "title": code.title(),
        "status": code.status(),
        "detail": words::detail(code),
        "code": code.as_str(),
        "timestamp": "2026-11-22T12:00:00Z",
        "request_id": "JKJaXmPLvHcESHA=",
    });
    match code {
        Code::Invalid => {
            example["fields"] = json!([{"field": "caps.daily", "rule": "minimum", "message": words::CAP}]);
        }
        Code::InUse => {
            example["used_by"] = json!([{"kind": "campaign", "id": "CA019abc0de1f27a3b8c4d5e6f70819203", "name": "Roofing, New York"}]);
        }
        Code::VersionConflict => example["current_version"] = json!(7),
        _ => {}
    }
    example
}

fn common_headers() -> Map<String, Value> {
    let names = ["x-request-id", "x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-reset"];
    let reference = |name: &str| json!({"$ref": format!("#/components/headers/{name}")});
    names.into_iter().map(|name| (name.to_owned(), reference(name))).collect()
}

fn once_key() -> Value {
    json!({
        "name": "Idempotency-Key",
        "in": "header",
        "required": false,
        "description": "A new one for each deed, for example a UUID: the same request sent again with it is done once, and \
                        gets the same answer with the header `idempotency-replayed`. Kept for a day.",
        "schema": {"type": "string", "minLength": 1, "maxLength": idempotency::MAX_KEY, "pattern": "^[!-~]+$"},
    })
}

fn headers() -> Value {
    let whole = |words: &str| json!({"description": words, "schema": {"type": "integer", "minimum": 0}});
    let text = |words: &str| json!({"description": words, "schema": {"type": "string"}});
    json!({
        "x-request-id": {"description": "Names the request; quote it to support.", "required": true,
            "schema": {"type": "string", "minLength": 1, "maxLength": 128}},
        "x-ratelimit-limit": whole("Requests that this credential, or address, has in a minute."),
        "x-ratelimit-remaining": whole("How many of them are left."),
        "x-ratelimit-reset": whole("Seconds until there are new ones."),
        "retry-after": whole("Seconds to wait before trying again."),
        "location": text("The path of what was made."),
        "www-authenticate": text("How to sign in."),
    })
}

fn security_schemes() -> Value {
    json!({
        API_KEY: {"type": "http", "scheme": "bearer", "bearerFormat": "ccp_live_…",
            "description": "An API key of the account. What it may do stands in its scopes."},
        SESSION: {"type": "apiKey", "in": "cookie", "name": "__Host-ccp_session",
            "description": "Set by signing in. On plain HTTP at localhost it is named `ccp_session`."},
        OWN_PAGES: {"type": "apiKey", "in": "header", "name": "x-ccp-request",
            "description": "Any value, with `Origin` of the dashboard: a change with a cookie comes from our own pages."},
    })
}

fn query_parameter(parameter: &Parameter) -> Value {
    let schema = match parameter.takes {
        Takes::Whole(least, most, unless) => {
            json!({"type": "integer", "minimum": least, "maximum": most, "default": unless})
        }
        Takes::Text(most) => json!({"type": "string", "maxLength": most}),
        Takes::Cursor => json!({"type": "string", "maxLength": MAX_CURSOR}),
        Takes::Count => json!({"type": "integer", "minimum": 0, "maximum": u32::MAX}),
        Takes::OneOf(words) => json!({"type": "string", "enum": words}),
        Takes::Day => json!({"type": "string", "format": "date"}),
        Takes::Like(pattern, example) | Takes::Needed(pattern, example) => {
            json!({"type": "string", "pattern": pattern, "examples": [example]})
        }
    };
    let required = matches!(parameter.takes, Takes::Needed(..));
    json!({"name": parameter.name, "in": "query", "required": required, "description": parameter.about, "schema": schema})
}

/// Descriptions come from the code's own documentation; its links mean nothing here.
fn without_links(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            for (name, inner) in fields {
                match inner {
                    Value::String(words) if name == "description" && words.contains("[`") => {
                        *words = words.replace("[`", "`").replace("`]", "`");
                    }
                    _ => without_links(inner),
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(without_links),
        _ => {}
    }
}
