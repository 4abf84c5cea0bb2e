//! What would become of a call that somebody thinks up.

use std::sync::Arc;

use app::preview_route::{Hypothetical, preview_route};
use axum::Json;
use axum::extract::State;
use contract::calls::{DecisionView, Verdict};
use contract::campaigns::{PreviewStep, RoutePreview, RoutePreviewQuery};
use domain::filter::{MAX_VALUE, TagName};
use domain::ids::{CampaignId, RingTreeId};
use domain::phone::E164;
use domain::plan::Tree;
use domain::routing::{Scores, Stop};
use domain::validate::Problems;

use crate::access::{Access, CampaignsRead};
use crate::body::Body;
use crate::calls::{decision, destination};
use crate::context::Context;
use crate::params::Named;
use crate::refusal::Refusal;

/// Most tags that may be thought up.
const MAX_TAGS: usize = 100;
/// Largest seed: what a reader of `int64` can hold.
const MAX_SEED: u64 = i64::MAX.unsigned_abs();
/// A caller and a dialled number for those who think up neither: numbers for fiction, which nobody has.
const SOMEBODY: &str = "+12025550100";
const SOME_NUMBER: &str = "+12025550199";

/// `POST /api/campaigns/{id}/route-preview`. It reads only, so it needs no more than to read campaigns.
pub async fn route_preview(
    access: Access<CampaignsRead>,
    State(context): State<Arc<Context>>,
    Named(id): Named<CampaignId>,
    Body(wishes): Body<RoutePreviewQuery>,
) -> Result<Json<RoutePreview>, Refusal> {
    let wanted = hypothetical(wishes, "", &context)?;
    let tools = context.tools(access.tenant, &access.by);
    let preview = preview_route(&tools, &*context.calls, access.tenant, id, &wanted).await??;
    let decided: Vec<DecisionView> = preview.passed.each.iter().map(decision).collect();
    Ok(Json(RoutePreview {
        campaign: id,
        version: preview.version,
        turned_away: preview.turned_away.map(|why| Verdict { code: why.code().to_owned(), text: why.text() }),
        steps: preview.stops.iter().map(|stop| step(stop, &preview.passed.scores)).collect(),
        passed: decided,
        more: preview.passed.more,
    }))
}

/// One stop of the plan, with what its destinations earned.
pub(super) fn step(stop: &Stop, scores: &Scores) -> PreviewStep {
    match stop {
        Stop::Dial(parties) => PreviewStep {
            does: "dial".to_owned(),
            destinations: parties.iter().map(|party| destination(party.via, &party.name)).collect(),
            rings_s: parties.first().map(|party| party.dial.timeout_s),
            scores: parties.iter().filter_map(|party| scores.text(party.via)).collect(),
            ring_tree: None,
        },
        Stop::Ask(tree) => PreviewStep {
            does: "ask".to_owned(),
            destinations: Vec::new(),
            rings_s: None,
            scores: Vec::new(),
            ring_tree: planned(*tree),
        },
    }
}

/// The ring tree; `None` for those who are asked before the plan.
pub(super) const fn planned(tree: Tree) -> Option<RingTreeId> {
    match tree {
        Tree::First => None,
        Tree::Planned(id) => Some(id),
    }
}

/// The call as it was thought up; `at` comes before the names of its fields.
pub(crate) fn hypothetical(
    wishes: RoutePreviewQuery,
    at: &str,
    context: &Context,
) -> Result<Hypothetical, Refusal> {
    let mut problems = Problems::new();
    // As the shape of the body says.
    for (field, text, most) in [
        ("from", &wishes.from, 120),
        ("state", &wishes.state, 40),
        ("zip", &wishes.zip, 20),
        ("country", &wishes.country, 2),
        ("verstat", &wishes.verstat, 60),
    ] {
        let length = text.as_ref().map_or(0, |text| text.chars().count());
        problems.at_most(&format!("{at}{field}"), length, most);
    }
    problems.within(&format!("{at}seed"), wishes.seed, 0..=MAX_SEED);
    problems.at_most(&format!("{at}tags"), wishes.tags.len(), MAX_TAGS);
    let mut tags = Vec::new();
    for (name, value) in wishes.tags.into_iter().take(MAX_TAGS) {
        let field = format!("{at}tags.{name}");
        problems.at_most(&field, value.chars().count(), MAX_VALUE);
        match TagName::try_from(name) {
            Ok(name) => tags.push((name, value)),
            Err(error) => problems.add(field, "tag", error.to_string()),
        }
    }
    let to = match wishes.to {
        Some(to) => Some(to),
        None => SOME_NUMBER.parse::<E164>().ok(),
    };
    if to.is_none() {
        problems.add(format!("{at}to"), "required", "name the dialled number");
    }
    let problems = problems.into_vec();
    let Some(to) = to.filter(|_| problems.is_empty()) else {
        return Err(Refusal::from(app::catalog::Refused::Invalid(problems)));
    };
    Ok(Hypothetical {
        from: wishes.from.unwrap_or_else(|| SOMEBODY.to_owned()),
        to,
        at: wishes.at.unwrap_or_else(|| context.clock.now()),
        publisher: wishes.publisher,
        from_state: wishes.state,
        from_zip: wishes.zip,
        from_country: wishes.country,
        verstat: wishes.verstat,
        tags,
        seed: wishes.seed,
    })
}
