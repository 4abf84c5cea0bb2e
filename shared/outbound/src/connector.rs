//! Opens connections: judge the URL again, resolve, judge every address, dial one of exactly those, then TLS.
//!
//! What must stay true: there is no path from a name to a socket that skips [`resolve`], and no address is dialled
//! that was not in the list it returned.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use http::Uri;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::pki_types::ServerName;
use tower_service::Service;

use crate::allow::AllowList;
use crate::error::OutboundError;
use crate::guard::{self, Destination};
use crate::meter::{Metered, Stream};
use crate::network::Network;
use crate::{address, limits};

/// The connector's failure; wrapped so that it can be found again inside the HTTP library's error.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub(crate) struct ConnectFault(pub(crate) OutboundError);

#[derive(Clone)]
pub(crate) struct GuardedConnector {
    allow: AllowList,
    network: Arc<dyn Network>,
    tls: TlsConnector,
}

impl GuardedConnector {
    pub(crate) fn new(allow: AllowList, network: Arc<dyn Network>, tls: TlsConnector) -> GuardedConnector {
        GuardedConnector { allow, network, tls }
    }

    async fn open(self, target: Uri) -> Result<Metered, OutboundError> {
        let destination = guard::check_url(&target.to_string(), &self.allow)?;
        let addresses = resolve(self.network.as_ref(), &destination).await?;
        let socket = dial(&self.network, addresses).await.map_err(|error| OutboundError::ConnectFailed {
            host: destination.host.clone(),
            port: destination.port,
            source: Arc::new(error),
        })?;
        let stream: Box<dyn Stream> = match destination.https {
            true => Box::new(shake_hands(&self.tls, &destination, socket).await?),
            false => Box::new(socket),
        };
        Ok(Metered::new(stream))
    }
}

impl Service<Uri> for GuardedConnector {
    type Response = TokioIo<Metered>;
    type Error = ConnectFault;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Self::Error>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, target: Uri) -> Self::Future {
        let connector = self.clone();
        Box::pin(async move {
            let opened = timeout(limits::CONNECT, connector.open(target)).await;
            let opened = opened.unwrap_or(Err(OutboundError::TimedOut { after: limits::CONNECT }));
            opened.map(TokioIo::new).map_err(ConnectFault)
        })
    }
}

/// The addresses that may be dialled. One that may not refuses the whole name, so that a mixed answer smuggles nothing.
async fn resolve(network: &dyn Network, destination: &Destination) -> Result<Vec<SocketAddr>, OutboundError> {
    let mut addresses = match destination.literal() {
        Some(ip) => vec![SocketAddr::new(ip, destination.port)],
        None => lookup(network, destination).await?,
    };
    if !destination.exempt && addresses.iter().any(|address| !address::is_public(address.ip())) {
        return Err(guard::blocked(
            destination.host.clone(),
            "its name leads to an address that is not public",
        ));
    }
    addresses.truncate(limits::ADDRESSES_TRIED);
    // A resolver's answer carries a port too; the URL's is the one that was judged.
    addresses.iter_mut().for_each(|address| address.set_port(destination.port));
    Ok(addresses)
}

async fn lookup(network: &dyn Network, destination: &Destination) -> Result<Vec<SocketAddr>, OutboundError> {
    let failed = |error: io::Error| OutboundError::DnsFailed {
        host: destination.host.clone(),
        source: Arc::new(error),
    };
    let addresses = network.lookup(&destination.host, destination.port).await.map_err(failed)?;
    if addresses.is_empty() {
        return Err(failed(io::Error::new(io::ErrorKind::NotFound, "the name has no address")));
    }
    Ok(addresses)
}

/// The first connection that any address gives. A silent address holds the next one up only for a head start;
/// dropping the future ends all attempts.
async fn dial(network: &Arc<dyn Network>, addresses: Vec<SocketAddr>) -> io::Result<TcpStream> {
    if let [only] = addresses[..] {
        return network.connect(only).await;
    }
    let mut failure = io::Error::new(io::ErrorKind::NotFound, "no address to connect to");
    let mut attempts = JoinSet::new();
    let mut waiting = addresses.into_iter();
    loop {
        if let Some(address) = waiting.next() {
            let network = Arc::clone(network);
            attempts.spawn(async move { network.connect(address).await });
        }
        let outcome = if waiting.len() == 0 {
            attempts.join_next().await
        } else {
            match timeout(limits::ADDRESS_HEAD_START, attempts.join_next()).await {
                Ok(outcome) => outcome,
                Err(_) => continue,
            }
        };
        match outcome {
            Some(Ok(Ok(stream))) => return Ok(stream),
            Some(Ok(Err(error))) => failure = error,
            Some(Err(error)) => failure = io::Error::other(error),
            None => return Err(failure),
        }
    }
}

async fn shake_hands(
    tls: &TlsConnector,
    destination: &Destination,
    socket: TcpStream,
) -> Result<tokio_rustls::client::TlsStream<TcpStream>, OutboundError> {
    let failed = |error: io::Error| OutboundError::TlsFailed {
        host: destination.host.clone(),
        port: destination.port,
        source: Arc::new(error),
    };
    let name =
        ServerName::try_from(destination.host.clone()).map_err(|error| failed(io::Error::other(error)))?;
    tls.connect(name, socket).await.map_err(failed)
}
