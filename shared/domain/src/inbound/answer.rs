//! An answer as publishers' systems read it, in JSON and in XML.
//!
//! Field names, number and date formats are those that the market's systems send and read (an amount is a bare number in
//! JSON and has two decimals in XML; the epoch is milliseconds; the date is `3/1/2021 9:49:08 PM +00:00`). Their publishers
//! parse them by hand, so nothing here may drift.

use jiff::Timestamp;
use serde::Serialize;
use serde_json::Number;

use super::{Environment, InboundBid, Reject};
use crate::ids::InboundBidId;
use crate::ledger::{Duplicates, Payout, PayoutOn};
use crate::money::{Currency, Money};
use crate::phone::E164;

/// Given out where no number may be: of those that are kept for stories, and ring nowhere.
pub const PHONE_OF_NOBODY: &str = "+12025550100";
/// Given out where no address may be.
pub const SIP_HOST_OF_NOBODY: &str = "test.rtb.invalid";

/// How an answer is written: by the ending of the address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// `.json`
    Json,
    /// `.xml`
    Xml,
}

/// What a publisher should know about a bid.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Warning {
    /// 200: without a caller id.
    NoCallerId,
    /// 205: SIP is preferred.
    SipPreferred,
    /// 220: a test.
    Test,
    /// 222: a sample.
    Sandbox,
    /// 230: given before.
    Cached,
}

impl Warning {
    const fn code(self) -> u16 {
        match self {
            Self::NoCallerId => 200,
            Self::SipPreferred => 205,
            Self::Test => 220,
            Self::Sandbox => 222,
            Self::Cached => 230,
        }
    }

    const fn text(self) -> &'static str {
        match self {
            Self::NoCallerId => "Without a caller ID the bid is not guaranteed.",
            Self::SipPreferred => "Sending calls via SIP is preferred.",
            Self::Test => "This is a test. The number in this bid is not routed.",
            Self::Sandbox => "This is the sandbox. The bid is sample data.",
            Self::Cached => {
                "Previous bid for this request not yet expired. This is a cached version of that bid."
            }
        }
    }
}

