//! Items as DynamoDB's JSON has them: `{"pk": {"S": "…"}}`, for [`crate::direct`].

use std::collections::HashMap;
use std::fmt;

use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::AttributeValue;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::de::{self, MapAccess, Visitor};
use serde::ser::{Error as _, SerializeMap as _};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::item::Item;

/// Writes an item, or the values of an expression.
pub(crate) struct Written<'a>(pub(crate) &'a Item);

/// Reads an item.
pub(crate) struct Read(pub(crate) Item);

struct WrittenValue<'a>(&'a AttributeValue);

struct ReadValue(AttributeValue);

impl Serialize for Written<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(name, value)| (name, WrittenValue(value))))
    }
}

impl Serialize for WrittenValue<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(1))?;
        match self.0 {
            AttributeValue::S(text) => map.serialize_entry("S", text)?,
            AttributeValue::N(digits) => map.serialize_entry("N", digits)?,
            AttributeValue::B(bytes) => map.serialize_entry("B", &STANDARD.encode(bytes))?,
            AttributeValue::Bool(value) => map.serialize_entry("BOOL", value)?,
            AttributeValue::Null(value) => map.serialize_entry("NULL", value)?,
            AttributeValue::Ss(texts) => map.serialize_entry("SS", texts)?,
            AttributeValue::Ns(numbers) => map.serialize_entry("NS", numbers)?,
            AttributeValue::M(item) => map.serialize_entry("M", &Written(item))?,
            AttributeValue::L(values) => {
                map.serialize_entry("L", &values.iter().map(WrittenValue).collect::<Vec<_>>())?;
            }
            other => {
                return Err(S::Error::custom(format!("no attribute of ours is of this type: {other:?}")));
            }
        }
        map.end()
    }
}

impl<'de> Deserialize<'de> for Read {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let values = HashMap::<String, ReadValue>::deserialize(deserializer)?;
        Ok(Self(values.into_iter().map(|(name, value)| (name, value.0)).collect()))
    }
}

impl<'de> Deserialize<'de> for ReadValue {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct OfOneType;
        impl<'de> Visitor<'de> for OfOneType {
            type Value = ReadValue;
            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("an attribute's type and its value")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<ReadValue, A::Error> {
                let kind: String =
                    map.next_key()?.ok_or_else(|| de::Error::custom("an attribute without a type"))?;
                let value = match kind.as_str() {
                    "S" => AttributeValue::S(map.next_value()?),
                    "N" => AttributeValue::N(map.next_value()?),
                    "B" => {
                        let encoded: String = map.next_value()?;
                        AttributeValue::B(Blob::new(STANDARD.decode(encoded).map_err(de::Error::custom)?))
                    }
                    "BOOL" => AttributeValue::Bool(map.next_value()?),
                    "NULL" => AttributeValue::Null(map.next_value()?),
                    "SS" => AttributeValue::Ss(map.next_value()?),
                    "NS" => AttributeValue::Ns(map.next_value()?),
                    "M" => AttributeValue::M(map.next_value::<Read>()?.0),
                    "L" => {
                        let values: Vec<ReadValue> = map.next_value()?;
                        AttributeValue::L(values.into_iter().map(|value| value.0).collect())
                    }
                    other => {
                        return Err(de::Error::custom(format!(
                            "no attribute of ours is of the type {other}"
                        )));
                    }
                };
                Ok(ReadValue(value))
            }
        }
        deserializer.deserialize_map(OfOneType)
    }
}
