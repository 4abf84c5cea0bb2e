//! Money after the rules have spoken, as the API shows it: conversion reports, adjustments, the ledger of a party.

use domain::adjustment::AdjustmentStatus;
use domain::conversion_report::{ConversionReport, Effect};
use domain::ids::{AdjustmentId, CallId};
use domain::ledger::Party;
use domain::money::{Currency, Money};
use domain::validate::{Problem, Problems};
use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use crate::audit::{ActorView, month_of};
use crate::calls::{EntryView, Verdict};
use crate::query::{CURSOR, LIMIT, Parameter, Takes, by_name, limit};

/// A conversion that is reported.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ConversionBody {
    /// The revenue; only a call whose price is `reported` uses it.
    #[schema(minimum = 0, maximum = 1_000_000_000_000_i64)]
    pub revenue: Option<Money>,
}

/// The report that counts for a call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct ConversionView {
    /// The call.
    pub call: CallId,
    /// When it was reported first.
    pub reported_at: Timestamp,
    /// The revenue that was reported.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revenue: Option<Money>,
    /// `converted`; `held` while the call goes on: it counts when the call is settled; or why the call did not convert.
    pub result: Verdict,
}

impl ConversionView {
    /// Of a report.
    pub fn of(call: CallId, report: &ConversionReport) -> Self {
        let (code, text) = match report.effect {
            Effect::Converted => ("converted", "the call is converted".to_owned()),
            Effect::Held => ("held", "the call goes on: the report counts when it is settled".to_owned()),
            Effect::NotConverted(why) => {
                (why.code(), format!("noted, but the call does not convert: {}", why.text()))
            }
        };
        let result = Verdict { code: code.to_owned(), text };
        Self { call, reported_at: report.at, revenue: report.revenue, result }
    }
}

/// What an adjustment is asked to do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AdjustmentBody {
    /// By how much the call's revenue moves; negative takes away.
    #[serde(default)]
    pub revenue: Money,
    /// By how much its payout moves. Not for buyers.
    #[serde(default)]
    pub payout: Money,
    /// Why. Phone numbers in it are masked.
    #[schema(min_length = 1, max_length = 500)]
    pub reason: String,
}

/// What is said with a decision.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct DecisionBody {
    /// For whoever asked.
    #[schema(max_length = 500)]
    pub note: String,
}

/// An adjustment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct AdjustmentView {
    /// Its id.
    pub id: AdjustmentId,
    /// The call.
    pub call: CallId,
    /// By how much its revenue moves.
    pub revenue: Money,
    /// By how much its payout moves. Absent for buyers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub payout: Option<Money>,
    /// Currency of both.
    pub currency: Currency,
    /// Why.
    pub reason: String,
    /// Whether a buyer asked for it.
    pub is_dispute: bool,
    /// Where it stands.
    pub status: AdjustmentStatus,
    /// When it was asked for.
    pub requested_at: Timestamp,
    /// Who asked. Absent for buyers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub requested_by: Option<ActorView>,
    /// When it was decided.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decided_at: Option<Timestamp>,
    /// Who decided. Absent for buyers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decided_by: Option<ActorView>,
    /// What was said with the decision.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// `?status&limit&cursor` of the list of adjustments.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AdjustmentsQuery {
    /// Only these.
    pub status: AdjustmentStatus,
    /// 1 to [`crate::query::MAX_LIMIT`].
    pub limit: u16,
    /// Where to go on.
    pub cursor: Option<String>,
}

