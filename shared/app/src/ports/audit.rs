//! The audit log's port. Changes write their entry in the same transaction; this is for the rest, and for reading.

use async_trait::async_trait;
use domain::audit::AuditEntry;
use domain::ids::TenantId;
use jiff::civil::Date;

use super::{Page, PortResult};

/// Where an entry stands in its month, as a cursor of [`Audit::page`].
pub fn audit_position(entry: &AuditEntry) -> String {
    format!("{:.6}#{}", entry.at, entry.id)
}

/// The audit log of a tenant.
#[async_trait]
pub trait Audit: Send + Sync {
    /// Notes something that changed nothing else (a failed sign-in, an export). Noting it again changes nothing.
    async fn note(&self, entry: &AuditEntry) -> PortResult<()>;

    /// The entries of a UTC month (`month` is any day in it), newest first; `cursor` is the [`audit_position`] of the first
    /// one, and so is `next`.
    async fn page(
        &self,
        tenant: TenantId,
        month: Date,
        cursor: Option<&str>,
        limit: u16,
    ) -> PortResult<Page<AuditEntry>>;
}
