//! What became of a call.

use std::time::{Duration, Instant};

use std::sync::Arc;

use app::ports::{AccountStanding, PortError, Telephony as _};
use app::secret::Secret;
use axum::http::Method;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use domain::call::CallStatus;
use domain::ids::CallSid;
use serde_json::{Value, json};
use twilio::rest::{Pace, RestClient, RestError};
use twilio::telephony::TwilioTelephony;

use crate::server::{
    ACCOUNT, Answer, Checked, OneToken, PACE, client, client_with, credentials, error_json, serve,
};

const CALL: &str = "CA00000000000000000000000000000001";
const CHILD: &str = "CA00000000000000000000000000000002";

fn call_json(sid: &str, parent: Option<&str>) -> Value {
    json!({
        "sid": sid, "account_sid": ACCOUNT, "parent_call_sid": parent, "annotation": null,
        "answered_by": null, "api_version": "2010-04-01", "caller_name": null,
        "date_created": "Tue, 01 Nov 2016 01:58:00 +0000", "date_updated": null, "direction": "outbound-dial",
        "duration": "95", "end_time": "Tue, 01 Nov 2016 01:59:48 +0000", "forwarded_from": null,
        "from": "+14155550100", "from_formatted": "(415) 555-0100", "group_sid": null,
        "phone_number_sid": "", "price": "-0.00750", "price_unit": "USD",
        "start_time": "Tue, 01 Nov 2016 01:58:13 +0000", "status": "completed",
        "subresource_uris": {"recordings": "/x"}, "to": "+18005551212", "to_formatted": "(800) 555-1212",
        "trunk_sid": null, "uri": "/2010-04-01/x", "queue_time": "0"
    })
}

#[tokio::test]
async fn a_call_is_fetched_with_basic_authentication() -> Checked {
    let (script, client) = client(vec![Answer::Json(200, call_json(CHILD, Some(CALL)))]).await?;
    let call = client.fetch_call(&credentials()?, &CHILD.parse()?).await?;
    assert_eq!(call.call_sid.as_str(), CHILD);
    assert_eq!(call.parent_call_sid.as_ref().map(CallSid::as_str), Some(CALL));
    assert_eq!((call.status, call.duration_s), (CallStatus::Completed, Some(95)));
    assert_eq!(call.start_time, Some("2016-11-01T01:58:13Z".parse()?));
    assert_eq!(call.end_time, Some("2016-11-01T01:59:48Z".parse()?));
    assert_eq!((call.from.as_str(), call.to.as_str()), ("+14155550100", "+18005551212"));
    let seen = script.seen(0).ok_or("no request")?;
    assert_eq!(seen.method, Method::GET);
    assert_eq!(seen.uri, format!("/2010-04-01/Accounts/{ACCOUNT}/Calls/{CHILD}.json"));
    assert_eq!(seen.authorization, "Basic QUMwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDp0b3Atc2VjcmV0");
    Ok(())
}

#[tokio::test]
async fn a_call_that_has_not_ended_lacks_what_comes_at_the_end() -> Checked {
    let mut json = call_json(CALL, None);
    json["status"] = "in-progress".into();
    json["end_time"] = Value::Null;
    for duration in [Value::Null, "".into()] {
        json["duration"] = duration;
        let (_, client) = client(vec![Answer::Json(200, json.clone())]).await?;
        let call = client.fetch_call(&credentials()?, &CALL.parse()?).await?;
        assert_eq!((call.parent_call_sid, call.status), (None, CallStatus::InProgress));
        assert_eq!((call.duration_s, call.end_time), (None, None));
    }
    Ok(())
}

#[tokio::test]
async fn an_unknown_call_is_said_at_once() -> Checked {
    let (script, client) = client(vec![error_json(404, 20404)]).await?;
    let error = client.fetch_call(&credentials()?, &CALL.parse()?).await.err().ok_or("found")?;
    assert!(error.is_not_found() && !error.is_passing(), "{error}");
    assert_eq!(script.requests(), 1);
    Ok(())
}

#[tokio::test]
async fn passing_trouble_is_tried_again() -> Checked {
    let good = Answer::Json(200, call_json(CALL, None));
    let trouble = [
        error_json(429, 20429),
        Answer::Text(503, "<html>busy</html>".to_owned()),
        Answer::Silence,
        Answer::After(429, "0"),
        Answer::After(500, "tomorrow"),
    ];
    let (script, client) = client([trouble.to_vec(), vec![good]].concat()).await?;
    client.fetch_call(&credentials()?, &CALL.parse()?).await?;
    assert_eq!(script.requests(), 6);
    Ok(())
}

