//! SIP domains over REST, and who may call them: lists of addresses and of users, mapped to domains.
//!
//! What must stay true, as at Twilio: at a domain without a mapped list nobody is let in; with a list of each kind a caller
//! needs both; passwords go in and never come out.

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;
use std::sync::Arc;

use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, Method as HttpMethod};
use axum::response::Response;
use serde_json::{Value, json};

use super::locked;
use super::rest::{Fields, absolute, authorise, fields, method};
use super::rest_answers::{self as answers, Refused};
use super::script::SipSource;
use super::state::{Network, NumberConfig};
use super::twiml::Method;

/// All domains end so.
const DOMAIN_ENDING: &str = ".sip.twilio.com";
/// Twilio's rules for passwords.
const SHORTEST_PASSWORD: usize = 12;
/// When everything was made; nobody looks at it.
const MADE_AT: &str = "Thu, 06 Aug 2015 01:36:09 +0000";

/// The SIP part of an account.
#[derive(Debug, Default)]
pub(super) struct Sip {
    domains: BTreeMap<String, SipDomainConfig>,
    lists: BTreeMap<String, List>,
    /// Sids of a domain and of a list that counts for its calls.
    mapped: BTreeSet<(String, String)>,
    made: u64,
}

/// A SIP domain of the account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SipDomainConfig {
    /// `SD…`
    pub sid: String,
    /// `….sip.twilio.com`
    pub domain_name: String,
    /// Asked when a call arrives.
    pub voice_url: String,
    /// How.
    pub voice_method: Method,
    /// Asked when instructions cannot be had or understood.
    pub voice_fallback_url: String,
    /// How.
    pub voice_fallback_method: Method,
    /// Told once, when a call is over.
    pub voice_status_callback_url: String,
    /// How.
    pub voice_status_callback_method: Method,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Addresses,
    Users,
}

#[derive(Debug, Clone)]
struct List {
    kind: Kind,
    name: String,
    entries: BTreeMap<String, Entry>,
}

#[derive(Debug, Clone)]
enum Entry {
    Address { name: String, first: Ipv4Addr, prefix: u8 },
    User { name: String, password: String },
}

/// What became of a request.
enum Done {
    Is(Value),
    Made(Value),
    Gone,
}

impl Kind {
    fn of_lists(name: &str) -> Option<Self> {
        match name {
            "IpAccessControlLists" => Some(Self::Addresses),
            "CredentialLists" => Some(Self::Users),
            _ => None,
        }
    }

    fn of_mappings(name: &str) -> Option<Self> {
        match name {
            "IpAccessControlListMappings" => Some(Self::Addresses),
            "CredentialListMappings" => Some(Self::Users),
            _ => None,
        }
    }

    const fn letters(self) -> (&'static str, &'static str) {
        match self {
            Self::Addresses => ("AL", "IP"),
            Self::Users => ("CL", "CR"),
        }
    }

    const fn lists(self) -> (&'static str, &'static str) {
        match self {
            Self::Addresses => ("IpAccessControlLists", "ip_access_control_lists"),
            Self::Users => ("CredentialLists", "credential_lists"),
        }
    }

    const fn entries(self) -> (&'static str, &'static str) {
        match self {
            Self::Addresses => ("IpAddresses", "ip_addresses"),
            Self::Users => ("Credentials", "credentials"),
        }
    }
}

impl Entry {
    fn admits(&self, source: &SipSource) -> bool {
        match self {
            Self::Address { first, prefix, .. } => {
                let shift = 32 - u32::from(*prefix);
                let block = |address: Ipv4Addr| u32::from(address).checked_shr(shift).unwrap_or(0);
                source.ip.parse().is_ok_and(|address: Ipv4Addr| block(address) == block(*first))
            }
            Self::User { name, password } => {
                source.user.as_ref() == Some(name) && source.password.as_ref() == Some(password)
            }
        }
    }
}

impl Sip {
    fn sid(&mut self, letters: &str) -> String {
        self.made += 1;
        format!("{letters}{:032x}", self.made)
    }

    /// The domain of this host.
    pub(super) fn domain(&self, host: &str) -> Option<&SipDomainConfig> {
        self.domains.values().find(|domain| domain.domain_name.eq_ignore_ascii_case(host))
    }

