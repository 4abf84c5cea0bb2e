//! A recording changed its state (recordingStatusCallback). Not the common set of parameters: there is no From and no To.

use domain::ids::{AccountSid, CallSid};
use jiff::Timestamp;

use super::WebhookError;
use super::reader::Reader;
use crate::form::Form;

/// What Twilio says of a recording.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordingStatus {
    /// The caller's leg, whichever leg was recorded.
    pub call_sid: CallSid,
    /// The account.
    pub account_sid: AccountSid,
    /// Twilio's id of the recording: `RE` and 32 hexadecimal digits.
    pub recording_sid: String,
    /// Where its media can be fetched.
    pub recording_url: Option<String>,
    /// Its state.
    pub state: RecordingState,
    /// Seconds; known when completed.
    pub duration_s: Option<u32>,
    /// One (mixed) or two (caller, callee).
    pub channels: Option<u32>,
    /// When it began.
    pub start_time: Option<Timestamp>,
    /// What started it, in Twilio's words, for example `DialVerb`.
    pub source: Option<String>,
    /// Twilio's error code of a recording that failed.
    pub error_code: Option<u32>,
}

/// States of a recording.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RecordingState {
    /// Under way.
    InProgress,
    /// Ready.
    Completed,
    /// There is none: nothing was said, or it was too short.
    Absent,
    /// It went wrong.
    Failed,
}

impl RecordingStatus {
    /// Reads the form.
    ///
    /// # Errors
    /// A sid or the state is absent or unknown, or a number or date cannot be read.
    pub fn from_form(form: &Form) -> Result<Self, WebhookError> {
        let reader = Reader(form);
        Ok(Self {
            call_sid: reader.call_sid("CallSid")?,
            account_sid: reader.account_sid()?,
            recording_sid: recording_sid(&reader)?,
            recording_url: reader.text("RecordingUrl"),
            state: state(&reader)?,
            duration_s: reader.number("RecordingDuration")?,
            channels: reader.number("RecordingChannels")?,
            start_time: reader.time("RecordingStartTime")?,
            source: reader.text("RecordingSource"),
            error_code: reader.number("ErrorCode")?,
        })
    }
}

fn recording_sid(reader: &Reader<'_>) -> Result<String, WebhookError> {
    let parameter = "RecordingSid";
    let sid = reader.required(parameter)?;
    let sound = sid.strip_prefix("RE").is_some_and(|hex| {
        hex.len() == 32 && hex.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
    });
    if sound {
        Ok(sid.to_owned())
    } else {
        Err(WebhookError::Invalid { parameter, expected: "a recording sid" })
    }
}

fn state(reader: &Reader<'_>) -> Result<RecordingState, WebhookError> {
    let parameter = "RecordingStatus";
    match reader.required(parameter)? {
        "in-progress" => Ok(RecordingState::InProgress),
        "completed" => Ok(RecordingState::Completed),
        "absent" => Ok(RecordingState::Absent),
        "failed" => Ok(RecordingState::Failed),
        _ => Err(WebhookError::Invalid { parameter, expected: "a recording state that we know" }),
    }
}
