//! Every answer of every test is held against the document: the status is declared, and the body has the declared shape.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock, Mutex};

use api::{all_routes, openapi};
use jsonschema::{Draft, Validator};
use serde_json::{Value, json};

use crate::support::Answer;

static DOCUMENT: LazyLock<Value> = LazyLock::new(|| openapi::document(&all_routes()));
static VALIDATORS: LazyLock<Mutex<HashMap<String, Arc<Validator>>>> = LazyLock::new(Mutex::default);

/// Checks values against a schema of the document.
pub fn validator(document: &Value, schema: &Value) -> Validator {
    let whole = json!({"components": document["components"], "allOf": [schema]});
    jsonschema::options().with_draft(Draft::Draft202012).should_validate_formats(true).build(&whole).unwrap()
}

/// The documented operation that answers, with its path.
fn operation(method: &str, path: &str) -> Option<(&'static str, &'static Value)> {
    let given: Vec<&str> = path.split('/').collect();
    let matches = |template: &str| {
        let wanted: Vec<&str> = template.split('/').collect();
        let fits = wanted
            .iter()
            .zip(&given)
            .all(|(wanted, given)| wanted == given || (wanted.starts_with('{') && !given.is_empty()));
        fits && wanted.len() == given.len()
    };
    let paths = DOCUMENT["paths"].as_object().unwrap();
    let mut found: Vec<&String> = paths.keys().filter(|template| matches(template)).collect();
    // As the router does: a word before a variable.
    found.sort_by_key(|template| template.matches('{').count());
    let template = found.first()?;
    let said = &paths[*template][method.to_lowercase()];
    said.is_object().then_some((template.as_str(), said))
}

/// Panics when the answer is not what the document says of the operation.
pub fn check(method: &str, path: &str, answer: &Answer) {
    let Some((template, said)) = operation(method, path) else { return };
    let shown = format!("{method} {template}");
    let status = answer.status.to_string();
    let declared = &said["responses"][&status];
    assert!(!declared.is_null(), "{shown} answers {status}, which its Doc does not say: {}", answer.text);
    let response = match declared["$ref"].as_str() {
        Some(reference) => DOCUMENT.pointer(reference.trim_start_matches('#')).unwrap(),
        None => declared,
    };
    let media_type = answer.content_type.split(';').next().unwrap_or_default();
    let Some(content) = response.get("content") else {
        assert_eq!(answer.text, "", "{shown} answers {status} with a body, which its Doc does not say");
        return;
    };
    let schema = &content[media_type]["schema"];
    assert!(!schema.is_null(), "{shown} answers {status} as '{media_type}', which its Doc does not say");
    if !media_type.ends_with("json") {
        return;
    }
    let key = format!("{shown} {status}");
    let validator = VALIDATORS.lock().unwrap().get(&key).cloned();
    let validator = validator.unwrap_or_else(|| {
        let made = Arc::new(validator_of(schema));
        VALIDATORS.lock().unwrap().insert(key, made.clone());
        made
    });
    let body = answer.json();
    let problems: Vec<String> =
        validator.iter_errors(&body).map(|error| format!("{} {error}", error.instance_path())).collect();
    assert!(
        problems.is_empty(),
        "{shown} answers {status} in another shape than its Doc says: {problems:#?}\n{body:#}"
    );
}

fn validator_of(schema: &Value) -> Validator {
    validator(&DOCUMENT, schema)
}
