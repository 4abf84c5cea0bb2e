//! `POST /api/privacy/erase-caller`: a caller is taken out of calls, recordings, bids and the block list.
//!
//! Idempotency: what is erased stays so; a repetition goes on where the last one ended, also after a failure.

use std::sync::Arc;

use app::erase_caller::{EraseCaller, Erasure};
use axum::Json;
use axum::extract::State;
use contract::privacy::{self, ErasureView, ProofView};
use contract::problem::Code;
use domain::phone::E164;
use domain::validate::Problems;
use serde::Deserialize as _;
use serde_json::{Value, json};

use crate::access::{Access, PrivacyWrite};
use crate::body::JsonObject;
use crate::context::Context;
use crate::doc::Doc;
use crate::refusal::Refusal;
use crate::routes::{Routes, Verb};
use crate::shape::Shape;

/// Its routes.
pub fn routes(routes: Routes) -> Routes {
    routes.on(Verb::Post, "/api/privacy/erase-caller", erase).doc(doc).unkept()
}

fn doc() -> Doc {
    let example = json!({
        "complete": true,
        "calls_erased": 3,
        "calls_waiting": 0,
        "note": "nothing of this caller is left",
        "proof": {
            "caller": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
            "first_at": "2026-11-22T12:00:00Z",
            "last_at": "2026-11-22T12:00:00Z",
            "by": "KY019abc0de1f27a3b8c4d5e6f70819203",
            "calls": 3,
            "recordings": 2,
            "bids": 9,
            "unblocked": 1,
        },
    });
    Doc::new("erase_caller", "Erase a caller")
        .about(
            "Takes the caller's number and words out of calls, bids and the block list, and deletes the recordings. Money \
             stays. One request does a bounded part: repeat it until `complete`. It cannot be undone.",
        )
        .body(Shape::of::<privacy::EraseCaller>(), json!({"number": "+14155550123", "confirm": "+14155550123"}))
        .answers(200, Shape::of::<ErasureView>(), example)
        .refuses(&[Code::CarrierAway])
}

async fn erase(
    access: Access<PrivacyWrite>,
    State(context): State<Arc<Context>>,
    JsonObject(body): JsonObject,
) -> Result<Json<ErasureView>, Refusal> {
    let number = read(Value::Object(body))?;
    let tools = context.tools(access.tenant, &access.by);
    let erase = EraseCaller {
        calls: context.calls.as_ref(),
        callers: context.callers.as_ref(),
        bids: context.inbound.as_ref(),
        history: context.history.as_ref(),
        visits: context.visits.as_ref(),
        telephony: context.telephony.as_ref(),
        scribe: tools.scribe(),
    };
    erase.unblock(&tools, access.tenant, &number).await?;
    Ok(Json(shown(erase.erase(access.tenant, &number).await?)))
}

/// The number, named twice.
///
/// # Errors
/// The body has another shape, or does not name one number twice.
pub fn read(body: Value) -> Result<E164, Refusal> {
    let mut problems = Problems::new();
    let asked = match privacy::EraseCaller::deserialize(body) {
        Ok(asked) => asked,
        Err(error) => {
            problems.add("", "format", format!("give number and confirm, both the caller's number: {error}"));
            return Err(Refusal::fields(Code::Invalid, problems.into_vec()));
        }
    };
    let number = asked.number.parse::<E164>();
    if let Err(error) = &number {
        problems.add("number", "format", error.to_string());
    }
    if asked.confirm != asked.number {
        problems.add("confirm", "same", "repeat the number here: what is erased cannot be brought back");
    }
    match number {
        Ok(number) if asked.confirm == asked.number => Ok(number),
        _ => Err(Refusal::fields(Code::Invalid, problems.into_vec())),
    }
}

fn shown(erasure: Erasure) -> ErasureView {
    let note = match (erasure.complete, erasure.waiting) {
        (true, _) => "nothing of this caller is left",
        (false, 0) => "there is more to erase: send the same request again",
        (false, _) => {
            "some calls go on or have just ended: send the same request again in a quarter of an hour"
        }
    };
    let proof = erasure.proof;
    ErasureView {
        complete: erasure.complete,
        calls_erased: erasure.calls,
        calls_waiting: erasure.waiting,
        note: note.to_owned(),
        proof: ProofView {
            caller: proof.caller,
            first_at: proof.first_at,
            last_at: proof.last_at,
            by: proof.by,
            calls: proof.calls,
            recordings: proof.recordings,
            bids: proof.bids,
            unblocked: proof.unblocked,
        },
    }
}
