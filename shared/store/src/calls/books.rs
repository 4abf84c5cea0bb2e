//! What moves a call's money besides its settlement: conversion reports and adjustments. And the ledger by party and month.
//!
//! What must stay true: a report is kept on the call itself, where its presence is the marker; the books of a settled call
//! are written under the count of writes they were made from, so of two writers one looks again; an adjustment leaves
//! `requested` in the very transaction that writes its lines. The amounts and the lines of a call therefore always agree.

use app::ports::{AdjustmentList, Books, LedgerLine, Page, PortError, PortResult, Rebooked};
use async_trait::async_trait;
use aws_sdk_dynamodb::types::TransactWriteItem;
use domain::adjustment::{Adjustment, AdjustmentStatus};
use domain::audit::AuditEntry;
use domain::conversion_report::ConversionReport;
use domain::ids::{AdjustmentId, CallId, TenantId};
use domain::ledger::{Entry, Party};
use jiff::civil::Date;
use tokio::time::Instant;

use super::capacity;
use super::{BOOKS, REPORT};
use crate::Store;
use crate::earned;
use crate::failure::{Failure, PATIENT};
use crate::item::{Draft, Item, body, json, number, parsed, text, text_of};
use crate::keys::{self, GSI1, GSI2};
use crate::read::{Part, Range};
use crate::write::{Deed, Write};

/// A line of the ledger, which is written once.
pub(super) fn entry_write(
    what: &'static str,
    tenant: TenantId,
    call: CallId,
    entry: &Entry,
) -> PortResult<Write> {
    let month = keys::ledger_in_month(tenant, entry.party, entry.at, call, entry.number);
    let item = Draft::new(keys::ledger(tenant, call, entry.number), "ledger_entry", Some(tenant))
        .with("call", text(call.to_string()))
        .with("body", json(what, entry)?)
        .gsi2(month);
    Ok(Write::create(item.build()))
}

/// The books of a settled call, if nobody wrote them since they were read.
fn books_write(what: &'static str, tenant: TenantId, books: &Rebooked) -> PortResult<Write> {
    books_and(what, tenant, books, ("", ""))
}

/// The same with more to set, under a further condition.
fn books_and(
    what: &'static str,
    tenant: TenantId,
    books: &Rebooked,
    (more, condition): (&str, &str),
) -> PortResult<Write> {
    let set = format!("SET #closing = :closing, #books = :after{more}");
    Ok(Write::new(Deed::Change(keys::call(tenant, books.call), set))
        .only_if(format!("#books = :before{condition}"))
        .name("#closing", "closing")
        .name("#books", BOOKS)
        .value(":closing", json(what, &books.closing)?)
        .value(":before", number(books.books))
        .value(":after", number(books.books.saturating_add(1))))
}

/// What moves with the books: counters of capped things, what the publisher was paid, what the destination earned.
fn further(tenant: TenantId, books: &Rebooked) -> Vec<Write> {
    let mut writes = capacity::reported(tenant, &books.counted);
    writes.extend(books.payment.as_ref().map(|payment| capacity::pays(tenant, payment)));
    writes.extend(books.lesson.iter().flat_map(|(call, lesson)| earned::learns(call, lesson)));
    writes
}

#[async_trait]
impl Books for Store {
    async fn hold_report(
        &self,
        tenant: TenantId,
        call: CallId,
        report: &ConversionReport,
        entry: Option<&AuditEntry>,
    ) -> PortResult<bool> {
        const WHAT: &str = "keep a conversion report";
        let open =
            "attribute_exists(#pk) AND attribute_not_exists(#settled) AND attribute_not_exists(#report)";
        let held = Write::new(Deed::Change(keys::call(tenant, call), "SET #report = :report".to_owned()))
            .only_if(open)
            .name("#pk", "pk")
            .name("#settled", "settled")
            .name("#report", REPORT)
            .value(":report", json(WHAT, report)?);
        self.book(WHAT, vec![held], entry).await
    }

    async fn book_report(
        &self,
        tenant: TenantId,
        report: &ConversionReport,
        books: &Rebooked,
        entry: Option<&AuditEntry>,
    ) -> PortResult<bool> {
        const WHAT: &str = "book a conversion report";
        let mut writes = vec![
            books_and(WHAT, tenant, books, (", #report = :report", " AND attribute_not_exists(#report)"))?
                .name("#report", REPORT)
                .value(":report", json(WHAT, report)?),
        ];
        for line in &books.entries {
            writes.push(entry_write(WHAT, tenant, books.call, line)?);
        }
        writes.extend(further(tenant, books));
        self.book(WHAT, writes, entry).await
    }

    async fn request_adjustment(&self, adjustment: &Adjustment, entry: &AuditEntry) -> PortResult<bool> {
        const WHAT: &str = "request an adjustment";
        self.book(WHAT, vec![Write::create(adjustment_item(WHAT, adjustment)?)], Some(entry)).await
    }