#[tokio::test]
async fn trouble_that_lasts_ends_at_the_deadline_with_its_reason() -> Checked {
    let pace = Pace { deadline: Duration::from_millis(600), ..PACE };
    let (script, client) = client_with(vec![Answer::Text(503, String::new())], pace).await?;
    let began = Instant::now();
    let error = client.fetch_call(&credentials()?, &CALL.parse()?).await.err().ok_or("found")?;
    assert!(began.elapsed() < Duration::from_secs(5));
    assert!(matches!(&error, RestError::Refused { refusal, .. } if refusal.status == 503), "{error}");
    assert!(script.requests() > 1);
    Ok(())
}

#[tokio::test]
async fn a_pause_beyond_the_deadline_is_not_waited_for() -> Checked {
    let (script, client) = client(vec![Answer::After(429, "60")]).await?;
    let began = Instant::now();
    let error = client.fetch_call(&credentials()?, &CALL.parse()?).await.err().ok_or("found")?;
    assert!(error.is_passing() && began.elapsed() < Duration::from_secs(5));
    assert_eq!(script.requests(), 1);
    Ok(())
}

#[tokio::test]
async fn a_server_that_never_answers_is_given_up() -> Checked {
    let pace = Pace { deadline: Duration::from_millis(600), attempt: Duration::from_millis(200), ..PACE };
    let (_, client) = client_with(vec![Answer::Silence], pace).await?;
    let began = Instant::now();
    let error = client.fetch_call(&credentials()?, &CALL.parse()?).await.err().ok_or("found")?;
    assert!(matches!(error, RestError::Transport { .. }), "{error}");
    assert!(began.elapsed() < Duration::from_secs(5));
    Ok(())
}

#[tokio::test]
async fn the_legs_of_a_call_are_read_page_by_page() -> Checked {
    let next = format!(
        "/2010-04-01/Accounts/{ACCOUNT}/Calls.json?ParentCallSid={CALL}&PageSize=100&Page=1&PageToken=PA1"
    );
    let third = CHILD.replace("02", "03");
    let (script, client) = client(vec![
        Answer::Json(200, json!({"calls": [call_json(CHILD, Some(CALL))], "page": 0, "next_page_uri": next})),
        error_json(429, 20429),
        Answer::Json(
            200,
            json!({"calls": [call_json(&third, Some(CALL))], "page": 1, "next_page_uri": null}),
        ),
    ])
    .await?;
    let legs = client.child_calls(&credentials()?, &CALL.parse()?).await?;
    assert_eq!(legs.iter().map(|leg| leg.call_sid.as_str()).collect::<Vec<_>>(), [CHILD, third.as_str()]);
    assert_eq!(script.requests(), 3);
    let last = script.seen(2).ok_or("no request")?;
    assert_eq!(last.uri, next);
    let first = script.seen(0).ok_or("no request")?;
    assert_eq!(
        first.uri,
        format!("/2010-04-01/Accounts/{ACCOUNT}/Calls.json?ParentCallSid={CALL}&PageSize=100")
    );
    Ok(())
}

#[tokio::test]
async fn credentials_follow_no_foreign_page_and_no_redirect() -> Checked {
    let (foreign, foreign_base) = serve(vec![Answer::Json(200, json!({"calls": []}))]).await?;
    let host = foreign_base.trim_start_matches("http:");
    let other_account = "/2010-04-01/Accounts/AC11111111111111111111111111111111/Calls.json";
    let climbing = format!("/2010-04-01/Accounts/{ACCOUNT}/../x");
    for next in [foreign_base.as_str(), host, "@127.0.0.1/x", other_account, climbing.as_str()] {
        let page = json!({"calls": [], "next_page_uri": next});
        let (script, client) = client(vec![Answer::Json(200, page)]).await?;
        let error = client.child_calls(&credentials()?, &CALL.parse()?).await.err().ok_or("followed")?;
        assert!(matches!(error, RestError::Field { field: "next_page_uri", .. }), "{next}");
        assert_eq!(script.requests(), 1);
    }
    let (_, client) = client(vec![Answer::RedirectTo(foreign_base)]).await?;
    let error = client.fetch_call(&credentials()?, &CALL.parse()?).await.err().ok_or("followed")?;
    assert!(matches!(&error, RestError::Refused { refusal, .. } if refusal.status == 302), "{error}");
    assert_eq!(foreign.requests(), 0);
    Ok(())
}

