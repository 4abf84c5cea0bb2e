//! Switching a campaign on and off. Doing it again does nothing.

use domain::campaign::{Campaign, CampaignStatus};
use domain::ids::{CampaignId, TenantId};
use domain::validate::Problem;

use super::change::change;
use super::idle::pause_idle;
use super::readiness::{State, readiness};
use crate::catalog::{self, Outcome, Refused, Stored, Tools, Warning};

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
    let ready = match readiness(tools, tenant, id).await? {
        Ok(ready) => ready,
        Err(refused) => return Ok(Err(refused)),
    };
    let is_missing =
        |code: &str| ready.checks.iter().any(|check| check.code == code && check.state == State::Missing);
    if ready.status == CampaignStatus::Archived {
        return Ok(Err(Refused::Archived));
    }
    if ["published", "destination", "active_destination"].into_iter().any(is_missing) {
        let missing =
            ready.checks.iter().filter(|check| check.state == State::Missing && check.code != "active");
        let problems = missing.map(|check| Problem {
            field: check.field.clone().unwrap_or_default(),
            rule: check.code.to_owned(),
            message: match &check.action {
                Some(action) => format!("{}: {action}", check.message),
                None => check.message.clone(),
            },
        });
        return Ok(Err(Refused::NotReady(problems.collect())));
    }
    let stored =
        change(tools, tenant, id, "activated", &|campaign| set(campaign, CampaignStatus::Active)).await?;
    let mut stored = match stored {
        Ok(stored) => stored,
        Err(refused) => return Ok(Err(refused)),
    };
    let others =
        ready.checks.into_iter().filter(|check| check.state == State::Missing && check.code != "active");
    stored.warnings.extend(others.map(|check| Warning { code: check.code, message: check.message }));
    // The last destination may have gone while this was going on.
    let paused = pause_idle(tools, tenant, &[id], &[]).await?;
    if !paused.is_empty() {
        stored.warnings.extend(paused);
        if let Some(record) = catalog::get::<Campaign>(tools, tenant, id).await? {
            stored.record = record;
        }
    }
    Ok(Ok(stored))
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
