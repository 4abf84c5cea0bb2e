//! Expressions mean what they say, say where they are wrong, and never do more than they may.

use std::sync::LazyLock;

use proptest::prelude::*;
use script::answer::{Answer, Format};
use script::decimal::Decimal;
use script::expression::{Expression, MAX_LENGTH};
use script::json_path::JsonPath;

static HEADERS: LazyLock<[(String, String); 1]> = LazyLock::new(|| [("X-Bid".to_owned(), "9".to_owned())]);

fn answer() -> Answer<'static> {
    let body = br#"{"status": "success", "bid": "12.50", "price": 20, "exact": 0.1, "none": null, "words": "No Capacity",
        "list": [{"id": 7}, "b"], "my field": 1, "yes": true, "big": "1,250.75"}"#;
    Answer::read(200, &*HEADERS, body).unwrap()
}

fn value(expression: &str) -> String {
    let parsed = Expression::parse(expression).unwrap_or_else(|error| panic!("{expression}: {error}"));
    match parsed.evaluate(&answer()) {
        Ok(value) => value.shown(),
        Err(error) => format!("error: {error}"),
    }
}

#[test]
fn expressions_have_these_values() {
    for (expression, expected) in [
        // Reading.
        ("json.status", "success"),
        ("answer.list[0].id", "7"),
        ("json['my field']", "1"),
        ("json.list[1 - 1].id", "7"),
        ("json.nothing.at.all", "null"),
        ("json.list[9]", "null"),
        ("xml.status", "null"),
        ("status == 200", "true"),
        ("headers['x-bid']", "9"),
        ("length(body) > 100", "true"),
        // Reckoning is exact.
        ("json.price * 0.9", "18"),
        ("json.exact + 0.2 == 0.3", "true"),
        ("10 / 3", "3.333333333"),
        ("-7 % 3", "-1"),
        ("2 + 3 * 4 - 1", "13"),
        ("(2 + 3) * 4", "20"),
        ("round(12.345, 2)", "12.35"),
        ("round(-2.5)", "-3"),
        ("floor(-2.5)", "-3"),
        ("abs(-2.5)", "2.5"),
        ("min(3, null, 2)", "2"),
        ("max(3, json.price)", "20"),
        ("1000000000 * 1000000000", "1000000000000000000"),
        ("0.000000001 * 0.5", "0"),
        // Logic.
        ("json.status == \"success\" && number(json.bid) >= 5", "true"),
        ("json.status == 'success' ? json.price : 0", "20"),
        ("!json.yes || json.none", "false"),
        ("!json.missing", "true"),
        ("false && json.words", "false"),
        // Nothing is nothing: it equals itself, and has no order and no sum.
        ("json.none == null", "true"),
        ("json.none < 5", "false"),
        ("json.none >= 5", "false"),
        ("json.none + 1", "null"),
        ("number(json.words)", "null"),
        ("coalesce(json.a, '', json.b, json.bid)", "12.50"),
        // Text.
        ("lower(json.words)", "no capacity"),
        ("contains(lower(json.words), 'capacity')", "true"),
        ("contains(json.list, 'b')", "true"),
        ("starts_with(json.words, 'No')", "true"),
        ("ends_with(json.words, 'No')", "false"),
        ("replace(json.words, ' ', '-')", "No-Capacity"),
        ("split('a;b;c', ';')[1]", "b"),
        ("length(split('a;b;c', ';'))", "3"),
        ("slice('+12025550101', 1, 3)", "120"),
        ("trim('  x ') + \"y\"", "xy"),
        ("text(json.price) + '!'", "20!"),
        ("number(json.big)", "1250.75"),
        ("number(' 12 ')", "12"),
        ("number('12,5')", "null"),
        ("'it\\'s'", "it's"),
        // Nothing is converted by itself.
        ("json.bid == 12.5", "false"),
        ("json.bid + 1", "error: + takes a number, and was given text"),
        ("json.bid > 5", "error: > takes two numbers or two texts, and was given a number"),
        ("json.words && true", "error: && takes true or false, and was given text"),
        ("1 / 0", "error: / has no result: a number is too large, or divided by 0"),
        ("lower(5)", "error: lower takes text, and was given a number"),
    ] {
        assert_eq!(value(expression), expected, "{expression}");
    }
}

