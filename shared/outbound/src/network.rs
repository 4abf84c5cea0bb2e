//! The two things this crate asks of the machine: the addresses of a name, and a connection to one address.
//!
//! They are a trait so that tests can script name servers (rebinding, mixed answers) and see every address that is
//! dialled. What must stay true: an implementation only does as it is told. It judges nothing, and it never
//! turns an address into another one.

#![expect(
    clippy::disallowed_methods,
    reason = "below the guard: the one place that may look names up and connect"
)]

use std::io;
use std::net::SocketAddr;

use async_trait::async_trait;
use tokio::net::{TcpSocket, TcpStream};

use crate::limits;

/// Name lookup and dialling, below the guard.
#[async_trait]
pub trait Network: Send + Sync + 'static {
    /// All addresses of `host`, in the order to try them.
    async fn lookup(&self, host: &str, port: u16) -> io::Result<Vec<SocketAddr>>;

    /// A TCP connection to exactly `address`.
    async fn connect(&self, address: SocketAddr) -> io::Result<TcpStream>;
}

/// The machine's own resolver and network. A lookup that nobody waits for any more goes on in a thread of its own
/// until the system's resolver gives up.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemNetwork;

#[async_trait]
impl Network for SystemNetwork {
    async fn lookup(&self, host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
        Ok(tokio::net::lookup_host((host, port)).await?.collect())
    }

    async fn connect(&self, address: SocketAddr) -> io::Result<TcpStream> {
        let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
        socket.set_recv_buffer_size(limits::SOCKET_BUFFER_BYTES)?;
        socket.set_nodelay(true)?;
        socket.connect(address).await
    }
}
