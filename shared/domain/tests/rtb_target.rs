//! RTB targets: what may be saved, whom they take, what their bids count.

use std::sync::LazyLock;

use domain::duplicates::{CallerHistory, News};
use domain::geo::{Place, Said};
use domain::ids::{CallId, CallSid};
use domain::money::Money;
use domain::rtb_target::{Asked, Prospect, RtbTarget, profiles};
use domain::validate::Validate;
use jiff::Timestamp;
use serde_json::{Value, json};

fn with(changes: Value) -> Result<RtbTarget, serde_json::Error> {
    let mut settings = json!({
        "name": "Alpha",
        "url": "https://bidder.example.com/ping",
        "body": r#"{"state": "[tag:InboundNumber:State]"}"#,
        "answer": {"acceptance": ["$.accepted"], "amount": ["$.bid"], "destination": ["$.number"]},
    });
    for (field, value) in changes.as_object().unwrap() {
        settings[field] = value.clone();
    }
    serde_json::from_value(settings)
}

fn problems(changes: Value) -> Vec<String> {
    let found = with(changes).unwrap().validate().err().unwrap_or_default();
    found.into_iter().map(|problem| format!("{} {}", problem.field, problem.rule)).collect()
}

#[test]
fn every_setting_is_checked_when_it_is_saved() {
    for (changes, expected) in [
        (json!({}), vec![]),
        // The request.
        (json!({"method": "GET", "body": ""}), vec![]),
        (json!({"method": "GET"}), vec!["body method"]),
        (json!({"body": ""}), vec!["body json"]),
        (json!({"body": "{\"s\": [tag:InboundNumber:State]}"}), vec!["body json"]),
        (json!({"body": "{\"s\": \"a\" [tag:InboundNumber:State]}"}), vec!["body json"]),
        (json!({"content_type": "xml", "body": "<a b='[tag:User:x]'>[tag:User:y]</a>"}), vec![]),
        (json!({"content_type": "xml", "body": "<a>[tag:User:y]"}), vec!["body xml"]),
        (json!({"content_type": "xml", "body": "<[tag:User:y]/>"}), vec!["body xml"]),
        (json!({"content_type": "form", "body": "a=[tag:User:x]&b=2"}), vec![]),
        (json!({"content_type": "form", "body": "a=[tag:User:x] b"}), vec!["body form"]),
        (json!({"content_type": "text", "body": "{anything] <goes"}), vec![]),
        (json!({"body": "{\"n\": \"[tag:InboundNumer:Number]\"}"}), vec!["body unknown_token"]),
        (json!({"url": "https://bidder.example.com/[tag:InboundNumer:Number]"}), vec!["url unknown_token"]),
        (json!({"url": "https://bidder.example.com/[tag:User:a]?b=[tag:User:b]"}), vec![]),
        (json!({"url": "https://[tag:User:a].example.com/"}), vec!["url token_place"]),
        (json!({"url": "https://a[tag:User:a].example.com/"}), vec!["url token_place"]),
        (json!({"url": "https://user@bidder.example.com/"}), vec!["url url"]),
        (
            json!({"headers": [["Host", "x"], ["X-é", "x"], ["X-A", "é"]]}),
            vec!["headers[0] header", "headers[1] header", "headers[2] header"],
        ),
        (json!({"retries": 4, "timeout_ms": 49}), vec!["timeout_ms range", "retries range"]),
        // Authentication.
        (json!({"authentication": {"api_key": {"header": "X-Key", "value": "k"}}}), vec![]),
        (
            json!({"authentication": {"api_key": {"header": "Host", "value": ""}}}),
            vec!["authentication.api_key.value secret", "authentication.api_key.header header"],
        ),
        (
            json!({"authentication": {"bearer": {"token": "line\nbreak"}}}),
            vec!["authentication.bearer.token secret"],
        ),
        (
            json!({"authentication": {"bearer": {"token": {"set": true}}}}),
            vec!["authentication.bearer.token required"],
        ),
        (
            json!({"authentication": {"basic": {"username": "a:b", "password": "p"}}}),
            vec!["authentication.basic.username user_name"],
        ),
        (
            json!({"authentication": {"hmac": {"secret": "s", "timestamp_header": "X-A", "signature_header": "x-a"}}}),
            vec!["authentication.hmac.signature_header unique"],
        ),
        (
            json!({"authentication": {"bearer": {"token": "t"}}, "headers": [["authorization", "x"]]}),
            vec!["headers[0] unique"],
        ),
        // The answer.
        (
            json!({"answer": {"acceptance": [{"regex": "yes|no"}], "amount": [{"expression": "json.a * 0.9"}], "destination": ["$.n"]}}),
            vec![],
        ),
        (
            json!({"answer": {"acceptance": [{"regex": "("}], "amount": [{"expression": "json.a *"}], "destination": ["n"]}}),
            vec![
                "answer.acceptance[0] regex",
                "answer.amount[0] expression",
                "answer.destination[0] json_path",
            ],
        ),
        (
            json!({"answer": {"acceptance": [{"regex": "(a)(b)"}], "amount": [{"regex": "x{9999999}"}], "destination": [{"regex": "a".repeat(300)}]}}),
            vec!["answer.acceptance[0] regex", "answer.amount[0] regex", "answer.destination[0] regex"],
        ),
        (
            json!({"answer": {"acceptance": [], "amount": []}}),
            vec!["answer.acceptance required", "answer.amount required", "destination required"],
        ),
        // Whose calls.
        (json!({"rate_limits": {"per_minute": 0, "per_day": 10}}), vec!["rate_limits.per_minute range"]),
        (json!({"sub_ids": {"allow": [" "], "deny": ["x"]}}), vec!["sub_ids.allow[0] length"]),
        (
            json!({"caller_history": {"calls": 21, "window_s": 0}}),
            vec!["caller_history.calls range", "caller_history.window_s range"],
        ),
        (
            json!({"radius": {"around": {"latitude": 91, "longitude": 180}, "miles": 0}}),
            vec!["radius.miles range", "radius.around.latitude range"],
        ),
        // What bids count.
        (
            json!({"bid_strategy": {"percent": 0}, "geo_multipliers": [{"places": {}, "percent": 1001}]}),
            vec![
                "bid_strategy.percent range",
                "geo_multipliers[0].percent range",
                "geo_multipliers[0].places required",
            ],
        ),
        (json!({"bid_strategy": {"fixed": 0}}), vec!["bid_strategy.fixed range"]),
        // The second step.
        (
            json!({"confirmation": {"url": "x", "body": "{}", "acceptance": [], "timeout_ms": 1}}),
            vec!["confirmation.url url", "confirmation.timeout_ms range", "confirmation.acceptance required"],
        ),
        (
            json!({"confirmation": {"url": "https://b.example.com/[tag:Bid:Id]", "body": "{}", "acceptance": [{"expression": "x"}]}}),
            vec!["confirmation.acceptance[0] expression"],
        ),
    ] {
        assert_eq!(problems(changes.clone()), expected, "{changes}");
    }
    for unreadable in [
        json!({"radius": {"around": {"latitude": 0, "longitude": 181}, "miles": 5}}),
        json!({"method": "DELETE"}),
        json!({"answer": {"acceptance": [{"javascript": "x"}]}}),
        json!({"authentication": {"bearer": {"token": {"set": true, "x": 1}}}}),
    ] {
        assert!(with(unreadable.clone()).is_err(), "{unreadable}");
    }
}

