//! Strategies: any reply the domain can express, within its bounds and beyond them.

pub mod callback;

use domain::phone::{Destination, E164, SipUri};
use domain::voice::{Dial, DialNoun, Recording, RejectReason, Reply, Verb};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

use callback::callback;

/// Any number the domain accepts.
pub fn number() -> impl Strategy<Value = E164> {
    prop_oneof![r"\+1[2-9][0-9]{9}", r"\+[2-9][0-9]{7,14}"]
        .prop_filter_map("a phone number", |text: String| text.parse().ok())
}

/// Any SIP address the domain accepts, with the signs that XML must escape.
pub fn sip() -> impl Strategy<Value = SipUri> {
    (r"sips?:[a-zA-Z0-9_.!~*'()&=+$,%-]{1,200}@[a-z0-9]{1,20}\.example(:[1-9][0-9]{0,3})?(;transport=(udp|tcp|tls))?")
        .prop_filter_map("a SIP address", |text: String| SipUri::try_from(text).ok())
}

/// Any text, with a good share of markup, controls and characters that XML 1.0 cannot hold.
pub fn text() -> impl Strategy<Value = String> {
    let letter = prop_oneof![
        4 => any::<char>(),
        2 => prop::sample::select(vec!['&', '<', '>', '"', '\'', ']', '\t', '\n', '\r', ' ']),
        1 => prop::sample::select(vec!['\0', '\u{8}', '\u{b}', '\u{1f}', '\u{fffe}', '\u{ffff}', '\u{85}', '\u{2028}']),
    ];
    let whole = ["]]>", "<![CDATA[x]]>", "&amp;", "<!-- -->", "<?xml?>", ""];
    prop_oneof![
        8 => vec(letter, 0..30).prop_map(String::from_iter),
        1 => prop::sample::select(whole.to_vec()).prop_map(str::to_owned),
    ]
}

fn noun() -> impl Strategy<Value = DialNoun> {
    let destination = prop_oneof![number().prop_map(Destination::Number), sip().prop_map(Destination::Sip)];
    let header = ("(X-|x-)?[A-Za-z0-9_ :-]{0,30}", text());
    (destination, option::of(text()), vec(header, 0..4), callback()).prop_map(
        |(destination, send_digits, sip_headers, status_callback)| DialNoun {
            destination,
            send_digits,
            sip_headers,
            status_callback,
        },
    )
}

fn dial() -> impl Strategy<Value = Dial> {
    let recording =
        prop_oneof![Just(Recording::Off), Just(Recording::FromAnswer), Just(Recording::FromAnswerDual)];
    (
        vec(noun(), 0..13),
        option::of(number()),
        any::<u16>(),
        any::<u32>(),
        recording,
        any::<bool>(),
        callback(),
        option::of(callback()),
    )
        .prop_map(
            |(
                nouns,
                caller_id,
                timeout_s,
                time_limit_s,
                recording,
                answer_on_bridge,
                action,
                recording_callback,
            )| Dial {
                nouns,
                caller_id,
                timeout_s,
                time_limit_s,
                recording,
                answer_on_bridge,
                action,
                recording_callback,
            },
        )
}

/// Any reply, its verbs in any order.
pub fn reply() -> impl Strategy<Value = Reply> {
    let verb = prop_oneof![
        2 => text().prop_map(Verb::Say),
        1 => (text(), 100..400usize).prop_map(|(text, times)| Verb::Say(text.repeat(times))),
        1 => any::<u8>().prop_map(Verb::Pause),
        3 => dial().prop_map(Verb::Dial),
        1 => callback().prop_map(Verb::Redirect),
        1 => prop_oneof![Just(RejectReason::Rejected), Just(RejectReason::Busy)].prop_map(Verb::Reject),
        1 => Just(Verb::Hangup),
    ];
    vec(verb, 0..6).prop_map(|verbs| Reply { verbs })
}
