//! Changes of a campaign that come from no version a client has read: they are made to what is stored now.

use domain::campaign::Campaign;
use domain::ids::{CampaignId, TenantId};

use crate::catalog::{self, Outcome, Refused, Stored, Tools};

/// Tries against others who change the same campaign.
const ROUNDS: u8 = 5;

/// Stores what `edit` makes of the campaign, with the live flag that follows from it; `deed` is for the audit log. What is
/// the same afterwards is not stored again.
///
/// # Errors
/// A port did not answer.
pub(super) async fn change(
    tools: &Tools<'_>,
    tenant: TenantId,
    id: CampaignId,
    deed: &'static str,
    edit: &(dyn Fn(&mut Campaign) -> Result<(), Refused> + Send + Sync),
) -> Outcome<Stored> {
    for _ in 0..ROUNDS {
        let Some(before) = catalog::get::<Campaign>(tools, tenant, id).await? else {
            return Ok(Err(Refused::NotFound));
        };
        let old: Campaign = catalog::entry_of(&before)?;
        let mut new = old.clone();
        if let Err(refused) = edit(&mut new) {
            return Ok(Err(refused));
        }
        match catalog::save(tools, tenant, &before, (&old, &new), deed).await? {
            Err(Refused::Changed { .. }) => {}
            outcome => return Ok(outcome),
        }
    }
    Ok(Err(Refused::Changed { current: None }))
}
