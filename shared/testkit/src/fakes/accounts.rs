//! Connected Twilio accounts, and a vault whose data key is known to everybody.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use app::ports::{AccountRow, Accounts, PortError, PortResult, Saved, SealedToken, Vault};
use app::secret::Secret;
use async_trait::async_trait;
use domain::audit::AuditEntry;
use domain::ids::{AccountSid, TenantId};
use jiff::Timestamp;
use vault::{DataKey, DataVault, KeyId, KeySource};

use super::{FakeDesk, locked, some_entry};

/// Accounts by sid.
#[derive(Debug, Default)]
pub struct FakeAccounts {
    rows: Mutex<BTreeMap<AccountSid, AccountRow>>,
    desk: Arc<FakeDesk>,
}

impl FakeAccounts {
    /// The same; from now on changes are noted in this desk's audit log.
    #[must_use]
    pub fn noting_in(self, desk: Arc<FakeDesk>) -> Self {
        Self { desk, ..self }
    }
}

#[async_trait]
impl Accounts for FakeAccounts {
    async fn account(&self, account: &AccountSid) -> PortResult<Option<AccountRow>> {
        Ok(locked(&self.rows).get(account).cloned())
    }

    async fn accounts_of(&self, tenant: TenantId) -> PortResult<Vec<AccountRow>> {
        Ok(locked(&self.rows).values().filter(|row| row.tenant == tenant).cloned().collect())
    }

    async fn connect_account(
        &self,
        tenant: TenantId,
        row: &AccountRow,
        entry: &AuditEntry,
    ) -> PortResult<Saved> {
        owned("connect a Twilio account", tenant, row)?;
        let mut rows = locked(&self.rows);
        if rows.contains_key(&row.account_sid) {
            return Ok(Saved::Taken);
        }
        rows.insert(row.account_sid.clone(), row.clone());
        self.desk.enter(entry);
        Ok(Saved::Done)
    }

    async fn change_account(
        &self,
        tenant: TenantId,
        row: &AccountRow,
        before: u64,
        entry: &AuditEntry,
    ) -> PortResult<Saved> {
        owned("change a Twilio account", tenant, row)?;
        Ok(match locked(&self.rows).get_mut(&row.account_sid) {
            Some(stored) if stored.tenant == tenant && stored.version == before => {
                *stored = row.clone();
                self.desk.enter(entry);
                Saved::Done
            }
            _ => Saved::Changed,
        })
    }

    async fn disconnect_account(
        &self,
        tenant: TenantId,
        account: &AccountSid,
        before: u64,
        entry: &AuditEntry,
    ) -> PortResult<Saved> {
        let mut rows = locked(&self.rows);
        let is_so = |row: &AccountRow| row.tenant == tenant && row.version == before;
        if !rows.get(account).is_some_and(is_so) {
            return Ok(Saved::Changed);
        }
        rows.remove(account);
        self.desk.enter(entry);
        Ok(Saved::Done)
    }
}

fn owned(what: &'static str, tenant: TenantId, row: &AccountRow) -> PortResult<()> {
    if row.tenant == tenant {
        Ok(())
    } else {
        Err(PortError::failed(what, "the account is another tenant's"))
    }
}

/// One data key, the same in every test.
struct OneKey;

#[async_trait]
impl KeySource for OneKey {
    async fn keys_after(&self, known: usize, _make: bool) -> PortResult<Vec<DataKey>> {
        match KeyId::numbered(1) {
            Some(id) if known == 0 => Ok(vec![DataKey::derive(id, &[7; 32])?]),
            _ => Ok(Vec::new()),
        }
    }

    async fn make_next(&self, _known: usize) -> PortResult<KeyId> {
        Err(PortError::failed("make another data key", "a test has one"))
    }
}

/// The product's vault over a data key that is in the source code: what one seals, another opens.
pub fn test_vault() -> Arc<DataVault> {
    Arc::new(DataVault::new(OneKey))
}

/// Puts an account into the rows as if it had been connected, without asking anybody.
///
/// # Errors
/// The rows or the vault do not answer.
pub async fn connect_account(
    rows: &dyn Accounts,
    vault: &dyn Vault,
    tenant: TenantId,
    account: &AccountSid,
    tokens: &[&str],
) -> PortResult<AccountRow> {
    let mut sealed_tokens = Vec::new();
    for (place, token) in tokens.iter().enumerate() {
        let sealed =
            vault.seal(tenant, &app::twilio_accounts::purpose(account), &Secret::new(*token)).await?;
        sealed_tokens.push(SealedToken {
            id: format!("{:08x}", place + 1),
            sealed,
            added_at: Timestamp::UNIX_EPOCH,
        });
    }
    let row = AccountRow {
        account_sid: account.clone(),
        tenant,
        name: "A test".to_owned(),
        tokens: sealed_tokens,
        sip: None,
        created_at: Timestamp::UNIX_EPOCH,
        updated_at: Timestamp::UNIX_EPOCH,
        version: 1,
    };
    rows.connect_account(tenant, &row, &some_entry(tenant, row.created_at)).await?;
    Ok(row)
}
