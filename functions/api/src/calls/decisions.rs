//! Why a call went where it went, step by step.

use std::sync::Arc;

use app::ports::Step;
use axum::Json;
use axum::extract::State;
use contract::calls::{DecisionView, StepDecisions, Verdict};
use contract::page::Page;
use domain::ids::CallId;
use domain::routing::Decision;

use super::{Viewer, load, shown};
use crate::access::{CallsRead, OwnAccess};
use crate::context::Context;
use crate::params::Named;
use crate::refusal::Refusal;

/// `GET /api/calls/{id}/decisions`. A step that is still being worked on has decided nothing yet.
pub async fn decisions(
    access: OwnAccess<CallsRead>,
    State(context): State<Arc<Context>>,
    Named(id): Named<CallId>,
) -> Result<Json<Page<StepDecisions>>, Refusal> {
    decisions_for(&context, &Viewer::of(&access), id).await.map(Json)
}

/// A call's decisions as a viewer may see them. They speak of every destination of the campaign, so they are only for
/// those who see the whole account.
///
/// # Errors
/// The call does not exist for them.
pub async fn decisions_for(
    context: &Context,
    viewer: &Viewer,
    id: CallId,
) -> Result<Page<StepDecisions>, Refusal> {
    let mut record = load(context, viewer, id).await?;
    if !viewer.sees_all() {
        record.steps.clear();
    }
    record.steps.sort_by_key(|(number, _)| *number);
    let items = record.steps.into_iter().filter_map(|(number, step)| of_step(number, step)).collect();
    Ok(Page { items, next: None })
}

fn of_step(number: u16, step: Step) -> Option<StepDecisions> {
    let Step::Answered(answered) = step else { return None };
    let decisions = answered.decisions;
    Some(StepDecisions {
        step: number,
        at: answered.at,
        decisions: decisions.each.iter().map(decision).collect(),
        more: decisions.more,
        turned_away: decisions
            .turned_away
            .map(|why| Verdict { code: why.code().to_owned(), text: why.text() }),
    })
}

/// One decision, with its reason as code and in words.
pub fn decision(decision: &Decision) -> DecisionView {
    let (code, text) = match &decision.passed {
        None => ("dialled", "dialled".to_owned()),
        Some(passed) => (passed.code(), passed.text()),
    };
    DecisionView {
        destination: shown::destination(decision.via, &decision.name),
        code: code.to_owned(),
        text,
        score: decision.score.clone(),
    }
}
