//! The settlement of a call: what it earned, what it pays out, and why not.

use serde::{Deserialize, Serialize};

use super::{
    Conversion, Entry, EntryKind, NoConversion, NoPayout, Party, Payout, PayoutAmount, PayoutOn, Revenue,
    Source, TimerStart,
};
use crate::call::{Attempt, Call, Conclusion};
use crate::caps::CapReached;
use crate::conversion_report::ConversionReport;
use crate::ids::BuyerId;
use crate::money::Money;
use crate::routing::Via;

/// The books of one call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Settlement {
    /// Whether the call converted.
    pub converted: bool,
    /// Why it did not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub no_conversion: Option<NoConversion>,
    /// What we earn.
    pub revenue: Money,
    /// What we pay out.
    pub payout: Money,
    /// Why the rules pay out nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub no_payout: Option<NoPayout>,
    /// Revenue − payout.
    pub profit: Money,
    /// The lines that say so, all that were ever written; lines of nothing are left out.
    pub entries: Vec<Entry>,
}

impl Settlement {
    /// The same books of a call whose payout a cap has no room for.
    #[must_use]
    pub fn unpaid(mut self, full: CapReached) -> Self {
        self.entries.retain(|entry| entry.kind != EntryKind::Payout);
        self.payout = Money::ZERO;
        self.no_payout = Some(NoPayout::PayoutCap(full));
        self.profit = self.revenue;
        self
    }

    /// The cap for which its payout was not paid.
    pub fn payout_cap(&self) -> Option<CapReached> {
        match self.no_payout {
            Some(NoPayout::PayoutCap(full)) => Some(full),
            _ => None,
        }
    }
}

/// Settles a concluded call, with the conversion report about it when one has come.
pub fn settle(call: &Call, conclusion: &Conclusion, report: Option<&ConversionReport>) -> Settlement {
    let billed = conclusion.billed.as_ref();
    let no_conversion = match billed {
        None => Some(NoConversion::NotDialled),
        Some(attempt) => why_not_converted(&attempt.terms.conversion, conclusion, report),
    };
    let converted = no_conversion.is_none();
    let mut entries = Vec::new();

    let revenue = match billed {
        Some(attempt) if converted => price(attempt, conclusion.connected_seconds, report),
        _ => Money::ZERO,
    };
    if let Some(attempt) = billed
        && revenue > Money::ZERO
    {
        entries.push(Entry {
            number: 1,
            at: conclusion.ended_at,
            source: Source::Settlement,
            kind: EntryKind::Revenue,
            party: payer(attempt.terms.buyer, attempt.via),
            amount: revenue,
            currency: call.currency,
            reason: revenue_words(attempt.terms.revenue, conclusion.connected_seconds),
        });
    }

    let (payout, no_payout) = match payout_of(call, conclusion, converted, revenue) {
        Ok(amount) => (amount, None),
        Err(why) => (Money::ZERO, Some(why)),
    };
    if let Some(publisher) = call.publisher
        && payout > Money::ZERO
    {
        entries.push(Entry {
            number: u16::try_from(entries.len()).unwrap_or(u16::MAX).saturating_add(1),
            at: conclusion.ended_at,
            source: Source::Settlement,
            kind: EntryKind::Payout,
            party: Party::Publisher(publisher),
            amount: payout,
            currency: call.currency,
            reason: call.payout.words(conclusion.connected_seconds),
        });
    }

    let profit = revenue.checked_sub(payout).unwrap_or(Money::ZERO);
    Settlement { converted, no_conversion, revenue, payout, no_payout, profit, entries }
}

/// Who owes the revenue of a call.
pub(crate) fn payer(buyer: Option<BuyerId>, via: Via) -> Party {
    buyer.map_or(Party::Destination(via), Party::Buyer)
}

fn why_not_converted(
    rule: &Conversion,
    conclusion: &Conclusion,
    report: Option<&ConversionReport>,
) -> Option<NoConversion> {
    match *rule {
        Conversion::Incoming | Conversion::Dialled => None,
        Conversion::Reported if report.is_some() => None,
        Conversion::Reported => Some(NoConversion::NotReported),
        Conversion::Connected if conclusion.connected => None,
        Conversion::Connected => Some(NoConversion::NotConnected),
        Conversion::Length { .. } if !conclusion.connected => Some(NoConversion::NotConnected),
        Conversion::Length { seconds: needed, from } => {
            let lasted = length(conclusion, from);
            (lasted < needed).then_some(NoConversion::TooShort { lasted, needed })
        }
    }
}

/// How long a connected call lasted, by one of the clocks; each ends with the conversation.
const fn length(conclusion: &Conclusion, from: TimerStart) -> u32 {
    match from {
        TimerStart::Incoming => conclusion.seconds_from_incoming,
        TimerStart::Dial => conclusion.seconds_from_dial,
        TimerStart::Connect => conclusion.connected_seconds,
    }
}

fn price(attempt: &Attempt, connected_seconds: u32, report: Option<&ConversionReport>) -> Money {
    match attempt.terms.revenue {
        Revenue::None => Money::ZERO,
        Revenue::Fixed(amount) => amount,
        Revenue::PerMinute(price) => price.price_of(connected_seconds),
        Revenue::WinningBid => attempt.bid.unwrap_or(Money::ZERO),
        Revenue::Reported => report.and_then(|report| report.revenue).unwrap_or(Money::ZERO),
    }
}

fn payout_of(
    call: &Call,
    conclusion: &Conclusion,
    converted: bool,
    revenue: Money,
) -> Result<Money, NoPayout> {
    let payout = &call.payout;
    if call.publisher.is_none() {
        return Err(NoPayout::NoPublisher);
    }
    if payout.amount == PayoutAmount::None {
        return Err(NoPayout::NotAgreed);
    }
    earned(payout, conclusion, converted)?;
    if let Some(since_s) = call.previous_call_s
        && !payout.duplicates.pays(Some(since_s))
    {
        return Err(NoPayout::Duplicate { since_s });
    }
    match payout.amount_of(revenue, conclusion.connected_seconds) {
        amount if amount > Money::ZERO => Ok(amount),
        _ => Err(NoPayout::ComesToNothing),
    }
}

fn earned(payout: &Payout, conclusion: &Conclusion, converted: bool) -> Result<(), NoPayout> {
    match payout.on {
        PayoutOn::Incoming => Ok(()),
        PayoutOn::Converted if converted => Ok(()),
        PayoutOn::Converted => Err(NoPayout::NotConverted),
        _ if !conclusion.connected => Err(NoPayout::NotConnected),
        PayoutOn::Connected => Ok(()),
        PayoutOn::Length { seconds: needed, from } => match length(conclusion, from) {
            lasted if lasted < needed => Err(NoPayout::TooShort { lasted, needed }),
            _ => Ok(()),
        },
    }
}

fn revenue_words(revenue: Revenue, connected_seconds: u32) -> String {
    match revenue {
        Revenue::None => "no price".to_owned(),
        Revenue::Fixed(_) => "fixed price of a converted call".to_owned(),
        Revenue::PerMinute(price) => price.words(connected_seconds),
        Revenue::WinningBid => "the winning bid".to_owned(),
        Revenue::Reported => "the reported revenue".to_owned(),
    }
}
