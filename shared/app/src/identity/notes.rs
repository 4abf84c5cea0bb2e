//! Entries of the audit log about people, and the form in which an address stands there: masked, with a keyed hash by
//! which it is recognised again.

use domain::audit::{AuditEntry, By, Change};
use domain::email::EmailAddress;
use domain::ids::TenantId;
use serde::Serialize;

use super::Tools;
use crate::catalog::Scribe;
use crate::ports::PortResult;

/// An entry.
pub(super) fn entry(
    tools: &Tools<'_>,
    tenant: TenantId,
    by: &By,
    action: &str,
    object: impl std::fmt::Display,
    changes: Vec<Change>,
) -> AuditEntry {
    let scribe = Scribe { by, vault: tools.vault, clock: tools.clock };
    AuditEntry { changes, ..scribe.plain(tenant, action, &object.to_string()) }
}

/// A field before and after; nothing when it stayed as it was.
pub(crate) fn change<T: Serialize + PartialEq>(
    changes: &mut Vec<Change>,
    field: &str,
    before: Option<T>,
    after: Option<T>,
) {
    if before == after {
        return;
    }
    let value = |value: Option<T>| value.and_then(|value| serde_json::to_value(value).ok());
    changes.push(Change { field: field.to_owned(), before: value(before), after: value(after) });
}

/// A field that is there now.
pub(super) fn set<T: Serialize + PartialEq>(field: &str, after: T) -> Change {
    let mut changes = Vec::new();
    change(&mut changes, field, None, Some(after));
    changes.pop().unwrap_or(Change { field: field.to_owned(), before: None, after: None })
}

/// An address as it may stand in the log.
pub(super) async fn recognisable(
    tools: &Tools<'_>,
    tenant: TenantId,
    email: &EmailAddress,
) -> PortResult<String> {
    let pseudonym = tools.vault.pseudonym(tenant, email.as_str()).await?;
    Ok(format!("{} #{pseudonym}", email.masked()))
}
