//! What it costs to be asked: reading a form and checking who signed it, right or wrong.

#![expect(clippy::expect_used, reason = "a benchmark that cannot be set up has nothing to say")]

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use domain::ids::TenantId;
use twilio::door::{Claim, Knock};
use twilio::form::encode;
use twilio::signature::sign;
use twilio::urls::{INBOUND_PATH, Urls};

const BASE: &str = "https://calls.example.com";
const ACCOUNT: &str = "AC00000000000000000000000000000001";
const TOKEN: &str = "0123456789abcdef0123456789abcdef";

/// As many parameters as Twilio sends with a call.
fn form() -> Vec<(String, String)> {
    let mut form: Vec<(String, String)> = [
        ("AccountSid", ACCOUNT),
        ("ApiVersion", "2010-04-01"),
        ("CallSid", "CA1f0c5e8b7a2d4c6f9e3b1a0d8c7f6e5d"),
        ("CallStatus", "ringing"),
        ("Direction", "inbound"),
        ("StirVerstat", "TN-Validation-Passed-A"),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .into();
    for side in ["Called", "Caller", "From", "To"] {
        form.push((side.to_owned(), "+14155550100".to_owned()));
        for (part, value) in [("City", "SAN FRANCISCO"), ("Country", "US"), ("State", "CA"), ("Zip", "94105")]
        {
            form.push((format!("{side}{part}"), value.to_owned()));
        }
    }
    form
}

fn signature(criterion: &mut Criterion) {
    let (urls, tenant) = (Urls::new(BASE).expect("a base"), TenantId::from_uuid(uuid::Uuid::nil()));
    let form = form();
    let body = encode(&form);
    let right = sign(TOKEN, &format!("{BASE}{INBOUND_PATH}"), &form);
    let other = "ffffffffffffffffffffffffffffffff";
    let cases: [(&str, &[&str], &str); 3] = [
        ("right", &[TOKEN], &right),
        ("right, two tokens", &[other, TOKEN], &right),
        ("wrong", &[TOKEN], "RSOYDt4T1cUTdK1PDd93/VVr8B8="),
    ];
    for (name, tokens, signature) in cases {
        let knock = Knock {
            raw_path: INBOUND_PATH,
            raw_query: "",
            signature: Some(signature),
            body: body.as_bytes(),
        };
        criterion.bench_function(&format!("signature: {name}"), |bencher| {
            bencher.iter(|| {
                let claim = Claim::read(black_box(knock).body).expect("a form");
                black_box(claim.prove(&urls, knock, tenant, tokens).is_ok())
            });
        });
    }
}

criterion_group!(benches, signature);
criterion_main!(benches);
