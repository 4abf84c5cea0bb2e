//! What follows for published campaigns when something they use was changed or removed.

use domain::ids::{CampaignId, TenantId};

use super::{idle, republish};
use crate::catalog::{Tools, Warning};
use crate::ports::{Kind, PortResult};

/// Publishes again what uses the thing, and pauses what has no destination left; `is_there` says
/// whether it was changed, not removed.
///
/// # Errors
/// A port did not answer. Saving the thing again repeats all of it.
pub(crate) async fn follow(
    tools: &Tools<'_>,
    tenant: TenantId,
    kind: Kind,
    id: &str,
    is_there: bool,
) -> PortResult<Vec<Warning>> {
    // Campaigns are published by their owners; the others stand in none.
    if matches!(kind, Kind::Campaign | Kind::Number | Kind::Publisher | Kind::BlockedNumber) {
        return Ok(Vec::new());
    }
    let in_use = tools.catalog.in_use(tenant).await?;
    let using: Vec<CampaignId> =
        in_use.into_iter().filter(|one| one.uses.contains(id)).map(|one| one.campaign).collect();
    let mut warnings = Vec::new();
    let mut emptied = Vec::new();
    // What is gone cannot be put in; its live flag has switched it off.
    if is_there {
        let outcome = republish::all(tools, tenant, &using).await;
        warnings.extend(outcome.warning);
        emptied = outcome.emptied;
    }
    warnings.extend(idle::pause_idle(tools, tenant, &using, &emptied).await?);
    Ok(warnings)
}