#[tokio::test]
async fn pages_without_end_are_given_up() -> Checked {
    let next = format!("/2010-04-01/Accounts/{ACCOUNT}/Calls.json?Page=1");
    let (script, client) =
        client(vec![Answer::Json(200, json!({"calls": [], "next_page_uri": next}))]).await?;
    let error = client.child_calls(&credentials()?, &CALL.parse()?).await.err().ok_or("ended")?;
    assert!(matches!(error, RestError::TooLarge { .. }), "{error}");
    assert_eq!(script.requests(), 20);
    Ok(())
}

#[tokio::test]
async fn a_recording_is_removed_and_one_that_is_gone_is_said_to_be() -> Checked {
    let gone = Answer::Text(204, String::new());
    let (script, client) = client(vec![error_json(429, 20429), gone, error_json(404, 20404)]).await?;
    let recording = format!("RE{:032x}", 7);
    client.delete_recording(&credentials()?, &recording).await?;
    let error = client.delete_recording(&credentials()?, &recording).await.err().ok_or("removed twice")?;
    assert!(error.is_not_found(), "{error}");
    for strange in
        ["", "RE1", "RE../../Calls/00000000000000000000000000", "CA00000000000000000000000000000001"]
    {
        assert!(client.delete_recording(&credentials()?, strange).await.is_err());
    }
    assert_eq!(script.requests(), 3);
    let seen = script.seen(0).ok_or("nothing arrived")?;
    assert_eq!(seen.method, Method::DELETE);
    assert_eq!(seen.uri, format!("/2010-04-01/Accounts/{ACCOUNT}/Recordings/{recording}.json"));
    Ok(())
}

#[tokio::test]
async fn answers_in_an_unknown_form_are_refused() -> Checked {
    let mut unknown_status = call_json(CALL, None);
    unknown_status["status"] = "+14155550100".into();
    let mut bad_date = call_json(CALL, None);
    bad_date["end_time"] = "yesterday".into();
    let mut bad_duration = call_json(CALL, None);
    bad_duration["duration"] = "long".into();
    for (json, wanted) in [(unknown_status, "status"), (bad_date, "end_time"), (bad_duration, "duration")] {
        let (script, client) = client(vec![Answer::Json(200, json)]).await?;
        let error = client.fetch_call(&credentials()?, &CALL.parse()?).await.err().ok_or("accepted")?;
        assert!(matches!(error, RestError::Field { field, .. } if field == wanted), "{error}");
        assert!(!error.to_string().contains("4155550100"));
        assert_eq!(script.requests(), 1);
    }
    let (_, not_json) = client(vec![Answer::Text(200, "<html>".to_owned())]).await?;
    let error = not_json.fetch_call(&credentials()?, &CALL.parse()?).await.err().ok_or("accepted")?;
    assert!(matches!(error, RestError::Form { .. }), "{error}");

    let (_, endless) = client(vec![Answer::Text(200, " ".repeat(2_000_000))]).await?;
    let error = endless.fetch_call(&credentials()?, &CALL.parse()?).await.err().ok_or("accepted")?;
    assert!(matches!(error, RestError::TooLarge { .. }), "{error}");
    Ok(())
}

#[tokio::test]
async fn debug_output_shows_no_token_and_no_number() -> Checked {
    assert!(!format!("{:?}", credentials()?).contains("top-secret"));
    let (_, client) = client(vec![Answer::Json(200, call_json(CALL, None))]).await?;
    let call = client.fetch_call(&credentials()?, &CALL.parse()?).await?;
    assert!(!format!("{call:?}").contains("4155550100"));

    let nobody = RestClient::new("http://127.0.0.1:9", Pace { deadline: Duration::from_millis(50), ..PACE })?;
    let error =
        nobody.find_number(&credentials()?, &"+14155550100".parse()?).await.err().ok_or("answered")?;
    let shown = format!("{error} {error:?}");
    assert!(!shown.contains("4155550100") && !shown.contains("top-secret"), "{shown}");
    Ok(())
}

#[test]
fn a_base_that_is_no_address_is_refused() {
    for base in ["", "api.twilio.com", "ftp://x", "https://", "https://x?y", "https://user@x"] {
        assert!(matches!(RestClient::new(base, Pace::default()), Err(RestError::Base)), "{base}");
    }
}

