//! Failed signatures, counted per address: who sends a thousand of them in a minute is told to stay away.
//!
//! What must stay true: only what failed is counted, and it is counted after it failed. Twilio's few addresses serve all
//! its customers, ours and others who point a number at us by mistake, so a request whose signature holds is never refused
//! here, whatever else its address sent. Nothing is written anywhere; each process counts for itself.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use app::clock::Clock;

/// Failed signatures of one address in one minute (UTC) that are answered as such.
pub const MOST_FAILURES: u32 = 1_000;
/// Addresses counted in one minute; further ones are refused like the others, but not counted.
pub const MOST_ADDRESSES: usize = 10_000;

const WINDOW_S: i64 = 60;

/// What a failed signature gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It is refused for what it is.
    Refuse,
    /// There were too many of them.
    TooMany {
        /// Until the window ends, 1 to 60.
        retry_after_s: u32,
        /// The first one of this window that is too many.
        first: bool,
    },
}

/// The counts of one process.
pub struct FailedSignatures {
    clock: Arc<dyn Clock>,
    window: Mutex<Window>,
}

#[derive(Default)]
struct Window {
    number: i64,
    counts: HashMap<String, u32>,
}

impl FailedSignatures {
    /// None yet.
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self { clock, window: Mutex::default() }
    }

    /// Counts one more from this address.
    pub fn count(&self, address: &str) -> Verdict {
        let now = self.clock.now().as_second();
        let mut window = self.window.lock().unwrap_or_else(PoisonError::into_inner);
        let number = now.div_euclid(WINDOW_S);
        if window.number != number {
            *window = Window { number, counts: HashMap::new() };
        }
        if window.counts.len() >= MOST_ADDRESSES && !window.counts.contains_key(address) {
            return Verdict::Refuse;
        }
        let count = window.counts.entry(address.to_owned()).or_default();
        *count = count.saturating_add(1);
        if *count <= MOST_FAILURES {
            return Verdict::Refuse;
        }
        let retry_after_s = u32::try_from(WINDOW_S - now.rem_euclid(WINDOW_S)).unwrap_or(1);
        Verdict::TooMany { retry_after_s, first: *count == MOST_FAILURES + 1 }
    }
}
