//! Twilio's webhooks as typed views of their forms.
//!
//! A view holds what the product uses; an inbound call also keeps every parameter it has no field for, because Twilio adds
//! some without notice. What must stay true: an absent and an empty parameter are the same; a value we cannot read is an error that
//! names the parameter and never shows the value (it may be a phone number); debug output shows no number.

mod inbound;
mod reader;
mod recording;
mod status;

pub(crate) use reader::rfc2822;

pub use inbound::{Direction, InboundCall, Place};
pub use recording::{RecordingState, RecordingStatus};
pub use status::{DialEnded, LegStatus, NumberStatus};

use domain::ids::AccountSid;

use crate::form::Form;
use reader::Reader;

/// A form that lacks what its webhook always carries, or carries it in a form we do not know.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum WebhookError {
    /// The parameter is absent or empty.
    #[error("Twilio's request lacks the parameter {parameter}")]
    Missing {
        /// Its name.
        parameter: &'static str,
    },
    /// The parameter cannot be read.
    #[error("Twilio's parameter {parameter} is not {expected}")]
    Invalid {
        /// Its name.
        parameter: &'static str,
        /// What it should have been, in words.
        expected: &'static str,
    },
}

/// Whose token must have signed the request: read before the signature is checked, and believed only after.
///
/// # Errors
/// `AccountSid` is absent or is none.
pub fn account_sid(form: &Form) -> Result<AccountSid, WebhookError> {
    Reader(form).account_sid()
}
