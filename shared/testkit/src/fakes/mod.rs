//! The ports in memory, for tests of use cases and handlers that need no table.
//!
//! A fake keeps the promises of its port: what is unique stays unique, a change from an old version is refused, a tenant
//! sees its own things only. What a fake can be told to do wrong (not answer, not know a number) it does until told
//! otherwise. Counting of calls per cap is the table's business: tests of caps run on the embedded database.

mod accounts;
mod archive;
mod books;
mod callers;
mod catalog;
mod counters;
mod desk;
mod health;
mod history;
mod identity;
mod inbound;
mod leases;
mod lines;
mod mail;
mod passwords;
mod pools;
mod rows;
mod sip;
mod visits;

pub use accounts::{FakeAccounts, connect_account, test_vault};
pub use archive::{BidShelf, CallArchive};
pub use callers::FakeCallers;
pub use catalog::FakeCatalog;
pub use counters::FakeCounters;
pub use desk::{FakeDesk, some_entry};
pub use health::FakeHealth;
pub use history::FakeBidHistory;
pub use identity::FakeIdentity;
pub use inbound::FakeInboundBids;
pub use leases::{FakeLeases, LeaseCounts};
pub use lines::{FakePages, FakeTelephony, TwilioSays};
pub use mail::FakeMailer;
pub use passwords::FakePasswords;
pub use pools::FakePools;
pub use visits::{FakePostbacks, FakeVisits};

pub use rows::PoolRows;
pub use sip::{FakeSip, FakeSipDomain, SipStep};

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use app::clock::Clock;
use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

/// A clock that stands still until it is moved, and gives ids in order.
#[derive(Debug)]
pub struct FakeClock {
    start: Timestamp,
    seconds: AtomicI64,
    ids: AtomicU64,
}

impl FakeClock {
    /// Stands at this time.
    pub const fn at(start: Timestamp) -> Self {
        Self { start, seconds: AtomicI64::new(0), ids: AtomicU64::new(1) }
    }

    /// Moves it on.
    pub fn advance(&self, seconds: i64) {
        self.seconds.fetch_add(seconds, Ordering::SeqCst);
    }
}

impl Clock for FakeClock {
    fn now(&self) -> Timestamp {
        let passed = SignedDuration::from_secs(self.seconds.load(Ordering::SeqCst));
        self.start.checked_add(passed).unwrap_or(self.start)
    }

    fn new_id(&self) -> Uuid {
        Uuid::from_u64_pair(0x0193_0000_0000_7000, self.ids.fetch_add(1, Ordering::SeqCst) | 1 << 63)
    }
}

/// A test that panicked elsewhere does not matter to the others.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
