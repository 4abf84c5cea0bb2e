//! Who may send calls to a SIP domain of ours: by address, or by user name and password.
//!
//! What must stay true: an address that is let in is a public one, and not half the internet; what is no such thing is
//! refused before Twilio is asked.

use std::fmt;
use std::net::Ipv4Addr;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Shortest prefix: 65,536 addresses. A carrier has fewer, and more would let strangers in.
const SHORTEST_PREFIX: u8 = 16;
/// Longest user name at Twilio.
const LONGEST_NAME: usize = 32;

/// A block of public IPv4 addresses, written `198.51.100.0/28`; a single address without a slash.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct IpBlock {
    first: Ipv4Addr,
    prefix: u8,
}

/// Why a text is no block that may be let in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum IpBlockError {
    /// Something else.
    #[error("not an IPv4 address or block: expected for example 54.172.60.1 or 54.172.60.0/30")]
    Form,
    /// It begins in the middle of the block.
    #[error("the block must begin with its first address, for example 54.172.60.0/30 and not 54.172.60.1/30")]
    Middle,
    /// Too many addresses.
    #[error("a block has a prefix of /16 to /32: name the addresses of your publishers only")]
    TooWide,
    /// Addresses that nobody on the internet has.
    #[error("these are no public addresses: name those from which your publishers' calls come")]
    NotPublic,
}

/// Blocks that are not on the internet: private, shared, loopback, link-local, documentation, benchmarks, multicast, reserved
/// (RFC 6890).
const NOT_PUBLIC: [(Ipv4Addr, u8); 15] = [
    (Ipv4Addr::new(0, 0, 0, 0), 8),
    (Ipv4Addr::new(10, 0, 0, 0), 8),
    (Ipv4Addr::new(100, 64, 0, 0), 10),
    (Ipv4Addr::new(127, 0, 0, 0), 8),
    (Ipv4Addr::new(169, 254, 0, 0), 16),
    (Ipv4Addr::new(172, 16, 0, 0), 12),
    (Ipv4Addr::new(192, 0, 0, 0), 24),
    (Ipv4Addr::new(192, 0, 2, 0), 24),
    (Ipv4Addr::new(192, 88, 99, 0), 24),
    (Ipv4Addr::new(192, 168, 0, 0), 16),
    (Ipv4Addr::new(198, 18, 0, 0), 15),
    (Ipv4Addr::new(198, 51, 100, 0), 24),
    (Ipv4Addr::new(203, 0, 113, 0), 24),
    (Ipv4Addr::new(224, 0, 0, 0), 4),
    (Ipv4Addr::new(240, 0, 0, 0), 4),
];

/// The address with everything behind the prefix cut off.
fn network(address: Ipv4Addr, prefix: u8) -> u32 {
    let mask = u32::MAX.checked_shl(32_u32.saturating_sub(u32::from(prefix))).unwrap_or(0);
    u32::from(address) & mask
}

impl IpBlock {
    /// Its first address.
    pub const fn first(self) -> Ipv4Addr {
        self.first
    }

    /// How many bits all of its addresses share: 16 to 32.
    pub const fn prefix(self) -> u8 {
        self.prefix
    }

    fn overlaps(self, (first, prefix): (Ipv4Addr, u8)) -> bool {
        let shared = self.prefix.min(prefix);
        network(self.first, shared) == network(first, shared)
    }
}
impl FromStr for IpBlock {
    type Err = IpBlockError;
    fn from_str(text: &str) -> Result<Self, IpBlockError> {
        let (address, prefix) = text.split_once('/').unwrap_or((text, "32"));
        let first: Ipv4Addr = address.parse().map_err(|_| IpBlockError::Form)?;
        let is_plain = prefix.bytes().all(|byte| byte.is_ascii_digit()) && !prefix.starts_with('0');
        let prefix: u8 =
            prefix.parse().ok().filter(|bits| is_plain && *bits <= 32).ok_or(IpBlockError::Form)?;
        if prefix < SHORTEST_PREFIX {
            return Err(IpBlockError::TooWide);
        }
        if network(first, prefix) != u32::from(first) {
            return Err(IpBlockError::Middle);
        }
        let block = Self { first, prefix };
        if NOT_PUBLIC.into_iter().any(|other| block.overlaps(other)) {
            return Err(IpBlockError::NotPublic);
        }
        Ok(block)
    }
}
impl TryFrom<String> for IpBlock {
    type Error = IpBlockError;
    fn try_from(text: String) -> Result<Self, IpBlockError> {
        text.parse()
    }
}
impl fmt::Display for IpBlock {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.prefix {
            32 => self.first.fmt(formatter),
            prefix => write!(formatter, "{}/{prefix}", self.first),
        }
    }
}
impl From<IpBlock> for String {
    fn from(block: IpBlock) -> Self {
        block.to_string()
    }
}

/// Whether a publisher can be called so at Twilio: 1 to 32 letters, digits, `.`, `_` and `-`.
pub fn is_user_name(name: &str) -> bool {
    (1..=LONGEST_NAME).contains(&name.len())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte))
}
