//! A conversion that somebody with an account reports, and the address by which systems without one do.

use std::sync::Arc;

use app::books::{NewReport, Reported, report_conversion};
use app::catalog;
use app::incoming_webhooks::token;
use app::trail::Chain;
use axum::Json;
use axum::extract::State;
use contract::books::{ConversionBody, ConversionView, WebhookAddress};
use contract::problem::Code;
use domain::conversion_report::{ConversionReport, Reporter, check_revenue};
use domain::ids::{CallId, IncomingWebhookId};
use domain::incoming_webhook::IncomingWebhook;
use domain::validate::Problems;

use super::tools;
use crate::access::{Access, ConversionsWrite, IncomingWebhooksWrite};
use crate::body::Body;
use crate::context::Context;
use crate::params::Named;
use crate::refusal::Refusal;

/// `POST /api/calls/{id}/conversion`.
pub async fn report(
    access: Access<ConversionsWrite>,
    State(context): State<Arc<Context>>,
    Named(call): Named<CallId>,
    Body(body): Body<ConversionBody>,
) -> Result<Json<ConversionView>, Refusal> {
    let mut problems = Problems::new();
    check_revenue("revenue", body.revenue, &mut problems);
    problems.into_result().map_err(|fields| Refusal::fields(Code::Invalid, fields))?;
    let by = Reporter::Account(access.by.actor);
    let new = NewReport { call, campaign: None, by, revenue: body.revenue };
    match report_conversion(&tools(&context), access.tenant, new, Some(&access.by)).await? {
        Reported::Counts(report) => {
            if let Err(error) = context.postbacks.look_at(access.tenant, call).await {
                tracing::error!(error = %Chain(&error), "a tracker is not told of a conversion");
            }
            Ok(Json(ConversionView::of(call, &report)))
        }
        Reported::UnknownCall => Err(Refusal::not_found()),
        Reported::Before(report) => Err(Refusal::new(Code::ReportedBefore, reported_before(&report))),
        Reported::TooLate => Err(Refusal::new(
            Code::TooLate,
            "a conversion is reported within thirty days of the call's connection: request an adjustment",
        )),
    }
}

fn reported_before(report: &ConversionReport) -> String {
    let amount =
        report.revenue.map_or_else(|| "without an amount".to_owned(), |amount| format!("with {amount}"));
    format!("reported at {:.0} {amount}: request an adjustment to correct it", report.at)
}

/// `GET /api/incoming-webhooks/{id}/url`. The address is made, not stored.
pub async fn url(
    access: Access<IncomingWebhooksWrite>,
    State(context): State<Arc<Context>>,
    Named(id): Named<IncomingWebhookId>,
) -> Result<Json<WebhookAddress>, Refusal> {
    let found =
        catalog::get::<IncomingWebhook>(&context.tools(access.tenant, &access.by), access.tenant, id).await?;
    if found.is_none() {
        return Err(Refusal::not_found());
    }
    let token = token(context.vault.as_ref(), access.tenant, id).await?;
    Ok(Json(WebhookAddress { url: format!("{}/{}", context.hook_url, token.expose()) }))
}
