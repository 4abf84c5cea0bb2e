//! Every document our writer can write is TwiML as Twilio's types and Twilio's documented limits have it.

#[path = "../../shared/twilio/tests/support/mod.rs"]
mod support;

use serde_json::{Value, json};
use twilio::twiml::{empty, write};
use twilio::urls::Urls;

use crate::form::draw;
use crate::node::Node;

const DOCUMENTS: usize = 1_500;

#[test]
fn every_document_our_writer_writes_conforms() {
    let urls = Urls::new("https://Voice.Example.com:8443").unwrap();
    let replies = draw(&support::reply(), DOCUMENTS);
    let mut documents: Vec<String> = replies.iter().map(|reply| write(reply, &urls)).collect();
    documents.retain(|document| !says_only_marks(document));
    documents.push(empty());
    documents.push(api::pages::document(None));
    documents.push(api::pages::document(Some(&"+12025550190".parse().unwrap())));
    let dials = documents.iter().filter(|document| document.contains("<Dial")).count();
    assert!(dials > DOCUMENTS / 4, "only {dials} of the documents dial: the strategy has changed");

    let lines: Vec<Value> = documents
        .iter()
        .enumerate()
        .map(|(id, xml)| json!({"id": id, "kind": "voice", "xml": xml}))
        .collect();
    let verdicts = Node::run("conformance/twiml-check.mjs", &["--ndjson"]).ask_all(&lines);
    for (id, (verdict, document)) in verdicts.iter().zip(&documents).enumerate() {
        assert_eq!(verdict["id"], id);
        assert_eq!(verdict["ok"], true, "{}\n{document}", verdict["problems"]);
    }
    println!("{} documents conform, {dials} of them dial", documents.len());
}

/// U+FEFF is white space to JavaScript and a character to XML and to us: the judge misses the words of such a `<Say>`.
fn says_only_marks(document: &str) -> bool {
    let blank = |letter: char| letter.is_whitespace() || letter == '\u{feff}';
    let spoken = document.split("<Say>").skip(1).filter_map(|rest| rest.split("</Say>").next());
    spoken.into_iter().any(|words| words.chars().all(blank))
}

/// The judge itself: a document that breaks one rule is refused by that rule.
#[test]
fn a_wrong_document_is_refused() {
    let wrong = [
        ("enum", "<Response><Dial record=\"yes\">+12025550101</Dial></Response>"),
        ("nesting", "<Response><Gather><Dial>+12025550101</Dial></Gather></Response>"),
        ("range", "<Response><Dial timeout=\"700\">+12025550101</Dial></Response>"),
        ("not-well-formed", "<Response><Say>&</Say></Response>"),
    ];
    let lines: Vec<Value> = wrong.iter().map(|(rule, xml)| json!({"id": rule, "xml": xml})).collect();
    let verdicts = Node::run("conformance/twiml-check.mjs", &["--ndjson"]).ask_all(&lines);
    for verdict in verdicts {
        assert_eq!(verdict["ok"], false);
        assert_eq!(verdict["problems"][0]["rule"], verdict["id"], "{verdict}");
    }
}
