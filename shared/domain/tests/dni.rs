//! What a visit makes known of its call, and what RedTrack is told of it.

use std::collections::BTreeMap;

use domain::dni::call_tags::{MAX_TAGS, MAX_TAGS_BYTES, call_tags};
use domain::dni::redtrack::{Booked, PostbackType, Progress, RedTrack};
use domain::dni::tag::TrackingTag;
use domain::dni::visit::{Params, Visit};
use domain::filter::TagName;
use domain::ledger::{Conversion, TimerStart};
use domain::money::Money;
use domain::validate::Validate as _;
use proptest::prelude::*;
use serde_json::json;

fn visit(params: &[(&str, &str)]) -> Visit {
    let params: Params =
        params.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    serde_json::from_value(json!({
        "id": "VI019abc0de1f27a3b8c4d5e6f70819203",
        "tag": "TT019abc0de1f27a3b8c4d5e6f70819203",
        "campaign": "CA019abc0de1f27a3b8c4d5e6f70819203",
        "started_at": "2026-11-22T10:00:00Z",
        "seen_at": "2026-11-22T10:00:00Z",
        "attributed": true,
        "params": params,
    }))
    .unwrap()
}

fn usual(visit: &Visit) -> BTreeMap<String, String> {
    call_tags(visit, None, |_| None)
}

#[test]
fn parameters_become_the_tags_by_which_the_field_knows_them() {
    let visit = visit(&[
        ("utm_source", "google"),
        ("utm_term", "emergency plumber"),
        ("gclid", "g-1"),
        ("fbclid", "f-1"),
        ("rtkcid", "r-1"),
        ("sub id", "7"),
    ]);
    let tags = usual(&visit);
    for (tag, value) in [
        ("User:utm_source", "google"),
        ("Google:Source", "google"),
        ("Google:Term", "emergency plumber"),
        ("Integration:googleClickId", "g-1"),
        ("Integration:facebookClickId", "f-1"),
        ("User:rtkcid", "r-1"),
        // Under whichever name it came.
        ("User:clickid", "r-1"),
        ("User:sub id", "7"),
        ("Visit:Id", "VI019abc0de1f27a3b8c4d5e6f70819203"),
    ] {
        assert_eq!(tags.get(tag).map(String::as_str), Some(value), "{tag}");
    }
}

#[test]
fn the_tenant_says_what_a_parameter_of_its_own_is_called() {
    let visit = visit(&[("aff", "p-7"), ("zip", "60601")]);
    let reports_as =
        |name: &str| (name == "aff").then(|| TagName::try_from("Publisher:SubId".to_owned()).unwrap());
    let tags = call_tags(&visit, None, reports_as);
    assert_eq!(tags.get("Publisher:SubId").map(String::as_str), Some("p-7"));
    assert_eq!(tags.get("User:zip").map(String::as_str), Some("60601"));
    assert!(!tags.contains_key("User:aff"));
}

#[test]
fn a_parameter_whose_name_can_be_no_tags_is_left_out() {
    let tags = usual(&visit(&[("a:b]c", "x"), ("<script>", "x"), ("\u{e4}", "x"), ("", "x"), ("ok", "x")]));
    assert_eq!(tags.keys().collect::<Vec<_>>(), ["User:ok", "Visit:Id"]);
}

proptest! {
    #[test]
    fn whatever_a_browser_says_there_is_never_too_much_of_it(
        params in proptest::collection::btree_map("[a-z]{1,64}", ".{0,600}", 0..120),
        touch in proptest::collection::btree_map("[a-z]{1,64}", ".{0,600}", 0..60),
    ) {
        let visit = Visit { params, first: touch.clone(), last: touch, ..visit(&[]) };
        let tags = usual(&visit);
        let bytes: usize = tags.iter().map(|(tag, value)| tag.len() + value.len()).sum();
        prop_assert!(tags.len() <= MAX_TAGS && bytes <= MAX_TAGS_BYTES, "{} tags, {bytes} bytes", tags.len());
        prop_assert!(tags.values().all(|value| !value.is_empty()));
        prop_assert!(tags.contains_key("Visit:Id"));
    }

    #[test]
    fn a_click_id_finds_its_place_whatever_else_is_said(value in ".{400,512}") {
        let many: Params = (0..50).map(|number| (format!("a{number:02}"), value.clone())).collect();
        let visit = Visit { params: many, ..visit(&[]) };
        let mut with_click = visit.clone();
        with_click.params.insert("clickid".to_owned(), "c-1".to_owned());
        let tags = usual(&with_click);
        prop_assert_eq!(tags.get("User:clickid").map(String::as_str), Some("c-1"));
    }
}

