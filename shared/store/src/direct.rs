//! Requests to the table without the SDK's client, for what browsers wait for by the thousand.
//!
//! The SDK's client spends several times the CPU of a request on what such a request has no use for: its own retries, its
//! interceptors, rules for an endpoint that never changes (ADR 20). What is left here is the SDK's as well: its connections
//! (the same ones that its client uses), its credentials, its values.
//!
//! What must stay true: one request is sent once, within the configured time-out of an attempt; whoever asks repeats it.

use std::time::{Duration, SystemTime};

use app::ports::Cause;
use aws_config::SdkConfig;
use aws_config::identity::IdentityCache;
use aws_credential_types::Credentials;
use aws_credential_types::provider::{ProvideCredentials as _, SharedCredentialsProvider};
use aws_sdk_dynamodb::config::endpoint::{DefaultResolver, Params, ResolveEndpoint as _};
use aws_smithy_runtime::client::auth::no_auth::{NO_AUTH_SCHEME_ID, NoAuthScheme};
use aws_smithy_runtime::client::identity::no_auth::NoAuthIdentityResolver;
use aws_smithy_runtime::client::orchestrator::endpoints::StaticUriEndpointResolver;
use aws_smithy_runtime::client::retries::strategy::NeverRetryStrategy;
use aws_smithy_runtime_api::client::auth::static_resolver::StaticAuthSchemeOptionResolver;
use aws_smithy_runtime_api::client::http::{
    HttpClient as _, HttpConnector as _, HttpConnectorSettings, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::identity::SharedIdentityResolver;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponentsBuilder;
use aws_smithy_runtime_api::http::Request;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::byte_stream::ByteStream;
use aws_types::service_config::ServiceConfigKey;
use serde::{Deserialize, Serialize};
use tokio::sync::Mutex;

use crate::failure::{Failure, sort_code};
use crate::item::Item;
use crate::signature::{CONTENT_TYPE, Place};
use crate::wire;

/// Credentials are asked for again after so long, or so long before they end.
const KEPT: Duration = Duration::from_secs(300);
const BEFORE_THE_END: Duration = Duration::from_secs(60);
/// Where the configuration names no time-out of an attempt.
const USUAL_TIMEOUT: Duration = Duration::from_secs(2);

/// Asks the table.
pub(crate) struct Direct {
    /// Or what the configuration lacks.
    way: Result<Way, String>,
}

struct Way {
    connector: SharedHttpConnector,
    url: String,
    place: Place,
    provider: SharedCredentialsProvider,
    /// With when they are asked for again.
    credentials: Mutex<Option<(Credentials, SystemTime)>>,
    timeout: Duration,
}

/// What became of a request.
pub(crate) enum Told<T> {
    /// It was done.
    Done(T),
    /// Its condition did not hold; the item as it was, if that was asked for and there is one.
    Refused(Option<Item>),
}

#[derive(Deserialize)]
struct Error {
    #[serde(rename = "__type", default)]
    kind: String,
    #[serde(alias = "Message", default)]
    message: String,
    #[serde(rename = "Item", default)]
    item: Option<wire::Read>,
}

/// The table refused in these words.
#[derive(Debug, thiserror::Error)]
#[error("{code} ({status}): {message}")]
struct Refusal {
    code: String,
    status: u16,
    message: String,
}

impl Direct {
    /// Sends nothing yet.
    pub(crate) fn new(config: &SdkConfig) -> Self {
        Self { way: Way::new(config).map_err(|cause| cause.to_string()) }
    }

    /// Sends a request (`PutItem`, …) and reads its answer.
    pub(crate) async fn ask<T: for<'a> Deserialize<'a>>(
        &self,
        operation: &'static str,
        request: &impl Serialize,
    ) -> Result<Told<T>, Failure> {
        let way = self.way.as_ref().map_err(|lacks| Failure::Final(lacks.clone().into()))?;
        let body = serde_json::to_vec(request).map_err(|cause| Failure::Final(cause.into()))?;
        let request = way.signed(operation, body).await.map_err(Failure::Final)?;
        let answered = tokio::time::timeout(way.timeout, way.answer(request)).await;
        let (status, body) =
            answered.map_err(|elapsed| Failure::Lost(elapsed.into()))?.map_err(Failure::Lost)?;
        if status == 200 {
            return serde_json::from_slice(&body)
                .map(Told::Done)
                .map_err(|cause| Failure::Lost(cause.into()));
        }
        // An answer that is not the table's (a gateway's, a proxy's) is sorted by its status.
        let error = serde_json::from_slice(&body);
        let Error { kind, message, item } = error.unwrap_or_else(|cause| Error {
            kind: String::new(),
            message: cause.to_string(),
            item: None,
        });
        let code = kind.rsplit('#').next().unwrap_or_default().to_owned();
        let refusal = Refusal { code: code.clone(), status, message };
        match sort_code(&code, status, refusal.into()) {
            Failure::Refused => Ok(Told::Refused(item.map(|item| item.0))),
            failure => Err(failure),
        }
    }
}

impl Way {
    fn new(config: &SdkConfig) -> Result<Self, Cause> {
        let region = config.region().ok_or("the configuration names no region")?.to_string();
        let timeouts = config.timeout_config();
        let mut settings = HttpConnectorSettings::builder();
        settings.set_connect_timeout(timeouts.and_then(|timeouts| timeouts.connect_timeout()));
        settings.set_read_timeout(timeouts.and_then(|timeouts| timeouts.read_timeout()));
        // Asked for by an interface that is made for the SDK's client; only time and sleep are looked at.
        let components = RuntimeComponentsBuilder::new("store::direct")
            .with_sleep_impl(config.sleep_impl())
            .with_time_source(config.time_source())
            .with_auth_scheme_option_resolver(Some(StaticAuthSchemeOptionResolver::new(Vec::new())))
            .with_auth_scheme(NoAuthScheme::new())
            .with_endpoint_resolver(Some(StaticUriEndpointResolver::http_localhost(0)))
            .with_identity_cache(Some(IdentityCache::no_cache()))
            .with_identity_resolver(
                NO_AUTH_SCHEME_ID,
                SharedIdentityResolver::new(NoAuthIdentityResolver::new()),
            )
            .with_retry_strategy(Some(NeverRetryStrategy::new()))
            .build()?;
        let client = config.http_client().ok_or("the configuration has no HTTP client")?;
        let timeout = timeouts.and_then(|timeouts| timeouts.operation_attempt_timeout());
        let url = endpoint(config, &region)?;
        Ok(Self {
            connector: client.http_connector(&settings.build(), &components),
            place: Place { region, host: host_of(&url)? },
            url,
            provider: config.credentials_provider().ok_or("the configuration has no credentials")?,
            credentials: Mutex::new(None),
            timeout: timeout.unwrap_or(USUAL_TIMEOUT),
        })
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "AWS compares the time with its own, so it is the machine's, as it is the SDK's; nothing is decided by it"
    )]
    async fn signed(&self, operation: &'static str, body: Vec<u8>) -> Result<Request<SdkBody>, Cause> {
        let now = SystemTime::now();
        let credentials = self.credentials(now).await?;
        let target = ["DynamoDB_20120810.", operation].concat();
        let signature = self.place.sign(&credentials, &target, &body, now)?;
        let mut request = Request::new(SdkBody::from(body));
        request.set_method("POST")?;
        request.set_uri(self.url.as_str())?;
        let headers = request.headers_mut();
        headers.insert("content-type", CONTENT_TYPE);
        headers.insert("x-amz-target", target);
        headers.insert("x-amz-date", signature.date);
        headers.insert("authorization", signature.authorization);
        if let Some(token) = credentials.session_token() {
            headers.insert("x-amz-security-token", token.to_owned());
        }
        Ok(request)
    }

    async fn answer(&self, request: Request<SdkBody>) -> Result<(u16, Vec<u8>), Cause> {
        let response = self.connector.call(request).await?;
        let status = response.status().as_u16();
        let body = ByteStream::new(response.into_body()).collect().await?;
        Ok((status, body.to_vec()))
    }

    async fn credentials(&self, now: SystemTime) -> Result<Credentials, Cause> {
        let mut kept = self.credentials.lock().await;
        if let Some((credentials, until)) = kept.as_ref()
            && now < *until
        {
            return Ok(credentials.clone());
        }
        let credentials = self.provider.provide_credentials().await?;
        let ends = credentials.expiry().and_then(|expiry| expiry.checked_sub(BEFORE_THE_END));
        let until = ends.unwrap_or(now + KEPT).min(now + KEPT);
        *kept = Some((credentials.clone(), until));
        Ok(credentials)
    }
}

