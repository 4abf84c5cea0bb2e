//! What an event's function is expected to answer.

use app::ports::BidLog as _;
use aws_lambda_events::encodings::Body;
use domain::ids::AuctionId;
use serde_json::Value;

use crate::world::{Answer, TENANT, World};

/// The answer to one event.
pub enum Expected {
    /// 200 with a document that holds these pieces, in this order.
    Twiml(&'static [&'static str]),
    /// 204.
    Nothing,
    /// A problem with this status and code.
    Problem(u16, &'static str),
    /// A JSON document with this status.
    Json(u16),
    /// A batch: so many entries are kept, and these messages come again.
    Kept {
        /// Bids in the log.
        entries: usize,
        /// Message ids.
        failed: &'static [&'static str],
    },
    /// Scheduled work, done.
    Worked,
}

/// Compares an answer with what is expected of it.
pub async fn check(event: &str, world: &World, answer: &Answer, expected: &Expected) {
    match (answer, expected) {
        (Answer::Http(answer), Expected::Twiml(pieces)) => {
            assert_eq!(answer.status_code, 200, "{event}");
            assert_eq!(answer.headers["content-type"], "text/xml; charset=utf-8", "{event}");
            let document = text(answer.body.as_ref());
            let mut rest = document.as_str();
            for piece in *pieces {
                let at = rest
                    .find(piece)
                    .unwrap_or_else(|| panic!("{event}: no {piece} where expected in {document}"));
                rest = &rest[at + piece.len()..];
            }
        }
        (Answer::Http(answer), Expected::Nothing) => {
            assert_eq!((answer.status_code, text(answer.body.as_ref()).as_str()), (204, ""), "{event}");
        }
        (Answer::Http(answer), Expected::Problem(status, code)) => {
            assert_eq!(answer.status_code, i64::from(*status), "{event}");
            assert_eq!(answer.headers["content-type"], "application/problem+json", "{event}");
            let problem: Value = serde_json::from_str(&text(answer.body.as_ref())).unwrap();
            assert_eq!(
                (&problem["code"], &problem["status"]),
                (&(*code).into(), &(*status).into()),
                "{event}"
            );
        }
        (Answer::Http(answer), Expected::Json(status)) => {
            assert_eq!(answer.status_code, i64::from(*status), "{event}: {}", text(answer.body.as_ref()));
            assert_eq!(answer.headers["content-type"], "application/json", "{event}");
            let _: Value = serde_json::from_str(&text(answer.body.as_ref())).unwrap();
        }
        (Answer::Queue(answer), Expected::Kept { entries, failed }) => {
            let again: Vec<&str> =
                answer.batch_item_failures.iter().map(|failure| failure.item_identifier.as_str()).collect();
            assert_eq!(again, *failed, "{event}");
            let auction: AuctionId = "AU0190a1b2c3d57e5f8a9b0c1d2e3f4a5b".parse().unwrap();
            let kept = world.store.of_auction(TENANT.parse().unwrap(), auction).await.unwrap();
            assert_eq!(kept.len(), *entries, "{event}");
        }
        (Answer::Schedule(worked), Expected::Worked) => assert_eq!(*worked, Ok(()), "{event}"),
        _ => panic!("{event}: the answer is of another kind"),
    }
}

fn text(body: Option<&Body>) -> String {
    match body {
        Some(Body::Text(text)) => text.clone(),
        Some(Body::Binary(bytes)) => String::from_utf8(bytes.clone()).unwrap(),
        _ => String::new(),
    }
}
