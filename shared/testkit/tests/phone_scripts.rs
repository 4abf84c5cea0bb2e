//! Scripts and journeys as JSON, and the collection of documents.

mod phone_support;

use std::time::Duration;

use phone_support::{Application, BUYER, call};
use serde_json::{Value, json};
use testkit::phone::{CallScript, CalleeScript, Input, Journey, PhoneNetwork};

#[test]
fn a_script_is_written_in_seconds_and_plain_words() {
    let script: CallScript = serde_json::from_value(json!({
        "from": "anonymous",
        "to": "+18335550100",
        "caller": {
            "patience": 20,
            "gathers": [{ "keys": { "digits": "1", "after": 0.5 } }, "silence"],
            "hangs_up_at": { "verb": "Say" },
        },
        "callees": {
            "+12025550101": { "busy": { "after": 2 } },
            "+12025550102": "no_answer",
            "sip:a@b.test": { "answers": { "after": 1.5, "answered_by": "machine" } },
        },
        "delivery": { "copies": { "start": 1, "end": 5 }, "order": "shuffled", "drop": ["dial_action"] },
        "speed": { "times": 20 },
    }))
    .unwrap();
    assert_eq!(script.caller.patience, Some(Duration::from_secs(20)));
    assert_eq!(
        script.caller.gathers[0],
        Input::Keys { digits: "1".into(), after: Duration::from_millis(500) }
    );
    assert_eq!(script.callees["+12025550101"], CalleeScript::Busy { after: Duration::from_secs(2) });
    assert_eq!(script.delivery.as_ref().unwrap().copies, 1..=5);
    let again: CallScript = serde_json::from_value(serde_json::to_value(&script).unwrap()).unwrap();
    assert_eq!(again, script);
    assert!(serde_json::from_value::<CallScript>(json!({ "form": "typing mistake" })).is_err());
}

#[tokio::test]
async fn a_journey_survives_json_and_its_events_stream_in_order() {
    let application = Application::start().await;
    application.says("/voice", &format!("<Dial><Number>{BUYER}</Number></Dial>"));
    let mut config = application.config();
    config.auth_token = "a-secret-token".to_owned();
    let mut live = PhoneNetwork::new(config).follow_call(call());
    let mut streamed = Vec::new();
    while let Some(event) = live.events.recv().await {
        streamed.push(event);
    }
    let journey = live.journey.await.unwrap();
    assert_eq!(streamed, journey.events);
    assert!(streamed.is_sorted_by_key(|event| event.offset_ms));
    let text = serde_json::to_string(&journey).unwrap();
    assert_eq!(serde_json::from_str::<Journey>(&text).unwrap(), journey);
    assert!(!text.contains("a-secret-token"), "no secret in a journey");
    assert!(journey.timeline()[0].to_string().contains("calls"));
}

#[tokio::test]
async fn every_document_is_added_to_the_collection() {
    let folder = std::env::temp_dir().join(format!("phone-corpus-{}", std::process::id()));
    let application = Application::start().await;
    application
        .says("/voice", &format!("<Dial><Number url=\"/whisper\">{BUYER}</Number></Dial>"))
        .says("/whisper", "<Say>A call</Say>");
    let mut config = application.config();
    config.corpus_dir = Some(folder.clone());
    let network = PhoneNetwork::new(config);
    let (one, other) = tokio::join!(network.place_call(call()), network.place_call(call().seed(8)));
    assert_eq!(one.documents.len() + other.documents.len(), 4);
    let file = std::fs::read_dir(&folder).unwrap().next().unwrap().unwrap().path();
    let lines: Vec<Value> = std::fs::read_to_string(file)
        .unwrap()
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let kinds: Vec<&str> = lines.iter().map(|line| line["kind"].as_str().unwrap()).collect();
    assert_eq!(kinds.iter().filter(|kind| **kind == "whisper").count(), 2);
    assert_eq!(kinds.len(), 4);
    assert!(
        lines
            .iter()
            .all(|line| line["xml"].as_str().unwrap().contains("<Response>") && line["id"].is_string())
    );
    std::fs::remove_dir_all(folder).unwrap();
}
