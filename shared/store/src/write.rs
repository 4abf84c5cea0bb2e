//! The three things that can happen to one item, alone or as part of a transaction: put, changed, removed.
//!
//! Names in expressions are always placeholders: the table's own words (`state`, `ttl`, `total`) are reserved, and the
//! names of counting windows hold signs that expressions do not allow.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicBool, Ordering};

use app::ports::{PortError, PortResult};
use aws_sdk_dynamodb::types::{
    AttributeValue, Delete, Put, ReturnValuesOnConditionCheckFailure, TransactWriteItem, Update,
};
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use serde::de::IgnoredAny;
use tokio::time::Instant;

use crate::Store;
use crate::direct::Told;
use crate::failure::{Failure, PATIENT, persist, sort, sort_transaction};
use crate::item::{Item, key_attributes, text};
use crate::keys::Key;
use crate::wire::Written;

/// What happens to an item.
pub(crate) enum Deed {
    /// It is put, whatever was there (unless the condition says otherwise).
    Put(Item),
    /// It is changed by an update expression; created when absent.
    Change(Key, String),
    /// It is removed.
    Remove(Key),
}

/// A deed with its condition.
pub(crate) struct Write {
    deed: Deed,
    condition: Option<String>,
    names: HashMap<String, String>,
    values: HashMap<String, AttributeValue>,
}

impl Write {
    /// A deed without condition.
    pub(crate) fn new(deed: Deed) -> Self {
        Self { deed, condition: None, names: HashMap::new(), values: HashMap::new() }
    }

    /// Puts an item that must not exist.
    pub(crate) fn create(item: Item) -> Self {
        Self::new(Deed::Put(item)).only_if("attribute_not_exists(#pk)").name("#pk", "pk")
    }

    /// The condition.
    pub(crate) fn only_if(mut self, condition: impl Into<String>) -> Self {
        self.condition = Some(condition.into());
        self
    }

    /// What a name placeholder stands for.
    pub(crate) fn name(mut self, placeholder: impl Into<String>, attribute: impl Into<String>) -> Self {
        self.names.insert(placeholder.into(), attribute.into());
        self
    }

    /// What a value placeholder stands for.
    pub(crate) fn value(mut self, placeholder: impl Into<String>, value: AttributeValue) -> Self {
        self.values.insert(placeholder.into(), value);
        self
    }

    /// The deed as an action of a transaction; a condition that fails gives the item as it was.
    pub(crate) fn into_action(self, what: &'static str, table: &str) -> PortResult<TransactWriteItem> {
        let names = (!self.names.is_empty()).then_some(self.names);
        let values = (!self.values.is_empty()).then_some(self.values);
        let old = self.condition.is_some().then_some(ReturnValuesOnConditionCheckFailure::AllOld);
        let action = TransactWriteItem::builder();
        let action = match self.deed {
            Deed::Put(item) => Put::builder()
                .table_name(table)
                .set_item(Some(item))
                .set_condition_expression(self.condition)
                .set_expression_attribute_names(names)
                .set_expression_attribute_values(values)
                .set_return_values_on_condition_check_failure(old)
                .build()
                .map(|put| action.put(put)),
            Deed::Change(key, expression) => Update::builder()
                .table_name(table)
                .set_key(Some(key_attributes(key)))
                .update_expression(expression)
                .set_condition_expression(self.condition)
                .set_expression_attribute_names(names)
                .set_expression_attribute_values(values)
                .set_return_values_on_condition_check_failure(old)
                .build()
                .map(|update| action.update(update)),
            Deed::Remove(key) => Delete::builder()
                .table_name(table)
                .set_key(Some(key_attributes(key)))
                .set_condition_expression(self.condition)
                .set_expression_attribute_names(names)
                .set_expression_attribute_values(values)
                .set_return_values_on_condition_check_failure(old)
                .build()
                .map(|delete| action.delete(delete)),
        };
        action.map(|action| action.build()).map_err(|cause| PortError::failed(what, cause))
    }
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct PutNewItem<'a> {
    table_name: &'a str,
    item: Written<'a>,
    condition_expression: &'static str,
    expression_attribute_names: BTreeMap<&'static str, &'static str>,
}

/// What became of an item that must not exist.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PutNew {
    /// It is there now, and ours.
    Done,
    /// It was there before.
    Existed,
    /// It is there, but the answer to one of our tries was lost: it may be ours.
    Unclear,
}

impl Store {
    /// Puts an item that must not exist.
    pub(crate) async fn put_new(&self, what: &'static str, item: Item) -> PortResult<PutNew> {
        let lost = AtomicBool::new(false);
        let put = PutNewItem {
            table_name: self.table(),
            item: Written(&item),
            condition_expression: "attribute_not_exists(#pk)",
            expression_attribute_names: BTreeMap::from([("#pk", "pk")]),
        };
        let put = persist(Instant::now() + PATIENT, || async {
            let told = self.direct().ask::<IgnoredAny>("PutItem", &put).await;
            lost.fetch_or(matches!(told, Err(Failure::Lost(_))), Ordering::Relaxed);
            match told? {
                Told::Done(_) => Ok(()),
                Told::Refused(_) => Err(Failure::Refused),
            }
        })
        .await;
        match put {
            Ok(()) => Ok(PutNew::Done),
            Err(Failure::Refused) if lost.load(Ordering::Relaxed) => Ok(PutNew::Unclear),
            Err(Failure::Refused) => Ok(PutNew::Existed),
            Err(failure) => Err(failure.into_port(what)),
        }
    }

