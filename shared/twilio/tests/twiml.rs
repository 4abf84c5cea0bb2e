//! TwiML: every document is well-formed, within Twilio's limits, and says what the reply says; read by an independent parser.

mod support;

use std::error::Error;
use std::io::Write as _;

use domain::voice::{Dial, Recording, RejectReason, Reply, Verb};
use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::{TestCaseResult, TestRunner};
use quick_xml::XmlVersion;
use quick_xml::events::{BytesStart, Event};
use twilio::twiml::{MAX_DOCUMENT, MAX_SAY, empty, write};
use twilio::urls::{Urls, parse_path};

const BASE: &str = "https://Voice.Example.com:8443";

/// An element as the parser sees it.
#[derive(Debug, Default, PartialEq)]
struct Element {
    name: String,
    attributes: Vec<(String, String)>,
    text: String,
    children: Vec<Element>,
}

impl Element {
    fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

type Read<T> = Result<T, Box<dyn Error>>;

fn urls() -> Read<Urls> {
    Ok(Urls::new(BASE)?)
}

fn start(tag: &BytesStart<'_>) -> Read<Element> {
    let mut element = Element { name: tag.name().as_ref().to_owned(), ..Element::default() };
    for attribute in tag.attributes() {
        let attribute = attribute?;
        let value = attribute.normalized_value(XmlVersion::Explicit1_0)?.into_owned();
        element.attributes.push((attribute.key.as_ref().to_owned(), value));
    }
    Ok(element)
}

/// Reads a document; anything but elements, text and the declaration is an error.
fn parse(document: &str) -> Read<Element> {
    let mut reader = quick_xml::Reader::from_str(document);
    reader.config_mut().enable_all_checks(true);
    let mut open = vec![Element::default()];
    loop {
        match reader.read_event()? {
            Event::Decl(declaration) => {
                assert_eq!(declaration.encoding().transpose()?.as_deref(), Some("UTF-8"))
            }
            Event::Start(tag) => open.push(start(&tag)?),
            Event::Empty(tag) => {
                let element = start(&tag)?;
                open.last_mut().ok_or("no parent")?.children.push(element);
            }
            Event::Text(text) => open.last_mut().ok_or("no parent")?.text.push_str(&text.xml10_content()),
            Event::GeneralRef(reference) => {
                let letter = match reference.resolve_char_ref()? {
                    Some(letter) => letter.to_string(),
                    None => quick_xml::escape::resolve_predefined_entity(&reference)
                        .ok_or("unknown entity")?
                        .to_owned(),
                };
                open.last_mut().ok_or("no parent")?.text.push_str(&letter);
            }
            Event::End(_) => {
                let element = open.pop().ok_or("nothing open")?;
                open.last_mut().ok_or("no parent")?.children.push(element);
            }
            Event::Eof => break,
            other => return Err(format!("unexpected {other:?}").into()),
        }
    }
    let mut root = open.pop().ok_or("no root")?;
    assert!(open.is_empty() && root.children.len() == 1);
    root.children.pop().ok_or_else(|| "empty document".into())
}

fn legal(text: &str) -> String {
    let is_legal = |letter: &char| {
        let control = *letter < ' ' && !matches!(letter, '\t' | '\n' | '\r');
        !control && *letter != '\u{fffe}' && *letter != '\u{ffff}'
    };
    text.chars().filter(is_legal).collect()
}

/// `MAX_SAY` bytes of the text, whole characters only.
fn clipped(text: &str) -> &str {
    let most = (0..=MAX_SAY.min(text.len())).rev().find(|end| text.is_char_boundary(*end));
    &text[..most.unwrap_or(0)]
}

fn whole(text: Option<&str>, bounds: std::ops::RangeInclusive<u32>) -> bool {
    text.and_then(|text| text.parse().ok()).is_some_and(|number: u32| bounds.contains(&number))
}

fn is_callback(url: &str) -> bool {
    let path = url.strip_prefix(BASE).and_then(|rest| rest.split('#').next());
    path.and_then(parse_path).is_some()
}

/// A dial as Twilio's reference allows it, and as the reply wants it.
fn check_dial(dial: &Dial, element: &Element, is_first: bool) -> TestCaseResult {
    let urls = urls().map_err(|error| TestCaseError::fail(error.to_string()))?;
    if dial.nouns.is_empty() {
        prop_assert_eq!(&element.name, "Redirect");
        prop_assert_eq!(&element.text, &urls.callback(&dial.action));
        return Ok(());
    }
    prop_assert_eq!(&element.name, "Dial");
    let action = urls.callback(&dial.action);
    prop_assert_eq!(element.attribute("action"), Some(action.as_str()));
    prop_assert_eq!(element.attribute("method"), Some("POST"));
    prop_assert_eq!(
        element.attribute("answerOnBridge"),
        (dial.answer_on_bridge && is_first).then_some("true")
    );
    prop_assert_eq!(element.attribute("callerId"), dial.caller_id.as_ref().map(|number| number.as_str()));
    prop_assert!(whole(element.attribute("timeout"), 5..=600));
    prop_assert!(whole(element.attribute("timeLimit"), 1..=14_400));
    let record = match dial.recording {
        Recording::Off => None,
        Recording::FromAnswer => Some("record-from-answer"),
        Recording::FromAnswerDual => Some("record-from-answer-dual"),
    };
    prop_assert_eq!(element.attribute("record"), record);
    let callback = dial.recording_callback.as_ref().filter(|_| record.is_some());
    prop_assert_eq!(
        element.attribute("recordingStatusCallback").map(str::to_owned),
        callback.map(|callback| urls.callback(callback))
    );
    prop_assert_eq!(element.children.len(), dial.nouns.len().min(10));
    for (noun, child) in dial.nouns.iter().zip(&element.children) {
        let told = urls.callback(&noun.status_callback);
        prop_assert_eq!(child.attribute("statusCallback"), Some(told.as_str()));
        prop_assert_eq!(child.attribute("statusCallbackEvent"), Some("initiated ringing answered completed"));
        if child.name == "Number" {
            prop_assert!(child.text.parse::<domain::phone::E164>().is_ok());
            let keys = child.attribute("sendDigits").unwrap_or("w");
            prop_assert!(!keys.is_empty() && keys.chars().all(|key| "0123456789ABCDwW#*".contains(key)));
        } else {
            prop_assert_eq!(&child.name, "Sip");
            let (uri, headers) = child.text.split_once('?').unwrap_or((&child.text, ""));
            prop_assert!(uri.len() < 255 && headers.len() < 1024);
            for header in headers.split('&').filter(|header| !header.is_empty()) {
                prop_assert!(
                    header.to_ascii_uppercase().starts_with("X-") && header.contains('='),
                    "{}",
                    header
                );
                prop_assert!(!header.contains("%0A") && !header.contains("%0D") && !header.contains("%00"));
                prop_assert!(header.is_ascii() && !header.contains([' ', '<', '"']));
            }
        }
    }
    Ok(())
}

fn check(reply: &Reply) -> TestCaseResult {
    let failed = |error: Box<dyn Error>| TestCaseError::fail(error.to_string());
    let document = write(reply, &urls().map_err(failed)?);
    prop_assert!(document.len() <= MAX_DOCUMENT);
    prop_assert!(document.starts_with(r#"<?xml version="1.0" encoding="UTF-8"?><Response"#));
    prop_assert_eq!(&legal(&document), &document);
    let response = parse(&document).map_err(failed)?;
    prop_assert_eq!(&response.name, "Response");

    let mut elements = response.children.iter();
    for verb in &reply.verbs {
        match verb {
            Verb::Say(text) => {
                let text = legal(text);
                let text = clipped(&text);
                if !text.trim().is_empty() {
                    let element = elements.next();
                    prop_assert_eq!(element.map(|element| element.name.as_str()), Some("Say"));
                    prop_assert_eq!(element.map(|element| element.text.as_str()), Some(text));
                }
            }
            Verb::Pause(_) => {
                let element = elements.next();
                prop_assert_eq!(element.map(|element| element.name.as_str()), Some("Pause"));
                prop_assert!(whole(element.and_then(|element| element.attribute("length")), 1..=255));
            }
            Verb::Dial(dial) => {
                let element = elements.next().ok_or_else(|| TestCaseError::fail("no Dial"))?;
                check_dial(dial, element, response.children.len() == 1)?;
                break;
            }
            Verb::Redirect(_) => {
                let element = elements.next();
                prop_assert!(
                    element.is_some_and(|element| element.name == "Redirect" && is_callback(&element.text))
                );
                break;
            }
            Verb::Reject(reason) => {
                let word = if *reason == RejectReason::Busy { "busy" } else { "rejected" };
                prop_assert_eq!(elements.next().and_then(|element| element.attribute("reason")), Some(word));
                break;
            }
            Verb::Hangup => {
                prop_assert_eq!(elements.next().map(|element| element.name.as_str()), Some("Hangup"));
                break;
            }
        }
    }
    prop_assert_eq!(elements.next(), None);
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_document_is_well_formed_and_says_what_the_reply_says(reply in support::reply()) {
        check(&reply)?;
    }
}

fn fixed_dial(noun: &str) -> Read<Reply> {
    let callback = |to: &str| {
        format!(
            r#"{{"tenant":"AC0190a0a0a0a07a0a8a0a0a0a0a0a0a0a","call":"RGB00000000000000000000000000000001","to":{to}}}"#
        )
    };
    let json = format!(
        r#"{{"verbs":[{{"dial":{{"nouns":[{noun}],"caller_id":"+14155550100","timeout_s":25,"time_limit_s":3600,
        "recording":"from_answer_dual","answer_on_bridge":true,"action":{},"recording_callback":{}}}}}]}}"#,
        callback(r#"{"dial_result":1}"#),
        callback(r#"{"recording":1}"#),
    );
    Ok(serde_json::from_str(&json.replace("\"LEG\"", &callback(r#"{"leg":1}"#)))?)
}

const CALL_URL: &str = "https://Voice.Example.com:8443/twilio/voice/AC0190a0a0a0a07a0a8a0a0a0a0a0a0a0a/RGB00000000000000000000000000000001";

#[test]
fn a_dial_to_a_number_looks_like_this() -> Read<()> {
    let reply = fixed_dial(
        r#"{"destination":{"number":"+18005551212"},"send_digits":"ww1#","sip_headers":[],"status_callback":"LEG"}"#,
    )?;
    let expected = format!(
        concat!(
            r#"<?xml version="1.0" encoding="UTF-8"?><Response>"#,
            r#"<Dial action="{url}/dial-result/1#ct=2000&amp;rt=6000&amp;tt=12000&amp;rc=1&amp;rp=ct,5xx" method="POST""#,
            r#" answerOnBridge="true" callerId="+14155550100" timeout="25" timeLimit="3600" record="record-from-answer-dual""#,
            r#" recordingStatusCallback="{url}/recording/1" recordingStatusCallbackMethod="POST""#,
            r#" recordingStatusCallbackEvent="completed absent">"#,
            r#"<Number statusCallback="{url}/leg/1" statusCallbackMethod="POST""#,
            r#" statusCallbackEvent="initiated ringing answered completed" sendDigits="ww1#">+18005551212</Number>"#,
            r#"</Dial></Response>"#,
        ),
        url = CALL_URL
    );
    assert_eq!(write(&reply, &urls()?), expected);
    Ok(())
}

#[test]
fn a_dial_to_a_sip_address_carries_its_headers_percent_encoded() -> Read<()> {
    let reply = fixed_dial(
        r#"{"destination":{"sip":"sip:bid&1@pbx.example.com;transport=tls"},"send_digits":"1",
        "sip_headers":[["X-Bid","a b&c=1\r\nX-Evil: 1"],["Via","no"],["X-Ñ","no"],["X_No","no"],["x-caller","+1 ñ"]],"status_callback":"LEG"}"#,
    )?;
    let document = write(&reply, &urls()?);
    let sip = r#">sip:bid&amp;1@pbx.example.com;transport=tls?X-Bid=a%20b%26c%3D1X-Evil%3A%201&amp;x-caller=%2B1%20%C3%B1</Sip>"#;
    assert!(document.contains(sip), "{document}");
    assert!(!document.contains("sendDigits"), "{document}");
    Ok(())
}

#[test]
fn headers_that_no_longer_fit_are_left_out() -> Read<()> {
    let mut reply = fixed_dial(
        r#"{"destination":{"sip":"sip:a@pbx.example.com"},"send_digits":null,"sip_headers":[],"status_callback":"LEG"}"#,
    )?;
    let Some(Verb::Dial(dial)) = reply.verbs.first_mut() else { return Err("no dial".into()) };
    let header = |name: &str, length| (name.to_owned(), "v".repeat(length));
    dial.nouns[0].sip_headers =
        vec![header("X-A", 1000), header("X-B", 100), header("X-C", 10), header("X-D", 1)];
    let document = write(&reply, &urls()?);
    // "X-A=" and 1000, "&X-C=" and 10: 1019; "&X-D=v" would make 1025.
    assert!(document.contains(&format!("?X-A={}&amp;X-C=vvvvvvvvvv<", "v".repeat(1000))), "{document}");
    Ok(())
}

#[test]
fn small_replies_look_like_this() -> Read<()> {
    let head = r#"<?xml version="1.0" encoding="UTF-8"?>"#;
    for (verbs, body) in [
        (vec![], "<Response/>"),
        (vec![Verb::Say(" \0".to_owned())], "<Response/>"),
        (vec![Verb::Hangup], "<Response><Hangup/></Response>"),
        (vec![Verb::Reject(RejectReason::Busy)], r#"<Response><Reject reason="busy"/></Response>"#),
        (
            vec![
                Verb::Pause(0),
                Verb::Say("Tom & <Ann>".to_owned()),
                Verb::Hangup,
                Verb::Say("never".to_owned()),
            ],
            r#"<Response><Pause length="1"/><Say>Tom &amp; &lt;Ann&gt;</Say><Hangup/></Response>"#,
        ),
    ] {
        assert_eq!(write(&Reply { verbs }, &urls()?), format!("{head}{body}"));
    }
    assert_eq!(empty(), format!("{head}<Response/>"));
    Ok(())
}

#[test]
fn a_document_that_would_be_too_large_keeps_its_ending() -> Read<()> {
    let mut verbs: Vec<Verb> = (0..40).map(|_| Verb::Say("&".repeat(MAX_SAY))).collect();
    verbs.push(Verb::Hangup);
    let document = write(&Reply { verbs }, &urls()?);
    assert!(document.len() <= MAX_DOCUMENT && document.ends_with("<Hangup/></Response>"));
    assert_eq!(parse(&document)?.children.len(), 4, "three texts of five bytes a sign, and the end");
    Ok(())
}

#[test]
fn the_largest_dial_fits() -> Read<()> {
    let mut reply = fixed_dial(
        r#"{"destination":{"sip":"sip:a@pbx.example.com"},"send_digits":null,"sip_headers":[],"status_callback":"LEG"}"#,
    )?;
    let long = format!("sip:{}@pbx.example.com", "&".repeat(230));
    let Some(Verb::Dial(dial)) = reply.verbs.first_mut() else { return Err("no dial".into()) };
    dial.nouns[0].destination = domain::phone::Destination::Sip(long.try_into()?);
    dial.nouns[0].sip_headers = vec![("X-A".to_owned(), "v".repeat(1019))];
    dial.nouns = vec![dial.nouns[0].clone(); 12];
    let urls = Urls::new(&format!("https://a.example/{}", "b".repeat(490)))?;
    let document = write(&reply, &urls);
    assert!(document.len() <= MAX_DOCUMENT, "{} bytes", document.len());
    assert_eq!(document.matches("<Sip ").count(), 10);
    Ok(())
}

/// Documents for the conformance check: if `TWIML_CORPUS` names a file, lines of `{"id","kind":"voice","xml"}` are added to it.
#[test]
fn a_corpus_is_written_for_the_conformance_check() -> Read<()> {
    let Some(path) = std::env::var_os("TWIML_CORPUS") else { return Ok(()) };
    let mut runner = TestRunner::deterministic();
    let mut file = std::fs::OpenOptions::new().create(true).append(true).open(path)?;
    for number in 0..200 {
        let reply = support::reply().new_tree(&mut runner).map_err(|reason| reason.to_string())?.current();
        let id = format!("twilio-property-{number:03}");
        let line = serde_json::json!({ "id": id, "kind": "voice", "xml": write(&reply, &urls()?) });
        writeln!(file, "{line}")?;
    }
    Ok(())
}
