//! `POST /api/…/bulk`: the same deed to many things of one kind. The answer says for each what became of it.

use std::collections::BTreeSet;
use std::sync::Arc;

use app::campaigns::{self, BulkOutcome as Outcome, MAX_BULK};
use app::catalog::Entry;
use axum::Json;
use axum::extract::State;
use contract::campaigns::{Bulk, BulkAction, BulkAnswer, BulkOutcome};
use contract::problem::Code;
use domain::ids::Id;
use domain::validate::Problems;

use crate::access::{Access, Permission};
use crate::body::Body;
use crate::context::Context;
use crate::nouns::warning;
use crate::refusal::Refusal;

/// The handler for things of one kind.
pub async fn bulk<N: Entry, P: Permission>(
    access: Access<P>,
    State(context): State<Arc<Context>>,
    Body(wishes): Body<Bulk>,
) -> Result<Json<BulkAnswer>, Refusal> {
    let ids = ids::<N>(&wishes)?;
    let action = match wishes.action {
        BulkAction::Pause => campaigns::BulkAction::Pause,
        BulkAction::Activate => campaigns::BulkAction::Activate,
        BulkAction::Archive => campaigns::BulkAction::Archive,
        BulkAction::Delete => campaigns::BulkAction::Delete,
    };
    let tools = context.tools(access.tenant, &access.by);
    let outcomes = campaigns::bulk::<N>(&tools, access.tenant, action, &ids).await;
    let outcomes = ids.iter().zip(outcomes).map(|(id, outcome)| shown(id.to_string(), outcome));
    Ok(Json(BulkAnswer { outcomes: outcomes.collect() }))
}

/// The ids, each once, in their order.
fn ids<N: Entry>(wishes: &Bulk) -> Result<Vec<Id<N::Noun>>, Refusal> {
    let mut problems = Problems::new();
    if wishes.ids.is_empty() || wishes.ids.len() > MAX_BULK {
        problems.add("ids", "count", format!("name 1 to {MAX_BULK} things, not {}", wishes.ids.len()));
    }
    let mut seen = BTreeSet::new();
    let mut ids = Vec::new();
    for (index, text) in wishes.ids.iter().take(MAX_BULK).enumerate() {
        match text.parse::<Id<N::Noun>>() {
            Ok(id) if seen.insert(id) => ids.push(id),
            Ok(_) => {}
            Err(error) => problems.add(format!("ids[{index}]"), "id", error.to_string()),
        }
    }
    problems.into_result().map(|()| ids).map_err(|fields| Refusal::fields(Code::Invalid, fields))
}

/// One outcome as the API tells it.
pub(crate) fn shown(id: String, outcome: Outcome) -> BulkOutcome {
    let refusal = match outcome {
        Outcome::Done(warnings) => {
            let warnings = warnings.into_iter().map(warning).collect();
            return BulkOutcome { id, outcome: "done".to_owned(), code: None, detail: None, warnings };
        }
        Outcome::Refused(refused) => Refusal::from(refused),
        Outcome::Failed(error) => Refusal::from(error),
        Outcome::NotBegun => Refusal::new(Code::Busy, "there was no time left for this one: send it again"),
    };
    BulkOutcome {
        id,
        outcome: "refused".to_owned(),
        code: Some(refusal.code().as_str().to_owned()),
        detail: Some(refusal.detail().to_owned()),
        warnings: Vec::new(),
    }
}
