//! The account's settings.

use domain::audit::By;
use domain::ids::TenantId;
use domain::people::{Account, AccountSettings};
use domain::validate::Validate as _;

use super::{Done, Refused, Tools, notes};
use crate::ports::Act;

/// The account.
///
/// # Errors
/// There is none, or a port failed.
pub async fn get(tools: &Tools<'_>, tenant: TenantId) -> Done<Account> {
    Ok(tools.identity.account(tenant).await?.ok_or(Refused::NotFound)?)
}

/// Other settings, made from this version.
///
/// # Errors
/// Another version is stored, broken rules; or a port failed.
pub async fn update(
    tools: &Tools<'_>,
    by: &By,
    tenant: TenantId,
    version: u64,
    settings: AccountSettings,
) -> Done<Account> {
    settings.validate().map_err(Refused::Invalid)?;
    let stored = get(tools, tenant).await?;
    if stored.version != version {
        return Err(Refused::Changed { current: stored.version }.into());
    }
    if stored.settings == settings {
        return Ok(stored);
    }
    let (before, after) = (&stored.settings, &settings);
    let mut changes = Vec::new();
    notes::change(&mut changes, "name", Some(&before.name), Some(&after.name));
    notes::change(&mut changes, "currency", Some(before.currency), Some(after.currency));
    notes::change(&mut changes, "time_zone", Some(&before.time_zone), Some(&after.time_zone));
    let account = Account { settings, updated_at: tools.clock.now(), version: version + 1, ..stored };
    let entry = notes::entry(tools, tenant, by, "account.updated", tenant, changes);
    let step = Act::ChangeAccount { account: account.clone(), before: version };
    if tools.commit(tenant, &[step], Some(&entry)).await? {
        return Ok(account);
    }
    Err(Refused::Changed { current: get(tools, tenant).await?.version }.into())
}
