//! Requests that are not Twilio's, or not about what they say: refused, and nothing is written.

use std::collections::BTreeMap;

use serde_json::Value;
use testkit::phone;

use crate::deployment;
use crate::scene::Deployment;

const INBOUND: &str = "/twilio/voice/inbound";

struct Forger {
    account_sid: String,
    token: String,
    base_url: String,
}

impl Forger {
    fn form(&self, call: u32, to: &str) -> Vec<(String, String)> {
        let pairs = [
            ("CallSid", format!("CA{call:032x}")),
            ("AccountSid", self.account_sid.clone()),
            ("From", "+14155550100".to_owned()),
            ("To", to.to_owned()),
            ("CallStatus", "ringing".to_owned()),
            ("Direction", "inbound".to_owned()),
            ("ApiVersion", "2010-04-01".to_owned()),
        ];
        pairs.map(|(name, value)| (name.to_owned(), value)).into()
    }

    /// Posts a form with this signature (or none).
    async fn post(&self, path: &str, form: &[(String, String)], signature: Option<&str>) -> (u16, String) {
        let url = format!("{}{path}", self.base_url);
        let mut request = client()
            .post(url)
            .header("Content-Type", "application/x-www-form-urlencoded")
            .body(twilio::form::encode(form));
        if let Some(signature) = signature {
            request = request.header("X-Twilio-Signature", signature);
        }
        let answer = request.send().await.unwrap();
        (answer.status().as_u16(), answer.text().await.unwrap())
    }

    fn sign(&self, path: &str, form: &[(String, String)]) -> String {
        phone::sign(&self.token, &format!("{}{path}", self.base_url), form)
    }

    async fn signed(&self, path: &str, form: &[(String, String)]) -> (u16, String) {
        let signature = self.sign(path, form);
        self.post(path, form, Some(&signature)).await
    }
}

async fn setting() -> (Deployment, std::sync::Arc<local_platform::Platform>, Forger) {
    let (deployment, platform) = deployment().await;
    let (account_sid, token) = platform.twilio_account();
    let forger = Forger {
        account_sid: account_sid.to_owned(),
        token: token.to_owned(),
        base_url: deployment.base_url.clone(),
    };
    (deployment, platform, forger)
}

/// How many items the table holds.
async fn items(platform: &local_platform::Platform) -> i32 {
    let client = testkit::database::client_at(&platform.database_url());
    client.scan().table_name("callcenter").consistent_read(true).send().await.unwrap().count()
}

