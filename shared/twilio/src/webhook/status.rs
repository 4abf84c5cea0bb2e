//! What became of legs: the dial's action, the legs' status callbacks, the caller's own status callback.
//!
//! Twilio sends these at least once and in any order; `sequence` counts per leg from zero.

use std::fmt;

use domain::call::CallStatus;
use domain::ids::{AccountSid, CallSid};
use domain::phone::mask;
use jiff::Timestamp;

use super::WebhookError;
use super::reader::Reader;
use crate::form::Form;

/// A `<Dial>` has ended (its action URL).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DialEnded {
    /// The caller's leg.
    pub call_sid: CallSid,
    /// The account.
    pub account_sid: AccountSid,
    /// The state of the caller's leg: `InProgress` or `Ringing` while the caller is there, terminal when not.
    pub call_status: CallStatus,
    /// How the dial ended: terminal, or `InProgress` when the caller was put into a conference (Twilio's `answered`).
    pub dial_call_status: CallStatus,
    /// The leg that was connected, or the last that was tried.
    pub dial_call_sid: Option<CallSid>,
    /// Seconds; absent when nobody answered or the callee was moved elsewhere.
    pub dial_call_duration: Option<u32>,
    /// Were caller and callee connected?
    pub dial_bridged: Option<bool>,
    /// Where the recording will be; it may not be ready.
    pub recording_url: Option<String>,
    /// The SIP answer of a SIP address that was dialled.
    pub sip_response_code: Option<u16>,
}

/// A leg changed its state (statusCallback of `<Number>` or `<Sip>`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LegStatus {
    /// The leg.
    pub call_sid: CallSid,
    /// The caller's leg, for a leg that we dialled.
    pub parent_call_sid: Option<CallSid>,
    /// The account.
    pub account_sid: AccountSid,
    /// `answered` arrives as `InProgress`.
    pub status: CallStatus,
    /// Seconds from answer to end (`CallDuration`); with a terminal status only.
    pub duration_s: Option<u32>,
    /// When it happened.
    pub timestamp: Option<Timestamp>,
    /// Counts per leg from zero.
    pub sequence: Option<u32>,
    /// SIP answer, where there was one.
    pub sip_response_code: Option<u16>,
}

/// A caller's leg has ended (the number's own status callback).
#[derive(Clone, PartialEq, Eq)]
pub struct NumberStatus {
    /// The caller's leg, with its status, duration and sequence.
    pub leg: LegStatus,
    /// As in [`super::InboundCall::from`].
    pub from: String,
    /// As in [`super::InboundCall::to`].
    pub to: String,
}

impl DialEnded {
    /// Reads the form.
    ///
    /// # Errors
    /// A sid or a status is absent or unknown, or a number cannot be read.
    pub fn from_form(form: &Form) -> Result<Self, WebhookError> {
        let reader = Reader(form);
        Ok(Self {
            call_sid: reader.call_sid("CallSid")?,
            account_sid: reader.account_sid()?,
            call_status: reader.call_status()?,
            dial_call_status: dial_status(&reader)?,
            dial_call_sid: reader.optional_call_sid("DialCallSid")?,
            dial_call_duration: reader.number("DialCallDuration")?,
            dial_bridged: reader.truth("DialBridged")?,
            recording_url: reader.text("RecordingUrl"),
            sip_response_code: reader.sip_code("DialSipResponseCode")?,
        })
    }
}

impl LegStatus {
    /// Reads the form.
    ///
    /// # Errors
    /// A sid or the status is absent or unknown, or a number or date cannot be read.
    pub fn from_form(form: &Form) -> Result<Self, WebhookError> {
        let reader = Reader(form);
        Ok(Self {
            call_sid: reader.call_sid("CallSid")?,
            parent_call_sid: reader.optional_call_sid("ParentCallSid")?,
            account_sid: reader.account_sid()?,
            status: reader.call_status()?,
            duration_s: reader.number("CallDuration")?,
            timestamp: reader.time("Timestamp")?,
            sequence: reader.number("SequenceNumber")?,
            sip_response_code: reader.sip_code("SipResponseCode")?,
        })
    }
}

impl NumberStatus {
    /// Reads the form.
    ///
    /// # Errors
    /// As [`LegStatus::from_form`], or `To` is absent.
    pub fn from_form(form: &Form) -> Result<Self, WebhookError> {
        let reader = Reader(form);
        Ok(Self {
            leg: LegStatus::from_form(form)?,
            from: reader.text("From").unwrap_or_default(),
            to: reader.required("To")?.to_owned(),
        })
    }
}

impl fmt::Debug for NumberStatus {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("NumberStatus")
            .field("leg", &self.leg)
            .field("from", &mask(&self.from))
            .field("to", &mask(&self.to))
            .finish()
    }
}

fn dial_status(reader: &Reader<'_>) -> Result<CallStatus, WebhookError> {
    let parameter = "DialCallStatus";
    let status: Option<CallStatus> = reader.required(parameter)?.parse().ok();
    status
        .filter(|status| status.is_terminal() || *status == CallStatus::InProgress)
        .ok_or(WebhookError::Invalid { parameter, expected: "a dial status that we know" })
}
