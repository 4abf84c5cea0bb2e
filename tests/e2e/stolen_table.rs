//! Somebody has the whole table, and nothing else: they can neither sign as Twilio nor ask Twilio nor use our API.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use local_platform::{Options, Platform, seed};
use serde_json::json;
use sha1::Sha1;
use sha2::{Digest as _, Sha256};
use testkit::phone::CallScript;

const SECOND_TOKEN: &str = "7c0ffee07c0ffee07c0ffee07c0ffee0";

/// Every item, as bytes.
async fn everything(platform: &Platform) -> Vec<Vec<u8>> {
    let client = testkit::database::client_at(&platform.database_url());
    let mut items = Vec::new();
    let mut after: Option<HashMap<String, AttributeValue>> = None;
    loop {
        let request = client.scan().table_name("callcenter").consistent_read(true);
        let page = request.set_exclusive_start_key(after).send().await.unwrap();
        items.extend(page.items().iter().map(bytes));
        after = page.last_evaluated_key;
        if after.is_none() {
            return items;
        }
    }
}

fn bytes(item: &HashMap<String, AttributeValue>) -> Vec<u8> {
    let mut bytes = Vec::new();
    for (name, value) in item {
        bytes.extend_from_slice(name.as_bytes());
        bytes.push(0);
        add(value, &mut bytes);
        bytes.push(0);
    }
    bytes
}

fn add(value: &AttributeValue, bytes: &mut Vec<u8>) {
    match value {
        AttributeValue::B(blob) => bytes.extend_from_slice(blob.as_ref()),
        AttributeValue::S(text) | AttributeValue::N(text) => bytes.extend_from_slice(text.as_bytes()),
        AttributeValue::M(inner) => bytes.extend(self::bytes(inner)),
        AttributeValue::L(list) => list.iter().for_each(|value| add(value, bytes)),
        AttributeValue::Bool(_) | AttributeValue::Null(_) => {}
        other => panic!("look into this type, too: {other:?}"),
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A secret in all forms in which it would be of use, or would let a guess be checked.
fn forms(secret: &str) -> Vec<Vec<u8>> {
    let mut forms = vec![secret.as_bytes().to_vec(), secret.to_uppercase().into_bytes()];
    forms.push(secret.bytes().rev().collect());
    // Its base64 depends on where in a longer text it stands; the letters in the middle are the same.
    for shift in 0..3 {
        let shifted = format!("{}{secret}", "x".repeat(shift));
        for encoded in [STANDARD_NO_PAD.encode(&shifted), URL_SAFE_NO_PAD.encode(&shifted)] {
            forms.push(encoded.as_bytes()[4..encoded.len() - 4].to_vec());
        }
    }
    for digest in [Sha256::digest(secret).to_vec(), Sha1::digest(secret).to_vec()] {
        forms.push(hex(&digest).into_bytes());
        forms.push(STANDARD_NO_PAD.encode(&digest).into_bytes());
        forms.push(URL_SAFE_NO_PAD.encode(&digest).into_bytes());
        forms.push(digest);
    }
    let pairs =
        secret.as_bytes().chunks(2).map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16));
    if let Ok(decoded) = pairs.collect::<Result<Vec<u8>, _>>() {
        forms.push(STANDARD_NO_PAD.encode(&decoded).into_bytes());
        forms.push(URL_SAFE_NO_PAD.encode(&decoded).into_bytes());
        forms.push(decoded);
    }
    forms
}

fn holds(items: &[Vec<u8>], form: &[u8]) -> bool {
    items.iter().any(|item| item.windows(form.len()).any(|window| window == form))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stolen_table_gives_no_usable_token_or_secret() {
    let platform = Platform::start(Options::for_tests()).await.unwrap();
    let (account_sid, token) = platform.twilio_account();
    // The simulated Twilio knows one token; a second one is refused there and must leave no trace here.
    let api = platform.api().unwrap();
    let tokens = format!("/api/twilio-accounts/{account_sid}/tokens");
    let refused = api.post::<serde_json::Value>(&tokens, Some(&json!({"auth_token": SECOND_TOKEN}))).await;
    assert!(refused.unwrap_err().to_string().contains("credentials"));
    platform.phone().place_call(CallScript::new("+14155550100", seed::HOME_SERVICES)).await;

    let items = everything(&platform).await;
    assert!(items.len() > 20, "{} items are not the demo", items.len());
    assert!(holds(&items, account_sid.as_bytes()) && holds(&items, b"v1.k1."), "the account is in the table");
    let key = std::fs::read_to_string(platform.key_file()).unwrap();
    for (what, secret) in [("token", token), ("refused token", SECOND_TOKEN), ("data key", key.trim_end())] {
        for (number, form) in forms(secret).iter().enumerate() {
            assert!(!holds(&items, form), "the {what} is in the table (form {number})");
        }
    }
    // API keys are found by their hash, which opens nothing.
    let api_key = platform.api_key();
    assert!(holds(&items, hex(&Sha256::digest(api_key)).as_bytes()));
    for form in forms(api_key).iter().take(9) {
        assert!(!holds(&items, form), "an API key is in the table");
    }
}
