//! Reads single parameters; the one place that knows how Twilio writes sids, numbers, truth and time.

use domain::call::CallStatus;
use domain::ids::{AccountSid, CallSid};
use jiff::Timestamp;
use jiff::fmt::rfc2822::DateTimeParser;

use super::WebhookError;
use crate::form::Form;

pub(super) struct Reader<'a>(pub(super) &'a Form);

impl<'a> Reader<'a> {
    pub(super) fn optional(&self, parameter: &str) -> Option<&'a str> {
        self.0.get(parameter).filter(|value| !value.is_empty())
    }

    pub(super) fn text(&self, parameter: &str) -> Option<String> {
        self.optional(parameter).map(str::to_owned)
    }

    pub(super) fn required(&self, parameter: &'static str) -> Result<&'a str, WebhookError> {
        self.optional(parameter).ok_or(WebhookError::Missing { parameter })
    }

    pub(super) fn account_sid(&self) -> Result<AccountSid, WebhookError> {
        let parameter = "AccountSid";
        let invalid = |_| WebhookError::Invalid { parameter, expected: "an account sid" };
        self.required(parameter)?.parse().map_err(invalid)
    }

    pub(super) fn call_sid(&self, parameter: &'static str) -> Result<CallSid, WebhookError> {
        self.required(parameter)?.parse().map_err(|_| not_a_call_sid(parameter))
    }

    pub(super) fn optional_call_sid(&self, parameter: &'static str) -> Result<Option<CallSid>, WebhookError> {
        self.optional(parameter).map(str::parse).transpose().map_err(|_| not_a_call_sid(parameter))
    }

    pub(super) fn call_status(&self) -> Result<CallStatus, WebhookError> {
        let parameter = "CallStatus";
        self.required(parameter)?
            .parse()
            .map_err(|_| WebhookError::Invalid { parameter, expected: "a call status that we know" })
    }

    /// A whole number; Twilio writes -1 where a duration is not known yet.
    pub(super) fn number(&self, parameter: &'static str) -> Result<Option<u32>, WebhookError> {
        let known = self.optional(parameter).filter(|value| *value != "-1");
        known
            .map(str::parse)
            .transpose()
            .map_err(|_| WebhookError::Invalid { parameter, expected: "a whole number" })
    }

    pub(super) fn sip_code(&self, parameter: &'static str) -> Result<Option<u16>, WebhookError> {
        self.optional(parameter)
            .map(str::parse)
            .transpose()
            .map_err(|_| WebhookError::Invalid { parameter, expected: "a SIP response code" })
    }

    pub(super) fn truth(&self, parameter: &'static str) -> Result<Option<bool>, WebhookError> {
        match self.optional(parameter) {
            None => Ok(None),
            Some("true") => Ok(Some(true)),
            Some("false") => Ok(Some(false)),
            Some(_) => Err(WebhookError::Invalid { parameter, expected: "true or false" }),
        }
    }

    pub(super) fn time(&self, parameter: &'static str) -> Result<Option<Timestamp>, WebhookError> {
        self.optional(parameter)
            .map(rfc2822)
            .transpose()
            .map_err(|_| WebhookError::Invalid { parameter, expected: "an RFC 2822 date" })
    }
}

/// Twilio's dates.
pub(crate) fn rfc2822(text: &str) -> Result<Timestamp, jiff::Error> {
    DateTimeParser::new().parse_timestamp(text)
}

fn not_a_call_sid(parameter: &'static str) -> WebhookError {
    WebhookError::Invalid { parameter, expected: "a call sid" }
}
