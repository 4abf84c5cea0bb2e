//! What a campaign was when it was published.

use std::sync::Arc;

use app::campaigns;
use app::ports::PublishedVersion;
use axum::Json;
use axum::extract::{FromRequestParts, Path, State};
use contract::campaigns::VersionLine;
use contract::page::Page;
use contract::problem::Code;
use contract::query::PageQuery;
use contract::resource::Resource;
use domain::ids::CampaignId;
use domain::rtb_target::SecretText;
use domain::snapshot::Snapshot;
use http::request::Parts;

use crate::access::{Access, CampaignsRead, CampaignsWrite};
use crate::actors::Names;
use crate::context::Context;
use crate::cursor;
use crate::nouns::resource;
use crate::params::{Named, Params};
use crate::refusal::Refusal;

/// Stands in the place of header values, which are often secrets.
const HIDDEN: &str = "***";

/// A campaign's version, from the path.
pub struct NamedVersion(CampaignId, u64);

impl<S: Send + Sync> FromRequestParts<S> for NamedVersion {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Refusal> {
        let path = Path::<(String, String)>::from_request_parts(parts, state).await;
        let read = |(id, version): (String, String)| {
            let number: u64 = version.parse().ok().filter(|number: &u64| number.to_string() == version)?;
            Some(Self(id.parse().ok()?, number))
        };
        path.ok().and_then(|Path(path)| read(path)).ok_or_else(Refusal::not_found)
    }
}

/// `GET /api/campaigns/{id}/versions`.
pub async fn list(
    access: Access<CampaignsRead>,
    State(context): State<Arc<Context>>,
    Named(id): Named<CampaignId>,
    Params(params): Params,
) -> Result<Json<Page<VersionLine>>, Refusal> {
    let query = PageQuery::read(&params).map_err(|fields| Refusal::fields(Code::InvalidQuery, fields))?;
    let name = format!("versions {id}");
    let from = query.cursor.as_deref().map(|text| cursor::open(access.tenant, &name, text)).transpose()?;
    let tools = context.tools(access.tenant, &access.by);
    let found = campaigns::versions(&tools, access.tenant, id, from, query.limit).await??;
    let next = found.next.and_then(|next| cursor::seal(access.tenant, &name, next));
    let names = Names::of(&context, access.tenant, found.items.iter().map(|version| version.by)).await?;
    let items = found.items.into_iter().map(|version| line(version, found.current, &names)).collect();
    Ok(Json(Page { items, next }))
}

/// `GET /api/campaigns/{id}/versions/{version}`.
pub async fn get(
    access: Access<CampaignsRead>,
    State(context): State<Arc<Context>>,
    NamedVersion(id, number): NamedVersion,
) -> Result<Json<Snapshot>, Refusal> {
    let tools = context.tools(access.tenant, &access.by);
    let found = campaigns::version(&tools, access.tenant, id, number).await?;
    let mut snapshot = found.ok_or_else(Refusal::not_found)?.as_ref().clone();
    // Who may see campaigns may not see every bidder's credentials.
    for bidder in snapshot.rtb_targets.values_mut() {
        let confirmation = bidder.confirmation.iter_mut().flat_map(|step| &mut step.headers);
        for (_, value) in bidder.headers.iter_mut().chain(confirmation) {
            HIDDEN.clone_into(value);
        }
        if let Some(secret) = bidder.authentication.secret_mut() {
            *secret = SecretText::Hidden;
        }
    }
    Ok(Json(snapshot))
}

/// `POST /api/campaigns/{id}/versions/{version}/restore`.
pub async fn restore(
    access: Access<CampaignsWrite>,
    State(context): State<Arc<Context>>,
    NamedVersion(id, number): NamedVersion,
) -> Result<Json<Resource>, Refusal> {
    let tools = context.tools(access.tenant, &access.by);
    let stored = campaigns::restore(&tools, access.tenant, id, number).await??;
    Ok(Json(resource(stored.record, stored.warnings)))
}

fn line(version: PublishedVersion, current: u64, names: &Names) -> VersionLine {
    let cause = version.action.split_once('.').map_or(version.action.as_str(), |(_, deed)| deed);
    VersionLine {
        version: version.version,
        published_at: version.published_at,
        by: names.shown(version.by),
        cause: cause.to_owned(),
        sha256: version.sha256,
        current: version.version == current,
    }
}
