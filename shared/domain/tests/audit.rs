//! The audit log tells what changed and gives nobody away.

use std::collections::BTreeMap;
use std::net::IpAddr;

use domain::audit::{MAX_BYTES, MAX_CHANGES, Origin, changes, personal_values, shown_name};
use domain::ids::{Id, TargetNoun};
use proptest::prelude::*;
use serde_json::{Map, Value, json};
use uuid::Uuid;

fn recognised(text: &str) -> String {
    format!("<{}>", text.len())
}

fn differences(before: &Value, after: &Value) -> Vec<(String, Option<Value>, Option<Value>)> {
    let (changes, more) = changes(before, after, &recognised);
    assert_eq!(more, 0);
    changes.into_iter().map(|change| (change.field, change.before, change.after)).collect()
}

#[test]
fn each_leaf_that_differs_is_told_with_its_path() {
    let before =
        json!({"name": "a", "caps": {"daily": 5, "total": null}, "plan": [{"target": "x"}, 2], "gone": true});
    let after = json!({"name": "a", "caps": {"daily": 6}, "plan": [{"target": "y"}], "new": [[1.5]]});
    let expected = [
        ("caps.daily", Some(json!(5)), Some(json!(6))),
        ("gone", Some(json!(true)), None),
        ("new[0][0]", None, Some(json!(1.5))),
        ("plan[0].target", Some(json!("x")), Some(json!("y"))),
        ("plan[1]", Some(json!(2)), None),
    ];
    let expected = expected.map(|(field, before, after)| (field.to_owned(), before, after));
    assert_eq!(differences(&before, &after), expected);
    assert_eq!(differences(&before, &before), []);
    assert_eq!(differences(&Value::Null, &json!({"a": [], "b": {}, "c": null})), []);
}

#[test]
fn numbers_and_addresses_are_masked_and_recognisable() {
    let cases = [
        ("+14155550123", "415***0123 #<12>"),
        ("sip:agent@pbx.example.com", "sip:***@pbx.example.com #<25>"),
        ("Jo.Doe@Example.com", "J***@Example.com #<18>"),
        (
            "call (415) 555-0123 or write to jo@example.com!",
            "call 415***0123 or write to j***@example.com! #<47>",
        ),
        ("https://x.example.com/?n=%2B14155550123", "https://x.example.com/?n=%2B415***0123 #<39>"),
        ("415%20555%200123", "415***0123 #<16>"),
        ("mailto:jo%40example.com", "mailto:j***@example.com #<23>"),
        ("a@b@c.example.com", "a***@c.example.com #<17>"),
        ("４１５５５５０１２３", "*** #<30>"),
    ];
    for (text, shown) in cases {
        let [(_, _, Some(after))] = &differences(&Value::Null, &json!({ "x": text }))[..] else {
            panic!("{text}: one change")
        };
        assert_eq!(after, shown, "{text}");
        assert_eq!(personal_values(&json!([{ "x": text }])).into_iter().collect::<Vec<_>>(), [text]);
    }
}

#[test]
fn what_only_looks_like_a_number_stays() {
    let id = Id::<TargetNoun>::from_uuid(Uuid::from_u128(0x0193_1234_5678_7000_8000_1234_5678_9012));
    let texts = [
        id.to_string(),
        format!("the target {id} of AC{:032x}", 1_234_567_890),
        "2026-11-22T12:00:00Z".to_owned(),
        "2026-11-22".to_owned(),
        "http://192.168.100.100:8080/bid".to_owned(),
        "Roofing 24/7, ZIP 90210".to_owned(),
        "$.bids[?@.amount>10]".to_owned(),
    ];
    for text in texts {
        let found = differences(&Value::Null, &json!({ "x": text }));
        assert_eq!(found, [("x".to_owned(), None, Some(json!(text)))]);
        assert!(personal_values(&json!(text)).is_empty());
        assert_eq!(shown_name(&text), text);
    }
    assert_eq!(shown_name("+18335550100"), "833***0100");
}

#[test]
fn no_secret_is_told_but_that_it_changed_is() {
    let before = json!({
        "headers": [["X-Api", "s3cret-one"]],
        "url": "https://b.example.com/?zip=1&token=s3cret-one",
        "body": "{\"apiKey\": \"s3cret-one\", \"state\": \"[tag:InboundNumber:State]\"}",
        "dial": {"sip_headers": [["X-Auth", "s3cret-one"]]},
        "auth": {"password": "s3cret-one"},
    });
    let after: Value =
        serde_json::from_str(&before.to_string().replace("s3cret-one", "s3cret-two")).expect("JSON");
    let found = differences(&before, &after);
    let fields: Vec<&str> = found.iter().map(|(field, ..)| field.as_str()).collect();
    assert_eq!(fields, ["auth.password", "body", "dial.sip_headers[0][1]", "headers[0][1]", "url"]);
    let told = serde_json::to_string(&differences(&Value::Null, &after)).expect("JSON");
    assert!(!told.contains("s3cret"), "{told}");
    assert!(told.contains("X-Api") && told.contains("X-Auth") && told.contains("[tag:InboundNumber:State]"));
    assert!(told.contains("zip=1&token=***"), "{told}");
}