#[test]
fn a_wrong_expression_says_where_and_why() {
    for (expression, at, words) in [
        ("", 1, "an expression is expected"),
        ("json.a =  1", 8, "compared with =="),
        ("json.a == ", 11, "a value is expected, not the end"),
        ("success", 1, "'success' is not known: an expression looks at answer, json"),
        ("lowr(json.a)", 1, "there is no function 'lowr': there are coalesce"),
        ("lower(json.a, 1)", 1, "lower() takes 1 values, not 2"),
        ("json.status == \"abc", 16, "this text has no end"),
        ("json.[1]", 6, "after '.' stands a field's name"),
        ("(1 + 2", 7, "')' is expected, not the end"),
        ("1 < 2 < 3", 7, "joined with &&"),
        ("1.2.3", 1, "'1.2.3' is not a number"),
        ("json.a json.b", 8, "an operator is expected"),
        ("json.a & 1", 8, "'&' means nothing here"),
        ("'\\x'", 2, "after \\ stands one of"),
    ] {
        let error = Expression::parse(expression).expect_err(expression);
        assert_eq!(error.at, at, "{expression}: {error}");
        assert!(error.message.contains(words), "{expression}: {error}");
    }
}

#[test]
fn what_is_too_long_or_too_deep_is_refused() {
    let long = format!("'{}'", "x".repeat(MAX_LENGTH));
    assert!(Expression::parse(&long).is_err());
    for deep in [
        format!("{}1{}", "(".repeat(40), ")".repeat(40)),
        "!".repeat(40) + "true",
        "1".to_owned() + &" + 1".repeat(40),
        "json".to_owned() + &".a".repeat(40),
    ] {
        assert!(Expression::parse(&deep).is_err(), "{deep}");
    }
}

#[test]
fn texts_do_not_grow_without_end() {
    let mut expression = "body".to_owned();
    for _ in 0..20 {
        expression = format!("replace({expression}, 'a', 'aaaaaaaa')");
    }
    let parsed = Expression::parse(&expression).unwrap();
    assert!(parsed.evaluate(&answer()).is_err());
}

#[test]
fn the_deepest_expression_needs_little_stack() {
    // Ten times thirty fields after each other, each inside the index of the next.
    let mut expression = "0".to_owned();
    for _ in 0..14 {
        expression = format!("json{}[{expression}]", ".a".repeat(30));
    }
    assert!(expression.len() <= MAX_LENGTH);
    let small = std::thread::Builder::new().stack_size(512 * 1024);
    let thread = small.spawn(move || {
        let parsed = Expression::parse(&expression).unwrap();
        parsed.evaluate(&answer()).map(|value| value.shown())
    });
    assert_eq!(thread.unwrap().join().unwrap().unwrap(), "null");
}

