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
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, utoipa::ToSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Code {
    /// The body is not JSON, not an object, or nested too deeply.
    MalformedBody,
    /// A query parameter is unknown, repeated or out of bounds.
    InvalidQuery,
    /// A header cannot be used as it is.
    InvalidHeader,
    /// The cursor is none of ours, or belongs to another list.
    InvalidCursor,
    /// No key, or one that is unknown or has expired.
    Unauthenticated,
    /// The key is good, but not for this.
    MissingScope,
    /// The role does not include this, or it is for people only.
    NotPermitted,
    /// A change with a sign-in cookie that did not come from our own pages.
    CrossSite,
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
    /// The campaign could not place a call; `fields` says what is missing.
    NotReady,
    /// The account has as many of this kind as it may have.
    LimitReached,
    /// More than the largest body we read.
    BodyTooLarge,
    /// The body is announced as something that we do not read.
    UnsupportedMediaType,
    /// The body breaks rules; `fields` says which.
    Invalid,
    /// Twilio would not do it; the rule of `fields` says why: `not_available`, `invalid_number`, `no_numbers_in_area`,
    /// `invalid_area`, `not_offered`, `trial_limit`, `address_required`, `bundle_required`, `not_authorised`, `other`.
    CarrierRefused,
    /// Twilio does not answer. What was asked for did not happen, or can be asked for again.
    CarrierAway,
    /// Our fault.
    Internal,
    /// Too many requests in a minute.
    RateLimited,
    /// The same request, by its Idempotency-Key, is still being worked on.
    InProgress,
    /// The Idempotency-Key was used for another request.
    KeyReused,
    /// Too busy; try again soon.
    Busy,
    /// More or longer headers than we read.
    HeadersTooLarge,
    /// Address or password is wrong; the same for somebody unknown.
    WrongCredentials,
    /// The password that was asked once more is wrong.
    WrongPassword,
    /// The code of the second factor is wrong, or was used.
    WrongCode,
    /// Too many attempts; wait.
    Locked,
    /// The link or token was used, has expired, or never was one.
    TokenInvalid,
    /// The new password is not good enough.
    PasswordWeak,
    /// Only somebody with as high a role may do so.
    AboveRole,
    /// The account would be without an active owner.
    LastOwner,
    /// It is not in the state for this.
    WrongState,
    /// Another conversion report counts for the call.
    ReportedBefore,
    /// The call was connected too long ago.
    TooLate,
}

impl Code {
    /// All of them, for documentation and tests.
    pub const ALL: &[Self] = &[
        Self::MalformedBody,
        Self::InvalidQuery,
        Self::InvalidHeader,
        Self::InvalidCursor,
        Self::Unauthenticated,
        Self::MissingScope,
        Self::NotPermitted,
        Self::CrossSite,
        Self::NotFound,
        Self::UnknownRoute,
        Self::MethodNotAllowed,
        Self::VersionConflict,
        Self::Taken,
        Self::InUse,
        Self::Archived,
        Self::NotReady,
        Self::LimitReached,
        Self::BodyTooLarge,
        Self::UnsupportedMediaType,
        Self::Invalid,
        Self::CarrierRefused,
        Self::CarrierAway,
        Self::RateLimited,
        Self::InProgress,
        Self::KeyReused,
        Self::Internal,
        Self::Busy,
        Self::HeadersTooLarge,
        Self::WrongCredentials,
        Self::WrongPassword,
        Self::WrongCode,
        Self::Locked,
        Self::TokenInvalid,
        Self::PasswordWeak,
        Self::AboveRole,
        Self::LastOwner,
        Self::WrongState,
        Self::ReportedBefore,
        Self::TooLate,
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
            Self::InvalidHeader => ("invalid_header", 400, "A header is not valid"),
            Self::InvalidCursor => ("invalid_cursor", 400, "The cursor is not valid here"),
            Self::Unauthenticated => ("unauthenticated", 401, "Sign in, or send a valid API key"),
            Self::MissingScope => ("missing_scope", 403, "The API key may not do this"),
            Self::NotPermitted => ("not_permitted", 403, "Your role does not include this"),
            Self::CrossSite => ("cross_site", 403, "This did not come from our own pages"),
            Self::NotFound => ("not_found", 404, "There is no such thing"),
            Self::UnknownRoute => ("unknown_route", 404, "There is no such address"),
            Self::MethodNotAllowed => ("method_not_allowed", 405, "This address does not take this method"),
            Self::VersionConflict => ("version_conflict", 409, "It was changed meanwhile"),
            Self::Taken => ("taken", 409, "Another one has this already"),
            Self::InUse => ("in_use", 409, "It is still in use"),
            Self::Archived => ("archived", 409, "The campaign is archived"),
            Self::NotReady => ("not_ready", 409, "The campaign could not place a call"),
            Self::LimitReached => ("limit_reached", 409, "There is no room for more"),
            Self::BodyTooLarge => ("body_too_large", 413, "The body is too large"),
            Self::UnsupportedMediaType => ("unsupported_media_type", 415, "The body is of the wrong type"),
            Self::Invalid => ("invalid", 422, "Some fields are not valid"),
            Self::CarrierRefused => ("carrier_refused", 422, "Twilio would not do it"),
            Self::CarrierAway => ("carrier_away", 502, "Twilio does not answer"),
            Self::RateLimited => ("rate_limited", 429, "Too many requests"),
            Self::InProgress => ("in_progress", 409, "The same request is still being worked on"),
            Self::KeyReused => ("key_reused", 422, "The Idempotency-Key belongs to another request"),
            Self::Internal => ("internal", 500, "Something went wrong on our side"),
            Self::Busy => ("busy", 503, "Too busy at the moment"),
            Self::HeadersTooLarge => ("headers_too_large", 431, "The headers are too large"),
            Self::WrongCredentials => ("wrong_credentials", 401, "E-mail address or password is wrong"),
            Self::WrongPassword => ("wrong_password", 403, "The password is wrong"),
            Self::WrongCode => ("wrong_code", 403, "The code is wrong"),
            Self::Locked => ("locked", 429, "Too many attempts"),
            Self::TokenInvalid => ("token_invalid", 410, "This link is not good any more"),
            Self::PasswordWeak => ("password_weak", 422, "The password is not good enough"),
            Self::AboveRole => ("above_role", 403, "That role is above yours"),
            Self::LastOwner => ("last_owner", 409, "The account needs an owner"),
            Self::WrongState => ("wrong_state", 409, "That does not go now"),
            Self::ReportedBefore => ("reported_before", 409, "Another report counts for this call"),
            Self::TooLate => ("too_late", 410, "It is too late for this"),
        }
    }
}

/// Something that stands in the way of a deletion.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct UsedBy {
    /// `campaign`, `phone_number`, `target`, `rtb_target`, `target_group`, `ring_tree`, `incoming_webhook`, `user` or `invitation`.
    pub kind: String,
    /// Its id.
    pub id: String,
    /// Its name, or the phone number; of an invitation the masked address.
    pub name: String,
}

/// A problem as it is sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
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
    /// With `locked`: seconds until it can be tried again; also the header `Retry-After`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after_s: Option<u32>,
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
