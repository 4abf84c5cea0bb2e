//! SIP domains, and who may call them: lists of addresses and of users, mapped to a domain for calls.
//!
//! Twilio lets nobody in at a domain to which no list is mapped; with a list of each kind it asks for both. Everything here
//! is looked for before it is made, so that doing it again makes nothing twice.

use app::ports::ApplicationHooks;
use domain::ids::SipDomainSid;
use domain::sip::IpBlock;
use reqwest::Method;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::{Again, Ask, Credentials, RestClient, RestError};

/// Pages of one list; more than a few are a mistake of somebody's.
const MOST_PAGES: usize = 20;

/// A SIP domain as Twilio has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SipDomainResource {
    /// Its id.
    pub sid: SipDomainSid,
    /// Whether it carries the addresses and methods that it was compared with.
    pub is_right: bool,
}

/// Which of the two kinds of lists.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SipList {
    /// Addresses that are let in.
    Addresses,
    /// Users with passwords.
    Users,
}

/// Something in the SIP part of the API, by its sid and its name: a list's own, an address as a block, a user's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SipEntry {
    /// Twilio's id of it.
    pub sid: String,
    /// See above.
    pub name: String,
}

#[derive(Deserialize)]
struct SipJson {
    sid: String,
    friendly_name: Option<String>,
    domain_name: Option<String>,
    username: Option<String>,
    ip_address: Option<String>,
    cidr_prefix_length: Option<u8>,
    voice_url: Option<String>,
    voice_method: Option<String>,
    voice_fallback_url: Option<String>,
    voice_fallback_method: Option<String>,
    voice_status_callback_url: Option<String>,
    voice_status_callback_method: Option<String>,
}

impl SipJson {
    fn domain(&self, doing: &'static str, hooks: &ApplicationHooks) -> Result<SipDomainResource, RestError> {
        let is = |found: &Option<String>, wanted: &str| found.as_deref() == Some(wanted);
        let is_right = is(&self.voice_url, &hooks.voice_url)
            && is(&self.voice_method, "POST")
            && is(&self.voice_fallback_url, &hooks.fallback_url)
            && is(&self.voice_fallback_method, "GET")
            && is(&self.voice_status_callback_url, &hooks.status_url)
            && is(&self.voice_status_callback_method, "POST");
        let sid = self.sid.parse().map_err(|_| RestError::Field { doing, field: "sid" })?;
        Ok(SipDomainResource { sid, is_right })
    }

    /// Its sid, which becomes part of an address.
    fn entry(self, doing: &'static str) -> Result<SipEntry, RestError> {
        if !self.sid.bytes().all(|byte| byte.is_ascii_alphanumeric()) || self.sid.is_empty() {
            return Err(RestError::Field { doing, field: "sid" });
        }
        let block = match (self.ip_address, self.cidr_prefix_length) {
            (Some(address), None | Some(32)) => Some(address),
            (Some(address), Some(prefix)) => Some(format!("{address}/{prefix}")),
            (None, _) => None,
        };
        let name = block.or(self.username).or(self.friendly_name).unwrap_or_default();
        Ok(SipEntry { sid: self.sid, name })
    }
}

fn hook_fields(hooks: &ApplicationHooks) -> [(&'static str, &str); 6] {
    [
        ("VoiceUrl", &hooks.voice_url),
        ("VoiceMethod", "POST"),
        ("VoiceFallbackUrl", &hooks.fallback_url),
        ("VoiceFallbackMethod", "GET"),
        ("VoiceStatusCallbackUrl", &hooks.status_url),
        ("VoiceStatusCallbackMethod", "POST"),
    ]
}

impl SipList {
    const fn path(self) -> &'static str {
        match self {
            Self::Addresses => "/SIP/IpAccessControlLists",
            Self::Users => "/SIP/CredentialLists",
        }
    }

    const fn key(self) -> &'static str {
        match self {
            Self::Addresses => "ip_access_control_lists",
            Self::Users => "credential_lists",
        }
    }

    /// Where the entries of a list are, and what their list is called.
    fn entries(self, list: &SipEntry) -> (String, &'static str) {
        let (last, key) = match self {
            Self::Addresses => ("IpAddresses", "ip_addresses"),
            Self::Users => ("Credentials", "credentials"),
        };
        (format!("{}/{}/{last}", self.path(), list.sid), key)
    }

    /// Where it stands which lists are mapped to a domain for calls, and the field that maps one.
    fn mappings(self, domain: &SipDomainSid) -> (String, &'static str) {
        let (last, field) = match self {
            Self::Addresses => ("IpAccessControlListMappings", "IpAccessControlListSid"),
            Self::Users => ("CredentialListMappings", "CredentialListSid"),
        };
        (format!("/SIP/Domains/{domain}/Auth/Calls/{last}"), field)
    }
}

