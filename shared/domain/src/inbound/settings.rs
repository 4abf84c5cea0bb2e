//! What a campaign says about pings, and what is agreed with one publisher.

use serde::{Deserialize, Serialize};

use super::{Modifier, PassThrough};
use crate::hours::Hours;
use crate::ids::NumberId;
use crate::ledger::{Duplicates, Payout, PayoutAmount, PayoutOn};
use crate::money::Money;
use crate::validate::Problems;

/// Most modifiers of one campaign.
pub const MAX_MODIFIERS: usize = 100;
/// Most numbers of one list.
const MAX_NUMBERS: usize = 500;
/// Bounds of [`InboundRtb::good_for_s`].
const GOOD_FOR_S: std::ops::RangeInclusive<u16> = 5..=600;
/// The highest bid that is believed: above it, somebody has mistaken the units.
const HIGHEST: Money = Money::from_units(10_000);

/// How a campaign answers publishers' pings. Amounts are in micro-units of the campaign's currency; bids are whole cents.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct InboundRtb {
    /// Whether pings are answered with bids.
    pub enabled: bool,
    /// Bids name a SIP address and never a number.
    pub sip_only: bool,
    /// A ping without the caller's number gets no bid.
    pub caller_id_required: bool,
    /// Seconds for which a bid is good.
    #[schema(minimum = 5, maximum = 600, default = 60)]
    pub good_for_s: u16,
    /// What becomes of a call that has no good bid.
    pub stale: StaleBid,
    /// How many pings of one publisher are answered.
    pub rate_limit: RateLimit,
    /// The bid before it is modified.
    pub base_bid: Money,
    /// No bid is lower.
    pub min_bid: Money,
    /// No bid is higher, however it was modified; `null`: no limit.
    pub max_bid: Option<Money>,
    /// Change the bid, in this order.
    #[schema(max_items = 100)]
    pub modifiers: Vec<Modifier>,
    /// What earns a publisher the bid: `connected` and `converted` are terms 101 and 102, a length is term 100.
    pub pays_on: PayoutOn,
    /// Whether a caller who called before earns it again; if not always, it is term 110.
    pub duplicates: Duplicates,
    /// Bid what our own destinations would pay, less a margin; `base_bid` does not count then. Bidders are asked during the
    /// ping, and whoever would pay is dialled first when the call comes.
    pub pass_through: Option<PassThrough>,
    /// How a publisher's system proves itself, besides knowing its address.
    pub authentication: Authentication,
    /// Answers hold the field names of the earlier system, too (`accept`, `bidCurrency`, `expiresInSec`,
    /// `requiredDuration`).
    pub earlier_names: bool,
    /// Numbers of this campaign that are given to callers who are known: one serves many bids at a time, told apart by the
    /// caller. A call there without a bid is a stale one.
    #[schema(max_items = 500)]
    pub numbers: Vec<NumberId>,
    /// Numbers of this campaign for pings without a caller id: each serves one bid at a time.
    #[schema(max_items = 500)]
    pub exclusive_numbers: Vec<NumberId>,
}

impl Default for InboundRtb {
    fn default() -> Self {
        Self {
            enabled: true,
            sip_only: false,
            caller_id_required: false,
            good_for_s: 60,
            stale: StaleBid::default(),
            rate_limit: RateLimit::default(),
            base_bid: Money::ZERO,
            min_bid: Money::ZERO,
            max_bid: None,
            modifiers: Vec::new(),
            pays_on: PayoutOn::Connected,
            duplicates: Duplicates::default(),
            pass_through: None,
            authentication: Authentication::None,
            earlier_names: false,
            numbers: Vec::new(),
            exclusive_numbers: Vec::new(),
        }
    }
}

/// What becomes of a call whose bid has expired or was used, or that has none; and of one for which there is no room any
/// more although it was bid for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum StaleBid {
    /// It is not taken.
    #[default]
    Reject,
    /// It is a call like any other, paid by the campaign's usual terms.
    RouteNormally,
}

/// So many requests in each span.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = RtbRateLimit)]
pub struct RateLimit {
    /// How many.
    #[schema(minimum = 1, maximum = 1000000)]
    pub max_requests: u32,
    /// In which span; spans begin with the minute, the hour and the UTC day.
    #[serde(default)]
    pub per: Per,
}

impl Default for RateLimit {
    fn default() -> Self {
        Self { max_requests: 100, per: Per::Minute }
    }
}

/// A span of a rate limit.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = RtbRateSpan)]
pub enum Per {
    /// A minute.
    #[default]
    Minute,
    /// An hour.
    Hour,
    /// A UTC day.
    Day,
}

impl Per {
    /// Its length.
    pub const fn seconds(self) -> i64 {
        match self {
            Self::Minute => 60,
            Self::Hour => 3_600,
            Self::Day => 86_400,
        }
    }
}

/// How a publisher's system proves itself.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = RtbAuthentication)]
pub enum Authentication {
    /// The address is enough.
    #[default]
    None,
    /// `Authorization: Bearer …` with the secret that belongs to the address.
    Bearer,
    /// `X-RTB-Timestamp` and `X-RTB-Signature`: HMAC-SHA256 over timestamp, a full stop and the body's bytes, in base64,
    /// under that secret; each signature once.
    Hmac,
}

