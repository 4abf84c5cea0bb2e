//! The voice events carry the signature that belongs to them, made with the connected account's token and the base URL of `events/demo.env`.
//!
//! After an event was changed by hand, `cargo test -p tests --test events write_signatures -- --ignored` signs all anew.

use serde_json::Value;
use twilio::form::Form;
use twilio::signature::sign;

use crate::shape::body;
use crate::world::{ACCOUNT, AUTH_TOKEN, settings};
use crate::{folder, http_events};

/// Signed with another token on purpose.
const FORGED: &str = "voice-inbound/signed-by-somebody-else";

/// The voice events with the signature that each should carry.
fn signed() -> Vec<(String, Value, String)> {
    let settings = settings();
    let mut found = Vec::new();
    for (name, event) in http_events() {
        if event["headers"].get("x-twilio-signature").is_none() {
            continue;
        }
        let form = Form::parse(&body(&event)).unwrap();
        assert_eq!(form.get("AccountSid"), Some(ACCOUNT), "{name}: an account that is connected");
        let url = format!("{}{}", settings.public_base_url, event["rawPath"].as_str().unwrap());
        assert_eq!(event["rawQueryString"], "", "{name}: webhooks have no query");
        let signature = sign(AUTH_TOKEN, &url, form.pairs());
        found.push((name, event, signature));
    }
    found
}

#[test]
fn every_voice_event_is_signed() {
    let signed = signed();
    assert!(signed.len() >= 8, "only {} events are signed", signed.len());
    for (name, event, signature) in signed {
        let carried = &event["headers"]["x-twilio-signature"];
        if name == FORGED {
            assert_ne!(*carried, signature, "{name} must not be right");
        } else {
            assert_eq!(*carried, signature, "{name}: left is in the file, right is what it should be");
        }
    }
}

#[test]
#[ignore = "changes files: run it by name after an event was changed by hand"]
fn write_signatures() {
    for (name, event, signature) in signed() {
        let path = folder().join(&name).with_extension("json");
        let text = std::fs::read_to_string(&path).unwrap();
        let carried = event["headers"]["x-twilio-signature"].as_str().unwrap();
        if name != FORGED && carried != signature {
            std::fs::write(&path, text.replace(carried, &signature)).unwrap();
            println!("signed {name}");
        }
    }
}
