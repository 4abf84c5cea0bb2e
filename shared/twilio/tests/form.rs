//! Forms: strict, limited, in order.

use proptest::collection::vec;
use proptest::prelude::*;
use twilio::form::{Form, FormError, MAX_BODY, MAX_NAME, MAX_PARAMETERS, MAX_VALUE};

fn text_pairs(form: &Form) -> Vec<(&str, &str)> {
    form.pairs().iter().map(|(name, value)| (name.as_str(), value.as_str())).collect()
}

#[test]
fn order_repeats_and_empty_values_are_kept() -> Result<(), FormError> {
    let form = Form::parse(b"To=%2B18335550100&B=1&A=&B=2&&Bare&FromCity=SAN+FRANCISCO&N=%C3%B1&T=a=b")?;
    let expected = vec![
        ("To", "+18335550100"),
        ("B", "1"),
        ("A", ""),
        ("B", "2"),
        ("Bare", ""),
        ("FromCity", "SAN FRANCISCO"),
        ("N", "ñ"),
        ("T", "a=b"),
    ];
    assert_eq!(text_pairs(&form), expected);
    assert_eq!(form.get("B"), Some("1"));
    assert_eq!(form.get("A"), Some(""));
    assert_eq!(form.get("b"), None);
    assert_eq!(Form::parse(b"")?, Form::default());
    Ok(())
}

#[test]
fn what_is_malformed_is_refused_by_position() {
    for broken in ["A=1&B=%", "A=1&B=%2", "A=1&B=%zz", "A=1&%4=x", "A=1&B=%+1"] {
        assert_eq!(Form::parse(broken.as_bytes()), Err(FormError::BrokenEscape { position: 2 }), "{broken}");
    }
    assert_eq!(Form::parse(b"A=%FF"), Err(FormError::NotUtf8 { position: 1 }));
    assert_eq!(Form::parse(b"A=\xc3"), Err(FormError::NotUtf8 { position: 1 }));
}

#[test]
fn each_limit_holds_exactly() {
    let parse = |body: &str| Form::parse(body.as_bytes()).map(|form| form.pairs().len());
    assert_eq!(parse(&"a=1&".repeat(MAX_PARAMETERS)), Ok(MAX_PARAMETERS));
    assert_eq!(parse(&"a=1&".repeat(MAX_PARAMETERS + 1)), Err(FormError::TooManyParameters));
    assert_eq!(parse(&"n".repeat(MAX_NAME)), Ok(1));
    assert_eq!(parse(&"n".repeat(MAX_NAME + 1)), Err(FormError::NameTooLong { position: 1 }));
    assert_eq!(parse(&format!("a={}", "v".repeat(MAX_VALUE))), Ok(1));
    assert_eq!(
        parse(&format!("x&a={}", "v".repeat(MAX_VALUE + 1))),
        Err(FormError::ValueTooLong { position: 2 })
    );
    let full = "&".repeat(MAX_BODY);
    assert_eq!(parse(&full), Ok(0));
    assert_eq!(parse(&(full + "&")), Err(FormError::TooLarge));
}

#[test]
fn debug_output_shows_no_value() -> Result<(), FormError> {
    let form = Form::parse(b"From=%2B14155550100")?;
    assert_eq!(format!("{form:?}"), r#"["From"]"#);
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_written_is_read_back(pairs in vec((".{0,20}", ".{0,60}"), 0..30)) {
        let form = Form::from(pairs);
        let written = Form::parse(form.encode().as_bytes());
        prop_assert_eq!(written, Ok(form));
    }

    #[test]
    fn no_bytes_make_it_fail_otherwise_than_by_an_error(body in vec(any::<u8>(), 0..300)) {
        let _ = Form::parse(&body);
    }
}
