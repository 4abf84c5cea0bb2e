//! Twilio's REST API, as far as we use it: what became of a call, the numbers of an account, the applications they lead to,
//! SIP domains.
//!
//! The address of the API is configuration, never a tenant's input, so this crate has its own HTTP client; it follows no
//! redirect, uses no proxy and trusts only the compiled-in roots. What must stay true: what may be repeated without harm is
//! retried; what may not (buying, making an application) is sent again only when Twilio surely did not do it; each ends
//! within its deadline; credentials go nowhere but to the configured base.

mod accounts;
mod applications;
mod error;
mod numbers;
mod recordings;
mod resources;
mod sip;

pub use accounts::AccountResource;
pub use applications::ApplicationResource;
pub use error::{Refusal, RestError};
pub use numbers::{AvailableResource, NumberResource};
pub use resources::{CallResource, Credentials};
pub use sip::{SipDomainResource, SipEntry, SipList};

use std::time::Duration;

use domain::ids::CallSid;
use reqwest::header::{CONTENT_TYPE, RETRY_AFTER};
use reqwest::redirect::Policy;
use reqwest::{Certificate, Method};
use serde::de::DeserializeOwned;
use tokio::time::{Instant, sleep};

use crate::form::encode;
use resources::{CallJson, CallsPage};

/// Where the API is, unless configured otherwise.
pub const DEFAULT_API_BASE: &str = "https://api.twilio.com";

const VERSION: &str = "/2010-04-01";
const LARGEST_ANSWER: usize = 1024 * 1024;
/// Far more legs than one call can have.
const MOST_PAGES_OF_LEGS: usize = 20;

/// How long an operation may take, and how it is retried.
#[derive(Debug, Clone, Copy)]
pub struct Pace {
    /// The whole operation, pauses and pages included.
    pub deadline: Duration,
    /// One attempt.
    pub attempt: Duration,
    /// Before the second attempt; doubled each time, with a random part of up to half.
    pub first_pause: Duration,
    /// The longest of our own pauses. A `Retry-After` of Twilio's may be longer.
    pub longest_pause: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            deadline: Duration::from_secs(20),
            attempt: Duration::from_secs(5),
            first_pause: Duration::from_millis(250),
            longest_pause: Duration::from_secs(4),
        }
    }
}

/// The client. Clones share connections.
#[derive(Debug, Clone)]
pub struct RestClient {
    http: reqwest::Client,
    base: String,
    pace: Pace,
}

/// One request, kept so that it can be sent again.
struct Ask<'a> {
    credentials: &'a Credentials,
    doing: &'static str,
    method: Method,
    url: String,
    form: Option<String>,
    until: Instant,
    again: Again,
}

/// When a request may be sent once more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Again {
    /// Doing it twice is doing it once.
    Always,
    /// Only when Twilio surely did not do it.
    IfNotDone,
}

impl Again {
    fn after(self, error: &RestError) -> bool {
        match self {
            Self::Always => error.is_passing(),
            Self::IfNotDone => error.is_not_done(),
        }
    }
}

impl RestClient {
    /// A client of the API at this base (scheme, host, port; no version).
    ///
    /// # Errors
    /// The base is no http(s) URL, or the TLS client cannot be made.
    pub fn new(api_base: &str, pace: Pace) -> Result<Self, RestError> {
        let base = api_base.trim_end_matches('/');
        let host = base.strip_prefix("https://").or_else(|| base.strip_prefix("http://"));
        if host.is_none_or(|host| host.is_empty() || host.contains(['?', '#', '@'])) {
            return Err(RestError::Base);
        }
        let http = http_client().map_err(RestError::Client)?;
        Ok(Self { http, base: base.to_owned(), pace })
    }

    /// One leg as Twilio's books have it.
    ///
    /// # Errors
    /// [`RestError::is_not_found`] when Twilio does not know it; otherwise no usable answer within the deadline.
    pub async fn fetch_call(
        &self,
        credentials: &Credentials,
        call: &CallSid,
    ) -> Result<CallResource, RestError> {
        let doing = "fetch a call";
        let url = self.url(credentials, &format!("/Calls/{call}.json"));
        let call: CallJson = self.ask(&self.get(credentials, doing, url)).await?;
        call.read(doing)
    }

    /// The legs that were dialled for a caller, in Twilio's order (latest first).
    ///
    /// # Errors
    /// No usable answer within the deadline.
    pub async fn child_calls(
        &self,
        credentials: &Credentials,
        parent: &CallSid,
    ) -> Result<Vec<CallResource>, RestError> {
        let doing = "list the legs of a call";
        let query = encode(&[("ParentCallSid", parent.as_str()), ("PageSize", "100")]);
        let mut ask = self.get(credentials, doing, self.url(credentials, &format!("/Calls.json?{query}")));
        let mut legs = Vec::new();
        for _ in 0..MOST_PAGES_OF_LEGS {
            let page: CallsPage = self.ask(&ask).await?;
            for call in page.calls {
                legs.push(call.read(doing)?);
            }
            match self.next_page(&ask, page.next_page_uri)? {
                Some(url) => ask.url = url,
                None => return Ok(legs),
            }
        }
        Err(RestError::TooLarge { doing })
    }