    async fn adjustment(&self, tenant: TenantId, id: AdjustmentId) -> PortResult<Option<Adjustment>> {
        const WHAT: &str = "read an adjustment";
        let item = self.get(WHAT, keys::adjustment(tenant, id)).await?;
        item.map(|item| body(WHAT, &item)).transpose()
    }

    async fn decide_adjustment(
        &self,
        decided: &Adjustment,
        books: Option<&Rebooked>,
        entry: &AuditEntry,
    ) -> PortResult<bool> {
        const WHAT: &str = "decide an adjustment";
        let mut writes = vec![
            Write::new(Deed::Put(adjustment_item(WHAT, decided)?))
                .only_if("#status = :requested")
                .name("#status", "status")
                .value(":requested", text(AdjustmentStatus::Requested.as_str())),
        ];
        if let Some(books) = books {
            writes.push(books_write(WHAT, decided.tenant, books)?);
            for line in &books.entries {
                writes.push(entry_write(WHAT, decided.tenant, books.call, line)?);
            }
            writes.extend(further(decided.tenant, books));
        }
        self.book(WHAT, writes, Some(entry)).await
    }

    async fn adjustments(
        &self,
        tenant: TenantId,
        list: AdjustmentList,
        cursor: Option<&str>,
        limit: u16,
    ) -> PortResult<Page<Adjustment>> {
        const WHAT: &str = "list adjustments";
        let range = match list {
            AdjustmentList::Status(status) => Range::of_index(GSI1, keys::adjustments(tenant, status)),
            AdjustmentList::DisputedBy(buyer) => Range::of_index(GSI2, keys::disputes(tenant, buyer)),
        };
        self.newest(WHAT, range, cursor, limit, |item| body(WHAT, item)).await
    }

    async fn ledger_of(
        &self,
        tenant: TenantId,
        party: Party,
        month: Date,
        cursor: Option<&str>,
        limit: u16,
    ) -> PortResult<Page<LedgerLine>> {
        const WHAT: &str = "read the ledger of a party";
        let range = Range::of_index(GSI2, keys::ledger_of_month(tenant, party, month));
        let line =
            |item: &Item| Ok(LedgerLine { call: parsed(WHAT, item, "call")?, entry: body(WHAT, item)? });
        self.newest(WHAT, range, cursor, limit, line).await
    }
}

impl Store {
    /// Does all of it, with its audit entry; `false` when a condition did not hold.
    async fn book(
        &self,
        what: &'static str,
        writes: Vec<Write>,
        entry: Option<&AuditEntry>,
    ) -> PortResult<bool> {
        let audit = entry.map(|entry| crate::audit::entry_write(what, entry)).transpose()?;
        let actions: PortResult<Vec<TransactWriteItem>> =
            writes.into_iter().chain(audit).map(|write| write.into_action(what, self.table())).collect();
        match self.transact(Instant::now() + PATIENT, &actions?).await {
            Ok(()) => Ok(true),
            Err(Failure::Cancelled(_)) => Ok(false),
            Err(failure) => Err(failure.into_port(what)),
        }
    }

    /// A page of an index's partition, newest first. A cursor is the place of the page's first item.
    async fn newest<T>(
        &self,
        what: &'static str,
        mut range: Range,
        cursor: Option<&str>,
        limit: u16,
        read: impl Fn(&Item) -> PortResult<T>,
    ) -> PortResult<Page<T>> {
        let place = match range.index {
            Some(index) => format!("{index}sk"),
            None => "sk".to_owned(),
        };
        range.backwards = true;
        range.limit = Some(usize::from(limit) + 1);
        if let Some(cursor) = cursor {
            range.part = Part::UpTo(cursor.to_owned());
        }
        let mut items = self.query(what, range).await?;
        let beyond = if items.len() > usize::from(limit) { items.pop() } else { None };
        let next = beyond.map(|item| text_of(&item, &place).map(str::to_owned)).transpose();
        Ok(Page {
            items: items.iter().map(read).collect::<PortResult<_>>()?,
            next: next.map_err(|cause| PortError::corrupt(what, cause))?,
        })
    }
}

fn adjustment_item(what: &'static str, adjustment: &Adjustment) -> PortResult<Item> {
    let Adjustment { id, tenant, status, requested_at, disputed_by, .. } = adjustment;
    let in_list = |list| keys::adjustment_in_list(list, *requested_at, *id);
    let draft = Draft::new(keys::adjustment(*tenant, *id), "adjustment", Some(*tenant))
        .with("status", text(status.as_str()))
        .with("body", json(what, adjustment)?)
        .gsi1(in_list(keys::adjustments(*tenant, *status)));
    Ok(match disputed_by {
        Some(buyer) => draft.gsi2(in_list(keys::disputes(*tenant, *buyer))).build(),
        None => draft.build(),
    })
}
