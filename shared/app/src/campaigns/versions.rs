//! What a campaign was when it was published: listed, read, and brought back as the draft.

use std::sync::Arc;

use domain::campaign::{AuctionSettings, Campaign};
use domain::ids::{CampaignId, TenantId};
use domain::snapshot::Snapshot;

use super::change::change;
use crate::catalog::{self, Outcome, Refused, Stored, Tools};
use crate::ports::{PortResult, PublishedVersion};

/// Some of a campaign's versions, newest first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Versions {
    /// The versions.
    pub items: Vec<PublishedVersion>,
    /// The version that calls run on.
    pub current: u64,
    /// The next older version; `None` at the end.
    pub next: Option<u64>,
}

/// The versions from `from` down, or from the newest.
///
/// # Errors
/// A port did not answer.
pub async fn versions(
    tools: &Tools<'_>,
    tenant: TenantId,
    id: CampaignId,
    from: Option<u64>,
    limit: u16,
) -> Outcome<Versions> {
    if catalog::get::<Campaign>(tools, tenant, id).await?.is_none() {
        return Ok(Err(Refused::NotFound));
    }
    let current = tools.published.version(tenant, id).await?.unwrap_or(0);
    let from = from.unwrap_or(current).min(current);
    let items = tools.catalog.versions(tenant, id, from, limit).await?;
    let next = from.checked_sub(u64::from(limit)).filter(|next| *next > 0);
    Ok(Ok(Versions { items, current, next }))
}

/// One version as calls ran on it; `None` when this tenant's campaign has no such version.
///
/// # Errors
/// A port did not answer.
pub async fn version(
    tools: &Tools<'_>,
    tenant: TenantId,
    id: CampaignId,
    number: u64,
) -> PortResult<Option<Arc<Snapshot>>> {
    if catalog::get::<Campaign>(tools, tenant, id).await?.is_none() {
        return Ok(None);
    }
    tools.published.snapshot(tenant, id, number).await
}

/// Makes a version's campaign the draft again. Whether the campaign is switched on stays as it is, and nothing is published.
///
/// # Errors
/// A port did not answer.
pub async fn restore(tools: &Tools<'_>, tenant: TenantId, id: CampaignId, number: u64) -> Outcome<Stored> {
    let Some(snapshot) = version(tools, tenant, id, number).await? else { return Ok(Err(Refused::NotFound)) };
    let as_it_was = |campaign: &Campaign| {
        let mut restored = snapshot.campaign.clone();
        (restored.status, restored.paused_reason) = (campaign.status, campaign.paused_reason);
        if restored.ring_tree.is_some() {
            // Publishing has put the tree's auction in; the campaign only names the tree.
            restored.auction = AuctionSettings::default();
        }
        restored
    };
    let Some(record) = catalog::get::<Campaign>(tools, tenant, id).await? else {
        return Ok(Err(Refused::NotFound));
    };
    let now: Campaign = catalog::entry_of(&record)?;
    // What it named then may be gone.
    let problems = catalog::problems_of(tools, tenant, &as_it_was(&now), Some(&now)).await?;
    if !problems.is_empty() {
        return Ok(Err(Refused::Invalid(problems)));
    }
    let edit = |campaign: &mut Campaign| {
        *campaign = as_it_was(campaign);
        Ok(())
    };
    change(tools, tenant, id, "restored", &edit).await
}
