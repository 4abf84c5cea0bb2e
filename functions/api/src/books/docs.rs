//! What the operations on money say of themselves.

use contract::books::{
    AdjustmentBody, AdjustmentView, AdjustmentsQuery, ConversionBody, ConversionView, DecisionBody,
    LedgerQuery, PartyLedger, WebhookAddress,
};
use contract::problem::Code;
use domain::ids::{AdjustmentId, CallId, IncomingWebhookId};
use serde_json::{Value, json};

use crate::doc::Doc;
use crate::shape::Shape;

const CALL: &str = "RGB000000000000000000000000000000f1";
const ADJUSTMENT: &str = "AJ019abc0de1f27a3b8c4d5e6f70819203";
const BUYER: &str = "BU019abc0de1f27a3b8c4d5e6f70819203";

/// `POST /api/calls/{id}/conversion`.
pub fn report() -> Doc {
    let example = json!({
        "call": CALL,
        "reported_at": "2026-11-22T12:00:00Z",
        "revenue": 80_000_000,
        "result": {"code": "converted", "text": "the call is converted"},
    });
    Doc::new("report_conversion", "Report that a call converted")
        .about(
            "Counts once per call, within thirty days of its connection. What it does is the agreed rule's to say: a rule \
             `reported` converts by it, a price `reported` takes its revenue, under any other rule it is only noted. The \
             same report again is answered as the first was; a different one is refused. A call that still goes on keeps the \
             report until it is settled.",
        )
        .of(Shape::of::<CallId>())
        .body(Shape::of::<ConversionBody>(), json!({"revenue": 80_000_000}))
        .answers(200, Shape::of::<ConversionView>(), example)
        .refuses(&[Code::ReportedBefore, Code::TooLate])
}

/// `GET /api/incoming-webhooks/{id}/url`.
pub fn url() -> Doc {
    let url = format!("https://calls.example.com/hook/{}", "0".repeat(96));
    Doc::new("get_incoming_webhook_url", "The secret address of an incoming webhook")
        .about(
            "For GET and POST, parameters in the query, a form or a JSON object. Whoever knows it can report conversions; to \
             change it, make another webhook and remove this one. It is not stored, but made when it is asked for.",
        )
        .of(Shape::of::<IncomingWebhookId>())
        .answers(200, Shape::of::<WebhookAddress>(), json!({"url": url}))
}

fn adjustment(status: &str) -> Value {
    let mut shown = json!({
        "id": ADJUSTMENT,
        "call": CALL,
        "revenue": -5_000_000,
        "payout": 0,
        "currency": "USD",
        "reason": "wrong number: the caller wanted somebody else",
        "is_dispute": false,
        "status": status,
        "requested_at": "2026-11-22T12:00:00Z",
        "requested_by": {"kind": "user", "id": "US019abc0de1f27a3b8c4d5e6f70819203", "name": "Anna Park"},
    });
    if status != "requested" {
        shown["decided_at"] = json!("2026-11-22T13:00:00Z");
        shown["decided_by"] =
            json!({"kind": "user", "id": "US019abc0de1f27a3b8c4d5e6f70819204", "name": "Ben Cole"});
        shown["note"] = json!("listened to the recording");
    }
    shown
}

/// `POST /api/calls/{id}/adjustments`.
pub fn request() -> Doc {
    let body = json!({"revenue": -5_000_000, "reason": "wrong number: the caller wanted somebody else"});
    Doc::new("request_adjustment", "Ask for a correction of a call's money")
        .about(
            "Moves nothing yet: somebody with `adjustments:decide` approves or rejects it. Revenue and payout of a call never \
             fall below nothing. A buyer's person disputes own calls by it: a negative revenue and a reason. Whoever asks may \
             also approve, if their role includes both.",
        )
        .of(Shape::of::<CallId>())
        .body(Shape::of::<AdjustmentBody>(), body)
        .answers(201, Shape::of::<AdjustmentView>(), adjustment("requested"))
        .located()
        .refuses(&[Code::WrongState])
}

/// `GET /api/adjustments`.
pub fn list() -> Doc {
    Doc::new("list_adjustments", "List adjustments, newest first")
        .about("Those with one status. A buyer's person sees their own disputes, whatever became of them.")
        .query(AdjustmentsQuery::PARAMETERS)
        .answers(200, Shape::page(Shape::of::<AdjustmentView>()), json!({"items": [adjustment("requested")]}))
}

/// `GET /api/adjustments/{id}`.
pub fn get() -> Doc {
    Doc::new("get_adjustment", "Read an adjustment").of(Shape::of::<AdjustmentId>()).answers(
        200,
        Shape::of::<AdjustmentView>(),
        adjustment("approved"),
    )
}

/// `POST /api/adjustments/{id}/approve`.
pub fn approve() -> Doc {
    decision("approve_adjustment", "Approve an adjustment", "approved").about(
        "Writes its lines into the ledger and moves the call's totals, in one step. Approving again what one approved \
         oneself changes nothing.",
    )
}

/// `POST /api/adjustments/{id}/reject`.
pub fn reject() -> Doc {
    decision("reject_adjustment", "Reject an adjustment", "rejected")
        .about("The call's money stays as it is.")
}

fn decision(id: &str, summary: &str, status: &str) -> Doc {
    Doc::new(id, summary)
        .of(Shape::of::<AdjustmentId>())
        .body(Shape::of::<DecisionBody>(), json!({"note": "listened to the recording"}))
        .answers(200, Shape::of::<AdjustmentView>(), adjustment(status))
        .refuses(&[Code::WrongState])
}

/// `GET /api/ledger`.
pub fn ledger() -> Doc {
    let example = json!({
        "party": BUYER,
        "month": "2026-11",
        "totals": [{"currency": "USD", "revenue": 38_500_000, "payout": 0, "lines": 1}],
        "items": [{"call": CALL, "number": 1, "at": "2026-11-22T10:02:10Z", "source": "settlement", "kind": "revenue",
                   "party_kind": "buyer", "party": BUYER, "amount": 38_500_000, "currency": "USD",
                   "reason": "the winning bid"}],
    });
    Doc::new("get_ledger", "What is owed by or to a party in a month")
        .about(
            "Newest first. A line belongs to the month in which it was written: a correction of last month's call stands in \
             this month. Buyers and publishers see their own.",
        )
        .query(LedgerQuery::PARAMETERS)
        .answers(200, Shape::of::<PartyLedger>(), example)
        .refuses(&[Code::NotFound])
}
