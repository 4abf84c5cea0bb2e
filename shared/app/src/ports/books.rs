//! Port of the books: what moves a call's money besides its settlement, and the ledger by party and month.

use std::sync::Arc;

use async_trait::async_trait;
use domain::adjustment::{Adjustment, AdjustmentStatus};
use domain::audit::AuditEntry;
use domain::call::Call;
use domain::caps::Change;
use domain::conversion_report::ConversionReport;
use domain::ids::{AdjustmentId, BuyerId, CallId, TenantId};
use domain::ledger::{Entry, Party, Payment};
use domain::predictive::Lesson;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use super::{Closing, Page, PortResult};

/// New books of a settled call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rebooked {
    /// Which call.
    pub call: CallId,
    /// The state of its books that this was made from, see [`super::CallRecord::books`].
    pub books: u32,
    /// How it stands then.
    pub closing: Closing,
    /// The lines that are new.
    pub entries: Vec<Entry>,
    /// What a conversion that was reported late adds to the counters of what is capped; what an adjustment changes in what
    /// the publisher was paid.
    pub counted: Vec<Change>,
    /// What is added to the payout, where a cap must have room for it.
    pub payment: Option<Payment>,
    /// What the call (as it began) teaches anew about the destination that its books are about.
    pub lesson: Option<(Arc<Call>, Lesson)>,
}

/// Which adjustments are listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AdjustmentList {
    /// All with a status.
    Status(AdjustmentStatus),
    /// A buyer's own disputes, whatever became of them.
    DisputedBy(BuyerId),
}

/// A line of the ledger with the call it belongs to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LedgerLine {
    /// The call.
    pub call: CallId,
    /// The line.
    pub entry: Entry,
}

/// The books. Every write is one transaction; `false` means that somebody changed what it was made from meanwhile (or did
/// the same before): nothing was written, look again. Repeating a write changes nothing twice.
#[async_trait]
pub trait Books: Send + Sync {
    /// Keeps a report with a call that is not settled and has none.
    async fn hold_report(
        &self,
        tenant: TenantId,
        call: CallId,
        report: &ConversionReport,
        entry: Option<&AuditEntry>,
    ) -> PortResult<bool>;

    /// Notes a report about a settled call that has none, with what it does to the books.
    async fn book_report(
        &self,
        tenant: TenantId,
        report: &ConversionReport,
        books: &Rebooked,
        entry: Option<&AuditEntry>,
    ) -> PortResult<bool>;

    /// A new adjustment.
    async fn request_adjustment(&self, adjustment: &Adjustment, entry: &AuditEntry) -> PortResult<bool>;

    /// One adjustment.
    async fn adjustment(&self, tenant: TenantId, id: AdjustmentId) -> PortResult<Option<Adjustment>>;

    /// Decides an adjustment that is only requested; an approval brings the new books of its call.
    async fn decide_adjustment(
        &self,
        decided: &Adjustment,
        books: Option<&Rebooked>,
        entry: &AuditEntry,
    ) -> PortResult<bool>;

    /// Adjustments, newest first.
    async fn adjustments(
        &self,
        tenant: TenantId,
        list: AdjustmentList,
        cursor: Option<&str>,
        limit: u16,
    ) -> PortResult<Page<Adjustment>>;

    /// The lines with a party in a UTC month (any day of it will do), newest first.
    async fn ledger_of(
        &self,
        tenant: TenantId,
        party: Party,
        month: Date,
        cursor: Option<&str>,
        limit: u16,
    ) -> PortResult<Page<LedgerLine>>;
}
