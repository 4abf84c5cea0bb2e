//! Requests as Twilio might send them, and every small way in which somebody could have altered one.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use serde_json::{Map, Value};

/// The account that every request is from.
pub const ACCOUNT: &str = "AC0190a1b2c3d47e5f8a9b0c1d2e3f4a5b";

/// A request with its parameters in the order sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// The auth token that signs.
    pub token: String,
    /// Scheme, host and port.
    pub base: String,
    /// Path and query as in the request line.
    pub path: String,
    /// The query without `?`, may be empty.
    pub query: String,
    /// All parameters, repeats included.
    pub form: Vec<(String, String)>,
}

/// One way to alter a request.
#[derive(Debug, Clone)]
pub struct Alteration {
    /// For the failure message.
    pub what: String,
    /// The request as it arrives.
    pub request: Request,
}

impl Request {
    /// The URL as it was asked.
    pub fn url(&self) -> String {
        let mark = if self.query.is_empty() { "" } else { "?" };
        format!("{}{}{mark}{}", self.base, self.path, self.query)
    }
}

/// The parameters as the official library takes them: repeated names hold a list.
pub fn library_params(form: &[(String, String)]) -> Value {
    let mut params: Map<String, Value> = Map::new();
    for (name, value) in form {
        match params.get_mut(name) {
            None => {
                params.insert(name.clone(), Value::String(value.clone()));
            }
            Some(Value::Array(values)) => values.push(Value::String(value.clone())),
            Some(earlier) => *earlier = Value::Array(vec![earlier.take(), Value::String(value.clone())]),
        }
    }
    Value::Object(params)
}

/// Draws from a strategy, the same values in every run.
pub fn draw<S: Strategy>(strategy: &S, how_many: usize) -> Vec<S::Value> {
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, b"conformance, November 22nd, 2026");
    let mut runner = TestRunner::new_with_rng(Config::default(), rng);
    (0..how_many).map(|_| strategy.new_tree(&mut runner).unwrap().current()).collect()
}

/// Any request about a call that has just come in.
pub fn request() -> impl Strategy<Value = Request> {
    let token = "[0-9a-f]{32}";
    let base = prop::sample::select(vec![
        "https://calls.example.com",
        "https://calls.example.com:8443",
        "http://calls.example.com",
        "http://127.0.0.1:9000",
        "https://calls.example.com/behind/a/path",
    ]);
    let path = prop_oneof![
        3 => Just("/twilio/voice/inbound".to_owned()),
        // No dot segments: the library's URL parser would resolve them, no client sends them.
        1 => "(/([A-Za-z0-9_~-]|%[3-7][0-9A-D]){0,12}){1,4}",
    ];
    let query = prop_oneof![
        2 => Just(String::new()),
        1 => "[a-z]{1,6}=[A-Za-z0-9_.~*!()+-]{0,10}(&[a-z]{1,6}=(%[2-7][0-9A-F]){0,5})?",
    ];
    let extra = vec((name(), text()), 0..12);
    (token, base, path, query, extra, prop::option::of(text()), any::<u128>()).prop_map(
        |(token, base, path, query, extra, repeated, call)| {
            let mut form: Vec<(String, String)> = [
                ("AccountSid", ACCOUNT.to_owned()),
                ("CallSid", format!("CA{call:032x}")),
                ("CallStatus", "ringing".to_owned()),
                ("Direction", "inbound".to_owned()),
                ("From", "+14155550100".to_owned()),
                ("To", "+18335550100".to_owned()),
                ("CallerZip", String::new()),
            ]
            .map(|(name, value)| (name.to_owned(), value))
            .into();
            if let (Some(value), Some((name, _))) = (repeated, extra.first()) {
                form.push((name.clone(), value));
            }
            form.extend(extra);
            // In no order: the signature has its own.
            let turn = form.len() / 2;
            form.rotate_left(turn);
            Request { token, base: base.to_owned(), path, query, form }
        },
    )
}

