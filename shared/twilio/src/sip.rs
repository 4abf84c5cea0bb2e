//! The port [`CarrierSip`] over Twilio's REST API.
//!
//! What must stay true: a list is filled before it is mapped, so that a new one never lets in more than it should for a
//! moment; one that shall not count is taken off before it is emptied, so that it never refuses everybody.

use app::ports::{ApplicationHooks, Carried, CarrierSip, SipUser};
use async_trait::async_trait;
use domain::ids::{AccountSid, SipDomainSid};
use domain::sip::IpBlock;

use crate::rest::{Credentials, RestClient, RestError, SipEntry, SipList};
use crate::telephony::{TwilioTelephony, carried, or_gone};

/// A domain's list of one kind, under one account.
struct Gate<'a> {
    client: &'a RestClient,
    credentials: &'a Credentials,
    domain: &'a SipDomainSid,
    name: &'a str,
    kind: SipList,
}

impl Gate<'_> {
    async fn list(&self) -> Result<Option<SipEntry>, RestError> {
        self.client.sip_list(self.credentials, self.kind, self.name).await
    }

    async fn ensured(&self) -> Result<SipEntry, RestError> {
        if let Some(list) = self.list().await? {
            return Ok(list);
        }
        let made = match self.client.create_sip_list(self.credentials, self.kind, self.name).await {
            Ok(made) => Some(made),
            Err(error) if error.is_lost() => None,
            Err(error) => return Err(error),
        };
        // Somebody else may have made one in the same instant, and an answer that was lost is made up for here.
        let field = RestError::Field { doing: "make a list of who may call a SIP domain", field: "lists" };
        self.list().await?.or(made).ok_or(field)
    }

    async fn entries(&self, list: &SipEntry) -> Result<Vec<SipEntry>, RestError> {
        self.client.sip_entries(self.credentials, self.kind, list).await
    }

    async fn remove(&self, list: &SipEntry, entry: &SipEntry) -> Result<(), RestError> {
        or_gone(self.client.remove_sip_entry(self.credentials, self.kind, list, entry).await).map(drop)
    }

    async fn is_mapped(&self, list: &SipEntry) -> Result<bool, RestError> {
        self.client.is_sip_list_mapped(self.credentials, self.kind, self.domain, list).await
    }

    async fn open(&self, list: &SipEntry) -> Result<(), RestError> {
        if self.is_mapped(list).await? {
            return Ok(());
        }
        match self.client.map_sip_list(self.credentials, self.kind, self.domain, list).await {
            Err(error) if error.is_lost() && self.is_mapped(list).await? => Ok(()),
            mapped => mapped,
        }
    }

    /// Nobody is asked for this any more.
    async fn give_up(&self) -> Result<(), RestError> {
        let Some(list) = self.list().await? else { return Ok(()) };
        if self.is_mapped(&list).await? {
            let taken_off = self.client.unmap_sip_list(self.credentials, self.kind, self.domain, &list).await;
            or_gone(taken_off)?;
        }
        for entry in self.entries(&list).await? {
            self.remove(&list, &entry).await?;
        }
        Ok(())
    }

    async fn set_addresses(&self, wanted: &[IpBlock]) -> Result<(), RestError> {
        if wanted.is_empty() {
            return self.give_up().await;
        }
        let list = self.ensured().await?;
        let found = self.entries(&list).await?;
        for block in wanted {
            if !found.iter().any(|entry| entry.name == block.to_string()) {
                self.client.add_sip_address(self.credentials, &list, *block).await?;
            }
        }
        for entry in found.iter().filter(|entry| !wanted.iter().any(|block| entry.name == block.to_string()))
        {
            self.remove(&list, entry).await?;
        }
        self.open(&list).await
    }

    async fn set_users(&self, wanted: &[SipUser]) -> Result<Vec<String>, RestError> {
        if wanted.is_empty() {
            return self.give_up().await.map(|()| Vec::new());
        }
        let list = self.ensured().await?;
        let found = self.entries(&list).await?;
        let mut set = Vec::new();
        for user in wanted {
            let password = user.password.expose();
            match found.iter().find(|entry| entry.name == user.name) {
                Some(_) if !user.anew => continue,
                Some(entry) => {
                    self.client.set_sip_password(self.credentials, &list, entry, password).await?;
                }
                None => {
                    drop(self.client.add_sip_user(self.credentials, &list, &user.name, password).await?);
                }
            }
            set.push(user.name.clone());
        }
        for entry in found.iter().filter(|entry| !wanted.iter().any(|user| entry.name == user.name)) {
            self.remove(&list, entry).await?;
        }
        self.open(&list).await?;
        Ok(set)
    }
}

