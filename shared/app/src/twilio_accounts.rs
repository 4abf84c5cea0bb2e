//! A tenant's Twilio accounts: connect, rename, exchange the token, set SIP up, disconnect.
//!
//! What must stay true:
//!
//! * A token is stored only after Twilio itself has accepted it for that account, and only sealed; it is never given out
//!   again.
//! * Whatever is done to an account stands in the audit log, written in the same transaction; tokens stand there by their
//!   ids only.
//! * An account belongs to one tenant at most: who connects it second is refused.
//! * An account that numbers use is not disconnected, and the refusal says which. (A number that is set up in the same
//!   instant may slip through; its calls are then refused by the signature check, and "connect" repairs it.)
//!
//! While a token is exchanged at Twilio two are valid: add the new one here, make it the first ("promote"), promote it at
//! Twilio, drop the old one here. At no moment is a call refused.

mod directory;
mod sip;

pub use directory::{Directory, FRESH_FOR, KNOWN_FOR, MOST_KEPT, TwilioAccount, UNKNOWN_FOR, purpose};
pub use sip::{MOST_ADDRESSES, MOST_USERS, SipDone, domain_name};

use domain::audit::{AuditEntry, By};
use domain::ids::{AccountSid, TenantId};
use domain::number::Number;
use domain::validate::{Problem, Problems};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::catalog::{Noted, Outcome, Refused, Scribe, User, Using, body, entry_of};
use crate::identity::notes;
use crate::numbers::Hooks;
use crate::ports::{
    AccountRow, AccountStanding, Accounts, CarrierSip, Catalog, Kind, PortError, PortResult, Saved,
    SealedToken, Telephony,
};
use crate::secret::Secret;

/// Valid tokens of one account, at most.
pub const MOST_TOKENS: usize = 4;

/// One tenant's accounts, for deeds that only ask whether it has one.
#[derive(Clone, Copy)]
pub struct OwnAccounts<'a> {
    rows: &'a dyn Accounts,
    tenant: TenantId,
}

impl<'a> OwnAccounts<'a> {
    /// This tenant's.
    pub const fn new(rows: &'a dyn Accounts, tenant: TenantId) -> Self {
        Self { rows, tenant }
    }

    /// Whether the tenant has connected this account; one read.
    ///
    /// # Errors
    /// The table does not answer.
    pub async fn contains(&self, account: &AccountSid) -> PortResult<bool> {
        let row = self.rows.account(account).await?;
        Ok(row.is_some_and(|row| row.tenant == self.tenant))
    }

    /// All that the tenant has connected.
    ///
    /// # Errors
    /// The table does not answer.
    pub async fn sids(&self) -> PortResult<Vec<AccountSid>> {
        let rows = self.rows.accounts_of(self.tenant).await?;
        Ok(rows.into_iter().map(|row| row.account_sid).collect())
    }

    /// Whether bids can name a SIP address of the tenant's.
    ///
    /// # Errors
    /// The table does not answer.
    pub async fn takes_sip(&self) -> PortResult<bool> {
        let rows = self.rows.accounts_of(self.tenant).await?;
        Ok(rows.into_iter().filter_map(|row| row.sip).any(|sip| sip.takes_calls()))
    }
}

