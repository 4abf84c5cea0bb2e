//! The life of a campaign: ready or not, switched on and off, copied, restored, kept up to date with what it shares.
//!
//! What must stay true:
//!
//! * Calls run on what was published. When a shared thing changes, the published campaigns that use it get the new one by
//!   a version of their own, made of the *published* campaign: an unfinished draft is never published by the way.
//! * An active campaign whose last destination stopped taking calls is paused, and says why.
//! * Switching on what could not place a call is refused with the list of what is missing.

mod bulk;
mod change;
mod duplicate;
mod follow;
mod idle;
mod readiness;
pub(crate) mod republish;
mod switch;
mod versions;

pub use bulk::{BulkAction, BulkOutcome, MAX_BULK, bulk};
pub use duplicate::duplicate;
pub(crate) use follow::follow;
pub use readiness::{Check, Readiness, State, readiness};
pub use switch::{activate, pause};
pub(crate) use switch::{after_activation, may_activate};
pub use versions::{Versions, restore, version, versions};

use std::sync::Arc;

use domain::ids::{CampaignId, TenantId};
use domain::snapshot::Snapshot;

use crate::catalog::Tools;
use crate::ports::PortResult;

/// The newest published version of a campaign, if there is one.
pub(crate) async fn newest(
    tools: &Tools<'_>,
    tenant: TenantId,
    id: CampaignId,
) -> PortResult<Option<Arc<Snapshot>>> {
    match tools.published.version(tenant, id).await? {
        Some(version) => tools.published.snapshot(tenant, id, version).await,
        None => Ok(None),
    }
}