impl RestClient {
    /// The domain of this name (`….sip.twilio.com`), compared with these addresses; `None` when the account has none.
    ///
    /// # Errors
    /// A refusal, or no usable answer within the deadline.
    pub async fn sip_domain(
        &self,
        credentials: &Credentials,
        name: &str,
        hooks: &ApplicationHooks,
    ) -> Result<Option<SipDomainResource>, RestError> {
        let doing = "list SIP domains";
        let found = self.sip_all(credentials, doing, "/SIP/Domains", "domains").await?;
        let ours = found.iter().find(|domain| domain.domain_name.as_deref() == Some(name));
        ours.map(|domain| domain.domain(doing, hooks)).transpose()
    }

    /// Makes a domain. The request is sent again only when Twilio surely did not do it.
    ///
    /// # Errors
    /// A refusal (the name may be somebody else's), or no usable answer: the domain may be there all the same.
    pub async fn create_sip_domain(
        &self,
        credentials: &Credentials,
        name: &str,
        hooks: &ApplicationHooks,
    ) -> Result<SipDomainResource, RestError> {
        let doing = "make a SIP domain";
        let mut fields = vec![("DomainName", name), ("FriendlyName", name)];
        fields.extend(hook_fields(hooks));
        let made = self.sip_make(credentials, doing, "/SIP/Domains", &fields).await?;
        made.domain(doing, hooks)
    }

    /// Gives a domain these addresses.
    ///
    /// # Errors
    /// A refusal, or no usable answer within the deadline.
    pub async fn update_sip_domain(
        &self,
        credentials: &Credentials,
        domain: &SipDomainSid,
        hooks: &ApplicationHooks,
    ) -> Result<SipDomainResource, RestError> {
        let doing = "correct a SIP domain";
        let url = self.url(credentials, &format!("/SIP/Domains/{domain}.json"));
        let changed: SipJson = self.ask(&self.post(credentials, doing, url, &hook_fields(hooks))).await?;
        changed.domain(doing, hooks)
    }

    /// Removes a domain; no call reaches it any more.
    ///
    /// # Errors
    /// [`RestError::is_not_found`] when it is gone; otherwise a refusal, or no usable answer within the deadline.
    pub async fn remove_sip_domain(
        &self,
        credentials: &Credentials,
        domain: &SipDomainSid,
    ) -> Result<(), RestError> {
        self.sip_remove(credentials, "remove a SIP domain", &format!("/SIP/Domains/{domain}")).await
    }

    /// The list of this name; of several the one with the lowest sid.
    ///
    /// # Errors
    /// A refusal, or no usable answer within the deadline.
    pub async fn sip_list(
        &self,
        credentials: &Credentials,
        kind: SipList,
        name: &str,
    ) -> Result<Option<SipEntry>, RestError> {
        let doing = "list who may call a SIP domain";
        let found = self.sip_all(credentials, doing, kind.path(), kind.key()).await?;
        let ours = found.into_iter().filter(|list| list.friendly_name.as_deref() == Some(name));
        ours.min_by(|one, other| one.sid.cmp(&other.sid)).map(|list| list.entry(doing)).transpose()
    }

    /// Makes a list, empty.
    ///
    /// # Errors
    /// As [`RestClient::create_sip_domain`].
    pub async fn create_sip_list(
        &self,
        credentials: &Credentials,
        kind: SipList,
        name: &str,
    ) -> Result<SipEntry, RestError> {
        let doing = "make a list of who may call a SIP domain";
        self.sip_make(credentials, doing, kind.path(), &[("FriendlyName", name)]).await?.entry(doing)
    }

    /// Removes a list with its entries.
    ///
    /// # Errors
    /// As [`RestClient::remove_sip_domain`].
    pub async fn remove_sip_list(
        &self,
        credentials: &Credentials,
        kind: SipList,
        list: &SipEntry,
    ) -> Result<(), RestError> {
        let path = format!("{}/{}", kind.path(), list.sid);
        self.sip_remove(credentials, "remove a list of who may call a SIP domain", &path).await
    }

    /// What a list holds: addresses as blocks, or user names.
    ///
    /// # Errors
    /// A refusal, or no usable answer within the deadline.
    pub async fn sip_entries(
        &self,
        credentials: &Credentials,
        kind: SipList,
        list: &SipEntry,
    ) -> Result<Vec<SipEntry>, RestError> {
        let doing = "list who is let in by SIP";
        let (path, key) = kind.entries(list);
        let found = self.sip_all(credentials, doing, &path, key).await?;
        found.into_iter().map(|entry| entry.entry(doing)).collect()
    }

    /// Lets an address in.
    ///
    /// # Errors
    /// As [`RestClient::create_sip_domain`].
    pub async fn add_sip_address(
        &self,
        credentials: &Credentials,
        list: &SipEntry,
        block: IpBlock,
    ) -> Result<SipEntry, RestError> {
        let doing = "let an address in by SIP";
        let (name, first, prefix) =
            (block.to_string(), block.first().to_string(), block.prefix().to_string());
        let fields = [("FriendlyName", name.as_str()), ("IpAddress", &first), ("CidrPrefixLength", &prefix)];
        let (path, _) = SipList::Addresses.entries(list);
        self.sip_make(credentials, doing, &path, &fields).await?.entry(doing)
    }

