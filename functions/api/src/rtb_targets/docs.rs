//! What these operations say of themselves.

use contract::problem::Code;
use contract::rtb_targets::{Profiles, RtbPreview, RtbPreviewQuery};
use domain::ids::RtbTargetId;
use domain::rtb_target::profiles;
use serde_json::json;

use crate::doc::Doc;
use crate::shape::Shape;

const RTB_TARGET: &str = "PI019abc0de1f27a3b8c4d5e6f70819203";

/// `GET …/profiles`.
pub fn all_profiles() -> Doc {
    let example = json!({"items": [profiles::find("generic_json")]});
    Doc::new("list_rtb_profiles", "Ready-made settings for bidders")
        .about("For the platforms that bidders use. A profile fills a form: what stands in capitals is left to fill in, and \
            what is saved are the settings, not the profile.")
        .answers(200, Shape::of::<Profiles>(), example)
}

/// `POST …/preview`.
pub fn preview() -> Doc {
    let wanted = json!({
        "call": {"from": "+13125550123", "at": "2026-11-22T18:00:00Z", "state": "IL", "tags": {"User:zip": "60601"}},
        "answer": {"status": 200, "body": "{\"accepted\": true, \"bidAmount\": 12.5, \"phoneNumber\": \"+12025550123\"}"},
    });
    let example = json!({
        "rtb_target": RTB_TARGET,
        "request": {
            "method": "POST",
            "url": "https://bids.example.com/ping",
            "headers": [["content-type", "application/json"], ["Authorization", "***"]],
            "body": "{\"state\": \"IL\"}",
        },
        "unresolved": [],
        "answer": {
            "verdict": "bid",
            "amount": 12_500_000,
            "counts": 12_500_000,
            "destination": {"number": "+12025550123"},
            "format": "json",
            "tree": {"accepted": true, "bidAmount": 12.5, "phoneNumber": "+12025550123"},
            "found": [{"field": "acceptance", "source": "$.accepted", "value": "true"}],
        },
    });
    Doc::new("preview_rtb_target", "What a bidder would be sent")
        .about("The exact request for a call that you think up, secrets hidden, with the tokens that stay empty; and what an \
            answer that you paste would mean. Nothing is sent.")
        .of(Shape::of::<RtbTargetId>())
        .body(Shape::of::<RtbPreviewQuery>(), wanted)
        .answers(200, Shape::of::<RtbPreview>(), example)
        .refuses(&[Code::Invalid])
}
