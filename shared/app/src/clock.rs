//! Time and chance as arguments of the use cases, so that tests hold both.

use jiff::Timestamp;
use uuid::Uuid;

/// What time it is, and new ids.
pub trait Clock: Send + Sync {
    /// Now, UTC.
    fn now(&self) -> Timestamp;

    /// A new UUID v7.
    fn new_id(&self) -> Uuid;
}

/// The machine's clock and the system's random numbers.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is where the time comes from")]
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }

    fn new_id(&self) -> Uuid {
        Uuid::now_v7()
    }
}