/// Names that Twilio might add, none of which the call itself depends on.
fn name() -> impl Strategy<Value = String> {
    prop_oneof![
        3 => "(Sip|Stir|Dial|From|To|Caller)[A-Z][A-Za-z]{1,8}",
        1 => "SipHeader_[Xx]-[A-Za-z0-9-]{1,12}",
        1 => "[a-z][a-z0-9]{0,8}",
    ]
}

/// Any text, with a good share of what forms must escape. Without U+E000 to U+FFFF: the library sorts repeated values by
/// UTF-16 units and ours by code points, which differ there only.
fn text() -> impl Strategy<Value = String> {
    let letter = prop_oneof![
        3 => prop::char::range('\0', '\u{ff}'),
        2 => prop::sample::select(vec!['+', '&', '=', '%', ' ', '\'', '"', '\n', '\r', '\t', ';', '#', '?', '/']),
        1 => prop::char::range('\u{100}', '\u{d7ff}'),
        1 => prop::char::range('\u{10000}', '\u{10ffff}'),
    ];
    vec(letter, 0..24).prop_map(String::from_iter)
}

/// Every alteration that must be noticed.
pub fn alterations(original: &Request) -> Vec<Alteration> {
    let mut found = Vec::new();
    let mut add = |what: String, change: &dyn Fn(&mut Request)| {
        let mut request = original.clone();
        change(&mut request);
        found.push(Alteration { what, request });
    };
    for (index, (name, value)) in original.form.iter().enumerate() {
        let once = original.form.iter().filter(|pair| **pair == original.form[index]).count() == 1;
        if !once {
            continue; // one of two equal parameters: they count once
        }
        add(format!("without {name}"), &|request| {
            request.form.remove(index);
        });
        add(format!("longer {name}"), &|request| request.form[index].1.push('x'));
        add(format!("{name} in another case"), &|request| {
            request.form[index].0 = swap_case(&request.form[index].0);
        });
        add(format!("another name for {name}"), &|request| request.form[index].0.push('_'));
        add(format!("a second value for {name}"), &|request| {
            request.form.push((name.clone(), format!("{value}.")));
        });
        add(format!("a space after {name}"), &|request| request.form[index].1.push(' '));
        if !value.is_empty() {
            add(format!("shorter {name}"), &|request| {
                request.form[index].1.pop();
            });
        }
    }
    add("one more parameter".to_owned(), &|request| request.form.push(("Extra".into(), "1".into())));
    add("one more, empty".to_owned(), &|request| request.form.push(("Extra".into(), String::new())));
    add("no parameters but the account".to_owned(), &|request| {
        request.form.retain(|(name, _)| name == "AccountSid");
    });
    add("path + slash".to_owned(), &|request| request.path.push('/'));
    add("path + letter".to_owned(), &|request| request.path.push('x'));
    add("another path".to_owned(), &|request| request.path = "/twilio/voice/status".to_owned());
    add("one more in the query".to_owned(), &|request| {
        let and = if request.query.is_empty() { "" } else { "&" };
        request.query = format!("{}{and}extra=1", request.query);
    });
    if !original.query.is_empty() {
        add("no query".to_owned(), &|request| request.query.clear());
    }
    add("another host".to_owned(), &|request| {
        request.base = request.base.replace("example", "examp1e").replace("127.0.0.1", "127.0.0.2");
    });
    add("another scheme".to_owned(), &|request| {
        let (from, to) =
            if request.base.starts_with("https") { ("https", "http") } else { ("http", "https") };
        request.base = request.base.replacen(from, to, 1);
    });
    add("another token".to_owned(), &|request| request.token = swap_digit(&request.token));
    found
}

fn swap_case(text: &str) -> String {
    let swapped = |letter: char| {
        if letter.is_ascii_lowercase() { letter.to_ascii_uppercase() } else { letter.to_ascii_lowercase() }
    };
    text.chars().map(swapped).collect()
}

/// The token with its first digit changed.
fn swap_digit(token: &str) -> String {
    let digit = if token.starts_with('0') { '1' } else { '0' };
    format!("{digit}{}", &token[1..])
}
