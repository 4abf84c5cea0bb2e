//! Adjustments: asked for, listed, decided. A buyer's person disputes own calls by the same route.

use std::sync::Arc;

use app::books::{Decision, Unadjusted, Wanted, decide};
use app::ports::AdjustmentList;
use axum::Json;
use axum::extract::State;
use axum::response::IntoResponse;
use contract::books::{AdjustmentBody, AdjustmentView, AdjustmentsQuery, DecisionBody};
use contract::page::Page;
use contract::problem::Code;
use domain::access::Party;
use domain::adjustment::Adjustment;
use domain::ids::{AdjustmentId, BuyerId, CallId};
use domain::ledger::{EntryKind, MAX_ENTRIES, Unbookable};
use http::StatusCode;
use http::header::LOCATION;

use super::tools;
use crate::access::{Access, AdjustmentsDecide, AdjustmentsRead, AdjustmentsRequest, OwnAccess};
use crate::actors::Names;
use crate::body::Body;
use crate::context::Context;
use crate::cursor;
use crate::params::{Named, Params};
use crate::refusal::Refusal;

/// The buyer to whom somebody is limited; publishers have no adjustments.
fn buyer(only: Option<Party>) -> Result<Option<BuyerId>, Refusal> {
    match only {
        None => Ok(None),
        Some(Party::Buyer(buyer)) => Ok(Some(buyer)),
        Some(Party::Publisher(_)) => Err(Refusal::not_found()),
    }
}

/// `POST /api/calls/{id}/adjustments`.
pub async fn request(
    access: OwnAccess<AdjustmentsRequest>,
    State(context): State<Arc<Context>>,
    Named(call): Named<CallId>,
    Body(body): Body<AdjustmentBody>,
) -> Result<impl IntoResponse, Refusal> {
    let AdjustmentBody { revenue, payout, reason } = body;
    let wanted = Wanted { call, revenue, payout, reason, disputed_by: buyer(access.only)? };
    let made = app::books::request(&tools(&context), access.tenant, &access.by, wanted).await?;
    let made = made.map_err(refusal)?;
    let location = format!("/api/adjustments/{}", made.id);
    let shown = shown(&context, made, access.only.is_none()).await?;
    Ok((StatusCode::CREATED, [(LOCATION, location)], Json(shown)))
}

/// `GET /api/adjustments`.
pub async fn list(
    access: OwnAccess<AdjustmentsRead>,
    State(context): State<Arc<Context>>,
    Params(params): Params,
) -> Result<Json<Page<AdjustmentView>>, Refusal> {
    let query =
        AdjustmentsQuery::read(&params).map_err(|fields| Refusal::fields(Code::InvalidQuery, fields))?;
    let list = match buyer(access.only)? {
        Some(buyer) => AdjustmentList::DisputedBy(buyer),
        None => AdjustmentList::Status(query.status),
    };
    let name = format!("adjustments {list:?}");
    let from: Option<String> =
        query.cursor.as_deref().map(|text| cursor::open(access.tenant, &name, text)).transpose()?;
    let page = context.books.adjustments(access.tenant, list, from.as_deref(), query.limit).await?;
    let next = page.next.and_then(|place| cursor::seal(access.tenant, &name, place));
    let actors = page.items.iter().flat_map(actors);
    let names = Names::of(&context, access.tenant, actors).await?;
    let items = page.items.into_iter().map(|one| view(one, &names, access.only.is_none())).collect();
    Ok(Json(Page { items, next }))
}

/// `GET /api/adjustments/{id}`.
pub async fn get(
    access: OwnAccess<AdjustmentsRead>,
    State(context): State<Arc<Context>>,
    Named(id): Named<AdjustmentId>,
) -> Result<Json<AdjustmentView>, Refusal> {
    let only = buyer(access.only)?;
    let found = context.books.adjustment(access.tenant, id).await?;
    let own = |adjustment: &Adjustment| only.is_none() || adjustment.disputed_by == only;
    let adjustment = found.filter(own).ok_or_else(Refusal::not_found)?;
    shown(&context, adjustment, only.is_none()).await.map(Json)
}

