//! The queue's table.
//!
//! A message's sort key begins with the moment from which it may be received, so the next messages are one short query, and
//! receiving is one transaction: the old item goes, the same message with a later moment comes. The new key is the receipt
//! handle: whoever holds an older one deletes nothing, as with SQS.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use app::clock::Clock;
use aws_config::SdkConfig;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::{
    AttributeDefinition, AttributeValue, BillingMode, Delete, KeySchemaElement, KeyType, Put,
    ScalarAttributeType, TransactWriteItem,
};
use tokio::sync::Notify;

const TABLE: &str = "callcenter-queues";

type Item = HashMap<String, AttributeValue>;
/// Why something was not done.
pub type QueueError = Box<dyn std::error::Error + Send + Sync>;

/// All queues. Clones are the same.
#[derive(Clone)]
pub struct Queues {
    client: Client,
    clock: Arc<dyn Clock>,
    arrived: Arc<Notify>,
}

/// A message as it was received.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Received {
    /// Its id.
    pub id: String,
    /// Deletes it, until it is received again.
    pub receipt: String,
    /// Its body.
    pub body: String,
    /// When it was sent, Unix milliseconds.
    pub sent_ms: i64,
    /// When it was first received.
    pub first_received_ms: i64,
    /// How often it was received, this time included.
    pub receive_count: u32,
}

/// A message that failed too often.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeadLetter {
    /// Its id.
    pub id: String,
    /// Its body.
    pub body: String,
    /// How often it was received.
    pub receive_count: u32,
}

impl Queues {
    /// Opens the queues; their table is made when it is not there.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn open(config: &SdkConfig, clock: Arc<dyn Clock>) -> Result<Self, QueueError> {
        let client = Client::new(config);
        let key = |name: &str, kind: KeyType| {
            KeySchemaElement::builder().attribute_name(name).key_type(kind).build()
        };
        let text = |name: &str| {
            let builder = AttributeDefinition::builder().attribute_name(name);
            builder.attribute_type(ScalarAttributeType::S).build()
        };
        let made = client
            .create_table()
            .table_name(TABLE)
            .billing_mode(BillingMode::PayPerRequest)
            .attribute_definitions(text("pk")?)
            .attribute_definitions(text("sk")?)
            .key_schema(key("pk", KeyType::Hash)?)
            .key_schema(key("sk", KeyType::Range)?)
            .send();
        if let Err(error) = Box::pin(made).await
            && !error.as_service_error().is_some_and(|error| error.is_resource_in_use_exception())
        {
            return Err(error.into());
        }
        Ok(Self { client, clock, arrived: Arc::default() })
    }

    /// Puts a message into a queue and returns its id.
    ///
    /// # Errors
    /// It is not there.
    pub async fn send(&self, queue: &str, body: &str) -> Result<String, QueueError> {
        let id = self.clock.new_id().to_string();
        let now = self.now_ms();
        let message = Received {
            id: id.clone(),
            receipt: sort_key(now, &id),
            body: body.to_owned(),
            sent_ms: now,
            first_received_ms: 0,
            receive_count: 0,
        };
        Box::pin(self.client.put_item().table_name(TABLE).set_item(Some(item(queue, &message))).send())
            .await?;
        self.arrived.notify_waiters();
        Ok(id)
    }

    /// Receives up to `most` messages and hides them for a while. Messages received more than `redrive.1` times go to
    /// the queue `redrive.0` instead.
    ///
    /// # Errors
    /// The database does not answer. What was received by then comes again.
    pub async fn receive(
        &self,
        queue: &str,
        most: u16,
        visibility: Duration,
        redrive: Option<&(String, u32)>,
    ) -> Result<Vec<Received>, QueueError> {
        let now = self.now_ms();
        let found = self.query(queue, Some(now), most).await?;
        let mut received = Vec::new();
        for old in found {
            if let Some((dead_letters, _)) = redrive.filter(|(_, most)| old.receive_count >= *most) {
                tracing::error!(queue, message_id = old.id, "a message failed too often and is put aside");
                self.exchange(queue, &old, dead_letters, &old).await?;
                continue;
            }
            let hidden_for = i64::try_from(visibility.as_millis()).unwrap_or(i64::MAX);
            let new = Received {
                receipt: sort_key(now.saturating_add(hidden_for), &old.id),
                first_received_ms: if old.receive_count == 0 { now } else { old.first_received_ms },
                receive_count: old.receive_count + 1,
                ..old.clone()
            };
            if self.exchange(queue, &old, queue, &new).await? {
                received.push(new);
            }
        }
        Ok(received)
    }

    /// Deletes a message, if the receipt is its newest.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn delete(&self, queue: &str, receipt: &str) -> Result<(), QueueError> {
        let deletion = self.client.delete_item().table_name(TABLE);
        let deletion = deletion.key("pk", text(partition(queue))).key("sk", text(receipt));
        Box::pin(deletion.send()).await?;
        Ok(())
    }

    /// How many messages a queue holds, hidden ones included (at most a page of them).
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn length(&self, queue: &str) -> Result<usize, QueueError> {
        Ok(self.query(queue, None, u16::MAX).await?.len())
    }

    /// The messages in a queue of dead letters.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn dead_letters(&self, queue: &str) -> Result<Vec<DeadLetter>, QueueError> {
        let messages = self.query(queue, None, u16::MAX).await?;
        let letter = |message: Received| DeadLetter {
            id: message.id,
            body: message.body,
            receive_count: message.receive_count,
        };
        Ok(messages.into_iter().map(letter).collect())
    }

    /// Waits until something was sent, at most so long.
    pub async fn arrival(&self, at_most: Duration) {
        drop(tokio::time::timeout(at_most, self.arrived.notified()).await);
    }

    /// Moves a message; `false` when somebody else was first.
    async fn exchange(
        &self,
        from: &str,
        old: &Received,
        to: &str,
        new: &Received,
    ) -> Result<bool, QueueError> {
        let deletion = Delete::builder()
            .table_name(TABLE)
            .key("pk", text(partition(from)))
            .key("sk", text(&old.receipt))
            .condition_expression("attribute_exists(pk)")
            .build()?;
        let put = Put::builder().table_name(TABLE).set_item(Some(item(to, new))).build()?;
        let transaction = self
            .client
            .transact_write_items()
            .transact_items(TransactWriteItem::builder().delete(deletion).build())
            .transact_items(TransactWriteItem::builder().put(put).build());
        match Box::pin(transaction.send()).await {
            Ok(_) => Ok(true),
            Err(error) if error.as_service_error().is_some_and(|e| e.is_transaction_canceled_exception()) => {
                Ok(false)
            }
            Err(error) => Err(error.into()),
        }
    }

    async fn query(
        &self,
        queue: &str,
        visible_at: Option<i64>,
        most: u16,
    ) -> Result<Vec<Received>, QueueError> {
        let mut query = self
            .client
            .query()
            .table_name(TABLE)
            .consistent_read(true)
            .limit(i32::from(most))
            .key_condition_expression("pk = :pk")
            .expression_attribute_values(":pk", text(partition(queue)));
        if let Some(now) = visible_at {
            query = query
                .key_condition_expression("pk = :pk AND sk < :end")
                .expression_attribute_values(":end", text(sort_key(now.saturating_add(1), "")));
        }
        let found = Box::pin(query.send()).await?;
        found.items().iter().map(message).collect()
    }

    fn now_ms(&self) -> i64 {
        self.clock.now().as_millisecond()
    }
}

