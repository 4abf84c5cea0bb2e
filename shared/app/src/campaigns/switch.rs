//! Switching a campaign on and off. Doing it again does nothing. Whichever way a campaign that exists becomes active, by its
//! own route or by a change of its fields, it must be able to place a call.

use domain::campaign::{Campaign, CampaignStatus};
use domain::ids::{CampaignId, TenantId};
use domain::validate::Problem;

use super::change::change;
use super::idle::pause_idle;
use super::readiness::{Check, State, readiness};
use crate::catalog::{self, Outcome, Refused, Stored, Tools, Warning};
use crate::ports::PortResult;

/// Switches a campaign off; effective for the next call.
///
/// # Errors
/// A port did not answer.
pub async fn pause(tools: &Tools<'_>, tenant: TenantId, id: CampaignId) -> Outcome<Stored> {
    change(tools, tenant, id, "paused", &|campaign| set(campaign, CampaignStatus::Paused)).await
}

/// Switches a campaign on, if it could place a call; what else stands in the way of calls is told as warnings.
///
/// # Errors
/// A port did not answer.
pub async fn activate(tools: &Tools<'_>, tenant: TenantId, id: CampaignId) -> Outcome<Stored> {
    let warnings = match may_activate(tools, tenant, id).await? {
        Ok(warnings) => warnings,
        Err(refused) => return Ok(Err(refused)),
    };
    let stored =
        change(tools, tenant, id, "activated", &|campaign| set(campaign, CampaignStatus::Active)).await?;
    let mut stored = match stored {
        Ok(stored) => stored,
        Err(refused) => return Ok(Err(refused)),
    };
    stored.warnings.extend(warnings);
    after_activation(tools, tenant, id, stored).await.map(Ok)
}

/// Whether a campaign may be switched on; then, what else stands in the way of calls.
///
/// # Errors
/// A port did not answer.
pub(crate) async fn may_activate(
    tools: &Tools<'_>,
    tenant: TenantId,
    id: CampaignId,
) -> Outcome<Vec<Warning>> {
    let ready = match readiness(tools, tenant, id).await? {
        Ok(ready) => ready,
        Err(refused) => return Ok(Err(refused)),
    };
    if ready.status == CampaignStatus::Archived {
        return Ok(Err(Refused::Archived));
    }
    let missing: Vec<Check> = ready
        .checks
        .into_iter()
        .filter(|check| check.state == State::Missing && check.code != "active")
        .collect();
    let prevents = |check: &Check| ["published", "destination", "active_destination"].contains(&check.code);
    if missing.iter().any(prevents) {
        let problems = missing.into_iter().map(|check| Problem {
            field: check.field.unwrap_or_default(),
            rule: check.code.to_owned(),
            message: match check.action {
                Some(action) => format!("{}: {action}", check.message),
                None => check.message,
            },
        });
        return Ok(Err(Refused::NotReady(problems.collect())));
    }
    Ok(Ok(missing.into_iter().map(|check| Warning { code: check.code, message: check.message }).collect()))
}

/// Looks once more: the last destination may have gone while the campaign was switched on.
///
/// # Errors
/// A port did not answer.
pub(crate) async fn after_activation(
    tools: &Tools<'_>,
    tenant: TenantId,
    id: CampaignId,
    mut stored: Stored,
) -> PortResult<Stored> {
    let paused = pause_idle(tools, tenant, &[id], &[]).await?;
    if !paused.is_empty() {
        stored.warnings.extend(paused);
        if let Some(record) = catalog::get::<Campaign>(tools, tenant, id).await? {
            stored.record = record;
        }
    }
    Ok(stored)
}

fn set(campaign: &mut Campaign, status: CampaignStatus) -> Result<(), Refused> {
    if campaign.status == CampaignStatus::Archived {
        return Err(Refused::Archived);
    }
    if campaign.status != status {
        campaign.status = status;
        campaign.paused_reason = None;
    }
    Ok(())
}
