//! Settings: each wrong variable is named; secrets are not shown; production has no outbound exception.

use std::collections::HashMap;

use runtime::{FallbackPlace, MailPlace, Settings, SettingsError, Stage, VaultPlace};

fn sound() -> HashMap<&'static str, String> {
    HashMap::from([
        ("STAGE", "dev".to_owned()),
        ("TABLE_NAME", "callcenter".to_owned()),
        ("PUBLIC_BASE_URL", "https://voice.example.com/".to_owned()),
        ("FALLBACK_BASE_URL", "https://cdn.example.com".to_owned()),
        ("VAULT_KEY_ID", "alias/vault".to_owned()),
        ("MAIL_FROM", "calls@example.com".to_owned()),
        ("APP_ORIGIN", "https://app.example.com/".to_owned()),
    ])
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
fn the_vault_and_the_mail_take_their_cloud_service_first() {
    let mut variables = sound();
    assert_eq!(
        read(&variables).expect("sound").vault_place(),
        Ok(&VaultPlace::Kms("alias/vault".to_owned()))
    );
    assert_eq!(
        read(&variables).expect("sound").mail_place(),
        Ok(&MailPlace::Ses("calls@example.com".to_owned()))
    );
    variables.insert("VAULT_KEY_FILE", "/tmp/vault.key".to_owned());
    variables.insert("MAIL_DIR", "/tmp/mail".to_owned());
    assert!(matches!(read(&variables).expect("sound").vault_place(), Ok(VaultPlace::Kms(_))));
    assert!(matches!(read(&variables).expect("sound").mail_place(), Ok(MailPlace::Ses(_))));
    variables.remove("VAULT_KEY_ID");
    variables.remove("MAIL_FROM");
    let settings = read(&variables).expect("sound");
    assert_eq!(settings.vault_place(), Ok(&VaultPlace::File("/tmp/vault.key".into())));
    assert_eq!(settings.mail_place(), Ok(&MailPlace::Dir("/tmp/mail".into())));
    variables.remove("VAULT_KEY_FILE");
    variables.remove("MAIL_DIR");
    let settings = read(&variables).expect("sound");
    assert!(settings.vault_place().is_err() && settings.mail_place().is_err());
}

#[test]
fn production_refuses_a_key_file_and_a_mail_folder() {
    for name in ["VAULT_KEY_FILE", "MAIL_DIR"] {
        let mut variables = sound();
        variables.insert("STAGE", "production".to_owned());
        assert!(read(&variables).is_ok());
        variables.insert(name, "/tmp/x".to_owned());
        let message = read(&variables).expect_err(name).to_string();
        assert!(message.starts_with(name) && message.contains("production"), "{message}");
    }
}

#[test]
fn the_origin_is_written_as_browsers_send_it() {
    let mut variables = sound();
    assert_eq!(read(&variables).expect("sound").app_origin(), Ok("https://app.example.com"));
    for right in ["http://localhost:4010", "http://127.0.0.1:4010"] {
        variables.insert("APP_ORIGIN", right.to_owned());
        assert_eq!(read(&variables).expect("sound").app_origin(), Ok(right));
    }
    for wrong in [
        "app.example.com",
        "https://App.example.com",
        "https://app.example.com:443",
        "https://app.example.com/dashboard",
        "https://me@app.example.com",
        "https://app.example.com?x",
        "file:///tmp",
    ] {
        variables.insert("APP_ORIGIN", wrong.to_owned());
        let message = read(&variables).expect_err(wrong).to_string();
        assert!(message.starts_with("APP_ORIGIN"), "{message}");
    }
    variables.remove("APP_ORIGIN");
    assert!(read(&variables).expect("sound").app_origin().is_err());
}

#[test]
fn clients_may_ask_a_hundred_times_a_minute_unless_told_otherwise() {
    let mut variables = sound();
    assert_eq!(read(&variables).expect("sound").api_requests_per_minute, 100);
    variables.insert("API_REQUESTS_PER_MINUTE", "5000".to_owned());
    assert_eq!(read(&variables).expect("sound").api_requests_per_minute, 5_000);
    for wrong in ["0", "-1", "many", "1000001"] {
        variables.insert("API_REQUESTS_PER_MINUTE", wrong.to_owned());
        assert!(read(&variables).is_err(), "{wrong}");
    }
}
