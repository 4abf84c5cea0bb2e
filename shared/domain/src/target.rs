//! Destinations: targets (a phone number or SIP address somebody answers) and RTB targets (bidders asked over HTTP).

use serde::{Deserialize, Serialize};

use crate::agent::Team;
use crate::caps::Caps;
use crate::duplicates::Restrict;
use crate::filter::Filter;
use crate::hours::Hours;
use crate::ids::BuyerId;
use crate::ledger::{Conversion, Revenue};
use crate::money::{Currency, Money};
use crate::phone::{Destination, E164};
use crate::validate::{Problem, Problems, Validate};
use crate::voice::{DIAL_TIMEOUT_S, Recording};

/// Whether a destination takes calls.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Takes calls.
    #[default]
    Active,
    /// Takes none; effective at once.
    Paused,
}

/// What the callee sees as the caller.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum CallerIdPolicy {
    /// The caller's own number; the campaign's default when that is not a phone number.
    #[default]
    Passthrough,
    /// Always this number (Twilio demands that it is one of the account's).
    Fixed(E164),
    /// The campaign's default, or the number that was dialled.
    CampaignDefault,
}

/// How a destination is dialled.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct DialSettings {
    /// Seconds of ringing before the next destination is tried.
    #[schema(minimum = 5, maximum = 600)]
    pub timeout_s: u16,
    /// What the callee sees.
    pub caller_id: CallerIdPolicy,
    /// Keys pressed when it answers.
    pub send_digits: Option<String>,
    /// `X-…` headers for SIP destinations.
    pub sip_headers: Vec<(String, String)>,
    /// Overrides the campaign's recording.
    pub recording: Option<Recording>,
}

impl Default for DialSettings {
    fn default() -> Self {
        Self {
            timeout_s: 20,
            caller_id: CallerIdPolicy::default(),
            send_digits: None,
            sip_headers: Vec::new(),
            recording: None,
        }
    }
}

impl DialSettings {
    fn check(&self, problems: &mut Problems) {
        problems.within("dial.timeout_s", self.timeout_s, DIAL_TIMEOUT_S);
        let keys_sound = |keys: &String| {
            (1..=32).contains(&keys.len()) && keys.bytes().all(|key| b"0123456789ABCDwW*#".contains(&key))
        };
        if self.send_digits.as_ref().is_some_and(|keys| !keys_sound(keys)) {
            problems.add(
                "dial.send_digits",
                "keys",
                "1 to 32 of the keys 0-9 A-D * # and w for half a second",
            );
        }
        problems.at_most("dial.sip_headers", self.sip_headers.len(), 20);
        for (index, (name, value)) in self.sip_headers.iter().enumerate() {
            let name_sound = name.starts_with("X-")
                && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
                && (3..=64).contains(&name.len());
            if !name_sound || value.len() > 200 || value.chars().any(char::is_control) {
                problems.add(
                    format!("dial.sip_headers[{index}]"),
                    "header",
                    "a SIP header is X-Name with letters, digits and hyphens, and a value of at most 200 characters",
                );
            }
        }
    }
}

/// A destination with terms.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Target {
    /// Unique per tenant.
    #[schema(min_length = 1, max_length = 120)]
    pub name: String,
    /// Active or paused.
    #[serde(default)]
    pub status: Status,
    /// Who pays.
    #[serde(default)]
    pub buyer: Option<BuyerId>,
    /// Where calls go; `null` when agents answer.
    #[serde(default)]
    pub destination: Option<Destination>,
    /// Who answers, instead of one destination.
    #[serde(default)]
    pub agents: Option<Team>,
    /// How it is dialled.
    #[serde(default)]
    pub dial: DialSettings,
    /// Limits.
    #[serde(default)]
    pub caps: Caps,
    /// When it takes calls; `None` is always.
    #[serde(default)]
    pub hours: Option<Hours>,
    /// What a call's tags must say; `None` takes every call.
    #[serde(default)]
    pub filter: Option<Filter>,
    /// Callers whom it does not take again.
    #[serde(default)]
    pub restrict_duplicates: Option<Restrict>,
    /// Clock for caps and hours: an IANA name such as `America/New_York`.
    #[serde(default = "utc")]
    #[schema(default = "UTC")]
    pub time_zone: String,
    /// What a converted call is worth; `null` is what its buyer, else the campaign, says.
    #[serde(default)]
    pub revenue: Option<Revenue>,
    /// When a call counts as converted; `null` is what its buyer, else the campaign, says.
    #[serde(default)]
    pub conversion: Option<Conversion>,
}

pub(crate) fn utc() -> String {
    "UTC".to_owned()
}

impl Validate for Target {
    fn validate(&self) -> Result<(), Vec<Problem>> {
        let mut problems = Problems::new();
        problems.name("name", &self.name);
        match (&self.destination, &self.agents) {
            (None, None) => {
                problems.add("destination", "required", "say where calls go, or which agents answer")
            }
            (Some(_), Some(_)) => {
                problems.add("agents", "one_of", "a target has a destination or agents, not both");
            }
            (_, agents) => agents.iter().for_each(|team| team.check("agents", &mut problems)),
        }
        self.dial.check(&mut problems);
        self.caps.check("caps", &mut problems);
        problems.time_zone("time_zone", &self.time_zone);
        check_who_calls(
            self.hours.as_ref(),
            self.filter.as_ref(),
            self.restrict_duplicates.as_ref(),
            &mut problems,
        );
        if let Some(revenue) = &self.revenue {
            revenue.check("revenue", &mut problems);
        }
        problems.into_result()
    }
}