/// An answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    id: InboundBidId,
    bid: Option<Bid>,
    rejected: Option<Reject>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Bid {
    amount: Money,
    currency: Currency,
    expires_in_s: i64,
    expires_at: Timestamp,
    number: Option<E164>,
    sip: Option<String>,
    terms: Vec<Term>,
    required_s: Option<u32>,
    warnings: Vec<Warning>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct Term {
    code: u16,
    #[serde(rename = "callMinDuration", skip_serializing_if = "Option::is_none")]
    call_min_duration: Option<u32>,
    description: &'static str,
}

#[derive(Serialize)]
struct WarningView {
    code: u16,
    description: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct JsonAnswer<'a> {
    bid_id: InboundBidId,
    bid_amount: Number,
    #[serde(skip_serializing_if = "Option::is_none")]
    expire_in_seconds: Option<i64>,
    #[serde(rename = "bidExpireDT", skip_serializing_if = "Option::is_none")]
    bid_expire_dt: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    bid_expire_epoch: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    phone_number: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    phone_number_no_plus: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sip_address: Option<&'a str>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    bid_terms: &'a [Term],
    #[serde(skip_serializing_if = "Vec::is_empty")]
    warnings: Vec<WarningView>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reject_reason: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    accept: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    bid_currency: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_in_sec: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    required_duration: Option<u32>,
}

impl Answer {
    /// A bid. `prefers_sip`: whether a SIP address could be given to a publisher who wants one.
    pub fn bid(bid: &InboundBid, now: Timestamp, cached: bool, prefers_sip: bool) -> Self {
        let warnings = [
            (bid.caller_key.is_none(), Warning::NoCallerId),
            (prefers_sip && bid.number.is_some(), Warning::SipPreferred),
            (bid.environment == Environment::Test, Warning::Test),
            (bid.environment == Environment::Sandbox, Warning::Sandbox),
            (cached, Warning::Cached),
        ];
        let warnings = warnings.into_iter().filter_map(|(holds, warning)| holds.then_some(warning));
        Self {
            id: bid.id,
            rejected: None,
            bid: Some(Bid {
                amount: bid.amount,
                currency: bid.currency,
                expires_in_s: bid.expires_at.duration_since(now).as_secs().max(0),
                expires_at: bid.expires_at,
                number: bid.number.clone(),
                sip: bid.sip.clone(),
                terms: terms(&bid.payout),
                required_s: required_s(&bid.payout),
                warnings: warnings.collect(),
            }),
        }
    }

    /// A refusal.
    pub const fn reject(id: InboundBidId, rejected: Reject) -> Self {
        Self { id, bid: None, rejected: Some(rejected) }
    }

    /// The text of the answer. `earlier_names`: with the field names of the earlier system besides (JSON only: it had no
    /// XML).
    pub fn render(&self, format: Format, earlier_names: bool) -> String {
        match format {
            Format::Json => self.json(earlier_names),
            Format::Xml => self.xml(),
        }
    }

    fn reason(&self) -> Option<String> {
        self.rejected.map(|reject| format!("{} (Code: {})", reject.text(), reject.code()))
    }

    fn amount(&self) -> Money {
        self.bid.as_ref().map_or(Money::ZERO, |bid| bid.amount)
    }

    fn json(&self, earlier_names: bool) -> String {
        let bid = self.bid.as_ref();
        let earlier = bid.filter(|_| earlier_names);
        let warning = |warning: &Warning| WarningView { code: warning.code(), description: warning.text() };
        let answer = JsonAnswer {
            bid_id: self.id,
            bid_amount: bare(self.amount()),
            expire_in_seconds: bid.map(|bid| bid.expires_in_s),
            bid_expire_dt: bid.map(|bid| date(bid.expires_at)),
            bid_expire_epoch: bid.map(|bid| bid.expires_at.as_millisecond()),
            phone_number: bid.and_then(|bid| bid.number.as_ref()).map(E164::as_str),
            phone_number_no_plus: bid.and_then(|bid| bid.number.as_ref()).map(E164::digits),
            sip_address: bid.and_then(|bid| bid.sip.as_deref()),
            bid_terms: bid.map_or(&[], |bid| bid.terms.as_slice()),
            warnings: bid.iter().flat_map(|bid| &bid.warnings).map(warning).collect(),
            reject_reason: self.reason(),
            accept: earlier_names.then_some(self.bid.is_some()),
            bid_currency: earlier.map(|bid| bid.currency.code()),
            expires_in_sec: earlier.map(|bid| bid.expires_in_s),
            required_duration: earlier.and_then(|bid| bid.required_s),
        };
        serde_json::to_string(&answer).unwrap_or_default()
    }

    fn xml(&self) -> String {
        let mut xml = String::from(r#"<?xml version="1.0" encoding="utf-8"?><Bid>"#);
        let mut element = |name: &str, text: &str| {
            let text = quick_xml::escape::escape(text);
            xml.push_str(&format!("<{name}>{text}</{name}>"));
        };
        element("BidID", &self.id.to_string());
        element("BidAmount", &two_decimals(self.amount()));
        if let Some(bid) = &self.bid {
            element("ExpireInSeconds", &bid.expires_in_s.to_string());
            element("BidExpireDT", &date(bid.expires_at));
            element("BidExpireEpoch", &bid.expires_at.as_millisecond().to_string());
            if let Some(number) = &bid.number {
                element("PhoneNumber", number.as_str());
                element("PhoneNumberNoPlus", number.digits());
            }
            if let Some(sip) = &bid.sip {
                element("SIPAddress", sip);
            }
        }
        if let Some(reason) = self.reason() {
            element("RejectReason", &reason);
        }
        if let Some(bid) = &self.bid {
            xml.push_str(&list("BidTerms", bid.terms.iter().map(term)));
            let warning = |warning: &Warning| {
                format!(r#"<Warning code="{}">{}</Warning>"#, warning.code(), warning.text())
            };
            xml.push_str(&list("Warnings", bid.warnings.iter().map(warning)));
        }
        xml + "</Bid>"
    }
}

fn term(term: &Term) -> String {
    let least = term.call_min_duration.map(|seconds| format!(r#" callMinDuration="{seconds}""#));
    format!(r#"<BidTerm code="{}"{}>{}</BidTerm>"#, term.code, least.unwrap_or_default(), term.description)
}

fn list(name: &str, inner: impl Iterator<Item = String>) -> String {
    let inner: String = inner.collect();
    if inner.is_empty() { inner } else { format!("<{name}>{inner}</{name}>") }
}

/// What the bid depends on, besides the call.
fn terms(payout: &Payout) -> Vec<Term> {
    let term = |code, call_min_duration, description| Term { code, call_min_duration, description };
    let on = match payout.on {
        PayoutOn::Incoming => None,
        PayoutOn::Connected => Some(term(101, None, "The call must connect.")),
        PayoutOn::Converted => Some(term(102, None, "The call must convert.")),
        PayoutOn::Length { seconds, .. } => Some(term(100, Some(seconds), "Minimum call duration.")),
    };
    let repeated = (payout.duplicates != Duplicates::PayAll).then_some(term(
        110,
        None,
        "Duplicate calls are not allowed.",
    ));
    on.into_iter().chain(repeated).collect()
}

const fn required_s(payout: &Payout) -> Option<u32> {
    match payout.on {
        PayoutOn::Length { seconds, .. } => Some(seconds),
        PayoutOn::Incoming | PayoutOn::Connected | PayoutOn::Converted => None,
    }
}

/// `10`, `4.2`, `56.06`.
fn bare(amount: Money) -> Number {
    let text = amount.to_string();
    let text = text.trim_end_matches('0').trim_end_matches('.');
    text.parse().unwrap_or_else(|_| Number::from(0))
}

/// `10.00`: bids are whole cents.
fn two_decimals(amount: Money) -> String {
    amount.to_string()
}

/// `3/1/2021 9:49:08 PM +00:00`, seconds cut off.
fn date(at: Timestamp) -> String {
    at.strftime("%-m/%-d/%Y %-I:%M:%S %p +00:00").to_string()
}
