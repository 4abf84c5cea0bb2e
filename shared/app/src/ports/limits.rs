//! Counting requests in windows of time, and doing a repeated request once.

use async_trait::async_trait;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::PortResult;

/// Counts requests.
#[async_trait]
pub trait Limiter: Send + Sync {
    /// Counts one more under this key in the window that began at `window` and is kept until `ends`; the count with this
    /// one. One write.
    async fn count(&self, key: &str, window: Timestamp, ends: Timestamp) -> PortResult<u64>;

    /// Takes one back that [`Limiter::count`] counted, because it turned out to be none of those that are limited (a
    /// sign-in that succeeded is no failure).
    async fn take_back(&self, key: &str, window: Timestamp) -> PortResult<()>;
}

/// An answer that is kept for a repetition.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeptAnswer {
    /// HTTP status.
    pub status: u16,
    /// `Content-Type`.
    pub content_type: String,
    /// `Location`, when there was one.
    pub location: Option<String>,
    /// `Set-Cookie`, when there was one; sealed, because it signs in.
    #[serde(default)]
    pub cookie: Option<super::Sealed>,
    /// The body, sealed: it may hold a token that is shown once.
    pub body: super::Sealed,
}

/// What became of starting a request that must happen once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OnceStart {
    /// Nobody did it before: do it, then finish or forget it.
    Ours,
    /// The same request is being worked on.
    Running,
    /// It was done; this was the answer.
    Done(KeptAnswer),
    /// The key was used for another request.
    Different,
}

/// Remembers requests by a key, with a started and a finished record.
#[async_trait]
pub trait Once: Send + Sync {
    /// Starts a request under `key`; `fingerprint` tells requests apart that use one key. A record that was started
    /// longer than `patience_s` seconds ago and never finished is taken over.
    async fn start(
        &self,
        key: &str,
        fingerprint: &str,
        now: Timestamp,
        patience_s: u32,
        ends: Timestamp,
    ) -> PortResult<OnceStart>;

    /// Keeps the answer.
    async fn finish(&self, key: &str, fingerprint: &str, answer: &KeptAnswer) -> PortResult<()>;

    /// Forgets a request that did nothing: the key is free again, for the same request or for another.
    async fn forget(&self, key: &str, fingerprint: &str) -> PortResult<()>;
}
