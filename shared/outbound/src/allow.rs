//! The one exception to the address and port rules: `OUTBOUND_ALLOW=host:port,…`.
//!
//! It exists because the local platform's own bidders and webhook receivers live on loopback. What must stay true:
//! entries are exact (one host, one port), the default is empty, and whoever runs production refuses to start
//! unless [`AllowList::is_empty`].

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use crate::guard;

/// Hosts and ports that skip the address and port rules. Cloning is cheap.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AllowList {
    entries: Arc<BTreeSet<(String, u16)>>,
}

/// An entry of the list could not be read as `host:port`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "OUTBOUND_ALLOW: {entry:?} is not host:port (a name, an IPv4 address or an IPv6 address in brackets)"
)]
pub struct AllowListError {
    /// The entry as it was written.
    pub entry: String,
}

impl AllowList {
    /// Reads `host:port,host:port`. Blank text is the empty list. Hosts are brought to the form a URL's host has
    /// (lower case, canonical addresses), so that the comparison is exact and still means the same place.
    ///
    /// # Errors
    /// [`AllowListError`] names the first entry that is not a host with a port.
    pub fn parse(text: &str) -> Result<AllowList, AllowListError> {
        let entries = text
            .split(',')
            .map(str::trim)
            .filter(|entry| !entry.is_empty())
            .map(|entry| parse_entry(entry).ok_or_else(|| AllowListError { entry: entry.to_owned() }))
            .collect::<Result<_, _>>()?;
        Ok(AllowList { entries: Arc::new(entries) })
    }

    /// True when nothing is exempt, as production requires.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// `host` without brackets, as [`crate::Destination`] holds it.
    pub(crate) fn permits(&self, host: &str, port: u16) -> bool {
        self.entries.iter().any(|(allowed, allowed_port)| allowed == host && *allowed_port == port)
    }
}

impl fmt::Display for AllowList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, (host, port)) in self.entries.iter().enumerate() {
            let comma = if position == 0 { "" } else { "," };
            match host.contains(':') {
                true => write!(f, "{comma}[{host}]:{port}")?,
                false => write!(f, "{comma}{host}:{port}")?,
            }
        }
        Ok(())
    }
}

fn parse_entry(entry: &str) -> Option<(String, u16)> {
    let (host, port) = entry.rsplit_once(':')?;
    let port = port.parse::<u16>().ok().filter(|port| *port != 0)?;
    let host = match url::Host::parse(host).ok()? {
        url::Host::Domain(name) if guard::is_host_name(&name) => name,
        url::Host::Domain(_) => return None,
        url::Host::Ipv4(address) => address.to_string(),
        url::Host::Ipv6(address) => address.to_string(),
    };
    Some((host, port))
}
