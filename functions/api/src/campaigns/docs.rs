//! What the operations on a campaign's life say of themselves.

use contract::campaigns::{Duplicate, Readiness, RoutePreview, RoutePreviewQuery, VersionLine};
use contract::problem::Code;
use contract::query::PageQuery;
use contract::test_auction::{TestAuction, TestAuctionQuery};
use domain::campaign::Campaign;
use domain::ids::{CampaignId, CampaignNoun};
use domain::snapshot::Snapshot;
use domain::target::{RtbTarget, Target};
use serde_json::{Value, json};

use crate::doc::Doc;
use crate::noun_docs::{NounDoc as _, answered};
use crate::shape::Shape;

const CAMPAIGN: &str = "CA019abc0de1f27a3b8c4d5e6f70819203";

fn of_campaign(doc: Doc) -> Doc {
    doc.of(Shape::of::<CampaignId>())
}

fn shape() -> Shape {
    Shape::resource::<Campaign, CampaignNoun>()
}

/// A version in a path.
fn number() -> Shape {
    let schema = json!({"type": "integer", "minimum": 1, "examples": [3],
        "description": "Counts a campaign's publications, from 1."});
    Shape::named("CampaignVersion", schema, [])
}

/// `GET …/readiness`.
pub fn readiness() -> Doc {
    let example = json!({
        "campaign": CAMPAIGN,
        "takes_calls": false,
        "blocking": ["phone_number"],
        "checks": [
            {"code": "published", "state": "ok", "message": "version 4 is published"},
            {"code": "phone_number", "state": "missing", "message": "no phone number leads here",
             "action": "assign a phone number to the campaign"},
        ],
    });
    of_campaign(Doc::new("get_campaign_readiness", "What stands between a campaign and its next call"))
        .answers(200, Shape::of::<Readiness>(), example)
}

/// `POST …/route-preview`.
pub fn route_preview() -> Doc {
    let target =
        json!({"kind": "target", "id": "TA019abc0de1f27a3b8c4d5e6f70819203", "name": "Desk Chicago"});
    let example = json!({
        "campaign": CAMPAIGN,
        "version": 4,
        "steps": [{"does": "ask"}, {"does": "dial", "destination": target, "rings_s": 20}],
        "passed": [{
            "destination": {"kind": "target", "id": "TA019abc0de1f27a3b8c4d5e6f70819204", "name": "Desk Boston"},
            "code": "closed", "text": "closed until Mon 09:00 America/New_York",
        }],
    });
    let wanted = json!({"from": "+13125550123", "at": "2026-11-22T18:00:00Z", "state": "IL",
        "tags": {"User:zip": "60601"}});
    of_campaign(Doc::new("preview_campaign_route", "What would become of a call"))
        .about("A dry run for a caller and a time that you think up: nothing is counted, asked or dialled. Bidders are not \
            asked, so their bids are not in the list; `ask` says where their turn comes.")
        .body(Shape::of::<RoutePreviewQuery>(), wanted)
        .answers(200, Shape::of::<RoutePreview>(), example)
        .refuses(&[Code::Invalid, Code::NotReady])
}

/// `POST …/test-auction`.
pub fn test_auction() -> Doc {
    let bidder = "PI019abc0de1f27a3b8c4d5e6f70819203";
    let example = json!({
        "campaign": CAMPAIGN,
        "version": 4,
        "auction": {
            "deadline_ms": 2_000,
            "took_ms": 212,
            "currency": "USD",
            "winner": {
                "bidder": bidder, "name": "Alpine", "amount": 12_500_000, "destination": "+12025550123",
                "to_confirm": false,
            },
            "bidders": [
                {
                    "bidder": bidder,
                    "name": "Alpine",
                    "asked": true,
                    "verdict": {"code": "won", "text": "the best valid bid"},
                    "rank": 1,
                    "amount": 12_500_000,
                    "counts": 12_500_000,
                    "latency_ms": 187,
                    "destination": "202***0123",
                    "request": {
                        "method": "POST",
                        "url": "https://bids.example.com/ping",
                        "headers": [["content-type", "application/json"], ["Authorization", "***"]],
                        "body": "{\"state\": \"IL\"}",
                    },
                    "status": 200,
                    "answer": "{\"accepted\": true, \"bidAmount\": 12.5, \"phoneNumber\": \"202***0123\"}",
                },
                {
                    "bidder": "PI019abc0de1f27a3b8c4d5e6f70819204",
                    "name": "Cascade",
                    "asked": false,
                    "verdict": {"code": "paused", "text": "not asked: paused"},
                },
            ],
        },
        "steps": [{
            "does": "dial",
            "destinations": [{"kind": "rtb_target", "id": bidder, "name": "Alpine"}],
            "rings_s": 20,
        }],
        "passed": [],
        "not_done": ["the winner was not asked to confirm its bid: that would promise it the call"],
    });
    let wanted = json!({
        "call": {"from": "+13125550123", "state": "IL", "tags": {"User:zip": "60601"}},
        "deadline_ms": 2_000,
    });
    of_campaign(Doc::new("test_campaign_auction", "Ask bidders without a call"))
        .about(
            "The bidders of one auction are really asked, for a caller that you think up and as they would be on a call, \
             and everybody is heard to the end or to the deadline. The answer shows what each was sent and answered, who \
             would win, and what would be dialled. Nothing is spent; what a call does besides is in `not_done`. It can \
             take five seconds.",
        )
        .body(Shape::of::<TestAuctionQuery>(), wanted)
        .answers(200, Shape::of::<TestAuction>(), example)
        .refuses(&[Code::Invalid, Code::NotReady])
}

