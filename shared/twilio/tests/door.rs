//! The door: a form in, or a refusal that says nothing.

use std::error::Error;

use domain::ids::TenantId;
use twilio::door::{Claim, Knock, Refused};
use twilio::form::encode;
use twilio::signature::sign;
use twilio::urls::{BaseUrlError, Urls};

/// Whose the accounts are.
const TENANT: TenantId = TenantId::from_uuid(uuid::Uuid::nil());

type Checked = Result<(), Box<dyn Error>>;

const ACCOUNT: &str = "AC00000000000000000000000000000000";
const OTHER: &str = "AC11111111111111111111111111111111";
const PATH: &str = "/twilio/voice/inbound";

fn urls() -> Result<Urls, BaseUrlError> {
    Urls::new("https://Voice.Example.com")
}

/// The accounts that are connected.
fn tokens(account: &str) -> &'static [&'static str] {
    match account {
        ACCOUNT => &["new", "old"],
        OTHER => &["other"],
        _ => &[],
    }
}

fn params(account: &str) -> Vec<(String, String)> {
    vec![("To".to_owned(), "+18005551212".to_owned()), ("AccountSid".to_owned(), account.to_owned())]
}

fn knock(body: &[u8], signature: Option<&str>) -> Result<Result<String, Refused>, Box<dyn Error>> {
    let knock = Knock { raw_path: PATH, raw_query: "", signature, body };
    let claim = match Claim::read(body) {
        Ok(claim) => claim,
        Err(refused) => return Ok(Err(refused)),
    };
    let tokens = tokens(claim.account().as_str());
    let proven = claim.prove(&urls()?, knock, TENANT, tokens);
    Ok(proven.map(|verified| verified.account.to_string()).map_err(|_| Refused::NotSigned))
}

#[test]
fn a_form_signed_with_its_account_s_token_comes_in() -> Checked {
    let url = urls()?.voice_url();
    for (account, token) in [(ACCOUNT, "new"), (ACCOUNT, "old"), (OTHER, "other")] {
        let params = params(account);
        let body = encode(&params);
        let signature = sign(token, &url, &params);
        assert_eq!(knock(body.as_bytes(), Some(&signature))?, Ok(account.to_owned()));
    }
    Ok(())
}

#[test]
fn every_other_form_is_refused_alike() -> Checked {
    let url = urls()?.voice_url();
    let unknown = "AC22222222222222222222222222222222";
    let refused = Err(Refused::NotSigned);
    for (account, token) in
        [(ACCOUNT, "other"), (OTHER, "new"), (unknown, "new"), ("", "new"), ("AC1", "new")]
    {
        let params = params(account);
        let signature = sign(token, &url, &params);
        assert_eq!(knock(encode(&params).as_bytes(), Some(&signature))?, refused, "{account} {token}");
    }
    let params = params(ACCOUNT);
    let body = encode(&params);
    for signature in
        [None, Some(""), Some("wrong"), Some(sign("new", "https://voice.example.com", &params).as_str())]
    {
        assert_eq!(knock(body.as_bytes(), signature)?, refused);
    }
    let signature = sign("new", &url, &params);
    assert_eq!(knock((body + "&Extra=1").as_bytes(), Some(&signature))?, refused);
    assert_eq!(Refused::NotSigned.status(), 403);
    Ok(())
}

#[test]
fn an_account_named_twice_is_believed_only_with_the_token_of_the_first() -> Checked {
    let url = urls()?.voice_url();
    let mut params = params(OTHER);
    params.push(("AccountSid".to_owned(), ACCOUNT.to_owned()));
    let body = encode(&params);
    assert_eq!(knock(body.as_bytes(), Some(&sign("new", &url, &params)))?, Err(Refused::NotSigned));
    assert_eq!(knock(body.as_bytes(), Some(&sign("other", &url, &params)))?, Ok(OTHER.to_owned()));
    Ok(())
}

#[test]
fn a_body_that_is_no_form_is_said_to_be_none() -> Checked {
    let answer = knock(b"AccountSid=%zz", Some("x"))?;
    assert!(matches!(answer, Err(Refused::Malformed(_))));
    assert_eq!(answer.err().map(|refused| refused.status()), Some(400));
    Ok(())
}
