//! JSON bodies of the API: of every noun, of changes, of an erasure.

use app::catalog::{Entry, body};
use domain::blocked::BlockedNumber;
use domain::campaign::Campaign;
use domain::dni::tag::TrackingTag;
use domain::dni::url_parameter::UrlParameter;
use domain::group::{RingTree, TargetGroup};
use domain::incoming_webhook::IncomingWebhook;
use domain::number::Number;
use domain::partner::{Buyer, Publisher};
use domain::pool::NumberPool;
use domain::target::{RtbTarget, Target};
use serde_json::{Map, Value};

/// Reads a value as every noun there is.
fn as_every_noun(value: &Value) {
    as_noun::<Campaign>(value);
    as_noun::<Target>(value);
    as_noun::<RtbTarget>(value);
    as_noun::<Number>(value);
    as_noun::<Publisher>(value);
    as_noun::<Buyer>(value);
    as_noun::<TargetGroup>(value);
    as_noun::<RingTree>(value);
    as_noun::<BlockedNumber>(value);
    as_noun::<IncomingWebhook>(value);
    as_noun::<NumberPool>(value);
    as_noun::<TrackingTag>(value);
    as_noun::<UrlParameter>(value);
}

/// What was read can be stored and read again, and is the same then; a refusal names a rule and says why.
fn as_noun<E: Entry>(value: &Value) {
    match body::read::<E>(value.clone()) {
        Ok(entry) => {
            let problems = entry.validate().err().unwrap_or_default();
            assert!(problems.iter().all(|problem| !problem.rule.is_empty() && !problem.message.is_empty()));
            assert!(entry.references().len() <= value.to_string().len());
            let Ok(written) = serde_json::to_value(&entry) else { return };
            let again = body::read::<E>(written.clone()).map(|entry| serde_json::to_value(&entry).ok());
            assert_eq!(again, Ok(Some(written)));
        }
        Err(problems) => {
            assert!(!problems.is_empty());
            assert!(problems.iter().all(|problem| !problem.rule.is_empty() && !problem.message.is_empty()));
        }
    }
}

fn object(bytes: &[u8]) -> Option<Map<String, Value>> {
    api::body::parse(bytes).ok()
}

/// A body as it is posted.
pub fn noun(bytes: &[u8]) {
    let Some(object) = object(bytes) else { return };
    as_every_noun(&Value::Object(object));
}

/// A stored body in the first line, a change in the rest. The same change twice is the change.
pub fn merge_patch(bytes: &[u8]) {
    let split = bytes.iter().position(|byte| *byte == b'\n').unwrap_or(bytes.len());
    let (stored, patch) = bytes.split_at(split);
    let (Some(stored), Some(mut patch)) = (object(stored), object(patch)) else { return };
    let named = patch.get("version").and_then(Value::as_u64);
    let version = body::take_version(&mut patch);
    assert_eq!(version.ok(), named);
    assert!(!patch.contains_key("version"));
    let stored = Value::Object(stored);
    let once = body::merged(&stored, patch.clone());
    assert_eq!(body::merged(&once, patch), once);
    assert_eq!(body::merged(&stored, Map::new()), stored);
    as_every_noun(&once);
}

/// Only a number that is one, and stands there twice, is erased.
pub fn erasure(bytes: &[u8]) {
    let Some(object) = object(bytes) else { return };
    let value = Value::Object(object);
    if let Ok(number) = api::privacy::read(value.clone()) {
        assert_eq!(value.get("number").and_then(Value::as_str), Some(number.as_str()));
        assert_eq!(value.get("confirm"), value.get("number"));
    }
}