#[test]
fn an_address_is_shortened_to_its_network() {
    let network = |text: &str| {
        let address: IpAddr = text.parse().expect("an address");
        Origin::of(Some(address), Some("a\u{7}b"), "r").network.expect("a network")
    };
    assert_eq!(network("203.0.113.77"), "203.0.113.0/24");
    assert_eq!(network("2001:db8:1:2:3:4:5:6"), "2001:db8:1::/48");
    assert_eq!(network("::1"), "0:0:0::/48");
    let origin = Origin::of(None, Some(&"x".repeat(1_000)), "r");
    assert_eq!((origin.network, origin.agent.map(|agent| agent.len())), (None, Some(120)));
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Step {
    Name(String),
    Index(usize),
}

fn steps(path: &str) -> Vec<Step> {
    path.split(['.', '['])
        .filter(|part| !part.is_empty())
        .map(|part| match part.strip_suffix(']') {
            Some(index) => Step::Index(index.parse().expect("an index")),
            None => Step::Name(part.to_owned()),
        })
        .collect()
}

fn leaves(value: &Value, at: &[Step], found: &mut BTreeMap<Vec<Step>, Value>) {
    let below = |step: Step| at.iter().cloned().chain([step]).collect::<Vec<_>>();
    match value {
        Value::Null => {}
        Value::Object(fields) => {
            fields.iter().for_each(|(name, field)| leaves(field, &below(Step::Name(name.clone())), found));
        }
        Value::Array(items) => {
            items
                .iter()
                .enumerate()
                .for_each(|(index, item)| leaves(item, &below(Step::Index(index)), found));
        }
        leaf => drop(found.insert(at.to_vec(), leaf.clone())),
    }
}

/// Values without anything personal in them.
fn harmless() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        "[a-zé ]{0,12}".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 40, 5, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map("[b-f_]{1,4}", inner, 0..4)
                .prop_map(|fields| Value::Object(fields.into_iter().collect::<Map<_, _>>())),
        ]
    })
}

/// A phone number as people write it, and its digits.
fn phone() -> impl Strategy<Value = (String, String)> {
    let forms = [
        "+1{a}{b}{c}",
        "{a}{b}{c}",
        "({a}) {b}-{c}",
        "{a}-{b}-{c}",
        "{a}.{b}.{c}",
        "{a} {b} {c}",
        "1-{a}-{b}-{c}",
        "+1 ({a}) {b} {c}",
        "tel:+1{a}{b}{c}",
        "{a}/{b}{c}",
        "{a}\u{a0}{b}\u{2011}{c}",
        "%2B1{a}{b}{c}",
    ];
    (prop::sample::select(forms.to_vec()), 200..999u32, 200..999u32, 0..9_999u32).prop_map(
        |(form, a, b, c)| {
            let parts = (format!("{a:03}"), format!("{b:03}"), format!("{c:04}"));
            let written = form.replace("{a}", &parts.0).replace("{b}", &parts.1).replace("{c}", &parts.2);
            (written, format!("{}{}{}", parts.0, parts.1, parts.2))
        },
    )
}

proptest! {
    #[test]
    fn applied_to_what_was_the_changes_give_what_is(before in harmless(), after in harmless()) {
        let mut state = BTreeMap::new();
        leaves(&before, &[], &mut state);
        let (changes, more) = changes(&before, &after, &recognised);
        prop_assert_eq!(more, 0);
        for change in changes {
            let path = steps(&change.field);
            prop_assert_eq!(state.get(&path), change.before.as_ref());
            match change.after {
                Some(value) => drop(state.insert(path, value)),
                None => drop(state.remove(&path)),
            }
        }
        let mut wanted = BTreeMap::new();
        leaves(&after, &[], &mut wanted);
        prop_assert_eq!(state, wanted);
    }

    #[test]
    fn no_number_and_no_address_survives(
        (written, digits) in phone(),
        before in "[^0-9%@]{0,20}",
        after in "[^0-9%@]{0,20}",
        local in "[a-z][a-z0-9.+_-]{0,12}[a-z0-9]",
        domain in "[a-z]{1,10}\\.(com|example|co\\.uk)",
    ) {
        let address = format!("{local}@{domain}");
        let value = json!({"note": format!("{before} {written} {after}"), "list": [{"deep": format!("{before} {address} {after}")}],
            "both": format!("{written} {address}")});
        let (changes, _) = changes(&Value::Null, &value, &|_| "hash".to_owned());
        let told = serde_json::to_string(&changes).unwrap();
        prop_assert!(!told.contains(&address), "{}", told);
        let only_digits: String = told.chars().filter(char::is_ascii_digit).collect();
        prop_assert!(!only_digits.contains(&digits), "{} {}", digits, told);
        prop_assert_eq!(personal_values(&value).len(), 3);
    }

    #[test]
    fn any_text_is_told_without_harm(text in any::<String>()) {
        let value = json!({ "x": text });
        let (_, more) = changes(&Value::Null, &value, &recognised);
        prop_assert_eq!(more, 0);
        let _ = shown_name(&text);
    }

    #[test]
    fn an_entry_is_bounded(count in 0..2_000usize, length in 0..3_000usize, sign in "[a\u{1}é\"]") {
        let items: Vec<Value> = (0..count).map(|index| json!({"a": index, "b": sign.repeat(length % (index + 1))})).collect();
        let large = json!({"items": items, "text": sign.repeat(length)});
        let (kept, more) = changes(&Value::Null, &large, &recognised);
        let mut all = BTreeMap::new();
        leaves(&large, &[], &mut all);
        prop_assert_eq!(kept.len() + more as usize, all.len());
        prop_assert!(kept.len() <= MAX_CHANGES && serde_json::to_string(&kept).unwrap().len() <= MAX_BYTES + 2);
        prop_assert!(!kept.is_empty());
    }
}
