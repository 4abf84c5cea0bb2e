//! Our own URLs: one spelling, both ways.

#[path = "support/callback.rs"]
mod callback;

use callback::callback as any_callback;
use domain::voice::CallbackTo;
use proptest::prelude::*;
use twilio::signature::{Body, sign, verify};
use twilio::urls::{BaseUrlError, CONNECTION_OVERRIDE, Urls, parse_path, path};

const TENANT: &str = "AC0190a0a0a0a07a0a8a0a0a0a0a0a0a0a";
const CALL: &str = "RGB00000000000000000000000000000001";

#[test]
fn a_path_has_one_spelling_only() {
    let good = format!("/twilio/voice/{TENANT}/{CALL}/dial-result/3");
    let parsed = parse_path(&good);
    assert_eq!(parsed.map(|callback| callback.to), Some(CallbackTo::DialResult(3)));
    assert_eq!(parsed.map(|callback| path(&callback)), Some(good.clone()));
    for bad in [
        format!("/twilio/voice/{TENANT}/{CALL}/dial-result/03"),
        format!("/twilio/voice/{TENANT}/{CALL}/dial-result/+3"),
        format!("/twilio/voice/{TENANT}/{CALL}/dial-result/65536"),
        format!("/twilio/voice/{TENANT}/{CALL}/dial-result/"),
        format!("/twilio/voice/{TENANT}/{CALL}/dial-result"),
        format!("/twilio/voice/{TENANT}/{CALL}/Dial-Result/3"),
        format!("/twilio/voice/{TENANT}/{CALL}/other/3"),
        format!("{good}/"),
        format!("{good}/4"),
        format!("/{good}"),
        good.replace(TENANT, &TENANT.to_uppercase()),
        good.replace(CALL, "CA00000000000000000000000000000001"),
        "/twilio/voice/inbound".to_owned(),
        "/twilio/voice/status".to_owned(),
        String::new(),
    ] {
        assert_eq!(parse_path(&bad), None, "{bad}");
    }
}

#[test]
fn urls_that_drive_the_call_carry_the_connection_override() -> Result<(), BaseUrlError> {
    let urls = Urls::new("https://Voice.Example.com/")?;
    assert_eq!(
        urls.voice_url(),
        format!("https://Voice.Example.com/twilio/voice/inbound{CONNECTION_OVERRIDE}")
    );
    assert_eq!(urls.status_url(), "https://Voice.Example.com/twilio/voice/status");
    for (kind, fragment) in [
        ("auction", CONNECTION_OVERRIDE),
        ("dial-result", CONNECTION_OVERRIDE),
        ("leg", ""),
        ("recording", ""),
    ] {
        let path = format!("/twilio/voice/{TENANT}/{CALL}/{kind}/1");
        let url = parse_path(&path).map(|callback| urls.callback(&callback));
        assert_eq!(url, Some(format!("https://Voice.Example.com{path}{fragment}")));
    }
    Ok(())
}

#[test]
fn the_signed_url_is_base_path_and_raw_query() -> Result<(), BaseUrlError> {
    let urls = Urls::new("https://Voice.Example.com:8443/base")?;
    assert_eq!(
        urls.signed_url("/twilio/voice/inbound", ""),
        "https://Voice.Example.com:8443/base/twilio/voice/inbound"
    );
    assert_eq!(urls.signed_url("/a%2fb", "x=%20&y"), "https://Voice.Example.com:8443/base/a%2fb?x=%20&y");
    Ok(())
}

#[test]
fn a_base_that_twilio_could_not_use_is_refused() {
    for good in [
        "https://voice.example.com",
        "http://127.0.0.1:9000/",
        "http://localhost:9000",
        "https://[2001:db8::1]:8443",
        "https://x.example/base_1/v-2",
    ] {
        assert!(Urls::new(good).is_ok(), "{good}");
    }
    for (bad, error) in [
        ("voice.example.com", BaseUrlError::Scheme),
        ("ftp://voice.example.com", BaseUrlError::Scheme),
        ("https://", BaseUrlError::Scheme),
        ("https:///path", BaseUrlError::Host),
        ("https://voice_1.example.com", BaseUrlError::Host),
        ("https://user:secret@voice.example.com", BaseUrlError::Host),
        ("https://voice..example.com", BaseUrlError::Host),
        ("https://-voice.example.com", BaseUrlError::Host),
        ("https://voice.example.com:", BaseUrlError::Host),
        ("https://voice.example.com:99999", BaseUrlError::Host),
        ("https://voice.example.com?x=1", BaseUrlError::Path),
        ("https://voice.example.com/#x", BaseUrlError::Path),
        ("https://voice.example.com/a//b", BaseUrlError::Path),
        ("https://voice.example.com/a%20b", BaseUrlError::Path),
    ] {
        assert_eq!(Urls::new(bad), Err(error), "{bad}");
    }
    assert_eq!(Urls::new(&format!("https://{}.example", "a".repeat(600))), Err(BaseUrlError::TooLong));
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn parse_path_undoes_path(callback in any_callback()) {
        let written = path(&callback);
        prop_assert!(written.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"/-_".contains(&byte)));
        prop_assert_eq!(parse_path(&written), Some(callback));
    }

    #[test]
    fn what_is_read_is_written_back(text in "/twilio/voice/(AC[0-9a-f]{30,33}|[A-Z0-9/]{0,40})/RGB[0-9a-f]{31,33}/(auction|dial-result|leg|recording|x)/[0-9+-]{0,6}/?") {
        if let Some(callback) = parse_path(&text) {
            prop_assert_eq!(path(&callback), text);
        }
    }

    #[test]
    fn a_signed_callback_is_accepted_at_the_url_rebuilt_from_its_path(callback in any_callback()) {
        let urls = Urls::new("https://Voice.Example.com:8443").map_err(|error| TestCaseError::fail(error.to_string()))?;
        let params = vec![("CallSid".to_owned(), callback.call.sid().to_string())];
        let signature = sign("token", &urls.callback(&callback), &params);
        let rebuilt = urls.signed_url(&path(&callback), "");
        prop_assert_eq!(verify(&["token"], &rebuilt, Body::Form(&params), Some(&signature)), Ok(()));
    }
}