    /// The domain's addresses as a number's, when the caller is let in.
    pub(super) fn ringing(&self, to: &str, source: &SipSource) -> Option<NumberConfig> {
        let domain = self.domain(host(to)?)?.clone();
        let mapped = |kind: Kind| {
            let of_domain = self.mapped.iter().filter(|(of, _)| *of == domain.sid);
            of_domain.filter_map(|(_, list)| self.lists.get(list)).filter(move |list| list.kind == kind)
        };
        let is_mapped = |kind| mapped(kind).next().is_some();
        let admits = |kind| {
            !is_mapped(kind)
                || mapped(kind).any(|list| list.entries.values().any(|entry| entry.admits(source)))
        };
        let let_in = (is_mapped(Kind::Addresses) || is_mapped(Kind::Users))
            && admits(Kind::Addresses)
            && admits(Kind::Users);
        let_in.then(|| NumberConfig {
            phone_number: to.to_owned(),
            voice_url: domain.voice_url,
            voice_method: domain.voice_method,
            voice_fallback_url: domain.voice_fallback_url,
            voice_fallback_method: domain.voice_fallback_method,
            status_callback: domain.voice_status_callback_url,
            status_callback_method: domain.voice_status_callback_method,
            ..NumberConfig::default()
        })
    }
}

/// The host of a SIP address.
pub(super) fn host(address: &str) -> Option<&str> {
    let (_, host) = address.strip_prefix("sip:")?.split_once('@')?;
    host.split([';', ':']).next()
}

/// Every request below `/SIP/`.
pub(super) async fn answer(
    State(network): State<Arc<Network>>,
    Path((account, rest)): Path<(String, String)>,
    request_method: HttpMethod,
    Query(query): Query<Fields>,
    headers: HeaderMap,
    body: String,
) -> Response {
    if let Err(refusal) = authorise(&network, &account, &headers) {
        return answers::refused(&refusal);
    }
    let base = format!("/2010-04-01/Accounts/{account}/SIP");
    let request = Request { account: &account, base, path: &rest, query: &query, fields: fields(&body) };
    let done = match request_method {
        HttpMethod::GET => request.read(&locked(&network.sip)),
        HttpMethod::POST => request.change(&mut locked(&network.sip)),
        HttpMethod::DELETE => request.remove(&mut locked(&network.sip)),
        _ => Err(Refused::not_allowed()),
    };
    match done {
        Ok(Done::Is(value)) => answers::answer(Ok(value)),
        Ok(Done::Made(value)) => answers::created(Ok(value)),
        Ok(Done::Gone) => answers::nothing(),
        Err(refusal) => answers::refused(&refusal),
    }
}

struct Request<'a> {
    account: &'a str,
    base: String,
    path: &'a str,
    query: &'a Fields,
    fields: Fields,
}

