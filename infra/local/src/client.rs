//! A client of our own API, for seeding and for the command line.

use std::time::Duration;

use reqwest::Method;
use runtime::Cause;
use serde::de::DeserializeOwned;
use serde_json::Value;

/// Talks to the API with one key.
#[derive(Clone)]
pub struct ApiClient {
    http: reqwest::Client,
    base: String,
    key: String,
}

/// The API refused, or did not answer.
#[derive(Debug, thiserror::Error)]
pub enum ApiError {
    /// No answer.
    #[error("the API at {base} does not answer")]
    NoAnswer {
        /// Where it should be.
        base: String,
        /// The cause.
        #[source]
        source: reqwest::Error,
    },
    /// A refusal, or an answer that is not what was asked for.
    #[error("{method} {path}: {status}: {problem}")]
    Refused {
        /// Method.
        method: Method,
        /// Path.
        path: String,
        /// HTTP status.
        status: u16,
        /// What it said.
        problem: String,
    },
}

impl ApiError {
    /// Whether nobody listens there.
    pub fn is_no_answer(&self) -> bool {
        matches!(self, Self::NoAnswer { .. })
    }
}

/// A client for addresses on this machine.
///
/// # Errors
/// The client cannot be made.
pub fn local_http() -> Result<reqwest::Client, Cause> {
    #[expect(
        clippy::disallowed_methods,
        reason = "speaks to this platform on this machine only, without TLS"
    )]
    let builder = reqwest::Client::builder();
    // No certificates: nothing on this machine has one.
    Ok(builder.tls_certs_only([]).no_proxy().connect_timeout(Duration::from_secs(2)).build()?)
}

impl ApiClient {
    /// For the API at a base address.
    ///
    /// # Errors
    /// The client cannot be made.
    pub fn new(base: &str, key: &str) -> Result<Self, Cause> {
        Ok(Self { http: local_http()?, base: base.to_owned(), key: key.to_owned() })
    }

    /// Reads.
    ///
    /// # Errors
    /// [`ApiError`].
    pub async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, ApiError> {
        self.ask(Method::GET, path, None).await
    }

    /// Creates, or does.
    ///
    /// # Errors
    /// [`ApiError`].
    pub async fn post<T: DeserializeOwned>(&self, path: &str, body: Option<&Value>) -> Result<T, ApiError> {
        self.ask(Method::POST, path, body).await
    }

    /// Changes.
    ///
    /// # Errors
    /// [`ApiError`].
    pub async fn patch<T: DeserializeOwned>(&self, path: &str, body: &Value) -> Result<T, ApiError> {
        self.ask(Method::PATCH, path, Some(body)).await
    }

    async fn ask<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<T, ApiError> {
        let no_answer = |source| ApiError::NoAnswer { base: self.base.clone(), source };
        let mut request =
            self.http.request(method.clone(), format!("{}{path}", self.base)).bearer_auth(&self.key);
        if let Some(body) = body {
            request = request.json(body);
        }
        let answer = request.timeout(Duration::from_secs(15)).send().await.map_err(no_answer)?;
        let status = answer.status();
        let text = answer.text().await.map_err(no_answer)?;
        let refused = |problem: String| ApiError::Refused {
            method: method.clone(),
            path: path.to_owned(),
            status: status.as_u16(),
            problem,
        };
        if !status.is_success() {
            return Err(refused(text));
        }
        serde_json::from_str(&text).map_err(|error| refused(error.to_string()))
    }
}
