//! Windows in which requests are counted, and the started and finished records of requests that must happen once.
//!
//! A window's row is one counter, so counting is exact however many processes count. Records compare their own times: the
//! broom is late.

use app::ports::{KeptAnswer, Limiter, Once, OnceStart, PortError, PortResult};
use async_trait::async_trait;
use aws_sdk_dynamodb::types::ReturnValue;
use jiff::{SignedDuration, Timestamp};
use tokio::time::Instant;

use crate::Store;
use crate::failure::{PATIENT, persist, sort};
use crate::item::{Draft, Item, from_json, json, key_attributes, number, number_of, parsed, text, text_of};
use crate::keys;
use crate::write::{Deed, PutNew, Write};

const STARTED: &str = "started";

#[async_trait]
impl Limiter for Store {
    async fn count(&self, key: &str, window: Timestamp, ends: Timestamp) -> PortResult<u64> {
        const WHAT: &str = "count a request";
        let key = key_attributes(keys::rate_window(key, window));
        // Not repeated after a lost answer beyond what the SDK's connection does: counting twice is worse than once less.
        let answer = persist(Instant::now() + PATIENT, || {
            let request = self
                .client()
                .update_item()
                .table_name(self.table())
                .set_key(Some(key.clone()))
                .update_expression("SET #kind = :kind, #v = :v, #ttl = :ttl ADD #count :one")
                .expression_attribute_names("#kind", "kind")
                .expression_attribute_names("#v", "v")
                .expression_attribute_names("#ttl", "ttl")
                .expression_attribute_names("#count", "count")
                .expression_attribute_values(":kind", text("rate_window"))
                .expression_attribute_values(":v", number(crate::item::SHAPE))
                .expression_attribute_values(":ttl", number(ends.as_second()))
                .expression_attribute_values(":one", number(1))
                .return_values(ReturnValue::UpdatedNew);
            let sending = Box::pin(request.send());
            async move { sending.await.map_err(sort) }
        })
        .await
        .map_err(|failure| failure.into_port(WHAT))?;
        let item: Item = answer.attributes.unwrap_or_default();
        number_of(&item, "count").map_err(|cause| PortError::corrupt(WHAT, cause))
    }

    async fn take_back(&self, key: &str, window: Timestamp) -> PortResult<()> {
        const WHAT: &str = "take a counted request back";
        let write = Write::new(Deed::Change(keys::rate_window(key, window), "ADD #count :less".to_owned()))
            .only_if("#count > :none")
            .name("#count", "count")
            .value(":less", number(-1))
            .value(":none", number(0));
        self.change(WHAT, write).await.map(drop)
    }
}

#[async_trait]
impl Once for Store {
    async fn start(
        &self,
        key: &str,
        fingerprint: &str,
        now: Timestamp,
        patience_s: u32,
        ends: Timestamp,
    ) -> PortResult<OnceStart> {
        const WHAT: &str = "start a request that happens once";
        let item = Draft::new(keys::once(key), "once", None)
            .with("fingerprint", text(fingerprint))
            .with("state", text(STARTED))
            .with("started_at", text(keys::time(now)))
            .expires(ends)
            .build();
        match self.put_new(WHAT, item).await? {
            PutNew::Done => return Ok(OnceStart::Ours),
            PutNew::Existed | PutNew::Unclear => {}
        }
        let Some(there) = self.get(WHAT, keys::once(key)).await? else { return Ok(OnceStart::Running) };
        let corrupt = |cause| PortError::corrupt(WHAT, cause);
        let expires: Timestamp = parsed(WHAT, &there, "expires_at")?;
        let started: Timestamp = parsed(WHAT, &there, "started_at")?;
        let is_started = text_of(&there, "state").map_err(corrupt)? == STARTED;
        let stale = now.duration_since(started) > SignedDuration::from_secs(i64::from(patience_s));
        if expires > now {
            if text_of(&there, "fingerprint").map_err(corrupt)? != fingerprint {
                return Ok(OnceStart::Different);
            }
            if !is_started {
                return Ok(OnceStart::Done(from_json(WHAT, &there, "answer")?));
            }
            if !stale {
                return Ok(OnceStart::Running);
            }
        }
        // Expired, or left behind by a worker that died: whoever changes it from what was read has it.
        let set = "SET #fingerprint = :fingerprint, #state = :state, #started_at = :now, #expires_at = :ends, #ttl = :ttl \
                   REMOVE #answer";
        let take_over = Write::new(Deed::Change(keys::once(key), set.to_owned()))
            .only_if("#started_at = :before")
            .name("#fingerprint", "fingerprint")
            .name("#state", "state")
            .name("#started_at", "started_at")
            .name("#expires_at", "expires_at")
            .name("#ttl", "ttl")
            .name("#answer", "answer")
            .value(":fingerprint", text(fingerprint))
            .value(":state", text(STARTED))
            .value(":now", text(keys::time(now)))
            .value(":before", text(keys::time(started)))
            .value(":ends", text(keys::time(ends)))
            .value(":ttl", number(ends.as_second()));
        Ok(if self.change(WHAT, take_over).await? { OnceStart::Ours } else { OnceStart::Running })
    }

    async fn finish(&self, key: &str, fingerprint: &str, answer: &KeptAnswer) -> PortResult<()> {
        const WHAT: &str = "keep the answer of a request";
        let set = "SET #state = :state, #answer = :answer";
        let write = Write::new(Deed::Change(keys::once(key), set.to_owned()))
            .only_if("#fingerprint = :fingerprint")
            .name("#state", "state")
            .name("#answer", "answer")
            .name("#fingerprint", "fingerprint")
            .value(":state", text("finished"))
            .value(":answer", json(WHAT, answer)?)
            .value(":fingerprint", text(fingerprint));
        self.change(WHAT, write).await.map(drop)
    }

    async fn forget(&self, key: &str, fingerprint: &str) -> PortResult<()> {
        const WHAT: &str = "forget a request that did nothing";
        // Out of date at once, so that the key is free for any request: also for the corrected one.
        let set = "SET #started_at = :long_ago, #expires_at = :long_ago";
        let write = Write::new(Deed::Change(keys::once(key), set.to_owned()))
            .only_if("#fingerprint = :fingerprint AND #state = :started")
            .name("#started_at", "started_at")
            .name("#expires_at", "expires_at")
            .name("#fingerprint", "fingerprint")
            .name("#state", "state")
            .value(":long_ago", text(keys::time(Timestamp::UNIX_EPOCH)))
            .value(":fingerprint", text(fingerprint))
            .value(":started", text(STARTED));
        self.change(WHAT, write).await.map(drop)
    }
}
