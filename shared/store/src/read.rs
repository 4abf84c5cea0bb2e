//! Reading: one item, or a range of one partition or index.

use app::ports::{PortError, PortResult};
use aws_sdk_dynamodb::types::KeysAndAttributes;
use futures::future::try_join_all;
use tokio::time::Instant;

use crate::Store;
use crate::failure::{Failure, READING, persist, sort};
use crate::item::{Item, key_attributes, text};
use crate::keys::Key;

/// Most keys of one batch read.
const BATCH: usize = 100;

/// Which part of a partition.
#[derive(Debug, Clone)]
pub(crate) enum Part {
    /// All of it.
    All,
    /// Sort keys that begin so.
    StartingWith(String),
    /// Sort keys up to this one, inclusive.
    UpTo(String),
    /// Sort keys from this one on, inclusive.
    From(String),
}

/// A range of items of one partition, in the order of their sort keys.
#[derive(Debug, Clone)]
pub(crate) struct Range {
    /// The index; `None` is the table itself, which is then read strongly consistently.
    pub(crate) index: Option<&'static str>,
    /// The partition.
    pub(crate) partition: String,
    /// Which part of it.
    pub(crate) part: Part,
    /// From the end.
    pub(crate) backwards: bool,
    /// At most so many.
    pub(crate) limit: Option<usize>,
    /// After this one (all key attributes, as the index demands).
    pub(crate) after: Option<Item>,
}

impl Range {
    /// A whole partition of the table.
    pub(crate) fn of(partition: String) -> Self {
        Self { index: None, partition, part: Part::All, backwards: false, limit: None, after: None }
    }

    /// A whole partition of an index.
    pub(crate) fn of_index(index: &'static str, partition: String) -> Self {
        Self { index: Some(index), ..Self::of(partition) }
    }
}

impl Store {
    /// One item, strongly consistent.
    pub(crate) async fn get(&self, what: &'static str, key: Key) -> PortResult<Option<Item>> {
        let key = key_attributes(key);
        let answer = persist(Instant::now() + READING, || {
            let request = self
                .client()
                .get_item()
                .table_name(self.table())
                .set_key(Some(key.clone()))
                .consistent_read(true);
            let sending = Box::pin(request.send());
            async move { sending.await.map_err(sort) }
        })
        .await
        .map_err(|failure| failure.into_port(what))?;
        Ok(answer.item)
    }

    /// Many items in batches that are read at the same time, strongly consistent; what does not exist is left out. No key
    /// may stand in it twice.
    pub(crate) async fn get_many(&self, what: &'static str, keys: Vec<Item>) -> PortResult<Vec<Item>> {
        let batches = try_join_all(keys.chunks(BATCH).map(|batch| self.get_batch(what, batch))).await?;
        Ok(batches.into_iter().flatten().collect())
    }

    async fn get_batch(&self, what: &'static str, batch: &[Item]) -> PortResult<Vec<Item>> {
        let mut found = Vec::with_capacity(batch.len());
        let mut missing = batch.to_vec();
        let deadline = Instant::now() + READING;
        while !missing.is_empty() {
            let keys =
                KeysAndAttributes::builder().set_keys(Some(missing.clone())).consistent_read(true).build();
            let keys = keys.map_err(|cause| PortError::failed(what, cause))?;
            let (items, left) = persist(deadline, || {
                let request = self.client().batch_get_item().request_items(self.table(), keys.clone());
                let sending = Box::pin(request.send());
                async move {
                    let answer = sending.await.map_err(sort)?;
                    let items =
                        answer.responses.unwrap_or_default().into_values().flatten().collect::<Vec<_>>();
                    let left = answer.unprocessed_keys.unwrap_or_default();
                    let left = left.into_values().flat_map(|left| left.keys).collect::<Vec<_>>();
                    // Nothing at all is another word for throttled.
                    if items.is_empty() && !left.is_empty() { Err(Failure::Busy) } else { Ok((items, left)) }
                }
            })
            .await
            .map_err(|failure| failure.into_port(what))?;
            found.extend(items);
            missing = left;
        }
        Ok(found)
    }

    /// A range of items, over as many pages as it takes.
    pub(crate) async fn query(&self, what: &'static str, range: Range) -> PortResult<Vec<Item>> {
        let mut found: Vec<Item> = Vec::new();
        let mut after = range.after.clone();
        loop {
            let missing = range.limit.map(|limit| limit.saturating_sub(found.len()));
            let page = persist(Instant::now() + READING, || {
                let sending = Box::pin(self.page_request(&range, missing, after.clone()).send());
                async move { sending.await.map_err(sort) }
            })
            .await
            .map_err(|failure| failure.into_port(what))?;
            found.extend(page.items.unwrap_or_default());
            after = page.last_evaluated_key;
            let enough = range.limit.is_some_and(|limit| found.len() >= limit);
            if after.is_none() || enough {
                return Ok(found);
            }
        }
    }

    fn page_request(
        &self,
        range: &Range,
        limit: Option<usize>,
        after: Option<Item>,
    ) -> aws_sdk_dynamodb::operation::query::builders::QueryFluentBuilder {
        let prefix = range.index.unwrap_or_default();
        let request = self
            .client()
            .query()
            .table_name(self.table())
            .set_index_name(range.index.map(str::to_owned))
            .consistent_read(range.index.is_none())
            .scan_index_forward(!range.backwards)
            .set_limit(limit.map(|limit| i32::try_from(limit).unwrap_or(i32::MAX)))
            .set_exclusive_start_key(after)
            .expression_attribute_names("#partition", format!("{prefix}pk"))
            .expression_attribute_values(":partition", text(&range.partition));
        let (condition, bound) = match &range.part {
            Part::All => return request.key_condition_expression("#partition = :partition"),
            Part::StartingWith(start) => ("#partition = :partition AND begins_with(#sort, :bound)", start),
            Part::UpTo(end) => ("#partition = :partition AND #sort <= :bound", end),
            Part::From(start) => ("#partition = :partition AND #sort >= :bound", start),
        };
        request
            .key_condition_expression(condition)
            .expression_attribute_names("#sort", format!("{prefix}sk"))
            .expression_attribute_values(":bound", text(bound))
    }
}

/// The answer to what was asked for with a bad value, such as a page cursor that nobody gave out.
pub(crate) fn unusable(what: &'static str, why: &'static str) -> PortError {
    PortError::failed(what, why)
}
