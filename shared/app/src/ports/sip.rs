//! Port to Twilio's SIP domains, and what a tenant's domain is like.

use async_trait::async_trait;
use domain::ids::{AccountSid, SipDomainSid};
use domain::sip::IpBlock;
use serde::{Deserialize, Serialize};

use super::{ApplicationHooks, Carried};
use crate::secret::Secret;

/// The SIP domain of a Twilio account, to which publishers send the calls of their bids. Only what Twilio has confirmed
/// stands here.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SipSetUp {
    /// Its name: `ccp-….sip.twilio.com`.
    pub domain: String,
    /// Whether it is there, and leads here.
    pub leads_here: bool,
    /// Addresses that are let in.
    pub addresses: Vec<IpBlock>,
    /// Names of users that are let in. Their passwords are nowhere.
    pub users: Vec<String>,
    /// What was wanted and is not so yet, in words.
    pub missing: Vec<String>,
    /// It is being removed.
    #[serde(default)]
    pub ends: bool,
}

impl SipSetUp {
    /// Whether bids may name it: it leads here, and somebody is let in.
    pub const fn takes_calls(&self) -> bool {
        self.leads_here && !self.ends && !(self.addresses.is_empty() && self.users.is_empty())
    }

    /// Where bids send calls to; `None` while it takes none.
    pub fn host(self) -> Option<String> {
        self.takes_calls().then_some(self.domain)
    }
}

/// A user who shall be let in.
#[derive(Debug, Clone)]
pub struct SipUser {
    /// Name.
    pub name: String,
    /// The password to set.
    pub password: Secret,
    /// Whether it is set although Twilio knows the user: nobody knows the password that is there.
    pub anew: bool,
}

/// SIP domains of Twilio accounts. Everything may be done again: what is there already is not made twice.
#[async_trait]
pub trait CarrierSip: Send + Sync {
    /// The domain of this name (`….sip.twilio.com`), made or put right when necessary.
    async fn ensure_sip_domain(
        &self,
        account: &AccountSid,
        name: &str,
        hooks: &ApplicationHooks,
    ) -> Carried<SipDomainSid>;

    /// Lets these addresses in, and no others. When there are none, addresses are not looked at.
    async fn set_sip_addresses(
        &self,
        account: &AccountSid,
        domain: &SipDomainSid,
        name: &str,
        addresses: &[IpBlock],
    ) -> Carried<()>;

    /// Lets these users in, and no others. When there are none, nobody is asked for a password. The names of those whose
    /// passwords were set.
    async fn set_sip_users(
        &self,
        account: &AccountSid,
        domain: &SipDomainSid,
        name: &str,
        users: &[SipUser],
    ) -> Carried<Vec<String>>;

    /// Removes the domain of this name and its lists, as far as they are there.
    async fn remove_sip(&self, account: &AccountSid, name: &str) -> Carried<()>;
}
