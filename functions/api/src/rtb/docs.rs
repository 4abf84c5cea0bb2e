//! What these operations say of themselves.

use contract::problem::Code;
use contract::rtb::{PingsPage, PingsQuery, RtbUrl, RtbUrlBody, RtbUrls};
use domain::ids::CampaignId;
use serde_json::{Value, json};

use crate::doc::Doc;
use crate::shape::Shape;

const PUBLISHER: &str = "AF019abc0de1f27a3b8c4d5e6f70819203";

fn url() -> Value {
    let at = |environment: &str| {
        format!("https://calls.example.com/v1/{environment}/0123456789abcdef0123456789abcdef.json")
    };
    json!({
        "publisher": PUBLISHER,
        "issued_at": "2026-11-22T12:00:00Z",
        "production": at("production"),
        "test": at("test"),
        "sandbox": at("sandbox"),
        "secret": "fedcba9876543210fedcba9876543210",
    })
}

/// `GET /api/campaigns/{id}/rtb-urls`.
pub fn list() -> Doc {
    Doc::new("list_rtb_urls", "Where a campaign's publishers ping")
        .about(
            "For GET and POST, parameters in the query, a form, JSON or XML. Whoever knows an address can ask for bids. A \
             publisher has one after it was made for it.",
        )
        .of(Shape::of::<CampaignId>())
        .answers(200, Shape::of::<RtbUrls>(), json!({"items": [url()]}))
}

/// `POST /api/campaigns/{id}/rtb-urls`.
pub fn issue() -> Doc {
    Doc::new("issue_rtb_url", "Make an address at which a publisher pings")
        .about("A publisher that has one gets another; the one before leads nowhere from then on, and its secret is void.")
        .of(Shape::of::<CampaignId>())
        .body(Shape::of::<RtbUrlBody>(), json!({"publisher": PUBLISHER}))
        .answers(201, Shape::of::<RtbUrl>(), url())
        .refuses(&[Code::VersionConflict])
}

/// `GET /api/pings`.
pub fn pings() -> Doc {
    let ping = json!({
        "id": "RTB019abc0de1f27a3b8c4d5e6f70819203",
        "at": "2026-11-22T12:00:00Z",
        "campaign": "CA019abc0de1f27a3b8c4d5e6f70819203",
        "publisher": PUBLISHER,
        "environment": "production",
        "caller": "415***0100",
        "parameters": ["cid", "zipcode"],
        "amount": null,
        "currency": "USD",
        "cached": false,
        "rejected": {"code": 1003, "reason": "no_capacity", "why": "closed until Mon 09:00 America/New_York"},
        "elapsed_ms": 34,
    });
    Doc::new("list_pings", "Pings of a day, and what they were answered")
        .about(
            "Newest first, of a campaign or a publisher; kept for 30 days. A publisher's people see their own, without the \
             words of a refusal.",
        )
        .query(PingsQuery::PARAMETERS)
        .answers(200, Shape::of::<PingsPage>(), json!({"items": [ping]}))
        .refuses(&[Code::NotFound])
}
