//! `/api/twilio-accounts`: the Twilio accounts of a tenant. Tokens go in and never come out.
//!
//! Idempotency: connecting twice is refused with `taken`; a change names the version it was made from; a token that is
//! there is not added again; what is gone is not found.

use std::sync::Arc;

use app::catalog::{Position, page};
use app::ports::{AccountRow, Record};
use axum::Json;
use axum::extract::{FromRequestParts, Path, State};
use axum::response::IntoResponse;
use contract::page::Page;
use contract::problem::Code;
use contract::query::ListQuery;
use contract::resource::Resource;
use domain::ids::AccountSid;
use http::StatusCode;
use http::header::LOCATION;
use http::request::Parts;
use serde_json::json;

use crate::access::{Access, TwilioAccountsRead, TwilioAccountsWrite};
use crate::body::JsonObject;
use crate::context::Context;
use crate::cursor;
use crate::nouns::{listing, resource};
use crate::params::{Named, Params};
use crate::refusal::Refusal;
use crate::routes::{Routes, Verb};
use crate::twilio_account_docs as docs;

const ALL: &str = "/api/twilio-accounts";
const ONE: &str = "/api/twilio-accounts/{sid}";
const TOKENS: &str = "/api/twilio-accounts/{sid}/tokens";
const TOKEN: &str = "/api/twilio-accounts/{sid}/tokens/{token}";

/// Their routes.
pub fn routes(routes: Routes) -> Routes {
    routes
        .on(Verb::Get, ALL, list)
        .doc(docs::list)
        .on(Verb::Post, ALL, connect)
        .doc(docs::connect)
        .on(Verb::Get, ONE, get)
        .doc(docs::get)
        .on(Verb::Patch, ONE, change)
        .doc(docs::change)
        .on(Verb::Delete, ONE, disconnect)
        .doc(docs::disconnect)
        .on(Verb::Post, TOKENS, add_token)
        .doc(docs::add_token)
        .on(Verb::Delete, TOKEN, drop_token)
        .doc(docs::drop_token)
}

/// An account and one of its tokens, from the path.
struct NamedToken(AccountSid, String);

impl<S: Send + Sync> FromRequestParts<S> for NamedToken {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Refusal> {
        let path = Path::<(String, String)>::from_request_parts(parts, state).await;
        let Ok(Path((account, token))) = path else { return Err(Refusal::not_found()) };
        account.parse().map(|account| Self(account, token)).map_err(|_| Refusal::not_found())
    }
}

async fn list(
    access: Access<TwilioAccountsRead>,
    State(context): State<Arc<Context>>,
    Params(params): Params,
) -> Result<Json<Page<Resource>>, Refusal> {
    let query = ListQuery::read(&params).map_err(|fields| Refusal::fields(Code::InvalidQuery, fields))?;
    let name = format!("{ALL} {:?} {} {:?}", query.sort, query.descending, query.search);
    let after = query.cursor.as_deref().map(|text| cursor::open(access.tenant, &name, text)).transpose()?;
    let rows = context.desk(&access.by).list(access.tenant).await?;
    let listed = page(rows.into_iter().map(record).collect(), "name", &listing(query, false, after));
    let next = listed.next.and_then(|Position { key, id }| cursor::seal(access.tenant, &name, (key, id)));
    let items = listed.items.into_iter().map(|record| resource(record, Vec::new())).collect();
    Ok(Json(Page { items, next }))
}

async fn connect(
    access: Access<TwilioAccountsWrite>,
    State(context): State<Arc<Context>>,
    JsonObject(body): JsonObject,
) -> Result<impl IntoResponse, Refusal> {
    let row = context.desk(&access.by).connect(access.tenant, body).await??;
    let location = format!("{ALL}/{}", row.account_sid);
    Ok((StatusCode::CREATED, [(LOCATION, location)], shown(row)))
}

async fn get(
    access: Access<TwilioAccountsRead>,
    State(context): State<Arc<Context>>,
    Named(account): Named<AccountSid>,
) -> Result<Json<Resource>, Refusal> {
    let row = context.desk(&access.by).get(access.tenant, &account).await?;
    row.map(shown).ok_or_else(Refusal::not_found)
}

async fn change(
    access: Access<TwilioAccountsWrite>,
    State(context): State<Arc<Context>>,
    Named(account): Named<AccountSid>,
    JsonObject(patch): JsonObject,
) -> Result<Json<Resource>, Refusal> {
    Ok(shown(context.desk(&access.by).change(access.tenant, &account, patch).await??))
}

async fn disconnect(
    access: Access<TwilioAccountsWrite>,
    State(context): State<Arc<Context>>,
    Named(account): Named<AccountSid>,
) -> Result<StatusCode, Refusal> {
    context.desk(&access.by).disconnect(access.tenant, &account).await??;
    Ok(StatusCode::NO_CONTENT)
}

async fn add_token(
    access: Access<TwilioAccountsWrite>,
    State(context): State<Arc<Context>>,
    Named(account): Named<AccountSid>,
    JsonObject(body): JsonObject,
) -> Result<impl IntoResponse, Refusal> {
    let row = context.desk(&access.by).add_token(access.tenant, &account, body).await??;
    Ok((StatusCode::CREATED, shown(row)))
}

async fn drop_token(
    access: Access<TwilioAccountsWrite>,
    State(context): State<Arc<Context>>,
    NamedToken(account, token): NamedToken,
) -> Result<Json<Resource>, Refusal> {
    Ok(shown(context.desk(&access.by).drop_token(access.tenant, &account, &token).await??))
}

fn shown(row: AccountRow) -> Json<Resource> {
    Json(resource(record(row), Vec::new()))
}

/// Without the tokens: only which there are, since when, and which one our own requests are made with.
fn record(row: AccountRow) -> Record {
    let tokens = row.tokens.iter().enumerate().map(
        |(place, token)| json!({"id": token.id, "added_at": token.added_at, "for_requests": place == 0}),
    );
    let tokens: Vec<_> = tokens.collect();
    Record {
        id: row.account_sid.to_string(),
        version: row.version,
        created_at: row.created_at,
        updated_at: row.updated_at,
        body: json!({"account_sid": row.account_sid, "name": row.name, "tokens": tokens}),
    }
}
