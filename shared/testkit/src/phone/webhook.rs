//! Sends one webhook as Twilio does: signed, with its limits, retries and redirects, and judges the answer's transport.
//!
//! What must stay true: every attempt of one logical request carries the same idempotency token, and an answer that
//! has begun to arrive is never asked for again.

use std::collections::HashMap;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use super::locked;
use super::overrides::Limits;
use super::signature::{sign, without_fragment};
use super::twiml::Method;

/// TwiML longer than this is refused (11750).
const MOST_BYTES: usize = 64 * 1024;
/// Redirects followed for one request (11215).
const MOST_REDIRECTS: usize = 10;

/// HTTP retrieval failure.
pub(super) const RETRIEVAL_FAILED: u32 = 11_200;
/// HTTP connection failure.
const CONNECTION_FAILED: u32 = 11_205;
/// Too many redirects.
const TOO_MANY_REDIRECTS: u32 = 11_215;
/// The answer is too large.
const TOO_LARGE: u32 = 11_750;

/// Sends webhooks for one account.
pub(super) struct WebhookClient {
    auth_token: String,
    time_scale: u32,
    /// A client's connection time-out is fixed when it is built, so there is one per time-out in use.
    clients: Mutex<HashMap<Duration, reqwest::Client>>,
}

/// One webhook.
#[derive(Debug, Clone, Copy)]
pub(super) struct Webhook<'a> {
    pub(super) url: &'a str,
    pub(super) method: Method,
    pub(super) parameters: &'a [(String, String)],
    pub(super) token: &'a str,
}

/// A complete answer with a status below 300.
#[derive(Debug)]
pub(super) struct Reply {
    pub(super) status: u16,
    pub(super) content_type: String,
    pub(super) body: Vec<u8>,
    /// The address that answered, after redirects.
    pub(super) url: String,
}

/// Why there is no acceptable answer.
#[derive(Debug)]
pub(super) struct Failure {
    pub(super) code: u32,
    pub(super) detail: String,
    pub(super) status: Option<u16>,
    retriable: bool,
    timed_out: bool,
}

/// What became of a webhook.
#[derive(Debug)]
pub(super) struct Sending {
    pub(super) result: Result<Reply, Failure>,
    pub(super) attempts: u32,
    /// Real time it took.
    pub(super) elapsed: Duration,
    /// Time that the unscaled limits would have taken on top.
    pub(super) unspent: Duration,
}

impl WebhookClient {
    pub(super) fn new(auth_token: String, time_scale: u32) -> Self {
        Self { auth_token, time_scale: time_scale.max(1), clients: Mutex::default() }
    }

    /// Sends a webhook and waits for its answer, within the limits that its address sets.
    pub(super) async fn send(&self, webhook: Webhook<'_>) -> Sending {
        let nominal = Limits::of(webhook.url);
        let limits = nominal.scaled(self.time_scale);
        let started = Instant::now();
        let mut attempts = 0;
        let result = loop {
            attempts += 1;
            let left = limits.total.saturating_sub(started.elapsed());
            let attempt = tokio::time::timeout(left, Box::pin(self.attempt(webhook, &limits))).await;
            let result =
                attempt.unwrap_or_else(|_| Err(Failure::timed_out("no complete answer in time", false)));
            match result {
                Err(failure)
                    if failure.retriable
                        && attempts <= limits.retries
                        && started.elapsed() < limits.total => {}
                result => break result,
            }
        };
        let elapsed = started.elapsed();
        let timed_out = result.as_ref().is_err_and(|failure| failure.timed_out);
        let full = if timed_out { (elapsed * self.time_scale).min(nominal.total) } else { elapsed };
        Sending { result, attempts, elapsed, unspent: full.saturating_sub(elapsed) }
    }

    /// One attempt, redirects included.
    async fn attempt(&self, webhook: Webhook<'_>, limits: &Limits) -> Result<Reply, Failure> {
        let client = self.client(limits.connect)?;
        let mut url = without_fragment(webhook.url).to_owned();
        let mut method = webhook.method;
        let mut parameters = webhook.parameters;
        for _ in 0..=MOST_REDIRECTS {
            let signed = Webhook { url: &url, method, parameters, token: webhook.token };
            let request = self.request(&client, signed);
            let response =
                within(limits, request.send()).await?.map_err(|error| Failure::of(&error, limits))?;
            let status = response.status().as_u16();
            let target = response.headers().get("location").and_then(|value| value.to_str().ok());
            let Some(target) = target.filter(|_| response.status().is_redirection()) else {
                return read(response, limits, url).await;
            };
            url = resolve(&url, target).map_err(|detail| Failure::permanent(RETRIEVAL_FAILED, detail))?;
            if !matches!(status, 307 | 308) {
                method = Method::Get;
                parameters = &[];
            }
        }
        let detail = format!("more than {MOST_REDIRECTS} redirects");
        Err(Failure::permanent(TOO_MANY_REDIRECTS, detail))
    }