impl TwilioTelephony {
    async fn sip_domain(
        &self,
        credentials: &Credentials,
        name: &str,
        hooks: &ApplicationHooks,
    ) -> Result<SipDomainSid, RestError> {
        if let Some(domain) = self.client.sip_domain(credentials, name, hooks).await? {
            if !domain.is_right {
                self.client.update_sip_domain(credentials, &domain.sid, hooks).await?;
            }
            return Ok(domain.sid);
        }
        match self.client.create_sip_domain(credentials, name, hooks).await {
            Ok(made) => Ok(made.sid),
            // An answer that was lost, or somebody else who made it in the same instant.
            Err(error) => match self.client.sip_domain(credentials, name, hooks).await? {
                Some(domain) => Ok(domain.sid),
                None => Err(error),
            },
        }
    }

    async fn without_sip(&self, credentials: &Credentials, name: &str) -> Result<(), RestError> {
        let nothing = ApplicationHooks {
            voice_url: String::new(),
            fallback_url: String::new(),
            status_url: String::new(),
        };
        if let Some(domain) = self.client.sip_domain(credentials, name, &nothing).await? {
            or_gone(self.client.remove_sip_domain(credentials, &domain.sid).await)?;
        }
        for kind in [SipList::Addresses, SipList::Users] {
            if let Some(list) = self.client.sip_list(credentials, kind, name).await? {
                or_gone(self.client.remove_sip_list(credentials, kind, &list).await)?;
            }
        }
        Ok(())
    }
}

#[async_trait]
impl CarrierSip for TwilioTelephony {
    async fn ensure_sip_domain(
        &self,
        account: &AccountSid,
        name: &str,
        hooks: &ApplicationHooks,
    ) -> Carried<SipDomainSid> {
        let what = "making sure of the SIP domain at Twilio";
        carried(what, self.sip_domain(&self.credentials(what, account).await?, name, hooks).await)
    }

    async fn set_sip_addresses(
        &self,
        account: &AccountSid,
        domain: &SipDomainSid,
        name: &str,
        addresses: &[IpBlock],
    ) -> Carried<()> {
        let what = "letting addresses in by SIP at Twilio";
        let (client, credentials) = (&self.client, &self.credentials(what, account).await?);
        let gate = Gate { client, credentials, domain, name, kind: SipList::Addresses };
        carried(what, gate.set_addresses(addresses).await)
    }

    async fn set_sip_users(
        &self,
        account: &AccountSid,
        domain: &SipDomainSid,
        name: &str,
        users: &[SipUser],
    ) -> Carried<Vec<String>> {
        let what = "letting users in by SIP at Twilio";
        let (client, credentials) = (&self.client, &self.credentials(what, account).await?);
        let gate = Gate { client, credentials, domain, name, kind: SipList::Users };
        carried(what, gate.set_users(users).await)
    }

    async fn remove_sip(&self, account: &AccountSid, name: &str) -> Carried<()> {
        let what = "removing a SIP domain at Twilio";
        carried(what, self.without_sip(&self.credentials(what, account).await?, name).await)
    }
}
