//! The platform's six listeners, taken before anything else happens, so that a port in use is told at once.

use std::net::SocketAddr;

use tokio::net::TcpListener;

use crate::options::Ports;

/// A port cannot be had.
#[derive(Debug, thiserror::Error)]
#[error(
    "port {port} ({what}) cannot be used: {cause}. Is the platform running already? Stop whatever uses it, or choose \
     another range with --port"
)]
pub struct PortTaken {
    /// The port; 0 when any would have done.
    port: u16,
    /// What for.
    what: &'static str,
    /// The cause.
    cause: std::io::Error,
}

/// The listeners. The database and the queue are at the ports 4 and 5.
pub struct Listeners {
    /// The gateway.
    pub api: TcpListener,
    /// The static documents.
    pub fallback: TcpListener,
    /// The telephone network.
    pub phone: TcpListener,
    /// The bidders.
    pub bidders: TcpListener,
    /// The queue.
    pub queue: TcpListener,
    /// The database binds it itself; it was free a moment ago. 0 takes any.
    pub database_port: u16,
}

impl Listeners {
    /// Takes the ports.
    ///
    /// # Errors
    /// [`PortTaken`] names the first that is in use.
    pub async fn bind(ports: Ports) -> Result<Self, PortTaken> {
        let port = |place: u16| match ports {
            Ports::Free => 0,
            Ports::From(first) => first.saturating_add(place),
        };
        let listeners = Self {
            api: take(port(0), "API").await?,
            fallback: take(port(1), "fallback documents").await?,
            phone: take(port(2), "telephone network").await?,
            bidders: take(port(3), "bidders").await?,
            queue: take(port(5), "queue").await?,
            database_port: port(4),
        };
        drop(take(port(4), "database").await?);
        Ok(listeners)
    }
}

/// Takes one port of the loopback address.
pub async fn take(port: u16, what: &'static str) -> Result<TcpListener, PortTaken> {
    let address = SocketAddr::from(([127, 0, 0, 1], port));
    TcpListener::bind(address).await.map_err(|cause| PortTaken { port, what, cause })
}