    fn request(&self, client: &reqwest::Client, webhook: Webhook<'_>) -> reqwest::RequestBuilder {
        let fields = webhook.parameters.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        let form = form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        let request = match webhook.method {
            Method::Post => client
                .post(webhook.url)
                .header("Content-Type", "application/x-www-form-urlencoded; charset=UTF-8")
                .header("X-Twilio-Signature", sign(&self.auth_token, webhook.url, webhook.parameters))
                .body(form),
            Method::Get => {
                let separator = match (form.is_empty(), webhook.url.contains('?')) {
                    (true, _) => "",
                    (false, true) => "&",
                    (false, false) => "?",
                };
                let url = format!("{}{separator}{form}", webhook.url);
                let signature = sign(&self.auth_token, &url, &[]);
                client.get(url).header("X-Twilio-Signature", signature)
            }
        };
        request
            .header("User-Agent", "TwilioProxy/1.1")
            .header("Accept", "*/*")
            .header("I-Twilio-Idempotency-Token", webhook.token)
    }

    /// The one place that builds an HTTP client.
    #[expect(
        clippy::disallowed_methods,
        reason = "this plays Twilio, outside the product, towards our own address"
    )]
    fn client(&self, connect: Duration) -> Result<reqwest::Client, Failure> {
        let mut clients = locked(&self.clients);
        if let Some(client) = clients.get(&connect) {
            return Ok(client.clone());
        }
        let client = reqwest::Client::builder()
            .connect_timeout(connect)
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .http1_only()
            .build()
            .map_err(|error| {
                Failure::permanent(CONNECTION_FAILED, format!("building the client: {error}"))
            })?;
        clients.insert(connect, client.clone());
        Ok(client)
    }
}

/// Reads an answer to its end.
async fn read(mut response: reqwest::Response, limits: &Limits, url: String) -> Result<Reply, Failure> {
    let status = response.status().as_u16();
    if status >= 400 {
        let retriable = match status {
            400..=499 => limits.retry_on.client_errors,
            _ => limits.retry_on.server_errors,
        };
        let detail = format!("HTTP status {status}");
        let status = Some(status);
        return Err(Failure { code: RETRIEVAL_FAILED, detail, status, retriable, timed_out: false });
    }
    let content_type = response.headers().get("content-type").and_then(|value| value.to_str().ok());
    let content_type = content_type.unwrap_or_default().to_owned();
    let mut body = Vec::new();
    loop {
        let chunk = within(limits, response.chunk()).await.map_err(Failure::final_one)?;
        let chunk =
            chunk.map_err(|error| Failure::permanent(RETRIEVAL_FAILED, error.without_url().to_string()))?;
        let Some(chunk) = chunk else { break };
        body.extend_from_slice(&chunk);
        if body.len() > MOST_BYTES {
            return Err(Failure::permanent(TOO_LARGE, format!("more than {MOST_BYTES} bytes")));
        }
    }
    Ok(Reply { status, content_type, body, url })
}

async fn within<T>(limits: &Limits, work: impl Future<Output = T>) -> Result<T, Failure> {
    let answer = tokio::time::timeout(limits.read, work).await;
    answer.map_err(|_| Failure::timed_out("nothing received in time", limits.retry_on.read))
}

impl Failure {
    fn permanent(code: u32, detail: String) -> Self {
        Self { code, detail, status: None, retriable: false, timed_out: false }
    }

    fn timed_out(detail: &str, retriable: bool) -> Self {
        let detail = detail.to_owned();
        Self { code: RETRIEVAL_FAILED, detail, status: None, retriable, timed_out: true }
    }

    fn final_one(self) -> Self {
        Self { retriable: false, ..self }
    }

    fn of(error: &reqwest::Error, limits: &Limits) -> Self {
        let code = if error.is_connect() { CONNECTION_FAILED } else { RETRIEVAL_FAILED };
        Self {
            code,
            detail: if error.is_connect() { "cannot connect" } else { "the connection broke" }.to_owned(),
            status: None,
            retriable: error.is_connect() && limits.retry_on.connect,
            timed_out: error.is_timeout(),
        }
    }
}

/// An address that may be relative, made absolute; an empty one is the base itself.
pub(super) fn resolve(base: &str, reference: &str) -> Result<String, String> {
    if reference.starts_with("http://") || reference.starts_with("https://") {
        return Ok(reference.to_owned());
    }
    let base = url::Url::parse(base).map_err(|error| format!("{error}: the address of the document"))?;
    let joined = base.join(reference).map_err(|error| format!("{error}: an address in the document"))?;
    match joined.scheme() {
        "http" | "https" => Ok(joined.into()),
        other => Err(format!("{other}: not a scheme that can be requested")),
    }
}
