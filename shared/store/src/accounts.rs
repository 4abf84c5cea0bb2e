//! Connected Twilio accounts, found by AccountSid, and the wrapped data keys of the vault.
//!
//! The tokens arrive sealed and leave sealed; nothing here could open them. An account's item is the claim that makes it one
//! tenant's: it is created by one conditional write, and changed or removed by its owner only.

use app::ports::{AccountRow, Accounts, PortError, PortResult, Saved, WrappedKey, WrappedKeys};
use async_trait::async_trait;
use domain::audit::AuditEntry;
use domain::ids::{AccountSid, TenantId};

use crate::Store;
use crate::audit::entry_write;
use crate::item::{Draft, Item, body, bytes, bytes_of, json, number, number_of, parsed, text};
use crate::keys::{self, GSI1};
use crate::read::{Range, unusable};
use crate::write::{Deed, PutNew, Write};

const OWNED: &str = "#version = :before AND #tenant = :tenant";

fn item_of(what: &'static str, row: &AccountRow) -> PortResult<Item> {
    let draft = Draft::new(keys::twilio_account(&row.account_sid), "twilio_account", Some(row.tenant));
    let draft = draft.with("version", number(row.version)).with("body", json(what, row)?);
    Ok(draft.gsi1(keys::twilio_account_in_list(row.tenant, &row.account_sid)).build())
}

/// The attributes that conditions look at win over the body.
fn row_of(what: &'static str, item: &Item) -> PortResult<AccountRow> {
    let row: AccountRow = body(what, item)?;
    let version = number_of(item, "version").map_err(|cause| PortError::corrupt(what, cause))?;
    Ok(AccountRow { tenant: parsed(what, item, "tenant")?, version, ..row })
}

fn if_owned(write: Write, tenant: TenantId, before: u64) -> Write {
    write
        .only_if(OWNED)
        .name("#version", "version")
        .name("#tenant", "tenant")
        .value(":before", number(before))
        .value(":tenant", text(tenant.to_string()))
}

#[async_trait]
impl Accounts for Store {
    async fn account(&self, account: &AccountSid) -> PortResult<Option<AccountRow>> {
        const WHAT: &str = "look up a Twilio account";
        let item = self.get(WHAT, keys::twilio_account(account)).await?;
        item.map(|item| row_of(WHAT, &item)).transpose()
    }

    async fn accounts_of(&self, tenant: TenantId) -> PortResult<Vec<AccountRow>> {
        const WHAT: &str = "list Twilio accounts";
        let items = self.query(WHAT, Range::of_index(GSI1, keys::twilio_accounts(tenant))).await?;
        items.iter().map(|item| row_of(WHAT, item)).collect()
    }

    async fn connect_account(
        &self,
        tenant: TenantId,
        row: &AccountRow,
        entry: &AuditEntry,
    ) -> PortResult<Saved> {
        const WHAT: &str = "connect a Twilio account";
        if row.tenant != tenant {
            return Err(unusable(WHAT, "the account is another tenant's"));
        }
        let write = Write::create(item_of(WHAT, row)?);
        self.save_noted(WHAT, write, Saved::Taken, entry).await
    }

    async fn change_account(
        &self,
        tenant: TenantId,
        row: &AccountRow,
        before: u64,
        entry: &AuditEntry,
    ) -> PortResult<Saved> {
        const WHAT: &str = "change a Twilio account";
        if row.tenant != tenant {
            return Err(unusable(WHAT, "the account is another tenant's"));
        }
        let set = "SET #version = :version, #body = :body";
        let key = keys::twilio_account(&row.account_sid);
        let write = if_owned(Write::new(Deed::Change(key, set.to_owned())), tenant, before)
            .name("#body", "body")
            .value(":version", number(row.version))
            .value(":body", json(WHAT, row)?);
        self.save_noted(WHAT, write, Saved::Changed, entry).await
    }

    async fn disconnect_account(
        &self,
        tenant: TenantId,
        account: &AccountSid,
        before: u64,
        entry: &AuditEntry,
    ) -> PortResult<Saved> {
        const WHAT: &str = "disconnect a Twilio account";
        let write = if_owned(Write::new(Deed::Remove(keys::twilio_account(account))), tenant, before);
        self.save_noted(WHAT, write, Saved::Changed, entry).await
    }
}

impl Store {
    /// One write and its entry in the audit log; `refused` says what it means when the write's condition does not hold.
    async fn save_noted(
        &self,
        what: &'static str,
        write: Write,
        refused: Saved,
        entry: &AuditEntry,
    ) -> PortResult<Saved> {
        let actions = [
            write.into_action(what, self.table())?,
            entry_write(what, entry)?.into_action(what, self.table())?,
        ];
        self.save(what, &actions, &[refused]).await
    }
}

#[async_trait]
impl WrappedKeys for Store {
    async fn wrapped_keys(&self) -> PortResult<Vec<WrappedKey>> {
        const WHAT: &str = "read the wrapped data keys";
        let items = self.query(WHAT, Range::of(keys::KEYRING.to_owned())).await?;
        let read = |item: &Item| {
            Ok(WrappedKey {
                number: number_of(item, "number")?,
                wrapped: bytes_of(item, "wrapped")?.to_vec(),
            })
        };
        items
            .iter()
            .map(|item| read(item).map_err(|cause: crate::item::Missing| PortError::corrupt(WHAT, cause)))
            .collect()
    }

    async fn keep_wrapped_key(&self, key: &WrappedKey) -> PortResult<bool> {
        const WHAT: &str = "keep a wrapped data key";
        let draft = Draft::new(keys::wrapped_key(key.number), "data_key", None)
            .with("number", number(key.number))
            .with("wrapped", bytes(key.wrapped.clone()));
        Ok(self.put_new(WHAT, draft.build()).await? == PutNew::Done)
    }
}
