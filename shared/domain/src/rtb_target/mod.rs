//! RTB targets: bidders that are asked over HTTP, what they are sent, how their answers are read, and for whose calls.
//!
//! What must stay true: everything a tenant can set is checked when it is saved, so that a call never meets a setting that
//! does not work; a secret is stored sealed only.

mod answer;
mod authentication;
mod confirmation;
mod limits;
pub mod profiles;
mod request;
mod valuation;

use serde::{Deserialize, Serialize};

use crate::bidder_alert::AlertRules;
use crate::caps::Caps;
use crate::duplicates::Restrict;
use crate::filter::Filter;
use crate::geo::{GeoRule, Place};
use crate::hours::Hours;
use crate::ids::BuyerId;
use crate::ledger::{Conversion, Revenue};
use crate::money::{Currency, Money};
use crate::phone::Destination;
use crate::target::{DialSettings, Status, check_who_calls, utc};
use crate::tokens::Facts;
use crate::validate::{Problem, Problems, Validate};

pub(crate) use answer::first;
pub use answer::{AnswerPaths, Reading};
pub use authentication::{ApiKey, Authentication, Basic, Bearer, Hmac, SecretText, SignatureEncoding};
pub use confirmation::Confirmation;
pub use limits::{Asked, CallerLimit, NotTaken, Prospect, Radius, RateLimits, RateWindow, SubIds};
pub(crate) use request::Form;
pub use request::{BidRequest, ContentType, Method, PreparedRequest};
pub use valuation::{BidStrategy, GeoMultiplier};

/// Most repetitions of a request.
pub const MAX_RETRIES: u8 = 3;

/// How much of the caller's number a bidder sees before it has won.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum CallerIdExposure {
    /// Nothing.
    None,
    /// `555***1234`.
    #[default]
    Masked,
    /// All of it.
    Full,
}

/// A bidder.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RtbTarget {
    /// Unique per tenant.
    #[schema(min_length = 1, max_length = 120)]
    pub name: String,
    /// Active or paused.
    #[serde(default)]
    pub status: Status,
    /// Who pays.
    #[serde(default)]
    pub buyer: Option<BuyerId>,
    /// Where it is asked, https (http only for the platform's own bidders); path and query may hold tokens.
    #[schema(max_length = 2000)]
    pub url: String,
    /// How it is asked.
    #[serde(default)]
    pub method: Method,
    /// What the body is written in.
    #[serde(default)]
    pub content_type: ContentType,
    /// Body with tokens such as `[tag:InboundNumber:State]`; empty for GET.
    #[serde(default)]
    #[schema(max_length = 16384)]
    pub body: String,
    /// Extra request headers; values may hold tokens.
    #[serde(default)]
    pub headers: Vec<(String, String)>,
    /// How it knows that it is us.
    #[serde(default)]
    pub authentication: Authentication,
    /// Longest wait for its answer; the auction's deadline still holds.
    #[serde(default = "default_bid_timeout")]
    #[schema(minimum = 50, maximum = 5000, default = 1000)]
    pub timeout_ms: u32,
    /// How often a request is repeated that did not connect or was answered by a failure of the bidder's (5xx), while time
    /// remains.
    #[serde(default)]
    #[schema(minimum = 0, maximum = 3)]
    pub retries: u8,
    /// Where its answer says what.
    pub answer: AnswerPaths,
    /// Destination when the answer names none.
    #[serde(default)]
    pub destination: Option<Destination>,
    /// Asked again when it has won, before it is dialled.
    #[serde(default)]
    pub confirmation: Option<Confirmation>,
    /// Bids below are refused.
    #[serde(default)]
    pub min_bid: Money,
    /// Bids above are refused as a mistake.
    #[serde(default)]
    pub max_bid: Option<Money>,
    /// Currency of its bids.
    #[serde(default)]
    pub currency: Currency,
    /// What its bids count when bids are ranked; the price stays the bid.
    #[serde(default)]
    pub bid_strategy: BidStrategy,
    /// What its bids count for callers of some places; the first one that fits.
    #[serde(default)]
    #[schema(max_items = 100)]
    pub geo_multipliers: Vec<GeoMultiplier>,
    /// How much of the caller's number it sees.
    #[serde(default)]
    pub caller_id_exposure: CallerIdExposure,
    /// What a converted call is worth, whatever was bid; `null` is the bid.
    #[serde(default)]
    pub revenue: Option<Revenue>,
    /// When a call counts as converted, unless the answer names a call length; `null` is what its buyer, else the campaign,
    /// says.
    #[serde(default)]
    pub conversion: Option<Conversion>,
    /// How it is dialled.
    #[serde(default)]
    pub dial: DialSettings,
    /// Limits on calls sent to it.
    #[serde(default)]
    pub caps: Caps,
    /// How often it is asked.
    #[serde(default)]
    pub rate_limits: RateLimits,
    /// When it is asked; `None` is always.
    #[serde(default)]
    pub hours: Option<Hours>,
    /// Where callers must be before it is asked, and must not be.
    #[serde(default)]
    pub geo: GeoRule,
    /// Only callers near a place.
    #[serde(default)]
    pub radius: Option<Radius>,
    /// Which of a publisher's sources it buys from.
    #[serde(default)]
    pub sub_ids: SubIds,
    /// Callers who called too often are not offered to it.
    #[serde(default)]
    pub caller_history: Option<CallerLimit>,
    /// What a call's tags must say before it is asked; `None` asks for every call.
    #[serde(default)]
    pub filter: Option<Filter>,
    /// Callers for whom it is not asked again.
    #[serde(default)]
    pub restrict_duplicates: Option<Restrict>,
    /// When the account's owners are told that it does not work.
    #[serde(default)]
    pub alerts: AlertRules,
    /// Clock for caps and hours: an IANA name such as `America/New_York`.
    #[serde(default = "utc")]
    #[schema(default = "UTC")]
    pub time_zone: String,
}

