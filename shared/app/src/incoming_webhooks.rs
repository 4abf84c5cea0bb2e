//! The secret URLs of incoming webhooks: how their tokens are made, and whose a token is.
//!
//! What must stay true: nothing of a token is stored. It names the tenant and the webhook and ends with the vault's keyed
//! hash of both, so the table (also a stolen one) holds nothing by which one could be made, and a guessed token is refused
//! before the table is read.

use domain::ids::{IncomingWebhookId, TenantId};
use domain::incoming_webhook::IncomingWebhook;
use domain::target::Status;
use uuid::Uuid;

use crate::api_keys;
use crate::catalog::entry_of;
use crate::ports::{Catalog, Kind, PortResult, Vault};
use crate::secret::Secret;

/// Hex digits of each of the token's three parts: the tenant, the webhook, the keyed hash.
const PART: usize = 32;

/// The token of a webhook's URL.
///
/// # Errors
/// The vault did not answer.
pub async fn token(vault: &dyn Vault, tenant: TenantId, id: IncomingWebhookId) -> PortResult<Secret> {
    let (owner, own) = (tenant.uuid(), id.uuid());
    let seal = vault.pseudonym(tenant, &sealed(id)).await?;
    Ok(Secret::new(format!("{}{}{seal}", owner.as_simple(), own.as_simple())))
}

/// What is hashed. The line break keeps it apart from everything else that is: no number or address holds one.
fn sealed(id: IncomingWebhookId) -> String {
    format!("incoming webhook\n{id}")
}

/// Whose a token is, and which webhook's; `None` when it is nobody's. The table is not read.
///
/// # Errors
/// The vault did not answer.
pub async fn read_token(
    vault: &dyn Vault,
    presented: &str,
) -> PortResult<Option<(TenantId, IncomingWebhookId)>> {
    let part = |from: usize| {
        let hex = presented.get(from..from + PART)?;
        Uuid::try_parse(hex).ok()
    };
    let (Some(tenant), Some(id)) = (part(0), part(PART)) else { return Ok(None) };
    let (tenant, id) = (TenantId::from_uuid(tenant), IncomingWebhookId::from_uuid(id));
    let expected = token(vault, tenant, id).await?;
    // Hashes are compared, so that the time it takes tells nothing of the token.
    let same = api_keys::hash(presented) == api_keys::hash(expected.expose());
    Ok(same.then_some((tenant, id)))
}

/// The webhook, if it is there and takes reports.
///
/// # Errors
/// The catalogue did not answer.
pub async fn active(
    catalog: &dyn Catalog,
    tenant: TenantId,
    id: IncomingWebhookId,
) -> PortResult<Option<IncomingWebhook>> {
    let record = catalog.get(tenant, Kind::IncomingWebhook, &id.to_string()).await?;
    let webhook: Option<IncomingWebhook> = record.as_ref().map(entry_of).transpose()?;
    Ok(webhook.filter(|webhook| webhook.status == Status::Active))
}
