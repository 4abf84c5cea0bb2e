//! Books in memory, over the archive of calls: for handlers. What holds under concurrency is tested on the table.

use app::ports::{AdjustmentList, Books, CallRecord, LedgerLine, Page, PortResult, Rebooked};
use async_trait::async_trait;
use domain::adjustment::{Adjustment, AdjustmentStatus};
use domain::audit::AuditEntry;
use domain::conversion_report::ConversionReport;
use domain::ids::{AdjustmentId, CallId, TenantId};
use domain::ledger::Party;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use super::{CallArchive, locked};

impl CallArchive {
    /// Changes a call, if there is one for which this holds.
    fn change(
        &self,
        tenant: TenantId,
        call: CallId,
        fits: impl Fn(&CallRecord) -> bool,
        change: impl FnOnce(&mut CallRecord),
    ) -> bool {
        let mut calls = locked(&self.calls);
        match calls.get_mut(&(tenant, call)).filter(|record| fits(record)) {
            Some(record) => {
                change(record);
                true
            }
            None => false,
        }
    }

    fn rebook(&self, tenant: TenantId, books: &Rebooked, report: Option<&ConversionReport>) -> bool {
        let fits = |record: &CallRecord| {
            record.books == books.books && (report.is_none() || record.report.is_none())
        };
        self.change(tenant, books.call, fits, |record| {
            record.books += 1;
            record.closing = Some(books.closing.clone());
            record.ledger.extend(books.entries.iter().cloned());
            record.report = report.cloned().or(record.report.take());
        })
    }
}

/// At most `limit` of these, which are in order, from the cursor on; a cursor is the place of a page's first item.
fn page<T>(items: Vec<(String, T)>, cursor: Option<&str>, limit: u16) -> Page<T> {
    let mut rest = items.into_iter().filter(|(place, _)| cursor.is_none_or(|from| place.as_str() <= from));
    let items = rest.by_ref().take(usize::from(limit)).map(|(_, item)| item).collect();
    Page { items, next: rest.next().map(|(place, _)| place) }
}

#[async_trait]
impl Books for CallArchive {
    async fn hold_report(
        &self,
        tenant: TenantId,
        call: CallId,
        report: &ConversionReport,
        _: Option<&AuditEntry>,
    ) -> PortResult<bool> {
        let open = |record: &CallRecord| record.closing.is_none() && record.report.is_none();
        Ok(self.change(tenant, call, open, |record| record.report = Some(report.clone())))
    }

    async fn book_report(
        &self,
        tenant: TenantId,
        report: &ConversionReport,
        books: &Rebooked,
        _: Option<&AuditEntry>,
    ) -> PortResult<bool> {
        Ok(self.rebook(tenant, books, Some(report)))
    }

    async fn request_adjustment(&self, adjustment: &Adjustment, _: &AuditEntry) -> PortResult<bool> {
        let key = (adjustment.tenant, adjustment.id);
        Ok(locked(&self.adjustments).insert(key, adjustment.clone()).is_none())
    }

    async fn adjustment(&self, tenant: TenantId, id: AdjustmentId) -> PortResult<Option<Adjustment>> {
        Ok(locked(&self.adjustments).get(&(tenant, id)).cloned())
    }

    async fn decide_adjustment(
        &self,
        decided: &Adjustment,
        books: Option<&Rebooked>,
        _: &AuditEntry,
    ) -> PortResult<bool> {
        let mut adjustments = locked(&self.adjustments);
        let Some(stored) = adjustments.get_mut(&(decided.tenant, decided.id)) else { return Ok(false) };
        let is_open = stored.status == AdjustmentStatus::Requested;
        if !is_open || books.is_some_and(|books| !self.rebook(decided.tenant, books, None)) {
            return Ok(false);
        }
        *stored = decided.clone();
        Ok(true)
    }

    async fn adjustments(
        &self,
        tenant: TenantId,
        list: AdjustmentList,
        cursor: Option<&str>,
        limit: u16,
    ) -> PortResult<Page<Adjustment>> {
        let wanted = |adjustment: &Adjustment| {
            adjustment.tenant == tenant
                && match list {
                    AdjustmentList::Status(status) => adjustment.status == status,
                    AdjustmentList::DisputedBy(buyer) => adjustment.disputed_by == Some(buyer),
                }
        };
        let mut found: Vec<(String, Adjustment)> = locked(&self.adjustments)
            .values()
            .filter(|adjustment| wanted(adjustment))
            .map(|adjustment| {
                (format!("{:.6}#{}", adjustment.requested_at, adjustment.id), adjustment.clone())
            })
            .collect();
        found.sort_by(|(one, _), (other, _)| other.cmp(one));
        Ok(page(found, cursor, limit))
    }

    async fn ledger_of(
        &self,
        tenant: TenantId,
        party: Party,
        month: Date,
        cursor: Option<&str>,
        limit: u16,
    ) -> PortResult<Page<LedgerLine>> {
        let month = month.first_of_month();
        let mut found = Vec::new();
        for record in locked(&self.calls).values().filter(|record| record.call.tenant == tenant) {
            for entry in record.ledger.iter().filter(|entry| entry.party == party) {
                if entry.at.to_zoned(TimeZone::UTC).date().first_of_month() == month {
                    let place = format!("{:.6}#{}#{:05}", entry.at, record.call.id, entry.number);
                    found.push((place, LedgerLine { call: record.call.id, entry: entry.clone() }));
                }
            }
        }
        found.sort_by(|(one, _), (other, _)| other.cmp(one));
        Ok(page(found, cursor, limit))
    }
}
