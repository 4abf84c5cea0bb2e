//! What the operations on calls say of themselves: one call, told from all sides.

use contract::calls::{AuctionView, CallDetail, CallsPage, EventView, LedgerView, StepDecisions};
use contract::query::CallsQuery;
use domain::ids::CallId;
use serde_json::{Value, json};

use crate::doc::Doc;
use crate::shape::Shape;

const CALL: &str = "RGB000000000000000000000000000000f1";
const CAMPAIGN: &str = "CA019abc0de1f27a3b8c4d5e6f70819203";
const NUMBER: &str = "PN019abc0de1f27a3b8c4d5e6f70819203";
const PUBLISHER: &str = "AF019abc0de1f27a3b8c4d5e6f70819203";
const BIDDER: &str = "PI019abc0de1f27a3b8c4d5e6f70819203";
const MASKING: &str =
    "Phone numbers of callers are shown whole to those with `numbers:read`; others see `415***0123`.";

fn line() -> Value {
    json!({
        "id": CALL,
        "campaign": CAMPAIGN,
        "number": NUMBER,
        "to": "+18335550100",
        "from": "+14155550123",
        "from_state": "CA",
        "from_zip": "94105",
        "attribution": "lease",
        "visit": "VI019abc0de1f27a3b8c4d5e6f70819203",
        "tag": "TT019abc0de1f27a3b8c4d5e6f70819203",
        "publisher": PUBLISHER,
        "started_at": "2026-11-22T10:00:00Z",
        "currency": "USD",
        "closing": {
            "ended_at": "2026-11-22T10:02:10Z",
            "status": "completed",
            "total_s": 130,
            "connected": true,
            "connected_s": 95,
            "converted": true,
            "destination_name": "Good bidder",
            "revenue": 38_500_000,
            "payout": 20_000_000,
            "profit": 18_500_000,
        },
    })
}

fn destination() -> Value {
    json!({"kind": "rtb_target", "id": BIDDER, "name": "Good bidder"})
}

fn items(item: Value) -> Value {
    json!({"items": [item]})
}

/// `GET /api/calls`.
pub fn list() -> Doc {
    let example = json!({"items": [line()], "next": "eyJhdCI6eyJkYXkiOiIyMDI2LTExLTIxIn19", "searched_to": "2026-11-21"});
    Doc::new("list_calls", "List calls, newest first")
        .about(format!(
            "One request looks at a bounded number of days: a page may be short, even empty, and still have a `next`. \
             `searched_to` says how far it looked. {MASKING}"
        ))
        .query(CallsQuery::PARAMETERS)
        .answers(200, Shape::of::<CallsPage>(), example)
}

/// `GET /api/calls/{id}`.
pub fn detail() -> Doc {
    let mut example = line();
    example["campaign_version"] = json!(3);
    example["tags"] = json!({
        "Google:Source": "google",
        "Google:Term": "emergency plumber",
        "User:clickid": "65f0c1d2e3",
        "Visitor:City": "San Francisco",
    });
    example["attempts"] = json!([{
        "number": 1,
        "destination": destination(),
        "address": "+12025550112",
        "bid": 38_500_000,
        "dialled_at": "2026-11-22T10:00:20Z",
        "status": "completed",
    }]);
    example["recordings"] = json!([{
        "sid": "RE0000000000000000000000000000000a",
        "attempt": 1,
        "status": "completed",
        "duration_s": 94,
        "at": "2026-11-22T10:02:12Z",
    }]);
    Doc::new("get_call", "Read a call").about(MASKING).of(Shape::of::<CallId>()).answers(
        200,
        Shape::of::<CallDetail>(),
        example,
    )
}

/// `GET /api/calls/{id}/events`.
pub fn events() -> Doc {
    let example = json!({
        "leg": "destination",
        "attempt": 1,
        "name": "Good bidder",
        "status": "completed",
        "at": "2026-11-22T10:02:09Z",
        "duration_s": 95,
        "source": "callback",
    });
    Doc::new("list_call_events", "What was told about a call's legs")
        .about("In the order in which it happened, by Twilio's clock.")
        .of(Shape::of::<CallId>())
        .answers(200, Shape::page(Shape::of::<EventView>()), items(example))
}

/// `GET /api/calls/{id}/decisions`.
pub fn decisions() -> Doc {
    let example = json!({
        "step": 1,
        "at": "2026-11-22T10:00:02Z",
        "decisions": [{"destination": destination(), "code": "dialled", "text": "dialled"}],
        "more": {"cap_reached": 4},
    });
    Doc::new("list_call_decisions", "Why a call went where it went")
        .about(
            "Step by step: which destinations were considered, in which order, and why each was passed over.",
        )
        .of(Shape::of::<CallId>())
        .answers(200, Shape::page(Shape::of::<StepDecisions>()), items(example))
}

/// `GET /api/calls/{id}/auction`.
pub fn auction() -> Doc {
    let example = json!({
        "id": "AU019abc0de1f27a3b8c4d5e6f70819203",
        "step": 1,
        "started_at": "2026-11-22T10:00:00Z",
        "deadline_ms": 1000,
        "took_ms": 412,
        "currency": "USD",
        "winner": {"bidder": BIDDER, "name": "Good bidder", "amount": 38_500_000},
        "bidders": [{
            "bidder": BIDDER,
            "name": "Good bidder",
            "rank": 1,
            "amount": 38_500_000,
            "latency_ms": 91,
            "destination": "202***0112",
            "verdict": {"code": "won", "text": "the best valid bid"},
            "exchange": {
                "url": "https://bids.example.com/ping",
                "request": "{\"state\": \"CA\"}",
                "status": 200,
                "response": "{\"accepted\": true, \"bidAmount\": 38.5}",
            },
        }],
    });
    Doc::new("list_call_auctions", "The auctions of a call")
        .about(
            "Who was asked, what they bid, how long they took, and what became of it. Requests and answers follow some \
             seconds after the call, with phone numbers masked.",
        )
        .of(Shape::of::<CallId>())
        .answers(200, Shape::page(Shape::of::<AuctionView>()), items(example))
}

/// `GET /api/calls/{id}/ledger`.
pub fn ledger() -> Doc {
    let example = json!({
        "settled": true,
        "currency": "USD",
        "totals": {"revenue": 38_500_000, "payout": 20_000_000, "profit": 18_500_000},
        "entries": [
            {"number": 1, "at": "2026-11-22T10:02:10Z", "source": "settlement", "kind": "revenue", "party_kind": "rtb_target", "party": BIDDER, "amount": 38_500_000,
             "currency": "USD", "reason": "the winning bid"},
            {"number": 2, "at": "2026-11-22T10:02:10Z", "source": "settlement", "kind": "payout", "party_kind": "publisher", "party": PUBLISHER, "amount": 20_000_000,
             "currency": "USD", "reason": "fixed payout"},
        ],
    });
    Doc::new("get_call_ledger", "The books of a call")
        .about("Who owes what, line by line. A call that is not settled yet has no lines.")
        .of(Shape::of::<CallId>())
        .answers(200, Shape::of::<LedgerView>(), example)
}