/// `POST /api/adjustments/{id}/approve`.
pub async fn approve(
    access: Access<AdjustmentsDecide>,
    State(context): State<Arc<Context>>,
    Named(id): Named<AdjustmentId>,
    Body(body): Body<DecisionBody>,
) -> Result<Json<AdjustmentView>, Refusal> {
    decided(access, &context, id, Decision { approve: true, note: body.note }).await
}

/// `POST /api/adjustments/{id}/reject`.
pub async fn reject(
    access: Access<AdjustmentsDecide>,
    State(context): State<Arc<Context>>,
    Named(id): Named<AdjustmentId>,
    Body(body): Body<DecisionBody>,
) -> Result<Json<AdjustmentView>, Refusal> {
    decided(access, &context, id, Decision { approve: false, note: body.note }).await
}

async fn decided(
    access: Access<AdjustmentsDecide>,
    context: &Context,
    id: AdjustmentId,
    decision: Decision,
) -> Result<Json<AdjustmentView>, Refusal> {
    let decided = decide(&tools(context), access.tenant, &access.by, id, &decision).await?;
    shown(context, decided.map_err(refusal)?, true).await.map(Json)
}

fn actors(adjustment: &Adjustment) -> impl Iterator<Item = domain::audit::Actor> + Clone + use<> {
    let decided_by = adjustment.decided.as_ref().map(|decided| decided.by);
    std::iter::once(adjustment.requested_by).chain(decided_by)
}

async fn shown(context: &Context, adjustment: Adjustment, whole: bool) -> Result<AdjustmentView, Refusal> {
    let names = Names::of(context, adjustment.tenant, actors(&adjustment)).await?;
    Ok(view(adjustment, &names, whole))
}

fn view(adjustment: Adjustment, names: &Names, whole: bool) -> AdjustmentView {
    let decided = adjustment.decided;
    AdjustmentView {
        id: adjustment.id,
        call: adjustment.call,
        revenue: adjustment.revenue,
        payout: whole.then_some(adjustment.payout),
        currency: adjustment.currency,
        reason: adjustment.reason,
        is_dispute: adjustment.disputed_by.is_some(),
        status: adjustment.status,
        requested_at: adjustment.requested_at,
        requested_by: whole.then(|| names.shown(adjustment.requested_by)),
        decided_at: decided.as_ref().map(|decided| decided.at),
        decided_by: decided.as_ref().filter(|_| whole).map(|decided| names.shown(decided.by)),
        note: decided.map(|decided| decided.note).filter(|note| !note.is_empty()),
    }
}

fn refusal(why: Unadjusted) -> Refusal {
    let state = |words: &str| Refusal::new(Code::WrongState, words);
    match why {
        Unadjusted::NotFound => Refusal::not_found(),
        Unadjusted::Invalid(fields) => Refusal::fields(Code::Invalid, fields),
        Unadjusted::Open => state("the call is not settled yet: ask again when it is over"),
        Unadjusted::Decided(adjustment) => {
            let when =
                adjustment.decided.map_or_else(String::new, |decided| format!(" at {:.0}", decided.at));
            state(&format!("this adjustment was {}{when}", adjustment.status.as_str()))
        }
        Unadjusted::Unbookable(why) => unbookable(why),
    }
}

fn unbookable(why: Unbookable) -> Refusal {
    let field = |kind: EntryKind| match kind {
        EntryKind::Revenue => "revenue",
        EntryKind::Payout => "payout",
    };
    let (field, words) = match why {
        Unbookable::BelowZero(kind) => {
            (field(kind), format!("the call's {} would fall below nothing", field(kind)))
        }
        Unbookable::Nobody(EntryKind::Revenue) => {
            ("revenue", "no destination was dialled: there is nobody who could owe it".to_owned())
        }
        Unbookable::Nobody(EntryKind::Payout) => {
            ("payout", "no publisher sent this call: there is nobody to pay".to_owned())
        }
        Unbookable::TooMany => ("", format!("a call has at most {MAX_ENTRIES} lines in the ledger")),
        Unbookable::TooLarge => ("revenue", "the amount is too large".to_owned()),
    };
    let mut problems = domain::validate::Problems::new();
    problems.add(field, "books", words);
    Refusal::fields(Code::Invalid, problems.into_vec())
}
