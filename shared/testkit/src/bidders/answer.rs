//! The answers of the simulated bidders.

use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::{HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use futures::stream;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Number, Value, json};

use super::counts::UnderWay;
use super::{Scenario, Wishes};

const NUMBER: &str = "+12025550123";
const JSON: &str = "application/json";
/// What the `huge` bidder sends.
const HUGE_BYTES: u64 = 1 << 30;
const HUGE_PIECE: usize = 64 * 1024;
/// Where the `redirect` bidder sends its client: an address from which secrets could be read in a cloud.
const FORBIDDEN: &str = "http://169.254.169.254/latest/meta-data/";
/// How long a bid with an end is good, and how long ago the expired one ended.
const GOOD_FOR: SignedDuration = SignedDuration::from_secs(39);
const ENDED_AGO: SignedDuration = SignedDuration::from_secs(-60);

/// Answers the `number`th request of a bidder.
pub(super) async fn write(
    scenario: Scenario,
    wishes: &Wishes,
    method: &Method,
    number: u64,
    under_way: UnderWay,
) -> Response {
    match scenario {
        Scenario::Hang => {
            let _until_the_client_leaves = under_way;
            std::future::pending().await
        }
        Scenario::Redirect => (StatusCode::FOUND, [(header::LOCATION, FORBIDDEN)]).into_response(),
        Scenario::Empty => StatusCode::NO_CONTENT.into_response(),
        Scenario::Error => {
            whole(StatusCode::INTERNAL_SERVER_ERROR, "{\"error\":\"out of order\"}", &under_way)
        }
        Scenario::Flaky if number % 2 == 1 => {
            whole(StatusCode::SERVICE_UNAVAILABLE, "{\"error\":\"try again\"}", &under_way)
        }
        // Nobody reads a body after HEAD.
        _ if method == Method::HEAD => StatusCode::OK.into_response(),
        Scenario::Malformed => {
            let good = bid(wishes, "12.00", true, false).to_string();
            whole(StatusCode::OK, good.get(..good.len() / 2).unwrap_or_default().to_owned(), &under_way)
        }
        Scenario::Garbage => {
            let bytes: Vec<u8> = (0..=u8::MAX).rev().cycle().take(600).collect();
            whole(StatusCode::OK, bytes, &under_way)
        }
        Scenario::Huge => huge(under_way),
        Scenario::Drip => drip(bid(wishes, "50.00", true, false).to_string(), under_way),
        _ => whole(StatusCode::OK, document(scenario, wishes).to_string(), &under_way),
    }
}

/// The JSON of those that answer with some.
fn document(scenario: Scenario, wishes: &Wishes) -> Value {
    match scenario {
        Scenario::AcceptSip => bid(wishes, "7.25", false, true),
        Scenario::AcceptWithExpiration => with_end(bid(wishes, "4.20", true, true), GOOD_FOR, &[]),
        Scenario::Cached => {
            let warning = json!({
                "code": 230,
                "description": "A bid for the same request is still open; this is that bid.",
            });
            with_end(bid(wishes, "4.20", true, true), GOOD_FOR, &[warning])
        }
        Scenario::Expired => with_end(bid(wishes, "25.00", true, false), ENDED_AGO, &[]),
        Scenario::Reject => json!({
            "bidId": bid_id(),
            "accepted": false,
            "bidAmount": 0,
            "rejectReason": "No capacity (Code: 1003)",
        }),
        Scenario::InvalidNumber => {
            let mut bid = bid(wishes, "30.00", true, false);
            bid["phoneNumber"] = json!("+1202555");
            bid["phoneNumberNoPlus"] = json!("1202555");
            bid["destinationNumber"] = json!("+1202555");
            bid
        }
        _ => bid(wishes, "5.50", true, false),
    }
}