/// What these deeds work with.
pub struct Desk<'a> {
    /// Who does it, and from where: for the audit log.
    pub by: &'a By,
    /// The accounts.
    pub directory: &'a Directory,
    /// Twilio.
    pub telephony: &'a dyn Telephony,
    /// Twilio's SIP domains.
    pub sip: &'a dyn CarrierSip,
    /// Where Twilio reaches us.
    pub hooks: &'a Hooks,
    /// The tenant's numbers.
    pub catalog: &'a dyn Catalog,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Connecting {
    account_sid: AccountSid,
    auth_token: Secret,
    #[serde(default)]
    name: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Changing {
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    request_token: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AddingToken {
    auth_token: Secret,
}

impl Desk<'_> {
    /// A tenant's accounts.
    ///
    /// # Errors
    /// The table does not answer.
    pub async fn list(&self, tenant: TenantId) -> PortResult<Vec<AccountRow>> {
        self.directory.rows.accounts_of(tenant).await
    }

    /// One account; `None` when this tenant has not connected it.
    ///
    /// # Errors
    /// The table does not answer.
    pub async fn get(&self, tenant: TenantId, account: &AccountSid) -> PortResult<Option<AccountRow>> {
        let row = self.directory.rows.account(account).await?;
        Ok(row.filter(|row| row.tenant == tenant))
    }

    /// Connects an account by `{account_sid, auth_token, name?}`; without a name it gets the one it has at Twilio.
    ///
    /// # Errors
    /// Twilio, the vault or the table does not answer; nothing was stored.
    pub async fn connect(&self, tenant: TenantId, wish: Map<String, Value>) -> Outcome<AccountRow> {
        let wish: Connecting = match body::read(Value::Object(wish)) {
            Ok(wish) => wish,
            Err(problems) => return Ok(Err(Refused::Invalid(problems))),
        };
        let mut problems = Problems::new();
        check_token(&wish.auth_token, &mut problems);
        if let Some(name) = &wish.name {
            problems.name("name", name);
        }
        if let Err(problems) = problems.into_result() {
            return Ok(Err(Refused::Invalid(problems)));
        }
        let name_at_twilio = match self.prove(&wish.account_sid, &wish.auth_token).await? {
            Ok(name) => name,
            Err(refused) => return Ok(Err(refused)),
        };
        let now = self.directory.clock.now();
        let row = AccountRow {
            tokens: vec![self.sealed(tenant, &wish.account_sid, &wish.auth_token).await?],
            name: wish.name.unwrap_or_else(|| sound_name(&name_at_twilio, &wish.account_sid)),
            account_sid: wish.account_sid,
            tenant,
            sip: None,
            created_at: now,
            updated_at: now,
            version: 1,
        };
        let entry = self.noted("connected", None, Some(&row)).await?;
        Ok(match self.directory.rows.connect_account(tenant, &row, &entry).await? {
            Saved::Done => {
                self.directory.forget(&row.account_sid);
                Ok(row)
            }
            Saved::Taken | Saved::Changed | Saved::LimitReached => {
                Err(Refused::Taken { field: "account_sid" })
            }
        })
    }

    /// Renames it, or makes another token the first one, by `{version, name?, request_token?}`.
    ///
    /// # Errors
    /// The table does not answer.
    pub async fn change(
        &self,
        tenant: TenantId,
        account: &AccountSid,
        mut patch: Map<String, Value>,
    ) -> Outcome<AccountRow> {
        let version = match body::take_version(&mut patch) {
            Ok(version) => version,
            Err(problem) => return Ok(Err(Refused::Invalid(vec![problem]))),
        };
        let removed = patch.iter().filter(|(_, value)| value.is_null()).map(|(field, _)| {
            let message = "this cannot be removed, only changed".to_owned();
            Problem { field: field.clone(), rule: "required".to_owned(), message }
        });
        let removed: Vec<Problem> = removed.collect();
        if !removed.is_empty() {
            return Ok(Err(Refused::Invalid(removed)));
        }
        let wish: Changing = match body::read(Value::Object(patch)) {
            Ok(wish) => wish,
            Err(problems) => return Ok(Err(Refused::Invalid(problems))),
        };
        let Some(before) = self.get(tenant, account).await? else { return Ok(Err(Refused::NotFound)) };
        if before.version != version {
            return Ok(Err(Refused::Changed { current: Some(before.version) }));
        }
        let mut row = before.clone();
        let mut problems = Problems::new();
        if let Some(name) = wish.name {
            problems.name("name", &name);
            row.name = name;
        }
        if let Some(wished) = wish.request_token {
            match row.tokens.iter().position(|token| token.id == wished) {
                Some(place) => {
                    let token = row.tokens.remove(place);
                    row.tokens.insert(0, token);
                }
                None => problems.add("request_token", "exists", "this account has no token with this id"),
            }
        }
        match problems.into_result() {
            Err(problems) => Ok(Err(Refused::Invalid(problems))),
            Ok(()) if row == before => Ok(Ok(before)),
            Ok(()) => self.save("updated", &before, row).await,
        }
    }

    /// Adds a token by `{auth_token}`; the account's webhooks may be signed with it from now on.
    ///
    /// # Errors
    /// Twilio, the vault or the table does not answer; nothing was stored.
    pub async fn add_token(
        &self,
        tenant: TenantId,
        account: &AccountSid,
        wish: Map<String, Value>,
    ) -> Outcome<AccountRow> {
        let AddingToken { auth_token } = match body::read(Value::Object(wish)) {
            Ok(wish) => wish,
            Err(problems) => return Ok(Err(Refused::Invalid(problems))),
        };
        let Some(before) = self.get(tenant, account).await? else { return Ok(Err(Refused::NotFound)) };
        let mut row = before.clone();
        let mut problems = Problems::new();
        check_token(&auth_token, &mut problems);
        if row.tokens.len() >= MOST_TOKENS {
            problems.add(
                "auth_token",
                "count",
                format!("at most {MOST_TOKENS} tokens: drop an old one first"),
            );
        }
        if self.directory.opened(&row).await?.contains(&auth_token) {
            problems.add("auth_token", "unique", "this token is there already");
        }
        if let Err(problems) = problems.into_result() {
            return Ok(Err(Refused::Invalid(problems)));
        }
        if let Err(refused) = self.prove(account, &auth_token).await? {
            return Ok(Err(refused));
        }
        row.tokens.push(self.sealed(tenant, account, &auth_token).await?);
        self.save("token_added", &before, row).await
    }

    /// Drops a token; the account's webhooks must not be signed with it any more. The last one stays.
    ///
    /// # Errors
    /// The table does not answer.
    pub async fn drop_token(
        &self,
        tenant: TenantId,
        account: &AccountSid,
        token: &str,
    ) -> Outcome<AccountRow> {
        let Some(before) = self.get(tenant, account).await? else { return Ok(Err(Refused::NotFound)) };
        let mut row = before.clone();
        let Some(place) = row.tokens.iter().position(|known| known.id == token) else {
            return Ok(Err(Refused::NotFound));
        };
        if row.tokens.len() == 1 {
            let words = "this is the account's only token: add the new one first, or disconnect the account";
            return Ok(Err(refused("tokens", "count", words)));
        }
        row.tokens.remove(place);
        self.save("token_dropped", &before, row).await
    }

    /// Disconnects an account that no number uses; its tokens are gone.
    ///
    /// # Errors
    /// The table does not answer.
    pub async fn disconnect(&self, tenant: TenantId, account: &AccountSid) -> Outcome<()> {
        let Some(row) = self.get(tenant, account).await? else { return Ok(Err(Refused::NotFound)) };
        let users = self.numbers_of(tenant, account).await?;
        if !users.is_empty() {
            return Ok(Err(Refused::InUse(users)));
        }
        if row.sip.is_some() {
            let words = "the account takes calls by SIP: remove that first";
            return Ok(Err(refused("sip", "in_use", words)));
        }
        let entry = self.noted("disconnected", Some(&row), None).await?;
        let saved = self.directory.rows.disconnect_account(tenant, account, row.version, &entry).await?;
        self.directory.forget(account);
        Ok(match saved {
            Saved::Done => Ok(()),
            Saved::Changed | Saved::Taken | Saved::LimitReached => Err(Refused::Changed { current: None }),
        })
    }

    async fn numbers_of(&self, tenant: TenantId, account: &AccountSid) -> PortResult<Vec<User>> {
        let mut users = Vec::new();
        for record in self.catalog.list(tenant, Kind::Number).await? {
            let number: Number = entry_of(&record)?;
            if number.account_sid == *account {
                users.push(User {
                    kind: Using::Thing(Kind::Number),
                    id: record.id,
                    name: number.number.into(),
                });
            }
        }
        Ok(users)
    }

    async fn save(
        &self,
        deed: &'static str,
        before: &AccountRow,
        mut row: AccountRow,
    ) -> Outcome<AccountRow> {
        row.version = before.version + 1;
        row.updated_at = self.directory.clock.now();
        let entry = self.noted(deed, Some(before), Some(&row)).await?;
        let saved = self.directory.rows.change_account(row.tenant, &row, before.version, &entry).await?;
        self.directory.forget(&row.account_sid);
        Ok(match saved {
            Saved::Done => Ok(row),
            Saved::Changed | Saved::Taken | Saved::LimitReached => Err(Refused::Changed { current: None }),
        })
    }

    /// The entry of a deed. Of the tokens it has the ids, in their order: our own requests are made with the first.
    async fn noted(
        &self,
        deed: &'static str,
        before: Option<&AccountRow>,
        after: Option<&AccountRow>,
    ) -> PortResult<AuditEntry> {
        const WHAT: &str = "note what was done to a Twilio account";
        let Some(row) = after.or(before) else { return Err(PortError::failed(WHAT, "there is no account")) };
        let shown = |row: &AccountRow| json!({"name": row.name});
        let (old, new) = (before.map(shown), after.map(shown));
        let what = Noted {
            noun: "twilio_account".to_owned(),
            deed,
            id: row.account_sid.as_str(),
            name: &row.name,
            before: old.as_ref(),
            after: new.as_ref(),
        };
        let directory = self.directory;
        let scribe = Scribe { by: self.by, vault: directory.vault.as_ref(), clock: directory.clock.as_ref() };
        let mut entry = scribe.entry(row.tenant, what).await?;
        // By hand: a field with this name would be taken for a secret, and an id of digits for a phone number.
        let ids = |row: &AccountRow| row.tokens.iter().map(|token| token.id.clone()).collect::<Vec<_>>();
        notes::change(&mut entry.changes, "tokens", before.map(ids), after.map(ids));
        let sip = |row: Option<&AccountRow>| row.and_then(|row| row.sip.clone());
        notes::change(&mut entry.changes, "sip", sip(before), sip(after));
        Ok(entry)
    }

    async fn sealed(
        &self,
        tenant: TenantId,
        account: &AccountSid,
        token: &Secret,
    ) -> PortResult<SealedToken> {
        // The last digits of a UUID v7 are random.
        let id = self.directory.clock.new_id().as_simple().to_string().split_off(24);
        let sealed = self.directory.sealed(tenant, account, token).await?;
        Ok(SealedToken { id, sealed, added_at: self.directory.clock.now() })
    }

    /// The name that the account has at Twilio, if Twilio lets this token in and the account may be used.
    async fn prove(&self, account: &AccountSid, token: &Secret) -> Outcome<String> {
        Ok(match self.telephony.check_account(account, token).await? {
            AccountStanding::Active { name } => Ok(name),
            AccountStanding::WrongToken => {
                let words = "Twilio does not accept this token for this account: copy both from the account's page \
                             in the Twilio console";
                Err(refused("auth_token", "credentials", words))
            }
            AccountStanding::Suspended => {
                let words = "Twilio has suspended this account: settle that with Twilio first";
                Err(refused("account_sid", "active", words))
            }
            AccountStanding::Closed => {
                Err(refused("account_sid", "active", "this account is closed at Twilio"))
            }
        })
    }
}

fn refused(field: &str, rule: &str, message: &str) -> Refused {
    let problem = Problem { field: field.to_owned(), rule: rule.to_owned(), message: message.to_owned() };
    Refused::Invalid(vec![problem])
}

/// Twilio's tokens have 32 hexadecimal digits today; only what could never be one is refused without asking.
fn check_token(token: &Secret, problems: &mut Problems) {
    let text = token.expose();
    if !(16..=128).contains(&text.len()) || !text.bytes().all(|byte| byte.is_ascii_graphic()) {
        problems.add(
            "auth_token",
            "format",
            "an auth token has 16 to 128 letters and digits, without spaces",
        );
    }
}

/// Twilio's name for it, if it is one by our rules; else the account's sid.
fn sound_name(name: &str, account: &AccountSid) -> String {
    let mut problems = Problems::new();
    problems.name("name", name);
    if problems.into_result().is_ok() { name.to_owned() } else { account.to_string() }
}
