//! Pauses active campaigns of whose destinations none takes calls any more.
//!
//! Live flags decide, as on a call. They are set before anybody looks here, so of two who switch off the last two
//! destinations at the same time at least one sees that none is left.

use domain::audit::{Actor, By};
use domain::campaign::{Campaign, CampaignStatus, PausedReason};
use domain::caps::CounterId;
use domain::ids::{CampaignId, TenantId};
use domain::snapshot::Snapshot;
use futures::future::try_join_all;

use super::change::change;
use super::newest;
use crate::catalog::{self, Tools, Warning};
use crate::ports::PortResult;

/// Campaigns looked at at the same time, at most.
const PARALLEL: usize = 8;

/// How many destinations of a snapshot take calls now, and how many it has.
///
/// # Errors
/// The counters did not answer.
pub(super) async fn live(
    tools: &Tools<'_>,
    tenant: TenantId,
    snapshot: &Snapshot,
) -> PortResult<(usize, usize)> {
    let flags: Vec<CounterId> = snapshot.counters().into_iter().collect();
    let usage = tools.counters.usage(tenant, &flags).await?;
    Ok(snapshot.live_destinations(&|flag| usage.get(flag).is_some_and(|row| row.paused)))
}

/// Pauses those of these campaigns that are active without an active destination, in the platform's own name. Those in
/// `emptied` have none any more, whatever was published of them.
///
/// # Errors
/// A port did not answer.
pub(super) async fn pause_idle(
    tools: &Tools<'_>,
    tenant: TenantId,
    campaigns: &[CampaignId],
    emptied: &[CampaignId],
) -> PortResult<Vec<Warning>> {
    let system = By { actor: Actor::System, origin: tools.by.origin.clone() };
    let tools = Tools { by: &system, ..*tools };
    let mut warnings = Vec::new();
    for some in campaigns.chunks(PARALLEL) {
        let work = some.iter().map(|id| pause_if_idle(&tools, tenant, *id, emptied.contains(id)));
        warnings.extend(try_join_all(work).await?.into_iter().flatten());
    }
    Ok(warnings)
}

async fn pause_if_idle(
    tools: &Tools<'_>,
    tenant: TenantId,
    id: CampaignId,
    emptied: bool,
) -> PortResult<Option<Warning>> {
    let Some(record) = catalog::get::<Campaign>(tools, tenant, id).await? else { return Ok(None) };
    let campaign: Campaign = catalog::entry_of(&record)?;
    if campaign.status != CampaignStatus::Active {
        return Ok(None);
    }
    let Some(snapshot) = newest(tools, tenant, id).await? else { return Ok(None) };
    if !emptied && live(tools, tenant, &snapshot).await?.0 > 0 {
        return Ok(None);
    }
    let paused = change(tools, tenant, id, "paused", &|campaign| {
        if campaign.status == CampaignStatus::Active {
            campaign.status = CampaignStatus::Paused;
            campaign.paused_reason = Some(PausedReason::NoActiveDestination);
        }
        Ok(())
    })
    .await?;
    let message = match paused {
        Ok(stored) if stored.record.version == record.version => return Ok(None),
        Ok(_) => format!(
            "the campaign {} ({id}) was paused: none of its destinations takes calls any more",
            campaign.name
        ),
        Err(_) => format!(
            "the campaign {} ({id}) has no destination left that takes calls, and could not be paused: pause it",
            campaign.name
        ),
    };
    Ok(Some(Warning { code: "campaign_paused", message }))
}
