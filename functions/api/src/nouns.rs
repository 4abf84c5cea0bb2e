//! The catalogue's nouns: one set of handlers for all of them.
//!
//! A new noun is an [`ApiNoun`] with its paths and permissions, an example of itself ([`NounDoc`]), and one line in
//! [`routes`].

use std::sync::Arc;

use app::catalog::{self, Listing, Position, SortBy};
use app::ports::Record;
use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use contract::campaigns::Removed;
use contract::page::Page;
use contract::problem::Code;
use contract::query::{self, ListQuery};
use contract::resource::{Resource, Warning};
use domain::agent::Agent;
use domain::blocked::BlockedNumber;
use domain::campaign::Campaign;
use domain::dni::tag::TrackingTag;
use domain::dni::url_parameter::UrlParameter;
use domain::group::{RingTree, TargetGroup};
use domain::ids::Id;
use domain::incoming_webhook::IncomingWebhook;
use domain::number::Number;
use domain::partner::{Buyer, Publisher};
use domain::pool::NumberPool;
use domain::target::{RtbTarget, Target};
use http::StatusCode;
use http::header::LOCATION;
use serde_json::Value;

use crate::access::{
    Access, BlockedNumbersRead, BlockedNumbersWrite, BuyersRead, BuyersWrite, CampaignsRead, CampaignsWrite,
    IncomingWebhooksRead, IncomingWebhooksWrite, Permission, PhoneNumbersRead, PhoneNumbersWrite,
    PublishersRead, PublishersWrite, RtbTargetsRead, RtbTargetsWrite, TargetsRead, TargetsWrite,
    TrackingTagsRead, TrackingTagsWrite,
};
use crate::body::JsonObject;
use crate::bulk::bulk;
use crate::context::Context;
use crate::cursor;
use crate::noun_docs::{self, NounDoc};
use crate::params::{Named, Params};
use crate::refusal::Refusal;
use crate::routes::{Routes, Verb};

/// A noun with its place in the API.
pub trait ApiNoun: NounDoc {
    /// The path of all of them.
    const ALL: &'static str;
    /// The path of one of them.
    const ONE: &'static str;
    /// The path of a deed to many of them.
    const BULK: &'static str;
    /// Seeing them.
    type Read: Permission;
    /// Changing them.
    type Write: Permission;
}

impl ApiNoun for Campaign {
    const ALL: &'static str = "/api/campaigns";
    const ONE: &'static str = "/api/campaigns/{id}";
    const BULK: &'static str = "/api/campaigns/bulk";
    type Read = CampaignsRead;
    type Write = CampaignsWrite;
}
impl ApiNoun for Target {
    const ALL: &'static str = "/api/targets";
    const ONE: &'static str = "/api/targets/{id}";
    const BULK: &'static str = "/api/targets/bulk";
    type Read = TargetsRead;
    type Write = TargetsWrite;
}
impl ApiNoun for RtbTarget {
    const ALL: &'static str = "/api/rtb-targets";
    const ONE: &'static str = "/api/rtb-targets/{id}";
    const BULK: &'static str = "/api/rtb-targets/bulk";
    type Read = RtbTargetsRead;
    type Write = RtbTargetsWrite;
}
impl ApiNoun for Number {
    const ALL: &'static str = "/api/numbers";
    const ONE: &'static str = "/api/numbers/{id}";
    const BULK: &'static str = "/api/numbers/bulk";
    type Read = PhoneNumbersRead;
    type Write = PhoneNumbersWrite;
}

