//! What follows for published campaigns when something they use was changed or removed.

use domain::ids::{CampaignId, TenantId};
use serde_json::Value;

use super::{idle, republish};
use crate::catalog::{Tools, Warning};
use crate::ports::{Kind, PortResult};

/// Publishes again what uses the thing, and pauses what has no destination left; `body` is the thing as it is now, `None`
/// when it is gone.
///
/// # Errors
/// A port did not answer. Saving the thing again repeats all of it.
pub(crate) async fn follow(
    tools: &Tools<'_>,
    tenant: TenantId,
    kind: Kind,
    id: &str,
    body: Option<&Value>,
) -> PortResult<Vec<Warning>> {
    // Campaigns are published by their owners; the others stand in none.
    if matches!(kind, Kind::Campaign | Kind::Number | Kind::Publisher | Kind::BlockedNumber) {
        return Ok(Vec::new());
    }
    let in_use = tools.catalog.in_use(tenant).await?;
    let using: Vec<CampaignId> =
        in_use.into_iter().filter(|one| one.uses.contains(id)).map(|one| one.campaign).collect();
    let mut warnings = Vec::new();
    // What is gone cannot be put in; its live flag has switched it off.
    if body.is_some() {
        warnings.extend(republish::all(tools, tenant, &using).await);
    }
    let takes_calls =
        body.and_then(|body| body.get("status")).and_then(Value::as_str).is_some_and(|status| status == "active");
    if !takes_calls {
        warnings.extend(idle::pause_idle(tools, tenant, &using).await?);
    }
    Ok(warnings)
}
