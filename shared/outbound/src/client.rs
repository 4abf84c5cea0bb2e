//! The client itself: one pool of connections, one way to send.
//!
//! Why hyper and not the usual client on top of it: that one neither lets the read buffer be bounded (a hostile head
//! takes over 400 kB per connection) nor tells the name lookup which port is meant, and brings redirects, proxies and
//! cookies that would have to be switched off.

#![expect(clippy::disallowed_types, reason = "the one place that may build an HTTP client for tenants' URLs")]

use std::sync::Arc;

use bytes::Bytes;
use http_body_util::Full;
use hyper_util::client::legacy::Client;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use tokio::time::{Instant, timeout_at};

use crate::allow::AllowList;
use crate::connector::GuardedConnector;
use crate::error::{OutboundError, OutboundSetupError};
use crate::guard::{self, Destination};
use crate::network::{Network, SystemNetwork};
use crate::request::{self, OutboundRequest, Outgoing};
use crate::response::{self, OutboundResponse};
use crate::target::Targets;
use crate::{limits, tls};

/// Calls tenants' URLs. Cloning is cheap and shares the pooled connections.
#[derive(Clone)]
pub struct Outbound {
    allow: AllowList,
    targets: Arc<Targets>,
    client: Client<GuardedConnector, Full<Bytes>>,
}

/// What [`Outbound::new`] decides by itself.
pub struct OutboundOptions {
    /// Exceptions from the address and port rules.
    pub allow: AllowList,
    /// Name lookup and dialling.
    pub network: Arc<dyn Network>,
    /// DER certificates trusted besides the compiled-in ones.
    pub extra_roots: Vec<Vec<u8>>,
}

impl Default for OutboundOptions {
    fn default() -> OutboundOptions {
        OutboundOptions {
            allow: AllowList::default(),
            network: Arc::new(SystemNetwork),
            extra_roots: Vec::new(),
        }
    }
}

impl Outbound {
    /// The client as the product uses it. Build it once per process, at start: it owns the connection pool.
    ///
    /// # Errors
    /// [`OutboundSetupError`] when the TLS library cannot be set up.
    pub fn new(allow: AllowList) -> Result<Outbound, OutboundSetupError> {
        Outbound::with_options(OutboundOptions { allow, ..OutboundOptions::default() })
    }

    /// The client with another network or more trusted roots, as tests need it.
    ///
    /// # Errors
    /// [`OutboundSetupError`] when a root certificate cannot be read.
    pub fn with_options(options: OutboundOptions) -> Result<Outbound, OutboundSetupError> {
        let tls = tls::connector(&options.extra_roots)?;
        let connector = GuardedConnector::new(options.allow.clone(), options.network, tls);
        let client = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(limits::IDLE_CONNECTION)
            .pool_max_idle_per_host(limits::IDLE_CONNECTIONS_PER_HOST)
            .http1_max_buf_size(limits::READ_BUFFER_BYTES)
            .http1_max_headers(limits::RESPONSE_HEADERS)
            .build(connector);
        Ok(Outbound { allow: options.allow, targets: Arc::default(), client })
    }

    /// [`crate::check_url`] with this client's allow-list.
    ///
    /// # Errors
    /// `invalid_url`, `blocked_address` or `blocked_port`.
    pub fn check_url(&self, url: &str) -> Result<Destination, OutboundError> {
        guard::check_url(url, &self.allow)
    }

    /// Sends one request and reads the whole answer, all of it before `deadline`. It never tries again by itself
    /// (a pooled connection that the peer had closed before anything was sent is replaced silently). Dropping the
    /// future abandons the exchange and closes its connection.
    ///
    /// # Errors
    /// [`OutboundError`], every one of them an expected outcome with a stable code.
    pub async fn send(
        &self,
        request: OutboundRequest,
        deadline: Instant,
    ) -> Result<OutboundResponse, OutboundError> {
        let OutboundRequest { method, url, headers, body } = request;
        let outgoing = Outgoing { method: &method, url: &url, headers: &headers, body: body.into() };
        self.deliver(outgoing, deadline).await
    }

    /// [`Outbound::send`] for whoever keeps the request.
    pub(crate) async fn deliver(
        &self,
        outgoing: Outgoing<'_>,
        deadline: Instant,
    ) -> Result<OutboundResponse, OutboundError> {
        let started = Instant::now();
        let timed_out = || OutboundError::TimedOut { after: started.elapsed() };
        if deadline <= started {
            return Err(timed_out());
        }
        let answer = timeout_at(deadline, self.exchange(outgoing)).await.map_err(|_| timed_out())??;
        Ok(OutboundResponse { elapsed: started.elapsed(), ..answer })
    }

    async fn exchange(&self, outgoing: Outgoing<'_>) -> Result<OutboundResponse, OutboundError> {
        let target = self.targets.of(outgoing.url, &self.allow)?;
        let request = request::build(outgoing, target)?;
        let incoming = self.client.request(request).await.map_err(response::head_fault)?;
        response::read(incoming).await
    }
}
