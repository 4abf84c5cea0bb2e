//! Many items at once: copies of one that the product itself wrote, so that they have its shape.

use std::collections::HashMap;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::{AttributeValue, PutRequest, WriteRequest};
use futures::stream::{self, StreamExt, TryStreamExt};

use super::{TABLE, TestDatabase};

/// Items in one request; the service takes no more.
const BATCH: usize = 25;
/// Requests at the same time.
const AT_ONCE: usize = 4;

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

    /// Writes copies of the item with this key. Each copy is a list of texts and what stands in their place, in all text
    /// attributes, keys and JSON bodies included.
    ///
    /// # Errors
    /// There is no such item, or the database does not take the copies.
    pub async fn copies(
        &self,
        (pk, sk): (&str, &str),
        copies: impl Iterator<Item = Vec<(String, String)>>,
    ) -> Result<(), Cause> {
        let client = self.client();
        let get = client
            .get_item()
            .table_name(TABLE)
            .key("pk", AttributeValue::S(pk.to_owned()))
            .key("sk", AttributeValue::S(sk.to_owned()));
        let original = Box::pin(get.send()).await?.item.ok_or("there is no such item to copy")?;
        let mut batches = Vec::new();
        let mut batch = Vec::with_capacity(BATCH);
        for replacements in copies {
            let put = PutRequest::builder().set_item(Some(copy(&original, &replacements))).build()?;
            batch.push(WriteRequest::builder().put_request(put).build());
            if batch.len() == BATCH {
                batches.push(std::mem::take(&mut batch));
            }
        }
        batches.extend((!batch.is_empty()).then_some(batch));
        stream::iter(batches).map(Ok).try_for_each_concurrent(AT_ONCE, |batch| put(&client, batch)).await
    }
}

async fn put(client: &Client, batch: Vec<WriteRequest>) -> Result<(), Cause> {
    let answer = Box::pin(client.batch_write_item().request_items(TABLE, batch).send()).await?;
    let left = answer.unprocessed_items.is_some_and(|left| !left.is_empty());
    if left { Err("the database did not take a whole batch".into()) } else { Ok(()) }
}

fn copy(original: &Item, replacements: &[(String, String)]) -> Item {
    let replaced = |value: &AttributeValue| match value {
        AttributeValue::S(text) => {
            let text = replacements.iter().fold(text.clone(), |text, (from, to)| text.replace(from, to));
            AttributeValue::S(text)
        }
        other => other.clone(),
    };
    original.iter().map(|(name, value)| (name.clone(), replaced(value))).collect()
}
