//! Twilio accounts from the configuration: whose each is, and the tokens that may have signed its requests.
//!
//! What must stay true: a token is found by AccountSid only, and is in no debug print and in no error.

use std::collections::BTreeMap;

use app::secret::Secret;
use domain::ids::{AccountSid, TenantId};
use serde::Deserialize;

/// One Twilio account or subaccount.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TwilioAccount {
    /// Twilio's id of it.
    pub account_sid: AccountSid,
    /// The tenant it belongs to.
    pub tenant: TenantId,
    /// At least one. While a token is rotated both are valid; requests to Twilio use the first.
    pub auth_tokens: Vec<Secret>,
}

/// All accounts, by AccountSid.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TwilioAccounts(BTreeMap<AccountSid, TwilioAccount>);

/// The list of accounts cannot be used. Says where, never what stands there.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AccountsError {
    /// Not the JSON that was expected.
    #[error(
        "not a JSON list of {{\"account_sid\": \"AC…\", \"tenant\": \"AC…\", \"auth_tokens\": [\"…\"]}} (line {line}, column {column})"
    )]
    Shape {
        /// Where reading stopped.
        line: usize,
        /// Where reading stopped.
        column: usize,
    },
    /// An account without a token, or with an empty one.
    #[error("account number {position} of the list needs one to four auth_tokens, none of them empty")]
    Tokens {
        /// Counted from 1.
        position: usize,
    },
    /// An account stands in the list twice.
    #[error("account number {position} of the list stands there twice")]
    Twice {
        /// Counted from 1.
        position: usize,
    },
}

impl TwilioAccounts {
    /// Reads the JSON list; blank text is no account.
    ///
    /// # Errors
    /// [`AccountsError`] says which entry is wrong.
    pub fn parse(json: &str) -> Result<Self, AccountsError> {
        if json.trim().is_empty() {
            return Ok(Self::default());
        }
        let list: Vec<TwilioAccount> = serde_json::from_str(json)
            .map_err(|error| AccountsError::Shape { line: error.line(), column: error.column() })?;
        Self::from_list(list)
    }

    /// Takes accounts that were put together elsewhere.
    ///
    /// # Errors
    /// [`AccountsError`] says which entry is wrong.
    pub fn from_list(list: Vec<TwilioAccount>) -> Result<Self, AccountsError> {
        let mut accounts = BTreeMap::new();
        for (index, account) in list.into_iter().enumerate() {
            let position = index + 1;
            let tokens = &account.auth_tokens;
            if !(1..=4).contains(&tokens.len()) || tokens.iter().any(|token| token.expose().is_empty()) {
                return Err(AccountsError::Tokens { position });
            }
            if accounts.insert(account.account_sid.clone(), account).is_some() {
                return Err(AccountsError::Twice { position });
            }
        }
        Ok(Self(accounts))
    }

    /// The account with this sid.
    pub fn get(&self, account_sid: &AccountSid) -> Option<&TwilioAccount> {
        self.0.get(account_sid)
    }

    /// The accounts of a tenant.
    pub fn of_tenant(&self, tenant: TenantId) -> impl Iterator<Item = &TwilioAccount> {
        self.0.values().filter(move |account| account.tenant == tenant)
    }

    /// All accounts.
    pub fn iter(&self) -> impl Iterator<Item = &TwilioAccount> {
        self.0.values()
    }

    /// Each account with the token that our own requests to Twilio are made with: its first.
    pub fn request_tokens(&self) -> impl Iterator<Item = (AccountSid, String)> {
        self.0.values().filter_map(|account| {
            let token = account.auth_tokens.first()?;
            Some((account.account_sid.clone(), token.expose().to_owned()))
        })
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}