#[test]
fn bodies_are_read_whatever_they_are_written_in() {
    let read =
        |body: &[u8]| Answer::read(200, &[], body).map(|answer| (answer.format, answer.tree.to_string()));
    let ok = |format, tree: &str| Ok((format, tree.to_owned()));
    assert_eq!(read(b"\xef\xbb\xbf {\"a\": 1}"), ok(Format::Json, r#"{"a":1}"#));
    assert_eq!(read(b"12.5"), ok(Format::Json, "12.5"));
    assert_eq!(read(b"a=1&b=x%20y+z&a=2"), ok(Format::Form, r#"{"a":["1","2"],"b":"x y z"}"#));
    assert_eq!(read(b"No capacity, a=b"), ok(Format::Text, "null"));
    let xml = br#"<?xml version="1.0" encoding="utf-16"?>
        <Bid xmlns="urn:x"><BidAmount>10.00</BidAmount><Empty/><n:Sip xmlns:n="y">a&amp;b&#64;c</n:Sip>
        <Warnings><Warning code="200">one</Warning><Warning code="205"><![CDATA[<two>]]></Warning></Warnings></Bid>"#;
    let tree = r##"{"BidAmount":"10.00","Empty":null,"Sip":"a&b@c","Warnings":{"Warning":[{"#text":"one","@code":"200"},{"#text":"<two>","@code":"205"}]}}"##;
    assert_eq!(read(xml), ok(Format::Xml, tree));
    let wide: Vec<u8> =
        [0xff, 0xfe].into_iter().chain("<B><a>1</a></B>".encode_utf16().flat_map(u16::to_le_bytes)).collect();
    assert_eq!(read(&wide), ok(Format::Xml, r#"{"a":"1"}"#));
    for broken in [
        "{\"a\": 1",
        "[1,",
        "<Bid><a>1</Bid>",
        "<Bid><a>1</a>",
        "<a/><b/>",
        "<html><body>Hello</body></html>",
        "<!DOCTYPE bid [<!ENTITY x \"xxxx\">]><bid>&x;</bid>",
        "<bid>&unknown;</bid>",
    ] {
        assert!(read(broken.as_bytes()).is_err(), "{broken}");
    }
    let deep = "<a>".repeat(70) + &"</a>".repeat(70);
    assert!(read(deep.as_bytes()).is_err());
}

fn words() -> impl Strategy<Value = String> {
    let word = prop::sample::select(vec![
        "json",
        "answer",
        "body",
        "status",
        "headers",
        ".a",
        ".list",
        "[0]",
        "['b']",
        "==",
        "!=",
        "<",
        ">=",
        "&&",
        "||",
        "+",
        "-",
        "*",
        "/",
        "%",
        "!",
        "(",
        ")",
        "?",
        ":",
        ",",
        "1",
        "2.5",
        "999999999999999999",
        "'x'",
        "\"\"",
        "null",
        "true",
        "lower(",
        "number(",
        "split(",
        "replace(",
        "round(",
        "slice(",
        "coalesce(",
        "length(",
        " ",
    ]);
    prop::collection::vec(word, 0..24).prop_map(|words| words.concat())
}

/// A path of names and indices is followed step by step, its other spelling by the library.
#[test]
fn a_path_finds_the_same_in_both_its_spellings() {
    let body = serde_json::json!({
        "bid": {"amount": 12.5, "none": null, "list": [{"id": 7}, "b", []]}, "list": [[1, 2]], "Bid": 1, "0": "zero", "_a1": 2,
    });
    let steps = [
        "bid", "amount", "none", "list", "id", "Bid", "_a1", "missing", "length", "[0]", "[1]", "[2]", "[9]",
    ];
    let written = |step: &str, quoted: bool| match (step.starts_with('['), quoted) {
        (true, _) => step.to_owned(),
        (false, true) => format!("['{step}']"),
        (false, false) => format!(".{step}"),
    };
    let mut found = 0;
    for one in steps {
        for two in steps {
            for three in steps {
                let path = |quoted| [one, two, three].map(|step| written(step, quoted)).concat();
                let first = |quoted| {
                    let path = JsonPath::parse(&format!("${}", path(quoted))).unwrap();
                    path.first(&body).cloned()
                };
                assert_eq!(first(false), first(true), "{}", path(false));
                found += usize::from(first(false).is_some());
            }
        }
    }
    assert!(found >= 4, "{found}");
    assert_eq!(JsonPath::parse("$").unwrap().first(&body), Some(&body));
    for path in ["$.bid.list[-1]", "$.bid.*", "$[?@.amount > 1]", "$.bid['amount', 'none']"] {
        assert!(JsonPath::parse(path).unwrap().first(&body).is_some(), "{path}");
    }
    for path in ["$.0", "$.bid.", "$[01]", "$.a-b", "$[+1]", "bid"] {
        assert!(JsonPath::parse(path).is_err(), "{path}");
    }
}

proptest! {
    #[test]
    fn no_text_makes_the_parser_panic(text in any::<String>()) {
        if let Err(error) = Expression::parse(&text) {
            prop_assert!(error.at >= 1 && error.at <= text.chars().count() + 1);
            prop_assert!(!error.message.is_empty());
        }
    }

    #[test]
    fn no_expression_panics_and_the_same_answer_gives_the_same_value(text in words(), body in any::<Vec<u8>>()) {
        if let Ok(expression) = Expression::parse(&text) {
            let Ok(read) = Answer::read(200, &[], &body) else { return Ok(()) };
            for answer in [answer(), read] {
                let once = expression.evaluate(&answer).map(|value| value.shown());
                let again = expression.evaluate(&answer).map(|value| value.shown());
                prop_assert_eq!(once, again);
            }
        }
    }

    #[test]
    fn no_body_makes_the_reader_panic(body in "[<>/a-c&;=\"' {}\\[\\]:,0-9!-]{0,60}") {
        let _ = Answer::read(200, &[], body.as_bytes());
    }

    #[test]
    fn a_decimal_survives_being_written_and_read(whole in any::<i64>(), part in 0u32..1_000_000_000) {
        let written = format!("{whole}.{part:09}");
        let number = Decimal::parse(&written).unwrap();
        prop_assert_eq!(Decimal::parse(&number.to_string()), Some(number));
    }

    #[test]
    fn products_are_those_of_exact_reckoning(one in -1_000_000_000_i64..1_000_000_000, other in -1_000_000_000_i64..1_000_000_000) {
        let places = |micros: i64| format!("{}{}.{:06}", if micros < 0 { "-" } else { "" }, micros.abs() / 1_000_000, micros.abs() % 1_000_000);
        let expression = format!("{} * {}", places(one), places(other));
        let exact = i128::from(one) * i128::from(other) / 1_000;
        let found = Decimal::parse(&value(&expression)).unwrap();
        let whole = exact / 1_000_000_000;
        let rest = exact % 1_000_000_000;
        let sign = if exact < 0 { "-" } else { "" };
        let expected = Decimal::parse(&format!("{sign}{}.{:09}", whole.abs(), rest.abs())).unwrap();
        prop_assert_eq!(found, expected);
    }
}