#[test]
fn settings_survive_being_written_and_read() {
    let full = with(json!({
        "authentication": {"hmac": {"secret": {"sealed": "v1.x.y"}}},
        "answer": {"acceptance": ["$.a", {"regex": "b"}, {"expression": "json.c"}], "amount": ["$.b"]},
        "radius": {"around": {"latitude": 40.7128, "longitude": -74.006}, "miles": 25},
        "geo_multipliers": [{"places": {"states": ["NY"]}, "percent": 120}],
    }))
    .unwrap();
    let written = serde_json::to_value(&full).unwrap();
    assert_eq!(written["authentication"]["hmac"]["secret"], json!({"sealed": "v1.x.y"}));
    assert_eq!(
        written["answer"]["acceptance"],
        json!([{"json_path": "$.a"}, {"regex": "b"}, {"expression": "json.c"}])
    );
    assert_eq!(written["radius"]["around"], json!({"latitude": 40.7128, "longitude": -74.006}));
    assert_eq!(serde_json::from_value::<RtbTarget>(written).unwrap(), full);
    let secret = with(json!({"authentication": {"bearer": {"token": "hunter2"}}})).unwrap();
    assert!(!format!("{secret:?}").contains("hunter2"));
}

#[test]
fn every_profile_can_be_saved_once_it_is_filled_in() {
    let all = profiles::all();
    assert_eq!(all.len(), 5);
    for profile in all {
        let target: RtbTarget = serde_json::from_value(profile.settings).unwrap();
        assert_eq!(target.validate(), Ok(()), "{}", profile.profile);
    }
}