impl ApiNoun for Publisher {
    const ALL: &'static str = "/api/publishers";
    const ONE: &'static str = "/api/publishers/{id}";
    const BULK: &'static str = "/api/publishers/bulk";
    type Read = PublishersRead;
    type Write = PublishersWrite;
}
impl ApiNoun for Buyer {
    const ALL: &'static str = "/api/buyers";
    const ONE: &'static str = "/api/buyers/{id}";
    const BULK: &'static str = "/api/buyers/bulk";
    type Read = BuyersRead;
    type Write = BuyersWrite;
}
impl ApiNoun for TargetGroup {
    const ALL: &'static str = "/api/target-groups";
    const ONE: &'static str = "/api/target-groups/{id}";
    const BULK: &'static str = "/api/target-groups/bulk";
    type Read = TargetsRead;
    type Write = TargetsWrite;
}
impl ApiNoun for NumberPool {
    const ALL: &'static str = "/api/number-pools";
    const ONE: &'static str = "/api/number-pools/{id}";
    const BULK: &'static str = "/api/number-pools/bulk";
    type Read = PhoneNumbersRead;
    type Write = PhoneNumbersWrite;
}
impl ApiNoun for Agent {
    const ALL: &'static str = "/api/agents";
    const ONE: &'static str = "/api/agents/{id}";
    const BULK: &'static str = "/api/agents/bulk";
    type Read = TargetsRead;
    type Write = TargetsWrite;
}
impl ApiNoun for RingTree {
    const ALL: &'static str = "/api/ring-trees";
    const ONE: &'static str = "/api/ring-trees/{id}";
    const BULK: &'static str = "/api/ring-trees/bulk";
    type Read = RtbTargetsRead;
    type Write = RtbTargetsWrite;
}
impl ApiNoun for BlockedNumber {
    const ALL: &'static str = "/api/blocked-numbers";
    const ONE: &'static str = "/api/blocked-numbers/{id}";
    const BULK: &'static str = "/api/blocked-numbers/bulk";
    type Read = BlockedNumbersRead;
    type Write = BlockedNumbersWrite;
}

impl ApiNoun for IncomingWebhook {
    const ALL: &'static str = "/api/incoming-webhooks";
    const ONE: &'static str = "/api/incoming-webhooks/{id}";
    const BULK: &'static str = "/api/incoming-webhooks/bulk";
    type Read = IncomingWebhooksRead;
    type Write = IncomingWebhooksWrite;
}

impl ApiNoun for TrackingTag {
    const ALL: &'static str = "/api/tracking-tags";
    const ONE: &'static str = "/api/tracking-tags/{id}";
    const BULK: &'static str = "/api/tracking-tags/bulk";
    type Read = TrackingTagsRead;
    type Write = TrackingTagsWrite;
}
impl ApiNoun for UrlParameter {
    const ALL: &'static str = "/api/url-parameters";
    const ONE: &'static str = "/api/url-parameters/{id}";
    const BULK: &'static str = "/api/url-parameters/bulk";
    type Read = TrackingTagsRead;
    type Write = TrackingTagsWrite;
}

/// Their routes.
pub fn routes(routes: Routes) -> Routes {
    let routes = noun::<Campaign>(routes);
    let routes = noun::<Target>(routes);
    let routes = noun::<RtbTarget>(routes);
    let routes = noun::<Number>(routes);
    let routes = noun::<Publisher>(routes);
    let routes = noun::<Buyer>(routes);
    let routes = noun::<TargetGroup>(routes);
    let routes = noun::<RingTree>(routes);
    let routes = noun::<Agent>(routes);
    let routes = noun::<NumberPool>(routes);
    let routes = noun::<BlockedNumber>(routes);
    let routes = noun::<IncomingWebhook>(routes);
    let routes = noun::<TrackingTag>(routes);
    noun::<UrlParameter>(routes)
}

fn noun<N: ApiNoun>(routes: Routes) -> Routes {
    let routes = routes
        .on(Verb::Get, N::ALL, list::<N>)
        .doc(noun_docs::list::<N>)
        .on(Verb::Post, N::ALL, create::<N>)
        .doc(noun_docs::create::<N>);
    // What is masked is a caller's.
    let routes = if N::MASKED.is_empty() { routes } else { routes.unkept() };
    routes
        .on(Verb::Get, N::ONE, get::<N>)
        .doc(noun_docs::get::<N>)
        .on(Verb::Patch, N::ONE, update::<N>)
        .doc(noun_docs::update::<N>)
        .on(Verb::Delete, N::ONE, delete::<N>)
        .doc(noun_docs::delete::<N>)
        .on(Verb::Post, N::BULK, bulk::<N, N::Write>)
        .doc(noun_docs::bulk::<N>)
}

async fn create<N: ApiNoun>(
    access: Access<N::Write>,
    State(context): State<Arc<Context>>,
    JsonObject(body): JsonObject,
) -> Result<impl IntoResponse, Refusal> {
    let stored =
        catalog::create::<N>(&context.tools(access.tenant, &access.by), access.tenant, body).await??;
    let location = format!("{}/{}", N::ALL, stored.record.id);
    let shown = shown::<N>(stored.record, access.sees_numbers, stored.warnings);
    Ok((StatusCode::CREATED, [(LOCATION, location)], Json(shown)))
}

