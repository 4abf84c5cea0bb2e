//! What moves a call's money after the rules have spoken: conversion reports, and adjustments that somebody approves.
//!
//! What must stay true: the lines of the ledger and the totals of a call change in one transaction, under the state they
//! were computed from; whoever was overtaken looks again and computes anew.

mod adjust;
mod report;

pub use adjust::{Decision, Unadjusted, Wanted, decide, request};
pub use report::{NewReport, Reported, report_conversion};

use domain::audit::{AuditEntry, By, Change};
use domain::ids::{AuditId, CallId, TenantId};
use serde::Serialize;

use crate::clock::Clock;
use crate::ports::{Books, Calls};

/// How often a look is repeated when somebody else wrote the same books between looking and writing.
const LOOKS: u8 = 8;

/// What these deeds work with.
#[derive(Clone, Copy)]
pub struct Tools<'a> {
    /// The calls.
    pub calls: &'a dyn Calls,
    /// Their books.
    pub books: &'a dyn Books,
    /// Time and new ids.
    pub clock: &'a dyn Clock,
}

impl Tools<'_> {
    /// The audit entry of a deed about a call's money.
    fn noted(
        &self,
        tenant: TenantId,
        by: &By,
        action: &str,
        (object, call): (String, CallId),
        changes: Vec<Change>,
    ) -> AuditEntry {
        AuditEntry {
            id: AuditId::from_uuid(self.clock.new_id()),
            tenant,
            at: self.clock.now(),
            actor: by.actor,
            origin: by.origin.clone(),
            action: action.to_owned(),
            object: Some(object),
            name: Some(call.to_string()),
            changes,
            more: 0,
        }
    }
}

/// A field that is there now.
fn set(field: &str, value: impl Serialize) -> Change {
    Change { field: field.to_owned(), before: None, after: serde_json::to_value(value).ok() }
}
