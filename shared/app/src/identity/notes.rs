//! Entries of the audit log about people, and the form in which an address stands there: masked, with a keyed hash by
//! which it is recognised again.

use domain::audit::{AuditEntry, By, Change};
use domain::email::EmailAddress;
use domain::ids::{AuditId, TenantId};
use serde::Serialize;

use super::Tools;
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
    AuditEntry {
        id: AuditId::from_uuid(tools.clock.new_id()),
        tenant,
        at: tools.clock.now(),
        actor: by.actor,
        origin: by.origin.clone(),
        action: action.to_owned(),
        object: Some(object.to_string()),
        name: None,
        changes,
        more: 0,
    }
}

/// A field before and after; nothing when it stayed as it was.
pub(super) fn change<T: Serialize + PartialEq>(
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