async fn get<N: ApiNoun>(
    access: Access<N::Read>,
    State(context): State<Arc<Context>>,
    Named(id): Named<Id<N::Noun>>,
) -> Result<Json<Resource>, Refusal> {
    let found = catalog::get::<N>(&context.tools(access.tenant, &access.by), access.tenant, id).await?;
    let shown = |record| Json(shown::<N>(record, access.sees_numbers, Vec::new()));
    found.map(shown).ok_or_else(Refusal::not_found)
}

async fn update<N: ApiNoun>(
    access: Access<N::Write>,
    State(context): State<Arc<Context>>,
    Named(id): Named<Id<N::Noun>>,
    JsonObject(patch): JsonObject,
) -> Result<Json<Resource>, Refusal> {
    let stored =
        catalog::update::<N>(&context.tools(access.tenant, &access.by), access.tenant, id, patch).await??;
    Ok(Json(shown::<N>(stored.record, access.sees_numbers, stored.warnings)))
}

async fn delete<N: ApiNoun>(
    access: Access<N::Write>,
    State(context): State<Arc<Context>>,
    Named(id): Named<Id<N::Noun>>,
) -> Result<Response, Refusal> {
    let tools = context.tools(access.tenant, &access.by);
    let warnings = catalog::delete::<N>(&tools, access.tenant, id).await??;
    if warnings.is_empty() {
        return Ok(StatusCode::NO_CONTENT.into_response());
    }
    Ok(Json(Removed { warnings: warnings.into_iter().map(warning).collect() }).into_response())
}

async fn list<N: ApiNoun>(
    access: Access<N::Read>,
    State(context): State<Arc<Context>>,
    Params(params): Params,
) -> Result<Json<Page<Resource>>, Refusal> {
    let query = ListQuery::read(&params).map_err(|fields| Refusal::fields(Code::InvalidQuery, fields))?;
    let name = name_of_list::<N>(&query, access.sees_numbers);
    let after = query.cursor.as_deref().map(|text| cursor::open(access.tenant, &name, text)).transpose()?;
    let listing = listing(query, !access.sees_numbers, after);
    let listed =
        catalog::list::<N>(&context.tools(access.tenant, &access.by), access.tenant, &listing).await?;
    let next = listed.next.and_then(|Position { key, id }| cursor::seal(access.tenant, &name, (key, id)));
    let items =
        listed.items.into_iter().map(|record| resource(catalog::shown::<N>(record), Vec::new())).collect();
    Ok(Json(Page { items, next }))
}

fn name_of_list<N: ApiNoun>(query: &ListQuery, sees_numbers: bool) -> String {
    format!("{} {:?} {} {:?} {sees_numbers}", N::ALL, query.sort, query.descending, query.search)
}

pub(crate) fn listing(query: ListQuery, masked: bool, after: Option<(String, String)>) -> Listing {
    let sort = match query.sort {
        query::SortBy::Name => SortBy::Name,
        query::SortBy::CreatedAt => SortBy::CreatedAt,
        query::SortBy::UpdatedAt => SortBy::UpdatedAt,
    };
    Listing {
        search: query.search,
        sort,
        descending: query.descending,
        masked,
        after: after.map(|(key, id)| Position { key, id }),
        limit: usize::from(query.limit),
    }
}

/// A record for somebody who may, or may not, see callers' numbers.
fn shown<N: ApiNoun>(record: Record, sees_numbers: bool, warnings: Vec<catalog::Warning>) -> Resource {
    let record = catalog::shown::<N>(record);
    let record = if sees_numbers { record } else { catalog::masked::<N>(record) };
    resource(record, warnings)
}

/// A thing as the API shows it.
pub(crate) fn resource(record: Record, warnings: Vec<catalog::Warning>) -> Resource {
    let body = match record.body {
        Value::Object(body) => body,
        _ => serde_json::Map::new(),
    };
    Resource {
        id: record.id,
        version: record.version,
        created_at: record.created_at,
        updated_at: record.updated_at,
        warnings: warnings.into_iter().map(warning).collect(),
        body,
    }
}

/// A warning as the API says it.
pub fn warning(warning: catalog::Warning) -> Warning {
    Warning { code: warning.code.to_owned(), message: warning.message }
}
