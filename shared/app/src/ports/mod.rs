//! The ports: what the use cases need from the outside, named for a capability, object-safe.
//!
//! Every method that touches a tenant's data takes the tenant first (calls and steps carry theirs). Adapters pass the
//! contract suite in `tests/contract`, and so do the fakes.

mod accounts;
mod audit;
mod books;
mod callers;
mod calls;
mod catalog;
mod dni;
mod identity;
mod inbound;
mod limits;
mod mail;
mod outside;
mod pools;
mod sip;
mod telephony;
mod vault;

pub use accounts::*;
pub use audit::*;
pub use books::*;
pub use callers::*;
pub use calls::*;
pub use catalog::*;
pub use dni::*;
pub use identity::*;
pub use inbound::*;
pub use limits::*;
pub use mail::*;
pub use outside::*;
pub use pools::*;
pub use sip::*;
pub use telephony::*;
pub use vault::*;

/// Boxed cause of a failure.
pub type Cause = Box<dyn std::error::Error + Send + Sync>;

/// A port did not do what was asked. Expected refusals are values, not this.
#[derive(Debug, thiserror::Error)]
pub enum PortError {
    /// Throttled, or in conflict with others for longer than we may wait.
    #[error("{what}: too busy to answer in time")]
    Busy {
        /// What was attempted.
        what: &'static str,
    },
    /// A service that is not ours (Twilio) does not answer, or says that it failed. Nothing of ours is broken.
    #[error("{what}: the service does not answer")]
    Away {
        /// What was attempted.
        what: &'static str,
        /// The cause.
        #[source]
        cause: Cause,
    },
    /// Not reachable, or an answer that means failure.
    #[error("{what}: failed")]
    Failed {
        /// What was attempted.
        what: &'static str,
        /// The cause.
        #[source]
        cause: Cause,
    },
    /// Stored data that we cannot read.
    #[error("{what}: stored data cannot be read")]
    Corrupt {
        /// What was attempted.
        what: &'static str,
        /// The cause.
        #[source]
        cause: Cause,
    },
}

impl PortError {
    /// Somebody else's service that does not answer, with the cause.
    pub fn away(what: &'static str, cause: impl Into<Cause>) -> Self {
        Self::Away { what, cause: cause.into() }
    }

    /// A failure with its cause.
    pub fn failed(what: &'static str, cause: impl Into<Cause>) -> Self {
        Self::Failed { what, cause: cause.into() }
    }

    /// Unreadable data with its cause.
    pub fn corrupt(what: &'static str, cause: impl Into<Cause>) -> Self {
        Self::Corrupt { what, cause: cause.into() }
    }
}

/// What ports return.
pub type PortResult<T> = Result<T, PortError>;
