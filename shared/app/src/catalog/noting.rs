//! Entries of the audit log, made before the change they belong to and stored with it.

use std::collections::{BTreeMap, BTreeSet};

use domain::audit::{self, AuditEntry};
use domain::ids::{AuditId, TenantId};
use futures::future::try_join_all;
use serde_json::Value;

use super::{Entry, Tools, word};
use crate::ports::PortResult;

/// What is done to a thing.
pub(crate) struct Noted<'a> {
    /// The noun: `rtb_target`.
    pub(crate) noun: String,
    /// What is done with it: `created`, `published`.
    pub(crate) deed: &'static str,
    /// Its id.
    pub(crate) id: &'a str,
    /// Its name, or the phone number.
    pub(crate) name: &'a str,
    /// What it was; `None` when it was not there.
    pub(crate) before: Option<&'a Value>,
    /// What it is then; `None` when it is gone.
    pub(crate) after: Option<&'a Value>,
}

impl<'a> Noted<'a> {
    /// A thing of this noun. Its deed and states are still to be said.
    pub(crate) fn of<E: Entry>(id: &'a str, name: &'a str) -> Self {
        let noun = word(E::KIND).to_ascii_lowercase().replace(' ', "_");
        Self { noun, deed: "", id, name, before: None, after: None }
    }
}

/// The entry, by whom the tools say.
///
/// # Errors
/// The vault did not answer.
pub(crate) async fn noted(tools: &Tools<'_>, tenant: TenantId, what: Noted<'_>) -> PortResult<AuditEntry> {
    let (before, after) = (what.before.unwrap_or(&Value::Null), what.after.unwrap_or(&Value::Null));
    let mut personal: BTreeSet<String> = audit::personal_values(before);
    personal.extend(audit::personal_values(after));
    let hashes = personal.iter().map(|value| tools.vault.pseudonym(tenant, value));
    let hashes = try_join_all(hashes).await?;
    let known: BTreeMap<&str, &str> =
        personal.iter().map(String::as_str).zip(hashes.iter().map(String::as_str)).collect();
    let (changes, more) =
        audit::changes(before, after, &|value| known.get(value).copied().unwrap_or_default().to_owned());
    Ok(AuditEntry {
        id: AuditId::from_uuid(tools.clock.new_id()),
        tenant,
        at: tools.clock.now(),
        actor: tools.by.actor,
        origin: tools.by.origin.clone(),
        action: format!("{}.{}", what.noun, what.deed),
        object: Some(what.id.to_owned()),
        name: Some(audit::shown_name(what.name)),
        changes,
        more,
    })
}