fn problem(text: &str) -> BTreeMap<String, Value> {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("not a problem: {error}: {text}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_signed_is_refused_and_nothing_is_written() {
    let (deployment, platform, forger) = setting().await;
    let scene = deployment.scene(&[]).await;
    let before = items(&platform).await;
    let form = forger.form(1, &scene.number);
    let right = forger.sign(INBOUND, &form);
    let mut altered = form.clone();
    altered[2].1 = "+14155550199".to_owned();
    let mut stranger = form.clone();
    stranger[1].1 = format!("AC{:032x}", 5);
    let attempts = [
        (INBOUND, &form, None),
        (INBOUND, &form, Some("")),
        (INBOUND, &form, Some("bm90IGEgc2lnbmF0dXJl")),
        (INBOUND, &altered, Some(right.as_str())),
        (INBOUND, &stranger, Some(right.as_str())),
        ("/twilio/voice/status", &form, Some(right.as_str())),
    ];
    for (path, form, signature) in attempts {
        let (status, text) = forger.post(path, form, signature).await;
        assert_eq!(status, 403, "{text}");
        assert_eq!(problem(&text)["code"], "signature_refused");
        assert!(!text.contains("4155550"), "no number comes back: {text}");
    }
    assert_eq!(items(&platform).await, before, "nothing was written");
    let (status, text) = forger.post(INBOUND, &form, Some(&right)).await;
    assert_eq!((status, text.contains("<Dial")), (200, true), "{text}");
    assert!(items(&platform).await > before);
}

#[tokio::test(flavor = "multi_thread")]
async fn signed_but_wrong_gets_a_clear_answer() {
    let (deployment, platform, forger) = setting().await;
    let scene = deployment.scene(&[]).await;
    let before = items(&platform).await;
    let tenant = platform.tenant();
    let unknown_call = format!("RGB{:032x}", 0xdead);

    // Nothing but a form is read at all.
    let (status, text) = {
        let url = format!("{}{INBOUND}", forger.base_url);
        let answer = client().post(url).body("%zz=%f").send().await.unwrap();
        (answer.status().as_u16(), answer.text().await.unwrap())
    };
    assert_eq!((status, problem(&text)["code"].as_str()), (400, Some("malformed_form")));

    // A parameter is missing.
    let form = forger.form(2, &scene.number);
    let (status, text) = forger.signed(INBOUND, &form[1..]).await;
    assert_eq!((status, problem(&text)["code"].as_str()), (400, Some("malformed_webhook")));

    // A call nobody began.
    for part in ["auction/1", "dial-result/1"] {
        let path = format!("/twilio/voice/{tenant}/{unknown_call}/{part}");
        let mut form = forger.form(0xdead, &scene.number);
        form.push(("DialCallStatus".to_owned(), "busy".to_owned()));
        let (status, text) = forger.signed(&path, &form).await;
        assert_eq!((status, problem(&text)["code"].as_str()), (404, Some("unknown_call")), "{part}");
        // The form speaks of another call than the path.
        let form: Vec<_> = form
            .into_iter()
            .map(|(name, value)| match name.as_str() {
                "CallSid" => (name, format!("CA{:032x}", 3)),
                _ => (name, value),
            })
            .collect();
        let (status, text) = forger.signed(&path, &form).await;
        assert_eq!((status, problem(&text)["code"].as_str()), (400, Some("wrong_call")), "{part}");
    }
    let leg = format!("/twilio/voice/{tenant}/{unknown_call}/leg/0");
    let (status, _) = forger.signed(&leg, &forger.form(4, &scene.number)).await;
    assert_eq!(status, 404);
    assert_eq!(items(&platform).await, before, "nothing was written");

    // A number that is none of ours: words, and nothing is written.
    let (status, text) = forger.signed(INBOUND, &forger.form(5, "+18339999999")).await;
    assert_eq!((status, text.contains("not in service")), (200, true), "{text}");
    assert_eq!(items(&platform).await, before, "nothing was written");
}

#[tokio::test(flavor = "multi_thread")]
async fn another_accounts_number_is_refused() {
    let (deployment, platform, forger) = setting().await;
    let scene = deployment.scene(&[]).await;
    // The number is moved to another Twilio account behind the API's back.
    let number: domain::phone::E164 = scene.number.parse().unwrap();
    let client = testkit::database::client_at(&platform.database_url());
    let key = store::keys::number(&number);
    let text = |value: String| aws_sdk_dynamodb::types::AttributeValue::S(value);
    let item = client
        .get_item()
        .table_name("callcenter")
        .key("pk", text(key.pk.clone()))
        .key("sk", text(key.sk.clone()));
    let mut item = item.send().await.unwrap().item.unwrap();
    for value in item.values_mut() {
        if let aws_sdk_dynamodb::types::AttributeValue::S(stored) = value {
            *stored = stored.replace(&forger.account_sid, &format!("AC{:032x}", 5));
        }
    }
    client.put_item().table_name("callcenter").set_item(Some(item)).send().await.unwrap();
    let before = items(&platform).await;
    let (status, answer) = forger.signed(INBOUND, &forger.form(6, &scene.number)).await;
    assert_eq!((status, problem(&answer)["code"].as_str()), (403, Some("wrong_account")), "{answer}");
    assert_eq!(items(&platform).await, before);
}

#[expect(clippy::disallowed_methods, reason = "a test speaks to loopback addresses of its own")]
fn client() -> reqwest::Client {
    reqwest::Client::new()
}