impl AdjustmentsQuery {
    /// What it takes.
    pub const PARAMETERS: &'static [Parameter] = &[
        Parameter {
            name: "status",
            about: "Only these; `requested` unless given. Buyers see all of their own disputes, whatever is given.",
            takes: Takes::OneOf(&["requested", "approved", "rejected"]),
        },
        LIMIT,
        CURSOR,
    ];

    /// Reads the parameters.
    ///
    /// # Errors
    /// Every parameter that is unknown, repeated or out of bounds.
    pub fn read(pairs: &[(String, String)]) -> Result<Self, Vec<Problem>> {
        let mut problems = Problems::new();
        let given = by_name(pairs, Self::PARAMETERS, &mut problems);
        let wanted = given.get("status").copied().unwrap_or("requested");
        let status = AdjustmentStatus::ALL.into_iter().find(|status| status.as_str() == wanted);
        if status.is_none() {
            problems.add("status", "choice", "requested, approved or rejected");
        }
        let cursor = given.get("cursor").map(|cursor| (*cursor).to_owned());
        let limit = limit(given.get("limit").copied(), &mut problems);
        let status = status.unwrap_or(AdjustmentStatus::Requested);
        problems.into_result().map(|()| Self { status, limit, cursor })
    }
}

/// A line of a party's ledger.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct LedgerLineView {
    /// The call.
    pub call: CallId,
    /// The line.
    #[serde(flatten)]
    pub entry: EntryView,
}

/// Sums of a month in one currency.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct MonthTotal {
    /// The currency.
    pub currency: Currency,
    /// What the party owes us.
    pub revenue: Money,
    /// What we owe the party.
    pub payout: Money,
    /// How many lines.
    pub lines: u32,
}

/// A party's ledger of a month, newest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct PartyLedger {
    /// The party's id.
    pub party: String,
    /// The UTC month.
    pub month: String,
    /// Sums of the whole month, by currency; on the first page only, and not of a month with more than 100,000 lines.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub totals: Option<Vec<MonthTotal>>,
    /// The lines.
    pub items: Vec<LedgerLineView>,
    /// Where to go on; absent at the end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// `?party&month&limit&cursor` of a ledger.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LedgerQuery {
    /// Whose.
    pub party: Party,
    /// The first day of the UTC month.
    pub month: Date,
    /// 1 to [`crate::query::MAX_LIMIT`].
    pub limit: u16,
    /// Where to go on.
    pub cursor: Option<String>,
}

impl LedgerQuery {
    /// What it takes.
    pub const PARAMETERS: &'static [Parameter] = &[
        Parameter {
            name: "party",
            about: "A publisher, a buyer, or a target or RTB target that has no buyer.",
            takes: Takes::Needed("^(AF|BU|TA|PI)[0-9a-f]{32}$", "BU019abc0de1f27a3b8c4d5e6f70819203"),
        },
        Parameter {
            name: "month",
            about: "The UTC month.",
            takes: Takes::Needed("^[0-9]{4}-(0[1-9]|1[0-2])$", "2026-11"),
        },
        LIMIT,
        CURSOR,
    ];

    /// Reads the parameters.
    ///
    /// # Errors
    /// Every parameter that is missing, unknown, repeated or out of bounds.
    pub fn read(pairs: &[(String, String)]) -> Result<Self, Vec<Problem>> {
        let mut problems = Problems::new();
        let given = by_name(pairs, Self::PARAMETERS, &mut problems);
        let party = given.get("party").and_then(|text| text.parse::<Party>().ok());
        if party.is_none() {
            problems.add("party", "party", domain::ledger::NoParty.to_string());
        }
        let month = given.get("month").and_then(|text| month_of(text));
        if month.is_none() {
            problems.add("month", "month", "a UTC month such as 2026-11");
        }
        let cursor = given.get("cursor").map(|cursor| (*cursor).to_owned());
        let limit = limit(given.get("limit").copied(), &mut problems);
        let problems = problems.into_vec();
        match (party, month) {
            (Some(party), Some(month)) if problems.is_empty() => Ok(Self { party, month, limit, cursor }),
            _ => Err(problems),
        }
    }
}

/// The secret address of an incoming webhook.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct WebhookAddress {
    /// Whoever knows it can report conversions.
    pub url: String,
}
