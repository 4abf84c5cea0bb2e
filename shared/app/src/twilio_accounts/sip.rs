//! The SIP domain of a Twilio account: set up, looked at, removed.
//!
//! What must stay true: a row says only what Twilio has confirmed, so that no bid names a domain that lets nobody in;
//! whatever failed half-way is finished by asking for the same again; a password is made here, shown once and kept nowhere:
//! of a user whose password may not have been seen, the next attempt sets another one. A domain that is removed is offered no
//! more before Twilio is asked to remove it.

use std::collections::{BTreeMap, BTreeSet};

use domain::ids::{AccountSid, SipDomainSid, TenantId};
use domain::sip::{IpBlock, is_user_name};
use domain::validate::Problems;
use serde::Deserialize;
use serde_json::{Map, Value};
use tokio::time::{Instant, timeout_at};

use super::Desk;
use crate::api_keys;
use crate::catalog::{Outcome, Refused, body};
use crate::numbers::said;
use crate::ports::{AccountRow, PortError, PortResult, SipSetUp, SipUser};
use crate::secret::Secret;

/// Most blocks of addresses; Twilio takes 100.
pub const MOST_ADDRESSES: usize = 50;
/// Most users.
pub const MOST_USERS: usize = 20;
/// Twilio asks for twelve characters, letters of both cases and a digit; hexadecimal digits of a token follow these three.
const PASSWORD_PREFIX: &str = "Aa1";
/// 96 random bits.
const PASSWORD_LENGTH: usize = 27;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wish {
    #[serde(default)]
    addresses: Vec<String>,
    #[serde(default)]
    users: Vec<String>,
}

/// Who shall be let in.
struct Wanted {
    addresses: Vec<IpBlock>,
    users: Vec<String>,
}

/// How the domain stands after it was set up.
#[derive(Debug)]
pub struct SipDone {
    /// What there is now; what is missing stands in it.
    pub set_up: SipSetUp,
    /// The passwords of users who are new, to be shown this once.
    pub passwords: BTreeMap<String, Secret>,
}

/// The name of an account's domain: the same each time, and nobody else's.
pub fn domain_name(installation: &str, account: &AccountSid) -> String {
    let fingerprint: String = api_keys::hash(&format!("{installation} {account}")).chars().take(24).collect();
    format!("ccp-{fingerprint}.sip.twilio.com")
}

