//! Addresses at which publishers ping us, and the secrets that belong to them.
//!
//! An address is a credential, so it is no part of the campaign: not of what is published, of its versions or of the audit
//! log. A new one takes the place of the one before at once. The secret for bearer tokens and signatures is a keyed hash of
//! the address: nothing of it is stored, and it changes with the address.

use domain::campaign::Campaign;
use domain::ids::{CampaignId, PublisherId, TenantId};
use domain::inbound::{RtbAddress, RtbId};

use crate::api_keys;
use crate::catalog::{self, Outcome, Refused, Tools};
use crate::ports::{InboundBids, IssuedAddress, Kind, PortError, PortResult, Vault};
use crate::secret::Secret;

/// The secret that belongs to an address.
///
/// # Errors
/// The vault did not answer.
pub async fn secret(vault: &dyn Vault, tenant: TenantId, id: &RtbId) -> PortResult<Secret> {
    // The line break keeps it apart from everything else that is hashed: no number or address holds one.
    vault.pseudonym(tenant, &format!("rtb secret\n{}", id.expose())).await.map(Secret::new)
}

/// The addresses of a campaign's publishers.
///
/// # Errors
/// A port did not answer.
pub async fn list(
    tools: &Tools<'_>,
    bids: &dyn InboundBids,
    tenant: TenantId,
    id: CampaignId,
) -> Outcome<Vec<IssuedAddress>> {
    if catalog::get::<Campaign>(tools, tenant, id).await?.is_none() {
        return Ok(Err(Refused::NotFound));
    }
    bids.addresses(tenant, id).await.map(Ok)
}

/// Gives a publisher an address, in place of the one it had.
///
/// # Errors
/// A port did not answer, or there is no randomness.
pub async fn issue(
    tools: &Tools<'_>,
    bids: &dyn InboundBids,
    tenant: TenantId,
    id: CampaignId,
    publisher: PublisherId,
) -> Outcome<IssuedAddress> {
    const WHAT: &str = "make an address for pings";
    let Some(record) = catalog::get::<Campaign>(tools, tenant, id).await? else {
        return Ok(Err(Refused::NotFound));
    };
    if tools.catalog.get(tenant, Kind::Publisher, &publisher.to_string()).await?.is_none() {
        return Ok(Err(Refused::NotFound));
    }
    let campaign: Campaign = catalog::entry_of(&record)?;
    let before = bids.addresses(tenant, id).await?.into_iter().find(|issued| issued.publisher == publisher);
    let token = api_keys::token_with("").map_err(|cause| PortError::failed(WHAT, cause.to_string()))?;
    let digits = token.get(..32).unwrap_or_default().to_owned();
    let rtb_id = RtbId::try_from(digits).map_err(|cause| PortError::failed(WHAT, cause))?;
    let new = IssuedAddress { rtb_id, publisher, issued_at: tools.clock.now() };
    let mut entry = tools.scribe().plain(tenant, "campaign.rtb_url_issued", &id.to_string());
    entry.name = Some(campaign.name);
    let address = RtbAddress { tenant, campaign: id, publisher };
    match bids.issue(&address, &new, before.as_ref(), &entry).await? {
        true => Ok(Ok(new)),
        false => Ok(Err(Refused::Changed { current: None })),
    }
}
