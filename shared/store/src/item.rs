//! Items as attributes: what every item carries, and how bodies are written and read.
//!
//! A body is the JSON of its domain type in the attribute `body`: exact for 64-bit numbers, readable in any console, and
//! a field added later needs no migration here. What conditions, counters and indexes need stands beside it as
//! attributes of its own, and those win over the body. Every item has `kind` and `v` (the shape's version), and `tenant`
//! when a tenant owns it.

use std::collections::HashMap;

use app::ports::{PortError, PortResult};
use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::AttributeValue;
use domain::ids::TenantId;
use jiff::Timestamp;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::keys::{GSI1, GSI2, Key};

/// An item as the SDK gives and takes it.
pub(crate) type Item = HashMap<String, AttributeValue>;

/// The shape's version that this code writes.
pub(crate) const SHAPE: u8 = 1;

/// An attribute was not there, or not of the type it should have.
#[derive(Debug, thiserror::Error)]
#[error("the attribute '{0}' is missing or has another type")]
pub(crate) struct Missing(String);

/// An item in the making.
pub(crate) struct Draft(Item);

impl Draft {
    /// Key, kind, shape and owner.
    pub(crate) fn new(key: Key, kind: &str, tenant: Option<TenantId>) -> Self {
        let mut item = key_attributes(key);
        item.insert("kind".into(), text(kind));
        item.insert("v".into(), number(SHAPE));
        if let Some(tenant) = tenant {
            item.insert("tenant".into(), text(tenant.to_string()));
        }
        Self(item)
    }

    /// An attribute.
    pub(crate) fn with(mut self, name: &str, value: AttributeValue) -> Self {
        self.0.insert(name.to_owned(), value);
        self
    }

    /// A place in the first index.
    pub(crate) fn gsi1(self, key: Key) -> Self {
        self.with(&format!("{GSI1}pk"), text(key.pk)).with(&format!("{GSI1}sk"), text(key.sk))
    }

    /// A place in the second index.
    pub(crate) fn gsi2(self, key: Key) -> Self {
        self.with(&format!("{GSI2}pk"), text(key.pk)).with(&format!("{GSI2}sk"), text(key.sk))
    }

    /// An end: the exact time for comparing, whole seconds for the broom that comes hours or days later.
    pub(crate) fn expires(self, at: Timestamp) -> Self {
        self.with("expires_at", text(crate::keys::time(at))).with("ttl", number(at.as_second()))
    }

    /// The item.
    pub(crate) fn build(self) -> Item {
        self.0
    }
}

/// The attributes of an item's key.
pub(crate) fn key_attributes(key: Key) -> Item {
    HashMap::from([("pk".to_owned(), text(key.pk)), ("sk".to_owned(), text(key.sk))])
}

/// A text attribute.
pub(crate) fn text(value: impl Into<String>) -> AttributeValue {
    AttributeValue::S(value.into())
}

/// A number attribute.
pub(crate) fn number(value: impl std::fmt::Display) -> AttributeValue {
    AttributeValue::N(value.to_string())
}

/// Bytes.
pub(crate) fn bytes(value: Vec<u8>) -> AttributeValue {
    AttributeValue::B(Blob::new(value))
}

/// A thing as JSON text.
pub(crate) fn json<T: Serialize + ?Sized>(what: &'static str, value: &T) -> PortResult<AttributeValue> {
    serde_json::to_string(value).map(AttributeValue::S).map_err(|cause| PortError::failed(what, cause))
}

/// The text of an attribute.
pub(crate) fn text_of<'a>(item: &'a Item, name: &str) -> Result<&'a str, Missing> {
    item.get(name)
        .and_then(|value| value.as_s().ok())
        .map(String::as_str)
        .ok_or_else(|| Missing(name.to_owned()))
}

/// The whole number in an attribute.
pub(crate) fn number_of<N: std::str::FromStr>(item: &Item, name: &str) -> Result<N, Missing> {
    item.get(name)
        .and_then(|value| value.as_n().ok())
        .and_then(|digits| digits.parse().ok())
        .ok_or_else(|| Missing(name.to_owned()))
}

/// The bytes in an attribute.
pub(crate) fn bytes_of<'a>(item: &'a Item, name: &str) -> Result<&'a [u8], Missing> {
    item.get(name)
        .and_then(|value| value.as_b().ok())
        .map(Blob::as_ref)
        .ok_or_else(|| Missing(name.to_owned()))
}

/// Reads an attribute whose text has a form of its own: an id, a time.
pub(crate) fn parsed<T>(what: &'static str, item: &Item, name: &str) -> PortResult<T>
where
    T: std::str::FromStr,
    T::Err: std::error::Error + Send + Sync + 'static,
{
    let text = text_of(item, name).map_err(|cause| PortError::corrupt(what, cause))?;
    text.parse().map_err(|cause| PortError::corrupt(what, cause))
}

/// Reads JSON text from an attribute.
pub(crate) fn from_json<T: DeserializeOwned>(what: &'static str, item: &Item, name: &str) -> PortResult<T> {
    let text = text_of(item, name).map_err(|cause| PortError::corrupt(what, cause))?;
    serde_json::from_str(text).map_err(|cause| PortError::corrupt(what, cause))
}

/// Reads an item's body.
pub(crate) fn body<T: DeserializeOwned>(what: &'static str, item: &Item) -> PortResult<T> {
    from_json(what, item, "body")
}
