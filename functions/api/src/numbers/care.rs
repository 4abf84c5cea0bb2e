//! Looking after numbers: `POST /api/numbers/{id}/assign`, `POST /api/numbers/{id}/verify`, `POST /api/numbers/verify`.

use std::sync::Arc;

use app::catalog;
use app::numbers::{self, MAX_VERIFIED};
use axum::Json;
use axum::extract::State;
use contract::numbers::{Finding, VerifiedNumber, VerifyNumbers};
use contract::page::Page;
use contract::problem::Code;
use contract::resource::Resource;
use domain::ids::NumberId;
use domain::number::Number;
use domain::validate::{Problem, Problems};
use serde_json::{Map, Value};

use crate::access::{Access, PhoneNumbersWrite};
use crate::body::{Body, JsonObject};
use crate::context::Context;
use crate::cursor;
use crate::nouns::resource;
use crate::params::Named;
use crate::refusal::Refusal;

/// What a cursor of [`verify`] belongs to.
const LIST: &str = "verified numbers";

/// Gives a number to a campaign, or takes it off any: a change of that one field.
pub async fn assign(
    access: Access<PhoneNumbersWrite>,
    State(context): State<Arc<Context>>,
    Named(id): Named<NumberId>,
    JsonObject(body): JsonObject,
) -> Result<Json<Resource>, Refusal> {
    let problems = not_an_assignment(&body);
    if !problems.is_empty() {
        return Err(Refusal::fields(Code::Invalid, problems));
    }
    let stored =
        catalog::update::<Number>(&context.tools(access.tenant, &access.by), access.tenant, id, body)
            .await??;
    Ok(Json(resource(stored.record, stored.warnings)))
}

fn not_an_assignment(body: &Map<String, Value>) -> Vec<Problem> {
    let mut problems = Problems::new();
    for name in body.keys().filter(|name| !["campaign", "version"].contains(&name.as_str())) {
        let shown: String = name.chars().take(64).collect();
        problems.add(shown, "unknown_field", "only campaign and version are given here");
    }
    if !body.contains_key("campaign") {
        problems.add("campaign", "required", "name the campaign, or null to take the number off");
    }
    problems.into_vec()
}

/// Looks at one number and puts right what can be.
pub async fn verify_one(
    access: Access<PhoneNumbersWrite>,
    State(context): State<Arc<Context>>,
    Named(id): Named<NumberId>,
) -> Result<Json<VerifiedNumber>, Refusal> {
    let verified =
        numbers::verify_one(&context.tools(access.tenant, &access.by), access.tenant, id).await??;
    Ok(Json(shown(verified)))
}

/// Looks at some numbers and puts right what can be.
pub async fn verify(
    access: Access<PhoneNumbersWrite>,
    State(context): State<Arc<Context>>,
    Body(VerifyNumbers { limit, cursor }): Body<VerifyNumbers>,
) -> Result<Json<Page<VerifiedNumber>>, Refusal> {
    let limit = usize::from(limit.unwrap_or(50));
    if !(1..=MAX_VERIFIED).contains(&limit) {
        let mut problems = Problems::new();
        problems.add("limit", "range", format!("a whole number from 1 to {MAX_VERIFIED}"));
        return Err(Refusal::fields(Code::Invalid, problems.into_vec()));
    }
    let after: Option<String> =
        cursor.map(|cursor| cursor::open(access.tenant, LIST, &cursor)).transpose()?;
    let tools = context.tools(access.tenant, &access.by);
    let verified = numbers::verify(&tools, access.tenant, None, after.as_deref(), limit).await?;
    let next = verified.next.and_then(|id| cursor::seal(access.tenant, LIST, id));
    Ok(Json(Page { items: verified.numbers.into_iter().map(shown).collect(), next }))
}

/// A number that was looked at, as the API tells it.
pub(crate) fn shown(verified: numbers::VerifiedNumber) -> VerifiedNumber {
    VerifiedNumber {
        id: verified.id.to_string(),
        number: verified.number,
        ok: verified.findings.iter().all(|finding| finding.repaired),
        findings: verified.findings.into_iter().map(finding).collect(),
    }
}

fn finding(finding: numbers::Finding) -> Finding {
    Finding { code: finding.code.to_owned(), repaired: finding.repaired, message: finding.message }
}