    /// Lets a user in.
    ///
    /// # Errors
    /// As [`RestClient::create_sip_domain`].
    pub async fn add_sip_user(
        &self,
        credentials: &Credentials,
        list: &SipEntry,
        name: &str,
        password: &str,
    ) -> Result<SipEntry, RestError> {
        let doing = "let a user in by SIP";
        let (path, _) = SipList::Users.entries(list);
        let fields = [("Username", name), ("Password", password)];
        self.sip_make(credentials, doing, &path, &fields).await?.entry(doing)
    }

    /// Gives a user another password.
    ///
    /// # Errors
    /// A refusal, or no usable answer within the deadline.
    pub async fn set_sip_password(
        &self,
        credentials: &Credentials,
        list: &SipEntry,
        user: &SipEntry,
        password: &str,
    ) -> Result<(), RestError> {
        let (path, _) = SipList::Users.entries(list);
        let url = self.url(credentials, &format!("{path}/{}.json", user.sid));
        let ask = self.post(credentials, "set a password for SIP", url, &[("Password", password)]);
        self.answer(&ask).await.map(drop)
    }

    /// Lets somebody in no more.
    ///
    /// # Errors
    /// As [`RestClient::remove_sip_domain`].
    pub async fn remove_sip_entry(
        &self,
        credentials: &Credentials,
        kind: SipList,
        list: &SipEntry,
        entry: &SipEntry,
    ) -> Result<(), RestError> {
        let (path, _) = kind.entries(list);
        self.sip_remove(credentials, "let somebody in no more by SIP", &format!("{path}/{}", entry.sid)).await
    }

    /// Whether a list counts for the calls to a domain.
    ///
    /// # Errors
    /// A refusal, or no usable answer within the deadline.
    pub async fn is_sip_list_mapped(
        &self,
        credentials: &Credentials,
        kind: SipList,
        domain: &SipDomainSid,
        list: &SipEntry,
    ) -> Result<bool, RestError> {
        let (path, _) = kind.mappings(domain);
        let found =
            self.sip_all(credentials, "list what is mapped to a SIP domain", &path, "contents").await?;
        Ok(found.iter().any(|mapped| mapped.sid == list.sid))
    }

    /// From now on a list counts for the calls to a domain.
    ///
    /// # Errors
    /// As [`RestClient::create_sip_domain`].
    pub async fn map_sip_list(
        &self,
        credentials: &Credentials,
        kind: SipList,
        domain: &SipDomainSid,
        list: &SipEntry,
    ) -> Result<(), RestError> {
        let (path, field) = kind.mappings(domain);
        let fields = [(field, list.sid.as_str())];
        self.sip_make(credentials, "map a list to a SIP domain", &path, &fields).await.map(drop)
    }

    /// From now on a list does not count for the calls to a domain any more.
    ///
    /// # Errors
    /// As [`RestClient::remove_sip_domain`].
    pub async fn unmap_sip_list(
        &self,
        credentials: &Credentials,
        kind: SipList,
        domain: &SipDomainSid,
        list: &SipEntry,
    ) -> Result<(), RestError> {
        let (path, _) = kind.mappings(domain);
        let path = format!("{path}/{}", list.sid);
        self.sip_remove(credentials, "take a list off a SIP domain", &path).await
    }

    /// Everything of one list; `key` names it in the answer.
    async fn sip_all(
        &self,
        credentials: &Credentials,
        doing: &'static str,
        path: &str,
        key: &'static str,
    ) -> Result<Vec<SipJson>, RestError> {
        let mut ask =
            self.get(credentials, doing, self.url(credentials, &format!("{path}.json?PageSize=200")));
        let mut found: Vec<SipJson> = Vec::new();
        for _ in 0..MOST_PAGES {
            let mut page: Map<String, Value> = self.ask(&ask).await?;
            let items = page.remove(key).ok_or(RestError::Field { doing, field: key })?;
            let items: Vec<SipJson> =
                serde_json::from_value(items).map_err(|source| RestError::Form { doing, source })?;
            found.extend(items);
            let next = page.get("next_page_uri").and_then(Value::as_str).map(str::to_owned);
            match self.next_page(&ask, next)? {
                Some(url) => ask.url = url,
                None => return Ok(found),
            }
        }
        Err(RestError::TooLarge { doing })
    }

    async fn sip_make(
        &self,
        credentials: &Credentials,
        doing: &'static str,
        path: &str,
        fields: &[(&str, &str)],
    ) -> Result<SipJson, RestError> {
        let url = self.url(credentials, &format!("{path}.json"));
        let ask = Ask { again: Again::IfNotDone, ..self.post(credentials, doing, url, fields) };
        self.ask(&ask).await
    }

    async fn sip_remove(
        &self,
        credentials: &Credentials,
        doing: &'static str,
        path: &str,
    ) -> Result<(), RestError> {
        let url = self.url(credentials, &format!("{path}.json"));
        let ask = Ask { method: Method::DELETE, ..self.get(credentials, doing, url) };
        self.answer(&ask).await.map(drop)
    }
}
