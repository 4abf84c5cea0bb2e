//! Settings: each wrong variable is named; secrets are not shown; production has no outbound exception.

use std::collections::HashMap;

use runtime::{FallbackPlace, Settings, SettingsError, Stage, TwilioAccounts};

const ACCOUNT: &str = "AC0123456789abcdef0123456789abcdef";
const TENANT: &str = "AC0190a1b2c3d47e5f8a9b0c1d2e3f4a5b";

fn sound() -> HashMap<&'static str, String> {
    HashMap::from([
        ("STAGE", "dev".to_owned()),
        ("TABLE_NAME", "callcenter".to_owned()),
        ("PUBLIC_BASE_URL", "https://voice.example.com/".to_owned()),
        ("FALLBACK_BASE_URL", "https://cdn.example.com".to_owned()),
        ("TWILIO_ACCOUNTS", accounts(r#"["0123456789secret"]"#)),
    ])
}

fn accounts(tokens: &str) -> String {
    format!(r#"[{{"account_sid":"{ACCOUNT}","tenant":"{TENANT}","auth_tokens":{tokens}}}]"#)
}

fn read(variables: &HashMap<&'static str, String>) -> Result<Settings, SettingsError> {
    Settings::from_lookup(|name| variables.get(name).cloned())
}

#[test]
fn sound_settings_are_read_and_slashes_at_the_end_dropped() {
    let settings = read(&sound()).expect("sound");
    assert_eq!(settings.stage, Stage::Dev);
    assert_eq!(settings.public_base_url, "https://voice.example.com");
    assert_eq!(settings.twilio_api_base, "https://api.twilio.com");
    assert_eq!(settings.outbound_allow, "");
    let accounts = settings.twilio_accounts().expect("given");
    let account = accounts.get(&ACCOUNT.parse().expect("a sid")).expect("known");
    assert_eq!(account.tenant.to_string(), TENANT);
    assert_eq!(account.auth_tokens[0].expose(), "0123456789secret");
    assert_eq!(accounts.of_tenant(account.tenant).count(), 1);
}

#[test]
fn a_missing_variable_is_named() {
    for name in ["STAGE", "TABLE_NAME", "PUBLIC_BASE_URL", "FALLBACK_BASE_URL"] {
        let mut variables = sound();
        variables.insert(name, "  ".to_owned());
        assert_eq!(read(&variables).err(), Some(SettingsError::Missing { variable: name }));
    }
    let settings = read(&sound()).expect("sound");
    let error = settings.bid_log_queue_url().expect_err("not given to this function");
    assert_eq!(error.to_string(), "BID_LOG_QUEUE_URL is not set");
    assert!(settings.fallback_place().is_err());
}

#[test]
fn a_wrong_variable_is_named_and_says_what_would_be_right() {
    for (name, value) in [
        ("STAGE", "prod"),
        ("PUBLIC_BASE_URL", "voice.example.com"),
        ("PUBLIC_BASE_URL", "https://voice.example.com?x=1"),
        ("FALLBACK_BASE_URL", "ftp://cdn.example.com"),
        ("TWILIO_API_BASE", "https://user:pass@api.example.com"),
    ] {
        let mut variables = sound();
        variables.insert(name, value.to_owned());
        let message = read(&variables).expect_err(value).to_string();
        assert!(message.starts_with(name), "{message}");
    }
}

#[test]
fn production_refuses_to_start_with_an_outbound_exception() {
    let mut variables = sound();
    variables.insert("OUTBOUND_ALLOW", "127.0.0.1:4020".to_owned());
    assert_eq!(read(&variables).expect("dev may").outbound_allow, "127.0.0.1:4020");
    variables.insert("STAGE", "production".to_owned());
    assert_eq!(read(&variables).err(), Some(SettingsError::OutboundAllowInProduction));
    variables.insert("OUTBOUND_ALLOW", String::new());
    assert!(read(&variables).is_ok());
}

#[test]
fn the_bucket_comes_before_the_folder() {
    let mut variables = sound();
    variables.insert("FALLBACK_DIR", "/tmp/pages".to_owned());
    assert_eq!(
        read(&variables).expect("sound").fallback_place(),
        Ok(&FallbackPlace::Dir("/tmp/pages".into()))
    );
    variables.insert("FALLBACK_BUCKET", "pages".to_owned());
    let settings = read(&variables).expect("sound");
    assert_eq!(settings.fallback_place(), Ok(&FallbackPlace::Bucket("pages".to_owned())));
}

#[test]
fn no_token_is_shown_anywhere() {
    let settings = read(&sound()).expect("sound");
    assert!(!format!("{settings:?}").contains("0123456789secret"));
    for broken in [
        r#"[{"account_sid":"secret-token","tenant":"x","auth_tokens":[]}]"#.to_owned(),
        accounts(r#""secret-token""#),
        format!("{} secret-token", accounts(r#"["a"]"#)),
    ] {
        let mut variables = sound();
        variables.insert("TWILIO_ACCOUNTS", broken);
        let error = read(&variables).expect_err("broken");
        let shown =
            format!("{error} {error:?} {:?}", std::error::Error::source(&error).map(ToString::to_string));
        assert!(!shown.contains("secret-token"), "{shown}");
        assert!(shown.contains("TWILIO_ACCOUNTS"), "{shown}");
    }
}

#[test]
fn accounts_need_tokens_and_stand_in_the_list_once() {
    assert!(TwilioAccounts::parse("").expect("none").is_empty());
    assert!(TwilioAccounts::parse(&accounts("[]")).is_err());
    assert!(TwilioAccounts::parse(&accounts(r#"["a",""]"#)).is_err());
    let two = TwilioAccounts::parse(&accounts(r#"["old","new"]"#)).expect("a rotation");
    let (sid, token) = two.request_tokens().next().expect("one account");
    assert_eq!((sid.as_str(), token.as_str()), (ACCOUNT, "old"));
    let once = accounts(r#"["a"]"#);
    let twice =
        format!("{},{}]", once.trim_end_matches(']'), once.trim_start_matches('[').trim_end_matches(']'));
    assert!(TwilioAccounts::parse(&twice).is_err());
}
