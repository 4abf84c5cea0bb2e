//! Being asked: publishers' addresses for pings, and the log of pings.
//!
//! What must stay true: an address is shown only to those who may change the campaign; a publisher's person sees their own
//! pings, and of a refusal its code but not the reasons within the account.

mod docs;

use std::sync::Arc;

use app::ports::{IssuedAddress, PingsOf};
use app::rtb_addresses;
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use contract::problem::Code;
use contract::rtb::{Of, PingView, PingsPage, PingsQuery, RtbUrl, RtbUrlBody, RtbUrls};
use domain::access::Party;
use domain::ids::{CampaignId, TenantId};
use domain::inbound::Environment;
use jiff::tz::TimeZone;

use crate::access::{Access, CampaignsWrite, OwnAccess, PingsRead};
use crate::body::Body;
use crate::context::Context;
use crate::cursor;
use crate::params::{Named, Params};
use crate::refusal::Refusal;
use crate::routes::{Routes, Verb};

/// Their routes.
pub fn routes(routes: Routes) -> Routes {
    routes
        .on(Verb::Get, "/api/campaigns/{id}/rtb-urls", list)
        .doc(docs::list)
        .on(Verb::Post, "/api/campaigns/{id}/rtb-urls", issue)
        .doc(docs::issue)
        .on(Verb::Get, "/api/pings", pings)
        .doc(docs::pings)
}

async fn list(
    access: Access<CampaignsWrite>,
    State(context): State<Arc<Context>>,
    Named(id): Named<CampaignId>,
) -> Result<Json<RtbUrls>, Refusal> {
    let tools = context.tools(access.tenant, &access.by);
    let issued = rtb_addresses::list(&tools, context.inbound.as_ref(), access.tenant, id).await??;
    let mut items = Vec::with_capacity(issued.len());
    for issued in issued {
        items.push(shown(&context, access.tenant, issued).await?);
    }
    Ok(Json(RtbUrls { items }))
}

async fn issue(
    access: Access<CampaignsWrite>,
    State(context): State<Arc<Context>>,
    Named(id): Named<CampaignId>,
    Body(body): Body<RtbUrlBody>,
) -> Result<(StatusCode, Json<RtbUrl>), Refusal> {
    let tools = context.tools(access.tenant, &access.by);
    let bids = context.inbound.as_ref();
    let issued = rtb_addresses::issue(&tools, bids, access.tenant, id, body.publisher).await??;
    Ok((StatusCode::CREATED, Json(shown(&context, access.tenant, issued).await?)))
}

async fn shown(context: &Context, tenant: TenantId, issued: IssuedAddress) -> Result<RtbUrl, Refusal> {
    let secret = rtb_addresses::secret(context.vault.as_ref(), tenant, &issued.rtb_id).await?;
    let url = |environment: Environment| {
        format!("{}/{}/{}.json", context.ping_url, environment.as_str(), issued.rtb_id.expose())
    };
    Ok(RtbUrl {
        publisher: issued.publisher,
        issued_at: issued.issued_at,
        production: url(Environment::Production),
        test: url(Environment::Test),
        sandbox: url(Environment::Sandbox),
        secret: secret.expose().to_owned(),
    })
}

async fn pings(
    access: OwnAccess<PingsRead>,
    State(context): State<Arc<Context>>,
    Params(params): Params,
) -> Result<Json<PingsPage>, Refusal> {
    let query = PingsQuery::read(&params).map_err(|fields| Refusal::fields(Code::InvalidQuery, fields))?;
    let of = match query.of {
        Of::Campaign(campaign) => PingsOf::Campaign(campaign),
        Of::Publisher(publisher) => PingsOf::Publisher(publisher),
    };
    let own = match access.only {
        None => true,
        Some(Party::Publisher(publisher)) => of == PingsOf::Publisher(publisher),
        Some(Party::Buyer(_)) => false,
    };
    if !own {
        return Err(Refusal::not_found());
    }
    let day = query.day.unwrap_or_else(|| context.clock.now().to_zoned(TimeZone::UTC).date());
    let list = format!("pings {of:?} {day}");
    let from: Option<String> =
        query.cursor.as_deref().map(|text| cursor::open(access.tenant, &list, text)).transpose()?;
    let page = context.inbound.pings(access.tenant, of, day, from.as_deref(), query.limit).await?;
    let with_why = access.only.is_none();
    Ok(Json(PingsPage {
        items: page.items.into_iter().map(|line| PingView::of(line, with_why)).collect(),
        next: page.next.and_then(|place| cursor::seal(access.tenant, &list, place)),
    }))
}
