//! Ports of connected Twilio accounts, and of the wrapped keys that protect their tokens.
//!
//! An account is looked up before its tenant is known (a webhook names nothing else), so that one read takes no tenant.

use async_trait::async_trait;
use domain::audit::AuditEntry;
use domain::ids::{AccountSid, TenantId};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{PortResult, Saved, Sealed, SipSetUp};
use crate::secret::Secret;

/// One of an account's auth tokens.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SealedToken {
    /// Names it in our API (8 hex digits, by chance); says nothing about the token.
    pub id: String,
    /// The token.
    pub sealed: Sealed,
    /// When it was given to us.
    pub added_at: Timestamp,
}

/// A connected Twilio account as it is stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccountRow {
    /// Twilio's id of it.
    pub account_sid: AccountSid,
    /// The tenant it belongs to.
    pub tenant: TenantId,
    /// For people.
    pub name: String,
    /// One to four. Each may have signed a webhook; our own requests are made with the first.
    pub tokens: Vec<SealedToken>,
    /// Its SIP domain; `None` when none was set up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sip: Option<SipSetUp>,
    /// When it was connected.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
    /// Counts changes, from 1.
    pub version: u64,
}

/// The connected Twilio accounts of all tenants. An account belongs to one tenant at most. Every change carries its entry
/// for the audit log: both are written, or neither.
#[async_trait]
pub trait Accounts: Send + Sync {
    /// One account, whoever's it is; one read.
    async fn account(&self, account: &AccountSid) -> PortResult<Option<AccountRow>>;

    /// A tenant's accounts, by sid.
    async fn accounts_of(&self, tenant: TenantId) -> PortResult<Vec<AccountRow>>;

    /// Stores a new one; `Taken` when it is connected already, here or by another tenant.
    async fn connect_account(
        &self,
        tenant: TenantId,
        row: &AccountRow,
        entry: &AuditEntry,
    ) -> PortResult<Saved>;

    /// Stores a changed one; `Changed` when the stored one is another tenant's or has another version than `before`.
    async fn change_account(
        &self,
        tenant: TenantId,
        row: &AccountRow,
        before: u64,
        entry: &AuditEntry,
    ) -> PortResult<Saved>;

    /// Removes one; `Changed` as in [`Accounts::change_account`].
    async fn disconnect_account(
        &self,
        tenant: TenantId,
        account: &AccountSid,
        before: u64,
        entry: &AuditEntry,
    ) -> PortResult<Saved>;
}

/// The token that our own requests for an account are made with.
#[async_trait]
pub trait AccountTokens: Send + Sync {
    /// `None` when the account is not connected.
    async fn request_token(&self, account: &AccountSid) -> PortResult<Option<Secret>>;
}

/// What Twilio says of an account and a token for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AccountStanding {
    /// The token opens it, and it may be used.
    Active {
        /// The name it has at Twilio.
        name: String,
    },
    /// Twilio has suspended it.
    Suspended,
    /// It is closed for good.
    Closed,
    /// The token is not this account's (20003), or there is no such account.
    WrongToken,
}

/// A data key of the vault, encrypted by the key management service: useless without it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WrappedKey {
    /// Counts the installation's data keys, from 1.
    pub number: u32,
    /// As the service gave it.
    pub wrapped: Vec<u8>,
}

/// Where wrapped data keys are kept. They are never changed and never removed: sealed texts name them.
#[async_trait]
pub trait WrappedKeys: Send + Sync {
    /// All of them, by number.
    async fn wrapped_keys(&self) -> PortResult<Vec<WrappedKey>>;

    /// Keeps a new one; `false` when the number is taken (or may be: read them again), and nothing is changed then.
    async fn keep_wrapped_key(&self, key: &WrappedKey) -> PortResult<bool>;
}
