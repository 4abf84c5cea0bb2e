//! What the choice of a destination looks at besides the campaign: counters and live flags, and what destinations earned
//! where the campaign ranks by it. Both are read at the same time: no further round trip.

use std::collections::HashMap;

use domain::caps::{CounterId, Usage};
use domain::ids::{PublisherId, TenantId};
use domain::snapshot::Snapshot;
use jiff::Timestamp;

use crate::ports::{Counters, PortResult};

/// The rows `of`, and on those of destinations what they earned by `at`, from this publisher's calls and from all.
pub(crate) async fn usage(
    counters: &dyn Counters,
    tenant: TenantId,
    (snapshot, publisher): (&Snapshot, Option<PublisherId>),
    of: &[CounterId],
    at: Timestamp,
) -> PortResult<HashMap<CounterId, Usage>> {
    if !snapshot.ranks_by_earnings() {
        return counters.usage(tenant, of).await;
    }
    let earned = counters.earned(tenant, snapshot.campaign_id, publisher, at);
    let (mut usage, earned) = futures::try_join!(counters.usage(tenant, of), earned)?;
    for (via, earned) in earned {
        usage.entry(via.counter()).or_default().earned = earned;
    }
    Ok(usage)
}
