//! `POST /api/campaigns/{id}/publish`: calls run on what is set up now.

use std::sync::Arc;

use app::publish_campaign::{self, ConnectedNumber, Line, publish_campaign};
use axum::Json;
use axum::extract::State;
use contract::problem::Code;
use contract::publication::{Publication, PublishedNumber};
use domain::ids::CampaignId;
use serde_json::json;

use crate::access::{Access, CampaignsWrite};
use crate::context::Context;
use crate::doc::Doc;
use crate::nouns::warning;
use crate::params::Named;
use crate::refusal::Refusal;
use crate::routes::{Routes, Verb};
use crate::shape::Shape;

/// Its route.
pub fn routes(routes: Routes) -> Routes {
    routes.on(Verb::Post, "/api/campaigns/{id}/publish", publish).doc(doc)
}

fn doc() -> Doc {
    let example = json!({
        "campaign": "CA019abc0de1f27a3b8c4d5e6f70819203",
        "version": 4,
        "published_at": "2026-11-22T12:00:00Z",
        "takes_calls": true,
        "numbers": [{
            "id": "PN019abc0de1f27a3b8c4d5e6f70819203",
            "number": "+18335550100",
            "outcome": "routed",
            "fallback_written": true,
        }],
        "warnings": [],
    });
    Doc::new("publish_campaign", "Publish a campaign")
        .about(
            "From now on its calls run on what is set up now: a new version is stored, and its phone numbers are connected. \
             Publishing again is a new version of the same. A number that could not be connected is told as a warning.",
        )
        .of(Shape::of::<CampaignId>())
        .answers(200, Shape::of::<Publication>(), example)
        .refuses(&[Code::Archived, Code::Invalid, Code::VersionConflict])
}

async fn publish(
    access: Access<CampaignsWrite>,
    State(context): State<Arc<Context>>,
    Named(id): Named<CampaignId>,
) -> Result<Json<Publication>, Refusal> {
    let publication =
        publish_campaign(&context.tools(access.tenant, &access.by), access.tenant, id).await??;
    Ok(Json(shown(id, publication)))
}

fn shown(id: CampaignId, publication: publish_campaign::Publication) -> Publication {
    Publication {
        campaign: id.to_string(),
        version: publication.version,
        published_at: publication.published_at,
        takes_calls: publication.takes_calls(),
        warnings: publication.warnings().into_iter().map(warning).collect(),
        numbers: publication.numbers.into_iter().map(number).collect(),
    }
}

fn number(number: ConnectedNumber) -> PublishedNumber {
    let (outcome, reason) = match number.line {
        Line::Routed => ("routed", None),
        Line::NotInAccount => ("not_in_account", None),
        Line::Failed(reason) => ("failed", Some(reason)),
    };
    PublishedNumber {
        id: number.id.to_string(),
        number: number.number.into(),
        outcome: outcome.to_owned(),
        reason,
        fallback_written: number.fallback_written,
    }
}
