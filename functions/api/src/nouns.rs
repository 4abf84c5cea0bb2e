//! The catalogue's nouns: one set of handlers for all of them.
//!
//! A new noun is an [`ApiNoun`] with its paths and permissions, and one line in [`routes`].

use std::sync::Arc;

use app::catalog::{self, Entry, Listing, Position, SortBy};
use app::ports::Record;
use axum::Json;
use axum::extract::State;
use axum::response::IntoResponse;
use contract::page::Page;
use contract::problem::Code;
use contract::query::{self, ListQuery};
use contract::resource::{Resource, Warning};
use domain::campaign::Campaign;
use domain::ids::Id;
use domain::number::Number;
use domain::target::{RtbTarget, Target};
use http::StatusCode;
use http::header::LOCATION;
use serde_json::Value;

use crate::access::{
    Access, CampaignsRead, CampaignsWrite, Permission, PhoneNumbersRead, PhoneNumbersWrite, RtbTargetsRead,
    RtbTargetsWrite, TargetsRead, TargetsWrite,
};
use crate::body::JsonObject;
use crate::context::Context;
use crate::cursor;
use crate::params::{Named, Params};
use crate::refusal::Refusal;
use crate::routes::{Routes, Verb};

/// A noun with its place in the API.
trait ApiNoun: Entry {
    /// The path of all of them.
    const ALL: &'static str;
    /// The path of one of them.
    const ONE: &'static str;
    /// Seeing them.
    type Read: Permission;
    /// Changing them.
    type Write: Permission;
}

impl ApiNoun for Campaign {
    const ALL: &'static str = "/api/campaigns";
    const ONE: &'static str = "/api/campaigns/{id}";
    type Read = CampaignsRead;
    type Write = CampaignsWrite;
}
impl ApiNoun for Target {
    const ALL: &'static str = "/api/targets";
    const ONE: &'static str = "/api/targets/{id}";
    type Read = TargetsRead;
    type Write = TargetsWrite;
}
impl ApiNoun for RtbTarget {
    const ALL: &'static str = "/api/rtb-targets";
    const ONE: &'static str = "/api/rtb-targets/{id}";
    type Read = RtbTargetsRead;
    type Write = RtbTargetsWrite;
}
impl ApiNoun for Number {
    const ALL: &'static str = "/api/numbers";
    const ONE: &'static str = "/api/numbers/{id}";
    type Read = PhoneNumbersRead;
    type Write = PhoneNumbersWrite;
}

/// Their routes.
pub fn routes(routes: Routes) -> Routes {
    let routes = noun::<Campaign>(routes);
    let routes = noun::<Target>(routes);
    let routes = noun::<RtbTarget>(routes);
    noun::<Number>(routes)
}

fn noun<N: ApiNoun>(routes: Routes) -> Routes {
    routes
        .on(Verb::Get, N::ALL, list::<N>)
        .on(Verb::Post, N::ALL, create::<N>)
        .on(Verb::Get, N::ONE, get::<N>)
        .on(Verb::Patch, N::ONE, update::<N>)
        .on(Verb::Delete, N::ONE, delete::<N>)
}

async fn create<N: ApiNoun>(
    access: Access<N::Write>,
    State(context): State<Arc<Context>>,
    JsonObject(body): JsonObject,
) -> Result<impl IntoResponse, Refusal> {
    let stored = catalog::create::<N>(&context.tools(access.tenant), access.tenant, body).await??;
    let location = format!("{}/{}", N::ALL, stored.record.id);
    Ok((StatusCode::CREATED, [(LOCATION, location)], Json(resource(stored.record, stored.warnings))))
}

async fn get<N: ApiNoun>(
    access: Access<N::Read>,
    State(context): State<Arc<Context>>,
    Named(id): Named<Id<N::Noun>>,
) -> Result<Json<Resource>, Refusal> {
    let found = catalog::get::<N>(&context.tools(access.tenant), access.tenant, id).await?;
    found.map(|record| Json(resource(record, Vec::new()))).ok_or_else(Refusal::not_found)
}

async fn update<N: ApiNoun>(
    access: Access<N::Write>,
    State(context): State<Arc<Context>>,
    Named(id): Named<Id<N::Noun>>,
    JsonObject(patch): JsonObject,
) -> Result<Json<Resource>, Refusal> {
    let stored = catalog::update::<N>(&context.tools(access.tenant), access.tenant, id, patch).await??;
    Ok(Json(resource(stored.record, stored.warnings)))
}

async fn delete<N: ApiNoun>(
    access: Access<N::Write>,
    State(context): State<Arc<Context>>,
    Named(id): Named<Id<N::Noun>>,
) -> Result<StatusCode, Refusal> {
    catalog::delete::<N>(&context.tools(access.tenant), access.tenant, id).await??;
    Ok(StatusCode::NO_CONTENT)
}

async fn list<N: ApiNoun>(
    access: Access<N::Read>,
    State(context): State<Arc<Context>>,
    Params(params): Params,
) -> Result<Json<Page<Resource>>, Refusal> {
    let query = ListQuery::read(&params).map_err(|fields| Refusal::fields(Code::InvalidQuery, fields))?;
    let name = name_of_list::<N>(&query);
    let after = query.cursor.as_deref().map(|text| cursor::open(access.tenant, &name, text)).transpose()?;
    let listing = listing(query, after);
    let listed = catalog::list::<N>(&context.tools(access.tenant), access.tenant, &listing).await?;
    let next = listed.next.and_then(|Position { key, id }| cursor::seal(access.tenant, &name, (key, id)));
    let items = listed.items.into_iter().map(|record| resource(record, Vec::new())).collect();
    Ok(Json(Page { items, next }))
}

fn name_of_list<N: ApiNoun>(query: &ListQuery) -> String {
    format!("{} {:?} {} {:?}", N::ALL, query.sort, query.descending, query.search)
}

fn listing(query: ListQuery, after: Option<(String, String)>) -> Listing {
    let sort = match query.sort {
        query::SortBy::Name => SortBy::Name,
        query::SortBy::CreatedAt => SortBy::CreatedAt,
        query::SortBy::UpdatedAt => SortBy::UpdatedAt,
    };
    Listing {
        search: query.search,
        sort,
        descending: query.descending,
        after: after.map(|(key, id)| Position { key, id }),
        limit: usize::from(query.limit),
    }
}

/// A noun as the API shows it.
pub fn resource(record: Record, warnings: Vec<catalog::Warning>) -> Resource {
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
