//! Entries of the audit log, made before the change they belong to and stored with it.

use std::collections::{BTreeMap, BTreeSet};

use domain::audit::{self, AuditEntry, By, Change};
use domain::ids::{AuditId, TenantId};
use futures::future::try_join_all;
use serde_json::Value;

use super::{Entry, Tools, word};
use crate::clock::Clock;
use crate::ports::{PortResult, Vault};

/// What an entry is made with: who acts, the keyed hash, time and ids.
#[derive(Clone, Copy)]
pub struct Scribe<'a> {
    /// Who does it, and from where.
    pub by: &'a By,
    /// Makes personal values recognisable without showing them.
    pub vault: &'a dyn Vault,
    /// Time and new ids.
    pub clock: &'a dyn Clock,
}

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

impl Scribe<'_> {
    /// An entry about something that has no fields: who, what, when and from where.
    pub(crate) fn plain(&self, tenant: TenantId, action: &str, object: &str) -> AuditEntry {
        AuditEntry {
            id: AuditId::from_uuid(self.clock.new_id()),
            tenant,
            at: self.clock.now(),
            actor: self.by.actor,
            origin: self.by.origin.clone(),
            action: action.to_owned(),
            object: Some(object.to_owned()),
            name: None,
            changes: Vec::new(),
            more: 0,
        }
    }

    /// The entry about a thing before and after.
    ///
    /// # Errors
    /// The vault did not answer.
    pub(crate) async fn entry(&self, tenant: TenantId, what: Noted<'_>) -> PortResult<AuditEntry> {
        let (changes, more) = self.changes(tenant, &what).await?;
        let action = format!("{}.{}", what.noun, what.deed);
        let name = Some(audit::shown_name(what.name));
        Ok(AuditEntry { name, changes, more, ..self.plain(tenant, &action, what.id) })
    }

    async fn changes(&self, tenant: TenantId, what: &Noted<'_>) -> PortResult<(Vec<Change>, u32)> {
        let (before, after) = (what.before.unwrap_or(&Value::Null), what.after.unwrap_or(&Value::Null));
        let mut personal: BTreeSet<String> = audit::personal_values(before);
        personal.extend(audit::personal_values(after));
        let hashes = personal.iter().map(|value| self.vault.pseudonym(tenant, value));
        let hashes = try_join_all(hashes).await?;
        let known: BTreeMap<&str, &str> =
            personal.iter().map(String::as_str).zip(hashes.iter().map(String::as_str)).collect();
        let recognise = |value: &str| known.get(value).copied().unwrap_or_default().to_owned();
        Ok(audit::changes(before, after, &recognise))
    }
}

/// The entry, by whom the tools say.
///
/// # Errors
/// The vault did not answer.
pub(crate) async fn noted(tools: &Tools<'_>, tenant: TenantId, what: Noted<'_>) -> PortResult<AuditEntry> {
    tools.scribe().entry(tenant, what).await
}
