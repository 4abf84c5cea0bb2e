//! Refusals on their way to becoming problem documents.
//!
//! A handler returns a [`Refusal`]; [`finish`], the outermost layer, writes the document with time and request id, and
//! turns any other error answer into one, so that there is no way to answer an error in another shape.

use std::sync::Arc;

use app::catalog::{self, Refused, Using};
use app::clock::Clock;
use app::ports::PortError;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use contract::problem::{CONTENT_TYPE, Code, ProblemDocument, UsedBy};
use domain::validate::Problem;
use http::header::{self, HeaderName, HeaderValue};
use http::{Method, StatusCode};
use runtime::HttpResponse;
use runtime::run::Chain;

use crate::context::Context;

/// The header with the request's id.
pub const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const CHALLENGE: HeaderValue = HeaderValue::from_static("Bearer realm=\"api\"");
const CHALLENGE_WRONG: HeaderValue =
    HeaderValue::from_static("Bearer realm=\"api\", error=\"invalid_token\"");

/// What is said while Twilio is away.
pub(crate) const CARRIER_AWAY: &str = "Twilio does not answer, or says that it has trouble: try again in a minute; \
                                       status.twilio.com says what is known";

/// Names a request in answers and logs: the gateway's id, or one of ours.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestId(String);

impl RequestId {
    /// The gateway's id when it is sound, else a new one.
    pub fn given(text: &str, clock: &dyn Clock) -> Self {
        let sound = (1..=128).contains(&text.len())
            && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_=".contains(&byte));
        Self(if sound { text.to_owned() } else { clock.new_id().to_string() })
    }

    /// The id.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Why a request was refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    code: Code,
    detail: String,
    fields: Vec<Problem>,
    used_by: Vec<UsedBy>,
    current_version: Option<u64>,
    retry_after_s: Option<u32>,
    /// With `unauthenticated`: a key was sent, but it is not good.
    wrong_key: bool,
}

impl Refusal {
    /// A refusal in words.
    pub fn new(code: Code, detail: impl Into<String>) -> Self {
        Self {
            code,
            detail: detail.into(),
            fields: Vec::new(),
            used_by: Vec::new(),
            current_version: None,
            retry_after_s: None,
            wrong_key: false,
        }
    }

    /// A refusal about fields or parameters.
    pub fn fields(code: Code, fields: Vec<Problem>) -> Self {
        let detail = match fields.as_slice() {
            [one] if one.field.is_empty() => one.message.clone(),
            [one] => format!("{}: {}", one.field, one.message),
            many => format!("{} rules are broken; see fields", many.len()),
        };
        Self { fields, ..Self::new(code, detail) }
    }

    /// Nobody known asks.
    pub fn unauthenticated(detail: &str, wrong_key: bool) -> Self {
        Self { wrong_key, ..Self::new(Code::Unauthenticated, detail) }
    }

    /// There is no such thing, or not in this account.
    pub fn not_found() -> Self {
        Self::new(Code::NotFound, "this account has nothing with this id")
    }

    /// Our fault; the log says why.
    pub fn internal() -> Self {
        Self::new(Code::Internal, "try again; if it stays so, tell us the request id")
    }

    /// The code, for lists of outcomes.
    pub const fn code(&self) -> Code {
        self.code
    }

    /// The words, for lists of outcomes.
    pub fn detail(&self) -> &str {
        &self.detail
    }

    /// It can be tried again after so many seconds.
    #[must_use]
    pub fn retry_after(self, seconds: u32) -> Self {
        Self { retry_after_s: Some(seconds), ..self }
    }

    /// What is stored now has this version.
    #[must_use]
    pub fn with_version(self, current: u64) -> Self {
        Self { current_version: Some(current), ..self }
    }