impl Desk<'_> {
    /// Sets the domain up by `{addresses, users}`: from then on those are let in and nobody else.
    ///
    /// # Errors
    /// The table does not answer. What Twilio does not do is in the answer.
    pub async fn set_up_sip(
        &self,
        tenant: TenantId,
        account: &AccountSid,
        wish: Map<String, Value>,
    ) -> Outcome<SipDone> {
        let wanted = match wanted(wish) {
            Ok(wanted) => wanted,
            Err(refused) => return Ok(Err(refused)),
        };
        let Some(before) = self.get(tenant, account).await? else { return Ok(Err(Refused::NotFound)) };
        let (set_up, passwords) = self.at_twilio(&before, &wanted).await?;
        if before.sip.as_ref() == Some(&set_up) {
            return Ok(Ok(SipDone { set_up, passwords }));
        }
        let row = AccountRow { sip: Some(set_up.clone()), ..before.clone() };
        Ok(self.save("sip_set_up", &before, row).await?.map(|_| SipDone { set_up, passwords }))
    }

    /// Removes the domain at Twilio and here. What was removed already is no error.
    ///
    /// # Errors
    /// Twilio or the table does not answer; no bid names the domain any more, and asking again finishes it.
    pub async fn remove_sip(&self, tenant: TenantId, account: &AccountSid) -> Outcome<()> {
        let Some(mut row) = self.get(tenant, account).await? else { return Ok(Err(Refused::NotFound)) };
        let Some(set_up) = row.sip.clone() else { return Ok(Ok(())) };
        if !set_up.ends {
            let closed = AccountRow { sip: Some(SipSetUp { ends: true, ..set_up.clone() }), ..row.clone() };
            row = match self.save("sip_closed", &row, closed).await? {
                Ok(row) => row,
                Err(refused) => return Ok(Err(refused)),
            };
        }
        let until = Instant::now() + self.hooks.patience;
        let what = "remove a SIP domain at Twilio";
        let removed = timeout_at(until, self.sip.remove_sip(account, &set_up.domain)).await;
        if let Err(refusal) = removed.unwrap_or(Err(PortError::Busy { what }))? {
            return Ok(Err(Refused::Carrier { field: "account_sid", refusal }));
        }
        let gone = AccountRow { sip: None, ..row.clone() };
        Ok(self.save("sip_removed", &row, gone).await?.map(drop))
    }

    /// Does at Twilio what can be done in time. Later steps are tried although earlier ones failed, except that nothing
    /// works without the domain.
    async fn at_twilio(
        &self,
        before: &AccountRow,
        wanted: &Wanted,
    ) -> PortResult<(SipSetUp, BTreeMap<String, Secret>)> {
        let account = &before.account_sid;
        let until = Instant::now() + self.hooks.patience;
        let known = before.sip.as_ref();
        let mut set_up = SipSetUp {
            domain: domain_name(&self.hooks.application, account),
            leads_here: false,
            addresses: known.map(|known| kept(&known.addresses, &wanted.addresses)).unwrap_or_default(),
            users: known.map(|known| kept(&known.users, &wanted.users)).unwrap_or_default(),
            missing: Vec::new(),
            ends: false,
        };
        let name = set_up.domain.clone();
        let hooks = self.hooks.of_application();
        let domain = match said(until, self.sip.ensure_sip_domain(account, &name, &hooks)).await {
            Ok(domain) => domain,
            Err(reason) => {
                tracing::warn!(%account, reason, "a SIP domain could not be set up");
                set_up.missing.push(format!("the SIP domain {name}: {reason}"));
                return Ok((set_up, BTreeMap::new()));
            }
        };
        set_up.leads_here = true;
        let passwords = self.let_users_in(account, &domain, wanted, &mut set_up, until).await?;
        match said(until, self.sip.set_sip_addresses(account, &domain, &name, &wanted.addresses)).await {
            Ok(()) => set_up.addresses.clone_from(&wanted.addresses),
            Err(reason) => {
                tracing::warn!(%account, reason, "addresses could not be let in by SIP");
                set_up.missing.push(format!("who is let in by address: {reason}"));
            }
        }
        Ok((set_up, passwords))
    }

    /// The passwords that were set.
    async fn let_users_in(
        &self,
        account: &AccountSid,
        domain: &SipDomainSid,
        wanted: &Wanted,
        set_up: &mut SipSetUp,
        until: Instant,
    ) -> PortResult<BTreeMap<String, Secret>> {
        let mut users = Vec::with_capacity(wanted.users.len());
        for name in &wanted.users {
            let anew = !set_up.users.contains(name);
            users.push(SipUser { name: name.clone(), password: new_password()?, anew });
        }
        match said(until, self.sip.set_sip_users(account, domain, &set_up.domain, &users)).await {
            Ok(set) => {
                set_up.users.clone_from(&wanted.users);
                let shown = users.into_iter().filter(|user| set.contains(&user.name));
                Ok(shown.map(|user| (user.name, user.password)).collect())
            }
            Err(reason) => {
                tracing::warn!(%account, reason, "users could not be let in by SIP");
                set_up.missing.push(format!("who is let in by user name and password: {reason}"));
                Ok(BTreeMap::new())
            }
        }
    }
}

fn kept<T: Clone + PartialEq>(known: &[T], wanted: &[T]) -> Vec<T> {
    known.iter().filter(|known| wanted.contains(known)).cloned().collect()
}

fn new_password() -> PortResult<Secret> {
    let token = api_keys::token_with(PASSWORD_PREFIX);
    let token = token.map_err(|cause| PortError::failed("make a password", cause))?;
    Ok(Secret::new(token.chars().take(PASSWORD_LENGTH).collect::<String>()))
}

fn wanted(wish: Map<String, Value>) -> Result<Wanted, Refused> {
    let Wish { addresses, users } = body::read(Value::Object(wish)).map_err(Refused::Invalid)?;
    let mut problems = Problems::new();
    problems.at_most("addresses", addresses.len(), MOST_ADDRESSES);
    problems.at_most("users", users.len(), MOST_USERS);
    if addresses.is_empty() && users.is_empty() {
        let words = "name the addresses of your publishers, or users: nobody else could call";
        problems.add("addresses", "required", words);
    }
    let mut blocks = BTreeSet::new();
    for (index, text) in addresses.iter().enumerate().take(MOST_ADDRESSES) {
        match text.parse::<IpBlock>() {
            Ok(block) => drop(blocks.insert(block)),
            Err(error) => problems.add(format!("addresses[{index}]"), "address", error.to_string()),
        }
    }
    for (index, name) in users.iter().enumerate().take(MOST_USERS) {
        if !is_user_name(name) {
            let words = "a user name has 1 to 32 letters, digits, dots, hyphens and underscores";
            problems.add(format!("users[{index}]"), "format", words);
        }
    }
    problems.into_result().map_err(Refused::Invalid)?;
    let users: BTreeSet<String> = users.into_iter().collect();
    Ok(Wanted { addresses: blocks.into_iter().collect(), users: users.into_iter().collect() })
}
