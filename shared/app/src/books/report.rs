//! Somebody reports that a call converted.
//!
//! Idempotency: the report that is kept with the call is its own marker. The same report again is answered as the first
//! was; a different one is refused and told what counts. A report about a call that is still going on is kept, and counts
//! when the call is settled: the settlement fails when it was computed without it.

use std::sync::Arc;

use domain::audit::By;
use domain::caps::{Usage, late_conversion};
use domain::conversion_report::{ConversionReport, Effect, Reporter, is_in_time};
use domain::ids::{CallId, CampaignId, TenantId};
use domain::ledger::{payment, with_report};
use domain::money::Money;
use domain::predictive::correction;

use super::{LOOKS, Tools, set};
use crate::ports::{CallRecord, Closing, PortError, PortResult, Rebooked};

/// What is reported.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NewReport {
    /// About which call.
    pub call: CallId,
    /// Only a call of this campaign; another one does not exist for the reporter.
    pub campaign: Option<CampaignId>,
    /// Who reports.
    pub by: Reporter,
    /// The revenue, when the reporter names one.
    pub revenue: Option<Money>,
}

/// What became of a report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reported {
    /// This report counts for the call, now or since it came first.
    Counts(ConversionReport),
    /// There is no such call.
    UnknownCall,
    /// Another report counts for the call.
    Before(ConversionReport),
    /// The call was connected more than thirty days ago.
    TooLate,
}

/// Reports a conversion. `by` is for the audit log, when a person or an API key reports.
///
/// # Errors
/// A port failed, or the call's books were too busy.
pub async fn report_conversion(
    tools: &Tools<'_>,
    tenant: TenantId,
    new: NewReport,
    by: Option<&By>,
) -> PortResult<Reported> {
    const WHAT: &str = "report a conversion";
    for _ in 0..LOOKS {
        let found = tools.calls.load(tenant, new.call).await?;
        let own = |record: &CallRecord| new.campaign.is_none_or(|campaign| record.call.campaign == campaign);
        let Some(record) = found.filter(own) else { return Ok(Reported::UnknownCall) };
        if let Some(report) = record.report {
            let same = report.says(new.by, new.revenue);
            return Ok(if same { Reported::Counts(report) } else { Reported::Before(report) });
        }
        let now = tools.clock.now();
        let mut report = ConversionReport { at: now, by: new.by, revenue: new.revenue, effect: Effect::Held };
        let entry = by.map(|by| {
            let object = (new.call.to_string(), new.call);
            let changes = vec![set("conversion.revenue", new.revenue)];
            tools.noted(tenant, by, "call.conversion_reported", object, changes)
        });
        let written = match &record.closing {
            None => tools.books.hold_report(tenant, new.call, &report, entry.as_ref()).await?,
            Some(closing) if !is_in_time(closing.connected_at, closing.ended_at, now) => {
                return Ok(Reported::TooLate);
            }
            Some(closing) => {
                let paid = match record.call.paid_row() {
                    Some(row) => tools.calls.paid(tenant, &row).await?,
                    None => Usage::default(),
                };
                let books = rebooked(WHAT, &record, closing, &report, &paid)?;
                let settlement = &books.closing.settlement;
                report.effect = settlement.no_conversion.map_or(Effect::Converted, Effect::NotConverted);
                tools.books.book_report(tenant, &report, &books, entry.as_ref()).await?
            }
        };
        if written {
            return Ok(Reported::Counts(report));
        }
    }
    Err(PortError::Busy { what: WHAT })
}

fn rebooked(
    what: &'static str,
    record: &CallRecord,
    closing: &Closing,
    report: &ConversionReport,
    paid: &Usage,
) -> PortResult<Rebooked> {
    let conclusion = closing.conclusion(&record.attempts);
    let before = &closing.settlement;
    let with = |full| {
        with_report(before, &record.call, &conclusion, report, full)
            .map_err(|why| PortError::failed(what, format!("the books cannot take it: {why:?}")))
    };
    let (mut settlement, mut entries) = with(None)?;
    let more = settlement.payout.checked_sub(before.payout).unwrap_or_default();
    let payment = match payment(&record.call, more, before.payout == Money::ZERO, report.at, paid) {
        Ok(payment) => payment,
        Err(full) => {
            (settlement, entries) = with(Some(full))?;
            None
        }
    };
    let newly_converted = settlement.converted && !before.converted;
    let earned = settlement.revenue.checked_sub(before.revenue).unwrap_or_default();
    let reservation = conclusion.billed.as_ref().and_then(|attempt| attempt.reservation.as_ref());
    let counted = reservation
        .map(|reservation| late_conversion(reservation, newly_converted, earned, report.at))
        .unwrap_or_default();
    let lesson = correction(closing.billed_via, closing.ended_at, before, &settlement);
    let lesson = lesson.map(|lesson| (Arc::clone(&record.call), lesson));
    let closing = Closing { settlement, reported: true, ..closing.clone() };
    let (call, books) = (record.call.id, record.books);
    Ok(Rebooked { call, books, closing, entries, counted, payment, lesson })
}