/// What is agreed about pings with one publisher on one campaign; what is left out is the campaign's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct PublisherRtb {
    /// Whether its pings are answered with bids.
    pub enabled: bool,
    /// The bid before it is modified.
    pub base_bid: Option<Money>,
    /// No bid is lower.
    pub min_bid: Option<Money>,
    /// No bid is higher.
    pub max_bid: Option<Money>,
    /// How many of its pings are answered.
    pub rate_limit: Option<RateLimit>,
    /// When its pings get bids, by the campaign's clock.
    pub hours: Option<Hours>,
}

impl Default for PublisherRtb {
    fn default() -> Self {
        Self { enabled: true, base_bid: None, min_bid: None, max_bid: None, rate_limit: None, hours: None }
    }
}

/// What holds for one publisher's pings: its own words, else the campaign's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Agreed<'a> {
    /// Whether pings are answered with bids.
    pub enabled: bool,
    /// The bid before it is modified.
    pub base_bid: Money,
    /// No bid is lower.
    pub min_bid: Money,
    /// No bid is higher.
    pub max_bid: Option<Money>,
    /// How many pings are answered.
    pub rate_limit: RateLimit,
    /// When they are.
    pub hours: Option<&'a Hours>,
}

impl InboundRtb {
    /// What holds for a publisher.
    pub fn agreed<'a>(&self, own: Option<&'a PublisherRtb>) -> Agreed<'a> {
        Agreed {
            enabled: self.enabled && own.is_none_or(|own| own.enabled),
            base_bid: own.and_then(|own| own.base_bid).unwrap_or(self.base_bid),
            min_bid: own.and_then(|own| own.min_bid).unwrap_or(self.min_bid),
            max_bid: own.and_then(|own| own.max_bid).or(self.max_bid),
            rate_limit: own.and_then(|own| own.rate_limit).unwrap_or(self.rate_limit),
            hours: own.and_then(|own| own.hours.as_ref()),
        }
    }

    /// What a publisher earns for a call that it sends by a bid of this amount.
    pub const fn payout(&self, bid: Money) -> Payout {
        self.payout_on(self.pays_on, bid)
    }

    pub(super) const fn payout_on(&self, on: PayoutOn, bid: Money) -> Payout {
        Payout { on, amount: PayoutAmount::Fixed(bid), duplicates: self.duplicates }
    }

    /// Rules for saving; `at` is the field of these settings.
    pub fn check(&self, at: &str, problems: &mut Problems) {
        problems.within(&format!("{at}.good_for_s"), self.good_for_s, GOOD_FOR_S);
        self.rate_limit.check(&format!("{at}.rate_limit"), problems);
        check_bids(at, Some(self.base_bid), Some(self.min_bid), self.max_bid, problems);
        problems.at_most(&format!("{at}.modifiers"), self.modifiers.len(), MAX_MODIFIERS);
        for (index, modifier) in self.modifiers.iter().take(MAX_MODIFIERS).enumerate() {
            modifier.check(&format!("{at}.modifiers[{index}]"), HIGHEST, problems);
        }
        if let PayoutOn::Length { seconds, .. } = self.pays_on {
            problems.within(&format!("{at}.pays_on.length.seconds"), seconds, 1..=14_400);
        }
        if let Some(pass_through) = &self.pass_through {
            pass_through.check(&format!("{at}.pass_through"), HIGHEST, problems);
        }
        for (name, numbers) in [("numbers", &self.numbers), ("exclusive_numbers", &self.exclusive_numbers)] {
            problems.at_most(&format!("{at}.{name}"), numbers.len(), MAX_NUMBERS);
        }
        let all = self.numbers.iter().chain(&self.exclusive_numbers);
        let mut known = std::collections::BTreeSet::new();
        for number in all {
            if !known.insert(number) {
                let words = format!("{number} stands in the lists twice");
                problems.add(format!("{at}.numbers"), "duplicate", words);
            }
        }
    }
}

impl PublisherRtb {
    /// Rules for saving; `at` is the field of these settings.
    pub fn check(&self, at: &str, problems: &mut Problems) {
        check_bids(at, self.base_bid, self.min_bid, self.max_bid, problems);
        if let Some(limit) = self.rate_limit {
            limit.check(&format!("{at}.rate_limit"), problems);
        }
        if let Some(hours) = &self.hours {
            hours.check(&format!("{at}.hours"), problems);
        }
    }
}

impl RateLimit {
    fn check(self, at: &str, problems: &mut Problems) {
        problems.within(&format!("{at}.max_requests"), self.max_requests, 1..=1_000_000);
    }
}

fn check_bids(
    at: &str,
    base: Option<Money>,
    min: Option<Money>,
    max: Option<Money>,
    problems: &mut Problems,
) {
    for (name, amount) in [("base_bid", base), ("min_bid", min), ("max_bid", max)] {
        if amount.is_some_and(|amount| !(Money::ZERO..=HIGHEST).contains(&amount)) {
            let words = format!("a bid is 0 to {HIGHEST}: is this in micro-units?");
            problems.add(format!("{at}.{name}"), "range", words);
        }
    }
    if min.zip(max).is_some_and(|(min, max)| max < min) {
        problems.add(format!("{at}.max_bid"), "range", "the highest bid is below the lowest");
    }
}