/// Rules for what every destination may say of when and whose calls it takes.
fn check_who_calls(
    hours: Option<&Hours>,
    filter: Option<&Filter>,
    restrict: Option<&Restrict>,
    problems: &mut Problems,
) {
    if let Some(hours) = hours {
        hours.check("hours", problems);
    }
    if let Some(filter) = filter {
        filter.check("filter", problems);
    }
    if let Some(restrict) = restrict {
        restrict.check("restrict_duplicates", problems);
    }
}

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

/// Where in a JSON answer a bidder says what. Each is an ordered chain: the first expression that finds a value counts.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct AnswerPaths {
    /// Whether the call is accepted; required.
    pub acceptance: Vec<String>,
    /// The bid.
    pub amount: Vec<String>,
    /// Where to send the call.
    pub destination: Vec<String>,
    /// Seconds after which the call is payable.
    pub call_length: Vec<String>,
    /// Currency of the bid; the bidder's own when not found.
    pub currency: Vec<String>,
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
    /// Where it is asked, https (http only for the platform's own bidders).
    #[schema(max_length = 2000)]
    pub url: String,
    /// JSON body with tokens such as `[tag:InboundNumber:State]`.
    #[schema(max_length = 16384)]
    pub body: String,
    /// Extra request headers; values may hold tokens.
    #[serde(default)]
    pub headers: Vec<(String, String)>,
    /// Longest wait for its answer; the auction's deadline still holds.
    #[serde(default = "default_bid_timeout")]
    #[schema(minimum = 50, maximum = 5000, default = 1000)]
    pub timeout_ms: u32,
    /// Where its answer says what.
    pub answer: AnswerPaths,
    /// Destination when the answer names none.
    #[serde(default)]
    pub destination: Option<Destination>,
    /// Bids below are refused.
    #[serde(default)]
    pub min_bid: Money,
    /// Bids above are refused as a mistake.
    #[serde(default)]
    pub max_bid: Option<Money>,
    /// Currency of its bids.
    #[serde(default)]
    pub currency: Currency,
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
    /// When it is asked; `None` is always.
    #[serde(default)]
    pub hours: Option<Hours>,
    /// What a call's tags must say before it is asked; `None` asks for every call.
    #[serde(default)]
    pub filter: Option<Filter>,
    /// Callers for whom it is not asked again.
    #[serde(default)]
    pub restrict_duplicates: Option<Restrict>,
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
        self.check_request(&mut problems);
        self.check_answer(&mut problems);
        problems.within("timeout_ms", self.timeout_ms, 50..=5_000);
        if self.min_bid < Money::ZERO {
            problems.add("min_bid", "range", "a bid is not negative");
        }
        if self.max_bid.is_some_and(|most| most < self.min_bid) {
            problems.add("max_bid", "range", "the highest acceptable bid is below the lowest");
        }
        if let Some(revenue) = self.revenue.as_ref().filter(|revenue| **revenue != Revenue::WinningBid) {
            revenue.check("revenue", &mut problems);
        }
        self.dial.check(&mut problems);
        self.caps.check("caps", &mut problems);
        problems.time_zone("time_zone", &self.time_zone);
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
    fn check_request(&self, problems: &mut Problems) {
        let url_sound = url::Url::parse(&self.url)
            .is_ok_and(|url| matches!(url.scheme(), "https" | "http") && url.username().is_empty());
        if !url_sound || self.url.len() > 2_000 {
            problems.add("url", "url", "an https address of at most 2,000 characters, without user name");
        }
        problems.at_most("body", self.body.len(), 16_384);
        let template = crate::tokens::Template::parse(&self.body);
        for token in template.unknown() {
            problems.add("body", "unknown_token", format!("'{token}' is not a token we can fill"));
        }
        let empty = crate::tokens::Facts::default();
        if serde_json::from_str::<serde_json::Value>(&template.render_json(&empty)).is_err() {
            problems.add(
                "body",
                "json",
                "with its tokens filled the body must be JSON; put tokens inside quotes",
            );
        }
        problems.at_most("headers", self.headers.len(), 20);
        for (index, (name, value)) in self.headers.iter().enumerate() {
            let field = format!("headers[{index}]");
            let name_sound = !name.is_empty()
                && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte));
            let forbidden = ["host", "content-length", "transfer-encoding", "connection", "accept-encoding"];
            if !name_sound || forbidden.contains(&name.to_ascii_lowercase().as_str()) {
                problems.add(field.as_str(), "header", format!("'{name}' is not a header you can set"));
            }
            if value.len() > 2_000 || value.chars().any(char::is_control) {
                problems.add(
                    field.as_str(),
                    "header",
                    "a header value has at most 2,000 printable characters",
                );
            }
            for token in crate::tokens::Template::parse(value).unknown() {
                problems.add(
                    field.as_str(),
                    "unknown_token",
                    format!("'{token}' is not a token we can fill"),
                );
            }
        }
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
        let chains = [
            ("answer.acceptance", &self.answer.acceptance),
            ("answer.amount", &self.answer.amount),
            ("answer.destination", &self.answer.destination),
            ("answer.call_length", &self.answer.call_length),
            ("answer.currency", &self.answer.currency),
        ];
        for (field, chain) in chains {
            problems.at_most(field, chain.len(), 8);
            for (index, expression) in chain.iter().enumerate() {
                if let Err(error) = script::json_path::JsonPath::parse(expression) {
                    problems.add(format!("{field}[{index}]"), "json_path", error.to_string());
                }
            }
        }
    }
}