    /// Puts an item, whatever was there.
    pub(crate) async fn put(&self, what: &'static str, item: Item) -> PortResult<()> {
        persist(Instant::now() + PATIENT, || {
            let request = self.client().put_item().table_name(self.table()).set_item(Some(item.clone()));
            let sending = Box::pin(request.send());
            async move { sending.await.map_err(sort) }
        })
        .await
        .map_err(|failure| failure.into_port(what))?;
        Ok(())
    }

    /// Changes one item; `false` when the condition did not hold.
    pub(crate) async fn change(&self, what: &'static str, write: Write) -> PortResult<bool> {
        let Deed::Change(key, expression) = write.deed else {
            return Err(PortError::failed(what, "not a change"));
        };
        let (key, names, values) = (key_attributes(key), write.names, write.values);
        let changed = persist(Instant::now() + PATIENT, || {
            let request = self
                .client()
                .update_item()
                .table_name(self.table())
                .set_key(Some(key.clone()))
                .update_expression(&expression)
                .set_condition_expression(write.condition.clone())
                .set_expression_attribute_names(Some(names.clone()))
                .set_expression_attribute_values(Some(values.clone()));
            let sending = Box::pin(request.send());
            async move { sending.await.map_err(sort) }
        })
        .await;
        match changed {
            Ok(_) => Ok(true),
            Err(Failure::Refused) => Ok(false),
            Err(failure) => Err(failure.into_port(what)),
        }
    }

    /// Puts an item under a condition. `false`: that did not hold; after a lost answer because it was put already.
    pub(crate) async fn put_if(&self, what: &'static str, write: Write) -> PortResult<bool> {
        let Deed::Put(item) = write.deed else {
            return Err(PortError::failed(what, "not a put"));
        };
        let (names, values) = (write.names, write.values);
        let put = persist(Instant::now() + PATIENT, || {
            let request = self
                .client()
                .put_item()
                .table_name(self.table())
                .set_item(Some(item.clone()))
                .set_condition_expression(write.condition.clone())
                .set_expression_attribute_names(Some(names.clone()))
                .set_expression_attribute_values(Some(values.clone()));
            let sending = Box::pin(request.send());
            async move { sending.await.map_err(sort) }
        })
        .await;
        match put {
            Ok(_) => Ok(true),
            Err(Failure::Refused) => Ok(false),
            Err(failure) => Err(failure.into_port(what)),
        }
    }

    /// Does all of it or nothing. The token makes a repetition after a lost answer find its own success.
    pub(crate) async fn transact(
        &self,
        deadline: Instant,
        actions: &[TransactWriteItem],
    ) -> Result<(), Failure> {
        let token = uuid::Builder::from_random_bytes(rand::random()).into_uuid().to_string();
        persist(deadline, || {
            let request = self
                .client()
                .transact_write_items()
                .set_transact_items(Some(actions.to_vec()))
                .client_request_token(&token);
            let sending = Box::pin(request.send());
            async move { sending.await.map_err(sort_transaction) }
        })
        .await?;
        Ok(())
    }
}

/// `SET kind, v, tenant` for items that an update may create; the placeholders it uses come with it.
pub(crate) fn stamped(write: Write, kind: &str, tenant: domain::ids::TenantId) -> Write {
    write
        .name("#kind", "kind")
        .name("#v", "v")
        .name("#tenant", "tenant")
        .value(":kind", text(kind))
        .value(":v", crate::item::number(crate::item::SHAPE))
        .value(":tenant", text(tenant.to_string()))
}

/// A change of the row of an hour, which may be its first; it is kept for so long.
pub(crate) fn hour_row(
    (tenant, kind): (domain::ids::TenantId, &str),
    key: Key,
    (begins, kept): (Timestamp, SignedDuration),
    clause: &str,
) -> Write {
    let ends = begins.checked_add(kept).unwrap_or(Timestamp::MAX);
    let update = format!("SET {STAMP}, #expires_at = :expires_at, #ttl = :ttl{clause}");
    let write = Write::new(Deed::Change(key, update))
        .name("#expires_at", "expires_at")
        .name("#ttl", "ttl")
        .value(":expires_at", text(crate::keys::time(ends)))
        .value(":ttl", crate::item::number(ends.as_second()));
    stamped(write, kind, tenant)
}

/// The clause that goes with [`stamped`].
pub(crate) const STAMP: &str = "#kind = :kind, #v = :v, #tenant = :tenant";