fn now() -> Timestamp {
    "2026-11-22T12:00:00Z".parse().unwrap()
}

static MANHATTAN: LazyLock<Place> =
    LazyLock::new(|| Place::of("+12125550147", Said { zip: Some("10001"), ..Said::default() }));

/// What becomes of a caller in New York who is otherwise so.
fn new_york<'a>(prospect: impl FnOnce(&mut Prospect<'a>)) -> impl FnOnce(Value) -> String {
    move |settings| {
        let mut asking = Prospect {
            place: &MANHATTAN,
            position: None,
            sub_id: None,
            history: None,
            asked: Asked::default(),
            now: now(),
        };
        prospect(&mut asking);
        match with(settings).unwrap().takes(&asking) {
            Ok(()) => "taken".to_owned(),
            Err(why) => format!("{}: {}", why.code(), why.text()),
        }
    }
}

#[test]
fn places_decide() {
    let asked = |settings| new_york(|_| {})(settings);
    assert_eq!(asked(json!({})), "taken");
    assert_eq!(asked(json!({"geo": {"allow": {"states": ["NY"]}}})), "taken");
    assert_eq!(
        asked(json!({"geo": {"allow": {"states": ["TX"]}}})),
        "bidder_geo: its geo list does not include NY"
    );
    assert_eq!(asked(json!({"geo": {"deny": {"zips": ["100"]}}})), "bidder_geo: its geo list refuses 10001");
    let nowhere = Place::default();
    let unknown = Prospect {
        place: &nowhere,
        position: None,
        sub_id: None,
        history: None,
        asked: Asked::default(),
        now: now(),
    };
    let refused = with(json!({"geo": {"allow": {"states": ["NY"]}}})).unwrap().takes(&unknown).unwrap_err();
    assert_eq!(refused.text(), "its geo list: the caller's state is not known");
    let allows = with(json!({"geo": {"allow": {"states": ["NY"]}, "unknown": "allow"}})).unwrap();
    assert_eq!(allows.takes(&unknown), Ok(()));
}

#[test]
fn a_radius_holds_whoever_is_near_enough() {
    // Newark is some nine miles from the middle of Manhattan, Philadelphia some eighty.
    let around = json!({"around": {"latitude": 40.7128, "longitude": -74.006}, "miles": 25});
    let at = |latitude: f64, longitude: f64| {
        serde_json::from_value(json!({"latitude": latitude, "longitude": longitude})).unwrap()
    };
    let asked =
        |position, radius: &Value| new_york(|asking| asking.position = position)(json!({"radius": radius}));
    assert_eq!(asked(Some(at(40.7357, -74.1724)), &around), "taken");
    assert_eq!(
        asked(Some(at(39.9526, -75.1652)), &around),
        "bidder_geo: the caller is more than 25 miles away"
    );
    assert_eq!(asked(None, &around), "bidder_geo: it is not known how far away the caller is");
    let mut open = around.clone();
    open["unknown"] = json!("allow");
    assert_eq!(asked(None, &open), "taken");
    let newark: domain::geo::Position = at(40.7357, -74.1724);
    let miles = newark.miles_to(at(40.7128, -74.006));
    assert!((8.5..9.5).contains(&miles), "{miles}");
}