fn redtrack(settings: serde_json::Value) -> RedTrack {
    let mut all = json!({"domain": "track.example.com"});
    for (name, value) in settings.as_object().unwrap() {
        all[name] = value.clone();
    }
    serde_json::from_value(all).unwrap()
}

fn booked() -> Booked {
    Booked {
        converted: true,
        rule: Some(Conversion::Connected),
        reported: false,
        connected_s: 95,
        payout: Money::from_micros(12_345_678),
    }
}

fn told(redtrack: &RedTrack, progress: Progress) -> Vec<String> {
    let told = redtrack.due("c 1&x", &progress).into_iter();
    told.map(|postback| postback.url.replace("https://track.example.com/postback?clickid=c+1%26x&", ""))
        .collect()
}

#[test]
fn what_is_told_follows_from_where_the_call_stands() {
    let usual = redtrack(json!({}));
    let [raw, answered] = ["type=RAWCall", "type=AnsweredCall"];
    let over = |booked| Progress { connected: true, booked: Some(booked) };
    assert_eq!(told(&usual, Progress::default()), [raw]);
    assert_eq!(told(&usual, Progress { connected: true, booked: None }), [raw, answered]);
    let whole = [raw, answered, "sum=12.345678&type=ConvertedCall"];
    assert_eq!(told(&usual, over(booked())), whole);
    for (what, booked, converted) in [
        ("not converted", Booked { converted: false, ..booked() }, false),
        ("too short to be told by being connected alone", Booked { connected_s: 29, ..booked() }, false),
        ("just long enough", Booked { connected_s: 30, ..booked() }, true),
        ("nobody was dialled", Booked { rule: None, connected_s: 0, ..booked() }, false),
        (
            "short, but by a length that was agreed",
            Booked {
                connected_s: 10,
                rule: Some(Conversion::Length { seconds: 5, from: TimerStart::Connect }),
                ..booked()
            },
            true,
        ),
        ("short, but reported", Booked { connected_s: 3, reported: true, ..booked() }, true),
    ] {
        assert_eq!(told(&usual, over(booked)).len(), if converted { 3 } else { 2 }, "{what}");
    }
    let free = Booked { payout: Money::ZERO, ..booked() };
    assert_eq!(told(&usual, over(free))[2], "type=ConvertedCall", "no amount is made up");
    let some = redtrack(json!({"types": ["ConvertedCall"], "min_seconds": 120}));
    assert_eq!(told(&some, over(booked())), [""; 0]);
    assert_eq!(told(&some, over(Booked { connected_s: 120, ..booked() })), [whole[2]]);
    assert_eq!(PostbackType::ALL.map(PostbackType::as_str), ["RAWCall", "AnsweredCall", "ConvertedCall"]);
}

#[test]
fn a_tracking_domain_is_a_host_of_the_public_internet() {
    let problems = |redtrack: serde_json::Value| -> Vec<String> {
        let tag: TrackingTag = serde_json::from_value(json!({
            "name": "x", "campaign": "CA019abc0de1f27a3b8c4d5e6f70819203",
            "shows": {"pool": "NU019abc0de1f27a3b8c4d5e6f70819203"}, "redtrack": redtrack,
        }))
        .unwrap();
        tag.validate().err().unwrap_or_default().into_iter().map(|problem| problem.field).collect()
    };
    for host in ["track.example.com", "a.io", "x-1.t.example.co.uk", "xn--bcher-kva.example"] {
        assert_eq!(problems(json!({"domain": host})), [""; 0], "{host}");
    }
    for host in [
        "",
        "localhost",
        "example",
        "127.0.0.1",
        "10.0.0.1",
        "[::1]",
        "track.example.com:8080",
        "https://a.com",
        "a.com/x",
        "user@a.com",
        "a..com",
        "-a.com",
        "a-.com",
        "A.com",
        "a.local",
        "metadata.google.internal",
        "a.com.",
        " a.com",
    ] {
        assert_eq!(problems(json!({"domain": host})), ["redtrack.domain"], "{host}");
    }
    assert_eq!(problems(json!({"domain": "a.io", "min_seconds": 3_601})), ["redtrack.min_seconds"]);
}
