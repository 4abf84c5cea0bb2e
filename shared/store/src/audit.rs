//! The audit log: one item an entry, in a partition per tenant and month, by time.

use app::ports::{Audit, Page, PortResult};
use async_trait::async_trait;
use domain::audit::AuditEntry;
use domain::ids::TenantId;
use jiff::civil::Date;

use crate::Store;
use crate::item::{Draft, Item, body, json};
use crate::keys;
use crate::read::{Part, Range};
use crate::write::Write;

/// An entry as an item.
pub(crate) fn entry_item(what: &'static str, entry: &AuditEntry) -> PortResult<Item> {
    let key = keys::audit_entry(entry.tenant, entry.at, entry.id);
    Ok(Draft::new(key, "audit", Some(entry.tenant)).with("body", json(what, entry)?).build())
}

/// Writes an entry as part of a transaction. An entry is never written over.
pub(crate) fn entry_write(what: &'static str, entry: &AuditEntry) -> PortResult<Write> {
    Ok(Write::create(entry_item(what, entry)?))
}

#[async_trait]
impl Audit for Store {
    async fn note(&self, entry: &AuditEntry) -> PortResult<()> {
        const WHAT: &str = "note in the audit log";
        // The id is the entry's own, so whatever is there already is this very entry.
        self.put_new(WHAT, entry_item(WHAT, entry)?).await.map(drop)
    }

    async fn page(
        &self,
        tenant: TenantId,
        month: Date,
        cursor: Option<&str>,
        limit: u16,
    ) -> PortResult<Page<AuditEntry>> {
        const WHAT: &str = "read the audit log";
        let mut range = Range::of(keys::audit_of_month(tenant, month));
        range.backwards = true;
        range.limit = Some(usize::from(limit) + 1);
        if let Some(cursor) = cursor {
            // A cursor is the sort key of the first entry of its page.
            range.part = Part::UpTo(cursor.to_owned());
        }
        let mut items = self.query(WHAT, range).await?;
        let more = items.len() > usize::from(limit);
        let beyond = if more { items.pop() } else { None };
        let next = beyond.map(|item| crate::item::text_of(&item, "sk").map(str::to_owned)).transpose();
        Ok(Page {
            items: items.iter().map(|item| body(WHAT, item)).collect::<PortResult<_>>()?,
            next: next.map_err(|cause| app::ports::PortError::corrupt(WHAT, cause))?,
        })
    }
}
