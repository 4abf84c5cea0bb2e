//! Destinations: targets (a phone number or SIP address somebody answers). Those that are asked over HTTP first are in
//! [`crate::rtb_target`].

use serde::{Deserialize, Serialize};

use crate::agent::Team;
use crate::caps::Caps;
use crate::duplicates::Restrict;
use crate::filter::Filter;
use crate::hours::Hours;
use crate::ids::BuyerId;
use crate::ledger::{Conversion, Revenue};
use crate::phone::{Destination, E164};
use crate::validate::{Problem, Problems, Validate};
use crate::voice::{DIAL_TIMEOUT_S, Recording};

pub use crate::rtb_target::{AnswerPaths, CallerIdExposure, RtbTarget};

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
    pub(crate) fn check(&self, problems: &mut Problems) {
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
pub(crate) fn check_who_calls(
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