    /// The next page's address. It comes from the answer; anything but a page of the same account would get our credentials.
    fn next_page(&self, ask: &Ask<'_>, next: Option<String>) -> Result<Option<String>, RestError> {
        let Some(next) = next.filter(|uri| !uri.is_empty()) else { return Ok(None) };
        let own = format!("{VERSION}/Accounts/{}/", ask.credentials.account_sid);
        if !next.starts_with(&own) || next.contains("..") {
            return Err(RestError::Field { doing: ask.doing, field: "next_page_uri" });
        }
        Ok(Some(format!("{}{next}", self.base)))
    }

    fn url(&self, credentials: &Credentials, path: &str) -> String {
        format!("{}{VERSION}/Accounts/{}{path}", self.base, credentials.account_sid)
    }

    fn get<'a>(&self, credentials: &'a Credentials, doing: &'static str, url: String) -> Ask<'a> {
        let until = Instant::now() + self.pace.deadline;
        Ask { credentials, doing, method: Method::GET, url, form: None, until, again: Again::Always }
    }

    fn post<'a>(
        &self,
        credentials: &'a Credentials,
        doing: &'static str,
        url: String,
        form: &[(&str, &str)],
    ) -> Ask<'a> {
        Ask { method: Method::POST, form: Some(encode(form)), ..self.get(credentials, doing, url) }
    }

    /// Asks for JSON.
    async fn ask<T: DeserializeOwned>(&self, ask: &Ask<'_>) -> Result<T, RestError> {
        let body = self.answer(ask).await?;
        serde_json::from_slice(&body).map_err(|source| RestError::Form { doing: ask.doing, source })
    }

    /// Asks until there is a lasting answer or too little time for another try. Out of time, what Twilio said last is a
    /// better reason than that it said nothing to the attempt which the deadline cut short.
    async fn answer(&self, ask: &Ask<'_>) -> Result<Vec<u8>, RestError> {
        let mut pause = self.pace.first_pause;
        let mut said = None;
        loop {
            let (error, wished) = match self.attempt(ask).await {
                Ok(body) => return Ok(body),
                Err(failure) => failure,
            };
            let wait = jittered(pause).max(wished.unwrap_or_default());
            if !ask.again.after(&error) || Instant::now() + wait >= ask.until {
                let cut_short = matches!(error, RestError::Transport { .. });
                return Err(said.filter(|_| cut_short).unwrap_or(error));
            }
            if matches!(error, RestError::Refused { .. }) {
                said = Some(error);
            }
            sleep(wait).await;
            pause = (pause * 2).min(self.pace.longest_pause);
        }
    }

    /// One attempt; a failure comes with the pause that Twilio asks for.
    async fn attempt(&self, ask: &Ask<'_>) -> Result<Vec<u8>, (RestError, Option<Duration>)> {
        let doing = ask.doing;
        let broken =
            |source: reqwest::Error| (RestError::Transport { doing, source: source.without_url() }, None);
        let left = ask.until.saturating_duration_since(Instant::now());
        let mut request = self
            .http
            .request(ask.method.clone(), &ask.url)
            .basic_auth(&ask.credentials.account_sid, Some(&ask.credentials.auth_token))
            .timeout(self.pace.attempt.min(left));
        if let Some(form) = &ask.form {
            request = request.header(CONTENT_TYPE, "application/x-www-form-urlencoded").body(form.clone());
        }
        let mut response = request.send().await.map_err(broken)?;
        let status = response.status();
        let wished = response
            .headers()
            .get(RETRY_AFTER)
            .and_then(|seconds| seconds.to_str().ok()?.parse().ok())
            .map(Duration::from_secs);
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(broken)? {
            if body.len() + chunk.len() > LARGEST_ANSWER {
                return Err((RestError::TooLarge { doing }, None));
            }
            body.extend_from_slice(&chunk);
        }
        if status.is_success() {
            return Ok(body);
        }
        let refusal = Refusal::read(status.as_u16(), &body);
        Err((RestError::Refused { doing, refusal }, wished))
    }
}

fn http_client() -> Result<reqwest::Client, reqwest::Error> {
    let roots: Result<Vec<_>, _> =
        webpki_root_certs::TLS_SERVER_ROOT_CERTS.iter().map(|root| Certificate::from_der(root)).collect();
    #[expect(clippy::disallowed_methods, reason = "the API's address is configuration, not a tenant's input")]
    let builder = reqwest::Client::builder();
    builder
        .tls_certs_only(roots?)
        .no_proxy()
        .redirect(Policy::none())
        .connect_timeout(Duration::from_secs(3))
        .user_agent(concat!("callcenter-pro/", env!("CARGO_PKG_VERSION")))
        .build()
}

/// Between half of the pause and all of it, so that many clients do not come back at once.
fn jittered(pause: Duration) -> Duration {
    let half = pause / 2;
    let most = u64::try_from(half.as_micros()).unwrap_or(u64::MAX);
    half + Duration::from_micros(rand::random_range(0..=most))
}
