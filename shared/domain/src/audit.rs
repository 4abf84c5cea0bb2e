//! The audit log: who did what to which thing, from where, and what it was before.
//!
//! What must stay true: an entry is written once and never changed; it holds no personal value in the clear and no secret.

mod changes;
mod personal;
mod secrets;

use std::fmt;
use std::net::IpAddr;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::ids::{ApiKeyId, AuditId, TenantId, UserId};

pub use changes::{MAX_BYTES, MAX_CHANGES, changes, shown_name};
pub use personal::personal_values;

/// Who acted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Actor {
    /// A person who is signed in.
    User(UserId),
    /// A program with an API key.
    ApiKey(ApiKeyId),
    /// The platform itself, for example when it pauses a campaign that has no destination left.
    System,
    /// Somebody who is not signed in: sign-up, a failed sign-in, a password reset.
    Visitor,
}

/// The id of the user or the key; `system`, `visitor`.
impl fmt::Display for Actor {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::User(id) => id.fmt(formatter),
            Self::ApiKey(id) => id.fmt(formatter),
            Self::System => formatter.write_str("system"),
            Self::Visitor => formatter.write_str("visitor"),
        }
    }
}

/// From where.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Origin {
    /// The network of the client's address (`203.0.113.0/24`, `2001:db8:1::/48`); the whole address is personal.
    pub network: Option<String>,
    /// What the client calls itself, shortened.
    pub agent: Option<String>,
    /// The request, as in logs and answers.
    pub request_id: String,
}

impl Origin {
    /// Longest name of a client, characters.
    const MAX_AGENT: usize = 120;

    /// From a client's address, what it calls itself, and the request's id.
    pub fn of(address: Option<IpAddr>, agent: Option<&str>, request_id: &str) -> Self {
        let agent = agent.map(|agent| {
            let plain = agent.chars().filter(|sign| !sign.is_control());
            plain.take(Self::MAX_AGENT).collect::<String>()
        });
        Self {
            network: address.map(network),
            agent: agent.filter(|agent| !agent.is_empty()),
            request_id: request_id.to_owned(),
        }
    }
}

/// The network of an address: enough to see a stranger, too little to name a person.
fn network(address: IpAddr) -> String {
    match address {
        IpAddr::V4(address) => {
            let [one, two, three, _] = address.octets();
            format!("{one}.{two}.{three}.0/24")
        }
        IpAddr::V6(address) => {
            let [one, two, three, ..] = address.segments();
            format!("{one:x}:{two:x}:{three:x}::/48")
        }
    }
}

/// Who acts in a request, and from where: goes with every deed that changes something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct By {
    /// Who.
    pub actor: Actor,
    /// From where.
    pub origin: Origin,
}

/// One thing that became different.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Change {
    /// Path of the field, such as `caps.daily`.
    pub field: String,
    /// Before; absent when it was not there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<Value>,
    /// After; absent when it is gone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<Value>,
}

/// One entry.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AuditEntry {
    /// Its id; sorts by time.
    pub id: AuditId,
    /// In which account.
    pub tenant: TenantId,
    /// When.
    pub at: Timestamp,
    /// Who.
    pub actor: Actor,
    /// From where.
    pub origin: Origin,
    /// What, as `noun.deed`: `target.updated`, `user.invited`, `session.revoked`.
    pub action: String,
    /// The printed id of the thing, when it has one.
    pub object: Option<String>,
    /// Its name, when it has one that is not personal.
    pub name: Option<String>,
    /// What became different, values masked.
    pub changes: Vec<Change>,
    /// Changes left out because the entry would be too large.
    #[serde(default)]
    pub more: u32,
}
