//! The parts of Twilio's resources that we use, read from its JSON (field names as in Twilio's OpenAPI description).

use std::fmt;

use domain::call::CallStatus;
use domain::ids::{AccountSid, CallSid};
use domain::phone::mask;
use jiff::Timestamp;
use serde::Deserialize;

use super::RestError;
use crate::webhook::rfc2822;

/// A call leg as Twilio's books have it.
#[derive(Clone, PartialEq, Eq)]
pub struct CallResource {
    /// The leg.
    pub call_sid: CallSid,
    /// The caller's leg, for a leg that we dialled.
    pub parent_call_sid: Option<CallSid>,
    /// Its state now.
    pub status: CallStatus,
    /// Seconds from answer to end; absent until it has ended.
    pub duration_s: Option<u32>,
    /// When it was answered (or began to ring, while unanswered).
    pub start_time: Option<Timestamp>,
    /// When it ended.
    pub end_time: Option<Timestamp>,
    /// Who called: E.164, SIP, a client, or a word.
    pub from: String,
    /// What was called.
    pub to: String,
}

/// Account and token for Basic authentication.
#[derive(Clone)]
pub struct Credentials {
    pub(super) account_sid: AccountSid,
    pub(super) auth_token: String,
}

impl Credentials {
    /// The account's own sid and auth token.
    pub fn new(account_sid: AccountSid, auth_token: impl Into<String>) -> Self {
        Self { account_sid, auth_token: auth_token.into() }
    }
}
impl fmt::Debug for Credentials {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Credentials").field("account_sid", &self.account_sid).finish_non_exhaustive()
    }
}

impl fmt::Debug for CallResource {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("CallResource")
            .field("call_sid", &self.call_sid)
            .field("parent_call_sid", &self.parent_call_sid)
            .field("status", &self.status)
            .field("duration_s", &self.duration_s)
            .field("start_time", &self.start_time)
            .field("end_time", &self.end_time)
            .field("from", &mask(&self.from))
            .field("to", &mask(&self.to))
            .finish()
    }
}

#[derive(Deserialize)]
pub(super) struct CallJson {
    sid: String,
    parent_call_sid: Option<String>,
    status: String,
    duration: Option<Count>,
    start_time: Option<String>,
    end_time: Option<String>,
    from: Option<String>,
    to: Option<String>,
}

/// Twilio writes durations as text.
#[derive(Deserialize)]
#[serde(untagged)]
enum Count {
    Text(String),
    Number(u32),
}

#[derive(Deserialize)]
pub(super) struct CallsPage {
    pub(super) calls: Vec<CallJson>,
    pub(super) next_page_uri: Option<String>,
}

impl CallJson {
    pub(super) fn read(self, doing: &'static str) -> Result<CallResource, RestError> {
        let unknown = |field| RestError::Field { doing, field };
        let time = |text: Option<String>, field| {
            filled(text).map(|text| rfc2822(&text)).transpose().map_err(|_| unknown(field))
        };
        let duration_s = match self.duration {
            Some(Count::Number(seconds)) => Some(seconds),
            Some(Count::Text(text)) if !text.is_empty() => {
                Some(text.parse().map_err(|_| unknown("duration"))?)
            }
            Some(Count::Text(_)) | None => None,
        };
        let parent = filled(self.parent_call_sid).map(CallSid::try_from).transpose();
        Ok(CallResource {
            call_sid: self.sid.parse().map_err(|_| unknown("sid"))?,
            parent_call_sid: parent.map_err(|_| unknown("parent_call_sid"))?,
            status: self.status.parse().map_err(|_| unknown("status"))?,
            duration_s,
            start_time: time(self.start_time, "start_time")?,
            end_time: time(self.end_time, "end_time")?,
            from: self.from.unwrap_or_default(),
            to: self.to.unwrap_or_default(),
        })
    }
}

pub(super) fn filled(text: Option<String>) -> Option<String> {
    text.filter(|text| !text.is_empty())
}
