//! Why a call did not convert, or earned its publisher nothing: stable codes for programs, words for people.

use serde::{Deserialize, Serialize};

use crate::caps::CapReached;

/// Why a call did not convert.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NoConversion {
    /// No destination was dialled, so nobody would pay for it.
    NotDialled,
    /// Nobody answered.
    NotConnected,
    /// It did not last long enough.
    TooShort {
        /// Seconds it lasted, by the rule's own clock.
        lasted: u32,
        /// Seconds it needed.
        needed: u32,
    },
    /// No conversion report came (yet).
    NotReported,
}

impl NoConversion {
    /// Stable code for programs and filters.
    pub const fn code(self) -> &'static str {
        match self {
            Self::NotDialled => "not_dialled",
            Self::NotConnected => "not_connected",
            Self::TooShort { .. } => "too_short",
            Self::NotReported => "not_reported",
        }
    }

    /// The reason in plain words.
    pub fn text(self) -> String {
        match self {
            Self::NotDialled => "no destination was dialled".to_owned(),
            Self::NotConnected => "nobody answered".to_owned(),
            Self::TooShort { lasted, needed } => format!("lasted {lasted} s of the {needed} s needed"),
            Self::NotReported => "no conversion has been reported".to_owned(),
        }
    }
}

/// Why a call earned its publisher nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NoPayout {
    /// No publisher sent it.
    NoPublisher,
    /// No payout is agreed.
    NotAgreed,
    /// Only connected calls earn one.
    NotConnected,
    /// Only converted calls earn one.
    NotConverted,
    /// It did not last long enough to earn one.
    TooShort {
        /// Seconds it lasted, by the rule's own clock.
        lasted: u32,
        /// Seconds it needed.
        needed: u32,
    },
    /// The caller had called before, too short a time ago.
    Duplicate {
        /// Seconds since the caller's last call began.
        since_s: u64,
    },
    /// What it earned comes to nothing: a share of no revenue, or no connected time.
    ComesToNothing,
    /// It is more than a cap on what the publisher is paid has room for.
    PayoutCap(CapReached),
}

impl NoPayout {
    /// Stable code for programs and filters.
    pub const fn code(self) -> &'static str {
        match self {
            Self::NoPublisher => "no_publisher",
            Self::NotAgreed => "not_agreed",
            Self::NotConnected => "not_connected",
            Self::NotConverted => "not_converted",
            Self::TooShort { .. } => "too_short",
            Self::Duplicate { .. } => "duplicate",
            Self::ComesToNothing => "comes_to_nothing",
            Self::PayoutCap(_) => "payout_cap",
        }
    }

    /// The reason in plain words.
    pub fn text(self) -> String {
        match self {
            Self::NoPublisher => "no publisher sent this call".to_owned(),
            Self::NotAgreed => "no payout is agreed".to_owned(),
            Self::NotConnected => "only connected calls are paid, and nobody answered".to_owned(),
            Self::NotConverted => "only converted calls are paid".to_owned(),
            Self::TooShort { lasted, needed } => format!("lasted {lasted} s of the {needed} s needed"),
            Self::Duplicate { since_s } => format!("the same caller had called {since_s} s before"),
            Self::ComesToNothing => "the amount comes to nothing".to_owned(),
            Self::PayoutCap(full) => full.text(),
        }
    }
}
