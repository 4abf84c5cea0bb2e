//! Incoming webhooks: a URL by which a customer's system reports conversions, and how such a report is read.
//!
//! What must stay true: the same report means the same thing however it is sent (query, form or JSON); what cannot be read
//! is told with its field and counts for nothing.

use serde::{Deserialize, Serialize};

use crate::conversion_report::check_revenue;
use crate::ids::{CallId, CampaignId};
use crate::money::Money;
use crate::target::Status;
use crate::validate::{Problem, Problems, Validate};

/// Longest name of a parameter.
const MAX_PARAMETER: usize = 64;

/// A way in for conversion reports. Its URL is a secret; to change it, make another webhook and remove this one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct IncomingWebhook {
    /// Unique per tenant.
    #[schema(min_length = 1, max_length = 120)]
    pub name: String,
    /// A paused webhook is answered as if it did not exist.
    #[serde(default)]
    pub status: Status,
    /// The campaign whose calls can be reported; `null` is all of them.
    #[serde(default)]
    pub campaign: Option<CampaignId>,
    /// The parameter that holds the call's id (`RGB…`).
    #[serde(default = "call_id")]
    #[schema(min_length = 1, max_length = 64, default = "call_id")]
    pub call_parameter: String,
    /// The parameter that holds the revenue, in the currency's main unit (`38.50`).
    #[serde(default = "call_revenue")]
    #[schema(min_length = 1, max_length = 64, default = "call_revenue")]
    pub revenue_parameter: String,
    /// The parameter that says whether it is a conversion (`true` or `false`); `null`: every report is one.
    #[serde(default)]
    #[schema(min_length = 1, max_length = 64)]
    pub fire_parameter: Option<String>,
}

fn call_id() -> String {
    "call_id".to_owned()
}

fn call_revenue() -> String {
    "call_revenue".to_owned()
}

impl Validate for IncomingWebhook {
    fn validate(&self) -> Result<(), Vec<Problem>> {
        let mut problems = Problems::new();
        problems.name("name", &self.name);
        let named = [
            ("call_parameter", Some(&self.call_parameter)),
            ("revenue_parameter", Some(&self.revenue_parameter)),
            ("fire_parameter", self.fire_parameter.as_ref()),
        ];
        let mut taken: Vec<&str> = Vec::new();
        for (field, name) in named {
            let Some(name) = name else { continue };
            let sound = (1..=MAX_PARAMETER).contains(&name.len())
                && name.bytes().all(|byte| byte.is_ascii_graphic() && !b"&=#?+%".contains(&byte));
            if !sound {
                let words =
                    format!("1 to {MAX_PARAMETER} letters, digits and signs, without spaces and & = # ? + %");
                problems.add(field, "parameter", words);
            }
            if taken.contains(&name.as_str()) {
                problems.add(field, "unique", "two of the parameters have the same name");
            }
            taken.push(name);
        }
        problems.into_result()
    }
}

/// A report as it was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reading {
    /// About which call.
    pub call: CallId,
    /// Whether it is a conversion.
    pub fires: bool,
    /// The revenue it names.
    pub revenue: Option<Money>,
}

impl IncomingWebhook {
    /// Reads a report from its parameters, whatever else stands among them.
    ///
    /// # Errors
    /// What cannot be read, each with the parameter's own name.
    pub fn read(&self, parameters: &[(String, String)]) -> Result<Reading, Vec<Problem>> {
        let mut problems = Problems::new();
        let call = value(&self.call_parameter, parameters, &mut problems);
        let revenue = value(&self.revenue_parameter, parameters, &mut problems);
        let fire = self.fire_parameter.as_ref().and_then(|name| value(name, parameters, &mut problems));

        let call = match call.map(str::parse::<CallId>) {
            Some(Ok(call)) => Some(call),
            Some(Err(error)) => {
                problems.add(self.call_parameter.as_str(), "call_id", error.to_string());
                None
            }
            None => {
                let words = "give the call's id, which begins with RGB";
                problems.add(self.call_parameter.as_str(), "required", words);
                None
            }
        };
        let revenue = revenue.and_then(|text| match Money::parse(text) {
            Ok(amount) => Some(amount),
            Err(error) => {
                problems.add(self.revenue_parameter.as_str(), "amount", error.to_string());
                None
            }
        });
        check_revenue(&self.revenue_parameter, revenue, &mut problems);
        let fires = match (&self.fire_parameter, fire.map(str::to_ascii_lowercase).as_deref()) {
            (None, _) | (_, Some("true" | "1" | "yes" | "y")) => true,
            (Some(_), None | Some("false" | "0" | "no" | "n")) => false,
            (Some(name), Some(_)) => {
                problems.add(name.as_str(), "choice", "true or false");
                false
            }
        };
        let problems = problems.into_vec();
        match call {
            Some(call) if problems.is_empty() => Ok(Reading { call, fires, revenue }),
            _ => Err(problems),
        }
    }
}

/// The value of a parameter; an empty one is as good as none. Given twice with different values it cannot be used.
fn value<'a>(name: &str, parameters: &'a [(String, String)], problems: &mut Problems) -> Option<&'a str> {
    let mut given = parameters.iter().filter(|(key, _)| key == name).map(|(_, value)| value.trim());
    let first = given.next()?;
    if given.any(|other| other != first) {
        problems.add(name, "unique", "given more than once, with different values");
    }
    (!first.is_empty()).then_some(first)
}