    fn status(&self) -> StatusCode {
        StatusCode::from_u16(self.code.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    fn document(self, context: &Context, request_id: &RequestId) -> Vec<u8> {
        let document = ProblemDocument {
            kind: ProblemDocument::type_of(self.code),
            title: self.code.title().to_owned(),
            status: self.code.status(),
            detail: self.detail,
            code: self.code,
            fields: self.fields,
            used_by: self.used_by,
            current_version: self.current_version,
            retry_after_s: self.retry_after_s,
            timestamp: context.clock.now(),
            request_id: request_id.0.clone(),
        };
        serde_json::to_vec(&document).unwrap_or_default()
    }

    /// The answer without a router, for requests that are none.
    pub fn into_gateway(self, context: &Context, request_id: &RequestId) -> HttpResponse {
        let status = self.code.status();
        let answer = HttpResponse::new(status, CONTENT_TYPE, self.document(context, request_id));
        match HeaderValue::from_str(&request_id.0) {
            Ok(value) => answer.with_header(REQUEST_ID, value),
            Err(_) => answer,
        }
    }
}

impl IntoResponse for Refusal {
    /// Status and the headers that belong to it; [`finish`] writes the body.
    fn into_response(self) -> Response {
        let mut response = self.status().into_response();
        let headers = response.headers_mut();
        if matches!(self.code, Code::Unauthenticated | Code::WrongCredentials) {
            let challenge = if self.wrong_key { CHALLENGE_WRONG } else { CHALLENGE };
            headers.insert(header::WWW_AUTHENTICATE, challenge);
        }
        if matches!(self.code, Code::Busy | Code::InProgress) {
            headers.insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
        }
        if let Some(seconds) = self.retry_after_s {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response.extensions_mut().insert(self);
        response
    }
}

impl From<PortError> for Refusal {
    /// Logged here, once; the client is told nothing of our insides.
    fn from(error: PortError) -> Self {
        match error {
            PortError::Busy { what } => {
                tracing::warn!(what, "too busy");
                Self::new(Code::Busy, "try again in a second")
            }
            PortError::Away { .. } => {
                tracing::warn!(error = %Chain(&error), "a service outside does not answer");
                Self::new(Code::CarrierAway, CARRIER_AWAY)
            }
            PortError::Failed { .. } | PortError::Corrupt { .. } => {
                tracing::error!(error = %Chain(&error), "a request failed");
                Self::internal()
            }
        }
    }
}

impl From<Refused> for Refusal {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::NotFound => Self::not_found(),
            Refused::Invalid(fields) => Self::fields(Code::Invalid, fields),
            Refused::Taken { field } => {
                let message = match field {
                    "number" => "this number is set up already; a number stands in one place only",
                    "account_sid" => {
                        "this Twilio account is connected already, here or in another account of this installation; \
                         it is connected in one place only"
                    }
                    _ => "another one has this name; choose a different one",
                };
                let problem = Problem {
                    field: field.to_owned(),
                    rule: "unique".to_owned(),
                    message: message.to_owned(),
                };
                Self::fields(Code::Taken, vec![problem])
            }
            Refused::Changed { current } => {
                let detail =
                    "read it again, look at what changed, and send your change with the version you read";
                Self { current_version: current, ..Self::new(Code::VersionConflict, detail) }
            }
            Refused::InUse(users) => Self::in_use(users),
            Refused::Archived => Self::new(
                Code::Archived,
                "an archived campaign is neither published nor switched on or off: set another status first",
            ),
            Refused::NotReady(missing) => Self::fields(Code::NotReady, missing),
            Refused::Carrier { field, refusal } => {
                let problem = Problem {
                    field: field.to_owned(),
                    rule: refusal.code().to_owned(),
                    message: refusal.words(),
                };
                Self::fields(Code::CarrierRefused, vec![problem])
            }
            Refused::LimitReached { most } => {
                let detail =
                    format!("an account has at most {most} of these: remove what is no longer needed");
                Self::new(Code::LimitReached, detail)
            }
        }
    }
}

impl Refusal {
    fn in_use(users: Vec<catalog::User>) -> Self {
        const NAMED: usize = 5;
        let named: Vec<String> = users
            .iter()
            .take(NAMED)
            .map(|user| format!("{} {} ({})", user.kind.word(), user.name, user.id))
            .collect();
        let more = users.len().saturating_sub(NAMED);
        let more = if more == 0 { String::new() } else { format!(" and {more} more") };
        let detail = format!("used by {}{more}: take it out there first", named.join(", "));
        let used_by =
            users.into_iter().map(|user| UsedBy { kind: kind_name(user.kind), id: user.id, name: user.name });
        Self { used_by: used_by.collect(), ..Self::new(Code::InUse, detail) }
    }
}

/// `RTB target` as a program reads it: `rtb_target`.
fn kind_name(kind: Using) -> String {
    kind.word().to_ascii_lowercase().replace(' ', "_")
}

/// Headers of every answer. There is nothing here for a page of another site to read, frame or run.
const SAFETY: [(HeaderName, &str); 6] = [
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::CONTENT_SECURITY_POLICY, "default-src 'none'; frame-ancestors 'none'"),
    (header::STRICT_TRANSPORT_SECURITY, "max-age=63072000; includeSubDomains"),
    (header::REFERRER_POLICY, "no-referrer"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
];

/// The outermost layer: problem documents, request id, and headers that every answer has.
pub async fn finish(State(context): State<Arc<Context>>, request: Request, next: Next) -> Response {
    let request_id = match request.extensions().get::<RequestId>() {
        Some(given) => given.clone(),
        None => RequestId::given("", context.clock.as_ref()),
    };
    let head_only = request.method() == Method::HEAD;
    let mut response = next.run(request).await;
    if let Some(refusal) = refusal_in(&mut response) {
        let document = refusal.document(&context, &request_id);
        *response.body_mut() = if head_only { Body::empty() } else { Body::from(document) };
        let headers = response.headers_mut();
        headers.remove(header::CONTENT_LENGTH);
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(CONTENT_TYPE));
    }
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    for (name, value) in SAFETY {
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    }
    if let Ok(value) = HeaderValue::from_str(&request_id.0) {
        headers.insert(REQUEST_ID, value);
    }
    response
}

/// The refusal of a handler, or one made from a bare error status.
fn refusal_in(response: &mut Response) -> Option<Refusal> {
    if let Some(refusal) = response.extensions_mut().remove::<Refusal>() {
        return Some(refusal);
    }
    let status = response.status();
    if status.is_server_error() {
        return Some(Refusal::internal());
    }
    if !status.is_client_error() {
        return None;
    }
    let code = Code::ALL
        .iter()
        .copied()
        .find(|code| code.status() == status.as_u16())
        .unwrap_or(Code::MalformedBody);
    *response.status_mut() = StatusCode::from_u16(code.status()).unwrap_or(status);
    Some(Refusal::new(code, "the request could not be understood"))
}
