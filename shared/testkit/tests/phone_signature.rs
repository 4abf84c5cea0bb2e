//! The simulator's signature against values computed elsewhere, and what each request carries.

mod phone_support;

use phone_support::{Application, TOKEN, call};
use testkit::phone::sign;

const URL: &str = "https://mycompany.com/myapp.php?foo=1&bar=2";

fn fields(list: &[(&str, &str)]) -> Vec<(String, String)> {
    list.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

fn usual() -> Vec<(String, String)> {
    fields(&[
        ("To", "+18005551212"),
        ("CallSid", "CA1234567890ABCDE"),
        ("Caller", "+14158675309"),
        ("From", "+14158675309"),
        ("Digits", "1234"),
    ])
}

#[test]
fn known_signatures_are_met() {
    assert_eq!(sign(TOKEN, URL, &usual()), "RSOYDt4T1cUTdK1PDd93/VVr8B8=");
    let with_port = "https://mycompany.com:443/myapp.php?foo=1&bar=2";
    assert_eq!(sign(TOKEN, with_port, &usual()), "kvajT1Ptam85bY51eRf/AJRuM3w=");
    let letters = "https://MyCompany.com/myapp.php?foo=1&bar=2";
    assert_eq!(sign(TOKEN, letters, &usual()), "g9IN/x4Cft2g517EjYvEvM/W7LU=");
    let repeated = [
        ("Sid", "CA123"),
        ("SidAccount", "AC123"),
        ("Digits", "5678"),
        ("Digits", "1234"),
        ("Digits", "1234"),
    ];
    assert_eq!(sign(TOKEN, URL, &fields(&repeated)), "IK+Dwps556ElfBT0I3Rgjkr1wJU=");
}

#[test]
fn the_fragment_is_not_signed() {
    assert_eq!(sign(TOKEN, &format!("{URL}#rc=2&rp=5xx"), &usual()), sign(TOKEN, URL, &usual()));
}

#[tokio::test]
async fn every_request_is_signed_over_what_arrives() {
    let application = Application::start().await;
    application.says("/voice", "<Gather action=\"/menu?step=1\"/>");
    let mut config = application.config();
    config.numbers[0].voice_url.push_str("?tenant=a%20b#rc=1");
    let journey = testkit::phone::PhoneNetwork::new(config).place_call(call()).await;
    assert_eq!(journey.warnings(), []);
    let arrived = application.arrived();
    assert_eq!(arrived.len(), 2);
    for request in arrived {
        let url = format!("{}{}", application.base, request.target);
        assert_eq!(request.headers["x-twilio-signature"], sign(TOKEN, &url, &request.form));
        assert_eq!(request.headers["user-agent"], "TwilioProxy/1.1");
        assert!(request.headers["content-type"].starts_with("application/x-www-form-urlencoded"));
        assert_eq!(request.headers["i-twilio-idempotency-token"].len(), 36);
    }
}
