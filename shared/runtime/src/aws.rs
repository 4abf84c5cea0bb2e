//! The AWS configuration that all clients of a process share.
//!
//! What must stay true: certificates are checked against the compiled-in roots. The SDK's own client would read the
//! system's at its first connection, which was most of a cold start. There is one HTTP client, so one pool of connections.

use std::time::Duration;

use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use aws_smithy_http_client::tls::{Provider, TlsContext, TrustStore};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// Longest wait for a connection.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);
/// Longest wait for one attempt.
pub const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(2);
/// Longest wait for a request with its repetitions: below the 6 s after which Twilio gives up on us.
pub const OPERATION_TIMEOUT: Duration = Duration::from_secs(4);
/// A request is sent at most so often.
pub const MAX_ATTEMPTS: u32 = 3;

const FIRST_PAUSE: Duration = Duration::from_millis(20);
const LONGEST_PAUSE: Duration = Duration::from_millis(200);
/// Where nothing says which region it is: the emulator, a developer's machine.
const FALLBACK_REGION: &str = "us-east-1";

/// The TLS settings could not be made.
#[derive(Debug, thiserror::Error)]
#[error("set up TLS for the AWS clients")]
pub struct TlsError(#[source] Box<dyn std::error::Error + Send + Sync>);

/// The configuration from the environment: region, credentials and endpoints (`AWS_ENDPOINT_URL…`) as the SDK reads them.
///
/// # Errors
/// [`TlsError`] when the compiled-in roots cannot be loaded.
pub async fn config() -> Result<SdkConfig, TlsError> {
    config_with(compiled_in_roots()).await
}

/// As [`config`], for endpoints whose certificate is made for a measurement: trusts this one, too.
///
/// # Errors
/// As [`config`].
pub async fn config_trusting(root_pem: &str) -> Result<SdkConfig, TlsError> {
    config_with(compiled_in_roots() + root_pem).await
}

async fn config_with(roots_pem: String) -> Result<SdkConfig, TlsError> {
    #[expect(
        clippy::disallowed_methods,
        reason = "the SDK's own variables, which it would look up at more places than we want"
    )]
    let read = |variable: &str| std::env::var(variable).ok().filter(|region| !region.is_empty());
    let named = ["AWS_REGION", "AWS_DEFAULT_REGION"].into_iter().find_map(read);
    let region = Region::new(named.unwrap_or_else(|| FALLBACK_REGION.to_owned()));
    Ok(loader(roots_pem)?.region(region).load().await)
}

/// The configuration for one endpoint that stands in for AWS, with credentials that mean nothing.
///
/// # Errors
/// As [`config`].
pub async fn config_for_stand_in(endpoint_url: &str) -> Result<SdkConfig, TlsError> {
    let loader = loader(compiled_in_roots())?
        .region(Region::new(FALLBACK_REGION))
        .test_credentials()
        .endpoint_url(endpoint_url);
    Ok(loader.load().await)
}

fn loader(roots_pem: String) -> Result<aws_config::ConfigLoader, TlsError> {
    let http_client = aws_smithy_http_client::Builder::new()
        .tls_provider(Provider::Rustls(CryptoMode::AwsLc))
        .tls_context(tls_context(roots_pem)?)
        .build_https();
    let retries = RetryConfig::standard()
        .with_max_attempts(MAX_ATTEMPTS)
        .with_initial_backoff(FIRST_PAUSE)
        .with_max_backoff(LONGEST_PAUSE);
    let timeouts = TimeoutConfig::builder()
        .connect_timeout(CONNECT_TIMEOUT)
        .operation_attempt_timeout(ATTEMPT_TIMEOUT)
        .operation_timeout(OPERATION_TIMEOUT)
        .build();
    Ok(aws_config::defaults(BehaviorVersion::latest())
        .http_client(http_client)
        .retry_config(retries)
        .timeout_config(timeouts))
}

fn tls_context(roots_pem: String) -> Result<TlsContext, TlsError> {
    let mut roots = TrustStore::empty();
    roots.add_pem_certificate(roots_pem);
    TlsContext::builder().with_trust_store(roots).build().map_err(|error| TlsError(Box::new(error)))
}

/// The compiled-in roots in the form that the trust store takes: one text of PEM blocks.
fn compiled_in_roots() -> String {
    let mut text = String::new();
    for root in webpki_root_certs::TLS_SERVER_ROOT_CERTS {
        text.push_str("-----BEGIN CERTIFICATE-----\n");
        let encoded = STANDARD.encode(root);
        let mut rest = encoded.as_str();
        while !rest.is_empty() {
            let (line, after) = rest.split_at(rest.len().min(64));
            text.push_str(line);
            text.push('\n');
            rest = after;
        }
        text.push_str("-----END CERTIFICATE-----\n");
    }
    text
}
