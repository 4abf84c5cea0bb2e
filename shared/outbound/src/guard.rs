//! Reads a tenant's URL and says whether it may be called at all. No name is looked up here: the addresses behind
//! a name are judged when the connection is made (`connector`).
//!
//! What must stay true: one strict reading. The URL standard forgives much (missing slashes, backslashes, tabs,
//! addresses in octal); what it forgives is either refused or normalised *before* the rules look at it, so that
//! no second reader can see another host than the one that was judged.

use std::fmt;
use std::net::IpAddr;

use url::{Host, Url};

use crate::allow::AllowList;
use crate::error::OutboundError;
use crate::{address, limits};

/// Last labels that never lead to the public Internet (RFC 6761, RFC 8375, and what private networks use).
const PRIVATE_SUFFIXES: [&str; 11] = [
    "corp",
    "home",
    "home.arpa",
    "internal",
    "intranet",
    "lan",
    "local",
    "localdomain",
    "localhost",
    "onion",
    "private",
];

/// Web ports below 1024. Every other one is a system service.
const LOW_WEB_PORTS: [u16; 2] = [80, 443];

/// Ports from 1024 up that belong to a well-known service which is not the web: databases, caches, queues,
/// cluster control, remote desktops. Neither bidder nor webhook lives there, and a request to one is either a
/// mistake or an attempt to make us talk to it.
const SERVICE_PORTS: [u16; 47] = [
    1433, 1434, 1521, // SQL Server, Oracle
    1723, // PPTP
    1883, 8883, // MQTT
    2049, // NFS
    2181, // ZooKeeper
    2375, 2376, 2377, // Docker
    2379, 2380, // etcd
    3306, 33060, // MySQL
    3389,  // remote desktop
    4369,  // Erlang port mapper
    4444,  // debuggers and shells
    5060, 5061, // SIP
    5432, 6432, // PostgreSQL
    5672, 5671, 15672, 25672, // RabbitMQ
    5900, 5901, // VNC
    5984, // CouchDB
    5985, 5986, // Windows remote management
    6379, 6380, 16379, // Redis
    6443,  // Kubernetes
    6667,  // IRC
    8125,  // statsd
    8500,  // Consul
    9042,  // Cassandra
    9092,  // Kafka
    9200, 9300, // Elasticsearch
    10250, 10255, // kubelet
    11211, // memcached
    27017, 27018, // MongoDB
];

/// Where a URL leads, after it passed the rules that need no name lookup.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Destination {
    /// True for https.
    pub https: bool,
    /// Lower-case name (punycode) or canonical address without brackets.
    pub host: String,
    /// The URL's port, or the scheme's own.
    pub port: u16,
    /// True when the allow-list names exactly this host and port.
    pub exempt: bool,
}

impl Destination {
    /// The host as an address, when it is one.
    pub(crate) fn literal(&self) -> Option<IpAddr> {
        self.host.parse().ok()
    }
}

impl fmt::Display for Destination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.host.contains(':') {
            true => write!(f, "[{}]:{}", self.host, self.port),
            false => write!(f, "{}:{}", self.host, self.port),
        }
    }
}

/// Checks a URL when it is saved: scheme, user name, host, port, and the address if the host is one. It makes no
/// connection and no lookup, so a name that passes can still be refused when it is called.
///
/// # Errors
/// `invalid_url`, `blocked_address` or `blocked_port`.
pub fn check_url(url: &str, allow: &AllowList) -> Result<Destination, OutboundError> {
    read_url(url, allow).map(|(destination, _)| destination)
}

/// [`check_url`], with the parsed URL for sending.
pub(crate) fn read_url(text: &str, allow: &AllowList) -> Result<(Destination, Url), OutboundError> {
    check_spelling(text)?;
    let url = Url::parse(text).map_err(|_| invalid("it cannot be parsed"))?;
    if !url.username().is_empty() || url.password().is_some() {
        return Err(invalid("it contains a user name or password"));
    }
    let destination = judge(&url, allow)?;
    Ok((destination, url))
}

/// Refuses what the URL standard would silently repair.
fn check_spelling(text: &str) -> Result<(), OutboundError> {
    if text.len() > limits::URL_BYTES {
        return Err(invalid("it is too long"));
    }
    if text.chars().any(|c| c.is_control() || c.is_whitespace() || c == '\\') {
        return Err(invalid("it contains a space, control character or backslash"));
    }
    let (scheme, rest) =
        text.split_once("://").ok_or_else(|| invalid("it does not start with http:// or https://"))?;
    if !scheme.eq_ignore_ascii_case("http") && !scheme.eq_ignore_ascii_case("https") {
        return Err(invalid("it does not start with http:// or https://"));
    }
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    if authority.is_empty() {
        return Err(invalid("it has no host"));
    }
    if authority.contains('@') {
        return Err(invalid("it contains a user name or password"));
    }
    Ok(())
}

fn judge(url: &Url, allow: &AllowList) -> Result<Destination, OutboundError> {
    let https = url.scheme() == "https";
    let port = url.port_or_known_default().ok_or_else(|| invalid("it has no port"))?;
    let host = url.host().ok_or_else(|| invalid("it has no host"))?;
    let (text, literal) = match &host {
        Host::Domain(name) => ((*name).to_owned(), None),
        Host::Ipv4(address) => (address.to_string(), Some(IpAddr::V4(*address))),
        Host::Ipv6(address) => (address.to_string(), Some(IpAddr::V6(*address))),
    };
    let exempt = allow.permits(&text, port);
    if !exempt {
        match literal {
            Some(ip) if !address::is_public(ip) => return Err(blocked(text, "it is not a public address")),
            Some(_) => {}
            None => check_name(&text)?,
        }
        check_port(port)?;
    }
    Ok(Destination { https, host: text, port, exempt })
}

/// Only full names in the public tree. The resolver would complete other names from the machine's search list.
fn check_name(name: &str) -> Result<(), OutboundError> {
    if name.ends_with('.') {
        return Err(blocked(name.to_owned(), "the name ends with a dot"));
    }
    if !is_host_name(name) {
        return Err(invalid("its host name has characters that names do not have"));
    }
    let below =
        |suffix: &str| name.strip_suffix(suffix).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'));
    if !name.contains('.') || PRIVATE_SUFFIXES.into_iter().any(below) {
        return Err(blocked(name.to_owned(), "it is a name of a private network"));
    }
    Ok(())
}

/// Labels of letters, digits, hyphens and underscores.
pub(crate) fn is_host_name(name: &str) -> bool {
    let letter = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    name.split('.').all(|label| !label.is_empty() && label.bytes().all(letter))
}

fn check_port(port: u16) -> Result<(), OutboundError> {
    let web = if port < 1024 { LOW_WEB_PORTS.contains(&port) } else { !SERVICE_PORTS.contains(&port) };
    if web { Ok(()) } else { Err(OutboundError::BlockedPort { port }) }
}

fn invalid(reason: &'static str) -> OutboundError {
    OutboundError::InvalidUrl { reason }
}

pub(crate) fn blocked(host: String, reason: &'static str) -> OutboundError {
    OutboundError::BlockedAddress { host, reason }
}
