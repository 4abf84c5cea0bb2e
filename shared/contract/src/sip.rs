//! The SIP domain of a Twilio account.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// The SIP domain to which publishers send the calls of their bids.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct SipDomain {
    /// Its name; `null` while none is set up.
    pub domain: Option<String>,
    /// Whether bids name it: it leads here, and somebody is let in.
    pub offered: bool,
    /// Addresses that Twilio lets in.
    pub addresses: Vec<String>,
    /// Names of users that Twilio lets in with their passwords.
    pub users: Vec<String>,
    /// What was asked for and is not so yet, in words: ask for the same again.
    pub missing: Vec<String>,
    /// Passwords of users who are new, by name. Shown this once.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub passwords: BTreeMap<String, String>,
}
