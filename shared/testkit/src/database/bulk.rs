//! Many items at once: copies of one that the product itself wrote, so that they have its shape.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use dynoxide::{AttributeValue as Stored, ImportOptions};

use super::{TABLE, TestDatabase};

/// Copies in one transaction.
const BATCH: usize = 2_000;

type Item = HashMap<String, AttributeValue>;
type Cause = Box<dyn std::error::Error + Send + Sync>;

impl TestDatabase {
    /// Every item of the table.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn items(&self) -> Result<Vec<Item>, Cause> {
        let mut items = Vec::new();
        let mut after: Option<Item> = None;
        loop {
            let page = self.client().scan().table_name(TABLE).set_exclusive_start_key(after.take());
            let page = Box::pin(page.send()).await?;
            items.extend(page.items.unwrap_or_default());
            after = page.last_evaluated_key;
            if after.is_none() {
                return Ok(items);
            }
        }
    }

    /// Puts copies of the item with this key into the table and its indexes, past the server. Each copy is a list of texts
    /// and what stands in their place, in all text attributes, keys and JSON bodies included.
    ///
    /// # Errors
    /// There is no such item, it holds more than texts, numbers and flags, or the database does not take the copies.
    pub async fn copies(
        &self,
        (pk, sk): (&str, &str),
        copies: impl Iterator<Item = Vec<(String, String)>>,
    ) -> Result<(), Cause> {
        let get = self
            .client()
            .get_item()
            .table_name(TABLE)
            .key("pk", AttributeValue::S(pk.to_owned()))
            .key("sk", AttributeValue::S(sk.to_owned()));
        let original = Box::pin(get.send()).await?.item.ok_or("there is no such item to copy")?;
        let mut batch = Vec::with_capacity(BATCH);
        let mut copies = copies.peekable();
        while let Some(replacements) = copies.next() {
            batch.push(copy(&original, &replacements)?);
            if batch.len() == BATCH || copies.peek().is_none() {
                let batch = std::mem::take(&mut batch);
                self.database.database.import_items(TABLE, batch, ImportOptions::default())?;
            }
        }
        Ok(())
    }
}

fn copy(original: &Item, replacements: &[(String, String)]) -> Result<HashMap<String, Stored>, Cause> {
    let replaced = |value: &AttributeValue| match value {
        AttributeValue::S(text) => {
            let text = replacements.iter().fold(text.clone(), |text, (from, to)| text.replace(from, to));
            Ok(Stored::S(text))
        }
        AttributeValue::N(number) => Ok(Stored::N(number.clone())),
        AttributeValue::Bool(flag) => Ok(Stored::BOOL(*flag)),
        _ => Err("only texts, numbers and flags are copied"),
    };
    original.iter().map(|(name, value)| Ok((name.clone(), replaced(value)?))).collect()
}