#[test]
fn sub_ids_decide() {
    let asked = |sub_id: Option<&'static str>, sub_ids: Value| {
        new_york(|asking| asking.sub_id = sub_id)(json!({"sub_ids": sub_ids}))
    };
    assert_eq!(asked(Some("FB-7"), json!({"allow": ["fb-7"]})), "taken");
    assert_eq!(
        asked(Some("fb-8"), json!({"allow": ["fb-7"]})),
        "bidder_sub_id: its list of sub-ids does not include fb-8"
    );
    assert_eq!(
        asked(None, json!({"allow": ["fb-7"]})),
        "bidder_sub_id: its list of sub-ids does not include calls without one"
    );
    assert_eq!(
        asked(Some("fb-7"), json!({"allow": ["fb-7"], "deny": ["FB-7"]})),
        "bidder_sub_id: its list of sub-ids refuses fb-7"
    );
    assert_eq!(asked(None, json!({"deny": ["fb-7"]})), "taken");
}

#[test]
fn callers_who_call_too_often_are_not_offered() {
    let mut history = CallerHistory::default();
    for (index, ago_s) in [30_i64, 600, 5_000].into_iter().enumerate() {
        let sid: CallSid = format!("CA{index:032x}").parse().unwrap();
        history.after(CallId::from_sid(&sid), now() - jiff::SignedDuration::from_secs(ago_s), News::Began);
    }
    let asked = |calls: u16, history| {
        new_york(|asking| asking.history = history)(
            json!({"caller_history": {"calls": calls, "window_s": 3_600}}),
        )
    };
    assert_eq!(asked(3, Some(&history)), "taken");
    assert_eq!(
        asked(2, Some(&history)),
        "bidder_caller_history: the caller called 2 times or more within 3600 seconds"
    );
    assert_eq!(asked(1, None), "taken");
}

#[test]
fn a_bidder_is_asked_as_often_as_it_allows_and_not_once_more() {
    let limits = json!({"rate_limits": {"per_minute": 3, "per_hour": 10, "per_day": 12}});
    let asked =
        |minute, hour, day| new_york(|asking| asking.asked = Asked { minute, hour, day })(limits.clone());
    assert_eq!(asked(2, 9, 11), "taken");
    assert_eq!(asked(3, 9, 11), "bidder_rate_limit: it was asked 3 times this minute, the most it allows");
    assert_eq!(asked(0, 10, 11), "bidder_rate_limit: it was asked 10 times this hour, the most it allows");
    assert_eq!(asked(0, 0, 12), "bidder_rate_limit: it was asked 12 times this day, the most it allows");
}

#[test]
fn what_a_bid_counts() {
    let place = Place::of("+12125550147", Said::default());
    let counts =
        |settings: Value| with(settings).unwrap().value_of(Money::from_units(20), &place).to_string();
    assert_eq!(counts(json!({})), "20.00");
    assert_eq!(counts(json!({"bid_strategy": {"percent": 80}})), "16.00");
    assert_eq!(counts(json!({"bid_strategy": {"fixed": 12_500_000}})), "12.50");
    let multipliers = json!([
        {"places": {"states": ["TX"]}, "percent": 10},
        {"places": {"states": ["NY"], "zips": ["100"]}, "percent": 20},
        {"places": {"states": ["NY"]}, "percent": 150},
        {"places": {"countries": ["US"]}, "percent": 30},
    ]);
    // The ZIP code is not known, so the second one does not hold.
    assert_eq!(counts(json!({"geo_multipliers": multipliers})), "30.00");
    assert_eq!(counts(json!({"geo_multipliers": multipliers, "bid_strategy": {"percent": 50}})), "15.00");
}
