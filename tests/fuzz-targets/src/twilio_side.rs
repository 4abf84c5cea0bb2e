//! What arrives at Twilio's webhooks: form posts, and the URLs that are signed with them.

use twilio::form::{Form, MAX_BODY, MAX_NAME, MAX_PARAMETERS, MAX_VALUE};
use twilio::signature::{Body, SignatureError, sign, verify};
use twilio::urls::{Urls, parse_path, path};
use twilio::webhook::{DialEnded, InboundCall, LegStatus, NumberStatus, RecordingStatus, account_sid};

/// A form survives being written and read again, keeps its limits, and never shows a value.
pub fn form(bytes: &[u8]) {
    let Ok(form) = Form::parse(bytes) else { return };
    assert!(bytes.len() <= MAX_BODY && form.pairs().len() <= MAX_PARAMETERS);
    for (name, value) in form.pairs() {
        assert!(name.len() <= MAX_NAME && value.len() <= MAX_VALUE);
        let first = form.pairs().iter().find(|(other, _)| other == name).map(|(_, value)| value.as_str());
        assert_eq!(form.get(name), first);
    }
    let written = form.encode();
    if written.len() <= MAX_BODY
        && form.pairs().iter().all(|(name, value)| !(name.is_empty() && value.is_empty()))
    {
        assert_eq!(Form::parse(written.as_bytes()).as_ref().map(Form::pairs), Ok(form.pairs()));
    }
    let names: Vec<&str> = form.pairs().iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(format!("{form:?}"), format!("{names:?}"));
}

/// Every webhook's own reading of a form.
pub fn webhooks(bytes: &[u8]) {
    let Ok(form) = Form::parse(bytes) else { return };
    let account = account_sid(&form);
    if let Ok(call) = InboundCall::from_form(&form) {
        assert_eq!(Ok(&call.account_sid), account.as_ref());
        if let Some(caller) = call.caller() {
            assert_eq!(caller.as_str(), call.from);
        }
    }
    if let Ok(recording) = RecordingStatus::from_form(&form) {
        assert!(recording.recording_sid.len() == 34 && recording.recording_sid.starts_with("RE"));
    }
    let _ = (LegStatus::from_form(&form), NumberStatus::from_form(&form), DialEnded::from_form(&form));
}

/// URL, parameters and signature, one a line. What we sign ourselves is believed, and nothing else.
pub fn signed_url(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let mut lines = text.splitn(3, '\n');
    let (url, form, given) =
        (lines.next().unwrap_or_default(), lines.next().unwrap_or_default(), lines.next());
    let pairs = Form::parse(form.as_bytes()).unwrap_or_default();
    let token = ["a token"];
    let signature = sign(token[0], url, pairs.pairs());
    assert_eq!(signature.len(), 28);
    // With a port or without it, the URL as written is always among the spellings.
    assert_eq!(verify(&token, url, Body::Form(pairs.pairs()), Some(&signature)), Ok(()), "{url:?}");
    let other = verify(&["another token"], url, Body::Form(pairs.pairs()), Some(&signature));
    assert_eq!(other, Err(SignatureError::Wrong));
    let foreign = verify(&token, url, Body::Form(pairs.pairs()), given);
    assert!(foreign.is_err(), "a signature made without the token was believed");
    let json = Body::Json { raw: form.as_bytes(), body_sha256: given };
    assert!(verify(&token, url, json, given).is_err());
    if let Ok(urls) = Urls::new(url) {
        let voice = urls.voice_url();
        assert!(voice.is_ascii() && !voice.contains(char::is_whitespace));
        assert!(urls.signed_url("/a", "b=1").ends_with("/a?b=1"));
    }
}

/// A path has one spelling.
pub fn callback_path(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    if let Some(callback) = parse_path(text) {
        assert_eq!(path(&callback), text);
    }
}
