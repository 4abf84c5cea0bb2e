//! Numbers that the Twilio account has already: `GET /api/numbers/importable`, `POST /api/numbers/import`.

use std::sync::Arc;

use app::catalog;
use app::numbers::{self, ImportOutcome, Imported};
use app::ports::OwnedNumber;
use axum::Json;
use axum::extract::State;
use contract::numbers::{ImportNumbers, ImportableNumber, ImportedNumber, read_account};
use contract::page::Page;
use contract::problem::Code;

use crate::access::{Access, PhoneNumbersWrite};
use crate::body::JsonObject;
use crate::context::Context;
use crate::nouns::warning;
use crate::params::Params;
use crate::refusal::Refusal;

pub async fn importable(
    access: Access<PhoneNumbersWrite>,
    State(context): State<Arc<Context>>,
    Params(params): Params,
) -> Result<Json<Page<ImportableNumber>>, Refusal> {
    let account = read_account(&params).map_err(|fields| Refusal::fields(Code::InvalidQuery, fields))?;
    let found =
        numbers::importable(&context.tools(access.tenant, &access.by), access.tenant, &account).await??;
    Ok(Json(Page { items: found.into_iter().map(shown).collect(), next: None }))
}

fn shown(owned: OwnedNumber) -> ImportableNumber {
    let line = owned.line();
    ImportableNumber {
        number: owned.number,
        sid: line.sid.into(),
        friendly_name: line.friendly_name,
        kind: line.kind,
        country: line.country,
        capabilities: line.capabilities,
        application_sid: owned.application.map(String::from),
        voice_url: owned.voice_url,
    }
}

pub async fn import(
    access: Access<PhoneNumbersWrite>,
    State(context): State<Arc<Context>>,
    JsonObject(body): JsonObject,
) -> Result<Json<Page<ImportedNumber>>, Refusal> {
    let ImportNumbers { account_sid, numbers, campaign } = catalog::read_body(body)?;
    let tools = context.tools(access.tenant, &access.by);
    let imported = numbers::import(&tools, access.tenant, &account_sid, numbers, campaign).await??;
    Ok(Json(Page { items: imported.into_iter().map(outcome).collect(), next: None }))
}

fn outcome(imported: Imported) -> ImportedNumber {
    let mut shown = ImportedNumber {
        number: imported.number,
        outcome: String::new(),
        id: None,
        reason: None,
        warnings: Vec::new(),
    };
    let word = match imported.outcome {
        ImportOutcome::Imported(stored) => {
            shown.id = Some(stored.record.id);
            shown.warnings = stored.warnings.into_iter().map(warning).collect();
            "imported"
        }
        ImportOutcome::AlreadyHere => "already_here",
        ImportOutcome::Taken => "taken",
        ImportOutcome::NotInAccount => "not_in_account",
        ImportOutcome::Failed(reason) => {
            shown.reason = Some(reason);
            "failed"
        }
        ImportOutcome::NotTried => "not_tried",
    };
    word.clone_into(&mut shown.outcome);
    shown
}