/// `POST …/pause`.
pub fn pause() -> Doc {
    let mut paused = answered::<Campaign>();
    paused["status"] = json!("paused");
    of_campaign(Doc::new("pause_campaign", "Pause a campaign"))
        .about("Effective with the next call. Pausing what is paused changes nothing.")
        .answers(200, shape(), paused)
        .refuses(&[Code::Archived, Code::Invalid, Code::VersionConflict])
}

/// `POST …/activate`.
pub fn activate() -> Doc {
    of_campaign(Doc::new("activate_campaign", "Activate a campaign"))
        .about("Effective with the next call. Refused while no call could be placed; `fields` says what is missing.")
        .answers(200, shape(), answered::<Campaign>())
        .refuses(&[Code::Archived, Code::Invalid, Code::NotReady, Code::VersionConflict])
}

/// `POST …/duplicate`.
pub fn duplicate() -> Doc {
    let mut copy = answered::<Campaign>();
    (copy["name"], copy["status"]) = (json!("Roofing, Ohio"), json!("draft"));
    of_campaign(Doc::new("duplicate_campaign", "Copy a campaign"))
        .about("The copy is a draft. Phone numbers stay with the original.")
        .body(Shape::of::<Duplicate>(), json!({"name": "Roofing, Ohio"}))
        .answers(201, shape(), copy)
        .located()
        .refuses(&[Code::Taken, Code::LimitReached, Code::VersionConflict])
}

/// `GET …/versions`.
pub fn versions() -> Doc {
    let line = json!({
        "version": 4,
        "published_at": "2026-11-22T12:00:00Z",
        "by": {"kind": "user", "id": "US019abc0de1f27a3b8c4d5e6f70819203"},
        "cause": "published",
        "sha256": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        "current": true,
    });
    of_campaign(Doc::new("list_campaign_versions", "What was published, newest first"))
        .query(PageQuery::PARAMETERS)
        .answers(200, Shape::page(Shape::of::<VersionLine>()), json!({"items": [line]}))
}

fn snapshot() -> Value {
    // Read and written by the types, so that defaults are filled in.
    let campaign: Option<Campaign> = serde_json::from_value(Campaign::example()).ok();
    let target: Option<Target> = serde_json::from_value(Target::example()).ok();
    let bidder: Option<RtbTarget> = serde_json::from_value(RtbTarget::example()).ok();
    let mut bidder = serde_json::to_value(bidder).unwrap_or_default();
    bidder["headers"] = json!([["X-Partner", "***"]]);
    json!({
        "campaign_id": CAMPAIGN,
        "version": 4,
        "published_at": "2026-11-22T12:00:00Z",
        "campaign": campaign,
        "targets": {"TA019abc0de1f27a3b8c4d5e6f70819203": target},
        "rtb_targets": {"PI019abc0de1f27a3b8c4d5e6f70819203": bidder},
        "target_groups": {},
    })
}

/// `GET …/versions/{version}`.
pub fn version() -> Doc {
    of_campaign(Doc::new("get_campaign_version", "Read what was published"))
        .about("The campaign and everything it sends calls to, as they were. Values of bidders' headers are `***`.")
        .segment("version", number())
        .answers(200, Shape::of::<Snapshot>(), snapshot())
}

/// `POST …/versions/{version}/restore`.
pub fn restore() -> Doc {
    of_campaign(Doc::new("restore_campaign_version", "Set a campaign up as it was published"))
        .about("Only the campaign itself, and only what is set up: publish it to let calls run on it.")
        .segment("version", number())
        .answers(200, shape(), answered::<Campaign>())
        .refuses(&[Code::Archived, Code::Invalid, Code::Taken, Code::VersionConflict])
}
