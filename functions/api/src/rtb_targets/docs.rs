//! What these operations say of themselves.

use contract::problem::Code;
use contract::query::PageQuery;
use contract::rtb_health::{AlertView, BidderHealth, Uptime, UptimeQuery};
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

/// `GET /api/rtb/health-checks`.
pub fn health_checks() -> Doc {
    let example = json!({"items": [
        {
            "rtb_target": RTB_TARGET,
            "name": "Alpine",
            "check": {"at": "2026-11-22T11:58:12Z", "up": true, "status": 405, "latency_ms": 84},
            "breaker": {"state": "closed", "failures": 0},
        },
        {
            "rtb_target": "PI019abc0de1f27a3b8c4d5e6f70819204",
            "name": "Cascade",
            "check": {"at": "2026-11-22T11:57:40Z", "up": false, "latency_ms": 5_000, "failure": "timed_out"},
            "breaker": {"state": "open", "failures": 7, "retry_at": "2026-11-22T12:00:21Z"},
        },
    ]});
    Doc::new("list_bidder_health", "Whether bidders work")
        .about(
            "Of each bidder, by name, what was seen when it was last looked at between calls (every five minutes), and \
             whether auctions ask it: after five failures in a row they do not, until one that looks gets an answer.",
        )
        .query(PageQuery::PARAMETERS)
        .answers(200, Shape::page(Shape::of::<BidderHealth>()), example)
}

/// `GET /api/rtb/targets/{id}/uptime`.
pub fn uptime() -> Doc {
    let example = json!({
        "rtb_target": RTB_TARGET,
        "hours": 24,
        "from": "2026-11-21T12:00:00Z",
        "to": "2026-11-22T12:00:00Z",
        "checks": 288,
        "up": 285,
        "up_basis_points": 9_895,
        "longest_outage_s": 600,
        "requests": {
            "asked": 1_204, "answered": 1_180, "answered_basis_points": 9_800,
            "failed": {"http_503": 3, "timed_out": 21}, "p50_ms": 140, "p95_ms": 610,
        },
    });
    Doc::new("read_bidder_uptime", "How much of the time a bidder answered")
        .about(
            "From the looks between calls, and from what auctions met, counted by the hour; both are kept for 31 days. Without any \
             look in these hours there is no telling: then `up_basis_points` and `longest_outage_s` are null.",
        )
        .of(Shape::of::<RtbTargetId>())
        .query(UptimeQuery::PARAMETERS)
        .answers(200, Shape::of::<Uptime>(), example)
}

/// `GET /api/rtb/alerts`.
pub fn alerts() -> Doc {
    let example = json!({"items": [
        {
            "rtb_target": RTB_TARGET,
            "name": "Cascade",
            "kind": "error_rate",
            "text": "14 of 20 requests failed, most often by timed_out",
            "opened_at": "2026-11-22T11:55:02Z",
            "closed_at": null,
        },
        {
            "rtb_target": "PI019abc0de1f27a3b8c4d5e6f70819204",
            "name": "Alpine",
            "kind": "latency",
            "text": "one in twenty of 310 requests took 960 ms or longer, and its time-out is 1000 ms",
            "opened_at": "2026-11-21T08:20:11Z",
            "closed_at": "2026-11-21T09:05:09Z",
        },
    ]});
    Doc::new("list_bidder_alerts", "Bidders that people were told about")
        .about(
            "Newest first; open ones, and closed ones for 90 days. An alert is opened when more of a bidder's requests fail than its setting \
             `alerts` allows, or when it answers too slowly; the account's owners and admins get one mail. It closes by itself.",
        )
        .query(PageQuery::PARAMETERS)
        .answers(200, Shape::page(Shape::of::<AlertView>()), example)
}
