//! What costs money: `GET /api/numbers/available`, `POST /api/numbers/buy`, `POST /api/numbers/{id}/release`.

use std::sync::Arc;

use app::catalog;
use app::numbers::{self, Purchase};
use app::ports::{self, NumberSearch};
use axum::Json;
use axum::extract::State;
use axum::response::IntoResponse;
use contract::numbers::{AvailableNumber, AvailableQuery, BuyNumber, ReleaseNumber};
use contract::page::Page;
use contract::problem::Code;
use domain::ids::NumberId;
use http::StatusCode;
use http::header::LOCATION;

use crate::access::{Access, PhoneNumbersBuy};
use crate::body::JsonObject;
use crate::context::Context;
use crate::nouns::resource;
use crate::params::{Named, Params};
use crate::refusal::Refusal;

pub async fn available(
    access: Access<PhoneNumbersBuy>,
    State(context): State<Arc<Context>>,
    Params(params): Params,
) -> Result<Json<Page<AvailableNumber>>, Refusal> {
    let query =
        AvailableQuery::read(&params).map_err(|fields| Refusal::fields(Code::InvalidQuery, fields))?;
    let (account, search) = search(query);
    let found = numbers::search(&context.tools(access.tenant, &access.by), &account, &search).await??;
    Ok(Json(Page { items: found.into_iter().map(shown).collect(), next: None }))
}

fn search(query: AvailableQuery) -> (domain::ids::AccountSid, NumberSearch) {
    let search = NumberSearch {
        country: query.country,
        kind: query.kind,
        area_code: query.area_code,
        contains: query.contains,
        region: query.region,
        locality: query.locality,
        postal_code: query.postal_code,
        limit: query.limit,
    };
    (query.account_sid, search)
}

fn shown(number: ports::AvailableNumber) -> AvailableNumber {
    AvailableNumber {
        number: number.number,
        friendly_name: number.friendly_name,
        locality: number.locality,
        region: number.region,
        postal_code: number.postal_code,
        country: number.country,
        capabilities: number.capabilities,
        needs_address: number.needs_address,
    }
}

pub async fn buy(
    access: Access<PhoneNumbersBuy>,
    State(context): State<Arc<Context>>,
    JsonObject(body): JsonObject,
) -> Result<impl IntoResponse, Refusal> {
    let BuyNumber { account_sid: account, number, campaign, publisher, pool, fallback_number } =
        catalog::read_body(body)?;
    let purchase = Purchase { account, number, campaign, publisher, pool, fallback_number };
    let stored = numbers::buy(&context.tools(access.tenant, &access.by), access.tenant, purchase).await??;
    let location = format!("/api/numbers/{}", stored.record.id);
    Ok((StatusCode::CREATED, [(LOCATION, location)], Json(resource(stored.record, stored.warnings))))
}

pub async fn release(
    access: Access<PhoneNumbersBuy>,
    State(context): State<Arc<Context>>,
    Named(id): Named<NumberId>,
    JsonObject(body): JsonObject,
) -> Result<StatusCode, Refusal> {
    let ReleaseNumber { confirm } = catalog::read_body(body)?;
    numbers::release(&context.tools(access.tenant, &access.by), access.tenant, id, &confirm).await??;
    Ok(StatusCode::NO_CONTENT)
}
