//! How much a publisher is paid at most on a campaign.
//!
//! What must stay true: what is paid by the rules never exceeds a cap, whoever settles at the same time. A payout goes
//! into the books in one transaction with the row that counts what was paid, under the condition that it fits; one that
//! does not fit whole is not paid at all. It counts in the hour, day and month of its line in the ledger. Adjustments are
//! paid whatever the cap, because a person decides them, and count.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::PayoutAmount;
use crate::call::Call;
use crate::caps::{
    CapOwner, CapReached, Capped, Caps, Change, CounterId, Expected, Limit, OpenWindows, Price, RevenueCaps,
    Usage, Window, revenue_attribute,
};
use crate::money::{Currency, Money};
use crate::validate::Problems;

/// How many hours, days and months the row of what was paid remembers: a call may be settled long after it ended.
const KEPT: [usize; 3] = [48, 3, 2];

/// Most that a publisher is paid; `None` is unlimited. Amounts are in the currency of the campaign's books.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct PayoutCaps {
    /// Per clock hour.
    pub hourly: Option<Money>,
    /// Per calendar day.
    pub daily: Option<Money>,
    /// Per calendar month.
    pub monthly: Option<Money>,
    /// Ever.
    pub total: Option<Money>,
    /// The same for the number of payouts.
    pub payouts: PayoutCounts,
}

/// Most payouts; `None` is unlimited.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct PayoutCounts {
    /// Per clock hour.
    pub hourly: Option<u32>,
    /// Per calendar day.
    pub daily: Option<u32>,
    /// Per calendar month.
    pub monthly: Option<u32>,
    /// Ever.
    pub total: Option<u32>,
}

/// What happens with a publisher's calls when a cap on its payouts is reached.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum AfterCap {
    /// They are taken like any others, and not paid.
    #[default]
    PayNothing,
    /// They are not taken. Calls that are there when it is reached go on, and are not paid.
    RefuseCalls,
}

/// The caps on what a call's publisher is paid, as agreed when the call came in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PayoutLimit {
    /// The caps.
    pub caps: PayoutCaps,
    /// Their clock: an IANA name.
    pub time_zone: String,
}

/// A payout that goes into the books if a cap has room for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Payment {
    /// The room it takes.
    pub limit: Limit,
    /// Whether it is the call's first; what is added to one counts by its amount alone.
    pub first: bool,
}

impl PayoutCaps {
    /// Whether anything is limited at all.
    pub fn any(&self) -> bool {
        *self != Self::default()
    }

    /// Rules for saving; `at` is the field of the caps.
    pub fn check(&self, at: &str, problems: &mut Problems) {
        let caps = self.as_caps(Currency::default(), true);
        for window in Window::ALL {
            let name = window.word();
            if caps.of(window) == Some(0) {
                let words = "a cap on payouts is at least 1; pay nothing to stop them";
                problems.add(format!("{at}.payouts.{name}"), "minimum", words);
            }
            if caps.revenue.of(window).is_some_and(|cap| cap <= Money::ZERO) {
                problems.add(format!("{at}.{name}"), "minimum", "a cap on what is paid is above zero");
            }
        }
    }

    /// The same as caps on calls and their revenue: a payout counts like a call that earned its amount.
    fn as_caps(&self, currency: Currency, counted: bool) -> Caps {
        let Self { hourly, daily, monthly, total, payouts } = *self;
        let payouts = if counted { payouts } else { PayoutCounts::default() };
        Caps {
            hourly: payouts.hourly,
            daily: payouts.daily,
            monthly: payouts.monthly,
            total: payouts.total,
            revenue: RevenueCaps { hourly, daily, monthly, total, currency },
            ..Caps::default()
        }
    }

    /// What a payout must find free.
    fn room(
        &self,
        (counter, time_zone): (CounterId, &str),
        (amount, currency): (Money, Currency),
        first: bool,
        at: Timestamp,
        paid: Option<&Usage>,
    ) -> Result<Limit, CapReached> {
        let caps = self.as_caps(currency, first);
        let capped = Capped { owner: CapOwner::Payouts, counter, caps: &caps, time_zone };
        let open = OpenWindows::at(at, time_zone);
        let expected = Expected { price: Price::Known(amount), currency };
        let limit = capped.take(paid, at, &open, expected)?;
        let known = paid.into_iter().flat_map(|paid| paid.windows.keys().chain(paid.revenue.keys()));
        let outdated = open.outdated(known, KEPT);
        // Amounts count also where only the number is limited: the other cap may come tomorrow.
        Ok(Limit { outdated, price: Some(Price::Known(amount)), ..limit })
    }
}

impl Payment {
    /// What of the limit is not taken: a payment does not go on, and what is added to a payout is no further one.
    pub fn not_taken(&self) -> BTreeMap<String, i64> {
        let mut back = BTreeMap::from([("live".to_owned(), 1)]);
        if !self.first {
            back.extend(self.limit.open.names().into_iter().map(|name| (name, 1)));
            back.insert("total".to_owned(), 1);
        }
        back
    }
}

impl Call {
    /// The row of what its publisher was paid on its campaign, when that is limited.
    pub fn paid_row(&self) -> Option<CounterId> {
        self.payout_limit.as_ref()?;
        self.publisher.map(|publisher| CounterId::Paid(self.campaign, publisher))
    }
}

/// The room that a payout of a call must take; `None` when nothing limits it. `at` is the time of its line, `first` whether
/// the call was paid nothing before, `paid` its [`Call::paid_row`]. A look only: the exact answer is the conditional write.
///
/// # Errors
/// The cap that has no room for it.
pub fn payment(
    call: &Call,
    amount: Money,
    first: bool,
    at: Timestamp,
    paid: &Usage,
) -> Result<Option<Payment>, CapReached> {
    let (Some(PayoutLimit { caps, time_zone }), Some(row)) = (&call.payout_limit, call.paid_row()) else {
        return Ok(None);
    };
    if amount <= Money::ZERO {
        return Ok(None);
    }
    let limit = caps.room((row, time_zone), (amount, call.currency), first, at, Some(paid))?;
    Ok(Some(Payment { limit, first }))
}

/// What an adjustment of a call's payout changes in the row of what was paid.
pub fn adjusted(call: &Call, payout: Money, at: Timestamp) -> Option<Change> {
    let (limit, counter) = (call.payout_limit.as_ref()?, call.paid_row()?);
    let names = OpenWindows::at(at, &limit.time_zone).names().into_iter().chain(["total".to_owned()]);
    let by = names.map(|name| (revenue_attribute(&name), payout.micros())).collect();
    (payout != Money::ZERO).then_some(Change { counter, by })
}

/// The cap for which a call that begins now is not taken, where that is agreed: it has no room for the least that the call
/// would be paid.
pub fn refuses(call: &Call, paid: Option<&Usage>, now: Timestamp) -> Option<CapReached> {
    let PayoutLimit { caps, time_zone } = call.payout_limit.as_ref()?;
    let least = match call.payout.amount {
        PayoutAmount::Fixed(amount) | PayoutAmount::Share { min: Some(amount), .. } => amount,
        _ => Money::ZERO,
    };
    caps.room((call.paid_row()?, time_zone), (least, call.currency), true, now, paid).err()
}