fn partition(queue: &str) -> String {
    format!("Q#{queue}")
}

fn sort_key(visible_from_ms: i64, id: &str) -> String {
    format!("{:015}#{id}", visible_from_ms.max(0))
}

fn text(value: impl Into<String>) -> AttributeValue {
    AttributeValue::S(value.into())
}

fn item(queue: &str, message: &Received) -> Item {
    let number = |value: String| AttributeValue::N(value);
    HashMap::from([
        ("pk".to_owned(), text(partition(queue))),
        ("sk".to_owned(), text(&message.receipt)),
        ("id".to_owned(), text(&message.id)),
        ("body".to_owned(), text(&message.body)),
        ("sent_ms".to_owned(), number(message.sent_ms.to_string())),
        ("first_received_ms".to_owned(), number(message.first_received_ms.to_string())),
        ("receive_count".to_owned(), number(message.receive_count.to_string())),
    ])
}

fn message(item: &Item) -> Result<Received, QueueError> {
    let lacks = |name: &str| format!("a stored message has no readable {name}");
    let text =
        |name: &str| item.get(name).and_then(|value| value.as_s().ok().cloned()).ok_or_else(|| lacks(name));
    let number = |name: &str| item.get(name).and_then(|value| value.as_n().ok()).ok_or_else(|| lacks(name));
    Ok(Received {
        id: text("id")?,
        receipt: text("sk")?,
        body: text("body")?,
        sent_ms: number("sent_ms")?.parse()?,
        first_received_ms: number("first_received_ms")?.parse()?,
        receive_count: number("receive_count")?.parse()?,
    })
}
