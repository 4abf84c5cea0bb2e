//! SIP domains at Twilio, in memory.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;

use app::ports::{ApplicationHooks, Carried, CarrierRefusal, CarrierSip, PortError, SipUser};
use async_trait::async_trait;
use domain::ids::{AccountSid, SipDomainSid};
use domain::sip::IpBlock;

use super::locked;

/// What may be told to fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum SipStep {
    /// Making sure of the domain.
    Domain,
    /// Letting addresses in.
    Addresses,
    /// Letting users in.
    Users,
    /// Removing it all.
    Removal,
}

/// A domain as Twilio would have it.
#[derive(Debug, Clone)]
pub struct FakeSipDomain {
    /// The account.
    pub account: AccountSid,
    /// Where its calls go.
    pub hooks: ApplicationHooks,
    /// Who is let in by address.
    pub addresses: Vec<IpBlock>,
    /// Who is let in by name and password.
    pub users: BTreeMap<String, String>,
}

/// Twilio's SIP domains, by name.
#[derive(Debug, Default)]
pub struct FakeSip {
    domains: Mutex<BTreeMap<String, FakeSipDomain>>,
    away: Mutex<BTreeSet<SipStep>>,
    refused: Mutex<BTreeMap<SipStep, CarrierRefusal>>,
}

impl FakeSip {
    /// The domain of this name.
    pub fn domain(&self, name: &str) -> Option<FakeSipDomain> {
        locked(&self.domains).get(name).cloned()
    }

    /// Whether nothing is answered to this step from now on.
    pub fn be_away(&self, step: SipStep, away: bool) {
        let mut steps = locked(&self.away);
        let _ = if away { steps.insert(step) } else { steps.remove(&step) };
    }

    /// From now on this step is refused.
    pub fn refuse(&self, step: SipStep, refusal: CarrierRefusal) {
        locked(&self.refused).insert(step, refusal);
    }

    /// `None`: the step may be done.
    fn trouble<T>(&self, step: SipStep) -> Option<Carried<T>> {
        if locked(&self.away).contains(&step) {
            return Some(Err(PortError::away("set SIP up at Twilio", "Twilio is away")));
        }
        locked(&self.refused).get(&step).map(|refusal| Ok(Err(*refusal)))
    }
}

#[async_trait]
impl CarrierSip for FakeSip {
    async fn ensure_sip_domain(
        &self,
        account: &AccountSid,
        name: &str,
        hooks: &ApplicationHooks,
    ) -> Carried<SipDomainSid> {
        if let Some(trouble) = self.trouble(SipStep::Domain) {
            return trouble;
        }
        let mut domains = locked(&self.domains);
        let domain = domains.entry(name.to_owned()).or_insert_with(|| FakeSipDomain {
            account: account.clone(),
            hooks: hooks.clone(),
            addresses: Vec::new(),
            users: BTreeMap::new(),
        });
        domain.hooks = hooks.clone();
        let sid = format!("SD{:032x}", 1).parse();
        Ok(Ok(sid.map_err(|error| PortError::failed("think up a sid", error))?))
    }

    async fn set_sip_addresses(
        &self,
        _: &AccountSid,
        _: &SipDomainSid,
        name: &str,
        addresses: &[IpBlock],
    ) -> Carried<()> {
        if let Some(trouble) = self.trouble(SipStep::Addresses) {
            return trouble;
        }
        if let Some(domain) = locked(&self.domains).get_mut(name) {
            domain.addresses = addresses.to_vec();
        }
        Ok(Ok(()))
    }

    async fn set_sip_users(
        &self,
        _: &AccountSid,
        _: &SipDomainSid,
        name: &str,
        users: &[SipUser],
    ) -> Carried<Vec<String>> {
        if let Some(trouble) = self.trouble(SipStep::Users) {
            return trouble;
        }
        let mut domains = locked(&self.domains);
        let Some(domain) = domains.get_mut(name) else { return Ok(Ok(Vec::new())) };
        let before = std::mem::take(&mut domain.users);
        let mut set = Vec::new();
        for user in users {
            let known = before.get(&user.name).filter(|_| !user.anew).cloned();
            if known.is_none() {
                set.push(user.name.clone());
            }
            let password = known.unwrap_or_else(|| user.password.expose().to_owned());
            domain.users.insert(user.name.clone(), password);
        }
        Ok(Ok(set))
    }

    async fn remove_sip(&self, _: &AccountSid, name: &str) -> Carried<()> {
        if let Some(trouble) = self.trouble(SipStep::Removal) {
            return trouble;
        }
        locked(&self.domains).remove(name);
        Ok(Ok(()))
    }
}
