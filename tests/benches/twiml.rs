//! How long it takes to write an answer to Twilio.

#![expect(clippy::expect_used, reason = "a benchmark that cannot be set up has nothing to say")]

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use domain::voice::{Callback, CallbackTo, Dial, DialNoun, Recording, Reply, Verb};
use twilio::twiml::write;
use twilio::urls::Urls;

fn callback(to: CallbackTo) -> Callback {
    Callback {
        tenant: "AC0190a1b2c3d47e5f8a9b0c1d2e3f4a5b".parse().expect("a tenant"),
        call: "RGB1f0c5e8b7a2d4c6f9e3b1a0d8c7f6e5d".parse().expect("a call"),
        to,
    }
}

fn dial(nouns: usize) -> Reply {
    let number = |index: usize| format!("+1202555{:04}", 100 + index).parse().expect("a number");
    let noun = |index| DialNoun {
        destination: domain::phone::Destination::Number(number(index)),
        send_digits: None,
        sip_headers: Vec::new(),
        status_callback: callback(CallbackTo::Leg(1)),
    };
    let dial = Dial {
        nouns: (0..nouns).map(noun).collect(),
        caller_id: Some(number(99)),
        timeout_s: 20,
        time_limit_s: 7_200,
        recording: Recording::FromAnswerDual,
        answer_on_bridge: true,
        action: callback(CallbackTo::DialResult(2)),
        recording_callback: Some(callback(CallbackTo::Recording(1))),
    };
    Reply { verbs: vec![Verb::Dial(dial)] }
}

fn twiml(criterion: &mut Criterion) {
    let urls = Urls::new("https://calls.example.com").expect("a base");
    for (name, reply) in [
        ("redirect to the auction", Reply::redirect(callback(CallbackTo::Auction(1)))),
        ("dial one number", dial(1)),
        ("dial ten numbers", dial(10)),
        (
            "words and a hang-up",
            Reply::words_and_hangup("We are sorry, nobody is available right now. Goodbye."),
        ),
    ] {
        criterion.bench_function(&format!("twiml: {name}"), |bencher| {
            bencher.iter(|| black_box(write(black_box(&reply), &urls)));
        });
    }
}

criterion_group!(benches, twiml);
criterion_main!(benches);
