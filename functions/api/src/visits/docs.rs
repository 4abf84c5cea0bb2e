//! What the operations on visits say of themselves.

use contract::query::{LiveQuery, VisitsQuery};
use contract::visits::{LiveVisitors, VisitDetail, VisitsPage};
use domain::ids::VisitId;
use serde_json::{Value, json};

use crate::doc::Doc;
use crate::shape::Shape;

const VISIT: &str = "VI019abc0de1f27a3b8c4d5e6f70819203";
const TAG: &str = "TT019abc0de1f27a3b8c4d5e6f70819203";
const MASKING: &str = "Visitors' addresses and numbers are shown whole to those with `numbers:read`; others see `203.0.*.*` and \
                       `415***0123`. Kept for 90 days.";

fn line() -> Value {
    json!({
        "id": VISIT,
        "tag": TAG,
        "campaign": "CA019abc0de1f27a3b8c4d5e6f70819203",
        "publisher": "AF019abc0de1f27a3b8c4d5e6f70819203",
        "started_at": "2026-11-22T09:58:00Z",
        "seen_at": "2026-11-22T10:00:40Z",
        "number": "+14155550123",
        "attributed": true,
        "landed_on": "https://www.example.com/plumbing?utm_source=google",
        "params": {"utm_source": "google", "utm_term": "emergency plumber", "clickid": "65f0c1d2e3"},
        "geo": {"country": "US", "region": "CA", "city": "San Francisco", "ip": "203.0.113.7"},
    })
}

/// `GET /api/visits`.
pub fn list() -> Doc {
    let example = json!({"items": [line()], "next": "eyJhdCI6eyJkYXkiOiIyMDI2LTExLTIxIn19", "searched_to": "2026-11-21"});
    Doc::new("list_visits", "List visits, newest first")
        .about(format!(
            "One request looks at a bounded number of days: a page may be short, even empty, and still have a `next`. \
             `searched_to` says how far it looked. {MASKING}"
        ))
        .query(VisitsQuery::PARAMETERS)
        .answers(200, Shape::of::<VisitsPage>(), example)
}

/// `GET /api/visits/{id}`.
pub fn detail() -> Doc {
    let mut example = line();
    let touch = json!({"url": "https://www.example.com/plumbing?utm_source=google", "at": "2026-11-22T09:58:00.000Z",
                       "referrer": "https://www.google.com/", "utm_source": "google"});
    example["first"] = touch.clone();
    example["last"] = touch;
    example["pages"] = json!([{
        "url": "https://www.example.com/plumbing?utm_source=google",
        "referrer": "https://www.google.com/",
        "at": "2026-11-22T09:58:00Z",
    }]);
    example["device"] = json!({"kind": "phone", "system": "iOS", "browser": "Safari", "language": "en-US"});
    example["calls"] = json!([]);
    Doc::new("get_visit", "Read a visit, with its calls").about(MASKING).of(Shape::of::<VisitId>()).answers(
        200,
        Shape::of::<VisitDetail>(),
        example,
    )
}

/// `GET /api/visits/live`.
pub fn live() -> Doc {
    let example = json!({
        "at": "2026-11-22T10:01:00Z",
        "items": [{
            "id": VISIT,
            "tag": TAG,
            "number": "+14155550123",
            "since": "2026-11-22T09:58:00Z",
            "until": "2026-11-22T10:05:40Z",
            "visit": line(),
        }],
        "more": false,
    });
    Doc::new("list_live_visitors", "Visitors who are shown a number now")
        .about(format!(
            "Of pools, whoever has a lease; of fixed numbers, whoever was seen within five minutes, as far as the latest 400 visits \
             of a day tell. {MASKING}"
        ))
        .query(LiveQuery::PARAMETERS)
        .answers(200, Shape::of::<LiveVisitors>(), example)
}
