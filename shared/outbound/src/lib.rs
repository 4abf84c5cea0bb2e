//! The only client that may call a URL which came from a tenant: bidder, pixel, webhook, enrichment, recording.
//!
//! Why it exists: whoever types such a URL chooses where our servers connect to, and whoever answers it chooses
//! what our servers read. Both are treated as hostile.
//!
//! What must stay true:
//! 1. **The address that was checked is the address that is connected to.** Each new connection resolves the name
//!    once, judges every address of the answer, and dials only those ([`Network`]). One bad address refuses the name.
//! 2. **No way around the check.** No redirects, proxies, cookies, alternative services or upgrades: the client
//!    underneath has no code for them. Pooled connections are keyed by scheme, host and port, and were checked when opened.
//! 3. **One absolute deadline** covers name lookup, connecting, TLS, sending, head and body.
//! 4. **Nothing unbounded is read**: see [`limits`]. Compressed answers are refused, not expanded.
//! 5. **Dropping the future ends the exchange**: its connection is closed, never put back half-read.
//! 6. **Errors name no path, query, header value, body or credential**: only host, port, status and a limit.
//!
//! The only exception to the address and port rules is [`AllowList`] (`OUTBOUND_ALLOW`).
//!
//! TLS trusts the root certificates compiled into the program (`webpki-roots`), never the machine's: reading a
//! system's store is slow in a cold start and lets the machine widen what we trust.

mod address;
mod allow;
mod bidders;
mod client;
mod connector;
mod error;
mod guard;
mod meter;
mod network;
mod request;
mod response;
mod target;
mod tls;
mod trackers;

pub use address::is_public;
pub use allow::{AllowList, AllowListError};
pub use client::{Outbound, OutboundOptions};
pub use error::{Cause, OutboundError, OutboundSetupError};
pub use guard::{Destination, check_url};
pub use network::{Network, SystemNetwork};
pub use request::{OutboundRequest, check_header};
pub use response::OutboundResponse;

/// Everything that is bounded, in one place.
pub mod limits {
    use std::time::Duration;

    /// Longest URL taken, in bytes.
    pub const URL_BYTES: usize = 8 * 1024;
    /// Most header lines an answer may have.
    pub const RESPONSE_HEADERS: usize = 64;
    /// Most bytes of header names and values an answer may have.
    pub const RESPONSE_HEADER_BYTES: usize = 8 * 1024;
    /// Longest body of an answer, in bytes.
    pub const RESPONSE_BODY_BYTES: usize = 64 * 1024;
    /// Most bytes taken off one connection for one answer, framing included. It ends what the two limits above do
    /// not see: endless interim (1xx) answers, chunk framing, trailers.
    pub const WIRE_BYTES: usize = 256 * 1024;
    /// Read buffer of a connection. An answer's head must fit into it.
    pub const READ_BUFFER_BYTES: usize = 16 * 1024;
    /// The kernel's receive buffer we ask for (Linux doubles it), so that a flood waits at the sender's side.
    pub const SOCKET_BUFFER_BYTES: u32 = 64 * 1024;
    /// Longest that opening a connection (lookup, dialling, TLS) may take, whatever the caller's deadline. When a pooled
    /// connection becomes free first, the pool goes on opening in the background, where no caller's deadline holds.
    pub const CONNECT: Duration = Duration::from_secs(10);
    /// Addresses of one name that are tried, in the resolver's order.
    pub const ADDRESSES_TRIED: usize = 4;
    /// An address that has not answered for this long gets company from the next one.
    pub const ADDRESS_HEAD_START: Duration = Duration::from_millis(200);
    /// A connection unused for this long is closed.
    pub const IDLE_CONNECTION: Duration = Duration::from_secs(30);
    /// Unused connections kept per scheme, host and port: many bidders of an auction may be at one network.
    pub const IDLE_CONNECTIONS_PER_HOST: usize = 256;
}
