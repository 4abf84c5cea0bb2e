//! Messages keep what was put in, fit into SQS, and are never silently dropped.

#![expect(clippy::expect_used, clippy::panic, reason = "a test fails by panicking, in its helpers too")]

use app::ports::BidLogEntry;
use domain::auction::{BidderResult, Refusal};
use domain::money::Money;
use proptest::prelude::*;
use queue::{CallToTell, LONGEST_BODY, Message, MessageError};

fn entry(response: String) -> BidLogEntry {
    let bidder = "PI0190a1b2c3d77e5f8a9b0c1d2e3f4a5b".parse().expect("an id");
    BidLogEntry {
        tenant: "AC0190a1b2c3d47e5f8a9b0c1d2e3f4a5b".parse().expect("an id"),
        auction: "AU0190a1b2c3d57e5f8a9b0c1d2e3f4a5b".parse().expect("an id"),
        call: "RGB1f0c5e8b7a2d4c6f9e3b1a0d8c7f6e5d".parse().expect("an id"),
        asked_for: Default::default(),
        campaign: "CA0190a1b2c3d67e5f8a9b0c1d2e3f4a5b".parse().expect("an id"),
        bidder,
        at: "2026-11-22T10:15:00.120Z".parse().expect("a time"),
        url: "https://bids.example.com/one".to_owned(),
        request: Some("{}".to_owned()),
        status: Some(200),
        response: Some(response),
        result: BidderResult {
            bidder,
            name: "One".to_owned(),
            latency_ms: Some(12),
            amount: Some(Money::from_units(5)),
            destination: None,
            refusal: Some(Refusal::BelowMinimum(Money::from_units(6))),
        },
        won: false,
    }
}

fn decoded(bodies: &[String]) -> Vec<BidLogEntry> {
    let read = |body: &String| match Message::decode(body) {
        Ok(Message::Bids(entries)) => entries,
        Ok(other) => panic!("{other:?}"),
        Err(error) => panic!("{error}"),
    };
    bodies.iter().flat_map(read).collect()
}

#[test]
fn a_few_bids_are_one_message() {
    let entries = [entry("a".to_owned()), entry("b".to_owned())];
    let bodies = Message::encode_bids(&entries).expect("written");
    assert_eq!(bodies.len(), 1);
    assert_eq!(decoded(&bodies), entries);
    assert!(Message::encode_bids(&[]).expect("written").is_empty());
}

#[test]
fn an_entry_too_long_for_a_message_loses_the_end_of_its_texts() {
    let bodies = Message::encode_bids(&[entry("\u{1F600}".repeat(200_000))]).expect("written");
    assert_eq!(bodies.len(), 1);
    assert!(bodies[0].len() <= LONGEST_BODY);
    let kept = decoded(&bodies).remove(0);
    assert_eq!(kept.response.expect("a text").chars().count(), 8_000);
    assert_eq!(kept.result.name, "One");
}

#[test]
fn what_is_not_ours_is_an_error_that_says_so() {
    for (body, unknown) in [
        (r#"{"kind":"bids","v":2,"body":[]}"#, true),
        (r#"{"kind":"invoices","v":1,"body":[]}"#, true),
        (r#"{"kind":"bids","v":1,"body":{}}"#, false),
        (r#"{"kind":"bids"}"#, false),
        ("", false),
    ] {
        let error = Message::decode(body).expect_err(body);
        assert_eq!(matches!(error, MessageError::Unknown { .. }), unknown, "{body}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_bids_arrive_in_order_in_bodies_that_sqs_takes(
        texts in prop::collection::vec(("[a-z\u{FFFE}\u{FFFF}\u{7}\"é]{0,20}", 1_usize..1_500), 0..60),
    ) {
        let entries: Vec<_> = texts.iter().map(|(text, times)| entry(text.repeat(*times))).collect();
        let bodies = Message::encode_bids(&entries).expect("written");
        for body in &bodies {
            prop_assert!(body.len() <= LONGEST_BODY, "{}", body.len());
            let refused_by_sqs = body.contains(['\u{FFFE}', '\u{FFFF}']);
            prop_assert!(!refused_by_sqs);
        }
        let all_in_order = decoded(&bodies) == entries;
        prop_assert!(all_in_order);
    }
}

#[test]
fn a_call_to_tell_of_arrives_as_it_was_sent() {
    let sent = CallToTell {
        tenant: "AC0190a1b2c3d47e5f8a9b0c1d2e3f4a5b".parse().expect("an id"),
        call: "RGB1f0c5e8b7a2d4c6f9e3b1a0d8c7f6e5d".parse().expect("an id"),
    };
    let body = Message::encode_postbacks(sent).expect("written");
    let expected = r#"{"kind":"postbacks","v":1,"body":{"tenant":"AC0190a1b2c3d47e5f8a9b0c1d2e3f4a5b","call":"RGB1f0c5e8b7a2d4c6f9e3b1a0d8c7f6e5d"}}"#;
    assert_eq!(body, expected, "releases of different age understand each other");
    assert_eq!(Message::decode(&body).expect("read"), Message::Postbacks(sent));
}
