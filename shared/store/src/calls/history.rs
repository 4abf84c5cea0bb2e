//! What is known of a caller on a campaign: one small document, changed together with the calls it tells of.
//!
//! A change names the revision it was made from. Of two at once one finds another revision, folds its news into that and
//! writes again: news in any order lead to the same history.

use app::ports::{KnownCaller, PortError, PortResult};
use domain::call::Call;
use domain::duplicates::News;
use domain::ids::{CampaignId, TenantId};

use crate::Store;
use crate::item::{Draft, Item, body, json, number, number_of};
use crate::keys;
use crate::write::{Deed, Write};

const READ: &str = "read a caller's history";
const WRITE: &str = "write a caller's history";

impl Store {
    pub(super) async fn read_caller(
        &self,
        tenant: TenantId,
        campaign: CampaignId,
        caller_key: &str,
    ) -> PortResult<KnownCaller> {
        let item = self.get(READ, keys::caller_on_campaign(tenant, caller_key, campaign)).await?;
        known(item.as_ref())
    }
}

/// What an item says; nothing is known when there is none.
pub(super) fn known(item: Option<&Item>) -> PortResult<KnownCaller> {
    let Some(item) = item else { return Ok(KnownCaller::default()) };
    let revision = number_of(item, "revision").map_err(|cause| PortError::corrupt(READ, cause))?;
    Ok(KnownCaller { history: body(READ, item)?, revision })
}

/// The history with this call's news in it, if it is still as it was known; nothing for callers who are not recognised.
pub(super) fn learns(call: &Call, known: &KnownCaller, news: News) -> PortResult<Option<Write>> {
    let Some(caller) = call.caller_key.as_deref() else { return Ok(None) };
    let mut history = known.history.clone();
    history.after(call.id, call.started_at, news);
    let key = keys::caller_on_campaign(call.tenant, caller, call.campaign);
    let item = Draft::new(key, "caller_history", Some(call.tenant))
        .with("body", json(WRITE, &history)?)
        .with("revision", number(known.revision + 1))
        .build();
    if known.revision == 0 {
        return Ok(Some(Write::create(item)));
    }
    let unchanged = Write::new(Deed::Put(item)).only_if("#revision = :known").name("#revision", "revision");
    Ok(Some(unchanged.value(":known", number(known.revision))))
}