const fn default_bid_timeout() -> u32 {
    1_000
}

impl Validate for RtbTarget {
    fn validate(&self) -> Result<(), Vec<Problem>> {
        let mut problems = Problems::new();
        problems.name("name", &self.name);
        self.form().check("", &mut problems);
        self.authentication.check(&self.headers, &mut problems);
        self.check_answer(&mut problems);
        problems.within("timeout_ms", self.timeout_ms, 50..=5_000);
        problems.within("retries", self.retries, 0..=MAX_RETRIES);
        if let Some(confirmation) = &self.confirmation {
            confirmation.check(&mut problems);
        }
        self.check_money(&mut problems);
        self.dial.check(&mut problems);
        self.caps.check("caps", &mut problems);
        self.rate_limits.check("rate_limits", &mut problems);
        self.alerts.check("alerts", &mut problems);
        problems.time_zone("time_zone", &self.time_zone);
        self.geo.check("geo", &mut problems);
        if let Some(radius) = &self.radius {
            radius.check("radius", &mut problems);
        }
        self.sub_ids.check("sub_ids", &mut problems);
        if let Some(limit) = self.caller_history {
            limit.check("caller_history", &mut problems);
        }
        check_who_calls(
            self.hours.as_ref(),
            self.filter.as_ref(),
            self.restrict_duplicates.as_ref(),
            &mut problems,
        );
        problems.into_result()
    }
}

impl RtbTarget {
    pub(crate) fn form(&self) -> Form<'_> {
        let Self { method, content_type, .. } = *self;
        Form { method, url: &self.url, content_type, headers: &self.headers, body: &self.body }
    }

    /// The tokens of its request for which these facts have no value, as they are written.
    pub fn unresolved(&self, facts: &Facts) -> Vec<String> {
        self.form().unresolved(facts)
    }

    /// What a bid of this bidder counts when bids are ranked, for a caller there. The price stays the bid.
    pub fn value_of(&self, bid: Money, place: &Place) -> Money {
        valuation::value_of(self.bid_strategy, &self.geo_multipliers, bid, place)
    }

    fn check_money(&self, problems: &mut Problems) {
        if self.min_bid < Money::ZERO {
            problems.add("min_bid", "range", "a bid is not negative");
        }
        if self.max_bid.is_some_and(|most| most < self.min_bid) {
            problems.add("max_bid", "range", "the highest acceptable bid is below the lowest");
        }
        if let Some(revenue) = self.revenue.as_ref().filter(|revenue| **revenue != Revenue::WinningBid) {
            revenue.check("revenue", problems);
        }
        valuation::check(self.bid_strategy, &self.geo_multipliers, problems);
    }

    fn check_answer(&self, problems: &mut Problems) {
        if self.answer.acceptance.is_empty() {
            problems.add(
                "answer.acceptance",
                "required",
                "say where the answer tells whether it accepts the call",
            );
        }
        if self.answer.amount.is_empty() {
            problems.add("answer.amount", "required", "say where the answer holds the bid");
        }
        if self.answer.destination.is_empty() && self.destination.is_none() {
            problems.add("destination", "required", "give a destination, or say where the answer names it");
        }
        self.answer.check("answer", problems);
    }
}
