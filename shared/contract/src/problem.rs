//! One shape for every refusal: RFC 9457 problem details with a code from a closed list.
//!
//! A client decides by `code` (stable, listed here) and shows `detail` (words, may change). The HTTP status follows from
//! the code, so that the two cannot disagree.

use domain::validate::Problem;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// The media type of a problem document.
pub const CONTENT_TYPE: &str = "application/problem+json";

/// Every way in which the API refuses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Code {
    /// The body is not JSON, not an object, or nested too deeply.
    MalformedBody,
    /// A query parameter is unknown, repeated or out of bounds.
    InvalidQuery,
    /// The cursor is none of ours, or belongs to another list.
    InvalidCursor,
    /// No key, or one that is unknown or has expired.
    Unauthenticated,
    /// The key is good, but not for this.
    MissingScope,
    /// There is no such thing in this account.
    NotFound,
    /// There is no such address.
    UnknownRoute,
    /// The address exists, but not with this method.
    MethodNotAllowed,
    /// Somebody changed it meanwhile: read it again.
    VersionConflict,
    /// Another one has this name or number.
    Taken,
    /// Something else still uses it.
    InUse,
    /// The campaign is archived.
    Archived,
    /// More than the largest body we read.
    BodyTooLarge,
    /// The body is announced as something that we do not read.
    UnsupportedMediaType,
    /// The body breaks rules; `fields` says which.
    Invalid,
    /// Twilio would not do it; the rule of `fields` says why: `not_available`, `invalid_number`, `no_numbers_in_area`,
    /// `invalid_area`, `not_offered`, `trial_limit`, `address_required`, `bundle_required`, `not_authorised`, `other`.
    CarrierRefused,
    /// Our fault.
    Internal,
    /// Too busy; try again soon.
    Busy,
}

impl Code {
    /// All of them, for documentation and tests.
    pub const ALL: [Self; 18] = [
        Self::MalformedBody,
        Self::InvalidQuery,
        Self::InvalidCursor,
        Self::Unauthenticated,
        Self::MissingScope,
        Self::NotFound,
        Self::UnknownRoute,
        Self::MethodNotAllowed,
        Self::VersionConflict,
        Self::Taken,
        Self::InUse,
        Self::Archived,
        Self::BodyTooLarge,
        Self::UnsupportedMediaType,
        Self::Invalid,
        Self::CarrierRefused,
        Self::Internal,
        Self::Busy,
    ];

    /// As it is written in JSON.
    pub const fn as_str(self) -> &'static str {
        self.entry().0
    }

    /// The HTTP status that goes with it.
    pub const fn status(self) -> u16 {
        self.entry().1
    }

    /// A short summary, the same for every problem of this code.
    pub const fn title(self) -> &'static str {
        self.entry().2
    }

    const fn entry(self) -> (&'static str, u16, &'static str) {
        match self {
            Self::MalformedBody => ("malformed_body", 400, "The body cannot be read"),
            Self::InvalidQuery => ("invalid_query", 400, "The query parameters are not valid"),
            Self::InvalidCursor => ("invalid_cursor", 400, "The cursor is not valid here"),
            Self::Unauthenticated => ("unauthenticated", 401, "A valid API key is needed"),
            Self::MissingScope => ("missing_scope", 403, "The API key may not do this"),
            Self::NotFound => ("not_found", 404, "There is no such thing"),
            Self::UnknownRoute => ("unknown_route", 404, "There is no such address"),
            Self::MethodNotAllowed => ("method_not_allowed", 405, "This address does not take this method"),
            Self::VersionConflict => ("version_conflict", 409, "It was changed meanwhile"),
            Self::Taken => ("taken", 409, "Another one has this already"),
            Self::InUse => ("in_use", 409, "It is still in use"),
            Self::Archived => ("archived", 409, "The campaign is archived"),
            Self::BodyTooLarge => ("body_too_large", 413, "The body is too large"),
            Self::UnsupportedMediaType => ("unsupported_media_type", 415, "The body is of the wrong type"),
            Self::Invalid => ("invalid", 422, "Some fields are not valid"),
            Self::CarrierRefused => ("carrier_refused", 422, "Twilio would not do it"),
            Self::Internal => ("internal", 500, "Something went wrong on our side"),
            Self::Busy => ("busy", 503, "Too busy at the moment"),
        }
    }
}

/// Something that stands in the way of a deletion.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UsedBy {
    /// `campaign` or `phone_number`.
    pub kind: String,
    /// Its id.
    pub id: String,
    /// Its name, or the phone number.
    pub name: String,
}

/// A problem as it is sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProblemDocument {
    /// A URI that names the kind of problem; made from the code.
    #[serde(rename = "type")]
    pub kind: String,
    /// The code's summary.
    pub title: String,
    /// The HTTP status, once more.
    pub status: u16,
    /// What was wrong this time, and what to do.
    pub detail: String,
    /// For programs.
    pub code: Code,
    /// Each broken rule with its field.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fields: Vec<Problem>,
    /// With `in_use`: what uses it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub used_by: Vec<UsedBy>,
    /// With `version_conflict`: the version that is stored now, when known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub current_version: Option<u64>,
    /// When it was refused, UTC.
    pub timestamp: Timestamp,
    /// The request's id, to be quoted to support; also the header `x-request-id`.
    pub request_id: String,
}

impl ProblemDocument {
    /// The URI of a code's kind of problem.
    pub fn type_of(code: Code) -> String {
        format!("urn:callcenter-pro:problem:{}", code.as_str())
    }
}
