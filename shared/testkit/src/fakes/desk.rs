//! The audit log, counted requests, and requests that happen once.

use std::collections::HashMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use app::ports::{Audit, KeptAnswer, Limiter, Once, OnceStart, Page, PortResult};
use async_trait::async_trait;
use domain::audit::{Actor, AuditEntry, Origin};
use domain::ids::{AuditId, TenantId};
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

use super::locked;

/// All three in memory.
#[derive(Debug, Default)]
pub struct FakeDesk {
    entries: Mutex<Vec<AuditEntry>>,
    windows: Mutex<HashMap<(String, Timestamp), u64>>,
    once: Mutex<HashMap<String, Record>>,
    writes: AtomicUsize,
}

#[derive(Debug)]
struct Record {
    fingerprint: String,
    started_at: Timestamp,
    ends: Timestamp,
    answer: Option<KeptAnswer>,
}

impl FakeDesk {
    /// What stands in the audit log, oldest first.
    pub fn entries(&self) -> Vec<AuditEntry> {
        locked(&self.entries).clone()
    }

    /// Puts an entry into the audit log, as a transaction that carries it does.
    pub fn enter(&self, entry: &AuditEntry) {
        let mut entries = locked(&self.entries);
        if !entries.iter().any(|known| known.id == entry.id) {
            entries.push(entry.clone());
        }
    }

    /// How many requests were counted by a write.
    pub fn counted(&self) -> usize {
        self.writes.load(Ordering::SeqCst)
    }
}

/// An entry for a change whose entry a test does not look at; each is another one.
pub fn some_entry(tenant: TenantId, at: Timestamp) -> AuditEntry {
    static MADE: AtomicU64 = AtomicU64::new(1);
    let number = u128::from(MADE.fetch_add(1, Ordering::Relaxed));
    AuditEntry {
        id: AuditId::from_uuid(Uuid::from_u128(number)),
        tenant,
        at,
        actor: Actor::System,
        origin: Origin::default(),
        action: "test.done".to_owned(),
        object: None,
        name: None,
        changes: Vec::new(),
        more: 0,
    }
}

#[async_trait]
impl Audit for FakeDesk {
    async fn note(&self, entry: &AuditEntry) -> PortResult<()> {
        self.enter(entry);
        Ok(())
    }

    async fn page(
        &self,
        tenant: TenantId,
        month: Date,
        cursor: Option<&str>,
        limit: u16,
    ) -> PortResult<Page<AuditEntry>> {
        let place = |entry: &AuditEntry| format!("{:.6}#{}", entry.at, entry.id);
        let mut found: Vec<AuditEntry> = locked(&self.entries)
            .iter()
            .filter(|entry| {
                let date = entry.at.to_zoned(TimeZone::UTC).date();
                entry.tenant == tenant && date.first_of_month() == month.first_of_month()
            })
            .filter(|entry| cursor.is_none_or(|cursor| place(entry).as_str() <= cursor))
            .cloned()
            .collect();
        found.sort_by_key(|entry| std::cmp::Reverse(place(entry)));
        let next = found.get(usize::from(limit)).map(place);
        found.truncate(usize::from(limit));
        Ok(Page { items: found, next })
    }
}

#[async_trait]
impl Limiter for FakeDesk {
    async fn count(&self, key: &str, window: Timestamp, _ends: Timestamp) -> PortResult<u64> {
        self.writes.fetch_add(1, Ordering::SeqCst);
        let mut windows = locked(&self.windows);
        let count = windows.entry((key.to_owned(), window)).or_default();
        *count += 1;
        Ok(*count)
    }

    async fn take_back(&self, key: &str, window: Timestamp) -> PortResult<()> {
        if let Some(count) = locked(&self.windows).get_mut(&(key.to_owned(), window)) {
            *count = count.saturating_sub(1);
        }
        Ok(())
    }
}

#[async_trait]
impl Once for FakeDesk {
    async fn start(
        &self,
        key: &str,
        fingerprint: &str,
        now: Timestamp,
        patience_s: u32,
        ends: Timestamp,
    ) -> PortResult<OnceStart> {
        let mut once = locked(&self.once);
        if let Some(record) = once.get(key).filter(|record| record.ends > now) {
            if record.fingerprint != fingerprint {
                return Ok(OnceStart::Different);
            }
            if let Some(answer) = &record.answer {
                return Ok(OnceStart::Done(answer.clone()));
            }
            let patience = SignedDuration::from_secs(i64::from(patience_s));
            if now.duration_since(record.started_at) <= patience {
                return Ok(OnceStart::Running);
            }
        }
        let record = Record { fingerprint: fingerprint.to_owned(), started_at: now, ends, answer: None };
        once.insert(key.to_owned(), record);
        Ok(OnceStart::Ours)
    }

    async fn finish(&self, key: &str, fingerprint: &str, answer: &KeptAnswer) -> PortResult<()> {
        let mut once = locked(&self.once);
        if let Some(record) = once.get_mut(key).filter(|record| record.fingerprint == fingerprint) {
            record.answer = Some(answer.clone());
        }
        Ok(())
    }

    async fn forget(&self, key: &str, fingerprint: &str) -> PortResult<()> {
        let mut once = locked(&self.once);
        if once.get(key).is_some_and(|record| record.fingerprint == fingerprint && record.answer.is_none()) {
            once.remove(key);
        }
        Ok(())
    }
}