impl Request<'_> {
    fn unknown(&self) -> Refused {
        Refused::not_found(self.path)
    }

    /// The path without `.json`, in parts.
    fn parts(&self) -> Vec<&str> {
        self.path.strip_suffix(".json").unwrap_or(self.path).split('/').collect()
    }

    fn field(&self, name: &str) -> Result<&str, Refused> {
        let value = self.fields.get(name).map(String::as_str).filter(|value| !value.is_empty());
        value.ok_or_else(|| Refused::bad_parameter(name))
    }

    fn page(&self, key: &str, items: Vec<Value>) -> Done {
        Done::Is(answers::page(&format!("{}/{}", self.base, self.path), key, items, self.query))
    }

    fn read(&self, sip: &Sip) -> Result<Done, Refused> {
        Ok(match self.parts().as_slice() {
            ["Domains"] => self.page("domains", sip.domains.values().map(|it| self.domain(it)).collect()),
            ["Domains", sid] => Done::Is(self.domain(sip.domains.get(*sid).ok_or_else(|| self.unknown())?)),
            ["Domains", domain, "Auth", "Calls", mappings] => {
                let kind = Kind::of_mappings(mappings).ok_or_else(|| self.unknown())?;
                let of_domain = sip.mapped.iter().filter(|(of, _)| of == domain);
                let lists = of_domain.filter_map(|(_, sid)| Some((sid, sip.lists.get(sid)?)));
                let items = lists.filter(|(_, list)| list.kind == kind);
                self.page("contents", items.map(|(sid, list)| self.mapping(sid, list)).collect())
            }
            [lists] => {
                let kind = Kind::of_lists(lists).ok_or_else(|| self.unknown())?;
                let items = sip.lists.iter().filter(|(_, list)| list.kind == kind);
                self.page(kind.lists().1, items.map(|(sid, list)| self.list(sid, list)).collect())
            }
            [_, sid] => Done::Is(self.list(sid, sip.lists.get(*sid).ok_or_else(|| self.unknown())?)),
            [_, list, _] => {
                let found = sip.lists.get(*list).ok_or_else(|| self.unknown())?;
                let items = found.entries.iter().map(|(sid, entry)| self.entry(list, sid, entry)).collect();
                self.page(found.kind.entries().1, items)
            }
            _ => return Err(self.unknown()),
        })
    }

    fn change(&self, sip: &mut Sip) -> Result<Done, Refused> {
        Ok(match self.parts().as_slice() {
            ["Domains"] => {
                let name = self.field("DomainName")?;
                let label = name.strip_suffix(DOMAIN_ENDING).unwrap_or_default();
                let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
                if label.is_empty() || !label.bytes().all(plain) || sip.domain(name).is_some() {
                    return Err(Refused::bad_parameter("DomainName"));
                }
                let mut domain = SipDomainConfig::named(name);
                self.apply(&mut domain)?;
                domain.sid = sip.sid("SD");
                let shown = self.domain(&domain);
                sip.domains.insert(domain.sid.clone(), domain);
                Done::Made(shown)
            }
            ["Domains", sid] => {
                let domain = sip.domains.get_mut(*sid).ok_or_else(|| self.unknown())?;
                let mut changed = domain.clone();
                self.apply(&mut changed)?;
                domain.clone_from(&changed);
                Done::Is(self.domain(&changed))
            }
            ["Domains", domain, "Auth", "Calls", mappings] => {
                let kind = Kind::of_mappings(mappings).ok_or_else(|| self.unknown())?;
                let field =
                    if kind == Kind::Addresses { "IpAccessControlListSid" } else { "CredentialListSid" };
                let sid = self.field(field)?.to_owned();
                let list = sip.lists.get(&sid).filter(|list| list.kind == kind);
                let shown = self.mapping(&sid, list.ok_or_else(|| Refused::not_found(&sid))?);
                if !sip.domains.contains_key(*domain) {
                    return Err(self.unknown());
                }
                sip.mapped.insert(((*domain).to_owned(), sid));
                Done::Made(shown)
            }
            [lists] => {
                let kind = Kind::of_lists(lists).ok_or_else(|| self.unknown())?;
                let name = self.field("FriendlyName")?.to_owned();
                let (sid, list) = (sip.sid(kind.letters().0), List { kind, name, entries: BTreeMap::new() });
                let shown = self.list(&sid, &list);
                sip.lists.insert(sid, list);
                Done::Made(shown)
            }
            [_, list, _] => {
                let kind = sip.lists.get(*list).ok_or_else(|| self.unknown())?.kind;
                let entry = self.new_entry(kind, &sip.lists[*list])?;
                let sid = sip.sid(kind.letters().1);
                let shown = self.entry(list, &sid, &entry);
                if let Some(list) = sip.lists.get_mut(*list) {
                    list.entries.insert(sid, entry);
                }
                Done::Made(shown)
            }
            [_, list, _, sid] => {
                let found = sip.lists.get_mut(*list).and_then(|list| list.entries.get_mut(*sid));
                let Some(Entry::User { name, password }) = found else { return Err(self.unknown()) };
                *password = self.password()?;
                let entry = Entry::User { name: name.clone(), password: password.clone() };
                Done::Is(self.entry(list, sid, &entry))
            }
            _ => return Err(self.unknown()),
        })
    }

    fn remove(&self, sip: &mut Sip) -> Result<Done, Refused> {
        let gone = match self.parts().as_slice() {
            ["Domains", sid] => {
                sip.mapped.retain(|(domain, _)| domain != sid);
                sip.domains.remove(*sid).is_some()
            }
            ["Domains", domain, "Auth", "Calls", _, list] => {
                sip.mapped.remove(&((*domain).to_owned(), (*list).to_owned()))
            }
            [_, sid] => {
                sip.mapped.retain(|(_, list)| list != sid);
                sip.lists.remove(*sid).is_some()
            }
            [_, list, _, sid] => {
                sip.lists.get_mut(*list).is_some_and(|list| list.entries.remove(*sid).is_some())
            }
            _ => false,
        };
        if gone { Ok(Done::Gone) } else { Err(self.unknown()) }
    }

    fn apply(&self, domain: &mut SipDomainConfig) -> Result<(), Refused> {
        for (name, target) in [
            ("VoiceUrl", &mut domain.voice_url),
            ("VoiceFallbackUrl", &mut domain.voice_fallback_url),
            ("VoiceStatusCallbackUrl", &mut domain.voice_status_callback_url),
        ] {
            let Some(url) = self.fields.get(name) else { continue };
            if !url.is_empty() && !absolute(url) {
                return Err(Refused::bad_parameter(name));
            }
            target.clone_from(url);
        }
        for (name, target) in [
            ("VoiceMethod", &mut domain.voice_method),
            ("VoiceFallbackMethod", &mut domain.voice_fallback_method),
            ("VoiceStatusCallbackMethod", &mut domain.voice_status_callback_method),
        ] {
            if self.fields.contains_key(name) {
                *target = method(self.fields.get(name));
            }
        }
        Ok(())
    }

    fn new_entry(&self, kind: Kind, list: &List) -> Result<Entry, Refused> {
        if kind == Kind::Addresses {
            let name = self.field("FriendlyName")?.to_owned();
            let bad = |name| move |_| Refused::bad_parameter(name);
            let first = self.field("IpAddress")?.parse().map_err(bad("IpAddress"))?;
            let prefix = self.fields.get("CidrPrefixLength").map_or(Ok(32), |text| text.parse::<u8>());
            let prefix = prefix.ok().filter(|bits| (1..=32).contains(bits));
            let prefix = prefix.ok_or_else(|| Refused::bad_parameter("CidrPrefixLength"))?;
            return Ok(Entry::Address { name, first, prefix });
        }
        let wanted = self.field("Username")?.to_owned();
        let known = |entry: &Entry| matches!(entry, Entry::User { name, .. } if *name == wanted);
        if list.entries.values().any(known) {
            return Err(Refused::bad_parameter("Username"));
        }
        Ok(Entry::User { name: wanted, password: self.password()? })
    }

    fn password(&self) -> Result<String, Refused> {
        let password = self.field("Password")?;
        let has = |fits: fn(&char) -> bool| password.chars().any(|sign| fits(&sign));
        let sound = password.len() >= SHORTEST_PASSWORD
            && has(char::is_ascii_uppercase)
            && has(char::is_ascii_lowercase)
            && has(char::is_ascii_digit);
        if sound { Ok(password.to_owned()) } else { Err(Refused::bad_parameter("Password")) }
    }

    fn domain(&self, domain: &SipDomainConfig) -> Value {
        let uri = format!("{}/Domains/{}", self.base, domain.sid);
        let address = |text: &str| Some(text).filter(|text| !text.is_empty()).map(str::to_owned);
        json!({
            "account_sid": self.account,
            "api_version": "2010-04-01",
            "auth_type": "",
            "byoc_trunk_sid": null,
            "date_created": MADE_AT,
            "date_updated": MADE_AT,
            "domain_name": domain.domain_name,
            "emergency_caller_sid": null,
            "emergency_calling_enabled": false,
            "friendly_name": domain.domain_name,
            "secure": false,
            "sid": domain.sid,
            "sip_registration": false,
            "subresource_uris": {},
            "uri": format!("{uri}.json"),
            "voice_fallback_method": domain.voice_fallback_method,
            "voice_fallback_url": address(&domain.voice_fallback_url),
            "voice_method": domain.voice_method,
            "voice_status_callback_method": domain.voice_status_callback_method,
            "voice_status_callback_url": address(&domain.voice_status_callback_url),
            "voice_url": address(&domain.voice_url),
        })
    }

    fn list(&self, sid: &str, list: &List) -> Value {
        let uri = format!("{}/{}/{sid}", self.base, list.kind.lists().0);
        json!({
            "account_sid": self.account,
            "date_created": MADE_AT,
            "date_updated": MADE_AT,
            "friendly_name": list.name,
            "sid": sid,
            "subresource_uris": {},
            "uri": format!("{uri}.json"),
        })
    }

    fn mapping(&self, sid: &str, list: &List) -> Value {
        json!({
            "account_sid": self.account,
            "date_created": MADE_AT,
            "date_updated": MADE_AT,
            "friendly_name": list.name,
            "sid": sid,
        })
    }

    fn entry(&self, list: &str, sid: &str, entry: &Entry) -> Value {
        let kind = if matches!(entry, Entry::Address { .. }) { Kind::Addresses } else { Kind::Users };
        let uri = format!("{}/{}/{list}/{}/{sid}.json", self.base, kind.lists().0, kind.entries().0);
        let mut shown = json!({
            "account_sid": self.account,
            "date_created": MADE_AT,
            "date_updated": MADE_AT,
            "sid": sid,
            "uri": uri,
        });
        match entry {
            Entry::Address { name, first, prefix } => {
                shown["ip_access_control_list_sid"] = list.into();
                shown["friendly_name"] = name.as_str().into();
                shown["ip_address"] = first.to_string().into();
                shown["cidr_prefix_length"] = (*prefix).into();
            }
            Entry::User { name, .. } => {
                shown["credential_list_sid"] = list.into();
                shown["username"] = name.as_str().into();
            }
        }
        shown
    }
}

impl SipDomainConfig {
    fn named(name: &str) -> Self {
        Self {
            sid: String::new(),
            domain_name: name.to_owned(),
            voice_url: String::new(),
            voice_method: Method::Post,
            voice_fallback_url: String::new(),
            voice_fallback_method: Method::Post,
            voice_status_callback_url: String::new(),
            voice_status_callback_method: Method::Post,
        }
    }
}