#[tokio::test]
async fn the_port_tells_calls_and_says_nothing_of_unknown_ones() -> Checked {
    let (_, client) = client(vec![
        Answer::Json(200, call_json(CHILD, Some(CALL))),
        error_json(404, 20404),
        Answer::Json(200, json!({"calls": [call_json(CHILD, Some(CALL))], "next_page_uri": ""})),
        error_json(401, 20003),
    ])
    .await?;
    let account = ACCOUNT.parse()?;
    let port = TwilioTelephony::new(client, Arc::new(OneToken));
    let call = port.call(&account, &CHILD.parse()?).await?.ok_or("unknown")?;
    assert_eq!((call.sid.as_str(), call.status, call.duration_s), (CHILD, CallStatus::Completed, Some(95)));
    assert_eq!(call.to, "+18005551212");
    assert_eq!(call.ended_at, Some("2016-11-01T01:59:48Z".parse()?));
    assert_eq!(port.call(&account, &CALL.parse()?).await?, None);
    assert_eq!(port.children(&account, &CALL.parse()?).await?, [call]);
    let refused = port.call(&account, &CALL.parse()?).await;
    assert!(matches!(refused, Err(PortError::Failed { .. })), "{refused:?}");
    Ok(())
}

#[tokio::test]
async fn the_port_knows_throttling_and_asks_nothing_for_a_foreign_account() -> Checked {
    let (script, client) = client(vec![Answer::After(429, "60")]).await?;
    let port = TwilioTelephony::new(client, Arc::new(OneToken));
    let busy = port.call(&ACCOUNT.parse()?, &CALL.parse()?).await;
    assert!(matches!(busy, Err(PortError::Busy { .. })), "{busy:?}");
    let foreign = "AC11111111111111111111111111111111".parse()?;
    assert!(matches!(port.call(&foreign, &CALL.parse()?).await, Err(PortError::Failed { .. })));
    assert_eq!(script.requests(), 1);
    Ok(())
}

fn account_json(status: &str) -> Value {
    json!({"sid": ACCOUNT, "friendly_name": "Roofing calls", "status": status, "auth_token": "top-secret"})
}

#[tokio::test]
async fn the_port_says_how_an_account_stands_with_the_token_that_was_given() -> Checked {
    let active = AccountStanding::Active { name: "Roofing calls".to_owned() };
    let cases = [
        (Answer::Json(200, account_json("active")), active),
        (Answer::Json(200, account_json("suspended")), AccountStanding::Suspended),
        (Answer::Json(200, account_json("closed")), AccountStanding::Closed),
        (error_json(401, 20003), AccountStanding::WrongToken),
        (error_json(401, 20005), AccountStanding::Suspended),
        (error_json(404, 20404), AccountStanding::WrongToken),
        (Answer::Text(401, "no JSON".to_owned()), AccountStanding::WrongToken),
    ];
    let (answers, expected): (Vec<_>, Vec<_>) = cases.into_iter().unzip();
    let (script, client) = client(answers).await?;
    let port = TwilioTelephony::new(client, Arc::new(OneToken));
    for standing in expected {
        assert_eq!(port.check_account(&ACCOUNT.parse()?, &Secret::new("new-token")).await?, standing);
    }
    let seen = script.seen(0).ok_or("no request")?;
    assert_eq!(
        (seen.method, seen.uri.as_str()),
        (Method::GET, &*format!("/2010-04-01/Accounts/{ACCOUNT}.json"))
    );
    let expected = STANDARD.encode(format!("{ACCOUNT}:new-token"));
    assert_eq!(seen.authorization, format!("Basic {expected}"));
    Ok(())
}

#[tokio::test]
async fn an_account_whose_standing_is_not_said_is_an_error_and_not_a_refusal() -> Checked {
    let other =
        json!({"sid": "AC11111111111111111111111111111111", "friendly_name": "x", "status": "active"});
    for (answer, away) in [
        (Answer::Json(200, account_json("dormant")), false),
        (Answer::Json(200, other), false),
        (Answer::Text(403, String::new()), false),
        (Answer::Text(500, String::new()), true),
        (Answer::Silence, true),
    ] {
        let (_, client) = client(vec![answer]).await?;
        let port = TwilioTelephony::new(client, Arc::new(OneToken));
        let answer = port.check_account(&ACCOUNT.parse()?, &Secret::new("new-token")).await;
        match (&answer, away) {
            (Err(PortError::Away { .. }), true) | (Err(PortError::Failed { .. }), false) => {}
            _ => panic!("away: {away}, but {answer:?}"),
        }
        assert!(!format!("{answer:?}").contains("new-token"));
    }
    let (_, client) = client(vec![Answer::After(429, "60")]).await?;
    let port = TwilioTelephony::new(client, Arc::new(OneToken));
    let busy = port.check_account(&ACCOUNT.parse()?, &Secret::new("new-token")).await;
    assert!(matches!(busy, Err(PortError::Busy { .. })), "{busy:?}");
    Ok(())
}