fn bid(wishes: &Wishes, usual_amount: &str, with_number: bool, with_sip: bool) -> Value {
    let amount = wishes.amount.as_deref().unwrap_or(usual_amount);
    // Kept as written; what is no number becomes a text, as careless bidders send it.
    let amount = serde_json::from_str::<Number>(amount).map_or_else(|_| json!(amount), Value::Number);
    let id = bid_id();
    let mut bid = Map::new();
    bid.insert("bidId".to_owned(), json!(id));
    bid.insert("accepted".to_owned(), json!(true));
    bid.insert("bidAmount".to_owned(), amount);
    bid.insert("bidCurrency".to_owned(), json!("USD"));
    if with_number {
        let number = wishes.number.as_deref().unwrap_or(NUMBER);
        bid.insert("phoneNumber".to_owned(), json!(number));
        bid.insert("phoneNumberNoPlus".to_owned(), json!(number.trim_start_matches('+')));
        bid.insert("destinationNumber".to_owned(), json!(number));
    }
    if with_sip {
        bid.insert("sipAddress".to_owned(), json!(format!("{id}@sip.bidder.example.com")));
    }
    if let Some(seconds) = wishes.min_duration {
        bid.insert("requiredDuration".to_owned(), json!(seconds));
        bid.insert("bidTerms".to_owned(), json!([{ "code": 100, "callMinDuration": seconds }]));
    }
    Value::Object(bid)
}

/// Adds the three ways in which bidders say until when a bid is good.
fn with_end(mut bid: Value, left: SignedDuration, warnings: &[Value]) -> Value {
    #[expect(clippy::disallowed_methods, reason = "a bidder has a clock of its own")]
    let now = Timestamp::now();
    let end = now.checked_add(left).unwrap_or(now);
    bid["expireInSeconds"] = json!(left.as_secs().max(0));
    bid["bidExpireEpoch"] = json!(end.as_millisecond());
    bid["bidExpireDT"] = json!(end.strftime("%-m/%-d/%Y %-I:%M:%S %p +00:00").to_string());
    bid["warnings"] = json!(warnings);
    bid
}

fn bid_id() -> String {
    format!("RTB{:032x}", rand::random::<u128>())
}

fn whole(status: StatusCode, body: impl Into<Bytes>, under_way: &UnderWay) -> Response {
    let body = body.into();
    under_way.wrote(body.len());
    (status, [(header::CONTENT_TYPE, HeaderValue::from_static(JSON))], body).into_response()
}

/// A gigabyte of a JSON text that never ends; counted as the connection takes it.
fn huge(under_way: UnderWay) -> Response {
    let piece = Bytes::from(vec![b'9'; HUGE_PIECE]);
    let pieces = stream::unfold((under_way, 0_u64), move |(under_way, sent)| {
        let piece = piece.clone();
        async move {
            if sent >= HUGE_BYTES {
                return None;
            }
            let next =
                if sent == 0 { Bytes::from_static(b"{\"accepted\":true,\"bidAmount\":\"") } else { piece };
            under_way.wrote(next.len());
            let sent = sent + u64::try_from(next.len()).unwrap_or(u64::MAX);
            Some((Ok::<_, std::convert::Infallible>(next), (under_way, sent)))
        }
    });
    streamed(Body::from_stream(pieces))
}

/// One byte a second.
fn drip(text: String, under_way: UnderWay) -> Response {
    let bytes = text.into_bytes().into_iter();
    let pieces = stream::unfold((under_way, bytes), |(under_way, mut bytes)| async move {
        let byte = bytes.next()?;
        tokio::time::sleep(Duration::from_secs(1)).await;
        under_way.wrote(1);
        Some((Ok::<_, std::convert::Infallible>(Bytes::from(vec![byte])), (under_way, bytes)))
    });
    streamed(Body::from_stream(pieces))
}

fn streamed(body: Body) -> Response {
    ([(header::CONTENT_TYPE, HeaderValue::from_static(JSON))], body).into_response()
}
