//! The closed list of codes, and pages.

use std::collections::BTreeSet;

use contract::page::{MAX_CURSOR, NotACursor, decode, encode};
use contract::problem::{Code, ProblemDocument};

#[test]
fn every_code_has_its_own_name_and_a_client_or_server_status() {
    let names: BTreeSet<&str> = Code::ALL.iter().copied().map(Code::as_str).collect();
    assert_eq!(names.len(), Code::ALL.len());
    for code in Code::ALL.iter().copied() {
        assert_eq!(serde_json::to_value(code).unwrap(), code.as_str());
        assert!((400..600).contains(&code.status()), "{code:?}");
        assert!(!code.title().is_empty());
        assert_eq!(ProblemDocument::type_of(code), format!("urn:callcenter-pro:problem:{}", code.as_str()));
    }
}

#[test]
fn a_cursor_gives_its_position_back() {
    let position = ("name \u{2603}".to_owned(), 7_u32);
    let cursor = encode(&position).unwrap();
    assert!(cursor.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte)));
    assert_eq!(decode::<(String, u32)>(&cursor), Ok(position));
}

#[test]
fn what_is_no_cursor_is_refused() {
    let other = encode(&"text").unwrap();
    for text in ["", "!", "AAAA", other.as_str(), &"A".repeat(MAX_CURSOR + 1)] {
        assert_eq!(decode::<(String, u32)>(text), Err(NotACursor), "{text}");
    }
}