/// As the SDK's client finds it: the one that is configured for this service or for all, else the region's.
fn endpoint(config: &SdkConfig, region: &str) -> Result<String, Cause> {
    let of_service = || {
        let key = ServiceConfigKey::builder()
            .service_id("DynamoDB")
            .env("AWS_ENDPOINT_URL")
            .profile("endpoint_url");
        config.service_config()?.load_config(key.build().ok()?)
    };
    let configured = match config.get_origin("endpoint_url").is_client_config() {
        true => config.endpoint_url().map(str::to_owned),
        false => of_service().or_else(|| config.endpoint_url().map(str::to_owned)),
    };
    let params = Params::builder().region(region).set_endpoint(configured).build()?;
    // The resolver's future is ready: it computes.
    let resolved = futures::FutureExt::now_or_never(DefaultResolver::new().resolve_endpoint(&params));
    let url = resolved.ok_or("the endpoint is not known at once")??.url().to_owned();
    Ok(if url.ends_with('/') { url } else { url + "/" })
}

/// As the HTTP client writes the header.
fn host_of(url: &str) -> Result<String, Cause> {
    let uri: http::Uri = url.parse()?;
    let host = uri.host().ok_or("the endpoint has no host")?;
    let own_port = if uri.scheme_str() == Some("https") { 443 } else { 80 };
    let port = uri.port_u16().filter(|port| *port != own_port);
    Ok(port.map_or_else(|| host.to_owned(), |port| format!("{host}:{port}")))
}
